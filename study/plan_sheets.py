"""A study plan as a workbook: written out, and read in again row by row in the very columns it was written in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import zip_longest
from typing import IO, Any

from branches.roster_cells import Unreadable, day_of, squeezed
from documents.text import normalised, printable
from documents.workbook import Cell, Column, Sheet, WorkbookRefused, read
from study.models import BranchPlan, Kind, Method, PlanItem
from study.plan_items import Offered, RowForm, items_of

MOST_ROWS = 200
HEADER_WITHIN = 15
CHOICES = "可选内容"
NUMBER = re.compile(r"[-+]?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Heading:
    """A column of the plan: its name, the names other lists give it, and how it is written."""

    key: str
    title: str
    also: tuple[str, ...] = ()
    width: float = 14
    kind: str = "text"


HEADINGS = (
    Heading("starts_on", "开始日期", ("日期", "学习日期", "时间"), 13, "date"),
    Heading("ends_on", "截止日期", ("结束日期",), 13, "date"),
    Heading("rhythm", "周期", (), 8),
    Heading("scope", "学习范围", ("范围",), 11),
    Heading("kind", "活动类型", ("类型",), 16),
    Heading("with_kinds", "同日一并开展", (), 22),
    Heading("topic", "学习主题", ("主题",), 30),
    Heading("content", "学习内容", ("内容",), 44),
    Heading("readings", "学习篇目", ("篇目",), 30),
    Heading("hours", "学时", (), 8, "decimal"),
    Heading("responsible", "责任人", (), 14),
    Heading("method", "学习方式", ("方式",), 12),
    Heading("place", "地点", (), 18),
)
BY_KEY = {heading.key: heading for heading in HEADINGS}
BY_TITLE = {title: heading.key for heading in HEADINGS for title in (heading.title, *heading.also)}
NEEDED = ("starts_on", "topic")
COLUMNS = [Column(heading.title, heading.width, heading.kind) for heading in HEADINGS]  # type: ignore[arg-type]
LABELS: dict[str, dict[str, str]] = {
    "rhythm": dict(PlanItem.Rhythm.choices), "scope": dict(PlanItem.Scope.choices), "kind": dict(Kind.choices),
    "with_kinds": dict(Kind.choices), "method": dict(Method.choices),
}  # fmt: skip
DEFAULTS = {"scope": PlanItem.Scope.COLLECTIVE, "kind": Kind.COLLECTIVE_STUDY, "rhythm": ""}
NOTES = [
    "一行一项。开始日期、学习主题必填；截止日期留空即为当天。日期写成 2018-09-14、2018.9.14 或 2018年9月14日均可。",
    "几项“同日一并开展”之间用顿号；几个篇目一行一个。责任人填本支部党员姓名，重名的写成“姓名（工号）”。",
    f"各列可选的内容见“{CHOICES}”工作表。不需要的列可以删去；删去的列不改动计划中已有的内容。",
]


def title_of(record: BranchPlan) -> str:
    return f"{record.branch.name}{record.plan.year}年度学习计划"


def plan_sheets(record: BranchPlan, day: date) -> list[Sheet]:
    """The plan in the columns that the import takes, and the choices there are."""
    items = list(items_of(record))
    offered = Offered.of(record, day, items)
    rows = (_written(item, offered) for item in items)
    return [Sheet("学习计划", COLUMNS, rows, title_row=title_of(record)), _choices(offered)]


def template_sheets(record: BranchPlan, day: date) -> list[Sheet]:
    """The empty workbook to fill in, and the choices there are."""
    return [
        Sheet("学习计划", COLUMNS, [], title_row=title_of(record), notes=NOTES),
        _choices(Offered.of(record, day)),
    ]


def _choices(offered: Offered) -> Sheet:
    lists = [
        ("学习范围", LABELS["scope"].values()), ("活动类型", LABELS["kind"].values()),
        ("周期", LABELS["rhythm"].values()), ("学习方式", LABELS["method"].values()),
        ("责任人", offered.people.values()), ("学习篇目", offered.readings.values()),
    ]  # fmt: skip
    columns = [Column(title, 40 if title == "学习篇目" else 16) for title, _ in lists]
    return Sheet(CHOICES, columns, zip_longest(*(values for _, values in lists)))


def _written(item: PlanItem, offered: Offered) -> list[Any]:
    others = [kind for kind in item.with_kinds if kind != item.kind]
    values: dict[str, Any] = {
        "starts_on": item.starts_on, "ends_on": item.ends_on, "rhythm": item.get_rhythm_display(),
        "scope": item.get_scope_display(), "kind": item.get_kind_display(),
        "with_kinds": "、".join(Kind(kind).label for kind in others), "topic": item.topic, "content": item.content,
        "readings": "\n".join(reading.title for reading in item.readings.all()), "hours": item.hours,
        "responsible": offered.people.get(item.responsible_id or 0), "method": item.get_method_display(),
        "place": item.place,
    }  # fmt: skip
    return [values[heading.key] for heading in HEADINGS]


# Reading


@dataclass(frozen=True)
class Sheetful:
    """What a workbook said: the columns it has, and its lines by Excel's row numbers, each cell its kind and text.

    It goes to the preview and comes back from there as text; what comes back is read as strictly as the file was.
    """

    columns: list[str]
    lines: list[tuple[int, dict[str, tuple[str, str]]]]
    notes: list[str] = field(default_factory=list)

    def as_text(self) -> str:
        return json.dumps([self.columns, self.lines], ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Sheetful:
        """Raises ValueError for anything that `as_text` does not write."""
        columns, lines = json.loads(text)
        if not isinstance(columns, list) or not all(isinstance(key, str) and key in BY_KEY for key in columns):
            raise ValueError("columns")
        if len(set(columns)) < len(columns) or not set(NEEDED) <= set(columns):
            raise ValueError("columns")
        if not isinstance(lines, list) or not 0 < len(lines) <= MOST_ROWS:
            raise ValueError("lines")
        return cls(columns, [_line(line, columns) for line in lines])


def _line(line: Any, columns: list[str]) -> tuple[int, dict[str, tuple[str, str]]]:
    number, cells = line
    if not isinstance(number, int) or not isinstance(cells, dict) or not set(cells) <= set(columns):
        raise ValueError("line")
    found = {}
    for key, cell in cells.items():
        kind, text = cell
        if not isinstance(kind, str) or not isinstance(text, str) or not _could_be_kept(kind, text):
            raise ValueError("cell")
        found[key] = (kind, text)
    return number, found


def _could_be_kept(kind: str, text: str) -> bool:
    """Whether a cell of this kind reads so; raises ValueError for a day or a number that is none."""
    if kind in ("date", "datetime"):
        datetime.fromisoformat(text)
    elif kind in ("int", "decimal"):
        return NUMBER.fullmatch(text) is not None
    return text == printable(text).strip()


def read_sheet(source: IO[bytes], title: str) -> Sheetful:
    """Read a plan's workbook in a process of its own. Raises WorkbookRefused with a sentence."""
    result = read(source, max_rows=MOST_ROWS, above=HEADER_WITHIN)
    _refuse_foreign(result.rows, title)
    at, places = _header(result.rows)
    lines = []
    for number, row in enumerate(result.rows[at + 1 :], at + 2):
        cells = {key: _kept(row[place], result.from_1904) for key, place in places.items() if place < len(row)}
        cells = {key: cell for key, cell in cells.items() if cell[1]}
        if cells:
            lines.append((number, cells))
    if not lines:
        raise WorkbookRefused("表头下面没有学习安排，请填写后再上传")
    return Sheetful(list(places), lines, list(_said(result, at, places)))


