"""Rosters as strangers and tired clerks could send them, made here from nothing, each with the fate that it must meet.

The cases are numbered x01 to x30; a letter tells variants apart. Some are no files but things done with one: those
give the file, and the tests do the rest. `python -m tests.branches.hostile_xlsx FOLDER` writes them all into a folder.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

REFUSED, ROWS_REFUSED, ASKED, READ = "refused", "rows refused", "asked which column is what", "read"
HEADER = ("工号", "姓名", "所在党支部", "所在党小组", "入党日期", "转正日期", "行政职务")
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
MACRO_TYPE = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"


@dataclass(frozen=True)
class Case:
    """A file, its name, what must become of it, and words to be said of it (at the field or in the preview)."""

    id: str
    name: str
    fate: str
    says: tuple[str, ...]
    make: Callable[[], bytes]


CASES: list[Case] = []


def case(
    id: str, fate: str, *says: str, name: str = "名册.xlsx"
) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def register(make: Callable[[], bytes]) -> Callable[[], bytes]:
        CASES.append(Case(id, name, fate, says, make))
        return make

    return register


# ------------------------------------------------------------------------------------------ a workbook, part by part


@dataclass(frozen=True)
class Raw:
    """A cell given as XML: attributes of `<c>` and what stands in it."""

    attributes: str
    inside: str


def formula(text: str, cached: str) -> Raw:
    return Raw('t="str"', f"<f>{escape(text)}</f><v>{escape(cached)}</v>")


def styled(number: str, style: int) -> Raw:
    """A number with a format: 1 is a date, 2 eight digits with leading zeros, 3 general."""
    return Raw(f's="{style}"', f"<v>{number}</v>")


def cell(value: object) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, Raw):
        return f"<c {value.attributes}>{value.inside}</c>"
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def row_xml(values: Iterable[object], attributes: str = "") -> str:
    return f"<row {attributes}>{''.join(map(cell, values))}</row>"


def sheet_xml(rows: str, *, before: str = "", after: str = "", prolog: str = "") -> str:
    return f"{prolog}<worksheet {MAIN}>{before}<sheetData>{rows}</sheetData>{after}</worksheet>"


STYLES = (
    f'<styleSheet {MAIN}><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="00000000"/></numFmts>'
    '<fonts><font/></fonts><fills><fill><patternFill patternType="none"/></fill></fills><borders><border/></borders>'
    "<cellStyleXfs><xf/></cellStyleXfs>"
    '<cellXfs><xf/><xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/><xf/></cellXfs>'
    "</styleSheet>"
)


def package(
    sheets: Sequence[tuple[str, str, str]], parts: Mapping[str, str | bytes] | None = None, *,
    main: str = SHEET_TYPE, properties: str = "", links: str = "",
) -> bytes:  # fmt: skip
    """A workbook of sheets (name, state, XML) and further parts; a part given replaces the one of the same name."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" state="{state}" r:id="r{n}"/>'
        for n, (name, state, _) in zip(numbers, sheets, strict=True)
    )
    relations = "".join(f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
                        for n in numbers)  # fmt: skip
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for n in numbers
    )
    contents: dict[str, str | bytes] = {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{main}"/>'
            '<Override PartName="/xl/styles.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>'
            f"{overrides}</Types>"
        ),
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{OFFICE}">{properties}<sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{relations}{links}'
        f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
        **{f"xl/worksheets/sheet{n}.xml": xml for n, (_, _, xml) in zip(numbers, sheets, strict=True)},
        **(parts or {}),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return target.getvalue()


PERSON = ("z9", "林溪", "教务处党支部", None, "2010-07-01", "2011-07-01", "科员")


def person(**values: object) -> tuple[object, ...]:
    """A newcomer's row with some cells otherwise, named by heading."""
    return tuple({**dict(zip(HEADER, PERSON, strict=True)), **values}.values())


def roster(
    *rows: Iterable[object], header: Iterable[object] = HEADER, before: str = "", after: str = "",
    parts: Mapping[str, str | bytes] | None = None, properties: str = "",
) -> bytes:  # fmt: skip
    """A sound roster of these rows, one newcomer where none is given."""
    xml = row_xml(header) + "".join(map(row_xml, rows or (PERSON,)))
    return package([("名册", "visible", sheet_xml(xml, before=before, after=after))], parts, properties=properties)


def with_sheet(xml: str) -> bytes:
    return package([("名册", "visible", xml)])


# --------------------------------------------------------------------------------- bombs, and what is not a workbook


