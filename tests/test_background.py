"""What a page's script is told: data where a person would get a page, and never a login form for an answer."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from branches.models import LoginSession
from tests.conftest import at

pytestmark = pytest.mark.django_db

NOW = "2018-07-04 10:00"
JSON = {"headers": {"accept": "application/json"}}


def test_a_script_without_a_login_gets_401_and_a_person_the_login_page(clock, issued):
    clock(NOW)
    url = reverse("study:gathering_new")
    for method in ("get", "post"):
        answer = getattr(Client(), method)(url, **JSON)
        assert (answer.status_code, answer.json()) == (401, {"error": "登录已到期，请重新登录。"})
        assert getattr(Client(), method)(url).status_code == 302


def test_what_a_script_sends_to_an_ended_login_does_not_wait_in_the_session(clock, issued, login):
    """The page keeps it by itself: the form that waits is for people's own clicks."""
    clock(NOW)
    client = login("secretary")
    LoginSession.objects.update(ended_at=at(NOW), ended_why="idle")
    answer = client.post(reverse("study:gathering_new"), {"content": "重温入党誓词", "action": "save"}, **JSON)
    assert answer.status_code == 401
    assert "unsent" not in client.session


def test_public_pages_answer_scripts_as_they_answer_people(clock, issued):
    clock(NOW)
    assert Client().get(reverse("branches:login"), **JSON).status_code == 200
    assert Client().get(reverse("healthz"), **JSON).status_code == 200


def test_a_script_with_an_old_token_is_told_so(clock, issued, login):
    clock(NOW)
    client = login("secretary")
    client.handler.enforce_csrf_checks = True
    answer = client.post(reverse("study:gathering_new"), {"action": "save"}, **JSON)
    assert (answer.status_code, answer.json()) == (403, {"stale": True})


def test_the_page_left_open_learns_whose_login_it_is_and_gets_a_token_that_is_good(clock, issued, login):
    clock(NOW)
    client = login("deputy")
    told = client.get(reverse("branches:login_again"), **JSON).json()
    assert told["me"] == issued.users["deputy"].pk
    client.handler.enforce_csrf_checks = True
    data = {"action": "refresh", "csrfmiddlewaretoken": told["token"]}
    assert client.post(reverse("study:gathering_new"), data, **JSON).status_code == 200
    page = client.get(reverse("branches:login_again")).content.decode()
    assert "周敏，已登录" in page
    assert "回到刚才填写的页面" in page


def test_every_page_says_whose_it_is(clock, issued, login):
    """So that nothing of one person's stays on the device for the next."""
    clock(NOW)
    mine = issued.users["secretary"].pk
    assert f'data-me="{mine}"' in login("secretary").get("/").content.decode()
    assert "data-me" not in Client().get(reverse("branches:login")).content.decode()
