"""What lies on which day: the plan's sittings beside those that were held; pure, it asks neither database nor clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol

from study.models import Kind, PlanItem
from study.rhythm import IsWorkday, occurrences

ONE_DAY = timedelta(days=1)
Rhythm = PlanItem.Rhythm


class Item(Protocol):
    """A line of a plan: a row of `PlanItem`, or what `Planned` keeps of one."""

    @property
    def pk(self) -> int: ...
    @property
    def starts_on(self) -> date: ...
    @property
    def ends_on(self) -> date: ...
    @property
    def rhythm(self) -> str: ...


class Planned(NamedTuple):
    """What is needed of a plan's line where those of all branches are counted."""

    pk: int
    branch_id: int
    kinds: list[str]
    topic: str
    starts_on: date
    ends_on: date
    rhythm: str


class Held(NamedTuple):
    """What is needed of a record where those of all branches are counted."""

    pk: int
    branch_id: int
    kinds: list[str]
    title: str
    held_on: date
    plan_item_id: int | None
    filing_id: int
    state: str
    is_late: bool


@dataclass(frozen=True)
class Entry:
    """One thing on one day: an item of the plan, with its record where it was held on another day, or a record."""

    day: date
    item: Any = None
    record: Any = None

    @property
    def is_held(self) -> bool:
        """Whether the entry stands for what was held on this day, not for what the plan has."""
        return self.item is None

    @property
    def branch_id(self) -> int:
        return (self.record if self.is_held else self.item).branch_id

    @property
    def kinds(self) -> list[str]:
        return (self.record if self.is_held else self.item).kinds


@dataclass
class Group:
    """The branches that have one kind of gathering on one day."""

    kind: str
    held: set[int] = field(default_factory=set)
    planned: set[int] = field(default_factory=set)

    @property
    def label(self) -> str:
        return Kind(self.kind).label

    @property
    def branches(self) -> set[int]:
        return self.held | self.planned

    @property
    def count(self) -> int:
        return len(self.branches)

    @property
    def held_count(self) -> int:
        return len(self.held)


# Recurring lines


def recurs(item: Item) -> bool:
    return item.rhythm != Rhythm.ONCE


def turn_of(item: Item, day: date) -> date:
    """Which turn of the line a day belongs to: its week's Monday, its month's first day, or the line itself."""
    if item.rhythm == Rhythm.WEEKLY:
        return day - day.weekday() * ONE_DAY
    return day.replace(day=1) if item.rhythm == Rhythm.MONTHLY else item.starts_on


# Laying out


def lay_out(
    items: Iterable[Any], records: Iterable[Any], first: date, last: date, is_workday: IsWorkday
) -> tuple[dict[date, list[Entry]], list[Entry]]:
    """The entries of each day, first the plan's; and the lines that simply take more than a day, as spans."""
    items, records = list(items), list(records)
    by_pk = {item.pk: item for item in items}
    turns: dict[tuple[int, date], Any] = {}
    for record in records:
        if record.plan_item_id in by_pk:
            item = by_pk[record.plan_item_id]
            turns[item.pk, turn_of(item, record.held_on)] = record
    days: dict[date, list[Entry]] = {}
    spans = []
    for item in items:
        if not recurs(item) and item.starts_on != item.ends_on:
            spans.append(Entry(max(item.starts_on, first), item, turns.get((item.pk, item.starts_on))))
            continue
        for day in occurrences(item, is_workday, first, last):
            record = turns.get((item.pk, turn_of(item, day)))
            if record is None or record.held_on != day:
                days.setdefault(day, []).append(Entry(day, item, record))
    for record in records:
        if first <= record.held_on <= last:
            days.setdefault(record.held_on, []).append(Entry(record.held_on, record=record))
    return days, spans


def grouped(entries: Iterable[Entry], kind: str = "") -> list[Group]:
    """One day's entries of many branches by kind, in the kinds' order; what was held elsewhere or otherwise is not due.

    A gathering of several kinds counts under each of them; with `kind`, only that one is asked.
    """
    found: dict[str, Group] = {}
    for entry in entries:
        if not entry.is_held and entry.record is not None:
            continue
        for name in entry.kinds:
            if not kind or name == kind:
                group = found.setdefault(name, Group(name))
                (group.held if entry.is_held else group.planned).add(entry.branch_id)
    return [found[one.value] for one in Kind if one.value in found]
