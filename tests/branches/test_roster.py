"""The roster as a workbook: what may come in, what it would change, and that it is written whole or not at all."""

import io
import random
import threading
from collections.abc import Iterable
from datetime import date

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches import roster
from branches.models import AuditEvent, Branch, Committee, Member, Membership, PartyGroup, Post, RosterImport
from branches.roster import carry_out, plan_import, roster_lock
from branches.roster_cells import (
    HEADINGS,
    Unreadable,
    clean_name,
    day_of,
    name_of,
    posts_of,
    staff_number_of,
    yes_or_no_of,
)
from documents.workbook import read
from plan.models import Duty
from tests.branches.roster_reading import read_roster
from tests.conftest import add_member, at, logged_in, make_world

NOW = "2018-06-20 10:00"
TODAY = date(2018, 6, 20)
HEADER = (
    "工号", "姓名", "所在党支部", "所在党小组", "入党日期", "转正日期", "人员类别", "行政职务", "是否处级以上",
    "党内职务",
)  # fmt: skip
NEWCOMER = (
    "z9", "林溪", "教务处党支部", None, "2010-07-01", "2011-07-01", "正式党员", "科员", "否", None
)  # fmt: skip


@pytest.fixture(autouse=True)
def _today(clock):
    clock(NOW)


def book(*rows: Iterable[object], header: Iterable[object] = HEADER, above: Iterable[str] = ()) -> bytes:
    """A workbook as a clerk would have typed it: formulas stay formulas, numbers numbers."""
    wb = openpyxl.Workbook()
    for line in above:
        wb.active.append([line])
    wb.active.append(list(header))
    for row in rows:
        wb.active.append(list(row))
    buffer = io.BytesIO()
    wb.save(buffer)
    return buffer.getvalue()


def row(**values: object) -> tuple[object, ...]:
    """The newcomer's row with some cells otherwise, named by heading."""
    return tuple({**dict(zip(HEADER, NEWCOMER, strict=True)), **values}.values())


def planned(world, *rows: Iterable[object], on: date = TODAY, **extra):
    return plan_import(read_roster(book(*rows, **extra)), world.committee, on)


def imported(world, *rows: Iterable[object], on: date = TODAY, **extra) -> None:
    with roster_lock(world.committee.pk):
        carry_out(planned(world, *rows, on=on, **extra))


def problems(plan) -> str:
    return " ".join(f"{problem}（{problem.cure}）" for one in plan.rows for problem in one.problems)


def changes(plan) -> list[tuple[str, str, str]]:
    return [(change.label, change.old, change.new) for one in plan.rows for change in one.changes]


def everything() -> list[list[tuple]]:
    return [list(model.objects.order_by("pk").values_list()) for model in (Member, Membership, Post, PartyGroup)]


# ------------------------------------------------------------------------------------------------------------ one cell


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (("date", "2018-07-01"), date(2018, 7, 1)),
        (("datetime", "2018-07-01T08:30:00"), date(2018, 7, 1)),
        (("text", "2018.7.1"), date(2018, 7, 1)),
        (("text", "2018-07-01"), date(2018, 7, 1)),
        (("text", "2018/7/1"), date(2018, 7, 1)),
        (("text", "2018年7月1日"), date(2018, 7, 1)),
        (("text", "2018年7月1号"), date(2018, 7, 1)),
        (("text", "20180701"), date(2018, 7, 1)),
        (("text", "２０１８．７．１"), date(2018, 7, 1)),
        (("text", "２０１８年０７月０１日"), date(2018, 7, 1)),
        (("text", "2018-07-01 00:00:00"), date(2018, 7, 1)),
        (("text", " 2018 - 7 - 1 "), date(2018, 7, 1)),
        (("int", "20180701"), date(2018, 7, 1)),
        (("int", "43282"), date(2018, 7, 1)),
        (("text", "43282"), date(2018, 7, 1)),
        (("decimal", "43282.75"), date(2018, 7, 1)),
        (("int", "7306"), date(1920, 1, 1)),
        (("text", "2020-02-29"), date(2020, 2, 29)),
    ],
)
def test_a_date_is_read_in_every_spelling(cell, day):
    assert day_of(cell) == day


