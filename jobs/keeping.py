"""What keeps the work going: handing over again what an engine lost, saying that one lives, clearing what is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.utils.module_loading import import_string

from jobs import rounds, work
from jobs.models import Job, Worker
from jobs.queue import Tell, hand

AT_ONCE = 500
KEPT = timedelta(days=30)
# What comes round by the minute piles up: its done jobs are of no interest for long.
FREQUENT = timedelta(hours=1)
FREQUENT_KEPT = timedelta(days=2)


def reap(now: datetime) -> int:
    """Hand to the engine what is due and was not begun, and what a worker left that died; gives how many."""
    work.give_up(now)
    found = (Job.objects.due(now) | Job.objects.abandoned(now)).order_by("next_at", "pk")
    return sum(hand(pk, now) for pk in found.values_list("pk", flat=True)[:AT_ONCE])


def beat(name: str, began_at: datetime, now: datetime) -> None:
    """Write down that the worker of this name lives; workers not heard of for a day are forgotten."""
    Worker.objects.update_or_create(name=name, defaults={"began_at": began_at, "beat_at": now})
    Worker.objects.filter(beat_at__lt=now - timedelta(days=1)).delete()


def sign_off(name: str) -> None:
    """The worker of this name has ended."""
    Worker.objects.filter(name=name).delete()


def prune(now: datetime) -> int:
    """Remove jobs that ended long ago, and what engines left behind; gives how many jobs."""
    frequent = [r.kind for r in rounds.regulars() if r.step < FREQUENT]
    done = Job.objects.filter(state=Job.State.DONE)
    count, _ = Job.objects.filter(ended_at__lt=now - KEPT).delete()
    count += done.filter(kind__in=frequent, ended_at__lt=now - FREQUENT_KEPT).delete()[0]
    if apps.is_installed("django_tasks_db"):
        # The worker takes away what it has done; one that was killed left its row. Its times are the machine's own.
        results = import_string("django_tasks_db.models.DBTaskResult").objects
        kept = results.order_by("-enqueued_at").values_list("enqueued_at", flat=True).first()
        if kept:
            results.exclude(status="READY").filter(enqueued_at__lt=kept - timedelta(days=1)).delete()
    return count


def run(arguments: Mapping[str, Any], *, at: datetime, tell: Tell) -> str:
    """The nightly clearing, as a kind of work."""
    return f"清除{prune(at)}条"
