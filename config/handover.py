"""The handover pack: what somebody who takes up a branch's posts has to know, as a page and as a paper to sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.timezone import localdate

from branches.access import Access
from branches.models import Branch, Membership, Post, on_day
from branches.requests import PortalRequest
from branches.templatetags.portal import STANDINGS, last_day
from documents.official import Block, Heading, KeyValues, Official, Paragraph, Table, build
from plan.models import Duty, Filing
from study.models import PlanItem
from study.rhythm import rhythm_words

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
AHEAD = timedelta(days=60)
# For so long after the day those who laid a post down, and those who took it up, find the pack.
OPEN_FOR = timedelta(days=30)
MOST = 200  # duties and sittings named one by one


@dataclass(frozen=True)
class Part:
    """One part of the pack: a table, or the sentence that stands where there is nothing."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str
    note: str = ""
    widths_mm: Sequence[float] = ()

    @property
    def heads(self) -> list[dict[str, str]]:
        return [{"label": label, "kind": "head" if n == 0 else "named"} for n, label in enumerate(self.columns)]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [{"cells": list(row)} for row in self.rows]

    @property
    def texts(self) -> list[list[str]]:
        return [[cell["text"] if isinstance(cell, dict) else cell for cell in row] for row in self.rows]


@dataclass
class Pack:
    """A branch's handover of one day: who lays down and takes up what, and what there is to do."""

    branch: Branch
    on: date
    parts: list[Part] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.branch.name}工作交接清单"


def changing(branch: Branch, on: date) -> QuerySet[Post]:
    """The branch's posts that begin or end on the day."""
    return branch.posts.filter(Q(from_on=on) | Q(until_on=on)).select_related("member").order_by("from_on", "pk")


def may_read(access: Access, branch: Branch, posts: Sequence[Post], on: date) -> bool:
    """Those who hand over and those who take over, until 30 days after; the branch's leaders; the office."""
    if branch.committee_id in access.office_of or branch.pk in access.leads:
        return True
    return access.on < on + OPEN_FOR and any(post.member_id == access.member_id for post in posts)


def pack_of(access: Access, branch: Branch, posts: Sequence[Post], on: date) -> Pack:
    """Everything as it is at the moment; a fixed number of queries."""
    pack = Pack(branch, on)
    inside = branch.pk in access.leads or any(post.member_id == access.member_id for post in posts)
    pack.parts = [
        _posts(posts, on), *_duties(branch, access), _sent_back(branch, access), _drafts(branch, access, inside),
        _sittings(branch, access.on), _roster(branch, max(on, access.on)),
    ]  # fmt: skip
    waiting = Filing.objects.waiting_at_branch([branch.pk]).count()
    pack.places = [
        ("任务与期限", "首页“待办”和“任务清单”：欠什么、哪天到期，点按钮直接办理。"),
        ("活动记录与照片", "“记录”：三会一课、主题党日等的记录、签到和照片，已报送的按回执号可查。"),
        ("年度学习计划", "“学习计划”：本年大纲和每次学习的安排、责任人；“日历”按月看。"),
        ("党员的自学计划和材料", f"“待审”：由支部审定的材料，现有{waiting}件。"),
        ("党员名册", "“党员名册”：可导出任何一天的名册；组织关系转接由办公室办理。"),
        ("纸质材料", "会议记录本、党费收据、发展党员档案等纸质材料由双方当面清点。"),
    ]
    return pack


def _posts(posts: Sequence[Post], on: date) -> Part:
    rows = []
    for kind in Post.IN_BRANCH:
        old = [post.member.name for post in posts if post.kind == kind and post.until_on == on]
        new = [post.member.name for post in posts if post.kind == kind and post.from_on == on]
        if old or new:
            rows.append([kind.label, "、".join(old) or "空缺", "、".join(new) or "暂时空缺"])
    return Part("交接的职务", ["职务", "移交人", "接收人"], rows, "这一天没有职务变动。", widths_mm=[40, 58, 58])