@case("x01", REFUSED, "DTD", "新建一个空白工作簿")
def billion_laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    prolog = f'<?xml version="1.0"?><!DOCTYPE worksheet [<!ENTITY l0 "ha">{entities}]>'
    rows = row_xml(HEADER) + row_xml((Raw('t="inlineStr"', "<is><t>&l9;</t></is>"),))
    return with_sheet(sheet_xml(rows, prolog=prolog))


@case("x02", REFUSED, "DTD")
def external_entity() -> bytes:
    prolog = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    return with_sheet(sheet_xml(row_xml((Raw('t="inlineStr"', "<is><t>&f;</t></is>"),)), prolog=prolog))


@case("x02b", REFUSED, "DTD")
def external_entity_in_utf_16_beside_a_sound_sheet() -> bytes:
    prolog = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    return roster(parts={"xl/styles.xml": f"{prolog}<styleSheet {MAIN}>&f;</styleSheet>".encode("utf-16")})


@case("x03", REFUSED, "展开后过大")
def padding_of_200_megabytes() -> bytes:
    return roster(parts={"xl/media/padding.bin": bytes(200 * 2**20)})


@case("x04", REFUSED, "超过 5,000 行")
def one_cell_in_the_last_corner() -> bytes:
    return with_sheet(sheet_xml('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'))


@case("x04b", REFUSED, "超过 5,000 行")
def a_roster_and_one_cell_in_the_last_row() -> bytes:
    rows = row_xml(HEADER) + row_xml(PERSON) + '<row r="1048576"><c r="A1048576"><v>1</v></c></row>'
    return with_sheet(sheet_xml(rows))


@case("x05", READ, "林溪")
def a_dimension_that_lies() -> bytes:
    return roster(before='<dimension ref="A1:A1"/>')


@case("x06", REFUSED, "超过 5,000 行", "分成几个文件")
def three_hundred_thousand_rows() -> bytes:
    # Numbers of no pattern, so that the file is refused for its rows and not for compressing too well.
    rows = "".join(f"<row><c><v>{n * 7919 % 999983}{n}</v></c></row>" for n in range(300_000))
    return with_sheet(sheet_xml(row_xml(HEADER) + rows))


@case("x07", READ, "林溪")
def a_vast_merged_range() -> bytes:
    return roster(after='<mergeCells count="1"><mergeCell ref="A5:ZZ2000"/></mergeCells>')


@case("x08", REFUSED, "空白")
def a_million_empty_cells() -> bytes:
    row = '<c s="1"/>' * 1_000
    return with_sheet(sheet_xml(f"<row>{row}</row>" * 1_000))


@case("x08b", REFUSED, "最多 60 列")
def a_thousand_empty_columns() -> bytes:
    return with_sheet(sheet_xml(row_xml(HEADER) + "<row>" + '<c s="1"/>' * 1_000 + "</row>"))


@case("x09", REFUSED, "旧版 .xls", "另存为", name="名册.xls")
def old_workbook() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_096)


@case("x10", REFUSED, ".xlsb", "另存为", name="名册.xlsb")
def binary_workbook() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.bin", "x")
    return target.getvalue()


