"""Official documents in the layout of GB/T 9704-2012, as docx: a few kinds of blocks, from which callers compose.

The fonts are named, not embedded: the office's WPS or Word has them. Lengths are in millimetres unless a name says
points; inside the file Word counts in twips (1/20 pt).
"""

import datetime
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any, Literal, cast

import docx
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_ROW_HEIGHT_RULE, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.image.exceptions import InvalidImageStreamError, UnexpectedEndOfFileError, UnrecognizedImageError
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor, Twips
from docx.text.paragraph import Paragraph as DocxParagraph

from documents.text import printable, width

XIAOBIAOSONG, FANGSONG, KAITI, HEITI, SONGTI = "方正小标宋简体", "仿宋_GB2312", "楷体_GB2312", "黑体", "宋体"
TOP, BOTTOM, LEFT, RIGHT = 37, 35, 28, 26
TEXT_WIDTH, TEXT_HEIGHT = 156, 225
LINE = 579  # twips; 22 lines of 28.95 pt fill the 637.8 pt of the text area, 22 of 29 pt would not
LINE_PT = LINE / 20
CHARACTER_SPACE = -5  # twips, on each 16 pt character: 28 of 15.75 pt fit into 442.2 pt, 28 of 16 pt would not
BODY_PT, TITLE_PT = 16, 22
CELL_LINE = 1.4  # the height of a line in a table, to the size of its letters
RED = RGBColor(0xFF, 0, 0)
_TWIPS = 1440 / 25.4


# ---------------------------------------------------------------------------------------------------- vocabulary


@dataclass(frozen=True)
class Heading:
    """A heading with its own number in the text: 一、 (level 1), （一） (2), 1. (3), （1） (4)."""

    level: Literal[1, 2, 3, 4]
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text, first line indented by two characters; each line of the text becomes a paragraph."""

    text: str
    indent: bool = True


@dataclass(frozen=True)
class Table:
    """A ruled table across the page; widths are scaled to ``across_mm``, or found from the texts."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths_mm: Sequence[float] | None = None
    header: bool = True  # print the columns' names, again on each page
    size_pt: float = 12
    across_mm: float = TEXT_WIDTH


Pair = tuple[str, str]


@dataclass(frozen=True)
class KeyValues:
    """A form as on paper: label cells and value cells; a row is one pair or several beside each other."""

    rows: Sequence[Pair | Sequence[Pair]]
    size_pt: float = 12


@dataclass(frozen=True)
class Picture:
    """A picture (JPEG or PNG, bytes or a path) with its caption below, which is also what a screen reader says."""

    source: bytes | Path | str
    caption: str = ""
    width_mm: float = 120


@dataclass(frozen=True)
class Pictures:
    """Pictures in a ruled grid, ``across`` in a row, each over its caption; their own widths are not used."""

    pictures: Sequence[Picture]
    across: int = 2


@dataclass(frozen=True)
class PageBreak:
    """What follows begins on a new page."""


@dataclass(frozen=True)
class Signature:
    """Lines at the end on the right; two lines are set as name over date, as the standard has it without a seal.

    With ``sealed`` the date ends four characters from the edge and the name stands centred over it, room for the seal.
    """

    lines: Sequence[str]
    sealed: bool = False


Block = Heading | Paragraph | Table | KeyValues | Picture | Pictures | PageBreak | Signature


@dataclass(frozen=True)
class Attachment:
    """An attachment: named below the text, and, if it has blocks, printed on pages of its own."""

    title: str
    blocks: Sequence[Block] = ()


@dataclass(frozen=True)
class Imprint:
    """The ruled lines at the foot of the last page (版记): who gets a copy, who printed it and when."""

    printed_by: str
    printed_on: datetime.date
    copies_to: str = ""


@dataclass(frozen=True)
class Official:
    """One document. Issuer and date are signed at its end unless the blocks hold a Signature or there is no date.

    With ``red_head`` the issuer stands in red over a red line, with the number between. Without it the number stands
    below the title. A title may be broken by hand with ``\\n``; a long one is broken where it reads well.
    """

    title: str
    issuer: str = ""
    number: str = ""
    date: datetime.date | None = None
    recipient: str = ""
    blocks: Sequence[Block] = ()
    attachments: Sequence[Attachment] = ()
    red_head: bool = False
    sealed: bool = False
    imprint: Imprint | None = None
    landscape: bool = False  # the page turned: 225 mm wide and 156 high, for tables alone
    made_at: datetime.datetime | None = None  # for the file's properties; without it the date of the document


