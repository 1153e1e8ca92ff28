"""Sensitive acts ask for the password once more: a page left open must not be enough for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from branches.models import LoginSession

MINUTES = 10
# So many wrong answers end the login.
TRIES = 5
WRONG = "sudo_wrong"


def is_fresh(request: Any) -> bool:
    """Whether the password (or the second factor) was given within the last ten minutes of this login."""
    row: LoginSession | None = request.login_session
    return row is not None and row.sudo_until_at is not None and request.now < row.sudo_until_at


def freshen(request: Any) -> None:
    """The password (or the second factor) was just given; it counts for this login and ends with it."""
    row: LoginSession = request.login_session
    row.sudo_until_at = request.now + timedelta(minutes=MINUTES)
    LoginSession.objects.filter(pk=row.pk, ended_at=None).update(sudo_until_at=row.sudo_until_at)
    request.session.pop(WRONG, None)


def fail(request: Any) -> int:
    """A wrong answer: how many tries are left before this login has to end."""
    request.session[WRONG] = request.session.get(WRONG, 0) + 1
    return max(TRIES - request.session[WRONG], 0)


def sudo_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view runs for whoever gave the password just now; the others are asked for it and come back to the page.

    A form that was open too long comes back as a page: what cannot be repeated by a GET returns to the page before.
    """

    @wraps(view)
    def asked(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_fresh(request):
            return view(request, *args, **kwargs)
        back = request.get_full_path() if request.method in ("GET", "HEAD") else request.POST.get("back", "")
        query = urlencode({"next": back or request.get_full_path()})
        return redirect(f"{reverse('branches:sudo')}?{query}")

    asked.needs_sudo = True  # type: ignore[attr-defined]
    return asked
