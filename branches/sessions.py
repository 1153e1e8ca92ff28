"""Logins as rows: who is logged in, since when and from where, until when it may last, and why it ended.

    begin(request, user)                 the one way to log somebody in; the newest logins stay, the others end
    keep(request, user)                  after a new password: this login goes on under a new key
    end(row, why, access)                one login ends; at its next click it is told why
    end_all(user, why, access, but=row)  all of an account, or all but one
    end_by_ticket(ticket, access)        the login that came with that ticket of the single sign-on
    end_by_subject(subject, access)      every login of the person whom the single sign-on calls by that name
    live(now)                            the logins that a next click would still find open

The request's clock decides (`request.now`), so that in the demo it is the demo's. Django's own session only carries the
key; a session whose row has ended, or that has none, is logged out before anything else happens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.timezone import localdate

from branches import audit, secrets, unsent
from branches.access import Access
from branches.models import LoginSession, Post, User, on_day
from branches.requests import wants_json

BACKEND = "branches.accounts.StaffNumberBackend"
End = LoginSession.End
# Under this name the session holds the roles it was begun with: whoever gains or loses one logs in anew.
ROLES = "roles"
# How often a click is written down: the idle time is counted to within a minute.
SEEN_EVERY = timedelta(minutes=1)
# What a page's script is told, whatever ended the login.
ENDED_FOR_SCRIPTS = "登录已到期，请重新登录。"


@dataclass(frozen=True)
class Limits:
    """How long a login may lie idle, how long it may last, and how many an account may have at once."""

    idle: timedelta
    whole: timedelta
    parallel: int


MEMBERS = Limits(timedelta(minutes=30), timedelta(hours=8), 3)
OFFICE = Limits(timedelta(minutes=30), timedelta(hours=8), 2)
ADMINISTRATORS = Limits(timedelta(minutes=15), timedelta(hours=4), 1)

# What the login page says of a login that ended by itself or was ended; the own logout has words of its own.
SAID = {
    End.LOGOUT: "这次登录已退出，请重新登录。",
    End.IDLE: "长时间未操作，为安全起见已退出登录。请重新登录，登录后回到刚才的页面。",
    End.LIMIT: "这次登录已到最长时间，请重新登录，登录后回到刚才的页面。",
    End.NEWER: "您的账号在别处登录，超过了同时登录的数量，这里的登录已退出。如果不是您本人，请马上登录并修改密码。",
    End.ENDED: "这次登录已由本人或安全管理员结束，请重新登录。",
    End.CHANGED: "密码、两步验证或职务有变动，或者账号已暂停，请重新登录。",
    End.SSO: "统一身份认证已退出，请重新登录。",
}  # fmt: skip


def limits_of(access: Access) -> Limits:
    """The strictest limits of the posts held on the day."""
    if access.administers or access.secures or access.audits:
        return ADMINISTRATORS
    return OFFICE if access.office_of else MEMBERS


def live(now: datetime) -> QuerySet[LoginSession]:
    """The logins that have not ended and are within their limits; the newest first."""
    kinds = Post.objects.filter(on_day(localdate(now)), member=OuterRef("user__member"), kind__in=Post.ADMINISTRATORS)

    def within(limits: Limits) -> Q:
        return Q(seen_at__gt=now - limits.idle, began_at__gt=now - limits.whole)

    open_ones = LoginSession.objects.filter(within(MEMBERS), ended_at=None, user__is_active=True)
    return open_ones.filter(within(ADMINISTRATORS) | ~Exists(kinds)).order_by("-began_at", "-pk")


def begin(request: Any, user: User, via: str = "password", ticket: str = "") -> LoginSession:
    """Log the person in under a new key and write it down; logins beyond the limit end, the oldest first.

    `via` is how it was proved who this is (password, activation, cas, oidc), `ticket` what single logout will name: a
    ticket or a session, and on a second line the person, where the server has a name of its own for them.
    From here on the request is that person's: `request.user`, `request.access` and `request.login_session`.
    """
    before = request.access
    named, _, subject = ticket.partition("\n")
    with audit.together():
        # Two logins of one account at once: the second waits, and then counts the first.
        User.objects.select_for_update().filter(pk=user.pk).first()
        if request.user.is_authenticated:
            if request.login_session is not None:
                end(request.login_session, End.LOGOUT, before)
            request.session.flush()
        auth.login(request, user, backend=BACKEND)
        access = Access.of(user, request.now, ip=before.ip, request_id=before.request_id)
        request.session[ROLES] = sorted(access.roles)
        row = LoginSession.objects.create(
            user=user, key_mac=mac_of(request.session.session_key), began_at=request.now, seen_at=request.now,
            ip=access.ip or None, agent=browser_of(request.META.get("HTTP_USER_AGENT", "")), via=via,
            ticket_mac=mac_of(named, "ticket") if named else "",
            subject_mac=mac_of(subject, "subject") if subject else "",
        )  # fmt: skip
        audit.note(access, audit.Kind.LOGIN, "登录", via=via)
        others = live(request.now).filter(user=user).exclude(pk=row.pk)
        for old in others[limits_of(access).parallel - 1 :]:
            end(old, End.NEWER, access)
    request.access, request.login_session = access, row
    return row


def keep(request: Any, user: User) -> None:
    """After a new password this login goes on under a new key; the others are for `end_all` to end."""
    auth.update_session_auth_hash(request, user)
    LoginSession.objects.filter(pk=request.login_session.pk).update(key_mac=mac_of(request.session.session_key))


def end(row: LoginSession, why: str, access: Access) -> bool:
    """End one login, once: whether it was this call that ended it."""
    with audit.together():
        ended = LoginSession.objects.filter(pk=row.pk, ended_at=None).update(ended_at=access.now, ended_why=why)
        if ended:
            what = "退出登录" if why == End.LOGOUT else "结束登录"
            audit.note(access, audit.Kind.LOGIN, what, row, why=End(why).label)
    return bool(ended)


def end_all(user: User, why: str, access: Access, but: LoginSession | None = None) -> int:
    """End every login of the account, or every one but that one; how many those were."""
    with audit.together():
        rows = LoginSession.objects.filter(user=user, ended_at=None)
        return sum(end(row, why, access) for row in rows if but is None or row.pk != but.pk)


def end_by_ticket(ticket: str, access: Access) -> int:
    """End the login that came with that ticket of the single sign-on; none where it has ended or was never here."""
    with audit.together():
        rows = LoginSession.objects.filter(ticket_mac=mac_of(ticket, "ticket"), ended_at=None)
        return sum(end(row, End.SSO, access) for row in rows)


def end_by_subject(subject: str, access: Access) -> int:
    """End every login of the person whom the single sign-on calls by that name."""
    with audit.together():
        rows = LoginSession.objects.filter(subject_mac=mac_of(subject, "subject"), ended_at=None)
        return sum(end(row, End.SSO, access) for row in rows)


def mac_of(key: str | None, purpose: str = "session") -> str:
    """The digest under which a session's key or a ticket is kept."""
    return secrets.mac(key or "", purpose)


