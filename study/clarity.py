"""The four clears (四个明确) of a study plan, asked of its items and told in sentences; the check itself is pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.utils.timezone import localdate

from plan.models import Plan, Requirement
from study.models import BranchPlan, Kind, MemberPlan, PlanItem

FOUR_CLEARS, READINGS = "S13", "S1"
INDIVIDUAL = PlanItem.Scope.INDIVIDUAL

# What a missing sitting is called in the plan's own words, where they differ from the kind's.
CALLED = {Kind.COLLECTIVE_STUDY: "党员集体学习", Kind.LIFE_MEETING: "年度组织生活会"}

CONTENT, TIME, PERSON, METHOD = "明确学习内容", "明确学习时限", "明确责任人", "明确学习方式"
CLEARS = (CONTENT, TIME, PERSON, METHOD)
KEY_READINGS = "学习重点"


class Asked(NamedTuple):
    """One sitting that the implementation plan asks for, with the days in which it belongs (both inclusive)."""

    kind: str
    clause: str
    quote: str
    label: str
    starts_on: date
    ends_on: date


class Entry(NamedTuple):
    """One item of a branch's study plan, planned or kept, in the shape that the check reads."""

    pk: int
    scope: str
    kinds: Sequence[str]
    topic: str
    content: str
    starts_on: date
    ends_on: date
    hours: Decimal | None
    responsible_id: int | None
    method: str
    readings: Collection[str]

    @property
    def lacking(self) -> list[tuple[str, str]]:
        """Which of the four fields are empty, each with the clear it belongs to."""
        empty = [
            (CONTENT, "学习内容", not self.content.strip() and not self.readings),
            (TIME, "学时", not self.hours),
            (PERSON, "责任人", self.responsible_id is None),
            (METHOD, "学习方式", not self.method),
        ]
        return [(clear, name) for clear, name, lacks in empty if lacks]

    @property
    def called(self) -> str:
        return f"{self.starts_on.month}月{self.starts_on.day}日“{self.topic}”"


class Remark(NamedTuple):
    """One thing that is not clear yet: under which of the four, the sentence, and the month or item to go to."""

    clear: str
    sentence: str
    month: int | None = None
    item: int | None = None
    lacks: str = ""
    # What the paper only recommends (提倡) is said, and keeps nothing from being met.
    advice: bool = False


@dataclass(frozen=True)
class Clarity:
    """A study plan held against the four clears."""

    remarks: Sequence[Remark]
    shares: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_clear(self) -> bool:
        """Are all four clears met? What is only recommended does not count."""
        return not any(remark.clear in CLEARS and not remark.advice for remark in self.remarks)

    @property
    def cites_readings(self) -> bool:
        return not any(remark.clear == KEY_READINGS for remark in self.remarks)

    @property
    def groups(self) -> list[tuple[str, list[Remark]]]:
        """The four clears and the key readings, each with its remarks."""
        return [(clear, [r for r in self.remarks if r.clear == clear]) for clear in (*CLEARS, KEY_READINGS)]


def check(
    outline: str, entries: Sequence[Entry], *, asked: Sequence[Asked], readings: Sequence[str], roster: Collection[int]
) -> Clarity:
    """Hold a plan against the four clears; `asked` from `asked_of`, `readings` by title, `roster` as member ids."""
    together = [entry for entry in entries if entry.scope != INDIVIDUAL]
    remarks = []
    if not outline.strip():
        remarks.append(Remark(CONTENT, "还没有写年度学习大纲——一.3“对本年度学习内容要制定大纲”。"))
    if not together:
        remarks.append(Remark(CONTENT, "还没有列出集体学习清单——一.3“集体学习和个人学习均要列出清单”。"))
    if len(together) == len(entries):
        remarks.append(Remark(CONTENT, "还没有列出个人学习清单——一.3“集体学习和个人学习均要列出清单”。"))
    for sitting in asked:
        if not any(sitting.kind in e.kinds and sitting.starts_on <= e.starts_on <= sitting.ends_on for e in together):
            called = CALLED.get(Kind(sitting.kind), Kind(sitting.kind).label)
            sentence = f"{sitting.label}缺{called}——{sitting.clause}“{sitting.quote}”"
            remarks.append(Remark(CONTENT, sentence, month=sitting.ends_on.month))
    for entry in entries:
        for clear, name in entry.lacking:
            sentence = f"{entry.called}还缺{name}。"
            remarks.append(Remark(clear, sentence, month=entry.starts_on.month, item=entry.pk, lacks=name))
    shares = Counter(entry.responsible_id for entry in entries if entry.responsible_id is not None)
    if _leans_on_one(shares, roster):
        remarks.append(
            Remark(PERSON, "责任人过于集中，请与其他同志轮流——一.3“提倡支部成员轮流担当责任人”。", advice=True)
        )
    cited = {title for entry in entries for title in entry.readings}
    for title in readings:
        if title not in cited:
            remarks.append(Remark(KEY_READINGS, f"“{title}”还没有列入任何一次学习。"))
    return Clarity(remarks, shares)


