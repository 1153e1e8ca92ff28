"""Joint gatherings: whom the recording branch invites, and what an invited branch says of its own part."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from branches import audit
from branches.models import Branch
from branches.requests import PortalRequest
from plan import moves
from plan.models import Filing
from study import joint
from study.gatherings import late_for, propose
from study.models import Attendance, Gathering, Partner

Presence = Attendance.Presence


class InviteForm(forms.Form):
    """The branches to be invited."""

    branches = forms.TypedMultipleChoiceField(
        label="党支部", coerce=int, widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        error_messages={
            "required": "请至少勾选一个党支部。", "invalid_choice": "所选的党支部不能邀请，请重新勾选。",
        },
    )  # fmt: skip

    def __init__(self, *args: Any, gathering: Gathering) -> None:
        super().__init__(*args)
        self.candidates = {branch.pk: branch for branch in joint.candidates(gathering)}
        field: Any = self.fields["branches"]
        field.choices = [(pk, branch.name) for pk, branch in self.candidates.items()]

    @property
    def chosen(self) -> list[Branch]:
        return [self.candidates[pk] for pk in self.cleaned_data["branches"]]


def partners(request: PortalRequest, pk: int) -> HttpResponse:
    """The recording branch's page: who is invited, how each stands, and whom else to invite."""
    access = request.access
    rows = Gathering.objects.visible_to(access).select_related("filing__committee", "branch__committee")
    gathering = get_object_or_404(rows, pk=pk)
    if gathering.branch_id not in access.leads:
        raise PermissionDenied("联合开展由记录活动的支部的支委会成员邀请。")
    form = InviteForm(request.POST if request.method == "POST" else None, gathering=gathering)
    if request.method == "POST":
        if "withdraw" in request.POST:
            return _withdraw(request, gathering)
        if form.is_valid():
            joint.invite(gathering, form.chosen, access)
            messages.success(request, "已邀请，对方会在“活动记录”中看到。")
            return redirect("study:partners", gathering.pk)
    invited = gathering.partners.select_related("branch", "filing").order_by("branch__code", "pk")
    context = {
        "gathering": gathering, "form": form,
        "invited": [(partner, joint.answering(partner)) for partner in invited],
    }  # fmt: skip
    return render(request, "study/partners.html", context, status=422 if form.errors else 200)


def _withdraw(request: PortalRequest, gathering: Gathering) -> HttpResponse:
    number = request.POST["withdraw"]
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise BadRequest("没有这样的邀请。")
    partner = get_object_or_404(gathering.partners.select_related("branch", "gathering__filing"), pk=int(number))
    if joint.withdraw(partner, request.access):
        messages.success(request, f"已撤回对{partner.branch.name}的邀请。")
    else:
        messages.info(request, f"{partner.branch.name}已经登记或有人签到，不能撤回。")
    return redirect("study:partners", gathering.pk)


class JointForm(forms.Form):
    """What is asked beside the lines of the attendance and the ticks."""

    edition = forms.IntegerField(min_value=0, max_value=2**31 - 1)
    late_reason = forms.CharField(
        label="补报原因", max_length=200, required=False, error_messages={"max_length": "补报原因最多200个字。"}
    )


def joint_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """The invited branch's page: the shared record to read, its own people and duties to answer for."""
    access = request.access
    partner = get_object_or_404(joint.partners_of(access.leads), pk=pk)
    filing = joint.answering(partner)
    if filing and not moves.may_edit(access, filing):
        if request.method == "POST":
            messages.info(request, f"本支部的这份登记现在是“{filing.get_state_display()}”，不能修改。")
            return redirect("study:joint_edit", partner.pk)
        return _page(request, partner)
    if request.method != "POST":
        return _page(request, partner)
    form = JointForm(request.POST)
    action = request.POST.get("action")
    if action not in ("save", "file"):
        raise BadRequest("没有这样的操作。")
    if not form.is_valid():
        if "edition" in form.errors:
            raise BadRequest("页面内容不完整，请重新打开。")
        return _page(request, partner, form=form, status=422)
    if action == "file" and partner.branch_id not in access.files_for:
        raise PermissionDenied("报送由支部书记或副书记办理。")
    return _keep(request, partner, form, send=action == "file")


