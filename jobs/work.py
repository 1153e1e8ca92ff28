"""Doing one job: taken by one conditional UPDATE, kept by a lease, ended only by who still has it.

The engine (settings.TASKS) brings nothing but the job's number. A number that comes twice finds the job taken; one
whose worker died is brought again when the lease is over. Of two workers on one job the later one is believed.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from datetime import datetime, timedelta

from django.db import Error, connection
from django.db.models import F, Q
from django.utils.module_loading import import_string
from django_tasks import task

from branches import clock
from jobs.models import LEASE, SLACK, Job
from jobs.queue import NotDone, kinds

log = logging.getLogger(__name__)

State = Job.State
# How long after the first, second … try the next one comes.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120))
TRIES = len(WAITS) + 1
RENEWED = LEASE.total_seconds() / 4  # seconds between two renewals of a lease
TOLD = 1.0  # seconds between two writings of how far the work is


@task()
def run_job(job_id: int) -> str:
    """What every engine runs."""
    return do(job_id, clock.current_instant())


def do(job_id: int, now: datetime) -> str:
    """Do the job if it is there to be taken; gives the state it is in afterwards, or nothing where others have it."""
    job = take(job_id, now)
    if job is None:
        return ""
    lease = Lease(job)
    try:
        with lease:
            said = import_string(kinds()[job.kind].run)(job.arguments, at=now, tell=lease.tell)
    except NotDone as reason:
        return _end(job, lease, State.FAILED, str(reason))
    except Exception as error:
        log.exception("job %s failed, try %s", job.key, job.tries)
        # The class alone: a message may quote what people wrote.
        return _put_off(job, lease, type(error).__name__)
    return _end(job, lease, State.DONE, said or "")


def take(job_id: int, now: datetime) -> Job | None:
    """Make the job one's own, or None: it is not due, done already, or another worker has it and lives."""
    jobs = Job.objects.filter(pk=job_id)
    # A little early is on time: the clock of the process that asked may be a little ahead.
    free = jobs.due(now + SLACK) | jobs.abandoned(now)
    mine = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
    taken = free.update(
        state=State.RUNNING, tries=F("tries") + 1, lease_until=now + LEASE, holder=mine, began_at=now, said="",
        handed_at=None, done=0, total=0,
    )  # fmt: skip
    return Job.objects.get(pk=job_id) if taken and Job.objects.filter(pk=job_id, holder=mine).exists() else None


def _mine(job: Job) -> Q:
    return Q(pk=job.pk, state=State.RUNNING, holder=job.holder)


def _end(job: Job, lease: Lease, state: str, said: str) -> str:
    ended = Job.objects.filter(_mine(job)).update(
        state=state, said=said[:300], ended_at=lease.now(), lease_until=None, done=lease.done, total=lease.total
    )
    return state if ended else ""


def _put_off(job: Job, lease: Lease, why: str) -> str:
    """Wait for the next try, or give up."""
    if job.tries >= TRIES:
        return _end(job, lease, State.FAILED, f"试了{job.tries}次，都没有办成：{why}")
    put_off = Job.objects.filter(_mine(job)).update(
        state=State.WAITING, lease_until=None, handed_at=None, next_at=lease.now() + WAITS[job.tries - 1],
        said=f"第{job.tries}次没有办成：{why}"[:300],
    )  # fmt: skip
    return State.WAITING if put_off else ""


def give_up(now: datetime) -> int:
    """End the jobs whose workers died at every try; gives how many."""
    lost = Job.objects.abandoned(now).filter(tries__gte=TRIES)
    if not lost.exists():  # the usual case, which locks nothing
        return 0
    return lost.update(state=State.FAILED, ended_at=now, lease_until=None, said=f"执行的进程中断了{TRIES}次")


class Lease:
    """Keeps a job one's own while the process lives, and writes down how far it is, from a thread of its own.

    The work may say nothing for long, and may hold a transaction: then what it tells is written when it is over.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.done = self.total = 0
        self._began, self._at = time.monotonic(), job.began_at
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name=f"lease of job {job.pk}")

    def now(self) -> datetime:
        """The instant at which the job was taken, and the time since."""
        assert self._at is not None  # noqa: S101 - a taken job has it
        return self._at + timedelta(seconds=time.monotonic() - self._began)

    def tell(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        written, renewed = (0, 0), time.monotonic()
        try:
            while not self._over.wait(TOLD):
                told = (self.done, self.total)
                if told == written and time.monotonic() - renewed < RENEWED:
                    continue
                try:
                    kept = Job.objects.filter(_mine(self.job)).update(
                        lease_until=clock.current_instant() + LEASE, done=told[0], total=told[1]
                    )
                except Error:
                    continue  # the work itself holds the database: the next second asks again
                if not kept:
                    log.warning("job %s was taken over by another worker", self.job.pk)
                    return
                written, renewed = told, time.monotonic()
        finally:
            connection.close()
