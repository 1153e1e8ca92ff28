"""Deadlines: 20,000 against an oracle that counts days by hand, and filings one microsecond around the instant."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from chinese_calendar.constants import holidays, workdays
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from branches.clock import current_instant
from plan import moves
from plan.cadence import SHANGHAI
from plan.changing import change
from plan.document import RequirementSpec, Settings
from plan.models import Duty, Filing, Standing
from plan.moves import move
from plan.workdays import Calendar, Special
from tests.conftest import World, at, issue_2018, make_world
from tests.plan.filed import paper_by
from tests.plan.test_cadence import CALENDAR, PLACE, day_at

MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000  # microseconds
EPOCH = PLACE[1990, 1, 1]
SINCE = datetime(1990, 1, 1, tzinfo=UTC)

# ------------------------------------------------------------------------------- 20,000 instants against an oracle

WANTED = 20_000
MONTH_DAYS = [
    "01-01",
    "01-31",
    "02-28",
    "02-29",
    "03-01",
    "04-30",
    "06-30",
    "07-10",
    "07-11",
    "09-30",
    "10-01",
    "12-31",
]
Windows = list[tuple[int, int, int]]  # places of first day, last day and named day


def month_day(choose: random.Random) -> str:
    if choose.random() < 0.5:
        return choose.choice(MONTH_DAYS)
    _, month, day, _ = CALENDAR[PLACE[2016, 1, 1] + choose.randrange(366)]
    return f"{month:02}-{day:02}"


def some_cadence(choose: random.Random) -> dict:
    kind = choose.choice(["week", "month", "once_by", "setting", "on", "continuous", "year_end"])
    if kind == "week":
        return {"every": "week"}
    if kind == "month":
        return {"every": "month", "months": choose.choice([1, 2, 3, 4, 6])}
    if kind == "once_by":
        return {"once_by": month_day(choose), "before": choose.random() < 0.5}
    if kind == "setting":
        return {"once_by": {"setting": "pledge_due"}, "before": choose.random() < 0.5}
    if kind == "on":
        ends = sorted({month_day(choose) for _ in range(6)} - {"02-29"})
        spans = [list(pair) for pair in zip(ends[::2], ends[1::2], strict=False)]
        plus = choose.choice([0, choose.randrange(40), {"setting": "circular_days"}])
        return {"on": spans, "plus_days": plus}
    return {kind: True}


def some_settings(choose: random.Random) -> Settings:
    return Settings(
        deadline_inclusive=choose.random() < 0.5, next_day=choose.choice(["calendar", "working"]),
        holiday_policy=choose.choice(["none", "next_working", "before"]),
        vacation_months=tuple(sorted(choose.sample(range(1, 13), choose.choice([0, 0, 1, 2, 3])))),
        small_branch_committee=choose.choice(["exempt", "monthly", "owed"]), seminar_windows="fixed",
        year_end_from=choose.choice(["12-01", "10-01"]), pledge_due=month_day(choose),
        circular_days=choose.randrange(31), register_days=7, fixed_actions=(),
    )  # fmt: skip


def some_days(choose: random.Random, year: int) -> dict[int, bool]:
    """The office's own days, by their places: worked or not."""
    if choose.random() < 0.5:
        return {}
    return {PLACE[year, 1, 1] + choose.randrange(400): choose.random() < 0.5 for _ in range(30)}


def works(place: int, own: dict[int, bool]) -> bool:
    """The office first, then the notices' own tables, then the day of the week."""
    if place in own:
        return own[place]
    day = day_at(place)
    return day in workdays or (day not in holidays and CALENDAR[place][3] < 5)


def walk(place: int, step: int, own: dict[int, bool]) -> int:
    place += step
    while not works(place, own):
        place += step
    return place


def ending(year: int, text: str) -> int:
    """The last day of the year that is not after the named one: 29 February is the 28th in common years."""
    named = (int(text[:2]), int(text[3:]))
    return max(p for p in range(PLACE[year, 1, 1], PLACE[year + 1, 1, 1]) if CALENDAR[p][1:3] <= named)


