"""Opening: an issued plan becomes rows of what is owed. Idempotent, restartable: it only adds what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models import Exists, F, OuterRef, Q, Value
from django.utils.timezone import localdate

from branches.access import Access
from branches.models import COMMITTEE_FROM, Branch, Committee, Membership, Post, on_day
from plan.cadence import deadline
from plan.document import DueWindow, RequirementSpec
from plan.models import Claim, Duty, Filing, Plan, Reading, Requirement

CHUNK = 250  # branches a transaction: what a kill can cost, and how long others wait

# What is held on the last day of its period may be recorded until the next day's end: no false red in between.
RECORDING = timedelta(days=1)

COLUMNS = (
    "requirement_id", "code", "year", "period", "starts_on", "ends_on", "due_at", "late_at", "exempt_reason",
    "committee_id", "branch_id", "member_id",
)  # fmt: skip


class PlanRefused(Exception):
    """The plan cannot be issued; the text says why and what to do."""


def issue(plan: Plan, *, access: Access, effective_on: date | None = None) -> int:
    """Issue a draft: its requirements become rows and its duties are opened; returns how many duties were added.

    An amendment (version 2 and on) takes over, from `effective_on`, what is not yet settled and not yet due.
    """
    document = plan.document
    day = effective_on or localdate(access.now)
    with transaction.atomic():
        earlier = Plan.objects.issued().filter(committee=plan.committee, year=plan.year).order_by("-version").first()
        if earlier and earlier.effective_on and day <= earlier.effective_on:
            raise PlanRefused(f"修订版的生效日期须晚于上一版的生效日期 {earlier.effective_on:%Y-%m-%d}。")
        issued = Plan.objects.filter(pk=plan.pk, issued_at__isnull=True).update(
            issued_at=access.now, issued_by=access.user, effective_on=day, title=document.title[:120]
        )
        if issued != 1:
            raise PlanRefused("这份方案已经下发，不能再次下发。")
        plan.refresh_from_db()
        Reading.objects.bulk_create(
            Reading(plan=plan, position=n, title=reading.title, quote=reading.quote)
            for n, reading in enumerate(document.readings)
        )
        Requirement.objects.bulk_create(
            Requirement(
                plan=plan, position=n, code=spec.code, clause=spec.clause, title=spec.title, quotes=list(spec.quotes),
                proof=spec.proof, kinds=list(spec.kinds), receiver=spec.receiver, handling=spec.handling,
                data=spec.as_dict(),
            )
            for n, spec in enumerate(document.requirements)
        )  # fmt: skip
        if earlier:
            _hand_over(earlier, plan, access)
        return open_duties(plan, at=access.now)


def open_duties(plan: Plan, *, at: datetime, progress: Callable[[int, int], None] | None = None) -> int:
    """Add the duties of an issued plan that are missing; returns how many were added.

    Each chunk of branches is one transaction, so a run that is killed is simply run again.
    """
    branches = list(
        Branch.objects.filter(committee=plan.committee)
        .existing_on(localdate(at))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    requirements = list(plan.requirements.all())
    settings = plan.document.settings
    last_day = _last_day(plan)
    added = 0
    with transaction.atomic():
        for requirement, window, _small in _openings(plan, requirements, settings, last_day):
            if "committee" in requirement.spec.owners:
                added += _insert(requirement, plan, window, _committee(plan))
    for start in range(0, len(branches), CHUNK):
        chunk = branches[start : start + CHUNK]
        with transaction.atomic():
            owners = _Owners(chunk, localdate(at))
            for requirement, window, small in _openings(plan, requirements, settings, last_day):
                for kind in requirement.spec.owners:
                    if kind != "committee":
                        added += _insert(requirement, plan, window, owners.of(kind, requirement.spec, window, small))
        if progress:
            progress(min(start + CHUNK, len(branches)), len(branches))
    return added


def _last_day(plan: Plan) -> date | None:
    """The day from which a later version speaks, if there is one."""
    later = Plan.objects.issued().filter(committee=plan.committee, year=plan.year, version__gt=plan.version)
    return later.order_by("version").values_list("effective_on", flat=True).first()


def _openings(
    plan: Plan, requirements: list[Requirement], settings: Any, last_day: date | None
) -> Iterator[tuple[Requirement, DueWindow, bool | None]]:
    """Every requirement's windows for which this version speaks; `small` sets small branches apart where it matters."""
    for requirement in requirements:
        for small in (False, True) if requirement.spec.by_size else (None,):
            for window in requirement.spec.windows(plan.year, settings, small=bool(small)):
                if plan.effective_on and window.due_on < plan.effective_on:
                    continue
                if last_day and window.due_on >= last_day:
                    continue
                yield requirement, window, small


class _Owners:
    """The querysets of those who owe, within one chunk of branches, as they are on the day of opening."""

    def __init__(self, branch_ids: list[int], day: date) -> None:
        self.day = day
        self.branches = Branch.objects.filter(pk__in=branch_ids)
        rosters = Branch.objects.filter(pk__in=branch_ids).with_full_members(day)
        self.with_committee = set(rosters.filter(**{"full_members__gte": COMMITTEE_FROM}).values_list("pk", flat=True))
        self.small = set(branch_ids) - self.with_committee
        self.memberships = Membership.objects.filter(on_day(day), branch__in=branch_ids)

    def of(self, kind: str, spec: RequirementSpec, window: DueWindow, small: bool | None) -> models.QuerySet:
        if kind in ("branch", "secretary"):
            there = self.branches.filter(founded_on__lte=window.due_on)
            if small is not None:
                there = there.filter(pk__in=self.small if small else self.with_committee)
            return there.annotate(to_committee=F("committee_id"), to_branch=F("pk"))
        owed = self.memberships.filter(from_on__lte=window.due_on)
        if kind in ("cadre", "leader"):
            leading: Any = Q(member__is_leading_cadre=True)
            if kind == "leader":
                leading |= Exists(
                    Post.objects.filter(
                        on_day(self.day), member=OuterRef("member"), branch=OuterRef("branch"), kind=Post.Kind.SECRETARY
                    )
                )
            owed = owed.filter(leading)
        return owed.annotate(to_committee=F("branch__committee_id"), to_branch=F("branch_id"), to_member=F("member_id"))


