"""Accounts: who gets in, with which password, and what the system administrator can do about it."""

import re
from io import StringIO
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from branches.accounts import ALPHABET, first_password, open_accounts
from branches.models import Committee, Member, Post, User
from tests.conftest import PASSWORD, add_member, add_user, at

NOW = "2018-06-20 10:00"
LOGIN = reverse("branches:login")


def log_in(client: Client, number: str, password: str = PASSWORD, **extra: str):
    return client.post(LOGIN, {"username": number, "password": password, **extra})


# ---------------------------------------------------------------------------------------------------------- logging in


SPELLINGS = (
    "z1801", "Z1801", " z1801", "z1801 ", "ｚ１８０１", "Ｚ1801", "z 1801", "z1801\u3000", "\u3000Z1801", "Z１８01",
    "z1 80 1", "\tz1801",
)  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_staff_number_reaches_its_account(world, client, spelling):
    add_user(add_member(world.first, "林溪", "z1801"))
    assert log_in(client, spelling).status_code == 302
    assert "_auth_user_id" in client.session


def test_all_failures_read_the_same(world, client, clock):
    clock(NOW)
    paused = world.users["member"]
    User.objects.filter(pk=paused.pk).update(is_active=False)
    texts = set()
    for number, password in (("18004", PASSWORD), ("18001", "wrong"), ("99999", "wrong")):
        page = log_in(client, number, password).content.decode()
        assert "工号或密码不正确" in page
        texts.add(re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|value="\d{5}"', "", page))
    assert len(texts) == 1
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"username": "", "password": ""}, ["请填写“工号”", "请填写“密码”"]),
        ({"username": "18001\x00", "password": "x"}, ["空字符"]),
        ({"username": "1" * 500, "password": "x" * 5000}, ["没有这么长", "最长128个字符"]),
    ],
)
def test_a_login_form_filled_wrongly_is_answered_in_words(world, client, data, words):
    response = client.post(LOGIN, data)
    assert response.status_code == 200
    for word in words:
        assert word in response.content.decode()


@pytest.mark.parametrize("target", ["https://example.invalid/", "//example.invalid", "javascript:alert(1)", "\\\\x"])
def test_after_logging_in_nobody_is_sent_to_another_site(world, client, target):
    assert log_in(client, "18001", next=target).headers["Location"] == "/"
    assert client.get(f"{LOGIN}?{urlencode({'next': target})}").headers["Location"] == "/"


def test_logging_in_returns_to_the_page_that_was_wanted(world, client):
    wanted = reverse("branches:member_list")
    response = client.get(wanted)
    assert response.status_code == 302
    page = client.get(response.headers["Location"]).content.decode()
    assert f'value="{wanted}"' in page
    assert log_in(client, "18001", next=wanted).headers["Location"] == wanted


def test_logging_out_takes_a_post_and_ends_the_session(world, login):
    client = login("member")
    assert client.get(reverse("branches:logout")).status_code == 405
    assert client.post(reverse("branches:logout")).headers["Location"] == LOGIN
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("number", ["18001", "99999"])
def test_after_five_failures_the_pair_of_number_and_address_pauses(world, settings, number):
    settings.AXES_ENABLED = True
    client = Client(REMOTE_ADDR="10.0.0.1")
    spellings = [number, f" {number}", number.translate(str.maketrans("0123456789", "０１２３４５６７８９")), number]
    for spelling in spellings:
        assert log_in(client, spelling, "wrong").status_code == 200
    response = log_in(client, number, "wrong")
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "900"
    assert "登录已暂停15分钟" in response.content.decode()
    # The right password does not help from there; another person at the same address, and the owner elsewhere, get in.
    assert log_in(client, number).status_code == 429
    assert log_in(Client(REMOTE_ADDR="10.0.0.1"), "18002").status_code == 302
    assert log_in(Client(REMOTE_ADDR="10.0.0.2"), "18001").status_code == 302


# ------------------------------------------------------------------------------------------------------------ passwords


