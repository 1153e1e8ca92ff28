"""Between the right password and the login: where the account has a second factor, five minutes to show it.

Until then nobody is logged in: the session holds only whose password it was, and until when and how often the code may
be tried. A wrong code counts as a failed login.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from branches import audit, second_factor, secrets, sessions
from branches.models import User
from branches.requests import PortalRequest

KEY = "second_step"
MINUTES = 5
TRIES = 5
PURPOSE = "login.ticket"


@dataclass(frozen=True)
class Pending:
    """Whose code is awaited until when, how often it may still be wrong, and how the login goes on then."""

    user: int
    mark: str  # of the password it was: another one makes the step void
    until: str
    left: int
    target: str
    via: str
    ticket: str

    @property
    def until_at(self) -> datetime:
        return datetime.fromisoformat(self.until)


def proceed(request: PortalRequest, user: User, target: str, via: str = "password", ticket: str = "") -> HttpResponse:
    """The first factor was right: log in, or ask for the second one where the account has it; then on to `target`."""
    if not user.totp_sealed:
        sessions.begin(request, user, via, ticket)
        return redirect(target)
    until = request.now + timedelta(minutes=MINUTES)
    sealed = secrets.seal(ticket, PURPOSE)
    request.session.cycle_key()
    keep(
        request,
        Pending(user.pk, user.get_session_auth_hash(), until.isoformat(), TRIES, target, via, sealed),
    )
    return redirect("branches:login_code")


def pending(request: PortalRequest) -> tuple[Pending, User] | None:
    """Whose code this session waits for; None where it waits for none, or no longer."""
    kept = request.session.get(KEY)
    if not kept:
        return None
    step = Pending(**kept)
    user = User.objects.filter(pk=step.user, is_active=True).exclude(totp_sealed="").first()
    if user is None or user.get_session_auth_hash() != step.mark or request.now >= step.until_at:
        return None
    return step, user


def keep(request: HttpRequest, step: Pending) -> None:
    request.session[KEY] = asdict(step)


def forget(request: HttpRequest) -> None:
    request.session.pop(KEY, None)


def is_paused(request: PortalRequest, user: User) -> bool:
    """Whether this account cannot log in from here just now."""
    return not AxesProxyHandler.is_allowed(request, {"username": user.staff_number})


def finish(request: PortalRequest, step: Pending, user: User, code: str) -> str:
    """Log in with the right code; what was right ("totp", "recovery"), or "" if it was not."""
    if second_factor.accept(user, code, request.now):
        by = "totp"
    elif second_factor.use_recovery(user, code, request.now):
        by = "recovery"
    else:
        return ""
    forget(request)
    sessions.begin(request, user, step.via, secrets.unseal(step.ticket, PURPOSE))
    if by == "recovery":
        audit.note(request.access, audit.Kind.LOGIN, "使用恢复码")
    return by


def fail(request: Any, step: Pending, user: User) -> int:
    """A wrong code: written down, counted as a failed login; how often it may still be tried."""
    audit.note(request.access, audit.Kind.LOGIN, "两步验证未通过", ok=False, claimed=user.staff_number)
    user_login_failed.send(sender=__name__, credentials={"username": user.staff_number}, request=request)
    left = step.left - 1
    if left:
        keep(request, replace(step, left=left))
    else:
        forget(request)
    return left
