"""Sensitive acts ask for the password once more: a page left open must not be enough for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

MINUTES = 10
KEY = "sudo_until"


def is_fresh(request: HttpRequest, now: datetime) -> bool:
    """Whether the password was given within the last ten minutes of this login."""
    until = request.session.get(KEY)
    return until is not None and now < datetime.fromisoformat(until)


def freshen(request: HttpRequest, now: datetime) -> None:
    """The password (or the second factor) was just given."""
    request.session[KEY] = (now + timedelta(minutes=MINUTES)).isoformat()


def sudo_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view runs for whoever gave the password just now; the others are asked for it and come back to the page.

    A form that was open too long comes back as a page: what cannot be repeated by a GET returns to the page before.
    """

    @wraps(view)
    def asked(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_fresh(request, request.now):
            return view(request, *args, **kwargs)
        back = request.get_full_path() if request.method in ("GET", "HEAD") else request.POST.get("back", "")
        query = urlencode({"next": back or request.get_full_path()})
        return redirect(f"{reverse('branches:sudo')}?{query}")

    asked.needs_sudo = True  # type: ignore[attr-defined]
    return asked
