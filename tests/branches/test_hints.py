"""What a branch is told about its size, its committee, its units and its term: both sides of each limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from branches.hints import Facts, Level, hints, months_before, term_ends_on, units_of

DAY = date(2018, 7, 4)
WELL = Facts(members=20, full_members=18, seats=5, commissioners=3, elected_on=date(2017, 3, 1))


def said(day: date = DAY, **changes) -> list[str]:
    return [hint.short for hint in hints(replace(WELL, **changes), day)]


def test_a_branch_in_order_is_told_nothing() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("changes", "short"),
    [
        ({"full_members": 3, "seats": 1, "commissioners": 0}, []),
        ({"full_members": 2, "seats": 1, "commissioners": 0}, ["正式党员不足3名"]),
        ({"full_members": 0, "members": 0, "seats": 1, "commissioners": 0}, ["正式党员不足3名"]),
        ({"full_members": 6, "seats": 1, "commissioners": 0}, []),
        ({"full_members": 6, "seats": 2, "commissioners": 1}, ["不设支委会而有委员"]),
        ({"full_members": 7, "seats": 2, "commissioners": 0}, ["支委会不足3人"]),
        ({"full_members": 7, "seats": 3, "commissioners": 1}, []),
        ({"seats": 7}, []),
        ({"seats": 8}, ["支委会超过7人"]),
        ({"members": 50}, []),
        ({"members": 51}, ["超过50名"]),
        ({"secretary": False}, ["书记空缺"]),
        ({"kind": "joint", "units": "教务处、科研处"}, []),
        ({"kind": "joint", "units": "教务处"}, ["未写联合单位"]),
        ({"kind": "joint", "units": "一、二，三,四；五"}, []),
        ({"kind": "joint", "units": "一、二、三、四、五、六"}, ["联合单位超过5个"]),
        ({"kind": "ordinary", "units": "一、二、三、四、五、六"}, []),
        ({"elected_on": None}, ["未登记选举日期"]),
        # A temporary branch is appointed for an occasion: no term, no committee of its own.
        ({"kind": "temporary", "elected_on": None, "seats": 1, "commissioners": 0}, []),
    ],
)
def test_each_limit_is_told_on_its_side_and_not_on_the_other(changes: dict, short: list[str]) -> None:
    assert said(**changes) == short


@pytest.mark.parametrize(
    ("day", "level", "words"),
    [
        (date(2019, 11, 30), None, ""),
        (date(2019, 12, 1), Level.SOON, "本届任期至2020年3月1日届满，请提前做好换届准备。"),
        (date(2020, 2, 29), Level.SOON, "本届任期至3月1日届满"),
        (date(2020, 3, 1), Level.LATE, "本届任期已于3月1日届满，请尽快换届"),
        (date(2020, 3, 2), Level.LATE, "已逾期1天"),
        (date(2021, 3, 1), Level.LATE, "已逾期365天"),
    ],
)
def test_a_term_is_announced_from_three_months_ahead_and_late_from_its_end(day, level, words) -> None:
    found = hints(WELL, day)
    assert [hint.level for hint in found] == ([level] if level is not None else [])
    assert all(words in hint.text and hint.on == date(2020, 3, 1) for hint in found)


def test_the_most_urgent_comes_first() -> None:
    found = hints(replace(WELL, secretary=False, members=60), date(2020, 5, 1))
    assert [hint.level for hint in found] == [Level.LATE, Level.SOON, Level.NOTE]


@pytest.mark.parametrize(
    ("elected", "years", "end"),
    [
        (date(2016, 2, 29), 3, date(2019, 2, 28)), (date(2016, 2, 29), 4, date(2020, 2, 29)),
        (date(2017, 3, 1), 5, date(2022, 3, 1)),
    ],
)  # fmt: skip
def test_a_term_ends_on_its_day(elected: date, years: int, end: date) -> None:
    assert term_ends_on(elected, years) == end


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2018, 5, 31), date(2018, 2, 28)), (date(2020, 5, 31), date(2020, 2, 29)),
        (date(2018, 3, 1), date(2017, 12, 1)), (date(2018, 1, 15), date(2017, 10, 15)),
        (date(2018, 7, 31), date(2018, 4, 30)),
    ],
)  # fmt: skip
def test_three_months_before_is_a_day_of_the_calendar(day: date, before: date) -> None:
    assert months_before(day, 3) == before


def test_units_are_read_however_they_are_separated() -> None:
    assert units_of("教务处、 科研处，学生处;\n工会") == ["教务处", "科研处", "学生处", "工会"]
