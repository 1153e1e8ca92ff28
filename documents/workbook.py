"""The one writer and the one reader of xlsx: text stays text on the way out, nothing foreign runs on the way in.

The reader parses in a child process with limits on memory and processor time; what comes back is plain data.
"""

import io
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Literal
from xml.parsers import expat
from zoneinfo import ZoneInfo

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import MAC_EPOCH
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet.properties import PageSetupProperties

from documents import packages
from documents.text import normalised, printable, width

Kind = Literal["text", "int", "decimal", "date", "datetime"]
CellKind = Literal["empty", "text", "int", "decimal", "bool", "date", "datetime", "time", "formula", "error"]
Tone = Literal["late", "soon", "done", "quiet", "plain"]
Value = str | int | float | Decimal | date | datetime | bool | None

CELL_LIMIT = 32_767  # UTF-16 units in one cell, Excel's own limit
ROW_LIMIT = 1_048_576
PAGE_WIDTH = 210  # half-width characters beside each other on A4 across that can still be read
LINE_HEIGHT = 15  # points
EXACT_DIGITS = 15  # beyond these Excel writes zeros
CHINA = ZoneInfo("Asia/Shanghai")


# ---------------------------------------------------------------------------------------------------------- writing


@dataclass(frozen=True, slots=True)
class Toned:
    """A text on a coloured ground, which is to say nothing that the text does not: "late", "soon", "done", "quiet"."""

    text: str
    tone: Tone


@dataclass(frozen=True)
class Column:
    """One column of a sheet: heading, width in half-width characters (0: from the heading), what it holds."""

    title: str
    width: float = 0
    kind: Kind = "text"


@dataclass(frozen=True)
class Sheet:
    """One sheet to be written; the rows may be a generator and are taken one at a time.

    The first ``frozen`` columns stay in view and are printed again on each page of a sheet too wide for one.
    """

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Value | Toned]]
    title_row: str = ""
    notes: Sequence[str] = ()
    frozen: int = 0


_FORMATS: dict[str, str] = {
    "text": "@",
    "int": "0",
    "decimal": "General",
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm",
}
# Light enough for black letters, in print too.
_GROUNDS: dict[Tone, str] = {"late": "FFF8D9CC", "soon": "FFFBE9C4", "done": "FFDDEFE4", "quiet": "FFF0F0F0"}
_THIN = Side(style="thin", color="FF808080")
_BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
# Excel reads _x000D_ inside a text as a carriage return: the underscore of such a text has to be written as _x005F_.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def sheet_names(titles: Iterable[str]) -> list[str]:
    """Names Excel accepts for these titles: at most 31 characters, none of ``[]:*?/\\``, no two alike."""
    taken: set[str] = set()
    names = []
    for title in titles:
        name = re.sub(r"[\[\]:*?/\\\n\t]", " ", printable(title)).strip().strip("'").strip() or "工作表"
        if name.casefold() == "history":  # a name Excel keeps for itself
            name = f"{name}1"
        name = _cut(name, 31).rstrip("' ")
        candidate, number = name, 2
        while candidate.casefold() in taken:
            suffix = f"（{number}）"
            candidate, number = _cut(name, 31 - len(suffix)) + suffix, number + 1
        taken.add(candidate.casefold())
        names.append(candidate)
    return names


def write_to(file: IO[bytes], sheets: Iterable[Sheet], *, stamp: str = "") -> int:
    """Write the sheets as one xlsx into a binary file and return the number of data rows.

    ``stamp`` (who exported, when, for what) is printed above the heading of each sheet and at the foot of each page.
    Strings are written as text whatever they begin with. Moments with a time zone are shown in Asia/Shanghai time.
    Raises ValueError for a text over 32,767 characters, for more rows than a sheet can hold and for a number that is
    not finite. Works in constant memory: rows go to a temporary file one by one.
    """
    sheets = list(sheets)
    book = openpyxl.Workbook(write_only=True)
    total = 0
    try:
        for sheet, name in zip(sheets, sheet_names(s.title for s in sheets), strict=True):
            total += _write_sheet(book.create_sheet(name), sheet, stamp)
    except BaseException:
        # openpyxl would keep the half-written rows in its temporary files until the server stops.
        for ws in book.worksheets:
            if not ws.closed:
                ws.close()
            ws._writer.cleanup()
        raise
    book.save(file)
    return total


