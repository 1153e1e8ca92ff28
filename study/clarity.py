"""A study plan held against the plan issued: what is not clear yet (四个明确), what is not planned yet, in sentences.

The check itself is pure: what is asked comes from `asked_of`, the plan's items from `entries_of`, the working days from
a `plan.workdays.Calendar`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.utils.timezone import localdate

from branches.models import COMMITTEE_FROM, Member
from plan.cadence import last_day
from plan.calendars import calendar_of
from plan.document import DueWindow
from plan.models import Plan, Requirement
from plan.workdays import NOTICES, Calendar
from study.models import BranchPlan, Kind, MemberPlan, PlanItem
from study.rhythm import occurrences

FOUR_CLEARS, READINGS = "S13", "S1"
INDIVIDUAL = PlanItem.Scope.INDIVIDUAL
WEEKLY, MONTHLY = PlanItem.Rhythm.WEEKLY, PlanItem.Rhythm.MONTHLY

# What a missing sitting is called in the plan's own words, where they differ from the kind's.
CALLED = {Kind.COLLECTIVE_STUDY: "党员集体学习", Kind.LIFE_MEETING: "年度组织生活会"}
# The word by which the part of a long sentence is found that asks for the sitting.
ASKING = {
    Kind.GENERAL_MEETING: "党员大会", Kind.COMMITTEE_MEETING: "支委会", Kind.GROUP_MEETING: "小组会",
    Kind.LECTURE: "党课", Kind.THEME_DAY: "党建活动日", Kind.THEMED_ACTIVITY: "党建活动",
}  # fmt: skip

CONTENT, TIME, PERSON, METHOD = "明确学习内容", "明确学习时限", "明确责任人", "明确学习方式"
CLEARS = (CONTENT, TIME, PERSON, METHOD)
KEY_READINGS = "学习重点"
# What other clauses ask for is told in the same place, and is no part of the four clears.
OTHERS = "实施方案的其他安排"


class Asked(NamedTuple):
    """One sitting that the implementation plan asks for, with the days in which it belongs (both inclusive)."""

    kind: str
    clause: str
    quote: str
    label: str
    starts_on: date
    ends_on: date
    # The requirement, and its place in the paper; the kinds of which any will do.
    code: str = ""
    place: int = 0
    kinds: tuple[str, ...] = ()
    # Does the clause of the study plan itself (一.3) ask for it? Does it name who lectures?
    core: bool = True
    lectured: bool = False
    # weekly or monthly where the window is a week or a month: such meetings may be planned as one line.
    rhythm: str = ""
    # The first of its days that was still to come when the study plan was begun.
    left_on: date | None = None

    @property
    def any_of(self) -> tuple[str, ...]:
        return self.kinds or (self.kind,)

    @property
    def called(self) -> str:
        return "或".join(CALLED.get(Kind(kind), Kind(kind).label) for kind in self.any_of)

    @property
    def cited(self) -> str:
        return f"——{self.clause}“{self.quote}”"

    def left(self) -> tuple[date, date]:
        """Its days that were still to come."""
        return max(self.starts_on, self.left_on or self.starts_on), self.ends_on


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
    rhythm: str = ""

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
        """Are all four clears met? What is only recommended, or asked by other clauses, does not count."""
        return not any(remark.clear in CLEARS and not remark.advice for remark in self.remarks)

    @property
    def cites_readings(self) -> bool:
        return not any(remark.clear == KEY_READINGS for remark in self.remarks)

    @property
    def groups(self) -> list[tuple[str, list[Remark]]]:
        """The four clears, the key readings and the plan's other sittings, each with its remarks."""
        return [(clear, [r for r in self.remarks if r.clear == clear]) for clear in (*CLEARS, KEY_READINGS, OTHERS)]


