"""The calendar: which day a line of the plan falls on, what stands beside it, and all branches on one page."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from branches.models import Branch
from plan.models import Filing
from study.calendar import Planned, grouped, lay_out
from study.models import BranchPlan, Gathering, PlanItem
from study.rhythm import occurrences
from tests.conftest import World, at

pytestmark = pytest.mark.django_db

URL = "/study/calendar/"
JULY = (date(2018, 7, 1), date(2018, 7, 31))


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-11 17:30")


def line(rhythm: str, starts_on: date, ends_on: date = date(2018, 12, 31)) -> Planned:
    return Planned(1, 1, ["committee_meeting"], "支委会", starts_on, ends_on, rhythm)


def filed(world: World, branch: Branch, kind: str, n: int = 0) -> Filing:
    by, moment = world.users["secretary"], at("2018-07-02 09:00")
    return Filing.objects.create(
        kind=kind, committee=world.committee, branch=branch, year=2018, title="记录", desk="office",
        handling="inform", state="filed", state_since=moment, created_at=moment, created_by=by, first_filed_at=moment,
        filed_at=moment, filed_by=by, receipt=f"{branch.code}-{kind[:3]}-{n}",
    )  # fmt: skip


def plan_of(world: World, branch: Branch) -> BranchPlan:
    plan = BranchPlan.objects.filter(branch=branch).first()
    return plan or BranchPlan.objects.create(filing=filed(world, branch, "branch_plan"), branch=branch, plan=world.plan)


def item(world: World, branch: Branch, day: date, last: date | None = None, **more) -> PlanItem:
    facts = {"topic": "学习党章", "kind": "theme_day", "content": "第一章", "hours": 2} | more
    return PlanItem.objects.create(plan=plan_of(world, branch), starts_on=day, ends_on=last or day, **facts)


def held(world: World, branch: Branch, day: str, n: int = 0, **more) -> Gathering:
    facts = {"title": "七月主题党日", "kinds": ["theme_day"]} | more
    return Gathering.objects.create(
        filing=filed(world, branch, "gathering", n), branch=branch, held_at=at(f"{day} 14:30"),
        ended_at=at(f"{day} 17:00"), **facts,
    )  # fmt: skip


# Which day


@pytest.mark.parametrize("rhythm", ["", "weekly", "monthly"])
def test_the_days_of_a_line_are_the_same_however_the_year_is_cut(rhythm: str) -> None:
    one, every = line(rhythm, date(2018, 1, 31)), lambda day: day.weekday() < 5
    whole = occurrences(one, every)
    days = (date(2018, 1, 1) + timedelta(n) for n in range(365))
    assert [day for each in days for day in occurrences(one, every, each, each)] == whole
    assert len(whole) == {"": 1, "weekly": 48, "monthly": 12}[rhythm]


def test_a_recurring_meeting_stands_on_the_day_it_moves_to_where_its_own_rests(issued: World, login, clock) -> None:
    # The whole week of National Day rests: there the meeting stays where the plan has it.
    item(issued, issued.first, date(2018, 9, 24), date(2018, 10, 31), rhythm="weekly")
    found = cells(login("secretary").get(URL, {"month": "2018-10"}))
    assert [day for day, entries in found.items() if entries] == [
        date(2018, 10, 1), date(2018, 10, 8), date(2018, 10, 15), date(2018, 10, 22), date(2018, 10, 29)
    ]  # fmt: skip
    september = cells(login("secretary").get(URL, {"month": "2018-09"}))
    assert [day for day, entries in september.items() if entries] == [date(2018, 9, 25)], "Mid-autumn was on the 24th"


def test_a_turn_of_a_recurring_line_that_was_held_on_another_day_of_its_week_names_it(issued: World) -> None:
    weekly = item(issued, issued.first, date(2018, 7, 2), date(2018, 7, 31), rhythm="weekly")
    record = held(issued, issued.first, "2018-07-10", plan_item=weekly)
    days, spans = lay_out([weekly], [record], *JULY, lambda day: True)
    assert not spans
    assert {day: [(e.item, e.record) for e in entries] for day, entries in days.items()} == {
        date(2018, 7, 2): [(weekly, None)],
        date(2018, 7, 9): [(weekly, record)],
        date(2018, 7, 10): [(None, record)],
        date(2018, 7, 16): [(weekly, None)],
        date(2018, 7, 23): [(weekly, None)],
        date(2018, 7, 30): [(weekly, None)],
    }


# One branch


def cells(response) -> dict[date, list]:
    return {c["day"]: c["entries"] for week in response.context["weeks"] for c in week if c["here"]}


def listed(response) -> list[tuple[str, list[date]]]:
    return [(part["title"], [line["day"] for line in part["days"]]) for part in response.context["sections"]]


def test_a_record_without_a_line_of_the_plan_says_so(issued: World, login) -> None:
    item(issued, issued.first, date(2018, 7, 20))
    held(issued, issued.first, "2018-07-06")
    response = login("secretary").get(URL)
    assert cells(response)[date(2018, 7, 6)][0]["unplanned"]
    assert "未列入计划" in response.content.decode()


def test_the_list_begins_with_what_is_to_come_and_goes_on_past_the_month(issued: World, login) -> None:
    for day in (date(2018, 7, 3), date(2018, 7, 11), date(2018, 8, 2)):
        item(issued, issued.first, day)
    item(issued, issued.first, date(2018, 9, 1))
    response = login("member").get(URL, {"view": "list", "kind": "theme_day"})
    assert listed(response) == [
        ("今天起", [date(2018, 7, 11), date(2018, 8, 2)]),
        ("本月已过", [date(2018, 7, 3)]),
    ]
    august = login("member").get(URL, {"view": "list", "kind": "theme_day", "month": "2018-08"})
    assert listed(august) == [("", [date(2018, 8, 2)])]


def test_the_list_marks_the_last_day_of_what_is_still_owed(issued: World, login) -> None:
    response = login("secretary").get(URL, {"view": "list"})
    marks = {
        (line["day"], mark.title)
        for part in response.context["sections"]
        for line in part["days"]
        for mark in line["due"]
    }
    # The theme day of July is due before 1 August, 00:00: its last day is 31 July.
    assert any(day == date(2018, 7, 31) and "主题党建活动日　7月" in title for day, title in marks)
    assert "截止" in response.content.decode()


def test_only_what_can_have_been_held_offers_to_be_recorded(issued: World, login) -> None:
    past, coming = item(issued, issued.first, date(2018, 7, 3)), item(issued, issued.first, date(2018, 7, 20))
    text = login("secretary").get(URL, {"view": "list"}).content.decode()
    assert text.count("记录这次活动") == 1
    assert f"/study/gatherings/new/?item={past.pk}" in text
    assert f"/study/gatherings/new/?item={coming.pk}" in text  # its title leads there already
    assert "记录这次活动" not in login("member").get(URL, {"view": "list"}).content.decode()


def test_a_kind_narrows_the_month_and_a_line_held_as_another_kind_does_not_come_back_as_planned(
    issued: World, login
) -> None:
    one = item(issued, issued.first, date(2018, 7, 5), kind="theme_day")
    held(issued, issued.first, "2018-07-05", plan_item=one, kinds=["lecture"])
    assert not cells(login("secretary").get(URL, {"kind": "theme_day"}))[date(2018, 7, 5)]
    assert cells(login("secretary").get(URL, {"kind": "lecture"}))[date(2018, 7, 5)]


@pytest.mark.parametrize("asked", [{"kind": "steal"}, {"view": "x"}, {"day": "2018-02-30"}, {"day": "x" * 10}])
def test_what_is_no_condition_is_none(issued: World, login, asked: dict[str, str]) -> None:
    assert login("office").get(URL, asked).status_code == 200
    assert login("member").get(URL, asked).status_code == 200


def test_a_branch_that_is_no_number_is_not_found(issued: World, login) -> None:
    for number in ("x", "٣", "9" * 30, "-1"):
        assert login("office").get(URL, {"branch": number}).status_code == 404


# All branches


def test_the_office_sees_how_many_branches_hold_what_on_a_day(issued: World, login) -> None:
    for branch in (issued.first, issued.second):
        item(issued, branch, date(2018, 7, 13))
    item(issued, issued.second, date(2018, 7, 13), kind="lecture")
    held(issued, issued.first, "2018-07-13", plan_item=PlanItem.objects.get(plan__branch=issued.first))
    response = login("office").get(URL)
    groups = [entry["group"] for entry in cells(response)[date(2018, 7, 13)]]
    assert [(g.label, g.count, g.held_count) for g in groups] == [("党课", 1, 0), ("主题党日", 2, 1)]
    text = response.content.decode()
    assert "2个支部" in text
    assert "已开展1" in text


def test_the_day_of_all_branches_lists_them_page_by_page(issued: World, login) -> None:
    branches = Branch.objects.bulk_create(
        Branch(committee=issued.committee, code=f"x{n:02}", name=f"第{n}党支部", founded_on=date(2015, 1, 1))
        for n in range(60)
    )
    for branch in branches:
        item(issued, branch, date(2018, 7, 13))
    held(issued, issued.first, "2018-07-13", kinds=["lecture"])
    first = login("office").get(URL, {"day": "2018-07-13"})
    assert (first.context["page"].paginator.count, len(first.context["rows"])) == (61, 50)
    assert len(login("office").get(URL, {"day": "2018-07-13", "page": "2"}).context["rows"]) == 11
    only = login("office").get(URL, {"day": "2018-07-13", "kind": "lecture"})
    assert [row["branch"] for row in only.context["rows"]] == ["教务处党支部"]


def test_drafts_of_a_branch_are_not_on_the_offices_calendar(issued: World, login) -> None:
    record = held(issued, issued.first, "2018-07-13")
    moment = {"first_filed_at": None, "filed_at": None, "filed_by": None, "receipt": None}
    Filing.objects.filter(pk=record.filing_id).update(state="draft", **moment)
    item(issued, issued.first, date(2018, 7, 16))
    Filing.objects.filter(kind="branch_plan").update(state="draft", **moment)
    days = cells(login("office").get(URL))
    assert not days[date(2018, 7, 13)]
    assert not days[date(2018, 7, 16)]


def test_a_member_asks_for_no_day_of_all_branches(issued: World, login) -> None:
    held(issued, issued.second, "2018-07-13", title="科研处党课")
    assert "科研处党课" not in login("member").get(URL, {"day": "2018-07-13"}).content.decode()


def test_the_offices_calendar_asks_as_much_for_300_branches_as_for_one(issued: World, login) -> None:
    client, counts = login("office"), []
    done = 0
    for size in (1, 3, 300):
        branches = Branch.objects.bulk_create(
            Branch(committee=issued.committee, code=f"x{n}", name=f"第{n}党支部", founded_on=date(2015, 1, 1))
            for n in range(done, size)
        )
        filings = Filing.objects.bulk_create(
            Filing(
                kind="branch_plan", committee=issued.committee, branch=branch, year=2018, title="计划", desk="office",
                handling="inform", state="filed", state_since=at("2018-07-02 09:00"), receipt=f"r{branch.code}",
                created_at=at("2018-07-02 09:00"), created_by=issued.users["secretary"],
                first_filed_at=at("2018-07-02 09:00"), filed_at=at("2018-07-02 09:00"),
                filed_by=issued.users["secretary"],
            )
            for branch in branches
        )  # fmt: skip
        plans = BranchPlan.objects.bulk_create(
            BranchPlan(filing=filing, branch=filing.branch, plan=issued.plan) for filing in filings
        )
        PlanItem.objects.bulk_create(
            PlanItem(plan=plan, topic="党日", kind="theme_day", starts_on=date(2018, 7, 2), rhythm="weekly",
                     ends_on=date(2018, 12, 31))
            for plan in plans
        )  # fmt: skip
        done = size
        asked = []
        for query in ("", "?view=list", "?day=2018-07-16"):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                response = client.get(URL + query)
            asked.append(len(queries))
            assert response.status_code == 200
        counts.append(asked)
        assert cells(client.get(URL))[date(2018, 7, 16)][0]["group"].count == size
    assert counts[0] == counts[1] == counts[2]


def test_who_counts_branches_counts_each_once_under_each_kind() -> None:
    days, _ = lay_out(
        [
            Planned(1, 7, ["theme_day", "lecture"], "甲", date(2018, 7, 2), date(2018, 7, 2), ""),
            Planned(2, 7, ["theme_day"], "乙", date(2018, 7, 2), date(2018, 7, 2), ""),
        ],
        [],
        *JULY,
        lambda day: True,
    )
    assert [(g.kind, g.count) for g in grouped(days[date(2018, 7, 2)])] == [("lecture", 1), ("theme_day", 1)]
