"""The working calendar: the office's own days first, then the yearly holiday notices, then Monday to Friday."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from typing import NamedTuple

import chinese_calendar
from chinese_calendar.constants import Holiday

from plan.cadence import SHANGHAI

ONE_DAY = timedelta(days=1)

# What the notices call the holidays; the library writes the one of 2015 out in full.
LONG_NAMES = {"中国人民抗日战争暨世界反法西斯战争胜利70周年纪念日": "抗战胜利70周年"}
NAMES = {holiday.value: LONG_NAMES.get(holiday.chinese, holiday.chinese) for holiday in Holiday}


class Special(NamedTuple):
    """A day that is not as its weekday says: whether it is worked, and why (国庆节, 寒假, 校庆)."""

    day: date
    works: bool
    name: str


@cache
def known(year: int) -> bool:
    """Tell whether the holiday notice of `year` is in the calendar's data."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


@cache
def noticed(year: int) -> tuple[Special, ...]:
    """Give the days that the notice of `year` names, in order: its holidays and the days worked for them."""
    if not known(year):
        return ()
    found, day = [], date(year, 1, 1)
    while day.year == year:
        rests, name = chinese_calendar.get_holiday_detail(day)
        if name:
            found.append(Special(day, not rests, NAMES.get(name, name)))
        day += ONE_DAY
    return tuple(found)


# The notice of a year comes out in October or November of the year before.
NOTICE_FROM_MONTH = 11


def unknown_years(at: datetime) -> list[int]:
    """Give the years that matter at the instant and whose holiday notice is not in the calendar's data.

    This year, and from November on the next: before that there is no notice to be had. What an office has entered by
    itself is not asked here.
    """
    day = at.astimezone(SHANGHAI).date()
    years = [day.year] + [day.year + 1] * (day.month >= NOTICE_FROM_MONTH)
    return [year for year in years if not known(year)]


@cache
def _notice(year: int) -> dict[date, Special]:
    return {special.day: special for special in noticed(year)}


@dataclass(frozen=True)
class Calendar:
    """Which days are worked: the office's own days decide, in order of day; the notices where it is silent.

    A plain value: equal where the days are equal, without database or clock.
    """

    own: tuple[Special, ...] = ()

    @cached_property
    def _own(self) -> dict[date, Special]:
        return {special.day: special for special in self.own}

    def special(self, day: date) -> Special | None:
        """Give what the office, or else the year's notice, says of the day; None where neither names it."""
        return self._own.get(day) or _notice(day.year).get(day)

    def is_workday(self, day: date) -> bool:
        """Tell whether `day` is worked; Monday to Friday where nobody names it."""
        found = self.special(day)
        return found.works if found else day.weekday() < 5

    def is_weekend_rest(self, day: date) -> bool:
        """Tell whether `day` is a Saturday or Sunday that is not worked in exchange for a holiday."""
        return day.weekday() >= 5 and not self.is_workday(day)

    def is_holiday(self, day: date) -> bool:
        """Tell whether `day` is a rest day that the office or the year's notice names."""
        found = self.special(day)
        return found is not None and not found.works

    def next_workday(self, day: date) -> date:
        """Give the first working day after `day` (`day` itself excluded)."""
        day += ONE_DAY
        while not self.is_workday(day):
            day += ONE_DAY
        return day

    def previous_workday(self, day: date) -> date:
        """Give the last working day before `day` (`day` itself excluded)."""
        day -= ONE_DAY
        while not self.is_workday(day):
            day -= ONE_DAY
        return day

    def workdays(self, first: date, last: date) -> Iterator[date]:
        """Give the working days from `first` to `last`, both included."""
        while first <= last:
            if self.is_workday(first):
                yield first
            first += ONE_DAY

    def rest_words(self, day: date) -> str:
        """Why the day rests: the holiday's name, or 周六, 周日."""
        found = self.special(day)
        return found.name if found and not found.works else f"周{'一二三四五六日'[day.weekday()]}"


NOTICES = Calendar()

is_workday = NOTICES.is_workday
is_weekend_rest = NOTICES.is_weekend_rest
is_holiday = NOTICES.is_holiday
next_workday = NOTICES.next_workday
previous_workday = NOTICES.previous_workday