def test_a_first_password_opens_no_page_but_that_of_the_own_password(world, client, clock):
    clock(NOW)
    slip = open_accounts([world.member("member")], world.access("sysadmin", at(NOW)))[0]
    assert log_in(client, "18004", slip.password).status_code == 302
    for name in ("home", "branches:account", "branches:member_list"):
        assert client.get(reverse(name)).headers["Location"] == reverse("branches:password")
    page = client.get(reverse("branches:password")).content.decode()
    assert "请先设置自己的密码" in page
    assert 'name="old"' not in page
    response = client.post(reverse("branches:password"), {"new": "清晨读书的日子2018", "again": "清晨读书的日子2018"})
    assert response.headers["Location"] == "/"
    assert client.get(reverse("branches:account")).status_code == 200
    assert log_in(Client(), "18004", slip.password).status_code == 200
    assert log_in(Client(), "18004", "清晨读书的日子2018").status_code == 302


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(world):
    here, elsewhere = Client(), Client()
    log_in(here, "18001")
    log_in(elsewhere, "18001")
    data = {"old": PASSWORD, "new": "another-good-one", "again": "another-good-one"}
    assert here.post(reverse("branches:password"), data).status_code == 302
    assert here.get(reverse("branches:account")).status_code == 200
    assert elsewhere.get(reverse("branches:account")).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again", "word"),
    [
        ("wrong", "a-good-new-one", "a-good-new-one", "现在的密码不对"),
        (PASSWORD, "short-one", "short-one", "至少10个字符"),
        (PASSWORD, "12345678901", "12345678901", "不能全是数字"),
        (PASSWORD, "password123", "password123", "常见"),
        (PASSWORD, "my-number-18001", "my-number-18001", "不能含有工号"),
        (PASSWORD, "my-number-１８００１", "my-number-１８００１", "不能含有工号"),
        (PASSWORD, PASSWORD, PASSWORD, "不能与现在的密码相同"),
        (PASSWORD, "a-good-new-one", "another-new-one", "两次输入的新密码不一样"),
        (PASSWORD, "a-good\x00-new-one", "a-good\x00-new-one", "空字符"),
    ],
)
def test_a_bad_new_password_is_refused_in_words(world, login, old, new, again, word):
    before = User.objects.get(pk=world.users["secretary"].pk).password
    response = login("secretary").post(reverse("branches:password"), {"old": old, "new": new, "again": again})
    assert response.status_code == 200
    assert word in response.content.decode()
    assert User.objects.get(pk=world.users["secretary"].pk).password == before


def test_the_own_account_names_branch_and_posts(world, login, clock):
    clock(NOW)
    page = login("secretary").get(reverse("branches:account")).content.decode()
    for word in ("陈静", "18001", "教务处党支部", "支部书记", "正式党员"):
        assert word in page
    assert "没有担任职务" in login("member").get(reverse("branches:account")).content.decode()


# ----------------------------------------------------------------------------------------------------- first passwords


def test_first_passwords_are_long_random_and_easily_read():
    made = [first_password() for _ in range(300)]
    assert len(set(made)) == 300
    for password in made:
        assert re.fullmatch(r"\w{5}-\w{5}-\w{5}", password)
        assert set(password) - {"-"} <= set(ALPHABET)
    assert not set(ALPHABET) & set("0o1li")


def test_a_slip_is_shown_once_and_opens_the_account(world, login, client, clock):
    clock(NOW)
    member = add_member(world.first, "林溪", "z1801")
    admin = login("sysadmin")
    url = reverse("branches:user_open", args=[member.pk])
    response = admin.post(url, {"seen": ""})
    page = response.content.decode()
    password = re.search(r"<code>(.*?)</code>", page)[1]
    assert response.headers["Cache-Control"] == "no-store"
    assert "data-print" in page
    user = User.objects.get(member=member)
    assert user.must_change_password
    assert user.opened_at == at(NOW)
    assert password not in user.password
    assert log_in(client, "z1801", password).status_code == 302
    # Sent once more, the first slip stays good.
    again = admin.post(url, {"seen": ""}, follow=True).content.decode()
    assert "刚刚已开通" in again
    assert "<code>" not in again
    assert User.objects.get(member=member).password == user.password


def test_a_new_first_password_ends_the_sessions_under_the_old_one(world, login, clock):
    clock(NOW)
    admin, theirs = login("sysadmin"), login("member")
    user = world.users["member"]
    response = admin.post(reverse("branches:user_open", args=[user.member_id]), {"seen": ""})
    assert "<code>" in response.content.decode()
    assert theirs.get(reverse("branches:account")).status_code == 302


