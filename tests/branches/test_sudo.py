"""Sensitive acts ask for the password once more."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qs, urlparse

import pyotp
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import reverse

from branches import second_factor
from branches.models import AuditEvent, LoginSession, User
from branches.secrets import seal
from branches.sudo import is_fresh, sudo_required
from tests.conftest import PASSWORD, at, logged_in, trusted

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


CONSOLE_ACT = "branches:security_end"


def act(client, user):
    return client.post(reverse(CONSOLE_ACT, args=[user.pk]), {"back": "/security/"})


def test_a_sensitive_act_asks_passes_after_the_right_answer_refuses_after_a_wrong_one_and_asks_again_later(
    world, login, clock
) -> None:
    """The five cases of a sudo mode: it asks, takes the right answer, not the wrong, lets pass, and runs out."""
    clock(NOW)
    client, url, member = login("security"), reverse("branches:sudo"), world.users["member"]
    asks = f"{url}?next=%2Fsecurity%2F"
    assert act(client, member).url == asks
    assert client.post(url, {"password": "wrong"}).status_code == 200
    assert act(client, member).url == asks
    assert client.post(url, {"password": PASSWORD, "next": "/security/"}).url == "/security/"
    assert act(client, member).url == "/security/"
    clock("2018-07-04 10:09")
    assert act(client, member).url == "/security/"
    clock("2018-07-04 10:11")
    assert act(client, member).url == asks


def test_five_wrong_answers_end_the_login(world, login, clock) -> None:
    clock(NOW)
    client, url = login("security"), reverse("branches:sudo")
    for _ in range(4):
        assert client.post(url, {"password": "wrong"}).status_code == 200
    assert client.post(url, {"password": PASSWORD}).status_code == 302
    for _ in range(4):
        assert client.post(url, {"password": "wrong"}).status_code == 200
    assert "连续输错5次，已退出登录" in client.post(url, {"password": "wrong"}, follow=True).content.decode()
    assert client.get(reverse("branches:account")).status_code == 302
    assert LoginSession.objects.get().ended_at == at(NOW)


def test_the_digits_on_the_phone_will_do_once(world, login, clock) -> None:
    moment = clock(NOW)
    user, secret = world.users["security"], pyotp.random_base32()
    User.objects.filter(pk=user.pk).update(totp_sealed=seal(secret, second_factor.PURPOSE), totp_at=moment)
    client, url = login("security"), reverse("branches:sudo")
    assert "6位数字" in client.get(url).content.decode()
    code = pyotp.TOTP(secret).at(int(moment.timestamp()))
    assert client.post(url, {"password": code}).status_code == 302
    assert client.post(url, {"password": code}).status_code == 200
    # Whoever has no phone is not asked for it.
    assert "6位数字" not in login("member").get(url).content.decode()


def test_it_holds_for_the_one_login_in_which_it_was_given(world, login, clock) -> None:
    clock(NOW)
    here, there = login("security"), login("security")
    here.post(reverse("branches:sudo"), {"password": PASSWORD})
    assert act(here, world.users["member"]).url == "/security/"
    assert act(there, world.users["member"]).url.startswith(reverse("branches:sudo"))
    here.post(reverse("branches:logout"))
    assert act(logged_in(world.users["security"], here), world.users["member"]).url.startswith(reverse("branches:sudo"))


def test_a_page_left_open_by_whoever_came_from_the_campus_sets_no_password(world, clock) -> None:
    """Else that password, which nobody had to know, would then open every sensitive act."""
    clock(NOW)
    user, url = world.users["secretary"], reverse("branches:password")
    user.set_unusable_password()
    user.must_change_password = True
    user.save()
    client = logged_in(user, when=at(NOW))
    LoginSession.objects.update(via="cas")
    new = {"new": "Morning-reading-1", "again": "Morning-reading-1"}
    for answer in (client.get(url), client.post(url, new)):
        assert answer.status_code == 302 and answer.url == f"{reverse('branches:sudo')}?next=%2Faccount%2Fpassword%2F"
    assert not User.objects.get(pk=user.pk).has_usable_password()
    trusted(client, at("2018-07-04 10:05"))
    assert client.post(url, new).status_code == 302
    assert User.objects.get(pk=user.pk).check_password("Morning-reading-1")


def test_the_present_password_is_not_guessed_at_where_it_is_changed(world, login, clock) -> None:
    """It is asked there instead of the sudo page, and five wrong answers end the login there, too."""
    clock(NOW)
    client, url = login("secretary"), reverse("branches:password")
    new = {"new": "Morning-reading-1", "again": "Morning-reading-1"}
    client.post(url, new)  # an empty field is no guess
    for n in range(5):
        assert client.get(url).status_code == 200
        client.post(url, {"old": f"wrong-{n}", **new})
    assert client.get(url).url.startswith(reverse("branches:login"))
    assert AuditEvent.objects.filter(what="再次验证身份未通过", ok=False).count() == 5
