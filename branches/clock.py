"""Now, read once per request from the server's clock and handed on as an argument."""

import secrets
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from branches.access import Access

_started_at = timezone.now()


def current_instant() -> datetime:
    """The server's clock; in demo mode the demo's, which starts at DEMO_NOW with the process and then runs on."""
    now = timezone.now()
    if settings.DEMO and settings.DEMO_NOW:
        return settings.DEMO_NOW + (now - _started_at)
    return now


def began_at() -> datetime:
    """When the demo's clock of this process began to run."""
    return _started_at


def begin_at(moment: datetime) -> None:
    """Let the demo's clock have begun then: it shows what that of another process does."""
    global _started_at
    _started_at = moment


def phone_instant(now: datetime) -> datetime:
    """The time on people's phones: the request's own, but where the demo's clock is set to another day, today's."""
    return timezone.now() if settings.DEMO and settings.DEMO_NOW else now


def address_of(request: HttpRequest, credentials: object = None) -> str:
    """The address that the request came from: the proxies in front (PROXIES, 0 by default) are believed, others not."""
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    text = (
        forwarded[-settings.PROXIES] if 0 < settings.PROXIES <= len(forwarded) else request.META.get("REMOTE_ADDR", "")
    )
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


class ClockMiddleware:
    """Gives each request `now` (one instant for the whole request) and `access` (what their posts allow)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = current_instant()
        access = Access.of(request.user, now, ip=address_of(request), request_id=secrets.token_hex(8))
        request.now, request.access = now, access  # type: ignore[attr-defined]
        return self.get_response(request)
