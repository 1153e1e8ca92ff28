"""On a phone: the portal without a network, a long text at one's own pace, and nothing left after logging out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from study.models import Push
from tests.browser.conftest import PHONE, Watch
from tests.conftest import World, at
from tests.study.pushed import push_by, sent_out

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
READY = "async () => { await navigator.serviceWorker.ready; return Boolean(navigator.serviceWorker.controller); }"
KEPT = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
  }
  return found.sort();
}"""


def under_control(page: Page) -> None:
    page.wait_for_function(READY)


def test_without_a_network_the_offline_page_comes_and_nothing_of_anybodys_is_kept(
    enter: Callable[..., Page], watch: Watch, world: World
) -> None:
    page = enter("member", PHONE)
    under_control(page)
    for path in ("/", "/study/my-plan/", "/study/pushes/"):
        page.goto(path)
    kept = page.evaluate(KEPT)
    assert "/offline/" in kept
    assert all(path == "/offline/" or path.startswith("/static/") for path in kept)
    page.context.set_offline(True)
    page.goto("/study/my-plan/")
    expect(page.get_by_role("heading", name="没有网络")).to_be_visible()
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.btn-primary')).backgroundColor") != "rgba(0, 0, 0, 0)"
    )
    page.context.set_offline(False)
    watch.problems.clear()  # what failed while there was no network was meant to
    page.get_by_role("link", name="重新连接").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("待办")


def test_a_long_text_is_read_part_by_part_and_the_place_is_forgotten_at_logout(
    enter: Callable[..., Page], world: World
) -> None:
    office = world.access("office", at("2018-07-02 10:00"))
    text = "\n".join(f"第{n}章 标题\n{'学习内容。' * 30}" for n in "一二三四")
    push = sent_out(push_by(office, "长文", text=text), office)
    page = enter("member", PHONE)
    page.goto(push.get_absolute_url())
    expect(page.get_by_text("第1节，共4节")).to_be_visible()
    page.get_by_role("button", name="下一节").click()
    expect(page.get_by_role("heading", name="第二章 标题")).to_be_visible()
    expect(page.get_by_role("heading", name="第一章 标题")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("第3节，共4节")).to_be_visible()
    page.get_by_text("更大", exact=True).click()
    page.reload()
    expect(page.get_by_text("第3节，共4节")).to_be_visible()
    assert page.evaluate("document.querySelector('[data-reader]').classList.contains('reader-size-3')")
    page.get_by_label("一页一节").uncheck()
    expect(page.get_by_role("heading", name="第一章 标题")).to_be_visible()
    page.get_by_label("学习体会").fill("很受教育")
    page.get_by_role("button", name="标记为已学习").click()
    expect(page.get_by_text("已标记为学过。")).to_be_visible()
    assert Push.objects.get().studied.get().note == "很受教育"
    page.get_by_role("button", name="账户菜单").click()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('reader:'))") == []


def test_without_scripts_the_whole_text_stands_on_the_page(enter: Callable[..., Page], world: World) -> None:
    office = world.access("office", at("2018-07-02 10:00"))
    push = sent_out(push_by(office, "长文", text="一、甲\n学。\n二、乙\n干。"), office)
    page = enter("member", PHONE, script=False)
    page.goto(push.get_absolute_url())
    for heading in ("一、甲", "二、乙"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
