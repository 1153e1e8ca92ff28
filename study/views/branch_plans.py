"""The branch's study plan of the year: its months, the four clears beside them, its beginning and its filing."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_moment
from plan import moves
from plan.models import Duty, Filing, Plan
from plan.snapshots import Snapshot
from study.clarity import missing_in_branch_plan
from study.models import BranchPlan
from study.plan_beginning import begin, carry, draft, earlier
from study.plan_keeping import LOST, LostUpdate, of_year, page_of, take
from study.plan_overview import overview

State = Filing.State


# The page


def branch_plan(request: PortalRequest) -> HttpResponse:
    """The branch's plan of the year in force: leaders work on it, members read what was filed."""
    access = request.access
    branch = _branch_asked(request, access)
    if branch is None:
        return render(request, "study/branch_plan.html", {"branch": None})
    record = of_year(branch, access.on.year)
    leads = branch.pk in access.leads
    if record is None or (not leads and record.filing.first_filed_at is None):
        plan = Plan.objects.asking(branch.committee_id, access.on.year, access.on)
        context = {
            "branch": branch, "plan": plan, "record": None, "leads": leads, "year": access.on.year,
            "owed": _owed(branch, access), "earlier": earlier(branch, plan.year) if plan and leads else None,
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


class AdjustForm(PortalForm):
    """Why a plan that was filed is changed."""

    note = forms.CharField(
        label="调整原因", max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="写明为什么调整、调整什么。机关党委办公室会看到原因和前后两版的不同。",
    )  # fmt: skip
    edition = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)


def _page(
    request: PortalRequest, record: BranchPlan, form: OutlineForm | None = None, *, status: int = 200,
    theirs: str = "", adjusting: AdjustForm | None = None,
) -> HttpResponse:  # fmt: skip
    access, filing = request.access, record.filing
    leads = record.branch_id in access.leads
    context: dict[str, Any] = {
        "branch": record.branch, "plan": record.plan, "record": record, "filing": filing, "leads": leads,
    }  # fmt: skip
    if not leads and filing.state == State.SENT_BACK and (version := filing.newest):
        # While it is being changed, everybody else reads what was filed last.
        context |= {"snapshot": Snapshot.of_version(version), "version": version}
        return render(request, "study/branch_plan.html", context)
    context |= overview(record)
    editable = moves.may_edit(access, filing)
    may_file = editable and moves.is_author(access, filing)
    missing = missing_in_branch_plan(record)
    late = moves.by_filing(filing, access.now) if may_file and filing.first_filed_at is None else []
    if form is None:
        form = OutlineForm(initial={"outline": record.outline, "edition": filing.edition})
    if not late:
        del form.fields["late_reason"]
    if moves.can(access, filing, "correct"):
        context["adjust"] = adjusting or AdjustForm(initial={"edition": filing.edition})
    context |= {
        "owed": _owed(record.branch, access, filing), "editable": editable, "may_file": may_file, "form": form,
        "missing": missing, "missing_words": _words(context["count"], missing), "late": late, "theirs": theirs,
        "office": filing.committee.office_name, "sent_back": _sent_back(filing),
    }  # fmt: skip
    return render(request, "study/branch_plan.html", context, status=status)


def _owed(branch: Branch, access: Access, filing: Filing | None = None) -> Duty | None:
    """The branch's duty to file the year's plan, while it is owed and nothing was filed."""
    if branch.pk not in access.leads or (filing and filing.first_filed_at):
        return None
    mine = Duty.objects.of_branch([branch.pk]).filter(year=access.on.year, requirement__proof="branch_plan")
    return mine.unsettled(access.now).order_by("due_at").first()


def _words(count: int, missing: list[str]) -> list[str]:
    if not missing:
        return []
    return [f"{len(missing)}条未填全"] if count else ["学习条目"]


def _sent_back(filing: Filing) -> Any:
    if filing.state != State.SENT_BACK:
        return None
    return filing.moves.filter(to_state=State.SENT_BACK).select_related("made_by__member").last()


# Beginning


@require_POST
def branch_plan_begin(request: PortalRequest) -> HttpResponse:
    """A new plan of the year: a first draft, last year's, or empty; where there is one already, that one."""
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
        return redirect(page_of(branch))
    if of_year(branch, plan.year) is None:
        try:
            with audit.act(access, audit.Kind.WRITE, "起草支部年度学习计划") as entry:
                record, words = _begun(branch, plan, access, request.POST.get("draft", ""))
                entry.about = record.filing
        except IntegrityError:
            # Two clicks at once: the constraint let one in, and its plan answers for both.
            if of_year(branch, plan.year) is None:
                raise
        else:
            messages.success(request, words)
    return redirect(page_of(branch))


def _begun(branch: Branch, plan: Plan, access: Access, way: str) -> tuple[BranchPlan, str]:
    """The plan begun in this way, and what to say of it."""
    record = begin(branch, plan, access)
    source = earlier(branch, plan.year) if way == "earlier" else None
    if source is not None:
        return record, carry(record, source, access.on).words
    if way == "1":
        draft(record, access.on)
        return record, "已按实施方案起草，请逐条核对修改。"
    return record, "已建立学习计划，请逐条添加。"


# Editing


def branch_plan_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """Keep the outline, or file the plan with the office."""
    access = request.access
    record = seen(access, pk)
    if elsewhere := away(request, record):
        return elsewhere
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
                take(filing, form.cleaned_data["edition"])
                BranchPlan.objects.filter(pk=record.pk).update(outline=outline)
            elif form.cleaned_data["edition"] != filing.edition:
                raise LostUpdate
    except LostUpdate:
        return _lost_outline(request, record, form)
    record = seen(access, pk)
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
    record = seen(request.access, record.pk)
    if elsewhere := away(request, record):
        return elsewhere
    data = request.POST.copy()
    data["edition"] = str(record.filing.edition)
    form = OutlineForm(data)
    form.is_valid()
    form.add_error(None, LOST)
    return _page(request, record, form, status=409, theirs=record.outline)


def seen(access: Access, pk: int) -> BranchPlan:
    rows = BranchPlan.objects.filter(filing__in=Filing.objects.visible_to(access)).select_related(
        "filing__committee", "filing__branch__committee", "branch__committee", "plan"
    )
    record = get_object_or_404(rows, pk=pk)
    if record.branch_id not in access.leads:
        raise PermissionDenied("学习计划由本支部的支委会成员制定，您可以查看，不能修改。")
    return record


def away(request: PortalRequest, record: BranchPlan) -> HttpResponse | None:
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


# After filing


@require_POST
def branch_plan_adjust(request: PortalRequest, pk: int) -> HttpResponse:
    """Take back what was filed, to change it: what was filed stays a version, and the next filing makes another."""
    access = request.access
    record = seen(access, pk)
    if moves.may_edit(access, record.filing):
        return redirect(page_of(record.branch))
    form = AdjustForm(request.POST)
    if not form.is_valid():
        if not moves.can(access, record.filing, "correct"):
            raise PermissionDenied("学习计划由支部书记或副书记调整。")
        return _page(request, record, status=422, adjusting=form)
    facts = form.cleaned_data
    try:
        moves.move(record.filing, "correct", access=access, note=facts["note"], expected_edition=facts["edition"])
    except moves.NotAllowed as error:
        raise PermissionDenied(error.sentences[0]) from None
    except moves.MoveRefused as error:
        messages.info(request, error.sentences[0])
    else:
        messages.success(request, "可以调整了：改好后再次报送，原来的版本仍然保留。")
    return redirect(page_of(record.branch))
