"""The plan on its pages: the paper, its drafts, what they would ask, and their issuing."""

from __future__ import annotations

import difflib
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch, Committee
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_date, cn_moment, day_words
from jobs import queue
from plan.asking import ask, changes, owners_on
from plan.calendars import calendar_for, calendar_of, year_is_blank
from plan.document import Document, DocumentErrors, RequirementSpec
from plan.editing import add_requirement, remove_requirement, with_year
from plan.marking import marked
from plan.models import DraftChanged, DraftExists, Plan, PlanIsIssued
from plan.opening import PlanRefused, issue
from plan.plan_forms import DocumentForm, IssueForm, RequirementForm, SettingsForm, UploadForm
from plan.rest_days import POLICIES, named_days
from plan.wording import cadence_words, owners_words, told, window_words
from plan.workdays import Calendar

PER_PAGE = 50
# The plan that comes with the portal, for an office that has none yet.
SHIPPED = Path(__file__).resolve().parents[1] / "2018.toml"
DAYS_IN_LINE = 3
# For more branches than this, what a plan asks is opened in the background: the page does not wait for it.
AT_ONCE = 250


# The plans and their papers


def plan_list(request: PortalRequest) -> HttpResponse:
    access = request.access
    plans = Plan.objects.visible_to(access).with_successor().select_related("committee").defer("toml", "source_text")
    page = Paginator(plans.order_by("-year", "-version", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    several = len(access.sees_committees) > 1
    rows = [{"cells": _plan_cells(plan, request.now, several)} for plan in page]
    columns = [{"label": "方案", "kind": "head"}, {"label": "标题"}, {"label": "下发"}, {"label": "情况"}]
    if several:
        columns.insert(1, {"label": "下发单位"})
    context = {"page": page, "rows": rows, "columns": columns, "may_draft": bool(access.office_of)}
    if access.office_of:
        own = Plan.objects.filter(committee=own_committee(access)).defer("toml", "source_text")
        context |= _next_drafts(own, access.on.year)
    return render(request, "plan/plan_list.html", context)


def own_committee(access: Access) -> Committee:
    """The committee that the person drafts for: where their office is, not where else they hold a post."""
    if access.committee and access.committee.pk in access.office_of:
        return access.committee
    return Committee.objects.get(pk=min(access.office_of))


def _plan_cells(plan: Any, now: datetime, several: bool) -> list[Any]:
    words = "草稿，还没有下发"
    if plan.is_issued:
        today = localdate(now)
        if plan.superseded_on and plan.superseded_on <= today:
            words = f"{day_words(plan.superseded_on, today)}起由修订版接替"
        elif plan.effective_on > today:
            words = f"{day_words(plan.effective_on, today)}起生效"
        else:
            words = "执行中" if plan.year >= today.year else "已过年度"
    issued = cn_date(plan.issued_at, now) or "—"
    cells = [{"text": str(plan), "url": plan.get_absolute_url()}, plan.title, issued, words]
    if several:
        cells.insert(1, plan.committee.name)
    return cells


def _next_drafts(own: Any, year: int) -> dict[str, Any]:
    """What the office can begin: next year's plan or an amendment of the newest, where neither is begun yet."""
    newest = own.issued().order_by("-year", "-version").first()
    if newest is None:
        return {"start_year": None if own.exists() else year}
    return {
        "newest": newest,
        "next_year": newest.year + 1,
        "next_plan": own.filter(year=newest.year + 1).order_by("-version").first(),
        "amendment": own.filter(year=newest.year, issued_at__isnull=True).first(),
    }


@require_POST
def plan_start(request: PortalRequest) -> HttpResponse:
    """A first draft from the plan that comes with the portal, its year set."""
    year = request.POST.get("year", "")
    if not (year.isascii() and year.isdigit() and len(year) == 4):
        messages.error(request, "请用四位数字填写年度，如 2018。")
        return redirect("plan:plan_list")
    toml, text = SHIPPED.read_text(encoding="utf-8"), SHIPPED.with_suffix(".txt").read_text(encoding="utf-8")
    own = own_committee(request.access)
    return _begin(request, own, with_year(toml, int(year)), text, "请先核对各项设置，再预览、下发。")


def _begin(request: PortalRequest, committee: Committee, toml: str, source_text: str, then: str) -> HttpResponse:
    try:
        with audit.act(request.access, audit.Kind.SETTING, "起草方案") as entry:
            plan = Plan.objects.begin(committee=committee, toml=toml, source_text=source_text, at=request.now)
            entry.about = plan
    except DraftExists as error:
        messages.info(request, str(error))
        return redirect(error.plan)
    except DocumentErrors as error:
        for sentence in error.errors:
            messages.error(request, sentence)
        return redirect("plan:plan_list")
    messages.success(request, f"已起草{plan}。{then}")
    return redirect(plan)


def plan_upload(request: PortalRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with audit.act(request.access, audit.Kind.SETTING, "上传方案草稿") as entry:
                plan = entry.about = Plan.objects.begin(
                    committee=own_committee(request.access),
                    toml=given["toml"], source_text=given["source_text"], at=request.now,
                )  # fmt: skip
        except DocumentErrors as error:
            form.add_error("toml", error.errors)
        except DraftExists as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"已存为草稿：{plan}。请预览后下发。")
            return redirect(plan)
    return render(request, "plan/plan_upload.html", {"form": form})


def plan_detail(request: PortalRequest, pk: int) -> HttpResponse:
    plans = Plan.objects.visible_to(request.access).with_successor().select_related("committee", "issued_by__member")
    plan = get_object_or_404(plans, pk=pk)
    may_draft = plan.committee_id in request.access.office_of
    context: dict[str, Any] = {"plan": plan, "may_draft": may_draft, "may_edit": may_draft and not plan.is_issued}
    try:
        document = plan.document
    except DocumentErrors as error:
        return render(request, "plan/plan_detail.html", context | {"errors": error.errors})
    if plan.is_issued:
        urls = {code: reverse("plan:requirement_detail", args=[key]) for key, code in _requirements_of(plan)}
    else:
        codes = [spec.code for spec in document.requirements]
        urls = {code: reverse("plan:requirement_edit", args=[plan.pk, code]) for code in codes} if may_draft else {}
    context |= {
        "document": document,
        "paragraphs": [_paragraph(paragraph, document, urls) for paragraph in marked(document)],
        "chapters": _chapters(document, urls, calendar_for(plan, document.settings)),
    }
    return render(request, "plan/plan_detail.html", context)


def _requirements_of(plan: Plan) -> Any:
    return plan.requirements.values_list("pk", "code")


def _paragraph(paragraph: Any, document: Document, urls: dict[str, str]) -> dict[str, Any]:
    titles = {spec.code: spec.title for spec in document.requirements}
    pieces = [
        {
            "text": piece.text,
            "heading": piece.heading,
            "url": urls.get(piece.codes[0], "") if piece.codes else "",
            "marked": bool(piece.codes),
            "begins": [{"code": code, "url": urls.get(code, ""), "title": titles[code]} for code in piece.begins],
        }
        for piece in paragraph.pieces
    ]
    return {"part": paragraph.part.value, "number": paragraph.number, "text": paragraph.text, "pieces": pieces}


def _chapters(document: Document, urls: dict[str, str], calendar: Calendar) -> list[dict[str, Any]]:
    """The requirements under their chapters, in words."""
    found = []
    for chapter in document.chapters:
        mine = [spec for spec in document.requirements if spec.clause.partition(".")[0] == chapter.number]
        rows = [
            told(spec, document.year, document.settings, calendar) | {"url": urls.get(spec.code, "")} for spec in mine
        ]
        found.append({"number": chapter.number, "title": chapter.title, "rows": rows})
    return found


# Previewed and issued


class OnForm(PortalForm):
    """The day on which issuing is imagined."""

    on = forms.DateField(label="假定下发的日期", widget=forms.DateInput)


def plan_preview(request: PortalRequest, pk: int) -> HttpResponse:
    plan = _draft(request, pk)
    earlier = Plan.objects.in_force(plan.committee_id, plan.year)
    form: Any = OnForm(request.GET if "on" in request.GET else {"on": request.access.on.isoformat()})
    if earlier:
        form.fields["on"].label = "生效日期"
    day = form.cleaned_data["on"] if form.is_valid() else request.access.on
    try:
        document = plan.document
    except DocumentErrors as error:
        return render(request, "plan/plan_preview.html", {"plan": plan, "errors": error.errors, "form": form})
    asked = ask(document, owners_on(plan.committee, day), day, calendar_for(plan, document.settings))
    # Whatever the policy: a day of rest is worth seeing even where nothing moves for it.
    named = named_days(document, calendar_of(plan.committee_id))
    context = {
        "plan": plan, "form": form, "day": day, "asked": asked, "earlier": earlier,
        "named": named, "resting": sum(bool(one.rest) for one in named),
        "policy": POLICIES[document.settings.holiday_policy],
        "chapters": _asked_chapters(asked, document, "仍按上一版" if earlier else "不再要求"),
        "issue_form": IssueForm(initial={"effective_on": day if earlier else None, "seen": plan.sha256}),
        "changes": changes(earlier.document, document) if earlier else [],
        "note": _issue_note(earlier, day, request.access.on), "blank": blank_year_words(plan, document),
        "confirm": f"下发后不能再改，也不能收回。{len(document.requirements)}项要求将成为各支部和党员的任务。",
    }  # fmt: skip
    return render(request, "plan/plan_preview.html", context)


def blank_year_words(plan: Plan, document: Document) -> str:
    """What it means that the year's holidays are not known yet; empty where they are."""
    if not year_is_blank(plan.committee_id, document.year):
        return ""
    if document.settings.holiday_policy == "none":
        return "学习计划避开休息日、按工作日计算的期限，都会把法定节假日当作平日。"
    return "遇休息日顺延或提前的期限，会把法定节假日当作平日；下发以后再填，已经产生的任务时限不变。"


def _issue_note(earlier: Plan | None, day: date, today: date) -> str:
    """What the button does, beside the button: an amendment speaks from the previewed day, a first issue from today."""
    if earlier:
        return f"修订版自{day_words(day, today)}起生效。"
    return "下发即日生效。" if day == today else f"上面是假定{day_words(day, today)}下发；现在下发，按今天计算。"


def _asked_chapters(asked: Any, document: Document, before: str) -> list[dict[str, Any]]:
    """What each requirement would open, under its chapter; `before` says what holds for what is due before the day."""
    found = []
    for chapter in document.chapters:
        rows = []
        for line in asked.lines:
            spec = line.requirement
            if spec.clause.partition(".")[0] != chapter.number:
                continue
            days = [window_words(window, document.year) for window in line.windows]
            left_out = f"早于这一天的{line.left_out}期{before}" if line.left_out else ""
            rest = sum(window.weekend or window.holiday for window in line.windows)
            rows.append(
                {
                    "code": spec.code, "title": spec.title, "who": owners_words(spec),
                    "duties": line.duties, "left_out": left_out, "days": days, "rest": rest,
                    "folded": len(days) > DAYS_IN_LINE, "otherwise": _otherwise(spec, line, before),
                    "often": cadence_words(spec, document.settings),
                }
            )  # fmt: skip
        found.append({"title": f"{chapter.number}、{chapter.title}", "rows": rows})
    return found


def _otherwise(spec: RequirementSpec, line: Any, before: str) -> str:
    """What stands in place of days, where there are none."""
    if spec.per_event:
        return "随每次活动产生" if spec.event == "gathering" else "随每份承诺产生"
    if spec.of_lines:
        return "在个人自学计划中逐周查看"
    return "" if line.windows else f"到期日都早于这一天，{before}"


def _branches_below(plan: Plan, day: date) -> int:
    """How many branches the plan may speak to."""
    return Branch.objects.filter(committee__in=Committee.objects.under(plan.committee_id)).existing_on(day).count()


@require_POST
def plan_issue(request: PortalRequest, pk: int) -> HttpResponse:
    plan = get_object_or_404(Plan, pk=pk, committee__in=request.access.office_of)
    if plan.is_issued:
        messages.info(request, f"这份方案已于 {cn_moment(plan.issued_at, request.now)} 下发，没有再次下发。")
        return redirect(plan)
    form = IssueForm(request.POST)
    day = form.cleaned_data.get("effective_on") if form.is_valid() else None
    amends = Plan.objects.in_force(plan.committee_id, plan.year) is not None
    preview = redirect(reverse("plan:plan_preview", args=[plan.pk]) + (f"?on={day.isoformat()}" if day else ""))
    if amends and (day is None or day < request.access.on):
        messages.error(request, "没有下发：请选定修订版的生效日期，不能早于今天。")
        return preview
    try:
        with audit.act(request.access, audit.Kind.SETTING, "下发方案", plan) as entry:
            # Locked, so that what was previewed is what is issued.
            plan = Plan.objects.select_for_update(of=("self",)).select_related("committee").get(pk=plan.pk)
            if not plan.is_issued and plan.sha256 != form.data.get("seen"):
                messages.error(request, "没有下发：草稿在您预览之后被改过，请重新核对下面的内容。")
                return preview
            at_once = _branches_below(plan, request.access.on) <= AT_ONCE
            added = issue(plan, access=request.access, effective_on=day if amends else None, open_now=at_once)
            if at_once:
                entry.detail["duties"] = added
            else:
                job = queue.ask(
                    "open_duties", key=f"open_duties:{plan.pk}", at=request.now, access=request.access,
                    arguments={"plan": plan.pk, "url": plan.get_absolute_url()}, committee=plan.committee,
                )  # fmt: skip
    except PlanRefused as error:
        messages.error(request, f"没有下发：{error}")
        return preview
    except DocumentErrors as error:
        for sentence in error.errors:
            messages.error(request, f"没有下发：{sentence}")
        return preview
    if not at_once:
        messages.success(request, f"已下发{plan}。支部较多，任务正在后台产生，各支部的待办清单陆续更新。")
        return redirect(job)
    messages.success(request, f"已下发{plan}，共产生 {added} 项任务，各支部和党员的待办清单已更新。")
    return redirect(plan)


# Drafted


def _draft(request: PortalRequest, pk: int) -> Plan:
    """A draft that this person may change; an issued plan is not found by any page that edits."""
    return get_object_or_404(Plan.objects.drafts_of(request.access).select_related("committee"), pk=pk)


def _rewrite(request: PortalRequest, plan: Plan, form: Any, toml: str, source_text: str) -> HttpResponse | None:
    """Save the draft and go to it, or None with the errors set at the form."""
    try:
        with audit.act(request.access, audit.Kind.SETTING, "修改方案草稿", plan):
            plan.rewrite(toml=toml, source_text=source_text, seen=form.cleaned_data["seen"])
    except DocumentErrors as error:
        if isinstance(form, RequirementForm):
            form.add_document_errors(error.errors)
        else:
            form.add_error("toml" if "toml" in form.fields else None, error.errors)
    except DraftChanged as error:
        form.add_error(None, f"{error}请核对下面的内容，需要时再保存一次。")
        form.data = form.data.copy()
        form.data["seen"] = error.plan.sha256
        form.changed = error.plan
    except DraftExists as error:
        form.add_error("toml" if "toml" in form.fields else None, f"不能改成{error.plan.year}年：{error}")
    except PlanIsIssued as error:
        messages.error(request, f"没有保存：{error}")
        return redirect(plan)
    else:
        messages.success(request, "草稿已保存。")
        return redirect("plan:plan_detail", plan.pk)
    return None


def plan_edit(request: PortalRequest, pk: int) -> HttpResponse:
    plan = _draft(request, pk)
    shown = {"toml": plan.toml, "source_text": plan.source_text, "seen": plan.sha256}
    form = DocumentForm(request.POST if request.method == "POST" else None, initial=shown)
    difference: list[str] = []
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        if saved := _rewrite(request, plan, form, given["toml"], given["source_text"]):
            return saved
        if now := getattr(form, "changed", None):
            difference = _difference(now, given["toml"], given["source_text"])
    return render(request, "plan/plan_edit.html", {"plan": plan, "form": form, "difference": difference})


def _difference(now: Plan, toml: str, source_text: str) -> list[str]:
    """The lines in which the saved draft and what was typed differ: “-” as saved, “+” as typed."""
    saved, typed = (now.toml + now.source_text).splitlines(), (toml + source_text).splitlines()
    lines = difflib.unified_diff(saved, typed, lineterm="", n=0)
    return [line for line in lines if line[:2] not in ("--", "++", "@@")][:200]


def plan_settings(request: PortalRequest, pk: int) -> HttpResponse:
    plan = _draft(request, pk)
    try:
        document = plan.document
    except DocumentErrors:
        return redirect("plan:plan_edit", plan.pk)
    form = SettingsForm(document, request.POST if request.method == "POST" else None, initial={"seen": plan.sha256})
    if form.is_bound and form.is_valid():
        saved = _rewrite(request, plan, form, form.applied(plan.toml), plan.source_text)
        if saved:
            return saved
    return render(
        request, "plan/plan_settings.html", {"plan": plan, "form": form, "blank": blank_year_words(plan, document)}
    )


def requirement_new(request: PortalRequest, pk: int) -> HttpResponse:
    plan = _draft(request, pk)
    try:
        document = plan.document
    except DocumentErrors:
        return redirect("plan:plan_edit", plan.pk)
    form = RequirementForm(
        document, None, request.POST if request.method == "POST" else None, initial={"seen": plan.sha256}
    )
    if form.is_bound and form.is_valid():
        try:
            toml = add_requirement(plan.toml, form.cleaned_data["code"].strip(), **form.values())
        except ValueError as error:
            form.add_error("code", f"{error}。")
        else:
            if saved := _rewrite(request, plan, form, toml, plan.source_text):
                return saved
    context = {"plan": plan, "document": document, "form": form, "heading": "新增一项要求"}
    return render(request, "plan/requirement_edit.html", context | {"paragraphs": marked(document)})


def requirement_edit(request: PortalRequest, pk: int, code: str) -> HttpResponse:
    plan = _draft(request, pk)
    try:
        document = plan.document
    except DocumentErrors:
        return redirect("plan:plan_edit", plan.pk)
    spec = next((spec for spec in document.requirements if spec.code == code), None)
    if spec is None:
        messages.info(request, f"这份草稿中没有要求 {code}，可能刚刚被删去。")
        return redirect(plan)
    form = RequirementForm(
        document, spec, request.POST if request.method == "POST" else None, initial={"seen": plan.sha256}
    )
    if form.is_bound and form.is_valid():
        saved = _rewrite(request, plan, form, form.applied(plan.toml), plan.source_text)
        if saved:
            return saved
    context = {"plan": plan, "document": document, "form": form, "spec": spec, "heading": f"{spec.code} {spec.title}"}
    paragraphs = [p for p in marked(document) if p.number == spec.clause or any(code in x.codes for x in p.pieces)]
    return render(request, "plan/requirement_edit.html", context | {"paragraphs": paragraphs})


@require_POST
def requirement_remove(request: PortalRequest, pk: int, code: str) -> HttpResponse:
    plan = _draft(request, pk)
    try:
        shorter = remove_requirement(plan.toml, code)
        with audit.act(request.access, audit.Kind.SETTING, "删去方案草稿中的要求", plan, code=code):
            plan.rewrite(toml=shorter, source_text=plan.source_text, seen=request.POST.get("seen", ""))
    except DocumentErrors as error:
        messages.error(request, f"没有删去：{error.errors[0]}")
    except (DraftChanged, PlanIsIssued, ValueError) as error:
        messages.error(request, f"没有删去 {code}：{error}")
    else:
        messages.success(request, f"已从草稿中删去 {code}。")
    return redirect(plan)


@require_POST
def plan_copy(request: PortalRequest, pk: int) -> HttpResponse:
    """Next year's plan from this one, or an amendment of it; either is a draft of its own."""
    plans = Plan.objects.issued().filter(committee__in=request.access.office_of).select_related("committee")
    plan = get_object_or_404(plans, pk=pk)
    if request.POST.get("make") == "amendment":
        return _begin(request, plan.committee, plan.toml, plan.source_text, "改好后预览，选定生效日期再下发。")
    year = plan.year + 1
    if later := Plan.objects.in_force(plan.committee_id, year):
        messages.info(request, f"{year}年的方案已经下发；要改动，请起草修订版。")
        return redirect(later)
    toml = with_year(plan.toml, year)
    return _begin(request, plan.committee, toml, plan.source_text, "文字和要求照上年，请逐项核对。")


@require_POST
def plan_delete(request: PortalRequest, pk: int) -> HttpResponse:
    plan = _draft(request, pk)
    words = str(plan)
    try:
        with audit.act(request.access, audit.Kind.SETTING, "删除方案草稿", plan, plan=words):
            Plan.objects.filter(pk=plan.pk).delete()
    except PlanIsIssued as error:
        messages.error(request, f"没有删除：{error}")
        return redirect(plan)
    messages.success(request, f"已删除草稿：{words}。")
    return redirect("plan:plan_list")


def plan_download(request: PortalRequest, pk: int) -> HttpResponse:
    """The data file, or with ?part=text the paper's text: the two files that plan_upload takes."""
    plan = get_object_or_404(Plan, pk=pk, committee__in=request.access.office_of)
    text = request.GET.get("part") == "text"
    content, kind = (plan.source_text, "text/plain") if text else (plan.toml, "application/toml")
    response = HttpResponse(content, content_type=f"{kind}; charset=utf-8")
    name = f"{plan.year}-v{plan.version}.{'txt' if text else 'toml'}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
