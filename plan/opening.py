"""Opening: an issued plan becomes rows of what is owed. Idempotent, restartable: it only adds what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models import Exists, F, OuterRef, Q, Value
from django.utils.timezone import localdate

from branches.access import Access
from branches.models import COMMITTEE_FROM, Branch, Committee, Membership, Post, on_day, with_subtrees
from plan.cadence import deadline
from plan.calendars import calendar_after, calendar_for
from plan.changing import change
from plan.document import DueWindow, RequirementSpec, Settings
from plan.models import Claim, Duty, DutyQuerySet, Filing, Plan, Reading, Requirement
from plan.reach import reach
from plan.workdays import Calendar

CHUNK = 250  # branches a transaction: what a kill can cost, and how long others wait

# What is held on the last day of its period may be recorded until the next day's end: no false red in between.
RECORDING = timedelta(days=1)

COLUMNS = (
    "requirement_id", "code", "year", "period", "starts_on", "ends_on", "due_at", "late_at", "exempt_reason",
    "opened_at", "committee_id", "branch_id", "member_id",
)  # fmt: skip


# Told, with the plan and the instant, after duties were opened: what holds for a term, holds for what joins it later.
# Each is safe to call again and returns how many duties it changed.
after_opening: list[Callable[[Plan, datetime], int]] = []


class PlanRefused(Exception):
    """The plan cannot be issued; the text says why and what to do."""


def issue(plan: Plan, *, access: Access, effective_on: date | None = None, open_now: bool = True) -> int:
    """Issue a draft: its requirements become rows and its duties are opened; returns how many duties were added.

    With `open_now=False` the duties are left to whoever then asks for `run`.

    An amendment (version 2 and on) takes over, from `effective_on`, what is not yet settled and not yet due; a first
    plan takes over likewise what a committee above has been asking of the same branches.
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
            _hand_over(earlier, plan, Duty.objects.filter(requirement__plan=earlier), access)
        else:
            _take_over(plan, access)
        return open_duties(plan, at=access.now) if open_now else 0


def run(arguments: Mapping[str, Any], *, at: datetime, tell: Callable[[int, int], None]) -> str:
    """Open the duties of an issued plan in the background; killed at any point, it is simply run again."""
    plan = Plan.objects.get(pk=arguments["plan"])
    open_duties(plan, at=at, progress=tell)
    return f"这份方案共有 {Duty.objects.filter(requirement__plan=plan).count()} 项任务"


def open_duties(
    plan: Plan, *, at: datetime, progress: Callable[[int, int], None] | None = None,
    within: Collection[int] | None = None,
) -> int:  # fmt: skip
    """Add the duties of an issued plan that are missing, `within` some committees if so told; returns how many.

    The plan asks the branches of its committee and of those below it, except where a nearer committee has a plan of
    its own. Each chunk of branches is one transaction, so a run that is killed is simply run again.
    """
    requirements = list(plan.requirements.all())
    settings = plan.document.settings
    calendar = calendar_for(plan, settings)
    last_day = _last_day(plan)
    added = done = 0
    if within is None or plan.committee_id in within:
        with transaction.atomic():
            for requirement, window, _small in _openings(plan, requirements, settings, last_day, calendar):
                if "committee" in requirement.spec.owners:
                    added += _insert(requirement, plan, window, at, Committee.objects.filter(pk=plan.committee_id))
    asked = _branches_asked(plan, last_day, localdate(at), within)
    total = sum(len(branches) for branches in asked.values())
    for until, branches in asked.items():
        for start in range(0, len(branches), CHUNK):
            chunk = branches[start : start + CHUNK]
            with transaction.atomic():
                owners = _Owners(chunk, localdate(at))
                for requirement, window, small in _openings(plan, requirements, settings, until, calendar):
                    for kind in requirement.spec.owners:
                        if kind != "committee":
                            owing = owners.of(kind, requirement.spec, window, small)
                            added += _insert(requirement, plan, window, at, owing)
            done += len(chunk)
            if progress:
                progress(done, total)
    for follow in after_opening:
        follow(plan, at)
    return added


