"""Writing a pledge, the gate, and the list of pledges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from branches import audit
from branches.access import Access
from branches.form_base import PortalForm
from branches.models import Branch
from branches.requests import PortalRequest
from branches.templatetags.portal import cn_date, cn_moment
from commitments.models import Pledge, PledgeQuerySet, Stage
from commitments.pledge_form import LostUpdate, PledgeForm, Start
from commitments.vagueness import Vague, vague_in
from commitments.writing import LINES, others_of, vague_of
from documents.text import printable
from plan import moves
from plan.models import Duty, Filing
from plan.moves import may_edit
from plan.settling import may_settle
from plan.snapshots import Snapshot
from plan.views.filings import PHRASES, done_words, sending_label

PER_PAGE = 50
LOST = "这份承诺书在您打开之后被别人修改过，您刚才填写的还没有保存。请对照下面的不同之处，再次保存即以您的为准。"


# Writing


def pledge_new(request: PortalRequest) -> HttpResponse:
    """A pledge begun: for a duty, of one's own accord for the year, or for one occasion (即时承诺)."""
    access = request.access
    if request.method == "POST" and (earlier := _sent_before(request)):
        return _go_on(request, earlier)
    duty = _asked_duty(request) if "duty" in request.GET else None
    if duty:
        if not may_settle(access, duty):
            raise PermissionDenied("这份承诺书由承担这项任务的支部或本人填写，您可以查看，不能代填。")
        if duty.settled_at or duty.exempted_at:
            messages.info(request, "这项任务已经办结，无需再填承诺书。")
            return redirect(duty.settled_by or duty)
        if duty.draft_record_id:
            return redirect("commitments:pledge_edit", pk=duty.draft_record_id)
        start = Start(duty.branch, duty.member, duty.year, duty=duty)
    else:
        start = _own_accord(request)
        if start.scope == Pledge.Scope.ANNUAL and (there := _of_the_year(start, access)):
            return there
    start = _renewing(request, start)
    late = bool(duty and duty.due_at <= request.now)
    form = PledgeForm(request.POST if request.method == "POST" else None, access=access, start=start, late=late)
    if request.method != "POST":
        return _form_page(request, form)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        pledge = form.begin()
    except IntegrityError:
        # Two clicks at once: the unique key let one in, and what it made answers for both.
        if earlier := _sent_before(request):
            return _go_on(request, earlier)
        form.add_error(None, "这张表单已经用过一次，请重新打开后填写。")
        return _form_page(request, form, status=422)
    return _kept(request, pledge, form)


def pledge_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """A pledge gone on with: a draft, or one that was sent back."""
    access = request.access
    pledge = get_object_or_404(_pledges().filter(filing__in=Filing.objects.visible_to(access)), pk=pk)
    if not may_edit(access, pledge.filing):
        if pledge.filing.is_editable:
            raise PermissionDenied("这份承诺书由承诺的支部或本人填写，您可以查看，不能修改。")
        return _go_on(request, pledge)
    late = pledge.filing.first_filed_at is None and bool(moves.by_filing(pledge.filing, request.now))
    form = PledgeForm(request.POST if request.method == "POST" else None, access=access, pledge=pledge, late=late)
    if request.method != "POST":
        return _form_page(request, form)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        pledge = form.save()
    except LostUpdate:
        return _lost(request, form, late)
    return _kept(request, pledge, form)


@require_POST
def pledge_hints(request: PortalRequest) -> HttpResponse:
    """What is vague in the rows as they are typed, by the number of the row; nothing is kept."""
    access = request.access
    number = _number(request.GET.get("pledge", ""))
    pledge = _pledges().filter(filing__in=Filing.objects.visible_to(access), pk=number).first() if number else None
    if pledge is None:
        pledge = _unwritten(_own_accord(request), access)
    form = PledgeForm(request.POST, access=access, late=False, start=_as_start(pledge))
    return JsonResponse({"hints": _by_row(vague_in(form.said(), others_of(pledge)))})


def _as_start(pledge: Pledge) -> Start:
    return Start(pledge.branch, pledge.member, pledge.year, pledge.scope)


def _unwritten(start: Start, access: Access) -> Pledge:
    """A pledge that is not kept anywhere, so that the check knows whose it would be."""
    return Pledge(branch=start.branch, member=start.member, year=start.year, scope=start.scope)


