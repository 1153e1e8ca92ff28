"""Whose turn it is: the draft that the branch looks at, changes and adopts; going on duty, leaving, handing over."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from branches.models import Branch
from branches.requests import PortalRequest
from commitments import posting
from commitments.models import Rotation, Term
from commitments.post_forms import DraftForm, EndForm, HandoverForm
from commitments.posting import Already, Refused
from commitments.turning import Choice, Draft, adopt, faults
from commitments.views.posts import led_branch, post_page
from documents.text import printable

LONGEST_WHY = 120


def rotation_draft(request: PortalRequest) -> HttpResponse:
    """The branch's draft from a day on; every place may be changed with a reason, and the whole is adopted at once."""
    branch = led_branch(request)
    asked = request.POST if request.method == "POST" else request.GET
    form = DraftForm(asked if "from_on" in asked else None, today=request.access.on)
    if form.is_bound and not form.is_valid():
        return _page(request, branch, form, None, status=422)
    given = form.cleaned_data if form.is_bound else form.initial
    drafted = Draft.of(branch, given["from_on"], given["months"], request.access.on)
    if request.method != "POST" or request.POST.get("action") != "adopt":
        return _page(request, branch, form, drafted)
    return _adopt(request, branch, form, drafted)


def _adopt(request: PortalRequest, branch: Branch, form: DraftForm, drafted: Draft) -> HttpResponse:
    chosen = _chosen(request, drafted)
    if request.POST.get("basis") != drafted.basis:
        if _adopted_before(request, drafted):
            return redirect("commitments:post_list")
        told = "岗位、人选或驻岗情况在您打开之后有了变化，草案已按现在的情况重新起草，还没有确定。"
        return _page(request, branch, form, drafted, error=told, status=409)
    wrong = faults(drafted, chosen)
    if wrong:
        return _page(request, branch, form, drafted, chosen=chosen, wrong=wrong, status=422)
    if not any(chosen[row.key].member for row in drafted.rows):
        told = "还没有一期有人驻岗，不能确定。请先推荐人选并评议入选。"
        return _page(request, branch, form, drafted, chosen=chosen, error=told, status=422)
    try:
        adopt(drafted, chosen, request.access, _key(request) or str(uuid.uuid4()))
    except (Already, IntegrityError):
        messages.info(request, "这份安排已经确定，没有再次办理。")
    except Refused as refused:
        again = Draft.of(branch, drafted.from_on, drafted.months, request.access.on)
        return _page(request, branch, form, again, error=str(refused), status=409)
    else:
        messages.success(request, "已确定轮流驻岗安排。到期请在岗位页面登记上岗和离岗。")
    return redirect("commitments:post_list")


def _adopted_before(request: PortalRequest, drafted: Draft) -> bool:
    """A second click: what this very form has made stands, and nothing is said to have changed."""
    key = _key(request)
    mine = Rotation.objects.filter(post__branch=drafted.branch, adopted_by=request.access.actor)
    if not key or not mine.filter(form_key__startswith=f"{key}:").exists():
        return False
    messages.info(request, "这份安排已经确定，没有再次办理。")
    return True


def _key(request: PortalRequest) -> str:
    return printable(request.POST.get("form_key", ""))[:40]


def _chosen(request: PortalRequest, drafted: Draft) -> dict[str, Choice]:
    """What was chosen for each place; what is not offered counts as the draft's own person."""
    found = {}
    for row in drafted.rows:
        offered = dict(drafted.choices(row))
        own = str(row.place.person or "")
        picked = request.POST.get(f"who-{row.key}", own)
        picked = picked if picked in offered else own
        why = " ".join(printable(request.POST.get(f"why-{row.key}", "")).split())[:LONGEST_WHY]
        found[row.key] = Choice(int(picked) if picked else None, why)
    return found


def _page(
    request: PortalRequest, branch: Branch, form: DraftForm, drafted: Draft | None, *,
    chosen: dict[str, Choice] | None = None, wrong: dict[str, list[tuple[str, str]]] | None = None, error: str = "",
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    posts: dict[int, dict[str, Any]] = {}
    for row, choices in [(row, drafted.choices(row)) for row in drafted.rows] if drafted else []:
        choice = (chosen or {}).get(row.key, Choice(row.place.person))
        said = dict((wrong or {}).get(row.key, []))
        line = {
            "row": row, "picked": str(choice.member or ""), "why": choice.why, "choices": choices,
            "changed": choice.member != row.place.person, "who_error": said.get("who", ""),
            "why_error": said.get("why", ""),
        }  # fmt: skip
        posts.setdefault(row.post.pk, {"post": row.post, "lines": []})["lines"].append(line)
    context = {
        "branch": branch, "form": form, "drafted": drafted, "posts": list(posts.values()), "error": error,
        "wrong": bool(wrong), "form_key": _key(request) or str(uuid.uuid4()), "longest": LONGEST_WHY,
    }  # fmt: skip
    return render(request, "commitments/rotation_draft.html", context, status=status)


# Terms


def _term(request: PortalRequest, pk: int) -> Term:
    rows = Term.objects.visible_to(request.access)
    return get_object_or_404(rows.select_related("post__branch__committee", "member", "nomination"), pk=pk)


def _demand_lead(request: PortalRequest, term: Term) -> None:
    if term.post.branch_id not in request.access.leads:
        raise PermissionDenied("上岗和离岗由本支部的支委会成员登记，您可以查看。")


@require_POST
def term_begin(request: PortalRequest, pk: int) -> HttpResponse:
    """The member goes on duty."""
    term = _term(request, pk)
    _demand_lead(request, term)
    try:
        posting.begin(term, request.access)
    except Already as told:
        messages.info(request, str(told))
    except Refused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, f"{term.member.name}已上岗。")
    return redirect(term.post)


@require_POST
def term_end(request: PortalRequest, pk: int) -> HttpResponse:
    """The member leaves the post, or never went there."""
    term = _term(request, pk)
    _demand_lead(request, term)
    form = EndForm(request.POST, term=term, today=request.access.on)
    if term.ended_on:
        messages.info(request, f"{term.member.name}的这一期已经结束，没有再次登记。")
        return redirect(term.post)
    if form.is_valid():
        given = form.cleaned_data
        try:
            posting.end(term, request.access, how=given["how"], on=given["on"], reason=given["reason"])
        except Already as told:
            messages.info(request, str(told))
            return redirect(term.post)
        except Refused as refused:
            form.add_error(refused.field, str(refused))
        else:
            messages.success(request, f"已登记{term.member.name}：{Term.End(given['how']).label}。")
            return redirect(term.post)
    return post_page(request, term.post, end_form=form, about=term, status=422)


@require_POST
def term_handover(request: PortalRequest, pk: int) -> HttpResponse:
    """What the holder of the post tells the next."""
    term = _term(request, pk)
    if not posting.may_hand_over(request.access, term):
        raise PermissionDenied("交接事项由驻岗的党员本人或本支部的支委会成员填写。")
    form = HandoverForm(request.POST)
    if not form.is_valid():
        return post_page(request, term.post, handover_form=form, about=term, status=422)
    try:
        posting.hand_over(term, request.access, form.cleaned_data["text"])
    except Already as told:
        messages.info(request, str(told))
    else:
        messages.success(request, "交接事项已保存，接任的党员可以看到。")
    return redirect(term.post)