def _branches_asked(
    plan: Plan, last_day: date | None, day: date, within: Collection[int] | None
) -> dict[date | None, list[int]]:
    """The branches that the plan asks, by the day from which a later version or a nearer plan speaks to them."""
    until = reach(plan.committee_id, plan.year, last_day)
    branches = Branch.objects.filter(committee__in=[pk for pk in until if within is None or pk in within])
    asked: dict[date | None, list[int]] = {}
    for pk, committee in branches.existing_on(day).order_by("pk").values_list("pk", "committee"):
        asked.setdefault(until[committee], []).append(pk)
    return asked


def _last_day(plan: Plan) -> date | None:
    """The day from which a later version speaks, if there is one."""
    later = Plan.objects.issued().filter(committee=plan.committee, year=plan.year, version__gt=plan.version)
    return later.order_by("version").values_list("effective_on", flat=True).first()


def _openings(
    plan: Plan, requirements: list[Requirement], settings: Settings, last_day: date | None, calendar: Calendar
) -> Iterator[tuple[Requirement, DueWindow, bool | None]]:
    """Every requirement's windows for which this version speaks; `small` sets small branches apart where it matters."""
    for requirement in requirements:
        for small in (False, True) if requirement.spec.by_size else (None,):
            for window in requirement.spec.windows(plan.year, settings, small=bool(small), calendar=calendar):
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
            return there.annotate(to_branch=F("pk"))
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
        return owed.annotate(to_branch=F("branch_id"), to_member=F("member_id"))


def _insert(
    requirement: Requirement, plan: Plan, window: DueWindow, at: datetime, owners: models.QuerySet
) -> int:  # fmt: skip
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
        "v_opened": Value(at, models.DateTimeField()),
        "v_committee": Value(plan.committee_id, models.BigIntegerField()),
    }
    targets = [name for name in ("to_branch", "to_member") if name in has]
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


def _take_over(plan: Plan, access: Access) -> None:
    """A committee's first plan of the year relieves its branches of what a plan from above still asks of them.

    What they are writing for it goes to the nearer office, as soon as it is sent; what was sent stays where it went.
    """
    committees = [pk for pk, nearer in reach(plan.committee_id, plan.year).items() if nearer is None]
    branches = Branch.objects.filter(committee__in=committees).values("pk")
    for above in Plan.objects.over(plan.committee_id).filter(year=plan.year).exclude(committee=plan.committee_id):
        _hand_over(above, plan, Duty.objects.filter(requirement__plan=above, branch__in=branches), access)
    Filing.objects.filter(branch__in=branches, year=plan.year, first_filed_at__isnull=True).update(
        committee=plan.committee_id
    )


def _hand_over(earlier: Plan, plan: Plan, duties: DutyQuerySet, access: Access) -> None:
    """Of these, what is neither settled nor due before the plan's first day is from now on owed by its text."""
    assert plan.effective_on is not None  # noqa: S101 — issued plans have a day, the database says so
    open_now = {"settled_at__isnull": True, "exempted_at__isnull": True}
    moved = duties.filter(**open_now, due_at__gt=deadline(plan.effective_on, False))
    settings = plan.document.settings
    calendar = calendar_for(plan, settings)
    why = _why(earlier, plan)
    for old in earlier.requirements.all():
        new = plan.requirements.filter(code=old.code).first()
        mine = moved.filter(requirement=old)
        if new is not None:
            mine.filter(occasion__isnull=False).update(requirement=new, committee=plan.committee_id)
            sizes = [new.spec.windows(plan.year, settings, small=small, calendar=calendar) for small in (False, True)]
            windows = sorted(set().union(*sizes))
            starting = Counter(window.starts_on for window in windows)
            for window in windows:
                # Weeks and months, asked of branches by their size, may begin on one day: the end tells them apart.
                same = {"ends_on": window.ends_on} if starting[window.starts_on] > 1 else {}
                mine.filter(starts_on=window.starts_on, occasion__isnull=True, **same).update(
                    requirement=new, committee=plan.committee_id, period=window.label, ends_on=window.ends_on
                )
                # Nothing has been opened under the new text yet: what bears it has just been moved.
                change(
                    Duty.objects.filter(
                        requirement=new, starts_on=window.starts_on, ends_on=window.ends_on, occasion__isnull=True,
                        **open_now,
                    ),
                    at=access.now, by=access.user, why=why, due_at=window.due_at,
                    late_at=late_from(new, window.due_at),
                )  # fmt: skip
        change(moved.filter(requirement=old), at=access.now, by=access.user, why=_no_longer(earlier, plan), exempt=True)


