"""A grant and a filing, or two grants, at the same moment: whichever comes first, the outcome is one that is right."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from plan.changing import change
from plan.models import Duty, DutyChange, Filing, Relief
from plan.moves import move as file_move
from plan.reliefs import move
from tests.conftest import World, at, issue_2018, make_world
from tests.plan.filed import duty_of, report
from tests.plan.test_races import together
from tests.plan.test_reliefs import asked, colleague, extension

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
# Past the deadline of the branch's own plan of work: the filing is late, unless the extension is in force.
NOW = at("2019-01-05 10:00")


@pytest.fixture
def ready(transactional_db) -> World:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    issue_2018(world)
    colleague(world)
    return world


def seconded(world: World, key: str) -> tuple[Relief, Duty]:
    duty = duty_of(world, "I2")
    relief = asked(world, extension(duty), key=key, moment=NOW)
    return move(relief, "second", access=world.access("office", NOW)), duty


def consistent(duty: Duty, filing: Filing) -> str:
    """What came first, from what is kept; the marks of the duty and of the filing must agree."""
    duty.refresh_from_db()
    filing.refresh_from_db()
    extended = DutyChange.objects.filter(duty=duty).exists()
    assert duty.settled_by_id == filing.pk
    # In force before the filing, it was in time; else it was late, and the duty was not touched.
    assert filing.is_late is not extended
    assert (duty.done_at >= duty.due_at) is filing.is_late
    return "grant" if extended else "file"


def test_a_grant_and_a_filing_of_one_second_agree_on_punctuality(ready: World) -> None:
    orders = set()
    for n in range(12):
        relief, duty = seconded(ready, f"k{n}")
        filing = report(ready, NOW)
        secretary, other = ready.access("secretary", NOW), ready.access("colleague", NOW)

        def act(who: int, relief=relief, filing=filing, secretary=secretary, other=other, n=n) -> str:
            if who == 0:
                time.sleep(0.004 * (n % 3))
                return file_move(filing, "file", access=secretary, late_reason="外出").state
            time.sleep(0.004 * (n % 2))
            return move(relief, "grant", access=other).state

        assert together(act, 2) == ["filed", "granted"]
        orders.add(consistent(duty, filing))
        reset(duty)
    assert orders <= {"grant", "file"}


def reset(duty: Duty) -> None:
    DutyChange.objects.all().delete()
    due = at("2019-01-01 00:00")
    Duty.objects.filter(pk=duty.pk).update(
        settled_at=None, done_at=None, settled_by=None, due_at=due, late_at=due, changed_at=None
    )


@pytest.mark.parametrize("first", ["grant", "file"])
def test_who_comes_second_waits_and_looks_again(ready: World, first: str) -> None:
    """The first holds its lock until the second stands before it: the second's answer is of what it then finds."""
    relief, duty = seconded(ready, "k")
    filing = report(ready, NOW)
    secretary, other = ready.access("secretary", NOW), ready.access("colleague", NOW)
    acts = {
        "grant": lambda: move(relief, "grant", access=other),
        "file": lambda: file_move(filing, "file", access=secretary, late_reason="外出"),
    }
    second = acts["file" if first == "grant" else "grant"]
    inside = threading.Event()

    def act(who: int) -> str:
        if who:
            assert inside.wait(10)
            return second().state
        with transaction.atomic():
            state = acts[first]().state
            inside.set()
            time.sleep(0.5)
        return state

    assert set(together(act, 2)) == {"filed", "granted"}
    assert consistent(duty, filing) == first


def test_the_control_without_the_lock_extends_what_is_settled(ready: World) -> None:
    """Look first, then write, as the door does not go: the settled duty is given another day all the same."""
    relief, duty = seconded(ready, "k")
    filing = report(ready, NOW)
    looked, filed = threading.Event(), threading.Event()

    def act(who: int) -> str:
        if who:
            assert looked.wait(10)
            state = file_move(filing, "file", access=ready.access("secretary", NOW), late_reason="外出").state
            filed.set()
            return state
        mine = Duty.objects.filter(pk=duty.pk, settled_at__isnull=True)
        pks = [one.pk for one in mine]
        looked.set()
        assert filed.wait(10)
        change(
            Duty.objects.filter(pk__in=pks), at=NOW, by=ready.users["colleague"], why="延期",
            due_at=NOW + timedelta(days=9), relief=relief,
        )  # fmt: skip
        return "granted"

    assert together(act, 2) == ["granted", "filed"]
    with pytest.raises(AssertionError):
        consistent(duty, filing)


def test_of_two_second_persons_one_grants(ready: World) -> None:
    colleague(ready, "third", "18502")
    for n in range(5):
        relief, duty = seconded(ready, f"k{n}")
        accesses = [ready.access(who, NOW) for who in ("colleague", "third")]

        def grant(who: int, relief: Relief = relief, accesses: list[Any] = accesses) -> str:
            return move(relief, "grant", access=accesses[who]).state

        answers = together(grant, 2)
        assert sorted(answers) == ["AlreadyDecided", "granted"]
        assert DutyChange.objects.filter(duty=duty).count() == 1
        reset(duty)


def test_of_two_first_persons_one_is_the_first_and_the_other_is_told(ready: World) -> None:
    relief = asked(ready, extension(duty_of(ready, "I2")), moment=NOW)
    accesses = [ready.access(who, NOW) for who in ("office", "colleague")]
    answers = together(lambda who: move(relief, "second", access=accesses[who]).state, 2)
    assert sorted(answers) == ["AlreadyDecided", "seconded"]
