"""A study plan begun: empty, as a first draft of what the year asks for, or with what an earlier year had."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from branches.access import Access
from branches.models import Branch
from plan import moves
from plan.cadence import last_day
from plan.calendars import calendar_of
from plan.models import Duty, Filing, Plan, Reading
from study.drafting import draft_for
from study.drafting import outline as first_outline
from study.models import BranchPlan, Material, PlanItem
from study.rhythm import IsWorkday, nearest_workday

ONE_DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def begin(branch: Branch, plan: Plan, access: Access) -> BranchPlan:
    """An empty plan that claims the duties it answers; call inside a transaction."""
    # A draft that was discarded makes room: its filing stays in the log, its items have no use.
    BranchPlan.objects.filter(branch=branch, plan=plan, filing__state=Filing.State.DISCARDED).delete()
    arrival = plan.requirements.filter(code="S12").first()
    filing = moves.begin(
        kind=Filing.Kind.BRANCH_PLAN, access=access, title=f"{branch.name}{plan.year}年度学习计划", year=plan.year,
        branch=branch, desk=Filing.Desk.OFFICE, handling=arrival.handling if arrival else "inform",
    )  # fmt: skip
    record = BranchPlan.objects.create(filing=filing, branch=branch, plan=plan)
    duties = Duty.objects.of_branch([branch.pk]).filter(
        year=plan.year, requirement__proof="branch_plan", exempted_at__isnull=True
    )
    moves.claim(filing, set(duties.values_list("pk", flat=True)), access.now)
    return record


def draft(record: BranchPlan, day: date) -> None:
    """The first draft's outline and items, and what each of them cites; a few statements for all of them."""
    readings: list[Reading] = list(record.plan.readings.all())
    by_title = {reading.title: reading for reading in readings}
    record.outline = first_outline(list(by_title))
    record.save(update_fields=["outline"])
    entries = draft_for(record.branch, record.plan, day)
    items = PlanItem.objects.bulk_create(
        PlanItem(
            plan=record, scope=e.scope, kind=e.kinds[0], with_kinds=list(e.kinds[1:]), topic=e.topic,
            content=e.content, starts_on=e.starts_on, ends_on=e.ends_on, hours=e.hours,
            responsible_id=e.responsible_id, method=e.method, rhythm=e.rhythm,
        )
        for e in entries
    )  # fmt: skip
    cites = PlanItem.readings.through
    cites.objects.bulk_create(
        cites(planitem=item, reading=by_title[title])
        for item, entry in zip(items, entries, strict=True)
        for title in entry.readings
    )


# From an earlier year


def earlier(branch: Branch, year: int) -> BranchPlan | None:
    """The branch's newest study plan of a year before this one that has anything in it."""
    return (
        BranchPlan.objects.filter(branch=branch, plan__year__lt=year, items__isnull=False)
        .exclude(filing__state=Filing.State.DISCARDED)
        .select_related("plan", "branch")
        .order_by("-plan__year", "-plan__version")
        .first()
    )


@dataclass
class Carried:
    """What was taken over from an earlier plan, and what could not be."""

    year: int
    count: int = 0
    past: int = 0
    orphaned: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """What the person reads after it, in sentences."""
        said = [
            f"已按{self.year}年度学习计划带入{self.count}条，日期为今年同一周的同一天，遇节假日调到工作日，请逐条核对。"
        ]
        if self.past:
            said.append(f"另有{self.past}条今年的日期已过，没有带入。")
        if self.orphaned:
            said.append(f"{_named(self.orphaned)}的原责任人已不在本支部，请另定责任人。")
        if self.unread:
            said.append(f"今年方案没有列入的篇目没有带入：{'、'.join(self.unread[:5])}。")
        return "".join(said)


def _named(topics: list[str]) -> str:
    shown = "、".join(f"“{topic}”" for topic in topics[:3])
    return shown if len(topics) <= 3 else f"{shown}等{len(topics)}条"


