"""Branches and members: who belongs where on a day, who holds which post, and the acts that change it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import BaseForm
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from branches import audit
from branches.access import Access
from branches.forms import (
    BranchForm,
    CommitteePostForm,
    DayFilter,
    MemberFilter,
    MemberForm,
    NewMemberForm,
    PostEndForm,
    TransferForm,
    office_branches,
)
from branches.hints import hints, listed, term_ends_on
from branches.models import (
    COMMITTEE_FROM,
    Branch,
    Committee,
    Member,
    Membership,
    PartyGroup,
    Post,
    User,
    on_day,
)
from branches.organization import facts_of
from branches.personal import FIELDS, masked
from branches.requests import PortalRequest
from branches.roster import roster_changed, roster_lock
from branches.search import matching
from branches.sight import kept_by, may_reveal, readable_by
from branches.templatetags.portal import cn_day

PER_PAGE = 50
POST_ORDER = {kind: n for n, kind in enumerate(Post.Kind)}


# ---------------------------------------------------------------------------------------------------- who sees whom


def _readable_branches(access: Access, day: date) -> QuerySet[Branch]:
    """The branches of that day whose members' entries the person may read."""
    return (
        Branch.objects.filter(Q(committee__in=access.sees_committees) | Q(pk__in=access.leads))
        .existing_on(day)
        .order_by("committee_id", "code")
    )


def _posts_on(day: date) -> Prefetch:
    """Fills `posts_held` with the branch posts held on the day."""
    return Prefetch("posts", Post.objects.filter(on_day(day), branch__isnull=False), to_attr="posts_held")


def _acting(request: PortalRequest) -> AbstractContextManager[None]:
    """Whoever sends a form waits for other changes of the roster; whoever only looks, for nobody."""
    return roster_lock(*request.access.office_of) if request.method == "POST" else nullcontext()


def _labels(posts: list[Post]) -> str:
    return "、".join(post.get_kind_display() for post in sorted(posts, key=lambda p: POST_ORDER[Post.Kind(p.kind)]))


# ----------------------------------------------------------------------------------------------------------- branches


def branch_list(request: PortalRequest) -> HttpResponse:
    """The committee's branches today, with secretary and strength."""
    day = request.access.on
    secretary = Post.objects.filter(on_day(day), branch=OuterRef("pk"), kind=Post.Kind.SECRETARY)
    groups = PartyGroup.objects.filter(branch=OuterRef("pk")).order_by().values("branch").annotate(n=Count("pk"))
    branches = (
        Branch.objects.visible_to(request.access)
        .existing_on(day)
        .with_full_members(day)
        .annotate(
            members=Count("memberships", filter=on_day(day, "memberships__"), distinct=True),
            secretary=Subquery(secretary.values("member__name")[:1]),
            groups_count=Coalesce(Subquery(groups.values("n")), 0),
        )
        .order_by("committee_id", "code")
    )
    page = Paginator(branches, PER_PAGE).get_page(request.GET.get("page"))
    columns = [
        {"label": "党支部", "kind": "head"}, {"label": "代码", "kind": "named"},
        {"label": "支部书记", "kind": "named"}, {"label": "支委会", "kind": "named"},
        {"label": "党小组", "kind": "named"}, {"label": "党员", "kind": "number"},
        {"label": "其中正式", "kind": "number"}, {"label": "留意", "kind": "named"},
    ]  # fmt: skip
    shown: list[Any] = list(page)
    facts = facts_of(shown, day)
    rows = [
        {
            "cells": [
                {"text": branch.name, "url": reverse("branches:branch_detail", args=[branch.pk])},
                branch.code,
                branch.secretary or "空缺",
                "设" if branch.full_members >= COMMITTEE_FROM else "不设",
                f"{branch.groups_count}个" if branch.groups_count else "不分",
                str(branch.members),
                str(branch.full_members),
                listed(facts[branch.pk], day),
            ]
        }
        for branch in shown
    ]
    return render(
        request,
        "branches/branch_list.html",
        {"page": page, "columns": columns, "rows": rows, "is_office": bool(request.access.office_of)},
    )


