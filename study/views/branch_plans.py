"""The branch's study plan of the year: its months, its items, the four clears beside them, and its filing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import F, Prefetch, prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm, PortalModelForm
from branches.models import Branch, Member
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment
from plan import moves
from plan.calendars import calendar_of
from plan.models import Duty, Filing, Plan, Reading
from study.clarity import Clarity, asked_of, check, entries_of, is_small, missing_in_branch_plan
from study.drafting import draft_for
from study.drafting import outline as first_outline
from study.models import BranchPlan, Kind, PlanItem

State = Filing.State
LOST = "这份计划在您打开之后被别人修改过，您刚才填写的还没有保存。请对照后再次保存，即以您的为准。"


class LostUpdate(Exception):
    """Somebody else changed the plan in between; nothing was written."""


# The page


def branch_plan(request: PortalRequest) -> HttpResponse:
    """The branch's plan of the year in force: leaders work on it, members read what was filed."""
    access = request.access
    branch = _branch_asked(request, access)
    if branch is None:
        return render(request, "study/branch_plan.html", {"branch": None})
    plan = Plan.objects.asking(branch.committee_id, access.on.year, access.on)
    record = _of_year(branch, access.on.year)
    leads = branch.pk in access.leads
    if record is None or (not leads and record.filing.first_filed_at is None):
        context = {
            "branch": branch, "plan": plan, "record": None, "leads": leads, "year": access.on.year,
            "owed": _owed(branch, access),
        }  # fmt: skip
        return render(request, "study/branch_plan.html", context)
    return _page(request, record)


def _branch_asked(request: PortalRequest, access: Access) -> Branch | None:
    """The branch that the address names and the person may see; else the one led, else the own one."""
    visible = Branch.objects.visible_to(access).select_related("committee")
    number = request.GET.get("branch", "")
    if number:
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            raise Http404
        return get_object_or_404(visible, pk=int(number))
    own = access.led_branch_id or (access.branch.pk if access.branch else None)
    return visible.filter(pk=own).first() if own else None


def _of_year(branch: Branch, year: int) -> BranchPlan | None:
    """The branch's study plan of the year; an amended implementation plan does not ask for another."""
    return (
        BranchPlan.objects.filter(branch=branch, plan__year=year)
        .exclude(filing__state=State.DISCARDED)
        .select_related("filing__committee", "filing__branch__committee", "branch__committee", "plan")
        .order_by("-plan__version")
        .first()
    )


class OutlineForm(PortalForm):
    """The outline, and why it comes late where it does."""

    outline = forms.CharField(
        label="年度学习大纲", widget=forms.Textarea(attrs={"rows": 5}), required=False, max_length=5000,
        help_text="写明全年学什么、重点是什么、怎样安排。",
    )  # fmt: skip
    late_reason = forms.CharField(
        label="补报原因", widget=forms.Textarea(attrs={"rows": 2}), required=False, max_length=200,
        help_text="已过报送时限。写明原因后仍可报送，并注明“补报”。",
    )  # fmt: skip
    edition = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)


def _page(
    request: PortalRequest, record: BranchPlan, form: OutlineForm | None = None, *, status: int = 200, theirs: str = ""
) -> HttpResponse:
    access, filing = request.access, record.filing
    # The page and the check read the same rows.
    prefetch_related_objects([record], Prefetch("items", PlanItem.objects.select_related("responsible")))
    prefetch_related_objects([record], "items__readings")
    items = list(record.items.all())
    begun_on = localdate(filing.created_at)
    roster = list(record.branch.roster(begun_on))
    calendar = calendar_of(record.branch.committee_id)
    asked = asked_of(record.plan, begun_on, small=is_small(roster, begun_on), calendar=calendar)
    clarity = check(
        record.outline, entries_of(record), asked=asked,
        readings=[reading.title for reading in record.plan.readings.all()], roster=[m.pk for m in roster],
        calendar=calendar,
    )  # fmt: skip
    leads = record.branch_id in access.leads
    editable = moves.may_edit(access, filing)
    may_file = editable and moves.is_author(access, filing)
    missing = missing_in_branch_plan(record)
    late = moves.by_filing(filing, access.now) if may_file and filing.first_filed_at is None else []
    if form is None:
        form = OutlineForm(initial={"outline": record.outline, "edition": filing.edition})
    if not late:
        del form.fields["late_reason"]
    months, passed = _months(items, asked, clarity, record.plan.year)
    turns = _turns(clarity, roster, items)
    context = {
        "branch": record.branch, "plan": record.plan, "record": record, "filing": filing, "leads": leads,
        "months": months, "passed": passed, "clarity": clarity, "owed": _owed(record.branch, access, filing),
        "alone": [_shown(item, clarity) for item in items if item.scope == PlanItem.Scope.INDIVIDUAL],
        "turns": [(name, times) for name, times in turns if times],
        "no_turn": [name for name, times in turns if not times],
        "editable": editable, "may_file": may_file, "form": form,
        "open_count": len(clarity.remarks),
        "missing": missing, "missing_words": _words(record, missing), "late": late, "theirs": theirs,
        "count": len(items), "office": filing.committee.office_name, "sent_back": _sent_back(filing),
    }  # fmt: skip
    return render(request, "study/branch_plan.html", context, status=status)


