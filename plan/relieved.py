"""Which duties an exemption or an extension touches: by name, or by requirement and the term of their deadlines."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Count, F, Min, OuterRef, Q, Subquery

from branches.access import Access
from branches.models import Committee
from plan.cadence import deadline
from plan.models import Duty, DutyChange, DutyQuerySet, Relief

State = Relief.State
WAITING = (State.ASKED, State.SECONDED)


def in_term(from_on: date, until_on: date) -> Q:
    """The duties whose last day lies between these days, both included; not those that hang on an event."""
    return Q(due_at__gt=deadline(from_on, False), due_at__lte=deadline(until_on), occasion__isnull=True)


def named(relief: Relief) -> DutyQuerySet:
    """The duties that a relief names: single ones, or those of its requirements whose deadlines lie in its term."""
    if not relief.codes:
        return Duty.objects.filter(relieved_by(relief))
    within = Committee.objects.under(relief.committee_id).values("pk")
    theirs = Duty.objects.filter(
        in_term(relief.from_on, relief.until_on), code__in=relief.codes, committee__in=within, branch__isnull=False
    )
    return theirs.filter(branch=relief.branch_id) if relief.branch_id else theirs


def relieved_by(relief: Relief) -> Q:
    through: Any = Relief.duties.through
    return Q(pk__in=through.objects.filter(relief=relief.pk).values("duty"))


def owing(duties: DutyQuerySet, due_on: date | None) -> DutyQuerySet:
    """Of these, what an exemption (no day) or an extension to that day would change: neither settled nor exempt."""
    left = duties.filter(settled_at__isnull=True, exempted_at__isnull=True)
    return left.filter(due_at__lt=deadline(due_on)) if due_on else left


def touched(relief: Relief) -> DutyQuerySet:
    """What granting the relief now would change; of one that was granted, what it did change."""
    if relief.decided_at and relief.state in (State.GRANTED, State.ENDED):
        return Duty.objects.filter(pk__in=relief.changes.values("duty"))
    return owing(named(relief), relief.due_on)


def counted(duties: DutyQuerySet) -> dict[str, int]:
    """How many duties, of how many branches."""
    return duties.order_by().aggregate(duties=Count("pk"), branches=Count("branch", distinct=True))


def grouped(duties: DutyQuerySet) -> Any:
    """The duties by requirement, period and deadline, each group with its counts and its first duty."""
    keys = ("code", "requirement__title", "period", "due_at")
    return (
        duties.order_by()
        .values(*keys)
        .annotate(n=Count("pk"), branches=Count("branch", distinct=True), first=Min("pk"), person=Min("member__name"))
        .order_by("due_at", "code", "period")
    )


# Shown beside a duty


def may_ask(access: Access, duty: Duty) -> bool:
    """Whether the duty's page has the button: for those who file for the branch, while the duty is owed by date."""
    return (
        duty.branch_id in access.files_for
        and not duty.settled_at
        and not duty.exempted_at
        and not duty.occasion_id
    )  # fmt: skip


def about(duty: Duty, access: Access | None = None) -> dict[str, Any]:
    """For templates/plan/duty_reliefs.html: the requests that wait, and whether there is a button to ask."""
    through: Any = Relief.duties.through
    single = set(through.objects.filter(duty=duty.pk).values_list("relief", flat=True))
    asked = Relief.objects.filter(state__in=WAITING, branch=duty.branch_id)
    waiting = [one for one in asked if one.pk in single or (one.codes and _covers(one, duty))]
    return {
        "waiting": waiting,
        "may_ask": access is not None and may_ask(access, duty),
    }


def _covers(relief: Relief, duty: Duty) -> bool:
    """What `named` asks the database, of one duty at hand: the requirement, and its last day within the term."""
    within = deadline(relief.from_on, False) < duty.due_at <= deadline(relief.until_on)
    return duty.code in relief.codes and within and duty.occasion_id is None


def first_due() -> Subquery:
    """The deadline that a duty had at first, for an annotation; None where it has had no other."""
    moved = DutyChange.objects.filter(duty=OuterRef("pk")).exclude(due_before=F("due_after"))
    return Subquery(moved.order_by("changed_at", "pk").values("due_before")[:1])