def _by_row(found: Sequence[Vague]) -> dict[int, list[str]]:
    rows: dict[int, list[str]] = {}
    for one in found:
        rows.setdefault(one.position, []).append(one.sentence)
    return rows


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _asked_duty(request: PortalRequest) -> Any:
    """The duty that the address names; what is foreign, no number, or proved otherwise is not found."""
    number = _number(request.GET["duty"])
    duties = Duty.objects.visible_to(request.access).filter(requirement__proof="pledge_form", branch__isnull=False)
    rows = duties.with_draft(request.now).select_related(
        "requirement__plan", "branch__committee", "member", "committee", "settled_by"
    )
    return get_object_or_404(rows, pk=number)


def _own_accord(request: PortalRequest) -> Start:
    """Whose pledge it is where no duty asks: the person's own, or with ?for=branch that of the branch one leads."""
    access = request.access
    scope = Pledge.Scope.AD_HOC if request.GET.get("scope") == "ad_hoc" else Pledge.Scope.ANNUAL
    if request.GET.get("for") == "branch":
        branch = Branch.objects.select_related("committee").filter(pk=access.led_branch_id or 0).first()
        if branch is None:
            raise PermissionDenied("党支部的承诺由支委会成员填写。")
        return Start(branch, None, access.on.year, scope)
    if access.branch is None or access.member is None:
        raise PermissionDenied("您今天不在任何党支部的名册上，没有个人承诺可填。")
    return Start(access.branch, access.member, access.on.year, scope)


def _of_the_year(start: Start, access: Access) -> HttpResponse | None:
    """Where the year's pledge is written already, or a duty asks for it: the page on which it goes on."""
    owner = Q(member=start.member) if start.member else Q(branch=start.branch, member__isnull=True)
    duty = Duty.objects.filter(owner, year=start.year, requirement__proof="pledge_form", settled_at__isnull=True)
    if owed := duty.filter(exempted_at__isnull=True).order_by("due_at").first():
        return redirect(f"{reverse('commitments:pledge_new')}?{urlencode({'duty': owed.pk})}")
    written = Pledge.objects.filter(owner, year=start.year, scope=Pledge.Scope.ANNUAL)
    written = written.exclude(filing__state=Filing.State.DISCARDED).exclude(stage=Stage.WITHDRAWN)
    pledge = written.select_related("filing").order_by("-pk").first()
    if pledge is None:
        return None
    return redirect(pledge.get_edit_url() if pledge.filing.is_editable else pledge.filing.get_absolute_url())


def _earlier(start: Start) -> QuerySet[Pledge]:
    """The owner's pledges that may be taken over, the newest first."""
    owner = Q(member=start.member) if start.member else Q(branch=start.branch, member__isnull=True)
    rows = Pledge.objects.filter(owner, year__lte=start.year, filing__first_filed_at__isnull=False)
    return rows.select_related("filing").order_by("-year", "-pk")


def _renewing(request: PortalRequest, start: Start) -> Start:
    """With ?renew= the pledge of an earlier year is taken over; one that is not the owner's is not found."""
    if "renew" not in request.GET:
        return start
    renews = get_object_or_404(_earlier(start), pk=_number(request.GET["renew"]))
    return Start(start.branch, start.member, start.year, start.scope, start.duty, renews)


def _pledges() -> PledgeQuerySet:
    return Pledge.objects.select_related(
        "branch__committee", "member", "filing__branch__committee", "filing__committee", "filing__member"
    )


def _sent_before(request: PortalRequest) -> Pledge | None:
    key = printable(request.POST.get("form_key", ""))
    return _pledges().filter(filing__form_key=key, filing__created_by=request.access.user).first() if key else None


def _go_on(request: PortalRequest, pledge: Pledge) -> HttpResponse:
    filing = pledge.filing
    if filing.is_editable:
        return redirect(pledge.get_edit_url())
    messages.info(request, f"这份承诺书现在是“{filing.get_state_display()}”，回执号 {filing.receipt}。")
    return redirect(filing)


