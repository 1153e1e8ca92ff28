"""A roster workbook's columns, and what a person may have written in the cells of each.

Nothing here asks the database: what a cell says is read, or refused with a reason and a cure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from branches import personal
from branches.models import Post, normal_staff_number
from documents.text import normalised
from documents.workbook import EXACT_DIGITS


@dataclass(frozen=True)
class Heading:
    """A column of the roster: its name in the template, and the names other lists give it.

    What is `personal` is shown masked, kept sealed, and not in the ordinary export.
    """

    key: str
    title: str
    also: tuple[str, ...] = ()
    required: bool = False
    kind: str = "text"
    width: float = 14
    personal: bool = False


HEADINGS = (
    Heading(
        "staff_number", "工号", ("职工号", "教工号", "教职工号", "职工编号", "人员编号", "工作证号"),
        required=True, width=12,
    ),
    Heading("name", "姓名", ("党员姓名", "名字"), required=True, width=14),
    Heading(
        "branch", "所在党支部", ("党支部", "支部", "所在支部", "所属党支部", "所属支部", "党支部名称", "支部名称"),
        required=True, width=34,
    ),
    Heading("group", "所在党小组", ("党小组", "小组", "所属党小组", "党小组名称"), width=16),
    Heading("joined_on", "入党日期", ("入党时间", "加入党组织日期", "加入党组织时间"), kind="date"),
    Heading(
        "confirmed_on", "转正日期", ("转正时间", "转为正式党员日期", "转为正式党员时间"), kind="date"
    ),
    Heading("category", "人员类别", ("党员类别", "类别"), width=12),
    Heading("job_title", "行政职务", ("职务", "现任职务", "行政职务名称", "工作单位及职务"), width=24),
    Heading(
        "is_leading_cadre", "是否处级以上",
        ("处级以上", "是否处级", "是否处级以上领导干部", "是否处级以上党员领导干部", "处级以上党员领导干部",
         "行政职务级别", "行政级别", "职务级别"),
    ),
    Heading("posts", "党内职务", ("支部职务", "党支部职务", "党务职务", "支部任职"), width=20),
    Heading("is_retired", "是否离退休", ("离退休", "是否退休")),
    Heading("retired_on", "离退休日期", ("离退休时间", "退休日期", "退休时间"), kind="date"),
    Heading("is_mobile", "是否流动党员", ("流动党员", "是否流动")),
    Heading("mobile_place", "外出流向", ("流动去向", "外出地点", "流向"), width=20),
    Heading(
        "id_number", "公民身份号码", ("身份证号", "身份证号码", "公民身份证号", "公民身份证号码", "身份证"),
        width=22, personal=True,
    ),
    Heading(
        "phone", "手机号码", ("手机", "手机号", "联系电话", "电话", "电话号码", "移动电话"), width=16, personal=True
    ),
)  # fmt: skip
BY_KEY = {heading.key: heading for heading in HEADINGS}
BY_TITLE = {title: heading.key for heading in HEADINGS for title in (heading.title, *heading.also)}
_NUMBER = re.compile(r"[0-9a-z][0-9a-z-]{0,29}")
_NAME = re.compile(r"[^\W\d_]+(?:[·'\- ][^\W\d_]+)*")
_HAN_GAP = re.compile(r"(?<=[\u3400-\u9fff\U00020000-\U0003ffff])\s+(?=[\u3400-\u9fff\U00020000-\U0003ffff])")


@dataclass(frozen=True)
class Line:
    """One row of the workbook as it stood there: Excel's row number and, for each known column, kind and text."""

    row: int
    cells: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Reading:
    """What was read of a workbook: which columns were found under which names, which were left, and the rows."""

    sheet: str
    columns: dict[str, str]
    ignored: list[str]
    lines: list[Line]
    hidden: bool = False
    other_sheets: list[str] = field(default_factory=list)
    # What the sheet hides (or has filtered away) and was read all the same.
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[str] = field(default_factory=list)

    @property
    def read_as(self) -> list[tuple[str, str]]:
        """Each column that is read: its heading in the file, and the roster's own name for it."""
        return [(self.columns[heading.key], heading.title) for heading in HEADINGS if heading.key in self.columns]


# --------------------------------------------------------------------------------------------------- reading a cell