@pytest.mark.parametrize(
    "cell",
    [
        ("text", "2019-02-29"), ("text", "2018-13-01"), ("text", "2018-00-10"), ("text", "2018.7"),
        ("text", "2018年7月"),
        ("text", "18.7.1"), ("text", "2018"), ("int", "2018"), ("int", "201807"), ("int", "20180732"), ("int", "1"),
        ("int", "-43282"), ("decimal", "2018.7"), ("text", "去年"), ("text", "二〇一八年七月一日"),
        ("text", "7/1/2018"),
        ("text", "1900-01-01"), ("text", "2199-01-01"), ("date", "1900-01-01"), ("bool", "TRUE"), ("time", "08:30:00"),
        ("formula", "=TODAY()"), ("error", "#REF!"), ("broken", "2018-07-01"), ("text", "2018-07-01 至今"),
        ("int", "99999999999999999999"),
    ],
)  # fmt: skip
def test_a_date_that_is_none_is_refused_not_guessed(cell):
    with pytest.raises(Unreadable) as refusal:
        day_of(cell)
    assert refusal.value.reason
    assert refusal.value.cure


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (("text", "18001"), "18001"),
        (("text", "Ａ１８００１"), "a18001"),
        (("text", "\ufeff 18\u00a0001\u200b "), "18001"),
        (("text", "0018001"), "0018001"),
        (("int", "18001"), "18001"),
        (("text", "JX-18001"), "jx-18001"),
    ],
)
def test_a_staff_number_has_one_spelling(cell, number):
    assert staff_number_of(cell) == number


@pytest.mark.parametrize(
    "cell",
    [
        ("decimal", "18001.5"), ("int", "110101194912310020"), ("decimal", "1.10105e+17"), ("text", "1.10105E+17"),
        ("text", "1.1E5"), ("text", "18001.0"), ("date", "2018-07-01"), ("bool", "TRUE"), ("int", "-18001"),
        ("formula", "=A1"), ("formula", "=cmd|' /C calc'!A0"), ("error", "#N/A"), ("broken", "18001"),
        ("text", "18001；18002"), ("text", "<script>"), ("text", "无"), ("text", "1" * 31), ("text", "合计"),
    ],
)  # fmt: skip
def test_a_staff_number_excel_has_changed_is_refused(cell):
    with pytest.raises(Unreadable):
        staff_number_of(cell)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("陈静", "陈静"), ("陈 静", "陈静"), ("陈　静", "陈静"), (" 陈\u200b静\n", "陈静"), ("㐂田", "㐂田"),
        ("阿卜杜热合曼•买买提", "阿卜杜热合曼·买买提"), ("阿卜杜 · 买买提", "阿卜杜·买买提"),
        ("John  Smith", "John Smith"),
        ("𠮷田 一", "𠮷田一"),
    ],
)  # fmt: skip
def test_a_name_has_one_spelling(text, name):
    assert clean_name(text) == name
    assert name_of(("text", text)) == name


@pytest.mark.parametrize("cell", [("text", "陈"), ("text", "陈3"), ("int", "3"), ("text", "陈" * 51), ("text", "=1+1"),
                                  ("formula", "=B2"), ("text", "·陈静"), ("text", "陈静（调出）")])  # fmt: skip
def test_what_is_no_name_is_refused(cell):
    with pytest.raises(Unreadable):
        name_of(cell)


def test_yes_no_and_posts_are_read_as_people_write_them():
    assert [yes_or_no_of(("text", word)) for word in ("是", "√", "处级", "副处级", "1")] == [True] * 5
    assert [yes_or_no_of(("text", word)) for word in ("否", "×", "科级", "无", "0", "/")] == [False] * 6
    assert yes_or_no_of(("bool", "TRUE"))
    assert posts_of(("text", "书记、组织委员")) == (["secretary", "organization"], [])
    assert posts_of(("text", "党支部副书记兼纪检委员，党小组长")) == (["deputy", "discipline", "group_leader"], [])
    assert posts_of(("text", "统战委员")) == ([], ["统战委员"])
    assert posts_of(("text", "普通党员")) == posts_of(("text", "无")) == ([], [])
    for reader, word in ((yes_or_no_of, "大概"), (posts_of, "党委书记"), (posts_of, "=1")):
        with pytest.raises(Unreadable):
            reader(("text", word))


# --------------------------------------------------------------------------------------------------------- the header


@pytest.mark.parametrize("seed", range(5))
def test_columns_are_found_by_name_in_any_order_below_any_title(world, seed):
    order = list(range(len(HEADER)))
    random.Random(seed).shuffle(order)
    values = row(党内职务="宣传委员", 所在党小组="第一党小组")
    plan = planned(
        world,
        [values[n] for n in order],
        header=[HEADER[n] for n in order],
        above=["西北政法大学机关党委党员名册", "", "填表日期：2018年6月", "说明：请勿改动"],
    )
    assert not problems(plan)
    assert plan.rows[0].row == 6
    assert plan.counts == {"error": 0, "new": 1, "changed": 0, "unchanged": 0}
    assert ("党内职务", "", "宣传委员，自2018-06-20") in changes(plan)