def branch_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """One branch: facts, posts, groups and the roster, as of today or of the day asked for."""
    access = request.access
    branch = get_object_or_404(Branch.objects.visible_to(access).select_related("committee"), pk=pk)
    form = DayFilter({"on": request.GET.get("on") or access.on.isoformat()})
    day = (form.cleaned_data["on"] if form.is_valid() else None) or access.on
    # Those who lead the branch and those above it read its members' entries; the others see who is in it.
    reads_entries = branch.pk in access.leads or branch.committee_id in access.sees_committees
    keeps = branch.committee_id in access.office_of
    roster = branch.roster(day)
    page = Paginator(
        roster.prefetch_related(_posts_on(day)).annotate(
            group_name=Subquery(
                Membership.objects.filter(on_day(day), branch=branch, member=OuterRef("pk")).values("group__name")[:1]
            )
        ),
        PER_PAGE,
    ).get_page(request.GET.get("page"))
    counts = roster.aggregate(full=Count("pk", filter=Q(confirmed_on__lte=day)))
    readable = (
        set(readable_by(access).filter(pk__in=[member.pk for member in page]).values_list("pk", flat=True))
        if reads_entries
        else set()
    )
    # Today's page also names who will take up a post; a past day's says who held one.
    held = Q(until_on__isnull=True) | Q(until_on__gt=day) if day == access.on else on_day(day)
    posts = list(branch.posts.filter(held).select_related("member").order_by("from_on", "pk"))
    groups = branch.groups.annotate(
        members=Count("memberships", filter=on_day(day, "memberships__"), distinct=True)
    ).order_by("pk")  # as they were set up: by name 第三 would stand before 第二
    facts = [
        ("所属党组织", branch.committee.name),
        ("代码", branch.code),
        *_kind_facts(branch, request.now),
        ("主题党日", branch.theme_day or "未定固定日"),
        ("成立日期", cn_day(branch.founded_on, request.now)),
        ("党员", f"{page.paginator.count}名，其中正式党员{counts['full']}名"),
        ("支委会", "设支部委员会" if counts["full"] >= COMMITTEE_FROM else f"正式党员不足{COMMITTEE_FROM}名，不设"),
    ]
    if branch.closed_on:
        facts.append(("撤销日期", cn_day(branch.closed_on, request.now)))
    return render(
        request,
        "branches/branch_detail.html",
        {
            "branch": branch,
            "form": form,
            "day": day,
            "is_today": day == access.on,
            "page": page,
            "facts": facts,
            "posts": sorted(posts, key=lambda post: POST_ORDER[Post.Kind(post.kind)]),
            "groups": groups,
            "handovers": _handovers(posts, access) if keeps or branch.pk in access.leads else [],
            "columns": ROSTER_COLUMNS if reads_entries else ROSTER_COLUMNS[:4],
            "rows": [_roster_row(member, branch, day, reads_entries, member.pk in readable) for member in page],
            "reads_entries": reads_entries,
            "keeps": keeps,
            "hints": hints(facts_of([branch], day)[branch.pk], day) if reads_entries and not branch.closed_on else [],
        },
    )


def _handovers(posts: list[Post], access: Access) -> list[date]:
    """The days on which posts of the branch change hands: planned, or within the last 30 days."""
    days = {day for post in posts for day in (post.from_on, post.until_on) if day}
    return sorted(day for day in days if day > access.on - timedelta(days=30))


def _kind_facts(branch: Branch, now: datetime) -> list[tuple[str, str]]:
    """Kind, units and term, as far as there is something to say."""
    facts = []
    if branch.kind != Branch.Kind.ORDINARY:
        facts.append(("类型", str(branch.get_kind_display())))
    if branch.units:
        facts.append(("联合单位", branch.units))
    if branch.elected_on:
        end = term_ends_on(branch.elected_on, branch.term_years)
        facts.append(("本届任期", f"{cn_day(branch.elected_on, now)}起，{end.year}年{end.month}月{end.day}日届满"))
    return facts