def _kept(request: PortalRequest, pledge: Pledge, form: PledgeForm) -> HttpResponse:
    """The text is kept; then what the button asked for."""
    filing, late_reason = pledge.filing, form.cleaned_data.get("late_reason", "")
    if request.POST.get("action") != "file":
        messages.success(request, "已保存修改，还没有再次报送。" if filing.first_filed_at else "已存草稿。")
        return redirect(pledge.get_edit_url())
    try:
        filing = moves.move(filing, "file", access=request.access, late_reason=late_reason)
    except moves.NotAllowed:
        messages.info(request, "已保存。报送由支部书记或副书记办理。")
    except moves.MoveRefused as error:
        messages.warning(request, "内容已保存，还没有报送。" + "".join(error.sentences))
    else:
        messages.success(request, done_words(filing, "file", request.now))
        return redirect(filing)
    return redirect(pledge.get_edit_url())


def _lost(request: PortalRequest, form: PledgeForm, late: bool) -> HttpResponse:
    """Somebody else was quicker: both texts on one page, and saving again then keeps what is typed here."""
    assert form.pledge is not None  # noqa: S101 — only what exists can be changed by another
    kept = _pledges().get(pk=form.pledge.pk)
    if not kept.filing.is_editable:
        return _go_on(request, kept)
    differences = form.differences(kept)
    data = request.POST.copy()
    data["edition"] = str(kept.filing.edition)
    again = PledgeForm(data, access=form.access, pledge=kept, late=late)
    again.is_valid()
    if not differences:
        # The same was sent twice: nothing can be lost.
        try:
            return _kept(request, again.save(), again)
        except LostUpdate:
            return _go_on(request, kept)
    again.add_error(None, LOST)
    return _form_page(request, again, differences=differences, status=409)


def _form_page(
    request: PortalRequest, form: PledgeForm, *, differences: Sequence[tuple[str, str, str]] = (), status: int = 200
) -> HttpResponse:
    access, pledge, start = request.access, form.pledge, form.start
    filing = pledge.filing if pledge else None
    whose = pledge or (_unwritten(start, access) if start else None)
    assert whose is not None  # noqa: S101 — a form has the one or the other
    duty = start.duty if start else _claimed(pledge)
    vague = vague_of(pledge) if pledge and not form.is_bound else vague_in(form.said(), others_of(whose))
    hints = _by_row(vague)
    for row in form.rows:
        row.hints = hints.get(row.position, [])
    begun = filing or Filing(
        branch=whose.branch, member=whose.member, committee=whose.branch.committee,
        desk=Filing.Desk.BRANCH if whose.member else Filing.Desk.OFFICE,
    )  # fmt: skip
    last_year = _earlier(start).filter(year__lt=start.year).first() if start and not start.renews else None
    context: dict[str, Any] = {
        "form": form, "pledge": pledge, "filing": filing, "whose": whose, "duty": duty, "differences": differences,
        "lines": [form[f"line_{n}"] for n in range(1, LINES + 1)], "last_year": last_year,
        "renews": start.renews if start else None, "may_file": moves.is_author(access, begun),
        "label": sending_label(begun), "requirement": duty.requirement if duty else None,
        "missing": moves.missing_to_file(filing, request.now) if filing else [],
        "hints_url": _hints_url(request, pledge), "sent_back": _sent_back(filing),
    }  # fmt: skip
    return render(request, "commitments/pledge_form.html", context, status=status)


def _hints_url(request: PortalRequest, pledge: Pledge | None) -> str:
    asked = {"pledge": pledge.pk} if pledge else {"for": request.GET.get("for", "")}
    return f"{reverse('commitments:pledge_hints')}?{urlencode(asked)}"


def _claimed(pledge: Pledge | None) -> Duty | None:
    if pledge is None:
        return None
    claimed = Duty.objects.filter(claim_rows__filing=pledge.filing_id, requirement__proof="pledge_form")
    return claimed.select_related("requirement__plan").first()


def _sent_back(filing: Filing | None) -> Any:
    if filing is None or filing.state != Filing.State.SENT_BACK:
        return None
    return filing.moves.filter(to_state=Filing.State.SENT_BACK).select_related("made_by__member").last()


# The gate (审诺)


