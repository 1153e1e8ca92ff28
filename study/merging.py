"""What becomes of attendance and study plans when two entries of one member become one (`branches.merging`)."""

from __future__ import annotations

from typing import Any

from branches.merging import DECISIONS, STAYS, Decision, Moved, moving
from branches.models import Member
from plan.models import Filing
from study.models import Attendance, MemberPlan, Studied

# Whoever was there once was there.
_BEST = (Attendance.Presence.PRESENT, Attendance.Presence.EXCUSED, Attendance.Presence.ABSENT)


def _carry_attendance(kept: Member, gone: Member) -> Moved:
    """One line for each gathering: present before excused before absent, where both entries have one.

    What was signed, or made up, for either of them stays said.
    """
    theirs = {line.gathering_id: line for line in Attendance.objects.filter(member=kept)}
    moved = doubled = 0
    for line in Attendance.objects.filter(member=gone).order_by("pk"):
        twin = theirs.get(line.gathering_id)
        if twin is None:
            Attendance.objects.filter(pk=line.pk).update(member=kept)
            moved += 1
            continue
        is_better = _BEST.index(Attendance.Presence(line.presence)) < _BEST.index(Attendance.Presence(twin.presence))
        told: dict[str, Any] = {"presence": line.presence, "reason": line.reason} if is_better else {}
        there = Attendance.Presence.PRESENT in (line.presence, twin.presence)
        if (is_better and there) or (not there and line.made_up_on and not twin.made_up_on):
            told |= {name: getattr(line, name) for name in ("made_up_on", "made_up_note", "made_up_by")}
        if line.checked_in_at and (twin.checked_in_at is None or line.checked_in_at < twin.checked_in_at):
            told["checked_in_at"] = line.checked_in_at
        if told:
            Attendance.objects.filter(pk=twin.pk).update(**told)
        line.delete()
        doubled += 1
    words = f"另有{doubled}次活动两个条目都有，只留一行，以出席为先；已报送的版本不变" if doubled else ""
    return Moved(moved, words)


def _carry_plans(kept: Member, gone: Member) -> Moved:
    """A plan of a year for which the other has one too stays where it is, and its filing with it."""
    taken = MemberPlan.objects.filter(member=kept).values_list("plan", flat=True)
    staying = list(MemberPlan.objects.filter(member=gone, plan__in=list(taken)))
    moved = MemberPlan.objects.filter(member=gone).exclude(pk__in=[one.pk for one in staying]).update(member=kept)
    Filing.objects.filter(pk__in=[one.filing_id for one in staying]).update(member=gone)
    words = f"另有{len(staying)}份与保留条目的计划同属一个方案，留在原条目下备查" if staying else ""
    return Moved(moved, words)


def _carry_marks(kept: Member, gone: Member) -> Moved:
    """What both marked as studied was studied once; the earlier mark stays as it is."""
    theirs = Studied.objects.filter(member=kept).values_list("push", flat=True)
    doubled, _ = Studied.objects.filter(member=gone, push__in=list(theirs)).delete()
    moved = Studied.objects.filter(member=gone).update(member=kept)
    return Moved(moved, f"另有{doubled}条两个条目都有，只留保留条目的一条" if doubled else "")


def register() -> None:
    DECISIONS.update(
        {
            "study.Attendance.member": Decision("到会记录", "条", _carry_attendance),
            # After the filings, which have moved by now.
            "study.MemberPlan.member": Decision("个人自学计划", "份", _carry_plans),
            "study.PlanItem.responsible": Decision("学习计划责任人", "处", moving("study.PlanItem", "responsible")),
            "study.Gathering.host": Decision("活动主持人", "处", moving("study.Gathering", "host")),
            "study.Gathering.recorder": Decision("活动记录人", "处", moving("study.Gathering", "recorder")),
            "study.Gathering.lecturer": Decision("党课授课人", "处", moving("study.Gathering", "lecturer")),
            "study.Resolution.responsible": Decision("议定事项责任人", "处", moving("study.Resolution", "responsible")),
            "study.Studied.member": Decision("学习标记", "条", _carry_marks),
            "study.Attendance.made_up_by": Decision("补学登记", carry=STAYS),
            "study.CalendarFeed.user": Decision("日历订阅", carry=STAYS),
            "study.Channel.created_by": Decision("推送渠道", carry=STAYS),
            "study.CheckIn.opened_by": Decision("扫码签到", carry=STAYS),
            "study.Material.created_by": Decision("学习资料", carry=STAYS),
            "study.Partner.invited_by": Decision("联合活动", carry=STAYS),
            "study.Push.created_by": Decision("移动学习推送", carry=STAYS),
            "study.Push.published_by": Decision("移动学习推送", carry=STAYS),
            "study.Push.withdrawn_by": Decision("移动学习推送", carry=STAYS),
            "study.Resolution.done_by": Decision("议定事项办结", carry=STAYS),
        }
    )
