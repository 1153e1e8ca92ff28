"""Which column of a roster workbook is what: proposed from its headings, corrected by the office, then read.

Nothing here asks the database. A workbook is kept as `Cells`, whatever its columns are taken for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import IO, Any

from openpyxl.utils import get_column_letter

from branches.roster_cells import BY_KEY, BY_TITLE, HEADINGS, Line, Reading
from documents.text import normalised, printable
from documents.workbook import MAX_ROWS, Cell, WorkbookRefused, read

# Columns the portal itself adds to what it hands back; they are passed over when the workbook returns.
OWN_COLUMNS = frozenset({"序号", "原行号", "问题", "怎么改"})
HEADER_WITHIN = 15
SAMPLES = 3
NOTHING_BELOW = "的表头下面没有党员，请填写后再上传"

_BROKEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LONG_NUMBER = re.compile(r"[0-9Xx]{7,}")


@dataclass(frozen=True)
class Cells:
    """A sheet as it stood: `rows[i]` is Excel's row `i + 1`, each cell its kind and text; row and column numbers
    of what is hidden are Excel's."""

    sheet: str
    rows: list[list[tuple[str, str]]]
    hidden: bool = False
    other_sheets: list[str] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    from_1904: bool = False

    def as_data(self) -> dict[str, Any]:
        """Plain data; an empty cell is 0, and there are many."""
        rows = [[list(cell) if cell[1] else 0 for cell in row] for row in self.rows]
        return {**self.__dict__, "rows": rows}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Cells:
        rows = [[(cell[0], cell[1]) if cell else ("empty", "") for cell in row] for row in data["rows"]]
        return cls(**{**data, "rows": rows})


@dataclass(frozen=True)
class Columns:
    """Which row is the heading (counted from 0, `depth` rows of it) and at which place each of the roster's columns
    stands; `chosen` by the office, or proposed."""

    header: int
    places: dict[str, int]
    depth: int = 1
    chosen: bool = False

    def as_data(self) -> dict[str, Any]:
        return dict(self.__dict__)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Columns:
        return cls(**data)


@dataclass(frozen=True)
class Seen:
    """A column as the office is shown it: where it stands, its heading, what stands in it, what it is taken for."""

    place: int
    title: str
    samples: list[str]
    key: str

    @property
    def name(self) -> str:
        return self.title or f"{get_column_letter(self.place + 1)} 列（没有列名）"

    @property
    def label(self) -> str:
        return f"“{self.title}”列" if self.title else f"{get_column_letter(self.place + 1)} 列"


def read_cells(source: bytes | IO[bytes], *, seconds: float = 20) -> Cells:
    """Read a roster workbook, whatever its columns, waiting so long. Raises WorkbookRefused with a sentence."""
    result = read(source, above=HEADER_WITHIN, timeout=seconds)
    return Cells(
        sheet=result.sheet,
        rows=[[_kept(cell) for cell in row] for row in result.rows],
        hidden=result.hidden,
        other_sheets=result.other_sheets,
        hidden_rows=result.hidden_rows,
        hidden_columns=result.hidden_columns,
        from_1904=result.from_1904,
    )


def _kept(cell: Cell) -> tuple[str, str]:
    """Kind and printable text; a text with invisible control characters is kept as such, to be refused by its row."""
    text = printable(cell.text).strip()
    if cell.kind == "text" and _BROKEN.search(cell.text.replace("\r", "\n")):
        return ("broken", text or "□")
    return (cell.kind, text if normalised(text) else "")


# ---------------------------------------------------------------------------------------------------------- proposing


def propose(cells: Cells, header: int | None = None) -> Columns:
    """What the headings say: of two columns that both look like one of the roster's, neither is taken."""
    at = _header_of(cells) if header is None else header
    depth = 2 if _goes_on_below(cells, at) else 1
    found = _places(titles_of(cells, at, depth))
    return Columns(at, {key: places[0] for key, places in found.items() if len(places) == 1}, depth)


def titles_of(cells: Cells, header: int, depth: int) -> list[str]:
    """The headings as one compares them; below a merged one (入党信息) stand those that say what it is."""
    upper = [_title(text) for _, text in cells.rows[header]] if header < len(cells.rows) else []
    if depth == 1:
        return upper
    lower = [_title(text) for _, text in cells.rows[header + 1]]
    wide = max(len(upper), len(lower))
    upper, lower = upper + [""] * (wide - len(upper)), lower + [""] * (wide - len(lower))
    return [above if above in BY_TITLE else below or above for above, below in zip(upper, lower, strict=True)]


def _title(text: str) -> str:
    """A heading as one compares it: without blanks, stars and remarks in brackets."""
    return re.sub(r"\s|\*|\([^)]*\)|:$", "", normalised(text))


