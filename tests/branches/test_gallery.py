"""The components, all on one page: no inline code, every word with its sign; error pages stand alone."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import RequestFactory

from branches.gallery import LONG_NAME, sample_context
from branches.templatetags.portal import STANDINGS

NOW = datetime(2018, 7, 9, 9, 14, tzinfo=ZoneInfo("Asia/Shanghai"))
PLACES = [{"url": f"/{n}/", "label": f"栏目{n}", "icon": "house", "current": n == 1} for n in range(1, 7)]


@pytest.fixture
def gallery() -> str:
    request = RequestFactory().get("/gallery/")
    return render_to_string("gallery.html", {**sample_context(NOW), "places": PLACES, "demo": True}, request)


def test_no_page_part_carries_inline_code_or_style(gallery: str):
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", gallery)
    assert not re.search(r"<style|javascript:", gallery)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", gallery))


def test_everything_comes_from_our_own_server(gallery: str):
    assert not re.search(r"""(src|href|action)=["'](https?:)?//""", gallery)


def test_no_template_tag_or_comment_reaches_the_reader(gallery: str):
    assert not re.search(r"\{[#%{]|[#%}]\}", gallery)


def test_every_id_is_used_once(gallery: str):
    ids = re.findall(r'\sid="([^"]+)"', gallery)
    assert sorted(ids) == sorted(set(ids))


def test_the_gallery_shows_every_standing_and_the_longest_name(gallery: str):
    assert all(one.label in gallery for one in STANDINGS.values())
    assert LONG_NAME in gallery


def test_the_phone_has_four_places_and_the_current_one_is_told(gallery: str):
    bar = gallery[gallery.index('class="bottom-bar"') :]
    assert len(re.findall(r"<a ", bar[: bar.index("</nav>")])) == 4
    assert 'href="/1/" aria-current="page"' in bar


def test_pages_keep_the_other_conditions_of_the_list():
    request = RequestFactory().get("/gallery/?standing=todo&page=3")
    page = sample_context(NOW)["page"]
    html = render_to_string("components/pagination.html", {"page": page}, request)
    assert "?standing=todo&amp;page=4" in html
    assert "第 3 页，共 8 页" in html


def test_the_demo_says_that_it_is_one():
    assert "演示环境" in render_to_string("components/demo_banner.html", {"demo": True})
    assert render_to_string("components/demo_banner.html", {"demo": False}).strip() == ""


def test_the_button_waits_until_nothing_is_missing():
    bar = {"primary_label": "报送机关党委办公室"}
    waiting = render_to_string("components/action_bar.html", {**bar, "missing": ["主要内容", "图片"]})
    assert "还缺：主要内容、图片" in waiting
    assert " disabled>" in waiting
    assert "disabled" not in render_to_string("components/action_bar.html", {**bar, "missing": []})


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500", "503"])
def test_an_error_page_opens_with_nothing_given_and_says_what_to_do(name: str):
    html = render_to_string(f"{name}.html")
    assert 'lang="zh-Hans"' in html
    assert "<h1>" in html
    assert "请" in html
    assert "操作失败" not in html


@pytest.mark.parametrize("name", ["400", "500", "503"])
def test_the_pages_of_last_resort_ask_nothing_of_the_templates(name: str):
    template = (settings.BASE_DIR / "templates" / f"{name}.html").read_text(encoding="utf-8")
    assert "{%" not in template
    assert "{{" not in template


def test_every_icon_of_the_templates_is_in_the_sprite():
    named = set((settings.BASE_DIR / "tools" / "icons.txt").read_text(encoding="utf-8").split())
    templates = (settings.BASE_DIR / "templates").rglob("*.html")
    used = {name for path in templates for name in re.findall(r'{% icon "([^"]+)"', path.read_text(encoding="utf-8"))}
    assert used
    assert used <= named
