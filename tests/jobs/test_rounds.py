"""A round's slots are what a walk over every minute finds; each is asked for once, whatever the clock does."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest
from django.utils.module_loading import import_string

from jobs import rounds
from jobs.models import Job, Round
from jobs.queue import kinds
from jobs.rounds import SHANGHAI, Regular, tick
from tests.conftest import at

NOW = at("2018-07-12 10:00")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LISTED = (Regular("five", "leave_row", every=5), Regular("night", "steps", daily="02:20"))


@pytest.fixture
def listed(settings, monkeypatch, db):
    settings.JOBS = "tests.jobs.kinds.KINDS"
    monkeypatch.setattr(rounds, "regulars", lambda: LISTED)


def is_slot(regular: Regular, moment: datetime) -> bool:
    local = moment.astimezone(SHANGHAI)
    if regular.daily:
        return f"{local:%H:%M}" == regular.daily
    return (local.hour * 60 + local.minute) % regular.every == 0


@pytest.mark.parametrize("cadence", [{"every": 1}, {"every": 5}, {"every": 60}, {"every": 720}, {"daily": "00:00"},
                                     {"daily": "02:20"}, {"daily": "23:59"}])  # fmt: skip
def test_the_newest_slot_is_the_one_that_a_walk_backwards_finds_first(cadence):
    regular, random = Regular("a", "leave_row", **cadence), Random(5)
    for _ in range(200):
        now = at("2018-01-01 00:00") + timedelta(seconds=random.randrange(3 * 366 * 86400), microseconds=1)
        minute = now.replace(second=0, microsecond=0)
        while not is_slot(regular, minute):
            minute -= MINUTE
        assert regular.newest(now) == minute
        assert is_slot(regular, regular.next(now)) and regular.next(now) > now
        assert regular.newest(minute) == minute, "its own instant belongs to a slot"


def test_a_cadence_that_cannot_be_meant_is_refused():
    for wrong in ({}, {"every": 7}, {"every": 5, "daily": "02:00"}):
        with pytest.raises(ValueError):
            Regular("a", "leave_row", **wrong)


def keys() -> list[str]:
    return list(Job.objects.order_by("pk").values_list("key", flat=True))


def done() -> None:
    Job.objects.filter(state="waiting").update(state="done", ended_at=NOW)


def test_a_new_round_begins_with_its_next_slot_and_each_slot_comes_once(listed):
    assert tick(NOW) == []
    for seconds in range(0, 660, 30):
        tick(NOW + timedelta(seconds=seconds))
        done()
    assert keys() == ["five@2018-07-12T10:05+08:00", "five@2018-07-12T10:10+08:00"]


def test_three_missed_days_are_one_slot(listed):
    tick(NOW)
    tick(NOW + 3 * DAY)
    assert keys() == ["five@2018-07-15T10:00+08:00", "night@2018-07-15T02:20+08:00"]


def test_what_is_not_done_yet_is_not_asked_for_on_top(listed):
    tick(NOW)
    for minutes in range(5, 60, 5):
        tick(NOW + minutes * MINUTE)
    assert keys() == ["five@2018-07-12T10:05+08:00"]
    done()
    tick(NOW + 60 * MINUTE)
    assert keys()[1:] == ["five@2018-07-12T11:00+08:00"]


def test_what_waits_for_its_next_try_does_not_hold_up_the_next_slot(listed):
    tick(NOW)
    tick(NOW + 5 * MINUTE)
    Job.objects.update(tries=1, next_at=NOW + 125 * MINUTE)
    tick(NOW + 10 * MINUTE)
    assert len(keys()) == 2


def test_thirty_steps_of_the_clock_double_no_slot_and_lose_none(listed):
    """Ten days, a tick a minute; the clock steps by an hour or a day, and minutes later to where it belongs."""
    random = Random(30)
    steps = sorted(random.sample(range(10 * 1440), 30))
    tick(NOW)
    wrong, seen = timedelta(0), set()
    for minute in range(0, 10 * 1440, 5):
        if steps and minute >= steps[0]:
            steps.pop(0)
            sizes = [timedelta(hours=1), timedelta(hours=-1), DAY, -DAY]
            wrong = random.choice(sizes) if not wrong else timedelta(0)
        now = NOW + minute * MINUTE + wrong
        tick(now)
        done()
        seen.add(LISTED[0].newest(now))
    assert not steps
    found = keys()
    assert len(found) == len(set(found))
    fives = {key for key in found if key.startswith("five@")}
    assert fives == {rounds.key_of(LISTED[0], slot) for slot in seen - {LISTED[0].newest(NOW)}}
    nights = {key for key in found if key.startswith("night@")}
    assert {f"night@2018-07-{13 + n}T02:20+08:00" for n in range(9)} <= nights


def test_of_workers_that_tick_at_one_time_one_asks(listed, monkeypatch):
    """The second has read the round before the first moved it."""
    tick(NOW)
    before = {row.name: row for row in Round.objects.all()}
    later = NOW + 5 * MINUTE
    assert rounds._ask(LISTED[0], before, later)
    assert rounds._ask(LISTED[0], before, later) is None
    assert len(keys()) == 1


def test_every_round_is_of_a_kind_that_is_listed():
    listed = rounds.regulars()
    assert {regular.kind for regular in listed} <= set(kinds())
    assert len({regular.name for regular in listed}) == len(listed) >= 7


@pytest.mark.parametrize("kind", ["pushes", "clean_up", "purge_imports", "verify_chain", "clear_jobs",
                                  "pause_idle_accounts"])  # fmt: skip
def test_the_work_of_the_rounds_runs_and_may_run_twice(kind, issued, settings, tmp_path):
    settings.AUDIT_ANCHORS = tmp_path / "anchors.txt"
    run = import_string(kinds()[kind].run)
    for _ in range(2):
        said = run({}, at=NOW, tell=lambda done, total: None)
        assert len(said) < 300
