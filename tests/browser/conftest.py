"""A real server and a real browser: who opens the portal, at what width, and everything that went wrong meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, expect
from pytest_django.live_server_helper import LiveServer

from tests.conftest import PASSWORD, World, make_world
from tools.services import chromium

# Playwright's plain calls run an event loop, in which Django would otherwise refuse to ask the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# The Content-Security-Policy's own event, in case that the console stays silent about it.
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP ${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))"""
DESK, PHONE = 1440, 390
PATIENCE = 15_000  # milliseconds: the server shares two cores with the browser and with whatever else runs
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Debian's Chromium, and nothing that it would like to fetch by itself."""
    path = chromium()
    if not path:
        pytest.fail("没有 Chromium。请用 make test 运行（会安装），或设置 CHROMIUM。")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    return {**browser_type_launch_args, "executable_path": path, "args": quiet}


@pytest.fixture(scope="session")
def portal(django_db_setup) -> Iterator[str]:
    """The address of the portal, served by threads of this process until the last test is over."""
    server = LiveServer("127.0.0.1")
    yield server.url
    server.stop()


@pytest.fixture
def world(transactional_db) -> World:
    return make_world()


class Watch:
    """Browsers' windows on the portal, and whatever went wrong in any of them."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url
        self.problems: list[str] = []
        self.expected: set[int] = set()
        self.contexts: list[BrowserContext] = []

    def open(self, width: int = DESK, *, script: bool = True, any_certificate: bool = False) -> Page:
        """A window of somebody new: no cookies; a phone below 600 px; `any_certificate` takes the tests' own."""
        phone = width < 600
        context = self.browser.new_context(
            base_url=self.url, viewport={"width": width, "height": 844 if phone else 900}, is_mobile=phone,
            has_touch=phone, java_script_enabled=script, locale="zh-CN", timezone_id="Asia/Shanghai",
            reduced_motion="reduce", ignore_https_errors=any_certificate,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._note(f"page error: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)
        self.contexts.append(context)
        return context.new_page()

    def _note(self, words: str) -> None:
        self.problems.append(words)

    def _console(self, message: ConsoleMessage) -> None:
        refused = "Failed to load resource" in message.text and any(f" {n} " in message.text for n in self.expected)
        if message.type in {"error", "warning"} and not refused:
            self._note(f"console {message.type} on {message.page and message.page.url}: {message.text}")

    def _failed(self, request: Request) -> None:
        # What a page was still loading when its reader went on is given up; downloads count as given up, too.
        if request.failure != "net::ERR_ABORTED":
            self._note(f"request failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self._note(f"{response.status} for {response.request.method} {response.url}")
        if not response.url.startswith((self.url, "blob:", "data:")):
            self._note(f"foreign address: {urlsplit(response.url).netloc}")

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture
def watch(browser: Browser, portal: str, transactional_db) -> Iterator[Watch]:
    """Windows on the portal; when the test is over nothing may have gone wrong in them."""
    watch = Watch(browser, portal)
    yield watch
    watch.close()
    assert watch.problems == []


def log_in(page: Page, staff_number: str, password: str = PASSWORD) -> None:
    page.get_by_label("工号").fill(staff_number)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()


@pytest.fixture
def enter(watch: Watch, world: World) -> Callable[..., Page]:
    """`enter("secretary", 390)` gives a window in which that person of the small committee has just logged in."""

    def as_person(who: str, width: int = DESK, *, script: bool = True) -> Page:
        page = watch.open(width, script=script)
        page.goto("/login/")
        log_in(page, world.users[who].staff_number)
        page.get_by_role("heading", level=1).filter(has_not_text="登录").wait_for()
        return page

    return as_person
