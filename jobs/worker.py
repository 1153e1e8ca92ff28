"""The worker process: one thread keeps (says that it lives, ticks, hands over), the main one does the work.

Any number of them may run, on any number of machines: ticks and jobs are taken by conditional UPDATEs.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from branches import clock
from jobs import keeping, rounds

log = logging.getLogger(__name__)

# Seconds: between two looks into the queue, between two rounds of keeping, between two signs of life.
LOOKS, KEEPS = 1.0, 5.0
BEATS = timedelta(seconds=15)


class Working:
    """One worker, until it is told to end: it finishes what it is doing and leaves."""

    def __init__(self, parent: int = 0) -> None:
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self.parent = parent
        self.over = threading.Event()
        # What failed last, by what failed: the same trouble every second is told once.
        self.troubles: dict[str, str] = {}

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        keeper = threading.Thread(target=self._keep, daemon=True, name="keeper")
        keeper.start()
        try:
            (self._work_redis if settings.QUEUE == "rq" else self._work_database)()
        finally:
            self.over.set()
            keeper.join(timeout=10)
            try:
                keeping.sign_off(self.name)
            except DatabaseError:
                log.warning("worker %s could not sign off", self.name)

    def _told(self, number: int, frame: FrameType | None) -> None:
        self.over.set()

    # ----------------------------------------------------------------------------------------------------- keeping

    def _keep(self) -> None:
        began_at, beaten_at = clock.current_instant(), None
        try:
            while True:
                now = clock.current_instant()
                if beaten_at is None or abs(now - beaten_at) >= BEATS:
                    beaten_at = now if self._quietly(keeping.beat, self.name, began_at, now) else None
                self._quietly(rounds.tick, now)
                self._quietly(keeping.reap, now)
                close_old_connections()
                if self._waits_until_over(KEEPS):
                    return
        finally:
            connection.close()

    def _quietly(self, does: Callable[..., object], *arguments: object) -> bool:
        """A database that is away for a moment, or one round that fails, does not end the keeping."""
        try:
            does(*arguments)
        except Exception as error:
            self._tell(getattr(does, "__name__", str(does)), error)
            return False
        self.troubles.pop(getattr(does, "__name__", str(does)), None)
        return True

    def _tell(self, what: str, error: Exception) -> None:
        """A trouble that lasts (no tables yet, the database away) is logged when it begins, not every second."""
        told, words = self.troubles.get(what), f"{type(error).__name__}: {error}"
        self.troubles[what] = words
        if told == words:
            return
        if isinstance(error, DatabaseError):
            log.error("%s failed, and is tried again: %s", what, words)
        else:
            log.error("%s failed", what, exc_info=error)

    def _waits_until_over(self, seconds: float) -> bool:
        """Wait a second at a time; a worker whose web server has died ends as well."""
        while seconds > 0:
            if self.parent and os.getppid() != self.parent:
                # The signal also ends the wait of an engine that has its own.
                os.kill(os.getpid(), signal.SIGTERM)
                return True
            if self.over.wait(min(seconds, 1.0)):
                return True
            seconds -= 1.0
        return False

    # ----------------------------------------------------------------------------------------------------- working

    def _work_database(self) -> None:
        """The engine without a broker: its rows, taken and run by its own code."""
        while not self.over.is_set():
            close_old_connections()
            try:
                worked = take_one(self.name)
                self.troubles.pop("the queue", None)
            except DatabaseError as error:
                self._tell("the queue", error)
                worked = False
            if not worked:
                self.over.wait(LOOKS)

    def _work_redis(self) -> None:
        """Redis: the engine's own worker, without forks, for a thread of ours is running."""
        import django_rq
        from django_tasks_rq import Job as TaskJob
        from rq import SimpleWorker

        queue = django_rq.get_queue("default", job_class=TaskJob)

        class Ours(SimpleWorker):
            """Ends at the same signals, after the job that it has."""

            def perform_job(self, *args: Any, **kwargs: Any) -> bool:
                close_old_connections()
                return super().perform_job(*args, **kwargs)

        worker = Ours(
            [queue], connection=queue.connection, job_class=TaskJob, serializer=queue.serializer, name=self.name
        )
        worker.work(logging_level="WARNING")


def take_one(name: str) -> bool:
    """Run the next task of the database's queue and take its row away; False where there is none."""
    from django_tasks_db.management.commands.db_worker import Worker
    from django_tasks_db.models import DBTaskResult
    from django_tasks_db.utils import exclusive_transaction

    ready = DBTaskResult.objects.ready().filter(backend_name="default", queue_name="default")
    if not ready.exists():  # a look that locks nothing: the usual one
        return False
    with exclusive_transaction(ready.db):
        row = ready.get_locked()
        if row is None:
            return False
        row.claim(name)
    worker = Worker(
        queue_names=["default"], interval=LOOKS, batch=True, backend_name="default", startup_delay=False,
        max_tasks=None, worker_id=name, excluded_queue_names=[],
    )  # fmt: skip
    worker.run_task(row)
    # The job's own row tells how it went.
    DBTaskResult.objects.filter(pk=row.pk).exclude(status__in=["READY", "RUNNING"]).delete()
    return True
