"""Every page that each role reaches by its links, on a desk and on a phone: whole, quiet, labelled and readable."""

from __future__ import annotations

import io
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import openpyxl
import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import resolve
from playwright.sync_api import Page, expect

from config.demo.people import ACCOUNTS
from config.demo.people import PASSWORD as DEMO_PASSWORD
from config.matrix import LEADERS, OFFICE, PUSHERS, ROUTES
from tests.browser.clicking import click, download, go, told
from tests.browser.conftest import DESK, Watch, log_in
from tests.browser.looking import AXE_SCRIPT, look_at

pytestmark = pytest.mark.browser

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOW = "2018-07-12 10:00"
OBJECTS = 2  # pages of a route that are looked at, where links lead to more of them
FOR_ALL = {
    "gallery",
    "branches:password",
    "branches:account",
    "plan:plan_detail",
    "plan:requirement_detail",
    "plan:filing_versions",
    "plan:log",
}  # the same to everybody
# Files whose address does not end in their kind: asked for, and not looked at.
FILES = {
    "handover_docx", "plan:attachment", "study:plan_xlsx", "study:plan_template", "study:material_file",
    "study:push_file", "commitments:feature_picture", "commitments:nomination_picture", "commitments:progress_picture",
}  # fmt: skip
# No pages: how far a long roster is, who has signed in, what a form is sent to; and nobody invites in the demo.
NO_PAGES = {"branches:roster_progress", "study:check_in_state", "study:branch_plan_edit", "study:joint_edit"}
MADE_FOR = {"office": {OFFICE}, "secretary": {LEADERS, PUSHERS}}
LIKE_ANOTHER = {"deputy", "inspector"}  # they see the secretary's and the office's pages: each looked at once

LINKS = """() => [...document.querySelectorAll("a[href]")].filter((one) => one.origin === location.origin)
  .map((one) => one.pathname + one.search)"""


@pytest.fixture(scope="session")
def told_once(tmp_path_factory) -> Path:
    """Where the demo's database is kept between the tests, which leave an empty one behind."""
    return tmp_path_factory.mktemp("demo") / "demo.sqlite3"


@pytest.fixture
def demo(transactional_db, settings, clock, told_once: Path) -> None:
    """The demo's committee and its year up to NOW."""
    settings.DEMO = True
    clock(NOW)
    connection.ensure_connection()
    if not told_once.exists():
        call_command("demo", year=2018, verbosity=0)
        with sqlite3.connect(told_once) as copy:
            connection.connection.backup(copy)
        copy.close()
    else:
        copy = sqlite3.connect(told_once)
        copy.backup(connection.connection)
        copy.close()


def route(path: str) -> str:
    return resolve(urlsplit(path).path).view_name


def crawl(page: Page, begun: list[str], objects: int, taken: Counter[str]) -> Iterator[str]:
    """Go from link to link, at most `objects` addresses of a route, and give the route of each page shown.

    `taken` counts the addresses of each route that were asked for, files to take along among them.
    """
    waiting = begun + (["/"] if objects == 1 else ["/", "/design/"])
    known = set(waiting)
    while waiting:
        path = waiting.pop(0)
        name = route(path)
        if taken[name] == objects:
            continue
        taken[name] += 1
        if name in FILES or re.search(r"\.\w+$", urlsplit(path).path):
            answer = page.request.get(path)
            assert answer.status == 200, f"{answer.status} for {path}"
            continue
        response = page.goto(path)
        assert response is not None
        assert response.status == 200, f"{response.status} for {path}"
        # Whatever asks a file how it looks waits for ever: no script runs there.
        assert "text/html" in response.headers["content-type"], f"{name} is a file"
        yield route(page.url)
        found = [link for link in page.evaluate(LINKS) if link not in known]
        known.update(found)
        waiting += found


def leave_drafts(page: Page, who: str) -> list[str]:
    """Begin what the demo has nobody begin, so that its pages are there to be looked at; where they are."""
    begun = []
    if who == "office":
        go(page, "方案")
        click(page, "起草2019年方案")
        go(page, "支部与党员")
        page.get_by_role("link", name="导入名册").click()
        book = openpyxl.load_workbook(download(page.get_by_role("link", name="下载模板")))
        book.worksheets[0].append(["20180001", "新来的同志", "还没有的党支部"])
        book.save(sent := io.BytesIO())
        roster = {"name": "名册.xlsx", "mimeType": XLSX, "buffer": sent.getvalue()}
        page.locator("input[type=file]").set_input_files(roster)
        click(page, "上传并预览")
        expect(page.get_by_role("link", name="下载需要改正的文件")).to_be_visible()
    elif who == "secretary":
        page.goto("/duties/?code=P4&standing=not_due")
        page.get_by_role("link", name="P4 培养和发掘先进典型").first.click()
        page.get_by_role("link", name="填写材料").click()
        click(page, "存草稿")
        told(page, "草稿")
        page.goto("/study/gatherings/new/")  # of today: people can sign in
        page.get_by_label("支委会", exact=True).check()
        click(page, "存草稿")
        told(page, "草稿")
        begun.append(urlsplit(page.url).path)
        page.goto("/study/pushes/new/")
        page.get_by_label("标题").fill("七月学习篇目")
        click(page, "保存并预览")
        page.get_by_role("link", name="继续修改").wait_for()
        begun.append(urlsplit(page.url).path)
    return begun


@pytest.mark.parametrize("who", ACCOUNTS)
def test_every_page_that_links_lead_to_is_whole(watch: Watch, demo, who):
    page = watch.open(DESK)
    page.add_init_script(AXE_SCRIPT)
    page.goto("/login/")
    problems = list(look_at(page, with_axe=who == "office"))
    page.set_viewport_size({"width": DESK, "height": 900})
    log_in(page, who, DEMO_PASSWORD)
    page.wait_for_url(lambda url: "/login" not in url)
    begun = leave_drafts(page, who)
    seen: set[str] = set()
    taken: Counter[str] = Counter()
    for name in crawl(page, begun, 1 if who in LIKE_ANOTHER else OBJECTS, taken):
        known = name in seen or who in LIKE_ANOTHER or (name in FOR_ALL and who != "office")
        problems += [f"{name} {page.url}: {words}" for words in look_at(page, with_axe=not known)]
        seen.add(name)
    assert problems == []
    # No page is left that is made for these people and that no link leads to.
    assert {name for name, row in ROUTES.items() if row.get in MADE_FOR.get(who, ())} - NO_PAGES <= set(taken)


def test_the_look_finds_what_is_wrong(watch: Watch):
    page = watch.open(DESK)
    page.add_init_script(AXE_SCRIPT)
    page.goto("/login/")
    page.set_content(
        """<html lang="zh"><title>错页</title><main><h1>一</h1><h1>二</h1><input name="what"><button>小</button>
        <p id="wide">宽</p><p id="pale">淡得看不清的字</p></main>"""
    )
    # Styles by script: the policy of the page refuses those that stand in the text.
    page.evaluate("wide.style.width = '2000px'; pale.style.color = '#ccc'")
    found = " ".join(look_at(page, with_axe=True))
    for words in (
        "1440: 2 h1", "1440 wide: 2", "1440 light axe color-contrast", "1440 light axe label", "390 wide: 2",
        "390 unlabelled: <input", "390 small: <button", "390 dark axe label",
    ):  # fmt: skip
        assert words in found
