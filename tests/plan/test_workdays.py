"""The working calendar: the office's days before the notices', its page, and what moves by it and what does not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localdate

from branches.models import AuditEvent, Branch, Committee
from plan.calendars import calendar_for, calendar_of
from plan.models import Duty, Filing, Plan, SpecialDay
from plan.moves import begin
from plan.opening import issue, open_duties, open_event_duties
from plan.workdays import NOTICES, Calendar, Special, known, noticed
from tests.conftest import ROOT, World, add_member, at

ONE_DAY = timedelta(days=1)
PAGE = "/workdays/"
MORNING = at("2018-07-09 10:00")
SUMMER = {"from_on": "2018-07-16", "until_on": "2018-08-26", "works": "0", "name": "暑假"}


def set_day(world: World, day: date, *, works: bool = False, committee=None, moment=MORNING, name="校庆") -> SpecialDay:
    return SpecialDay.objects.create(
        committee=committee or world.committee, day=day, works=works, name=name, set_at=moment,
        set_by=world.users["office"],
    )  # fmt: skip


# The value


def test_a_day_of_the_office_comes_before_the_notice_and_the_notice_before_the_weekday() -> None:
    monday, saturday, holiday = date(2018, 7, 16), date(2018, 7, 14), date(2018, 10, 1)
    office = Calendar((Special(saturday, True, "校庆"), Special(monday, False, "暑假"), Special(holiday, True, "值班")))
    assert [NOTICES.is_workday(day) for day in (saturday, monday, holiday)] == [False, True, False]
    assert [office.is_workday(day) for day in (saturday, monday, holiday)] == [True, False, True]
    assert [office.is_holiday(day) for day in (saturday, monday, holiday)] == [False, True, False]
    assert not office.is_weekend_rest(saturday)
    assert NOTICES.is_weekend_rest(saturday)
    assert office.next_workday(date(2018, 7, 13)) == saturday
    assert office.next_workday(saturday) == date(2018, 7, 17)
    assert office.previous_workday(date(2018, 7, 17)) == saturday
    assert office.rest_words(monday) == "暑假"
    assert office.rest_words(date(2018, 7, 15)) == "周日"


def test_equal_days_make_equal_calendars_that_can_be_kept_by() -> None:
    one, other = (Calendar((Special(date(2018, 7, 16), False, "暑假"),)) for _ in range(2))
    assert one.is_workday(date(2018, 7, 17))
    assert {one: "同"}[other] == "同"


def test_a_year_without_a_notice_has_the_office_s_days_only() -> None:
    assert not known(2031)
    assert noticed(2031) == ()
    calendar = Calendar((Special(date(2031, 1, 1), False, "元旦"),))
    assert not calendar.is_workday(date(2031, 1, 1))
    assert calendar.is_workday(date(2031, 10, 1))


def test_the_notices_name_the_holidays_in_chinese_with_the_days_worked_for_them() -> None:
    february = [(f"{s.day:%m-%d}", s.works, s.name) for s in noticed(2018) if s.day.month == 2]
    assert february[0] == ("02-11", True, "春节")
    assert february[1:8] == [(f"02-{n}", False, "春节") for n in range(15, 22)]
    assert february[8:] == [("02-24", True, "春节")]


# Whose


def test_the_nearest_office_upward_decides_in_one_query(world: World) -> None:
    top = world.committee
    middle = Committee.objects.create(name="机关党总支", short_name="党总支", code="总支", parent=top)
    other = Committee.objects.create(name="学院党总支", short_name="学院", code="学院", parent=top)
    set_day(world, date(2018, 7, 16))
    set_day(world, date(2018, 7, 17))
    set_day(world, date(2018, 7, 17), works=True, committee=middle)
    set_day(world, date(2018, 7, 18), committee=other)
    with CaptureQueriesContext(connection) as queries:
        found = calendar_of(middle.pk)
    assert len(queries) == 1
    assert [(s.day.day, s.works) for s in found.own] == [(16, False), (17, True)]
    assert [(s.day.day, s.works) for s in calendar_of(top.pk).own] == [(16, False), (17, False)]


def test_an_office_names_a_day_once(world: World) -> None:
    set_day(world, date(2018, 7, 16))
    with pytest.raises(IntegrityError, match=r"special_day_once|UNIQUE"), transaction.atomic():
        set_day(world, date(2018, 7, 16), works=True)


# What moves by it


def moving(world: World, moment) -> Plan:
    """The plan of 2018 with deadlines that give way to the next working day, and days that are working days."""
    toml = (ROOT / "plan/2018.toml").read_text(encoding="utf-8")
    for key, old, new in (("holiday_policy", "none", "next_working"), ("next_day", "calendar", "working")):
        toml = toml.replace(f'[settings.{key}]\nvalue = "{old}"', f'[settings.{key}]\nvalue = "{new}"')
    plan = Plan.objects.create(
        committee=world.committee, year=2018, title="2018年实施方案", created_at=moment, toml=toml,
        source_text=(ROOT / "plan/2018.txt").read_text(encoding="utf-8"),
    )  # fmt: skip
    issue(plan, access=world.access("office", moment))
    return plan


def due_of(branch: Branch) -> str:
    return f"{localdate(Duty.objects.get(branch=branch, code='S12').due_at):%m-%d}"


def test_a_deadline_on_a_day_that_the_office_frees_moves_when_the_plan_is_issued(world: World) -> None:
    set_day(world, date(2018, 7, 11), moment=at("2018-06-01 09:00"))
    set_day(world, date(2018, 7, 12), moment=at("2018-06-01 09:00"))
    moving(world, at("2018-06-11 09:00"))
    assert due_of(world.first) == "07-14"  # by the end of the 13th


def test_what_is_set_after_issuing_moves_no_deadline_neither_opened_nor_a_newcomer_s(world: World) -> None:
    plan = moving(world, at("2018-06-11 09:00"))
    set_day(world, date(2018, 7, 11), moment=at("2018-06-20 09:00"))
    new = Branch.objects.create(committee=world.committee, code="03", name="新党支部", founded_on=date(2018, 1, 1))
    add_member(new, "新同志", "30001")
    open_duties(plan, at=at("2018-06-21 09:00"))
    assert [due_of(branch) for branch in (world.first, new)] == ["07-12", "07-12"]


def test_what_a_gathering_owes_already_keeps_its_day_and_what_it_owes_from_now_on_does_not(world: World) -> None:
    moving(world, at("2018-06-11 09:00"))
    filing = begin(
        kind=Filing.Kind.GATHERING, access=world.access("secretary", MORNING), title="主题党日", year=2018,
        branch=world.first, desk=Filing.Desk.OFFICE, handling="inform",
    )  # fmt: skip

    def due(ended: str) -> str:
        open_event_duties(filing, kinds=["theme_day"], ended_at=at(ended), at=MORNING)
        return f"{localdate(Duty.objects.get(occasion=filing).due_at):%m-%d}"

    assert due("2018-07-13 16:00") == "07-17"  # a Friday: by the end of Monday the 16th
    set_day(world, date(2018, 7, 16))
    assert due("2018-07-13 16:00") == "07-17"
    assert due("2018-07-12 16:00") == "07-14"
    assert due("2018-07-13 16:00") == "07-18"


def test_a_plan_that_moves_nothing_asks_nothing_of_the_calendar(issued: World) -> None:
    set_day(issued, date(2018, 7, 11))
    with CaptureQueriesContext(connection) as queries:
        assert calendar_for(issued.plan, issued.plan.document.settings) is NOTICES
    assert len(queries) == 0


# The page


@pytest.fixture
def office(issued: World, login, clock):
    clock("2018-07-09 10:00")
    return login("office")


def text(client, query: str = "") -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_year_is_told_by_months_with_the_notice_s_holidays(office) -> None:
    context = office.get(PAGE).context
    spans = [(span.words, span.row.name, span.row.works) for month in context["months"] for span in month["spans"]]
    assert ("2月15日–21日", "春节", False) in spans
    assert ("2月11日（周日）", "春节", True) in spans
    assert [month["number"] for month in context["months"]] == [1, 2, 4, 6, 9, 10, 12]
    assert "系统里还没有2018年的放假通知" not in text(office)
    assert [office.get(f"{PAGE}?year={year}").context["year"] for year in ("abc", "2019", "0018")] == [2018, 2019, 2018]


def test_a_year_without_a_notice_invites_the_office_to_fill_it_in(office) -> None:
    page = text(office, "?year=2031")
    assert "系统里还没有2031年的放假通知" in page
    assert "这一年还没有填写" in page
    assert office.get(PAGE + "?year=2100").context["after"] is None


def test_a_range_is_filled_in_at_once_and_told_in_one_line(office, issued: World) -> None:
    response = office.post(PAGE, SUMMER)
    assert response["Location"] == f"{PAGE}?year=2018"
    days = SpecialDay.objects.filter(committee=issued.committee)
    assert (days.count(), set(days.values_list("works", "name"))) == (42, {(False, "暑假")})
    assert "7月16日–8月26日" in text(office)
    event = AuditEvent.objects.latest("seq")
    assert (event.what, event.detail["count"]) == ("工作日历：填写放假", "42")
    assert "暑假" not in str(event.detail)


def test_the_same_range_sent_twice_counts_once(office) -> None:
    for _ in range(2):
        assert office.post(PAGE, SUMMER).status_code == 302
    assert SpecialDay.objects.count() == 42
    assert AuditEvent.objects.filter(what="工作日历：填写放假").count() == 1


def test_a_day_already_filled_in_otherwise_is_told_and_not_overwritten(office, issued: World) -> None:
    set_day(issued, date(2018, 7, 20), works=True, name="毕业典礼")
    response = office.post(PAGE, SUMMER)
    assert response.status_code == 422
    assert "7月20日已填为“毕业典礼”上班，请先删去再填。" in response.content.decode()
    assert 'value="暑假"' in response.content.decode()
    assert SpecialDay.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"from_on": ""}, "请填写“从”"), ({"from_on": "七月"}, "从"),
        ({"until_on": "2018-07-01"}, "结束的一天早于开始的一天"),
        ({"until_on": "2018-11-30"}, "一次最多填120天"), ({"name": " "}, "请填写“事由”"), ({"name": "长" * 41}, "事由"),
        ({"works": "2"}, "放假还是上班"), ({"works": ""}, "放假还是上班"),
        ({"from_on": "0001-01-01"}, "1990年到2100年"), ({"until_on": "9999-12-31"}, "1990年到2100年"),
        ({"name": "a\x00b"}, "事由"),
    ],
)  # fmt: skip
def test_bad_input_is_said_at_the_field_and_nothing_is_written(office, wrong: dict, sentence: str) -> None:
    response = office.post(PAGE, SUMMER | wrong)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not SpecialDay.objects.exists()


def test_a_single_day_needs_no_end(office) -> None:
    office.post(PAGE, {"from_on": "2018-10-13", "works": "1", "name": "校庆开放日"})
    assert SpecialDay.objects.get().day == date(2018, 10, 13)
    assert "10月13日（周六）" in text(office)


def test_one_s_own_days_are_taken_back_and_nobody_else_s(office, issued: World) -> None:
    other = Committee.objects.create(name="别的机关党委", short_name="别的", code="别的")
    set_day(issued, date(2018, 7, 17), committee=other, name="暑假")
    office.post(PAGE, SUMMER)
    office.post(PAGE, SUMMER | {"action": "remove"})
    assert SpecialDay.objects.get().committee == other
    assert AuditEvent.objects.latest("seq").what == "工作日历：删去"


def test_taking_back_what_says_something_else_by_now_takes_nothing(office, issued: World) -> None:
    set_day(issued, date(2018, 7, 20), works=True, name="毕业典礼")
    response = office.post(PAGE, SUMMER | {"action": "remove"}, follow=True)
    assert "可能已被别人删去或改填" in response.content.decode()
    assert SpecialDay.objects.count() == 1


def test_days_of_the_office_above_are_shown_and_not_offered_for_taking_back(office, issued: World) -> None:
    top = Committee.objects.create(name="校党委", short_name="校党委", code="校党委")
    Committee.objects.filter(pk=issued.committee.pk).update(parent=top)
    set_day(issued, date(2018, 7, 17), committee=top, name="校运动会")
    page = text(office)
    assert "校运动会" in page
    # One's own day has the button, the other's has not.
    assert "data-confirm" not in page
    set_day(issued, date(2018, 7, 18), name="校庆")
    assert 'data-confirm="删去' in text(office)


def test_the_office_finds_the_calendar_from_its_plans(office) -> None:
    assert reverse("plan:workdays") in office.get(reverse("plan:plan_list")).content.decode()


def test_the_page_asks_as_many_questions_for_many_days_as_for_one(office, issued: World) -> None:
    counts = []
    office.get(PAGE)
    for size in (1, 3, 300):
        first = date(2018, 1, 1) + SpecialDay.objects.count() * ONE_DAY
        for n in range(size - SpecialDay.objects.count()):
            set_day(issued, first + n * ONE_DAY, name=f"第{n}天")
        with CaptureQueriesContext(connection) as queries:
            assert office.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert len(set(counts)) == 1, counts
