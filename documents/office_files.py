"""Documents as people send them (docx, xlsx, pdf), made into files that say what is on their pages and nothing else.

No upload is kept as it came: an Office file is packed anew part by part, a PDF is written anew object by object, both
without properties, macros, embedded files and what would fetch something when opened. `clean_document` does the work;
`clean_document_in_child` does it in a warm child process with limits, for files that come from outside.
Sources: ECMA-376 parts 1 and 2 (Office), ISO 32000-1 (PDF); what is left out and why: docs/decisions/0026.
"""

import atexit
import hashlib
import io
import math
import os
import re
import zipfile
from dataclasses import dataclass
from typing import IO
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

from PIL import Image

from documents import children, packages, pdf_files
from documents.containers import MEGABYTE, Refusal, bare, kind_of
from documents.pictures import clean_name

MAX_BYTES = 20 * MEGABYTE
MAX_ENTRIES = 2_000
MAX_MEMBER = 60 * MEGABYTE
MAX_TOTAL = 100 * MEGABYTE
MAX_RATIO = 200  # of a part over 1 MB; pages of real text stay under 30

SECONDS = 10.0  # of processor and wall


class DocumentRefused(Exception):
    """A file that is not taken as a document; the message is Chinese, names the file and says what to do instead."""


@dataclass(frozen=True, slots=True)
class CleanDocument:
    """A document written anew, without properties: its bytes, docx, xlsx or pdf, their digest and number."""

    data: bytes
    format: str
    sha256: str
    size: int

    @classmethod
    def of(cls, data: bytes, format: str) -> "CleanDocument":
        return cls(data=data, format=format, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


# The two doors


def clean_document(data: bytes, name: str) -> CleanDocument:
    """Return the document written anew; its format is told by content and has to match the suffix of `name`.

    Raises DocumentRefused. Works in this process: use `clean_document_in_child` for what strangers send.
    """
    shown = clean_name(name)
    try:
        check_bytes(len(data))
        format = _format_of(data, shown)
        written = pdf_files.rewritten(data) if format == "pdf" else _repacked(data, format)
        check_bytes(len(written))
    except Refusal as refusal:
        raise DocumentRefused(f"“{shown}”{refusal}") from None
    return CleanDocument.of(written, format)


def clean_document_in_child(data: bytes, name: str, *, seconds: float = SECONDS) -> CleanDocument:
    """Do what `clean_document` does in a warm child process: no environment, no files, 1 GB, `seconds` of time.

    Raises DocumentRefused, also for a file on which the child died or ran out of time.
    """
    shown = clean_name(name)
    try:
        check_bytes(len(data))
        said, bodies = _child.ask(data, shown, seconds)
        if "refused" in said:
            raise DocumentRefused(str(said["refused"]))
        if said["format"] not in _SUFFIXES or len(bodies) != 1:
            raise children.ChildFell
        return CleanDocument.of(bodies[0], said["format"])
    except Refusal as refusal:
        raise DocumentRefused(f"“{shown}”{refusal}") from None
    except (children.ChildFell, KeyError):
        raise DocumentRefused(
            f"“{shown}”内容过多或结构异常，处理不了。请拆成几个文件，或另存为 PDF 后再上传。"
        ) from None


# What may come in

_SUFFIXES = {"docx": ".docx", "xlsx": ".xlsx", "pdf": ".pdf"}
_ONLY = "这里只收 Word（.docx）、Excel（.xlsx）和 PDF 文件"
_AGAIN = "请用 Word、Excel 或 WPS 打开后“另存为”一份新的，再上传。"
_DAMAGED = f"已损坏或没有传全，无法读取。{_AGAIN}"
_ODD = f"的内部结构异常，不是 Word、Excel 或 WPS 直接保存的文件。{_AGAIN}"
_AS_PDF = "请在原软件中另存为 PDF 后再上传。"

_OTHERS = (
    (b"\xd0\xcf\x11\xe0", f"是旧版 Office 格式，或设有打开密码。请去掉密码，另存为 .docx 或 .xlsx 后再上传。{_ONLY}。"),
    (b"MZ", f"是程序文件，不能上传。{_ONLY}，请重新选择。"),
    (b"\x7fELF", f"是程序文件，不能上传。{_ONLY}，请重新选择。"),
    (b"Rar!", f"是压缩包。请解压后逐个上传其中的文件；{_ONLY}。"),
    (b"7z\xbc\xaf", f"是压缩包。请解压后逐个上传其中的文件；{_ONLY}。"),
    (b"{\\rtf", "是 RTF 文件。请用 Word 或 WPS 另存为 .docx 后再上传。"),
    (b"\xff\xd8\xff", "是照片。照片请在“图片”一栏上传。"),
    (b"\x89PNG", "是图片。图片请在“图片”一栏上传。"),
)


def check_bytes(size: int) -> None:
    """Raises Refusal for a file of no bytes or too many."""
    if not size:
        raise Refusal("是空文件（0 字节）。请重新选择文件后再上传。")
    if size > MAX_BYTES:
        megabytes = math.ceil(size * 10 / MEGABYTE) / 10
        raise Refusal(f"有 {megabytes} MB，超过 20 MB 的上限。请压缩其中的图片或拆成几个文件后再上传。")


def _format_of(data: bytes, shown: str) -> str:
    """docx, xlsx or pdf, as the suffix says; raises Refusal where the content is evidently something else."""
    suffix = os.path.splitext(shown)[1].lower()
    for magic, sentence in _OTHERS:
        if data.startswith(magic):
            raise Refusal(sentence)
    if suffix in (".docm", ".dotm", ".xlsm", ".xltm", ".xlsb"):
        raise Refusal("是可带宏的格式。请另存为不带宏的 .docx 或 .xlsx 后再上传。")
    format = suffix.removeprefix(".")
    if format not in _SUFFIXES:
        has = f"的扩展名是 {suffix}，" if suffix else "没有扩展名，"
        raise Refusal(f"{has}{_ONLY}。请另存为其中一种后再上传。")
    if data.startswith(b"%PDF-") != (format == "pdf") or data.startswith(b"PK") == (format == "pdf"):
        raise Refusal(
            f"的内容与扩展名 {suffix} 不符，不是有效的 {format.upper()} 文件。请用原软件另存为 {suffix} 后再上传。"
        )
    return format


# Office files, part by part

_MAIN = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
}
_XML = (".xml", ".rels", ".vml")
_PICTURES = (".jpg", ".jpeg", ".jfif", ".png", ".webp")
_FONTS = (".odttf", ".fntdata", ".ttf")
# Who wrote, on which machine, for which printer: parts that say nothing about the pages.
_LEFT_OUT = re.compile(
    r"docprops/|docmetadata/|customxml/|xl/printersettings/|xl/persons/|xl/threadedcomments/|xl/revisions/|_xmlsignatures/"
    r"|xl/customproperty|word/people\d*\.xml$|word/printersettings|word/customizations\.xml$|xl/calcchain\.xml$"
)
_ACTIVE = re.compile(
    r"vbaproject|vbadata|/macrosheets/|/dialogsheets/|(word|xl)/(embeddings|activex|externallinks)/"
    r"|/ctrlprops/|xl/connections\.xml$|xl/querytables/|xl/webextensions/|word/webextensions/|afchunk|oleobject"
)
_ACTIVE_RELATIONS = ("/oleObject", "/package", "/control", "/aFChunk", "/attachedTemplate", "/vbaProject", "/frame",
                     "/externalLink", "/externalLinkPath", "/subDocument", "/customUI", "/ui/extensibility",
                     "/ui/userCustomization", "/connections", "/attachedToolbars")  # fmt: skip

