"""The plan as a document: its words, its questions, what it asks of whom and by when; no database, no clock."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any

from plan.cadence import (
    SHANGHAI,
    Cadence,
    DaysAfter,
    EveryMonths,
    OnceBy,
    Window,
    deadline,
    parse,
    parse_day,
)
from plan.workdays import NOTICES, Calendar

OWNERS = {
    "committee": "机关党委",
    "branch": "党支部",
    "secretary": "支部书记",
    "member": "党员",
    "cadre": "党员干部",
    "leader": "支部书记和处级以上党员领导干部",
}
PROOFS = {
    "gathering": "活动记录",
    "branch_plan": "支部年度学习计划",
    "member_plan": "个人年度学习计划",
    "approvals": "审定记录",
    "own_record": "本人各项记录",
    "paper": "材料",
    "lines": "个人年度学习计划中的每周学习",
    "pledge_form": "承诺书",
    "pledge": "承诺",
    "week": "党员活动周记录",
    "posts": "先锋岗设置和驻岗记录",
}
KINDS = {
    "general_meeting": "支部党员大会",
    "committee_meeting": "支委会",
    "group_meeting": "党小组会",
    "lecture": "党课",
    "theme_day": "主题党建活动日",
    "collective_study": "党员集体学习",
    "seminar": "专题学习研讨",
    "life_meeting": "组织生活会",
    "appraisal": "民主评议党员",
    "themed_activity": "主题党建活动",
}
RECEIVERS = {
    "office": "机关党委办公室",
    "branch": "所在党支部",
    "up": "支部报机关党委办公室，党员报所在党支部",
    "none": "不上报",
}
HANDLINGS = {"inform": "备案", "approve": "审定", "keep": "留存"}
LECTURERS = {"secretary_or_cadre": "支部书记或处级以上党员领导干部"}


class DocumentErrors(ValueError):
    """Everything that is wrong with a document, as Chinese sentences in `errors`."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors: list[str] = list(errors)
        super().__init__("\n".join(self.errors))


@dataclass(frozen=True)
class Question:
    """What the paper leaves open: the question, the words it interprets, the office's answer and its reason."""

    key: str
    title: str
    quote: str
    value: Any
    choices: tuple[tuple[Any, str], ...] = ()
    basis: str = ""

    @property
    def answer(self) -> str:
        """The answer as the office reads it."""
        for value, words in self.choices:
            if value == self.value:
                return words
        if self.key == "vacation_months":
            return "、".join(f"{month}月" for month in self.value) or "没有"
        if self.key == "pledge_due":
            month, day = parse_day(self.value, self.key)
            return f"{month}月{day}日"
        if isinstance(self.value, tuple):
            return "、".join(self.value)
        return f"{self.value}天"


@dataclass(frozen=True)
class Settings:
    """The office's answers to what the paper leaves open; `questions` shows them, and is empty after `from_dict`."""

    deadline_inclusive: bool
    next_day: str
    holiday_policy: str
    vacation_months: tuple[int, ...]
    small_branch_committee: str
    seminar_windows: str
    year_end_from: str
    pledge_due: str
    circular_days: int
    register_days: int
    fixed_actions: tuple[str, ...]
    questions: tuple[Question, ...] = field(default=(), compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Give the values alone, ready for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in self.values().items()}

    def values(self) -> dict[str, Any]:
        """Give key to value, without the questions."""
        return {key: getattr(self, key) for key in SETTING_KEYS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Settings":
        """Read what `as_dict` gave; ValueError in Chinese where keys are missing or unknown."""
        _known_keys(values, SETTING_KEYS, SETTING_KEYS, "设置")
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**given)


SETTING_KEYS = tuple(f.name for f in fields(Settings) if f.name != "questions")


@dataclass(frozen=True)
class Reading:
    """One work that the paper names as a focus of study; `standing` ones are studied again and again (经常性)."""

    title: str
    quote: str
    standing: bool = False


@dataclass(frozen=True)
class Chapter:
    """A chapter of the paper, 一 to 三."""

    number: str
    title: str


@dataclass(frozen=True)
class Clause:
    """A numbered paragraph of a chapter, such as 一.1 紧抓学习重点."""

    number: str
    heading: str

    @property
    def chapter(self) -> str:
        """The number of the chapter that holds it."""
        return self.number.partition(".")[0]


