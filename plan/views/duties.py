"""What is owed: a requirement with everyone who owes it, and the single duty with the one button that settles it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from branches.access import Access
from branches.models import Branch, Committee
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment, days_late, due_by, standing_words
from plan import reminders
from plan.calendars import calendar_for
from plan.document import Document, DocumentErrors, RequirementSpec
from plan.models import OPEN, Duty, DutyChange, Filing, Plan, Relief, Requirement, Standing
from plan.relieved import about
from plan.settling import may_settle, settle_url, settled_how
from plan.wording import owners_words, proof_words, receiver_words, told

PER_PAGE = 50


class MomentForm(forms.Form):
    """As of which moment a page is asked; what no calendar or database holds is taken for now."""

    at = forms.DateTimeField(
        label="截至", required=False, error_messages={"invalid": "请写成 2018-07-12 00:00 这样的时间。"},
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip

    def clean_at(self) -> datetime | None:
        at = self.cleaned_data["at"]
        if at and not 1990 <= at.year <= 2100:
            raise forms.ValidationError("请填写1990年至2100年之间的时间。")
        return at


class StandingFilter(MomentForm):
    """Conditions of a requirement's duties: whose, how they stand, and as of which moment."""

    field_order = ["branch", "standing", "at"]

    branch = forms.ModelChoiceField(Branch.objects.none(), label="党支部", required=False, empty_label="全部党支部")
    standing = forms.ChoiceField(
        label="状态", choices=[("", "全部状态"), *[(s.value, s.label) for s in Standing]], required=False
    )


def requirement_detail(request: PortalRequest, pk: int) -> HttpResponse:
    access = request.access
    plans = Plan.objects.visible_to(access)
    requirement = get_object_or_404(Requirement.objects.filter(plan__in=plans).select_related("plan"), pk=pk)
    below = Committee.objects.under(requirement.plan.committee_id).values("pk")
    branches = Branch.objects.visible_to(access).filter(committee__in=below).order_by("code", "pk")
    form = StandingFilter(request.GET)
    form.fields["branch"].queryset = branches  # type: ignore[attr-defined]
    form.is_valid()
    given = form.cleaned_data
    at = given.get("at") or request.now
    duties: Any = Duty.objects.visible_to(access).filter(requirement=requirement).with_standing(at)
    if given.get("branch"):
        duties = duties.filter(branch=given["branch"])
    totals = _totals(duties)
    if given.get("standing"):
        duties = duties.filter(standing=given["standing"])
    duties = duties.select_related("branch", "member", "committee").order_by(
        "branch__code", "starts_on", "member__name_key", "pk"
    )
    page = Paginator(duties, PER_PAGE).get_page(request.GET.get("page"))
    document = _document_or_none(requirement.plan)
    context = {
        "requirement": requirement, "plan": requirement.plan, "form": form, "page": page, "at": at,
        "facts": _asked_facts(requirement, document),
        "by_itself": _by_itself(requirement.spec), "totals": totals,
        "rows": [{"cells": _duty_cells(duty, at)} for duty in page],
        "columns": [{"label": label, "kind": kind} for label, kind in DUTY_COLUMNS],
        "as_of": f"截至 {cn_moment(at, request.now)}", "reset_url": request.path if request.GET else "",
    }  # fmt: skip
    return render(request, "plan/requirement_detail.html", context)


DUTY_COLUMNS = [("谁来做", "head"), ("时段", "text"), ("期限", "short"), ("状态", "short")]


def _document_or_none(plan: Plan) -> Document | None:
    try:
        return plan.document
    except DocumentErrors:
        return None


def _asked_facts(requirement: Requirement, document: Document | None) -> list[tuple[str, str]]:
    """Who, when and by what; without the days where the issued document no longer reads."""
    spec, words = requirement.spec, {}
    if document:
        calendar = calendar_for(requirement.plan, document.settings)
        words = told(spec, document.year, document.settings, calendar)
    facts = [("谁来做", owners_words(spec)), ("多久一次", words.get("often", "")), ("最迟", words.get("due", "")),
             ("用什么证明", proof_words(spec)), ("报给谁", receiver_words(spec))]  # fmt: skip
    return [(label, value) for label, value in facts if value]


