"""Boards and certificates as PDF and PNG: plain values in, bytes out; what cannot be printed is said in sentences.

    boards_pdf(boards, DESK, on_sheets=True, title=…, at=…)    one a page, or several to an A4 sheet with cut marks
    board_png(board, A5, at=…)                                  one board as a picture
    certificates_pdf(certificates, title=…, at=…)               A4 lying

The layout stands in print.typ. Values reach it as JSON and are never markup. Every text takes the largest size at which
it stands wholly inside its box: nothing is cut, nothing runs over. Only the fonts in documents/fonts are used
(tools/assets.py lays them there), subsets of them are embedded, and the PDF is PDF/A-2b.
"""

from __future__ import annotations

import functools
import io
import json
import re
import struct
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import segno
import typst

HERE = Path(__file__).resolve().parent
FONTS = HERE / "fonts"
LAYOUT = HERE / "print.typ"
PPI = 160.0
# The fonts' names as print.typ calls them; where one of a pair lacks a character the other prints it.
FAMILIES = ("Noto Sans SC", "Noto Serif SC")
AUTHOR = "支部工作台"
QR_ALT = "二维码：登录后查看"
# A word longer than this may break anywhere: an address or a number that no line could hold.
LONG_WORD = 14


class Unprintable(Exception):
    """Something would not stand on paper as it is; `sentences` says what, for the person who prints."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("".join(sentences))
        self.sentences = list(sentences)


@dataclass(frozen=True)
class Format:
    """A size of board, in millimetres, and how large its texts may be, in points (see print.typ)."""

    code: str
    label: str
    width: float
    height: float
    frame: float
    pad: float
    head: float
    gap: float
    qr: float
    caption: float
    title: float
    name: float
    whose: float
    line: float
    least: float
    fact: float
    small: float
    stands: bool = False
    # Of one whose parts stand below each other: how high the name and what is under it may be.
    name_high: float = 0
    whose_high: float = 0
    # Of the others: the width of the name's column, and the space after it.
    left: float = 0
    gutter: float = 0


A4 = Format(
    "a4", "A4 竖版", 210, 297, frame=9, pad=21, head=22, gap=7, qr=30, caption=34, title=44, name=66, whose=20, line=28,
    least=12, fact=14, small=10, stands=True, name_high=38, whose_high=21,
)  # fmt: skip
A5 = Format(
    "a5", "A5 横版", 210, 148, frame=6, pad=15, head=13, gap=4.5, qr=24, caption=26, title=28, name=46, whose=14,
    line=22, least=9, fact=12, small=8.5, left=58, gutter=14,
)  # fmt: skip
DESK = Format(
    "desk", "桌牌 200×100 毫米", 200, 100, frame=4, pad=10, head=9, gap=2.6, qr=18, caption=24, title=20, name=36,
    whose=11, line=17.5, least=8, fact=9.5, small=7, left=52, gutter=12,
)  # fmt: skip
FORMATS = {one.code: one for one in (A4, A5, DESK)}


@dataclass(frozen=True)
class Board:
    """What stands on one board: whose it is, what is promised, how to reach who watches over it, and until when."""

    title: str
    name: str
    lines: tuple[str, ...]
    # Unit and post, one below the other; empty ones are left out.
    whose: tuple[str, ...] = ()
    # What stands at the foot, each with its label: 监督电话, 有效期至.
    facts: tuple[tuple[str, str], ...] = ()
    # Where the code leads, and what is said beside it; no code without an address.
    address: str = ""
    note: str = ""


@dataclass(frozen=True)
class Certificate:
    """One certificate: the title, to whom, for what, by whom, on which day (in words), under which number."""

    title: str
    name: str
    text: str
    issuer: str
    issued: str
    number: str = ""
    address: str = ""


def boards_pdf(boards: Sequence[Board], format: Format, *, title: str, at: datetime, on_sheets: bool = False) -> bytes:
    """The boards as one PDF; `on_sheets` lays them out on A4 to be cut. Raises Unprintable."""
    kind = "sheets" if on_sheets else "boards"
    return _compiled(_board_data(boards, format, kind, title), "pdf", at)


def board_png(board: Board, format: Format, *, at: datetime, ppi: float = PPI) -> bytes:
    """One board as a picture. Raises Unprintable."""
    return _compiled(_board_data([board], format, "boards", board.title), "png", at, ppi)


def certificates_pdf(certificates: Sequence[Certificate], *, title: str, at: datetime) -> bytes:
    """Certificates, one a page. Raises Unprintable."""
    return _compiled(_certificate_data(certificates, title), "pdf", at)


def certificate(one: Certificate, *, at: datetime) -> bytes:
    """One certificate as PDF. Raises Unprintable."""
    return certificates_pdf([one], title=f"{one.title} {one.name}", at=at)


def certificate_png(one: Certificate, *, at: datetime, ppi: float = PPI) -> bytes:
    """One certificate as a picture. Raises Unprintable."""
    return _compiled(_certificate_data([one], one.title), "png", at, ppi)


# Whether it can be printed


def problems(board: Board) -> list[str]:
    """What of this board no font of ours can print, in sentences."""
    fields = [
        ("姓名", board.name), ("标题", board.title),
        *((f"第{n}行承诺", line) for n, line in enumerate(board.lines, 1)),
        *(("单位或岗位", said) for said in board.whose), *board.facts,
    ]  # fmt: skip
    return list(_missing(board.name, fields))


def certificate_problems(one: Certificate) -> list[str]:
    """The same of a certificate."""
    fields = [
        ("姓名", one.name), ("标题", one.title), ("正文", one.text), ("颁发单位", one.issuer), ("日期", one.issued),
        ("编号", one.number),
    ]  # fmt: skip
    return list(_missing(one.name, fields))


def _missing(whose: str, fields: Iterable[tuple[str, str]]) -> Iterator[str]:
    covered = characters()
    for label, said in fields:
        for character in dict.fromkeys(clean(said)):
            if character not in covered and character != ZERO_WIDTH_SPACE and not character.isspace():
                yield (
                    f"“{clean(whose)}”的{label}中，“{character}”（U+{ord(character):04X}）不在打印用的字库里，印不出来，"
                    "请换一个写法。"
                )


# The layout's data


ZERO_WIDTH_SPACE = "\u200b"
_LONG = re.compile(rf"[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]{{{LONG_WORD + 1},}}")


def clean(text: str) -> str:
    """One line of text without characters that nobody sees: controls, marks of direction, doubled spaces."""
    seen = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in UNSEEN)
    return " ".join(unicodedata.normalize("NFC", seen).split())


# Control, format, surrogate, private and unassigned characters; variation selectors are marks and looked up.
UNSEEN = ("Cc", "Cf", "Cs")


def _said(text: str) -> str:
    """Clean, and with places to break in words that no line could hold."""

    def breakable(found: re.Match[str]) -> str:
        word = found[0]
        return ZERO_WIDTH_SPACE.join(word[n : n + 8] for n in range(0, len(word), 8))

    return _LONG.sub(breakable, clean(text))


@functools.lru_cache(maxsize=512)
def _qr(address: str) -> str:
    """The code of an address as SVG without a margin: the paper around it is white."""
    if not address:
        return ""
    written = io.BytesIO()
    # One pattern for all: weighing the eight takes five times as long, and readers take any.
    segno.make(address, error="m", micro=False, mask=0).save(
        written, kind="svg", border=0, xmldecl=False, nl=False, dark="#1F1D1A", light=None, omitsize=True
    )
    return written.getvalue().decode()


def qr_uri(address: str) -> str:
    """The same code for a page; the white margin is the page's to give."""
    return f"data:image/svg+xml,{quote(_qr(address))}"


