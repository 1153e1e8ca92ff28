"""One's own messages: what a person was told, and that it was read."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from branches.form_base import FilterForm
from branches.requests import PortalRequest, wants_json
from inbox.models import Message

PER_PAGE = 30
SHOW = [("", "全部"), ("unread", "未读")]


class MessageFilter(FilterForm):
    """Which messages: all, or those that wait to be read."""

    show = forms.ChoiceField(label="显示", required=False, choices=SHOW)


def message_list(request: PortalRequest) -> HttpResponse:
    """The person's messages: the unread first, of each the newest first."""
    form = MessageFilter(request.GET)
    show = form.cleaned_data["show"] if form.is_valid() else ""
    rows = Message.objects.visible_to(request.access)
    if show:
        rows = rows.unread()
    is_read = ExpressionWrapper(Q(read_at__isnull=False), output_field=BooleanField())
    page = Paginator(rows.annotate(is_read=is_read).order_by("is_read", "-told_at", "-pk"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    shown = list(page)
    context = {
        "filter_form": form, "show": show, "page": page, "rows": shown,
        "unread": [row.pk for row in shown if row.read_at is None],
    }  # fmt: skip
    return render(request, "inbox/message_list.html", context)


def message_detail(request: PortalRequest, pk: int) -> HttpResponse:
    """One message with its lines; the page's script, or the button, says that it was read: looking writes nothing."""
    return render(request, "inbox/message_detail.html", {"message": _mine(request, pk)})


@require_POST
def message_read(request: PortalRequest, pk: int) -> HttpResponse:
    """One message is read; a script is told how many are left."""
    message = _mine(request, pk)
    done = Message.objects.filter(pk=message.pk).mark_read(request.now)
    if wants_json(request):
        return JsonResponse({"unread": request.access.unread - done})
    return redirect(message)


@require_POST
def messages_read(request: PortalRequest) -> HttpResponse:
    """Those that stood on the page are read; what came in meanwhile is not."""
    named = [text for text in request.POST.getlist("id") if text.isascii() and text.isdecimal() and len(text) < 19]
    rows = Message.objects.visible_to(request.access).filter(pk__in=[int(text) for text in named[:PER_PAGE]])
    if count := rows.mark_read(request.now):
        messages.success(request, f"已把{count}条消息标为已读。")
    return redirect(reverse("inbox:message_list"))


def _mine(request: PortalRequest, pk: int) -> Message:
    return get_object_or_404(Message.objects.visible_to(request.access), pk=pk)
