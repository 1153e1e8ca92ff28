"""What became of what was sent: the office's list of its own people, without a word of the messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from branches.access import Role
from branches.form_base import FilterForm
from branches.requests import PortalRequest
from inbox import offered, sending
from inbox.models import Sending, Way

PER_PAGE = 50
DAYS = 30
TONES = {"waiting": "todo", "sent": "kept", "skipped": "waived", "failed": "overdue"}


class SendingFilter(FilterForm):
    """Conditions of the list: how it stands, and by which way it goes."""

    state = forms.ChoiceField(label="状态", required=False, choices=[("", "全部"), *Sending.State.choices])
    way = forms.ChoiceField(label="方式", required=False, choices=[("", "全部"), *Way.choices])


def sending_list(request: PortalRequest) -> HttpResponse:
    """To whom of one's people what sort of message went and how; who only keeps the system sees numbers and reasons."""
    if Role.OFFICE not in request.access.roles:
        return _figures(request)
    form = SendingFilter(request.GET)
    form.is_valid()
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    mine = Sending.objects.visible_to(request.access)
    rows = mine.filter(**asked).select_related("message__user__member").defer("message__lines", "message__title")
    page = Paginator(rows.order_by("-message__told_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "filter_form": form, "asked": asked, "page": page,
        "rows": [(row, TONES[row.state]) for row in page],
        "failed": mine.filter(state=Sending.State.FAILED).count(),
    }  # fmt: skip
    return render(request, "inbox/sending_list.html", context)


def _figures(request: PortalRequest) -> HttpResponse:
    """For the system administrator: how many of the last days stand how, and the reasons, without a name."""
    since = request.now - timedelta(days=DAYS)
    recent = Sending.objects.filter(message__told_at__gte=since)
    counts: dict[str, dict[str, Any]] = {
        way.value: {"label": way.label, "closed": offered.NOT_SET_UP[way] if way not in offered.set_up() else "",
                    "states": dict.fromkeys(Sending.State.values, 0)}
        for way in Way
    }  # fmt: skip
    for way, state, count in recent.order_by().values_list("way", "state").annotate(Count("pk")):
        counts[way]["states"][state] = count
    reasons = recent.exclude(error="").exclude(state=Sending.State.SKIPPED).order_by().values_list("way", "error")
    found = [
        (Way(way).label, error, count)
        for way, error, count in reasons.annotate(count=Count("pk")).order_by("-count", "way", "error")[:20]
    ]
    ways = [
        (one["label"], one["closed"], [(Sending.State(state).label, n) for state, n in one["states"].items()])
        for one in counts.values()
    ]
    return render(request, "inbox/sending_figures.html", {"ways": ways, "reasons": found, "days": DAYS})


@require_POST
def sending_again(request: PortalRequest, pk: int) -> HttpResponse:
    """One that was given up is tried anew."""
    row = get_object_or_404(Sending.objects.visible_to(request.access), pk=pk)
    return _again(request, sending.retry(Sending.objects.filter(pk=row.pk), request.access))


@require_POST
def sendings_again(request: PortalRequest) -> HttpResponse:
    """All of one's people's that were given up are tried anew."""
    mine = Sending.objects.visible_to(request.access).values("pk")
    return _again(request, sending.retry(Sending.objects.filter(pk__in=mine), request.access))


def _again(request: PortalRequest, count: int) -> HttpResponse:
    if count:
        messages.success(request, f"{count}条消息将在一分钟内重新发送。")
    else:
        messages.info(request, "没有要重新发送的：可能刚才已经点过。")
    return redirect("inbox:sending_list")
