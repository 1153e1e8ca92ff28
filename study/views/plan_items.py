"""The items of a branch's study plan: one in its form, all of them in one table, and one moved to another day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.requests import PortalRequest
from plan.calendars import calendar_of
from plan.models import Filing
from study.models import BranchPlan, Kind, PlanItem
from study.plan_items import PlanItemForm, Table
from study.plan_keeping import LOST, LostUpdate, page_of, take
from study.plan_moving import OutOfYear, day_in_month, moved_to
from study.plan_overview import check_typed, overview, said
from study.views.branch_plans import away, seen

# One item


def plan_item_new(request: PortalRequest, pk: int) -> HttpResponse:
    record = seen(request.access, pk)
    item = PlanItem(plan=record)
    month = request.GET.get("month", "")
    initial: dict[str, Any] = {}
    if month.isascii() and month.isdecimal() and len(month) < 3 and 1 <= int(month) <= 12:
        first, today = date(record.plan.year, int(month), 1), request.access.on
        # Of this month what is still to come: a plan is not made for days that are over.
        day = today if (first.year, first.month) == (today.year, today.month) else first
        initial = {"starts_on": day, "ends_on": day}
    kind = request.GET.get("kind", "")
    if kind in Kind.values:
        initial["kind"] = kind
    if request.GET.get("scope") == PlanItem.Scope.INDIVIDUAL:
        initial["scope"] = PlanItem.Scope.INDIVIDUAL
    return _item(request, record, item, initial)


def plan_item_edit(request: PortalRequest, pk: int) -> HttpResponse:
    item = _item_seen(request.access, pk)
    return _item(request, item.plan, item, {})


def _item_seen(access: Access, pk: int) -> PlanItem:
    item = get_object_or_404(PlanItem.objects.filter(plan__filing__in=Filing.objects.visible_to(access)), pk=pk)
    item.plan = seen(access, item.plan_id)
    return item


def _item(request: PortalRequest, record: BranchPlan, item: PlanItem, initial: dict[str, Any]) -> HttpResponse:
    """Show the item's form, or keep what it says."""
    if elsewhere := away(request, record):
        return elsewhere
    make: Callable[..., PlanItemForm] = PlanItemForm
    day = request.access.on
    if request.method != "POST":
        return _item_page(request, make(instance=item, initial=initial, record=record, day=day))
    form = make(request.POST, instance=item, record=record, day=day)
    if not form.is_valid():
        return _item_page(request, form, status=422)
    try:
        what = "修改学习安排" if item.pk else "添加学习安排"
        with audit.act(request.access, audit.Kind.WRITE, what, record.filing):
            take(record.filing, form.cleaned_data["edition"])
            form.save()
    except LostUpdate:
        return _lost_item(request, record, item, form)
    messages.success(request, f"已保存“{form.instance.topic}”。")
    return redirect(page_of(record.branch, f"month-{form.instance.starts_on.month}"))


def _lost_item(request: PortalRequest, record: BranchPlan, item: PlanItem, form: PlanItemForm) -> HttpResponse:
    """Somebody was quicker: the same sent twice counts once; anything else is shown beside what is kept."""
    record = seen(request.access, record.pk)
    if elsewhere := away(request, record):
        return elsewhere
    facts = form.cleaned_data
    same = PlanItem.objects.filter(
        plan=record, topic=facts["topic"], starts_on=facts["starts_on"], ends_on=facts["ends_on"], kind=facts["kind"],
        scope=facts["scope"], content=facts["content"], responsible=facts["responsible"], hours=facts["hours"],
        method=facts["method"], place=facts["place"], rhythm=facts["rhythm"],
    )  # fmt: skip
    if (same.filter(pk=item.pk) if item.pk else same).exists():
        return redirect(page_of(record.branch))
    kept = PlanItem.objects.filter(pk=item.pk).select_related("responsible").first() if item.pk else None
    if item.pk and kept is None:
        messages.info(request, "这条安排已被别人删去，您的修改没有保存。")
        return redirect(page_of(record.branch))
    data = request.POST.copy()
    data["edition"] = str(record.filing.edition)
    again = PlanItemForm(data, instance=kept or PlanItem(plan=record), record=record, day=request.access.on)
    again.is_valid()
    again.add_error(None, LOST)
    theirs = PlanItem.objects.select_related("responsible").get(pk=item.pk) if item.pk else None
    return _item_page(request, again, status=409, theirs=theirs)


