"""The three roles' story, clicked through as people would: from the plan's draft to the filed activity's papers."""

from __future__ import annotations

import io
import re
from pathlib import Path

import docx
import openpyxl
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.clicking import choose, click, download, go, photo, told
from tests.browser.conftest import DESK, PHONE

pytestmark = pytest.mark.browser

STUDY = "集体学习：《习近平谈治国理政》第一卷"
SAID = "陈静同志领读《习近平谈治国理政》第一卷第一章，李强、张三一两位同志结合教务工作谈了体会。"


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_main_job_from_the_plan_to_the_filed_activity(enter, clock, tmp_path, width):
    clock("2018-06-11 09:00")
    office = enter("office", width)
    issues_the_plan(office)
    clock("2018-06-12 19:40")
    member = enter("member", width)
    files_the_own_plan(member)
    clock("2018-06-13 08:30")
    secretary = enter("secretary", width)
    approves(secretary)
    plans_the_years_study(secretary)
    clock("2018-06-14 10:05")
    # A login ends after half an hour without a click: on another day everybody comes in anew.
    receives_the_plan(enter("office", width))
    clock("2018-07-05 17:30")
    records_the_gathering(enter("secretary", width), tmp_path)
    clock("2018-07-06 09:14")
    files_the_record(enter("secretary", width))
    clock("2018-07-06 15:20")
    office, member = enter("office", width), enter("member", width)
    receives_the_record(office)
    reads_the_record(office)
    sees_it_on_the_board(office, width)
    sees_it_in_the_calendar(member)


def issues_the_plan(page: Page) -> None:
    click(page, "从随附的方案起草2018年方案")
    page.get_by_role("link", name="预览与下发").click()
    expect(page.get_by_role("table", name="强化组织保障")).to_be_visible()
    click(page, "下发", confirm=True)
    told(page, "已下发2018年实施方案")


def files_the_own_plan(page: Page) -> None:
    page.get_by_role("link", name="填写自学计划").first.click()
    click(page, "制定自学计划")
    page.get_by_label("年度目标").fill("读完《习近平谈治国理政》第一、二卷，写四篇心得。")
    page.get_by_label("6月11日起一周的学习内容").fill("通读《中国共产党章程》，摘录要点")
    page.get_by_label("6月11日起一周的学习方式").select_option("线上学习")
    page.get_by_label("6月11日起一周的学时").fill("3")
    page.get_by_label("6月18日起一周的学习内容").fill("重读党的十九大报告第三部分，写一篇心得")
    click(page, "报送党支部")
    told(page, "已于 6月12日 19:40 报送，回执号 2018-01-0001")


def approves(page: Page) -> None:
    page.get_by_role("link", name="打开审定").first.click()
    click(page, "审定")
    told(page, "李强2018年个人自学计划”已审定")


def plans_the_years_study(page: Page) -> None:
    go(page, "学习计划")
    click(page, "按方案起草学习计划")
    july = page.locator("#month-7")
    july.get_by_role("link", name=STUDY).click()
    click(page, "删去这次学习", confirm=True)
    expect(july).to_contain_text("7月缺党员集体学习")
    july.get_by_role("link", name="添加7月的学习").click()
    page.get_by_label("学习主题").fill(STUDY)
    page.get_by_text("同日一并开展").click()
    page.get_by_label("支部党员大会").check()
    page.get_by_label("主题党日").check()
    page.get_by_label("《习近平谈治国理政》第一卷").check()
    page.get_by_label("开始日期").fill("2018-07-05")
    page.get_by_label("截止日期").fill("2018-07-05")
    click(page, "保存这次学习")
    expect(july).to_contain_text("还缺学时、责任人、学习方式")
    expect(page.get_by_role("button", name="报送机关党委办公室")).to_be_disabled()
    july.get_by_role("link", name=STUDY).click()
    page.get_by_label("学时").fill("2.5")
    page.get_by_label("责任人").select_option("李强")
    page.get_by_label("学习方式").select_option("文件领读")
    click(page, "保存这次学习")
    expect(page.get_by_role("link", name="四个明确已做到")).to_be_visible()
    click(page, "报送机关党委办公室")
    told(page, "已于 6月13日 08:30 报送，回执号 2018-01-0002")


def receives_the_plan(page: Page) -> None:
    go(page, "待审")
    page.get_by_role("link", name="教务处党支部2018年度学习计划").click()
    expect(page.get_by_role("table", name="集体学习清单")).to_contain_text(STUDY)
    click(page, "备案")
    told(page, "已备案")


