"""Asking for work: a row under its key, handed to the engine when the transaction is done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.module_loading import import_string

from branches.access import Access
from branches.models import Committee
from jobs.models import PATIENCE, Job

log = logging.getLogger(__name__)

# Says how far the work is: done, total.
Tell = Callable[[int, int], None]


class NotDone(Exception):
    """Work that cannot be done however often it is tried; the text, without business in it, says why."""


@dataclass(frozen=True)
class Work:
    """A kind of work: what the system administrator reads, and the function that does it.

    The function, named by its dotted path, is called as `run(arguments, at=…, tell=…)` and gives the line that the job
    then bears. It may be called again for the same job (a worker died): it must be safe to repeat.
    """

    label: str
    run: str
    # What `tell` counts, as people read it beside the bar.
    unit: str = ""


def kinds() -> Mapping[str, Work]:
    """Every kind of work by its name, as settings.JOBS lists them."""
    return import_string(settings.JOBS)


def label_of(kind: str) -> str:
    """What the kind is called; of one that an earlier version knew, its name."""
    known = kinds().get(kind)
    return known.label if known else kind


def ask(
    kind: str, *, key: str, at: datetime, arguments: Mapping[str, Any] | None = None, access: Access | None = None,
    committee: Committee | None = None, not_before: datetime | None = None,
) -> Job:  # fmt: skip
    """Have work done after the transaction; under a key that was asked for already it is that same job."""
    if kind not in kinds():
        raise ValueError(f"unknown kind of work: {kind}")
    job, created = Job.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind, "arguments": dict(arguments or {}), "committee": committee, "asked_at": at,
            "asked_by": access.user if access else None, "next_at": not_before or at,
        },
    )  # fmt: skip
    if created and job.next_at <= at:
        transaction.on_commit(partial(_hand_or_leave, job.pk, at))
    return job


def hand(pk: int, at: datetime) -> bool:
    """Give the job's number to the engine, unless that was done a moment ago; whether it was this call that did."""
    from jobs.work import run_job

    waits = Q(handed_at=None) | Q(handed_at__lte=at - PATIENCE) | Q(handed_at__gt=at + PATIENCE)
    open_ = Job.objects.filter(waits, pk=pk, state__in=[Job.State.WAITING, Job.State.RUNNING])
    # An engine that keeps its queue in this database takes the number in the same transaction.
    with transaction.atomic():
        if not open_.update(handed_at=at):
            return False
        run_job.enqueue(pk)
    return True


def _hand_or_leave(pk: int, at: datetime) -> None:
    """An engine that cannot be reached costs the person nothing: a worker hands the job over later."""
    try:
        hand(pk, at)
    except Exception:
        log.exception("job %s could not be handed to the engine", pk)


def again(job: Job, at: datetime) -> bool:
    """Have a job that was given up done anew, with all its tries; False where it is not given up."""
    failed = Job.objects.filter(pk=job.pk, state=Job.State.FAILED)
    anew = {"state": Job.State.WAITING, "tries": 0, "next_at": at, "handed_at": None, "ended_at": None}
    if not failed.update(**anew, said="", done=0, total=0):
        return False
    transaction.on_commit(partial(_hand_or_leave, job.pk, at))
    return True
