"""Logging in by staff number; the account says who, the posts say what."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from branches import audit, sessions
from branches.access import Access
from branches.models import Member, User, normal_staff_number


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


# Django's own words for these are partly untranslated.
WEAK = {
    "password_too_short": "密码太短，至少10个字符。",
    "password_too_common": "这个密码太常见，容易被猜到，请换一个。",
    "password_entirely_numeric": "密码不能全是数字。",
}


def password_problems(password: str, staff_number: str) -> list[str]:
    """Why this cannot be the password of that account, as sentences; empty if it can."""
    problems = []
    try:
        validate_password(password)
    except ValidationError as error:
        problems = [WEAK.get(one.code or "", "".join(one.messages)) for one in error.error_list]
    if staff_number in normal_staff_number(password):
        problems.append("密码不能含有工号。")
    return problems


# No 0 and o, no 1, l and i: a first password is read off a slip of paper.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def first_password() -> str:
    """A random first password of 15 letters and digits in groups of five, about 74 bits: `k7mpw-3xqr9-dt4hn`."""
    letters = [secrets.choice(ALPHABET) for _ in range(15)]
    return "-".join("".join(letters[n : n + 5]) for n in (0, 5, 10))


@dataclass(frozen=True)
class Slip:
    """What is handed to a member on paper: the account and its first password, which is kept nowhere else."""

    member: Member
    password: str


def open_accounts(members: Iterable[Member], access: Access) -> list[Slip]:
    """Give each member an account with a random first password, or an existing account a new one; all or none.

    The slips are the only place the passwords are ever readable; each must be changed at the first login.
    """
    slips = [Slip(member, first_password()) for member in members]
    # Hashing takes its time on purpose; it is done before the transaction, so that nobody waits for the database.
    hashed = [make_password(slip.password) for slip in slips]
    with audit.together():
        for slip, password in zip(slips, hashed, strict=True):
            user, _ = User.objects.update_or_create(
                member=slip.member,
                defaults={
                    "staff_number": slip.member.staff_number,
                    "password": password,
                    "is_active": True,
                    "must_change_password": True,
                    "opened_at": access.now,
                },
            )
            sessions.end_all(user, sessions.End.CHANGED, access)
        for slip in slips:
            audit.note(access, audit.Kind.RIGHTS, "开通账号，发放首次密码", slip.member)
    return slips