def test_a_branch_is_opened_at_once_and_accounts_that_exist_are_left_alone(world, login, clock):
    clock(NOW)
    admin = login("sysadmin")
    url = reverse("branches:user_open_branch", args=[world.first.pk])
    before = dict(User.objects.values_list("pk", "password"))
    listed = admin.get(reverse("branches:user_list"), {"branch": world.first.pk}).content.decode()
    assert "有 5 人未开通" in listed
    page = admin.post(url).content.decode()
    assert page.count("<code>") == 5
    assert User.objects.filter(member__memberships__branch=world.first).count() == 9
    assert dict(User.objects.filter(pk__in=before).values_list("pk", "password")) == before
    assert "都已有账号" in admin.post(url, follow=True).content.decode()


def test_a_large_branch_is_opened_in_goes_of_fifty(world, login, clock):
    clock(NOW)
    for n in range(60):
        add_member(world.second, "林溪", f"z{n:03d}")
    page = login("sysadmin").post(reverse("branches:user_open_branch", args=[world.second.pk])).content.decode()
    assert page.count("<code>") == 50
    assert "还有 10 人未开通" in page


def test_a_paused_account_is_out_at_once_and_comes_back_with_its_password(world, login, clock):
    clock(NOW)
    admin, theirs = login("sysadmin"), login("member")
    url = reverse("branches:user_pause", args=[world.users["member"].member_id])
    assert theirs.get(reverse("branches:account")).status_code == 200
    admin.post(url, {"action": "pause"})
    assert theirs.get(reverse("branches:account")).status_code == 302
    assert log_in(Client(), "18004").status_code == 200
    admin.post(url, {"action": "resume"})
    assert log_in(Client(), "18004").status_code == 302


def test_nobody_pauses_the_own_account(world, login, clock):
    clock(NOW)
    user = world.users["sysadmin"]
    page = login("sysadmin").post(
        reverse("branches:user_pause", args=[user.member_id]), {"action": "pause"}, follow=True
    )
    assert "不能暂停自己的账号" in page.content.decode()
    assert User.objects.get(pk=user.pk).is_active


def test_the_answer_comes_back_to_the_place_in_the_list(world, login, clock):
    clock(NOW)
    url = reverse("branches:user_pause", args=[world.users["member"].member_id])
    response = login("sysadmin").post(url, {"action": "pause", "list_branch": world.first.pk, "list_state": "active"})
    assert response.headers["Location"] == f"{reverse('branches:user_list')}?branch={world.first.pk}&state=active"


@pytest.mark.parametrize("who", ["secretary", "deputy", "commissioner", "member", "office", "inspector", "auditor"])
def test_accounts_are_the_system_administrators_alone(world, login, clock, who):
    clock(NOW)
    client = login(who)
    member = world.member("member").pk
    assert client.get(reverse("branches:user_list")).status_code == 403
    for name, argument in (
        ("user_open", member), ("user_pause", member), ("user_open_branch", world.first.pk)
    ):  # fmt: skip
        assert client.post(reverse(f"branches:{name}", args=[argument])).status_code == 403


def test_another_committees_accounts_are_not_there(world, login, clock):
    clock(NOW)
    elsewhere = Committee.objects.create(name="后勤党委", short_name="后勤党委")
    branch = elsewhere.branches.create(code="01", name="膳食党支部", founded_on=at(NOW).date())
    stranger = Member.objects.create(staff_number="h1", name="钱立")
    stranger.memberships.create(branch=branch, from_on=at(NOW).date())
    admin = login("sysadmin")
    assert "钱立" not in admin.get(reverse("branches:user_list")).content.decode()
    for name, argument in (
        ("user_open", stranger.pk), ("user_pause", stranger.pk), ("user_open_branch", branch.pk), ("user_open", 99999)
    ):  # fmt: skip
        assert admin.post(reverse(f"branches:{name}", args=[argument])).status_code == 404
    assert not User.objects.filter(member=stranger).exists()


