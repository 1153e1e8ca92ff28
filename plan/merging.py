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
        _owe_once(twin, duty, kept)
        doubled += 1
    return Moved(moved, f"另有{doubled}项两个条目都有，只留一项；有一方办结的算办结" if doubled else "")


def _owe_once(twin: Duty, duty: Duty, kept: Member) -> None:
    """Leave one of two rows of the same duty, with the earlier settling and the filings that mean to settle it.

    Where only the other entry was exempted its row stays, so that its history (`DutyChange`) stays with it.
    """
    left, lost = (duty, twin) if duty.exempted_at and not twin.exempted_at else (twin, duty)
    values: dict[str, object] = {"opened_at": min(left.opened_at, lost.opened_at)}
    if lost.done_at and (left.done_at is None or lost.done_at < left.done_at):
        values |= {name: getattr(lost, name) for name in ("settled_at", "done_at", "settled_by", "judged_due_at")}
    claimed = Claim.objects.filter(duty=left).values("filing")
    Claim.objects.filter(duty=lost).exclude(filing__in=claimed).update(duty=left)
    lost.delete()
    Duty.objects.filter(pk=left.pk).update(**values, member=kept)


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
            "plan.DutyChange.changed_by": Decision("任务变更", carry=STAYS),
            "plan.Relief.asked_by": Decision("免除与延期申请", carry=STAYS),
            "plan.Relief.first_by": Decision("免除与延期申请", carry=STAYS),
            "plan.Relief.decided_by": Decision("免除与延期申请", carry=STAYS),
            "plan.Relief.ended_by": Decision("免除与延期申请", carry=STAYS),
            "plan.ReminderPolicy.set_by": Decision("提醒规则", carry=STAYS),
            "plan.Said.user": Decision("提醒", carry=STAYS),
            "plan.SavedView.user": Decision("常用视图", carry=STAYS),
            "plan.SpecialDay.set_by": Decision("工作日历", carry=STAYS),
        }
    )
