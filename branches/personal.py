"""ID number and phone: read as people write them, shown masked, kept sealed.

Nothing here writes: `set_personal` puts the sealed columns on the member, and whoever called it saves them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from branches import secrets
from branches.models import Member, MemberQuerySet
from documents.text import normalised

# Provinces by their GB/T 2260 codes; 71, 81–83 are on the residence permits of Taiwan, Hong Kong and Macau residents.
_PROVINCES = (
    range(11, 16),
    range(21, 24),
    range(31, 38),
    range(41, 47),
    range(50, 55),
    range(61, 66),
    (71, 81, 82, 83),
)
PROVINCES = frozenset(str(code) for codes in _PROVINCES for code in codes)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
UNCHECKED = "公民身份号码的最后一位与前17位对不上，可能错了一位，请对照身份证核对。"
DAMAGED = "公民身份号码被Excel当作数字，后几位已经丢失，无法还原。请把该列设为“文本”格式后，照身份证重新填写。"

_ID_NUMBER = re.compile(r"[1-9]\d{5}(?:19|20)\d{9}[\dX]")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?E\+?\d+", re.IGNORECASE)
_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")
# Area code and number: 010 and 02x have three digits, the others four; an extension may follow.
_LANDLINE = re.compile(r"(010|02\d|0[3-9]\d{2})-?([2-8]\d{6,7})(?:(?:转|分机|EXT|#|-)(\d{1,6}))?", re.IGNORECASE)
_BLANKS = re.compile(r"[\s'’‘`()]")
_DASHES = re.compile("[‐‑‒–—―−-]+")


class Unusable(ValueError):
    """What was written is no ID number or phone; the text is a sentence that says why and what to do."""


# --------------------------------------------------------------------------------------------------------- ID number


def check_character(first: str) -> str:
    """The 18th character for the first 17 digits: MOD 11-2 (ISO 7064) as GB 11643 has it."""
    total = sum(int(digit) * weight for digit, weight in zip(first, WEIGHTS, strict=True))
    return CHECKS[total % 11]


def birthday_of(id_number: str) -> date:
    """The birth date in an ID number that `read_id_number` took."""
    return date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))


def read_id_number(text: str, today: date, *, was_number: bool = False) -> str:
    """The 18 characters of an ID number, however spaced or wide they were typed; empty stays empty.

    `was_number` says that a workbook kept it as a number, which holds fifteen digits only. Raises `Unusable`.
    """
    found = _DASHES.sub("", _BLANKS.sub("", normalised(text))).upper()
    if not found:
        return ""
    if _SCIENTIFIC.fullmatch(found) or (was_number and len(found) > 15):
        raise Unusable(DAMAGED)
    if len(found) == 15 and found.isdigit():
        raise Unusable("这是15位的旧号码，请填写18位公民身份号码。")
    if len(found) != 18:
        raise Unusable(f"公民身份号码应为18位，现在是{len(found)}位，请对照身份证核对。")
    if not _ID_NUMBER.fullmatch(found):
        raise Unusable(_misshapen(found))
    if found[:2] not in PROVINCES:
        raise Unusable(f"公民身份号码前两位“{found[:2]}”不是省级行政区代码，请对照身份证核对。")
    try:
        born = birthday_of(found)
    except ValueError:
        raise Unusable("公民身份号码第7至14位不是真实的日期，请对照身份证核对。") from None
    if born > today:
        raise Unusable("公民身份号码中的出生日期还没有到，请对照身份证核对。")
    if check_character(found[:17]) != found[17]:
        raise Unusable(DAMAGED if found.endswith("000") else UNCHECKED)
    return found


def _misshapen(found: str) -> str:
    if not found[:17].isascii() or not found[:17].isdigit():
        return "公民身份号码前17位只能是数字，请对照身份证核对。"
    if not (found[17].isascii() and (found[17].isdigit() or found[17] == "X")):
        return "公民身份号码最后一位只能是数字或字母X，请对照身份证核对。"
    if found[0] == "0":
        return "公民身份号码不以0开头，请对照身份证核对。"
    return "公民身份号码中的出生年份应以19或20开头，请对照身份证核对。"


# ------------------------------------------------------------------------------------------------------------- phone


def read_phone(text: str) -> str:
    """`13812345678`, `029-85385111` or `029-85385111-802`, however it was written; empty stays empty.

    Mobiles of the mainland and landlines with their area code. Raises `Unusable`.
    """
    found = _BLANKS.sub("", normalised(text)).removesuffix(".0")
    found = _DASHES.sub("-", found.replace(".", "-") if not _SCIENTIFIC.fullmatch(found) else found)
    if not found:
        return ""
    digits = found.replace("-", "")
    if mobile := _MOBILE.fullmatch(digits):
        return mobile[1]
    if land := _LANDLINE.fullmatch(found):
        return "-".join(part for part in land.groups() if part)
    raise Unusable(_no_phone(found, digits))


def _no_phone(found: str, digits: str) -> str:
    if _SCIENTIFIC.fullmatch(found):
        return "电话号码被Excel写成了科学计数法，后几位可能丢失。请把该列设为“文本”格式后重新填写。"
    if re.search(r"[,;、/|]", found):
        return "这里只填一个号码，请留下最常用的。"
    if not re.fullmatch(r"\+?\d+", digits):
        return "电话号码只能是数字；座机写作“区号-号码”，如 029-85385111，有分机的写作 029-85385111转802。"
    if len(digits) in (7, 8) and digits[0] in "2345678":
        return "座机请写上区号，如 029-85385111。"
    if digits.startswith("1") and len(digits) != 11:
        return f"手机号码应为11位，现在是{len(digits)}位，请核对。"
    if digits.startswith("1"):
        return "手机号码应以13至19开头，请核对。"
    return "这不是手机号码，也不是带区号的座机号码，请核对。手机为11位；座机如 029-85385111。"


# ----------------------------------------------------------------------------------------------------- what is shown


def mask_id_number(text: str) -> str:
    """First three and last two: `610*************1X`; what is too short for that shows nothing."""
    return _masked(text, 3, 2)


def mask_phone(text: str) -> str:
    """`138****1234` of a mobile, area code and last two of a landline: `029-******11`; extensions are not shown."""
    area, dash, number = text.partition("-")
    if not dash:
        return _masked(text, 3, 4)
    number = number.partition("-")[0]
    return f"{area if len(area) <= 4 else '*' * len(area)}-{_masked(number, 0, 2)}"


def _masked(text: str, first: int, last: int) -> str:
    """Stars for all but the first and the last so many; for all of it where they would be more than two thirds."""
    if len(text) < (first + last) * 3 // 2:
        return "*" * len(text)
    return text[:first] + "*" * (len(text) - first - last) + text[len(text) - last :]


# ---------------------------------------------------------------------------------------------------- what is kept


@dataclass(frozen=True)
class Field:
    """A personal field of a member: what it is called, for which purpose it is sealed, how much of it is shown."""

    label: str
    purpose: str
    mask: Callable[[str], str]


FIELDS = {
    "id_number": Field("公民身份号码", "member.id_number", mask_id_number),
    "phone": Field("联系电话", "member.phone", mask_phone),
}


def index_of(field: str, value: str) -> str:
    """By which members with exactly this value are found."""
    return secrets.index(value, FIELDS[field].purpose)


def set_personal(member: Member, *, id_number: str | None = None, phone: str | None = None) -> list[str]:
    """Put what `read_id_number` and `read_phone` gave on the member, sealed; "" clears, None leaves as it is.

    Returns the columns that changed, for whoever saves them: none where the value is the one that is kept.
    """
    changed: list[str] = []
    for name, value in (("id_number", id_number), ("phone", phone)):
        if value is None or getattr(member, f"{name}_index") == index_of(name, value):
            continue
        setattr(member, f"{name}_sealed", secrets.seal(value, FIELDS[name].purpose))
        setattr(member, f"{name}_index", index_of(name, value))
        changed += [f"{name}_sealed", f"{name}_index"]
    return changed


def reveal(member: Member, field: str) -> str:
    """The value itself, empty if none is kept; `secrets.Unreadable` with a sentence where it cannot be opened.

    Who may ask for it, how often and why is `branches.revealing`.
    """
    return secrets.unseal(getattr(member, f"{field}_sealed"), FIELDS[field].purpose)


def masked(member: Member, field: str) -> str:
    """What those who read the member's entry are shown; empty if none is kept."""
    try:
        return FIELDS[field].mask(reveal(member, field))
    except secrets.Unreadable:
        return "无法读取，请联系系统管理员"


def with_value(field: str, value: str) -> MemberQuerySet:
    """The entries, merged ones left out, that have exactly this value; nobody for an empty one."""
    found = Member.objects.filter(merged_into__isnull=True, **{f"{field}_index": index_of(field, value)})
    return found if value else found.none()
