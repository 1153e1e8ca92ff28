"""What may be a password: two policies, chosen by PASSWORD_POLICY, each answering in sentences.

`dengbao` (GB/T 22239-2019, 身份鉴别): length and kinds of characters, changed from time to time, the last five not
again. `asvs` (OWASP ASVS 5.0, 6.2): length, no composition rule, no rotation, but none of the words that everybody
here would try first. Both refuse what is common and what contains the staff number or the name.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.hashers import check_password, is_password_usable
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from pypinyin import lazy_pinyin

from branches.access import Access, Role

if TYPE_CHECKING:
    from branches.models import User

SHORTEST, LONG, LONGEST = 12, 20, 128
KINDS = 3  # of four: capital letters, small letters, digits, everything else
DISTINCT = 5  # different characters at least: aaaaaaaaaaaa is long and no password
LEFT_OVER = 8  # characters at least that belong to no word that everybody here would try first
KEPT = 5  # passwords an account had that are not taken again
DAYS, DAYS_OF_OFFICE = 180, 90
OFFICERS = frozenset({Role.OFFICE, Role.SYSADMIN, Role.SECURITY, Role.AUDITOR})

# Words of the house; those in characters are refused in pinyin too.
WORDS = (
    "西北政法大学", "西北政法", "政法大学", "西法大", "学校", "大学", "机关党委", "机关", "党委", "党支部", "支部",
    "党建", "党员", "党课", "书记", "主题党日", "三会一课", "密码", "工作台", "西安", "陕西",
)  # fmt: skip
MORE_WORDS = ("nwupl", "xbzf", "portal", "password", "passwd", "admin", "welcome", "dangzhibu", "jgdw")
YEAR = re.compile(r"(?:19|20)\d\d")

# The two policies; the first asks for kinds of characters and for a change from time to time.
DENGBAO, ASVS = "dengbao", "asvs"
HELP = {
    DENGBAO: "至少12个字符，大写字母、小写字母、数字、其他符号（汉字也算）中有三种；或者至少20个字符，不论种类。"
    "不能含有工号或姓名，不能用常见的密码。",
    ASVS: "至少12个字符，种类不限，可以粘贴。不能含有工号或姓名；"
    "“支部”“党建”、学校名称、年份这类人人想得到的内容不能占大半。",
}


def plain(text: str) -> str:
    """One spelling for comparing: full-width to half-width, small letters, no blanks."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def problems(password: str, *, number: str = "", name: str = "") -> list[str]:
    """Why this cannot be the password of that person, as sentences, one for each rule that fails."""
    found = []
    if len(password) > LONGEST:
        found.append(f"密码最长{LONGEST}个字符，现在是{len(password)}个。")
    if len(password) < SHORTEST:
        found.append(f"密码至少{SHORTEST}个字符，现在是{len(password)}个。")
    elif settings.PASSWORD_POLICY == DENGBAO and len(password) < LONG and kinds(password) < KINDS:
        found.append(
            f"少于{LONG}个字符的密码，大写字母、小写字母、数字、其他符号中至少要有三种，现在有{kinds(password)}种。"
        )
    if len(set(password)) < DISTINCT:
        found.append(f"密码中不同的字符至少{DISTINCT}个，不能只用几个字符重复。")
    elif is_common(password):
        found.append("这个密码太常见，容易被猜到，请换一个。")
    spelled = plain(password)
    if number and plain(number) in spelled:
        found.append("密码不能含有工号。")
    if name and plain(name) in spelled:
        found.append("密码不能含有姓名。")
    elif settings.PASSWORD_POLICY == ASVS and (used := _expected(spelled, name)):
        named = "、".join(f"“{word}”" for word in used)
        found.append(f"除去人人想得到的{named}，密码只剩不到{LEFT_OVER}个字符，请换一个。")
    return found


def kinds(password: str) -> int:
    """How many of the four kinds of characters stand in it."""
    return sum(
        bool(re.search(pattern, password)) for pattern in ("[A-Z]", "[a-z]", "[0-9]", "[^A-Za-z0-9]")
    )  # fmt: skip


@cache
def _common() -> CommonPasswordValidator:
    return CommonPasswordValidator()


def is_common(password: str) -> bool:
    """Whether it is one of twenty thousand that everybody tries, also with digits and signs put around it."""
    spelled = plain(password)
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", spelled)
    for text in {spelled, core} - {""}:
        try:
            _common().validate(text)
        except ValidationError:
            return True
    return False


@cache
def _house_words() -> tuple[str, ...]:
    """The words of the house in every spelling, the longest first."""
    spelled = {*WORDS, *MORE_WORDS, *("".join(lazy_pinyin(word)) for word in WORDS)}
    return tuple(sorted(spelled, key=lambda word: (-len(word), word)))


def _expected(spelled: str, name: str) -> list[str]:
    """The expected words of a password that leave too little of it; empty where enough remains."""
    used, rest = [], spelled
    own = "".join(lazy_pinyin(name)).casefold()
    for word in (own, *_house_words()):
        if len(word) > 1 and word in rest:
            used.append(word)
            rest = rest.replace(word, "")
    used += YEAR.findall(rest)
    return used if used and len(YEAR.sub("", rest)) < LEFT_OVER else []


def is_reused(password: str, user: User) -> bool:
    """Whether the account has it now or was among the last five it had; under `asvs` only whether it has it now."""
    kept = [user.password] if is_password_usable(user.password) else []
    if settings.PASSWORD_POLICY == DENGBAO:
        kept += user.old_passwords.values_list("password", flat=True)[:KEPT]
    return any(check_password(password, one) for one in kept)


def remember(user: User, now: datetime) -> None:
    """Keep the digest of the password that the account is about to lose, and only the last five."""
    if not is_password_usable(user.password):
        return
    user.old_passwords.create(password=user.password, until_at=now)
    kept = user.old_passwords.values_list("pk", flat=True)[:KEPT]
    user.old_passwords.exclude(pk__in=list(kept)).delete()


def days_of(access: Access) -> int:
    """How long a password of this person lasts, in days."""
    return DAYS_OF_OFFICE if access.roles & OFFICERS else DAYS


def is_expired(access: Access) -> bool:
    """Whether the policy asks for a new password today; where its age is not known it is not counted (the demo)."""
    user = access.user
    if user is None or settings.PASSWORD_POLICY != DENGBAO or user.password_at is None:
        return False
    return access.now - user.password_at >= timedelta(days=days_of(access))


class PolicyValidator:
    """The same rules for Django's own command `changepassword`."""

    def validate(self, password: str, user: User | None = None) -> None:
        number, name = (user.staff_number, user.member.name) if user else ("", "")
        if found := problems(password, number=number, name=name):
            raise ValidationError(found)

    def get_help_text(self) -> str:
        return HELP[settings.PASSWORD_POLICY]