def check(
    outline: str, entries: Sequence[Entry], *, asked: Sequence[Asked], readings: Sequence[str],
    roster: Collection[int], calendar: Calendar = NOTICES,
) -> Clarity:  # fmt: skip
    """Hold a plan against what is asked of it; `asked` from `asked_of`, `readings` by title, `roster` as member ids.

    `calendar` says which days are worked; without one only the yearly notices do.
    """
    together = [entry for entry in entries if entry.scope != INDIVIDUAL]
    remarks = []
    if not outline.strip():
        remarks.append(Remark(CONTENT, "还没有写年度学习大纲——一.3“对本年度学习内容要制定大纲”。"))
    if not together:
        remarks.append(Remark(CONTENT, "还没有列出集体学习清单——一.3“集体学习和个人学习均要列出清单”。"))
    if len(together) == len(entries):
        remarks.append(Remark(CONTENT, "还没有列出个人学习清单——一.3“集体学习和个人学习均要列出清单”。"))
    remarks += _unplanned(asked, together, calendar)
    for entry in entries:
        for clear, name in entry.lacking:
            sentence = f"{entry.called}还缺{name}。"
            remarks.append(Remark(clear, sentence, month=entry.starts_on.month, item=entry.pk, lacks=name))
    remarks += _at_rest(asked, together, calendar)
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


# What is asked and not planned


def _unplanned(asked: Sequence[Asked], together: Sequence[Entry], calendar: Calendar) -> list[Remark]:
    """The windows without a sitting: those of the study plan's own clause one by one, the others told together."""
    held: dict[str, set[date]] = {}
    for entry in together:
        days = occurrences(entry, calendar.is_workday)
        for kind in entry.kinds:
            held.setdefault(kind, set()).update(days)
    missing: dict[int, list[Asked]] = {}
    remarks = []
    for sitting in asked:
        days_held = (day for kind in sitting.any_of for day in held.get(kind, ()))
        if any(sitting.starts_on <= day <= sitting.ends_on for day in days_held):
            continue
        if sitting.core and sitting.rhythm != WEEKLY:
            sentence = f"{sitting.label}缺{sitting.called}{sitting.cited}"
            remarks.append(Remark(CONTENT, sentence, month=sitting.ends_on.month))
        else:
            missing.setdefault(sitting.place, []).append(sitting)
    for _, gaps in sorted(missing.items()):
        weeks = sum(sitting.place == gaps[0].place for sitting in asked)
        remarks += [
            Remark(CONTENT if gaps[0].core else OTHERS, words + gaps[0].cited, month=month)
            for words, month in _told_together(gaps, of=weeks)
        ]
    return remarks


def _told_together(gaps: Sequence[Asked], of: int) -> Iterator[tuple[str, int]]:
    """Few sentences for many weeks or months in a row, each with its first month; `of` so many that are asked."""
    called = gaps[0].called
    if gaps[0].rhythm == WEEKLY and len(gaps) == of > 1:
        months = sorted({sitting.ends_on.month for sitting in gaps})
        yield f"{_months_words(months[0], months[-1])}每周都没有安排{called}", months[0]
    elif gaps[0].rhythm:
        count = Counter(sitting.ends_on.month for sitting in gaps)
        for first, last in _runs(sorted(count)):
            words = _months_words(first, last)
            if gaps[0].rhythm == WEEKLY:
                weeks = sum(count[month] for month in range(first, last + 1))
                yield f"{words}有{weeks}周没有安排{called}", first
            else:
                yield f"{words}缺{called}", first
    else:
        for sitting in gaps:
            yield f"{sitting.label}缺{called}", sitting.ends_on.month