def _owed(branch: Branch, access: Access, filing: Filing | None = None) -> Duty | None:
    """The branch's duty to file the year's plan, while it is owed and nothing was filed."""
    if branch.pk not in access.leads or (filing and filing.first_filed_at):
        return None
    mine = Duty.objects.of_branch([branch.pk]).filter(year=access.on.year, requirement__proof="branch_plan")
    return mine.unsettled(access.now).order_by("due_at").first()


def _months(
    items: list[PlanItem], asked: list[Any], clarity: Clarity, year: int
) -> tuple[list[dict[str, Any]], int]:  # fmt: skip
    """The months, each with its sessions and what is not yet clear about it; and the last of those that had passed.

    The months that lay behind when the plan was begun, and hold nothing, are left out: January up to that last one.
    """
    together = [item for item in items if item.scope == PlanItem.Scope.COLLECTIVE]
    first = min((sitting.ends_on.month for sitting in asked), default=13)
    months: list[dict[str, Any]] = [
        {
            "number": month, "year": year, "asked": month >= first,
            "items": [_shown(i, clarity) for i in together if i.starts_on.month == month],
            "remarks": [r for r in clarity.remarks if r.month == month and r.item is None],
        }
        for month in range(1, 13)
    ]  # fmt: skip
    passed = 0
    while passed < 12 and not any(months[passed][name] for name in ("asked", "items", "remarks")):
        passed += 1
    return months[passed:], passed


def _shown(item: PlanItem, clarity: Clarity) -> dict[str, Any]:
    return {
        "item": item,
        "kinds": "、".join(Kind(kind).label for kind in item.kinds),
        "lacking": [remark.lacks for remark in clarity.remarks if remark.item == item.pk],
    }


def _turns(clarity: Clarity, roster: list[Member], items: list[PlanItem]) -> list[tuple[str, int]]:
    """How often each person is responsible, most often first; who has no turn yet is counted too."""
    names = {item.responsible_id: item.responsible.name for item in items if item.responsible}
    names |= {member.pk: member.name for member in roster}
    turns = [(name, clarity.shares.get(pk, 0)) for pk, name in names.items() if pk is not None]
    return sorted(turns, key=lambda turn: -turn[1])


def _words(record: BranchPlan, missing: list[str]) -> list[str]:
    if not missing:
        return []
    return [f"{len(missing)}条未填全"] if record.items.all() else ["学习条目"]


def _sent_back(filing: Filing) -> Any:
    if filing.state != State.SENT_BACK:
        return None
    return filing.moves.filter(to_state=State.SENT_BACK).select_related("made_by__member").last()


# Beginning


