"""First drafts of study plans: what the year asks for, laid on days, on persons in turn, and on the key readings."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from branches.models import Branch, Post, on_day
from plan.cadence import last_day
from plan.calendars import calendar_of
from plan.models import Plan
from plan.workdays import NOTICES, Calendar
from study.clarity import WEEKLY, Asked, Entry, asked_of, is_small
from study.laying import Laid, lay
from study.models import Kind, Method, PlanItem
from study.rhythm import WEEKDAYS, nearest_workday
from study.turns import Turns

ONE_DAY = timedelta(days=1)
WEEK = timedelta(days=7)
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


def theme_day(rule: str, year: int, month: int, calendar: Calendar = NOTICES) -> date:
    """The branch's fixed day in a month: 每月第二个星期五, 每月15日; the third Friday where the rule is not understood.

    A day of rest gives way to the next working day of the month, or to the last one before it.
    """
    first, last = date(year, month, 1), last_day(year, month)
    if by_week := re.search(r"第([一二三四五1-5])个?(?:星期|周|礼拜)([一二三四五六日天])", rule):
        day = _nth(first, NUMBERS[by_week[1]], WEEKDAYS.index(by_week[2].replace("天", "日")))
    elif by_date := re.search(r"([0-9]{1,2})[日号]", rule):
        day = first + (min(max(int(by_date[1]), 1), last.day) - 1) * ONE_DAY
    else:
        day = _nth(first, 3, 4)
    return nearest_workday(day, first, last, calendar.is_workday) or day


def _nth(first: date, number: int, weekday: int) -> date:
    day = first + ((weekday - first.weekday()) % 7) * ONE_DAY + (number - 1) * WEEK
    return day if day.month == first.month else day - WEEK


def draft_for(branch: Branch, plan: Plan, start: date) -> list[Entry]:
    """The first draft of this branch's year under the issued plan, with its people and working days of that day."""
    roster, calendar = list(branch.roster(start)), calendar_of(branch.committee_id)
    on_roster = {member.pk for member in roster}
    held = Post.objects.filter(on_day(start), branch=branch).exclude(kind=Post.Kind.GROUP_LEADER)
    posts = {post.member_id: post.kind for post in held if post.member_id in on_roster}
    secretary = next((member for member, kind in posts.items() if kind == Post.Kind.SECRETARY), None)
    return branch_items(
        asked_of(plan, start, small=is_small(roster, start), calendar=calendar), year=plan.year, start=start,
        rule=branch.theme_day, roster=[member.pk for member in roster],
        readings=[reading.title for reading in plan.readings.all()], secretary=secretary, committee=posts,
        groups=branch.groups.exists(), calendar=calendar,
    )  # fmt: skip


def branch_items(
    asked: Sequence[Asked], *, year: int, start: date, rule: str, roster: Sequence[int], readings: Sequence[str],
    secretary: int | None = None, committee: Collection[int] = (), groups: bool = True, calendar: Calendar = NOTICES,
) -> list[Entry]:  # fmt: skip
    """The items of a first draft from `start` to the year's end, which leaves the check nothing to remark.

    The asked sittings come from `study.clarity.asked_of(plan, start)`; `rule` is the branch's theme day in words,
    `roster` the ids of its members in the order of their turns. The lecture is the secretary's, the committee's
    meetings go to one of its members (`committee`) where that is fair; `groups` says whether it has groups (党小组).
    Sittings that can share a day do; what is held every week, and meetings held every month, are one line.
    """
    laid = lay(asked, start, partial(_fixed_day, rule, calendar), calendar)
    turns = Turns(roster)
    # Where the paper or the post says who, that person's turn comes first; the others go round what is left.
    by_whom: dict[int, int | None] = {
        id(one): turns.fixed(secretary)
        for one in laid
        if secretary is not None and any(sitting.lectured for sitting in one.asked)
    }
    by_whom |= {id(one): turns.next(committee) for one in laid if one.kinds == [Kind.COMMITTEE_MEETING]}
    studying = [one for one in laid if not set(one.kinds) & {Kind.COMMITTEE_MEETING, Kind.GROUP_MEETING}]
    shares = {id(one): share for one, share in zip(studying, _spread(readings, len(studying)), strict=True)}
    entries = []
    for n, one in enumerate(laid):
        person = by_whom[id(one)] if id(one) in by_whom else turns.next()
        share = shares.get(id(one))
        entries.append(_meeting(n, one, person, groups) if share is None else _sitting(n, one, share, person))
    last = date(year, 12, 31)
    if start <= last:
        entries.append(_alone(len(entries), start, last, readings, turns.next()))
    return entries


