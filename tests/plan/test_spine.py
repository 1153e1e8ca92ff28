"""From the issued plan to duties: opened once, never twice, in time to the microsecond."""

from datetime import date

import pytest

from plan.models import Duty, Standing
from plan.opening import open_duties
from tests.conftest import World, at, issue_2018

pytestmark = pytest.mark.django_db


def standing_of(code: str, moment, **filters) -> str:
    return Duty.objects.filter(code=code, **filters).with_standing(moment).get().standing


def test_periods_that_ended_before_the_plan_was_issued_are_not_opened(issued: World) -> None:
    months = Duty.objects.filter(code="S7", branch=issued.first).order_by("starts_on")
    assert [d.starts_on for d in months] == [date(2018, m, 1) for m in range(6, 13)]


def test_opening_twice_adds_nothing(issued: World) -> None:
    before = Duty.objects.count()
    assert before > 100
    assert open_duties(issued.plan, at=at("2018-06-12 09:00")) == 0
    assert Duty.objects.count() == before


def test_a_branch_under_seven_full_members_owes_no_weekly_committee_meeting(issued: World) -> None:
    assert Duty.objects.filter(code="C9", branch=issued.first).count() == 29
    assert not Duty.objects.filter(code="C9", branch=issued.second).exists()


def test_the_branch_plan_is_not_due_on_10_july_and_late_at_the_first_instant_of_12_july(issued: World) -> None:
    mine = {"branch": issued.first, "member": None}
    assert standing_of("S12", at("2018-07-10 12:00"), **mine) == Standing.NOT_DUE
    assert standing_of("S12", at("2018-07-11 23:59:59.999999"), **mine) == Standing.TODO
    assert standing_of("S12", at("2018-07-12 00:00"), **mine) == Standing.OVERDUE


def test_a_member_who_joins_later_owes_what_is_still_to_come(issued: World) -> None:
    from tests.conftest import add_member

    late = add_member(issued.first, "新同志", "20001")
    late.memberships.update(from_on=date(2018, 7, 5))
    open_duties(issued.plan, at=at("2018-07-06 09:00"))
    assert Duty.objects.filter(member=late, code="S14").count() == 1
    assert not Duty.objects.filter(member=late, code="P2", period="上半年").exists()


def test_a_second_issue_of_the_same_plan_is_refused(issued: World) -> None:
    from plan.opening import PlanRefused, issue

    with pytest.raises(PlanRefused, match="已经下发"):
        issue(issued.plan, access=issued.access("office", at("2018-06-13 09:00")), effective_on=date(2018, 7, 1))


def test_issuing_needs_few_statements_however_many_branches(world: World, django_assert_max_num_queries) -> None:
    with django_assert_max_num_queries(260):
        issue_2018(world)