ROSTER_COLUMNS = [
    {"label": "姓名", "kind": "head"}, {"label": "党小组"}, {"label": "人员类别"},
    {"label": "党内职务"}, {"label": "工号", "kind": "short"}, {"label": "行政职务"},
]  # fmt: skip


def _roster_row(member: Any, branch: Branch, day: date, reads_entries: bool, linked: bool) -> dict[str, Any]:
    url = reverse("branches:member_detail", args=[member.pk])
    cells: list[Any] = [
        {"text": member.name, "url": url} if linked else member.name,
        member.group_name or "",
        _category(member, day) if reads_entries else member.category(day),
        _labels([post for post in member.posts_held if post.branch_id == branch.pk]),
    ]
    return {"cells": [*cells, member.staff_number, member.job_title] if reads_entries else cells}


def branch_new(request: PortalRequest) -> HttpResponse:
    """A branch is founded."""
    access = request.access
    committees = Committee.objects.filter(pk__in=access.organizes).order_by("pk")
    if request.method == "POST":
        with roster_lock(*access.organizes):
            form = BranchForm(request.POST, committees=committees)
            if form.is_valid():
                branch = form.save()
                audit.note(access, audit.Kind.WRITE, "新建党支部", branch)
                roster_changed(branch.committee, request.now)
                messages.success(request, f"已新建{branch.name}。下一步：为它登记党员和支部书记。")
                return redirect(_page_of(branch, access))
    else:
        form = BranchForm(committees=committees, initial={"founded_on": access.on})
    context = {"form": form, "branch": None, "back": reverse("branches:organization")}
    return render(request, "branches/branch_form.html", context)


def _page_of(branch: Branch, access: Access) -> str:
    """Where one looks at the branch: its page, or for the system's keeper its place in the tree."""
    if branch.committee_id in access.sees_committees:
        return branch.get_absolute_url()
    return f"{reverse('branches:organization')}?committee={branch.committee_id}"


def branch_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """Name, code, fixed day, groups; closing a branch that is empty."""
    access = request.access
    lock = roster_lock(*access.organizes) if request.method == "POST" else nullcontext()
    with lock:
        branch = get_object_or_404(Branch, pk=pk, committee__in=access.organizes)
        form = BranchForm(request.POST or None, instance=branch, committees=Committee.objects.none())
        if request.method == "POST" and form.is_valid():
            form.save()
            audit.note(access, audit.Kind.WRITE, "修改党支部", branch, fields=changed_labels(form))
            messages.success(request, f"已保存{branch.name}的内容。")
            return redirect(_page_of(branch, access))
    context = {"form": form, "branch": branch, "back": _page_of(branch, access)}
    return render(request, "branches/branch_form.html", context)


def changed_labels(form: BaseForm) -> str:
    """What was changed, by the fields' labels: the audit log says which facts, not what they are."""
    return "、".join(str(form.fields[name].label) for name in form.changed_data)


# -------------------------------------------------------------------------------------------------------------- posts


def note_appointment(access: Access, post: Post) -> None:
    """Who got which post."""
    audit.note(access, audit.Kind.RIGHTS, "任命", post, from_on=post.from_on, of=post.branch or post.committee)


def post_end(request: PortalRequest, pk: int) -> HttpResponse:
    """A post at the committee ends on a day; what was done in it stays as it was."""
    access = request.access
    with _acting(request):
        posts = Post.objects.filter(
            Q(until_on__isnull=True) | Q(until_on__gt=access.on),
            committee__in=access.office_of, kind__in=CommitteePostForm.KINDS,
        )  # fmt: skip
        post = get_object_or_404(posts.select_related("member", "committee"), pk=pk)
        form = PostEndForm(request.POST or None, access=access, post=post)
        if request.method == "POST" and form.is_valid():
            until = form.cleaned_data["until_on"]
            Post.objects.filter(pk=post.pk).update(until_on=until)
            audit.note(access, audit.Kind.RIGHTS, "免去职务", post, until=until)
            messages.success(
                request, f"{post.member.name}自 {form.cleaned_data['until_on']} 起不再担任{post.get_kind_display()}。"
            )
            return redirect("branches:committee_posts")
    return render(request, "branches/post_end.html", {"form": form, "post": post})


