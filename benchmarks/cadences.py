"""Cadences against a calendar counted day by day: how many of so many random instants are judged wrong."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from plan.cadence import SHANGHAI, DaysAfter, EveryMonths, EveryWeek, OnceBy, deadline


def _month_end(day: date) -> date:
    while (day + timedelta(days=1)).month == day.month:
        day += timedelta(days=1)
    return day


def _expected(kind: str, n: int, day: date) -> tuple[date, date]:
    """The period that holds the day, found by stepping: first and last day."""
    first = last = day
    if kind == "week":
        while first.strftime("%a") != "Mon":
            first -= timedelta(days=1)
        while last.strftime("%a") != "Sun":
            last += timedelta(days=1)
        return first, last
    while first.day != 1 or (first.month - 1) % n:
        first -= timedelta(days=1)
    last = _month_end(first)
    for _ in range(n - 1):
        last = _month_end(last + timedelta(days=1))
    return first, last


def wrong(instants: int = 20_000, seed: int = 2018) -> int:
    """How many of `instants` random questions the cadences answer otherwise than the calendar; 0 is right."""
    chance, errors = random.Random(seed), 0
    for _ in range(instants):
        day = date(1990, 1, 1) + timedelta(days=chance.randrange(40_000))
        moment = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(
            microseconds=chance.randrange(86_400_000_000)
        )
        kind = chance.choice(["week", "month", "once", "after"])
        if kind == "once":
            window = OnceBy(day.month, min(day.day, 28)).windows(day.year)[0]
            due = date(day.year, day.month, min(day.day, 28))
            errors += (window.due_on != due) or ((moment < deadline(due)) != (moment.date() <= due))
        elif kind == "after":
            due = DaysAfter(1, "gathering").due_on(day)
            errors += due != day + timedelta(days=1) or moment >= deadline(due)
        else:
            n = chance.choice([1, 2, 3, 4, 6])
            first, last = _expected(kind, n, day)
            cadence = EveryWeek() if kind == "week" else EveryMonths(n)
            found = [w for year in (day.year - 1, day.year, day.year + 1) for w in cadence.windows(year)
                     if w.starts_on <= day <= w.ends_on]  # fmt: skip
            errors += [(w.starts_on, w.ends_on, w.due_on) for w in found] != [(first, last, last)]
    return errors
