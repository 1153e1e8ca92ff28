"""An item of a study plan on another day: where it goes when only the month is said, and what stays of it."""

from __future__ import annotations

from datetime import date, timedelta

from study.models import PlanItem
from study.plan_beginning import working_day
from study.rhythm import IsWorkday

ONE_DAY = timedelta(days=1)
WEEK = timedelta(days=7)


class OutOfYear(Exception):
    """The item would not lie within the plan's year; the sentence says so."""


def moved_to(item: PlanItem, day: date, year: int) -> tuple[date, date]:
    """The item's days when it begins on `day`: as long as it is, within the plan's year, else OutOfYear."""
    if day.year != year:
        raise OutOfYear(f"没有移动：请选择{year}年内的日期。")
    last = min(day + (item.ends_on - item.starts_on), date(year, 12, 31)) if item.rhythm else day + (
        item.ends_on - item.starts_on
    )  # fmt: skip
    if last.year != year:
        length = (item.ends_on - item.starts_on).days + 1
        raise OutOfYear(f"没有移动：这项安排长{length}天，从{day.month}月{day.day}日起会超出{year}年。")
    return day, last


def day_in_month(item: PlanItem, month: int, is_workday: IsWorkday) -> date:
    """The same weekday of the same week of another month; a day of rest gives way to the nearest working day."""
    first = date(item.starts_on.year, month, 1)
    week = (item.starts_on.day - 1) // 7
    day = first + ((item.starts_on.weekday() - first.weekday()) % 7) * ONE_DAY + week * WEEK
    while day.month != month:
        day -= WEEK
    if item.starts_on.month == month:
        return item.starts_on
    return working_day(day, is_workday)
