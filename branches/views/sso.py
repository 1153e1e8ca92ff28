"""Campus single sign-on: away to the server, back from it, and what the server says when a login there is over.

Nothing here redirects to the server by itself: each way there is a button that somebody presses, so that no error can
send a browser round in circles.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from branches import audit
from branches.models import User
from branches.requests import PortalRequest
from branches.sso import cas, matching, oidc
from branches.sso.configuration import SingleSignOn
from branches.sso.outcome import SignOnFailed, Trouble, Witness
from branches.sudo import freshen
from branches.views.accounts import _safe_target

log = logging.getLogger(__name__)

KEY = "sso"
# How long somebody may take at the server's login page.
PATIENCE = timedelta(minutes=10)
# A logout message is some hundred bytes (CAS) or one token (OpenID Connect).
LARGEST_MESSAGE = 16 * 1024
LOGIN, SUDO = "login", "sudo"

# What the page says: what is wrong, and the cure.
WORDS: dict[Trouble, tuple[str, str]] = {
    Trouble.NOBODY: ("您还没有开通账号", "统一身份认证已通过，但支部工作台没有这个工号的账号。请找系统管理员开通。"),
    Trouble.PAUSED: (
        "您的账号已暂停",
        "统一身份认证已通过，但您在支部工作台的账号已暂停。需要恢复，请找系统管理员。",
    ),
    Trouble.TICKET: ("这次登录凭证已用过或已过期", "登录凭证只能用一次，且须在短时间内使用。请重新登录。"),
    Trouble.LATE: ("这次登录已失效", "可能是在认证页面停留过久，或同时打开了几个登录页面。请重新登录。"),
    Trouble.UNREACHABLE: (
        "统一身份认证暂时连不上",
        "支部工作台连不上学校的认证服务器，不是您的操作有误。请过几分钟再试；急用时可以改用工号和密码登录。",
    ),
    Trouble.ANSWER: (
        "统一身份认证的答复不能采信",
        "认证服务器的答复与设置不符，为安全起见没有登录。请告诉系统管理员；急用时可以改用工号和密码登录。",
    ),
    Trouble.NUMBER: (
        "统一身份认证没有告诉您的工号",
        "没有工号就认不出是哪个账号。请告诉系统管理员核对设置；急用时可以改用工号和密码登录。",
    ),
    Trouble.CANCELLED: ("没有完成统一身份认证", "您在认证页面取消了登录，或没有同意。需要时请重新登录。"),
    Trouble.OTHER: ("不是同一个人", "统一身份认证登录的是另一个工号，与这里登录的不同，所以没有通过验证。"),
}
# Where another account of the server would help, its login there has to end first.
ANOTHER_ACCOUNT = {Trouble.NOBODY, Trouble.PAUSED, Trouble.OTHER}


def _where_configured(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view gets the settings of the single sign-on; where it is off there is no such page."""

    @wraps(view)
    def found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if settings.SSO is None:
            raise Http404
        return view(request, settings.SSO, *args, **kwargs)

    return found


@login_not_required
@require_POST
@never_cache
@_where_configured
def begin(request: PortalRequest, sso: SingleSignOn) -> HttpResponse:
    """A page that leads on to the server at once.

    A page and not a redirect: a form's redirects fall under the Content-Security-Policy's form-action, and where the
    server sends people on the way only the server knows. And a POST: nobody is sent to log in by a foreign link.
    """
    sudo = request.POST.get("purpose") == SUDO and request.user.is_authenticated
    if request.user.is_authenticated and not sudo:
        return redirect(_safe_target(request))
    kept: dict[str, Any] = {}
    try:
        if sso.kind == "cas":
            address = cas.login_url(sso, renew=sudo)
        else:
            address, kept = oidc.begin(sso, request.now, renew=sudo)
    except SignOnFailed as refused:
        return _failed(request, refused)
    purpose = SUDO if sudo else LOGIN
    request.session[KEY] = kept | {"purpose": purpose, "next": _safe_target(request), "at": request.now.isoformat()}
    return render(request, "branches/sso_go.html", {"address": address})