def _by_itself(spec: RequirementSpec) -> str:
    if spec.of_lines:
        return "每周的学习内容写在个人自学计划里，逐周查看完成情况，不另列任务。"
    if spec.per_event and spec.event == "pledge":
        return "承诺审定后，随每份承诺列出任务，没有按日期列出的任务。"
    return ""


def _totals(duties: Any) -> str:
    """How the duties stand, in one sentence: 共14项：逾期2项，待办4项，已备案8项（其中补报1项）。"""
    counts = duties.order_by().values("standing").annotate(n=Count("pk"), late=Count("pk", filter=Q(was_late=True)))
    found = {row["standing"]: row for row in counts}
    total, late = (sum(row[key] for row in found.values()) for key in ("n", "late"))
    if not total:
        return "还没有任务。"
    order = (Standing.OVERDUE, Standing.SENT_BACK, Standing.TODO, Standing.NOT_DUE, Standing.FILED, Standing.RECEIVED,
             Standing.APPROVED, Standing.KEPT, Standing.WAIVED)  # fmt: skip
    parts = "，".join(f"{standing_words(code)}{found[code]['n']}项" for code in order if code in found)
    return f"共{total}项：{parts}" + (f"；其中补报{late}项。" if late else "。")


def _duty_cells(duty: Any, at: datetime) -> list[Any]:
    owner = str(duty.owner)
    if duty.member:
        owner += f"（{duty.branch}）"
    words = f"逾期{days_late(duty.due_then, at)}天" if duty.standing == Standing.OVERDUE else ""
    return [
        {"text": owner, "url": duty.get_absolute_url()},
        duty.period,
        due_by(duty.due_then, at),
        {"standing": duty.standing, "text": words, "late": duty.was_late},
    ]


def duty_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """The duty as it stands now, with the button that settles it; or as it stood at another moment, without."""
    access, now = request.access, request.now
    form = MomentForm(request.GET)
    form.is_valid()
    asked: datetime | None = form.cleaned_data.get("at")
    at = asked or now
    related = ("requirement__plan", "branch", "member", "committee", "settled_by", "exempted_by__member", "occasion")
    visible = Duty.objects.visible_to(access).select_related(*related)
    duty: Any = visible.with_standing(at).with_draft(at).filter(pk=pk).first()
    if duty is None:
        duty = get_object_or_404(visible, pk=pk)  # there now, but not yet at the moment asked about
    filings = (
        Filing.objects.visible_to(access)
        .filter(Q(claim_rows__duty=duty) | Q(settles=duty))
        .distinct()
        .order_by("-state_since", "-pk")
    )
    page = Paginator(filings, PER_PAGE).get_page(request.GET.get("page"))
    standing = getattr(duty, "standing", None)
    action = settle_url(duty) if standing and not asked and may_settle(access, duty) else None
    is_open = standing in OPEN and standing != Standing.SENT_BACK
    context = {
        "duty": duty, "requirement": duty.requirement, "plan": duty.requirement.plan, "page": page,
        "form": form, "as_of": cn_moment(asked, now) if asked else "", "standing": standing,
        "rows": [{"cells": _filing_cells(filing, duty, now)} for filing in page],
        "columns": [{"label": label, "kind": kind} for label, kind in FILING_COLUMNS],
        "action": action, "how": settled_how(duty) if is_open and not action and not asked else "",
        "is_open": is_open, "at": at,
        "days": days_late(duty.due_then, at) if standing == Standing.OVERDUE else 0,
        "facts": _duty_facts(duty, at, now) if standing else [],
        "opened": cn_moment(duty.opened_at, now),
        "change_rows": [{"cells": cells} for cells in _changes(access, duty, at, now)],
        "change_columns": [{"label": label, "kind": kind} for label, kind in CHANGE_COLUMNS],
        "proof": proof_words(duty.requirement.spec),
        "reliefs": {} if asked else about(duty, access),
        "reminders": _spoken(access, duty) if not asked else [],
    }  # fmt: skip
    return render(request, "plan/duty_detail.html", context)