def build(document: Official) -> bytes:
    """The document as the bytes of a docx; the same document gives the same bytes.

    Control characters are left out of all texts. Raises ValueError for a table row of another length than the columns
    and for a picture that is not one. Source: GB/T 9704-2012, sections 5 to 7.
    """
    paper = docx.Document()
    _page(paper, landscape=document.landscape)
    _styles(paper)
    _properties(paper, document)
    if document.red_head:
        _red_head(paper, document)
    _title(paper, document)
    if document.recipient:
        _paragraph(paper, _with_colon(document.recipient), "Normal")
    signed = False
    blocks = list(document.blocks)
    for block in blocks:
        if isinstance(block, Signature) and not signed:
            _attachment_list(paper, document.attachments)
            signed = True
        _draw(paper, block)
    if not signed:
        _attachment_list(paper, document.attachments)
        if document.date is not None:
            signer = document.issuer.removesuffix("文件") if document.red_head else document.issuer
            lines = [line for line in (signer, chinese_date(document.date)) if line]
            _draw(paper, Signature(lines, sealed=document.sealed))
    _attachments(paper, document.attachments)
    if document.imprint is not None:
        _imprint(paper, document.imprint)
    buffer = io.BytesIO()
    paper.save(buffer)
    return _same_bytes(buffer.getvalue())


def chinese_date(day: datetime.date) -> str:
    """The date as it stands in a document: 2018年7月1日, Arabic digits without leading zeros."""
    return f"{day.year}年{day.month}月{day.day}日"


def _room(line: str) -> float:
    """The room of a line in characters, with the quarter that some programs put between Chinese and Latin."""
    return width(line) + 0.25 * len(_JUNCTION.findall(line))


_JUNCTION = re.compile(r"(?<=[\u2e80-\u9fff])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])(?=[\u2e80-\u9fff])")
_TITLE_BREAK = re.compile("党支部|支部委员会|机关党委|委员会|年度|上半年|下半年|季度|[》”）、，的]|(?=关于|《|“)")


def title_lines(title: str) -> list[str]:
    """The lines of a title: broken by hand, else at the place nearest the middle where no word is cut.

    A line of 22 pt holds 20 characters. Without a good place the title stays whole, for the word processor to break.
    """
    if "\n" in title:
        return [line.strip() for line in title.splitlines() if line.strip()]
    if _room(title) <= 19.5:
        return [title]
    places = [found.end() for found in _TITLE_BREAK.finditer(title) if 4 <= found.end() <= len(title) - 4]
    fitting = [p for p in places if max(_room(title[:p]), _room(title[p:])) <= 19.5]
    if not fitting:
        return [title]
    best = min(fitting, key=lambda p: abs(width(title[:p]) - width(title[p:])))
    return [title[:best], title[best:]]


# ---------------------------------------------------------------------------------------------------- page and styles


def _page(paper: Document, *, landscape: bool) -> None:
    section = paper.sections[0]
    if landscape:
        # The upright page turned to the left: what was its head lies at the left, where it is bound.
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Twips(16838), Twips(11906)
        section.top_margin, section.bottom_margin = Mm(RIGHT), Mm(LEFT)
        section.left_margin, section.right_margin = Mm(TOP), Mm(BOTTOM)
    else:
        section.orientation = WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = Twips(11906), Twips(16838)
        section.top_margin, section.bottom_margin = Mm(TOP), Mm(BOTTOM)
        section.left_margin, section.right_margin = Mm(LEFT), Mm(RIGHT)
    section.header_distance = Mm(15)
    # The dash of the page number stands 7 mm below the text area, in the middle of its 16 pt line.
    section.footer_distance = Mm((LEFT if landscape else BOTTOM) - 7 - 2.8)
    grid = section._sectPr.find(qn("w:docGrid"))
    if grid is None:
        grid = OxmlElement("w:docGrid")
        section._sectPr.append(grid)
    grid.set(qn("w:type"), "linesAndChars")
    grid.set(qn("w:linePitch"), str(LINE))
    # The 28 characters come from the character spacing, not from w:charSpace: a cell narrower than its character
    # is two cells to LibreOffice, and 14 characters fill the line.
    grid.attrib.pop(qn("w:charSpace"), None)
    paper.settings.odd_and_even_pages_header_footer = True
    compatibility = paper.settings.element.find(qn("w:compat"))
    if compatibility is None:
        compatibility = OxmlElement("w:compat")
        paper.settings.element.append(compatibility)
    for setting in list(compatibility.findall(qn("w:compatSetting"))):
        compatibility.remove(setting)
    # Without it Word opens the file in the manner of an older Word, and says so in the title bar.
    setting = OxmlElement("w:compatSetting")
    setting.set(qn("w:name"), "compatibilityMode")
    setting.set(qn("w:uri"), "http://schemas.microsoft.com/office/word")
    setting.set(qn("w:val"), "15")
    compatibility.append(setting)
    _page_number(section.footer.paragraphs[0], WD_ALIGN_PARAGRAPH.RIGHT)
    _page_number(section.even_page_footer.paragraphs[0], WD_ALIGN_PARAGRAPH.LEFT)


