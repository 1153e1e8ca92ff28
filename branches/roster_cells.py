"""A roster workbook's columns and cells: which column is which, and what a person may have written in each.

Nothing here asks the database: what a cell says is read, or refused with a reason and a cure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import IO, Any

from branches.models import Post, normal_staff_number
from documents.text import normalised, printable
from documents.workbook import EXACT_DIGITS, MAX_ROWS, Cell, WorkbookRefused, read


@dataclass(frozen=True)
class Heading:
    """A column of the roster: its name in the template, and the names other lists give it."""

    key: str
    title: str
    also: tuple[str, ...] = ()
    required: bool = False
    kind: str = "text"
    width: float = 14


HEADINGS = (
    Heading(
        "staff_number", "工号", ("职工号", "教工号", "教职工号", "职工编号", "人员编号", "工作证号"),
        required=True, width=12,
    ),
    Heading("name", "姓名", ("党员姓名", "名字"), required=True, width=14),
    Heading(
        "branch", "所在党支部", ("党支部", "支部", "所在支部", "所属党支部", "所属支部", "党支部名称", "支部名称"),
        required=True, width=34,
    ),
    Heading("group", "所在党小组", ("党小组", "小组", "所属党小组", "党小组名称"), width=16),
    Heading("joined_on", "入党日期", ("入党时间", "加入党组织日期", "加入党组织时间"), kind="date"),
    Heading(
        "confirmed_on", "转正日期", ("转正时间", "转为正式党员日期", "转为正式党员时间"), kind="date"
    ),
    Heading("category", "人员类别", ("党员类别", "类别"), width=12),
    Heading("job_title", "行政职务", ("职务", "现任职务", "行政职务名称", "工作单位及职务"), width=24),
    Heading(
        "is_leading_cadre", "是否处级以上",
        ("处级以上", "是否处级", "是否处级以上领导干部", "是否处级以上党员领导干部", "处级以上党员领导干部",
         "行政职务级别", "行政级别", "职务级别"),
    ),
    Heading("posts", "党内职务", ("支部职务", "党支部职务", "党务职务", "支部任职"), width=20),
)  # fmt: skip
BY_KEY = {heading.key: heading for heading in HEADINGS}
BY_TITLE = {title: heading.key for heading in HEADINGS for title in (heading.title, *heading.also)}
# Columns the portal itself adds to what it hands back; they are passed over when the workbook returns.
OWN_COLUMNS = frozenset({"序号", "原行号", "问题", "怎么改"})
HEADER_WITHIN = 15

_BROKEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"[0-9a-z][0-9a-z-]{0,29}")
_NAME = re.compile(r"[^\W\d_]+(?:[·'\- ][^\W\d_]+)*")
_HAN_GAP = re.compile(r"(?<=[\u3400-\u9fff\U00020000-\U0003ffff])\s+(?=[\u3400-\u9fff\U00020000-\U0003ffff])")


@dataclass(frozen=True)
class Line:
    """One row of the workbook as it stood there: Excel's row number and, for each known column, kind and text."""

    row: int
    cells: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Reading:
    """What was read of a workbook: which columns were found under which names, which were left, and the rows."""

    sheet: str
    columns: dict[str, str]
    ignored: list[str]
    lines: list[Line]
    hidden: bool = False
    other_sheets: list[str] = field(default_factory=list)
    # What the sheet hides (or has filtered away) and was read all the same.
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[str] = field(default_factory=list)

    @property
    def read_as(self) -> list[tuple[str, str]]:
        """Each column that is read: its heading in the file, and the roster's own name for it."""
        return [(self.columns[heading.key], heading.title) for heading in HEADINGS if heading.key in self.columns]

    def as_data(self) -> dict[str, Any]:
        return {
            "sheet": self.sheet,
            "columns": self.columns,
            "ignored": self.ignored,
            "hidden": self.hidden,
            "other_sheets": self.other_sheets,
            "hidden_rows": self.hidden_rows,
            "hidden_columns": self.hidden_columns,
            "lines": [[line.row, line.cells] for line in self.lines],
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Reading:
        lines = [Line(row, {key: (kind, text) for key, (kind, text) in cells.items()}) for row, cells in data["lines"]]
        return cls(
            sheet=data["sheet"],
            columns=data["columns"],
            ignored=data["ignored"],
            lines=lines,
            hidden=data["hidden"],
            other_sheets=data["other_sheets"],
            hidden_rows=data.get("hidden_rows", []),
            hidden_columns=data.get("hidden_columns", []),
        )


def _title(text: str) -> str:
    """A heading as one compares it: without blanks, stars and remarks in brackets."""
    return re.sub(r"\s|\*|\([^)]*\)|:$", "", normalised(text))


def read_roster(source: bytes | IO[bytes]) -> Reading:
    """Read the rows of a roster workbook: columns by name, in any order, below any title rows.

    Raises WorkbookRefused with a sentence for the person at the desk. Columns that are not the roster's are not kept.
    """
    result = read(source, above=HEADER_WITHIN)
    at, titles = _find_header(result.rows)
    places: dict[str, int] = {}
    for place, title in enumerate(titles):
        key = BY_TITLE.get(title)
        if key is None:
            continue
        if key in places:
            raise WorkbookRefused(
                f"“{titles[places[key]]}”和“{title}”两列都是{BY_KEY[key].title}，请只保留一列，再上传"
            )
        places[key] = place
    lines = []
    for row, cells in enumerate(result.rows[at + 1 :], at + 2):
        kept = {key: _kept(cells[place]) for key, place in places.items() if place < len(cells)}
        if result.from_1904:
            kept = {key: _from_1904(cell) if BY_KEY[key].kind == "date" else cell for key, cell in kept.items()}
        kept = {key: cell for key, cell in kept.items() if cell[1]}
        if kept:
            lines.append(Line(row, kept))
    if len(lines) > MAX_ROWS:
        raise WorkbookRefused(f"工作表“{result.sheet}”超过 {MAX_ROWS:,} 行。请分成几个文件，再上传")
    if not lines:
        raise WorkbookRefused(f"工作表“{result.sheet}”的表头下面没有党员，请填写后再上传")
    return Reading(
        sheet=result.sheet,
        columns={key: titles[place] for key, place in places.items()},
        ignored=[title for title in titles if title and title not in BY_TITLE and title not in OWN_COLUMNS],
        lines=lines,
        hidden=result.hidden,
        other_sheets=result.other_sheets,
        hidden_rows=[row for row in result.hidden_rows if row in {line.row for line in lines}],
        hidden_columns=[titles[n - 1] for n in result.hidden_columns if n <= len(titles) and titles[n - 1] in BY_TITLE],
    )


def _find_header(rows: Sequence[Sequence[Cell]]) -> tuple[int, list[str]]:
    required = [heading for heading in HEADINGS if heading.required]
    best: tuple[int, list[str]] = (0, [])
    for at, row in enumerate(rows[:HEADER_WITHIN]):
        titles = [_title(cell.text) for cell in row]
        known = {BY_TITLE[title] for title in titles if title in BY_TITLE}
        if all(heading.key in known for heading in required):
            return at, titles
        if len(known) > len({BY_TITLE[title] for title in best[1] if title in BY_TITLE}):
            best = (at, titles)
    at, titles = best
    found = [title for title in titles if title]
    known = {BY_TITLE[title] for title in found if title in BY_TITLE}
    missing = "、".join(f"“{heading.title}”" for heading in required if heading.key not in known)
    if not found:
        first = next((row for row in rows if any(cell.text for cell in row)), [])
        found = [_title(cell.text)[:20] for cell in first if cell.text]
        where = "前几行里没有找到表头"
    else:
        where = f"第{at + 1}行的表头"
    read_as = "、".join(found[:20]) or "（空）"
    raise WorkbookRefused(f"{where}缺少{missing}列。读到的列是：{read_as}。请按模板的列名改好，再上传")


def _kept(cell: Cell) -> tuple[str, str]:
    """Kind and printable text; a text with invisible control characters is kept as such, to be refused by its row."""
    text = printable(cell.text).strip()
    if cell.kind == "text" and _BROKEN.search(cell.text.replace("\r", "\n")):
        return ("broken", text or "□")
    return (cell.kind, text if normalised(text) else "")


def _from_1904(cell: tuple[str, str]) -> tuple[str, str]:
    """A bare number in a date column of a workbook that counts from 1904; typed as text it could be either day."""
    kind, text = cell
    if kind == "text" and re.fullmatch(r"\d{5}", normalised(text)):
        return ("unclear", text)
    if kind in ("int", "decimal") and 5844 <= (number := Decimal(text)) < 71589:
        return ("date", (date(1904, 1, 1) + timedelta(days=int(number))).isoformat())
    return cell


# --------------------------------------------------------------------------------------------------- reading a cell


class Unreadable(Exception):
    """A cell that cannot be taken: what is wrong, and what to do."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure


# What people write where there is nothing: an empty cell leaves the roster as it is, these words clear the entry.
NOTHING = frozenset({"无", "没有", "-", "—", "--", "——", "/", "\\", "空"})
AS_TEXT = "把该列设为“文本”格式后重新填写"


def as_written(cell: tuple[str, str]) -> str:
    """The text of a sound cell on one line, its punctuation as it was typed; empty where it says that there is none."""
    _sound(cell)
    text = re.sub(r"\s+", " ", re.sub("[\u00ad\u200b-\u200d\u2060]", "", cell[1])).strip()
    return "" if normalised(text) in NOTHING else text


def _sound(cell: tuple[str, str]) -> tuple[str, str]:
    """Kind and normalised text of a plain value. Raises Unreadable for formulas, errors and control characters."""
    kind, text = cell[0], normalised(cell[1])
    if kind == "formula":
        raise Unreadable(f"单元格是公式（{text[:30]}）", "复制该列，“选择性粘贴”为“数值”，保存后再上传")
    if kind == "error":
        raise Unreadable(f"单元格是错误值 {text[:20]}", "改成正确的内容")
    if kind == "broken":
        raise Unreadable(f"“{text[:20]}”中有看不见的控制字符", "删去该单元格，手工重新输入")
    return kind, text


def staff_number_of(cell: tuple[str, str]) -> str:
    """The staff number in its one spelling. Raises Unreadable for what Excel has changed on the way."""
    kind, text = _sound(cell)
    if kind in ("int", "decimal"):
        if kind == "decimal" or abs(Decimal(text)) >= 10**EXACT_DIGITS:
            raise Unreadable(f"工号“{text[:30]}”是带小数或过长的数字，Excel 已改变了它", AS_TEXT)
    elif kind != "text":
        raise Unreadable(f"工号“{text[:30]}”不是文本", AS_TEXT)
    if re.fullmatch(r"\d+(\.\d+[eE]\+?|[eE]\+)\d+|\d+\.\d+", text):
        raise Unreadable(f"工号“{text[:30]}”是科学计数或带小数的数字，末尾几位已丢失", AS_TEXT)
    number = normal_staff_number(text)
    if not _NUMBER.fullmatch(number):
        raise Unreadable(f"工号“{text[:30]}”中有字母、数字和连字符以外的字符", "核对后重新填写")
    return number


def clean_name(text: str) -> str:
    """A person's name in its one spelling: no blanks between Chinese characters, one kind of middle dot."""
    name = re.sub(r"[•・‧∙⋅．]", "·", normalised(text))
    return _HAN_GAP.sub("", re.sub(r"\s+", " ", re.sub(r"\s*·\s*", "·", name)))


def is_name(name: str) -> bool:
    """Whether this can be a person's name: 2 to 50 letters or characters, no digits."""
    return 2 <= len(name) <= 50 and bool(_NAME.fullmatch(name))


def squeezed(text: str) -> str:
    """A name of a branch or group as one compares it: normalised, no blanks."""
    return re.sub(r"\s", "", normalised(text))


def name_of(cell: tuple[str, str]) -> str:
    kind, text = _sound(cell)
    name = clean_name(text)
    if kind != "text" or not is_name(name):
        raise Unreadable(f"“{text[:30]}”不像姓名", "填写2至50个字的姓名，不含数字；少数民族姓名用“·”分隔")
    return name


FIRST_DAY, LAST_DAY = date(1920, 1, 1), date(2099, 12, 31)
DAY_FORMS = "写成 2018-07-01、2018.7.1 或 2018年7月1日"
_DAY = re.compile(r"(\d{4})\s*[-./年]\s*(\d{1,2})\s*[-./月]\s*(\d{1,2})\s*[日号]?(?:\s+0{1,2}:00(?::00)?)?")


def day_of(cell: tuple[str, str]) -> date:
    """The date in a cell: a real date, the spellings of an office, eight digits, or Excel's serial number.

    Raises Unreadable for anything else, and for days there never were; nothing is guessed or shifted.
    """
    kind, text = _sound(cell)
    if kind in ("date", "datetime"):
        day = datetime.fromisoformat(text).date()
    elif kind in ("int", "decimal") or (kind != "unclear" and re.fullmatch(r"\d{5}|\d{8}", text)):
        day = _day_of_number(Decimal(text), text)
    elif kind == "text" and (found := _DAY.fullmatch(text)):
        day = _real_day(text, *map(int, found.groups()))
    else:
        raise Unreadable(f"“{text[:30]}”不是完整的日期", DAY_FORMS)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Unreadable(f"“{text[:30]}”不在合理的年份内", DAY_FORMS)
    return day


def _day_of_number(number: Decimal, text: str) -> date:
    if number == int(number) and 19200101 <= number <= 20991231:
        return _real_day(text, int(number) // 10000, int(number) // 100 % 100, int(number) % 100)
    # Excel counts days from the end of 1899; 7306 is the first day of 1920.
    if 7306 <= number < 73051:
        return date(1899, 12, 30) + timedelta(days=int(number))
    raise Unreadable(f"“{text[:30]}”不是完整的日期", DAY_FORMS)


def _real_day(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Unreadable(f"没有“{text[:30]}”这一天", "核对后改正") from None


YES = frozenset({"是", "有", "√", "✓", "✔", "y", "yes", "true", "1", "处级", "正处", "副处", "正处级", "副处级",
                 "县处级", "县处级正职", "县处级副职", "处级以上", "厅级", "正厅级", "副厅级", "厅局级"})  # fmt: skip
NO = frozenset({"否", "不是", "×", "✗", "✘", "x", "n", "no", "false", "0", "科级", "正科", "副科", "正科级",
                "副科级", "科级以下", "科员", "乡科级"}) | NOTHING  # fmt: skip


def is_leading_cadre_of(cell: tuple[str, str]) -> bool:
    _, text = _sound(cell)
    word = text.casefold()
    if word in YES or word in NO:
        return word in YES
    raise Unreadable(f"“{text[:30]}”不是“是”或“否”", "填写“是”或“否”")


FULL = frozenset({"正式党员", "正式", "中共党员", "党员"})
PROBATIONARY = frozenset({"预备党员", "预备", "中共预备党员"})


def is_full_of(cell: tuple[str, str]) -> bool:
    """True for a full member, False for a probationary one."""
    _, text = _sound(cell)
    if text in FULL or text in PROBATIONARY:
        return text in FULL
    raise Unreadable(f"“{text[:30]}”不是人员类别", "填写“正式党员”或“预备党员”")


POSTS = {
    "支部书记": Post.Kind.SECRETARY, "党支部书记": Post.Kind.SECRETARY, "书记": Post.Kind.SECRETARY,
    "支部副书记": Post.Kind.DEPUTY, "党支部副书记": Post.Kind.DEPUTY, "副书记": Post.Kind.DEPUTY,
    "组织委员": Post.Kind.ORGANIZATION, "宣传委员": Post.Kind.PUBLICITY,
    "纪检委员": Post.Kind.DISCIPLINE, "纪律检查委员": Post.Kind.DISCIPLINE,
    "党小组组长": Post.Kind.GROUP_LEADER, "党小组长": Post.Kind.GROUP_LEADER, "小组组长": Post.Kind.GROUP_LEADER,
    "小组长": Post.Kind.GROUP_LEADER, "组长": Post.Kind.GROUP_LEADER,
}  # fmt: skip
NO_POST = NOTHING | {"党员", "普通党员", "正式党员", "预备党员"}
# Posts that exist in branches but carry no rights here: named in the preview, not kept.
OTHER_POSTS = frozenset({
    "委员", "支委", "支部委员", "支委委员", "统战委员", "青年委员", "保密委员", "群工委员", "生活委员", "文体委员",
    "学习委员", "妇女委员",
})  # fmt: skip
# Probationary members neither elect nor are elected.
ELECTED = tuple(kind for kind in Post.IN_BRANCH if kind != Post.Kind.GROUP_LEADER)


def posts_of(cell: tuple[str, str]) -> tuple[list[str], list[str]]:
    """The kinds of post named in a cell, and the names of posts that are not kept here."""
    _, text = _sound(cell)
    kinds: list[str] = []
    others: list[str] = []
    for word in re.split(r"[、,;/|\s兼]+", text):
        if not word or word in NO_POST or text in NO_POST:
            continue
        if word in OTHER_POSTS:
            others.append(word)
        elif word in POSTS:
            kinds.append(str(POSTS[word].value))
        else:
            raise Unreadable(
                f"“{word[:30]}”不是党内职务",
                "填写支部书记、支部副书记、组织委员、宣传委员、纪检委员、党小组组长，几个之间用顿号；没有就填“无”",
            )
    return list(dict.fromkeys(kinds)), others
