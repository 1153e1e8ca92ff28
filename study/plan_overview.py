"""A study plan as its page shows it: month by month, what recurs, whose turn it is, and what the check remarks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.utils.timezone import localdate

from branches.models import Member
from plan.calendars import calendar_of
from study.clarity import CLEARS, Asked, Clarity, Entry, asked_of, check, entries_of, is_small
from study.models import BranchPlan, Kind, PlanItem
from study.papers import days
from study.rhythm import WEEKDAYS, rhythm_words


def overview(record: BranchPlan) -> dict[str, Any]:
    """The page's lists and the check beside them; as many queries for many items as for one."""
    # The page and the check read the same rows.
    prefetch_related_objects([record], Prefetch("items", PlanItem.objects.select_related("responsible")))
    prefetch_related_objects([record], "items__readings", "items__materials")
    items = list(record.items.all())
    roster = list(record.branch.roster(localdate(record.filing.created_at)))
    asked, clarity = held_against(record, entries_of(record), roster)
    months, passed = _months(items, asked, clarity, record.plan.year)
    return {
        "months": months, "passed": passed, "count": len(items), **beside(clarity, roster, items),
        "recurring": [shown(i, clarity) for i in items if i.scope == PlanItem.Scope.COLLECTIVE and i.rhythm],
        "alone": [shown(item, clarity) for item in items if item.scope == PlanItem.Scope.INDIVIDUAL],
    }  # fmt: skip


def held_against(record: BranchPlan, entries: Sequence[Entry], roster: Sequence[Member]) -> tuple[list[Asked], Clarity]:
    """What the year asks of this plan, and these entries, kept or only typed, held against it."""
    begun_on, calendar = localdate(record.filing.created_at), calendar_of(record.branch.committee_id)
    asked = asked_of(record.plan, begun_on, small=is_small(roster, begun_on), calendar=calendar)
    clarity = check(
        record.outline, entries, asked=asked, readings=[reading.title for reading in record.plan.readings.all()],
        roster=[member.pk for member in roster], calendar=calendar,
    )  # fmt: skip
    return asked, clarity


def check_typed(record: BranchPlan, entries: Sequence[Entry]) -> Clarity:
    """The check of entries that are not saved yet."""
    return held_against(record, entries, list(record.branch.roster(localdate(record.filing.created_at))))[1]


def beside(clarity: Clarity, roster: Sequence[Member], items: Sequence[PlanItem]) -> dict[str, Any]:
    """What stands beside the plan: the check, and how often each person is responsible."""
    turns = _turns(clarity, roster, items)
    return {
        "clarity": clarity, "open_count": sum(r.clear in CLEARS and not r.advice for r in clarity.remarks),
        "turns": [turn for turn in turns if turn[1]],
        "no_turn": [name for name, times in turns if not times],
    }  # fmt: skip


def _months(
    items: list[PlanItem], asked: list[Asked], clarity: Clarity, year: int
) -> tuple[list[dict[str, Any]], int]:  # fmt: skip
    """The months, each with its sessions and what is not yet clear about it; and the last of those that had passed.

    The months that lay behind when the plan was begun, and hold nothing, are left out: January up to that last one.
    """
    together = [item for item in items if item.scope == PlanItem.Scope.COLLECTIVE and not item.rhythm]
    first = min((sitting.ends_on.month for sitting in asked), default=13)
    months: list[dict[str, Any]] = [
        {
            "number": month, "year": year, "asked": month >= first,
            "items": [shown(i, clarity) for i in together if i.starts_on.month == month],
            "remarks": [r for r in clarity.remarks if r.month == month and r.item is None],
        }
        for month in range(1, 13)
    ]  # fmt: skip
    passed = 0
    while passed < 12 and not any(months[passed][name] for name in ("asked", "items", "remarks")):
        passed += 1
    return months[passed:], passed


def shown(item: PlanItem, clarity: Clarity) -> dict[str, Any]:
    """An item in words: its kinds, its days, what it uses, and what it still lacks."""
    named = item.topic + item.content
    cited = [reading.title for reading in item.readings.all()] + [one.title for one in item.materials.all()]
    uses = [title for title in dict.fromkeys(cited) if title not in named]
    return {
        "item": item,
        "kinds": "、".join(Kind(kind).label for kind in item.kinds),
        "when": when(item),
        "uses": uses,
        "lacking": [remark.lacks for remark in clarity.remarks if remark.item == item.pk and remark.lacks],
    }


def when(item: PlanItem) -> str:
    """9月14日（周五）, 7月9日–7月13日, or 每周一　7月9日–12月31日."""
    first, last = item.starts_on, item.ends_on
    span = days(first, last).replace("至", "–")
    if item.rhythm:
        return f"{rhythm_words(item)}　{span}"
    return said(first) if first == last else span


def said(day: date) -> str:
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）"


def _turns(clarity: Clarity, roster: Sequence[Member], items: Sequence[PlanItem]) -> list[tuple[str, int]]:
    """How often each person is responsible, most often first; who has no turn yet is counted too."""
    names = {item.responsible_id: item.responsible.name for item in items if item.responsible}
    names |= {member.pk: member.name for member in roster}
    turns = [(name, clarity.shares.get(pk, 0)) for pk, name in names.items() if pk is not None]
    return sorted(turns, key=lambda turn: -turn[1])
