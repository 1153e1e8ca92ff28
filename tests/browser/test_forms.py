"""Forms under fingers that slip: pressed twice, left too long, filled in wrongly, and in a browser without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from plan.models import Filing, Move, Version
from study.models import Gathering
from tests.browser.clicking import click, go, photo, told
from tests.browser.conftest import DESK, PHONE, log_in
from tests.browser.looking import AXE_SCRIPT, look_at
from tests.conftest import issue_2018

pytestmark = pytest.mark.browser

SAID = "三位同志结合岗位谈了学习党的十九大报告的体会，会上明确了七月的分工。"


@pytest.fixture(autouse=True)
def july(world, clock):
    issue_2018(world)
    clock("2018-07-05 17:30")


def begin_the_own_plan(page: Page) -> None:
    page.get_by_role("link", name="填写自学计划").first.click()
    click(page, "制定自学计划")
    expect(page.get_by_role("button", name="报送党支部")).to_be_visible()


def test_two_clicks_file_once(enter):
    page = enter("member")
    begin_the_own_plan(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="报送党支部").dblclick()
    told(page, "已于 7月5日 17:30 报送，回执号 2018-01-0001")
    assert len(sent) == 1
    assert Version.objects.count() == 1


def test_a_click_in_a_second_window_comes_too_late(enter):
    first = enter("member")
    begin_the_own_plan(first)
    second = first.context.new_page()
    second.goto(first.url)
    click(first, "报送党支部")
    told(first, "回执号 2018-01-0001")
    click(second, "报送党支部")
    told(second, "已于 7月5日 17:30 报送，回执号 2018-01-0001")
    assert Move.objects.filter(name="file").count() == 1
    assert Version.objects.count() == 1


def test_after_the_session_ended_one_comes_back_to_where_one_wanted_to_go(enter, world):
    page = enter("member", PHONE)
    Session.objects.all().delete()
    go(page, "日历")
    expect(page.get_by_role("heading", level=1)).to_have_text("登录")
    log_in(page, world.users["member"].staff_number)
    expect(page.get_by_role("heading", level=1)).to_have_text("2018年7月")


def test_what_was_typed_stays_where_something_is_wrong(enter, watch):
    watch.expected.add(422)
    page = enter("secretary", DESK)
    page.add_init_script(AXE_SCRIPT)
    go(page, "学习计划")
    click(page, "从空白开始")
    page.get_by_role("link", name="添加一次学习").click()
    page.get_by_label("学习主题").fill("学习党章")
    page.get_by_label("学习内容").fill("通读总纲，讨论党员的权利和义务")
    page.get_by_label("开始日期").fill("2018-09-14")
    page.get_by_label("截止日期").fill("2018-09-04")
    page.get_by_label("责任人").select_option("李强")
    click(page, "保存这次学习")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("截止日期早于开始日期，请核对。")
    expect(page.get_by_label("学习主题")).to_have_value("学习党章")
    expect(page.get_by_label("学习内容")).to_have_value("通读总纲，讨论党员的权利和义务")
    expect(page.get_by_label("责任人").locator("option:checked")).to_have_text("李强")
    assert list(look_at(page, with_axe=True)) == []
    summary.get_by_role("link").click()
    expect(page.get_by_label("截止日期")).to_be_in_viewport()
    page.get_by_label("截止日期").fill("2018-09-14")
    click(page, "保存这次学习")
    told(page, "已保存“学习党章”")


def test_the_weeks_of_the_own_plan_are_whole_with_an_error_in_the_middle(enter, watch):
    watch.expected.add(422)
    page = enter("member", DESK)
    page.add_init_script(AXE_SCRIPT)
    begin_the_own_plan(page)
    page.get_by_label("7月9日起一周的学时").fill("")
    page.get_by_label("7月16日起一周的学习内容").fill("读《梁家河》前三章")
    click(page, "存草稿")
    expect(page.get_by_role("alert")).to_contain_text("学时")
    expect(page.get_by_label("7月16日起一周的学习内容")).to_have_value("读《梁家河》前三章")
    assert list(look_at(page, with_axe=True)) == []


def test_without_scripts_a_gathering_is_recorded_and_filed(enter, tmp_path: Path):
    page = enter("secretary", PHONE, script=False)
    go(page, "记录")
    page.get_by_role("link", name="记录活动").first.click()
    page.get_by_label("专题学习研讨", exact=True).check()
    page.get_by_label("地点").fill("教务处二楼会议室")
    page.get_by_label("主要内容").fill(SAID)
    click(page, "按所填内容更新可完成的任务和名单")
    expect(page.get_by_label("7–8月专题学习研讨")).to_be_checked()
    page.get_by_text("逐人更改").click()
    page.get_by_role("radiogroup", name="周敏").get_by_text("缺席").click()
    click(page, "存草稿")
    expect(page.locator(".tally")).to_have_text("应到9实到8")
    told(page, "草稿")
    page.locator("#id_pictures").set_input_files(photo(tmp_path / "研讨.jpg", "teal"))
    click(page, "上传所选图片")
    expect(page.get_by_role("img", name="研讨")).to_be_visible()
    click(page, "报送机关党委办公室")
    told(page, "已于 7月5日 17:30 报送，回执号 2018-01-0001")
    gathering = Gathering.objects.get()
    assert (gathering.content, gathering.place) == (SAID, "教务处二楼会议室")
    assert gathering.filing.state == Filing.State.FILED
