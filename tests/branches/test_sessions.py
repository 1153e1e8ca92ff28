"""Logins: how long they last, how many there may be, who ends them, and what becomes of what was being typed."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import connection, connections
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches import sessions
from branches.access import Access
from branches.models import AuditEvent, Branch, Committee, LoginSession, Member, Membership, Post, User
from branches.sessions import End
from tests.conftest import PASSWORD, World, at, logged_in, make_world, sure
from tests.conftest import add_user as account_of

NOW = "2018-07-04 09:00"
ACCOUNT = reverse("branches:account")
LOGIN = reverse("branches:login")
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"


def enter(user: User, password: str = PASSWORD, **meta: str) -> Client:
    """A browser in which that person has just logged in."""
    client = Client(HTTP_USER_AGENT=CHROME, **meta)
    assert client.post(LOGIN, {"username": user.staff_number, "password": password}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get(ACCOUNT).status_code == 200


def later(clock, text: str, **passed: int) -> None:
    clock((at(text) + timedelta(**passed)).strftime("%Y-%m-%d %H:%M"))


def said(client: Client) -> str:
    """What the login page tells whoever clicks now."""
    page = client.get(ACCOUNT, follow=True)
    assert page.redirect_chain[-1][0].startswith(f"{LOGIN}?next={ACCOUNT}")
    found = re.search(r'class="message[^"]*"[^>]*>(.*?)</', page.content.decode(), re.S)
    return re.sub(r"<[^>]*>|\s", "", page.content.decode().partition("<main")[2]) if found else ""


# How long


@pytest.mark.parametrize(
    ("who", "idle"),
    [("member", 30), ("secretary", 30), ("office", 30), ("sysadmin", 15), ("security", 15), ("auditor", 15)],
)
@pytest.mark.parametrize("past", [-1, 1])
def test_a_login_ends_when_nobody_has_clicked_for_so_long(world, clock, who, idle, past):
    clock(NOW)
    client = enter(world.users[who])
    later(clock, NOW, minutes=idle + past)
    assert is_in(client) is (past < 0)
    if past > 0:
        row = LoginSession.objects.get()
        assert (row.ended_why, row.ended_at) == (End.IDLE, at(NOW) + timedelta(minutes=idle + 1))
        assert AuditEvent.objects.filter(what="结束登录", actor=world.users[who]).count() == 1


@pytest.mark.parametrize(("who", "hours"), [("member", 8), ("office", 8), ("sysadmin", 4), ("security", 4)])
def test_a_login_ends_at_its_longest_however_much_is_clicked(world, clock, who, hours):
    clock(NOW)
    client = enter(world.users[who])
    for minutes in range(10, hours * 60 - 1, 10):
        later(clock, NOW, minutes=minutes)
        assert is_in(client)
    later(clock, NOW, minutes=hours * 60 - 1)
    assert is_in(client)
    later(clock, NOW, minutes=hours * 60 + 1)
    assert not is_in(client)
    assert LoginSession.objects.get().ended_why == End.LIMIT


def test_a_click_is_written_down_at_most_once_a_minute(world, clock):
    clock(NOW)
    client = enter(world.users["member"])
    row = LoginSession.objects.get()
    for seconds, seen in ((0, 0), (59, 0), (60, 60), (119, 60), (121, 121)):
        moment = at(NOW) + timedelta(seconds=seconds)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("branches.clock.current_instant", lambda moment=moment: moment)
            client.get(ACCOUNT)
        row.refresh_from_db()
        assert row.seen_at == at(NOW) + timedelta(seconds=seen)


def test_it_costs_one_query_a_request(world, clock):
    clock(NOW)
    client = enter(world.users["member"])
    with CaptureQueriesContext(connection) as asked:
        client.get(ACCOUNT)
    assert sum('FROM "branches_loginsession"' in one["sql"] and "key_mac" in one["sql"] for one in asked) == 2
    # One of the two is the page's own list; another page has none.
    with CaptureQueriesContext(connection) as asked:
        client.get(reverse("branches:own_history"))
    assert sum("branches_loginsession" in one["sql"] for one in asked) == 1


def test_a_demo_whose_clock_starts_over_keeps_its_visitors(world, clock):
    clock("2018-07-11 10:00")
    client = enter(world.users["member"])
    clock(NOW)
    assert is_in(client)
    assert is_in(enter(world.users["member"]))


# How many


@pytest.mark.parametrize(
    ("who", "most"), [("member", 3), ("secretary", 3), ("office", 2), ("sysadmin", 1), ("auditor", 1)]
)
def test_of_too_many_logins_the_newest_stay(world, clock, who, most):
    clock(NOW)
    clients = []
    for n in range(most + 2):
        later(clock, NOW, minutes=n)
        clients.append(enter(world.users[who]))
    assert [is_in(client) for client in clients] == [False] * 2 + [True] * most
    assert set(LoginSession.objects.exclude(ended_at=None).values_list("ended_why", flat=True)) == {End.NEWER}


def test_a_login_that_lapsed_takes_no_place(world, clock):
    clock(NOW)
    enter(world.users["office"])
    later(clock, NOW, minutes=20)
    second = enter(world.users["office"])
    later(clock, NOW, minutes=40)
    third = enter(world.users["office"])
    assert is_in(second)
    assert is_in(third)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [True, False])
def test_of_logins_at_once_no_more_stay_than_of_logins_in_turn(transactional_db, monkeypatch, locked):
    """Six at one instant, of whom two may stay. Without the lock on the account more do: the race is real."""
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    user, barrier, count = world.users["office"], Barrier(6), sessions.live

    def counted_late(now):
        time.sleep(0.3)  # long enough for the others to have written their row
        return count(now)

    monkeypatch.setattr("branches.sessions.live", counted_late)
    # Django's own note of the last login would by chance lock the account as well.
    monkeypatch.setattr(user_logged_in, "send", lambda *args, **kwargs: [])
    if not locked:
        monkeypatch.setattr(User.objects, "select_for_update", User.objects.all)

    def press(n: int) -> None:
        client = Client()
        barrier.wait(10)
        client.post(LOGIN, {"username": user.staff_number, "password": PASSWORD})
        connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(press, range(6)))
    assert LoginSession.objects.count() == 6
    stayed = LoginSession.objects.filter(ended_at=None).count()
    assert (stayed == 2) if locked else (stayed > 2)


# Who ends them, and what is said then


def ends_idle(world, clock, admin):
    later(clock, NOW, minutes=31)


def ends_limit(world, clock, admin):
    LoginSession.objects.filter(user=world.users["secretary"]).update(began_at=at(NOW) - timedelta(hours=9))


def ends_newer(world, clock, admin):
    for _ in range(3):
        enter(world.users["secretary"])


def ends_by_hand(world, clock, admin):
    enter(world.users["secretary"]).post(reverse("branches:sessions_end"))


def ends_by_password(world, clock, admin):
    data = {"old": PASSWORD, "new": "Morning-reading-1", "again": "Morning-reading-1"}
    assert enter(world.users["secretary"]).post(reverse("branches:password"), data).status_code == 302


def ends_by_pause(world, clock, admin):
    admin.post(reverse("branches:user_pause", args=[world.users["secretary"].member_id]), {"action": "pause"})


def ends_by_slip(world, clock, admin):
    sure(admin).post(reverse("branches:user_open", args=[world.users["secretary"].member_id]), {"seen": ""})


def ends_by_post(world, clock, admin):
    Post.objects.filter(member=world.member("secretary")).update(until_on=at(NOW).date())


def ends_by_new_post(world, clock, admin):
    kind = Post.Kind.INSPECTOR
    Post.objects.create(member=world.member("secretary"), kind=kind, committee=world.committee, from_on=at(NOW).date())


def ends_by_ticket(world, clock, admin):
    LoginSession.objects.filter(user=world.users["secretary"]).update(ticket_mac=sessions.mac_of("ST-1", "ticket"))
    assert sessions.end_by_ticket("ST-1", Access.of(world.users["security"], at(NOW))) == 1
    assert sessions.end_by_ticket("ST-1", Access.of(world.users["security"], at(NOW))) == 0


def ends_on_the_server(world, clock, admin):
    Session.objects.all().delete()


@pytest.mark.parametrize(
    ("ending", "why", "words"),
    [
        (ends_idle, End.IDLE, "长时间未操作"),
        (ends_limit, End.LIMIT, "最长时间"),
        (ends_newer, End.NEWER, "在别处登录"),
        (ends_by_hand, End.ENDED, "已由本人或安全管理员结束"),
        (ends_by_password, End.CHANGED, "密码、两步验证或职务有变动"),
        (ends_by_pause, End.CHANGED, "账号已暂停"),
        (ends_by_slip, End.CHANGED, "密码、两步验证或职务有变动"),
        (ends_by_post, End.CHANGED, "职务有变动"),
        (ends_by_new_post, End.CHANGED, "职务有变动"),
        (ends_by_ticket, End.SSO, "统一身份认证已退出"),
        (ends_on_the_server, End.ENDED, "已由本人或安全管理员结束"),
    ],
)
def test_what_ends_a_login_is_said_at_its_next_click_and_once(world, clock, login, ending, why, words):
    clock(NOW)
    client = enter(world.users["secretary"])
    row = LoginSession.objects.get(user=world.users["secretary"])
    assert is_in(client)
    ending(world, clock, login("sysadmin"))
    assert words in said(client)
    row.refresh_from_db()
    assert row.ended_why == why
    assert row.ended_at is not None
    assert words not in said(client)


def test_after_the_end_one_returns_to_the_page_one_was_on(world, clock):
    clock(NOW)
    client = enter(world.users["secretary"])
    later(clock, NOW, minutes=40)
    wanted = reverse("branches:member_list")
    page = client.get(wanted, follow=True)
    assert f'value="{wanted}"' in page.content.decode()
    answer = client.post(LOGIN, {"username": "18001", "password": PASSWORD, "next": wanted})
    assert answer.headers["Location"] == wanted


def test_an_ended_login_reads_and_writes_nothing_more(world, clock):
    clock(NOW)
    client = enter(world.users["office"])
    LoginSession.objects.update(ended_at=at(NOW), ended_why=End.ENDED)
    data = {"name": "新支部", "code": "77", "founded_on": "2018-07-01", "kind": "ordinary", "term_years": "3"}
    assert client.post(reverse("branches:branch_new"), data).status_code == 302
    assert not Branch.objects.filter(code="77").exists()
    assert client.get(reverse("branches:branch_list")).status_code == 302


def test_a_session_without_a_row_is_nobodys(world, clock):
    clock(NOW)
    client = enter(world.users["office"])
    LoginSession.objects.all().delete()
    assert not is_in(client)
    assert "_auth_user_id" not in client.session


def test_a_new_password_keeps_this_login_under_a_new_key(world, clock):
    clock(NOW)
    client = enter(world.users["member"])
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    data = {"old": PASSWORD, "new": "Morning-reading-1", "again": "Morning-reading-1"}
    client.post(reverse("branches:password"), data)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert is_in(client)
    stolen = Client()
    stolen.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not is_in(stolen)


def test_logging_in_makes_a_new_key_and_the_table_does_not_hold_it(world, clock):
    clock(NOW)
    client = Client()
    session = client.session
    session["x"] = 1
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = session.session_key
    client.post(LOGIN, {"username": "18004", "password": PASSWORD})
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert key != planted
    assert key not in repr(list(LoginSession.objects.values_list()))


def test_logging_out_ends_the_row_and_clears_what_the_browser_kept(world, clock):
    clock(NOW)
    client = enter(world.users["member"])
    answer = client.post(reverse("branches:logout"))
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert LoginSession.objects.get().ended_why == End.LOGOUT
    assert AuditEvent.objects.filter(what__in=("退出登录", "结束登录")).count() == 1


def test_beginning_again_in_one_browser_ends_the_login_before(world, clock):
    """Single sign-on may bring somebody who is logged in already: another key, and only one login."""
    clock(NOW)
    client = enter(world.users["member"])
    row = LoginSession.objects.get()
    request = RequestFactory().get("/")
    request.session, request.user = client.session, world.users["member"]
    request.now, request.login_session = at(NOW), row
    request.access = Access.of(world.users["member"], at(NOW))
    new = sessions.begin(request, world.users["member"], via="cas", ticket="ST-1")
    row.refresh_from_db()
    assert (row.ended_why, new.via, new.ended_at) == (End.LOGOUT, "cas", None)
    assert new.key_mac == sessions.mac_of(request.session.session_key)
    assert "ST-1" not in repr(list(LoginSession.objects.values_list()))


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CHROME, "Chrome，Windows"),
        (CHROME + " Edg/126.0", "Edge，Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Safari/604.1", "Safari，iPhone"),
        ("Mozilla/5.0 (Linux; Android 14; V2) AppleWebKit/537 Chrome/116 Mobile MicroMessenger/8.0.49", "微信，安卓"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537 MicroMessenger/7.0.1 wxwork/4.1.20", "企业微信，安卓"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox，Linux"),
        ("", "其他浏览器"),
        ("curl/8" + "x" * 5000, "其他浏览器"),
    ],
)  # fmt: skip
def test_a_browser_is_named_in_words(agent, words):
    assert sessions.browser_of(agent) == words


# One's own list


def test_the_own_page_lists_the_logins_and_ends_them(world, clock):
    clock(NOW)
    here = enter(world.users["member"], REMOTE_ADDR="10.0.0.1")
    there = enter(world.users["member"], REMOTE_ADDR="10.0.0.2")
    enter(world.users["secretary"], REMOTE_ADDR="10.0.0.3")
    page = here.get(ACCOUNT).content.decode()
    assert page.count("（这里）") == 1
    assert "10.0.0.2" in page
    assert "10.0.0.3" not in page
    mine, other = (LoginSession.objects.get(ip=f"10.0.0.{n}") for n in (1, 2))
    end = "branches:session_end"
    assert "要退出，请点" in here.post(reverse(end, args=[mine.pk]), follow=True).content.decode()
    assert "已退出那里的登录" in here.post(reverse(end, args=[other.pk]), follow=True).content.decode()
    assert "已经结束" in here.post(reverse(end, args=[other.pk]), follow=True).content.decode()
    assert is_in(here)
    assert not is_in(there)
    foreign = LoginSession.objects.get(ip="10.0.0.3")
    assert here.post(reverse(end, args=[foreign.pk])).status_code == 404
    foreign.refresh_from_db()
    assert foreign.ended_at is None


def test_all_others_end_and_this_one_stays(world, clock):
    clock(NOW)
    here, *others = (enter(world.users["member"]) for _ in range(3))
    url = reverse("branches:sessions_end")
    assert "都已退出" in here.post(url, follow=True).content.decode()
    assert [is_in(client) for client in (here, *others)] == [True, False, False]
    assert "没有其他地方的登录" in here.post(url, follow=True).content.decode()


# What was being typed

TYPED = {"title": "第一季度", "content": "三位同志谈了体会。\r\n会上明确了分工。", "kinds": ["a", "b"]}


@pytest.mark.parametrize("ending", [ends_idle, ends_by_hand, ends_by_pause, ends_on_the_server])
def test_what_was_typed_waits_until_its_owner_is_back(world, clock, login, ending):
    clock(NOW)
    client = enter(world.users["secretary"])
    ending(world, clock, login("sysadmin"))
    path = f"{reverse('study:gathering_new')}?duty=1"
    answer = client.post(path, TYPED)
    assert answer.headers["Location"] == f"{LOGIN}?next=%2Faccount%2Funsent%2F"
    User.objects.update(is_active=True)
    back = client.post(LOGIN, {"username": "18001", "password": PASSWORD, "next": "/account/unsent/"}, follow=True)
    page = back.content.decode()
    assert f'action="{path}"' in page
    for name, value in (("title", "第一季度"), ("kinds", "a"), ("kinds", "b")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page
    assert 'name="content" value="三位同志谈了体会。\r\n会上明确了分工。"' in page
    # Sent once more it waits no longer.
    client.post(path, TYPED)
    assert client.get(reverse("branches:unsent")).headers["Location"] == "/"


def test_what_was_typed_is_shown_to_nobody_else_and_not_for_ever(world, clock):
    clock(NOW)
    client = enter(world.users["secretary"])
    LoginSession.objects.update(ended_at=at(NOW), ended_why=End.ENDED)
    client.post(reverse("study:gathering_new"), TYPED)
    kept = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post(LOGIN, {"username": "18004", "password": PASSWORD})
    assert client.get(reverse("branches:unsent")).headers["Location"] == "/"
    assert kept != client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post(reverse("branches:logout"))
    again = enter(world.users["secretary"])
    assert again.get(reverse("branches:unsent")).headers["Location"] == "/"


def test_half_an_hour_later_it_is_gone(world, clock):
    clock(NOW)
    client = enter(world.users["secretary"])
    LoginSession.objects.update(ended_at=at(NOW), ended_why=End.ENDED)
    client.post(reverse("study:gathering_new"), TYPED)
    later(clock, NOW, minutes=29)
    client.post(LOGIN, {"username": "18001", "password": PASSWORD})
    assert client.get(reverse("branches:unsent")).status_code == 200
    later(clock, NOW, minutes=31)
    assert client.get(reverse("branches:unsent")).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("branches:password", {"old": PASSWORD, "new": "Morning-reading-1", "again": "Morning-reading-1"}),
        ("branches:sudo", {"password": PASSWORD}),
        ("study:gathering_new", {"content": "长" * 200_001}),
        ("study:gathering_new", {}),
    ],
)
def test_passwords_and_what_is_too_long_are_not_kept(world, clock, name, data):
    clock(NOW)
    client = enter(world.users["secretary"])
    LoginSession.objects.update(ended_at=at(NOW), ended_why=End.ENDED)
    answer = client.post(reverse(name), data)
    assert answer.headers["Location"].startswith(f"{LOGIN}?next={reverse(name)}")
    assert "unsent" not in client.session


def test_a_code_and_a_new_password_typed_over_an_ended_login_are_kept_nowhere(world, clock):
    clock(NOW)
    client = enter(world.users["secretary"])
    LoginSession.objects.update(ended_at=at(NOW), ended_why=End.ENDED)
    typed = {"number": "18001", "code": "k7mpw-3xqr9-dt4hn", "new": "Morning-reading-1", "again": "Morning-reading-1"}
    client.post(reverse("branches:activate"), typed)
    assert "unsent" not in client.session


def test_what_waits_cannot_be_read_in_the_sessions_row(world, clock):
    """An ID number that was being typed is as sealed there as it is in the roster."""
    clock(NOW)
    client = enter(world.users["office"])
    LoginSession.objects.update(ended_at=at(NOW), ended_why=End.ENDED)
    url = reverse("branches:member_new")
    client.post(url, {"name": "高远", "id_number": "610102197503050010", "phone": "13891234567"})
    rows = str([row.get_decoded() for row in Session.objects.all()])
    assert url in rows and "61010219750305" not in rows and "13891234567" not in rows and "高远" not in rows
    client.post(LOGIN, {"username": world.users["office"].staff_number, "password": PASSWORD})
    assert "610102197503050010" in client.get(reverse("branches:unsent")).content.decode()


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({"HTTP_ORIGIN": "http://testserver"}, True),
        ({"HTTP_REFERER": "http://testserver/study/"}, True),
        ({"HTTP_ORIGIN": "http://evil.example", "HTTP_REFERER": "http://testserver/"}, False),
        ({"HTTP_REFERER": "http://testserver.evil.example/"}, False),
        ({"HTTP_ORIGIN": "null"}, False),
        ({}, False),
    ],
)
def test_an_expired_form_gives_back_its_text_to_its_own_page_alone(world, headers, kept):
    """Another site's form must never come back with a token that is good."""
    client = logged_in(world.users["secretary"], Client(enforce_csrf_checks=True))
    answer = client.post(reverse("study:gathering_new"), TYPED, **headers)
    assert answer.status_code == 403
    assert ("第一季度" in answer.content.decode()) is kept
    assert ("csrfmiddlewaretoken" in answer.content.decode()) is kept
    hidden = client.post(reverse("branches:password"), {"old": PASSWORD}, **headers)
    assert PASSWORD not in hidden.content.decode()


