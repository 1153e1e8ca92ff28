"""What the plan costs: the counts of `manage.py burden` are those of the duties, and of a hand count of the paper."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from branches.models import Branch
from plan.models import Duty
from study.burden import Load, of_member, of_year
from tests.conftest import World

pytestmark = pytest.mark.django_db


def year(world: World, **asked: bool) -> Load:
    return sum(of_year(world.plan, **asked).values(), Load())


def test_a_full_year_of_a_branch_with_a_committee_is_84_sittings_and_25_filings(issued: World) -> None:
    load = year(issued, small=False, whole_year=True)
    # 52 weeks of 支委会; four things a month; six seminars; activity, lecture, life meeting, appraisal
    assert load.occurrences == 52 + 4 * 12 + 6 + 4
    # a theme day with its general meeting and study, a group meeting, and what else is held alone
    assert load.sittings == 52 + 12 + 12 + 6 + 1 + 1
    # theme days, seminars, the activity, the life meeting; plan, pledge, report and two assessments
    assert load.filings == (12 + 6 + 1 + 1) + (1 + 1 + 1 + 2)
    assert load.uploads == 12 + 6 + 1 + 1


def test_a_branch_without_a_committee_holds_no_weekly_meetings(issued: World) -> None:
    assert (
        year(issued, small=False, whole_year=True).sittings - year(issued, small=True, whole_year=True).sittings == 52
    )


@pytest.mark.parametrize(("name", "small"), [("first", False), ("second", True)])
def test_the_duties_counted_are_those_that_were_opened(issued: World, name: str, small: bool) -> None:
    branch: Branch = getattr(issued, name)
    opened = Duty.objects.of_branch([branch.pk])
    load = year(issued, small=small)
    assert load.duties == opened.count()
    assert load.occurrences == opened.filter(requirement__proof="gathering").exclude(code="S2").count()


def test_a_routine_sitting_asks_for_one_text_and_nothing_else_is_typed(issued: World) -> None:
    load = of_year(issued.plan, small=True, whole_year=True)[9]
    assert (load.sittings, load.kept, load.typed) == (2, 2, 3), "theme day and group meeting; the activity week is kept"
    assert load.asked > load.typed


def test_a_member_owes_one_plan_and_two_assessments(issued: World) -> None:
    assert (of_member(issued.plan).duties, of_member(issued.plan).sittings) == (3, 0)


def test_the_command_prints_each_branch_and_month_and_asks_as_little_for_more_branches(issued: World, clock) -> None:
    clock("2018-07-12 10:00")

    def printed(**asked) -> tuple[str, int]:
        out = io.StringIO()
        with CaptureQueriesContext(connection) as captured:
            call_command("burden", year=2018, stdout=out, **asked)
        return out.getvalue(), len(captured)

    text, before = printed()
    assert issued.first.name in text and issued.second.name in text and "12月" in text
    for n in range(30):
        Branch.objects.create(committee=issued.committee, code=f"9{n:02d}", name=f"第{n}支部", founded_on="2015-01-01")
    assert printed()[1] == before
    rows = json.loads(printed(branch=issued.first.code, json=True)[0])
    assert [row["branch"] for row in rows] == [issued.first.name]
    with pytest.raises(CommandError, match="没有找到支部"):
        printed(branch="没有这个支部")
