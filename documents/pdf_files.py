"""PDF written anew from its pages: what acts, what is attached and what tells about its writer stays behind.

qpdf (by pikepdf) reads the file, so that names are un-escaped and objects hidden in compressed streams are seen; only
what a page needs is written again. Source: ISO 32000-1, chapters 7.5, 12.6 and 14.3.
"""

import io
import re
import zlib
from typing import Any

import pikepdf

from documents.containers import Refusal, bare

MAX_PAGES = 500
MAX_OBJECTS = 200_000
MAX_DEPTH = 100  # of direct objects in each other

_PRINT = "请用“打印—另存为 PDF”重新生成一份，再上传。"
_DAMAGED = f"已损坏或没有传全，无法读取。{_PRINT}"
_ENCRYPTED = "设有密码或使用限制。请去掉密码（“打印—另存为 PDF”）后再上传。"
_ACTIVE = f"含有脚本、附件、表单程序或会自动执行的动作。{_PRINT}"

_END = re.compile(rb"startxref\s+[0-9]+\s+%%EOF\s*$")
_TAIL = 1_024  # bytes in which readers look for the end

_ACTIVE_KEYS = {"/JS", "/JavaScript", "/AA", "/EF", "/EmbeddedFiles", "/XFA", "/RichMediaContent", "/RichMediaSettings",
                "/Launch"}  # fmt: skip
_ACTIVE_NAMES = {
    "/S": {"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/GoToE", "/GoToR", "/Rendition", "/Movie", "/Sound",
           "/RichMediaExecute", "/GoTo3DView"},
    "/Subtype": {"/RichMedia", "/Movie", "/Sound", "/Screen", "/3D", "/FileAttachment"},
    "/Type": {"/EmbeddedFile"},
}  # fmt: skip
_LEFT_OUT = ("/Metadata", "/PieceInfo", "/LastModified", "/SpiderInfo", "/AF", "/Collection")
_MARKS = {"/Text", "/FreeText", "/Highlight", "/Underline", "/Squiggly", "/StrikeOut", "/Stamp", "/Ink", "/Line",
          "/Square", "/Circle", "/Polygon", "/PolyLine", "/Caret", "/Popup", "/Redact"}  # fmt: skip


def rewritten(data: bytes) -> bytes:
    """Return the PDF written anew; raises Refusal for one that is encrypted, damaged, too long or does something."""
    if not data.startswith(b"%PDF-") or not _END.search(data[-_TAIL:].rstrip(b"\0")):
        raise Refusal(_DAMAGED)
    try:
        with pikepdf.open(io.BytesIO(data)) as pdf:
            return _rewritten(pdf)
    except pikepdf.PasswordError:
        raise Refusal(_ENCRYPTED) from None
    except Refusal:
        raise
    except (pikepdf.PdfError, pikepdf.DataDecodingError, zlib.error, RuntimeError, ValueError, TypeError, KeyError,
            IndexError, OverflowError):  # fmt: skip
        raise Refusal(_DAMAGED) from None


def _rewritten(pdf: pikepdf.Pdf) -> bytes:
    if pdf.is_encrypted:
        raise Refusal(_ENCRYPTED)
    pages = len(pdf.pages)
    if not 1 <= pages <= MAX_PAGES:
        raise Refusal(f"有 {pages} 页，超过 {MAX_PAGES} 页的上限。请拆成几个文件后再上传。" if pages else _DAMAGED)
    if len(pdf.objects) > MAX_OBJECTS:
        raise Refusal(f"内部对象过多。{_PRINT}")
    for found in pdf.objects:
        _clean(found)
    for key in ("/Info", "/ID"):
        if key in pdf.trailer:
            del pdf.trailer[key]
    for key in ("/Perms", "/DSS", "/Legal"):
        if key in pdf.Root:
            del pdf.Root[key]
    written = io.BytesIO()
    pdf.save(
        written,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        compress_streams=True,
        deterministic_id=True,
        fix_metadata_version=False,
    )
    return written.getvalue()