class Unreadable(Exception):
    """A cell that cannot be taken: what is wrong, and what to do."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure


# What people write where there is nothing: an empty cell leaves the roster as it is, these words clear the entry.
NOTHING = frozenset({"无", "没有", "-", "—", "--", "——", "/", "\\", "空"})
AS_TEXT = "把该列设为“文本”格式后重新填写"


def as_written(cell: tuple[str, str]) -> str:
    """The text of a sound cell on one line, its punctuation as it was typed; empty where it says that there is none."""
    _sound(cell)
    text = re.sub(r"\s+", " ", re.sub("[\u00ad\u200b-\u200d\u2060]", "", cell[1])).strip()
    return "" if normalised(text) in NOTHING else text


def _sound(cell: tuple[str, str]) -> tuple[str, str]:
    """Kind and normalised text of a plain value. Raises Unreadable for formulas, errors and control characters."""
    kind, text = cell[0], normalised(cell[1])
    if kind == "formula":
        raise Unreadable(f"单元格是公式（{text[:30]}）", "复制该列，“选择性粘贴”为“数值”，保存后再上传")
    if kind == "error":
        raise Unreadable(f"单元格是错误值 {text[:20]}", "改成正确的内容")
    if kind == "broken":
        raise Unreadable(f"“{text[:20]}”中有看不见的控制字符", "删去该单元格，手工重新输入")
    return kind, text


def staff_number_of(cell: tuple[str, str]) -> str:
    """The staff number in its one spelling. Raises Unreadable for what Excel has changed on the way."""
    kind, text = _sound(cell)
    if kind in ("int", "decimal"):
        if kind == "decimal" or abs(Decimal(text)) >= 10**EXACT_DIGITS:
            raise Unreadable(f"工号“{text[:30]}”是带小数或过长的数字，Excel 已改变了它", AS_TEXT)
    elif kind != "text":
        raise Unreadable(f"工号“{text[:30]}”不是文本", AS_TEXT)
    if re.fullmatch(r"\d+(\.\d+[eE]\+?|[eE]\+)\d+|\d+\.\d+", text):
        raise Unreadable(f"工号“{text[:30]}”是科学计数或带小数的数字，末尾几位已丢失", AS_TEXT)
    number = normal_staff_number(text)
    if not _NUMBER.fullmatch(number):
        raise Unreadable(f"工号“{text[:30]}”中有字母、数字和连字符以外的字符", "核对后重新填写")
    return number


def clean_name(text: str) -> str:
    """A person's name in its one spelling: no blanks between Chinese characters, one kind of middle dot."""
    name = re.sub(r"[•・‧∙⋅．]", "·", normalised(text))
    return _HAN_GAP.sub("", re.sub(r"\s+", " ", re.sub(r"\s*·\s*", "·", name)))


def is_name(name: str) -> bool:
    """Whether this can be a person's name: 2 to 50 letters or characters, no digits."""
    return 2 <= len(name) <= 50 and bool(_NAME.fullmatch(name))


def squeezed(text: str) -> str:
    """A name of a branch or group as one compares it: normalised, no blanks."""
    return re.sub(r"\s", "", normalised(text))


def name_of(cell: tuple[str, str]) -> str:
    kind, text = _sound(cell)
    name = clean_name(text)
    if kind != "text" or not is_name(name):
        raise Unreadable(f"“{text[:30]}”不像姓名", "填写2至50个字的姓名，不含数字；少数民族姓名用“·”分隔")
    return name


FIRST_DAY, LAST_DAY = date(1920, 1, 1), date(2099, 12, 31)
DAY_FORMS = "写成 2018-07-01、2018.7.1 或 2018年7月1日"
_DAY = re.compile(r"(\d{4})\s*[-./年]\s*(\d{1,2})\s*[-./月]\s*(\d{1,2})\s*[日号]?(?:\s+0{1,2}:00(?::00)?)?")


def day_of(cell: tuple[str, str]) -> date:
    """The date in a cell: a real date, the spellings of an office, eight digits, or Excel's serial number.

    Raises Unreadable for anything else, and for days there never were; nothing is guessed or shifted.
    """
    kind, text = _sound(cell)
    if kind in ("date", "datetime"):
        day = datetime.fromisoformat(text).date()
    elif kind in ("int", "decimal") or (kind != "unclear" and re.fullmatch(r"\d{5}|\d{8}", text)):
        day = _day_of_number(Decimal(text), text)
    elif kind == "text" and (found := _DAY.fullmatch(text)):
        day = _real_day(text, *map(int, found.groups()))
    else:
        raise Unreadable(f"“{text[:30]}”不是完整的日期", DAY_FORMS)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Unreadable(f"“{text[:30]}”不在合理的年份内", DAY_FORMS)
    return day