# The security administrator's console


CONSOLE = reverse("branches:security_list")


def fresh(client: Client) -> Client:
    """Who has just given the password once more."""
    assert client.post(reverse("branches:sudo"), {"password": PASSWORD}).status_code == 302
    return client


def test_the_console_says_how_accounts_stand_and_no_business(world, clock):
    clock(NOW)
    enter(world.users["secretary"])
    User.objects.filter(pk=world.users["deputy"].pk).update(is_active=False)
    security = enter(world.users["security"])
    rows = {row.user.member.name: row for row in security.get(CONSOLE).context["rows"]}
    assert (rows["陈静"].logins, rows["陈静"].text) == (1, "使用中")
    assert (rows["李强"].logins, rows["周敏"].text) == (0, "已暂停")
    assert rows["沈毅"].logins == 1
    # Whoever never set a password of their own uses nothing yet: the same word as on the other administrator's list.
    lacking = {"must_change_password": True, "password": "!", "activation_until_at": None}
    User.objects.filter(pk=world.users["member"].pk).update(**lacking)
    rows = {row.user.member.name: row for row in security.get(CONSOLE).context["rows"]}
    assert rows["李强"].text == "待发激活码"
    assert [row.user.member.name for row in security.get(CONSOLE, {"state": "waiting"}).context["rows"]] == ["李强"]
    assert "李强" not in [row.user.member.name for row in security.get(CONSOLE, {"state": "active"}).context["rows"]]
    page = security.get(CONSOLE).content.decode()
    assert "教务处" not in page
    assert "支部书记" not in page