def committee_posts(request: PortalRequest) -> HttpResponse:
    """Who works in the office and who inspects; the office appoints who inspects."""
    access = request.access
    if request.method == "POST":
        with roster_lock(*access.office_of):
            form = CommitteePostForm(request.POST, access=access)
            if form.is_valid():
                post = form.save()
                note_appointment(access, post)
                messages.success(request, f"{post.member.name}自 {post.from_on} 起任{post.get_kind_display()}。")
                return redirect("branches:committee_posts")
    else:
        form = CommitteePostForm(access=access)
    posts = (
        Post.objects.filter(
            Q(until_on__isnull=True) | Q(until_on__gt=access.on),
            committee__in=access.office_of,
            kind__in=(Post.Kind.OFFICE, *CommitteePostForm.KINDS),
        )
        .select_related("member", "committee")
        .order_by("committee_id", "kind", "from_on", "pk")
    )
    return render(request, "branches/committee_posts.html", {"form": form, "posts": posts})


# ------------------------------------------------------------------------------------------------------------ members

MEMBER_COLUMNS = [
    {"label": "姓名", "kind": "head"}, {"label": "工号", "kind": "short"}, {"label": "党支部"}, {"label": "党小组"},
    {"label": "人员类别"}, {"label": "党内职务"},
]  # fmt: skip
# The choices of MemberFilter: what each asks of a member on the day of the roster.
CATEGORIES = {
    "full": lambda day: Q(confirmed_on__lte=day),
    "probationary": lambda day: Q(confirmed_on__isnull=True) | Q(confirmed_on__gt=day),
    "cadre": lambda day: Q(is_leading_cadre=True),
    "retired": lambda day: Q(retired_on__lte=day),
    "mobile": lambda day: Q(mobile_from_on__lte=day),
    "absent": lambda day: Q(absent_from_on__lte=day),
}


def _category(member: Member, day: date) -> str:
    """正式党员, and what else those who read the entry should know: 正式党员（离退休、流动）."""
    signs = member.signs(day)
    return f"{member.category(day)}（{'、'.join(signs)}）" if signs else member.category(day)


def member_list(request: PortalRequest) -> HttpResponse:
    """The members whose entries the person reads, today or on a day past, by name, pinyin or staff number."""
    access = request.access
    form = MemberFilter(
        request.GET, branches=_readable_branches(access, access.on), with_left=bool(access.office_of)
    )  # fmt: skip
    wanted = form.cleaned_data if form.is_valid() else {}
    day = wanted.get("on") or access.on
    branches = _readable_branches(access, day)
    here = Membership.objects.filter(on_day(day), member=OuterRef("pk"))
    category = wanted.get("category", "")
    if category == "left":
        members = kept_by(access).filter(~Exists(here))
    else:
        members = Member.objects.filter(Exists(here.filter(branch__in=branches.order_by())))
    if category in CATEGORIES:
        members = members.filter(CATEGORIES[category](day))
    if wanted.get("branch") and category != "left":
        members = members.filter(Exists(here.filter(branch=wanted["branch"])))
    members = members.filter(matching(wanted.get("q", "")))
    page = Paginator(
        members.with_branch(day).prefetch_related(_posts_on(day)).order_by("name_key", "pk"), PER_PAGE
    ).get_page(request.GET.get("page"))
    shown: list[Any] = list(page)
    # Somebody of a past day's roster may be another committee's by now.
    linked = (
        {member.pk for member in shown}
        if day == access.on
        else set(readable_by(access).filter(pk__in=[member.pk for member in shown]).values_list("pk", flat=True))
    )
    rows = [
        {
            "cells": [
                {"text": member.name, "url": reverse("branches:member_detail", args=[member.pk])}
                if member.pk in linked
                else member.name,
                member.staff_number,
                member.branch_name or "已转出",
                member.group_name or "",
                _category(member, day),
                _labels(member.posts_held),
            ]
        }
        for member in shown
    ]
    return render(
        request,
        "branches/member_list.html",
        {
            "form": form,
            "page": page,
            "columns": MEMBER_COLUMNS,
            "rows": rows,
            "day": day,
            "is_today": day == access.on,
            "filtered": any(wanted.values()),
            "is_office": bool(access.office_of),
            "led_branch": next(iter(access.leads)) if len(access.leads) == 1 and not access.sees_committees else None,
        },
    )