_ACTIVE_FIELDS = {"DDE", "DDEAUTO", "LINK", "EMBED", "IMPORT", "INCLUDE", "INCLUDETEXT", "INCLUDEPICTURE", "DATABASE",
                  "RD", "QUOTE", "HTMLACTIVEX", "CONTROL"}  # fmt: skip


def _repacked(data: bytes, format: str) -> bytes:
    """The package anew: same pages, no properties, fixed times; raises Refusal for what has no business in one."""
    file = io.BytesIO(data)
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
        _check_entries(members)
        return _pack(file, [member for member in members if not member.is_dir()], format)
    except Refusal:
        raise
    except (zipfile.BadZipFile, packages.Damaged, NotImplementedError, OSError, EOFError):
        raise Refusal(_DAMAGED) from None
    except (expat.ExpatError, ParseError, UnicodeError, ValueError, KeyError, IndexError, AttributeError):
        # Among the ValueErrors are those of defusedxml: a document type or an entity in a part that lists others.
        raise Refusal(_ODD) from None


def _check_entries(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename.lower() for member in members]
    if len(members) > MAX_ENTRIES:
        raise Refusal(f"内含 {len(members):,} 个部件，超过 {MAX_ENTRIES:,} 个的上限。{_AS_PDF}")
    if any(member.flag_bits & 0x41 for member in members):
        raise Refusal("设有密码，无法读取。请在原软件中去掉密码，另存后再上传。")
    if any(member.file_size > MAX_MEMBER for member in members) or sum(m.file_size for m in members) > MAX_TOTAL:
        raise Refusal(f"展开后超过 {MAX_TOTAL // MEGABYTE} MB，内容过大。请拆成几个文件后再上传。")
    if any(m.file_size > MEGABYTE and m.file_size > MAX_RATIO * max(m.compress_size, 1) for m in members):
        raise Refusal("压缩异常，含有大片填充内容。请把正文复制到新建的文件中，另存后再上传。")
    if len(set(names)) != len(names) or any(packages.escapes(m.filename) or packages.is_link(m) for m in members):
        raise Refusal(_ODD)


