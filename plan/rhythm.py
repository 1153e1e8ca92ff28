"""The office's year: what the committee itself owes, how early to begin with it, and the days to reckon with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse
from django.utils.timezone import localdate, make_aware

from branches.access import Access
from branches.hints import term_ends_on
from branches.models import Branch, Committee
from branches.templatetags.portal import day_words, days_late, last_day
from plan.cadence import days_label
from plan.calendars import calendar_of
from plan.models import Duty, DutyQuerySet, LeadTime, Plan, Relief, unsettled
from plan.settling import may_settle, settle_url
from plan.workdays import Calendar, known, noticed

# How many days before its last day one begins, unless the office says otherwise: an inspection of all branches, its
# circular, the year's commendation. Whatever else the committee owes is a week's work.
LEAD_DAYS = {"I3": 14, "I4": 7, "P5": 30}
OTHERWISE = 7
MOST_DAYS = 200
A_DAY = timedelta(days=1)
DRAFT_FROM = 11  # the month from which next year's plan is drafted
NAMED = 4  # named one by one in an entry; more are counted


# Lead times


def default_days(code: str) -> int:
    return LEAD_DAYS.get(code, OTHERWISE)


def lead_days(committee_id: int, code: str) -> int:
    """How many days before its deadline the committee's office begins with what the requirement asks."""
    set_to = LeadTime.objects.filter(committee=committee_id, code=code).values_list("days", flat=True).first()
    return default_days(code) if set_to is None else set_to


def with_begin(duties: DutyQuerySet) -> Any:
    """Annotates the committee's duties with `lead` (days) and `begins_at`, so many days before they are due."""
    own = LeadTime.objects.filter(committee=OuterRef("committee"), code=OuterRef("code")).values("days")[:1]
    usual = Case(
        *(When(code=code, then=Value(days)) for code, days in LEAD_DAYS.items()), default=Value(OTHERWISE),
        output_field=IntegerField(),
    )  # fmt: skip
    lead = Coalesce(Cast(Subquery(own), IntegerField()), usual, output_field=IntegerField())
    span = ExpressionWrapper(F("lead") * Value(A_DAY, output_field=DurationField()), output_field=DurationField())
    return duties.annotate(lead=lead).annotate(
        begins_at=ExpressionWrapper(F("due_at") - span, output_field=DateTimeField())
    )


def of_committees(committee_ids: Collection[int]) -> Q:
    """What these committees owe themselves."""
    return Q(committee__in=committee_ids, branch__isnull=True)


def begun(day: date) -> Q:
    """With the annotations of `with_begin`: the day on which to begin has come."""
    return Q(begins_at__lte=make_aware(datetime.combine(day + A_DAY, time.min)))


def beginning_now(access: Access) -> Any:
    """What the committee owes, is not done and should be in preparation by now; what is late among it."""
    duties = with_begin(Duty.objects.filter(of_committees(access.office_of)).unsettled(access.now))
    return duties.filter(begun(access.on)).order_by("due_at", "code", "pk")


# The year


@dataclass(frozen=True)
class Entry:
    """Something that the year holds: on which day, of what sort, what it is, and where to go for it."""

    day: date
    sort: str
    title: str
    url: str = ""
    note: str = ""
    until: date | None = None
    code: str = ""
    late: bool = False
    days_late: int = 0

    @property
    def days(self) -> str:
        """7月10日（周二）, or 7月20日至8月25日."""
        if self.until and self.until > self.day:
            return days_label(self.day, self.until)
        return f"{self.day.month}月{self.day.day}日（周{'一二三四五六日'[self.day.weekday()]}）"

    @property
    def word(self) -> str:
        return SORTS[self.sort]


# The sorts of entries, in the order in which they stand on one day, each with its word.
SORTS = {
    "begin": "着手", "due": "本级到期", "crowd": "各支部到期", "term": "换届", "vacation": "假期", "holiday": "放假",
    "note": "提示",
}  # fmt: skip


@dataclass
class Month:
    """One month with its entries in order of day; `now_at` is the place before which today stands, if it is here."""

    number: int
    entries: list[Entry] = field(default_factory=list)
    is_past: bool = False
    now_at: int | None = None

    @property
    def before(self) -> list[Entry]:
        return self.entries[: self.now_at] if self.now_at is not None else self.entries

    @property
    def after(self) -> list[Entry]:
        return self.entries[self.now_at :] if self.now_at is not None else []


@dataclass(frozen=True)
class Preparing:
    """A line of what is to be begun with now: the duty, what it has left, and the page that settles it."""

    duty: Any
    label: str
    url: str


@dataclass(frozen=True)
class Lead:
    """How early the office begins with a requirement, and whether it said so itself."""

    code: str
    title: str
    days: int
    usual: int
    is_set: bool