@dataclass(frozen=True)
class Term:
    """A line of somebody's history: what, from when, until when."""

    what: str
    from_on: date
    until_on: date | None
    is_current: bool


def _terms(rows: QuerySet[Any], words: Any, day: date) -> list[Term]:
    return [
        Term(words(row), row.from_on, row.until_on, row.from_on <= day and (not row.until_on or row.until_on > day))
        for row in rows.order_by("-from_on", "-pk")
    ]


def _standing_of(member: Member, now: datetime) -> list[tuple[str, str]]:
    """What is said of a member only where there is something to say."""
    return [
        (label, f"{cn_day(since, now)}起{'，' + place if place else ''}")
        for label, since, place in (
            ("离退休", member.retired_on, ""),
            ("流动党员", member.mobile_from_on, member.mobile_place),
            ("长期不能参加活动", member.absent_from_on, ""),
        )
        if since
    ]


def member_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """One member: facts, where they belonged over time, the posts they held."""
    access = request.access
    merged = Member.objects.filter(pk=pk, merged_into__isnull=False).first()
    if merged is not None:
        # What was entered twice leads to the entry that stayed.
        kept = get_object_or_404(readable_by(access), pk=merged.merged_into_id)
        messages.info(request, f"工号{merged.staff_number}的条目已并入{kept.name}（工号{kept.staff_number}）。")
        return redirect("branches:member_detail", pk=kept.pk)
    member = get_object_or_404(readable_by(access), pk=pk)
    facts = [
        ("工号", member.staff_number),
        ("人员类别", member.category(access.on)),
        ("入党日期", cn_day(member.joined_on, access.now)),
        ("转正日期", cn_day(member.confirmed_on, access.now)),
        ("行政职务", member.job_title),
        ("处级以上党员领导干部", "是" if member.is_leading_cadre else "否"),
        *_standing_of(member, access.now),
    ]
    memberships = _terms(
        member.memberships.select_related("branch", "group"),
        lambda row: f"{row.branch.name}{'　' + row.group.name if row.group else ''}",
        access.on,
    )
    posts = _terms(
        member.posts.select_related("branch", "committee"),
        lambda row: f"{(row.branch or row.committee).name}　{row.get_kind_display()}",
        access.on,
    )
    return render(
        request,
        "branches/member_detail.html",
        {
            "member": member,
            "facts": facts,
            "personal": [(name, field.label, masked(member, name)) for name, field in FIELDS.items()],
            "may_reveal": may_reveal(access, member),
            "is_me": member.pk == access.member_id,
            "memberships": memberships,
            "posts": posts,
            "keeps": bool(access.office_of) and kept_by(access).filter(pk=member.pk).exists(),
            "lists_members": bool(access.leads or access.sees_committees),
        },
    )


def _warn(request: PortalRequest, form: MemberForm) -> None:
    """What was saved all the same, and should be looked at again."""
    for sentence in form.warnings:
        messages.warning(request, f"已保存。{sentence}")


