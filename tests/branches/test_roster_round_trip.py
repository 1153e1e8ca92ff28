"""Whatever stands in a roster: exported and brought back it changes nothing."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from branches.models import Branch, Member, Membership, PartyGroup, Post
from branches.roster import plan_import
from branches.roster_cells import clean_name, is_name
from branches.roster_sheets import roster_sheet, template_sheets
from documents.text import normalised, printable
from documents.workbook import write
from tests.branches.roster_reading import read_roster

TODAY = date(2018, 6, 20)
DAYS = st.dates(date(1921, 7, 1), TODAY)
NAMES = st.text("陈静阿卜杜热合曼买提㐂𠮷林溪·Li O'-", min_size=2, max_size=50).map(clean_name).filter(is_name)
# What people have typed into a line of text, and what Excel could take for something else.
LINES = st.one_of(
    st.sampled_from(["无", "-", "/", "没有", "副处长（兼）", "=1+1", "+86", "@处", "2018.7.1", "1E+5", "TRUE", "#N/A",
                     "_x000D_"]),
    st.text("科处长（）()·-/ \u3000０1=+@'\"<>&、，,;；_x\n\t😀", max_size=30),
)  # fmt: skip
TAKEN = {f"{start}{n:03d}" for start in (18, 19) for n in range(20)}
NUMBERS = st.text("0189aze-", min_size=1, max_size=12).filter(lambda n: n[0] != "-" and n not in TAKEN)
PEOPLE = st.lists(
    st.tuples(
        NUMBERS, NAMES, st.integers(0, 1), LINES, LINES, st.none() | DAYS,
        st.none() | st.dates(TODAY, date(2030, 1, 1)), st.booleans(),
        st.sets(st.sampled_from(Post.IN_BRANCH), max_size=3),
        st.none() | st.dates(date(1990, 1, 1), date(2030, 1, 1)),
        st.none() | st.dates(date(1990, 1, 1), date(2030, 1, 1)), LINES,
    ),
    min_size=1, max_size=40, unique_by=lambda person: person[0],
)  # fmt: skip


def settle(branches: list[Branch], people: list[tuple]) -> None:
    """Put these people on the roster, as the pages would have let them in."""
    led = set()
    for number, name, place, job_title, group_name, joined, later, cadre, posts, retired, away, place_away in people:
        branch = branches[place]
        confirmed = later if later is None or joined is None or later >= joined else None
        member = Member.objects.create(
            staff_number=number, name=name, joined_on=joined, confirmed_on=confirmed,
            job_title=printable(job_title).strip()[:60], is_leading_cadre=cadre,
            retired_on=retired, mobile_from_on=away, mobile_place=printable(place_away).strip()[:60],
        )  # fmt: skip
        group = None
        if normalised(group_name):
            group, _ = PartyGroup.objects.get_or_create(branch=branch, name=printable(group_name).strip()[:40])
        Membership.objects.create(member=member, branch=branch, group=group, from_on=date(2016, 1, 1))
        for kind in posts:
            if kind == Post.Kind.SECRETARY and (branch.pk in led or branch.holder(kind, TODAY)):
                continue
            led.add(branch.pk)
            Post.objects.create(member=member, branch=branch, kind=kind, from_on=date(2016, 1, 1))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PEOPLE)
def test_an_export_of_any_roster_brought_back_changes_nothing(world, people):
    with transaction.atomic():
        settle([world.first, world.second], people)
        data = write([roster_sheet(Member.objects.all(), TODAY, "党员名册")], stamp="2018-06-20 在册")
        plan = plan_import(read_roster(data), world.committee, TODAY)
        transaction.set_rollback(True)
    found = [
        (row.row, [str(one) for one in (*row.problems, *row.changes)]) for row in plan.rows if row.status != "unchanged"
    ]
    assert found == []
    assert len(plan.rows) == 15 + len(people)
    assert not plan.absent


def test_the_export_s_columns_are_the_template_s_but_for_the_personal_ones(world):
    template = template_sheets(Branch.objects.prefetch_related("groups"))[0]
    exported = roster_sheet(Member.objects.all(), TODAY, "x").columns
    assert [column for column in template.columns if column not in exported] == list(template.columns[-2:])
    assert [column.title for column in template.columns[-2:]] == ["公民身份号码", "手机号码"]