def _spoken(access: Access, duty: Duty) -> list[reminders.Past]:
    """What was and will be said of the duty; told to those who see to it: the office, and the branch's leaders."""
    if duty.branch_id not in access.leads and duty.committee_id not in access.office_of:
        return []
    return reminders.history(duty) + reminders.upcoming(duty, access.now)


CHANGE_COLUMNS = [("时间", "short"), ("变更", "head"), ("原因", "text"), ("办理人", "short")]


def _changes(access: Access, duty: Duty, at: datetime, now: datetime) -> list[list[Any]]:
    """What the duty's dates and its exemption went through by the moment: when, from what to what, why, by whom."""
    if duty.changed_at is None:
        return []
    seen = set(Relief.objects.visible_to(access).filter(changes__duty=duty).values_list("pk", flat=True))
    rows = duty.changes.filter(changed_at__lte=at).select_related("changed_by__member", "relief").order_by("-pk")
    return [
        [
            cn_moment(row.changed_at, now),
            changed_words(row, at),
            {"text": row.why, "url": row.relief.get_absolute_url()}
            if row.relief_id in seen and row.relief
            else row.why,
            row.changed_by.member.name if row.changed_by else "",
        ]
        for row in rows
    ]


def changed_words(row: DutyChange, at: datetime) -> str:
    """期限 7月11日前 → 7月20日前；免除 — only what is another one than before."""
    said = []
    if row.due_before != row.due_after:
        said.append(f"最迟 {due_by(row.due_before, at)} → {due_by(row.due_after, at)}")
    elif row.late_before != row.late_after:
        said.append(f"逾期起算 {cn_moment(row.late_before, at)} → {cn_moment(row.late_after, at)}")
    if row.exempted_before != row.exempted_after:
        said.append("免除" if row.exempted_after else "不再免除")
    return "；".join(said)


FILING_COLUMNS = [("报送件", "head"), ("报给", "text"), ("报送时间", "short"), ("回执号", "short"), ("状态", "short")]


def _filing_cells(filing: Filing, duty: Duty, now: datetime) -> list[Any]:
    return [
        {"text": filing.title, "url": filing.get_absolute_url()},
        filing.get_desk_display(),
        cn_moment(filing.filed_at, now),
        filing.receipt or "",
        {"standing": filing.state, "text": "", "late": filing.is_late},
    ]


def _duty_facts(duty: Any, at: datetime, now: datetime) -> list[tuple[str, str]]:
    """What is owed, in lines, with the dates as they were at the moment."""
    spec = duty.requirement.spec
    facts = [("谁来做", f"{duty.member}（{duty.branch}）" if duty.member else str(duty.owner)), ("时段", duty.period)]
    if duty.requirement.proof == "gathering" and not duty.occasion_id:
        held = f"{due_by(duty.due_then, at)}举行；记录最迟 {due_by(duty.late_then, at)}报来，过后算逾期。"
        facts.append(("最迟", held))
    else:
        facts.append(("最迟", due_by(duty.due_then, at)))
    facts += [("用什么证明", proof_words(spec)), ("报给谁", receiver_words(spec))]
    if duty.done_at and duty.settled_at <= at:
        facts.append(("完成时间", cn_moment(duty.done_at, now)))
    if duty.standing == Standing.WAIVED and duty.exempted_at and duty.exempted_at <= at:
        by = duty.exempted_by.member.name if duty.exempted_by else ""
        facts.append(("免除", f"{cn_moment(duty.exempted_at, now)} {by}：{duty.exempt_reason}"))
    return facts
