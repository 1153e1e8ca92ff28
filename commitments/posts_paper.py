"""《党员先锋岗登记表》: a branch's posts, who was put forward for which honour, and who stood where when."""

from __future__ import annotations

from datetime import date, datetime

from django.utils.timezone import localdate

from branches.models import Branch
from commitments.models import Nomination, PioneerPost, Term
from documents.official import Block, Heading, Official, Paragraph, Signature, Table, chinese_date

SMALL = 10.5  # points: a table with many columns across an upright page


def register_document(branch: Branch, at: datetime) -> Official:
    """The register as it stands; three statements. What was planned and never came about is left out."""
    posts = list(PioneerPost.objects.filter(branch=branch).order_by("opened_on", "pk"))
    terms = Term.objects.filter(post__branch=branch, begun_at__isnull=False).select_related(
        "post", "member", "nomination"
    )
    people = Nomination.objects.filter(branch=branch, state=Nomination.State.ACCEPTED).select_related("member")
    parts: list[tuple[str, Block]] = [
        (
            "岗位设置",
            _table(
                ["岗位", "岗位职责", "亮牌位置", "轮换周期", "设立日期"],
                [[_name(p), p.duties, p.place, p.get_every_months_display(), _day(p.opened_on)] for p in posts],
                [30, 60, 26, 16, 24],
            ),
        ),
        (
            "入选党员",
            _table(
                ["姓名", "类别", "依据的荣誉", "支部评议意见", "评议日期"],
                [
                    [n.member.name, n.get_kind_display(), n.honour, n.decision, _day(n.decided_at)]
                    for n in people.order_by("decided_at", "pk")
                ],
                [18, 27, 44, 43, 24],
            ),
        ),
        (
            "驻岗情况",
            _table(
                ["岗位", "姓名", "类别", "驻岗起止", "离岗方式"],
                [[t.post.name, t.member.name, t.nomination.get_kind_display(), _span(t), _end(t)]
                 for t in terms.order_by("from_on", "pk")],
                [34, 18, 28, 46, 30],
            ),
        ),
    ]  # fmt: skip
    blocks: list[Block] = []
    for number, (title, block) in zip("一二三", parts, strict=True):
        blocks += [Heading(1, f"{number}、{title}"), block]
    blocks.append(Signature([branch.name, chinese_date(localdate(at))]))
    return Official(title="党员先锋岗登记表", issuer=branch.name, blocks=blocks, made_at=at)


def _table(columns: list[str], rows: list[list[str]], widths: list[float]) -> Block:
    return Table(columns, rows, widths_mm=widths, size_pt=SMALL) if rows else Paragraph("暂无。")


def _name(post: PioneerPost) -> str:
    return f"{post.name}（{_day(post.closed_on)}撤销）" if post.closed_on else post.name


def _span(term: Term) -> str:
    return f"{_day(term.from_on)}—{_day(term.ended_on or term.last_on)}"


def _end(term: Term) -> str:
    if not term.end:
        return "在岗"
    return term.get_end_display() + (f"：{term.end_reason}" if term.end_reason else "")


def _day(value: date | datetime | None) -> str:
    """2018.6.20, as dates stand in the cells of a form."""
    if value is None:
        return ""
    day = localdate(value) if isinstance(value, datetime) else value
    return f"{day.year}.{day.month}.{day.day}"