@pytest.mark.parametrize(
    ("query", "found", "absent"),
    [
        ({"q": "cj"}, {"陈静"}, {"李强"}),
        ({"q": "静"}, {"陈静"}, {"李强"}),
        ({"q": "１８００４"}, {"李强"}, {"陈静"}),
        ({"state": "logged_in"}, {"沈毅"}, {"陈静"}),
        ({"state": "paused"}, {"周敏"}, {"陈静"}),
        ({"state": "second"}, set(), {"陈静"}),
        ({"q": "\x00", "state": "nonsense", "page": "-1"}, {"陈静"}, set()),
    ],
)
def test_the_console_is_narrowed_by_name_pinyin_number_and_state(world, clock, query, found, absent):
    clock(NOW)
    User.objects.filter(pk=world.users["deputy"].pk).update(is_active=False)
    rows = {row.user.member.name for row in enter(world.users["security"]).get(CONSOLE, query).context["rows"]}
    assert found <= rows
    assert not absent & rows


@pytest.mark.parametrize("act", ["end", "lift", "totp_off"])
def test_its_acts_ask_for_the_password_and_come_back(world, clock, act):
    clock(NOW)
    theirs, security = enter(world.users["secretary"]), enter(world.users["security"])
    url = reverse(f"branches:security_{act}", args=[world.users["secretary"].pk])
    answer = security.post(url, {"back": f"{CONSOLE}?q=cj"})
    assert answer.headers["Location"] == f"{reverse('branches:sudo')}?next=%2Fsecurity%2F%3Fq%3Dcj"
    assert is_in(theirs)


