"""Browsers that an account has logged in from before: others' wrong guesses do not keep its owner out there.

The browser holds a random token in a signed cookie; the row knows only the digest of token and staff number, so that
several people at one computer are known each for themselves.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse

from branches.models import KnownDevice, User
from branches.requests import PortalRequest
from branches.secrets import mac

COOKIE = "portal_device"
DAYS = 180
MOST = 10  # per account; the one not seen for longest goes
# A known device that fails so often in a row is known no longer, until it has logged in again.
TRIES = 5


def _token(request: HttpRequest) -> str:
    return request.get_signed_cookie(COOKIE, default="", salt=COOKIE) or ""


def _digest(token: str, number: str) -> str:
    return mac(f"{number}|{token}", "device")


def _known(request: PortalRequest, number: str) -> QuerySet[KnownDevice]:
    token = _token(request)
    if not token:
        return KnownDevice.objects.none()
    since = request.now - timedelta(days=DAYS)
    return KnownDevice.objects.filter(mac=_digest(token, number), failures__lt=TRIES, seen_at__gt=since)


def is_known(request: PortalRequest, number: str) -> bool:
    """Whether this browser is known for the number, and has a try left."""
    return _known(request, number).exists()


def claim(request: PortalRequest, number: str) -> bool:
    """Whether this browser is known for the number, and has one of its tries left, which this takes."""
    return _known(request, number).update(failures=F("failures") + 1) == 1


def remember(request: PortalRequest, response: HttpResponse, user: User) -> HttpResponse:
    """The account has just logged in from this browser: its tries are its own again. The response with the cookie."""
    token = _token(request) or secrets.token_urlsafe(32)
    KnownDevice.objects.update_or_create(
        mac=_digest(token, user.staff_number),
        defaults={"user": user, "seen_at": request.now, "failures": 0},
        create_defaults={"user": user, "seen_at": request.now, "first_at": request.now},
    )
    kept = user.known_devices.order_by("-seen_at", "-pk").values_list("pk", flat=True)[:MOST]
    user.known_devices.exclude(pk__in=list(kept)).delete()
    response.set_signed_cookie(
        COOKIE, token, salt=COOKIE, max_age=DAYS * 86400, httponly=True, samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip
    return response