def test_other_lists_names_for_the_columns_are_known(world):
    header = (
        "序号",
        "教工号",
        "党员姓名*",
        "支 部",
        "入党时间（年月日）",
        "党员类别",
        "转正时间",
        "职务",
        "民族",
        "身份证号",
    )
    values = (1, "z9", "林溪", "教务处党支部", "2010.7.1", "正式", "2011.7.1", "科员", "汉族", "11010519491231002X")
    reading = read_roster(book(values, header=header))
    assert reading.read_as == [
        ("教工号", "工号"), ("党员姓名", "姓名"), ("支部", "所在党支部"), ("入党时间", "入党日期"),
        ("转正时间", "转正日期"), ("党员类别", "人员类别"), ("职务", "行政职务"),
        ("身份证号", "公民身份号码"),
    ]  # fmt: skip
    assert not problems(plan_import(reading, world.committee, TODAY))
    assert reading.ignored == ["民族"]


NATIONAL = (
    "序号", "姓名", "性别", "公民身份号码", "民族", "出生日期",
    "学历", "学位", "人员类别", "所在党支部", "手机号码", "入党日期",
    "转正日期", "党龄", "党龄校正值", "新社会阶层类型", "工作岗位", "从事专业技术职务",
    "是否农民工", "现居住地", "户籍所在地", "是否失联党员", "是否流动党员", "党员增加信息",
    "党员减少信息", "入党类型", "转正情况", "入党时所在支部", "延长预备期时间", "籍贯",
    "入团日期", "参加工作日期", "工作单位及职务", "党内职务", "所在党小组", "行政职务级别",
    "是否离退休", "积分管理类别", "组织关系转入转出",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_the_national_system_s_list_is_read_with_a_column_for_the_staff_number(world, seed):
    values = {
        "工号": "ｚ９", "姓名": "林　溪", "公民身份号码": "11010519491231002X", "人员类别": "正式党员",
        "所在党支部": "教务处党支部", "手机号码": "13800001234", "入党日期": "２０１０．７．１",
        "转正日期": "2011年7月1日", "工作单位及职务": "教务处副处长", "党内职务": "宣传委员",
        "所在党小组": "第一党小组", "行政职务级别": "副处级", "是否离退休": "是", "离退休日期": "2018.6.1",
        "是否流动党员": "是", "外出流向": "陕西省榆林市",
    }  # fmt: skip
    titles = [*NATIONAL, "工号", "离退休日期", "外出流向"]
    header = random.Random(seed).sample(titles, len(titles))
    data = book([values.get(title) for title in header], header=header, above=["中共党员花名册", "填报单位：教务处"])
    wb = openpyxl.load_workbook(io.BytesIO(data))
    wb.active.merge_cells("A1:AN1")
    merged = io.BytesIO()
    wb.save(merged)
    reading = read_roster(merged.getvalue())
    plan = plan_import(reading, world.committee, TODAY)
    assert not problems(plan)
    assert [change[::2] for change in changes(plan)] == [
        ("所在党支部", "教务处党支部，自2018-06-20"), ("所在党小组", "第一党小组"), ("入党日期", "2010-07-01"),
        ("转正日期", "2011-07-01"), ("行政职务", "教务处副处长"), ("是否处级以上", "是"),
        ("离退休日期", "2018-06-01"), ("流动党员，自", "2018-06-20"), ("外出流向", "陕西省榆林市"),
        ("公民身份号码", "110*************2X"), ("手机号码", "138****1234"), ("党内职务", "宣传委员，自2018-06-20"),
    ]  # fmt: skip
    assert set(reading.ignored) == set(NATIONAL) - set(values) - {"序号"}


# ---------------------------------------------------------------------------------------------------------- the plan


def test_a_row_is_new_changed_or_unchanged_cell_by_cell(world):
    same = ("18004", "李强", "教务处党支部", None, "2010-07-01", "2011-07-01", "正式党员", None, "否", None)
    other = ("18002", "周敏", "教务处党支部", None, "2010.7.1", "2011年7月1日", None, "副科长", "是", "副书记")
    plan = planned(world, same, other, NEWCOMER)
    assert [one.status for one in plan.rows] == ["unchanged", "changed", "new"]
    assert changes(plan) == [
        ("行政职务", "", "副科长"),
        ("是否处级以上", "否", "是"),
        ("所在党支部", "", "教务处党支部，自2018-06-20"),
        ("入党日期", "", "2010-07-01"),
        ("转正日期", "", "2011-07-01"),
        ("行政职务", "", "科员"),
    ]
    assert "陈静（教务处党支部）" in plan.absent
    assert not any("李强" in name or "科研处" in name for name in plan.absent)


def test_planning_writes_nothing(world):
    before = everything()
    planned(world, NEWCOMER, row(工号="18004", 姓名="李强", 所在党支部="科研处党支部", 所在党小组="新小组"))
    assert everything() == before


def test_an_empty_cell_changes_nothing_and_the_word_for_none_clears(world):
    member = world.member("member")
    group = PartyGroup.objects.create(branch=world.first, name="第一党小组")
    Member.objects.filter(pk=member.pk).update(job_title="科长")
    member.memberships.update(group=group)
    empty = ("18004", "李强", "教务处党支部", None, None, None, None, None, None, None)
    assert planned(world, empty).counts["unchanged"] == 1
    cleared = ("18004", "李强", "教务处党支部", "无", None, None, None, "无", None, "无")
    assert changes(planned(world, cleared)) == [("行政职务", "科长", ""), ("所在党小组", "第一党小组", "")]
    imported(world, cleared)
    member.refresh_from_db()
    assert member.job_title == ""
    assert member.memberships.get(until_on=None).group is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"工号": None}, ["没有工号", "合计或备注"]),
        ({"姓名": None}, ["没有姓名"]),
        ({"所在党支部": None}, ["没有所在党支部"]),
        ({"工号": "=1+1"}, ["单元格是公式（=1+1）", "数值"]),
        ({"姓名": '=HYPERLINK("http://example.invalid","林溪")'}, ["姓名：单元格是公式"]),
        ({"行政职务": "=A1"}, ["行政职务：单元格是公式"]),
        ({"党内职务": "=A1"}, ["党内职务：单元格是公式"]),
        ({"工号": 18001.5}, ["带小数或过长的数字", "文本"]),
        ({"工号": 110101194912310020}, ["带小数或过长的数字"]),
        ({"姓名": "林_x0000_溪"}, ["控制字符"]),
        ({"所在党支部": "外语党支部"}, ["没有名为“外语党支部”的支部", "现有支部：教务处党支部、科研处党支部"]),
        ({"所在党支部": "膳食党支部"}, ["没有名为“膳食党支部”的支部"]),
        ({"所在党小组": "长" * 41}, ["最多40个字"]),
        ({"行政职务": "长" * 61}, ["最多60个字"]),
        ({"入党日期": "2019-02-29"}, ["没有“2019-02-29”这一天"]),
        ({"入党日期": "2018-06-21"}, ["晚于生效日期"]),
        ({"转正日期": "2009-07-01"}, ["早于入党日期"]),
        ({"转正日期": None}, ["正式党员没有转正日期"]),
        ({"转正日期": "2018-12-01"}, ["还没有到，不是正式党员"]),
        ({"人员类别": "预备党员"}, ["已于 2011-07-01 转正，不是预备党员"]),
        ({"人员类别": "群众"}, ["“群众”不是人员类别"]),
        ({"是否处级以上": "大概"}, ["不是“是”或“否”"]),
        ({"党内职务": "党委书记"}, ["不是党内职务"]),
        ({"党内职务": "支部书记"}, ["现任支部书记是陈静", "书记交接"]),
        ({"转正日期": None, "人员类别": "预备党员", "党内职务": "宣传委员"}, ["预备党员不能担任宣传委员"]),
        ({"工号": "h001"}, ["登记在其他机关党委"]),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_what_to_do(world, values, words):
    elsewhere = Committee.objects.create(name="后勤党委", short_name="后勤党委")
    branch = Branch.objects.create(committee=elsewhere, code="01", name="膳食党支部", founded_on=date(2015, 1, 1))
    add_member(branch, "钱立", "h001")
    plan = planned(world, row(**values), ("18004", "李强", "教务处党支部"))
    assert plan.counts["error"] == 1
    for word in words:
        assert word in problems(plan)
    assert "钱立" not in problems(plan)
    assert all(problem.cure for problem in plan.rows[0].problems)
    with pytest.raises(ValueError, match="refused"):
        carry_out(plan)


