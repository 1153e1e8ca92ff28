"""The office's working calendar: the notices' days and its own, by months; ranges added and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from branches import audit
from branches.form_base import PortalForm
from branches.models import Committee
from branches.requests import PortalRequest
from plan.cadence import days_label
from plan.models import SpecialDay
from plan.views.plans import own_committee
from plan.workdays import ONE_DAY, known, noticed, unknown_years

MOST_DAYS = 120
FIRST_YEAR, LAST_YEAR = 1990, 2100
WORKS = [("0", "放假"), ("1", "上班")]


class SpecialDaysForm(PortalForm):
    """A range of days that rest, or are worked, otherwise than their weekday and the notices say."""

    from_on = forms.DateField(label="从", widget=forms.DateInput)
    until_on = forms.DateField(label="到", widget=forms.DateInput, required=False, help_text="只有一天的不填。")
    works = forms.ChoiceField(label="放假还是上班", choices=WORKS, initial="0", widget=forms.RadioSelect)
    name = forms.CharField(label="事由", max_length=40, help_text="如寒假、暑假、校庆、国庆节调休。")

    def clean_from_on(self) -> date:
        return _in_years(self.cleaned_data["from_on"])

    def clean_until_on(self) -> date | None:
        day = self.cleaned_data["until_on"]
        return _in_years(day) if day else None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        first, last = given.get("from_on"), given.get("until_on") or given.get("from_on")
        if first and last and last < first:
            self.add_error("until_on", "结束的一天早于开始的一天，请核对。")
        elif first and last and (last - first).days >= MOST_DAYS:
            self.add_error("until_on", f"一次最多填{MOST_DAYS}天，请分几次填写。")
        return given

    @property
    def days(self) -> list[date]:
        first, last = self.cleaned_data["from_on"], self.cleaned_data["until_on"] or self.cleaned_data["from_on"]
        return [first + n * ONE_DAY for n in range((last - first).days + 1)]


def _in_years(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValidationError(f"请填写{FIRST_YEAR}年到{LAST_YEAR}年之间的日期。")
    return day


@dataclass(frozen=True)
class DayRow:
    """A named day of the calendar and who names it: the notice, this office, or one above."""

    day: date
    works: bool
    name: str
    whose: str
    own: bool = False
    # What the year's notice says of a day that an office set otherwise.
    notice: str = ""


@dataclass(frozen=True)
class Span:
    """Days in a row that say the same, from the first to the last."""

    first: date
    last: date
    row: DayRow

    @property
    def count(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def weekend(self) -> int:
        """How many of the days are a Saturday or Sunday."""
        return sum((self.first + n * ONE_DAY).weekday() >= 5 for n in range(self.count))

    @property
    def words(self) -> str:
        """2月15日–21日; a single day with its weekday."""
        weekday = f"（周{'一二三四五六日'[self.first.weekday()]}）" if self.first == self.last else ""
        return days_label(self.first, self.last) + weekday


def workdays(request: PortalRequest) -> HttpResponse:
    """The calendar of a year; a range of the office's own days is added or taken back."""
    committee = own_committee(request.access)
    year = year_of(request.GET.get("year", ""), request.access.on.year)
    form, old = SpecialDaysForm(), _edited(request.GET.get("edit", ""), committee)
    if old:
        form = SpecialDaysForm(initial={
            "from_on": old[0].day, "until_on": old[-1].day if len(old) > 1 else None, "works": str(int(old[0].works)),
            "name": old[0].name,
        })  # fmt: skip
    if request.method == "POST" and request.POST.get("action") == "remove":
        return _remove(request, committee, year)
    if request.method == "POST":
        form = SpecialDaysForm(request.POST)
        if form.is_valid() and _added(request, committee, form, old):
            return redirect(page_of(form.cleaned_data["from_on"].year))
    context = {
        "form": form, "year": year, "committee": committee, "known": known(year),
        "months": _months(_rows(committee, year)), "editing": bool(old),
        "form_title": "改放假或上班的日子" if old else "填写放假或上班的日子",
        "edit": request.GET.get("edit", "") if old else "",
        "not_yet": unknown_years(request.now),
        "before": year - 1 if year > FIRST_YEAR else None, "after": year + 1 if year < LAST_YEAR else None,
    }  # fmt: skip
    return render(request, "plan/workdays.html", context, status=422 if form.is_bound else 200)


def page_of(year: int) -> str:
    return f"{reverse('plan:workdays')}?year={year}"


def year_of(text: str, today: int) -> int:
    known_year = text.isascii() and text.isdecimal() and len(text) == 4 and FIRST_YEAR <= int(text) <= LAST_YEAR
    return int(text) if known_year else today


# Kept and taken back


