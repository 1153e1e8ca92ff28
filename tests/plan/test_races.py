"""What several people do at the same moment: one wins, the others lose politely, nothing is doubled.

Only PostgreSQL shows such races (SQLite lets one writer in at a time): each runs there, beside a control that fails.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection, connections

from plan.models import Duty, Filing, Move, Paper, Version
from plan.moves import AlreadyMoved, begin, claim, move
from plan.opening import open_duties
from tests.conftest import World, at, issue_2018, make_world

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

CLICKS = 8


@pytest.fixture
def ready(transactional_db) -> World:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    issue_2018(world)
    return world


def paper(world: World) -> Filing:
    access = world.access("secretary", at("2018-07-02 10:00"))
    filing = begin(
        kind="paper", access=access, title="承诺", year=2018, branch=world.first, desk="office", handling="approve"
    )
    Paper.objects.create(
        filing=filing, requirement=world.plan.requirements.get(code="C1"), done_on=date(2018, 7, 1), content="内容。"
    )
    claim(filing, {Duty.objects.get(code="C1", branch=world.first).pk}, access.now)
    return filing


def together(act: Callable[[int], str], times: int = CLICKS) -> list[str]:
    """Run `act` in so many threads at once, each with its own connection; gives what each returned."""
    barrier, answers = threading.Barrier(times), [""] * times

    def one(n: int) -> None:
        try:
            barrier.wait(10)
            answers[n] = act(n)
        except Exception as error:  # the test tells what came out
            answers[n] = type(error).__name__
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_many_clicks_on_file_make_one_filing(ready: World) -> None:
    for _ in range(5):
        filing = paper(ready)
        Duty.objects.filter(code="C1").update(settled_at=None, done_at=None, settled_by=None)
        access = ready.access("secretary", at("2018-07-03 09:00"))

        def click(_: int, filing: Filing = filing, access=access) -> str:
            return move(filing, "file", access=access).state

        answers = together(click)
        assert sorted(answers) == sorted([AlreadyMoved.__name__] * (CLICKS - 1) + ["filed"])
        assert Version.objects.filter(filing=filing).count() == 1
        assert Move.objects.filter(filing=filing, name="file").count() == 1


def test_the_control_without_the_lock_files_more_than_once(ready: World) -> None:
    """Look first, then write: the way the door does not go. It must double, or the test above proves nothing."""
    doubled = 0
    for _ in range(10):
        filing = paper(ready)
        look = threading.Barrier(CLICKS)

        def naive(n: int, filing: Filing = filing, look: threading.Barrier = look) -> str:
            fresh = Filing.objects.get(pk=filing.pk)
            look.wait(10)
            if fresh.state != "draft":
                return "late"
            Move.objects.create(
                filing=fresh, name="file", made_at=at("2018-07-03 09:00"), made_by=ready.users["secretary"],
                from_state="draft", to_state="filed",
            )  # fmt: skip
            return "filed"

        doubled += together(naive).count("filed") > 1
    assert doubled == 10


def test_received_and_sent_back_at_once_one_wins(ready: World) -> None:
    for round_ in range(5):
        filing = paper(ready)
        Duty.objects.filter(code="C1").update(settled_at=None, done_at=None, settled_by=None)
        move(filing, "file", access=ready.access("secretary", at("2018-07-03 09:00")))
        access = ready.access("office", at("2018-07-03 10:00"))

        def decide(n: int, filing: Filing = filing, access=access) -> str:
            return move(filing, "approve" if n % 2 else "send_back", access=access, note="请补充。").state

        answers = together(decide)
        steps = list(Move.objects.filter(filing=filing).order_by("pk").values_list("from_state", "to_state"))
        # The course is unbroken: each step begins where the one before it ended.
        assert all(before[1] == after[0] for before, after in itertools.pairwise(steps)), (round_, steps)
        filing.refresh_from_db()
        assert filing.state == steps[-1][1]
        assert "AlreadyMoved" in answers


def test_receipt_numbers_are_given_once(ready: World) -> None:
    filings = [paper(ready) for _ in range(CLICKS)]
    access = ready.access("secretary", at("2018-07-03 09:00"))
    answers = together(lambda n: move(filings[n], "file", access=access).receipt or "")
    assert sorted(answers) == [f"2018-01-{n:04d}" for n in range(1, CLICKS + 1)]


def test_two_openings_at_once_add_each_duty_once(ready: World) -> None:
    expected = Duty.objects.count()
    Duty.objects.all().delete()
    answers = together(lambda _: str(open_duties(ready.plan, at=at("2018-06-11 09:00"))), 4)
    assert Duty.objects.count() == expected
    assert sum(int(a) for a in answers) == expected
