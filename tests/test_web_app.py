"""The portal as an app: what a phone needs to install it, and what it may keep: nothing of anybody's."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from PIL import Image, ImageChops

from config import web_app
from tests.conftest import ROOT
from tools.app_icons import ICONS, icon

pytestmark = pytest.mark.django_db
WORKER = (ROOT / "static/js/service_worker.js").read_text(encoding="utf-8")


def test_the_manifest_holds_what_a_browser_asks_of_an_app_that_can_be_installed():
    answer = Client().get("/manifest.webmanifest")
    said = json.loads(answer.content)
    assert answer["Content-Type"] == "application/manifest+json"
    assert (said["name"], said["short_name"], said["lang"]) == ("机关党委支部工作台", "支部工作台", "zh-Hans")
    assert (said["start_url"], said["scope"], said["display"]) == ("/", "/", "standalone")
    for entry in said["icons"]:
        with Image.open(finders.find(entry["src"].removeprefix("/static/"))) as picture:
            assert entry["sizes"] == f"{picture.width}x{picture.height}" and picture.format == "PNG"
    any_purpose = {entry["sizes"] for entry in said["icons"] if entry["purpose"] == "any"}
    assert any_purpose >= {"192x192", "512x512"}
    assert any(entry["purpose"] == "maskable" for entry in said["icons"])


@pytest.mark.parametrize("name", ICONS)
def test_the_icons_are_what_the_tool_draws(name):
    size, maskable = ICONS[name]
    with Image.open(ROOT / f"static/img/{name}.png") as kept:
        drawn = icon(size, maskable=maskable)
        assert kept.size == drawn.size
        worst = ImageChops.difference(kept.convert("RGBA"), drawn).getextrema()
    assert max(high for _, high in worst) <= 8  # another version of the library may smooth otherwise


def test_the_maskable_icon_fills_its_square_and_keeps_its_lines_within_what_a_round_mask_leaves():
    with Image.open(ROOT / "static/img/icon-maskable-512.png") as picture:
        pixels = picture.convert("RGBA")
    assert pixels.getpixel((0, 0)) == (0xA8, 0x20, 0x1A, 255)
    box = ImageChops.difference(pixels.convert("RGB"), Image.new("RGB", pixels.size, "#A8201A")).getbbox()
    assert box is not None
    corners = [(x - 256, y - 256) for x in (box[0], box[2]) for y in (box[1], box[3])]
    assert all(x * x + y * y <= (0.4 * 512) ** 2 for x, y in corners)


def test_the_worker_is_served_from_the_root_for_the_whole_portal_and_asked_for_anew():
    answer = Client().get("/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert (answer["Service-Worker-Allowed"], answer["Cache-Control"]) == ("/", "no-cache")
    assert WORKER in answer.content.decode()


def test_the_worker_keeps_static_files_and_the_offline_page_and_has_no_other_way_to_keep_anything():
    script = Client().get("/sw.js").content.decode()
    kept = json.loads(re.search(r"^const SHELL = (.*);$", script, re.MULTILINE)[1])
    assert kept[0] == "/offline/"
    assert all(url.startswith("/static/") for url in kept[1:]) and len(kept) == len(web_app.SHELL) + 1
    for url in kept:
        answer = Client().get(url)
        assert answer.status_code == 200 and answer.getvalue()
        answer.close()
    # The only door into the cache is addAll of these; what is posted is not touched.
    assert re.findall(r"\.(put|add|addAll)\(", WORKER) == ["addAll"]
    assert 'request.method !== "GET"' in WORKER and 'credentials: "omit"' in WORKER


def test_the_offline_page_is_the_same_for_everybody_and_needs_nothing_but_what_is_kept(login):
    pages = {who.get("/offline/").content for who in (Client(), login("secretary"), login("auditor"))}
    assert len(pages) == 1
    page = pages.pop().decode()
    assert "没有网络" in page and "写的内容还在本机" in page
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert set(files) - {"img/icon-192.png"} <= set(web_app.SHELL)


def test_a_version_changes_with_what_is_kept(monkeypatch):
    web_app.version.cache_clear()
    before = web_app.version()
    read = web_app._source
    monkeypatch.setattr(web_app, "_source", lambda name: read(name) + b" " * (name == "css/portal.css"))
    web_app.version.cache_clear()
    assert web_app.version() != before
    web_app.version.cache_clear()


def test_every_page_links_the_manifest_and_the_policy_lets_the_worker_come_from_here_alone(login):
    for answer in (Client().get("/login/"), login("member").get("/")):
        assert '<link rel="manifest" href="/manifest.webmanifest">' in answer.content.decode()
        assert "worker-src 'self'" in answer["Content-Security-Policy"]
        assert "manifest-src 'self'" in answer["Content-Security-Policy"]
