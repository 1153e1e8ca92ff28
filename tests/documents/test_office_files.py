"""Documents: hostile files end as the table says, good ones are taken, and nothing but their pages survives."""

import contextlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import docx
import openpyxl
import pikepdf
import pytest

from documents.office_files import CleanDocument, DocumentRefused, clean_document, clean_document_in_child
from tests.documents import hostile_documents as hostile
from tests.documents.meter import Meter, meter


def everything_in(data: bytes) -> Iterator[bytes]:
    """The file's bytes, and what they unfold to: members, compressed streams, strings in either encoding."""
    yield data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                yield member.filename.encode() + member.comment + member.extra
                yield from everything_in(archive.read(member))
    for stream in re.finditer(rb"stream\r?\n", data):
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(data[stream.end() :])


def assert_nothing_planted(data: bytes) -> None:
    for part in everything_in(data):
        assert hostile.PLANTED not in part
        assert hostile.SECRET.encode("utf-16-be") not in part
        assert b"<xmpmeta" not in part and b"x:xmpmeta" not in part and b"Exif\0\0" not in part


def test_the_corpus_holds_every_row_of_the_table() -> None:
    ids = [case.id for case in hostile.CASES]
    assert len(set(ids)) == len(ids)
    assert {f"d{n:02}" for n in [*range(1, 18), *range(20, 28), 30, 31]} <= set(ids)


@pytest.fixture(scope="module")
def measured() -> Iterator[Meter]:
    with meter() as running:
        yield running


@pytest.mark.parametrize("case", hostile.CASES, ids=lambda case: case.id)
def test_each_file_meets_its_fate_within_150_megabytes(case: hostile.Case, measured: Meter) -> None:
    told = measured(case.make(), case.name, "document")
    assert told.kilobytes <= 150_000
    if case.fate == hostile.ACCEPTED:
        (data,) = told.bodies
        assert_nothing_planted(data)
        format = case.name.rpartition(".")[2].lower()
        assert clean_document(data, case.name) == CleanDocument.of(data, format)  # once clean, always the same
        return
    assert told.refused.startswith(f"“{case.name}”") and case.says in told.refused
    assert "请" in told.refused and "操作失败" not in told.refused


@pytest.mark.parametrize("id", ["d30", "d31", "d32"])
def test_the_good_ones_tell_much_before_and_nothing_after(id: str) -> None:
    """A control: what is looked for afterwards is found before."""
    with pytest.raises(AssertionError):
        assert_nothing_planted(hostile.named(id).make())


def test_the_pages_stay_what_they_were() -> None:
    paper = docx.Document(io.BytesIO(clean_document(hostile.good_docx(), "a.docx").data))
    assert [p.text for p in paper.paragraphs[:2]] == ["《梁家河》学习材料", "七月集体学习：读书、讨论、交流体会。"]
    assert paper.tables[0].cell(1, 1).text == "甲" and len(paper.inline_shapes) == 2
    assert next(iter(paper.comments)).text == "请核对。"
    book = openpyxl.load_workbook(io.BytesIO(clean_document(hostile.good_xlsx(), "a.xlsx").data))
    assert [[cell.value for cell in row] for row in book.active] == [
        ["姓名", "学时"],
        ["甲", 2],
        ["合计", "=SUM(B2:B2)"],
    ]
    assert book.active["A2"].comment.text == "补学"
    with pikepdf.open(io.BytesIO(clean_document(hostile.good_pdf(), "a.pdf").data)) as pdf:
        assert len(pdf.pages) == 2
        assert pdf.pages[0].Resources.XObject.Im0.read_raw_bytes().startswith(b"\xff\xd8\xff")
        assert not pdf.docinfo and "/Metadata" not in pdf.Root


def test_the_child_answers_as_the_process_itself_would() -> None:
    for id in ("d30", "d31", "d32"):
        case = hostile.named(id)
        assert clean_document_in_child(case.make(), case.name) == clean_document(case.make(), case.name)
    for id in ("d02", "d20b", "d29", "d29b"):
        case = hostile.named(id)
        with pytest.raises(DocumentRefused) as here:
            clean_document(case.make(), case.name)
        with pytest.raises(DocumentRefused) as there:
            clean_document_in_child(case.make(), case.name)
        assert str(here.value) == str(there.value)


def test_a_document_that_takes_too_long_is_refused_and_the_next_one_is_taken() -> None:
    with pytest.raises(DocumentRefused, match="处理不了"):
        clean_document_in_child(hostile.good_pdf(), "慢.pdf", seconds=0.0001)
    assert clean_document_in_child(hostile.good_pdf(), "快.pdf").format == "pdf"


def test_the_digest_is_that_of_the_bytes_kept() -> None:
    document = clean_document(hostile.good_docx(), "a.docx")
    assert document == CleanDocument.of(document.data, "docx")
