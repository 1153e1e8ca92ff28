"""What nobody types but anybody can send: it is refused in words, and never a broken page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from study.models import PlanItem, Push
from tests.conftest import logged_in
from tests.records import Records, make_records

pytestmark = pytest.mark.django_db
NUL = "记\x00录"
DAY = ["date", "2019-09-09"]


@pytest.fixture
def records(db, clock) -> Records:
    clock("2018-07-12 10:00")
    return make_records()


def client_of(records: Records, who: str) -> Client:
    return logged_in(records.world.users[who])


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "1989-12-31", "2101-01-01"])
def test_the_calendar_of_a_day_that_is_none_is_the_month(records: Records, day: str) -> None:
    response = client_of(records, "office").get(reverse("study:calendar"), {"day": day})
    assert response.status_code == 200
    assert "2018年7月" in response.content.decode()


def recorded(records: Records, **changes: Any) -> int:
    """The answer to the draft's form with these changes."""
    draft = records.gathering_draft
    data = {
        "held_on": "2018-07-01", "from_time": "09:00", "until_time": "12:00", "kinds": ["theme_day"],
        "edition": draft.filing.edition, "action": "save",
    }  # fmt: skip
    url = reverse("study:gathering_edit", args=[draft.pk])
    return client_of(records, "secretary").post(url, data | changes).status_code


@pytest.mark.parametrize("action", ["save", "file", "refresh"])
def test_a_gathering_that_would_end_with_the_calendar_is_refused(records: Records, action: str) -> None:
    answer = recorded(records, until_on="9999-12-31", action=action)
    assert answer == (200 if action == "refresh" else 422)


def test_a_duty_with_thousands_of_digits_is_no_duty(records: Records) -> None:
    assert recorded(records, duty="1" * 5000, duty_shown=["9" * 5000, "9" * 30]) == 302


# A workbook's lines come back from the preview as text


BROKEN = {
    "a lone surrogate": {"starts_on": DAY, "topic": ["text", "\ud800"]},
    "a name with a lone surrogate": {"starts_on": DAY, "topic": ["text", "党章"], "responsible": ["text", "\ud800"]},
    "no day": {"starts_on": ["date", "x"], "topic": ["text", "党章"]},
    "no moment": {"starts_on": ["datetime", "2019-99-99"], "topic": ["text", "党章"]},
    "no number": {"starts_on": ["int", "x"], "topic": ["text", "党章"]},
    "not a number": {"starts_on": ["decimal", "NaN"], "topic": ["text", "党章"]},
    "a number without end": {"starts_on": ["decimal", "Infinity"], "topic": ["text", "党章"]},
    "a NUL": {"starts_on": DAY, "topic": ["text", NUL]},
}


@pytest.mark.parametrize("cells", BROKEN.values(), ids=BROKEN.keys())
def test_a_line_that_no_workbook_says_is_refused(records: Records, cells: dict[str, list[str]]) -> None:
    columns = ["starts_on", "topic", "responsible"]
    assert imported(records, json.dumps([columns, [[1, cells]]])) == 400


@pytest.mark.parametrize(
    "rows",
    ["[[],[]]", '[["starts_on","topic"],[]]', '[["topic"],[[1,{"topic":["text","党章"]}]]]',
     '[["starts_on","topic","topic"],[[1,{"topic":["text","党章"]}]]]'],
)  # fmt: skip
def test_without_its_columns_and_lines_nothing_is_imported_or_removed(records: Records, rows: str) -> None:
    assert imported(records, rows, remove_absent="1") == 400
    assert PlanItem.objects.filter(plan=records.branch_plan_draft).count() == 1


def imported(records: Records, rows: str, **more: str) -> int:
    plan = records.branch_plan_draft
    data = {"action": "commit", "edition": plan.filing.edition, "rows": rows} | more
    url = reverse("study:plan_import", args=[plan.pk])
    return client_of(records, "secretary").post(url, data).status_code


# A NUL, which PostgreSQL keeps in no text


@pytest.mark.postgres
def test_a_nul_outside_of_the_fields_breaks_no_page(records: Records) -> None:
    secretary, office = client_of(records, "secretary"), client_of(records, "office")
    picture, paper = records.gathering_draft.filing.pictures.get(), records.paper_draft.paper
    audience = f"b{records.world.first.pk}"
    answers = [
        client_of(records, "member").get("/study/sign-in/%00/"),
        secretary.post(reverse("plan:picture_answer", args=[picture.pk]), {"answer": NUL}),
        secretary.post(reverse("plan:paper_new") + f"?duty={records.duty.pk}", {"form_key": NUL}),
        secretary.post(
            reverse("plan:paper_edit", args=[paper.pk]),
            {"title": "总结", "text": "内容", "done_on": "2018-07-02", "edition": paper.filing.edition,
             **{f"{what}-{one.pk}": NUL for one in paper.filing.pictures.all() for what in ("answer", "caption")}},
        ),
        secretary.post(reverse("study:push_new"), {"title": "推送", "audience": audience, "form_key": NUL}),
        office.post(reverse("study:material_new"), {"title": NUL, "kind": "book"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [404, 302, 422, 302, 422, 422]
    picture.refresh_from_db()
    assert picture.twin_answer == "记录"
    assert not Push.objects.filter(title="推送").exists()
