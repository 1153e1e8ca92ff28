"""What was agreed with a person and a day (议定事项落实), followed up once the minutes are locked, until it is done."""

from __future__ import annotations

from datetime import date

from django.db.models import Q, QuerySet

from branches import audit
from branches.access import Access
from plan.models import Filing
from study.models import Resolution

# While the minutes lie with their authors again, what was agreed may still change.
OPEN_MINUTES = (Filing.State.DRAFT, Filing.State.SENT_BACK, Filing.State.DISCARDED)


def followed_up(access: Access) -> QuerySet[Resolution]:
    """Those that this person sees: all of the branches led, and one's own in any."""
    return (
        Resolution.objects.filter(
            Q(gathering__branch__in=access.leads) | Q(responsible=access.member_id),
            responsible__isnull=False, due_on__isnull=False, gathering__filing__first_filed_at__isnull=False,
        )
        .exclude(gathering__filing__state=Filing.State.DISCARDED)
        .select_related("responsible", "gathering__filing", "gathering__branch", "done_by__member")
    )  # fmt: skip


def still_open(access: Access) -> QuerySet[Resolution]:
    return followed_up(access).filter(done_on__isnull=True).order_by("due_on", "gathering__held_at", "position", "pk")


def done(access: Access) -> QuerySet[Resolution]:
    return followed_up(access).filter(done_on__isnull=False).order_by("-done_on", "-due_on", "pk")


def own_open(access: Access) -> QuerySet[Resolution]:
    return still_open(access).filter(responsible=access.member_id)


def is_locked(resolution: Resolution) -> bool:
    """Whether the minutes stand as filed, so that what was agreed can be closed."""
    return resolution.gathering.filing.state not in OPEN_MINUTES


def close(access: Access, resolution: Resolution, on: date, note: str) -> bool:
    """Say that it is done; False where somebody has said so before, or the minutes were opened again just now."""
    with audit.act(access, audit.Kind.WRITE, "办结议定事项", resolution.gathering.filing) as entry:
        # The minutes' own row is the lock: they cannot be opened for correction in between.
        filing = Filing.objects.select_for_update(of=("self",)).get(pk=resolution.gathering.filing_id)
        if filing.state in OPEN_MINUTES:
            closed = 0
        else:
            closed = Resolution.objects.filter(pk=resolution.pk, done_on__isnull=True).update(
                done_on=on, done_note=note, done_by=access.actor
            )
        entry.detail["count"] = closed
    return closed == 1


def reopen(access: Access, resolution: Resolution) -> None:
    """Take back what was closed by mistake."""
    with audit.act(access, audit.Kind.WRITE, "撤销议定事项办结", resolution.gathering.filing):
        Resolution.objects.filter(pk=resolution.pk).update(done_on=None, done_note="", done_by=None)
