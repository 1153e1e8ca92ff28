"""A gathering as it is filed: the fields of the record form (活动备案表), as text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.timezone import localtime

from branches.models import Member
from study.models import Attendance, Gathering, Kind
from study.papers import days

Presence = Attendance.Presence


def gathering_snapshot(gathering: Gathering) -> dict[str, Any]:
    """Everything the gathering says, complete without the portal's tables; what does not concern it is left out."""
    lines = list(
        gathering.attendance.filter(partner__isnull=True)
        .select_related("member")
        .order_by("member__name_key", "member")
    )
    kinds = set(gathering.kinds)
    item = gathering.plan_item
    fields = [
        ["填报支部", gathering.branch.name],
        ["活动名称", gathering.title],
        ["活动类型", "、".join(gathering.kind_labels)],
        ["对应计划条目", f"{item.topic}（{days(item.starts_on, item.ends_on)}）" if item else "未列入年度计划"],
        ["活动时间", span(gathering.held_at, gathering.ended_at)],
        ["时长", hours(gathering.held_at, gathering.ended_at)],
        ["地点", gathering.place],
        ["活动形式", gathering.get_form_display()],
        ["主持人", _name(gathering.host)],
        ["记录人", _name(gathering.recorder)],
    ]
    together = [partner.branch.name for partner in gathering.partners.select_related("branch").order_by("branch__code")]
    if together:
        fields.append(["联合开展支部", "、".join(together)])
    if gathering.group:
        fields.append(["党小组", gathering.group.name])
    if item and item.responsible:
        fields.append(["责任人", item.responsible.name])
    if Kind.LECTURE in kinds:
        fields.append(["授课人", _name(gathering.lecturer)])
    fields += _attendance(lines, gathering.guests)
    fields.append(["主要内容", gathering.content])
    if Kind.THEME_DAY in kinds:
        fields.append(["固定动作完成情况", "、".join(gathering.fixed_actions) or "未开展"])
    if Kind.GENERAL_MEETING in kinds:
        fields.append(["本月活动安排", "已在会上安排" if gathering.month_arranged else "未在会上安排"])
    fields.append(["议定事项", "\n".join(one.text for one in gathering.resolutions.all())])
    fields.append(["学习篇目", "、".join(gathering.cited)])
    away = [line for line in lines if line.presence != Presence.PRESENT]
    return {
        "fields": fields,
        "tables": [
            {
                "title": "缺席人员及原因",
                "columns": ["姓名", "党员类别", "到会情况", "事由"],
                "rows": [
                    [line.member.name, _category(line), line.get_presence_display(), _reason(line)] for line in away
                ],
            }
        ],
    }


def _attendance(lines: list[Attendance], guests: str) -> list[list[str]]:
    by = {presence: [line for line in lines if line.presence == presence] for presence in Presence}
    present = by[Presence.PRESENT]

    def counts(those: list[Attendance]) -> str:
        full = sum(line.is_full for line in those)
        return f"{len(those)}（正式{full}，预备{len(those) - full}）"

    return [
        ["应到人数", counts(lines)],
        ["实到人数", counts(present)],
        ["请假", f"{len(by[Presence.EXCUSED])}人"],
        ["缺席", f"{len(by[Presence.ABSENT])}人"],
        ["到会率", f"{len(present) * 100 / len(lines):.1f}%" if lines else ""],
        ["列席人员", guests],
        ["出席人员", "、".join(line.member.name for line in present)],
    ]


def _category(line: Attendance) -> str:
    return "正式党员" if line.is_full else "预备党员"


def _reason(line: Attendance) -> str:
    return line.get_reason_display() if line.presence == Presence.EXCUSED else "未请假"


def _name(member: Member | None) -> str:
    return member.name if member else ""


def span(start: datetime, end: datetime) -> str:
    """2018年7月11日14:30至17:00; the second day is named where it is another one."""
    first, last = localtime(start), localtime(end)
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y年%-m月%-d日%H:%M}"
    return f"{first:%Y年%-m月%-d日%H:%M}至{until}"


def hours(start: datetime, end: datetime) -> str:
    """2.5小时; below an hour 45分钟."""
    minutes = round((end - start).total_seconds() / 60)
    return f"{minutes}分钟" if minutes < 60 else f"{minutes / 60:.1f}".removesuffix(".0") + "小时"