def _why(earlier: Plan, plan: Plan) -> str:
    if earlier.committee_id == plan.committee_id:
        return "按修订后的方案执行"
    return f"改按{plan.committee.short_name}的方案执行"


def _no_longer(earlier: Plan, plan: Plan) -> str:
    return "方案修订后不再要求" if earlier.committee_id == plan.committee_id else _why(earlier, plan)


def open_event_duties(filing: Filing, *, kinds: list[str], ended_at: datetime, at: datetime) -> None:
    """What one gathering makes due by itself (its own filing on the next day), kept in step while it is a draft."""
    if filing.first_filed_at is not None or filing.branch is None:
        return
    held_on = localdate(ended_at)
    plan = Plan.objects.asking(filing.branch.committee_id, filing.year, held_on)
    due: dict[str, tuple[Requirement, datetime]] = {}
    if plan is not None and plan.effective_on and held_on >= plan.effective_on:
        settings = plan.document.settings
        calendar = calendar_after(plan, settings)
        for requirement in plan.requirements.filter(proof="gathering"):
            spec = requirement.spec
            if spec.per_event and set(spec.kinds) & set(kinds):
                due[requirement.code] = (requirement, spec.event_due_at(ended_at, settings, calendar))
    mine = Duty.objects.filter(occasion=filing, settled_at__isnull=True)
    gone = mine.exclude(code__in=due)
    Claim.objects.filter(duty__in=gone).delete()
    gone.delete()
    there = {duty.code: duty for duty in mine}
    for code, (requirement, due_at) in due.items():
        now = {
            "requirement_id": requirement.pk, "committee_id": filing.committee_id, "branch_id": filing.branch_id,
            "year": filing.year, "period": f"{held_on.month}月{held_on.day}日活动", "starts_on": held_on,
            "ends_on": held_on,
        }  # fmt: skip
        duty = there.get(code)
        if duty is None:
            new = {**now, "due_at": due_at, "late_at": due_at, "opened_at": at}
            duty, _ = Duty.objects.get_or_create(occasion=filing, code=code, defaults=new)
        elif any(getattr(duty, name) != value for name, value in now.items()):
            Duty.objects.filter(pk=duty.pk).update(**now)
            # On the same day it keeps its deadline, whatever calendar or extension has come since.
            if duty.ends_on != held_on:
                change(Duty.objects.filter(pk=duty.pk), at=at, by=None, why="活动日期有变", due_at=due_at)
        Claim.objects.get_or_create(filing=filing, duty=duty, defaults={"claimed_at": at})


def open_for_newcomers(committee: Committee, *, at: datetime) -> int:
    """After the roster of the committee, or of one below it, changed: whoever joined owes what is still to come."""
    year, within = localdate(at).year, with_subtrees({committee.pk})
    plans = {plan.committee_id: plan for plan in Plan.objects.issued().filter(
        committee__in=within, year=year).order_by("version")}  # fmt: skip
    if above := Plan.objects.asking(committee.pk, year):
        plans[above.committee_id] = above
    return sum(open_duties(plan, at=at, within=within) for plan in plans.values())