def _page_number(paragraph: DocxParagraph, side: WD_ALIGN_PARAGRAPH) -> None:
    paragraph.alignment = side
    _indent(paragraph, **{"right" if side == WD_ALIGN_PARAGRAPH.RIGHT else "left": 1}, size_pt=14)
    for piece in ("— ", None, " —"):
        run = paragraph.add_run(piece or "")
        _font(run, SONGTI, 14)
        if piece is None:
            for kind, text in (("begin", ""), ("", " PAGE "), ("separate", ""), ("", "1"), ("end", "")):
                if kind:
                    mark = OxmlElement("w:fldChar")
                    mark.set(qn("w:fldCharType"), kind)
                else:
                    mark = OxmlElement("w:instrText" if "PAGE" in text else "w:t")
                    mark.text = text
                run._r.append(mark)


def _styles(paper: Document) -> None:
    normal = paper.styles["Normal"]
    _font(normal, FANGSONG, BODY_PT)
    lang = OxmlElement("w:lang")
    lang.set(qn("w:val"), "zh-CN")
    lang.set(qn("w:eastAsia"), "zh-CN")
    normal.element.get_or_add_rPr().append(lang)
    _exactly(normal.paragraph_format, LINE_PT)
    normal.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    normal.paragraph_format.space_after = Pt(0)
    normal.paragraph_format.widow_control = False  # every page is filled to its 22nd line
    # No quarter space between Chinese and digits: it would push the 28th character of a line off the grid.
    for name in ("w:autoSpaceDE", "w:autoSpaceDN"):
        _flag(normal.element.get_or_add_pPr(), name, False)

    body = _style(paper, "正文缩进", FANGSONG, BODY_PT)
    _indent(body, first=2)
    for level, face in ((1, HEITI), (2, KAITI), (3, FANGSONG), (4, FANGSONG)):
        heading = paper.styles[f"Heading {level}"]
        _font(heading, face, BODY_PT)
        heading.font.bold = heading.font.italic = False
        heading.font.color.rgb = RGBColor(0, 0, 0)
        heading.paragraph_format.space_before = heading.paragraph_format.space_after = Pt(0)
        _exactly(heading.paragraph_format, LINE_PT)
        _indent(heading, first=2)

    title = paper.styles["Title"]
    _font(title, XIAOBIAOSONG, TITLE_PT)
    title.font.color.rgb = RGBColor(0, 0, 0)
    title.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.paragraph_format.space_before = title.paragraph_format.space_after = Pt(0)
    _exactly(title.paragraph_format, 33)
    border = title.element.pPr.find(qn("w:pBdr"))
    if border is not None:
        title.element.pPr.remove(border)
    # On the grid a title of two lines falls apart.
    _flag(title.element.get_or_add_pPr(), "w:snapToGrid", False)

    imprint = _style(paper, "版记", FANGSONG, 14)
    _exactly(imprint.paragraph_format, 24)
    _flag(imprint.element.get_or_add_pPr(), "w:snapToGrid", False)
    for name, face, size in (("表格文字", FANGSONG, 12), ("表格标目", HEITI, 12), ("图片", FANGSONG, 12)):
        style = _style(paper, name, face, size)
        if name == "图片":
            style.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE  # an exact line would cut the picture off
        else:
            _exactly(style.paragraph_format, CELL_LINE * size)
        style.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER if name != "表格文字" else WD_ALIGN_PARAGRAPH.LEFT
        _flag(style.element.get_or_add_pPr(), "w:snapToGrid", False)


def _style(paper: Document, name: str, face: str, size_pt: float) -> Any:
    style = paper.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = paper.styles["Normal"]
    _font(style, face, size_pt)
    return style


def _font(target: Any, face: str, size_pt: float) -> None:
    """One face for Chinese and Latin: so quotation marks and dashes, which belong to both, keep their full width."""
    target.font.size = Pt(size_pt)
    target.font.name = face
    fonts = target.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in list(fonts.attrib):
        if attribute.endswith("Theme"):
            del fonts.attrib[attribute]
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), face)
    fonts.set(qn("w:hint"), "eastAsia")
    properties = target.element.rPr
    for name in ("w:spacing", "w:kern"):
        for old in properties.findall(qn(name)):
            properties.remove(old)
    spacing = OxmlElement("w:spacing")
    spacing.set(qn("w:val"), str(CHARACTER_SPACE if size_pt == BODY_PT else 0))
    properties.find(qn("w:sz")).addprevious(spacing)


# Where a child may stand among the properties of a paragraph: Word calls a file with another order damaged.
_PPR_ORDER = re.findall(
    r"\w+",
    "pStyle keepNext keepLines pageBreakBefore framePr widowControl numPr suppressLineNumbers pBdr shd tabs "
    "suppressAutoHyphens kinsoku wordWrap overflowPunct topLinePunct autoSpaceDE autoSpaceDN bidi adjustRightInd "
    "snapToGrid spacing ind contextualSpacing mirrorIndents suppressOverlap jc textDirection textAlignment "
    "textboxTightWrap outlineLvl divId cnfStyle rPr sectPr pPrChange",
)