def _keep(request: PortalRequest, partner: Partner, form: JointForm, *, send: bool) -> HttpResponse:
    access, asked = request.access, form.cleaned_data
    lines = joint.attendance_of(partner, request.POST)
    proposal = propose(joint.sitting_of(partner, lines), access.now)
    claimed = proposal.chosen(_ids(request, "duty"), _ids(request, "duty_shown"))
    try:
        with audit.together():
            kept = joint.save(partner, lines, claimed, asked["edition"], access, asked["late_reason"])
            refused = _send(kept.filing, asked["late_reason"], request) if send and kept.filing else []
    except joint.LostUpdate:
        sentence = "本支部的其他同志在您打开之后改过这份登记，您刚才填写的还没有保存；再次保存即以您的为准。"
        form.add_error(None, sentence)
        fresh = get_object_or_404(joint.partners_of(access.leads), pk=partner.pk)
        return _page(request, fresh, form=form, status=409)
    if refused:
        messages.warning(request, "已存草稿，还没有报送。" + "".join(refused))
    else:
        messages.success(request, "已报送。" if send else "已存草稿。")
    return redirect("study:joint_edit", partner.pk)


def _send(filing: Filing, reason: str, request: PortalRequest) -> list[str]:
    missing = moves.missing_to_file(filing, request.now, reason)
    if not missing:
        name = "keep" if filing.desk == Filing.Desk.NONE else "file"
        moves.move(filing, name, access=request.access, late_reason=reason)
    return missing


def _ids(request: PortalRequest, name: str) -> set[int]:
    return {int(text) for text in request.POST.getlist(name) if text.isascii() and text.isdecimal() and len(text) < 19}


def _page(
    request: PortalRequest, partner: Partner, *, form: JointForm | None = None, status: int = 200
) -> HttpResponse:
    """The page as it stands, with what was typed where there is a form."""
    access, filing = request.access, joint.answering(partner)
    lines = joint.attendance_of(partner, request.POST if form else None)
    sitting = joint.sitting_of(partner, lines)
    proposal = propose(sitting, access.now)
    claimed = (
        proposal.chosen(_ids(request, "duty"), _ids(request, "duty_shown"))
        if form
        else joint.claimed_by(partner, proposal)
    )
    late = late_for(sitting, proposal, claimed, access.now)
    reason = request.POST.get("late_reason", "") if form else filing.late_reason if filing else ""
    lacks = joint.lacks_of(partner, sitting)
    editable = filing is None or moves.may_edit(access, filing)
    desk = filing.desk if filing and filing.first_filed_at else sitting.rules.desk(sitting.kinds)[0]
    again = "再次" if filing and filing.first_filed_at else ""
    office = (filing or sitting.rules.plan or partner.branch).committee.office_name
    host = partner.gathering.filing
    context = {
        "partner": partner, "gathering": partner.gathering, "filing": filing, "host": host,
        "version": joint.cited(partner),
        "facts": [(label, text) for label, text in joint.shared(partner)["fields"] if text],
        "newer": joint.newer_than_filed(partner),
        # Pictures of a draft are still the recording branch's own.
        "photos": list(joint.shown_pictures(partner)) if host.state in joint.SENT else [],
        "photo_count": sitting.pictures, "editable": editable,
        "errors": [text for texts in form.errors.values() for text in texts] if form else [],
        "edition": filing.edition if filing else 0, "attendance": lines, "leave_out": False,
        "expected_count": len(lines), "present_count": sum(one.presence == Presence.PRESENT for one in lines),
        "reasons": Attendance.Reason.choices, "proposal": proposal, "claimed": claimed, "kinds_ticked": True,
        "late": late, "late_reason": reason, "hints": [], "sentences": [lack.sentence for lack in lacks],
        "missing_words": list(dict.fromkeys(lack.word for lack in lacks)),
        "file_label": again + ("留存" if desk == Filing.Desk.NONE else f"报送{office}"),
        "may_file": partner.branch_id in access.files_for,
    }  # fmt: skip
    return render(request, "study/joint.html", context, status=status)
