"""Activity weeks: which week of a month it is, what is still missing, and what is frozen when the record is kept."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from branches.models import Branch
from commitments.models import ActivityWeek
from plan.cadence import ONE_DAY, days_label, deadline, last_day
from plan.models import Duty

A_WEEK = timedelta(days=7)
MOST_ACTIONS = 12


# The calendar


def monday_of(day: date) -> date:
    """The Monday of the week in which the day lies."""
    return day - day.weekday() * ONE_DAY


def weeks_of(year: int, month: int) -> list[date]:
    """The Mondays of the month, four or five: a week belongs to the month of its Monday."""
    first = date(year, month, 1)
    monday = first + (-first.weekday() % 7) * ONE_DAY
    return [monday + n * A_WEEK for n in range(5) if (monday + n * A_WEEK).month == month]


def number_of(monday: date) -> int:
    """Which week of its month it is, from 1 to 5."""
    return (monday.day - 1) // 7 + 1


def label_of(monday: date) -> str:
    """7月第2周（7月9日–15日）."""
    return f"{monday.month}月第{number_of(monday)}周（{days_label(monday, monday + A_WEEK - ONE_DAY)}）"


def title_of(monday: date) -> str:
    return f"{monday.month}月第{number_of(monday)}周党员活动周"


def done_on(monday: date) -> date:
    """The day from which the week's record can be kept: its Sunday, but never after the month that it is for.

    The plan's deadline is the month's end: a week that runs into the next month would otherwise always be late.
    """
    return min(monday + A_WEEK - ONE_DAY, last_day(monday.year, monday.month))


def usual_week(year: int, month: int, last: date | None, today: date) -> date:
    """Which week of the month the form proposes: the same one as last time, else the one that is on, else the second.

    `last` is the Monday of the branch's last activity week.
    """
    mondays = weeks_of(year, month)
    if last:
        return mondays[min(number_of(last), len(mondays)) - 1]
    return monday_of(today) if monday_of(today) in mondays else mondays[1]


def last_week_of(branch: Branch | int, before: date | None = None) -> ActivityWeek | None:
    """The branch's last activity week, before that day where one is given; a week that was dropped is none."""
    rows = ActivityWeek.objects.filter(branch=branch, dropped_at__isnull=True)
    if before:
        rows = rows.filter(starts_on__lt=before)
    return rows.order_by("-starts_on").first()


def duties_of(branch: Branch | int, monday: date) -> set[int]:
    """What a record of that week settles: the branch's open duties that ask for one and in whose window it begins."""
    asked = Duty.objects.filter(
        branch=branch, member__isnull=True, requirement__proof="week", settled_at__isnull=True,
        starts_on__lte=monday, ends_on__gte=monday,
    )  # fmt: skip
    return set(asked.values_list("pk", flat=True))


# The record


def missing_in(week: ActivityWeek, at: datetime | None) -> list[str]:
    """What stands between the week's record and its keeping, in sentences; without an instant the week is over."""
    missing = []
    if not week.theme.strip():
        missing.append("还缺主题：写明这一周集中做什么。")
    if not week.actions.exists():
        missing.append("还缺行动：至少写1项，写明谁做什么。")
    ready = done_on(week.starts_on)
    if at is not None and at < deadline(ready, inclusive=False):
        # What came of it nobody can know yet: that is asked for when the week is over.
        missing.append(f"活动周还没有结束：{ready.month}月{ready.day}日起可以留存，现在先存草稿。")
    elif not week.summary.strip():
        missing.append("还缺开展情况和成效：写明做了什么、结果怎样。")
    return missing


def snapshot_of(week: ActivityWeek) -> dict[str, Any]:
    """The week's record as it is kept."""
    rows = [
        [str(n), action.get_aim_display(), action.member.name if action.member else "全支部", action.text,
         action.result]
        for n, action in enumerate(week.actions.select_related("member").order_by("position"), 1)
    ]  # fmt: skip
    return {
        "fields": [
            ["标题", week.filing.title],
            ["活动周", f"{week.starts_on.year}年{label_of(week.starts_on)}"],
            ["主题", week.theme],
            ["开展情况和成效", week.summary],
        ],
        "tables": [{"title": "行动", "columns": ["序号", "类别", "党员", "行动", "结果"], "rows": rows}],
    }