def _flag(properties: Any, name: str, on: bool) -> None:
    old = properties.find(qn(name))
    if old is not None:
        properties.remove(old)
    flag = OxmlElement(name)
    flag.set(qn("w:val"), "1" if on else "0")
    _insert(properties, flag)


def _insert(properties: Any, child: Any) -> None:
    rank = {qn(f"w:{name}"): place for place, name in enumerate(_PPR_ORDER)}
    for place, sibling in enumerate(properties):
        if rank[sibling.tag] > rank[child.tag]:
            properties.insert(place, child)
            return
    properties.append(child)


def _indent(
    target: Any, *, first: float = 0, left: float = 0, right: float = 0, hanging: float = 0, size_pt: float = BODY_PT
) -> None:
    """Indents in characters: Word takes the hundredths of characters, other programs the twips beside them."""
    properties = (target._p if isinstance(target, DocxParagraph) else target.element).get_or_add_pPr()
    old = properties.find(qn("w:ind"))
    if old is not None:
        properties.remove(old)
    ind = OxmlElement("w:ind")
    for name, amount in (("left", left), ("right", right), ("hanging", hanging), ("firstLine", first)):
        if amount:
            ind.set(qn(f"w:{name}Chars"), str(round(100 * amount)))
            ind.set(qn(f"w:{name}"), str(round(20 * size_pt * amount)))
    _insert(properties, ind)


def _exactly(form: Any, points: float) -> None:
    form.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    form.line_spacing = Twips(round(20 * points))


def _properties(paper: Document, document: Official) -> None:
    made = document.made_at
    if made is None:
        day = document.date or datetime.date(2000, 1, 1)
        made = datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
    made = made.astimezone(datetime.UTC).replace(tzinfo=None, microsecond=0)
    core = paper.core_properties
    core.title = printable(document.title).replace("\n", "")[:255]
    core.author = core.last_modified_by = printable(document.issuer)[:255]
    core.comments, core.language, core.revision = "", "zh-CN", 1
    core.created = core.modified = made
    # The template brings a picture of an empty page for the file manager.
    for name, relation in list(paper.part.package.rels.items()):
        if relation.reltype.endswith("/thumbnail"):
            del paper.part.package.rels[name]


