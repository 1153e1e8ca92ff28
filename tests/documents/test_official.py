"""Official documents: the layout of GB/T 9704-2012 as measured in the file itself."""

import datetime
import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from PIL import Image

from documents.official import (
    Attachment,
    Heading,
    Imprint,
    KeyValues,
    Official,
    PageBreak,
    Paragraph,
    Picture,
    Pictures,
    Signature,
    Table,
    build,
    chinese_date,
    title_lines,
)

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
DAY = datetime.date(2018, 7, 8)

# CT_PPrBase of ISO/IEC 29500: Word takes a paragraph whose properties stand in another order for damaged.
ORDER = """pStyle keepNext keepLines pageBreakBefore framePr widowControl numPr suppressLineNumbers pBdr shd tabs
suppressAutoHyphens kinsoku wordWrap overflowPunct topLinePunct autoSpaceDE autoSpaceDN bidi adjustRightInd snapToGrid
spacing ind contextualSpacing mirrorIndents suppressOverlap jc textDirection textAlignment textboxTightWrap outlineLvl
divId cnfStyle rPr sectPr pPrChange""".split()  # noqa: SIM905 - reads as it stands in the standard
TABLE_ORDER = """tblStyle tblpPr tblOverlap bidiVisual tblStyleRowBandSize tblStyleColBandSize tblW jc tblCellSpacing
tblInd tblBorders shd tblLayout tblCellMar tblLook""".split()  # noqa: SIM905
RUN_ORDER = """rStyle rFonts b bCs i iCs caps smallCaps strike dstrike outline shadow emboss imprint noProof snapToGrid
vanish webHidden color spacing w kern position sz szCs highlight u effect bdr shd fitText vertAlign rtl cs em
lang""".split()  # noqa: SIM905


def part(data: bytes, name: str = "word/document.xml") -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return fromstring(archive.read(name))


def style(data: bytes, name: str) -> Any:
    return next(s for s in part(data, "word/styles.xml").iter(f"{W}style") if s.find(f"{W}name").get(f"{W}val") == name)


def attribute(element: Any, path: str, name: str = "val") -> str | None:
    found = element.find("/".join(W + step for step in path.split("/")))
    return None if found is None else found.get(W + name)


def text(element: Any) -> str:
    return "".join(t.text or "" for t in element.iter(f"{W}t"))


def paragraphs(data: bytes) -> list[Any]:
    return list(part(data).iter(f"{W}p"))


def photo(width: int = 800, height: int = 600) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "darkred").save(buffer, "JPEG")
    return buffer.getvalue()


def study_plan() -> Official:
    rows = [
        [
            str(n),
            f"{n % 12 + 1}月",
            "集体学习",
            "学习党章第一章至第三章，联系岗位实际交流体会",
            "10月11日前",
            "欧阳晓红",
            "研讨会",
        ]
        for n in range(40)
    ]
    return Official(
        title="机关第三党支部2018年度“两学一做”学习教育学习计划",
        issuer="机关第三党支部",
        date=DAY,
        recipient="机关党委办公室",
        blocks=[
            Heading(1, "一、指导思想"),
            Paragraph("为推进“两学一做”学习教育常态化制度化，制定本计划。"),
            Heading(2, "（一）学习内容"),
            Heading(3, "1.学习篇目"),
            Heading(4, "（1）党章"),
            Table(["序号", "月份", "类别", "学习内容", "学习时限", "责任人", "学习方式"], rows),
        ],
        attachments=[
            Attachment("学习篇目清单"),
            Attachment("支部党员名单", [Table(["姓名", "职务"], [["张明", "支部书记"]])]),
        ],
    )


def filing_form() -> Official:
    return Official(
        title="党支部活动备案表",
        number="编号：2018-03-0012",
        blocks=[
            KeyValues(
                [
                    [("填报支部", "机关第三党支部"), ("填报人", "李强")],
                    ("活动名称", "主题党日暨7月集体学习"),
                    [("主持人", "张明"), ("记录人", "王芳"), ("责任人", "李强")],
                    [("应到", "12"), ("实到", "10"), ("请假", "2"), ("缺席", "0")],
                    ("固定动作\n完成情况", "重温入党誓词\n交纳党费"),
                ]
            ),
            Pictures([Picture(photo(), "重温入党誓词"), Picture(photo(), "讲党课"), Picture(photo(600, 800), "参观")]),
        ],
    )