def _pack(file: IO[bytes], members: list[zipfile.ZipInfo], format: str) -> bytes:
    by_name = {member.filename.lower(): member for member in members}
    if packages.TYPES.lower() not in by_name or "_rels/.rels" not in by_name:
        raise Refusal(f"是压缩包，不是 {format} 文档。请解压后逐个上传其中的文件；{_ONLY}。")
    types = packages.Types.of(packages.read_member(file, by_name[packages.TYPES.lower()]))
    _check_kind(types, packages.read_member(file, by_name["_rels/.rels"]), format)
    for name in by_name:
        if _ACTIVE.search(name) or "macroenabled" in types.of_part(name).lower():
            raise Refusal(_active(name))
    kept = [m for m in members if not _LEFT_OUT.match(m.filename.lower()) and m.filename.lower() in _known(by_name)]
    names = [member.filename for member in kept if member.filename.lower() != packages.TYPES.lower()]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as fresh:
        _write(fresh, packages.TYPES, types.part(names))
        for member in kept:
            if member.filename.lower() == packages.TYPES.lower():
                continue
            _write(fresh, member.filename, _clean_part(member.filename, packages.read_member(file, member), types))
    return written.getvalue()


def _known(by_name: dict[str, zipfile.ZipInfo]) -> set[str]:
    """The parts that are kept; raises Refusal for one whose content nobody here can look through."""
    known = set()
    for name in by_name:
        if _LEFT_OUT.match(name):
            continue
        if not name.endswith((*_XML, *_PICTURES, *_FONTS, ".gif", ".bmp")):
            raise Refusal(_unknown(name))
        source = re.sub(r"(^|/)_rels/([^/]+)\.rels$", r"\1\2", name)
        if source == name or source in by_name or name == "_rels/.rels":
            known.add(name)  # a part, or the relations of one that is there
    return {name for name in known if not _LEFT_OUT.match(re.sub(r"_rels/", "", name))}


def _check_kind(types: packages.Types, root: bytes, format: str) -> None:
    """The main part has to be of the plain kind that the suffix promises, whatever it is called."""
    main = [line for line in packages.relations(root) if line.type.endswith("/officeDocument")]
    if len(main) != 1 or main[0].external:
        raise Refusal(_ODD)
    kind = types.of_part(main[0].part("_rels/.rels"))
    if "macroenabled" in kind.lower():
        raise Refusal(_active("vbaproject"))
    if kind != _MAIN[format]:
        other = next((name for name, wanted in _MAIN.items() if wanted == kind), "")
        is_other = (
            f"其实是 .{other} 文件，请把扩展名改为 .{other}"
            if other
            else f"不是有效的 .{format} 文件，请另存为 .{format}"
        )
        raise Refusal(f"{is_other} 后再上传。")