def _same_bytes(data: bytes) -> bytes:
    """The same package with the times of its entries fixed, so that equal documents have equal checksums."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_STORED if name.startswith("word/media/") else zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 0, 0
            new.writestr(entry, old.read(name))
    return target.getvalue()


# ---------------------------------------------------------------------------------------------------- head and foot


def _paragraph(paper: Any, text: str, style: str) -> DocxParagraph:
    paragraph: DocxParagraph = paper.add_paragraph(style=style)
    _write(paragraph, text)
    return paragraph


def _write(paragraph: DocxParagraph, text: str, face: str = "", size_pt: float = 0) -> None:
    run = paragraph.add_run(printable(text))
    if face:
        _font(run, face, size_pt)


def _blank(paper: Any) -> DocxParagraph:
    blank: DocxParagraph = paper.add_paragraph(style="Normal")
    return blank


def _with_colon(recipient: str) -> str:
    return recipient.rstrip("：: ") + "："


def _red_head(paper: Document, document: Official) -> None:
    size = min(36, max(TITLE_PT, int(430 / max(width(document.issuer), 1))))  # on one line
    mark = _paragraph(paper, "", "Normal")
    _write(mark, document.issuer, XIAOBIAOSONG, size)
    for run in mark.runs:
        run.font.color.rgb = RED
    mark.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _flag(mark._p.get_or_add_pPr(), "w:snapToGrid", False)
    _exactly(mark.paragraph_format, size * 1.2)
    # Its upper edge stands 35 mm below the text area's; a tenth of the size is the space over the letters.
    mark.paragraph_format.space_before = Pt(35 / 25.4 * 72 - size * 0.1)
    _blank(paper)
    _blank(paper)
    number = _paragraph(paper, document.number, "Normal")
    number.alignment = WD_ALIGN_PARAGRAPH.CENTER
    # 4 mm are 11.3 pt, of which the line of 28.95 pt already has some below its letters.
    rule = OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "12"), ("space", "7"), ("color", "FF0000")):
        rule.set(qn(f"w:{name}"), value)
    borders = OxmlElement("w:pBdr")
    borders.append(rule)
    _insert(number._p.get_or_add_pPr(), borders)
    _blank(paper)
    _blank(paper)


def _title(paper: Document, document: Official) -> None:
    title = _paragraph(paper, "", "Title")
    for number, line in enumerate(title_lines(printable(document.title))):
        if number:
            title.add_run().add_break()
        title.add_run(line)
    if document.number and not document.red_head:
        below = _paragraph(paper, "", "Normal")
        _write(below, document.number, KAITI, BODY_PT)
        below.alignment = WD_ALIGN_PARAGRAPH.CENTER
        below.paragraph_format.space_after = Pt(6)
    else:
        _blank(paper)


def _attachment_list(paper: Document, attachments: Sequence[Attachment]) -> None:
    if not attachments:
        return
    _blank(paper).paragraph_format.keep_with_next = True
    several = len(attachments) > 1
    for number, attachment in enumerate(attachments, 1):
        lead = "附件：" if number == 1 else ""
        numbered = f"{number}." if several else ""
        paragraph = _paragraph(paper, lead + numbered + _plain_title(attachment), "Normal")
        paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT
        own = width("附件：" if lead else "") + width(numbered)
        # All names begin under one another, and a second line under its own name.
        name_at = 2 + 3 + width(numbered)
        _indent(paragraph, left=name_at, hanging=own)
        paragraph.paragraph_format.keep_with_next = True


def _plain_title(attachment: Attachment) -> str:
    return printable(attachment.title).replace("\n", "").rstrip("。；，")


def _attachments(paper: Document, attachments: Sequence[Attachment]) -> None:
    for number, attachment in enumerate(attachments, 1):
        if not attachment.blocks:
            continue
        label = _paragraph(paper, "", "Normal")
        _write(label, f"附件{number}" if len(attachments) > 1 else "附件", HEITI, BODY_PT)
        label.paragraph_format.page_break_before = True
        _blank(paper)
        title = _paragraph(paper, "", "Title")
        for place, line in enumerate(title_lines(printable(attachment.title))):
            if place:
                title.add_run().add_break()
            title.add_run(line)
        _blank(paper)
        for block in attachment.blocks:
            _draw(paper, block)


def _imprint(paper: Document, imprint: Imprint) -> None:
    """A table whose lower rule is the lower edge of the text area on the last page.

    Word and WPS put it there; LibreOffice before 7.6 leaves a table as wide as the text where it stands in the text.
    """
    table = paper.add_table(rows=2 if imprint.copies_to else 1, cols=2)
    _fixed(table, [TEXT_WIDTH / 2, TEXT_WIDTH / 2])
    # 0.35 mm above and below it all, 0.25 mm between.
    _borders(table, {"top": 8, "bottom": 8, "insideH": 6})
    place = OxmlElement("w:tblpPr")
    for name, value in (("vertAnchor", "margin"), ("horzAnchor", "margin"), ("tblpXSpec", "center")):
        place.set(qn(f"w:{name}"), value)
    place.set(qn("w:tblpYSpec"), "bottom")
    table._tbl.tblPr.find(qn("w:tblW")).addprevious(place)
    by, on = table.rows[-1].cells
    if imprint.copies_to:
        copies = table.cell(0, 0).merge(table.cell(0, 1)).paragraphs[0]
        copies.style = "版记"
        _write(copies, f"抄送：{imprint.copies_to.rstrip('。')}。")
        _indent(copies, left=4, right=1, hanging=3, size_pt=14)
    by.paragraphs[0].style = on.paragraphs[0].style = "版记"
    _write(by.paragraphs[0], imprint.printed_by)
    _indent(by.paragraphs[0], left=1, size_pt=14)
    _write(on.paragraphs[0], f"{chinese_date(imprint.printed_on)}印发")
    on.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _indent(on.paragraphs[0], right=1, size_pt=14)
    # A document may not end with a table; this paragraph takes no room.
    _exactly(paper.add_paragraph(style="Normal").paragraph_format, 1)


# ---------------------------------------------------------------------------------------------------- blocks


def _draw(paper: Document, block: Block) -> None:
    match block:
        case Heading(level, text):
            heading = _paragraph(paper, text, f"Heading {level}")
            heading.paragraph_format.keep_with_next = True
        case Paragraph(text, indent):
            for line in printable(text).split("\n"):
                _paragraph(paper, line.strip(" \t　"), "正文缩进" if indent else "Normal")
        case Table():
            _table(paper, block)
        case KeyValues():
            _key_values(paper, block)
        case Picture():
            _picture(paper.add_paragraph(style="图片"), block, block.width_mm, TEXT_HEIGHT - 25)
            if block.caption:
                paper.paragraphs[-1].paragraph_format.keep_with_next = True
                _paragraph(paper, block.caption, "图片").paragraph_format.space_before = Pt(3)
        case Pictures():
            _pictures(paper, block)
        case PageBreak():
            # A paragraph of no height that begins the page: a break inside a line would leave an empty line.
            turn = paper.add_paragraph(style="Normal")
            turn.paragraph_format.page_break_before = True
            _exactly(turn.paragraph_format, 1)
        case Signature(lines, sealed):
            _signature(paper, [printable(line) for line in lines], sealed)


def _signature(paper: Document, lines: Sequence[str], sealed: bool) -> None:
    indents: list[float] = [2.0] * len(lines)
    if len(lines) == 2:
        name, day = (width(line) for line in lines)
        if sealed:
            indents = [max(0, 4 + (day - name) / 2), 4]
        elif day > name:
            # A date longer than the name ends two characters from the edge, and the name begins two before it.
            indents = [day + 4 - name, 2]
        else:
            indents = [2, name - day]
    elif sealed:
        indents = [4.0] * len(lines)
    # No page with nothing on it but a signature: a table before it gives its last row along.
    last = paper.paragraphs[-1]
    last.paragraph_format.keep_with_next = True
    if last._p.getprevious() is not None and last._p.getprevious().tag == qn("w:tbl"):
        for cell in paper.tables[-1].rows[-1].cells:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.keep_with_next = True
    _blank(paper).paragraph_format.keep_with_next = True
    for number, (line, right) in enumerate(zip(lines, indents, strict=True)):
        paragraph = _paragraph(paper, line, "Normal")
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        _indent(paragraph, right=right)
        paragraph.paragraph_format.keep_with_next = number < len(lines) - 1


def _table(paper: Document, block: Table) -> None:
    for number, row in enumerate(block.rows, 1):
        if len(row) != len(block.columns):
            raise ValueError(f"表格第 {number} 行有 {len(row)} 格，应为 {len(block.columns)} 格")
    columns = [printable(str(name)) for name in block.columns]
    rows = [[printable(str(text)) for text in row] for row in block.rows]
    heads = columns if block.header else [""] * len(columns)
    widths = _widths(heads, rows, block.widths_mm, block.size_pt, block.across_mm)
    table = paper.add_table(rows=0, cols=len(columns))
    _fixed(table, widths)
    _borders(table, dict.fromkeys(("top", "left", "bottom", "right", "insideH", "insideV"), 4))
    # A column whose texts all fit on one line reads better centred.
    centred = [
        all(_lines(row[place], wide, block.size_pt) == 1 + row[place].count("\n") for row in rows)
        for place, wide in enumerate(widths)
    ]
    if block.header:
        header = table.add_row()
        _repeat(header)
        _row(header, 9)
        for cell, name, wide in zip(header.cells, columns, widths, strict=True):
            if _lines(name, wide, block.size_pt) == 2 and "\n" not in name:
                half = (len(name) + 1) // 2  # 计划／学时, not 计划学／时
                name = f"{name[:half]}\n{name[half:]}"
            _cell(cell, name, wide, "表格标目", block.size_pt, centre=True)
    for texts in rows:
        row = table.add_row()
        _row(row, 8, whole=_height(texts, widths, block.size_pt) < TEXT_HEIGHT * 0.6)
        for cell, text, wide, middle in zip(row.cells, texts, widths, centred, strict=True):
            if _room(text) <= 14 and text.count("—") == 1 and _lines(text, wide, block.size_pt) == 2:
                text = text.replace("—", "—\n")  # a span of dates breaks between the dates
            _cell(cell, text, wide, "表格文字", block.size_pt, centre=middle)
    _after_table(paper)


def _key_values(paper: Document, block: KeyValues) -> None:
    rows: list[list[Pair]] = []
    for row in block.rows:
        pairs = [row] if isinstance(row[0], str) else row
        rows.append([(_label(printable(label)), printable(text)) for label, text in cast(Sequence[Pair], pairs)])
    if not rows:
        return

    def label_width(label: str) -> float:
        characters = min(max((width(line) for line in label.split("\n")), default=0), 6)
        return max(18, characters * block.size_pt / 72 * 25.4 + 5)

    first = max(label_width(row[0][0]) for row in rows)
    edges_of: list[list[float]] = []
    for row in rows:
        alike = [other for other in rows if len(other) == len(row)]
        labels = [first, *(max(label_width(other[n][0]) for other in alike) for n in range(1, len(row)))]
        needs = [max(_needs(other[n][1], block.size_pt) for other in alike) for n in range(len(row))]
        edges = [0.0]
        for label, value in zip(labels, _shares(needs, TEXT_WIDTH - sum(labels)), strict=True):
            edges += [edges[-1] + label, edges[-1] + label + value]
        edges_of.append([round(edge, 2) for edge in edges[:-1]] + [float(TEXT_WIDTH)])
    grid = sorted({edge for edges in edges_of for edge in edges})
    table = paper.add_table(rows=0, cols=len(grid) - 1)
    _fixed(table, [right - left for left, right in pairwise(grid)])
    _borders(table, dict.fromkeys(("top", "left", "bottom", "right", "insideH", "insideV"), 4))
    for pairs, edges in zip(rows, edges_of, strict=True):
        row = table.add_row()
        texts = [text for pair in pairs for text in pair]
        widths = [right - left for left, right in pairwise(edges)]
        _row(row, 9, whole=_height(texts, widths, block.size_pt) < TEXT_HEIGHT * 0.6)
        for place, (text, left, right) in enumerate(zip(texts, edges, edges[1:], strict=False)):
            cell = row.cells[grid.index(left)]
            if grid.index(right) - grid.index(left) > 1:
                cell = cell.merge(row.cells[grid.index(right) - 1])
            is_label = place % 2 == 0
            one_line = _lines(text, right - left, block.size_pt) == 1
            style = "表格标目" if is_label else "表格文字"
            _cell(cell, text, right - left, style, block.size_pt, centre=is_label or (one_line and len(pairs) > 1))
    _after_table(paper)


def _label(text: str) -> str:
    """A label too long for its cell breaks after its fourth character: words mostly have two, 缺席人员／及原因."""
    return f"{text[:4]}\n{text[4:]}" if 6 < len(text) <= 10 and "\n" not in text else text


def _pictures(paper: Document, block: Pictures) -> None:
    across = max(1, min(block.across, len(block.pictures)))
    wide = TEXT_WIDTH / across
    table = paper.add_table(rows=0, cols=across)
    _fixed(table, [wide] * across)
    _borders(table, dict.fromkeys(("top", "left", "bottom", "right", "insideV", "insideH"), 4))
    for start in range(0, len(block.pictures), across):
        row = table.add_row()
        _row(row, 20)
        cells = list(row.cells)
        here = block.pictures[start : start + across]
        if len(here) < across:
            # The last picture of an odd number stands in the middle, not beside an empty cell.
            cells = [*cells[: len(here) - 1], cells[len(here) - 1].merge(cells[-1])]
        for cell, picture in zip(cells, here, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.style = paper.styles["图片"]
            paragraph.paragraph_format.space_before = Pt(4)
            paragraph.paragraph_format.keep_with_next = True
            _picture(paragraph, picture, wide - 8, TEXT_HEIGHT / 3)
            caption = cell.add_paragraph(style=paper.styles["图片"])
            _write(caption, picture.caption)
            caption.paragraph_format.space_before = caption.paragraph_format.space_after = Pt(3)
    _after_table(paper)


def _picture(paragraph: DocxParagraph, picture: Picture, width_mm: float, height_mm: float) -> None:
    source = picture.source
    file = io.BytesIO(source if isinstance(source, bytes) else Path(source).read_bytes())
    try:
        shape = paragraph.add_run().add_picture(file, width=Mm(min(width_mm, TEXT_WIDTH)))
    except (InvalidImageStreamError, UnexpectedEndOfFileError, UnrecognizedImageError) as error:
        raise ValueError(f"图片“{picture.caption}”无法放入文档，请使用 JPEG 或 PNG 格式") from error
    if shape.height > Mm(height_mm):
        shape.width, shape.height = round(shape.width * Mm(height_mm) / shape.height), Mm(height_mm)
    described = shape._inline.docPr
    described.set("descr", printable(picture.caption))
    described.set("name", f"图片 {described.get('id')}")


# ---------------------------------------------------------------------------------------------------- tables

_CELL_MARGIN = 1.9  # mm, left and right, as Word has it
_PADDING = 2 * _CELL_MARGIN + 0.6


def _inner_pt(wide_mm: float) -> float:
    return (wide_mm - 2 * _CELL_MARGIN) / 25.4 * 72 + 0.5


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], given: Sequence[float] | None, size_pt: float,
    total: float = TEXT_WIDTH,
) -> list[float]:  # fmt: skip
    """Widths in mm that fill the text area: short columns as wide as they need, long ones share what is left."""
    if given is not None:
        if len(given) != len(columns):
            raise ValueError(f"给了 {len(given)} 个列宽，应为 {len(columns)} 个")
        return [wide * total / sum(given) for wide in given]
    step = size_pt / 72 * 25.4  # one character
    least = [max(2 * step, min(_needs(name, size_pt), 2 * step + _PADDING)) for name in columns]
    widths = [
        max(
            least[place],
            min(_needs(name, size_pt), 4 * step + _PADDING),
            *(_needs(row[place], size_pt) for row in rows),
        )
        for place, name in enumerate(columns)
    ]
    widths = [min(total, wide) for wide in widths]
    # Some forty rows tell enough of a long table.
    sample = [*rows[:: max(1, len(rows) // 40)], columns]
    # A name or a date is not broken lightly.
    weights = [[1.5 if _room(text) <= 8 else 0.3 if _room(text) <= 12 else 0.1 for text in row] for row in sample]
    lines = [[_lines(text, wide, size_pt) for text, wide in zip(row, widths, strict=True)] for row in sample]

    def tried(place: int, change: float) -> tuple[float, list[list[int]]]:
        """What it would cost to make this column wider or narrower, in lines of height; and the lines of all cells."""
        counts = []
        for row, before in zip(sample, lines, strict=True):
            count = before.copy()
            count[place] = _lines(row[place], widths[place] + change, size_pt)
            counts.append(count)
        height = sum(
            max(row) + sum(weight * (count - 1) for weight, count in zip(own, row, strict=True))
            for own, row in zip(weights, counts, strict=True)
        )
        return height, counts

    places = range(len(widths))
    while sum(widths) > total:
        choices = [(tried(p, -step)[0], -widths[p], p) for p in places if widths[p] - step >= least[p]]
        if not choices:
            break
        place = min(choices)[2]
        lines = tried(place, -step)[1]
        widths[place] -= step
    # Room that a column has without a line less for it may save a line in another.
    for place in places:
        while widths[place] - step >= least[place] and tried(place, -step)[0] <= tried(place, 0)[0]:
            widths[place] -= step
    while sum(widths) + step <= total:
        saved, place = max((tried(p, 0)[0] - tried(p, step)[0], p) for p in places)
        if saved <= 0:
            break
        lines = tried(place, step)[1]
        widths[place] += step
    return [wide * total / sum(widths) for wide in widths]


def _needs(text: str, size_pt: float) -> float:
    """The width in mm that a cell needs to show each line of its text on one line."""
    return max(_room(line) for line in text.split("\n")) * size_pt / 72 * 25.4 + _PADDING


def _shares(needs: Sequence[float], total: float) -> list[float]:
    """Equal parts of the total, unless one of several needs more and the others can spare it."""
    equal = total / len(needs)
    if max(needs) <= equal or sum(needs) > total:
        return [equal] * len(needs)
    return [need + (total - sum(needs)) / len(needs) for need in needs]


def _lines(text: str, wide_mm: float, size_pt: float) -> int:
    return sum(max(1, ceil(_room(line) * size_pt / _inner_pt(wide_mm))) for line in text.split("\n"))


def _height(texts: Sequence[str], widths: Sequence[float], size_pt: float) -> float:
    """About how high a row will be, in mm."""
    lines = max(_lines(text, wide, size_pt) for text, wide in zip(texts, widths, strict=True))
    return lines * size_pt * CELL_LINE / 72 * 25.4


def _fixed(table: Any, widths_mm: Sequence[float]) -> None:
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    for column, wide in zip(table.columns, widths_mm, strict=True):
        column.width = Twips(round(wide * _TWIPS))
    for row in table.rows:
        for cell, wide in zip(row.cells, widths_mm, strict=True):
            cell.width = Twips(round(wide * _TWIPS))
    total = OxmlElement("w:tblW")
    total.set(qn("w:type"), "dxa")
    total.set(qn("w:w"), str(round(sum(widths_mm) * _TWIPS)))
    old = table._tbl.tblPr.find(qn("w:tblW"))
    table._tbl.tblPr.replace(old, total)


def _borders(table: Any, eighths: dict[str, int]) -> None:
    """Ruled lines, in eighths of a point."""
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = OxmlElement(f"w:{side}")
        line.set(qn("w:val"), "single" if side in eighths else "nil")
        if side in eighths:
            line.set(qn("w:sz"), str(eighths[side]))
            line.set(qn("w:space"), "0")
            line.set(qn("w:color"), "000000")
        borders.append(line)
    margins = OxmlElement("w:tblCellMar")
    for side in ("top", "bottom"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "40")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    layout = table._tbl.tblPr.find(qn("w:tblLayout"))
    layout.addprevious(borders)
    layout.addnext(margins)


def _row(row: Any, height_mm: float, *, whole: bool = True) -> None:
    """A row of at least this height, kept on one page unless it is too long for that."""
    row.height, row.height_rule = Mm(height_mm), WD_ROW_HEIGHT_RULE.AT_LEAST
    if whole:
        row._tr.get_or_add_trPr().insert(0, OxmlElement("w:cantSplit"))


def _repeat(row: Any) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _cell(cell: Any, text: str, wide_mm: float, style: str, size_pt: float, *, centre: bool) -> None:
    cell.width = Twips(round(wide_mm * _TWIPS))
    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    for number, line in enumerate(text.split("\n")):
        paragraph = cell.add_paragraph() if number else cell.paragraphs[0]
        paragraph._p.style = style  # by its id: python-docx would search all styles by name for every cell
        run = paragraph.add_run(line)
        if size_pt != 12:
            run.font.size = Pt(size_pt)
            _exactly(paragraph.paragraph_format, CELL_LINE * size_pt)
        if centre:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _after_table(paper: Document) -> None:
    """Two tables would grow together without a paragraph between them."""
    gap = paper.add_paragraph(style="Normal")
    _exactly(gap.paragraph_format, 8)
    _flag(gap._p.get_or_add_pPr(), "w:snapToGrid", False)
