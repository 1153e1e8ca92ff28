"""The roster written out: the empty workbook to fill in, the roster of a day, and the rows that have to be mended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import QuerySet

from branches.models import Branch, Member, Membership, Post, on_day
from branches.roster import ImportPlan
from branches.roster_cells import HEADINGS, Reading
from documents.workbook import Column, Sheet

COLUMNS = [Column(heading.title, heading.width, heading.kind) for heading in HEADINGS]  # type: ignore[arg-type]
# What everybody who exports the roster gets: ID numbers and phones are not in it.
EXPORTED = [column for column, heading in zip(COLUMNS, HEADINGS, strict=True) if not heading.personal]
TEMPLATE_NOTES = [
    "一人一行。工号、姓名、所在党支部必填；其余各列可以没有，也可以留空：留空表示不改动名册中已有的内容，要清空请填“无”。",
    "人员类别填“正式党员”或“预备党员”；是否处级以上填“是”或“否”；日期写成 2018-07-01、2018.7.1 或 2018年7月1日均可。",
    "党内职务填支部书记、支部副书记、组织委员、宣传委员、纪检委员、党小组组长，几个之间用顿号。工号请保持文本格式。",
    "是否离退休及以后各列是选填的。是离退休的写明离退休日期；是流动党员的写明外出流向，到市县即可。",
    "公民身份号码、手机号码填了就加密保存，平时只显示首尾几位，导出的名册里没有；请把这两列设为文本格式。",
    "住址、健康等其他内容请不要填写：平台不需要，也不会保存。",
]


def template_sheets(branches: QuerySet[Branch]) -> list[Sheet]:
    """The empty workbook to fill in, and the names of the branches and groups there are."""
    names = ((branch.name, group) for branch in branches for group in _group_names(branch))
    return [
        Sheet("党员名册", COLUMNS, [], title_row="党员名册", notes=TEMPLATE_NOTES),
        Sheet("现有党支部", [Column("党支部", 40), Column("党小组", 24)], names),
    ]


def _group_names(branch: Branch) -> list[str]:
    return [group.name for group in branch.groups.all()] or [""]


def roster_sheet(members: QuerySet[Member], day: date, title: str) -> Sheet:
    """The roster of these members on `day`, in the very columns the import reads, but for the personal ones."""
    return Sheet("党员名册", EXPORTED, _roster_rows(members, day), title_row=title)


def _roster_rows(members: QuerySet[Member], day: date) -> Iterator[tuple[Any, ...]]:
    memberships = (
        Membership.objects.filter(on_day(day), member__in=members)
        .select_related("member", "branch", "group")
        .order_by("branch__committee_id", "branch__code", "member__name_key", "member_id")
    )
    order = {kind: n for n, kind in enumerate(Post.IN_BRANCH)}
    posts: dict[tuple[int, int | None], list[str]] = defaultdict(list)
    for post in Post.objects.filter(on_day(day), member__in=members, branch__isnull=False):
        posts[post.member_id, post.branch_id].append(post.kind)
    for one in memberships:
        member = one.member
        kinds = sorted(posts[member.pk, one.branch_id], key=lambda kind: order[Post.Kind(kind)])
        yield (
            member.staff_number,
            member.name,
            one.branch.name,
            one.group.name if one.group else None,
            member.joined_on,
            member.confirmed_on,
            member.category(day),
            member.job_title,
            "是" if member.is_leading_cadre else "否",
            "、".join(Post.Kind(kind).label for kind in kinds),
            "是" if member.retired_on and member.retired_on <= day else "否",
            member.retired_on,
            "是" if member.mobile_from_on and member.mobile_from_on <= day else "否",
            member.mobile_place,
        )


def error_sheet(reading: Reading, plan: ImportPlan) -> Sheet:
    """All rows as they were sent, those refused with reason and cure: to be mended here and uploaded again.

    The office's own file comes back whole, ID numbers with it: a number left out would be missing from the second
    upload without anybody noticing, and a damaged one can only be mended where it stands. Whoever asks for a sheet
    with such columns gives the password once more (`views.roster.roster_errors`).
    """
    headings = [heading for heading in HEADINGS if heading.key in reading.columns]
    columns = [
        Column("原行号", 8, "int"),
        *(Column(heading.title, heading.width) for heading in headings),
        Column("问题", 44),
        Column("怎么改", 44),
    ]

    def rows() -> Iterator[tuple[Any, ...]]:
        for row in plan.rows:
            cells = [row.line.cells.get(heading.key, ("", ""))[1] or None for heading in headings]
            reasons = "；".join(map(str, row.problems))
            cures = "；".join(dict.fromkeys(problem.cure for problem in row.problems))
            yield (row.row, *cells, reasons or None, cures or None)

    notes = ["在原列中改好后，可直接上传本文件；“原行号”“问题”“怎么改”三列不会读入。"]
    return Sheet("需要改正的名册", columns, rows(), title_row="需要改正的名册", notes=notes)
