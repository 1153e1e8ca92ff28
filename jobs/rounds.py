"""What comes round by itself: the slots of each round, and asking for the newest one exactly once.

A slot is an instant that follows from the round's cadence alone. Its job has the key `name@slot`: whoever ticks, and
however often, asks for that one job. Slots missed while no worker ran collapse into the newest: the work catches up.
A clock that was set back finds the slots it has seen under their keys, and asks for none of them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.module_loading import import_string

from jobs.models import Job, Round
from jobs.queue import ask

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Regular:
    """A round as config/tasks.py lists it: every so many minutes of the day, or daily at hour:minute in Shanghai."""

    name: str
    kind: str
    every: int = 0
    daily: str = ""

    def __post_init__(self) -> None:
        if bool(self.every) == bool(self.daily):
            raise ValueError(f"{self.name}: either every so many minutes or daily")
        if self.every and 24 * 60 % self.every:
            raise ValueError(f"{self.name}: {self.every} minutes do not divide the day")

    @property
    def step(self) -> timedelta:
        return timedelta(minutes=self.every) if self.every else DAY

    @property
    def words(self) -> str:
        """`每5分钟`, `每天 02:00`."""
        return f"每{self.every}分钟" if self.every > 1 else "每分钟" if self.every else f"每天 {self.daily}"

    def newest(self, now: datetime) -> datetime:
        """The last slot that is not after `now`."""
        local = now.astimezone(SHANGHAI)
        first = datetime.combine(local, time.fromisoformat(self.daily or "00:00"), SHANGHAI)
        if first > local:
            return first - DAY
        return first + (local - first) // self.step * self.step

    def next(self, now: datetime) -> datetime:
        """The first slot after `now`."""
        return self.newest(now) + self.step


def regulars() -> Sequence[Regular]:
    """Every round, as settings.ROUNDS lists them."""
    return import_string(settings.ROUNDS)


def key_of(regular: Regular, slot: datetime) -> str:
    return f"{regular.name}@{slot.astimezone(SHANGHAI).isoformat(timespec='minutes')}"


def tick(now: datetime) -> list[Job]:
    """Ask for the newest slot of every round that has one not asked for; gives the jobs asked for.

    A round seen for the first time begins with its next slot. One whose last job has not been begun, or is still
    being done, is not asked for on top of it.
    """
    listed = regulars()
    seen = {row.name: row for row in Round.objects.filter(name__in=[regular.name for regular in listed])}
    moved = [regular for regular in listed if regular.name not in seen or _has_moved(regular, seen, now)]
    if not moved:
        return []
    under_way = Q(state=Job.State.RUNNING) | Q(state=Job.State.WAITING, tries=0)
    busy = set(Job.objects.filter(under_way, kind__in={r.kind for r in moved}).values_list("kind", flat=True))
    return [job for regular in moved if regular.kind not in busy and (job := _ask(regular, seen, now))]


def _has_moved(regular: Regular, seen: dict[str, Round], now: datetime) -> bool:
    return regular.newest(now) != seen[regular.name].slot_at


def _ask(regular: Regular, seen: dict[str, Round], now: datetime) -> Job | None:
    slot = regular.newest(now)
    if regular.name not in seen:
        Round.objects.get_or_create(name=regular.name, defaults={"slot_at": slot})
        return None
    with transaction.atomic():
        # Of several workers that tick at one time only one finds the slot that it has read.
        last = Round.objects.filter(name=regular.name, slot_at=seen[regular.name].slot_at)
        if not last.update(slot_at=slot):
            return None
        key = key_of(regular, slot)
        if Job.objects.filter(key=key).exists():
            return None  # the clock was set back, or has come again to where it was
        return ask(regular.kind, key=key, at=now)
