"""What a reminder says: one line for each thing, by deadline, and nobody's name in what may leave the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.timezone import localtime

from branches.templatetags.portal import days_late, days_left, due_by, due_clock, due_words
from inbox.telling import Line
from plan.reminder_sources import Matter

NAMES = 3  # of those who owe the same, named in a line


@dataclass
class Bundle:
    """What one line says to one person: one matter or several that belong together, and the rows that it closes."""

    as_what: str
    is_event: bool = False
    matters: list[Matter] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def add(self, matter: Matter, row: int, *, is_event: bool) -> None:
        self.rows.append(row)
        self.is_event |= is_event
        if all((one.source, one.subject) != (matter.source, matter.subject) for one in self.matters):
            self.matters.append(matter)

    @property
    def due_at(self) -> datetime | None:
        return min((one.due_at for one in self.matters if one.due_at), default=None)

    @property
    def key(self) -> str:
        """Under which it is told by itself."""
        first = min(self.matters, key=lambda one: (one.source, one.subject))
        due = f"{localtime(first.due_at):%Y%m%d%H%M}" if first.due_at else ""
        return f"event:{first.source}-{first.subject}:{due}"

    def group(self, at: datetime) -> str:
        """逾期, 今天 or 待办: in which part of a digest it stands."""
        if self.due_at is None:
            return "待办"
        if self.due_at <= at:
            late = min((one.late_at for one in self.matters if one.late_at), default=self.due_at)
            return "逾期" if late <= at else "今天"
        return "待办" if days_left(self.due_at, at) else "今天"


def bundle_key(as_what: str, matter: Matter) -> tuple[object, ...]:
    """What is said in one line: a record with all it settles, or those who owe the same under one heading."""
    if as_what != "own":
        return as_what, matter.heading or (matter.source, matter.subject)
    return as_what, matter.source, matter.record or (matter.subject,)


def in_order(bundles: Sequence[Bundle], at: datetime) -> list[Bundle]:
    """The late first, then by deadline; what has none at the end."""
    return sorted(
        bundles,
        key=lambda one: (
            ("逾期", "今天", "待办").index(one.group(at)), one.due_at is None, one.due_at or at, one.matters[0].title,
        ),
    )  # fmt: skip


def line_of(bundle: Bundle, at: datetime) -> Line:
    group = bundle.group(at)
    tone = {"逾期": "late", "今天": "soon"}.get(group, "soon" if bundle.is_event else "")
    first, note = bundle.matters[0], note_of(bundle, at)
    title, outside = _titles(bundle)
    if bundle.as_what == "own":
        return Line(title, note, first.url, tone, f"{outside}，{note}" if note else outside)
    many = len(bundle.matters) > 1
    unit = "名党员" if first.member_id else "个党支部"
    count = f"{len(bundle.matters)}{unit}"
    state = "逾期未完成" if bundle.as_what == "superior" else "尚未完成，暂时没有可登录的账号，请代为提醒"
    # In one order, however the database gave the rows.
    owners = sorted(bundle.matters, key=lambda one: (one.branch_id or 0, one.member_id or 0))
    who = "、".join(dict.fromkeys(one.owner for one in owners[:NAMES]))
    named = f"{who}等{count}" if len(bundle.matters) > NAMES else who
    url = first.many_url if many and first.many_url else first.url
    return Line(f"{title}：{named}{state}", note, url, tone, f"{outside}：{count}{state}，{note}")


def note_of(bundle: Bundle, at: datetime) -> str:
    due_at = bundle.due_at
    if due_at is None:
        return bundle.matters[0].note
    match bundle.group(at):
        case "逾期":
            return f"逾期{days_late(due_at, at)}天，期限{due_by(due_at, at)}"
        case "今天" if due_at <= at:
            late = min(one.late_at for one in bundle.matters if one.late_at)
            return f"{due_by(due_at, at)}开展的，今天{due_clock(late)}前录入不算逾期"
        case "今天" if bundle.is_event:
            return f"活动已结束，请今天{due_clock(due_at)}前{bundle.matters[0].verb}"
    return due_words(due_at, at)


def digest_title(bundles: Sequence[Bundle], at: datetime) -> str:
    """How much there is, in at most thirty characters."""
    groups = [bundle.group(at) for bundle in bundles]
    counts = [f"{name}{groups.count(name)}件" for name in ("逾期", "今天", "待办") if name in groups]
    return "任务提醒：" + "，".join(counts).replace("今天", "今天到期")


def event_title(bundle: Bundle, at: datetime) -> str:
    words = bundle.matters[0]
    due = due_by(bundle.due_at, at)
    return f"请于{due}{words.verb}{words.period}"[:30]


def _titles(bundle: Bundle) -> tuple[str, str]:
    """The name of what is to be done, inside and outside the house."""
    first, mine = bundle.matters[0], bundle.matters
    if bundle.as_what != "own":
        mine = [first]
    inside = "、".join(dict.fromkeys(one.title for one in mine))
    outside = "、".join(dict.fromkeys(one.alias or one.title for one in mine))
    period = f"　{first.period}" if first.period else ""
    return inside + period, outside + period
