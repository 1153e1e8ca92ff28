"""The study plan as a workbook: out and in again, refused by its cell, written whole or not at all."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from documents.workbook import read
from study.models import BranchPlan, PlanItem
from study.plan_sheets import HEADINGS, MOST_ROWS, Sheetful
from tests.branches.hostile_xlsx import CASES, REFUSED
from tests.branches.test_hostile_xlsx import words_of
from tests.conftest import World
from tests.study.test_branch_plan_page import everything, held, put
from tests.study.test_branch_plans import begun, file_it

pytestmark = pytest.mark.django_db
TITLES = [heading.title for heading in HEADINGS]


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-09 10:00")


def sheet(*rows: dict, titles: list[str] | None = None, above: str = "") -> bytes:
    """A workbook with these rows, each by the columns' names."""
    book = openpyxl.Workbook()
    titles = titles or TITLES
    if above:
        book.active.append([above])
    book.active.append(titles)
    for row in rows:
        book.active.append([row.get(title) for title in titles])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def address(record: BranchPlan) -> str:
    return reverse("study:plan_import", args=[record.pk])


def upload(client, record: BranchPlan, data: bytes, name: str = "计划.xlsx"):
    file = io.BytesIO(data)
    file.name = name
    return client.post(address(record), {"file": file, "action": "upload"})


def commit(client, record: BranchPlan, preview, **more):
    context = preview.context
    return client.post(
        address(record), {"action": "commit", "edition": context["edition"], "rows": context["rows"]} | more
    )


def exported(client, record: BranchPlan) -> bytes:
    response = client.get(reverse("study:plan_xlsx", args=[record.pk]))
    assert response["Content-Disposition"].startswith("attachment")
    return b"".join(response.streaming_content)


ROW = {
    "开始日期": "2018-09-14",
    "学习主题": "学习党章",
    "学习内容": "总纲",
    "学时": 2.5,
    "责任人": "李强",
    "学习方式": "文件领读",
}


def test_what_was_exported_comes_in_again_and_changes_nothing(issued: World, login) -> None:
    record, client = begun(login), login("secretary")
    put(record, date(2018, 7, 10), "=1+1", content="第一行\n第二行", place="+三楼", with_kinds=["lecture"])
    before, data = everything(record), exported(client, record)
    preview = upload(client, record, data)
    assert preview.context["counts"] == {"wrong": 0, "new": 0, "changed": 0, "unchanged": record.items.count()}
    assert "没有需要写入的内容" in words_of(preview)
    assert commit(client, record, preview).status_code == 302
    assert everything(record) == before
    # All of it, as text: no cell is a formula, and every column of the form is there.
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert all(cell.data_type != "f" for ws in book for row in ws.iter_rows() for cell in row)
    assert TITLES in [[cell.text for cell in row] for row in read(data).rows]


def test_new_changed_and_missing_rows_are_said_first_and_written_whole(issued: World, login) -> None:
    record, client = begun(login, draft="0"), login("commissioner")
    kept, gone = put(record, date(2018, 8, 3), "八月学习"), put(record, date(2018, 10, 3), "十月学习")
    held(issued, gone)
    reading = issued.plan.readings.first()
    data = sheet(
        ROW | {"活动类型": "专题学习研讨", "同日一并开展": "党课、主题党日", "学习篇目": reading.title, "周期": "每月",
               "截止日期": date(2018, 12, 14)},
        {"开始日期": date(2018, 8, 6), "学习主题": "八月学习", "学习内容": "第一章", "学时": 2, "学习方式": "自学"},
    )  # fmt: skip
    before = everything(record)
    preview = upload(client, record, data)
    text = words_of(preview)
    assert "新增1条 修改1条 不变0条" in text
    assert "开始日期：8月3日 → 8月6日" in text
    assert "十月学习（已有1次活动记录，记录保留）" in text
    assert everything(record) == before
    response = commit(client, record, preview, remove_absent="1")
    assert response.status_code == 302
    kept.refresh_from_db()
    assert (kept.starts_on, kept.ends_on, kept.method, kept.responsible) == (
        date(2018, 8, 6), date(2018, 8, 6), "self", None,
    )  # fmt: skip
    new = record.items.get(topic="学习党章")
    assert (new.kinds, new.rhythm, new.responsible) == (
        ["seminar", "lecture", "theme_day"],
        "monthly",
        issued.member("member"),
    )
    assert list(new.readings.all()) == [reading]
    assert not PlanItem.objects.filter(pk=gone.pk).exists()
    # The same file again changes nothing.
    again = upload(client, record, data)
    assert again.context["counts"] == {"wrong": 0, "new": 0, "changed": 0, "unchanged": 2}
    assert not again.context["incoming"].absent