def overdue(row: LoginSession, access: Access) -> str:
    """Why the login has lasted long enough, if it has: idle too long, or too long altogether."""
    limits = limits_of(access)
    if access.now - row.began_at >= limits.whole:
        return End.LIMIT
    return End.IDLE if access.now - row.seen_at >= limits.idle else ""


class LoginSessionMiddleware:
    """Finds the row of the request's session, in one query; what has ended is logged out and told why.

    Gives the request `login_session` (None for whoever is not logged in) and `ended_session` (the row of the login
    that ended, where this request came with one).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        request.login_session = request.ended_session = None
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        row = LoginSession.objects.filter(key_mac=mac_of(key)).first() if key else None
        why = self.ended(request, row)
        if why:
            self.log_out(request, row, why)
        elif row is not None and request.user.is_authenticated:
            request.login_session = row
            if request.now - row.seen_at >= SEEN_EVERY:
                LoginSession.objects.filter(pk=row.pk, ended_at=None).update(seen_at=request.now)
        return self.get_response(request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """A form that meets an ended login: what was typed waits until its owner has logged in again.

        A page's script is told in its own tongue, and keeps by itself what it could not send.
        """
        if request.access.user is None and wants_json(request) and getattr(view, "login_required", True):
            return JsonResponse({"error": ENDED_FOR_SCRIPTS}, status=401)
        if request.method != "POST":
            return None
        row: LoginSession | None = request.ended_session
        if row is not None and unsent.keep(request, row.user_id, request.resolver_match.view_name):
            return redirect(f"{reverse('branches:login')}?{urlencode({'next': reverse('branches:unsent')})}")
        if request.login_session is not None:
            unsent.sent(request)
        return None

    def ended(self, request: Any, row: LoginSession | None) -> str:
        """Why this request is nobody's although it came with a login's session; empty if nothing is wrong."""
        if row is None:
            return End.ENDED if request.user.is_authenticated else ""
        if row.ended_at is not None:
            return row.ended_why
        if request.user.is_authenticated and request.user.pk == row.user_id:
            roles = sorted(request.access.roles)
            return overdue(row, request.access) or (End.CHANGED if request.session.get(ROLES, roles) != roles else "")
        # Django's own session is gone, or the account is paused: the row follows.
        return End.ENDED if row.user.is_active else End.CHANGED

    def log_out(self, request: Any, row: LoginSession | None, why: str) -> None:
        if row is not None:
            end(row, why, request.access)
        auth.logout(request)
        access = request.access
        request.access = Access.of(AnonymousUser(), request.now, ip=access.ip, request_id=access.request_id)
        request.ended_session = row
        messages.warning(request, SAID[End(why)])


# How a browser and a system are told in what they say of themselves; the first that fits.
BROWSERS = (
    ("wxwork", "企业微信"), ("MicroMessenger", "微信"), ("DingTalk", "钉钉"), ("HuaweiBrowser", "华为浏览器"),
    ("MiuiBrowser", "小米浏览器"), ("QQBrowser", "QQ浏览器"), ("360SE|360EE|QIHU", "360浏览器"),
    ("UCBrowser", "UC浏览器"), ("Edg", "Edge"), ("Firefox|FxiOS", "Firefox"), ("Chrome|CriOS", "Chrome"),
    ("Trident|MSIE", "IE"), ("Safari", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("OpenHarmony|HarmonyOS", "鸿蒙"), ("Android", "安卓"), ("iPad", "iPad"), ("iPhone", "iPhone"),
    ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux|X11", "Linux"),
)  # fmt: skip


def browser_of(agent: str) -> str:
    """A browser in words that its user knows: `Chrome，Windows`, `微信，安卓`; what is not known is called so."""
    agent = agent[:1000]
    browser = next((name for sign, name in BROWSERS if re.search(sign, agent)), "其他浏览器")
    system = next((name for sign, name in SYSTEMS if re.search(sign, agent)), "")
    return f"{browser}，{system}" if system else browser
