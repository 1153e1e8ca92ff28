"""Every cadence agrees with a calendar that is counted day by day, without the standard library's dates."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan import workdays
from plan.cadence import (
    Continuous,
    DaysAfter,
    EveryMonths,
    EveryWeek,
    LinesOf,
    OnceBy,
    OnDates,
    Window,
    deadline,
    parse,
)

FIRST_YEAR, LAST_YEAR = 1990, 2100
MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def count_days() -> list[tuple[int, int, int, int]]:
    """(year, month, day, weekday 0 for Monday), from 1 January 1989 on, counted one by one."""
    days = []
    year, month, day, weekday = 1989, 1, 1, 6  # a Sunday
    while year <= LAST_YEAR + 2:
        days.append((year, month, day, weekday))
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        length = 29 if month == 2 and leap else MONTH_LENGTHS[month - 1]
        weekday = (weekday + 1) % 7
        day += 1
        if day > length:
            month, day = month + 1, 1
        if month > 12:
            year, month = year + 1, 1
    return days


CALENDAR = count_days()
PLACE = {entry[:3]: place for place, entry in enumerate(CALENDAR)}
FIRST, LAST = PLACE[FIRST_YEAR, 1, 1], PLACE[LAST_YEAR, 12, 31]
LEAP_YEAR = [entry[1:3] for entry in CALENDAR if entry[0] == 2000]


def day_at(place: int) -> date:
    return date(*CALENDAR[place][:3])


def year_places(year: int) -> range:
    return range(PLACE[year, 1, 1], PLACE[year + 1, 1, 1])


# Month ends, leap days and year ends come up as often as all other days together.
EDGES = [
    place
    for place in range(FIRST, LAST + 1)
    if CALENDAR[place + 1][2] == 1 or CALENDAR[place][2] == 1 or CALENDAR[place][1:3] in [(2, 28), (2, 29)]
]
places = st.one_of(st.sampled_from(EDGES), st.integers(FIRST, LAST))
years = st.one_of(st.sampled_from([1990, 1992, 2000, 2004, 2018, 2020, 2099, 2100]), st.integers(FIRST_YEAR, LAST_YEAR))
month_days = st.one_of(st.sampled_from([(2, 28), (2, 29), (3, 1), (12, 31), (1, 1)]), st.sampled_from(LEAP_YEAR))


def examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None, database=None)


# ---- 20,000 random instants and periods: 4,000 + 4,000 + 2,500 + 2,500 + 2,500 + 4,500 ----


@examples(4000)
@given(places)
def test_every_day_lies_in_one_week_from_monday_to_sunday(place):
    monday = place
    while CALENDAR[monday][3] != 0:
        monday -= 1
    thursday, sunday = monday + 3, monday + 6
    year = CALENDAR[thursday][0]
    number = sum(CALENDAR[other][3] == 3 for other in range(PLACE[year, 1, 1], thursday + 1))
    mine = [window for window in EveryWeek().windows(year) if window.starts_on <= day_at(place) <= window.ends_on]
    assert len(mine) == 1
    assert (mine[0].starts_on, mine[0].ends_on, mine[0].due_on) == (day_at(monday), day_at(sunday), day_at(sunday))
    assert mine[0].label.startswith(f"第{number}周（")


@examples(4000)
@given(places, st.sampled_from([1, 2, 3, 4, 6]))
def test_every_day_lies_in_one_period_of_months_counted_from_january(place, n):
    def begins(other: int) -> bool:
        _, month, day, _ = CALENDAR[other]
        return day == 1 and month in range(1, 13, n)

    first = place
    while not begins(first):
        first -= 1
    last = place
    while not begins(last + 1):
        last += 1
    windows = EveryMonths(n).windows(CALENDAR[place][0])
    mine = [window for window in windows if window.starts_on <= day_at(place) <= window.ends_on]
    assert len(windows) == 12 / n
    assert [(w.starts_on, w.ends_on, w.due_on) for w in mine] == [(day_at(first), day_at(last), day_at(last))]


@examples(2500)
@given(years, month_days)
def test_a_named_day_ends_one_window_that_starts_with_the_year(year, month_day):
    due = PLACE[year, 1, 1]
    for place in year_places(year):
        if CALENDAR[place][1:3] <= month_day:
            due = place
    assert OnceBy(*month_day).windows(year) == (Window(date(year, 1, 1), day_at(due), day_at(due), f"{year}年"),)


@st.composite
def spans_of_days(draw):
    ends = draw(st.lists(month_days, min_size=2, max_size=8, unique=True).map(sorted))
    spans = [(*first, *last) for first, last in zip(ends[::2], ends[1::2], strict=False)]
    return tuple(span for span in spans if span[:2] != (2, 29)) or ((1, 1, 2, 29),)


@examples(2500)
@given(years, spans_of_days(), st.integers(0, 40))
def test_spans_hold_exactly_the_days_between_their_ends(year, spans, plus_days):
    held = {place for place in year_places(year) if any(s[:2] <= CALENDAR[place][1:3] <= s[2:] for s in spans)}
    windows = OnDates(spans, plus_days).windows(year)
    assert len(windows) == len(spans)
    covered = [p for p in year_places(year) if any(w.starts_on <= day_at(p) <= w.ends_on for w in windows)]
    assert set(covered) == held
    for window in windows:
        place = PLACE[window.ends_on.year, window.ends_on.month, window.ends_on.day]
        assert window.due_on == day_at(place + plus_days)
    assert all(earlier.ends_on < later.starts_on for earlier, later in pairwise(windows))


@examples(2500)
@given(places, st.integers(0, 366))
def test_days_after_an_event_are_calendar_days(place, n):
    assert DaysAfter(n, "gathering").due_on(day_at(place)) == day_at(place + n)


@examples(4500)
@given(
    # From 1992 on Shanghai's clock is eight hours ahead all year; the summers before have a test of their own.
    due=st.integers(PLACE[1992, 1, 1], LAST),
    days_off=st.integers(-3, 3),
    microsecond=st.one_of(st.sampled_from([0, 1, 86_399_999_999, 43_200_000_000]), st.integers(0, 86_400_000_000 - 1)),
    inclusive=st.booleans(),
)
def test_in_time_means_on_the_named_day_or_earlier(due, days_off, microsecond, inclusive):
    year, month, day, _ = CALENDAR[due + days_off]
    filed_at = datetime(year, month, day, tzinfo=timezone(timedelta(hours=8))) + timedelta(microseconds=microsecond)
    in_time = days_off <= 0 if inclusive else days_off < 0
    assert (filed_at.astimezone(UTC) < deadline(day_at(due), inclusive)) == in_time


# ---- Single facts ----


def test_the_last_microsecond_of_the_eleventh_is_in_time_and_the_next_is_late():
    due_at = deadline(date(2018, 7, 11))
    assert datetime.fromisoformat("2018-07-11T23:59:59.999999+08:00") < due_at
    assert not datetime.fromisoformat("2018-07-12T00:00:00+08:00") < due_at
    assert due_at.isoformat() == "2018-07-12T00:00:00+08:00"


def test_a_day_that_is_not_included_ends_before_it_begins():
    due_at = deadline(date(2018, 7, 11), inclusive=False)
    assert datetime.fromisoformat("2018-07-10T23:59:59.999999+08:00") < due_at
    assert not datetime.fromisoformat("2018-07-11T00:00:00+08:00") < due_at


def test_a_deadline_keeps_the_summer_time_that_shanghai_had_until_1991():
    assert deadline(date(1991, 7, 10)).astimezone(UTC) == datetime(1991, 7, 10, 15, tzinfo=UTC)
    assert deadline(date(1991, 12, 10)).astimezone(UTC) == datetime(1991, 12, 10, 16, tzinfo=UTC)
    assert deadline(date(2018, 7, 10)).tzinfo == ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize("cadence", [EveryWeek(), *(EveryMonths(n) for n in (1, 2, 3, 4, 6)), Continuous()])
def test_periods_follow_one_another_without_gap_through_all_years(cadence):
    windows = [window for year in range(FIRST_YEAR, LAST_YEAR + 1) for window in cadence.windows(year)]
    assert all(earlier.ends_on + timedelta(days=1) == later.starts_on for earlier, later in pairwise(windows))
    assert all(window.due_on == window.ends_on for window in windows)
    labels = [window.label for window in cadence.windows(2018)]
    assert len(set(labels)) == len(labels)


def test_a_long_iso_year_has_53_weeks():
    assert len(EveryWeek().windows(2020)) == 53
    assert len(EveryWeek().windows(2018)) == 52
    assert EveryWeek().windows(2019)[0].starts_on == date(2018, 12, 31)


@pytest.mark.parametrize(
    ("cadence", "place", "label"),
    [
        (EveryWeek(), 27, "第28周（7月9日–15日）"),
        (EveryWeek(), 30, "第31周（7月30日–8月5日）"),
        (EveryMonths(1), 6, "7月"),
        (EveryMonths(2), 3, "7–8月"),
        (EveryMonths(3), 2, "第三季度"),
        (EveryMonths(4), 1, "5–8月"),
        (EveryMonths(6), 0, "上半年"),
        (EveryMonths(6), 1, "下半年"),
        (OnceBy(7, 11), 0, "2018年"),
        (Continuous(), 0, "2018年"),
        (OnDates(((7, 1, 7, 10), (12, 1, 12, 31))), 0, "7月上旬"),
        (OnDates(((7, 1, 7, 10), (12, 1, 12, 31))), 1, "12月"),
        (OnDates(((7, 11, 7, 20),)), 0, "7月中旬"),
        (OnDates(((2, 21, 2, 29),)), 0, "2月下旬"),
        (OnDates(((10, 1, 12, 31),)), 0, "10–12月"),
        (OnDates(((7, 3, 7, 9),)), 0, "7月3日–9日"),
        (OnDates(((7, 30, 8, 2),)), 0, "7月30日–8月2日"),
        (OnDates(((7, 3, 7, 3),)), 0, "7月3日"),
    ],
)
def test_a_period_is_called_as_an_office_calls_it(cadence, place, label):
    assert cadence.windows(2018)[place].label == label


def test_what_hangs_on_events_or_lines_has_no_windows():
    assert DaysAfter(1, "gathering").windows(2018) == ()
    assert LinesOf("member_plan").windows(2018) == ()


def test_spans_are_given_in_the_order_of_the_year():
    assert [w.label for w in OnDates(((12, 1, 12, 31), (7, 1, 7, 10))).windows(2018)] == ["7月上旬", "12月"]


def test_ten_days_after_the_year_end_lie_in_the_next_year():
    window = OnDates(((12, 1, 12, 31),), plus_days=10).windows(2018)[0]
    assert (window.ends_on, window.due_on) == (date(2018, 12, 31), date(2019, 1, 10))


@pytest.mark.parametrize(
    "cadence",
    [
        EveryWeek(),
        *(EveryMonths(n) for n in (1, 2, 3, 4, 6)),
        OnceBy(7, 11),
        OnceBy(2, 29, before=True),
        OnDates(((7, 1, 7, 10), (12, 1, 12, 31))),
        OnDates(((7, 1, 7, 10),), plus_days=10),
        Continuous(),
        DaysAfter(1, "gathering"),
        DaysAfter(0, "pledge"),
        LinesOf("member_plan"),
    ],
)
def test_a_cadence_is_read_back_from_its_plain_form(cadence):
    assert parse(cadence.spec(), {}) == cadence


def test_a_cadence_takes_its_day_from_the_settings():
    values = {"pledge_due": "07-31", "circular_days": 10, "year_end_from": "10-01"}
    assert parse({"once_by": {"setting": "pledge_due"}}, values) == OnceBy(7, 31)
    assert parse({"year_end": True}, values) == OnDates(((10, 1, 12, 31),))
    spec = {"on": [["07-01", "07-10"]], "plus_days": {"setting": "circular_days"}}
    assert parse(spec, values) == OnDates(((7, 1, 7, 10),), plus_days=10)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("week", "cadence 应写成花括号里的表，现在写的是“week”"),
        ({}, "cadence 应当并且只能写every、once_by、on、continuous、event、lines、year_end中的一种，现在写的是{}"),
        ({"fortnight": True}, "中的一种，现在写的是{ fortnight = true }"),
        ({"continuous": True, "lines": "member_plan"}, "中的一种，现在写的是"),
        ({"once_by": "07-11", "months": 2}, "cadence 的 once_by 不能与 months 同写，请删去后者"),
        ({"every": "day"}, "every 只能写“week”或“month”，现在写的是“day”"),
        ({"every": ["week"]}, "every 只能写“week”或“month”，现在写的是[“week”]"),
        ({"every": "week", "months": 2}, 'every = "week" 不能与 months 同写，请删去 months'),
        ({"every": "month", "months": 5}, "每几个月一次只能是1、2、3、4或6，现在写的是5"),
        ({"every": "month", "months": True}, "months 应写0到366之间的整数，现在写的是true"),
        ({"once_by": "02-30"}, "once_by 写的是“02-30”，日历上没有2月30日，请改成日历上有的日期"),
        ({"once_by": "13-01"}, "日历上没有13月1日"),
        ({"once_by": "7-11"}, "once_by 应写成“月-日”，例如“07-11”，现在写的是“7-11”"),
        ({"once_by": date(2018, 7, 11)}, "once_by 应写成“月-日”，例如“07-11”，现在写的是2018-07-11"),
        ({"once_by": "07-11", "before": 1}, "before 只能写 true 或 false，现在写的是1"),
        ({"once_by": {"setting": "nothing"}}, "once_by 引用的设置“nothing”不存在或填写有误，请先改好 settings.nothing"),
        ({"once_by": {"set": "pledge_due"}}, "once_by 引用设置时应写成"),
        ({"on": []}, "至少要写一段起止日期"),
        ({"on": ["07-01"]}, "on 应写成若干“起、止”日期"),
        ({"on": [["07-10", "07-01"]]}, "起始日07-10晚于截止日07-01"),
        ({"on": [["02-29", "03-01"]]}, "起始日不能写02-29，平年没有这一天，请写02-28或03-01"),
        ({"on": [["07-01", "07-10"], ["07-10", "07-20"]]}, "两段日期重叠：07-10与07-10"),
        ({"on": [["07-01", "07-10"]], "plus_days": -1}, "plus_days 应写0到366之间的整数，现在写的是-1"),
        ({"on": [["07-01", "07-10"]], "plus_days": 10**9}, "plus_days 应写0到366之间的整数"),
        ({"continuous": False}, "continuous 只能写 true，现在写的是false；不需要时请换一种 cadence"),
        ({"year_end": 1}, "year_end 只能写 true，现在写的是1"),
        ({"year_end": True}, "year_end 引用的设置“year_end_from”不存在或填写有误"),
        ({"event": "party"}, "event 写的是“party”，不认识，可写的有gathering（每次活动）、pledge（每份承诺）"),
        ({"event": ["gathering"]}, "event 写的是[“gathering”]，不认识"),
        ({"event": "gathering", "days_after": "1"}, "days_after 应写0到366之间的整数，现在写的是“1”"),
        ({"days_after": 1}, "中的一种，现在写的是{ days_after = 1 }"),
        ({"lines": "branch_plan"}, "lines 写的是“branch_plan”，不认识，可写的有member_plan（个人自学计划）"),
    ],
)
def test_a_wrong_cadence_is_refused_in_words_that_name_the_cure(spec, words):
    with pytest.raises(ValueError) as refused:
        parse(spec, {})
    assert words in str(refused.value)


# ---- The working calendar ----


def test_the_working_calendar_knows_holidays_and_the_weekends_worked_for_them():
    assert not workdays.is_workday(date(2018, 10, 1)) and workdays.is_holiday(date(2018, 10, 1))
    assert workdays.is_workday(date(2018, 9, 29))  # a Saturday worked for National Day
    assert not workdays.is_weekend_rest(date(2018, 9, 29)) and not workdays.is_holiday(date(2018, 9, 29))
    assert workdays.is_weekend_rest(date(2018, 7, 14)) and not workdays.is_holiday(date(2018, 7, 14))


def test_the_next_working_day_is_found_behind_a_long_holiday():
    assert workdays.next_workday(date(2018, 9, 30)) == date(2018, 10, 8)
    assert workdays.previous_workday(date(2018, 10, 8)) == date(2018, 9, 30)
    assert workdays.next_workday(date(2018, 7, 10)) == date(2018, 7, 11)


def test_a_year_without_a_notice_rests_on_weekends_alone():
    assert workdays.known(2018) and not workdays.known(2090)
    assert not workdays.is_holiday(date(2090, 10, 1))
    worked = [day_at(p) for p in year_places(2090) if CALENDAR[p][3] < 5]
    assert [day_at(p) for p in year_places(2090) if workdays.is_workday(day_at(p))] == worked
    assert workdays.next_workday(date(2018, 12, 28)) == date(2018, 12, 29)