def test_it_ends_the_logins_of_an_account(world, clock):
    clock(NOW)
    theirs, security = enter(world.users["secretary"]), fresh(enter(world.users["security"]))
    url = reverse("branches:security_end", args=[world.users["secretary"].pk])
    answer = security.post(url, {"list_q": "cj"})
    assert answer.headers["Location"] == f"{CONSOLE}?q=cj"
    assert not is_in(theirs)
    assert AuditEvent.objects.filter(what="结束账号的登录", actor=world.users["security"]).count() == 1
    assert "现在没有登录" in security.post(url, follow=True).content.decode()
    # The own login goes on.
    own = security.post(reverse("branches:security_end", args=[world.users["security"].pk]), follow=True)
    assert "现在没有其他登录" in own.content.decode()
    assert is_in(security)


def test_it_lifts_a_pause_by_failed_logins(world, settings):
    settings.AXES_ENABLED = True
    for _ in range(5):
        Client().post(LOGIN, {"username": "18004", "password": "wrong"})
    assert Client().post(LOGIN, {"username": "18004", "password": PASSWORD}).status_code == 429
    security = fresh(enter(world.users["security"]))
    row = next(row for row in security.get(CONSOLE, {"q": "18004"}).context["rows"])
    assert row.paused_at == 1
    page = security.post(reverse("branches:security_lift", args=[world.users["member"].pk]), follow=True)
    assert "李强现在可以登录" in page.content.decode()
    assert next(row for row in security.get(CONSOLE, {"q": "18004"}).context["rows"]).paused_at == 0
    assert is_in(enter(world.users["member"]))