def counted(year: int, cadence: dict, settings: Settings, small: bool) -> Windows:
    first, last = PLACE[year, 1, 1], PLACE[year + 1, 1, 1] - 1
    if small and settings.small_branch_committee == "exempt":
        return []
    months = cadence.get("months", 1)
    weekly = cadence.get("every") == "week"
    if small and settings.small_branch_committee == "monthly":
        months, weekly = 1, False
    found: Windows = []
    if "every" in cadence or (small and settings.small_branch_committee == "monthly"):
        if weekly:
            mondays = [p for p in range(first - 7, last + 1) if CALENDAR[p][3] == 0 and CALENDAR[p + 3][0] == year]
            found = [(p, p + 6, p + 6) for p in mondays]
        else:
            begins = [
                p for p in range(first, last + 2) if CALENDAR[p][2] == 1 and CALENDAR[p][1] % months == 1 % months
            ]
            found = [(a, b - 1, b - 1) for a, b in itertools.pairwise(begins)]
        if "every" in cadence and settings.vacation_months:
            held = set(settings.vacation_months)
            found = [w for w in found if not {CALENDAR[p][1] for p in range(w[0], w[1] + 1)} <= held]
    elif "once_by" in cadence:
        text = cadence["once_by"] if isinstance(cadence["once_by"], str) else settings.pledge_due
        found = [(first, ending(year, text), ending(year, text))]
    elif "on" in cadence:
        plus = settings.circular_days if isinstance(cadence["plus_days"], dict) else cadence["plus_days"]
        found = [(ending(year, a), ending(year, b), ending(year, b) + plus) for a, b in cadence["on"]]
    elif "year_end" in cadence:
        found = [(ending(year, settings.year_end_from), last, last)]
    else:
        found = [(first, last, last)]
    return found


def due_place(named: int, cadence: dict, settings: Settings, own: dict[int, bool]) -> int:
    if ("once_by" in cadence or "on" in cadence) and not works(named, own):
        step = {"next_working": 1, "before": -1}.get(settings.holiday_policy)
        return walk(named, step, own) if step else named
    return named


def microseconds(moment: datetime) -> int:
    """Since the first midnight of 1990 in Shanghai, whose clock has been eight hours ahead since 1992."""
    return (moment - SINCE) // MICROSECOND + DAY // 3


def spec_of(cadence: dict, by_size: bool) -> RequirementSpec:
    return RequirementSpec(
        code="S1", clause="一.1", title="某事", quotes=(), owners=("branch",), cadence=cadence, proof="paper",
        receiver="office", handling="inform", evidence="", by_size=by_size,
    )  # fmt: skip


def test_twenty_thousand_deadlines_fall_where_days_counted_by_hand_say() -> None:
    choose = random.Random(20180712)
    done: Counter[str] = Counter()
    while sum(done.values()) < WANTED:
        year, cadence, settings = choose.randint(2015, 2035), some_cadence(choose), some_settings(choose)
        own, small = some_days(choose, year), choose.random() < 0.3
        calendar = Calendar(tuple(Special(day_at(p), worked, "校历") for p, worked in sorted(own.items())))
        windows = spec_of(cadence, small).windows(year, settings, small=small, calendar=calendar)
        expected = counted(year, cadence, settings, small)
        told = (year, cadence, settings, small)
        assert [(w.starts_on, w.ends_on, w.named_on) for w in windows] == [
            tuple(day_at(p) for p in one) for one in expected
        ], told
        monthly = small and settings.small_branch_committee == "monthly"
        counts_the_day = settings.deadline_inclusive or not cadence.get("before") or monthly
        for window, (_, _, named) in zip(windows, expected, strict=True):
            place = due_place(named, cadence, settings, own)
            due = (place - EPOCH + counts_the_day) * DAY
            assert microseconds(window.due_at) == due, told
            # In time is who files on the last day that counts or before it, by the clock on Shanghai's wall.
            for filed_at in (window.due_at - MICROSECOND, window.due_at, window.due_at + MICROSECOND):
                day = microseconds(filed_at) // DAY + EPOCH
                assert (filed_at < window.due_at) == (day <= place if counts_the_day else day < place), told
            done[next(iter(cadence))] += 1
    assert min(done.values()) > 200, done


