"""Cadences: how often a requirement is owed, as pure values that give windows of days; no database, no clock."""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
ONE_DAY = timedelta(days=1)
MOST_DAYS = 366
MONTH_STEPS = (1, 2, 3, 4, 6)
EVENTS = {"gathering": "每次活动", "pledge": "每份承诺"}
RECORDS = {"member_plan": "个人自学计划"}
QUARTERS = ("第一季度", "第二季度", "第三季度", "第四季度")
HALVES = ("上半年", "下半年")


@dataclass(frozen=True, order=True)
class Window:
    """One period in which something is owed: first and last day (inclusive), the last named day, a Chinese label."""

    starts_on: date
    ends_on: date
    due_on: date
    label: str


@dataclass(frozen=True)
class EveryWeek:
    """Owed once in every week from Monday to Sunday of the ISO week-year, due on the Sunday."""

    def windows(self, year: int) -> tuple[Window, ...]:
        """Give the 52 or 53 weeks of the ISO week-year `year`, in order."""
        monday = date.fromisocalendar(year, 1, 1)
        # 28 December always lies in the last ISO week of its year.
        count = date(year, 12, 28).isocalendar().week
        windows = []
        for number in range(1, count + 1):
            sunday = monday + 6 * ONE_DAY
            windows.append(Window(monday, sunday, sunday, f"第{number}周（{days_label(monday, sunday)}）"))
            monday = sunday + ONE_DAY
        return tuple(windows)

    def spec(self) -> dict[str, Any]:
        """Give the plain form that `parse` reads back."""
        return {"every": "week"}


