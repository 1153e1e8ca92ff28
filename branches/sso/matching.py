"""From what the single sign-on server says to the portal's own: the account that logs in, the logins that end."""

from __future__ import annotations

from django.http import HttpResponse

from branches import audit, second_step, sessions
from branches.access import Access
from branches.models import LoginSession, User, normal_staff_number
from branches.requests import PortalRequest
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


def let_in(request: PortalRequest, user: User, target: str, via: str, witness: Witness) -> HttpResponse:
    """Log the person in, or ask for their second factor; a ticket opens one login, ended or not, and no more."""
    with audit.together():
        # The same ticket twice at once: the second waits here, and then sees the first one's login.
        User.objects.select_for_update().filter(pk=user.pk).first()
        if via == "cas" and LoginSession.objects.filter(ticket_mac=sessions.mac_of(witness.ticket, "ticket")).exists():
            raise SignOnFailed(Trouble.TICKET, "票据已经用过", number=user.staff_number)
        named = f"{witness.ticket}\n{witness.subject}" if witness.subject else witness.ticket
        return second_step.proceed(request, user, target, via, named)


def end(ticket: str, subject: str, access: Access) -> int:
    """End what the server says is over: the login with that ticket, or else all of that subject; how many there were.

    Said twice it ends nothing more; of what was never here it ends nothing.
    """
    return sessions.end_by_ticket(ticket, access) if ticket else sessions.end_by_subject(subject, access)
