"""The branch's list of make-up study: open ones closed many at once, closed ones below."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import localdate

from branches.form_base import PortalForm
from branches.requests import PortalRequest
from study.make_ups import close, closed_in, open_in, reopen
from study.models import Attendance
from study.office_view import OfficeFilter, open_make_ups

A_PAGE = 50
A_FEW = 10


class MakeUpForm(PortalForm):
    """When and how the ticked ones made it up."""

    on = forms.DateField(label="补学日期", widget=forms.DateInput)
    note = forms.CharField(
        label="补学方式", max_length=200, help_text="一句话写明怎样补学，如“支部书记单独讲解，补记学习笔记”。"
    )

    def __init__(self, data: Any = None, *, lines: list[Attendance], today: date) -> None:
        super().__init__(data, initial={"on": today})
        self.lines, self.today = lines, today

    def clean_on(self) -> date:
        on: date = self.cleaned_data["on"]
        if on > self.today:
            raise forms.ValidationError("补学日期还没有到，请核对。")
        early = [line for line in self.lines if on < localdate(line.gathering.held_at)]
        if early:
            raise forms.ValidationError(f"补学日期早于{early[0].member.name}缺的“{early[0].gathering.title}”，请核对。")
        return on

    def clean(self) -> dict[str, Any]:
        if not self.lines:
            self.add_error(None, "请先勾选已经补学的同志。")
        return super().clean() or self.cleaned_data


def make_ups(request: PortalRequest) -> HttpResponse:
    """What is still to be made up, and what was; posted, the ticked ones are closed or one is taken back."""
    access = request.access
    if request.method != "POST" and not access.leads:
        return _office_page(request)
    waiting = open_in(access.leads, access.on)
    if request.method != "POST":
        return _page(request, MakeUpForm(lines=[], today=access.on), frozenset())
    if request.POST.get("undo"):
        reopen(access, get_object_or_404(closed_in(access.leads), pk=_number(request.POST["undo"])))
        messages.success(request, "已撤销登记，重新列入待补学。")
        return redirect("study:make_ups")
    ticked = frozenset(_number(text) for text in request.POST.getlist("line")[:A_PAGE])
    lines = list(waiting.filter(pk__in=ticked))
    if ticked and not lines:
        # A second click: what was ticked is closed already.
        messages.info(request, "所选的已经登记过，无需重复登记。")
        return redirect("study:make_ups")
    form = MakeUpForm(request.POST, lines=lines, today=access.on)
    if not form.is_valid():
        return _page(request, form, ticked, status=422)
    count = close(access, lines, form.cleaned_data["on"], form.cleaned_data["note"])
    messages.success(request, f"已登记{count}人次补学。")
    return redirect("study:make_ups")


def _office_page(request: PortalRequest) -> HttpResponse:
    """What the office's branches have still to make up, to be read."""
    asked = OfficeFilter(request.GET, access=request.access, late_label="只看超过30天的")
    page = Paginator(open_make_ups(request.access, asked), A_PAGE).get_page(request.GET.get("page"))
    given = asked.branch_given or asked.late_only
    context = {"form": asked, "page": page, "branch": asked.branch_given, "reset_url": request.path if given else ""}
    return render(request, "study/make_ups_office.html", context)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Http404
    return int(text)


def _page(request: PortalRequest, form: MakeUpForm, ticked: frozenset[int], *, status: int = 200) -> HttpResponse:
    access = request.access
    all_closed = bool(request.GET.get("closed"))
    closed = closed_in(access.leads)
    rows = closed if all_closed else open_in(access.leads, access.on)
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form, "ticked": ticked, "page": page, "all_closed": all_closed,
        "closed": page.object_list if all_closed else closed[:A_FEW], "closed_count": closed.count(),
    }  # fmt: skip
    return render(request, "study/make_ups.html", context, status=status)
