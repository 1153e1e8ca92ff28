"""Boards and certificates: measured in the PDF itself, glyph by glyph; nothing is cut, covered or left out."""

from __future__ import annotations

import io
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from documents import print as paper
from documents.print import A4, A5, DESK, FORMATS, Board, Certificate, Format, Unprintable

AT = datetime(2018, 7, 12, tzinfo=UTC)
MM = 72 / 25.4
SEED = 20180712
MANY = 200
# Drawn as one, or as one stroke.
JOINED = {"ff", "fi", "fl", "——"}
# Glyphs of one word may touch; what is wider than this is one text over another.
TOUCH = 0.6

Box = tuple[float, float, float, float]

SURNAMES = "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗欧阳司马诸葛"
# Characters that names have and small fonts lack stand among the common ones.
GIVEN = "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超秀霞平刚桂堃玥昇瑄甡喆燚犇翀頔湉䶮㛃珺"
SOUNDS = "阿卜杜拉买提吐尔逊江艾合热曼古丽"
WORDS = (
    "每周三下午到学生公寓值班", "学籍异动材料收到后2个工作日内办结", "全年不少于40次", "窗口办件当天答复，",
    "零差错、零超时；", "牵头修订《本科生选课手册》", "11月30日前印发", "联系3名学业困难学生", "“一站式”", "（含周末）",
    "QQ群", "Moodle平台", "——", "100%", "。", "GB/T 9704—2012", "https://jwc.example.edu.cn/xsfw/index.htm",
    "Donaudampfschifffahrtsgesellschaftskapitän", "WWWWWWWWWWWWWW",
)  # fmt: skip
UNITS = ("教务处党支部", "马克思主义学院教工第一党支部", "西北政法大学国际教育学院与外国语学院联合党支部" + "第二" * 8)
POSTS = ("", "科员", "Deputy Director（挂职）", "学生事务与国际交流合作办公室副主任兼本科教学质量监测科科长暂代")


def name_of(chance: random.Random, n: int) -> str:
    """Names of 2 to 20 characters: short, of several parts, in Latin letters, and of 20 without any part."""
    kinds = [
        lambda: chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.randint(1, 3))),
        lambda: "·".join("".join(chance.choices(SOUNDS, k=chance.randint(2, 6))) for _ in range(3)),
        lambda: "".join(chance.choices(GIVEN, k=20)),
        lambda: " ".join("".join(chance.choices("abcdefghijklmnopqrstuvw", k=8)).title() for _ in range(2)),
        lambda: "W" * chance.randint(10, 20),
    ]  # fmt: skip
    return kinds[min(n % 8, 4)]()[:20]


def line_of(chance: random.Random) -> str:
    """A line of up to 60 characters, as people write them; every third is as long as may be."""
    length = 60 if chance.random() < 0.35 else chance.randint(6, 60)
    said = ""
    while len(said) < length:
        said += chance.choice(WORDS)
    return said[:length].strip()


def board_of(chance: random.Random, n: int) -> Board:
    unit = chance.choice(
        ("教务处党支部", "马克思主义学院教工第一党支部", "西北政法大学国际教育学院与外国语学院联合党支部" + "第二" * 8)
    )
    post = chance.choice(
        ("", "科员", "Deputy Director（挂职）", "学生事务与国际交流合作办公室副主任兼本科教学质量监测科科长暂代")
    )
    if n % 10 == 0:
        return Board(
            "党支部承诺牌", unit, tuple(line_of(chance) for _ in range(3)), (), (("有效期至", "2018年12月31日"),)
        )
    return Board(
        "共产党员承诺牌", name_of(chance, n), tuple(line_of(chance) for _ in range(chance.randint(1, 3))), (unit, post),
        (("监督电话", chance.choice(("029-88182000", "029-88182000转82069"))), ("有效期至", "2018年12月31日")),
        f"https://portal.example.edu.cn/pledges/{chance.randrange(10**6)}/", "扫码看承诺和进展（须登录）",
    )  # fmt: skip


def boards(count: int = MANY) -> list[Board]:
    chance = random.Random(SEED)
    return [board_of(chance, n) for n in range(count)]


# Measuring


def glyphs(page: pypdfium2.PdfPage) -> list[tuple[str, Box]]:
    """Each character that leaves ink, with its box in points from the lower left."""
    text, found = page.get_textpage(), []
    for n in range(text.count_chars()):
        said, box = text.get_text_range(n, 1), text.get_charbox(n)
        if plain(said) and box[2] - box[0] > 0.01 and box[3] - box[1] > 0.01:
            found.append((said, box))
    return found