def circular() -> Official:
    return Official(
        title="关于党支部工作督查情况的通报",
        issuer="中共××大学机关委员会文件",
        number="机关党字〔2018〕5号",
        date=DAY,
        recipient="各党支部：",
        blocks=[Paragraph("现将有关情况通报如下。"), PageBreak(), Picture(photo(1600, 900), "图1　督查现场")],
        red_head=True,
        sealed=True,
        imprint=Imprint("机关党委办公室", DAY, "校党委组织部，机关各部门"),
    )


DOCUMENTS = {"study_plan": study_plan, "filing_form": filing_form, "circular": circular}


def test_the_page_is_that_of_the_standard() -> None:
    section = part(build(study_plan())).find(f".//{W}sectPr")
    size, margins, grid = (section.find(W + name) for name in ("pgSz", "pgMar", "docGrid"))
    assert (size.get(f"{W}w"), size.get(f"{W}h")) == ("11906", "16838")
    assert {side: round(int(margins.get(W + side)) / 1440 * 25.4) for side in ("top", "bottom", "left", "right")} == {
        "top": 37,
        "bottom": 35,
        "left": 28,
        "right": 26,
    }
    assert (grid.get(f"{W}type"), grid.get(f"{W}linePitch")) == ("linesAndChars", "579")


def test_twenty_two_lines_of_twenty_eight_characters_fit() -> None:
    data = build(study_plan())
    margins = part(data).find(f".//{W}sectPr/{W}pgMar")
    normal = style(data, "Normal")
    line = int(attribute(normal, "pPr/spacing", "line") or 0)
    assert attribute(normal, "pPr/spacing", "lineRule") == "exact"
    height = 16838 - int(margins.get(f"{W}top")) - int(margins.get(f"{W}bottom"))
    assert 22 * line <= height < 23 * line
    character = 10 * int(attribute(normal, "rPr/sz") or 0) + int(attribute(normal, "rPr/spacing") or 0)
    width = 11906 - int(margins.get(f"{W}left")) - int(margins.get(f"{W}right"))
    assert 28 * character <= width < 29 * character


@pytest.mark.parametrize(
    ("name", "face", "half_points"),
    [
        ("Normal", "仿宋_GB2312", "32"),
        ("Title", "方正小标宋简体", "44"),
        ("heading 1", "黑体", "32"),
        ("heading 2", "楷体_GB2312", "32"),
        ("heading 3", "仿宋_GB2312", "32"),
        ("heading 4", "仿宋_GB2312", "32"),
        ("表格文字", "仿宋_GB2312", "24"),
        ("版记", "仿宋_GB2312", "28"),
    ],
)
def test_each_part_has_its_face_and_size(name: str, face: str, half_points: str) -> None:
    found = style(build(study_plan()), name)
    assert attribute(found, "rPr/rFonts", "eastAsia") == face
    assert attribute(found, "rPr/rFonts", "eastAsiaTheme") is None
    assert attribute(found, "rPr/sz") == half_points


def test_first_lines_are_indented_by_two_characters_and_titles_leave_the_grid() -> None:
    data = build(study_plan())
    for name in ("正文缩进", "heading 1", "heading 2", "heading 3", "heading 4"):
        assert attribute(style(data, name), "pPr/ind", "firstLineChars") == "200"
    assert attribute(style(data, "Title"), "pPr/snapToGrid") == "0"
    assert attribute(style(data, "Title"), "pPr/jc") == "center"


def test_page_numbers_stand_outside_on_odd_and_even_pages() -> None:
    data = build(study_plan())
    assert part(data, "word/settings.xml").find(f"{W}evenAndOddHeaders") is not None
    kinds = {r.get(f"{W}type") for r in part(data).iter(f"{W}footerReference")}
    assert kinds == {"default", "even"}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        feet = [fromstring(archive.read(n)) for n in archive.namelist() if re.match(r"word/footer\d\.xml", n)]
    found = {attribute(foot.find(f"{W}p"), "pPr/jc"): foot for foot in feet}
    assert set(found) == {"right", "left"}
    for side, foot in found.items():
        assert attribute(foot.find(f"{W}p"), "pPr/ind", f"{side}Chars") == "100"
        assert text(foot) == "— 1 —"
        assert "".join(i.text for i in foot.iter(f"{W}instrText")).strip() == "PAGE"
        assert {run.find(f"{W}rPr/{W}sz").get(f"{W}val") for run in foot.iter(f"{W}r")} == {"28"}