@require_POST
def branch_plan_begin(request: PortalRequest) -> HttpResponse:
    """A new plan of the year, empty or as a first draft; where there is one already, that one."""
    access = request.access
    number = request.POST.get("branch", "")
    wanted = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else access.led_branch_id
    branch = Branch.objects.visible_to(access).select_related("committee").filter(pk=wanted or 0).first()
    if branch is None:
        raise Http404
    if branch.pk not in access.leads:
        raise PermissionDenied("学习计划由本支部的支委会成员制定。")
    plan = Plan.objects.asking(branch.committee_id, access.on.year, access.on)
    if plan is None:
        messages.info(request, "本年度实施方案还没有下发，下发后即可制定学习计划。")
        return redirect(_page_of(branch))
    drafted = request.POST.get("draft") == "1"
    if _of_year(branch, plan.year) is None:
        try:
            with audit.act(access, audit.Kind.WRITE, "起草支部年度学习计划") as entry:
                entry.about = _begin(branch, plan, access, drafted=drafted).filing
        except IntegrityError:
            # Two clicks at once: the constraint let one in, and its plan answers for both.
            if _of_year(branch, plan.year) is None:
                raise
        else:
            words = "已按实施方案起草，请逐条核对修改。" if drafted else "已建立学习计划，请逐条添加。"
            messages.success(request, words)
    return redirect(_page_of(branch))


def _page_of(branch: Branch) -> str:
    return f"{reverse('study:branch_plan')}?branch={branch.pk}"


def _begin(branch: Branch, plan: Plan, access: Access, *, drafted: bool) -> BranchPlan:
    # A draft that was discarded makes room: its filing stays in the log, its items have no use.
    BranchPlan.objects.filter(branch=branch, plan=plan, filing__state=State.DISCARDED).delete()
    arrival = plan.requirements.filter(code="S12").first()
    filing = moves.begin(
        kind=Filing.Kind.BRANCH_PLAN, access=access, title=f"{branch.name}{plan.year}年度学习计划", year=plan.year,
        branch=branch, desk=Filing.Desk.OFFICE, handling=arrival.handling if arrival else "inform",
    )  # fmt: skip
    record = BranchPlan.objects.create(filing=filing, branch=branch, plan=plan)
    duties = Duty.objects.of_branch([branch.pk]).filter(
        year=plan.year, requirement__proof="branch_plan", exempted_at__isnull=True
    )
    moves.claim(filing, set(duties.values_list("pk", flat=True)), access.now)
    if drafted:
        readings = list(plan.readings.all())
        record.outline = first_outline([reading.title for reading in readings])
        record.save(update_fields=["outline"])
        _draft(record, readings, access.on)
    return record


def _draft(record: BranchPlan, readings: list[Reading], day: date) -> None:
    """The first draft's items, and what each of them cites; two statements for all of them."""
    by_title = {reading.title: reading for reading in readings}
    entries = draft_for(record.branch, record.plan, day)
    items = PlanItem.objects.bulk_create(
        PlanItem(
            plan=record, scope=e.scope, kind=e.kinds[0], with_kinds=list(e.kinds[1:]), topic=e.topic,
            content=e.content, starts_on=e.starts_on, ends_on=e.ends_on, hours=e.hours,
            responsible_id=e.responsible_id, method=e.method, rhythm=e.rhythm,
        )
        for e in entries
    )  # fmt: skip
    cites = PlanItem.readings.through
    cites.objects.bulk_create(
        cites(planitem=item, reading=by_title[title])
        for item, entry in zip(items, entries, strict=True)
        for title in entry.readings
    )


# Editing