def _refuse_foreign(rows: list[list[Cell]], title: str) -> None:
    """A plan written out for another branch, or another year, says so in its first rows."""
    for row in rows[:HEADER_WITHIN]:
        for cell in row[:1]:
            if cell.plain.endswith("年度学习计划") and squeezed(cell.text) != squeezed(title):
                raise WorkbookRefused(
                    f"这份文件是“{cell.plain[:60]}”，不是“{title}”。请选用本支部本年度的文件；确要沿用的，请删去标题行再上传"
                )


def _header(rows: list[list[Cell]]) -> tuple[int, dict[str, int]]:
    for at, row in enumerate(rows[:HEADER_WITHIN]):
        found = [(BY_TITLE.get(squeezed(cell.text), ""), place) for place, cell in enumerate(row)]
        keys = [key for key, _ in found if key]
        if set(NEEDED) <= set(keys):
            twice = next((BY_KEY[key].title for key in keys if keys.count(key) > 1), "")
            if twice:
                raise WorkbookRefused(f"“{twice}”有两列，不知以哪一列为准。请删去一列再上传")
            return at, {key: place for key, place in found if key}
    raise WorkbookRefused("没有找到表头。表头中要有“开始日期”和“学习主题”两列，请对照模板补上再上传")


def _kept(cell: Cell, from_1904: bool) -> tuple[str, str]:
    """Kind and printable text; what hides control characters, or may mean another day, is kept as such."""
    text = printable(cell.text).strip()
    if cell.kind == "text" and printable(cell.text) != cell.text.replace("\r\n", "\n").replace("\r", "\n"):
        return ("broken", text or "□")
    if from_1904 and cell.kind in ("int", "decimal"):
        return ("unclear", text)
    return (cell.kind, text if normalised(text) else "")


