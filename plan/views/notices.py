"""The year's holiday notice entered in one go: pasted or typed, read back as days, kept in the office's calendar."""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render

from branches import audit
from branches.form_base import PortalForm
from branches.models import Committee
from branches.requests import PortalRequest
from plan.cadence import days_label
from plan.models import SpecialDay
from plan.notices import HOLIDAYS, MOST_TEXT, read_notice
from plan.views.plans import own_committee
from plan.views.workdays import FIRST_YEAR, LAST_YEAR, page_of, year_of
from plan.workdays import ONE_DAY, Special, known

EXAMPLE = (
    "元旦：1月1日放假，与周末连休。\n春节：2月10日至17日放假调休，共8天。2月4日（星期日）、2月18日（星期日）上班。"
)


class NoticeForm(PortalForm):
    """The year and the notice's own words."""

    year = forms.IntegerField(label="年度", min_value=FIRST_YEAR + 1, max_value=LAST_YEAR)
    text = forms.CharField(
        label="通知原文", max_length=MOST_TEXT, widget=forms.Textarea(attrs={"rows": 10, "placeholder": EXAMPLE}),
        help_text=f"把通知中{'、'.join(HOLIDAYS)}的安排粘贴在这里，一个节日一行；编号和“（星期日）”可以保留。",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("year") and given.get("text"):
            self.notice = read_notice(given["text"], given["year"])
            for sentence in self.notice.errors:
                self.add_error("text", sentence)
        return given


def workdays_notice(request: PortalRequest) -> HttpResponse:
    """Typed, then read back; kept only when the reading was seen and is confirmed. Keeping it twice changes nothing."""
    committee = own_committee(request.access)
    year = year_of(request.GET.get("year", ""), request.access.on.year)
    form = NoticeForm(request.POST) if request.method == "POST" else NoticeForm(initial={"year": year})
    context: dict[str, Any] = {"form": form, "year": year, "committee": committee, "back_url": page_of(year)}
    if not form.is_bound or not form.is_valid():
        return render(request, "plan/workdays_notice.html", context, status=422 if form.is_bound else 200)
    year, days = form.cleaned_data["year"], form.notice.days
    there = {one.day: one for one in SpecialDay.objects.filter(committee=committee, day__in=[d.day for d in days])}
    others = [one for one in days if one.day in there and there[one.day].works != one.works]
    if others:
        first = there[others[0].day]
        words = f"{days_label(first.day, first.day)}已填为“{first.name}”{'上班' if first.works else '放假'}"
        form.add_error(
            "text", f"{words}{f'等{len(others)}天' if len(others) > 1 else ''}，与通知相反，请先在日历中删去。"
        )
        return render(request, "plan/workdays_notice.html", context, status=422)
    new = [one for one in days if one.day not in there]
    read = hashlib.sha256(repr(days).encode()).hexdigest()
    # What is kept is what was read back: changed in between, it is read back again first.
    if request.POST.get("action") == "keep" and request.POST.get("read") == read:
        return _kept(request, committee, year, new)
    context |= {
        "spans": _spans(days), "doubts": form.notice.doubts, "new": len(new), "count": len(days), "known": known(year),
        "year": year, "back_url": page_of(year), "read": read,
    }  # fmt: skip
    return render(request, "plan/workdays_notice.html", context)


def _kept(request: PortalRequest, committee: Committee, year: int, new: list[Special]) -> HttpResponse:
    access = request.access
    try:
        if new:
            with audit.act(access, audit.Kind.SETTING, "工作日历：填写放假通知", committee, year=year, count=len(new)):
                SpecialDay.objects.bulk_create(
                    SpecialDay(
                        committee=committee, day=one.day, works=one.works, name=one.name, set_at=access.now,
                        set_by=access.user,
                    )
                    for one in new
                )  # fmt: skip
    except IntegrityError:
        messages.error(request, "同一时间别人也填了其中的日期，没有保存。请核对日历后再填。")
        return redirect(page_of(year))
    if new:
        messages.success(request, f"已按通知填入{year}年工作日历，共{len(new)}天。")
    else:
        messages.info(request, f"{year}年的这些日子已经填过，没有变化。")
    return redirect(page_of(year))


def _spans(days: list[Special]) -> list[dict[str, Any]]:
    """The days in runs that say the same, for reading back."""
    runs = groupby(enumerate(days), key=lambda at: (at[1].works, at[1].name, at[1].day - at[0] * ONE_DAY))
    spans = []
    for (works, name, _), run in runs:
        found = [one for _, one in run]
        weekend = sum(one.day.weekday() >= 5 for one in found)
        words = days_label(found[0].day, found[-1].day)
        if len(found) == 1:
            words += f"（周{'一二三四五六日'[found[0].day.weekday()]}）"
        spans.append({"words": words, "name": name, "works": works, "count": len(found), "weekend": weekend})
    return spans
