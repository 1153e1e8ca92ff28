"""The office's year on a page: what to begin with now, twelve months, and how early to begin with each thing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import localdate

from branches import audit
from branches.form_base import PortalForm
from branches.models import Committee
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment
from plan import rhythm
from plan.models import LeadTime
from plan.views.plans import own_committee

FIRST_YEAR, LAST_YEAR = 1990, 2099


class LeadTimeForm(PortalForm):
    """How many days before its deadline the office begins with one requirement."""

    code = forms.CharField(max_length=4, widget=forms.HiddenInput)
    days = forms.IntegerField(
        label="提前天数", min_value=0, max_value=rhythm.MOST_DAYS,
        error_messages={
            "invalid": f"提前天数请填写0到{rhythm.MOST_DAYS}之间的整数。",
            "min_value": f"提前天数请填写0到{rhythm.MOST_DAYS}之间的整数。",
            "max_value": f"提前天数请填写0到{rhythm.MOST_DAYS}之间的整数。",
        },
    )  # fmt: skip


class Moment(forms.Form):
    """As of which moment the year is shown."""

    at = forms.DateTimeField(required=False)

    def clean_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["at"]
        if at and not FIRST_YEAR <= at.year <= LAST_YEAR:
            raise forms.ValidationError("请填写1990年至2099年之间的时间。")
        return at


def year_rhythm(request: PortalRequest) -> HttpResponse:
    """The committee's year: its own duties with their lead, and the days to reckon with."""
    return _page(request)


def _page(request: PortalRequest, wrong: LeadTimeForm | None = None) -> HttpResponse:
    moment = Moment(request.GET)
    moment.is_valid()
    at = moment.cleaned_data.get("at")
    now = at or request.now
    committee = own_committee(request.access)
    number = _year(request.GET.get("year", ""), localdate(now).year)
    year = rhythm.Year(committee, number, now, request.access)
    context: dict[str, Any] = {
        "year": number, "committee": committee, "months": year.months(), "preparing": year.preparing,
        "has_plan": year.has_plan, "leads": [_lead_row(lead, wrong) for lead in year.leads], "sorts": rhythm.SORTS,
        "before": number - 1 if number > FIRST_YEAR else None, "after": number + 1 if number < LAST_YEAR else None,
        "as_of": f"截至 {cn_moment(now, request.now)}。" if at else "", "moment": now, "wrong": wrong,
        "most": rhythm.MOST_DAYS,
    }  # fmt: skip
    return render(request, "plan/rhythm.html", context, status=422 if wrong else 200)


def _year(text: str, today: int) -> int:
    is_year = text.isascii() and text.isdecimal() and len(text) == 4 and FIRST_YEAR <= int(text) <= LAST_YEAR
    return int(text) if is_year else today


def _lead_row(lead: rhythm.Lead, wrong: LeadTimeForm | None) -> dict[str, Any]:
    """The requirement with its number of days; with what was typed and what is wrong with it, if it is this one."""
    mine = wrong is not None and wrong.data.get("code") == lead.code
    return {
        "lead": lead,
        "value": wrong.data.get("days", "")[:20] if wrong and mine else lead.days,
        "errors": wrong.errors.get("days", []) if wrong and mine else [],
    }


def lead_time(request: PortalRequest) -> HttpResponse:
    """Set how early the office begins with one requirement of the committee's own; repeating it changes nothing."""
    access, committee = request.access, own_committee(request.access)
    form = LeadTimeForm(request.POST)
    if not form.is_valid():
        if "code" in form.errors:
            raise Http404
        return _page(request, form)
    code, days = form.cleaned_data["code"], form.cleaned_data["days"]
    title = _title_of(committee, code)
    set_to = LeadTime.objects.filter(committee=committee, code=code).values_list("days", flat=True).first()
    if days != (rhythm.default_days(code) if set_to is None else set_to):
        with audit.act(access, audit.Kind.SETTING, "设置提前量", committee, code=code, count=days):
            LeadTime.objects.update_or_create(committee=committee, code=code, defaults={"days": days})
    messages.success(request, f"“{title}”改为提前{days}天着手。")
    year = _year(request.GET.get("year", ""), access.on.year)
    return redirect(f"{reverse('plan:rhythm')}?year={year}#leads")


def _title_of(committee: Committee, code: str) -> str:
    """The title of the requirement that the committee itself owes; 404 where it owes nothing of that code."""
    duties = committee.duties.filter(code=code, branch__isnull=True).order_by("-year", "-pk")
    title: str | None = duties.values_list("requirement__title", flat=True).first()
    if title is None:
        raise Http404
    return title
