"""One's own calendar link: made, shown once, revoked; and what it opens for a phone or a mail program."""

from __future__ import annotations

import hashlib

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.debug import sensitive_variables

from branches.models import User
from branches.requests import PortalRequest
from study import feed as feeds
from study.models import CalendarFeed


@sensitive_variables("secret", "link")
def calendar_feed(request: PortalRequest) -> HttpResponse:
    """The person's calendar link: whether there is one, a new one, or an end of it; shown only when it is made."""
    user, link = get_object_or_404(User, pk=request.user.pk), ""
    action = request.POST.get("action", "")
    if request.method == "POST":
        if action == "revoke":
            done = feeds.revoke(user, request.access)
            said = "订阅链接已停用，订阅了它的日历不再更新。" if done else "没有正在使用的订阅链接。"
            messages.success(request, said)
            return redirect("study:calendar_feed")
        if action != "renew":
            raise BadRequest("没有这样的操作。")
        secret = feeds.renew(user, request.access)
        link = request.build_absolute_uri(reverse("study:feed", args=[secret]))
    kept = CalendarFeed.objects.filter(user=user, revoked_at__isnull=True).first()
    return render(request, "study/calendar_feed.html", {"link": link, "kept": kept})


@login_not_required
@sensitive_variables("secret")
def feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The calendar that the secret opens, to whoever has it; an unknown or ended link is answered alike."""
    access = feeds.reader(secret, request.now)  # type: ignore[attr-defined]
    if access is None:
        response = HttpResponse("这个日历链接不存在或已停用。", status=404, content_type="text/plain; charset=utf-8")
        return _private(response)
    data = feeds.feed(access)
    etag = quote_etag(hashlib.sha256(data).hexdigest())
    response = get_conditional_response(request, etag=etag) or HttpResponse(
        data, content_type="text/calendar; charset=utf-8"
    )
    response["ETag"] = etag
    return _private(response)


def _private(response: HttpResponse) -> HttpResponse:
    """Kept by no cache, found by no search engine, and its address told to nobody."""
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Content-Type-Options"] = "nosniff"
    return response