def _write(fresh: zipfile.ZipFile, name: str, data: bytes) -> None:
    member = zipfile.ZipInfo(name)  # of 1 January 1980: when and on what system it was packed is nobody's business
    member.create_system = 0
    member.compress_type = zipfile.ZIP_DEFLATED if name.lower().endswith(_XML) else zipfile.ZIP_STORED
    fresh.writestr(member, data)


def _clean_part(name: str, data: bytes, types: packages.Types) -> bytes:
    lower = name.lower()
    if lower.endswith(".rels"):
        return packages.rels_part(_clean_relations(name, data))
    if lower.endswith(_XML):
        return _clean_xml(lower, data)
    if lower.endswith((*_PICTURES, ".gif", ".bmp")):
        try:
            return _clean_picture(data)
        except Refusal as refusal:
            raise Refusal(f"中的一张图片（{os.path.basename(name)}）{refusal}") from None
    return data


def _clean_relations(name: str, data: bytes) -> list[packages.Relation]:
    kept = []
    for line in packages.relations(data):
        if line.type.endswith(_ACTIVE_RELATIONS):
            raise Refusal(_active(line.type.lower()))
        if line.points_outside:
            raise Refusal(
                "引用了文件之外的内容（链接的图片、模板或数据），打开时会去读取它。"
                "请断开链接（Word：“文件—信息—编辑指向文件的链接”），或另存为 PDF 后再上传。"
            )
        if line.external or line.target.startswith("#") or not _LEFT_OUT.match(line.part(name).lower()):
            kept.append(line)
    return kept


def _clean_picture(data: bytes) -> bytes:
    if data.startswith((b"GIF8", b"BM")):
        return _redrawn(data)
    kind_of(data)
    return bare(data)


def _redrawn(data: bytes) -> bytes:
    """A GIF or BMP from its pixels alone; of a moving one the first frame."""
    kind = "GIF" if data.startswith(b"GIF8") else "BMP"
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            if image.width * image.height > 25_000_000:
                raise Refusal("过大。请在文档中把它换成较小的 JPEG 后再上传。")
            image.load()
            see_through = image.info.get("transparency")
            fresh = Image.new(image.mode, image.size)
            if image.palette is not None:
                fresh.putpalette(image.palette)
            fresh.paste(image)
        written = io.BytesIO()
        fresh.save(written, kind, **({} if see_through is None or kind == "BMP" else {"transparency": see_through}))
    except Refusal:
        raise
    except Exception:  # a decoder fed by strangers may raise anything at all
        raise Refusal("已损坏。请在文档中删去或换掉它，再上传。") from None
    return written.getvalue()


# XML parts

_ENCODING = re.compile(rb"""^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']+)["']""")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_INSTRUCTION = re.compile(rb"<\?(?!xml[\s?]).*?\?>", re.DOTALL)
_WRITERS: tuple[tuple[bytes, re.Pattern[bytes], bytes], ...] = (
    # who inserted, deleted or commented, and when: the mark stays, the person goes
    (b":author=", re.compile(rb"""(\s[\w.-]+:(?:author|initials|userId|providerId)=)(?:"[^"]*"|'[^']*')"""), rb'\1""'),
    (b":docVars", re.compile(rb"<([\w.-]+):docVars\b(?:[^>]*/>|.*?</\1:docVars>)", re.DOTALL), b""),
    (b"author>", re.compile(rb"<((?:[\w.-]+:)?author)>[^<]*</\1>"), rb"<\1></\1>"),
    (b"absPath", re.compile(rb"<([\w.-]+:)absPath\b[^>]*?(?:/>|>\s*</\1absPath>)"), b""),
    (b"fileSharing", re.compile(rb"<((?:[\w.-]+:)?)fileSharing\b[^>]*?(?:/>|>\s*</\1fileSharing>)"), b""),
    (b"pageSetup", re.compile(rb"""(<(?:[\w.-]+:)?pageSetup\b[^>]*?)\s[\w.-]+:id=(?:"[^"]*"|'[^']*')"""), rb"\1"),
    (b"customPr", re.compile(rb"<((?:[\w.-]+:)?)customProperties\b.*?</\1customProperties>", re.DOTALL), b""),
)