def _board_data(boards: Sequence[Board], format: Format, kind: str, title: str) -> dict[str, Any]:
    if found := [sentence for board in boards for sentence in problems(board)]:
        raise Unprintable(found)
    shape = {name.replace("_", "-"): value for name, value in asdict(format).items()}
    rows = [
        {
            "id": str(n), "title": _said(board.title), "name": _said(board.name), "note": _said(board.note),
            "lines": [_said(x) for x in board.lines], "whose": [_said(x) for x in board.whose if clean(x)],
            "facts": [[label, _said(said)] for label, said in board.facts if clean(said)], "qr": _qr(board.address),
        }
        for n, board in enumerate(boards)
    ]  # fmt: skip
    names = [board.name for board in boards]
    return {"kind": kind, "title": title, "format": shape, "boards": rows, "names": names}


def _certificate_data(certificates: Sequence[Certificate], title: str) -> dict[str, Any]:
    if found := [sentence for one in certificates for sentence in certificate_problems(one)]:
        raise Unprintable(found)
    rows = [
        {
            "id": str(n), "title": _said(one.title), "name": _said(one.name), "issuer": _said(one.issuer),
            "issued": _said(one.issued), "number": _said(one.number), "qr": _qr(one.address),
            "parts": [_said(part) for part in one.text.splitlines() if clean(part)],
        }
        for n, one in enumerate(certificates)
    ]  # fmt: skip
    return {"kind": "certificates", "title": title, "certificates": rows, "names": [one.name for one in certificates]}