def _said(result: Any, at: int, places: dict[str, int]) -> Iterator[str]:
    titles = [cell.plain for place, cell in enumerate(result.rows[at]) if cell.plain and place not in places.values()]
    if titles:
        yield f"这些列没有读入：{'、'.join(titles[:10])}。"
    if result.hidden:
        yield f"工作表“{result.sheet}”是隐藏的，也已读入。"
    if hidden := [str(number) for number in result.hidden_rows if number > at + 1]:
        yield f"第{'、'.join(hidden[:10])}行在文件中是隐藏的，也已读入。"
    if columns := [BY_KEY[key].title for key, place in places.items() if place + 1 in result.hidden_columns]:
        yield f"{'、'.join(columns)}列在文件中是隐藏的，也已读入。"
    if others := [name for name in result.other_sheets if name != CHOICES]:
        yield f"只读入工作表“{result.sheet}”；“{'”“'.join(others[:5])}”没有读入。"


# What it would change


@dataclass(frozen=True)
class Trouble:
    """One cell that cannot be taken: its column, what stands there, why not, and what to do."""

    title: str
    value: str
    reason: str
    cure: str


@dataclass
class Line:
    """One row of the workbook, and what it would do to the plan."""

    number: int
    row: RowForm
    troubles: list[Trouble]
    status: str = "new"
    differences: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def words(self) -> str:
        return self.row.words if self.row.item.topic else self.row.data.get("topic", "")


class Incoming:
    """A workbook held against the plan: row by row what is wrong, new, changed or as it is, and what is not in it."""

    def __init__(self, record: BranchPlan, sheetful: Sheetful, day: date) -> None:
        self.items = list(items_of(record))
        offered = Offered.of(record, day, self.items)
        self.lines = [self._line(record, number, cells, sheetful.columns, offered) for number, cells in sheetful.lines]
        sound = [line for line in self.lines if not line.troubles]
        self.absent = self._match(sound)
        self._refuse_doubles(sound)

    def _line(
        self, record: BranchPlan, number: int, cells: dict[str, tuple[str, str]], columns: list[str], offered: Offered
    ) -> Line:  # fmt: skip
        data, troubles = data_of(cells, columns, offered)
        row = RowForm(data, PlanItem(plan=record), offered, only={*columns, "ends_on"})
        bad = {trouble.title for trouble in troubles}
        if not row.is_valid():
            for name, errors in row.errors.items():
                title = BY_KEY[name].title
                if title not in bad:
                    troubles.append(Trouble(title, cells.get(name, ("", ""))[1][:60], str(errors[0]), "改正后再上传"))
        return Line(number, row, troubles)

    def _match(self, lines: list[Line]) -> list[PlanItem]:
        """Give each row the item it means: the same one, else of the same topic, else of the same day; the rest."""
        left = list(self.items)
        keys = (
            lambda item, said: True,
            lambda item, said: item.topic == said["topic"] and item.starts_on == said["starts_on"],
            lambda item, said: item.topic == said["topic"],
            lambda item, said: item.starts_on == said["starts_on"] and item.kind == said.get("kind", item.kind),
        )
        for step, same in enumerate(keys):
            for line in lines:
                if line.row.item.pk:
                    continue
                found = next((item for item in left if self._means(line, item, exact=step == 0, same=same)), None)
                if found is not None:
                    left.remove(found)
                    line.row.item = found
                    line.differences = line.row.differences()
                    line.status = "changed" if line.differences else "unchanged"
        return left

    @staticmethod
    def _means(line: Line, item: PlanItem, *, exact: bool, same: Any) -> bool:
        said = line.row.cleaned_data
        if not exact:
            return bool(same(item, said))
        if item.topic != said["topic"] or item.starts_on != said["starts_on"]:
            return False
        before, line.row.item = line.row.item, item
        try:
            return not line.row.differences()
        finally:
            line.row.item = before

    def _refuse_doubles(self, lines: list[Line]) -> None:
        """Two new rows that say the very same were most likely copied by mistake."""
        first: dict[str, int] = {}
        for line in lines:
            if line.status == "unchanged":
                continue
            said = json.dumps(line.row.cleaned_data, default=str, sort_keys=True)
            if said in first:
                reason = f"与第{first[said]}行完全相同"
                line.troubles.append(Trouble("整行", line.row.cleaned_data["topic"], reason, "删去重复的一行"))
            first.setdefault(said, line.number)

    @property
    def wrong(self) -> list[Line]:
        return [line for line in self.lines if line.troubles]

    @property
    def changes(self) -> list[Line]:
        return [line for line in self.lines if not line.troubles and line.status != "unchanged"]

    @property
    def counts(self) -> dict[str, int]:
        found = {"wrong": len(self.wrong), "new": 0, "changed": 0, "unchanged": 0}
        for line in self.lines:
            if not line.troubles:
                found[line.status] += 1
        return found