def branch_plan_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """Keep the outline, or file the plan with the office."""
    access = request.access
    record = _seen(access, pk)
    if away := _away(request, record):
        return away
    if request.method != "POST":
        return _page(request, record)
    form = OutlineForm(request.POST)
    if not form.is_valid():
        return _page(request, record, form, status=422)
    outline, reason = form.cleaned_data["outline"], form.cleaned_data["late_reason"]
    filing = record.filing
    action = request.POST.get("action")
    if action == "file" and not moves.is_author(access, filing):
        raise PermissionDenied("学习计划由支部书记或副书记报送。")
    try:
        with audit.act(access, audit.Kind.WRITE, "修改支部年度学习计划", filing):
            if outline != record.outline or action != "file":
                _take(filing, form.cleaned_data["edition"])
                BranchPlan.objects.filter(pk=record.pk).update(outline=outline)
            elif form.cleaned_data["edition"] != filing.edition:
                raise LostUpdate
    except LostUpdate:
        return _lost_outline(request, record, form)
    record = _seen(access, pk)
    if action != "file":
        messages.success(request, "已保存修改，还没有再次报送。" if filing.first_filed_at else "已存草稿。")
        return redirect("study:branch_plan_edit", pk=pk)
    try:
        filed = moves.move(
            record.filing, "file", access=access, late_reason=reason, expected_edition=record.filing.edition
        )
    except moves.NotAllowed as error:
        raise PermissionDenied(error.sentences[0]) from None
    except moves.AlreadyMoved as error:
        messages.info(request, error.sentences[0])
        return redirect(record.filing)
    except moves.MoveRefused as error:
        form = OutlineForm({"outline": outline, "late_reason": reason, "edition": record.filing.edition})
        form.is_valid()
        for sentence in error.sentences:
            form.add_error("late_reason" if "补报原因" in sentence else None, sentence)
        return _page(request, record, form, status=422)
    late = "，注明“补报”" if filed.is_late else ""
    messages.success(request, f"已于 {cn_moment(filed.filed_at, access.now)} 报送，回执号 {filed.receipt}{late}。")
    return redirect(filed)


def _lost_outline(request: PortalRequest, record: BranchPlan, form: OutlineForm) -> HttpResponse:
    record = _seen(request.access, record.pk)
    if away := _away(request, record):
        return away
    data = request.POST.copy()
    data["edition"] = str(record.filing.edition)
    form = OutlineForm(data)
    form.is_valid()
    form.add_error(None, LOST)
    return _page(request, record, form, status=409, theirs=record.outline)


def _seen(access: Access, pk: int) -> BranchPlan:
    rows = BranchPlan.objects.filter(filing__in=Filing.objects.visible_to(access)).select_related(
        "filing__committee", "filing__branch__committee", "branch__committee", "plan"
    )
    record = get_object_or_404(rows, pk=pk)
    if record.branch_id not in access.leads:
        raise PermissionDenied("学习计划由本支部的支委会成员制定，您可以查看，不能修改。")
    return record


def _away(request: PortalRequest, record: BranchPlan) -> HttpResponse | None:
    """Where to go when the plan can not be changed now: to its filing, which says why."""
    if moves.may_edit(request.access, record.filing):
        return None
    filing = record.filing
    if filing.filed_at:
        moment = cn_moment(filing.filed_at, request.now)
        sentence = f"这份计划已于 {moment} 报送，回执号 {filing.receipt}，现在不能修改。"
    else:
        sentence = f"这份计划现在是“{filing.get_state_display()}”，不能修改。"
    messages.info(request, sentence)
    return redirect(filing)


def _take(filing: Filing, edition: int) -> None:
    """Take the next edition of the filing, if nobody took it since the page was opened; else LostUpdate."""
    taken = Filing.objects.filter(pk=filing.pk, edition=edition, state__in=[State.DRAFT, State.SENT_BACK])
    if taken.update(edition=F("edition") + 1) != 1:
        raise LostUpdate