def test_a_number_twice_in_the_file_refuses_both_rows(world):
    plan = planned(world, NEWCOMER, row(工号="Ｚ ９", 姓名="林西"), row(工号="z8", 姓名="林北"))
    assert [one.status for one in plan.rows] == ["error", "error", "new"]
    assert "工号 z9 在第2、3行重复出现" in problems(plan)


def test_a_number_that_may_have_lost_its_zeros_is_refused(world):
    add_member(world.first, "赵山", "0018888")
    plan = planned(world, row(工号=18889), row(工号="18887", 姓名="赵水"), row(工号=18004, 姓名="李强"))
    assert [one.status for one in plan.rows] == ["error", "new", "changed"]
    assert "可能被 Excel 去掉了前面的0" in problems(plan)


def test_two_secretaries_for_one_branch_in_a_file_are_both_refused(world):
    Post.objects.filter(kind="secretary").delete()
    plan = planned(world, row(党内职务="支部书记"), row(工号="z8", 姓名="林北", 党内职务="书记"))
    assert [one.status for one in plan.rows] == ["error", "error"]
    assert "第2、3行都写着教务处党支部的支部书记" in problems(plan)


def test_a_secretary_who_moves_away_leaves_the_post_to_the_one_who_comes(world):
    imported(
        world,
        ("18001", "陈静", "科研处党支部", None),
        ("18004", "李强", "教务处党支部", "支部书记"),
        header=("工号", "姓名", "党支部", "党内职务"),
    )
    assert world.first.holder("secretary", date(2018, 6, 19)) == world.member("secretary")
    assert world.first.holder("secretary", TODAY) == world.member("member")
    assert world.member("secretary").branch_on(TODAY) == world.second


