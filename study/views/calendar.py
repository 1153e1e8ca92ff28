"""The calendar: a month, or a list of days, of one branch or of all branches together."""

from __future__ import annotations

from calendar import Calendar
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render

from branches.access import Access
from branches.form_base import FilterForm
from branches.models import Branch
from branches.requests import PortalRequest
from plan import moves
from plan.calendars import calendar_of
from plan.models import Filing
from study import agenda
from study.calendar import Entry, grouped, lay_out
from study.models import Gathering, Kind
from study.rhythm import IsWorkday

A_PAGE = 50
NAMED = 3  # so many branches are named on a line of the list; the others are on the day's own page
VIEWS = ("month", "list")
FIRST_YEAR, LAST_YEAR = 1990, 2100


class CalendarFilter(FilterForm):
    """Conditions of the calendar."""

    def __init__(self, data: QueryDict, *, branches: QuerySet[Branch] | None, all_of_them: bool) -> None:
        super().__init__(data)
        if branches is not None:
            self.fields["branch"] = forms.ModelChoiceField(
                label="党支部", queryset=branches, required=False, empty_label="全部党支部" if all_of_them else None
            )
        self.fields["kind"] = forms.ChoiceField(
            label="活动类型", choices=[("", "全部类型"), *Kind.choices], required=False
        )


def calendar(request: PortalRequest) -> HttpResponse:
    """A month of one branch, or of all that the person oversees: what the plans have beside what was held."""
    access = request.access
    branches = Branch.objects.visible_to(access)
    branch = _branch(request, access, branches)
    many = bool(access.sees_committees) or len(access.branches) > 1
    data = request.GET.copy()
    if branch:
        data["branch"] = str(branch.pk)
    form = CalendarFilter(data, branches=branches if many else None, all_of_them=bool(access.sees_committees))
    form.is_valid()
    kind = form.cleaned_data.get("kind") or ""
    if branch is None and (day := _day(request.GET.get("day", ""))):
        return _one_day(request, branches, day, kind)
    as_list = request.GET.get("view") == "list"
    first = month_of(request.GET.get("month", ""), access.on)
    last = _next_month(first) - timedelta(days=1)
    this_month = first == access.on.replace(day=1)
    # What is to come does not end with the month.
    until = _next_month(_next_month(first)) - timedelta(days=1) if as_list and this_month else last
    context = {
        "first": first, "branch": branch, "filter_form": form, "kind": kind, "as_list": as_list,
        "view": "list" if as_list else "month",
        "filtered": bool(kind), "earlier": first - timedelta(days=1), "later": last + timedelta(days=1),
        "this_month": this_month, "may_record": bool(branch and branch.pk in access.leads),
        "show_filter": many,
    }  # fmt: skip
    days, spans = (
        _of_one(branch, access, first, until, kind) if branch else _of_all(branches, access, first, until, kind)
    )
    marks: list[agenda.DueMark] = []
    if as_list and not kind:
        marks = (
            agenda.due_marks(branch, access, first, until)
            if branch
            else agenda.due_counts([pk for pk in branches.values_list("pk", flat=True)], access, first, until)
        )
    context |= {"spans": spans, "nothing": not spans and not marks and not any(first <= day <= until for day in days)}
    if as_list:
        context["sections"] = _sections(days, marks, access.on, first, until, this_month=this_month)
    else:
        context["weeks"] = [
            [{"day": day, "here": day.month == first.month, "today": day == access.on, "entries": days.get(day, [])}
             for day in week]
            for week in Calendar().monthdatescalendar(first.year, first.month)
        ]  # fmt: skip
    return render(request, "study/calendar.html", context)


def _branch(request: PortalRequest, access: Access, branches: QuerySet[Branch]) -> Branch | None:
    """The branch asked for; else one's own, but for those who see all of them, who then see all."""
    number = request.GET.get("branch", "")
    if number:
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            raise Http404
        return get_object_or_404(branches, pk=int(number))
    if access.sees_committees:
        return None
    own = access.led_branch_id or (access.branch.pk if access.branch else 0)
    branch = branches.filter(pk=own).first() or branches.first()
    if branch is None:
        raise Http404
    return branch


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
    return day if day and FIRST_YEAR <= day.year <= LAST_YEAR else None


def month_of(text: str, today: date) -> date:
    """The first day of the month asked for; this month where what is asked is none."""
    year, _, month = text.partition("-")
    if not (text.isascii() and year.isdecimal() and month.isdecimal() and len(text) <= 7):
        return today.replace(day=1)
    known = FIRST_YEAR <= int(year) <= LAST_YEAR and 1 <= int(month) <= 12
    return date(int(year), int(month), 1) if known else today.replace(day=1)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