def _leans_on_one(shares: Mapping[int, int], roster: Collection[int]) -> bool:
    """Has one person more than twice the fair share? Nobody's fair share is less than one session."""
    fair = max(1.0, sum(shares.values()) / max(1, len(roster)))
    return max(shares.values(), default=0) > 2 * fair


def asked_of(plan: Plan, begun_on: date) -> list[Asked]:
    """The sittings of the year that a study plan begun on that day must have, in the order of their days.

    They are the dated sittings of the clause that asks for the study plan (一.3); of their windows those that the
    plan opens as duties (due on or after its effective day) and that are not over when the study plan is begun.
    """
    requirements = list(plan.requirements.all())
    clause = next((r.clause for r in requirements if r.code == FOUR_CLEARS), None)
    settings = plan.document.settings
    found = []
    for requirement in requirements:
        if requirement.clause != clause or requirement.proof != "gathering" or len(requirement.kinds) != 1:
            continue
        for window in requirement.spec.windows(plan.year, settings):
            if plan.effective_on and window.due_on < plan.effective_on:
                continue
            if window.ends_on < begun_on:
                continue
            quote = requirement.quotes[0].rstrip("。")
            found.append(
                Asked(
                    requirement.kinds[0], requirement.clause, quote, window.label, window.starts_on, window.ends_on
                )
            )  # fmt: skip
    return sorted(found, key=lambda sitting: (sitting.ends_on, sitting.kind))


def entries_of(branch_plan: BranchPlan) -> list[Entry]:
    """The plan's items as the check reads them; two queries, or none where items and readings are prefetched."""
    items = branch_plan.items.all()
    if "items" not in getattr(branch_plan, "_prefetched_objects_cache", {}):
        items = items.prefetch_related("readings")
    return [
        Entry(
            item.pk, item.scope, item.kinds, item.topic, item.content, item.starts_on, item.ends_on, item.hours,
            item.responsible_id, item.method, frozenset(reading.title for reading in item.readings.all()),
        )
        for item in items
    ]  # fmt: skip


def clarity_of(branch_plan: BranchPlan) -> Clarity:
    """The branch's plan as it is kept, held against the four clears; the roster is the one of the day it was begun."""
    begun_on = localdate(branch_plan.filing.created_at)
    return check(
        branch_plan.outline, entries_of(branch_plan), asked=asked_of(branch_plan.plan, begun_on),
        readings=[reading.title for reading in branch_plan.plan.readings.all()],
        roster=branch_plan.branch.roster(begun_on).values_list("pk", flat=True),
    )  # fmt: skip


def missing_in_branch_plan(branch_plan: BranchPlan) -> list[str]:
    """What stands between the plan and its filing: items at all, and the four fields of each."""
    entries = entries_of(branch_plan)
    if not entries:
        return ["还没有学习条目：请逐次列出学习内容、时限、责任人和方式。"]
    return [f"{e.called}还缺{'、'.join(name for _, name in e.lacking)}。" for e in entries if e.lacking]


def meets(branch_plan: BranchPlan, requirement: Requirement) -> bool:
    """Does the plan, as it is kept, meet this requirement? Its arrival always; the clears and readings when met."""
    match requirement.code:
        case "S13":
            return clarity_of(branch_plan).is_clear
        case "S1":
            return clarity_of(branch_plan).cites_readings
    return True


def missing_in_member_plan(member_plan: MemberPlan) -> list[str]:
    """The weeks without content, in one sentence; and that there are none at all."""
    weeks = list(member_plan.weeks.all())
    if not weeks:
        return ["还没有每周学习内容：请从“我的学习计划”重新开始。"]
    empty = [week for week in weeks if not week.content.strip()]
    if not empty:
        return []
    named = "、".join(f"{w.week_on.month}月{w.week_on.day}日" for w in empty[:6])
    more = f"等{len(empty)}周" if len(empty) > 6 else f"起的{len(empty)}周" if len(empty) > 1 else "起的一周"
    return [f"{named}{more}还没有学习内容——一.3“每周安排1项学习内容”。"]