def crossing(boxes: Sequence[tuple[str, Box]]) -> Iterator[str]:
    """Pairs that cover each other by more than a touch both ways; swept from left to right, so that few are compared.

    Neighbours within a word may share up to half a letter: kerning, and letters drawn as one (ff, fi).
    """
    open_ones: list[tuple[int, str, Box]] = []
    for at, (said, box) in sorted(enumerate(boxes), key=lambda one: one[1][1][0]):
        open_ones = [one for one in open_ones if one[2][2] - box[0] > TOUCH]
        for before, other, seen in open_ones:
            wide = min(seen[2], box[2]) - box[0]
            high = min(seen[3], box[3]) - max(seen[1], box[1])
            near = abs(at - before) == 1 and wide < min(seen[2] - seen[0], box[2] - box[0]) / 2
            if high > TOUCH and wide > TOUCH and not near and other + said not in JOINED:
                yield f"“{other}” and “{said}” at {box[0]:.0f}, {box[1]:.0f}"
        open_ones.append((at, said, box))


def drawn(page: pypdfium2.PdfPage) -> list[tuple[str, Box]]:
    """The code: the one drawing that is as high as it is wide and no larger than a code."""
    bounds = [one.get_bounds() for one in page.get_objects() if one.type == pypdfium2.raw.FPDF_PAGEOBJ_PATH]
    return [
        ("二维码", (left, low, right, high)) for left, low, right, high in bounds
        if abs((right - left) - (high - low)) < 2 * MM and 10 * MM < right - left < 40 * MM
    ]  # fmt: skip


def faults(data: bytes, format: Format) -> list[str]:
    """What of the boards stands beyond the frame, or over something else; one board a page."""
    found = []
    edge = format.frame * MM
    far, up = format.width * MM - edge, format.height * MM - edge
    with pypdfium2.PdfDocument(data) as pdf:
        for number, page in enumerate(pdf, 1):
            boxes = glyphs(page)
            codes = drawn(page)
            for said, (left, low, right, high) in boxes + codes:
                if left < edge or low < edge or right > far or high > up:
                    found.append(f"page {number}: “{said}” beyond the frame")
            found += [f"page {number}: {pair}" for pair in crossing(boxes + codes)]
    return found


def plain(text: str) -> str:
    """Without what leaves no ink."""
    return re.sub(r"[\s\u200b\ufffe]", "", text)


@pytest.fixture(scope="module", params=list(FORMATS.values()), ids=list(FORMATS))
def printed(request) -> tuple[Format, list[Board], bytes]:
    made = boards()
    return request.param, made, paper.boards_pdf(made, request.param, title="承诺牌", at=AT)


def test_no_glyph_of_200_boards_stands_beyond_the_frame_or_over_another(printed) -> None:
    format, made, data = printed
    assert faults(data, format) == []
    with pypdfium2.PdfDocument(data) as pdf:
        assert len(pdf) == len(made)
        assert [round(x / MM) for x in pdf[0].get_size()] == [format.width, format.height]
        assert [len(drawn(page)) for page in pdf] == [int(bool(board.address)) for board in made]


def test_every_text_stands_whole_on_its_board(printed) -> None:
    _, made, data = printed
    with pypdfium2.PdfDocument(data) as pdf:
        for board, page in zip(made, pdf, strict=True):
            facts = [word for fact in board.facts for word in fact]
            asked = "".join((board.title, board.name, *board.lines, *board.whose, *facts, board.note))
            # Counted, not found in a row: in which order a reader lists glyphs is its own affair.
            assert not Counter(plain(asked)) - Counter(plain(page.get_textpage().get_text_range()))