@dataclass(frozen=True)
class EveryMonths:
    """Owed once in every `n` months counted from January, due on the last day; `n` is 1, 2, 3, 4 or 6."""

    n: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or self.n not in MONTH_STEPS:
            raise ValueError(f"每几个月一次只能是1、2、3、4或6，现在写的是{self.n}")

    def windows(self, year: int) -> tuple[Window, ...]:
        """Give the 12 / n periods of the calendar year `year`, in order."""
        windows = []
        for first in range(1, 13, self.n):
            last = first + self.n - 1
            ends_on = last_day(year, last)
            windows.append(Window(date(year, first, 1), ends_on, ends_on, self._label(first, last)))
        return tuple(windows)

    def _label(self, first: int, last: int) -> str:
        if self.n == 6:
            return HALVES[first // 6]
        if self.n == 3:
            return QUARTERS[first // 3]
        return f"{first}月" if first == last else f"{first}–{last}月"

    def spec(self) -> dict[str, Any]:
        """Give the plain form that `parse` reads back."""
        return {"every": "month"} if self.n == 1 else {"every": "month", "months": self.n}


@dataclass(frozen=True)
class OnceBy:
    """Owed once a year, by a named day; `before` says that the paper words it 某日前, so that a setting decides."""

    month: int
    day: int
    before: bool = False

    def __post_init__(self) -> None:
        check_day(self.month, self.day)

    def windows(self, year: int) -> tuple[Window, ...]:
        """Give the one window from 1 January of `year` to the named day (29 February becomes 28 in a common year)."""
        due_on = day_in(year, self.month, self.day)
        return (Window(date(year, 1, 1), due_on, due_on, f"{year}年"),)

    def spec(self) -> dict[str, Any]:
        """Give the plain form that `parse` reads back."""
        spec: dict[str, Any] = {"once_by": f"{self.month:02}-{self.day:02}"}
        return spec | {"before": True} if self.before else spec


@dataclass(frozen=True)
class OnDates:
    """Owed once in each span (month, day, month, day) of the year, due `plus_days` calendar days after its end."""

    spans: tuple[tuple[int, int, int, int], ...]
    plus_days: int = 0

    def __post_init__(self) -> None:
        if not self.spans:
            raise ValueError("至少要写一段起止日期")
        _whole(self.plus_days, "plus_days")
        for span in self.spans:
            check_day(*span[:2])
            check_day(*span[2:])
            if span[:2] == (2, 29):
                raise ValueError("起始日不能写02-29，平年没有这一天，请写02-28或03-01")
            if span[:2] > span[2:]:
                raise ValueError(f"起始日{span_text(span[:2])}晚于截止日{span_text(span[2:])}")
        ordered = sorted(self.spans)
        for earlier, later in pairwise(ordered):
            if later[:2] <= earlier[2:]:
                raise ValueError(f"两段日期重叠：{span_text(earlier[2:])}与{span_text(later[:2])}")

    def windows(self, year: int) -> tuple[Window, ...]:
        """Give one window for each span in the calendar year `year`, in order; the due day may lie in the next year."""
        windows = []
        for from_month, from_day, to_month, to_day in sorted(self.spans):
            starts_on, ends_on = day_in(year, from_month, from_day), day_in(year, to_month, to_day)
            due_on = ends_on + self.plus_days * ONE_DAY
            windows.append(Window(starts_on, ends_on, due_on, span_label(starts_on, ends_on)))
        return tuple(windows)

    def spec(self) -> dict[str, Any]:
        """Give the plain form that `parse` reads back."""
        spec: dict[str, Any] = {"on": [[span_text(span[:2]), span_text(span[2:])] for span in self.spans]}
        return spec | {"plus_days": self.plus_days} if self.plus_days else spec


@dataclass(frozen=True)
class Continuous:
    """Owed the whole year through, looked at on 31 December."""

    def windows(self, year: int) -> tuple[Window, ...]:
        """Give the one window that is the calendar year `year`."""
        return (Window(date(year, 1, 1), date(year, 12, 31), date(year, 12, 31), f"{year}年"),)

    def spec(self) -> dict[str, Any]:
        """Give the plain form that `parse` reads back."""
        return {"continuous": True}


@dataclass(frozen=True)
class DaysAfter:
    """Owed once for each event, `n` days after the day it ended; `n` is 0 where the event brings its own day."""

    n: int
    event: str

    def __post_init__(self) -> None:
        _whole(self.n, "days_after")
        _known(self.event, EVENTS, "event")

    def windows(self, year: int) -> tuple[Window, ...]:
        """Give nothing: what is owed hangs on events, not on the calendar."""
        return ()

    def due_on(self, ended_on: date) -> date:
        """Give the last named day for an event that ended on `ended_on`: `n` calendar days later, holidays included."""
        return ended_on + self.n * ONE_DAY

    def spec(self) -> dict[str, Any]:
        """Give the plain form that `parse` reads back."""
        return {"days_after": self.n, "event": self.event} if self.n else {"event": self.event}


@dataclass(frozen=True)
class LinesOf:
    """Owed as the lines of a record (the weeks of a member's study plan), not as duties of their own."""

    record: str

    def __post_init__(self) -> None:
        _known(self.record, RECORDS, "lines")

    def windows(self, year: int) -> tuple[Window, ...]:
        """Give nothing: the weeks are told from the record."""
        return ()

    def spec(self) -> dict[str, Any]:
        """Give the plain form that `parse` reads back."""
        return {"lines": self.record}


Cadence = EveryWeek | EveryMonths | OnceBy | OnDates | Continuous | DaysAfter | LinesOf

# Which keys a cadence may carry, by the key that names it; `year_end` borrows its span from a setting.
SPEC_KEYS: dict[str, frozenset[str]] = {
    "every": frozenset({"every", "months"}),
    "once_by": frozenset({"once_by", "before"}),
    "on": frozenset({"on", "plus_days"}),
    "continuous": frozenset({"continuous"}),
    "event": frozenset({"event", "days_after"}),
    "lines": frozenset({"lines"}),
    "year_end": frozenset({"year_end"}),
}


def parse(spec: Mapping[str, Any], values: Mapping[str, Any]) -> Cadence:
    """Read a cadence from its plain form; `{setting = "…"}` is looked up in `values` (setting key to value).

    Raises ValueError with a Chinese sentence naming the key, what was written and what may be written.
    """
    if not isinstance(spec, Mapping):
        raise ValueError(f"cadence 应写成花括号里的表，现在写的是{shown(spec)}")
    kinds = [kind for kind in SPEC_KEYS if kind in spec]
    if len(kinds) != 1:
        raise ValueError(f"cadence 应当并且只能写{'、'.join(SPEC_KEYS)}中的一种，现在写的是{shown(spec)}")
    kind = kinds[0]
    extra = [key for key in spec if key not in SPEC_KEYS[kind]]
    if extra:
        raise ValueError(f"cadence 的 {kind} 不能与 {'、'.join(extra)} 同写，请删去后者")
    match kind:
        case "every":
            return _parse_every(spec)
        case "once_by":
            month, day = parse_day(resolve(spec["once_by"], values, "once_by"), "once_by")
            return OnceBy(month, day, _flag(spec.get("before", False), "before"))
        case "on":
            plus_days = resolve(spec.get("plus_days", 0), values, "plus_days")
            return OnDates(_parse_spans(spec["on"]), _whole(plus_days, "plus_days"))
        case "continuous":
            _always(spec["continuous"], "continuous")
            return Continuous()
        case "event":
            days = resolve(spec.get("days_after", 0), values, "days_after")
            return DaysAfter(_whole(days, "days_after"), spec["event"])
        case "lines":
            return LinesOf(spec["lines"])
        case _:
            _always(spec["year_end"], "year_end")
            month, day = parse_day(resolve({"setting": "year_end_from"}, values, "year_end"), "year_end_from")
            return OnDates(((month, day, 12, 31),))


def deadline(due_on: date, inclusive: bool = True) -> datetime:
    """Give the exclusive instant in Asia/Shanghai: midnight after the named day, or at its start if not inclusive."""
    return datetime.combine(due_on + ONE_DAY if inclusive else due_on, time(), SHANGHAI)


def parse_day(text: object, key: str) -> tuple[int, int]:
    """Read "07-11" as (7, 11); ValueError in Chinese, naming `key`, for anything that is no day of the year."""
    found = re.fullmatch(r"([0-9]{2})-([0-9]{2})", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{key} 应写成“月-日”，例如“07-11”，现在写的是{shown(text)}")
    month, day = int(found[1]), int(found[2])
    try:
        check_day(month, day)
    except ValueError as error:
        raise ValueError(f"{key} 写的是“{text}”，{error}") from None
    return month, day


def check_day(month: int, day: int) -> None:
    """Raise ValueError in Chinese unless some year has this day (29 February is a day)."""
    # 2000 is a leap year, so that 29 February passes here and becomes 28 where the year has none.
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(2000, month)[1]:
        raise ValueError(f"日历上没有{month}月{day}日，请改成日历上有的日期")


def day_in(year: int, month: int, day: int) -> date:
    """Give that day of `year`, 28 February for 29 February in a common year."""
    return date(year, month, min(day, monthrange(year, month)[1]))


def last_day(year: int, month: int) -> date:
    """Give the last day of a month."""
    return date(year, month, monthrange(year, month)[1])


def days_label(starts_on: date, ends_on: date) -> str:
    """Give a span of days in Chinese, the month said once where it is the same: 7月9日–15日, 7月30日–8月5日."""
    start = f"{starts_on.month}月{starts_on.day}日"
    if starts_on == ends_on:
        return start
    if (starts_on.year, starts_on.month) == (ends_on.year, ends_on.month):
        return f"{start}–{ends_on.day}日"
    return f"{start}–{ends_on.month}月{ends_on.day}日"


def span_label(starts_on: date, ends_on: date) -> str:
    """Give a span as an office says it: 7月上旬, 12月, 10–12月, or its days."""
    whole_months = starts_on.day == 1 and ends_on == last_day(ends_on.year, ends_on.month)
    if whole_months:
        if starts_on.month == ends_on.month:
            return f"{starts_on.month}月"
        return f"{starts_on.month}–{ends_on.month}月"
    if starts_on.month == ends_on.month:
        thirds = {
            (1, 10): "上旬",
            (11, 20): "中旬",
            (21, last_day(ends_on.year, ends_on.month).day): "下旬",
        }
        third = thirds.get((starts_on.day, ends_on.day))
        if third:
            return f"{starts_on.month}月{third}"
    return days_label(starts_on, ends_on)


def span_text(month_day: tuple[int, ...]) -> str:
    """Write (7, 11) as "07-11"."""
    return f"{month_day[0]:02}-{month_day[1]:02}"


def shown(value: object) -> str:
    """Write a value as it stands in the TOML, words in Chinese quotation marks, for use in a sentence."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} = {shown(inner)}" for key, inner in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(inner) for inner in value) + "]"
    return str(value)


def resolve(value: object, values: Mapping[str, Any], key: str) -> Any:
    """Give the value itself, or the setting's value where `value` is `{setting = "…"}`."""
    if not isinstance(value, Mapping):
        return value
    name = value.get("setting")
    if set(value) != {"setting"} or not isinstance(name, str):
        raise ValueError(f'{key} 引用设置时应写成 {{setting = "…"}}，现在写的是{shown(value)}')
    if name not in values:
        raise ValueError(f"{key} 引用的设置“{name}”不存在或填写有误，请先改好 settings.{name}")
    return values[name]


def _parse_every(spec: Mapping[str, Any]) -> Cadence:
    if spec["every"] == "week" and "months" not in spec:
        return EveryWeek()
    if spec["every"] == "month":
        return EveryMonths(_whole(spec.get("months", 1), "months"))
    if spec["every"] == "week":
        raise ValueError('every = "week" 不能与 months 同写，请删去 months')
    raise ValueError(f"every 只能写“week”或“month”，现在写的是{shown(spec['every'])}")


def _parse_spans(spans: object) -> tuple[tuple[int, int, int, int], ...]:
    if not isinstance(spans, list | tuple) or not all(isinstance(s, list | tuple) and len(s) == 2 for s in spans):
        raise ValueError(f'on 应写成若干“起、止”日期，例如 [["07-01", "07-10"]]，现在写的是{shown(spans)}')
    return tuple((*parse_day(first, "on"), *parse_day(last, "on")) for first, last in spans)


def _whole(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_DAYS:
        raise ValueError(f"{key} 应写0到{MOST_DAYS}之间的整数，现在写的是{shown(value)}")
    return value


def _known(value: object, known: Mapping[str, str], key: str) -> None:
    if not isinstance(value, str) or value not in known:
        words = "、".join(f"{word}（{meaning}）" for word, meaning in known.items())
        raise ValueError(f"{key} 写的是{shown(value)}，不认识，可写的有{words}")


def _flag(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{key} 只能写 true 或 false，现在写的是{shown(value)}")
    return value


def _always(value: object, key: str) -> None:
    if value is not True:
        raise ValueError(f"{key} 只能写 true，现在写的是{shown(value)}；不需要时请换一种 cadence")
