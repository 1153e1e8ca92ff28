"""The year's plan under hands: an item goes to another month by key and by mouse, and the check follows."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from study.models import PlanItem
from tests.browser.clicking import click, go
from tests.browser.conftest import DESK, PHONE
from tests.browser.looking import AXE_SCRIPT, look_at
from tests.conftest import issue_2018

pytestmark = pytest.mark.browser
LACKS = "10月缺党员集体学习"


@pytest.fixture(autouse=True)
def july(world, clock):
    issue_2018(world)
    clock("2018-07-05 17:30")


def test_an_item_goes_by_key_and_by_mouse_and_the_check_follows(enter):
    page = enter("secretary", DESK)
    page.add_init_script(AXE_SCRIPT)
    go(page, "学习计划")
    click(page, "按方案起草学习计划")
    check = page.locator("[data-plan-check]")
    expect(check).not_to_contain_text(LACKS)
    item = PlanItem.objects.get(kind="collective_study", scope="collective", starts_on__month=10)
    grip = page.get_by_role("button", name=f"移动“{item.topic}”", exact=True)
    grip.focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.get_by_role("status").filter(has_text="移到11月")).to_be_visible()
    expect(check).to_contain_text(LACKS)
    expect(page.locator(f"#month-11 #item-{item.pk} [data-grip]")).to_be_focused()
    assert list(look_at(page, with_axe=True)) == []
    page.set_viewport_size({"width": DESK, "height": 900})
    click(page, "撤销")
    expect(page.locator(f"#month-10 #item-{item.pk}")).to_be_visible()
    expect(check).not_to_contain_text(LACKS)
    item.refresh_from_db()
    assert item.starts_on.month == 10
    # By mouse to the month above.
    grip.scroll_into_view_if_needed()
    start, target = grip.bounding_box(), page.locator("#month-9 h3").bounding_box()
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(target["x"] + 10, target["y"] + 10, steps=5)
    page.mouse.up()
    expect(page.locator(f"#month-9 #item-{item.pk}")).to_be_visible()
    expect(check).to_contain_text(LACKS)


def test_the_table_is_checked_while_it_is_typed_and_saved_whole(enter):
    page = enter("secretary", PHONE)
    page.add_init_script(AXE_SCRIPT)
    go(page, "学习计划")
    click(page, "按方案起草学习计划")
    page.get_by_role("link", name="逐条修改").click()
    item = PlanItem.objects.get(kind="collective_study", scope="collective", starts_on__month=10)
    check = page.locator("[data-plan-check]")
    expect(check).not_to_contain_text(LACKS)
    assert list(look_at(page, with_axe=True)) == []
    page.set_viewport_size({"width": PHONE, "height": 844})
    row = page.locator(f"#item-{item.pk}")
    row.get_by_label("开始日期").fill("2018-11-01")
    row.get_by_label("截止日期").fill("2018-11-01")
    expect(check).to_contain_text(LACKS)
    item.refresh_from_db()
    assert item.starts_on.month == 10
    click(page, "保存全部修改")
    expect(page.get_by_text("已保存：修改1条。")).to_be_visible()
    item.refresh_from_db()
    assert item.starts_on.month == 11
