"""A gathering as it is filed: the fields of the record form (活动备案表), as text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.timezone import localtime

from branches.models import Member, Post, on_day
from plan.models import Filing
from study.life_meeting import procedure_lines
from study.minutes import agreed_of, motions_of, speeches_of
from study.models import Attendance, Gathering, Kind
from study.papers import days
from study.voting import Electorate

Presence = Attendance.Presence
# Whose minutes are signed by the one who chaired and the one who wrote.
MEETINGS = {
    Kind.GENERAL_MEETING, Kind.COMMITTEE_MEETING, Kind.GROUP_MEETING, Kind.LIFE_MEETING, Kind.APPRAISAL
}  # fmt: skip
SIGNATURES = ["主持人签字", "记录人签字"]


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
        ["届次", ordinal(gathering)],
        ["对应计划条目", f"{item.topic}（{days(item.starts_on, item.ends_on)}）" if item else "未列入年度计划"],
        ["活动时间", span(gathering.held_at, gathering.ended_at)],
        ["时长", hours(gathering.held_at, gathering.ended_at)],
        ["地点", gathering.place],
        ["活动形式", gathering.get_form_display()],
        ["主持人", _host(gathering)],
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
    fields += _minutes(gathering, Electorate.of(kinds, lines))
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
        "signatures": SIGNATURES if kinds & MEETINGS else [],
    }


def _minutes(gathering: Gathering, electorate: Electorate) -> list[list[str]]:
    """What was said and settled, in the order of a minute book; what was not written down is left out."""
    kinds = set(gathering.kinds)
    agreed = agreed_of(gathering)
    people = Member.objects.filter(pk__in=[one.responsible_id for one in agreed if one.responsible_id])
    names = {member.pk: member.name for member in people}
    agenda = [line.strip() for line in gathering.agenda.splitlines() if line.strip()]
    fields = [
        ["议题、议程", _numbered(agenda)],
        ["组织生活会步骤", _numbered(procedure_lines(gathering.procedure))],
        ["主要内容", gathering.content],
        ["发言记录", "\n".join(said.line for said in speeches_of(gathering))],
        ["表决情况", _numbered([electorate.line(motion) for motion in motions_of(gathering)])],
        ["议定事项", _numbered([one.line(names) for one in agreed])],
        ["主持人总结", gathering.summary],
    ]
    if Kind.THEME_DAY in kinds:
        fields.append(
            ["固定动作完成情况", "、".join(_action(gathering, one) for one in gathering.fixed_actions) or "未开展"]
        )
    if Kind.GENERAL_MEETING in kinds:
        fields.append(["本月活动安排", "已在会上安排" if gathering.month_arranged else "未在会上安排"])
    fields.append(["学习篇目", "、".join(gathering.cited)])
    return [[label, text] for label, text in fields if text or label == "主要内容"]


def _numbered(lines: list[str]) -> str:
    """1. …, each on its own line; a single one goes without a number."""
    if len(lines) == 1:
        return lines[0]
    return "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1))


def _action(gathering: Gathering, action: str) -> str:
    """义务劳动（清扫校园）; of the dues, how many paid: 缴纳党费（15人）."""
    told = [f"{gathering.dues_paid}人"] if "党费" in action and gathering.dues_paid is not None else []
    told += [note] if (note := gathering.action_notes.get(action)) else []
    return action + (f"（{'，'.join(told)}）" if told else "")


def _host(gathering: Gathering) -> str:
    """陈静（党支部书记）: with the post held in the branch on that day."""
    if gathering.host is None:
        return ""
    posts = Post.objects.filter(on_day(gathering.held_on), branch=gathering.branch, member=gathering.host)
    post = posts.order_by("pk").first()
    return f"{gathering.host.name}（{post.get_kind_display()}）" if post else gathering.host.name


def ordinal(gathering: Gathering) -> str:
    """2018年第3次支部党员大会、第7次集体学习: among what the branch has filed of the year, by the day it was held.

    A group's meetings are counted by themselves.
    """
    year = gathering.held_on.year
    earlier = Gathering.objects.filter(
        branch=gathering.branch, held_at__year=year, held_at__lte=gathering.held_at,
        filing__first_filed_at__isnull=False,
    )  # fmt: skip
    earlier = earlier.exclude(filing__state=Filing.State.DISCARDED).exclude(pk=gathering.pk)
    counts = dict.fromkeys(gathering.kinds, 1)
    for pk, held_at, kinds, group in earlier.values_list("pk", "held_at", "kinds", "group"):
        if (held_at, pk) > (gathering.held_at, gathering.pk):
            continue
        for kind in set(kinds) & set(counts):
            if kind != Kind.GROUP_MEETING or group == gathering.group_id:
                counts[kind] += 1
    told = [f"第{counts[kind.value]}次{kind.label}" for kind in Kind if kind.value in counts]
    return f"{year}年{'、'.join(told)}" if told else ""


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
