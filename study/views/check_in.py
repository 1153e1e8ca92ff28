"""Check-in: the code on the wall, who has signed in, and the member's own tap."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse

from branches.requests import PortalRequest
from study import check_in as checking
from study.models import CheckIn, Gathering


class OpenForm(forms.Form):
    """For how long the code is open."""

    minutes = forms.TypedChoiceField(choices=[(n, f"{n}分钟") for n in checking.MINUTES], coerce=int)


def _led(request: PortalRequest, pk: int) -> Gathering:
    rows = Gathering.objects.visible_to(request.access).select_related("filing__committee", "branch", "group")
    gathering = get_object_or_404(rows, pk=pk)
    if gathering.branch_id not in request.access.leads:
        raise PermissionDenied("签到由记录活动的支部的支委会成员组织。")
    return gathering


def check_in(request: PortalRequest, pk: int) -> HttpResponse:
    """The leader's page: open the code, end it, and close the list."""
    gathering, access = _led(request, pk), request.access
    error = ""
    if request.method == "POST":
        try:
            _act(request, gathering)
            return redirect("study:check_in", gathering.pk)
        except checking.Refused as refused:
            error = str(refused)
    code = checking.current(gathering, access)
    context = _state(request, gathering, code) | {
        "gathering": gathering, "code": code, "error": error, "why_not": checking.why_not(gathering, access),
        "minutes": checking.MINUTES, "ever": gathering.check_ins.exists(), "picture": "", "address": "",
    }  # fmt: skip
    if code:
        context["address"] = request.build_absolute_uri(reverse("study:sign_in", args=[code.nonce]))
        context["picture"] = checking.picture_of(context["address"])
    return render(request, "study/check_in.html", context, status=422 if error else 200)


def _act(request: PortalRequest, gathering: Gathering) -> None:
    match request.POST.get("action"):
        case "open":
            form = OpenForm(request.POST)
            if not form.is_valid():
                raise checking.Refused("请选择签到开放几分钟。")
            checking.begin(gathering, form.cleaned_data["minutes"], request.access)
        case "stop":
            checking.end(gathering, request.access)
            messages.success(request, "签到已结束。没有签到的，仍按记录表上的登记。")
        case "absent":
            count = checking.absent_without(gathering, request.access)
            messages.success(request, f"签到已结束，{count}人未签到，记为缺席；已登记请假的不变。")
        case _:
            raise checking.Refused("请从页面上的按钮操作。")


def _state(request: PortalRequest, gathering: Gathering, code: CheckIn | None) -> dict[str, Any]:
    """Who has signed in, the last first; and for how long still."""
    lines = list(gathering.attendance.select_related("member", "partner__branch").order_by("-checked_in_at", "-pk"))
    signed = [one for one in lines if one.checked_in_at]
    own = [one for one in lines if one.partner_id is None]
    return {
        "signed": signed, "expected_count": len(own), "signed_count": len(signed),
        "waiting_count": sum(one.checked_in_at is None and one.presence != "excused" for one in own),
        "seconds": max(0, round((code.closes_at - request.now).total_seconds())) if code else 0,
    }  # fmt: skip


def check_in_state(request: PortalRequest, pk: int) -> HttpResponse:
    """The list alone, and the seconds left, for the page's script."""
    gathering = _led(request, pk)
    code = checking.current(gathering, request.access)
    state = _state(request, gathering, code)
    html = render_to_string("study/parts/signed_in.html", state, request)
    return JsonResponse({"list": html, "seconds": state["seconds"], "open": code is not None})


def sign_in(request: PortalRequest, nonce: str) -> HttpResponse:
    """The member's page behind the code: who, what, and one button; nothing is written before it is tapped."""
    access = request.access
    rows = CheckIn.objects.select_related("gathering__filing", "gathering__branch", "gathering__group")
    code = get_object_or_404(rows, nonce=nonce)
    gathering = code.gathering
    if access.member is None or checking.place_of(access.member, gathering) is None:
        if not checking.is_near(access.branch, gathering):
            raise Http404
        raise PermissionDenied("您不在这次活动当天的名册上，不用在这里签到。名册有误的，请告诉记录人。")
    said = checking.why_not(gathering, access)
    if not said and access.now >= code.closes_at:
        said = "签到时间已过，请告诉记录人，由记录人登记。"
    line = gathering.attendance.filter(member=access.member_id, checked_in_at__isnull=False).first()
    status = 200
    if request.method == "POST" and line is None:
        try:
            line = checking.sign(code, access)
        except checking.Refused as refused:
            said, status = str(refused), 422
    context = {"gathering": gathering, "line": line, "said": said, "closes_at": code.closes_at}
    return render(request, "study/sign_in.html", context, status=status)
