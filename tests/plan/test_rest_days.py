"""Before a plan is issued, its named days are shown with what becomes of those that are days of rest."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from plan.calendars import calendar_of
from plan.editing import set_setting, with_year
from plan.loading import load
from plan.models import Plan, SpecialDay
from plan.rest_days import named_days
from plan.workdays import NOTICES
from tests.conftest import ROOT, World, at

TOML = (ROOT / "plan/2018.toml").read_text(encoding="utf-8")
TEXT = (ROOT / "plan/2018.txt").read_text(encoding="utf-8")


def days(year: int, policy: str, calendar=NOTICES):
    return named_days(load(set_setting(with_year(TOML, year), "holiday_policy", policy), TEXT), calendar)


@pytest.mark.parametrize(
    ("policy", "words", "due_on"),
    [("none", "不顺延", date(2026, 7, 11)), ("next_working", "顺延至下一工作日", date(2026, 7, 13)),
     ("before", "提前至前一工作日", date(2026, 7, 10))],
)  # fmt: skip
def test_a_saturday_is_named_with_the_day_that_holds(policy: str, words: str, due_on: date) -> None:
    found = days(2026, policy)
    arrival = next(day for day in found if day.named_on == date(2026, 7, 11))
    assert (arrival.rest, arrival.policy, arrival.due_on) == ("周六", words, due_on)


def test_days_of_rest_come_first_and_working_days_keep_their_place() -> None:
    found = days(2026, "next_working")
    resting = [bool(day.rest) for day in found]
    assert resting == sorted(resting, reverse=True)
    assert True in resting
    assert False in resting
    assert all(day.due_on == day.named_on and not day.policy for day in found if not day.rest)


@pytest.mark.django_db
def test_the_preview_shows_the_offices_own_rest_days_whatever_the_policy(world: World, login, clock) -> None:
    moment = clock("2018-06-01 09:00")
    SpecialDay.objects.create(
        committee=world.committee, day=date(2018, 7, 11), works=False, name="校庆", set_at=moment,
        set_by=world.users["office"],
    )  # fmt: skip
    plan = Plan.objects.begin(committee=world.committee, toml=TOML, source_text=TEXT, at=at("2018-06-01 09:00"))
    page = login("office").get(reverse("plan:plan_preview", args=[plan.pk])).content.decode()
    assert "校庆" in page
    assert "不顺延" in page
    assert reverse("plan:plan_settings", args=[plan.pk]) in page
    assert calendar_of(world.committee.pk).is_holiday(date(2018, 7, 11))
