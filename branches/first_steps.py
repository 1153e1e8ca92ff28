"""What an account does before anything else: an own password, then the privacy notice, then what follows in STEPS.

The guard asks `pending` before every page. Until nothing is pending, only the pages of the pending step open, besides
those that are ALWAYS_OPEN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from branches import passwords, second_factor
from branches.requests import PortalRequest

# Raised when the text of templates/branches/privacy.html changes in substance: everybody reads it again.
PRIVACY_VERSION = "2026-11"
# The notice may always be read, whichever step is pending; logging out is always possible.
ALWAYS_OPEN = frozenset(
    {"healthz", "branches:login", "branches:login_code", "branches:logout", "branches:activate", "branches:privacy"}
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step: whether this person still has to take it, its page, and the pages that belong to it."""

    needed: Callable[[PortalRequest], bool]
    route: str
    also: frozenset[str] = frozenset()

    @property
    def routes(self) -> frozenset[str]:
        return self.also | {self.route}


def needs_password(request: PortalRequest) -> bool:
    """Whether the account has no own password, or one too old; it needs none when the campus vouches for it."""
    if request.login_session is not None and request.login_session.by_sso:
        return False
    return request.access.actor.must_change_password or passwords.is_expired(request.access)


def needs_privacy(request: PortalRequest) -> bool:
    return request.access.actor.privacy_version != PRIVACY_VERSION


def needs_second_factor(request: PortalRequest) -> bool:
    return second_factor.is_due(request.access)


# In this order.
STEPS: tuple[Step, ...] = (
    Step(needs_password, "branches:password"),
    Step(needs_privacy, "branches:privacy"),
    Step(needs_second_factor, "branches:totp", also=frozenset({"branches:sudo"})),
)


def pending(request: PortalRequest) -> Step | None:
    """The step to take next; None where all are taken, or nobody is logged in."""
    if request.access.user is None:
        return None
    return next((step for step in STEPS if step.needed(request)), None)


def stands_before(request: PortalRequest, route: str) -> Step | None:
    """The step that stands before this page; None where the page opens."""
    step = pending(request)
    if step is None or route in step.routes or route in ALWAYS_OPEN:
        return None
    return step


def taken(at: datetime) -> dict[str, Any]:
    """The columns of an account that has taken them all, for accounts that are made as such (the demo's)."""
    return {"must_change_password": False, "privacy_version": PRIVACY_VERSION, "privacy_at": at}