def _fixed_day(rule: str, calendar: Calendar, year: int, month: int) -> date:
    return theme_day(rule, year, month, calendar)


def _spread(readings: Sequence[str], over: int) -> list[list[str]]:
    """Every reading at least once, every sitting at least one, in order; empty lists where there is nothing to read."""
    if not readings or not over:
        return [[] for _ in range(over)]
    n = len(readings)
    return [list(readings[i * n // over : max((i + 1) * n // over, i * n // over + 1)]) for i in range(over)]


def _sitting(number: int, one: Laid, readings: list[str], responsible: int | None) -> Entry:
    kinds, named = one.kinds, "、".join(readings)
    if Kind.LIFE_MEETING in kinds or Kind.APPRAISAL in kinds:
        topic = "、".join(Kind(kind).label for kind in kinds)
        content = "开展批评和自我批评，组织党员自评、互评和民主测评，查找问题、制定整改措施。"
        content += f"会前学习{named}。" if named else ""
        method, hours = Method.SEMINAR, Decimal(3)
    elif kinds == [Kind.SEMINAR]:
        topic = f"专题学习研讨：{readings[0]}" if readings else "专题学习研讨"
        content = f"围绕{named or '近期学习内容'}，结合岗位职责开展研讨交流。"
        method, hours = Method.SEMINAR, Decimal(2)
    elif kinds == [Kind.LECTURE]:
        topic = f"主题党课：{readings[0]}" if readings else "主题党课"
        content = f"围绕{named or '学习教育主题'}为本支部党员讲党课。"
        method, hours = Method.LECTURE, Decimal(2)
    else:
        topic, content = _of_the_day(one, readings)
        method, hours = Method.READING, Decimal(4 if Kind.THEME_DAY in kinds else 2)
    return _together(number, one, topic, content, hours, responsible, method, readings)


def _of_the_day(one: Laid, readings: Sequence[str]) -> tuple[str, str]:
    """Topic and content of what is held on the branch's fixed day."""
    kinds, month, does = one.kinds, one.span.starts_on.month, []
    studied = "、".join(readings) or "有关文件"
    if Kind.THEME_DAY in kinds:
        does.append("开展主题党日")
    if Kind.GENERAL_MEETING in kinds:
        does.append("召开支部党员大会，安排当月活动")
    activity = ""
    if Kind.THEMED_ACTIVITY in kinds:
        # The paper names the theme: 主题为“不忘初心、牢记使命”的党建活动.
        themes = (re.search("主题为(“[^”]+”)", sitting.quote) for sitting in one.asked)
        activity = next((theme[1] for theme in themes if theme), "") + "主题党建活动"
        does.append(f"开展{activity}")
    if Kind.COLLECTIVE_STUDY in kinds:
        topic = activity or (f"集体学习：{readings[0]}" if readings else f"{month}月集体学习")
    else:
        topic = activity or f"{month}月{Kind(kinds[0]).label}"
    return topic, "；".join([f"学习{studied}", *does]) + "。"


def _meeting(number: int, one: Laid, responsible: int | None, groups: bool) -> Entry:
    """The committee's and the groups' meetings, which need no reading."""
    if one.kinds == [Kind.COMMITTEE_MEETING]:
        period = "本周" if one.asked[0].rhythm == WEEKLY else "本月"
        topic, content = "支委会", f"研究{period}党建工作，明确委员分工，检查上次议定事项的落实。"
    else:
        topic = "党小组会" if groups else "临时党小组会"
        content = "交流学习体会，为支部建设出谋划策，落实支部布置的任务。"
    return _together(number, one, topic, content, Decimal(1), responsible, Method.SEMINAR, [])


def _together(
    number: int, one: Laid, topic: str, content: str, hours: Decimal, responsible: int | None, method: Method,
    readings: list[str],
) -> Entry:  # fmt: skip
    return Entry(
        number, PlanItem.Scope.COLLECTIVE, one.kinds, topic[:MOST_TOPIC], content[:MOST_CONTENT], one.span.starts_on,
        one.span.ends_on, hours, responsible, method, readings, one.span.rhythm,
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