@case("x11", REFUSED, "带有宏", "另存为", name="名册.xlsm")
def with_macros() -> bytes:
    xml = sheet_xml(row_xml(HEADER) + row_xml(PERSON))
    return package([("名册", "visible", xml)], {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"}, main=MACRO_TYPE)


@case("x11b", REFUSED, "带有宏")
def macros_under_an_innocent_type() -> bytes:
    return roster(parts={"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"})


@case("x12", REFUSED, "不是 Excel 工作簿", "另存为")
def a_csv_renamed() -> bytes:
    return "工号,姓名,党支部\nz9,林溪,教务处党支部\n".encode("gb18030")


@case("x13", ROWS_REFUSED, "单元格是公式", "选择性粘贴")
def a_link_as_a_formula() -> bytes:
    return roster(person(姓名=formula('HYPERLINK("http://example.invalid/","林溪")', "林溪")))


@case("x13b", ROWS_REFUSED, "单元格是公式", "选择性粘贴")
def a_command_as_a_formula_with_a_sound_cached_value() -> bytes:
    return roster(person(工号=formula("cmd|' /C calc'!A0", "z9")))


@case("x13c", ROWS_REFUSED, "单元格是公式")
def shared_and_array_formulas() -> bytes:
    shared = Raw('t="str"', '<f t="shared" si="9"/><v>z9</v>')
    array = Raw('t="str"', '<f t="array" ref="B2">CONCAT("林","溪")</f><v>林溪</v>')
    return roster(person(工号=shared, 姓名=array))


@case("x14", REFUSED, "断开链接")
def a_link_to_another_workbook() -> bytes:
    return roster(parts={"xl/externalLinks/externalLink1.xml": f"<externalLink {MAIN}/>"})


@case("x14b", REFUSED, "断开链接")
def a_picture_from_outside() -> bytes:
    relation = f'<Relationship Id="r9" Type="{OFFICE}/image" Target="http://example.invalid/" TargetMode="External"/>'
    relations = f'<Relationships xmlns="{PACKAGE}">{relation}</Relationships>'
    return roster(parts={"xl/worksheets/_rels/sheet1.xml.rels": relations})


# --------------------------------------------------------------------------------------------- what Excel has changed


@case("x15", ROWS_REFUSED, "过长的数字", "设为“文本”格式")
def an_id_number_as_a_number() -> bytes:
    return roster(person(工号=Raw("", "<v>110105194912310000</v>")))


@case("x15b", ROWS_REFUSED, "过长的数字", "设为“文本”格式")
def an_id_number_in_scientific_writing() -> bytes:
    return roster(person(工号=Raw("", "<v>1.1010519491231E+17</v>")))


@case("x15c", ROWS_REFUSED, "被Excel当作数字，后几位已经丢失", "设为“文本”格式")
def an_id_number_in_its_own_column() -> bytes:
    return roster((*PERSON, Raw("", "<v>110105194912310000</v>")), header=(*HEADER, "身份证号"))


@case("x16", ROWS_REFUSED, "去掉了前面的0", "设为“文本”格式")
def a_staff_number_that_lost_its_zeros() -> bytes:
    return roster(person(), person(工号="00180002", 姓名="林北"), person(工号=180003, 姓名="林南"))


@case("x16b", ROWS_REFUSED, "去掉了前面的0", "设为“文本”格式")
def a_staff_number_shorter_than_all_others() -> bytes:
    return roster(*(person(工号=f"201800{n:02d}") for n in range(60)), person(工号=180001))


@case("x16c", READ, "00180003")
def a_staff_number_shown_with_zeros() -> bytes:
    return roster(person(工号="00180002", 姓名="林北"), person(工号=styled("180003", 2), 姓名="林南"))


@case("x17", READ, "陈静", "科研处党支部")
def invisible_and_full_width_characters() -> bytes:
    header = ("\ufeff工\u00a0号", "姓\u200b名", "所在党支部", "入党日期")
    return roster(("１８\u200b００１\u00a0", "\ufeff陈　静", "科研处党支部", "２０１０．７．１"), header=header)


@case("x18", ROWS_REFUSED, "第2、3行重复出现", "只留一行")
def one_number_twice_when_normalised() -> bytes:
    return roster(person(), person(工号="Ｚ\u200b ９", 姓名="林西"))


@case("x19", READ, "2018-06-01", "2018-06-02", "2018-06-03", "2018-06-04", "2018-06-05", "2018-06-06", "2018-06-07")
def dates_in_seven_spellings() -> bytes:
    days = (
        "2018.6.1", "2018年6月2日", "2018-06-03", "2018/6/4", "20180605", styled("43257", 1), Raw("", "<v>43258</v>"),
    )  # fmt: skip
    return roster(*(person(工号=f"z{n}", 入党日期=day, 转正日期=None) for n, day in enumerate(days, 11)))


@case("x19b", READ, "2018-06-01", "2018-06-02")
def dates_counted_from_1904() -> bytes:
    return roster(
        person(工号="z11", 入党日期=styled("41790", 1), 转正日期=None),
        person(工号="z12", 入党日期=Raw("", "<v>41791</v>"), 转正日期=None),
        properties='<workbookPr date1904="1"/>',
    )


@case("x19c", ROWS_REFUSED, "没有“2019-02-29”这一天")
def a_day_there_never_was() -> bytes:
    return roster(person(入党日期="2019-02-29"))


@case("x19d", ROWS_REFUSED, "不是完整的日期")
def a_serial_typed_as_text_where_days_count_from_1904() -> bytes:
    return roster(person(入党日期="41790"), properties='<workbookPr date1904="1"/>')


# ----------------------------------------------------------------------------------------------- what one may not see


@case("x20", READ, "是隐藏的", "林溪")
def a_hidden_sheet() -> bytes:
    hidden = sheet_xml(row_xml(HEADER) + row_xml(PERSON))
    return package([("空表", "visible", sheet_xml("")), ("名册", "hidden", hidden)])


@case("x20b", READ, "第3行", "隐藏", "林北")
def a_hidden_row() -> bytes:
    rows = row_xml(HEADER) + row_xml(PERSON) + row_xml(person(工号="z8", 姓名="林北"), 'hidden="1"')
    return with_sheet(sheet_xml(rows))


@case("x20c", READ, "隐藏", "行政职务")
def a_hidden_column() -> bytes:
    return roster(before='<cols><col min="6" max="7" width="9" hidden="1"/></cols>')


@case("x20d", READ, "没有读取：备用")
def a_second_sheet() -> bytes:
    xml = sheet_xml(row_xml(HEADER) + row_xml(PERSON))
    return package([("名册", "visible", xml), ("备用", "veryHidden", sheet_xml(row_xml(("z8", "林北"))))])


@case("x21", READ, "林溪", "不读入：政治面貌备注")
def columns_in_another_order_with_one_unknown() -> bytes:
    order = [6, 4, 2, 1, 0, 5, 3]
    return roster((*(PERSON[n] for n in order), "x"), header=(*(HEADER[n] for n in order), "政治面貌备注"))


@case("x21b", ASKED, "缺少“所在党支部”列", "读到的列是：工号、姓名")
def a_column_missing() -> bytes:
    return roster(("z9", "林溪"), header=("工号", "姓名"))


@case("x21c", ASKED, "“工号”和“教工号”2列都像工号")
def a_column_twice() -> bytes:
    return roster((*PERSON, "z8"), header=(*HEADER, "教工号"))


@case("x22", ROWS_REFUSED, "有 1 行读不懂", "整个文件都没有写入", "没有“2019-02-29”这一天")
def one_bad_row_in_five_hundred() -> bytes:
    return roster(*(person(工号=f"z{n:04d}", 入党日期="2019-02-29" if n == 250 else "2010-07-01") for n in range(500)))


@case("x23", READ, "林溪")
def a_file_that_comes_twice() -> bytes:
    return roster(person(), ("18004", "李强", "科研处党支部", "第一党小组", None, None, "副科长"))


@case("x24", ROWS_REFUSED, "没有名为“外国语学院第一党支部”的支部", "现有支部")
def a_file_of_another_committee() -> bytes:
    return roster(person(所在党支部="外国语学院第一党支部"), person(工号="z8", 所在党支部="外国语学院第一党支部"))


@case("x25", READ, "=1+1", "+86", "-无-", "@SUM(A1)")
def texts_that_begin_like_formulas() -> bytes:
    titles = ("=1+1", "+86", "-无-", "@SUM(A1)")
    return roster(*(person(工号=f"z{n}", 行政职务=title) for n, title in enumerate(titles, 11)))


@case("x26", REFUSED, "40,000 个字", "32,767")
def a_cell_of_forty_thousand_characters() -> bytes:
    return roster(person(行政职务="学" * 40_000))


@case("x26b", ROWS_REFUSED, "有3000个字，最多60个字", "缩短")
def a_job_title_of_three_thousand_characters() -> bytes:
    return roster(person(行政职务="学" * 3_000))


@case("x27", ROWS_REFUSED, "控制字符", "手工重新输入")
def control_characters_as_excel_writes_them() -> bytes:
    return roster(
        person(姓名="林_x0000_溪"), person(工号="z8_x0007_", 姓名="林北"), person(工号="z7", 行政职务="_x001B_[2J")
    )


@case("x27b", REFUSED, "已损坏")
def a_nul_in_the_xml() -> bytes:
    return with_sheet(sheet_xml(row_xml(HEADER) + "<row><c><v>1\0</v></c></row>"))


@case("x28", ROWS_REFUSED, "不是完整的日期", "单元格是错误值", "核对后重新填写")
def numbers_out_of_all_bounds() -> bytes:
    return roster(
        person(工号="z11", 入党日期=-43282), person(工号="z12", 入党日期=Raw("", "<v>1e309</v>")),
        person(工号="z13", 入党日期="NaN"), person(工号="5分"), person(工号=-5), person(工号="z14", 入党日期="5分"),
        person(工号="z15", 入党日期=10**14),
    )  # fmt: skip


@case("x28b", REFUSED, "已损坏")
def a_number_that_is_none() -> bytes:
    return roster(person(入党日期=Raw("", "<v>NaN</v>")))


@case("x29", READ, "新增")
def five_hundred_newcomers_to_be_killed_among() -> bytes:
    return roster(*(person(工号=f"z{n:04d}") for n in range(500)))


@case("x30", READ, "林溪")
def a_file_that_comes_while_another_is_looked_at() -> bytes:
    return roster(person(行政职务="科长"))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for one in CASES:
        (folder / f"{one.id}-{one.make.__name__}{Path(one.name).suffix}").write_bytes(one.make())