def _places(titles: list[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, title in enumerate(titles):
        if title in BY_TITLE:
            places[BY_TITLE[title]].append(place)
    return places


def _header_of(cells: Cells) -> int:
    """The first of the top rows with all that a roster must have, else the one with most of the roster's headings."""
    required = {heading.key for heading in HEADINGS if heading.required}
    best, most = 0, 0
    for at in range(min(HEADER_WITHIN, len(cells.rows))):
        known = _places(titles_of(cells, at, 1)).keys()
        if required <= known:
            return at
        if len(known) > most:
            best, most = at, len(known)
    return best


def _goes_on_below(cells: Cells, at: int) -> bool:
    """Whether the next row holds headings only, under those that were merged across columns."""
    if at + 1 >= len(cells.rows):
        return False
    taken = {place for places in _places(titles_of(cells, at, 1)).values() for place in places}
    below = [(place, _title(text)) for place, (_, text) in enumerate(cells.rows[at + 1]) if text]
    return any(title in BY_TITLE for _, title in below) and not any(place in taken for place, _ in below)


def doubts(cells: Cells, columns: Columns) -> list[str]:
    """What has to be said by the office before the sheet can be read, as sentences; none where all is clear."""
    titles = titles_of(cells, columns.header, columns.depth)
    said = []
    if not columns.chosen:
        for key, places in _places(titles).items():
            if len(places) > 1:
                names = "和".join(f"“{titles[place]}”" for place in places)
                said.append(f"{names}{len(places)}列都像{BY_KEY[key].title}，请选定其中一列。")
    unclear = {key for key, places in _places(titles).items() if len(places) > 1 and not columns.chosen}
    missing = [heading for heading in HEADINGS if heading.required and heading.key not in {*columns.places, *unclear}]
    if missing:
        names = "、".join(f"“{heading.title}”" for heading in missing)
        where = f"第{columns.header + 1}行的表头" if columns.places else "前几行里没有找到表头，"
        found = "、".join(discreet(title)[:20] for title in titles if title) or "（空）"
        said.append(f"{where}缺少{names}列。读到的列是：{found}。请在下面选定；文件里确实没有的，补上后重新上传。")
    return said


# ----------------------------------------------------------------------------------------------------------- showing


def discreet(text: str) -> str:
    """The text with every long number (an ID number, a phone) shown by its first three and last two only."""
    return _LONG_NUMBER.sub(lambda found: f"{found[0][:3]}{'*' * (len(found[0]) - 5)}{found[0][-2:]}", text)


def columns_seen(cells: Cells, columns: Columns) -> list[Seen]:
    """Every column with a heading or anything below it, with the first few cells that are not empty."""
    titles = titles_of(cells, columns.header, columns.depth)
    samples: dict[int, list[str]] = defaultdict(list)
    for row in cells.rows[columns.header + columns.depth :]:
        for place, (_, text) in enumerate(row):
            if text and len(samples[place]) < SAMPLES:
                samples[place].append(discreet(text)[:24])
    keys = {place: key for key, place in columns.places.items()}
    wide = max([len(titles), *(place + 1 for place in samples), *(place + 1 for place in keys)])
    return [
        Seen(place, discreet(title)[:24], samples[place], keys.get(place, ""))
        for place in range(wide)
        if (title := titles[place] if place < len(titles) else "") not in OWN_COLUMNS and (title or samples[place])
    ]


def first_rows(cells: Cells) -> Iterator[tuple[int, str]]:
    """The rows among which the heading is looked for: its place, counted from 0, and what stands there."""
    for at, row in enumerate(cells.rows[:HEADER_WITHIN]):
        texts = [discreet(text)[:16] for _, text in row if text]
        if texts:
            yield at, "｜".join(texts[:8]) + ("｜…" if len(texts) > 8 else "")


# ------------------------------------------------------------------------------------------------------------ reading


def reading_of(cells: Cells, columns: Columns) -> Reading:
    """The rows below the heading, column by column. Raises WorkbookRefused where there are none, or too many."""
    titles = titles_of(cells, columns.header, columns.depth)
    below = columns.header + columns.depth
    lines = []
    for row, found in enumerate(cells.rows[below:], below + 1):
        kept = {key: found[place] for key, place in columns.places.items() if place < len(found)}
        if cells.from_1904:
            kept = {key: _from_1904(cell) if BY_KEY[key].kind == "date" else cell for key, cell in kept.items()}
        kept = {key: cell for key, cell in kept.items() if cell[1]}
        if kept:
            lines.append(Line(row, kept))
    if len(lines) > MAX_ROWS:
        raise WorkbookRefused(f"工作表“{cells.sheet}”超过 {MAX_ROWS:,} 行。请分成几个文件，再上传")
    if not lines:
        raise WorkbookRefused(f"工作表“{cells.sheet}”{NOTHING_BELOW}")
    taken, there = set(columns.places.values()), {line.row for line in lines}

    def named(place: int) -> str:
        return (titles[place] if place < len(titles) else "") or f"{get_column_letter(place + 1)} 列"

    return Reading(
        sheet=cells.sheet,
        columns={key: named(place) for key, place in columns.places.items()},
        ignored=[
            title for place, title in enumerate(titles) if title and place not in taken and title not in OWN_COLUMNS
        ],
        lines=lines,
        hidden=cells.hidden,
        other_sheets=cells.other_sheets,
        hidden_rows=[row for row in cells.hidden_rows if row in there],
        hidden_columns=[named(n - 1) for n in cells.hidden_columns if n - 1 in taken],
    )


def _from_1904(cell: tuple[str, str]) -> tuple[str, str]:
    """A bare number in a date column of a workbook that counts from 1904; typed as text it could be either day."""
    kind, text = cell
    if kind == "text" and re.fullmatch(r"\d{5}", normalised(text)):
        return ("unclear", text)
    if kind in ("int", "decimal") and 5844 <= (number := Decimal(text)) < 71589:
        return ("date", (date(1904, 1, 1) + timedelta(days=int(number))).isoformat())
    return cell