class GateForm(PortalForm):
    """What is written down when a pledge has been looked through."""

    gate = forms.ChoiceField(label="审议会议", required=False)
    gate_on = forms.DateField(label="审议日期", required=False, widget=forms.DateInput)
    gate_opinion = forms.CharField(
        label="审议意见（可不填）", max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    note = forms.CharField(
        label="退回原因", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="只在退回时填，写明哪一项要怎样改。",
    )  # fmt: skip
    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None, *, pledge: Pledge, access: Access) -> None:
        gates = gates_of(pledge, access)
        initial = {"gate": gates[0][0], "gate_on": access.on, "edition": pledge.filing.edition}
        super().__init__(data, initial=initial)
        self.access, self.action = access, data.get("action", "") if data else ""
        field: Any = self.fields["gate"]
        field.choices = gates

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.action == "approve":
            if not given.get("gate"):
                self.add_error("gate", "请选择审议会议。")
            if not given.get("gate_on") and "gate_on" not in self.errors:
                self.add_error("gate_on", "请填写审议日期。")
            elif (day := given.get("gate_on")) and day > self.access.on:
                self.add_error("gate_on", "审议日期不能晚于今天。")
            elif day and day.year < 1990:
                self.add_error("gate_on", "审议日期太早，请核对年份。")
        elif not given.get("note", "").strip() and "note" not in self.errors:
            self.add_error("note", "请写明退回的原因，让对方知道要改什么。")
        return given


def gates_of(pledge: Pledge, access: Access) -> list[tuple[str, str]]:
    """Where it is looked through: a branch's at the office, a member's in the branch, by its committee where it has."""
    gate = Pledge.Gate
    if pledge.member_id is None or pledge.branch_id not in access.files_for:
        return [(gate.OFFICE.value, gate.OFFICE.label)]
    inside = [gate.COMMITTEE, gate.GENERAL] if pledge.branch.has_committee(access.on) else [gate.GENERAL]
    return [(one.value, one.label) for one in inside]


def pledge_gate(request: PortalRequest, pk: int) -> HttpResponse:
    """The desk looks a pledge through: it is approved and thereby public in the Party, or sent back with the reason."""
    access = request.access
    pledge = get_object_or_404(_pledges().visible_to(access), pk=pk)
    filing = pledge.filing
    if not moves.is_desk(access, filing):
        raise PermissionDenied("这份承诺由收到它的党支部或机关党委办公室审定，您可以查看，不能办理。")
    if filing.state != Filing.State.FILED:
        messages.info(request, f"这份承诺书现在是“{filing.get_state_display()}”，不在审诺。")
        return redirect(filing)
    form = GateForm(request.POST if request.method == "POST" else None, pledge=pledge, access=access)
    if request.method != "POST":
        return _gate_page(request, pledge, form)
    if form.action not in ("approve", "send_back"):
        raise Http404
    if not form.is_valid():
        return _gate_page(request, pledge, form, status=422)
    try:
        filing = decide(pledge, form.action, access=access, **form.cleaned_data)
    except moves.AlreadyMoved as error:
        messages.info(request, error.sentences[0])
        return redirect(filing)
    except moves.MoveRefused as error:
        form.add_error(None, "".join(error.sentences))
        return _gate_page(request, pledge, form, status=422)
    messages.success(request, done_words(filing, form.action, request.now))
    return redirect(filing)


def decide(
    pledge: Pledge, action: str, *, access: Access, gate: str = "", gate_on: Any = None, gate_opinion: str = "",
    note: str = "", edition: int | None = None,
) -> Filing:  # fmt: skip
    """Write down who looked it through, and approve it or send it back: both or neither."""
    with audit.act(access, audit.Kind.WRITE, "审诺", pledge.filing):
        if action == "approve":
            Pledge.objects.filter(pk=pledge.pk).update(gate=gate, gate_on=gate_on, gate_opinion=gate_opinion)
        said = gate_opinion if action == "approve" else note
        return moves.move(pledge.filing, action, access=access, note=said, expected_edition=edition)