def test_a_column_that_is_missing_leaves_what_is_kept(issued: World, login) -> None:
    record, client = begun(login, draft="0"), login("secretary")
    item = put(record, date(2018, 8, 3), "八月学习", place="三楼")
    data = sheet(
        {"主题": "八月学习", "日期": "2018.8.3", "地点": "五楼", "备注": "x"}, titles=["主题", "日期", "地点", "备注"]
    )
    preview = upload(client, record, data)
    assert "这些列没有读入：备注。" in words_of(preview)
    commit(client, record, preview)
    item.refresh_from_db()
    assert (item.place, item.content, item.hours, item.method) == ("五楼", "第一章", 2, "reading")
    assert item.responsible is not None


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ({"开始日期": "2018-02-30"}, "没有“2018-02-30”这一天"), ({"开始日期": "2017-09-14"}, "请填写2018年内的日期"),
        ({"截止日期": "2018-09-01"}, "截止日期早于开始日期"), ({"学习主题": "长" * 121}, "学习主题"),
        ({"学时": "5分"}, "学时填0.5到999"), ({"学时": -2}, "学时填0.5到999"), ({"学时": 1e300}, "学时"),
        ({"学时": "NaN"}, "学时填"), ({"责任人": "孙丽"}, "本支部名册中没有“孙丽”"),
        ({"学习方式": "打坐"}, "没有“打坐”这一项"),
        ({"活动类型": "=HYPERLINK(\"http://x\")"}, "单元格是公式"), ({"学习内容": "长" * 401}, "学习内容"),
        ({"学习篇目": "没有这一篇"}, "不在本年度方案的学习重点中"), ({"周期": "每天"}, "没有“每天”这一项"),
        ({"同日一并开展": "党课、聚餐"}, "没有“聚餐”这一项"), ({"学习主题": None}, "请填写“学习主题”"),
    ],
)  # fmt: skip
def test_one_wrong_cell_is_told_with_row_column_and_cure_and_nothing_is_written(
    issued: World, login, cell: dict, words: str
) -> None:
    record, client = begun(login, draft="0"), login("secretary")
    before = everything(record)
    preview = upload(client, record, sheet(ROW, ROW | {"学习主题": "第二条"} | cell))
    text = words_of(preview)
    assert "第3行" in text
    assert words in text
    assert next(iter(cell)) in text
    assert "写入计划" not in text
    # And not by sending what the page did not offer either.
    response = commit(client, record, preview)
    assert response.status_code == 422
    assert everything(record) == before


def test_two_rows_that_say_the_same_are_both_looked_at(issued: World, login) -> None:
    record = begun(login, draft="0")
    assert "与第2行完全相同" in words_of(upload(login("secretary"), record, sheet(ROW, ROW)))


def test_two_of_one_name_are_told_apart_by_their_numbers(issued: World, login) -> None:
    record, client = begun(login, draft="0"), login("secretary")
    twin = issued.member("deputy")
    twin.name = "李强"
    twin.save()
    assert "本支部有2位“李强”" in words_of(upload(client, record, sheet(ROW)))
    preview = upload(client, record, sheet(ROW | {"责任人": f"李强（{twin.staff_number}）"}))
    commit(client, record, preview)
    assert record.items.get().responsible == twin


@pytest.mark.parametrize(
    "case", [one for one in CASES if one.fate == REFUSED], ids=lambda one: f"{one.id}-{one.make.__name__}"
)
def test_a_hostile_workbook_is_refused_at_its_field(issued: World, login, case) -> None:
    record = begun(login, draft="0")
    before = everything(record)
    response = upload(login("secretary"), record, case.make(), case.name)
    assert response.status_code == 422
    (said,) = response.context["form"].errors["file"]
    assert "请" in said
    assert everything(record) == before


