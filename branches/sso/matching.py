"""From what the single sign-on server says to the portal's own: the account that logs in, the logins that end."""

from __future__ import annotations

from typing import Any

from branches import audit, sessions
from branches.access import Access
from branches.models import LoginSession, User, normal_staff_number
from branches.sso.outcome import SignOnFailed, Trouble, Witness


def account_of(number: object) -> User:
    """The account in use that has this staff number, in whatever spelling; it is never made here."""
    if not isinstance(number, str | int) or isinstance(number, bool) or len(str(number)) > 60:
        raise SignOnFailed(Trouble.NUMBER, "答复中没有可用的工号")
    normal = normal_staff_number(str(number))
    if not normal:
        raise SignOnFailed(Trouble.NUMBER, "答复中没有工号")
    user = User.objects.filter(staff_number=normal).first()
    if user is None:
        raise SignOnFailed(Trouble.NOBODY, "没有这个工号的账号")
    if not user.is_active:
        raise SignOnFailed(Trouble.PAUSED, "账号已暂停", number=normal)
    return user


def begin(request: Any, user: User, via: str, witness: Witness) -> None:
    """Log the person in, once for a ticket: what came with a login before, ended or not, opens no second one."""
    with audit.together():
        # The same ticket twice at once: the second waits here, and then sees the first one's login.
        User.objects.select_for_update().filter(pk=user.pk).first()
        if via == "cas" and LoginSession.objects.filter(ticket_mac=sessions.mac_of(witness.ticket, "ticket")).exists():
            raise SignOnFailed(Trouble.TICKET, "票据已经用过", number=user.staff_number)
        row = sessions.begin(request, user, via=via, ticket=witness.ticket)
        if witness.subject:
            LoginSession.objects.filter(pk=row.pk).update(subject_mac=sessions.mac_of(witness.subject, "subject"))


def end(ticket: str, subject: str, access: Access) -> int:
    """End what the server says is over: the login with that ticket, or else all of that subject; how many there were.

    Said twice it ends nothing more; of what was never here it ends nothing.
    """
    if ticket:
        return sessions.end_by_ticket(ticket, access)
    with audit.together():
        rows = LoginSession.objects.filter(subject_mac=sessions.mac_of(subject, "subject"), ended_at=None)
        return sum(sessions.end(row, sessions.End.SSO, access) for row in rows)