def _committee(plan: Plan) -> models.QuerySet:
    return Committee.objects.filter(pk=plan.committee_id).annotate(to_committee=F("pk"))


def _insert(requirement: Requirement, plan: Plan, window: DueWindow, owners: models.QuerySet) -> int:
    """One statement: a duty for each owner in the window, where there is none; returns how many were added."""
    has = owners.query.annotations
    constant = {
        "v_requirement": Value(requirement.pk, models.BigIntegerField()),
        "v_code": Value(requirement.code, models.CharField()),
        "v_year": Value(plan.year, models.IntegerField()),
        "v_period": Value(window.label, models.CharField()),
        "v_starts": Value(window.starts_on, models.DateField()),
        "v_ends": Value(window.ends_on, models.DateField()),
        "v_due": Value(window.due_at, models.DateTimeField()),
        "v_late": Value(late_from(requirement, window.due_at), models.DateTimeField()),
        "v_reason": Value("", models.CharField()),
    }
    targets = [name for name in ("to_committee", "to_branch", "to_member") if name in has]
    rows = owners.annotate(**constant).order_by().values_list(*constant, *targets)
    try:
        sql, params = rows.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:  # an empty list of ids: no branch here is small, or all are
        return 0
    columns = ", ".join(connection.ops.quote_name(c) for c in COLUMNS[: len(constant) + len(targets)])
    table = connection.ops.quote_name(Duty._meta.db_table)
    with connection.cursor() as cursor:
        # Table and column names are our own; every value is a parameter.
        cursor.execute(f"INSERT INTO {table} ({columns}) {sql} ON CONFLICT DO NOTHING", params)
        return max(cursor.rowcount, 0)


def late_from(requirement: Requirement, due_at: datetime) -> datetime:
    """From when an unsettled duty counts as late: what is held may still be recorded on the following day."""
    return due_at + RECORDING if requirement.proof == "gathering" else due_at


def _hand_over(earlier: Plan, plan: Plan, access: Access) -> None:
    """What is neither settled nor due before the amendment's first day is from now on owed by its text."""
    assert plan.effective_on is not None  # noqa: S101 — issued plans have a day, the database says so
    moved = Duty.objects.filter(
        requirement__plan=earlier,
        settled_at__isnull=True,
        exempted_at__isnull=True,
        due_at__gt=deadline(plan.effective_on, False),
    )
    settings = plan.document.settings
    for old in earlier.requirements.all():
        new = plan.requirements.filter(code=old.code).first()
        mine = moved.filter(requirement=old)
        if new is not None:
            mine.filter(occasion__isnull=False).update(requirement=new)
            for window in {*new.spec.windows(plan.year, settings), *new.spec.windows(plan.year, settings, small=True)}:
                mine.filter(starts_on=window.starts_on, occasion__isnull=True).update(
                    requirement=new, period=window.label, ends_on=window.ends_on,
                    due_at=window.due_at, late_at=late_from(new, window.due_at),
                )  # fmt: skip
        moved.filter(requirement=old).update(
            exempted_at=access.now, exempted_by=access.user, exempt_reason="方案修订后不再要求"
        )


def open_event_duties(filing: Filing, *, kinds: list[str], ended_at: datetime, at: datetime) -> None:
    """What one gathering makes due by itself (its own filing on the next day), kept in step while it is a draft."""
    if filing.first_filed_at is not None or filing.branch is None:
        return
    plan = Plan.objects.in_force(filing.committee_id, filing.year)
    due: dict[str, tuple[Requirement, datetime]] = {}
    if plan is not None and plan.effective_on and localdate(ended_at) >= plan.effective_on:
        settings = plan.document.settings
        for requirement in plan.requirements.filter(proof="gathering"):
            spec = requirement.spec
            if spec.per_event and set(spec.kinds) & set(kinds):
                due[requirement.code] = (requirement, spec.event_due_at(ended_at, settings))
    mine = Duty.objects.filter(occasion=filing, settled_at__isnull=True)
    gone = mine.exclude(code__in=due)
    Claim.objects.filter(duty__in=gone).delete()
    gone.delete()
    held_on = localdate(ended_at)
    for code, (requirement, due_at) in due.items():
        duty, _ = Duty.objects.update_or_create(
            occasion=filing, code=code,
            defaults={
                "requirement": requirement, "committee_id": filing.committee_id, "branch_id": filing.branch_id,
                "year": filing.year, "period": f"{held_on.month}月{held_on.day}日活动", "starts_on": held_on,
                "ends_on": held_on, "due_at": due_at, "late_at": due_at,
            },
        )  # fmt: skip
        Claim.objects.get_or_create(filing=filing, duty=duty, defaults={"claimed_at": at})


def open_for_newcomers(committee: Committee, *, at: datetime) -> int:
    """After the roster changed: whoever joined owes what is still to come of the year's plan."""
    plan = Plan.objects.in_force(committee.pk, localdate(at).year)
    return open_duties(plan, at=at) if plan else 0