def test_what_is_read_of_sloppy_workbooks(issued: World, login) -> None:
    record, client = begun(login, draft="0"), login("secretary")
    # x13, x19, x20, x27: formulas, another counting of days, what is hidden, what is invisible.
    assert "单元格是公式" in words_of(upload(client, record, sheet(ROW | {"学习主题": "=1+1"})))
    book = openpyxl.load_workbook(io.BytesIO(sheet(ROW, {"开始日期": 43282, "学习主题": "自1904年数起"})))
    book.epoch = openpyxl.utils.datetime.MAC_EPOCH
    book.active.row_dimensions[2].hidden = True
    text = words_of(upload(client, record, saved(book)))
    assert "不是完整的日期" in text
    assert "第2行在文件中是隐藏的" in text
    broken = sheet(ROW | {"学习主题": "学习_x0007_党章"})
    assert "看不见的控制字符" in words_of(upload(client, record, broken))
    titles = [f"\ufeff{title} " for title in TITLES]
    odd = sheet({f"\ufeff{key} ": value for key, value in ROW.items()}, titles=titles)
    assert "新增1条" in words_of(upload(client, record, odd))
    assert "“学习主题”有两列" in words_of(
        upload(client, record, sheet(ROW, titles=["开始日期", "学习主题", "学习主题"]))
    )
    assert "没有找到表头" in words_of(upload(client, record, sheet(ROW, titles=["学习主题", "学时"])))
    assert "超过" in words_of(upload(client, record, sheet(*[ROW] * (MOST_ROWS + 20))))


def saved(book) -> bytes:
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_the_plan_of_another_branch_is_refused(issued: World, login) -> None:
    record = begun(login, draft="0")
    data = sheet(ROW, above="科研处党支部2018年度学习计划")
    assert "不是“教务处党支部2018年度学习计划”" in words_of(upload(login("secretary"), record, data))
    data = sheet(ROW, above="教务处党支部2018年度学习计划")
    assert "新增1条" in words_of(upload(login("secretary"), record, data))


def test_the_template_names_the_choices_and_comes_in_again(issued: World, login) -> None:
    record, client = begun(login, draft="0"), login("secretary")
    response = client.get(reverse("study:plan_template", args=[record.pk]))
    book = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    choices = {cell.value for row in book["可选内容"].iter_rows() for cell in row}
    assert {"文件领读", "主题党日", "李强", "每周", issued.plan.readings.first().title} <= choices
    book["学习计划"].append([ROW.get(title) for title in TITLES])
    assert "新增1条" in words_of(upload(client, record, saved(book)))


def test_a_preview_of_an_old_plan_is_held_against_the_new_one(issued: World, login) -> None:
    record, client = begun(login, draft="0"), login("secretary")
    preview = upload(client, record, sheet(ROW))
    put(record, date(2018, 9, 14), "学习党章")
    record.filing.edition += 1
    record.filing.save(update_fields=["edition"])
    response = commit(client, record, preview)
    assert response.status_code == 409
    assert "修改1条" in words_of(response)
    assert record.items.count() == 1
    assert commit(client, record, response).status_code == 302
    assert record.items.get().responsible == issued.member("member")
    # The answer was lost and the button pressed again: nothing is doubled.
    assert commit(client, record, response).status_code == 302
    assert record.items.count() == 1


@pytest.mark.parametrize(
    "rows", ["", "x", "[]", "[[],[[1]]]", '[["topic"],[["a",{}]]]', '[["pk"],[]]', '[["topic"],[[2,{"topic":3}]]]',
             '[["topic"],[[2,{"hours":["text","2"]}]]]', "[" * 3000, "null"],
)  # fmt: skip
def test_made_up_rows_are_refused(issued: World, login, rows: str) -> None:
    record, client = begun(login, draft="0"), login("secretary")
    assert client.post(address(record), {"action": "commit", "edition": 0, "rows": rows}).status_code == 400
    assert not record.items.exists()


def test_who_does_not_work_on_the_plan_gets_what_was_filed_only(issued: World, login) -> None:
    record = begun(login)
    url = reverse("study:plan_xlsx", args=[record.pk])
    assert login("member").get(url).status_code == 404
    file_it(login("secretary"), record)
    for who in ("member", "office", "inspector"):
        assert login(who).get(url).status_code == 200
    record.filing.refresh_from_db()
    type(record.filing).objects.filter(pk=record.filing_id).update(state="sent_back")
    assert login("member").get(url).status_code == 302


def test_preview_export_and_commit_ask_as_much_for_many_rows_as_for_one(issued: World, login) -> None:
    record, client, counts = begun(login, draft="0"), login("secretary"), []
    for wanted in (1, 3, 200):
        data = sheet(*[ROW | {"学习主题": f"第{n}次", "学时": wanted % 7 + 1} for n in range(wanted)])
        with CaptureQueriesContext(connection) as queries:
            preview = upload(client, record, data)
        first = len(queries)
        with CaptureQueriesContext(connection) as queries:
            assert commit(client, record, preview).status_code == 302
        second = len(queries)
        with CaptureQueriesContext(connection) as queries:
            exported(client, record)
        counts.append((first, second, len(queries)))
        assert record.items.count() == wanted
    assert counts[1][0] == counts[2][0], counts
    assert counts[1][2] == counts[2][2], counts
    assert Sheetful.from_text(preview.context["rows"]).lines