def test_with_many_branches_the_nearest_names_are_named(world):
    for n in range(20):
        Branch.objects.create(
            committee=world.committee, code=f"x{n}", name=f"后勤第{n}党支部", founded_on=date(2015, 1, 1)
        )
    plan = planned(world, row(所在党支部="教物处党支部"))
    assert "名称相近的有：教务处党支部" in problems(plan)
    assert len(problems(plan)) < 300


@pytest.mark.parametrize("written", ["教务处党支部", "教务处", "教务处支部", " 教务处 党支部", "教务处\n党支部"])
def test_a_branch_is_known_by_its_short_name_too(world, written):
    assert not problems(planned(world, row(所在党支部=written)))


def test_a_transfer_in_the_file_ends_the_old_and_begins_the_new(world):
    imported(world, ("18003", "何平", "科研处党支部"), on=date(2018, 6, 1))
    member = world.member("commissioner")
    terms = list(member.memberships.order_by("from_on").values_list("branch", "from_on", "until_on"))
    first_of_june = date(2018, 6, 1)
    assert terms == [(world.first.pk, date(2015, 1, 1), first_of_june), (world.second.pk, first_of_june, None)]
    assert member.posts.get().until_on == first_of_june


def test_new_groups_are_made_and_named_before(world):
    PartyGroup.objects.create(branch=world.first, name="第一党小组（东区）")
    rows = [
        row(所在党小组="第一党小组(东区)"),
        row(工号="z8", 姓名="林北", 所在党小组="第二党小组"),
        row(工号="z7", 姓名="林南", 所在党小组="第二党小组"),
    ]
    assert planned(world, *rows).new_groups == ["教务处党支部“第二党小组”"]
    imported(world, *rows)
    assert sorted(world.first.groups.values_list("name", flat=True)) == ["第一党小组（东区）", "第二党小组"]
    assert Membership.objects.get(member__staff_number="z9").group.name == "第一党小组（东区）"


def test_text_that_looks_like_a_formula_stays_text(world):
    # Through our own writer, which writes texts as texts.
    from documents.workbook import Column, Sheet, write

    data = write([Sheet("名册", [Column(title) for title in HEADER], [row(行政职务="=1+1")])])
    plan = plan_import(read_roster(data), world.committee, TODAY)
    assert ("行政职务", "", "=1+1") in changes(plan)


# ------------------------------------------------------------------------------------------------------------ the pages


def upload(client, data: bytes, name: str = "名册.xlsx", **extra: str):
    fields = {"file": SimpleUploadedFile(name, data), "effective_on": "2018-06-20", **extra}
    return client.post(reverse("branches:roster_import"), fields)


def mark_of(client, record: RosterImport) -> str:
    return client.get(record.get_absolute_url()).context["plan"].mark


def commit(client, record: RosterImport, **data: str):
    data = data or {"mark": mark_of(client, record)}
    return client.post(reverse("branches:roster_commit", args=[record.pk]), data, follow=True)


