"""What becomes of duties, filings and papers when two entries of one member become one (`branches.merging`)."""

from __future__ import annotations

from branches.merging import DECISIONS, STAYS, Decision, Moved, moving
from branches.models import Member
from plan.models import Claim, Duty


def _carry_duties(kept: Member, gone: Member) -> Moved:
    """What only the one owed goes over; what both owed is owed once, and settled where either settled it."""
    theirs = {(d.year, d.code, d.starts_on): d for d in Duty.objects.filter(member=kept, occasion__isnull=True)}
    moved = doubled = 0
    for duty in Duty.objects.filter(member=gone).order_by("pk"):
        twin = None if duty.occasion_id else theirs.get((duty.year, duty.code, duty.starts_on))
        if twin is None:
            Duty.objects.filter(pk=duty.pk).update(member=kept)
            moved += 1
            continue
        _owe_once(twin, duty)
        doubled += 1
    return Moved(moved, f"另有{doubled}项两个条目都有，只留一项；有一方办结的算办结" if doubled else "")


def _owe_once(twin: Duty, duty: Duty) -> None:
    """Leave one of two rows of the same duty, with the earlier settling and the filings that mean to settle it."""
    if duty.done_at and (twin.done_at is None or duty.done_at < twin.done_at):
        twin.settled_at, twin.done_at, twin.settled_by = duty.settled_at, duty.done_at, duty.settled_by
    if duty.exempted_at and not twin.exempted_at:
        twin.exempted_at, twin.exempted_by = duty.exempted_at, duty.exempted_by
        twin.exempt_reason = duty.exempt_reason
    twin.save()
    claimed = Claim.objects.filter(duty=twin).values("filing")
    Claim.objects.filter(duty=duty).exclude(filing__in=claimed).update(duty=twin)
    duty.delete()


def register() -> None:
    DECISIONS.update(
        {
            "plan.Duty.member": Decision("个人任务", "项", _carry_duties),
            "plan.Filing.member": Decision("个人报送件", "件", moving("plan.Filing", "member")),
            "plan.Plan.issued_by": Decision("下发方案", carry=STAYS),
            "plan.Filing.filed_by": Decision("报送件", carry=STAYS),
            "plan.Filing.created_by": Decision("报送件", carry=STAYS),
            "plan.Version.filed_by": Decision("报送版本", carry=STAYS),
            "plan.Move.made_by": Decision("办理记录", carry=STAYS),
            "plan.Duty.exempted_by": Decision("免除任务", carry=STAYS),
            "plan.Picture.added_by": Decision("图片", carry=STAYS),
            "plan.Attachment.added_by": Decision("附件", carry=STAYS),
            "plan.SpecialDay.set_by": Decision("工作日历", carry=STAYS),
        }
    )
