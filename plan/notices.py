"""Reading a holiday notice (部分节假日安排的通知) as it is written: which days rest, which are worked.

Pure: text and a year give days, or sentences that say what could not be read. Example of a line:
“春节：2月10日至17日放假调休，共8天。2月4日（星期日）、2月18日（星期日）上班。”
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date

from plan.workdays import ONE_DAY, Special

HOLIDAYS = ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节")
LONGEST = 15  # days of one holiday; a longer one was misread or mistyped
MOST_TEXT = 4000

_NAMES = "|".join(HOLIDAYS)
_HEAD = re.compile(rf"(?:[一二三四五六七八九十\d]{{1,2}}[、.])?\s*((?:{_NAMES})(?:[、和及](?:{_NAMES}))*)\s*:")
_ASIDE = re.compile(r"\([^()]*\)")
_DAY = r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})日"
_SPAN = re.compile(rf"{_DAY}(?:\s*(?:至|到|[-–—~])\s*(?:(\d{{4}})年)?(?:(\d{{1,2}})月)?(\d{{1,2}})日)?")
_SAID = re.compile(r"放假|上班")


@dataclass
class Notice:
    """What was read: the days in order, what is wrong with the text, and what deserves a second look."""

    days: list[Special] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def read_notice(text: str, year: int) -> Notice:
    """The days that the text names for the year; of two readings of a day none is guessed, it is an error."""
    plain = _ASIDE.sub("", unicodedata.normalize("NFKC", text))
    heads = list(_HEAD.finditer(plain))
    found = Notice()
    if not heads:
        found.errors.append("没有读到节日：请每个节日写一行，如“元旦：1月1日至3日放假。”")
        return found
    taken: dict[date, Special] = {}
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        name = re.sub("[和及]", "、", head[1])
        part = plain[head.end() : after.start() if after else len(plain)]
        for one in _days_of(name, part, year, found):
            if one.day in taken and taken[one.day] != one:
                found.errors.append(f"{_said(one.day)}在“{taken[one.day].name}”和“{name}”中说法不一，请核对。")
            taken.setdefault(one.day, one)
    found.days = [taken[day] for day in sorted(taken)]
    named = {name for one in found.days for name in one.name.split("、")}
    if missing := [name for name in HOLIDAYS if name not in named]:
        found.doubts.append(f"没有写到{'、'.join(missing)}，请核对通知全文。")
    found.doubts += [
        f"{_said(one.day)}是周{'一二三四五'[one.day.weekday()]}，本来就上班，请核对。"
        for one in found.days
        if one.works and one.day.weekday() < 5
    ]
    return found


def _days_of(name: str, part: str, year: int, found: Notice) -> list[Special]:
    """The days of one holiday, each span read together with the word that follows it: 放假 or 上班."""
    days: list[Special] = []
    start = 0
    for said in _SAID.finditer(part):
        works = said[0] == "上班"
        for span in _SPAN.finditer(part, start, said.start()):
            days += [Special(day, works, name) for day in _span(span, name, year, found)]
        start = said.end()
    if not days and not any(name in error for error in found.errors):
        found.errors.append(f"“{name}”没有读到日期：请写成“{name}：1月1日至3日放假。”")
    return days


def _span(span: re.Match[str], name: str, year: int, found: Notice) -> list[date]:
    first_year = int(span[1] or year)
    month, last_month = int(span[2]), int(span[5] or span[2])
    last_year = int(span[4] or first_year + (last_month < month))
    try:
        first = date(first_year, month, int(span[3]))
        last = date(last_year, last_month, int(span[6])) if span[6] else first
    except ValueError:
        found.errors.append(f"“{name}”中的“{span[0]}”不是有效的日期，请核对。")
        return []
    if last < first or (last - first).days >= LONGEST:
        found.errors.append(f"“{name}”中的“{span[0]}”起止不对：一个节日最多{LONGEST}天，请核对。")
        return []
    # A new year's holiday may begin in the last days of the year before.
    if not date(year - 1, 12, 25) <= first <= last <= date(year, 12, 31):
        found.errors.append(f"“{name}”中的“{span[0]}”不在{year}年，请核对年度。")
        return []
    return [first + n * ONE_DAY for n in range((last - first).days + 1)]


def _said(day: date) -> str:
    return f"{day.month}月{day.day}日"