def _edited(text: str, committee: Committee) -> list[SpecialDay]:
    """The office's own days that are to be changed, named by their first and last day: 2018-07-16_2018-08-26."""
    try:
        first, last = (date.fromisoformat(part) for part in text.split("_"))
    except ValueError:
        return []
    rows = list(SpecialDay.objects.filter(committee=committee, day__range=(first, last)).order_by("day"))
    same = {(one.works, one.name) for one in rows}
    whole = len(rows) == (last - first).days + 1 <= MOST_DAYS and len(same) == 1
    return rows if whole else []


def _added(request: PortalRequest, committee: Committee, form: SpecialDaysForm, old: Sequence[SpecialDay] = ()) -> bool:
    """Keep the range, in place of `old` where that is given.

    What says otherwise of one of its days already is never overwritten, but told at the form.
    """
    access, days = request.access, form.days
    works, name = form.cleaned_data["works"] == "1", form.cleaned_data["name"]
    gone = [one.pk for one in old]
    mine = SpecialDay.objects.filter(committee=committee, day__range=(days[0], days[-1])).exclude(pk__in=gone)
    there = {one.day: one for one in mine}
    if others := [one for one in there.values() if (one.works, one.name) != (works, name)]:
        first = min(others, key=lambda one: one.day)
        words = f"{first.day.month}月{first.day.day}日已填为“{first.name}”{WORKS[first.works][1]}"
        words += f"等{len(others)}天" if len(others) > 1 else ""
        form.add_error("from_on", f"{words}，请先删去再填。")
        return False
    new = [day for day in days if day not in there]
    try:
        if new or gone:
            what = "工作日历：" + ("改为" if old else "填写") + WORKS[works][1]
            with audit.act(
                access, audit.Kind.SETTING, what, committee, from_on=days[0], until=days[-1], count=len(new)
            ):
                SpecialDay.objects.filter(pk__in=gone).delete()
                SpecialDay.objects.bulk_create(
                    SpecialDay(
                        committee=committee, day=day, works=works, name=name, set_at=access.now, set_by=access.user
                    )
                    for day in new
                )  # fmt: skip
    except IntegrityError:
        form.add_error("from_on", "同一时间别人也填了其中的日期，没有保存。请核对下面的日历，需要时再填。")
        return False
    messages.success(request, f"已填入工作日历：{days_label(days[0], days[-1])}{name}，{WORKS[works][1]}。")
    return True


def _remove(request: PortalRequest, committee: Committee, year: int) -> HttpResponse:
    """Take a range of one's own back, if it still says what was on the page."""
    form = SpecialDaysForm(request.POST)
    if form.is_valid():
        given, days = form.cleaned_data, form.days
        mine = SpecialDay.objects.filter(
            committee=committee, day__range=(days[0], days[-1]), works=given["works"] == "1", name=given["name"]
        )
        year, count = days[0].year, mine.count()
        if count:
            with audit.act(
                request.access, audit.Kind.SETTING, "工作日历：删去", committee,
                from_on=days[0], until=days[-1], count=count,
            ):  # fmt: skip
                mine.delete()
            messages.success(request, f"已从工作日历删去：{days_label(days[0], days[-1])}{given['name']}。")
            return redirect(page_of(year))
    messages.info(request, "这几天已不在工作日历中，可能已被别人删去或改填。")
    return redirect(page_of(year))


# Shown


def _rows(committee: Committee, year: int) -> list[DayRow]:
    """The year's named days in order; of two that name a day the nearest office decides, then the notice."""
    above = {one.pk: one.steps for one in Committee.objects.over(committee.pk)}  # type: ignore[attr-defined]
    notice = {one.day: one for one in noticed(year)}
    found = {one.day: DayRow(one.day, one.works, one.name, "放假通知") for one in notice.values()}
    days = SpecialDay.objects.filter(committee__in=above, day__year=year).select_related("committee")
    for one in sorted(days, key=lambda one: -above[one.committee_id]):
        own = one.committee_id == committee.pk
        says = notice.get(one.day)
        words = f"{says.name}{WORKS[says.works][1]}" if says and says.works != one.works else ""
        found[one.day] = DayRow(one.day, one.works, one.name, "本单位" if own else one.committee.name, own, words)
    return [found[day] for day in sorted(found)]


def _months(rows: Sequence[DayRow]) -> list[dict[str, Any]]:
    """Days in a row that say the same are one line, under the month in which they begin."""
    runs = [
        [rows[place] for place in run] for _, run in groupby(range(len(rows)), key=lambda place: _sameness(rows, place))
    ]
    spans = [Span(run[0].day, run[-1].day, run[0]) for run in runs]
    return [{"number": month, "spans": list(found)} for month, found in groupby(spans, key=lambda s: s.first.month)]


def _sameness(rows: Sequence[DayRow], place: int) -> tuple[Any, ...]:
    """Equal for neighbours that say the same of days in a row."""
    row = rows[place]
    return row.works, row.name, row.whose, row.notice, row.day - timedelta(days=place)
