"""Showing a sealed field to somebody: for a reason, a few times an hour, and never without a line in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from branches import audit
from branches.access import Access
from branches.models import AuditEvent, Member, User
from branches.personal import FIELDS, reveal
from branches.secrets import Unreadable

MOST_AN_HOUR = 5
WHAT = "查看敏感信息"
OWN = "本人查看"
REASONS = ("核对党员名册", "办理组织关系转接", "党内统计和年报", "紧急情况联系本人", "上级党组织要求核查")


@dataclass(frozen=True)
class Shown:
    """The value, or the sentence that says why it is not shown."""

    value: str = ""
    trouble: str = ""


def reveal_to(access: Access, member: Member, field: str, reason: str) -> Shown:
    """The field's value, with its line in the log; `branches.sight.may_reveal` has been asked before.

    Whoever asks twice at the same moment waits for the first answer, so that no sixth is given.
    """
    with audit.together():
        User.objects.select_for_update().get(pk=access.actor.pk)
        label, shown = FIELDS[field].label, Shown(trouble=_too_often(access))
        if not shown.trouble:
            try:
                shown = Shown(value=reveal(member, field))
            except Unreadable as problem:
                shown = Shown(trouble=f"{problem}请联系系统管理员。")
        audit.note(
            access, audit.Kind.REVEAL, WHAT, member, ok=not shown.trouble, field=label, reason=reason
        )  # fmt: skip
        return shown


def _too_often(access: Access) -> str:
    """Why nothing more is shown for now; empty while something may be."""
    since = access.now - timedelta(hours=1)
    recent = AuditEvent.objects.filter(actor=access.actor, kind=audit.Kind.REVEAL, what=WHAT, ok=True, at__gt=since)
    if len(times := sorted(recent.values_list("at", flat=True))) < MOST_AN_HOUR:
        return ""
    return f"一小时内最多查看{MOST_AN_HOUR}次，已经用完。{_minutes_until(times[-MOST_AN_HOUR], access.now)}分钟后再试。"


def _minutes_until(first: datetime, now: datetime) -> int:
    """Whole minutes until the first of the five is an hour ago, at least one."""
    return max(1, -int((now - first - timedelta(hours=1)).total_seconds() // 60))


def reveals_of(member: Member) -> QuerySet[AuditEvent]:
    """Who had this member's fields shown, the newest first, those of entries merged into this one included."""
    entries = [str(member.pk), *map(str, member.merged.values_list("pk", flat=True))]
    return AuditEvent.objects.filter(
        kind=AuditEvent.Kind.REVEAL, what=WHAT, object_type=Member._meta.label_lower, object_id__in=entries
    ).order_by("-seq")
