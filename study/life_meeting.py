"""The steps of an organizational life meeting (组织生活会): what comes next, its usual rule, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from study.models import Kind

Procedure = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Step:
    """One step; before the meeting it has a day of its own, in the meeting it is told in a few words."""

    key: str
    label: str
    rule: str
    in_meeting: bool = False
    needed: bool = True


STEPS = (
    Step("study", "会前学习", "集中学习一般不少于半天；开会的时间、主题一般提前10天通知参会人员。"),
    Step("talks", "谈心谈话", "支委之间、支委与党员、党员之间都要谈到。"),
    Step("opinions", "征求意见", "用座谈、走访、发函、意见箱等方式听取意见，原汁原味反馈。"),
    Step("outline", "对照检查材料", "班子和每名党员准备发言提纲；请假的交书面材料。", needed=False),
    Step("report", "书记报告", "党支部书记代表支委会报告一年工作和查摆的问题。", in_meeting=True, needed=False),
    Step("self_criticism", "自我批评", "书记带头，每名党员联系自己查摆问题。", in_meeting=True, needed=False),
    Step("criticism", "相互批评", "直接提意见，写明谁对谁提了什么。", in_meeting=True),
)
RECTIFICATION = "整改清单"
TALLEST = 300  # characters of a note


def is_done(step: Step, procedure: Procedure) -> bool:
    said = procedure.get(step.key) or {}
    return bool((said.get("note") or "").strip() if step.in_meeting else said.get("on"))


def has_list(agreed: Sequence[Any]) -> bool:
    """Whether something was agreed with a person and a day: `agreed` have `responsible_id` and `due_on`."""
    return any(one.responsible_id and one.due_on for one in agreed)


def next_step(procedure: Procedure, agreed: Sequence[Any]) -> str:
    """What comes next and its usual rule, in one sentence."""
    for step in STEPS:
        if not is_done(step, procedure):
            return f"下一步：{step.label}。{step.rule}"
    if not has_list(agreed):
        return f"下一步：{RECTIFICATION}。在“议定事项”中逐条写明整改事项、责任人和完成时限。"
    return "各步都已填写，可以上报。报送时间由系统记录。"


def life_meeting_lacks(kinds: Sequence[str], procedure: Procedure, agreed: Sequence[Any]) -> list[tuple[str, str]]:
    """What the minutes of such a meeting must tell before they are filed."""
    if Kind.LIFE_MEETING not in kinds:
        return []
    what = {True: "写明会上的情况", False: "填写日期"}
    found = [
        (step.label, f"组织生活会还缺“{step.label}”：请在“组织生活会步骤”中{what[step.in_meeting]}。")
        for step in STEPS
        if step.needed and not is_done(step, procedure)
    ]
    if not has_list(agreed):
        found.append((RECTIFICATION, "组织生活会还缺整改清单：请在“议定事项”中写明整改事项，每项定责任人和完成时限。"))
    return found


def procedure_lines(procedure: Procedure) -> list[str]:
    """会前学习（2018年12月3日）：集中学习半天. What is not told is left out."""
    lines = []
    for step in STEPS:
        said = procedure.get(step.key) or {}
        on, note = said.get("on") or "", (said.get("note") or "").strip()
        if on or note:
            day = f"（{date.fromisoformat(on):%Y年%-m月%-d日}）" if on else ""
            lines.append(f"{step.label}{day}" + (f"：{note}" if note else ""))
    return lines
