"""Sensitive acts ask for the password once more."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qs, urlparse

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import reverse

from branches.models import AuditEvent, LoginSession
from branches.sudo import is_fresh, sudo_required
from tests.conftest import PASSWORD, at

NOW = "2018-07-04 10:00"


@pytest.mark.parametrize(("minutes", "fresh"), [(0, True), (9, True), (10, False), (60, False)])
def test_the_password_counts_for_ten_minutes(world, login, clock, minutes, fresh) -> None:
    clock(NOW)
    client = login("office")
    assert client.post(reverse("branches:sudo"), {"password": PASSWORD, "next": "/members/"}).url == "/members/"
    row = LoginSession.objects.get(user=world.users["office"])
    request = SimpleNamespace(login_session=row, now=at(f"2018-07-04 {10 + minutes // 60}:{minutes % 60:02}"))
    assert is_fresh(request) is fresh


def test_a_wrong_password_opens_nothing_and_is_written_down(world, login, clock) -> None:
    clock(NOW)
    client = login("office")
    page = client.post(reverse("branches:sudo"), {"password": "wrong", "next": "/members/"})
    assert "密码不对" in page.content.decode()
    assert not is_fresh(SimpleNamespace(login_session=LoginSession.objects.get(), now=at(NOW)))
    assert AuditEvent.objects.filter(what="再次验证身份未通过", ok=False).count() == 1


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_it_leads_to_no_other_site(world, login, clock, elsewhere) -> None:
    clock(NOW)
    answer = login("office").post(reverse("branches:sudo"), {"password": PASSWORD, "next": elsewhere})
    assert answer.url == reverse("home")


@pytest.mark.parametrize(
    ("method", "data", "back"),
    [("get", {"q": "1"}, "/somewhere/?q=1"), ("post", {"back": "/form/"}, "/form/"), ("post", {}, "/somewhere/")],
)
def test_whoever_did_not_give_it_is_asked_and_comes_back(method, data, back) -> None:
    request = getattr(RequestFactory(), method)("/somewhere/", data)
    request.login_session, request.now = None, at(NOW)
    answer = sudo_required(lambda request: HttpResponse("done"))(request)
    assert answer.status_code == 302
    assert urlparse(answer.url).path == reverse("branches:sudo")
    assert parse_qs(urlparse(answer.url).query)["next"] == [back]
