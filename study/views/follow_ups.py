"""What was agreed and is followed up: the leaders' list of their branch, and everybody's own."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from branches.form_base import PortalForm
from branches.requests import PortalRequest
from study.follow_ups import close, done, followed_up, is_locked, own_open, reopen, still_open
from study.models import Resolution
from study.office_view import OfficeFilter, open_follow_ups

A_PAGE = 50
A_FEW = 10


class DoneForm(PortalForm):
    """When it was done, and what came of it."""

    on = forms.DateField(label="完成日期", widget=forms.DateInput)
    note = forms.CharField(label="完成情况", max_length=200)

    def __init__(self, data: Any = None, *, resolution: Resolution, today: date) -> None:
        super().__init__(data, initial={"on": today}, auto_id=f"id_{resolution.pk}_%s")
        self.resolution, self.today = resolution, today

    def clean_on(self) -> date:
        on: date = self.cleaned_data["on"]
        if on > self.today:
            raise forms.ValidationError("完成日期还没有到，请核对。")
        if on < self.resolution.gathering.held_on:
            raise forms.ValidationError("完成日期早于议定的那一天，请核对。")
        return on


def follow_ups(request: PortalRequest) -> HttpResponse:
    """One's own and the led branch's, to be closed; the office reads what its branches have open."""
    access = request.access
    if access.office_of and not access.leads and not request.GET.get("mine"):
        return _office_page(request)
    return _page(request)


def _office_page(request: PortalRequest) -> HttpResponse:
    access = request.access
    asked = OfficeFilter(request.GET, access=access, late_label="只看逾期的")
    page = Paginator(open_follow_ups(access, asked), A_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": asked, "page": page, "branch": asked.branch_given,
        "reset_url": request.path if asked.branch_given or asked.late_only else "",
        "rows": [{"one": row, "overdue": (access.on - row.due_on).days if row.due_on else 0} for row in page],
        "own": own_open(access).exists(),
    }  # fmt: skip
    return render(request, "study/follow_ups_office.html", context)


@require_POST
def follow_up_done(request: PortalRequest, pk: int) -> HttpResponse:
    """Close one with its day and a few words, or take the closing back."""
    access = request.access
    resolution = get_object_or_404(followed_up(access), pk=pk)
    if request.POST.get("undo"):
        if resolution.gathering.branch_id not in access.leads:
            raise PermissionDenied("办结由支部撤销，请告诉支部书记。")
        reopen(access, resolution)
        messages.success(request, "已撤销办结，重新列入待落实。")
        return redirect("study:follow_ups")
    if resolution.done_on:
        messages.info(request, "这一项已经办结，无需重复登记。")
        return redirect("study:follow_ups")
    if not is_locked(resolution):
        messages.info(request, "这次活动的记录正在更正，再次报送后才能办结。")
        return redirect("study:follow_ups")
    form = DoneForm(request.POST, resolution=resolution, today=access.on)
    if not form.is_valid():
        return _page(request, form, status=422)
    if close(access, resolution, form.cleaned_data["on"], form.cleaned_data["note"]):
        messages.success(request, "已办结。")
    else:
        messages.info(request, "这一项刚刚有了变化，请核对后再办。")
    return redirect("study:follow_ups")


def _page(request: PortalRequest, wrong: DoneForm | None = None, *, status: int = 200) -> HttpResponse:
    """Open ones by their day with a small form each; the one that was typed wrongly stands open, first of all."""
    access = request.access
    closed = done(access)
    all_closed = bool(request.GET.get("closed"))
    page = Paginator(closed if all_closed else still_open(access), A_PAGE).get_page(request.GET.get("page"))
    rows = [] if all_closed else list(page.object_list)
    if wrong and wrong.resolution.pk not in [row.pk for row in rows]:
        rows.insert(0, wrong.resolution)
    context = {
        "rows": [
            {
                "one": row, "overdue": (access.on - row.due_on).days if row.due_on else 0, "locked": is_locked(row),
                "form": wrong if wrong and wrong.resolution.pk == row.pk else DoneForm(resolution=row, today=access.on),
                "is_open": bool(wrong and wrong.resolution.pk == row.pk),
            }
            for row in rows
        ],
        "page": page, "all_closed": all_closed, "leads": bool(access.leads), "led": access.leads,
        "closed": page.object_list if all_closed else closed[:A_FEW], "closed_count": closed.count(),
        "many": len({row.gathering.branch_id for row in rows}) > 1, "error_form": wrong,
    }  # fmt: skip
    return render(request, "study/follow_ups.html", context, status=status)