def _item_page(
    request: PortalRequest, form: PlanItemForm, *, status: int = 200, theirs: PlanItem | None = None
) -> HttpResponse:
    context = {"form": form, "record": form.record, "item": form.instance, "theirs": theirs}
    context["held"] = _held(form.instance).count() if form.instance.pk else 0
    context["plan_url"] = page_of(form.record.branch)
    return render(request, "study/plan_item_form.html", context, status=status)


def _held(item: PlanItem) -> QuerySet[Any]:
    """The records that were made of the item."""
    return item.gatherings.exclude(filing__state=Filing.State.DISCARDED)


@require_POST
def plan_item_remove(request: PortalRequest, pk: int) -> HttpResponse:
    """Take an item out of the plan; where something was held of it, it is asked first, and the records keep."""
    access = request.access
    item = PlanItem.objects.filter(pk=pk, plan__filing__in=Filing.objects.visible_to(access)).first()
    if item is None:
        raise Http404
    record = seen(access, item.plan_id)
    if elsewhere := away(request, record):
        return elsewhere
    if request.POST.get("sure") != "1" and (held := list(_held(item).select_related("filing")[:20])):
        context = {"item": item, "record": record, "held": held, "plan_url": page_of(record.branch, f"item-{item.pk}")}
        return render(request, "study/plan_item_remove.html", context)
    try:
        with audit.act(access, audit.Kind.WRITE, "删去学习安排", record.filing):
            take(record.filing, record.filing.edition)
            PlanItem.objects.filter(pk=pk).delete()
    except LostUpdate:
        messages.warning(request, f"计划刚刚被别人修改过，“{item.topic}”没有删去，请核对后再删。")
    else:
        messages.success(request, f"已删去“{item.topic}”。")
    return redirect(page_of(record.branch, f"month-{item.starts_on.month}"))


# One item on another day


class MoveForm(PortalForm):
    """Where an item goes: a day, or a month, in which it keeps its week and weekday."""

    day = forms.DateField(label="日期", required=False)
    month = forms.IntegerField(label="月份", required=False, min_value=1, max_value=12)
    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1)

    def clean(self) -> dict[str, Any]:
        if not self.errors and not (self.cleaned_data["day"] or self.cleaned_data["month"]):
            raise forms.ValidationError("请选择要移到的日期。")
        return self.cleaned_data


@require_POST
def plan_item_move(request: PortalRequest, pk: int) -> HttpResponse:
    """Put an item on another day, its length kept; a script is answered with the months and the check as they are."""
    item = _item_seen(request.access, pk)
    record, form = item.plan, MoveForm(request.POST)
    if elsewhere := away(request, record):
        return JsonResponse({"away": elsewhere["Location"]}, status=409) if _by_script(request) else elsewhere
    if not form.is_valid():
        return _moved(request, record, item, form.error_lines()[0].text, status=422)
    facts = form.cleaned_data
    try:
        is_workday = calendar_of(record.branch.committee_id).is_workday
        day = facts["day"] or day_in_month(item, facts["month"], is_workday)
        first, last = moved_to(item, day, record.plan.year)
    except OutOfYear as error:
        return _moved(request, record, item, str(error), status=422)
    before = item.starts_on
    if (first, last) == (item.starts_on, item.ends_on):
        return _moved(request, record, item, f"“{item.topic}”已在{said(first)}。")
    try:
        with audit.act(request.access, audit.Kind.WRITE, "移动学习安排", record.filing):
            take(record.filing, facts["edition"])
            PlanItem.objects.filter(pk=pk).update(starts_on=first, ends_on=last)
    except LostUpdate:
        words = "计划刚刚被别人修改过，这次没有移动。页面已更新为最新内容，请核对后再移。"
        return _moved(request, record, item, words, status=409)
    return _moved(request, record, item, f"已把“{item.topic}”移到{said(first)}。", back=before)