Days = dict[date, list[dict[str, Any]]]


def _opens_form(access: Access, record: Gathering) -> bool:
    """A record that this person goes on with; what another branch records is opened by its own filing."""
    return record.filing.kind == Filing.Kind.GATHERING and moves.may_edit(access, record.filing)


def _working(access: Access) -> IsWorkday:
    """The working days of those who see many branches: their committee's."""
    return calendar_of(access.committee.pk if access.committee else min(access.sees_committees)).is_workday


def _of_one(branch: Branch, access: Access, first: date, last: date, kind: str) -> tuple[Days, list[dict[str, Any]]]:
    items, records = agenda.of_branch(branch, access, first, last)
    days, spans = lay_out(items, records, first, last, calendar_of(branch.committee_id).is_workday)

    def shown(entries: Iterable[Entry]) -> list[dict[str, Any]]:
        return [
            {
                "item": entry.item, "record": entry.record, "group": None, "day": entry.day,
                "editable": bool(entry.record and _opens_form(access, entry.record)),
                "unplanned": entry.is_held
                and entry.record.plan_item_id is None
                and entry.record.filing.kind == Filing.Kind.GATHERING,
            }
            for entry in entries
            if not kind or kind in entry.kinds
        ]  # fmt: skip

    lines = {day: shown(entries) for day, entries in days.items()}
    return {day: entries for day, entries in lines.items() if entries}, shown(spans)


def _of_all(
    branches: QuerySet[Branch], access: Access, first: date, last: date, kind: str
) -> tuple[Days, list[dict[str, Any]]]:
    """Each day's kinds, each with how many branches have it; a span stands on its first day."""
    names = dict(branches.values_list("pk", "name"))
    planned, held = agenda.of_branches(list(names), access, first, last)
    days, spans = lay_out(planned, held, first, last, _working(access))
    for span in spans:
        days.setdefault(span.day, []).append(span)
    found: Days = {}
    for day, entries in days.items():
        groups = grouped(entries, kind)
        found[day] = [
            {"item": None, "record": None, "group": group, "day": day,
             "names": [name for pk, name in names.items() if pk in group.branches][:NAMED]}
            for group in groups
        ]  # fmt: skip
    return {day: lines for day, lines in found.items() if lines}, []


def _sections(
    days: Days, marks: list[agenda.DueMark], today: date, first: date, last: date, *, this_month: bool
) -> list[dict[str, Any]]:
    """The days that hold something, in order; in the present month what is to come before what is past."""
    due: dict[date, list[agenda.DueMark]] = {}
    for mark in marks:
        due.setdefault(mark.day, []).append(mark)
    lines: list[dict[str, Any]] = [
        {"day": day, "today": day == today, "entries": days.get(day, []), "due": due.get(day, [])}
        for day in sorted({*days, *due})
        if first <= day <= last
    ]
    if not this_month:
        return [{"title": "", "days": lines}] if lines else []
    coming = [line for line in lines if line["day"] >= today]
    past = [line for line in reversed(lines) if line["day"] < today]
    return [part for part in ({"title": "今天起", "days": coming}, {"title": "本月已过", "days": past}) if part["days"]]


def _one_day(request: PortalRequest, branches: QuerySet[Branch], day: date, kind: str) -> HttpResponse:
    """All branches that have something on one day, each with it, page by page."""
    names = dict(branches.values_list("pk", "name"))
    planned, held = agenda.of_branches(list(names), request.access, day, day)
    days, spans = lay_out(planned, held, day, day, _working(request.access))
    entries = [e for e in [*days.get(day, []), *spans] if e.is_held or e.record is None]
    entries = [e for e in entries if not kind or kind in e.kinds]
    order = {pk: n for n, pk in enumerate(names)}
    entries.sort(key=lambda entry: order[entry.branch_id])
    page = Paginator(entries, A_PAGE).get_page(request.GET.get("page"))
    context = {
        "day": day, "day_month": f"{day:%Y-%m}", "kind_label": Kind(kind).label if kind else "",
        "groups": grouped(entries, kind), "page": page,
        "rows": [
            {"entry": entry, "branch": names[entry.branch_id], "branch_id": entry.branch_id,
             "kinds": "、".join(Kind(k).label for k in entry.kinds)}
            for entry in page
        ],
    }  # fmt: skip
    return render(request, "study/calendar_day.html", context)
