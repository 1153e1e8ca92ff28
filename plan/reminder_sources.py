"""What is reminded of: the kinds of subjects, whose each is, and what can be said of it. Floors above add their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from branches.models import Committee
from plan.calendars import calendar_of
from plan.models import Reminder, ReminderPolicy
from plan.reminder_times import Rules, Times

Stage = Reminder.Stage
CHUNK = 300
# Closed unsaid because there was nothing to say: said after all where an exemption or an extension is taken back.
TAKEN_BACK = (Reminder.Outcome.DONE.value, Reminder.Outcome.MOVED.value)
KEPT = ("is_on", "at_start", "on_the_day", "when_late", "superior_after", "event_hours", "digest_at", "quiet_from",
        "quiet_until", "on_rest_days", "by_email", "by_wecom")  # fmt: skip


class Rulebook:
    """Every committee's rules and calendar, each read once: its own rules, else those of the nearest office above."""

    def __init__(self) -> None:
        self._times: dict[int, Times] = {}

    @cached_property
    def parents(self) -> dict[int, int | None]:
        return dict(Committee.objects.values_list("pk", "parent"))

    @cached_property
    def _set(self) -> dict[int, Rules]:
        rows = ReminderPolicy.objects.values("committee", "days_before", *KEPT)
        return {
            row.pop("committee"): Rules(days_before=_days(row.pop("days_before")), **{k: row[k] for k in KEPT})
            for row in rows
        }

    def rules(self, committee: int) -> Rules:
        at: int | None = committee
        while at is not None:
            if at in self._set:
                return self._set[at]
            at = self.parents.get(at)
        return Rules()

    def times(self, committee: int) -> Times:
        if committee not in self._times:
            self._times[committee] = Times(self.rules(committee), calendar_of(committee))
        return self._times[committee]

    def silent(self) -> list[int]:
        """The committees that want nobody reminded."""
        return [pk for pk in self.parents if not self.rules(pk).is_on]


def _days(kept: Any) -> tuple[int, ...]:
    """The days of a policy, whatever its JSON holds: whole numbers of days, each once."""
    found = kept if isinstance(kept, list) else []
    return tuple(sorted({n for n in found if isinstance(n, int) and not isinstance(n, bool) and 0 < n <= 366}))


@dataclass(frozen=True)
class Matter:
    """What a reminder speaks of, as it stands: still to be done, by whom, until when, and in which words."""

    source: str
    subject: int
    committee_id: int
    branch_id: int | None
    member_id: int | None
    # None: it has no deadline.
    due_at: datetime | None
    late_at: datetime | None
    title: str
    period: str
    url: str
    # What it is called outside the house, where its title is not the plan's but something that somebody typed.
    alias: str = ""
    # Whose it is, said to others inside the house only.
    owner: str = ""
    # Those of several people under one heading are counted together, and lead to one page.
    heading: tuple[Any, ...] = ()
    many_url: str = ""
    # What one record settles at once is one line.
    record: tuple[Any, ...] | None = None
    verb: str = "办理"
    # What is said where there is no deadline to be named.
    note: str = ""
    # What the row is for, where that is no deadline.
    anchor: datetime | None = None

    def for_at(self, stage: str) -> datetime | None:
        """The deadline that a stage speaks of, as it is now; None where it cannot move."""
        if stage in (Stage.LATE, Stage.SUPERIOR):
            return self.late_at
        return None if stage == Stage.START else self.anchor or self.due_at


@dataclass(frozen=True)
class Source:
    """One kind of subject: writing down what is to be said of it, and reading what is still to be done.

    `lay(at, book)` adds the rows that are missing and gives how many; `matters(subjects)` gives, of a queryset of
    subject numbers, those that are still to be done.
    """

    name: str
    lay: Callable[[datetime, Rulebook], int]
    matters: Callable[[QuerySet[Any]], Iterable[Matter]]


SOURCES: dict[str, Source] = {}


def register(source: Source) -> None:
    SOURCES[source.name] = source


def keep(wanted: Iterable[Reminder]) -> int:
    """Write these rows where they are missing, and the new time where one that is unsaid has moved; how many in all."""
    rows, written = list(wanted), 0
    for chunk in (rows[n : n + CHUNK] for n in range(0, len(rows), CHUNK)):
        have: Mapping[tuple[Any, ...], Reminder] = {
            key_of(row): row
            for row in Reminder.objects.filter(
                source__in={row.source for row in chunk}, subject__in={row.subject for row in chunk}
            )
        }
        new = [row for row in chunk if key_of(row) not in have]
        Reminder.objects.bulk_create(new, ignore_conflicts=True)
        written += len(new)
        for row in chunk:
            old = have.get(key_of(row))
            if old is None or (old.closed_at is None and old.scheduled_at == row.scheduled_at):
                continue
            if old.outcome in ("", *TAKEN_BACK):
                unsaid = Reminder.objects.filter(pk=old.pk, outcome=old.outcome)
                written += unsaid.update(scheduled_at=row.scheduled_at, closed_at=None, outcome="")
    return written


def key_of(row: Reminder) -> tuple[Any, ...]:
    return row.source, row.subject, row.stage, row.step, row.for_at