def write(sheets: Iterable[Sheet], *, stamp: str = "") -> bytes:
    """The same as ``write_to``, as bytes: for small workbooks."""
    buffer = io.BytesIO()
    write_to(buffer, sheets, stamp=stamp)
    return buffer.getvalue()


def _write_sheet(ws: Any, sheet: Sheet, stamp: str) -> int:
    columns = list(sheet.columns)
    above = [line for line in (sheet.title_row, *sheet.notes, stamp) if line]
    header_at = len(above) + 1
    last = get_column_letter(max(len(columns), 1))

    ws.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    ws.page_setup.paperSize, ws.page_setup.orientation = "9", "landscape"  # 9 is A4
    # Shrunk to one page a wide sheet could not be read: with columns to repeat, it takes several
    # side by side.
    widths = [column.width or max(10, 2.2 * len(column.title) + 3) for column in columns]
    repeated = sum(widths[: sheet.frozen])
    beside = math.ceil((sum(widths) - repeated) / (PAGE_WIDTH - repeated))
    pages = max(1, beside) if sheet.frozen else 1
    ws.page_setup.fitToWidth = pages
    ws.page_setup.fitToHeight = 0
    if sheet.frozen:
        ws.print_title_cols = f"A:{get_column_letter(sheet.frozen)}"
    ws.page_margins.left = ws.page_margins.right = 0.5
    ws.page_margins.top = ws.page_margins.bottom = 0.7
    ws.print_options.horizontalCentered = True
    ws.freeze_panes = f"{get_column_letter(sheet.frozen + 1)}{header_at + 1}"
    ws.print_title_rows = f"{header_at}:{header_at}"
    ws.oddFooter.left.text = printable(stamp).replace("&", "&&")[:120]
    ws.oddFooter.right.text = "第 &P 页，共 &N 页"
    bodies = [_body_style(ws, column.kind) for column in columns]
    toned = {tone: _body_style(ws, "text", ground) for tone, ground in _GROUNDS.items()}
    for number, (column, wide) in enumerate(zip(columns, widths, strict=True), 1):
        dimension = ws.column_dimensions[get_column_letter(number)]
        dimension.width = wide
        # So that what a clerk types below the last row is kept as typed: 00123 stays 00123.
        dimension.number_format = _FORMATS[column.kind]

    for number, line in enumerate(above):
        is_title = number == 0 and bool(sheet.title_row)
        # A title runs across the columns without merging: merged cells cannot be sorted or filtered. On pages side by
        # side it begins the first, where the middle would be another page.
        first = _text_cell(ws, line)
        first.font = Font(name="黑体", size=16) if is_title else Font(name="宋体", size=10, color="FF595959")
        first.alignment = Alignment(
            horizontal="centerContinuous" if is_title and pages == 1 else "left", vertical="center"
        )
        row = [first]
        if is_title:
            ws.row_dimensions[1].height = 30
            for _ in columns[1:]:
                blank = WriteOnlyCell(ws, None)
                blank._style = copy(first._style)
                row.append(blank)
        ws.append(row)

    header = []
    for column in columns:
        cell = _text_cell(ws, column.title)
        cell.font = Font(name="黑体", size=11)
        cell.fill = PatternFill("solid", fgColor="FFF2F2F2")
        cell.border = _BOX
        cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        header.append(cell)
    longest = max((-(-2 * width(c.title) // ((c.width or 99) - 1)) for c in columns), default=1)
    ws.row_dimensions[header_at].height = 9 + 15 * longest
    ws.append(header)

    count = 0
    for values in sheet.rows:
        if len(values) != len(columns):
            raise ValueError(f"“{sheet.title}”第 {count + 1} 行有 {len(values)} 格，应为 {len(columns)} 格")
        if header_at + count >= ROW_LIMIT:
            raise ValueError(f"“{sheet.title}”超过一张工作表可容纳的 {ROW_LIMIT:,} 行，请缩小导出范围")
        row = []
        plain = [value.text if isinstance(value, Toned) else value for value in values]
        for given, value, column, style in zip(values, plain, columns, bodies, strict=True):
            if isinstance(given, Toned):
                style = toned.get(given.tone, style)
            try:
                cell = _cell(ws, value)
            except ValueError as error:
                raise ValueError(f"“{sheet.title}”第 {count + 1} 行“{column.title}”：{error}") from error
            cell._style = copy(style)
            row.append(cell)
        high = max((_lines(value, wide) for value, wide in zip(plain, widths, strict=True)), default=1)
        if high > 1:
            ws.row_dimensions[header_at + count + 1].height = min(LINE_HEIGHT * high, 409)  # Excel's own limit
        ws.append(row)
        count += 1
    if columns:
        ws.auto_filter.ref = f"A{header_at}:{last}{header_at + count}"
    ws.close()
    return count


def _lines(value: Value, wide: float) -> int:
    """The lines that a text takes in a column of this width; who prints does not always measure it anew."""
    if not isinstance(value, str) or (2 * len(value) < wide and "\n" not in value):
        return 1
    return sum(max(1, math.ceil(2 * width(line) / (wide - 1))) for line in value.split("\n"))


def _body_style(ws: Any, kind: Kind, ground: str = "") -> Any:
    model = WriteOnlyCell(ws)
    if ground:
        model.fill = PatternFill("solid", fgColor=ground)
    model.font = Font(name="宋体", size=11)
    model.border = _BOX
    model.number_format = _FORMATS[kind]
    model.alignment = Alignment(horizontal="left" if kind == "text" else "center", vertical="center", wrap_text=True)
    return model._style


def _cell(ws: Any, value: Value) -> Any:
    if value is None or value == "":
        return WriteOnlyCell(ws)
    if isinstance(value, bool):
        return _text_cell(ws, "是" if value else "否")
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(CHINA).replace(tzinfo=None)
        return WriteOnlyCell(ws, value) if value.year >= 1901 else _text_cell(ws, value.isoformat(" ", "minutes"))
    if isinstance(value, date):
        # The first two months of 1900 are a day off in Excel's calendar.
        return WriteOnlyCell(ws, value) if value.year >= 1901 else _text_cell(ws, value.isoformat())
    if isinstance(value, int | float | Decimal):
        if not Decimal(value).is_finite():
            raise ValueError(f"{value} 不是有效的数字")
        if abs(value) >= 10**EXACT_DIGITS:
            return _text_cell(ws, str(value))
        return WriteOnlyCell(ws, value)
    return _text_cell(ws, str(value))


def _text_cell(ws: Any, text: str) -> Any:
    text = _ESCAPE.sub("_x005F_", printable(text))
    units = len(text.encode("utf-16-le")) // 2
    if units > CELL_LIMIT:
        raise ValueError(f"内容有 {units:,} 个字，超过单元格上限 {CELL_LIMIT:,} 个字，请改用附件或分段填写")
    cell = WriteOnlyCell(ws, text)
    cell.data_type = "s"  # openpyxl takes a text that begins with = for a formula
    return cell


def _cut(text: str, units: int) -> str:
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", errors="ignore")


# ---------------------------------------------------------------------------------------------------------- reading


class WorkbookRefused(ValueError):
    """A file that is not read, with one sentence in Chinese that says why and what to do about it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it stands in the file: its kind, its text as a person would quote it, and its value.

    A formula's text is the formula; its value is None, because the cached result can be anything.
    """

    kind: CellKind = "empty"
    text: str = ""
    value: str | int | Decimal | date | datetime | time | bool | None = None

    @property
    def plain(self) -> str:
        """The text as one compares it: NFKC, without invisible characters and outer space."""
        return normalised(self.text)

    @property
    def lost_digits(self) -> bool:
        """Whether this is a number so long that Excel has already replaced its last digits by zeros."""
        return isinstance(self.value, int | Decimal) and self.kind != "bool" and abs(self.value) >= 10**EXACT_DIGITS


EMPTY = Cell()


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The first sheet with anything in it: ``rows[i]`` is Excel's row ``i + 1``, blank rows inside included."""

    sheet: str
    rows: list[list[Cell]]
    hidden: bool = False
    other_sheets: list[str] = field(default_factory=list)  # further sheets with content, which were not read
    hidden_rows: list[int] = field(
        default_factory=list
    )  # Excel's numbers: hidden or filtered away, and read all the same
    hidden_columns: list[int] = field(default_factory=list)
    from_1904: bool = False  # days are counted from 1904: a bare number is another day than in other workbooks

    def find_header(self, required: Collection[str], *, within: int = 10) -> tuple[int, dict[str, int]] | None:
        """The first of the top rows that holds all required headings: its index, and the column of each heading.

        Headings are compared normalised. None if there is no such row, or if a required heading stands there twice.
        """
        wanted = {normalised(name) for name in required}
        for index, row in enumerate(self.rows[:within]):
            titles = [cell.plain for cell in row]
            if wanted <= set(titles):
                if any(titles.count(name) > 1 for name in wanted):
                    return None
                return index, {title: titles.index(title) for title in titles if title}
        return None


SAVE_AS = "请用 Excel 或 WPS 打开后“另存为”Excel 工作簿（.xlsx），再上传"
START_AFRESH = "请新建一个空白工作簿，只把需要的内容粘贴进去，另存为 .xlsx 后再上传"
MAX_BYTES = 10 * 2**20
MAX_ROWS = 5_000
MAX_ENTRIES = 500
MAX_MEMBER = 48 * 2**20
MAX_TOTAL = 64 * 2**20
MAX_RATIO = 200  # of a part over 1 MB; sheets of real text stay under 30
MAX_CHARACTERS = 10_000_000
CHILD_MEMORY = 150 * 2**20  # address space in bytes; 48 MB of it are the interpreter and openpyxl
CHILD_SECONDS = 10  # of processor time


def read(
    source: bytes | str | Path | IO[bytes],
    *,
    max_rows: int = MAX_ROWS,
    above: int = 0,
    max_columns: int = 60,
    max_bytes: int = MAX_BYTES,
    timeout: float = 20,
) -> ReadResult:
    """Read the first sheet of an xlsx that has any content; ``timeout`` is in seconds of waiting.

    ``above`` grants so many rows more to titles and headings, of which the refusal does not speak.
    Raises WorkbookRefused with a sentence for the person at the desk. Never returns a part of what is in the sheet.
    """
    with tempfile.TemporaryFile() as copy_of_it:
        size = _copy(source, copy_of_it, max_bytes)
        if not size:
            raise WorkbookRefused("文件是空的，请重新选择要上传的 Excel 文件")
        if size > max_bytes:
            raise WorkbookRefused(
                f"文件超过 {max_bytes / 2**20:g} MB。请删去图片和无关的工作表，或分成几个文件，再上传"
            )
        copy_of_it.seek(0)
        _refuse_by_first_bytes(copy_of_it.read(8))
        copy_of_it.seek(0)
        return _read_in_child(copy_of_it, max_rows, above, max_columns, timeout)


def _copy(source: bytes | str | Path | IO[bytes], target: IO[bytes], max_bytes: int) -> int:
    if isinstance(source, bytes):
        target.write(source[: max_bytes + 1])
    elif isinstance(source, str | Path):
        with open(source, "rb") as file:
            shutil.copyfileobj(io.BytesIO(file.read(max_bytes + 1)), target)
    else:
        source.seek(0)
        target.write(source.read(max_bytes + 1))
    return target.tell()


def _refuse_by_first_bytes(start: bytes) -> None:
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise WorkbookRefused(f"这是旧版 .xls 文件，或设有打开密码的文件。请去掉密码；{SAVE_AS}")
    if not start.startswith(b"PK"):
        raise WorkbookRefused(f"这不是 Excel 工作簿（可能是 .csv、.xls 或其他文件改了后缀）。{SAVE_AS}")


# The child gets the directory of the project and nothing else of the environment (-I).
CHILD_SOURCE = (
    "import sys; sys.path.insert(0, sys.argv[1]); from documents import workbook; workbook._child(sys.argv[2:])"
)


def _read_in_child(file: IO[bytes], max_rows: int, above: int, max_columns: int, timeout: float) -> ReadResult:
    project = str(Path(__file__).resolve().parent.parent)
    command = [sys.executable, "-I", "-B", "-c", CHILD_SOURCE, project, *map(str, (max_rows, above, max_columns))]
    too_heavy = f"文件内容过大或结构异常，无法在限定的时间和内存内读完。{START_AFRESH}"
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter itself, with two numbers
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=timeout, env={}, check=False
        )
    except subprocess.TimeoutExpired:
        raise WorkbookRefused(too_heavy) from None
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL, _OUT_OF_MEMORY):
        raise WorkbookRefused(too_heavy)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        # The reader itself fell over: the file is not to be trusted, and the person still needs a way on.
        raise WorkbookRefused(f"文件已损坏或结构异常，无法读取。{START_AFRESH}")
    head = json.loads(lines[-1])
    if "refused" in head:
        raise WorkbookRefused(head["refused"])
    rows = [[_restore(cell) for cell in json.loads(line)] for line in lines[:-1]]
    return ReadResult(
        sheet=head["sheet"],
        rows=rows,
        hidden=head["hidden"],
        other_sheets=head["others"],
        hidden_rows=head["hidden_rows"],
        hidden_columns=head["hidden_columns"],
        from_1904=head["from_1904"],
    )


def _restore(packed: list[Any] | int) -> Cell:
    if isinstance(packed, int):
        return EMPTY
    kind, text = packed
    value: Any = None
    match kind:
        case "text":
            value = text
        case "int":
            value = int(text)
        case "decimal":
            value = Decimal(text)
        case "bool":
            value = text == "TRUE"
        case "date":
            value = date.fromisoformat(text)
        case "datetime":
            value = datetime.fromisoformat(text)
        case "time":
            value = time.fromisoformat(text)
    return Cell(kind, text, value)


# ------------------------------------------------------------------------------------------------ inside the child

_OUT_OF_MEMORY = 3


def _child(arguments: list[str]) -> None:
    """Read the xlsx on standard input; print its rows as lines of JSON, then a line: which sheet, or why refused."""
    max_rows, above, max_columns = map(int, arguments)
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY, CHILD_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_SECONDS, CHILD_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")  # of openpyxl about parts it leaves out
    head: dict[str, Any]
    try:
        with zipfile.ZipFile(sys.stdin.buffer) as archive:
            _examine(archive)
        sys.stdin.buffer.seek(0)
        head = _parse(sys.stdin.buffer, max_rows, above, max_columns)
    except WorkbookRefused as refusal:
        head = {"refused": str(refusal)}
    except MemoryError:
        # At once: with no memory left, even an orderly exit may fail and end with another code.
        os._exit(_OUT_OF_MEMORY)
    except Exception:
        # zipfile, expat, lxml and openpyxl raise some dozen kinds of error on damaged files; all of them mean this.
        head = {"refused": f"文件已损坏或结构异常，无法读取。{START_AFRESH}"}
    print(json.dumps(head))


def _examine(archive: zipfile.ZipFile) -> None:
    """Refuse what has no business in a list of people, before any of it is parsed."""
    members = archive.infolist()
    names = [member.filename for member in members]
    lower = [name.lower() for name in names]
    if len(members) > MAX_ENTRIES:
        raise WorkbookRefused(f"文件内含 {len(members):,} 个部件，超过 {MAX_ENTRIES} 个。{START_AFRESH}")
    if any(member.flag_bits & 1 for member in members):
        raise WorkbookRefused(f"文件设有密码，无法读取。请去掉密码；{SAVE_AS}")
    if any(member.file_size > MAX_MEMBER for member in members) or sum(m.file_size for m in members) > MAX_TOTAL:
        raise WorkbookRefused(f"文件展开后过大（超过 {MAX_TOTAL // 2**20} MB）。{START_AFRESH}")
    if any(m.file_size > 2**20 and m.file_size > MAX_RATIO * max(m.compress_size, 1) for m in members):
        raise WorkbookRefused(f"文件压缩异常，可能含有大片空白格或填充内容。{START_AFRESH}")
    if len(set(lower)) != len(lower) or any(packages.escapes(name) for name in names):
        raise WorkbookRefused(f"文件结构异常，不是 Excel 或 WPS 直接保存的工作簿。{SAVE_AS}")
    if "xl/workbook.xml" not in lower or "[content_types].xml" not in lower:
        what = "这是 Word 文档" if "word/document.xml" in lower else "这不是 .xlsx 工作簿"
        what = "这是 .xlsb 二进制工作簿" if "xl/workbook.bin" in lower else what
        raise WorkbookRefused(f"{what}。{SAVE_AS}")
    for member in members:
        if member.filename.lower().endswith((".xml", ".rels", ".vml")):
            _refuse_dtd(archive, member)
    types = archive.read(_named(names, "[content_types].xml")).lower()
    if any("vbaproject" in name or "/macrosheets/" in name for name in lower) or b"macroenabled" in types:
        raise WorkbookRefused(f"文件带有宏。{SAVE_AS}（不要选“启用宏的工作簿 .xlsm”）")
    if any(name.startswith(("xl/embeddings/", "xl/activex/")) for name in lower):
        raise WorkbookRefused(f"文件中嵌入了其他文件或控件。{START_AFRESH}")
    external = any(name.startswith("xl/externallinks/") or name == "xl/connections.xml" for name in lower)
    if external or any(_points_outside(archive.read(name)) for name in names if name.lower().endswith(".rels")):
        raise WorkbookRefused(
            "文件引用了其他工作簿或外部数据。请在“数据—编辑链接”中断开链接，或把内容“粘贴为数值”到新工作簿，再上传"
        )


def _named(names: Iterable[str], wanted: str) -> str:
    return next(name for name in names if name.lower() == wanted)


def _refuse_dtd(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    with archive.open(member) as part:
        if packages.has_doctype(iter(lambda: part.read(4096), b"")):
            raise WorkbookRefused(f"文件中含有 Excel 不会写入的实体定义（DTD），已停止读取。{START_AFRESH}")


def _points_outside(relations: bytes) -> bool:
    return any(relation.points_outside for relation in packages.relations(relations))


def _parse(file: IO[bytes], max_rows: int, above: int, max_columns: int) -> dict[str, Any]:
    # Where a sheet does not say its size, openpyxl would read it whole, however long, only to find that out.
    ReadOnlyWorksheet._get_size = lambda _: None
    book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
    head: dict[str, Any] | None = None
    others: list[str] = []
    for ws in book.worksheets:
        if head is not None:
            if any(cell.value is not None for row in _some(ws, 200) for cell in row[:max_columns]):
                others.append(ws.title)
            continue
        if _print_rows(ws, max_rows, above, max_columns):
            rows, columns = _hidden_in(book._archive, ws._worksheet_path, max_columns)
            head = {
                "sheet": ws.title,
                "hidden": ws.sheet_state != "visible",
                "hidden_rows": rows,
                "hidden_columns": columns,
                "from_1904": book.epoch == MAC_EPOCH,
            }
    if head is None:
        raise WorkbookRefused("工作簿里没有内容，请核对是否选对了文件")
    return {**head, "others": others}


def _hidden_in(archive: zipfile.ZipFile, part: str, max_columns: int) -> tuple[list[int], list[int]]:
    """The numbers of the rows and columns that are hidden in a sheet: openpyxl does not tell when it only reads."""
    tail = b""
    with archive.open(part) as file:
        while chunk := file.read(1 << 20):
            if b"hidden" in tail + chunk:
                break
            tail = chunk[-8:]
        else:
            return [], []
    rows: list[int] = []
    columns: list[int] = []
    at = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal at
        kind = name.rpartition(":")[2]
        is_hidden = attributes.get("hidden") in ("1", "true")
        if kind == "row":
            at = int(attributes.get("r", at + 1))
            if is_hidden:
                rows.append(at)
        elif kind == "col" and is_hidden:
            columns.extend(range(int(attributes["min"]), min(int(attributes["max"]), max_columns) + 1))

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    with archive.open(part) as file:
        parser.ParseFile(file)
    return rows, columns


def _some(ws: Any, rows: int) -> Iterator[Any]:
    yield from ws.iter_rows(max_row=rows)


def _print_rows(ws: Any, max_rows: int, above: int, max_columns: int) -> bool:
    """Print the rows of a sheet down to its last one with content; whether there was any."""
    characters = blank = 0
    printed = False
    for number, row in enumerate(ws.iter_rows(), 1):
        if number > max_rows + above:
            raise WorkbookRefused(
                f"工作表“{ws.title}”超过 {max_rows:,} 行。请分成几个文件；如下方都是空白行，请选中删除后保存，再上传"
            )
        if len(row) > max_columns:
            raise WorkbookRefused(
                f"工作表“{ws.title}”第 {number} 行用到第 {get_column_letter(len(row))} 列，最多 {max_columns} 列。"
                "如右侧都是空白列，请选中删除后保存，再上传"
            )
        packed = [_pack(cell, number, place) for place, cell in enumerate(row, 1)]
        while packed and packed[-1] == 0:
            packed.pop()
        if not packed:
            blank += 1
            continue
        characters += sum(len(cell[1]) for cell in packed if cell)
        if characters > MAX_CHARACTERS:
            raise WorkbookRefused(f"工作表“{ws.title}”的文字超过 {MAX_CHARACTERS:,} 字。请分成几个文件，再上传")
        for _ in range(blank):
            print("[]")
        blank, printed = 0, True
        print(json.dumps(packed))
    return printed


def _pack(cell: Any, row: int, column: int) -> Any:
    """A cell as ``[kind, text]``, or 0 if there is nothing in it."""
    value = cell.value
    if value is None or value == "":
        return 0
    if cell.data_type == "f":
        return ["formula", str(getattr(value, "text", None) or (value if isinstance(value, str) else "="))]
    if cell.data_type == "e":
        return ["error", str(value)]
    if isinstance(value, bool):
        return ["bool", "TRUE" if value else "FALSE"]
    if isinstance(value, int):
        shown = cell.number_format
        if value >= 0 and len(shown) > len(str(value)) and not shown.strip("0"):
            return [
                "text",
                str(value).zfill(len(shown)),
            ]  # the format gives it zeros in front: 00180001 is what one sees
        return ["int", str(value)]
    if isinstance(value, float):
        number = Decimal(repr(value))
        if not number.is_finite():
            return ["error", str(value)]
        whole = value.is_integer() and abs(value) < 10**EXACT_DIGITS
        return ["int", str(int(value))] if whole else ["decimal", repr(value)]
    if isinstance(value, datetime):
        at_midnight = value.time() == time()
        return ["date", value.date().isoformat()] if at_midnight else ["datetime", value.isoformat()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, time):
        return ["time", value.isoformat()]
    if isinstance(value, timedelta):
        return ["text", str(value)]
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value))
    if len(text) > CELL_LIMIT:
        raise WorkbookRefused(
            f"第 {row} 行第 {get_column_letter(column)} 列有 {len(text):,} 个字，"
            f"超过单元格上限 {CELL_LIMIT:,} 个字。请删减后再上传"
        )
    return ["text", text]