def _duties(branch: Branch, access: Access) -> list[Part]:
    """What is late or due within the next days, one by one; what is later still is counted."""
    now, until = access.now, access.now + AHEAD
    owed = Duty.objects.of_branch([branch.pk]).unsettled(now)
    soon: Any = owed.filter(due_at__lte=until).with_standing(now).select_related("requirement")
    found = list(soon.order_by("due_at", "code", "pk")[: MOST + 1])
    later = owed.filter(due_at__gt=until).count()
    shown = found[:MOST]
    note = f"另有{later}项在此之后到期。" if later else ""
    if len(found) > MOST:
        note = f"这里列出前{MOST}项，其余见任务清单。{note}"
    rows = [
        [
            {"text": duty.requirement.title, "url": duty.get_absolute_url()},
            duty.period,
            _day(last_day(duty.due_at), access.on),
            STANDINGS[duty.standing].label,
        ]
        for duty in shown
    ]
    columns = ["任务", "时段", "期限", "状态"]
    return [Part("未办结的任务", columns, rows, "今后60天没有未办结的任务。", note, [58, 48, 26, 24])]


def _own(branch: Branch, state: str) -> QuerySet[Filing]:
    """The branch's own records in this state: what a member is writing is nobody else's to hand over."""
    return Filing.objects.filter(branch=branch, member__isnull=True, state=state).order_by("-state_since", "-pk")


def _titles(filings: Sequence[Filing], branch: Branch, access: Access) -> list[list[Any]]:
    reads = branch.pk in access.leads
    return [
        [
            {"text": filing.title, "url": filing.get_absolute_url()} if reads else filing.title,
            filing.get_kind_display(),
            _day(localdate(filing.state_since), access.on),
        ]
        for filing in filings
    ]


def _sent_back(branch: Branch, access: Access) -> Part:
    rows = _titles(list(_own(branch, Filing.State.SENT_BACK)[:MOST]), branch, access)
    return Part("退回待补正的材料", ["标题", "种类", "退回日期"], rows, "没有退回的材料。", widths_mm=[96, 32, 28])


def _drafts(branch: Branch, access: Access, inside: bool) -> Part:
    """To those who hand over and take over with the titles; to the office, as everywhere, only what kind they are."""
    rows = _titles(list(_own(branch, Filing.State.DRAFT)[:MOST]), branch, access)
    if not inside:
        rows = [["草稿", *rest] for _, *rest in rows]
    return Part("未报送的草稿", ["标题", "种类", "最近动笔"], rows, "没有未报送的草稿。", widths_mm=[96, 32, 28])


def _sittings(branch: Branch, today: date) -> Part:
    items = (
        PlanItem.objects.filter(plan__branch=branch, ends_on__gte=today, starts_on__lte=today + AHEAD)
        .exclude(plan__filing__state=Filing.State.DISCARDED)
        .filter(scope=PlanItem.Scope.COLLECTIVE)
        .select_related("responsible")
        .order_by("starts_on", "pk")[:MOST]
    )
    rows = [
        [
            item.topic,
            rhythm_words(item) or _day(item.starts_on, today),
            item.get_kind_display(),
            item.responsible.name if item.responsible else "未定",
        ]
        for item in items
    ]
    columns = ["主题", "日期", "活动类型", "责任人"]
    return Part("今后60天的学习安排", columns, rows, "学习计划在今后60天没有安排。", widths_mm=[76, 28, 28, 24])


def _roster(branch: Branch, day: date) -> Part:
    """Who belongs to the branch on the day of the handover, or today if that is past, and who then holds a post."""
    members = (
        Membership.objects.filter(on_day(day), branch=branch)
        .select_related("member", "group")
        .order_by("member__name_key", "member")
    )
    held: dict[int, list[str]] = {}
    posts = list(Post.objects.filter(on_day(day), branch=branch).order_by("pk"))
    for kind in Post.IN_BRANCH:
        for post in posts:
            if post.kind == kind:
                held.setdefault(post.member_id, []).append(str(kind.label))
    rows = [
        [
            one.member.name,
            one.member.category(day),
            one.group.name if one.group else "不分",
            "、".join(held.get(one.member_id, [])) or "无",
        ]
        for one in members
    ]
    full = sum(one.member.is_full(day) for one in members)
    note = f"{len(rows)}名，其中正式党员{full}名。" if rows else ""
    return Part("党员与任职", ["姓名", "人员类别", "党小组", "职务"], rows, "名册上没有党员。", note, [46, 32, 36, 42])