def test_a_table_repeats_its_header_and_keeps_its_rows_whole() -> None:
    rows = list(part(build(study_plan())).find(f".//{W}tbl").iter(f"{W}tr"))
    assert len(rows) == 41
    assert [row.find(f"{W}trPr/{W}tblHeader") is not None for row in rows] == [True] + [False] * 40
    assert all(row.find(f"{W}trPr/{W}cantSplit") is not None for row in rows)


def test_a_row_longer_than_a_page_may_break() -> None:
    rows = list(part(build(Official("表", blocks=[Table(["甲", "乙"], [["一", "学" * 3_000]])]))).iter(f"{W}tr"))
    assert [row.find(f"{W}trPr/{W}cantSplit") is not None for row in rows] == [True, False]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_tables_are_as_wide_as_the_text_and_their_rows_agree_with_the_grid(name: str) -> None:
    for table in part(build(DOCUMENTS[name]())).iter(f"{W}tbl"):
        grid = [int(column.get(f"{W}w")) for column in table.find(f"{W}tblGrid")]
        assert sum(grid) == pytest.approx(156 / 25.4 * 1440, abs=len(grid))
        for row in table.iter(f"{W}tr"):
            spans = [int(attribute(cell, "tcPr/gridSpan") or 1) for cell in row.iter(f"{W}tc")]
            assert sum(spans) == len(grid)
            widths = [int(attribute(cell, "tcPr/tcW", "w") or 0) for cell in row.iter(f"{W}tc")]
            assert sum(widths) == pytest.approx(sum(grid), abs=len(grid))


def test_names_and_dates_are_not_broken_while_a_long_column_can_give_way() -> None:
    table = part(build(study_plan())).find(f".//{W}tbl")
    widths = [int(column.get(f"{W}w")) / 20 for column in table.find(f"{W}tblGrid")]
    # 欧阳晓红 and 研讨会 at 12 pt, with the cell's margins of 1.9 mm on both sides.
    margins = 2 * 1.9 / 25.4 * 72
    assert widths[5] >= 4 * 12 + margins
    assert widths[6] >= 3 * 12 + margins
    assert widths[3] == max(widths)


def test_a_table_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="第 1 行有 1 格，应为 2 格"):
        build(Official("表", blocks=[Table(["甲", "乙"], [["一"]])]))


def test_given_widths_keep_their_proportions() -> None:
    table = part(build(Official("表", blocks=[Table(["甲", "乙"], [["一", "二"]], widths_mm=[1, 3])]))).find(
        f".//{W}tbl"
    )
    first, second = (int(column.get(f"{W}w")) for column in table.find(f"{W}tblGrid"))
    assert second / first == pytest.approx(3, rel=0.01)


def test_a_form_shows_every_label_and_value_once() -> None:
    table = part(build(filing_form())).find(f".//{W}tbl")
    rows = [[text(cell) for cell in row.iter(f"{W}tc")] for row in table.iter(f"{W}tr")]
    assert rows[0] == ["填报支部", "机关第三党支部", "填报人", "李强"]
    assert rows[1] == ["活动名称", "主题党日暨7月集体学习"]
    assert rows[3] == ["应到", "12", "实到", "10", "请假", "2", "缺席", "0"]
    assert rows[4] == ["固定动作完成情况", "重温入党誓词交纳党费"]


def test_a_long_label_of_a_form_breaks_between_its_words() -> None:
    labels = ["缺席人员及原因", "机关党委办公室意见", "支部书记审核"]
    table = part(build(Official("表", blocks=[KeyValues([(label, "有") for label in labels])]))).find(f".//{W}tbl")
    cells = [next(row.iter(f"{W}tc")) for row in table.iter(f"{W}tr")]
    assert [[text(p) for p in cell.iter(f"{W}p")] for cell in cells] == [
        ["缺席人员", "及原因"], ["机关党委", "办公室意见"], ["支部书记审核"]
    ]  # fmt: skip


def test_pictures_fit_their_cells_and_speak() -> None:
    data = build(filing_form())
    drawing = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
    inlines = list(part(data).iter(f"{drawing}inline"))
    assert [i.find(f"{drawing}docPr").get("descr") for i in inlines] == ["重温入党誓词", "讲党课", "参观"]
    assert len({i.find(f"{drawing}docPr").get("id") for i in inlines}) == 3
    for inline in inlines:
        extent = inline.find(f"{drawing}extent")
        assert int(extent.get("cx")) <= 78 * 36_000
        assert int(extent.get("cy")) <= 75 * 36_000