def _clean(found: pikepdf.Object) -> None:
    """Look through one object and the direct ones in it; indirect ones come by themselves."""
    waiting: list[tuple[Any, int]] = [(found, 0)]
    while waiting:
        thing, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Refusal(_DAMAGED)
        if isinstance(thing, pikepdf.Stream):
            _clean_dictionary(thing)
            _clean_stream(thing)
            inside = [thing.get(key) for key in thing.keys()]  # noqa: SIM118 - a stream is not iterable
        elif isinstance(thing, pikepdf.Dictionary):
            _clean_dictionary(thing)
            inside = [thing.get(key) for key in thing.keys()]  # noqa: SIM118
        elif isinstance(thing, pikepdf.Array):
            inside = list(thing)
        else:
            continue
        waiting += [
            (part, depth + 1)
            for part in inside
            if isinstance(part, (pikepdf.Dictionary, pikepdf.Array)) and not part.is_indirect
        ]


def _clean_dictionary(found: Any) -> None:
    keys = set(found.keys())
    if keys & _ACTIVE_KEYS:
        raise Refusal(_ACTIVE)
    for key, forbidden in _ACTIVE_NAMES.items():
        if key in keys and isinstance(found.get(key), pikepdf.Name) and str(found.get(key)) in forbidden:
            raise Refusal(_ACTIVE)
    for key in keys:
        if key in _LEFT_OUT or key.startswith("/PTEX."):
            del found[key]
    if "/Subtype" in keys and str(found.get("/Subtype")) in _MARKS:  # who marked the page, and when
        for key in ("/T", "/M", "/CreationDate"):
            if key in keys:
                del found[key]
    value = found.get("/V")
    if isinstance(value, pikepdf.Dictionary) and ("/ByteRange" in value or value.get("/Type") == "/Sig"):
        # Written anew, no signature holds; its picture on the page stays.
        del found["/V"]


_JPX_KEPT = {b"jP  ", b"ftyp", b"jp2h", b"jp2c"}


def _clean_stream(found: pikepdf.Stream) -> None:
    """An image that is a file of its own has properties of its own."""
    kinds = found.get("/Filter")
    filters = [str(name) for name in kinds] if isinstance(kinds, pikepdf.Array) else [str(kinds)] if kinds else []
    if not filters or filters[-1] not in ("/DCTDecode", "/DCT", "/JPXDecode"):
        return
    data = found.read_raw_bytes()
    if filters[:-1] in (["/FlateDecode"], ["/Fl"]):
        inflater = zlib.decompressobj()
        data = inflater.decompress(data, 64 * 1024 * 1024)
        if inflater.unconsumed_tail:
            raise Refusal(_DAMAGED)
    elif filters[:-1]:
        raise Refusal(f"中的图片用了少见的编码方式，无法检查。{_PRINT}")
    parameters = found.get("/DecodeParms")
    if isinstance(parameters, pikepdf.Array):
        parameters = parameters[-1] if len(parameters) else None
    stripped = _bare_jpx(data) if filters[-1] == "/JPXDecode" else _bare_jpeg(data)
    keep = parameters if isinstance(parameters, pikepdf.Dictionary) else None
    found.write(stripped, filter=pikepdf.Name(filters[-1]), decode_parms=keep)


def _bare_jpeg(data: bytes) -> bytes:
    try:
        return bare(data)
    except Refusal:
        raise Refusal(f"中的一张图片已损坏或编码少见，无法检查。{_PRINT}") from None


def _bare_jpx(data: bytes) -> bytes:
    """JPEG 2000 with the boxes that hold the picture; a bare codestream has none."""
    if data.startswith(b"\xff\x4f\xff\x51"):
        return data
    kept, at = [], 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        size = size or len(data) - at
        if size < 8 or at + size > len(data):
            raise Refusal(f"中的一张图片已损坏，无法检查。{_PRINT}")
        if kind in _JPX_KEPT:
            kept.append(data[at : at + size])
        at += size
    return b"".join(kept)