@dataclass
class Year:
    """A committee's year, as of a moment; asks the same few questions whatever the number of branches."""

    committee: Committee
    year: int
    now: datetime
    access: Access

    def __post_init__(self) -> None:
        self.today = localdate(self.now)
        self.first, self.last = date(self.year, 1, 1), date(self.year, 12, 31)
        # With what falls due early next year, since one begins with it in this one.
        own = Duty.objects.filter(committee=self.committee, branch__isnull=True).filter(
            due_at__gt=_midnight(self.first), due_at__lte=_midnight(self.last + (MOST_DAYS + 1) * A_DAY)
        )
        found = with_begin(own).with_standing(self.now).with_draft(self.now).select_related("requirement", "committee")
        self.own: list[Any] = list(found.order_by("due_at", "code", "pk"))
        plans = Plan.objects.filter(committee=self.committee, year__in=(self.year, self.year + 1))
        self.plans: list[Plan] = list(plans.defer("toml", "source_text").order_by("year", "-version"))

    @property
    def has_plan(self) -> bool:
        return any(plan.year == self.year and plan.is_issued for plan in self.plans) or bool(self.own)

    @property
    def preparing(self) -> list[Preparing]:
        """What should be in preparation at the moment, the nearest deadline first."""
        lines = []
        for duty in self.own:
            is_open = not _settled(duty, self.now)
            if is_open and _begins_on(duty) <= self.today:
                label, url = (settle_url(duty) if may_settle(self.access, duty) else None) or ("", "")
                lines.append(Preparing(duty, label, url))
        return lines

    @property
    def leads(self) -> list[Lead]:
        """Every requirement of the committee's own with its lead time, each once."""
        found: dict[str, Lead] = {}
        for duty in self.own:
            usual = default_days(duty.code)
            found.setdefault(
                duty.code, Lead(duty.code, duty.requirement.title, duty.lead, usual, duty.lead != usual)
            )  # fmt: skip
        return [found[code] for code in sorted(found)]

    def months(self) -> list[Month]:
        """The twelve months, each entry under the month of its first day within the year."""
        order = list(SORTS)
        entries = sorted(self._entries(), key=lambda entry: (entry.day, order.index(entry.sort), entry.title))
        months = [Month(number, is_past=(self.year, number) < (self.today.year, self.today.month))
                  for number in range(1, 13)]  # fmt: skip
        for entry in entries:
            months[max(entry.day, self.first).month - 1].entries.append(entry)
        if self.today.year == self.year:
            here = months[self.today.month - 1]
            here.now_at = sum(entry.day < self.today for entry in here.entries)
        return months

    def _entries(self) -> Iterator[Entry]:
        yield from self._of_the_committee()
        yield from self._of_the_branches()
        yield from self._terms()
        yield from self._vacations()
        yield from self._holidays()
        yield from self._notes()

    def _of_the_committee(self) -> Iterator[Entry]:
        for duty in self.own:
            due_on, begins_on, url = last_day(duty.due_at), _begins_on(duty), duty.get_absolute_url()
            if self.first <= due_on <= self.last:
                yield Entry(
                    due_on, "due", duty.requirement.title, url, duty.period, code=duty.standing, late=duty.was_late,
                    days_late=days_late(duty.due_at, self.now),
                )  # fmt: skip
            if self.first <= begins_on <= self.last and duty.lead and not _settled(duty, self.now):
                note = f"提前{duty.lead}天着手，{day_words(due_on, self.first)}到期"
                yield Entry(begins_on, "begin", duty.requirement.title, url, note)

    def _of_the_branches(self) -> Iterator[Entry]:
        """Days on which what the branches and their members owe falls due, week by week not counted."""
        owed = Duty.objects.filter(
            committee__in=_under(self.committee), branch__isnull=False, occasion__isnull=True,
            due_at__gt=_midnight(self.first), due_at__lte=_midnight(self.last + A_DAY),
        )  # fmt: skip
        # Excluding the weekly ones would leave out those without this key too.
        owed = owed.filter(
            Q(requirement__data__cadence__every__isnull=True) | ~Q(requirement__data__cadence__every="week")
        )
        rows: Any = (
            owed.order_by()
            .values("due_at", "code", "requirement__title", "requirement__position")
            .annotate(
                of_branches=Count("pk", filter=Q(member__isnull=True)),
                of_members=Count("pk", filter=Q(member__isnull=False)),
                left=Count("pk", filter=unsettled(self.now)),
            )
            .order_by("due_at", "requirement__position", "code")
        )
        for day, of_day in groupby(rows, key=lambda row: last_day(row["due_at"])):
            yield self._crowd(day, list(of_day))

    def _crowd(self, day: date, rows: list[dict[str, Any]]) -> Entry:
        titles: dict[str, list[str]] = {}
        for row in rows:
            counts = [(row["of_branches"], "个党支部"), (row["of_members"], "人")]
            titles.setdefault(row["requirement__title"], []).extend(f"{n}{unit}" for n, unit in counts if n)
        named = [f"{title}（{'、'.join(counts)}）" for title, counts in titles.items()]
        more = f"等{len(named)}项要求" if len(named) > NAMED else ""
        left = sum(row["left"] for row in rows)
        note = f"还有{left}项没有办" if left else "都已办结"
        asked = {"standing": "all", "month": day.month} | ({"code": rows[0]["code"]} if len(rows) == 1 else {})
        # The list speaks of the plan of the day's year.
        url = f"{reverse('plan:duty_list')}?{urlencode(asked)}" if self.year == self.today.year else ""
        return Entry(day, "crowd", "、".join(named[:NAMED]) + more, url, note)

    def _terms(self) -> Iterator[Entry]:
        """Branches whose term ends in the year; of several in one month the first are named."""
        begun_in = [Q(term_years=n, elected_on__year=self.year - n) for n in range(1, 6)]
        branches: Any = Branch.objects.filter(Q(*begun_in, _connector=Q.OR), committee__in=_under(self.committee))
        rows = branches.exclude(kind="temporary").existing_on(self.today)
        ends = sorted((term_ends_on(one.elected_on, one.term_years), one.code, one.pk, one) for one in rows)
        for _, of_month in groupby(ends, key=lambda end: end[0].month):
            found = list(of_month)
            names = "、".join(one.name for *_, one in found[:NAMED])
            more = f"等{len(found)}个党支部" if len(found) > NAMED else ""
            url = found[0][3].get_absolute_url() if len(found) == 1 else reverse("branches:branch_list")
            yield Entry(found[0][0], "term", f"{names}{more}任期届满", url, "换届提前三个月准备", found[-1][0])

    def _vacations(self) -> Iterator[Entry]:
        """The terms that the office freed all its branches of, or gave them more time for."""
        reliefs = Relief.objects.filter(
            committee__in=Committee.objects.over_any([self.committee.pk]).values("pk"), branch__isnull=True,
            state=Relief.State.GRANTED, from_on__lte=self.last, until_on__gte=self.first,
        )  # fmt: skip
        for one in reliefs.order_by("from_on", "pk"):
            name = one.name or one.get_kind_display()
            yield Entry(one.from_on, "vacation", name, "", f"全体党支部{one.get_kind_display()}", one.until_on)

    def _holidays(self) -> Iterator[Entry]:
        url = f"{reverse('plan:workdays')}?year={self.year}"
        for name, days in rests(calendar_of(self.committee.pk), self.year):
            yield Entry(days[0], "holiday", name, url, f"{len(days)}天" if len(days) > 1 else "", days[-1])

    def _notes(self) -> Iterator[Entry]:
        """What nobody asks for and the office had better not forget: next year's plan and calendar."""
        coming = self.year + 1
        draft = next((plan for plan in self.plans if plan.year == coming), None)
        url = draft.get_absolute_url() if draft else reverse("plan:plan_list")
        note = ("已下发" if draft.is_issued else "草稿已经起好") if draft else "可以照本年度的方案起草"
        yield Entry(date(self.year, DRAFT_FROM, 1), "note", f"起草{coming}年实施方案", url, note)
        if not known(coming):
            days = f"{reverse('plan:workdays')}?year={coming}"
            note = "系统里还没有这一年的放假通知，公布后请填写"
            yield Entry(date(self.year, 12, 1), "note", f"核对{coming}年工作日历", days, note)


def rests(calendar: Calendar, year: int) -> list[tuple[str, list[date]]]:
    """The year's named holidays and vacations, each run of days with its name; weekends in between run on."""
    named = {one.day for one in (*noticed(year), *calendar.own) if one.day.year == year}
    runs: list[tuple[str, list[date]]] = []
    for day in sorted(named):
        special = calendar.special(day)
        if special is None or special.works:
            continue
        if runs and runs[-1][0] == special.name and runs[-1][1][-1] == day - A_DAY:
            runs[-1][1].append(day)
        else:
            runs.append((special.name, [day]))
    return runs


def _settled(duty: Any, now: datetime) -> bool:
    done = duty.settled_at and duty.settled_at <= now
    return bool(done or (duty.exempted_at and duty.exempted_at <= now))


def _begins_on(duty: Any) -> date:
    return last_day(duty.due_at) - duty.lead * A_DAY


def _under(committee: Committee) -> Any:
    return Committee.objects.under(committee.pk).values("pk")


def _midnight(day: date) -> datetime:
    return make_aware(datetime.combine(day, time.min))
