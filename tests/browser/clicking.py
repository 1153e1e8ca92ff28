"""What people do on every page: go to a place, press a button, read the message, take a file along or a photo."""

from __future__ import annotations

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect

TURNED, GPS = 0x0112, 0x8825  # the tags of a photo's Exif that are told


def go(page: Page, place: str) -> None:
    """Click a place of the navigation: in its bar, or, beyond a phone's four, in the account's menu."""
    bar = page.get_by_role("navigation", name=re.compile("栏目"))
    if not bar.count():
        page.get_by_role("banner").get_by_role("link", name="支部工作台").click()  # a phone's form hides the bar
    expect(bar).to_be_visible()
    link = bar.get_by_role("link", name=place, exact=True)
    if not link.count():
        page.get_by_role("button", name="账户菜单").click()
        link = page.locator(".dropdown-menu").get_by_role("link", name=place, exact=True)
    link.click()


def click(page: Page, button: str, *, confirm: bool = False) -> None:
    """Press the button of that name; `confirm` presses it again in the dialog that asks."""
    page.get_by_role("button", name=button, exact=True).click()
    if confirm:
        page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


def choose(page: Page, label: str, option: str) -> None:
    """Set a condition of a list, which shows it at once; a phone folds the conditions away."""
    page.wait_for_load_state()
    field = page.get_by_role("search").get_by_label(label)
    if not field.is_visible():
        click(page, "筛选")
    field.select_option(option)


def told(page: Page, words: str) -> None:
    """The page says so in a message."""
    expect(page.locator(".message").filter(has_text=words)).to_be_visible()


def download(link: Locator) -> io.BytesIO:
    """The file that the link gives."""
    with link.page.expect_download() as caught:
        link.click()
    return io.BytesIO(Path(caught.value.path()).read_bytes())


def photo(path: Path, colour: str, *, told: bool = False) -> str:
    """A landscape photo; `told` as a phone writes it: held upright, with the place where it was taken."""
    exif = Image.Exif()
    if told:
        exif[TURNED] = 6
        exif.get_ifd(GPS).update({1: "N", 2: (34.0, 9.0, 3.5), 3: "E", 4: (108.0, 53.0, 20.1)})
    Image.new("RGB", (800, 600), colour).save(path, "JPEG", exif=exif)
    return str(path)
