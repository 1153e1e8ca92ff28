"""What people meet when something does not work: Chinese pages that say what happened and how to go on."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.test import Client, override_settings
from django.urls import path
from django.views import defaults

from config import guard, urls
from tests.conftest import World, logged_in


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("something nobody thought of")


def refused(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("活动由本支部的支委会成员记录，您可以查看，不能修改。")


urlpatterns = [*urls.urlpatterns, path("broken/", broken, name="broken"), path("refused/", refused, name="refused")]


@pytest.fixture
def with_faults(monkeypatch, settings):
    """Two more routes, open to all: one that breaks, one that refuses with a sentence."""
    settings.ROOT_URLCONF = __name__
    for name in ("broken", "refused"):
        monkeypatch.setitem(guard.ROUTES, name, guard.ROUTES["home"])


@pytest.mark.parametrize("who", ["member", "office", "sysadmin"])
def test_an_address_that_leads_nowhere_says_so_in_chinese(world: World, login, who: str) -> None:
    response = login(who).get("/no/such/page/")
    assert response.status_code == 404
    text = response.content.decode()
    assert "<h1>没有这一页</h1>" in text
    assert 'href="/"' in text


def test_a_stranger_on_a_wrong_address_learns_nothing_but_that(db) -> None:
    response = Client().get("/no/such/page/")
    assert response.status_code == 404
    assert "没有这一页" in response.content.decode()


def test_what_is_not_for_these_posts_is_refused_in_chinese(world: World, login) -> None:
    response = login("member").get("/users/")
    assert response.status_code == 403
    text = response.content.decode()
    assert "您现在不能办理这件事" in text
    assert "您目前的职务不包含这一项" in text


def test_a_refusal_shows_its_own_sentence(world: World, login, with_faults) -> None:
    response = login("member").get("/refused/")
    assert response.status_code == 403
    assert "活动由本支部的支委会成员记录，您可以查看，不能修改。" in response.content.decode()


def test_a_form_that_was_open_too_long_says_how_to_go_on(world: World) -> None:
    client = logged_in(world.users["member"], Client(enforce_csrf_checks=True))
    response = client.post("/account/password/", {"old_password": "x"})
    assert response.status_code == 403
    assert "这一页已经过期，请重新提交" in response.content.decode()


def test_a_page_that_breaks_says_so_and_shows_nothing_of_the_fault(world: World, login, with_faults) -> None:
    client = login("member")
    client.raise_request_exception = False
    response = client.get("/broken/")
    assert response.status_code == 500
    text = response.content.decode()
    assert "<h1>页面出了问题</h1>" in text
    assert "something nobody thought of" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", ["400.html", "500.html", "503.html"])
def test_the_last_pages_need_no_context_no_database_and_no_static_lookup(name: str) -> None:
    """No database mark: a query would fail this test. The storage named here exists nowhere."""
    with override_settings(STORAGES={}):
        text = get_template(name).render()
    assert '<html lang="zh-Hans">' in text
    assert "支部工作台" in text
    assert "{%" not in text
    assert "{{" not in text


def test_the_500_page_is_the_one_that_django_serves(rf) -> None:
    response = defaults.server_error(rf.get("/"))
    assert response.status_code == 500
    assert "页面出了问题" in response.content.decode()
