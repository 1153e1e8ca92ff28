"""What wrong guesses cost whoever makes them, and why they never keep the owner out.

Counted on the portal's clock, one row for each wrong guess, by digest of the staff number and by address:

- the pair: five in a quarter of an hour pause this number at this address for a quarter of an hour;
- the address: from a hundred in a quarter of an hour on, and
- the number: from thirty in an hour on, from wherever they came, nobody is locked; whoever comes from a browser that
  the account does not know is asked to wait some seconds before the password is looked at.

A browser that the account knows (`branches.devices`) is asked for none of this. What was refused without looking at
the password is no guess and is not counted, so that the table grows by at most five rows a pair and quarter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from axes.handlers.base import AbstractAxesHandler, AxesBaseHandler
from django.core.signing import BadSignature, Signer
from django.db.models import QuerySet
from django.http import HttpRequest

from branches.models import LoginFailure, User, normal_staff_number
from branches.requests import PortalRequest
from branches.secrets import mac

TRIES = 5
PAUSE = timedelta(minutes=15)
KEPT = timedelta(hours=1)
# From so many on a wait is asked, of STEP seconds, and STEP more for each as many again.
OF_ADDRESS, OF_NUMBER = 100, 30
STEP, LONGEST = 10, 40
# How long after the wait the password may come.
GOOD_FOR = timedelta(minutes=10)

_signer = Signer(salt="branches.guessing")


@dataclass(frozen=True)
class Pair:
    """A staff number, as its digest (what is typed there may be anything), and the address that it came from."""

    number: str
    address: str

    @classmethod
    def of(cls, request: PortalRequest, number: str) -> Pair:
        return cls(_number_mac(number), request.access.ip)

    @property
    def failures(self) -> QuerySet[LoginFailure]:
        return LoginFailure.objects.filter(number_mac=self.number, address=self.address)


def record(pair: Pair, now: datetime) -> None:
    """One wrong guess; what is too old to count goes."""
    LoginFailure.objects.create(number_mac=pair.number, address=pair.address, at=now)
    LoginFailure.objects.filter(at__lte=now - KEPT).delete()


def forgive(pair: Pair) -> None:
    """The owner has logged in: what was mistyped there counts no longer."""
    pair.failures.delete()


def paused_until(pair: Pair, now: datetime) -> datetime | None:
    """Until when the pair is paused: so many failures within a quarter of an hour, the last not so long ago."""
    last = pair.failures.filter(at__gt=now - 2 * PAUSE).order_by("-at").values_list("at", flat=True)[:TRIES]
    return _pause_of(list(last), now)


def _pause_of(last: list[datetime], now: datetime) -> datetime | None:
    """The end of the pause that these failures of one pair, the newest first, have brought about."""
    if len(last) >= TRIES and last[0] - last[TRIES - 1] < PAUSE and now < last[0] + PAUSE:
        return last[0] + PAUSE
    return None


def paused(numbers: Iterable[str], now: datetime) -> Counter[str]:
    """From how many addresses each of these accounts cannot log in just now; one query."""
    named = {_number_mac(number): number for number in numbers}
    rows = LoginFailure.objects.filter(number_mac__in=named, at__gt=now - 2 * PAUSE).order_by("-at")
    pairs: dict[tuple[str, str], list[datetime]] = {}
    for digest, address, at in rows.values_list("number_mac", "address", "at"):
        pairs.setdefault((named[digest], address), []).append(at)
    return Counter(number for (number, _), last in pairs.items() if _pause_of(last, now))


def lift(number: str) -> int:
    """Let the account log in from everywhere again; how many failures were taken back."""
    return LoginFailure.objects.filter(number_mac=_number_mac(number)).delete()[0]


def _number_mac(number: str) -> str:
    return mac(normal_staff_number(number), "login.number")


def delay(pair: Pair, now: datetime) -> int:
    """Seconds that an unknown browser waits here and now; 0 where all is calm. Two counts by index, each bounded."""
    steps = LONGEST // STEP

    def tier(rows: QuerySet[LoginFailure], calm: int) -> int:
        return rows[: calm * steps].count() // calm

    address = tier(LoginFailure.objects.filter(address=pair.address, at__gt=now - PAUSE), OF_ADDRESS)
    number = tier(LoginFailure.objects.filter(number_mac=pair.number, at__gt=now - KEPT), OF_NUMBER)
    return STEP * max(address, number)


@dataclass(frozen=True)
class Wait:
    """So many seconds to wait, and the ticket that shows, when they are over, that they were waited."""

    seconds: int
    ticket: str


def wait_for(pair: Pair, now: datetime, ticket: str) -> Wait | None:
    """What the browser must wait before the password is looked at; None where it need not, or has waited.

    A ticket is good for one guess of this number from this address: the next failure makes it void.
    """
    if paused_until(pair, now):
        return None
    last = pair.failures.order_by("-pk").values_list("pk", flat=True).first() or 0
    until = _until(ticket, pair, last)
    if until is not None:
        if now < until:
            return Wait(ceil((until - now).total_seconds()), ticket)
        if now < until + GOOD_FOR:
            return None
    seconds = delay(pair, now)
    if not seconds:
        return None
    until = now + timedelta(seconds=seconds)
    return Wait(seconds, _signer.sign_object([pair.number, pair.address, last, until.isoformat()]))


def _until(ticket: str, pair: Pair, last: int) -> datetime | None:
    """Until when the bearer of the ticket waits; None if it is forged, another pair's, or used up."""
    try:
        number, address, failure, until = _signer.unsign_object(ticket)
    except (BadSignature, ValueError):
        return None
    if (number, address, failure) != (pair.number, pair.address, last):
        return None
    return datetime.fromisoformat(until)


class Handler(AbstractAxesHandler, AxesBaseHandler):
    """The pair's pause at the door that django-axes keeps: its own tables and its own clock are not used."""

    def is_whitelisted(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        """Whether the view found a browser that the account knows."""
        return getattr(request, "known_device", False)

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        return paused_until(_pair(request, credentials), request.now) is not None

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        return _pair(request, credentials).failures.filter(at__gt=request.now - PAUSE).count()

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        """Count the guess, unless it was refused unseen; from the last one allowed on, the answer is the pause."""
        if self.is_whitelisted(request):
            return
        pair = _pair(request, credentials)
        request.refused_unseen = paused_until(pair, request.now) is not None
        if not request.refused_unseen:
            record(pair, request.now)
        request.axes_locked_out = paused_until(pair, request.now) is not None

    def user_logged_in(self, sender: Any, request: Any, user: User, **kwargs: Any) -> None:
        # From a known device it tells nothing about who else failed at this address.
        if isinstance(getattr(request, "now", None), datetime) and not self.is_whitelisted(request):
            forgive(Pair.of(request, user.staff_number))

    def user_logged_out(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """Nothing is counted there."""

    def reset_attempts(
        self, *, ip_address: str | None = None, username: str | None = None, ip_or_username: bool = False
    ) -> int:
        """For the commands `axes_reset`, `axes_reset_ip` and `axes_reset_username`."""
        rows = LoginFailure.objects.all()
        for narrowed in _narrowing(ip_address, username):
            rows = rows.filter(**narrowed)
        return rows.delete()[0]


def _narrowing(address: str | None, number: str | None) -> Iterator[dict[str, str]]:
    if address:
        yield {"address": address}
    if number:
        yield {"number_mac": _number_mac(number)}


def _pair(request: HttpRequest, credentials: dict[str, Any] | None) -> Pair:
    return Pair.of(request, str((credentials or {}).get("username") or ""))  # type: ignore[arg-type]
