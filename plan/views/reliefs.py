"""Exemptions and extensions on their pages: asked with a preview, listed, decided by two, ended."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Case, Value, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from branches import sudo
from branches.access import Access
from branches.models import Branch, Committee
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment, day_words, due_by, last_day
from plan import reliefs
from plan.cadence import days_label
from plan.document import DocumentErrors
from plan.models import Duty, Plan, Relief
from plan.relief_forms import AskForm, MoveForm, ReliefFilter, askable, months_span
from plan.relieved import WAITING, counted, grouped, owing, touched
from plan.views.plans import own_committee

PER_PAGE = 50
MOST_GROUPS = 60
SUMMER = ((7, 15), (8, 25))
COLUMNS = [("申请", "head"), ("党支部", "text"), ("涉及", "text"), ("提出", "short"), ("状态", "short")]
GROUP_COLUMNS = [("要求", "head"), ("时段", "text"), ("原期限", "short"), ("支部", "number"), ("任务", "number")]
TONES = {Relief.State.GRANTED: "done", Relief.State.REFUSED: "late", Relief.State.ENDED: "soon"}


# Asked


def relief_new(request: PortalRequest) -> HttpResponse:
    """What is asked for, what it would touch, and only then sent."""
    access = request.access
    duty = _duty(request)
    if duty is not None and duty.branch_id in access.files_for:
        form = _form_of_branch(request, duty.branch, duty)
    elif access.office_of:
        form = _form_of_office(request, duty)
    elif duty is not None:
        raise PermissionDenied
    else:
        branch = Branch.objects.select_related("committee").get(pk=access.led_branch_id or 0)
        form = _form_of_branch(request, branch, None)
    found: dict[str, Any] = {}
    if form.is_bound and form.is_valid():
        counts = counted(form.touches())
        seen = form.digest(counts["duties"])
        if request.POST.get("action") == "send" and request.POST.get("seen") == seen:
            key = form.cleaned_data["form_key"] or uuid.uuid4().hex
            try:
                relief = reliefs.ask(
                    form.asking, access=access, committee=form.committee, branch=form.for_branch, form_key=key
                )
            except reliefs.NotYours as error:
                raise PermissionDenied(str(error)) from None
            messages.success(request, _asked_words(relief))
            return redirect(relief)
        data = request.POST.copy()
        data["seen"] = seen
        form.data = data
        found = {"counts": counts, **_groups(form.touches(), request), "left_out": _left_out(form)}
    vacation = form.of_office and form.duty is None and bool(request.GET.get("vacation"))
    asking = "免除或延期" if form.of_office else "申请免除或延期"
    context = {
        "heading": "设定假期" if vacation else asking,
        "form": form, "duty": form.duty, "of_office": form.of_office, "branch": form.own, "year": form.year,
        "nothing": form.duty is None and not form.fields["codes"].choices,  # type: ignore[attr-defined]
        **found,
    }  # fmt: skip
    return render(request, "plan/relief_form.html", context, status=200 if found or not form.is_bound else 422)


def _duty(request: PortalRequest) -> Duty | None:
    asked = request.GET.get("duty", "")
    if not asked:
        return None
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else 0
    duties = Duty.objects.visible_to(request.access).filter(branch__isnull=False, occasion__isnull=True)
    return get_object_or_404(
        duties.select_related("requirement", "branch__committee", "member", "committee"), pk=number
    )


def _form_of_branch(request: PortalRequest, branch: Any, duty: Duty | None) -> AskForm:
    access = request.access
    plan = None
    committee, year = branch.committee, access.on.year
    if duty is not None:
        committee, year = duty.committee, duty.year
    elif plan := Plan.objects.asking(branch.committee_id, year, access.on):
        committee = plan.committee
    initial = {"form_key": uuid.uuid4().hex, "kind": request.GET.get("kind") or Relief.Kind.EXTEND}
    return AskForm(
        request.POST if request.method == "POST" else None, committee=committee, plan=plan, year=year, branch=branch,
        duty=duty, initial=initial,
    )  # fmt: skip


def _form_of_office(request: PortalRequest, duty: Duty | None) -> AskForm:
    """The office's own: a vacation, or more time for all; from a duty's page that requirement is ticked already."""
    access = request.access
    own = own_committee(access)
    year = access.on.year
    plan = Plan.objects.in_force(own.pk, year)
    initial: dict[str, Any] = {"form_key": uuid.uuid4().hex, "kind": Relief.Kind.EXTEND}
    if duty is not None:
        day = last_day(duty.due_at)
        initial |= {"codes": [duty.code], "branch": duty.branch, "from_on": day, "until_on": day}
    elif request.GET.get("vacation"):
        initial |= _vacation(plan, year)
    branches = Branch.objects.visible_to(access).filter(committee__in=Committee.objects.under(own.pk).values("pk"))
    return AskForm(
        request.POST if request.method == "POST" else None, committee=own, plan=plan, year=year,
        branches=branches.existing_on(access.on).order_by("code", "pk"), initial=initial,
    )  # fmt: skip


def _vacation(plan: Plan | None, year: int) -> dict[str, Any]:
    """What a vacation usually is: the months that the plan names, or the summer; what comes every week or month."""
    first, last = (date(year, *day) for day in SUMMER)
    try:
        months = plan.document.settings.vacation_months if plan else ()
    except DocumentErrors:
        months = ()
    if months:
        first, last = months_span(year, months)
    known = {code for code, _ in askable(plan)}
    every = [one.code for one in plan.requirements.all() if "every" in one.spec.cadence] if plan else []
    return {
        "name": "寒假" if first.month < 5 else "暑假", "kind": Relief.Kind.EXEMPT, "from_on": first, "until_on": last,
        "codes": [code for code in every if code in known], "reason": f"{days_label(first, last)}放假。",
    }  # fmt: skip


def _asked_words(relief: Relief) -> str:
    if relief.state == Relief.State.SECONDED:
        return "已提出，等待办公室另一人复核；复核同意后立即生效。"
    if reliefs.of_office(relief):
        return "已提出，还没有生效。办公室今天只有您一人，请核对后点“同意”，并再次输入密码。"
    return "已报机关党委办公室审批。批准以前，任务的期限不变。"


def _left_out(form: AskForm) -> str:
    settled, waived = form.left_out
    parts = [f"已办结{settled}项"] * bool(settled) + [f"已免除{waived}项"] * bool(waived)
    later = owing(form.every(), None).count() - form.touches().count()
    parts += [f"原期限更晚的{later}项"] * bool(later)
    return f"另有{'、'.join(parts)}，不在其中。" if parts else ""


def _groups(duties: Any, request: PortalRequest, due: str = "原期限") -> dict[str, Any]:
    """The first rows of what is touched, with the deadlines as they stand, and how many more there are."""
    rows = list(grouped(duties)[: MOST_GROUPS + 1])
    lines = []
    for row in rows[:MOST_GROUPS]:
        title = f"{row['code']} {row['requirement__title']}"
        head: Any = {"text": title, "url": reverse("plan:duty_detail", args=[row["first"]])} if row["n"] == 1 else title
        lines.append(
            {"cells": [head, row["period"], due_by(row["due_at"], request.now), row["branches"], row["n"]]}
        )  # fmt: skip
    columns = [{"label": due if label == "原期限" else label, "kind": kind} for label, kind in GROUP_COLUMNS]
    return {"groups": lines, "group_columns": columns, "has_more": len(rows) > MOST_GROUPS}


# Listed


def relief_list(request: PortalRequest) -> HttpResponse:
    """All that the person may see, what waits first, then the newest."""
    access = request.access
    several = bool(access.sees_committees)
    form = ReliefFilter(request.GET, several=several)
    form.is_valid()
    given = form.cleaned_data
    found = Relief.objects.visible_to(access).select_related("branch", "committee")
    if given.get("state"):
        found = found.filter(state=given["state"])
    if given.get("kind"):
        found = found.filter(kind=given["kind"])
    if given.get("q"):
        found = found.filter(branch__name__icontains=given["q"])
    waits = Case(When(state__in=WAITING, then=Value(0)), default=Value(1))
    page = Paginator(found.alias(waits=waits).order_by("waits", "-asked_at", "-pk"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    asked = bool(request.GET.get("state") or request.GET.get("kind") or request.GET.get("q"))
    context = {
        "form": form, "page": page, "rows": [{"cells": _relief_cells(relief, request)} for relief in page],
        "columns": [{"label": label, "kind": kind} for label, kind in COLUMNS],
        "waiting": reliefs.waiting_for(access).count(), "may_ask": bool(access.files_for or access.office_of),
        "is_office": bool(access.office_of), "asked": asked, "reset_url": request.path if asked else "",
    }  # fmt: skip
    return render(request, "plan/relief_list.html", context)


def _relief_cells(relief: Relief, request: PortalRequest) -> list[Any]:
    what = "、".join(relief.codes[:6]) + (f"等{len(relief.codes)}项要求" if len(relief.codes) > 6 else "")
    what = what or "单项任务"
    return [
        {"text": f"{relief}" if relief.name else relief.get_kind_display(), "url": relief.get_absolute_url()},
        relief.branch.name if relief.branch else "全部党支部",
        f"{what}，{days_label(relief.from_on, relief.until_on)}",
        cn_moment(relief.asked_at, request.now),
        relief.get_state_display(),
    ]


# One, and its decision


def relief_detail(request: PortalRequest, pk: int) -> HttpResponse:
    return _detail(request, _relief(request, pk))


def _relief(request: PortalRequest, pk: int) -> Relief:
    found = Relief.objects.visible_to(request.access).select_related(
        "branch", "committee", "asked_by__member", "first_by__member", "decided_by__member", "ended_by__member"
    )
    return get_object_or_404(found, pk=pk)


def _detail(request: PortalRequest, relief: Relief, form: MoveForm | None = None) -> HttpResponse:
    access = request.access
    desk = reliefs.Desk.of(relief, access.on)
    allowed = reliefs.allowed(access, relief, desk)
    duties = touched(relief).filter(pk__in=Duty.objects.visible_to(access).values("pk"))
    # What was done to the deadlines shows in them: they are no longer the old ones.
    applied = bool(relief.decided_at) and relief.state in (Relief.State.GRANTED, Relief.State.ENDED)
    context = {
        "relief": relief, "facts": _facts(relief, request), "course": _course(relief),
        "counts": counted(duties), **_groups(duties, request, "现在的期限" if applied else "原期限"),
        "moves": [(name, _label(relief, name)) for name in allowed], "form": form or MoveForm(),
        "needs_note": "、".join(reliefs.MOVES[name].label for name in allowed if reliefs.MOVES[name].needs_note),
        "waits": _waits(access, relief, desk, allowed), "tone": TONES.get(Relief.State(relief.state), "plain"),
        "applied": applied,
    }  # fmt: skip
    return render(request, "plan/relief_detail.html", context, status=422 if form else 200)


def _label(relief: Relief, name: str) -> str:
    if name == "grant" and relief.state == Relief.State.SECONDED:
        return "复核同意，立即生效"
    return "同意，立即生效" if name == "grant" else reliefs.MOVES[name].label


def _facts(relief: Relief, request: PortalRequest) -> list[tuple[str, str]]:
    what = "、".join(relief.codes) if relief.codes else "单项任务"
    facts = [
        ("种类", relief.get_kind_display()),
        ("哪个支部", relief.branch.name if relief.branch else f"{relief.committee.name}的全部党支部"),
        ("哪些要求", what), ("期限在", days_label(relief.from_on, relief.until_on)),
    ]  # fmt: skip
    if relief.due_on:
        facts.append(("延期至", f"{day_words(relief.due_on, request.access.on)}24:00前"))
    return [*facts, ("理由", relief.reason)]


def _course(relief: Relief) -> list[dict[str, Any]]:
    """Who did what to it, the newest first."""
    steps: list[tuple[Any, ...]] = [
        (relief.asked_at, relief.asked_by, "提出" if reliefs.of_office(relief) else "申请", "", "")
    ]
    if relief.first_at and relief.first_by_id != relief.asked_by_id:
        steps.append((relief.first_at, relief.first_by, "初审同意", "", ""))
    if relief.decided_at:
        refused = relief.state == Relief.State.REFUSED
        word = "不同意" if refused else "复核同意，生效" if relief.first_at else "同意，生效"
        steps.append((relief.decided_at, relief.decided_by, word, relief.note, "late" if refused else "done"))
    if relief.ended_at:
        steps.append((relief.ended_at, relief.ended_by, "终止", "", "soon"))
    return [
        {"at": at, "by": by.member.name if by else "", "text": text, "note": note, "tone": tone}
        for at, by, text, note, tone in reversed(steps)
    ]


def _waits(access: Access, relief: Relief, desk: reliefs.Desk, allowed: list[str]) -> str:
    """For whom it waits, in one sentence; empty where it is decided."""
    if relief.state not in WAITING:
        return ""
    if "grant" in allowed and reliefs.needs_password(access, relief, desk):
        return "办公室今天只有您一人，没有第二人复核：同意时须再次输入密码，并记入审计日志。"
    if not desk.others(relief):
        return "办公室今天没有可以审批的人：提出申请的人、本支部的书记和副书记都不能审批。请先登记办公室的任职。"
    if desk.alone(relief) and not reliefs.of_office(relief):
        return "办公室今天只有一人可以审批，由支部申请、办公室同意，即为两人。"
    if relief.state == Relief.State.SECONDED:
        first = relief.first_by.member.name if relief.first_by else ""
        return f"{first}已同意，等待办公室另一人复核。复核同意后立即生效。"
    return "须由办公室两人先后同意。批准以前，任务的期限不变。"


@require_POST
def relief_move(request: PortalRequest, pk: int) -> HttpResponse:
    """One of the buttons; where the password is asked for first, the page comes back for the same click."""
    relief = _relief(request, pk)
    form = MoveForm(request.POST)
    if form.data.get("name") not in reliefs.MOVES:
        raise BadRequest
    if not form.is_valid():
        return _detail(request, relief, form)
    try:
        relief = reliefs.move(
            relief, form.cleaned_data["name"], access=request.access, note=form.cleaned_data["note"],
            sure=sudo.is_fresh(request),
        )  # fmt: skip
    except reliefs.PasswordNeeded:
        return redirect(f"{reverse('branches:sudo')}?{urlencode({'next': relief.get_absolute_url()})}")
    except reliefs.NotYours as error:
        raise PermissionDenied(str(error)) from None
    except reliefs.AlreadyDecided as error:
        messages.info(request, str(error))
        return redirect(relief)
    except reliefs.ReliefRefused as error:
        form.add_error("note" if "原因" in str(error) else None, str(error))
        return _detail(request, relief, form)
    messages.success(request, _done_words(relief))
    return redirect(relief)


def _done_words(relief: Relief) -> str:
    state = Relief.State(relief.state)
    count = relief.changes.count() if state == Relief.State.GRANTED else 0
    what = "已免除" if relief.kind == Relief.Kind.EXEMPT else "的期限已延后"
    return {
        Relief.State.SECONDED: "已同意，等待办公室另一人复核。",
        Relief.State.GRANTED: f"已同意，{count}项任务{what}。",
        Relief.State.REFUSED: "已退回，没有同意。",
        Relief.State.WITHDRAWN: "已撤回。",
        Relief.State.ENDED: "已终止。还没有到期的任务恢复原来的要求。",
    }[state]
