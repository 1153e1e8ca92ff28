"""Duties that nobody files: what others filed settles them (approvals, the leaders' own record)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q

from plan.models import Duty, DutyQuerySet, Filing, Relief, Standing

# The member's duties that make up the leading persons' own record (三.1 带头示范).
OWN_RECORD = ("S14", "C2")


def settle_derived(filing: Filing, at: datetime) -> None:
    """After a move: settle the duties that follow from it. A duty once settled stays so; idempotent."""
    if filing.kind == Filing.Kind.MEMBER_PLAN and filing.state == Filing.State.APPROVED:
        _settle_approvals(Q(branch=filing.branch, year=filing.year), at)
    if filing.member_id and filing.state in (Filing.State.APPROVED, Filing.State.RECEIVED):
        _settle_own_record(Q(member=filing.member, year=filing.year), at)


def settle_exempted(relief: Relief, at: datetime) -> None:
    """After an exemption: settle what waited for nothing else than what is exempt now. Two statements at most a kind.

    Where everything is exempt and nothing was approved, there was nothing to settle it by: it stays owed, or is exempt
    by its own name.
    """
    freed = Duty.objects.filter(pk__in=relief.changes.filter(changed_at=at).values("duty"), member__isnull=False)
    waits = Q(exempted_at__isnull=True)
    plans = freed.filter(requirement__proof="member_plan", branch=OuterRef("branch"), year=OuterRef("year"))
    _settle_approvals(waits & Q(Exists(plans)), at)
    own = freed.filter(code__in=OWN_RECORD, member=OuterRef("member"), year=OuterRef("year"))
    _settle_own_record(waits & Q(Exists(own)), at)


def _settle_approvals(which: Q, at: datetime) -> None:
    """The secretary has approved every individual plan of the branch that the year asks for."""
    plans = Duty.objects.filter(
        branch=OuterRef("branch"), year=OuterRef("year"), member__isnull=False, requirement__proof="member_plan"
    )
    owed = Duty.objects.filter(which, member__isnull=True, requirement__proof="approvals")
    _settle(owed, plans, (Standing.APPROVED,), at)


def _settle_own_record(which: Q, at: datetime) -> None:
    """The leading person's own plan and pledge are approved: that record is the example the plan asks for."""
    parts = Duty.objects.filter(member=OuterRef("member"), year=OuterRef("year"), code__in=OWN_RECORD)
    owed = Duty.objects.filter(which, member__isnull=False, requirement__proof="own_record")
    _settle(owed, parts, (Standing.APPROVED, Standing.RECEIVED), at)


def _settle(owed: DutyQuerySet, parts: DutyQuerySet, done: tuple[Standing, ...], at: datetime) -> None:
    """Settle those of which one part at least is done, and every other one too, or exempt."""
    stand = parts.with_standing(at)
    some = Exists(stand.filter(**{"standing__in": done}))
    open_ones = Exists(stand.exclude(**{"standing__in": [*done, Standing.WAIVED]}))
    ready = owed.filter(some, ~open_ones, settled_at__isnull=True)
    ready.update(settled_at=at, done_at=at, judged_due_at=F("due_at"))
