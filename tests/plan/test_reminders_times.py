"""When something is said: the rules against a walk through every minute's quarter of several years, and by example."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan.cadence import SHANGHAI, deadline
from plan.reminder_times import Rules, Times, begins_at, last_day
from plan.workdays import NOTICES, Calendar, Special
from tests.conftest import at

ORDINARY = Times(Rules(), NOTICES)
QUARTER = timedelta(minutes=15)

clocks = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
days = st.dates(date(2016, 1, 1), date(2021, 12, 31))
moments = st.builds(lambda day, clock: datetime.combine(day, clock, SHANGHAI), days, clocks)
calendars = st.builds(
    lambda first, length: Calendar(tuple(Special(first + timedelta(days=n), False, "寒假") for n in range(length))),
    days, st.integers(0, 40),
)  # fmt: skip
rules = st.builds(
    Rules, digest_at=clocks, quiet_from=clocks, quiet_until=clocks, on_rest_days=st.booleans(),
    event_hours=st.integers(1, 23),
)  # fmt: skip
times = st.builds(Times, rules, calendars)


def quiet(rules: Rules, moment: datetime) -> bool:
    """Brute force: walk back from the moment to the nearest of the two clocks."""
    if rules.quiet_from == rules.quiet_until:
        return False
    while moment.time() not in (rules.quiet_from, rules.quiet_until):
        moment -= QUARTER
    return moment.time() == rules.quiet_from


def digests(found: Times, first: date, last: date) -> list[datetime]:
    """Brute force: each day's digest, walked forward out of the quiet hours, on the days on which people are told."""
    every = []
    day = first
    while day <= last:
        moment = datetime.combine(day, found.rules.digest_at, SHANGHAI)
        while quiet(found.rules, moment):
            moment += QUARTER
        if found.rules.on_rest_days or found.calendar.is_workday(moment.date()):
            every.append(moment)
        day += timedelta(days=1)
    return every


@given(times, moments)
@settings(max_examples=300, deadline=None)
def test_the_next_digest_is_the_first_of_all_that_a_walk_finds(found: Times, moment: datetime) -> None:
    walked = digests(found, moment.date() - timedelta(days=2), moment.date() + timedelta(days=70))
    assert found.next_digest(moment) == min(one for one in walked if one >= moment)
    assert found.late(moment) == found.next_digest(moment)
    assert found.superior(moment) == min(one for one in walked if one >= moment + timedelta(days=2))


@given(times, moments, st.integers(0, 30))
@settings(max_examples=300, deadline=None)
def test_what_is_said_before_is_the_last_digest_of_its_day_or_an_earlier_one(
    found: Times, due_at: datetime, n: int
) -> None:
    day = last_day(due_at) - timedelta(days=n)
    walked = digests(found, day - timedelta(days=70), day)
    assert found.before(due_at, n) == max(one for one in walked if one.date() <= day and one < due_at)
    assert n or found.on_day(due_at) == found.before(due_at, 0)


@given(times, days, moments, st.integers(1, 60))
@settings(max_examples=300, deadline=None)
def test_a_start_is_said_after_it_began_and_before_it_is_too_late(
    found: Times, starts_on: date, opened_at: datetime, length: int
) -> None:
    begins, due_at = begins_at(starts_on, opened_at), deadline(starts_on + timedelta(days=length))
    said = found.start(begins, due_at)
    if said is None:
        every = Times(Rules(**{**vars(found.rules), "on_rest_days": True}), found.calendar)
        assert every.next_digest(begins) >= due_at
        return
    assert begins <= said < due_at and not quiet(found.rules, said)
    if not found.may_speak_on(said.date()):
        assert found.next_digest(begins) >= due_at


