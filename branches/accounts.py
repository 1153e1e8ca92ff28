"""Logging in by staff number; the account says who, the posts say what."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import check_password, make_password
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpRequest
from django.utils.timezone import localtime

from branches import audit, passwords, sessions
from branches.access import Access
from branches.models import LoginSession, Member, Post, User, normal_staff_number, on_day
from branches.secrets import mac

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class StaffNumberBackend(BaseBackend):
    """Finds the account by any spelling of its staff number, and takes equal time where there is none."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: object
    ) -> User | None:
        if not username or password is None:
            return None
        user = User.objects.filter(staff_number=normal_staff_number(username)).first()
        if user is None:
            make_password(password)
            return None
        if check_password(password, user.password, setter=None) and user.is_active:
            return user
        return None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


# Activation codes: on paper instead of a first password

# No 0 and o, no 1, l and i: a code is read off a slip of paper.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
HOURS = 72


def activation_code() -> str:
    """A random code of 15 letters and digits in groups of five, about 74 bits: `k7mpw-3xqr9-dt4hn`."""
    letters = [secrets.choice(ALPHABET) for _ in range(15)]
    return "-".join("".join(letters[n : n + 5]) for n in (0, 5, 10))


def _digest(number: str, code: str) -> str:
    """What is kept of a code: of whoever it belongs to, and however its letters were typed."""
    typed = "".join(letter for letter in unicodedata.normalize("NFKC", code).casefold() if letter.isalnum())
    return mac(f"{normal_staff_number(number)}|{typed}", "activation")


@dataclass(frozen=True)
class Slip:
    """What is handed to a member on paper: whose account, its code, which is kept nowhere else, and until when."""

    member: Member
    code: str
    until_at: datetime


def open_accounts(members: Iterable[Member], access: Access) -> list[Slip]:
    """Give each member an account and a code to activate it with, or an existing account a new code; all or none.

    The slips are the only place where the codes are ever readable. Whatever opened the account before does so no
    longer: an earlier code, the password, the logins that are open and the browsers that it was known by.
    """
    slips = [Slip(member, activation_code(), access.now + timedelta(hours=HOURS)) for member in members]
    with audit.together():
        for slip in slips:
            # Locked: what its owner does meanwhile, a new phone or a login, is not written over by what was read here.
            user = User.objects.select_for_update().filter(member=slip.member).first() or User(member=slip.member)
            if user.pk:
                passwords.remember(user, access.now)
                sessions.end_all(user, sessions.End.CHANGED, access)
                user.known_devices.all().delete()
            user.staff_number = slip.member.staff_number
            user.set_unusable_password()
            user.is_active = user.must_change_password = True
            user.opened_at, user.activation_until_at = access.now, slip.until_at
            user.activation_mac = _digest(user.staff_number, slip.code)
            user.save()
            until = f"{localtime(slip.until_at):%Y-%m-%d %H:%M}"
            audit.note(access, audit.Kind.RIGHTS, "开通账号，发放激活码", slip.member, until=until)
    return slips


def activating(number: str, code: str, now: datetime) -> User | None:
    """The account that this code opens now, or None: not this one's, used, replaced, too late, or paused.

    One look-up by digest, whatever is wrong; nothing about the time it takes tells which.
    """
    return (
        User.objects.select_related("member")
        .filter(staff_number=normal_staff_number(number), activation_mac=_digest(number, code))
        .filter(activation_until_at__gt=now, is_active=True)
        .first()
    )


def activate(user: User, password: str, access: Access) -> bool:
    """The own password in place of the code; False if the code was used in the meantime."""
    digest = make_password(password)
    with audit.together():
        done = _keep(user, digest, access.now, activation_mac=user.activation_mac, is_active=True)
        if done:
            audit.note(access, audit.Kind.RIGHTS, "激活账号，设置密码", user)
    return done


