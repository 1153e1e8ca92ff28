"""Duties that nobody files: what others filed settles them (approvals, the leaders' own record)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from plan.models import Duty, Filing, Standing

# The member's duties that make up the leading persons' own record (三.1 带头示范).
OWN_RECORD = ("S14", "C2")


def settle_derived(filing: Filing, at: datetime) -> None:
    """After a move: settle the duties that follow from it. A duty once settled stays so; idempotent."""
    if filing.kind == Filing.Kind.MEMBER_PLAN and filing.state == Filing.State.APPROVED:
        _settle_approvals(filing, at)
    if filing.member_id and filing.state in (Filing.State.APPROVED, Filing.State.RECEIVED):
        _settle_own_record(filing, at)


def _settle_approvals(filing: Filing, at: datetime) -> None:
    """The secretary has approved every individual plan of the branch that the year asks for."""
    plans = Duty.objects.filter(
        branch=filing.branch, year=filing.year, member__isnull=False, requirement__proof="member_plan"
    )
    approved = plans.with_standing(at).filter(**{"standing__in": [Standing.APPROVED, Standing.WAIVED]})
    if plans.exists() and approved.count() == plans.count():
        Duty.objects.filter(
            branch=filing.branch, year=filing.year, member__isnull=True, settled_at__isnull=True,
            requirement__proof="approvals",
        ).update(settled_at=at, done_at=at, judged_due_at=F("due_at"))  # fmt: skip


def _settle_own_record(filing: Filing, at: datetime) -> None:
    """The leading person's own plan and pledge are approved: that record is the example the plan asks for."""
    own = Duty.objects.filter(member=filing.member, year=filing.year, code__in=OWN_RECORD)
    done = own.with_standing(at).filter(**{"standing__in": [Standing.APPROVED, Standing.RECEIVED, Standing.WAIVED]})
    if own.exists() and done.count() == own.count():
        Duty.objects.filter(
            member=filing.member, year=filing.year, settled_at__isnull=True, requirement__proof="own_record"
        ).update(settled_at=at, done_at=at, judged_due_at=F("due_at"))