@dataclass(frozen=True, order=True)
class DueWindow:
    """A window of a requirement in one year, with its exclusive due instant.

    `due_on` is the named day after the holiday policy (`named_on` before it); `due_at` is aware, Asia/Shanghai, and
    in time means earlier than it. `weekend` and `holiday` say whether `due_on` is a day of rest, and of which sort.
    """

    starts_on: date
    ends_on: date
    due_on: date
    due_at: datetime
    weekend: bool
    holiday: bool
    label: str
    named_on: date


@dataclass(frozen=True)
class RequirementSpec:
    """One sentence of the paper that asks for something: who owes it, how often, what proves it, who receives it."""

    code: str
    clause: str
    title: str
    quotes: tuple[str, ...]
    owners: tuple[str, ...]
    cadence: Mapping[str, Any] = field(hash=False)
    proof: str
    receiver: str
    handling: str
    evidence: str
    kinds: tuple[str, ...] = ()
    forms_at_least: int = 0
    pictures: int = 0
    lecturer: str = ""
    by_size: bool = False

    def cadence_under(self, settings: Settings) -> Cadence:
        """Give the cadence with the office's answers filled in."""
        return parse(self.cadence, settings.values())

    @property
    def per_event(self) -> bool:
        """Owed once for each event (a gathering, a pledge), not by the calendar."""
        return "event" in self.cadence

    @property
    def event(self) -> str:
        """The event it hangs on, "gathering" or "pledge"; empty where it goes by the calendar."""
        return str(self.cadence.get("event", ""))

    @property
    def of_lines(self) -> bool:
        """Told from the lines of a record, with no duties of its own."""
        return "lines" in self.cadence

    @property
    def dated(self) -> bool:
        """Due on a day that is named, so that the holiday policy applies; weeks and months end where they end."""
        return "once_by" in self.cadence or "on" in self.cadence

    def windows(
        self, year: int, settings: Settings, *, small: bool = False, calendar: Calendar = NOTICES
    ) -> tuple[DueWindow, ...]:
        """Give what is owed in `year`, in order; empty where it is owed per event or told from lines.

        `small` asks for a branch of fewer than seven full members, which some requirements treat otherwise; `calendar`
        says which days rest, where the holiday policy asks.
        """
        cadence = self.cadence_under(settings)
        if small and self.by_size:
            if settings.small_branch_committee == "exempt":
                return ()
            if settings.small_branch_committee == "monthly":
                cadence = EveryMonths(1)
        inclusive = settings.deadline_inclusive or not (isinstance(cadence, OnceBy) and cadence.before)
        windows = cadence.windows(year)
        if "every" in self.cadence and settings.vacation_months:
            windows = tuple(w for w in windows if not _months_of(w) <= set(settings.vacation_months))
        return tuple(self._due(window, settings, inclusive, calendar) for window in windows)

    def _due(self, window: Window, settings: Settings, inclusive: bool, calendar: Calendar) -> DueWindow:
        due_on = window.due_on
        if self.dated and not calendar.is_workday(due_on):
            if settings.holiday_policy == "next_working":
                due_on = calendar.next_workday(due_on)
            elif settings.holiday_policy == "before":
                due_on = calendar.previous_workday(due_on)
        return DueWindow(
            starts_on=window.starts_on,
            ends_on=window.ends_on,
            due_on=due_on,
            due_at=deadline(due_on, inclusive),
            weekend=calendar.is_weekend_rest(due_on),
            holiday=calendar.is_holiday(due_on),
            label=window.label,
            named_on=window.due_on,
        )

    def event_due_at(self, ended_at: datetime, settings: Settings, calendar: Calendar = NOTICES) -> datetime:
        """Give the exclusive due instant for an event that ended at `ended_at` (aware).

        For a pledge, whose day the paper does not name, give the pledge's own day. ValueError in Chinese where the
        requirement is not owed per event, or the moment has no time zone.
        """
        if ended_at.tzinfo is None:
            raise ValueError("活动结束时间缺少时区，请给出带时区的时间")
        cadence = self.cadence_under(settings)
        if not isinstance(cadence, DaysAfter):
            raise ValueError(f"要求{self.code}不是按每次活动上报的，没有活动结束后的期限")
        due_on = ended_on = ended_at.astimezone(SHANGHAI).date()
        if settings.next_day == "working":
            for _ in range(cadence.n):
                due_on = calendar.next_workday(due_on)
        else:
            due_on = cadence.due_on(ended_on)
        return deadline(due_on)

    def as_dict(self) -> dict[str, Any]:
        """Give everything, ready for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RequirementSpec":
        """Read what `as_dict` gave; ValueError in Chinese where keys are missing or unknown."""
        _known_keys(values, REQUIREMENT_KEYS, REQUIRED_KEYS, "要求")
        given: dict[str, Any] = {key: tuple(value) if key in LISTS else value for key, value in values.items()}
        return cls(**given)


# The keys of a requirement, those that it cannot do without, and those that hold lists of words.
REQUIREMENT_KEYS = tuple(f.name for f in fields(RequirementSpec))
REQUIRED_KEYS = tuple(f.name for f in fields(RequirementSpec) if f.default is MISSING)
LISTS = ("quotes", "owners", "kinds")


@dataclass(frozen=True)
class Document:
    """A year's plan, checked: every quote stands in `source_text`, every word is one the portal knows."""

    year: int
    title: str
    issuer: str
    text: str
    settings: Settings
    readings: tuple[Reading, ...]
    chapters: tuple[Chapter, ...]
    clauses: tuple[Clause, ...]
    requirements: tuple[RequirementSpec, ...]
    source_text: str

    def requirement(self, code: str) -> RequirementSpec:
        """Give the requirement with that code; KeyError if there is none."""
        for requirement in self.requirements:
            if requirement.code == code:
                return requirement
        raise KeyError(code)