class PlanItemForm(PortalModelForm):
    """One session: what, when and how long, who, and in which way; what is still open may be left empty."""

    with_kinds = forms.MultipleChoiceField(
        label="同日一并开展", choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    hours = forms.DecimalField(
        label="学时", min_value=Decimal("0.5"), max_value=Decimal(999), decimal_places=1, required=False,
        help_text="以小时计，可填半小时，如2.5。",
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_decimal_places"), "学时填0.5到999之间的数，最多一位小数。"
        ),
    )  # fmt: skip
    edition = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    class Meta:
        model = PlanItem
        fields = (
            "scope", "kind", "with_kinds", "topic", "content", "readings", "starts_on", "ends_on", "hours",
            "responsible", "method", "place",
        )  # fmt: skip
        widgets = {
            "content": forms.Textarea(attrs={"rows": 3}),
            "readings": forms.CheckboxSelectMultiple,
            "starts_on": forms.DateInput,
            "ends_on": forms.DateInput,
        }
        help_texts = {
            "ends_on": "当天学完的，与开始日期相同。",
            "responsible": "每次学习确定1名责任人，负责资料准备、学习组织和总结。",
        }

    def __init__(self, *args: Any, record: BranchPlan, day: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record = record
        self.fields["readings"].queryset = record.plan.readings.all()  # type: ignore[attr-defined]
        people = record.branch.roster(day)
        if self.instance.responsible_id:
            people = (people | Member.objects.filter(pk=self.instance.responsible_id)).distinct()
        self.fields["responsible"].queryset = people  # type: ignore[attr-defined]
        self.fields["responsible"].empty_label = "尚未确定"  # type: ignore[attr-defined]
        self.fields["edition"].initial = record.filing.edition

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        first, last, year = found.get("starts_on"), found.get("ends_on"), self.record.plan.year
        if first and last and last < first:
            self.add_error("ends_on", "截止日期早于开始日期，请核对。")
        for name in ("starts_on", "ends_on"):
            if found.get(name) and found[name].year != year:
                self.add_error(name, f"请填写{year}年内的日期。")
        if "with_kinds" in found:
            found["with_kinds"] = [kind for kind in found["with_kinds"] if kind != found.get("kind")]
        return found


def plan_item_new(request: PortalRequest, pk: int) -> HttpResponse:
    record = _seen(request.access, pk)
    item = PlanItem(plan=record)
    month = request.GET.get("month", "")
    initial: dict[str, Any] = {}
    if month.isascii() and month.isdecimal() and len(month) < 3 and 1 <= int(month) <= 12:
        initial = {"starts_on": date(record.plan.year, int(month), 1), "ends_on": date(record.plan.year, int(month), 1)}
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
    item.plan = _seen(access, item.plan_id)
    return item


def _item(request: PortalRequest, record: BranchPlan, item: PlanItem, initial: dict[str, Any]) -> HttpResponse:
    """Show the item's form, or keep what it says."""
    if away := _away(request, record):
        return away
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
            _take(record.filing, form.cleaned_data["edition"])
            form.save()
    except LostUpdate:
        return _lost_item(request, record, item, form)
    messages.success(request, f"已保存“{form.instance.topic}”。")
    return redirect(f"{_page_of(record.branch)}#month-{form.instance.starts_on.month}")


def _lost_item(request: PortalRequest, record: BranchPlan, item: PlanItem, form: PlanItemForm) -> HttpResponse:
    """Somebody was quicker: the same sent twice counts once; anything else is shown beside what is kept."""
    record = _seen(request.access, record.pk)
    if away := _away(request, record):
        return away
    facts = form.cleaned_data
    same = PlanItem.objects.filter(
        plan=record, topic=facts["topic"], starts_on=facts["starts_on"], ends_on=facts["ends_on"], kind=facts["kind"],
        scope=facts["scope"], content=facts["content"], responsible=facts["responsible"], hours=facts["hours"],
        method=facts["method"], place=facts["place"],
    )  # fmt: skip
    if (same.filter(pk=item.pk) if item.pk else same).exists():
        return redirect(_page_of(record.branch))
    kept = PlanItem.objects.filter(pk=item.pk).select_related("responsible").first() if item.pk else None
    if item.pk and kept is None:
        messages.info(request, "这条安排已被别人删去，您的修改没有保存。")
        return redirect(_page_of(record.branch))
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
    context["plan_url"] = _page_of(form.record.branch)
    return render(request, "study/plan_item_form.html", context, status=status)


@require_POST
def plan_item_remove(request: PortalRequest, pk: int) -> HttpResponse:
    """Take an item out of the plan; records of what was held keep, without the item."""
    access = request.access
    item = PlanItem.objects.filter(pk=pk, plan__filing__in=Filing.objects.visible_to(access)).first()
    if item is None:
        raise Http404
    record = _seen(access, item.plan_id)
    if away := _away(request, record):
        return away
    with audit.act(access, audit.Kind.WRITE, "删去学习安排", record.filing):
        open_still = Filing.objects.filter(pk=record.filing_id, state__in=[State.DRAFT, State.SENT_BACK])
        if open_still.update(edition=F("edition") + 1) == 1:
            PlanItem.objects.filter(pk=pk).delete()
    messages.success(request, f"已删去“{item.topic}”。")
    return redirect(f"{_page_of(record.branch)}#month-{item.starts_on.month}")