def _gate_page(request: PortalRequest, pledge: Pledge, form: GateForm, *, status: int = 200) -> HttpResponse:
    filing = pledge.filing
    version = filing.newest
    duty = _claimed(pledge)
    vague = vague_of(pledge)
    context: dict[str, Any] = {
        "pledge": pledge, "filing": filing, "form": form, "phrases": PHRASES[Filing.Kind.PLEDGE],
        "snapshot": Snapshot.of_version(version) if version else None, "version": version,
        "vague": [f"第{one.position}项：{one.sentence}" for one in vague],
        "requirement": duty.requirement if duty else None,
        "reason_open": bool(form.is_bound and form.action == "send_back"),
    }  # fmt: skip
    return render(request, "commitments/pledge_gate.html", context, status=status)


# The list


class PledgeFilter(PortalForm):
    """Which pledges are listed."""

    show = forms.ChoiceField(label="显示", required=False, choices=[("", "全部"), ("mine", "我的")])
    year = forms.TypedChoiceField(label="年度", required=False, coerce=int, empty_value=None)
    stage = forms.ChoiceField(label="阶段", required=False, choices=[("", "全部阶段"), *Stage.choices])
    scope = forms.ChoiceField(label="类别", required=False, choices=[("", "全部类别"), *Pledge.Scope.choices])
    branch = forms.ModelChoiceField(Branch.objects.none(), label="党支部", required=False, empty_label="全部支部")

    def __init__(self, data: QueryDict, *, access: Access, years: Sequence[int]) -> None:
        super().__init__(data)
        year, branch = self.fields["year"], self.fields["branch"]
        year.choices = [("", "全部年度"), *[(n, f"{n}年") for n in years]]  # type: ignore[attr-defined]
        if not (access.leads or access.sees_committees):
            del self.fields["show"]
        if access.sees_committees:
            branch.queryset = Branch.objects.visible_to(access)  # type: ignore[attr-defined]
        else:
            del self.fields["branch"]


COLUMNS = [("承诺书", "head"), ("承诺人", "text"), ("类别", "short"), ("阶段", "short"), ("自", "short"),
           ("有效期至", "short"), ("状态", "short")]  # fmt: skip


def pledge_list(request: PortalRequest) -> HttpResponse:
    """One's own pledges; for those who lead a branch or see several theirs too, the newest first."""
    access = request.access
    rows = _listed(access)
    years = list(rows.order_by("-year").values_list("year", flat=True).distinct())
    form = PledgeFilter(request.GET, access=access, years=years)
    form.is_valid()
    given = form.cleaned_data
    for name in ("year", "stage", "scope", "branch"):
        if given.get(name):
            rows = rows.filter(**{name: given[name]})
    if given.get("show") == "mine":
        rows = rows.filter(member=access.member_id)
    page = Paginator(
        rows.select_related("filing", "branch", "member").order_by("-stage_since", "-pk"), PER_PAGE
    ).get_page(request.GET.get("page"))
    asked = any(given.values())
    context = {
        "form": form, "page": page, "rows": [{"cells": _cells(pledge, request)} for pledge in page],
        "columns": [{"label": label, "kind": kind} for label, kind in COLUMNS], "asked": asked,
        "reset_url": request.path if asked else "", "reads_all": bool(access.leads or access.sees_committees),
        "may_write": access.branch is not None, "leads": access.led_branch_id is not None,
    }  # fmt: skip
    return render(request, "commitments/pledge_list.html", context)


def _listed(access: Access) -> QuerySet[Pledge]:
    """One's own, and those of the branches that one leads or looks at; the wall shows the others."""
    mine = Q(member=access.member_id) | Q(branch__in=access.leads)
    above = Q(branch__committee__in=access.sees_committees) | Q(filing__committee__in=access.sees_committees)
    return Pledge.objects.visible_to(access).filter(mine | above)


def _cells(pledge: Pledge, request: PortalRequest) -> list[Any]:
    filing = pledge.filing
    whose = f"{pledge.member}（{pledge.branch}）" if pledge.member else str(pledge.branch)
    url = pledge.get_edit_url() if may_edit(request.access, filing) else filing.get_absolute_url()
    if pledge.published_at:
        url = pledge.get_absolute_url()
    return [
        {"text": filing.title, "url": url},
        whose,
        pledge.get_scope_display(),
        pledge.get_stage_display(),
        cn_moment(pledge.stage_since, request.now),
        cn_date(pledge.valid_until, request.now),
        {"standing": filing.state, "text": "", "late": filing.is_late},
    ]