@pytest.mark.parametrize(
    ("query", "found", "absent"),
    [
        ({"q": "cj"}, ["陈静"], ["李强"]),
        ({"q": "18004"}, ["李强"], ["陈静"]),
        ({"state": "none"}, ["张三一"], ["陈静"]),
        ({"state": "active"}, ["陈静"], ["张三一"]),
        ({"state": "paused"}, ["没有符合条件的人"], ["陈静"]),
        ({"state": "nonsense", "page": "x", "branch": "abc", "q": "\x00"}, ["陈静"], []),
    ],
)
def test_the_list_is_narrowed_by_name_branch_and_state(world, login, clock, query, found, absent):
    clock(NOW)
    response = login("sysadmin").get(reverse("branches:user_list"), query)
    assert response.status_code == 200
    page = re.sub(r"<header.*?</header>", "", response.content.decode(), flags=re.S)
    for word in found:
        assert word in page
    for word in absent:
        assert word not in page


def test_whoever_left_the_roster_but_has_an_account_is_still_listed(world, login, clock):
    clock(NOW)
    world.member("member").memberships.update(until_on=at("2018-06-01 00:00").date())
    page = login("sysadmin").get(reverse("branches:user_list"), {"q": "李强"}).content.decode()
    assert "不在册" in page


@pytest.mark.parametrize("rows", [1, 3, 300])
def test_the_list_of_accounts_asks_the_same_however_long(world, login, clock, django_assert_num_queries, rows):
    clock(NOW)
    for n in range(rows):
        add_member(world.second, "林溪", f"z{n:03d}")
    client = login("sysadmin")
    with django_assert_num_queries(12):
        assert client.get(reverse("branches:user_list"), {"branch": world.second.pk}).status_code == 200


# --------------------------------------------------------------------------------------------------- the first people


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("create_admin", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_first_administrator_is_made_by_command_with_a_password_shown_once(client):
    out = run("A001", "韩 磊", "--random")
    password = re.search(r"：(\w{5}-\w{5}-\w{5})", out)[1]
    member = Member.objects.get(staff_number="a001")
    assert member.name == "韩磊"
    assert Committee.objects.get().name == "机关党委"
    assert [post.kind for post in member.posts.all()] == ["sysadmin"]
    assert log_in(client, "a001", password).status_code == 302
    assert client.get(reverse("branches:user_list")).headers["Location"] == reverse("branches:password")


@pytest.mark.django_db
def test_run_again_the_command_adds_what_is_missing_and_keeps_the_password():
    run("A001", "韩磊", "--random", "--committee", "西北政法大学机关党委")
    before = User.objects.get().password
    Post.objects.all().delete()
    out = run("A001", "韩磊", "--post", "office", "--post", "inspector")
    assert "密码不变" in out
    assert User.objects.get().password == before
    assert sorted(Post.objects.values_list("kind", flat=True)) == ["inspector", "office"]
    assert Committee.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("posts", [["sysadmin", "auditor"], ["security", "office"]])
def test_the_command_makes_nobody_two_administrators_at_once(posts):
    with pytest.raises(CommandError, match="互斥"):
        run("A001", "韩磊", "--random", *(word for post in posts for word in ("--post", post)))
    assert not Member.objects.exists()
    run("A001", "韩磊", "--random", "--post", posts[0])
    with pytest.raises(CommandError, match="互斥"):
        run("A001", "韩磊", "--post", posts[1])


@pytest.mark.django_db
def test_a_typed_password_is_checked_and_opens_the_account(client, monkeypatch):
    typed = iter(["short", "number-a001-in-it", "first-try-good", "not-the-same", "a-good-password", "a-good-password"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    run("A001", "韩磊")
    assert log_in(client, "a001", "a-good-password").status_code == 302
    assert client.get(reverse("branches:user_list")).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["A/01", "韩磊", "--random"], "工号"),
        (["18010", "张三", "--random"], "已登记为韩磊"),
        (["A001", "3", "--random"], "姓名"),
        (["A001", "韩磊"], "--random"),
    ],
)
def test_the_command_refuses_in_words_and_writes_nothing(world, monkeypatch, arguments, word):
    monkeypatch.setattr("sys.stdin", StringIO())
    before = Member.objects.count(), Post.objects.count(), User.objects.count()
    with pytest.raises(CommandError, match=word):
        run(*arguments)
    assert (Member.objects.count(), Post.objects.count(), User.objects.count()) == before