def records_the_gathering(page: Page, folder: Path) -> None:
    go(page, "记录")
    page.get_by_role("link", name="记录活动").first.click()
    for kind in ("支部党员大会", "主题党日", "集体学习"):
        page.get_by_label(kind, exact=True).check()
    settles = page.get_by_role("group", name="可同时完成的任务")
    expect(settles.get_by_label("7月集体学习")).to_be_checked()
    expect(page.get_by_label("名称")).to_have_value(STUDY)
    page.get_by_role("textbox", name="开始*", exact=True).fill("13:30")
    page.get_by_role("textbox", name="结束*", exact=True).fill("17:00")
    page.get_by_label("地点").fill("行政楼301会议室")
    page.get_by_label("主持人", exact=True).select_option("陈静")
    page.get_by_label("记录人", exact=True).select_option("何平")
    page.get_by_text("逐人更改").click()
    page.get_by_role("radiogroup", name="周敏").get_by_text("请假").click()
    page.get_by_label("周敏请假事由").select_option("公出")
    page.get_by_role("radiogroup", name="张三四").get_by_text("缺席").click()
    expect(page.locator(".tally")).to_have_text("应到9实到7")
    page.get_by_label("主要内容").fill(SAID)
    page.get_by_label("已在会上安排本月各项活动").check()
    page.get_by_label("重温入党誓词").check()
    expect(settles.get_by_label("7月支部党员大会")).to_be_checked()
    photos = [photo(folder / "会场.jpg", "firebrick"), photo(folder / "领读.jpg", "darkgreen", told=True),
              photo(folder / "合影.jpg", "navy")]  # fmt: skip
    page.get_by_label("拍照或选择图片").set_input_files(photos)
    expect(page.locator("#photos img")).to_have_count(3)
    expect(page.get_by_role("button", name="报送机关党委办公室")).to_be_enabled()
    click(page, "存草稿")
    told(page, "草稿")


def files_the_record(page: Page) -> None:
    go(page, "记录")
    page.get_by_role("listitem").filter(has_text=STUDY).get_by_role("link", name="继续填写").click()
    settles = page.get_by_role("group", name="可同时完成的任务")
    for label in ("7月集体学习", "7月主题党日"):
        expect(settles.get_by_label(label)).to_be_checked()
    click(page, "报送机关党委办公室")
    told(page, "已于 7月6日 09:14 报送，回执号 2018-01-0003")


def receives_the_record(page: Page) -> None:
    go(page, "待审")
    page.get_by_role("link", name=STUDY).click()
    sheet = page.get_by_role("article")
    expect(sheet).to_contain_text(SAID)
    expect(sheet.get_by_role("img")).to_have_count(3)
    address = sheet.get_by_role("img", name="领读").get_attribute("src") or ""
    kept = Image.open(io.BytesIO(page.request.get(address.replace("thumb", "full")).body()))
    assert kept.size == (600, 800)
    assert not kept.getexif()
    click(page, "备案")
    told(page, "已备案")
    for title in ("每月1次党员集体学习", "每月1次主题党建活动日", "党员大会安排当月活动", "活动图文资料第二天上报备案"):
        duty = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=title))
        expect(duty.filter(has_text="已备案")).to_be_visible()


def reads_the_record(page: Page) -> None:
    paper = docx.Document(download(page.get_by_role("link", name="下载 Word")))
    text = "\n".join(line.text for line in paper.paragraphs)
    text += "\n".join(cell.text for table in paper.tables for row in table.rows for cell in row.cells)
    for words in (
        "党支部活动备案表", "2018-01-0003", "教务处党支部", STUDY, "支部党员大会、主题党日、集体学习",
        "2018年7月5日13:30至17:00", "行政楼301会议室", SAID, "周敏", "公出", "郑洁",
    ):  # fmt: skip
        assert words in text
    assert re.search(r"应到人数\s*9\D", text)
    assert re.search(r"实到人数\s*7\D", text)
    assert len(paper.inline_shapes) == 3


def sees_it_on_the_board(page: Page, width: int) -> None:
    go(page, "总览")
    choose(page, "到期月份", "7月")
    expect(page).to_have_url(re.compile("month=7"))
    book = openpyxl.load_workbook(download(page.get_by_role("link", name="导出 Excel")))
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    heads = next(row for row in rows if row[1] == "党支部")
    standing = {row[1]: row[heads.index("S7 每月1次党员集体学习")] for row in rows if row[0] in ("01", "02")}
    assert standing == {"教务处党支部": "已备案", "科研处党支部": "未到期"}

    if width == DESK:
        labels = page.locator(".board thead tr").last.get_by_role("columnheader").all_inner_texts()
        column = next(n for n, label in enumerate(labels) if label.startswith("S7"))
        branch = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="教务处党支部"))
        expect(branch.get_by_role("cell").nth(column)).to_have_text(re.compile("已备案"))
    else:  # a phone's board tells what is late or near; what is settled stands in the list
        expect(page.get_by_role("main")).to_contain_text("没有逾期、退回补正和本周到期的事项")
        go(page, "欠报清单")
        choose(page, "状态", "已办结")
        expect(page).to_have_url(re.compile("standing="))
        duty = page.get_by_role("row").filter(has_text="每月1次党员集体学习").filter(has_text="教务处党支部")
        expect(duty).to_contain_text("已备案")


def sees_it_in_the_calendar(page: Page) -> None:
    go(page, "日历")
    day = page.get_by_role("cell").filter(has=page.get_by_role("link", name=STUDY))
    expect(day).to_contain_text("13:30–17:00")
    expect(day).to_contain_text("已备案")
