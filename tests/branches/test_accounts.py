"""Accounts: who gets in, with which password, and what the system administrator can do about it."""

import re
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from branches.models import Committee, Member, User
from tests.conftest import PASSWORD, add_member, add_user, at, sure

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


# ------------------------------------------------------------------------------------------------------------ passwords


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(world):
    here, elsewhere = Client(), Client()
    log_in(here, "18001")
    log_in(elsewhere, "18001")
    data = {"old": PASSWORD, "new": "Another-good-1", "again": "Another-good-1"}
    assert here.post(reverse("branches:password"), data).status_code == 302
    assert here.get(reverse("branches:account")).status_code == 200
    assert elsewhere.get(reverse("branches:account")).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again", "word"),
    [
        ("wrong", "A-good-new-1", "A-good-new-1", "现在的密码不对"),
        (PASSWORD, "Short-1", "Short-1", "至少12个字符，现在是7个"),
        (PASSWORD, "A-good-new-1", "Another-new-1", "两次输入的新密码不一样"),
        (PASSWORD, PASSWORD, PASSWORD, "不能与现在的密码相同"),
        (PASSWORD, "My-number-１８００１", "My-number-１８００１", "不能含有工号"),
        (PASSWORD, "A-good\x00-new-1", "A-good\x00-new-1", "空字符"),
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


# --------------------------------------------------------------------------------------------- the administrator's list


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
    assert User.objects.get(pk=world.users["member"].pk).opened_at == at(NOW)


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
    admin = sure(login("sysadmin"))
    assert "钱立" not in admin.get(reverse("branches:user_list")).content.decode()
    for name, argument in (
        ("user_open", stranger.pk), ("user_pause", stranger.pk), ("user_open_branch", branch.pk), ("user_open", 99999)
    ):  # fmt: skip
        assert admin.post(reverse(f"branches:{name}", args=[argument])).status_code == 404
    assert not User.objects.filter(member=stranger).exists()


def test_whoever_went_over_to_another_committee_is_its_administrators_alone(world, login, clock):
    """Else whoever looked after an account once could for ever let himself in under its name."""
    clock(NOW)
    elsewhere = Committee.objects.create(name="后勤党委", short_name="后勤党委")
    branch = elsewhere.branches.create(code="01", name="膳食党支部", founded_on=at("2017-01-01 00:00").date())
    gone, user = world.member("member"), world.users["member"]
    gone.memberships.update(until_on=at("2018-01-01 00:00").date())
    User.objects.filter(pk=user.pk).update(totp_sealed="sealed")
    sysadmin, security = sure(login("sysadmin")), sure(login("security"))
    acts = [
        (sysadmin, "user_open", gone.pk), (sysadmin, "user_pause", gone.pk), (security, "security_totp_off", user.pk),
        (security, "security_end", user.pk), (security, "security_lift", user.pk),
    ]  # fmt: skip
    names = {sysadmin: "user_list", security: "security_list"}
    for client, name in names.items():
        assert "李强" in client.get(reverse(f"branches:{name}"), {"q": "李强"}).content.decode(), "nowhere else yet"
    gone.memberships.create(branch=branch, from_on=at("2018-01-01 00:00").date())
    for client, name in names.items():
        assert "李强" not in client.get(reverse(f"branches:{name}")).content.decode()
    for client, name, argument in acts:
        assert client.post(reverse(f"branches:{name}", args=[argument])).status_code == 404, name
    assert User.objects.get(pk=user.pk).password == user.password
    world.committee.posts.create(member=gone, kind="inspector", from_on=at("2018-01-01 00:00").date())
    for client, name in names.items():
        assert "李强" in client.get(reverse(f"branches:{name}")).content.decode(), "holds a post here"


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