def test_what_is_no_picture_is_refused_with_its_caption() -> None:
    with pytest.raises(ValueError, match=r"图片“合影”.*JPEG"):
        build(Official("表", blocks=[Picture(b"not a picture", "合影")]))


def indents_of_signature(document: Official) -> list[int]:
    signed = [p for p in paragraphs(build(document)) if attribute(p, "pPr/jc") == "right"]
    return [int(attribute(p, "pPr/ind", "rightChars") or 0) for p in signed]


def test_without_a_seal_the_date_begins_two_characters_after_the_name() -> None:
    # 机关第三党支部 is 7 characters wide, 2018年7月8日 is 6: the name ends 2 from the edge, the date 7 - 6.
    assert indents_of_signature(Official("通知", issuer="机关第三党支部", date=DAY)) == [200, 100]


def test_a_date_longer_than_the_name_ends_two_characters_from_the_edge() -> None:
    # 机关党委 is 4 wide: it begins 2 before the date, so it ends 2 + 6 + 2 - 4 from the edge.
    assert indents_of_signature(Official("通知", issuer="机关党委", date=DAY)) == [600, 200]


def test_with_a_seal_the_name_stands_centred_over_a_date_four_characters_from_the_edge() -> None:
    assert indents_of_signature(Official("通知", issuer="机关党委", date=DAY, sealed=True)) == [500, 400]


def test_a_signature_among_the_blocks_replaces_the_one_at_the_end() -> None:
    document = Official("通知", issuer="机关党委", date=DAY, blocks=[Signature(["张明"])])
    assert indents_of_signature(document) == [200]


def test_a_signature_never_stands_on_a_page_without_text() -> None:
    document = Official(
        "通知", issuer="机关党委", date=DAY, blocks=[Paragraph("正文。")], attachments=[Attachment("名单")]
    )
    found = paragraphs(build(document))
    body = next(place for place, p in enumerate(found) if text(p) == "正文。")
    # The last line of the text, the attachment's name and all before the date keep to what follows.
    kept = [p.find(f"{W}pPr/{W}keepNext") for p in found[body + 1 : -1]]
    assert all(keep is not None for keep in kept)


def test_a_table_before_the_signature_gives_its_last_row_along() -> None:
    blocks = [Table(["周次", "内容"], [["第27周", "章程"], ["第28周", "报告"]]), Signature(["万平", "2018年7月9日"])]
    rows = [
        [p.find(f"{W}pPr/{W}keepNext") is not None for p in row.iter(f"{W}p")]
        for row in part(build(Official("计划", blocks=blocks))).iter(f"{W}tr")
    ]
    assert rows == [[False, False], [False, False], [True, True]]


def test_a_red_head_stands_over_a_red_line_and_is_signed_without_the_word_document() -> None:
    found = paragraphs(build(circular()))
    mark = next(p for p in found if text(p) == "中共××大学机关委员会文件")
    assert attribute(mark, "r/rPr/color") == "FF0000"
    assert attribute(mark, "r/rPr/rFonts", "eastAsia") == "方正小标宋简体"
    number = next(p for p in found if text(p) == "机关党字〔2018〕5号")
    assert attribute(number, "pPr/pBdr/bottom", "color") == "FF0000"
    assert attribute(number, "pPr/pBdr/bottom", "sz") == "12"
    assert [text(p) for p in found].count("中共××大学机关委员会") == 1


def test_the_imprint_stands_at_the_foot_of_the_text_area() -> None:
    table = list(part(build(circular())).iter(f"{W}tbl"))[-1]
    assert attribute(table, "tblPr/tblpPr", "tblpYSpec") == "bottom"
    assert attribute(table, "tblPr/tblpPr", "vertAnchor") == "margin"
    assert [text(row) for row in table.iter(f"{W}tr")] == [
        "抄送：校党委组织部，机关各部门。",
        "机关党委办公室2018年7月8日印发",
    ]


def test_attachments_are_named_before_the_signature_and_follow_on_pages_of_their_own() -> None:
    found = [text(p) for p in paragraphs(build(study_plan()))]
    assert found.index("附件：1.学习篇目清单") + 1 == found.index("2.支部党员名单")
    assert (
        found.index("2.支部党员名单") < found.index("2018年7月8日") < found.index("附件2") < found.index("支部党员名单")
    )
    assert "附件1" not in found
    label = next(p for p in paragraphs(build(study_plan())) if text(p) == "附件2")
    assert label.find(f"{W}pPr/{W}pageBreakBefore") is not None