def test_upload_preview_commit_and_the_second_time_nothing(issued, login):
    client = login("office")
    data = book(row(党内职务="宣传委员"), ("18004", "李强", "教务处党支部", None, None, None, None, "副科长"))
    before = everything()
    response = upload(client, data)
    record = RosterImport.objects.get()
    assert response.headers["Location"] == record.get_absolute_url()
    preview = client.get(record.get_absolute_url()).content.decode()
    assert everything() == before
    assert "新增 <strong>1</strong>" in preview
    assert "变更 <strong>1</strong>" in preview
    assert "林溪" in preview
    changed = client.get(record.get_absolute_url(), {"show": "changed"}).content.decode()
    assert "<del>（空）</del> → <ins>副科长</ins>" in changed

    done = commit(client, record).content.decode()
    assert "写入：新增 1 人，变更 1 人" in done
    newcomer = Member.objects.get(staff_number="z9")
    assert newcomer.branch_on(TODAY) == issued.first
    assert newcomer.name_key == "lin xi"
    assert newcomer.posts.get().kind == "publicity"
    assert Member.objects.get(staff_number="18004").job_title == "副科长"
    # Who joined owes at once what is still to come.
    assert Duty.objects.filter(member=newcomer).exists()

    after = everything()
    # Sent again, under whatever mark: what was written stays, and is not written twice.
    assert "写入：新增 1 人，变更 1 人" in commit(client, record, mark="x").content.decode()
    assert everything() == after
    assert AuditEvent.objects.filter(what="写入名册").count() == 1
    upload(client, data)
    second = RosterImport.objects.latest("pk")
    page = client.get(second.get_absolute_url()).content.decode()
    assert "名册与文件一致，没有需要写入的内容" in page
    commit(client, second)
    assert everything() == after


def test_one_bad_row_in_five_hundred_writes_nothing(world, login):
    client = login("office")
    rows = [row(工号=f"z{n:04d}", 入党日期="2019-02-29" if n == 250 else "2010-07-01") for n in range(500)]
    before = everything()
    upload(client, book(*rows))
    record = RosterImport.objects.get()
    page = client.get(record.get_absolute_url()).content.decode()
    assert "有 1 行读不懂，整个文件都没有写入" in page
    assert "没有“2019-02-29”这一天" in page
    assert "写入名册</button>" not in page
    assert "还有 1 行有误，没有写入" in commit(client, record).content.decode()
    assert everything() == before
    assert RosterImport.objects.get().committed_at is None


def test_errors_come_back_as_a_workbook_that_can_be_mended_and_uploaded(world, login):
    client = login("office")
    upload(client, book(row(入党日期="2019-02-29", 工号="z8"), NEWCOMER))
    record = RosterImport.objects.get()
    response = client.get(reverse("branches:roster_errors", args=[record.pk]))
    data = b"".join(response.streaming_content)
    assert "filename" in response.headers["Content-Disposition"]
    sheet = read(data)
    texts = [[cell.text for cell in line] for line in sheet.rows]
    assert texts[2][0] == "原行号"
    assert texts[2][-2:] == ["问题", "怎么改"]
    assert "没有“2019-02-29”这一天" in texts[3][-2]
    assert texts[3][0] == "2"
    wb = openpyxl.load_workbook(io.BytesIO(data))
    wb.active.cell(4, 6).value = "2009-03-01"
    buffer = io.BytesIO()
    wb.save(buffer)
    upload(client, buffer.getvalue())
    assert (
        "核对无误后写入：新增 2 人" in client.get(RosterImport.objects.latest("pk").get_absolute_url()).content.decode()
    )


@pytest.mark.parametrize("what", ["member", "membership", "post", "group", "branch"])
def test_a_roster_that_changed_meanwhile_is_not_written_over(world, login, what):
    client = login("office")
    upload(client, book(NEWCOMER))
    record = RosterImport.objects.get()
    mark = mark_of(client, record)
    match what:
        case "member":
            Member.objects.filter(staff_number="18004").update(job_title="科长")
        case "membership":
            world.member("member").memberships.update(until_on=date(2018, 7, 1))
        case "post":
            world.member("deputy").posts.update(until_on=date(2018, 7, 1))
        case "group":
            PartyGroup.objects.create(branch=world.first, name="第一党小组")
        case "branch":
            Branch.objects.filter(pk=world.second.pk).update(closed_on=date(2019, 1, 1))
    before = everything()
    page = commit(client, record, mark=mark).content.decode()
    assert "预览之后，名册有了变动，没有写入" in page
    assert everything() == before
    # Looked at again, it is written.
    assert "名册已写入" in commit(client, record).content.decode()


def test_a_failure_half_way_leaves_no_row(world, login, monkeypatch):
    def fail(committee, moment):
        raise RuntimeError("killed")

    client = login("office")
    upload(client, book(*(row(工号=f"z{n}") for n in range(50))))
    record = RosterImport.objects.get()
    mark = mark_of(client, record)
    monkeypatch.setattr(roster, "after_roster_change", [fail])
    before = everything()
    assert "写入时出错，名册没有任何改动" in commit(client, record, mark=mark).content.decode()
    assert everything() == before
    assert RosterImport.objects.get().committed_at is None