def _runs(months: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Months in a row, by their first and last."""
    first = last = 0
    for month in months:
        if month != last + 1:
            if first:
                yield first, last
            first = month
        last = month
    if first:
        yield first, last


def _months_words(first: int, last: int) -> str:
    return f"{first}月" if first == last else f"{first}–{last}月"


# What lies on a day of rest


def _at_rest(asked: Sequence[Asked], together: Sequence[Entry], calendar: Calendar) -> list[Remark]:
    """Advice on the sittings of a day that rests; none where the window that they keep has no working day left."""
    remarks = []
    for entry in together:
        day = entry.starts_on
        # What recurs moves off its days of rest by itself.
        if entry.rhythm or entry.ends_on != day or calendar.is_workday(day):
            continue
        kept = [s for s in asked if s.starts_on <= day <= s.ends_on and set(s.any_of) & set(entry.kinds)]
        if kept and not any(any(calendar.workdays(*sitting.left())) for sitting in kept):
            continue
        sentence = f"{entry.called}安排在休息日（{calendar.rest_words(day)}），建议另选一天。"
        remarks.append(Remark(TIME, sentence, month=day.month, item=entry.pk, advice=True))
    return remarks


# What the implementation plan asks


def asked_of(plan: Plan, begun_on: date, *, small: bool = False, calendar: Calendar = NOTICES) -> list[Asked]:
    """The sittings of the year that a study plan begun on that day must have, in the order of their days.

    They are the dated sittings that the plan asks for; of their windows those that the plan opens as duties (due on or
    after its effective day) and that are not over when the study plan is begun, as far as they lie in the year.
    `small` asks for a branch without a committee (支委会), see `is_small`.
    """
    requirements = list(plan.requirements.all())
    clause = next((r.clause for r in requirements if r.code == FOUR_CLEARS), None)
    settings = plan.document.settings
    first, last = date(plan.year, 1, 1), date(plan.year, 12, 31)
    found = []
    for place, requirement in enumerate(requirements):
        spec = requirement.spec
        # A year's variety of forms (S2) is met by what is held anyway.
        if requirement.proof != "gathering" or spec.forms_at_least or not requirement.kinds:
            continue
        quote = quote_for(requirement)
        for window in spec.windows(plan.year, settings, small=small, calendar=calendar):
            if plan.effective_on and window.due_on < plan.effective_on:
                continue
            starts_on, ends_on = max(window.starts_on, first), min(window.ends_on, last)
            if ends_on < begun_on or ends_on < starts_on:
                continue
            by_day = f"{ends_on.month}月{ends_on.day}日前" if "once_by" in spec.cadence else window.label
            found.append(
                Asked(
                    requirement.kinds[0], requirement.clause, quote, by_day, starts_on, ends_on, requirement.code,
                    place, tuple(requirement.kinds), requirement.clause == clause, bool(spec.lecturer),
                    _rhythm(window), max(begun_on, starts_on),
                )
            )  # fmt: skip
    return sorted(found, key=lambda sitting: (sitting.ends_on, sitting.kind))


def quote_for(requirement: Requirement) -> str:
    """Of what is quoted the part that asks for the sitting, word for word; a short sentence whole."""
    word = ASKING.get(Kind(requirement.kinds[0]), "")
    if word:
        parts = [part for quote in requirement.quotes for part in re.split("[，。；]", quote) if word in part]
        often = [part for part in parts if re.search("每|定期|1次", part)]
        for part in (often or parts)[:1]:
            return part
    return requirement.quotes[0].rstrip("。")


def _rhythm(window: DueWindow) -> str:
    if window.ends_on - window.starts_on == timedelta(days=6):
        return WEEKLY
    whole = window.starts_on.day == 1 and window.ends_on == last_day(window.starts_on.year, window.starts_on.month)
    return MONTHLY if whole else PlanItem.Rhythm.ONCE


def is_small(roster: Iterable[Member], day: date) -> bool:
    """Has the branch too few full members on that day to have a committee (支委会)?"""
    return sum(m.confirmed_on is not None and m.confirmed_on <= day for m in roster) < COMMITTEE_FROM


def entries_of(branch_plan: BranchPlan) -> list[Entry]:
    """The plan's items as the check reads them; three queries, or none where they and what they cite are prefetched."""
    items = branch_plan.items.all()
    if "items" not in getattr(branch_plan, "_prefetched_objects_cache", {}):
        items = items.prefetch_related("readings", "materials")
    return [
        Entry(
            item.pk, item.scope, item.kinds, item.topic, item.content, item.starts_on, item.ends_on, item.hours,
            item.responsible_id, item.method, frozenset(item.cited), item.rhythm,
        )
        for item in items
    ]  # fmt: skip


def clarity_of(branch_plan: BranchPlan) -> Clarity:
    """The branch's plan as it is kept, held against what is asked; the roster is the one of the day it was begun."""
    begun_on = localdate(branch_plan.filing.created_at)
    branch, plan = branch_plan.branch, branch_plan.plan
    roster, calendar = list(branch.roster(begun_on)), calendar_of(branch.committee_id)
    return check(
        branch_plan.outline, entries_of(branch_plan),
        asked=asked_of(plan, begun_on, small=is_small(roster, begun_on), calendar=calendar),
        readings=[reading.title for reading in plan.readings.all()],
        roster=[member.pk for member in roster], calendar=calendar,
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