# Typst


class FontsMissing(Exception):
    """The fonts are not where they should be: the installation is not complete."""


@functools.cache
def fonts() -> typst.Fonts:
    """Our fonts and no others, read once a process."""
    found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    if lacking := set(FAMILIES) - set(found.families()):
        raise FontsMissing(f"{FONTS} 中没有字体 {'、'.join(sorted(lacking))}，请运行 tools/setup.sh runtime 重新安装。")
    return found


@functools.cache
def characters() -> frozenset[str]:
    """The characters that our fonts have a glyph for."""
    fonts()
    return frozenset(chr(code) for path in sorted(FONTS.glob("*-Regular.ttf")) for code in _covered(path.read_bytes()))


def _covered(font: bytes) -> Iterator[int]:
    """The code points of a font's character map (`cmap`, format 12: groups of code points with glyphs in a row)."""
    (tables,) = struct.unpack_from(">H", font, 4)
    starts = {font[at : at + 4]: struct.unpack_from(">I", font, at + 8)[0] for at in range(12, 12 + 16 * tables, 16)}
    cmap = starts[b"cmap"]
    (maps,) = struct.unpack_from(">H", font, cmap + 2)
    for n in range(maps):
        start = cmap + struct.unpack_from(">I", font, cmap + 4 + 8 * n + 4)[0]
        if struct.unpack_from(">H", font, start)[0] == 12:
            (groups,) = struct.unpack_from(">I", font, start + 12)
            for first, last, glyph in struct.iter_unpack(">III", font[start + 16 : start + 16 + 12 * groups]):
                yield from range(first if glyph else first + 1, last + 1)
            return
    raise FontsMissing("字体文件没有完整的字符表。")


FIELDS = {
    "title": "标题", "name": "姓名", "whose": "单位或岗位", "lines": "内容", "facts": "电话或有效期", "text": "正文",
    "issuer": "颁发单位", "number": "编号",
}  # fmt: skip


def _compiled(data: dict[str, Any], format: Literal["pdf", "png"], at: datetime, ppi: float | None = None) -> bytes:
    """Typeset; every warning is a fault of ours and raised as such."""
    names = data.pop("names")
    said = json.dumps(data | {"author": AUTHOR, "qr-alt": QR_ALT}, ensure_ascii=False)
    compiler = typst.Compiler(LAYOUT, root=HERE, font_paths=fonts(), sys_inputs={"data": said})
    options: dict[str, Any] = {"pdf_standards": "a-2b"} if format == "pdf" else {"ppi": ppi}
    try:
        made, warnings = compiler.compile_with_warnings(format=format, timestamp=int(at.timestamp()), **options)
    except typst.TypstError as error:
        if found := re.search(r"no-room\|(\d+)\|(\w+)", str(error)):
            field = FIELDS.get(found[2], found[2])
            sentence = f"“{clean(names[int(found[1])])}”的{field}太长，这种规格放不下，请写短一些，或换大一些的规格。"
            raise Unprintable([sentence]) from None
        raise
    if warnings:
        raise RuntimeError(f"typst: {warnings[0]}")
    if not isinstance(made, bytes):
        raise TypeError("a picture is of one page")
    return made