def member_new(request: PortalRequest) -> HttpResponse:
    """Somebody joins a branch; what is still to come of the year's plan is owed from now on."""
    try:
        return _member_new(request)
    except IntegrityError:
        # Another committee's office entered the same number a moment ago: asked anew, the form says so.
        form = NewMemberForm(request.POST, access=request.access)
        if form.is_valid():
            raise
        return render(request, "branches/member_form.html", {"form": form, "member": None})


def _member_new(request: PortalRequest) -> HttpResponse:
    access = request.access
    if request.method == "POST":
        with roster_lock(*access.office_of):
            form = NewMemberForm(request.POST, access=access)
            if form.is_valid():
                member = form.save()
                audit.note(access, audit.Kind.WRITE, "登记党员", member, branch=form.cleaned_data["branch"])
                roster_changed(form.cleaned_data["branch"].committee, request.now)
                _warn(request, form)
                messages.success(request, f"已把{member.name}列入{form.cleaned_data['branch'].name}的名册。")
                return redirect("branches:member_detail", pk=member.pk)
    else:
        form = NewMemberForm(access=access, initial={"branch": request.GET.get("branch")})
    return render(request, "branches/member_form.html", {"form": form, "member": None})


def member_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """The facts; where a member belongs is changed by a transfer."""
    try:
        return _member_edit(request, pk)
    except IntegrityError:
        member = get_object_or_404(kept_by(request.access), pk=pk)
        form = MemberForm(request.POST, instance=member, access=request.access)
        if form.is_valid():
            raise
        return render(request, "branches/member_form.html", {"form": form, "member": member})


def _member_edit(request: PortalRequest, pk: int) -> HttpResponse:
    access = request.access
    with _acting(request):
        member = get_object_or_404(kept_by(access), pk=pk)
        form = MemberForm(request.POST or None, instance=member, access=access)
        if request.method == "POST" and form.is_valid():
            member = form.save()
            # The account goes by the staff number of its member.
            User.objects.filter(member=member).update(staff_number=member.staff_number)
            audit.note(access, audit.Kind.WRITE, "修改党员信息", member, fields=changed_labels(form))
            branch = member.branch_on(access.on)
            if branch:
                roster_changed(branch.committee, request.now)
            _warn(request, form)
            messages.success(request, f"已保存{member.name}的内容。")
            return redirect("branches:member_detail", pk=member.pk)
    return render(request, "branches/member_form.html", {"form": form, "member": member})


def member_transfer(request: PortalRequest, pk: int) -> HttpResponse:
    """The old membership ends and the new one begins on the same day, in one act."""
    access = request.access
    with _acting(request):
        member = get_object_or_404(kept_by(access), pk=pk)
        form = TransferForm(request.POST or None, access=access, member=member)
        if request.method == "POST" and form.is_valid():
            form.save()
            branch: Branch | None = form.cleaned_data["branch"]
            audit.note(
                access, audit.Kind.WRITE, "转接组织关系", member, to=branch or "转出", on=form.cleaned_data["on"]
            )
            for post in form.ending:
                audit.note(access, audit.Kind.RIGHTS, "免去职务", post, until=form.cleaned_data["on"])
            if branch:
                roster_changed(branch.committee, request.now)
            day = form.cleaned_data["on"]
            words = f"自 {day} 起属于{branch.name}" if branch else f"自 {day} 起不再属于本党委的支部"
            ended = f"，同日不再担任{_labels(form.ending)}" if form.ending else ""
            messages.success(request, f"{member.name}{words}{ended}。")
            return redirect("branches:member_detail", pk=member.pk)
    current = member.memberships.filter(on_day(access.on)).select_related("branch", "group").first()
    posts = list(member.posts.filter(on_day(access.on), branch__isnull=False))
    return render(
        request,
        "branches/member_transfer.html",
        {
            "form": form,
            "member": member,
            "current": current,
            "post_labels": _labels(posts),
            "has_branches": office_branches(access).exists(),
        },
    )