def change_password(user: User, password: str, access: Access) -> None:
    """Another password; the one before is not taken again for a while."""
    digest = make_password(password)
    with audit.act(access, audit.Kind.RIGHTS, "修改密码", user):
        passwords.remember(user, access.now)
        _keep(user, digest, access.now)


def open_with_password(member: Member, password: str, access: Access) -> User:
    """An account with a password that its owner has just typed at the server."""
    digest = make_password(password)
    with audit.act(access, audit.Kind.RIGHTS, "开通账号", member):
        user = User.objects.create(member=member, staff_number=member.staff_number, opened_at=access.now)
        _keep(user, digest, access.now)
    return user


def _keep(user: User, digest: str, now: datetime, **unless_changed: str | bool) -> bool:
    """Write the digest of an own password, by which every code is used up."""
    user.password, user.password_at, user.must_change_password = digest, now, False
    user.activation_mac, user.activation_until_at = "", None
    return bool(
        User.objects.filter(pk=user.pk, **unless_changed).update(
            password=digest, password_at=now, must_change_password=False, activation_mac="", activation_until_at=None
        )
    )


# Those that nobody uses, and those that only the host can bring back

IDLE_DAYS = 90


def pause_idle(access: Access) -> list[Member]:
    """Pause the accounts that nobody has used for 90 days; of a committee's system administrators one always stays.

    Used is: logged in, activated, given a password, opened or resumed. Idempotent.
    """
    since = access.now - timedelta(days=IDLE_DAYS)
    used = User.objects.filter(is_active=True).annotate(
        used_at=Greatest(*(Coalesce(name, Value(LONG_AGO)) for name in ("last_login", "opened_at", "password_at")))
    )
    fresh_login = LoginSession.objects.filter(user=OuterRef("pk"), seen_at__gt=since)
    paused = []
    with audit.together():
        # Whoever was last of the administrators stays, should all of them be idle.
        rows = used.select_related("member").order_by("used_at", "pk").select_for_update(of=("self",))
        for user in rows.filter(~Exists(fresh_login), used_at__lte=since):
            if _is_last_administrator(user, access):
                continue
            User.objects.filter(pk=user.pk).update(is_active=False)
            audit.note(access, audit.Kind.RIGHTS, "暂停账号", user.member, why=f"{IDLE_DAYS}天未使用")
            paused.append(user.member)
    return paused


def _is_last_administrator(user: User, access: Access) -> bool:
    """Whether a committee would be left without a system administrator who can log in."""
    holding = Post.objects.filter(on_day(access.on), kind=Post.Kind.SYSADMIN)
    others = holding.exclude(member__user=user).filter(member__user__is_active=True)
    return any(
        not others.filter(committee=committee).exists()
        for committee in holding.filter(member__user=user).values_list("committee", flat=True)
    )


def recover(member: Member, access: Access) -> Slip:
    """A new code for an administrator who cannot get in: no password, no second factor and no login is left."""
    with audit.together():
        slip = open_accounts([member], access)[0]
        user = User.objects.get(member=member)
        user.totp_sealed, user.totp_at, user.totp_step = "", None, 0
        user.save(update_fields=["totp_sealed", "totp_at", "totp_step"])
        user.recovery_codes.all().delete()
        audit.note(access, audit.Kind.RIGHTS, "恢复管理员：撤销密码和两步验证，结束登录", member)
    return slip


# How an account stands, for both administrators alike: the code of the standings, and the word.
STATES = {
    "none": ("not_due", "未开通"),
    "waiting": ("todo", "待激活"),
    "late": ("overdue", "待发激活码"),
    "active": ("kept", "使用中"),
    "paused": ("waived", "已暂停"),
}


def state_of(user: User | None, now: datetime) -> str:
    """One of STATES; `late` is whom neither a code nor a password lets in any more."""
    if user is None:
        return "none"
    if not user.is_active:
        return "paused"
    if not user.must_change_password:
        return "active"
    code_is_out = user.activation_until_at is not None and now < user.activation_until_at
    return "waiting" if user.has_usable_password() or code_is_out else "late"