@dataclass(frozen=True)
class PreviewLine:
    """What issuing a requirement would open: owners, windows still to come, and how many duties that makes."""

    requirement: RequirementSpec
    owners: int
    windows: tuple[DueWindow, ...]
    duties: int
    left_out: int

    @property
    def days(self) -> tuple[str, ...]:
        """The due days in Chinese: 7月11日（星期六，休息日）."""
        return tuple(_day_words(window) for window in self.windows)


def preview(
    document: Document, owners: Mapping[str, int] | Callable[[str], int], issued_on: date, calendar: Calendar = NOTICES
) -> list[PreviewLine]:
    """Tell what issuing on `issued_on` opens, requirement by requirement.

    `owners` gives how many there are of each kind of OWNERS; "small_branch" counts those branches, among "branch",
    that have fewer than seven full members. A window is left out if and only if its due day lies before `issued_on`.
    """

    def count(kind: str) -> int:
        return owners(kind) if callable(owners) else owners.get(kind, 0)

    lines = []
    for requirement in document.requirements:
        every = requirement.windows(document.year, document.settings, calendar=calendar)
        kept = tuple(window for window in every if window.due_on >= issued_on)
        total = sum(count(kind) for kind in requirement.owners)
        small = count("small_branch") if requirement.by_size else 0
        fewer = requirement.windows(document.year, document.settings, small=True, calendar=calendar)
        small_windows = fewer if small else ()
        small_kept = [window for window in small_windows if window.due_on >= issued_on]
        duties = (total - small) * len(kept) + small * len(small_kept)
        lines.append(PreviewLine(requirement, total, kept, duties, len(every) - len(kept)))
    return lines


def _months_of(window: Window) -> set[int]:
    first = window.starts_on.year * 12 + window.starts_on.month
    last = window.ends_on.year * 12 + window.ends_on.month
    return {(month - 1) % 12 + 1 for month in range(first, last + 1)}


def _day_words(window: DueWindow) -> str:
    weekday = "一二三四五六日"[window.due_on.weekday()]
    rest = "，节假日" if window.holiday else "，休息日" if window.weekend else ""
    excluded = "，不含当天" if window.due_at == deadline(window.due_on, inclusive=False) else ""
    return f"{window.due_on.month}月{window.due_on.day}日（星期{weekday}{rest}{excluded}）"


def _known_keys(values: Mapping[str, Any], known: Iterable[str], required: Iterable[str], noun: str) -> None:
    missing = [key for key in required if key not in values]
    unknown = sorted(set(values).difference(known))
    if missing:
        raise ValueError(f"保存的{noun}缺少{'、'.join(missing)}，请补上")
    if unknown:
        raise ValueError(f"保存的{noun}多出{'、'.join(unknown)}，请删去")
