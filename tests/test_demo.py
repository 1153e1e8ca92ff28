"""The demo's story of 2018, two seconds before the study plans fall due: whole, and nothing after its now."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F
from django.test import override_settings

from branches.access import Access, Role
from branches.hints import hints
from branches.models import Branch, Committee, Member, User
from branches.organization import facts_of, terms_due
from commitments.models import Pledge
from config.demo.people import ACCOUNTS, PASSWORD
from plan.models import Duty, Filing, Move, Picture, Plan, Standing, Version
from plan.views.filings import waiting_for
from study.models import Attendance, Gathering, WeekItem
from tests.conftest import at

# Two seconds before the branches' study plans fall due.
NOW = at("2018-07-11 23:59:58")


@pytest.fixture(scope="module")
def july(django_db_setup, django_db_blocker):
    """The demo of 2018 as it stands at NOW, written once for the tests of this file."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr("branches.clock.current_instant", lambda: NOW)
        with override_settings(DEMO=True):
            call_command("demo", verbosity=0)
        yield
        transaction.set_rollback(True)


def rows() -> Counter:
    return Counter({model: model.objects.count() for model in (Committee, Member, Plan, Filing, Move, Duty, Version)})


def test_the_house_is_peopled(july, db):
    assert Branch.objects.count() == 12
    assert Member.objects.count() == 201, "one of the two hundred was entered twice"
    assert sum(not branch.has_committee(NOW.date()) for branch in Branch.objects.all()) == 2
    assert Member.objects.filter(is_leading_cadre=True).count() == 15
    assert Member.objects.filter(confirmed_on__isnull=True).exists()
    assert Member.objects.filter(name__contains="·").count() == 6
    assert Branch.objects.filter(name="发展规划与学科建设办公室党支部").exists()


def test_the_tree_has_a_general_branch_whose_branches_the_committees_plan_asks(july, db):
    general = Committee.objects.get(kind="general")
    assert general.parent == Plan.objects.get().committee
    assert set(general.branches.values_list("name", flat=True)) == {"国有资产管理处党支部", "工会党支部"}
    assert set(Duty.objects.values_list("committee", flat=True)) == {general.parent_id}
    assert set(Filing.objects.values_list("committee", flat=True)) == {general.parent_id}


def test_something_is_to_come_a_term_that_ends_and_a_handover(july, db):
    day = NOW.date()
    (branch, hint), *more = terms_due(Branch.objects.all(), day)
    assert (branch.name, hint.on, more) == ("财务处党支部", date(2018, 9, 9), [])
    joint = Branch.objects.get(kind="joint")
    assert [hint.short for hint in hints(facts_of([joint], day)[joint.pk], day)] == []
    house = Branch.objects.get(name="人事处党支部")
    before, after = house.holder("secretary", date(2018, 7, 31)), house.holder("secretary", date(2018, 8, 1))
    assert before != after == house.holder("deputy", date(2018, 7, 31))


def test_each_account_is_what_it_is_called(july, db):
    roles = {}
    for number in ACCOUNTS:
        user = User.objects.get(staff_number=number)
        assert user.check_password(PASSWORD)
        assert not user.must_change_password
        roles[number] = Access.of(user, NOW).roles - {Role.MEMBER}
    assert roles == {number: {role} - {Role.MEMBER} for number, role in ACCOUNTS.items()}
    of_one = User.objects.filter(staff_number__in=["secretary", "deputy", "member"])
    branch = Branch.objects.filter(memberships__member__user__in=of_one).distinct().get()
    assert branch.has_committee(NOW.date())


def test_nobody_else_can_log_in(july, db):
    others = User.objects.exclude(staff_number__in=ACCOUNTS)
    assert others.count() == User.objects.count() - len(ACCOUNTS) > 150
    assert not any(user.has_usable_password() for user in others)


def test_nothing_lies_after_now(july, db):
    after = [
        Move.objects.filter(made_at__gt=NOW), Filing.objects.filter(state_since__gt=NOW),
        Version.objects.filter(filed_at__gt=NOW), Duty.objects.filter(settled_at__gt=NOW),
        Duty.objects.filter(done_at__gt=NOW), Gathering.objects.filter(ended_at__gt=NOW),
        WeekItem.objects.filter(done_at__gt=NOW), Picture.objects.filter(added_at__gt=NOW),
        Plan.objects.filter(issued_at__gt=NOW), Pledge.objects.filter(stage_since__gt=NOW),
    ]  # fmt: skip
    assert [list(those) for those in after] == [[] for _ in after]