def carry(record: BranchPlan, source: BranchPlan, day: date) -> Carried:
    """Take over the earlier plan's outline and items that are still to come on `day`; a few statements for all."""
    told = Carried(source.plan.year)
    record.outline = source.outline
    record.save(update_fields=["outline"])
    calendar = calendar_of(record.branch.committee_id)
    roster = set(record.branch.roster(day).values_list("pk", flat=True))
    readings = {reading.title: reading.pk for reading in record.plan.readings.all()}
    current = set(Material.objects.filter(committee_id=record.plan.committee_id).current().values_list("pk", flat=True))
    new: list[PlanItem] = []
    cited: list[list[int]] = []
    used: list[list[int]] = []
    for item in source.items.prefetch_related("readings", "materials"):
        days = days_in_year(item, record.plan.year, day, calendar.is_workday)
        if days is None:
            told.past += 1
            continue
        keeps = item.responsible_id in roster
        if item.responsible_id and not keeps:
            told.orphaned.append(item.topic)
        titles = [reading.title for reading in item.readings.all()]
        told.unread += [title for title in titles if title not in readings and title not in told.unread]
        cited.append([readings[title] for title in titles if title in readings])
        used.append([material.pk for material in item.materials.all() if material.pk in current])
        new.append(
            PlanItem(
                plan=record, scope=item.scope, rhythm=item.rhythm, kind=item.kind, with_kinds=item.with_kinds,
                topic=item.topic, content=item.content, starts_on=days[0], ends_on=days[1], hours=item.hours,
                responsible_id=item.responsible_id if keeps else None, method=item.method, place=item.place,
            )
        )  # fmt: skip
    items = PlanItem.objects.bulk_create(new)
    told.count = len(items)
    reads, uses = PlanItem.readings.through, PlanItem.materials.through
    reads.objects.bulk_create(
        reads(planitem=item, reading_id=pk) for item, keys in zip(items, cited, strict=True) for pk in keys
    )
    uses.objects.bulk_create(
        uses(planitem=item, material_id=pk) for item, keys in zip(items, used, strict=True) for pk in keys
    )
    return told


def days_in_year(item: PlanItem, year: int, day: date, is_workday: IsWorkday) -> tuple[date, date] | None:
    """The item's first and last day in that year, from `day` on; None for what would lie behind.

    A sitting keeps its week and weekday and gives way to a working day of its month; what lasts longer, or recurs,
    keeps its length within the year.
    """
    first = same_week_day(item.starts_on, year)
    if item.starts_on == item.ends_on:
        first = working_day(first, is_workday)
        return (first, first) if first >= day else None
    last = same_week_day(item.ends_on, year)
    # What went on to the year's end does so again: the last days of the year have no twin of the same week.
    if (item.ends_on.month, item.ends_on.day) == (12, 31):
        last = date(year, 12, 31)
    if last < max(first, day):
        return None
    while item.rhythm and first < day:
        first = first + WEEK if item.rhythm == PlanItem.Rhythm.WEEKLY else _month_later(first, item.starts_on.day)
    first = max(first, day)
    return (first, last) if first <= last else None


def _month_later(day: date, number: int) -> date:
    """The day of that number in the next month, or the month's last where it has none."""
    first = last_day(day.year, day.month) + ONE_DAY
    return first.replace(day=min(number, last_day(first.year, first.month).day))


def same_week_day(day: date, year: int) -> date:
    """The same weekday of the same ISO week in another year, kept within that year."""
    number, weekday = day.isocalendar().week, day.isoweekday()
    # 28 December always lies in the last ISO week of its year.
    weeks = date(year, 12, 28).isocalendar().week
    found = date.fromisocalendar(year, min(number, weeks), weekday)
    return min(max(found, date(year, 1, 1)), date(year, 12, 31))


def working_day(day: date, is_workday: IsWorkday) -> date:
    """The working day nearest after `day` in its month, else the nearest before, else the day itself."""
    first, last = day.replace(day=1), last_day(day.year, day.month)
    return nearest_workday(day, first, last, is_workday) or day
