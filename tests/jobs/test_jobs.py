"""A job is asked for once by its key, taken once, tried again with waits, and ended only by who has it."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import transaction
from django_tasks import default_task_backend

from jobs import keeping, work
from jobs.models import LEASE, PATIENCE, Job, Round, Worker
from jobs.queue import ask, hand
from tests.conftest import at

NOW = at("2018-07-12 10:00")
State = Job.State
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def watched(settings):
    settings.JOBS, settings.ROUNDS = "tests.jobs.kinds.KINDS", "tests.jobs.kinds.ROUNDS"
    default_task_backend.clear()


def handed() -> list[int]:
    return [result.args[0] for result in default_task_backend.results]


def asked(kind: str = "leave_row", key: str = "", **more) -> Job:
    return ask(kind, key=key or kind, at=NOW, arguments={"n": 1}, **more)


@pytest.mark.django_db
def test_under_one_key_it_is_one_job(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert asked(key="a") == asked(key="a") != asked(key="b")
    assert len(handed()) == Job.objects.count() == 2


@pytest.mark.django_db
def test_nobody_asks_for_work_that_nobody_knows():
    with pytest.raises(ValueError, match="unknown kind"):
        asked("nothing")


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_was_never_asked_for():
    class Changed(Exception):
        pass

    with pytest.raises(Changed), transaction.atomic():
        asked()
        assert not handed(), "not before the commit"
        raise Changed
    assert not handed() and not Job.objects.exists()
    with transaction.atomic():
        job = asked()
    assert handed() == [job.pk]


@pytest.mark.django_db
def test_an_engine_that_is_away_costs_nothing_but_time(django_capture_on_commit_callbacks, monkeypatch, caplog):
    def away(*arguments):
        raise ConnectionError

    with monkeypatch.context() as broken, django_capture_on_commit_callbacks(execute=True):
        broken.setattr(type(work.run_job), "enqueue", away)
        job = asked()
        assert job.state == State.WAITING
    assert not handed()
    assert keeping.reap(NOW + MINUTE) == 1
    assert handed() == [job.pk]


@pytest.mark.django_db
def test_a_job_is_handed_over_again_only_when_it_was_not_begun_for_a_while():
    job = asked()
    assert hand(job.pk, NOW)
    assert not hand(job.pk, NOW + PATIENCE / 2) and keeping.reap(NOW + PATIENCE / 2) == 0
    assert keeping.reap(NOW + PATIENCE) == 1
    assert work.do(job.pk, NOW + PATIENCE) == State.DONE
    assert keeping.reap(NOW + 10 * PATIENCE) == 0 and handed() == [job.pk] * 2


@pytest.mark.django_db
def test_a_number_that_comes_twice_is_done_once():
    job = asked()
    assert [work.do(job.pk, NOW), work.do(job.pk, NOW), work.do(job.pk, NOW + 2 * LEASE)] == [State.DONE, "", ""]
    assert Round.objects.count() == 1


@pytest.mark.django_db
def test_a_living_worker_keeps_its_job_and_a_dead_ones_is_taken():
    job = asked()
    first = work.take(job.pk, NOW)
    assert first and first.lease_until == NOW + LEASE
    assert work.take(job.pk, NOW + LEASE) is None
    second = work.take(job.pk, NOW + LEASE + timedelta(seconds=1))
    assert second and second.tries == 2
    # The later one is believed: the first, should it still live, ends nothing.
    assert work._end(first, work.Lease(first), State.FAILED, "") == ""
    assert work._end(second, work.Lease(second), State.DONE, "") == State.DONE


@pytest.mark.django_db
def test_work_for_later_waits_for_its_time():
    job = asked(not_before=NOW + 10 * MINUTE)
    assert keeping.reap(NOW + 9 * MINUTE) == 0 and work.take(job.pk, NOW + 9 * MINUTE) is None
    assert keeping.reap(NOW + 10 * MINUTE) == 1 and work.take(job.pk, NOW + 10 * MINUTE)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["break_down", "lost"])
def test_what_fails_is_tried_five_times_with_waits_and_then_given_up(kind, caplog):
    caplog.set_level(logging.ERROR)
    job, now = asked(kind), NOW
    for wait in (1, 5, 30, 120):
        assert work.do(job.pk, now) == State.WAITING
        job.refresh_from_db()
        assert abs(job.next_at - now - wait * MINUTE) < timedelta(seconds=5)
        assert work.take(job.pk, job.next_at - 10 * timedelta(seconds=1)) is None
        now = job.next_at
        assert keeping.reap(now) == 1
    assert work.do(job.pk, now) == State.FAILED
    job.refresh_from_db()
    why = {"break_down": "RuntimeError", "lost": "ModuleNotFoundError"}[kind]
    assert job.said == f"试了5次，都没有办成：{why}", "the class alone, not what people wrote"
    assert "陈静" not in job.said and len(caplog.records) == 5 and caplog.records[0].exc_info
    # Its neighbour is done all the same.
    assert work.do(asked().pk, now) == State.DONE


@pytest.mark.django_db
def test_what_cannot_be_done_says_why_and_is_not_tried_again():
    job = asked("refuse")
    assert work.do(job.pk, NOW) == State.FAILED
    job.refresh_from_db()
    assert (job.tries, job.said) == (1, "留底文件不在。")


@pytest.mark.django_db
def test_a_job_that_ends_every_worker_is_given_up():
    job, now = asked(), NOW
    for _ in range(5):
        assert work.take(job.pk, now)
        now += 2 * LEASE
    assert keeping.reap(now) == 0
    job.refresh_from_db()
    assert (job.state, job.said) == (State.FAILED, "执行的进程中断了5次")


@pytest.mark.django_db
@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1)])
def test_a_clock_set_back_keeps_no_job_waiting(back):
    """What was asked for by the fast clock, and what was being done then by a worker that died."""
    waiting, held = asked(key="a"), asked(key="b")
    assert work.take(held.pk, NOW)
    assert work.do(waiting.pk, NOW - back) == work.do(held.pk, NOW - back) == State.DONE


@pytest.mark.django_db
def test_how_far_the_work_is_stands_in_its_row_at_the_end(tmp_path):
    job = ask("steps", key="steps", at=NOW, arguments={"log": str(tmp_path / "log")})
    assert work.do(job.pk, NOW) == State.DONE
    job.refresh_from_db()
    assert (job.done, job.total, job.said) == (20, 20, "20步")


@pytest.mark.django_db
def test_what_is_over_is_cleared_by_its_age():
    ages = {"leave_row": (1, 3, 40), "steps": (3, 29, 31)}  # the first kind comes round every minute
    for kind, days in ages.items():
        for n in days:
            job = asked(kind, key=f"{kind} {n}")
            ended = NOW - timedelta(days=n)
            Job.objects.filter(pk=job.pk).update(state=State.DONE, ended_at=ended)
    asked(key="still waiting")
    keeping.prune(NOW)
    assert set(Job.objects.values_list("key", flat=True)) == {"leave_row 1", "steps 3", "steps 29", "still waiting"}
    keeping.beat("a", NOW, NOW)
    keeping.beat("b", NOW, NOW + timedelta(days=1, seconds=1))
    assert [worker.name for worker in Worker.objects.all()] == ["b"]