def _clean_xml(name: str, data: bytes) -> bytes:
    """The part without what was written beside the text; raises Refusal for a field that fetches something."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:200]:
        raise Refusal(_ODD)
    encoding = _ENCODING.match(data)
    if encoding and encoding[1].lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
        raise Refusal(_ODD)
    if name.endswith(".vml"):  # written by Office itself, yet not always XML: looked at up to its first element
        if packages.has_doctype([data]):
            raise Refusal(_ODD)
        return _COMMENT.sub(b"", data)
    _Reader().read(data)
    if b"<![CDATA[" not in data:
        if b"<!--" in data:
            data = _COMMENT.sub(b"", data)
        data = _INSTRUCTION.sub(b"", data)
    for sign, found, instead in _WRITERS:
        if sign in data:
            data = found.sub(instead, data)
    return data


class _Reader:
    """Reads a part from end to end: well-formed, no document type, no field that would fetch or run something."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = None
        self.fields: list[str] = []
        self.instruction: list[str] = []

    def read(self, data: bytes) -> None:
        self.parser.Parse(data, True)
        self._end_field()

    def _refuse(self, *_: object) -> None:
        raise Refusal(_ODD)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local == "instrText":
            self.parser.CharacterDataHandler = self.instruction.append
            self.parser.EndElementHandler = self._stop_text
        elif local == "fldChar":
            self._end_field()
        elif local == "fldSimple":
            _check_field(next((value for key, value in attributes.items() if key.endswith("instr")), ""))
        elif local in ("oleObject", "OLEObject", "control", "altChunk", "ddeLink", "oleLink"):
            raise Refusal(_active(local.lower()))

    def _stop_text(self, name: str) -> None:
        self.parser.CharacterDataHandler = None
        self.parser.EndElementHandler = None

    def _end_field(self) -> None:
        # A field's text may be cut into any number of pieces; it begins and ends with a fldChar.
        _check_field("".join(self.instruction))
        self.instruction.clear()


def _check_field(instruction: str) -> None:
    words = instruction.split(None, 1)
    if words and words[0].upper().strip("\"'") in _ACTIVE_FIELDS:
        raise Refusal(
            f"含有会读取其他文件或程序的域（{words[0].upper()[:20]}）。"
            "请在 Word 中全选后按 Ctrl+Shift+F9 把域变成文字，或另存为 PDF 后再上传。"
        )


def _active(name: str) -> str:
    if "vba" in name or "macro" in name or "customui" in name or "extensibility" in name:
        return "带有宏。请另存为不带宏的 .docx 或 .xlsx（不要选“启用宏”的格式）后再上传。"
    if "template" in name:
        return "附加了外部模板，打开时会去读取它。请把正文复制到新建的空白文档中，另存后再上传，或另存为 PDF。"
    if "external" in name or "connection" in name or "querytable" in name or "dde" in name or "olelink" in name:
        return "引用了其他工作簿或外部数据。请在“数据—编辑链接”中断开链接，或“粘贴为数值”到新工作簿后再上传。"
    return "中嵌入了其他文件、图表数据或控件。请删去它，或把它粘贴为图片，另存后再上传；也可另存为 PDF。"


def _unknown(name: str) -> str:
    if name.endswith((".emf", ".wmf", ".emz", ".wmz", ".svg", ".tif", ".tiff", ".eps", ".wdp")):
        suffix = name.rpartition(".")[2].upper()
        cure = "请在文档中右键把它“另存为图片”成 PNG 后重新插入，或另存为 PDF 再上传。"
        return f"中有 {suffix} 格式的图片，无法检查。{cure}"
    if name.endswith((".mp3", ".mp4", ".wav", ".avi", ".wmv", ".mov", ".m4a")):
        return "中嵌入了音频或视频。请删去它，另存后再上传。"
    return f"中有无法检查的部件（{os.path.basename(name)[:40]}）。{_AS_PDF}"


# The warm child


def serve() -> None:
    """Be the child that cleans documents."""
    Image.preinit()
    children.serve(_work)


def _work(data: bytes, shown: str) -> children.Answer:
    try:
        document = clean_document(data, shown)
    except DocumentRefused as refusal:
        return {"refused": str(refusal)}, []
    return {"format": document.format}, [document.data]


_child = children.WarmChild(__name__)
atexit.register(_child.stop)
os.register_at_fork(after_in_child=_child.forget)