@given(times, moments, st.integers(1, 200))
@settings(max_examples=300, deadline=None)
def test_an_events_word_comes_before_the_deadline_and_out_of_the_quiet_hours_where_that_can_be(
    found: Times, ended_at: datetime, quarters: int
) -> None:
    due_at = ended_at + quarters * QUARTER
    said = found.event(ended_at, due_at)
    assert said is not None and ended_at <= said < due_at
    loud = [ended_at + n * QUARTER for n in range(quarters) if not quiet(found.rules, ended_at + n * QUARTER)]
    if loud:
        assert not found.rules.is_quiet(said)
    wanted = ended_at + timedelta(hours=found.rules.event_hours)
    if wanted < due_at and not quiet(found.rules, wanted):
        assert said == wanted, "whatever the day: a filing of the next day does not wait for Monday"


@given(times, moments, st.one_of(st.none(), moments), st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_may_not_be_said_now_may_be_said_later(
    found: Times, moment: datetime, due_at: datetime | None, at_once: bool
) -> None:
    walked = moment
    for _ in range(100 * 96):
        if found.may_say(walked, at_once=at_once, due_at=due_at):
            return
        walked += QUARTER
    pytest.fail("it is never said")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # The plan of 2018 was issued on Monday 11 June at nine: that day's digest was over.
        (ORDINARY.start(at("2018-06-11 09:00"), at("2018-07-12 00:00")), "2018-06-12 08:00"),
        # A month that begins on a Sunday.
        (ORDINARY.start(at("2018-07-01 00:00"), at("2018-08-01 00:00")), "2018-07-02 08:00"),
        # Opened on Saturday for the same Sunday: on the Sunday, for Monday were too late.
        (ORDINARY.start(at("2018-07-14 10:00"), at("2018-07-16 00:00")), "2018-07-15 08:00"),
        (ORDINARY.before(at("2018-07-12 00:00"), 3), "2018-07-06 08:00"),  # 8 July is a Sunday
        (ORDINARY.on_day(at("2018-07-12 00:00")), "2018-07-11 08:00"),
        (ORDINARY.on_day(at("2018-10-08 00:00")), "2018-09-30 08:00"),  # a Sunday worked for the National Day
        (ORDINARY.on_day(at("2018-07-12 07:00")), "2018-07-11 08:00"),  # due before that day's digest
        (ORDINARY.late(at("2018-10-01 00:00")), "2018-10-08 08:00"),
        (ORDINARY.superior(at("2018-07-12 00:00")), "2018-07-16 08:00"),
        # Held on Friday evening, to be filed by Saturday's end: Saturday morning.
        (ORDINARY.event(at("2018-07-06 21:00"), at("2018-07-08 00:00")), "2018-07-07 09:00"),
        # Held at noon: midnight is quiet, so the next morning.
        (ORDINARY.event(at("2018-07-02 12:00"), at("2018-07-04 00:00")), "2018-07-03 07:30"),
    ],
)
def test_by_example(said: datetime | None, expected: str) -> None:
    assert said == at(expected)


def test_switched_off_it_is_not_said() -> None:
    off = Times(Rules(at_start=False, on_the_day=False, when_late=False, superior_after=None), NOTICES)
    due = at("2018-07-12 00:00")
    assert [off.start(at("2018-07-02 00:00"), due), off.on_day(due), off.late(due), off.superior(due)] == [None] * 4


def test_a_late_sender_waits_for_the_morning_and_for_monday_but_not_past_the_deadline() -> None:
    saturday, night = at("2018-07-14 10:00"), at("2018-07-11 23:00")
    assert not ORDINARY.may_say(saturday, at_once=False, due_at=at("2018-07-21 00:00"))
    assert ORDINARY.may_say(saturday, at_once=False, due_at=at("2018-07-16 00:00")), "Monday were too late"
    assert not ORDINARY.may_say(saturday, at_once=False, due_at=at("2018-07-12 00:00")), "it is late already"
    assert ORDINARY.may_say(saturday, at_once=True, due_at=at("2018-07-21 00:00"))
    assert not ORDINARY.may_say(night, at_once=False, due_at=at("2018-07-12 00:00"))
    assert ORDINARY.may_say(night, at_once=True, due_at=at("2018-07-12 00:00"))
    assert not ORDINARY.may_say(night, at_once=True, due_at=at("2018-07-13 00:00"))
