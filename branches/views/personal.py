"""ID number and phone of a member: showing one, finding by one, one's own phone, and who can see oneself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from branches import audit
from branches.forms import DayFilter
from branches.models import Member, Membership, on_day
from branches.personal import FIELDS, masked, set_personal, with_value
from branches.personal_forms import ContactForm, FindForm, RevealForm, shared_phone
from branches.requests import PortalRequest
from branches.revealing import MOST_AN_HOUR, OWN, reveal_to, reveals_of
from branches.sight import kept, may_reveal, readable_by, watchers
from branches.sudo import sudo_required
from branches.templatetags.portal import cn_moment

PER_PAGE = 50


# ---------------------------------------------------------------------------------------------------- showing one


def member_reveal(request: PortalRequest, pk: int, field: str) -> HttpResponse:
    """Why, and then the value, this once: the answer to a POST, in no address and in no cache."""
    if field not in FIELDS:
        raise Http404
    member = get_object_or_404(readable_by(request.access), pk=pk)
    if not may_reveal(request.access, member):
        raise PermissionDenied("公民身份号码和联系电话只有本人、本支部书记和机关党委办公室可以查看。")
    return _reveal(request, member, field)


@sudo_required
def _reveal(request: PortalRequest, member: Member, field: str) -> HttpResponse:
    access, label = request.access, FIELDS[field].label
    if not getattr(member, f"{field}_sealed"):
        messages.warning(request, f"没有登记{member.name}的{label}。")
        return redirect(_way_back(request, member))
    is_me = member.pk == access.member_id
    form = None if is_me else RevealForm(request.POST or None)
    context: dict[str, Any] = {
        "member": member, "label": label, "form": form, "is_me": is_me, "back": _way_back(request, member),
        "masked": masked(member, field), "most": MOST_AN_HOUR,
    }  # fmt: skip
    if request.method == "POST" and (form is None or form.is_valid()):
        shown = reveal_to(access, member, field, form.said if form else OWN)
        response = render(request, "branches/member_reveal.html", {**context, "shown": shown})
    else:
        response = render(request, "branches/member_reveal.html", {**context, "shown": None})
    response["Cache-Control"] = "no-store"
    return response


def _way_back(request: PortalRequest, member: Member) -> str:
    """Those who have no business with entries come from their account."""
    if member.pk == request.access.member_id:
        return reverse("branches:account")
    return reverse("branches:member_detail", args=[member.pk])


# ----------------------------------------------------------------------------------------------------- finding by one


@sensitive_post_parameters("number")
def member_find(request: PortalRequest) -> HttpResponse:
    """The members with exactly this number; what was typed goes into no address and no log."""
    access = request.access
    form = FindForm(request.POST or None, today=access.on)
    found: list[Member] | None = None
    if request.method == "POST" and form.is_valid():
        field, value = form.cleaned_data["number"]
        found = list(with_value(field, value).filter(kept(access)).with_branch(access.on).order_by("name_key", "pk"))
        audit.note(access, audit.Kind.REVEAL, "按号码查找党员", field=FIELDS[field].label, count=len(found))
        form = FindForm(today=access.on)  # the number is not sent back
    return render(request, "branches/member_find.html", {"form": form, "found": found})


# ------------------------------------------------------------------------------------------------------ one's own


@sensitive_post_parameters("phone")
def own_contact(request: PortalRequest) -> HttpResponse:
    """One's own phone, kept by oneself."""
    access = request.access
    form = ContactForm(request.POST or None)
    member = get_object_or_404(Member, pk=access.member_id)
    if request.method == "POST" and form.is_valid():
        phone = form.cleaned_data["phone"]
        with audit.together():
            member = Member.objects.select_for_update().get(pk=member.pk)
            columns = set_personal(member, phone=phone)
            if columns:
                member.save(update_fields=columns)
                audit.note(access, audit.Kind.WRITE, "修改本人联系电话", member)
        for sentence in shared_phone(access, phone, member):
            messages.warning(request, f"已保存。{sentence}")
        messages.success(request, "联系电话已保存。" if phone else "已删去登记的联系电话。")
        return redirect("branches:account")
    return render(request, "branches/own_contact.html", {"form": form, "masked": masked(member, "phone")})


WATCHER_COLUMNS = [
    {"label": "姓名", "kind": "head"}, {"label": "所任职务"}, {"label": "能看到什么"},
]  # fmt: skip
REVEAL_COLUMNS = [
    {"label": "时间", "kind": "head"}, {"label": "查看人"}, {"label": "身份"}, {"label": "内容"}, {"label": "事由"},
    {"label": "结果"},
]  # fmt: skip


def who_sees_me(request: PortalRequest) -> HttpResponse:
    """Who reads my entry today or did on a day past, by which post, how much of it, and who had my numbers shown."""
    access = request.access
    member = get_object_or_404(Member, pk=access.member_id)
    form = DayFilter({"on": request.GET.get("on") or access.on.isoformat()})
    form.fields["on"].label = "哪一天"
    day = (form.cleaned_data["on"] if form.is_valid() else None) or access.on
    rows = [
        {
            "cells": [
                watcher.member.name,
                "；".join(f"{post.branch or post.committee}　{post.get_kind_display()}" for post in watcher.posts),
                "名册内容；打码的号码和电话；说明事由后可查看全号"
                if watcher.may_reveal
                else "名册内容；打码的号码和电话",
            ]
        }
        for watcher in watchers(member, day, access.now)
    ]
    here = Membership.objects.filter(on_day(day), member=member).select_related("branch").first()
    page = Paginator(reveals_of(member), PER_PAGE).get_page(request.GET.get("page"))
    reveals = [
        {
            "cells": [
                cn_moment(event.at, access.now), event.actor_name, event.roles or "—",
                event.detail.get("field", ""), event.detail.get("reason", ""), "成功" if event.ok else "未成功",
            ]
        }
        for event in page
    ]  # fmt: skip
    return render(
        request,
        "branches/who_sees_me.html",
        {
            "form": form,
            "day": day,
            "is_today": day == access.on,
            "columns": WATCHER_COLUMNS,
            "rows": rows,
            "branch": here.branch if here else None,
            "fellows": here.branch.roster(day).count() - 1 if here else 0,
            "page": page,
            "reveal_columns": REVEAL_COLUMNS,
            "reveals": reveals,
            "personal": [(name, field.label, masked(member, name)) for name, field in FIELDS.items()],
        },
    )