def _day_of_number(number: Decimal, text: str) -> date:
    if number == int(number) and 19200101 <= number <= 20991231:
        return _real_day(text, int(number) // 10000, int(number) // 100 % 100, int(number) % 100)
    # Excel counts days from the end of 1899; 7306 is the first day of 1920.
    if 7306 <= number < 73051:
        return date(1899, 12, 30) + timedelta(days=int(number))
    raise Unreadable(f"“{text[:30]}”不是完整的日期", DAY_FORMS)


def _real_day(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Unreadable(f"没有“{text[:30]}”这一天", "核对后改正") from None


YES = frozenset({"是", "有", "√", "✓", "✔", "y", "yes", "true", "1", "处级", "正处", "副处", "正处级", "副处级",
                 "县处级", "县处级正职", "县处级副职", "处级以上", "厅级", "正厅级", "副厅级", "厅局级"})  # fmt: skip
NO = frozenset({"否", "不是", "×", "✗", "✘", "x", "n", "no", "false", "0", "科级", "正科", "副科", "正科级",
                "副科级", "科级以下", "科员", "乡科级"}) | NOTHING  # fmt: skip


def yes_or_no_of(cell: tuple[str, str]) -> bool:
    """Also for what says by a word what it is: 处级, 科级."""
    _, text = _sound(cell)
    word = text.casefold()
    if word in YES or word in NO:
        return word in YES
    raise Unreadable(f"“{text[:30]}”不是“是”或“否”", "填写“是”或“否”")


FULL = frozenset({"正式党员", "正式", "中共党员", "党员"})
PROBATIONARY = frozenset({"预备党员", "预备", "中共预备党员"})


def is_full_of(cell: tuple[str, str]) -> bool:
    """True for a full member, False for a probationary one."""
    _, text = _sound(cell)
    if text in FULL or text in PROBATIONARY:
        return text in FULL
    raise Unreadable(f"“{text[:30]}”不是人员类别", "填写“正式党员”或“预备党员”")


POSTS = {
    "支部书记": Post.Kind.SECRETARY, "党支部书记": Post.Kind.SECRETARY, "书记": Post.Kind.SECRETARY,
    "支部副书记": Post.Kind.DEPUTY, "党支部副书记": Post.Kind.DEPUTY, "副书记": Post.Kind.DEPUTY,
    "组织委员": Post.Kind.ORGANIZATION, "宣传委员": Post.Kind.PUBLICITY,
    "纪检委员": Post.Kind.DISCIPLINE, "纪律检查委员": Post.Kind.DISCIPLINE,
    "党小组组长": Post.Kind.GROUP_LEADER, "党小组长": Post.Kind.GROUP_LEADER, "小组组长": Post.Kind.GROUP_LEADER,
    "小组长": Post.Kind.GROUP_LEADER, "组长": Post.Kind.GROUP_LEADER,
}  # fmt: skip
NO_POST = NOTHING | {"党员", "普通党员", "正式党员", "预备党员"}
# Posts that exist in branches but carry no rights here: named in the preview, not kept.
OTHER_POSTS = frozenset({
    "委员", "支委", "支部委员", "支委委员", "统战委员", "青年委员", "保密委员", "群工委员", "生活委员", "文体委员",
    "学习委员", "妇女委员",
})  # fmt: skip
# Probationary members neither elect nor are elected.
ELECTED = tuple(kind for kind in Post.IN_BRANCH if kind != Post.Kind.GROUP_LEADER)


def posts_of(cell: tuple[str, str]) -> tuple[list[str], list[str]]:
    """The kinds of post named in a cell, and the names of posts that are not kept here."""
    _, text = _sound(cell)
    kinds: list[str] = []
    others: list[str] = []
    for word in re.split(r"[、,;/|\s兼]+", text):
        if not word or word in NO_POST or text in NO_POST:
            continue
        if word in OTHER_POSTS:
            others.append(word)
        elif word in POSTS:
            kinds.append(str(POSTS[word].value))
        else:
            raise Unreadable(
                f"“{word[:30]}”不是党内职务",
                "填写支部书记、支部副书记、组织委员、宣传委员、纪检委员、党小组组长，几个之间用顿号；没有就填“无”",
            )
    return list(dict.fromkeys(kinds)), others


def id_number_of(cell: tuple[str, str], day: date) -> str:
    """The 18 characters; empty where the cell says that there is none. What is wrong is said without the number."""
    was_number = cell[0] in ("int", "decimal")
    return _personal(cell, lambda text: personal.read_id_number(text, day, was_number=was_number))


def phone_of(cell: tuple[str, str], day: date) -> str:
    return _personal(cell, personal.read_phone)


def _personal(cell: tuple[str, str], reads: Callable[[str], str]) -> str:
    kind, text = cell[0], normalised(cell[1])
    if kind not in ("text", "int", "decimal"):
        raise Unreadable("单元格是公式、日期或错误值，不是号码", AS_TEXT)
    try:
        return "" if text in NOTHING else reads(text)
    except personal.Unusable as problem:
        reason, _, cure = str(problem).rstrip("。").partition("。")
        if not cure:
            reason, _, cure = reason.rpartition("，")
        raise Unreadable(reason or cure, cure) from None