@pytest.mark.parametrize(
    ("data", "name", "word"),
    [
        (b"", "名册.xlsx", "空"),
        ("工号,姓名\n1,陈静".encode(), "名册.xlsx", "不是 Excel 工作簿"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "名册.xls", "旧版 .xls"),
        (b"PK\x03\x04" + b"\0" * 100, "名册.xlsx", "损坏"),
        (book(), "名册.xlsx", "下面没有党员"),
    ],
)
def test_a_file_that_is_no_roster_is_answered_at_its_field(world, login, data, name, word):
    response = upload(login("office"), data, name)
    assert response.status_code == 200
    assert word in response.content.decode()
    assert "2018-06-20" in response.content.decode()
    assert not RosterImport.objects.exists()


@pytest.mark.parametrize(("on", "word"), [("", "请填写"), ("2018-06-21", "还没有到"), ("1800-01-01", "年份不对")])
def test_the_day_of_effect_is_asked_for(world, login, on, word):
    response = upload(login("office"), book(NEWCOMER), effective_on=on)
    assert word in response.content.decode()
    assert not RosterImport.objects.exists()


def test_a_hostile_file_name_is_only_a_name(world, login):
    name = "../../etc/\u202e名册<b>" + "长" * 200 + ".xlsx"
    upload(login("office"), book(NEWCOMER), name=name)
    record = RosterImport.objects.get()
    assert len(record.file_name) <= 120
    assert "\u202e" not in record.file_name
    page = login("office").get(reverse("branches:roster_import")).content.decode()
    assert "<b>" not in page


def test_another_committees_import_is_not_there(world, login):
    elsewhere = Committee.objects.create(name="后勤党委", short_name="后勤党委")
    record = RosterImport.objects.create(
        committee=elsewhere, file_name="x.xlsx", uploaded_by=world.users["office"], uploaded_at=at(NOW),
        rows={"effective_on": "2018-06-20", "reading": {}}, roster_mark="",
    )  # fmt: skip
    client = login("office")
    assert client.get(record.get_absolute_url()).status_code == 404
    assert client.get(reverse("branches:roster_errors", args=[record.pk])).status_code == 404
    assert client.post(reverse("branches:roster_commit", args=[record.pk])).status_code == 404


@pytest.mark.parametrize("who", ["secretary", "deputy", "commissioner", "member", "inspector", "auditor", "sysadmin"])
def test_importing_is_the_office_s_alone(world, login, who):
    client = login(who)
    assert client.get(reverse("branches:roster_import")).status_code == 403
    assert client.get(reverse("branches:roster_template")).status_code == 403
    assert upload(client, book(NEWCOMER)).status_code == 403
    assert not RosterImport.objects.exists()


# --------------------------------------------------------------------------------------------------------- writing out


def download(client, name: str, *args: object, **query: object) -> bytes:
    response = client.get(reverse(f"branches:{name}", args=args), query)
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def test_the_export_read_back_changes_nothing(world, login):
    group = PartyGroup.objects.create(branch=world.first, name="第一党小组（东区）")
    world.member("secretary").memberships.update(group=group)
    Member.objects.filter(staff_number="18004").update(job_title="=1+1（兼）", name="阿卜杜热合曼·买买提")
    world.member("secretary").posts.create(kind="group_leader", branch=world.first, from_on=date(2017, 1, 1))
    # Words that would clear an entry, where they are the entry; a number that looks scientific, and is not.
    empty_word = PartyGroup.objects.create(branch=world.first, name="无")
    world.member("deputy").memberships.update(group=empty_word)
    Member.objects.filter(staff_number="18002").update(job_title="-")
    Member.objects.filter(staff_number="18003").update(staff_number="18e03")
    old = add_member(world.second, "老张", "0000123")
    Member.objects.filter(pk=old.pk).update(joined_on=date(1965, 1, 1), confirmed_on=date(1966, 1, 1))
    data = download(login("office"), "roster_export")
    reading = read_roster(data)
    plan = plan_import(reading, world.committee, TODAY)
    assert not problems(plan)
    assert changes(plan) == []
    assert plan.counts == {"error": 0, "new": 0, "changed": 0, "unchanged": 16}
    assert plan.absent == []


@pytest.mark.parametrize(
    ("who", "count"), [("office", 15), ("inspector", 15), ("secretary", 9), ("other_secretary", 6)]
)
def test_an_export_holds_whom_the_person_reads(world, login, who, count):
    assert len(read_roster(download(login(who), "roster_export")).lines) == count


