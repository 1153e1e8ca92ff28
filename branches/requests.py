"""What the clock has given every request by the time a view meets it; for annotations only."""

from datetime import datetime

from django.http import HttpRequest

from branches.access import Access
from branches.models import LoginSession


class PortalRequest(HttpRequest):
    """A request with its one instant and its person's rights (`branches.clock.ClockMiddleware`)."""

    now: datetime
    access: Access
    # Of whoever is logged in, and the one that ended where somebody comes with it (`branches.sessions`).
    login_session: LoginSession | None
    ended_session: LoginSession | None