def _day(day: date, today: date) -> str:
    return f"{day.month}月{day.day}日" if day.year == today.year else f"{day.year}年{day.month}月{day.day}日"


def coming(access: Access) -> list[Post]:
    """The person's own posts that change hands: planned, or within the last 30 days."""
    since = access.on - OPEN_FOR
    mine = Post.objects.filter(member=access.member_id, branch__isnull=False)
    return list(mine.filter(Q(from_on__gt=since) | Q(until_on__gt=since)).select_related("branch").order_by("pk"))


def notices(access: Access) -> list[dict[str, str]]:
    """A line for each handover that the person is part of: what happens on which day, and the way to the pack."""
    found: dict[tuple[int, date], list[str]] = {}
    since = access.on - OPEN_FOR
    for post in coming(access):
        label = str(post.get_kind_display())
        if post.until_on and post.until_on > since:
            found.setdefault((post.branch_id or 0, post.until_on), []).append(f"不再任{label}")
        if post.from_on > since:
            found.setdefault((post.branch_id or 0, post.from_on), []).append(f"任{label}")
    return [
        {
            "text": f"{_day(on, access.on)}起{'、'.join(words)}",
            "url": reverse("handover_pack", args=[branch, on.isoformat()]),
        }
        for (branch, on), words in sorted(found.items(), key=lambda item: item[0][1])
    ]


# The page and the paper


def _asked(request: PortalRequest, pk: int, on: str) -> Pack:
    """The pack that the address names, if the person may read it; 404 otherwise."""
    branch = get_object_or_404(Branch.objects.select_related("committee"), pk=pk)
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise Http404 from None
    posts = list(changing(branch, day))
    if not posts or not may_read(request.access, branch, posts, day):
        raise Http404
    return pack_of(request.access, branch, posts, day)


def handover_pack(request: PortalRequest, pk: int, on: str) -> HttpResponse:
    pack = _asked(request, pk, on)
    reads_branch = pack.branch.committee_id in request.access.office_of or pack.branch.pk in request.access.branches
    return render(request, "handover/pack.html", {"pack": pack, "on": pack.on, "reads_branch": reads_branch})


def handover_docx(request: PortalRequest, pk: int, on: str) -> HttpResponse:
    """The same as a paper, for both to sign."""
    pack = _asked(request, pk, on)
    response = HttpResponse(build(paper(pack, request)), content_type=DOCX)
    name = f"{pack.title} {pack.on}.docx"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def paper(pack: Pack, request: PortalRequest) -> Official:
    """The pack as an official document, with room for the signatures."""
    day = pack.on
    blocks: list[Block] = [Paragraph(
        f"自{day.year}年{day.month}月{day.day}日起，{pack.branch.name}下列职务交接。以下为截至"
        f"{request.access.on.year}年{request.access.on.month}月{request.access.on.day}日的情况，请双方核对签字。"
    )]  # fmt: skip
    for n, part in enumerate(pack.parts):
        blocks.append(Heading(1, f"{'一二三四五六七八'[n]}、{part.title}"))
        if part.note:
            blocks.append(Paragraph(part.note))
        if part.rows:
            blocks.append(Table(part.columns, part.texts, part.widths_mm or None))
        else:
            blocks.append(Paragraph(part.empty))
    blocks.append(Heading(1, f"{'一二三四五六七八'[len(pack.parts)]}、材料在哪里"))
    blocks.append(KeyValues(pack.places))
    blocks.append(Heading(1, f"{'一二三四五六七八'[len(pack.parts) + 1]}、签字"))
    blocks.append(KeyValues([[("移交人", ""), ("接收人", "")], [("监交人", ""), ("日期", "")]]))
    return Official(title=pack.title, blocks=blocks, made_at=request.now)
