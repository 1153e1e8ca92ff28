"""First drafts of study plans: what the year asks for, laid on days, on persons in turn, and on the key readings."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from decimal import Decimal

from plan import workdays
from study.clarity import Asked, Entry
from study.models import Kind, Method, PlanItem

ONE_DAY = timedelta(days=1)
WEEK = timedelta(days=7)
DAYS_OF_WEEK = "一二三四五六日"
NUMBERS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
MOST_TOPIC, MOST_CONTENT, MOST_WEEK = 120, 400, 200
PARTS = ("", "上", "中", "下")

OUTLINE = (
    "一、总体要求。认真落实实施方案，依托“三会一课”和主题党建活动，集体学习与个人自学相结合，做到学习内容、学习时限、"
    "责任人和学习方式“四个明确”。\n"
    "二、学习重点。{readings}。\n"
    "三、学习安排。每月开展1次党员集体学习，每两个月开展1次专题学习研讨，年底召开组织生活会并开展民主评议党员；"
    "党员每周自学1项内容。"
)


def outline(readings: Sequence[str]) -> str:
    """A first outline of the year (年度学习大纲), naming the key readings."""
    return OUTLINE.format(readings="、".join(readings) or "按照上级部署安排学习内容")


def theme_day(rule: str, year: int, month: int) -> date:
    """The branch's fixed day in a month: 每月第二个星期五, 每月15日; the third Friday where the rule is not understood.

    A day of rest gives way to the next working day of the month, or to the last one before it.
    """
    first = date(year, month, 1)
    last = _month_end(first)
    if by_week := re.search(r"第([一二三四五1-5])个?(?:星期|周|礼拜)([一二三四五六日天])", rule):
        day = _nth(first, NUMBERS[by_week[1]], DAYS_OF_WEEK.index(by_week[2].replace("天", "日")))
    elif by_date := re.search(r"(\d{1,2})[日号]", rule):
        day = first + (min(max(int(by_date[1]), 1), last.day) - 1) * ONE_DAY
    else:
        day = _nth(first, 3, 4)
    return _working(min(day, last), first, last)


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - ONE_DAY


def _nth(first: date, number: int, weekday: int) -> date:
    day = first + ((weekday - first.weekday()) % 7) * ONE_DAY + (number - 1) * WEEK
    return day if day.month == first.month else day - WEEK


def _working(day: date, first: date, last: date) -> date:
    """The working day nearest after `day` within the bounds, else the nearest before, else the day itself."""
    later, earlier = day, day
    while later <= last:
        if workdays.is_workday(later):
            return later
        later += ONE_DAY
    while earlier >= first:
        if workdays.is_workday(earlier):
            return earlier
        earlier -= ONE_DAY
    return day


def _day_in(sitting: Asked, start: date, wish: date) -> date:
    """The wished day, moved into the part of the window that is still to come."""
    first = max(sitting.starts_on, start)
    return _working(min(max(wish, first), sitting.ends_on), first, sitting.ends_on)


def branch_items(
    asked: Sequence[Asked], *, year: int, start: date, rule: str, roster: Sequence[int], readings: Sequence[str]
) -> list[Entry]:
    """The items of a first draft from `start` to the year's end, which meets the four clears as it stands.

    The asked sittings come from `study.clarity.asked_of(plan, start)`; `rule` is the branch's theme day in words,
    `roster` the ids of its members in the order of their turns. Sittings that can share a day do.
    """
    days: dict[date, list[str]] = {}
    for sitting in asked:
        day = _day_in(sitting, start, theme_day(rule, sitting.ends_on.year, sitting.ends_on.month))
        kinds: list[str]
        match sitting.kind:
            case Kind.COLLECTIVE_STUDY:
                kinds = [Kind.COLLECTIVE_STUDY, Kind.THEME_DAY, Kind.GENERAL_MEETING]
            case Kind.SEMINAR:
                day, kinds = _day_in(sitting, start, day + WEEK), [Kind.SEMINAR]
            case Kind.LIFE_MEETING | Kind.APPRAISAL:
                day, kinds = _day_in(sitting, start, day - WEEK), [sitting.kind]
            case other:
                kinds = [other]
        held = days.setdefault(day, [])
        held += [str(kind) for kind in kinds if kind not in held]
    ordered = sorted(days.items())
    shares = _spread(readings, len(ordered))
    entries = [
        _sitting(n, day, kinds, share, roster[n % len(roster)] if roster else None)
        for n, ((day, kinds), share) in enumerate(zip(ordered, shares, strict=True))
    ]
    last = date(year, 12, 31)
    if start <= last:
        turn = roster[len(entries) % len(roster)] if roster else None
        entries.append(_alone(len(entries), start, last, readings, turn))
    return entries


def _spread(readings: Sequence[str], over: int) -> list[list[str]]:
    """Every reading at least once, every sitting at least one, in order; empty lists where there is nothing to read."""
    if not readings or not over:
        return [[] for _ in range(over)]
    n = len(readings)
    return [list(readings[i * n // over : max((i + 1) * n // over, i * n // over + 1)]) for i in range(over)]


def _sitting(number: int, day: date, kinds: list[str], readings: list[str], responsible: int | None) -> Entry:
    named = "、".join(readings)
    is_meeting = Kind.LIFE_MEETING in kinds or Kind.APPRAISAL in kinds
    if is_meeting:
        topic = "、".join(kind.label for kind in Kind if kind in kinds)
        content = "开展批评和自我批评，组织党员自评、互评和民主测评，查找问题、制定整改措施。"
        content += f"会前学习{named}。" if named else ""
        method, hours = Method.SEMINAR, Decimal(3)
    elif kinds == [Kind.SEMINAR]:
        topic = f"专题学习研讨：{readings[0]}" if readings else "专题学习研讨"
        content = f"围绕{named or '近期学习内容'}，结合岗位职责开展研讨交流。"
        method, hours = Method.SEMINAR, Decimal(2)
    else:
        topic = f"集体学习：{readings[0]}" if readings else f"{day.month}月集体学习"
        content = f"学习{named or '有关文件'}；安排本月活动，开展主题党日。"
        method, hours = Method.READING, Decimal(4)
    return Entry(
        number, PlanItem.Scope.COLLECTIVE, kinds, topic[:MOST_TOPIC], content[:MOST_CONTENT], day, day, hours,
        responsible, method, readings,
    )  # fmt: skip


def _alone(number: int, start: date, last: date, readings: Sequence[str], responsible: int | None) -> Entry:
    weeks = max(1, ((last - start).days + 1) // 7)
    content = f"每周自学1项内容，篇目包括{'、'.join(readings)}。" if readings else "每周自学1项内容。"
    return Entry(
        number, PlanItem.Scope.INDIVIDUAL, [Kind.COLLECTIVE_STUDY], "个人自学：每周1项学习内容", content[:MOST_CONTENT],
        start, last, Decimal(2 * weeks), responsible, Method.SELF, list(readings),
    )  # fmt: skip


# A member's weeks


def weeks_left(year: int, day: date) -> list[date]:
    """The Mondays from the week of `day` to the last ISO week of the year; at least the week of the day itself."""
    monday = max(day - day.weekday() * ONE_DAY, date.fromisocalendar(year, 1, 1))
    # 28 December always lies in the last ISO week of its year.
    end = date(year, 12, 28)
    mondays = []
    while monday <= end:
        mondays.append(monday)
        monday += WEEK
    return mondays or [day - day.weekday() * ONE_DAY]


def week_contents(readings: Sequence[str], weeks: int, films: Collection[str] = ()) -> list[str]:
    """What to study in each week: the readings in order, one that takes several weeks in numbered parts.

    What is among the films is watched and not read.
    """
    if not readings:
        return [""] * weeks
    shares = _spread(readings, weeks)
    texts = []
    for n, share in enumerate(shares):
        read, seen = [t for t in share if t not in films], [t for t in share if t in films]
        parts = [f"{verb}{'、'.join(some)}" for verb, some in (("研读", read), ("观看", seen)) if some]
        text = "，".join(parts)
        same = [i for i, other in enumerate(shares) if other == share]
        if len(same) > 1:
            text += f"（{_part(same.index(n) + 1, len(same))}）"
        texts.append(text[:MOST_WEEK])
    return texts


def _part(number: int, of: int) -> str:
    if of == 2:
        return "上" if number == 1 else "下"
    return PARTS[number] if of == 3 else f"第{number}部分"