def test_all_fonts_are_embedded_as_subsets(printed) -> None:
    _, _, data = printed
    with pikepdf.open(io.BytesIO(data)) as pdf:
        fonts = [one for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/Font"]
        for font in fonts:
            assert re.match(r"/[A-Z]{6}\+Noto(Sans|Serif)SC", str(font.BaseFont))
            if "/DescendantFonts" in font:
                descriptor = font.DescendantFonts[0].FontDescriptor
                assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
        assert fonts
    assert len(data) < 6_000_000


@pytest.mark.parametrize("wrong", [{"gutter": -30}, {"pad": 4}])
def test_the_measure_finds_a_layout_that_runs_over(wrong) -> None:
    broken = replace(A5, **wrong)
    board = replace(boards(2)[1], lines=("坚持每周深入教学一线听课，" * 4,), name="欧阳明月")
    assert faults(paper.boards_pdf([board], A5, title="承诺牌", at=AT), A5) == []
    assert faults(paper.boards_pdf([board], broken, title="承诺牌", at=AT), A5)


def test_sheets_hold_two_desk_cards_with_their_cut_marks() -> None:
    made = boards(5)
    with pypdfium2.PdfDocument(paper.boards_pdf(made, DESK, title="桌牌", at=AT, on_sheets=True)) as pdf:
        assert len(pdf) == 3
        assert [round(x / MM) for x in pdf[0].get_size()] == [210, 297]
        for page in pdf:
            assert list(crossing(glyphs(page))) == []
            for _, (left, _, right, _) in glyphs(page):
                assert 9 * MM <= left < right <= 201 * MM
        said = plain(pdf[0].get_textpage().get_text_range())
        assert all(plain(board.name) in said for board in made[:2])
        # Short strokes outside the corners: some reach beyond the card's edge at 5 mm.
        strokes = [one.get_bounds() for one in pdf[0].get_objects() if one.type == pypdfium2.raw.FPDF_PAGEOBJ_PATH]
        assert min(box[0] for box in strokes) < 2 * MM


def test_a_character_without_a_glyph_is_named_with_its_field() -> None:
    board = Board("共产党员承诺牌", "𠮷田", ("窗口办件当天答复😀。",), ("教务处党支部",))
    with pytest.raises(Unprintable) as refused:
        paper.boards_pdf([board], DESK, title="", at=AT)
    assert refused.value.sentences == [
        "“𠮷田”的姓名中，“𠮷”（U+20BB7）不在打印用的字库里，印不出来，请换一个写法。",
        "“𠮷田”的第1行承诺中，“😀”（U+1F600）不在打印用的字库里，印不出来，请换一个写法。",
    ]
    assert not paper.problems(replace(board, name="堃䶮㛃", lines=("窗口办件当天答复。",)))


def test_the_table_of_characters_says_what_the_printer_can_do(monkeypatch) -> None:
    """Without it typst itself, writing for archives, refuses the hole."""
    monkeypatch.setattr(paper, "_missing", lambda whose, fields: [])
    with pytest.raises(Exception, match="𠮷"):
        paper.boards_pdf([Board("共产党员承诺牌", "𠮷田", ("承诺。",))], DESK, title="", at=AT)


def test_markup_and_hidden_marks_in_a_value_stay_text() -> None:
    said = '#panic(1) *粗* $x$ \\u{41} <b> \u202e倒\u200b写\u00ad #read("print.py")'
    data = paper.boards_pdf([Board("共产党员承诺牌", "李强", (said,))], A5, title="", at=AT)
    with pypdfium2.PdfDocument(data) as pdf:
        assert plain('#panic(1) *粗* $x$ \\u{41} <b> 倒写 #read("print.py")') in plain(
            pdf[0].get_textpage().get_text_range()
        )


def test_what_fits_in_no_size_is_refused_in_words_and_not_cut() -> None:
    long = Board("党员先锋岗", "李强", ("岗位职责，" * 200,))
    with pytest.raises(Unprintable, match="“李强”的内容太长，这种规格放不下"):
        paper.boards_pdf([long], DESK, title="", at=AT)


def test_an_unknown_font_is_an_error_and_never_a_warning(monkeypatch, tmp_path) -> None:
    layout = tmp_path / "print.typ"
    layout.write_text('#set text(font: "No Such Face")\n字', encoding="utf-8")
    monkeypatch.setattr(paper, "LAYOUT", layout)
    monkeypatch.setattr(paper, "HERE", tmp_path)
    with pytest.raises(RuntimeError, match="unknown font family"):
        paper.board_png(Board("共产党员承诺牌", "李强", ("承诺。",)), A4, at=AT)


def test_a_picture_has_the_proportions_of_its_paper_and_the_same_values_give_the_same_bytes() -> None:
    board = boards(2)[1]
    picture = Image.open(io.BytesIO(paper.board_png(board, DESK, at=AT)))
    assert picture.format == "PNG"
    assert picture.width / picture.height == pytest.approx(2, abs=0.01)
    assert paper.boards_pdf([board], A5, title="x", at=AT) == paper.boards_pdf([board], A5, title="x", at=AT)


def test_certificates_hold_the_longest_title_name_text_and_issuer() -> None:
    short = Certificate(
        "党员先锋岗证书",
        "李强",
        "在“窗口服务岗”驻岗。",
        "教务处党支部",
        "2018年7月1日",
        "编号：1",
        "https://x.example/",
    )
    chance = random.Random(SEED)
    long = Certificate(
        "关于表彰二〇一八年度先进基层党组织优秀共产党员的荣誉证书", name_of(chance, 2), line_of(chance) * 6,
        "中国共产党" * 9, "2018年12月31日", "编号：西法大机关党〔2018〕第0000000123号",
        "https://portal.example.edu.cn/posts/123/",
    )  # fmt: skip
    data = paper.certificates_pdf([short, long], title="证书", at=AT)
    frame = Format("", "", 297, 210, 12.5, *[0.0] * 12)
    assert faults(data, frame) == []
    with pypdfium2.PdfDocument(data) as pdf:
        for one, page in zip((short, long), pdf, strict=True):
            said = plain(page.get_textpage().get_text_range())
            assert all(plain(text) in said for text in (one.title, one.name, one.text, one.issuer, one.number))
