"""Reminders of duties: a statement for each deadline and stage, however many owe it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db import connection, models
from django.db.models import Count, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Value
from django.urls import reverse
from django.utils.timezone import localdate

from plan.models import Duty, Reminder, Standing
from plan.reminder_sources import TAKEN_BACK, Matter, Rulebook, Source, Stage, keep, register
from plan.reminder_times import begins_at

NAME = "duty"
AHEAD = timedelta(hours=36)
# What was missed longer ago is not said any more; that something is late always is.
MISSED = timedelta(days=60)
LATE_STAGES = (Stage.LATE, Stage.SUPERIOR)
COLUMNS = ("source", "subject", "stage", "step", "for_at", "committee_id", "scheduled_at", "outcome")

# From which the end of a filing's activity is read: an expression on a duty, given by the floor that keeps activities.
activity_end: list[Callable[[], models.Expression | models.Subquery]] = []


def in_sight(at: datetime, moment: datetime | None) -> bool:
    """Whether something said at that moment is to be written down now."""
    return moment is not None and at - MISSED <= moment <= at + AHEAD


class Slot(NamedTuple):
    """One thing to be said at one time to all who owe the same."""

    committee: int
    stage: str
    step: int
    for_at: datetime
    moment: datetime


@dataclass
class Asked:
    """Whom a slot concerns: how many duties, and, where it is the start, which windows begin then."""

    n: int = 0
    windows: set[tuple[date, datetime, datetime]] = field(default_factory=set)


def lay(at: datetime, book: Rulebook) -> int:
    """Write down what is to be said of duties within sight, where it is missing; how many rows.

    Two questions tell what is wanted and what is there; only what is missing is a statement of its own, so that a
    round in which nothing is new costs next to nothing.
    """
    # Whether something settled them is asked of the rows themselves, not as of an instant: a clock that was set back
    # must not have people reminded of what they have done.
    owed = Duty.objects.filter(settled_at__isnull=True, exempted_at__isnull=True, year__gte=localdate(at).year - 1)
    there = _there(owed)
    missing = [(slot, asked) for slot, asked in _wanted(owed, at, book).items() if there(slot) < asked.n]
    return sum(_insert(_concerned(owed, slot, asked), slot) for slot, asked in missing) + _events(owed, at, book)


def _wanted(owed: QuerySet[Duty], at: datetime, book: Rulebook) -> dict[Slot, Asked]:
    """What is to be said within sight, and of how many duties."""
    found: dict[Slot, Asked] = {}

    def ask(n: int, committee: int, stage: str, step: int, for_at: datetime, moment: datetime | None) -> Asked | None:
        if moment is None or not (in_sight(at, moment) or (stage in LATE_STAGES and moment <= at + AHEAD)):
            return None
        asked = found.setdefault(Slot(committee, stage, step, for_at, moment), Asked())
        asked.n += n
        return asked

    groups = owed.order_by().annotate(is_own=ExpressionWrapper(Q(branch__isnull=True), models.BooleanField()))
    for committee, late_at, is_own, n in groups.values_list("committee", "late_at", "is_own").annotate(n=Count("pk")):
        times = book.times(committee)
        if times.rules.is_on:
            ask(n, committee, Stage.LATE, 0, late_at, times.late(late_at))
            # What the committee itself owes has no office above it that would be told.
            if not is_own:
                ask(n, committee, Stage.SUPERIOR, 0, late_at, times.superior(late_at))
    windows = owed.order_by().filter(occasion__isnull=True).values_list("committee", "starts_on", "opened_at", "due_at")
    for committee, starts_on, opened_at, due_at, n in windows.annotate(n=Count("pk")):
        times, begins = book.times(committee), begins_at(starts_on, opened_at)
        if not times.rules.is_on:
            continue
        if asked := ask(n, committee, Stage.START, 0, begins, times.start(begins, due_at)):
            asked.windows.add((starts_on, opened_at, due_at))
        ahead = [(Stage.DAY, 0, times.on_day(due_at))]
        ahead += [(Stage.BEFORE, days, times.before(due_at, days)) for days in times.rules.days_before]
        for stage, step, moment in ahead:
            # Not before it could be known: what begins or is opened later is said at its start.
            if moment is not None and begins <= moment:
                ask(n, committee, stage, step, due_at, moment)
    return found


def _there(owed: QuerySet[Duty]) -> Callable[[Slot], int]:
    """How many of these duties have their row already: said at whatever time, or waiting for this one."""
    rows = Reminder.objects.filter(source=NAME, subject__in=owed.values("pk")).exclude(stage=Stage.EVENT)
    rows = rows.exclude(outcome__in=TAKEN_BACK)
    counted: Counter[Slot] = Counter()
    closed: Counter[tuple[int, str, int, datetime]] = Counter()
    groups = rows.order_by().annotate(is_open=ExpressionWrapper(Q(closed_at__isnull=True), models.BooleanField()))
    for committee, stage, step, for_at, moment, is_open, n in groups.values_list(
        "committee", "stage", "step", "for_at", "scheduled_at", "is_open"
    ).annotate(n=Count("pk")):
        if is_open:
            counted[Slot(committee, stage, step, for_at, moment)] += n
        else:
            closed[committee, stage, step, for_at] += n
    return lambda slot: counted[slot] + closed[slot[:4]]


def _concerned(owed: QuerySet[Duty], slot: Slot, asked: Asked) -> QuerySet[Duty]:
    """The duties of a slot."""
    mine = owed.filter(committee=slot.committee)
    match slot.stage:
        case Stage.LATE:
            return mine.filter(late_at=slot.for_at)
        case Stage.SUPERIOR:
            return mine.filter(late_at=slot.for_at, branch__isnull=False)
        case Stage.START:
            begun = Q()
            for starts_on, opened_at in {window[:2] for window in asked.windows}:
                due = [window[2] for window in asked.windows if window[:2] == (starts_on, opened_at)]
                begun |= Q(starts_on=starts_on, opened_at=opened_at, due_at__in=due)
            return mine.filter(begun, occasion__isnull=True)
    known = {"starts_on__lte": localdate(slot.moment), "opened_at__lte": slot.moment}
    return mine.filter(due_at=slot.for_at, occasion__isnull=True, **known)


def _insert(duties: QuerySet[Duty], slot: Slot) -> int:
    """One statement: the row of each of these duties that has none, or one that is unsaid and not as it should be."""
    _, stage, step, for_at, moment = slot
    mine = Reminder.objects.filter(source=NAME, subject=OuterRef("pk"), stage=stage, step=step, for_at=for_at)
    waiting = Q(closed_at__isnull=True, scheduled_at=moment)
    there = mine.filter(waiting | (Q(closed_at__isnull=False) & ~Q(outcome__in=TAKEN_BACK)))
    rows = (
        duties.filter(~Exists(there))
        .order_by()
        .annotate(
            v_source=Value(NAME, models.CharField()), v_stage=Value(str(stage), models.CharField()),
            v_step=Value(step, models.IntegerField()), v_for=Value(for_at, models.DateTimeField()),
            v_moment=Value(moment, models.DateTimeField()), v_outcome=Value("", models.CharField()),
        )
        .values_list("v_source", "pk", "v_stage", "v_step", "v_for", "committee_id", "v_moment", "v_outcome")
    )  # fmt: skip
    sql, params = rows.query.get_compiler(connection=connection).as_sql()
    quote = connection.ops.quote_name
    table, columns = quote(Reminder._meta.db_table), ", ".join(quote(name) for name in COLUMNS)
    with connection.cursor() as cursor:
        # Table and column names are our own; every value is a parameter.
        cursor.execute(
            f"INSERT INTO {table} ({columns}) {sql} ON CONFLICT (source, subject, stage, step, for_at) "
            "DO UPDATE SET scheduled_at = excluded.scheduled_at, closed_at = NULL, outcome = '' "
            f"WHERE {table}.outcome IN ('', %s, %s)",
            [*params, *TAKEN_BACK],
        )
        return max(cursor.rowcount, 0)


def _events(owed: QuerySet[Duty], at: datetime, book: Rulebook) -> int:
    """What an activity makes due is said some hours after its end; when the activity moves, so does the hour."""
    if not activity_end:
        return 0
    found = owed.filter(occasion__isnull=False, due_at__gte=at - MISSED).annotate(ended_at=activity_end[0]())
    rows = found.order_by("pk").values_list("pk", "committee", "ended_at", "due_at")

    @cache
    def moment_of(committee: int, ended_at: datetime, due_at: datetime) -> datetime | None:
        return book.times(committee).event(ended_at, due_at)

    def wanted() -> Iterator[Reminder]:
        for pk, committee, ended_at, due_at in rows.iterator():
            if ended_at is None or not book.rules(committee).is_on:
                continue
            moment = moment_of(committee, ended_at, due_at)
            if moment is not None and moment >= at - MISSED:
                yield Reminder(source=NAME, subject=pk, stage=Stage.EVENT, for_at=due_at, committee_id=committee,
                               scheduled_at=moment)  # fmt: skip

    return keep(wanted())


# What there is to say

FIELDS = (
    "pk", "requirement_id", "requirement__title", "requirement__proof", "period", "due_at", "late_at", "committee_id",
    "branch_id", "member_id", "occasion_id", "branch__name", "member__name",
)  # fmt: skip


def matters(subjects: QuerySet[Any]) -> Iterator[Matter]:
    """Those of the duties that are still owed."""
    owed = Duty.objects.filter(pk__in=subjects, settled_at__isnull=True, exempted_at__isnull=True)
    for row in owed.order_by().values(*FIELDS).iterator():
        title, period, of_event = row["requirement__title"], row["period"], row["occasion_id"] is not None
        page = reverse("plan:requirement_detail", args=[row["requirement_id"]])
        yield Matter(
            source=NAME, subject=row["pk"], committee_id=row["committee_id"], branch_id=row["branch_id"],
            member_id=row["member_id"], due_at=row["due_at"], late_at=row["late_at"], title=title, period=period,
            # The duty's page and not its draft's: there the button is right whenever the message is read.
            url=reverse("plan:duty_detail", args=[row["pk"]]), owner=row["member__name"] or row["branch__name"] or "",
            heading=(NAME, row["requirement_id"], period, row["due_at"]),
            many_url=f"{page}?{urlencode({'standing': Standing.OVERDUE.value})}",
            record=(row["occasion_id"],) if of_event else None, verb="报送" if of_event else "办理",
        )  # fmt: skip


register(Source(NAME, lay, matters))