def test_accounts_elsewhere_are_not_there(world, clock):
    clock(NOW)
    elsewhere = Committee.objects.create(name="后勤党委", short_name="后勤党委")
    branch = Branch.objects.create(committee=elsewhere, code="01", name="膳食党支部", founded_on=at(NOW).date())
    stranger = Member.objects.create(staff_number="h1", name="钱立")
    Membership.objects.create(member=stranger, branch=branch, from_on=at(NOW).date())
    user = account_of(stranger)
    security = fresh(enter(world.users["security"]))
    assert "钱立" not in security.get(CONSOLE).content.decode()
    for act in ("end", "lift", "totp_off"):
        assert security.post(reverse(f"branches:security_{act}", args=[user.pk])).status_code == 404
    # Below the own committee they are.
    elsewhere.parent = world.committee
    elsewhere.save()
    assert "钱立" in security.get(CONSOLE).content.decode()


def test_the_security_administrators_work_begins_there(world: World, clock):
    clock(NOW)
    assert enter(world.users["security"]).get("/").headers["Location"] == CONSOLE


def test_limits_are_those_of_the_strictest_post(world):
    moment = at(NOW)
    for who, limits in (
        ("member", sessions.MEMBERS), ("secretary", sessions.MEMBERS), ("inspector", sessions.MEMBERS),
        ("office", sessions.OFFICE), ("auditor", sessions.ADMINISTRATORS), ("sysadmin", sessions.ADMINISTRATORS),
        ("security", sessions.ADMINISTRATORS),
    ):  # fmt: skip
        assert sessions.limits_of(world.access(who, moment)) == limits
    row = SimpleNamespace(began_at=moment, seen_at=moment)
    assert sessions.overdue(row, world.access("member", moment)) == ""
