"""A filing on paper: the record as it was filed, in the layout of GB/T 9704, from its snapshot alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.timezone import localdate, localtime

from documents.official import (
    Block,
    Heading,
    KeyValues,
    Official,
    Pair,
    Paragraph,
    Picture,
    Pictures,
    Signature,
    Table,
    chinese_date,
)
from documents.text import width
from plan.models import Filing, Move, Version
from plan.pictures import read
from plan.snapshots import File, FrozenTable, Shot, Snapshot

# A label and its value share the row of the form with another pair while the value is not longer than this.
SHORT = 10  # full-width characters
LONG = 60  # from here on a plan's field is a text of its own, under a heading
NUMERALS = "一二三四五六七八九十"
SHA_SHOWN = 16  # hexadecimal digits printed; the whole digest stands on the page of the versions


SIGN_HERE = "　　　　　　　　　　　年　　月　　日"
DECIDED = {"receive": "已备案", "approve": "已审定", "send_back": "退回补正"}


def filing_document(
    filing: Filing, snapshot: Snapshot, version: Version | None, moves: Sequence[Move], *, at: datetime
) -> Official:
    """The filing as a document: a gathering as the 备案表, all else as title, issuer and tables; pictures at the end.

    `version` None is a draft, and marked so. Pictures whose bytes are no longer those that were filed are left out, and
    the document says so.
    """
    draft = "" if version else "（草稿）"
    day = localdate(version.filed_at if version else at)
    issuer = " ".join(part for part in (snapshot.branch, snapshot.member) if part) or filing.committee.name
    if filing.kind == Filing.Kind.GATHERING:
        title, body = "党支部活动备案表", _form(filing, snapshot, version, moves)
    else:
        title, body = snapshot.title, _text(snapshot)
        if snapshot.signatures:
            body.append(_signed(filing, snapshot, version, moves))
        body.append(Signature([issuer, chinese_date(day)]))
    return Official(
        title=f"{title}{draft}",
        issuer=issuer,
        number=_number(filing, version),
        blocks=[
            *body,
            *_attachments(snapshot.attachments),
            *_pictures(snapshot.pictures),
            *_end(filing, version, moves),
        ],
        made_at=version.filed_at if version else at,
    )


def _number(filing: Filing, version: Version | None) -> str:
    if version is None:
        return "草稿，未报送"
    return f"编号 {filing.receipt}" + ("（补报）" if filing.is_late else "")


def _form(filing: Filing, snapshot: Snapshot, version: Version | None, moves: Sequence[Move]) -> list[Block]:
    """The 备案表: short fields two in a row, long ones alone, the review and the desk's opinion last."""
    rows: list[Pair | Sequence[Pair]] = _rows(snapshot.fields)
    rows += [(table.title, _lines(table)) for table in snapshot.tables if table.rows]
    if snapshot.signatures:
        rows.append([(label, "") for label in snapshot.signatures])
    if version:
        rows.append(("支部书记审核", f"{version.filed_by.member.name}　{_moment(version.filed_at)}报送"))
        if filing.desk != Filing.Desk.NONE:
            rows.append((f"{filing.desk_name}意见", _opinion(moves)))
        if filing.is_late:
            rows.append(("补报原因", filing.late_reason))
    return [KeyValues(rows)]


def _signed(filing: Filing, snapshot: Snapshot, version: Version | None, moves: Sequence[Move]) -> KeyValues:
    """Who signs by hand, and the desk's opinion with room for its signature: as on a pledge (承诺书)."""
    rows: list[Pair | Sequence[Pair]] = [(label, SIGN_HERE) for label in snapshot.signatures]
    if filing.desk != Filing.Desk.NONE:
        opinion = _opinion(moves) if version else ""
        rows.append((f"{filing.desk_name}审核意见", opinion))
        rows.append(("审核人签字", SIGN_HERE))
    return KeyValues(rows)


def _opinion(moves: Sequence[Move]) -> str:
    """The desk's last decision, with who and when: 已备案（郑洁，2018年7月12日09:30）."""
    decided = [move for move in moves if move.name in DECIDED]
    if not decided:
        return ""
    last = decided[-1]
    reason = f"：{last.note}" if last.note else ""
    return f"{DECIDED[last.name]}{reason}（{last.made_by.member.name}，{_moment(last.made_at)}）"


