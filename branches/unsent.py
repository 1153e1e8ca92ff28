"""What was typed into a form whose login had ended: kept for half an hour, given back to the same person alone.

A POST that meets an ended login is not done. Its text (no passwords, no files) waits in the anonymous session until
that person has logged in again, in however many steps, and is then shown with a button that sends it once more. There
it lies sealed: what is typed may be an ID number, and the session's row is no place to read one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest

from branches import secrets
from branches.requests import PortalRequest

KEY = "unsent"
KEPT = timedelta(minutes=30)
LONGEST = 200_000  # characters of one form
# Routes whose forms hold passwords and codes, or nothing that anybody typed.
NEVER = frozenset(
    {
        "branches:login", "branches:login_code", "branches:logout", "branches:activate", "branches:password",
        "branches:sudo", "branches:sso_begin", "branches:sso_back", "branches:sso_logout", "branches:totp",
        "branches:recovery_codes", "branches:totp_off", "branches:session_end", "branches:sessions_end",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Unsent:
    """Whose form it was, where it was going and what stood in it, as name and value, in order."""

    user: int
    path: str
    until: str
    fields: list[list[str]]
    files: bool


def fields_of(request: HttpRequest, route: str) -> list[list[str]]:
    """The form's text, as name and value, without the token; [] where it is not to be kept."""
    if route in NEVER:
        return []
    lists = ((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
    fields = [[name, value] for name, values in lists for value in values]
    return fields if sum(len(name) + len(value) for name, value in fields) <= LONGEST else []


def texts_of(fields: list[list[str]]) -> list[str]:
    """What somebody typed, longer than a number or a choice: to be read, and copied."""
    return [value for _, value in fields if len(value) > 3 and not value.isascii()]


def keep(request: Any, user_id: int, route: str) -> bool:
    """Keep the form for that person, where there is something to keep: whether it was kept."""
    fields = fields_of(request, route)
    if not fields:
        return False
    until = (request.now + KEPT).isoformat()
    request.session[KEY] = {
        "user": user_id, "path": request.get_full_path(), "until": until, "files": bool(request.FILES),
        "fields": secrets.seal(json.dumps(fields), _purpose(user_id)),
    }  # fmt: skip
    return True


def waiting(request: PortalRequest) -> Unsent | None:
    """The form that waits in this session for whoever is logged in; None where there is none, or it is another's."""
    kept = request.session.get(KEY)
    if not kept:
        return None
    me = request.access.actor.pk
    if kept["user"] != me or request.now >= datetime.fromisoformat(kept["until"]):
        return None
    try:
        fields = json.loads(secrets.unseal(kept["fields"], _purpose(me)))
    except secrets.Unreadable:
        return None
    return Unsent(**{**kept, "fields": fields})


def _purpose(user_id: int) -> str:
    return f"unsent.{user_id}"


def sent(request: HttpRequest) -> None:
    """The form that waited has been sent once more: it waits no longer."""
    kept = request.session.get(KEY)
    if kept and kept["path"] == request.get_full_path():
        del request.session[KEY]
