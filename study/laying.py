"""Laying the sittings of a year on days: what may share a day shares it, what recurs is one line, none rests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from plan.workdays import Calendar
from study.clarity import MONTHLY, WEEKLY, Asked
from study.models import Kind
from study.rhythm import nearest_workday, occurrences

ONE_DAY = timedelta(days=1)
WEEK = timedelta(days=7)
# A meeting held every month is, where nothing hinders it, on this day.
MONTHS_DAY = 25

# 主题党日 may hold the general meeting and the month's collective study; life meeting and appraisal go together.
SHARING = (
    (Kind.COLLECTIVE_STUDY, Kind.THEME_DAY, Kind.GENERAL_MEETING, Kind.THEMED_ACTIVITY),
    (Kind.LIFE_MEETING, Kind.APPRAISAL),
)
# How far from the branch's fixed day the other sittings are put.
BESIDE = {
    Kind.SEMINAR: WEEK, Kind.LECTURE: -WEEK, Kind.LIFE_MEETING: -WEEK, Kind.APPRAISAL: -WEEK, Kind.GROUP_MEETING: WEEK,
}  # fmt: skip
MEETINGS = (Kind.COMMITTEE_MEETING, Kind.GROUP_MEETING)


class Span(NamedTuple):
    """A line's days and how it recurs in them."""

    starts_on: date
    ends_on: date
    rhythm: str


@dataclass
class Laid:
    """A sitting, or a line of sittings that recur, on its day; with what it is held for."""

    span: Span
    asked: list[Asked] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """What is held on the day, in the order in which sharing kinds are named."""
        order = [kind for group in SHARING for kind in group]
        kinds = {Kind(sitting.kind) for sitting in self.asked}
        return [str(kind) for kind in sorted(kinds, key=lambda k: order.index(k) if k in order else len(order))]


def lay(
    asked: Sequence[Asked], start: date, theme_day: Callable[[int, int], date], calendar: Calendar
) -> list[Laid]:  # fmt: skip
    """All sittings asked for on days from `start` on, in order; `theme_day(year, month)` is the branch's fixed day."""
    single = [sitting for sitting in asked if not _recurs(sitting)]
    laid = _single(single, start, theme_day, calendar)
    for place in sorted({sitting.place for sitting in asked if _recurs(sitting)}):
        windows = [sitting for sitting in asked if sitting.place == place and _recurs(sitting)]
        for run in _runs(windows):
            laid += _recurring(run, start, calendar)
    return sorted(laid, key=lambda one: one.span)


def _recurs(sitting: Asked) -> bool:
    return sitting.rhythm == WEEKLY or (sitting.rhythm == MONTHLY and sitting.kind in MEETINGS)


def _left(sitting: Asked, start: date) -> tuple[date, date]:
    first, last = sitting.left()
    return max(first, start), last


# Once


def _single(
    asked: Sequence[Asked], start: date, theme_day: Callable[[int, int], date], calendar: Calendar
) -> list[Laid]:
    """The branch's fixed days first, then the others on days of their own as far as there are any."""
    found: dict[tuple[object, date], Laid] = {}
    for sitting in sorted(asked, key=lambda one: one.kind not in SHARING[0]):
        together = next((group for group in SHARING if sitting.kind in group), sitting.kind)
        taken = {day for group, day in found if group != together}
        wish = theme_day(sitting.ends_on.year, sitting.ends_on.month) + BESIDE.get(Kind(sitting.kind), 0 * WEEK)
        day = _day(wish, *_left(sitting, start), taken, calendar)
        found.setdefault((together, day), Laid(Span(day, day, ""))).asked.append(sitting)
    return list(found.values())


def _day(wish: date, first: date, last: date, taken: Collection[date], calendar: Calendar) -> date:
    """The wished day or the nearest that is worked and free, else one that is worked, else the day itself."""
    day = min(max(wish, first), last)
    free = nearest_workday(day, first, last, lambda d: d not in taken and calendar.is_workday(d))
    return free or nearest_workday(day, first, last, calendar.is_workday) or day


# Again and again


def _runs(windows: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Windows without a gap between them: a holiday month (放假月份) parts them."""
    run = list(windows[:1])
    for before, after in pairwise(windows):
        if after.starts_on > before.ends_on + ONE_DAY:
            yield run
            run = []
        run.append(after)
    if run:
        yield run


def _recurring(run: Sequence[Asked], start: date, calendar: Calendar) -> list[Laid]:
    """One line for the run from its first ordinary working day; windows that it misses get a day of their own."""
    line = next(filter(None, (_line(run[n:], start, calendar) for n in range(len(run) - 1))), None)
    laid = [Laid(line, [run[0]])] if line else []
    days = occurrences(line, calendar.is_workday) if line else []
    for sitting in run:
        if not any(sitting.starts_on <= day <= sitting.ends_on for day in days):
            first, last = _left(sitting, start)
            day = nearest_workday(first, first, last, calendar.is_workday) or first
            laid.append(Laid(Span(day, day, ""), [sitting]))
    return laid


def _line(run: Sequence[Asked], start: date, calendar: Calendar) -> Span | None:
    """From a day between Monday and Friday of the first window: a worked one, or any where the whole window rests."""

    def ordinary(day: date) -> bool:
        return day.weekday() < 5 and (calendar.is_workday(day) or not worked)

    first, last = _left(run[0], start)
    worked = any(calendar.workdays(first, last))
    wish = first if run[0].rhythm == WEEKLY else max(first, first.replace(day=MONTHS_DAY))
    day = nearest_workday(min(wish, last), first, last, ordinary)
    return Span(day, run[-1].ends_on, run[0].rhythm) if day else None
