"""The branch's review of its members' plans, and how far its members are with their weeks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render

from branches.access import Access
from branches.form_base import FilterForm
from branches.requests import PortalRequest
from plan import moves
from plan.models import Duty, Filing
from study import progress
from study.models import MemberPlan

A_PAGE = 50
State = Filing.State


def plan_review(request: PortalRequest) -> HttpResponse:
    """The plans of the branch's members: approve many, send one back, see who has not filed and how far they are."""
    access = request.access
    if request.method == "POST":
        refused = _decide(request, access)
        if refused is None:
            return redirect("study:plan_review")
        return _review(request, access, status=422, refused=refused)
    return _review(request, access)


def _reviewed(access: Access) -> Any:
    return MemberPlan.objects.filter(
        filing__branch__in=access.files_for, filing__desk=Filing.Desk.BRANCH, filing__year=access.on.year
    )


def _decide(request: PortalRequest, access: Access) -> dict[str, Any] | None:
    """Make the moves that were asked for, each by itself; returns what to mend where a reason is missing."""
    back = request.POST.get("send_back", "")
    wanted = [back] if back else request.POST.getlist("approve")
    numbers = [int(text) for text in wanted if text.isascii() and text.isdecimal() and len(text) < 19]
    if not numbers:
        messages.info(request, "请先勾选要审定的计划。")
        return None
    name = "send_back" if back else "approve"
    note = request.POST.get(f"note-{back}", "").strip() if back else ""
    if back and len(note) > 500:
        return {"pk": numbers[0], "note": note, "error": "退回原因最多500字，请缩短。"}
    done, moved = [], []
    plans = _reviewed(access).filter(filing__in=numbers).select_related("filing", "member").order_by("filing__filed_at")
    for plan in plans:
        filing = plan.filing
        edition = request.POST.get(f"edition-{filing.pk}", "")
        seen = int(edition) if edition.isascii() and edition.isdecimal() and len(edition) < 10 else None
        try:
            moves.move(filing, name, access=access, note=note, expected_edition=seen)
        except (moves.AlreadyMoved, moves.NotAllowed) as error:
            moved.append(f"{plan.member.name}的计划没有办理：{error.sentences[0]}")
        except moves.MoveRefused as error:
            return {"pk": filing.pk, "note": note, "error": "".join(error.sentences)}
        else:
            done.append(plan.member.name)
    if done:
        words = "、".join(done[:5]) + (f"等{len(done)}人" if len(done) > 5 else "")
        did = "已退回，对方会看到您写的原因" if back else "已审定"
        messages.success(request, f"{words}的自学计划{did}。")
    if moved:
        more = f"另有{len(moved) - 5}份也没有办理。" if len(moved) > 5 else ""
        messages.info(request, "".join(moved[:5]) + more)
    return None


def _review(
    request: PortalRequest, access: Access, *, status: int = 200, refused: dict[str, Any] | None = None
) -> HttpResponse:
    due = Q(weeks__week_on__lt=access.on - timedelta(days=6))
    plans = (
        _reviewed(access)
        .filter(filing__first_filed_at__isnull=False)
        .annotate(
            week_count=Count("weeks"),
            due_count=Count("weeks", filter=due),
            done_count=Count("weeks", filter=Q(weeks__done_at__isnull=False)),
            done_due=Count("weeks", filter=due & Q(weeks__done_at__isnull=False)),
        )
        .select_related("filing__branch", "member")
        .prefetch_related("weeks")
    )
    waiting = Paginator(plans.filter(filing__state=State.FILED).order_by("filing__filed_at", "pk"), A_PAGE)
    others = plans.exclude(filing__state=State.FILED).order_by("member__name_key", "pk")
    page = Paginator(others, A_PAGE).get_page(request.GET.get("page"))
    shown = list(waiting.get_page(1))
    owing = Duty.objects.filter(
        branch__in=access.files_for, year=access.on.year, member__isnull=False, requirement__proof="member_plan"
    )
    not_filed = owing.unsettled(access.now).select_related("member", "branch").order_by("member__name_key", "pk")
    context = {
        "waiting": [{"plan": p, "mine": p.member_id == access.member_id} for p in shown],
        "waiting_count": waiting.count, "may_tick": any(p.member_id != access.member_id for p in shown),
        "page": page, "not_filed": list(not_filed[: 2 * A_PAGE]), "not_filed_count": not_filed.count(),
        "refused": refused, "many": len(access.files_for) > 1, "year": access.on.year,
        "approve_due": Duty.objects.of_branch(access.files_for)
        .filter(requirement__proof="approvals", year=access.on.year)
        .unsettled(access.now).order_by("due_at").first(),
    }  # fmt: skip
    return render(request, "study/plan_review.html", context, status=status)


# How far the members are


class ProgressFilter(FilterForm):
    """Whom to show: those with overdue weeks, those who have not filed, or all."""

    show = forms.ChoiceField(
        label="显示", required=False, choices=[("", "全部党员"), ("behind", "有逾期的"), ("owing", "未报送的")]
    )


def member_progress(request: PortalRequest) -> HttpResponse:
    """Each member of the branch by name: how the plan stands, and which weeks are overdue."""
    access = request.access
    people = progress.people_of(access.leads, access)
    late, owing = progress.behind(people, access), progress.owing(people, access)
    form = ProgressFilter(request.GET)
    show = form.cleaned_data["show"] if form.is_valid() else ""
    page = Paginator({"behind": late, "owing": owing}.get(show, people), A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page, "lines": progress.progress_of(list(page), access), "filter_form": form, "show": show,
        "behind_count": late.count(), "owing_count": owing.count(), "many": len(access.leads) > 1,
        "year": access.on.year, "leads": access.leads, "may_review": bool(access.files_for),
    }  # fmt: skip
    return render(request, "study/member_progress.html", context)
