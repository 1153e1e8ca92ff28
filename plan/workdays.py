"""The working calendar, from the yearly holiday notices; weekends rest where a year has no notice yet."""

from datetime import date, timedelta
from functools import cache

import chinese_calendar

ONE_DAY = timedelta(days=1)


@cache
def known(year: int) -> bool:
    """Tell whether the holiday notice of `year` is in the calendar's data."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def is_workday(day: date) -> bool:
    """Tell whether `day` is worked; Monday to Friday where the year's notice is unknown."""
    if known(day.year):
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5


def is_weekend_rest(day: date) -> bool:
    """Tell whether `day` is a Saturday or Sunday that is not worked in exchange for a holiday."""
    return day.weekday() >= 5 and not is_workday(day)


def is_holiday(day: date) -> bool:
    """Tell whether `day` is a rest day that the year's notice names; never true where the notice is unknown."""
    if not known(day.year):
        return False
    rests, name = chinese_calendar.get_holiday_detail(day)
    return bool(rests and name)


def next_workday(day: date) -> date:
    """Give the first working day after `day` (`day` itself excluded)."""
    day += ONE_DAY
    while not is_workday(day):
        day += ONE_DAY
    return day


def previous_workday(day: date) -> date:
    """Give the last working day before `day` (`day` itself excluded)."""
    day -= ONE_DAY
    while not is_workday(day):
        day -= ONE_DAY
    return day
