"""What deserves a second look in a branch: its size, its committee, its units and its term, in sentences.

Pure: facts and a day give sentences. They are hints and refuse nothing; the numbers are those of the regulation on
the work of branches (支部工作条例).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

LEAST = 3  # full members; below it a branch is formed together with others
COMMITTEE_FROM = 7  # full members
COMMITTEE_LEAST, COMMITTEE_USUAL, COMMITTEE_MOST = 3, 5, 7
MOST_MEMBERS = 50
MOST_UNITS = 5
AHEAD_MONTHS = 3


class Level(IntEnum):
    """How urgent, the most urgent first."""

    LATE = 0
    SOON = 1
    NOTE = 2
    BLANK = 3  # something is not filled in: said on the branch's own page, not in lists

    @property
    def tone(self) -> str:
        return ("late", "soon", "plain", "plain")[self]


@dataclass(frozen=True)
class Facts:
    """What is known of a branch on a day; `seats` are the people who hold a post of the branch committee."""

    kind: str = "ordinary"
    units: str = ""
    members: int = 0
    full_members: int = 0
    secretary: bool = True
    seats: int = 0
    commissioners: int = 0
    elected_on: date | None = None
    term_years: int = 3


@dataclass(frozen=True)
class Hint:
    """One sentence, a word or two of it for a list, and the day that it is about, if any."""

    level: Level
    text: str
    short: str
    on: date | None = None


def units_of(text: str) -> list[str]:
    """The units of a joint branch, as they are written: 教务处、科研处."""
    for sign in "，,；;\n":
        text = text.replace(sign, "、")
    return [unit.strip() for unit in text.split("、") if unit.strip()]


def term_ends_on(elected_on: date, term_years: int) -> date:
    """The day on which the term is over; a term begun on 29 February ends on the 28th where the year has no 29th."""
    try:
        return elected_on.replace(year=elected_on.year + term_years)
    except ValueError:
        return elected_on.replace(year=elected_on.year + term_years, day=28)


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last of that month: 31 May less 3 is 28 or 29 February."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    return date(year, month + 1, min(day.day, 28))


def hints(facts: Facts, day: date) -> list[Hint]:
    """The most urgent first; empty where nothing strikes."""
    found = [*term_hints(facts, day), *_size(facts), *_committee(facts), *_units(facts)]
    return sorted(found, key=lambda hint: hint.level)


def listed(facts: Facts, day: date) -> str:
    """The hints in a few words each, as a list shows them; 无 where there are none."""
    return "、".join(hint.short for hint in hints(facts, day) if hint.level < Level.BLANK) or "无"


def term_hints(facts: Facts, day: date) -> list[Hint]:
    """Only what the term has to say."""
    if facts.kind == "temporary":
        return []  # appointed for an occasion, not elected for a term
    if facts.elected_on is None:
        return [Hint(Level.BLANK, "没有登记本届选举日期，到期前不能提醒换届。", "未登记选举日期")]
    end = term_ends_on(facts.elected_on, facts.term_years)
    words = f"{end.month}月{end.day}日"
    if end.year != day.year:
        words = f"{end.year}年{words}"
    if day >= end:
        late = (day - end).days
        since = f"，已逾期{late}天" if late else ""
        return [
            Hint(Level.LATE, f"本届任期已于{words}届满{since}，请尽快换届；需要延期的，按程序报批。", "任期届满", end)
        ]
    if day >= months_before(end, AHEAD_MONTHS):
        return [Hint(Level.SOON, f"本届任期至{words}届满，请提前做好换届准备。", "即将换届", end)]
    return []


def _size(facts: Facts) -> list[Hint]:
    if facts.full_members < LEAST:
        cure = {
            "joint": "请再联合邻近单位，或并入其他支部。",
            "temporary": "请并入其他支部。",
        }.get(facts.kind, "请与邻近单位成立联合党支部。")
        return [Hint(Level.SOON, f"正式党员{facts.full_members}名，不足{LEAST}名，{cure}", "正式党员不足3名")]
    if facts.members > MOST_MEMBERS:
        text = f"党员{facts.members}名，一般不超过{MOST_MEMBERS}名，请考虑分设支部。"
        return [Hint(Level.NOTE, text, f"超过{MOST_MEMBERS}名")]
    return []


def _committee(facts: Facts) -> list[Hint]:
    found = []
    if not facts.secretary:
        found.append(Hint(Level.SOON, "支部书记空缺，请尽快选举或指定。", "书记空缺"))
    if facts.kind == "temporary":
        return found
    if facts.full_members < COMMITTEE_FROM:
        if facts.commissioners:
            text = (
                f"正式党员不足{COMMITTEE_FROM}名，不设支部委员会，设1名书记，必要时增设1名副书记；"
                f"现有{facts.commissioners}名委员任职，请核对。"
            )
            found.append(Hint(Level.NOTE, text, "不设支委会而有委员"))
    elif facts.seats < COMMITTEE_LEAST:
        text = (
            f"正式党员{facts.full_members}名，应设支部委员会，由{COMMITTEE_LEAST}至{COMMITTEE_USUAL}人组成，"
            f"一般不超过{COMMITTEE_MOST}人；现有{facts.seats}人任职。"
        )
        found.append(Hint(Level.SOON, text, "支委会不足3人"))
    elif facts.seats > COMMITTEE_MOST:
        text = f"支部委员会一般不超过{COMMITTEE_MOST}人，现有{facts.seats}人任职，请核对。"
        found.append(Hint(Level.NOTE, text, f"支委会超过{COMMITTEE_MOST}人"))
    return found


def _units(facts: Facts) -> list[Hint]:
    if facts.kind != "joint":
        return []
    units = units_of(facts.units)
    if len(units) < 2:
        return [Hint(Level.NOTE, "请写明联合党支部由哪些单位组成。", "未写联合单位")]
    if len(units) > MOST_UNITS:
        text = f"联合党支部覆盖的单位一般不超过{MOST_UNITS}个，现为{len(units)}个。"
        return [Hint(Level.NOTE, text, f"联合单位超过{MOST_UNITS}个")]
    return []
