"""The board on paper: as a workbook with all its branches, and as a document across the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import cast

from django.core.paginator import Page
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header
from django.utils.timezone import localtime

from branches.models import Branch
from branches.requests import PortalRequest
from branches.templatetags.portal import STANDINGS, whole_moment
from documents.official import Block, Heading, Official, Paragraph, Table, build
from documents.workbook import Column as SheetColumn
from documents.workbook import Sheet, Tone, Toned, write_to
from plan.board import ORDER, Column, Row, Tally, summed, words_of
from plan.models import Standing
from plan.views.conditions import Board, as_of_words, page_of

CHUNK = 500  # branches a query, when the whole board goes into a workbook
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# Of the document's tables, in mm: 225 of them across the page.
NAME_MM, COLUMN_MM, ACROSS_MM = 45.0, 15.0, 225.0
BESIDE = int((ACROSS_MM - NAME_MM) / COLUMN_MM)
TITLE = "各党支部任务办理情况"


def board_xlsx(request: PortalRequest) -> HttpResponseBase:
    """The same table with all its branches; the last row says how all of them stand together."""
    asked = Board(request)
    columns = [SheetColumn("支部代码", 10), SheetColumn("党支部", 32)]
    columns += [SheetColumn(f"{column.code} {column.heading}", 14) for column in asked.columns]
    notes = [
        as_of_words(asked.at, request.now),
        "颜色与文字同义：红为逾期，黄为退回补正和临近到期，绿为已办结，灰为免。",
    ]
    sheet = Sheet("总览", columns, _board_rows(asked), title_row=TITLE, notes=notes, frozen=2)
    return workbook_of(request, [sheet], f"任务总览（{localtime(asked.at):%Y-%m-%d}）.xlsx")


def _board_rows(asked: Board) -> Iterator[list[str | Toned]]:
    branches = list(asked.branches)
    total: dict[tuple[str, bool], Tally] = defaultdict(Tally)
    for start in range(0, len(branches), CHUNK):
        chunk = branches[start : start + CHUNK]
        rows = asked.rows(chunk)
        for key, tally in summed(rows.values()).items():
            total[key].add(tally)
        for branch in chunk:
            row = rows.get(branch.pk, {})
            yield [branch.code, branch.name, *(toned(column, row.get(column.key)) for column in asked.columns)]
    if branches:
        words = (everything(total[column.key]) if column.key in total else "" for column in asked.columns)
        yield ["", f"合计（{len(branches)}个党支部）", *words]


def toned(column: Column, tally: Tally | None) -> str | Toned:
    """A cell's words as on the page, on the ground that belongs to them."""
    if tally is None:
        return ""
    standing, words = words_of(column, tally)
    tone = STANDINGS[standing].tone
    ground = "quiet" if standing == Standing.WAIVED else "plain" if tone == "quiet" else tone
    return Toned(words, cast(Tone, ground))


def everything(tally: Tally) -> str:
    """How many stand how, a line for each: 逾期 3, 已备案 12, 免 1."""
    return "\n".join(f"{STANDINGS[s].label} {tally.counts[s]}" for s in ORDER if s in tally.counts)


def workbook_of(request: PortalRequest, sheets: Sequence[Sheet], name: str) -> FileResponse:
    """Written row by row into a file without a name, which goes away with the answer."""
    stamp = f"{request.access.name} {whole_moment(request.now)} 导出"
    file = TemporaryFile()  # noqa: SIM115 — the answer closes it
    try:
        write_to(file, sheets, stamp=stamp)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=name)
    response["Cache-Control"] = "no-store"
    return response


def board_docx(request: PortalRequest) -> HttpResponse:
    """The page's branches as a document across the page, a table for each part of a chapter.

    Of a committee whose branches take several pages each page is a document: thirty columns of five hundred branches
    read well in no document, and the workbook has them all.
    """
    asked = Board(request)
    page = page_of(asked.branches, request.GET.get("page"))
    branches = list(page)
    data = build(document(asked, page, branches, asked.rows(branches), request))
    number = "" if page.paginator.num_pages == 1 else f"，第{page.number}页"
    name = f"任务总览（{localtime(asked.at):%Y-%m-%d}{number}）.docx"
    response = HttpResponse(data, content_type=DOCX)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Cache-Control"] = "no-store"
    return response


def document(
    asked: Board, page: Page[Branch], branches: Sequence[Branch], rows: Mapping[int, Row], request: PortalRequest
) -> Official:
    """The document: under each chapter its requirements, and all branches together in the last row."""
    total = summed(rows.values())
    count = page.paginator.count
    which = f"共{count}个党支部。"
    if page.paginator.num_pages > 1:
        which = f"共{count}个党支部，本页为第{page.start_index()}至{page.end_index()}个。"
    words = f"{as_of_words(asked.at, request.now)}。{asked.plan or ''}，{which}"
    blocks: list[Block] = [Paragraph(words)]
    if not asked.columns or not branches:
        blocks.append(Paragraph("没有符合条件的党支部和任务。"))
    first = 0
    for title, wide in asked.chapters:
        columns = asked.columns[first : first + wide]
        first += wide
        # Parts of about one size: not twelve columns and then one.
        parts = -(-len(columns) // BESIDE)
        size = -(-len(columns) // parts)
        for number in range(parts):
            blocks.append(Heading(1, title + (f"（{number + 1}/{parts}）" if parts > 1 else "")))
            blocks.append(_table(columns[number * size : (number + 1) * size], branches, rows, total))
    return Official(title=TITLE, blocks=blocks, landscape=True, made_at=request.now)


def _table(columns: Sequence[Column], branches: Sequence[Branch], rows: Mapping[int, Row], total: Row) -> Table:
    def cells(row: Row) -> list[str]:
        return [_signed(column, row.get(column.key)) for column in columns]

    lines = [[branch.name, *cells(rows.get(branch.pk, {}))] for branch in branches]
    below = [everything(total[column.key]) if column.key in total else "" for column in columns]
    widths = [NAME_MM, *[min(2 * COLUMN_MM, (ACROSS_MM - NAME_MM) / len(columns))] * len(columns)]
    return Table(
        ["党支部", *(f"{column.code}\n{column.heading}" for column in columns)], [*lines, ["合计", *below]],
        widths_mm=widths, size_pt=9, across_mm=min(ACROSS_MM, sum(widths)),
    )  # fmt: skip


def _signed(column: Column, tally: Tally | None) -> str:
    """Sign and words, since a document is printed without colours."""
    if tally is None:
        return ""
    standing, words = words_of(column, tally)
    return f"{STANDINGS[standing].sign}{words}".replace("\ufe0e", "")