def data_of(
    cells: dict[str, tuple[str, str]], columns: list[str], offered: Offered
) -> tuple[dict[str, Any], list[Trouble]]:
    """What the cells say, as the row's form takes it, and which of them cannot be taken."""
    data: dict[str, Any] = {}
    troubles = []
    for key in columns:
        cell = cells.get(key)
        try:
            data[key] = _value(key, cell, offered) if cell else DEFAULTS.get(key, "")
        except Unreadable as error:
            text = cell[1] if cell else ""
            troubles.append(Trouble(BY_KEY[key].title, text[:60], error.reason, error.cure))
            data[key] = ""
    return data, troubles


def _value(key: str, cell: tuple[str, str], offered: Offered) -> Any:
    text = _sound(cell)
    if key in ("starts_on", "ends_on"):
        return day_of(cell).isoformat()
    if key == "readings":
        return _readings(text, offered)
    if key == "responsible":
        return _person(text, offered)
    if key == "with_kinds":
        return [_choice(key, part) for part in re.split(r"[、，,;；\n]", text) if part.strip()]
    if key in LABELS:
        return _choice(key, text)
    return text


def _sound(cell: tuple[str, str]) -> str:
    kind, text = cell
    if kind == "formula":
        raise Unreadable(f"单元格是公式（{text[:30]}）", "复制该列，“选择性粘贴”为“数值”，保存后再上传")
    if kind == "error":
        raise Unreadable(f"单元格是错误值 {text[:20]}", "改成正确的内容")
    if kind == "broken":
        raise Unreadable(f"“{text[:20]}”中有看不见的控制字符", "删去该单元格，手工重新输入")
    return text


def _choice(key: str, text: str) -> str:
    wanted = squeezed(text)
    for value, label in LABELS[key].items():
        if squeezed(label) == wanted:
            return value
    raise Unreadable(f"没有“{text[:30]}”这一项", f"从这些中选：{'、'.join(LABELS[key].values())}")


def _person(text: str, offered: Offered) -> int:
    wanted = squeezed(text)
    named = [pk for pk, label in offered.people.items() if squeezed(label) == wanted]
    if not named:
        named = [pk for pk, label in offered.people.items() if squeezed(label).partition("(")[0] == wanted]
    if len(named) > 1:
        raise Unreadable(f"本支部有{len(named)}位“{text[:30]}”", "写成“姓名（工号）”")
    if not named:
        raise Unreadable(f"本支部名册中没有“{text[:30]}”", "填写本支部党员的姓名，或留空以后再定")
    return named[0]


def _bare(title: str) -> str:
    return squeezed(title).strip("《》")


def _readings(text: str, offered: Offered) -> list[int]:
    known = {_bare(title): pk for pk, title in offered.readings.items()}
    found = []
    for line in re.split(r"[\n;；]", text):
        parts = [line] if _bare(line) in known else line.split("、")
        for part in filter(str.strip, parts):
            if _bare(part) not in known:
                raise Unreadable(f"“{part.strip()[:40]}”不在本年度方案的学习重点中", "核对篇名，或写进“学习内容”一列")
            found.append(known[_bare(part)])
    return found
