"""Writing a pledge: what is still missing before it can be filed, and what is frozen when it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from commitments.models import Pledge, PledgeItem
from commitments.vagueness import Other, Said, Vague, sentences, vague_in
from plan.models import Filing

LEAST, MOST = 2, 5
LINES = 3  # on the board
LINE = 60  # characters
# A copy is looked for among so many items; of a committee with more branches the newest count.
COMPARED = 2000
# What is asked of each item, in the order in which it is asked.
ASKED = (
    ("text", "承诺事项"),
    ("goal", "目标"),
    ("measures", "实施措施"),
    ("due_on", "完成时限"),
    ("success", "衡量标准"),
)
OVERRIDE = "确实不能写得更具体的，请在“说明”中写明理由。"


def least_of(pledge: Pledge) -> int:
    """How many items it must have: what is pledged for one occasion may be a single thing."""
    return LEAST if pledge.scope == Pledge.Scope.ANNUAL else 1


def missing_in(pledge: Pledge) -> list[str]:
    """What stands between the pledge and its filing, in sentences."""
    items = list(pledge.items.all())
    missing, least = [], least_of(pledge)
    if not least <= len(items) <= MOST:
        missing.append(f"承诺事项应有{least}至{MOST}项，现在有{len(items)}项。")
    for item in items:
        lacks = [label for name, label in ASKED if not getattr(item, name)]
        if lacks:
            missing.append(f"第{item.position}项还没有{'、'.join(lacks)}。")
        first = date(pledge.year, 1, 1)
        if item.due_on and not first <= item.due_on <= pledge.valid_until:
            missing.append(
                f"第{item.position}项的完成时限应在{first:%Y年%-m月%-d日}至有效期{pledge.valid_until:%Y年%-m月%-d日}之间。"
            )
    if not pledge.position.strip():
        missing.append("请填写岗位或职务。" if pledge.member_id else "请填写责任人。")
    if not pledge.vague_reason.strip() and (found := vague_of(pledge, items)):
        # What is simply empty was said above.
        open_ones = [
            one for one in found
            if one.rule != "date" and (one.rule != "measure" or items[one.position - 1].success.strip())
        ]  # fmt: skip
        missing += sentences(open_ones)
        if open_ones:
            missing.append(OVERRIDE)
    return missing


def said(item: PledgeItem) -> Said:
    return Said(item.text, item.goal, item.measures, item.success, item.due_on)


def vague_of(pledge: Pledge, items: Sequence[PledgeItem] | None = None) -> list[Vague]:
    """What is vague in its items; `position` is the place among them."""
    rows = list(pledge.items.all()) if items is None else items
    return vague_in([said(item) for item in rows], others_of(pledge))


def others_of(pledge: Pledge) -> list[Other]:
    """What others of the branch pledged for the year, before this one was first filed; for a branch, other branches.

    Names only what the writer may read: a pledge that is public inside the own branch.
    """
    rows = PledgeItem.objects.filter(pledge__year=pledge.year, pledge__filing__first_filed_at__isnull=False).exclude(
        pledge__filing__state=Filing.State.DISCARDED
    )
    if pledge.pk:
        rows = rows.exclude(pledge=pledge)
        if first := pledge.filing.first_filed_at:
            rows = rows.filter(pledge__filing__first_filed_at__lt=first)
    if pledge.member_id:
        rows = rows.filter(pledge__branch=pledge.branch_id, pledge__member__isnull=False)
        rows = rows.exclude(pledge__member=pledge.member_id)
    else:
        rows = rows.filter(pledge__branch__committee=pledge.branch.committee_id, pledge__member__isnull=True)
        rows = rows.exclude(pledge__branch=pledge.branch_id)
    found = rows.order_by("-pk").values_list("text", "pledge__member__name", "pledge__published_at")[:COMPARED]
    return [Other(text, _whose(name, public=published is not None)) for text, name, published in found]


def _whose(name: str | None, *, public: bool) -> str:
    if name is None:
        return "另一个党支部的承诺"
    return f"{name}的承诺" if public else "本支部另一份承诺"


def board_lines_of(texts: Sequence[str]) -> list[str]:
    """The board's lines where nobody chose any: the items' own words, the first clauses where a text is too long."""
    return [_line(text) for text in texts if text.strip()][:LINES]


def _line(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= LINE:
        return text
    fits = [text[: mark.start()] for mark in re.finditer("[，；。、]", text) if 0 < mark.start() <= LINE]
    return fits[-1] if fits else text[:LINE]


def title_of(pledge: Pledge, on: date) -> str:
    """What its filing is called: 陈静2018年度承诺书, 陈静即时承诺书（7月4日）."""
    if pledge.scope == Pledge.Scope.ANNUAL:
        return f"{pledge.owner_name}{pledge.year}年度承诺书"
    return f"{pledge.owner_name}即时承诺书（{on:%-m月%-d日}）"


def _day(day: date | None, year: int) -> str:
    """The day, with its year where it is not the pledge's own: the column of the paper is narrow."""
    if day is None:
        return ""
    return f"{day:%-m月%-d日}" if day.year == year else f"{day:%Y年%-m月%-d日}"


COLUMNS = ["序号", "承诺事项", "目标", "实施措施", "完成时限", "衡量标准"]


def snapshot_of(pledge: Pledge) -> dict[str, Any]:
    """The pledge as it is sent, the 承诺书: whose, which, until when; one table of its items; who signs."""
    whose = ("姓名", pledge.member.name) if pledge.member else ("党支部", pledge.branch.name)
    fields: list[tuple[str, str]] = [
        whose,
        ("岗位或职务" if pledge.member_id else "责任人", pledge.position),
        ("承诺类别", pledge.get_scope_display()),
        ("年度", f"{pledge.year}年"),
        ("监督电话", pledge.phone),
        ("有效期至", f"{pledge.valid_until:%Y年%-m月%-d日}"),
    ]
    if pledge.board_lines:
        fields.append(("承诺牌内容", "\n".join(pledge.board_lines)))
    if pledge.vague_reason:
        fields.append(("说明", pledge.vague_reason))
    rows = [
        [str(item.position), f"【{item.get_angle_display()}】{item.text}" if item.angle else item.text, item.goal,
         item.measures, _day(item.due_on, pledge.year), item.success]
        for item in pledge.items.all()
    ]  # fmt: skip
    return {
        "fields": fields,
        "tables": [{"title": "承诺事项", "columns": COLUMNS, "rows": rows}],
        "signatures": ["承诺人签字" if pledge.member_id else "支部书记签字"],
    }
