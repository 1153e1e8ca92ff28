"""The second factor: six digits that the own phone shows every half minute (TOTP, RFC 6238), or a code from paper.

The secret is kept sealed; a time step that was used is not taken again; the phone's clock may be one step off either
way. Ten recovery codes stand in for the phone, each once; only their digests are kept.
"""

from __future__ import annotations

import hmac
import logging
import secrets as random
import unicodedata
from datetime import datetime

import pyotp
import segno
from django.conf import settings

from branches import audit, secrets, sessions
from branches.access import Access
from branches.clock import phone_instant
from branches.models import LoginSession, RecoveryCode, User

log = logging.getLogger(__name__)

ISSUER = "支部工作台"
PURPOSE = "user.totp"
SECONDS = 30
DRIFT = 1  # steps either way
CODES = 10
# No 0 and o, no 1, l and i: a recovery code is read off paper.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def is_required(access: Access) -> bool:
    """Whether the posts of the day ask for a second factor (SECOND_FACTOR)."""
    held = {
        "admins": access.administers or access.secures or access.audits,
        "office": access.office_of,
        "secretary": access.secretary_of,
    }
    return any(held[name] for name in settings.SECOND_FACTOR)


def is_due(access: Access) -> bool:
    """Whether this person still has to set one up before anything else."""
    return not access.actor.totp_sealed and is_required(access)


# The phone


def new_secret() -> str:
    """A random secret of 160 bits in 32 letters and digits (base32)."""
    return pyotp.random_base32()


def address_of(secret: str, user: User) -> str:
    """What the QR code says to the phone: issuer, account and secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.staff_number, issuer_name=ISSUER)


def picture_of(secret: str, user: User) -> str:
    """The QR code as a data URI (SVG), black on white on a dark page too."""
    code = segno.make(address_of(secret, user), error="m", micro=False)
    return code.svg_data_uri(scale=5, border=4, dark="#000", light="#fff", xmldecl=False)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose digits these are, if it is the present one or a neighbour of it."""
    digits, present = _digits(code), int(phone_instant(now).timestamp()) // SECONDS
    found = None
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), digits):
            found = step
    return found


def accept(user: User, code: str, now: datetime) -> bool:
    """Take the digits as this account's, once: of two who send the same, one is let in."""
    try:
        secret = secrets.unseal(user.totp_sealed, PURPOSE)
    except secrets.Unreadable:
        log.exception("the second factor of account %s cannot be read", user.pk)
        return False
    step = step_of(secret, code, now) if secret else None
    if step is None:
        return False
    return bool(
        User.objects.filter(pk=user.pk, totp_sealed=user.totp_sealed, totp_step__lt=step).update(totp_step=step)
    )


def turn_on(user: User, secret: str, code: str, access: Access, this: LoginSession | None) -> list[str]:
    """Take this phone for the account's, if it shows the right digits: new recovery codes; [] if it does not.

    The account's other logins end, for they may be somebody else's.
    """
    step = step_of(secret, code, access.now)
    if step is None:
        return []
    with audit.act(access, audit.Kind.RIGHTS, "启用两步验证", user):
        User.objects.filter(pk=user.pk).update(
            totp_sealed=secrets.seal(secret, PURPOSE), totp_at=access.now, totp_step=step
        )
        sessions.end_all(user, LoginSession.End.CHANGED, access, but=this)
        return new_recovery_codes(user, access)


def turn_off(user: User, access: Access) -> None:
    """Forget the phone and the recovery codes."""
    with audit.act(access, audit.Kind.RIGHTS, "撤销两步验证", user):
        User.objects.filter(pk=user.pk).update(totp_sealed="", totp_at=None, totp_step=0)
        user.recovery_codes.all().delete()


def is_of(user: User, secret: str) -> bool:
    """Whether this is the secret the account has already."""
    try:
        return hmac.compare_digest(secrets.unseal(user.totp_sealed, PURPOSE), secret)
    except secrets.Unreadable:
        return False


# Paper


def new_recovery_codes(user: User, access: Access) -> list[str]:
    """Ten new codes of about 49 bits, `k7mpw-3xqr9`, shown this once; the earlier ones are void."""
    codes = ["-".join("".join(random.choice(ALPHABET) for _ in range(5)) for _ in range(2)) for _ in range(CODES)]
    with audit.act(access, audit.Kind.RIGHTS, "生成恢复码", user):
        user.recovery_codes.all().delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=user, mac=_mac(user, code)) for code in codes)
    return codes


def use_recovery(user: User, code: str, now: datetime) -> bool:
    """Take one of the account's recovery codes, however it was typed, once."""
    unused = RecoveryCode.objects.filter(user=user, used_at=None, mac=_mac(user, code))
    return bool(unused.update(used_at=now))


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def _mac(user: User, code: str) -> str:
    return secrets.mac(f"{user.pk}|{_letters(code)}", "recovery")


def _letters(text: str) -> str:
    """What was typed without blanks and dashes, full-width as half-width, in small letters."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


def _digits(text: str) -> str:
    """The digits that were typed, as ASCII: compare_digest takes nothing else."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text) if letter in "0123456789")