def test_a_single_attachment_has_no_number() -> None:
    found = [text(p) for p in paragraphs(build(Official("通知", attachments=[Attachment("名单。")])))]
    assert "附件：名单" in found


def test_the_recipient_ends_with_one_full_width_colon() -> None:
    for written in ("各党支部", "各党支部：", "各党支部:"):
        assert "各党支部：" in [text(p) for p in paragraphs(build(Official("通知", recipient=written)))]


def test_a_long_title_is_broken_where_it_reads_well() -> None:
    assert title_lines("党支部活动备案表") == ["党支部活动备案表"]
    assert title_lines("关于2018年上半年党支部工作督查情况的通报") == ["关于2018年上半年党支部", "工作督查情况的通报"]
    assert title_lines("机关第三党支部2018年度“两学一做”学习教育学习计划") == [
        "机关第三党支部2018年度",
        "“两学一做”学习教育学习计划",
    ]
    assert title_lines("党员\n积分管理登记册") == ["党员", "积分管理登记册"]
    assert title_lines("学" * 30) == ["学" * 30]


def test_dates_are_written_without_leading_zeros() -> None:
    assert chinese_date(datetime.date(2018, 7, 1)) == "2018年7月1日"


def test_control_characters_are_left_out_everywhere() -> None:
    dirty = "张\x00三\x0b\u202e\ud800\ufffe四"
    document = Official(
        dirty,
        issuer=dirty,
        number=dirty,
        date=DAY,
        recipient=dirty,
        blocks=[
            Heading(1, dirty),
            Paragraph(dirty),
            Table([dirty], [[dirty]]),
            KeyValues([(dirty, dirty)]),
            Picture(photo(), dirty),
            Pictures([Picture(photo(), dirty)]),
            Signature([dirty]),
        ],
        attachments=[Attachment(dirty, [Paragraph(dirty)])],
        imprint=Imprint(dirty, DAY, dirty),
    )
    written = text(part(build(document)))
    assert written.count("张三四") == 17
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\u202e\ud800-\udfff\ufffe]", written)


def test_markup_in_a_text_stays_text() -> None:
    written = "<w:br/>&amp;<script>alert(1)</script>"
    assert written in [text(p) for p in paragraphs(build(Official("通知", blocks=[Paragraph(written)])))]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_same_document_gives_the_same_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(DOCUMENTS[name]())
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert build(DOCUMENTS[name]()) == first


def test_the_files_own_dates_are_those_passed_in() -> None:
    made = datetime.datetime(2018, 7, 9, 10, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
    with zipfile.ZipFile(io.BytesIO(build(replace(study_plan(), made_at=made)))) as archive:
        core = archive.read("docProps/core.xml").decode()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert re.findall(r">([^<]*Z)</dcterms:(?:created|modified)", core) == ["2018-07-09T02:12:00Z"] * 2
    assert "python-docx" not in core


@pytest.mark.parametrize("name", DOCUMENTS)
def test_properties_stand_in_the_order_word_asks_for(name: str) -> None:
    data = build(DOCUMENTS[name]())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        roots = [fromstring(archive.read(n)) for n in archive.namelist() if re.match(r"word/[a-z0-9]+\.xml", n)]
    checked = 0
    for root in roots:
        for tag, order in (("pPr", ORDER), ("tblPr", TABLE_ORDER), ("rPr", RUN_ORDER)):
            for properties in root.iter(W + tag):
                places = [order.index(child.tag.removeprefix(W)) for child in properties]
                assert places == sorted(places), [child.tag.removeprefix(W) for child in properties]
                checked += 1
    assert checked > 50


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed: nothing converted")
def test_libreoffice_converts_the_documents_to_the_pages_expected(tmp_path: Path) -> None:
    for name, document in DOCUMENTS.items():
        (tmp_path / f"{name}.docx").write_bytes(build(document()))
    full = Official("页", blocks=[Paragraph("学" * (28 * 22 * 2), indent=False)])
    (tmp_path / "full.docx").write_bytes(build(full))
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "pdf",
            "--outdir",
            str(tmp_path),
            *map(str, sorted(tmp_path.glob("*.docx"))),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    pages = {pdf.stem: len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) for pdf in sorted(tmp_path.glob("*.pdf"))}
    assert set(pages) == {*DOCUMENTS, "full"}
    # Two pages of text and, because of the title, a few lines of a third: 14 characters to a line would make five.
    assert pages["full"] == 3
    assert pages["filing_form"] == 2
    assert pages["circular"] == 2
    assert 3 <= pages["study_plan"] <= 7