def test_some_study_plans_are_about_to_fall_due(july, db):
    plans = Duty.objects.filter(code="S12")
    before = Counter(vars(duty)["standing"] for duty in plans.with_standing(NOW))
    assert before[Standing.TODO] == 3
    assert before[Standing.OVERDUE] == 0
    after = Counter(vars(duty)["standing"] for duty in plans.with_standing(at("2018-07-12 00:00")))
    assert after[Standing.OVERDUE] == 3
    assert Filing.objects.filter(kind="branch_plan", state="draft", branch__code="04").exists()


def test_there_is_work_for_everybody(july, db):
    def access(who: str) -> Access:
        return Access.of(User.objects.get(staff_number=who), NOW)

    assert waiting_for(access("office")).count() >= 3
    assert Filing.objects.waiting_at_branch(access("secretary").files_for).exists()
    assert Filing.objects.filter(state="draft", kind="gathering").exists()
    assert Move.objects.filter(name="send_back").exists()
    assert Filing.objects.filter(is_late=True).exists()
    assert Duty.objects.overdue(NOW).exists()


def test_pledges_are_in_every_stage_that_july_has_seen(july, db):
    stages = set(Pledge.objects.values_list("stage", flat=True))
    assert {"review", "shown", "keeping"} <= stages
    empty = Move.objects.filter(filing__kind="pledge", name="send_back").get()
    assert "口号" in empty.note
    assert empty.filing.versions.count() == 2, "it was written anew"
    assert Pledge.objects.filter(scope="ad_hoc").exists()
    for pledge in Pledge.objects.select_related("filing"):
        course = list(pledge.steps.values_list("from_stage", "to_stage"))
        assert all(earlier[1] == later[0] for earlier, later in pairwise(course))
        assert course[-1][1] == pledge.stage
        assert pledge.vague_reason == "", "what the demo shows is concrete"


def test_each_filing_stands_where_its_course_leads(july, db):
    for filing in Filing.objects.prefetch_related("moves", "versions"):
        steps = list(filing.moves.all())
        assert (steps[0].name, steps[0].from_state) == ("begin", "")
        assert all(earlier.to_state == later.from_state for earlier, later in pairwise(steps))
        assert (steps[-1].to_state, steps[-1].made_at) == (filing.state, filing.state_since)
        assert len(filing.versions.all()) == sum(step.name in ("file", "keep") for step in steps)


def test_receipts_are_numbered_in_the_order_of_time(july, db):
    for branch in Branch.objects.all():
        filed = Filing.objects.filter(branch=branch, receipt__isnull=False).order_by("receipt")
        assert [f.receipt for f in filed] == [f"2018-{branch.code}-{n:04}" for n in range(1, len(filed) + 1)]
        moments = [f.first_filed_at for f in filed if f.first_filed_at]
        assert moments == sorted(moments)


def test_what_was_frozen_is_intact(july, db):
    assert all(version.is_intact for version in Version.objects.all())


def test_what_came_late_says_so_and_nothing_else_does(july, db):
    late = Duty.objects.filter(done_at__gte=F("due_at"), settled_by__isnull=False)
    assert set(late.values_list("settled_by__is_late", flat=True)) == {True}
    assert set(Filing.objects.filter(is_late=True)) == {duty.settled_by for duty in late}


def test_what_is_written_at_once_looks_as_the_door_writes_it(july, db):
    def shape(filing: Filing) -> tuple:
        steps = [(step.name, step.from_state, step.to_state) for step in filing.moves.all()]
        version = filing.versions.get()
        same = len({filing.first_filed_at, filing.filed_at, filing.state_since, version.filed_at}) == 1
        duty = filing.settles.get()
        settled = (duty.settled_at == filing.filed_at, duty.done_at == filing.filed_at, filing.claim_rows.count())
        return steps, filing.edition, filing.state, version.number, sorted(version.snapshot), same, settled

    by_the_door = Filing.objects.get(branch__isnull=True, paper__requirement__code="I3")
    at_once = Filing.objects.filter(branch__isnull=False, paper__requirement__code__in=["P1", "S3"])
    assert at_once.exists()
    for filing in at_once:
        assert shape(filing) == shape(by_the_door)


def test_a_kept_meeting_has_those_who_are_expected(july, db):
    meeting = Gathering.objects.filter(kinds=["committee_meeting"], branch__code="04").first()
    assert meeting is not None
    posts = meeting.branch.posts.exclude(kind="group_leader").values_list("member", flat=True)
    assert set(Attendance.objects.filter(gathering=meeting).values_list("member", flat=True)) == set(posts)


def test_a_second_time_changes_nothing(july, db, settings, monkeypatch, capsys):
    settings.DEMO = True
    monkeypatch.setattr("branches.clock.current_instant", lambda: NOW)
    before = rows()
    call_command("demo")
    assert "2018年的演示数据已经载入" in capsys.readouterr().out
    call_command("demo", "--if-empty")
    with pytest.raises(CommandError, match="已有别的数据"):
        call_command("demo", "--year", "2017")
    assert rows() == before