def test_the_day_after_an_activity_is_counted_from_the_day_on_which_it_ended() -> None:
    choose = random.Random(712)
    for _ in range(4000):
        year, settings = choose.randint(2015, 2035), some_settings(choose)
        own, days = some_days(choose, year), choose.choice([0, 1, 1, 1, 2, 7])
        calendar = Calendar(tuple(Special(day_at(p), worked, "校历") for p, worked in sorted(own.items())))
        ended = PLACE[year, 1, 1] + choose.randrange(365)
        # Mostly within a microsecond of midnight, when one day becomes the next.
        into = choose.choice([0, 1, DAY - 1, choose.randrange(DAY)])
        ended_at = SINCE + ((ended - EPOCH) * DAY - DAY // 3 + into) * MICROSECOND
        place = ended
        for _ in range(days):
            place = walk(place, 1, own) if settings.next_day == "working" else place + 1
        spec = spec_of({"event": "gathering", "days_after": days}, False)
        for zone in (UTC, SHANGHAI):
            due_at = spec.event_due_at(ended_at.astimezone(zone), settings, calendar)
            assert microseconds(due_at) == (place + 1 - EPOCH) * DAY, (ended_at, days, settings)


# ------------------------------------------------------------------------------------- filings around the instant


def owed(world: World, n: int, due_at: datetime) -> Duty:
    """One more duty of the first branch, due at exactly that instant."""
    assert world.plan is not None
    day = date(2018, 1, 1) + timedelta(days=n)
    return Duty.objects.create(
        requirement=world.plan.requirements.get(code="I2"), code="I2", committee=world.committee, branch=world.first,
        year=2018, period=f"第{n}项", starts_on=day, ends_on=day, due_at=due_at, late_at=due_at,
        opened_at=at("2018-01-01 09:00"),
    )  # fmt: skip


def send(client: Client, filing: Filing, reason: str = "") -> int:
    asked = {"name": "file", "late_reason": reason}
    return client.post(reverse("plan:filing_move", args=[filing.pk]), asked).status_code


# What happens to the deadline before the filing, and after it; by how many days.
AROUND = {
    "plain": (None, None),
    "extended": (3, None),
    "extended and ended": ("ended", None),
    "extended when it was too late": (None, 30),
    "shortened when it was done": (None, -30),
}


@pytest.mark.django_db
def test_of_two_hundred_filings_across_the_instant_none_is_judged_wrongly(issued: World, login, clock) -> None:
    choose = random.Random(200)
    client, office = login("secretary"), issued.users["office"]
    requests, wrong, judged = 0, [], Counter()
    n = 0
    while requests < 200:
        n += 1
        due_at = at("2018-07-02 00:00") + timedelta(
            days=choose.randrange(150), microseconds=choose.choice([0, 0, 123_456])
        )
        how, (before, after) = choose.choice(list(AROUND.items()))
        duty = owed(issued, n, due_at)
        clock(f"{due_at - timedelta(days=1):%Y-%m-%d %H:%M:%S.%f}")
        filing = paper_by(issued.access("secretary", due_at - timedelta(days=1)), duty)
        mine, held = Duty.objects.filter(pk=duty.pk), due_at
        if before:
            held = due_at + timedelta(days=3)
            change(mine, at=due_at - timedelta(hours=1), by=office, why="延期", due_at=held)
        if before == "ended":
            change(mine, at=due_at - timedelta(minutes=1), by=office, why="延期终止", due_at=due_at)
            held = due_at
        moment = choose.choice([due_at, held]) + choose.choice([-1, 0, 1]) * MICROSECOND
        clock(f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S.%f}")
        late = moment >= held
        stood = Duty.objects.with_standing(moment).get(pk=duty.pk).standing
        # Without a reason the late one is asked for it, and only that one.
        status = send(client, filing)
        requests += 1
        if status != (422 if late else 302):
            wrong.append((how, moment, "asked", status))
        if status == 422:
            assert send(client, filing, "书记出差") == 302
            requests += 1
        filing.refresh_from_db()
        if after:
            change(mine, at=moment + timedelta(hours=1), by=office, why="调整", due_at=due_at + timedelta(days=after))
        later = Duty.objects.with_standing(moment + timedelta(days=2)).get(pk=duty.pk)
        page = client.get(filing.get_absolute_url()).content.decode()
        said = (stood == Standing.OVERDUE, filing.is_late, later.was_late, "补报" in page)
        if said != (late,) * 4 or filing.filed_at != moment or later.standing != Standing.FILED:
            wrong.append((how, moment, said))
        judged[how, late] += 1
    assert wrong == []
    assert {how for how, _ in judged} == set(AROUND) and {late for _, late in judged} == {True, False}


@pytest.fixture
def ready(transactional_db) -> World:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    issue_2018(world)
    return world


def in_threads(*acts) -> None:
    """Each in a thread with its own connection; what any of them raises, the test raises."""
    failed: list[BaseException] = []

    def one(act) -> None:
        try:
            act()
        except BaseException as error:  # the test tells what came out
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed, failed


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_many_at_once_around_the_instant_are_judged_by_the_servers_clock(ready: World) -> None:
    judged: Counter[bool] = Counter()
    begun = ready.access("secretary", at("2018-07-02 10:00"))
    for round_ in range(3):
        duties = [owed(ready, 100 * round_ + n, at("2030-01-01 00:00")) for n in range(1, 13)]
        drafts = [paper_by(begun, duty) for duty in duties]
        due_at = current_instant() + timedelta(seconds=2)
        Duty.objects.filter(pk__in=[duty.pk for duty in duties]).update(due_at=due_at, late_at=due_at)

        def send_at(n: int, drafts: list[Filing] = drafts, due_at: datetime = due_at) -> None:
            # Some go at once, the others within hundredths of a second of the instant.
            if n > 2:
                time.sleep(max(0.0, (due_at - current_instant()).total_seconds() + (n - 7) / 100))
            move(drafts[n], "file", access=ready.access("secretary", current_instant()), late_reason="晚了")

        in_threads(*(lambda n=n: send_at(n) for n in range(12)))
        for filing in Filing.objects.filter(pk__in=[draft.pk for draft in drafts]):
            duty = Duty.objects.with_standing(current_instant()).get(settled_by=filing)
            assert filing.is_late == duty.was_late == (filing.filed_at >= due_at)
            judged[filing.is_late] += 1
    assert judged[True] and judged[False], "the threads came all before the instant, or all after it"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_extension_waits_for_a_filing_that_is_being_judged(ready: World, monkeypatch) -> None:
    """Receipt, mark and standing are decided by one deadline, even if another one is granted in between."""
    due_at = at("2018-07-12 00:00")
    duty = owed(ready, 1, due_at)
    filing = paper_by(ready.access("secretary", at("2018-07-10 10:00")), duty)
    judging, order = threading.Event(), []
    number = moves._next_receipt

    def slowly(filing: Filing) -> str:
        judging.set()
        time.sleep(0.7)
        order.append("filed")
        return number(filing)

    monkeypatch.setattr(moves, "_next_receipt", slowly)

    def send_late() -> None:
        move(filing, "file", access=ready.access("secretary", at("2018-07-12 10:00")), late_reason="出差")

    def extend() -> None:
        assert judging.wait(10)
        mine = Duty.objects.filter(pk=duty.pk)
        # Asked a moment before the filing, granted while that one is being judged.
        change(mine, at=at("2018-07-12 09:59"), by=None, why="延期", due_at=at("2018-07-20 00:00"))
        order.append("extended")

    in_threads(send_late, extend)
    assert order == ["filed", "extended"]
    filing.refresh_from_db()
    judged = Duty.objects.with_standing(at("2018-07-13 10:00")).get(pk=duty.pk)
    assert (filing.is_late, judged.was_late, judged.judged_due_at) == (True, True, due_at)
    assert judged.due_at == at("2018-07-20 00:00")
