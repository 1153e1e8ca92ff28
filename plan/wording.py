"""A requirement in plain office Chinese: who, how often, by when, what proves it, who receives it; no database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from plan.cadence import Continuous, DaysAfter, EveryMonths, EveryWeek, LinesOf, OnceBy, OnDates, deadline
from plan.document import HANDLINGS, KINDS, LECTURERS, OWNERS, RECEIVERS, DueWindow, RequirementSpec, Settings
from plan.workdays import NOTICES, Calendar

WEEKDAYS = "一二三四五六日"
MONTHLY = {1: "每月1次", 2: "每两个月1次", 3: "每季度1次", 4: "每四个月1次", 6: "每半年1次"}
MONTH_END = {1: "当月最后一天", 2: "第二个月最后一天", 3: "当季最后一天", 4: "第四个月最后一天", 6: "6月30日、12月31日"}


def owners_words(spec: RequirementSpec) -> str:
    """Who owes it: 党支部、党员."""
    return "、".join(OWNERS[owner] for owner in spec.owners)


def cadence_words(spec: RequirementSpec, settings: Settings) -> str:
    """How often: 每月1次, 每次活动1次, 全年持续 …"""
    match spec.cadence_under(settings):
        case EveryWeek():
            words = "每周1次"
            if spec.by_size and settings.small_branch_committee != "owed":
                small = "不要求" if settings.small_branch_committee == "exempt" else "每月1次"
                words += f"（正式党员不足7人的支部{small}）"
            return words
        case EveryMonths(n):
            return MONTHLY[n]
        case OnceBy():
            return "每年1次"
        case OnDates(spans):
            return f"每年{len(spans)}次"
        case Continuous():
            return "全年持续"
        case DaysAfter(_, event):
            return "每次活动1次" if event == "gathering" else "每份承诺1次"
        case LinesOf():
            return "每周1项"
    raise ValueError(f"要求{spec.code}的频次没有说法")


def due_words(spec: RequirementSpec, year: int, settings: Settings, calendar: Calendar = NOTICES) -> str:
    """By when, as days of `year` where days are named: 7月11日（周三）, 当月最后一天, 活动结束后第二天 …"""
    match spec.cadence_under(settings):
        case EveryWeek() | LinesOf():
            return "当周周日"
        case EveryMonths(n):
            return MONTH_END[n]
        case DaysAfter(n, _):
            if n == 0:
                return "各份承诺自定的期限"
            day = "自然日" if settings.next_day == "calendar" else "工作日"
            return f"活动结束后第{n + 1}天（{day}）" if n != 1 else f"活动结束后第二天（{day}）"
    return "、".join(window_words(window, year) for window in spec.windows(year, settings, calendar=calendar))


def window_words(window: DueWindow, year: int) -> str:
    """A due day: 7月11日（周三）, with 休息日 or 节假日, and the day the paper names where the policy moved it."""
    day = window.due_on
    words = f"{_day(day, year)}（周{WEEKDAYS[day.weekday()]}"
    if window.holiday or window.weekend:
        words += "，节假日" if window.holiday else "，休息日"
    if window.due_at == deadline(window.due_on, inclusive=False):
        words += "，不含当天"
    if window.named_on != day:
        words += f"，原定{_day(window.named_on, year)}"
    return words + "）"


def share(done: int, total: int, waived: int) -> str:
    """How many of all are done, the exempt ones taken out and named: 7/11，免1 of twelve; 8/12 where none is exempt."""
    owed = f"{done}/{total - waived}"
    if not waived:
        return owed
    return f"{owed}，免{waived}" if total > waived else f"免{waived}"


def receiver_words(spec: RequirementSpec) -> str:
    """Who receives it and what they do: 报机关党委办公室备案, 不上报，留存备查."""
    if spec.receiver == "none":
        return "不上报，留存备查"
    handling = HANDLINGS[spec.handling]
    if spec.receiver == "up":
        return f"{RECEIVERS['up']}，{handling}"
    return f"报{RECEIVERS[spec.receiver]}{handling}"


def proof_words(spec: RequirementSpec) -> str:
    """What proves it: the evidence in the office's words, and which gatherings count."""
    words = spec.evidence
    if 1 < len(spec.kinds) < len(KINDS):  # one kind is named by the evidence, and where any will do a list says nothing
        words += f"（{kinds_words(spec.kinds)}）"
    if spec.lecturer:
        words += f"，由{LECTURERS[spec.lecturer]}主讲"
    return words


def kinds_words(kinds: Iterable[str]) -> str:
    """Kinds of gathering by name: 党课、主题党建活动."""
    return "、".join(KINDS[kind] for kind in kinds)


def _day(day: date, year: int) -> str:
    words = f"{day.month}月{day.day}日"
    return words if day.year == year else f"{day.year}年{words}"


def told(spec: RequirementSpec, year: int, settings: Settings, calendar: Calendar = NOTICES) -> dict[str, str]:
    """Everything that the pages say of a requirement: code, clause, title, who, often, due, proof, receiver."""
    return {
        "code": spec.code,
        "clause": spec.clause,
        "title": spec.title,
        "who": owners_words(spec),
        "often": cadence_words(spec, settings),
        "due": due_words(spec, year, settings, calendar),
        "proof": proof_words(spec),
        "receiver": receiver_words(spec),
    }
