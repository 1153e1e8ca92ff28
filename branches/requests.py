"""What the clock has given every request by the time a view meets it, and who asks: a person or a page's script."""

from datetime import datetime

from django.http import HttpRequest

from branches.access import Access
from branches.models import LoginSession


def wants_json(request: HttpRequest) -> bool:
    """Whether a page's script asks, which reads data and no pages."""
    return request.headers.get("Accept") == "application/json"


class PortalRequest(HttpRequest):
    """A request with its one instant and its person's rights (`branches.clock.ClockMiddleware`)."""

    now: datetime
    access: Access
    # Whether the account knows the browser that asks to log in (`branches.devices`).
    known_device: bool
    # Whether a login was refused without looking at the password (`branches.guessing`).
    refused_unseen: bool
    # Of whoever is logged in, and the one that ended where somebody comes with it (`branches.sessions`).
    login_session: LoginSession | None
    ended_session: LoginSession | None