def _by_script(request: PortalRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _moved(
    request: PortalRequest, record: BranchPlan, item: PlanItem, words: str, *, status: int = 200,
    back: date | None = None,
) -> HttpResponse:  # fmt: skip
    """What came of it: for a script the parts of the page that changed, else a sentence and the page."""
    if not _by_script(request):
        (messages.success if status == 200 else messages.warning)(request, words)
        return redirect(page_of(record.branch, f"item-{item.pk}"))
    record = seen(request.access, record.pk)
    context = {**overview(record), "record": record, "editable": True, "filing": record.filing, "now": request.now}
    parts = {name: render_to_string(f"study/parts/plan_{name}.html", context, request) for name in ("months", "check")}
    answer = {"words": words, "edition": record.filing.edition, "open": context["open_count"], **parts}
    if back:
        answer["back"] = back.isoformat()
    return JsonResponse(answer, status=status)


# All of them in one table


def plan_table(request: PortalRequest, pk: int) -> HttpResponse:
    """All items in one table: kept whole or not at all; `check` only tells what the check would remark."""
    record = seen(request.access, pk)
    if elsewhere := away(request, record):
        return elsewhere
    if request.method != "POST":
        return _table_page(request, Table(record, request.access.on))
    table = Table(record, request.access.on, request.POST)
    if request.POST.get("action") == "check":
        return _checked(request, table)
    if not table.is_valid():
        return _table_page(request, table, status=422)
    try:
        with audit.act(request.access, audit.Kind.WRITE, "修改学习安排", record.filing):
            changed, added, struck = table.save()
    except LostUpdate:
        return _lost_table(request, record)
    counts = ((changed, "修改"), (added, "添加"), (struck, "删去"))
    words = "、".join(f"{verb}{n}条" for n, verb in counts if n)
    messages.success(request, f"已保存：{words}。" if words else "没有改动。")
    return redirect(page_of(record.branch))


def _checked(request: PortalRequest, table: Table) -> HttpResponse:
    """The check of what is typed; nothing is written."""
    table.edition.is_valid()
    entries = table.entries()
    clarity = check_typed(table.record, entries)
    wrong = len(table.error_lines())
    context = {"clarity": clarity, "wrong": wrong, "typed": True, "open_count": len(clarity.remarks)}
    return render(request, "study/parts/plan_check.html", context)


def _lost_table(request: PortalRequest, record: BranchPlan) -> HttpResponse:
    """Changed in between: both on one page; the same sent twice loses nothing."""
    record = seen(request.access, record.pk)
    if elsewhere := away(request, record):
        return elsewhere
    data = request.POST.copy()
    data["edition"] = str(record.filing.edition)
    table = Table(record, request.access.on, data)
    valid = table.is_valid()
    differences = table.differences() if valid else []
    if valid and not differences:
        return redirect(page_of(record.branch))
    table.edition.add_error(None, LOST)
    return _table_page(request, table, status=409, differences=differences)


def _table_page(
    request: PortalRequest, table: Table, *, status: int = 200, differences: list[tuple[str, str, str]] | None = None
) -> HttpResponse:
    record = table.record
    errors = table.error_lines() if status != 200 else []
    months = table.months()
    clarity = check_typed(record, table.entries())
    context = {
        "record": record, "filing": record.filing, "table": table, "months": months, "errors": errors,
        "differences": differences or [], "plan_url": page_of(record.branch), "clarity": clarity,
        "open_count": len(clarity.remarks), "typed": status != 200, "wrong": 0,
    }  # fmt: skip
    return render(request, "study/plan_table.html", context, status=status)
