"""Meetings that recur: one line of a study plan, and the days on which it is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Protocol

from plan.cadence import last_day
from study.models import PlanItem

ONE_DAY = timedelta(days=1)
WEEK = timedelta(days=7)
WEEKDAYS = "一二三四五六日"

IsWorkday = Callable[[date], bool]


class Recurring(Protocol):
    """A line of a study plan, as it is kept or as the check reads it."""

    @property
    def rhythm(self) -> str: ...
    @property
    def starts_on(self) -> date: ...
    @property
    def ends_on(self) -> date: ...


def occurrences(item: Recurring, is_workday: IsWorkday, first: date = date.min, last: date = date.max) -> list[date]:
    """The days on which the item is held: one in each week or month of its span; without a rhythm its first day.

    Of these those from `first` to `last`, both included.

    Its weekday, or its day of the month, is that of its first day. Where that day rests, the meeting is held on the
    next working day of the same week or month, else on the one before; where the whole of it rests, it stays.
    """
    if not item.rhythm:
        return [item.starts_on] if first <= item.starts_on <= last else []
    periods = _weeks(item) if item.rhythm == PlanItem.Rhythm.WEEKLY else _months(item)
    days = (
        _nearest(day, max(begin, item.starts_on), min(end, item.ends_on), is_workday)
        for begin, day, end in periods
        if item.starts_on <= day <= item.ends_on and begin <= last and end >= first
    )
    return [day for day in days if first <= day <= last]


def rhythm_words(item: Recurring) -> str:
    """每周三, 每月25日; empty for what is held once."""
    match item.rhythm:
        case PlanItem.Rhythm.WEEKLY:
            return f"每周{WEEKDAYS[item.starts_on.weekday()]}"
        case PlanItem.Rhythm.MONTHLY:
            return f"每月{item.starts_on.day}日"
    return ""


def _weeks(item: Recurring) -> Iterator[tuple[date, date, date]]:
    """Of each week from Monday to Sunday: its first day, the item's day, its last day."""
    day = item.starts_on
    monday = day - day.weekday() * ONE_DAY
    while day <= item.ends_on:
        yield monday, day, monday + 6 * ONE_DAY
        day, monday = day + WEEK, monday + WEEK


def _months(item: Recurring) -> Iterator[tuple[date, date, date]]:
    first = item.starts_on.replace(day=1)
    while first <= item.ends_on:
        last = last_day(first.year, first.month)
        yield first, first.replace(day=min(item.starts_on.day, last.day)), last
        first = last + ONE_DAY


def _nearest(day: date, first: date, last: date, is_workday: IsWorkday) -> date:
    return nearest_workday(day, first, last, is_workday) or day


def nearest_workday(day: date, first: date, last: date, is_workday: IsWorkday) -> date | None:
    """The day itself or the next working day up to `last`, else the last one from `first` on, if there is any."""
    later, earlier = day, day
    while later <= last:
        if is_workday(later):
            return later
        later += ONE_DAY
    while earlier >= first:
        if is_workday(earlier):
            return earlier
        earlier -= ONE_DAY
    return None