def test_an_export_is_of_a_branch_and_a_day(world, login):
    member = world.member("member")
    member.memberships.update(until_on=date(2018, 6, 1))
    client = login("office")

    def names(**query: object) -> set[str]:
        lines = read_roster(download(client, "roster_export", **query)).lines
        return {line.cells["name"][1] for line in lines}

    assert "李强" in names(branch=world.first.pk, on="2018-05-31")
    assert "李强" not in names(branch=world.first.pk)
    assert "吴昊" not in names(branch=world.first.pk)
    assert client.get(reverse("branches:roster_export"), {"branch": 999999}).status_code == 404
    assert login("secretary").get(reverse("branches:roster_export"), {"branch": world.second.pk}).status_code == 404
    assert len(names(branch="x", on="x")) == 14


def test_a_member_exports_nothing(world, login):
    assert login("member").get(reverse("branches:roster_export")).status_code == 403


def test_the_template_is_read_as_the_import_reads_it(world, login):
    data = download(login("office"), "roster_template")
    wb = openpyxl.load_workbook(io.BytesIO(data))
    assert wb.sheetnames == ["党员名册", "现有党支部"]
    assert [cell.value for cell in wb["现有党支部"]["A"]] == ["党支部", "教务处党支部", "科研处党支部"]
    sheet = wb["党员名册"]
    for place, value in enumerate(NEWCOMER, 1):
        sheet.cell(sheet.max_row if place > 1 else sheet.max_row + 1, place).value = value
    buffer = io.BytesIO()
    wb.save(buffer)
    reading = read_roster(buffer.getvalue())
    assert set(reading.columns.values()) == {heading.title for heading in HEADINGS}
    assert plan_import(reading, world.committee, TODAY).counts["new"] == 1


def test_a_preview_asks_the_same_however_many_rows(world, login, django_assert_num_queries):
    client = login("office")
    for rows in (1, 3, 300):
        upload(client, book(*(row(工号=f"z{n}") for n in range(rows))))
        record = RosterImport.objects.latest("pk")
        with django_assert_num_queries(14):
            assert client.get(record.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("what", ["new", "changed", "moved", "put right on the same day"])
def test_writing_asks_by_batches_and_not_by_rows(world, what):
    """Of 450 rows more not one statement in twenty-five is more: SQLite takes some hundred rows in one."""
    asked = []
    for count in (50, 500):
        rows = [row(工号=f"{what[:3]}{count}-{n}", 所在党小组="第一党小组") for n in range(count)]
        if what != "new":
            imported(world, *rows, on=TODAY if what.startswith("put") else date(2018, 6, 1))
            new = {"changed": {7: "科长"}, "moved": {2: "科研处党支部"}}.get(what, {3: "第二党小组"})
            rows = [tuple(new.get(place, value) for place, value in enumerate(one)) for one in rows]
        plan = planned(world, *rows)
        assert plan.counts["new" if what == "new" else "changed"] == count
        with CaptureQueriesContext(connection) as queries, roster_lock(world.committee.pk):
            carry_out(plan)
        asked.append(len(queries))
    assert asked[1] - asked[0] <= 450 / 25


def test_an_administrator_gets_no_post_by_a_roster_and_the_row_says_why(world):
    """The database would refuse it when it is written, without a word to the office."""
    admin = world.member("auditor")
    facts = {"工号": admin.staff_number, "姓名": admin.name, "所在党支部": "科研处党支部"}
    (one,) = planned(world, row(**facts, 党内职务="组织委员")).rows
    assert "系统、安全、审计管理员不兼其他职务" in "".join(map(str, one.problems))
    (one,) = planned(world, row(**facts)).rows
    assert not one.problems


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_several_imports_at_once_one_is_written_and_the_others_are_looked_at_again(transactional_db):
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    clients = [Client() for _ in range(4)]
    records = []
    for n, client in enumerate(clients):
        logged_in(world.users["office"], client)
        upload(client, book(row(工号="z9", 姓名=f"林{'东南西北'[n]}")))
        records.append(RosterImport.objects.latest("pk"))
    marks = {mark_of(client, record) for client, record in zip(clients, records, strict=True)}
    assert len(marks) == 1
    barrier, answers = threading.Barrier(len(clients)), [""] * len(clients)

    def press(n: int) -> None:
        try:
            barrier.wait(10)
            page = commit(clients[n], records[n], mark=next(iter(marks))).content.decode()
            answers[n] = "written" if "名册已写入" in page else "refused" if "没有写入" in page else page
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(n,)) for n in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == ["refused", "refused", "refused", "written"]
    assert Member.objects.filter(staff_number="z9").count() == 1
    assert RosterImport.objects.filter(committed_at__isnull=False).count() == 1