def _rows(fields: Sequence[tuple[str, str]]) -> list[Pair | Sequence[Pair]]:
    rows: list[Pair | Sequence[Pair]] = []
    waiting: Pair | None = None
    for pair in fields:
        if width(pair[1]) > SHORT or "\n" in pair[1]:
            if waiting:
                rows.append(waiting)
                waiting = None
            rows.append(pair)
        elif waiting:
            rows.append([waiting, pair])
            waiting = None
        else:
            waiting = pair
    return [*rows, waiting] if waiting else rows


def _lines(table: FrozenTable) -> str:
    """A small table as lines of one cell: 王建国　正式党员　请假　公出."""
    return "\n".join("　".join(cell for cell in row if cell) for row in table.rows)


def _text(snapshot: Snapshot) -> list[Block]:
    """Short fields as a form; long ones as text, and the tables, under headings numbered through."""
    fields = [(label, value) for label, value in snapshot.fields if value and value != snapshot.title]
    long = [(label, value) for label, value in fields if width(value) > LONG or "\n" in value]
    short = [pair for pair in fields if pair not in long]
    blocks: list[Block] = [KeyValues(_rows(short))] if short else []
    parts: list[tuple[str, Block]] = [(label, Paragraph(value)) for label, value in long]
    parts += [(table.title, Table(table.columns, table.rows)) for table in snapshot.tables if table.rows]
    for place, (label, block) in enumerate(parts):
        blocks += [Heading(1, f"{_numeral(place)}、{label}"), block]
    return blocks


def _numeral(place: int) -> str:
    return NUMERALS[place] if place < len(NUMERALS) else str(place + 1)


def _pictures(shots: Sequence[Shot]) -> list[Block]:
    """The pictures two in a row with their captions; what is gone or changed is said, not shown."""
    shown, lost = [], []
    for place, shot in enumerate(shots, 1):
        data = read(shot.sha256)
        caption = f"图{place}　{shot.caption}" if shot.caption else f"图{place}"
        if data is None:
            lost.append(f"图{place}（{shot.name}）的文件缺失或与报送时不一致，未印出。")
        else:
            shown.append(Picture(data, caption))
    blocks: list[Block] = [Heading(1, "图片")] if shots else []
    if shown:
        blocks.append(Pictures(shown))
    return [*blocks, *[Paragraph(sentence) for sentence in lost]]


def _attachments(files: Sequence[File]) -> list[Block]:
    """The list of the documents that belong to the record (附件清单); they lie in the portal, named by their digest."""
    if not files:
        return []
    rows = [[str(place), file.name, file.size_words, file.sha256[:SHA_SHOWN]] for place, file in enumerate(files, 1)]
    return [Heading(1, "附件清单"), Table(["序号", "文件名", "大小", "校验码"], rows)]


def _end(filing: Filing, version: Version | None, moves: Sequence[Move]) -> list[Block]:
    """What ties the paper to the portal: the receipt, the server's time, the version and its digest."""
    if version is None:
        return [Paragraph("本件为草稿，还没有报送。")]
    verb = "留存" if filing.desk == Filing.Desk.NONE else "报送"
    # Number and digest stand on a line of their own, which is long enough not to break them.
    words = f"本件为第{version.number}版，{_moment(version.filed_at)}{verb}。\n"
    words += f"编号{filing.receipt}，校验码{version.sha256[:SHA_SHOWN]}。"
    if not version.is_intact:
        words += "\n存档文字与报送时的校验码不符，须经核查后使用。"
    return [Paragraph(words)]


def file_name(filing: Filing, version: Version | None) -> str:
    """How the file is called: 2018-03-0017 7月主题党日.docx."""
    return f"{filing.receipt} {filing.title}.docx" if version else f"{filing.title}（草稿）.docx"


def _moment(at: datetime) -> str:
    return f"{localtime(at):%Y年%-m月%-d日%H:%M}"