@csrf_exempt
@login_not_required
@never_cache
@_where_configured
def back(request: PortalRequest, sso: SingleSignOn) -> HttpResponse:
    """Back from the server, with a ticket or a code in the address: used at once and never shown.

    A CAS server posts its logout messages to the very same address, without a cookie or a token of ours; a POST does
    nothing else (`_hear`).
    """
    if request.method == "POST":
        return _hear(request, sso)
    kept = request.session.pop(KEY, None)
    if kept is None and request.user.is_authenticated:
        return redirect("home")  # the browser's back button
    try:
        if kept is None or not timedelta(0) <= request.now - datetime.fromisoformat(kept["at"]) <= PATIENCE:
            raise SignOnFailed(Trouble.LATE, "没有开始过或已超过10分钟")
        witness = _ask(request, sso, kept)
        user = matching.account_of(witness.number)
        if kept["purpose"] != SUDO:
            return matching.let_in(request, user, kept["next"], sso.kind, witness)
        _confirm(request, user)
    except SignOnFailed as refused:
        return _failed(request, refused, begun=kept is not None)
    return redirect(kept["next"])


def _ask(request: PortalRequest, sso: SingleSignOn, kept: dict[str, Any]) -> Witness:
    sudo = kept["purpose"] == SUDO
    if sso.kind == "cas":
        return cas.validate(sso, request.GET.get("ticket", ""), renew=sudo)
    since = datetime.fromisoformat(kept["at"]).timestamp() if sudo else None
    return oidc.finish(sso, request.GET.dict(), kept, request.now, renewed_since=since)


def _confirm(request: PortalRequest, user: User) -> None:
    """The same person has just given the password there: sensitive acts are open for a while."""
    if not request.user.is_authenticated or request.user.pk != user.pk:
        raise SignOnFailed(Trouble.OTHER, "再次验证时登录的是另一个账号", number=user.staff_number)
    audit.note(request.access, audit.Kind.LOGIN, "再次验证身份", via="sso")
    freshen(request)


def _failed(request: PortalRequest, failed: SignOnFailed, *, begun: bool = True) -> HttpResponse:
    """Written down without the ticket, and shown on a page whose address has none.

    What nobody began is not written down: anybody can open that address as often as they like.
    """
    if begun:
        audit.note(
            request.access, audit.Kind.LOGIN, "统一身份认证未通过", ok=False,
            claimed=failed.number, trouble=failed.trouble.value, why=failed.why,
        )  # fmt: skip
    return redirect("branches:sso_failed", failed.trouble.value)


@login_not_required
@_where_configured
def failed(request: PortalRequest, sso: SingleSignOn, trouble: str) -> HttpResponse:
    """Why it came to nothing and what to do; there is always the way by staff number and password."""
    try:
        known = Trouble(trouble)
    except ValueError:
        raise Http404 from None
    heading, words = WORDS[known]
    leave = _leave_address(request, sso) if known in ANOTHER_ACCOUNT else ""
    return render(request, "branches/sso_failed.html", {"heading": heading, "words": words, "leave": leave})


@login_not_required
@_where_configured
def ended(request: PortalRequest, sso: SingleSignOn) -> HttpResponse:
    """After the logout here: the login at the server goes on, and this page leads to where it ends too."""
    return render(request, "branches/sso_ended.html", {"leave": _leave_address(request, sso)})


def _leave_address(request: PortalRequest, sso: SingleSignOn) -> str:
    """Where the login at the server ends; empty if there is no such page or it cannot be asked for it."""
    if sso.kind == "cas":
        return cas.logout_url(sso)
    try:
        return oidc.logout_url(sso, request.now)
    except SignOnFailed:
        return ""


@csrf_exempt
@login_not_required
@require_POST
@never_cache
@_where_configured
def logout(request: PortalRequest, sso: SingleSignOn) -> HttpResponse:
    """The server says, from machine to machine, that a login there is over."""
    return _hear(request, sso)


def _hear(request: PortalRequest, sso: SingleSignOn) -> HttpResponse:
    """End what a logout message verifiably names; said twice, or of a login that is not here, it changes nothing.

    There is no token of ours in it: a CAS message is believed for the ticket that it names and that only the server
    and we have ever seen, an OpenID Connect one for the provider's signature.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        return JsonResponse({"error": "invalid_request"}, status=400)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > LARGEST_MESSAGE:
        return JsonResponse({"error": "invalid_request"}, status=413)
    try:
        if sso.kind == "cas":
            ticket, subject = cas.ended_ticket(request.POST.get("logoutRequest", "")), ""
        else:
            ticket, subject = oidc.ended(sso, request.POST.get("logout_token", ""), request.now)
    except SignOnFailed as refused:
        # Anybody can send these: a line in the log, none in the audit log, whose chain they would keep busy.
        log.warning("single logout refused: %s", refused.why)
        return JsonResponse({"error": "invalid_request"}, status=400)
    matching.end(ticket, subject, request.access)
    return HttpResponse(status=200)
