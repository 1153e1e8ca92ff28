"""Activation codes: on paper instead of a first password, good once, for one person and for 72 hours."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse

from branches import accounts
from branches.access import Access
from branches.accounts import ALPHABET, Slip, activation_code, open_accounts
from branches.models import AuditEvent, KnownDevice, LoginFailure, User
from branches.views.accounts import WRONG_CODE
from tests.branches.test_accounts import SPELLINGS, log_in
from tests.conftest import PASSWORD, World, add_member, at, sure

NOW = "2018-06-20 10:00"
ACTIVATE = reverse("branches:activate")
OWN = "Morning-reading-1"


def slip_for(world: World, number: str = "z1801", name: str = "林溪") -> Slip:
    return open_accounts([add_member(world.first, name, number)], world.access("sysadmin", at(NOW)))[0]


def activate(client: Client, number: str, code: str, new: str = OWN, again: str | None = None):
    return client.post(ACTIVATE, {"number": number, "code": code, "new": new, "again": new if again is None else again})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_codes_are_long_random_and_easily_read():
    made = [activation_code() for _ in range(300)]
    assert len(set(made)) == 300
    for code in made:
        assert re.fullmatch(r"\w{5}-\w{5}-\w{5}", code)
        assert set(code) - {"-"} <= set(ALPHABET)
    assert not set(ALPHABET) & set("0o1li")
    assert len(ALPHABET) ** 15 > 2**60


def test_a_code_and_an_own_password_lead_to_the_notice_and_then_in(world, client, clock):
    clock(NOW)
    slip = slip_for(world)
    user = User.objects.get(member=slip.member)
    assert not user.has_usable_password()
    assert slip.code not in user.activation_mac
    assert activate(client, "z1801", slip.code).headers["Location"] == "/"
    assert client.get("/").headers["Location"] == reverse("branches:privacy")
    assert client.post(reverse("branches:privacy")).headers["Location"] == "/"
    assert client.get(reverse("branches:account")).status_code == 200
    user.refresh_from_db()
    assert (user.activation_mac, user.activation_until_at, user.password_at) == ("", None, at(NOW))
    assert log_in(Client(), "z1801", OWN).status_code == 302
    assert AuditEvent.objects.filter(what="激活账号，设置密码", actor=user).count() == 1


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_the_staff_number_fits_the_code(world, client, clock, spelling):
    clock(NOW)
    assert activate(client, spelling, slip_for(world).code).status_code == 302
    assert is_in(client)


@pytest.mark.parametrize(
    "typed",
    [
        str.upper,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", "—"),
        lambda code: f"  {code}\u3000",
        lambda code: " ".join(code),
        lambda code: "".join(chr(ord(letter) + 0xFEE0) for letter in code),
    ],
    ids=["capitals", "closed", "blanks", "dashes", "around", "spread", "full-width"],
)
def test_every_way_to_type_the_code_is_taken(world, client, clock, typed):
    clock(NOW)
    assert activate(client, "z1801", typed(slip_for(world).code)).status_code == 302
    assert is_in(client)


def used(world: World, slip: Slip) -> str:
    activate(Client(), "z1801", slip.code)
    return slip.code


def replaced(world: World, slip: Slip) -> str:
    open_accounts([slip.member], world.access("sysadmin", at(NOW)))
    return slip.code


def anothers(world: World, slip: Slip) -> str:
    return slip_for(world, "z1802", "方远").code


def paused(world: World, slip: Slip) -> str:
    User.objects.filter(member=slip.member).update(is_active=False)
    return slip.code


@pytest.mark.parametrize(
    "code",
    [used, replaced, anothers, paused, lambda world, slip: activation_code(), lambda world, slip: slip.code[:-1],
     lambda world, slip: "-"],
    ids=["used", "replaced", "another's", "paused", "guessed", "cut", "none"],
)  # fmt: skip
def test_a_code_that_is_not_the_right_one_is_refused_in_one_sentence(world, client, clock, code):
    clock(NOW)
    wrong = code(world, slip_for(world))
    before = dict(User.objects.values_list("pk", "password"))
    page = activate(client, "z1801", wrong, "Another-morning-1").content.decode()
    assert WRONG_CODE in page
    assert not is_in(client)
    assert dict(User.objects.values_list("pk", "password")) == before
    assert LoginFailure.objects.count() == 1


@pytest.mark.parametrize("number", ["99999", "18004"])
def test_nothing_tells_whether_a_number_has_an_account(world, client, clock, number):
    clock(NOW)
    slip_for(world)
    there, elsewhere = activate(client, "z1801", "x" * 15), activate(Client(), number, "x" * 15)
    pages = {
        re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|value="\w{5}"', "", page.content.decode())
        for page in (there, elsewhere)
    }
    assert len(pages) == 1
    assert there.status_code == elsewhere.status_code == 200


@pytest.mark.parametrize(("hours", "good"), [(71.9, True), (72, False), (1000, False)])
def test_a_code_is_good_for_72_hours(world, client, clock, hours, good):
    clock(NOW)
    slip = slip_for(world)
    clock((at(NOW) + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M"))
    activate(client, "z1801", slip.code)
    assert is_in(client) is good


@pytest.mark.parametrize(
    ("number", "code", "new", "again", "words"),
    [
        ("", "", "", "", ["请填写“工号”", "请填写“激活码”", "请填写“新密码”"]),
        ("z1801", None, OWN, "another", ["两次输入的新密码不一样"]),
        ("z1801", None, "short", "short", ["至少12个字符"]),
        ("z1801", None, "My-Z1801-is-here", "My-Z1801-is-here", ["不能含有工号"]),
        ("z1801", None, "林溪的密码-Abc-123", "林溪的密码-Abc-123", ["不能含有姓名"]),
        ("9" * 500, "9" * 500, OWN, OWN, ["工号没有这么长", "激活码没有这么长"]),
        ("z1801\x00", None, OWN, OWN, ["空字符"]),
    ],
)
def test_a_form_filled_wrongly_keeps_what_was_typed_and_the_code(world, client, clock, number, code, new, again, words):
    clock(NOW)
    slip = slip_for(world)
    response = activate(client, number, slip.code if code is None else code, new, again)
    assert response.status_code == 200
    for word in words:
        assert word in response.content.decode()
    if code is None:
        assert f'value="{slip.code}"' in response.content.decode()
    assert new not in re.findall(r'value="([^"]*)"', response.content.decode()) or not new
    assert LoginFailure.objects.count() == 0
    assert activate(client, "z1801", slip.code).status_code == 302


def test_wrong_codes_are_counted_with_wrong_passwords_and_a_right_one_is_let_in_all_the_same(world, client, clock):
    clock(NOW)
    slip = slip_for(world)
    answers = [activate(client, "z1801", "x" * 15).status_code for _ in range(3)]
    answers += [log_in(client, "z1801", "wrong").status_code for _ in range(2)]
    assert answers == [200, 200, 200, 200, 429]
    assert activate(client, "z1801", "x" * 15).status_code == 429
    assert LoginFailure.objects.count() == 5
    assert activate(client, "z1801", slip.code).status_code == 302
    assert is_in(client)


def test_the_notes_of_failed_activations_name_only_numbers_that_have_an_account(world, client, clock):
    clock(NOW)
    slip_for(world)
    activate(client, "z1801", "x" * 15)
    activate(client, "my-Secret-2018", "x" * 15)
    found = AuditEvent.objects.filter(what="激活失败", ok=False).order_by("seq").values_list("actor_name", flat=True)
    assert list(found) == ["z1801", "没有这个工号"]


# ------------------------------------------------------------------------------------------------------------- issuing


def test_issuing_asks_for_the_password_once_more_and_comes_back_to_the_list(world, login, clock):
    clock(NOW)
    admin, member = login("sysadmin"), add_member(world.first, "林溪", "z1801")
    listed = f"{reverse('branches:user_list')}?branch={world.first.pk}"
    page = admin.get(listed).content.decode()
    assert page.count(f'name="back" value="{listed}"') > 1
    for name, argument in (("user_open", member.pk), ("user_open_branch", world.first.pk)):
        answer = admin.post(reverse(f"branches:{name}", args=[argument]), {"seen": "", "back": listed})
        assert answer.headers["Location"].startswith(reverse("branches:sudo"))
    assert not User.objects.filter(member=member).exists()
    asked = admin.post(answer.headers["Location"], {"password": PASSWORD, "next": listed})
    assert asked.headers["Location"] == listed
    assert "请继续办理" in admin.get(listed).content.decode()
    assert admin.post(reverse("branches:user_open", args=[member.pk]), {"seen": ""}).status_code == 200


def test_a_slip_tells_all_that_is_needed_and_is_shown_once(world, login, clock):
    clock(NOW)
    admin, member = sure(login("sysadmin")), add_member(world.first, "林溪", "z1801")
    url = reverse("branches:user_open", args=[member.pk])
    response = admin.post(url, {"seen": ""})
    page = response.content.decode()
    code = re.search(r"<code>(.*?)</code>", page)[1]
    for words in ("林溪", "工号 z1801", "6月23日 10:00前有效", "http://testserver/activate/", "data-print"):
        assert words in page
    assert code not in re.sub(r"<code>.*?</code>", "", page)
    assert response.headers["Cache-Control"] == "no-store"
    user = User.objects.get(member=member)
    assert user.opened_at == at(NOW)
    # Pressed once more from the page before, the first slip stays good.
    again = admin.post(url, {"seen": ""}, follow=True).content.decode()
    assert "刚刚已发放" in again and "<code>" not in again
    assert User.objects.get(member=member).activation_mac == user.activation_mac
    assert code not in repr(list(AuditEvent.objects.values()))


def test_the_picture_on_the_slip_is_the_address_and_breaks_no_policy(world, login, clock):
    clock(NOW)
    page = sure(login("sysadmin")).post(reverse("branches:user_open_branch", args=[world.first.pk]))
    source = re.search(r'class="slip-picture" src="([^"]+)"', page.content.decode())[1]
    head, _, body = source.partition(",")
    drawn = base64.b64decode(body).decode() if "base64" in head else unquote(body.replace("&#x27;", "'"))
    assert head.startswith("data:image/svg+xml")
    assert "<svg" in drawn and "style=" not in drawn and "script" not in drawn
    assert "img-src 'self' data:" in page.headers["Content-Security-Policy"]


def test_a_new_code_ends_whatever_opened_the_account_before(world, login, clock):
    clock(NOW)
    theirs, user = Client(), world.users["member"]
    log_in(theirs, "18004")
    assert KnownDevice.objects.filter(user=user).count() == 1
    response = sure(login("sysadmin")).post(reverse("branches:user_open", args=[user.member_id]), {"seen": ""})
    assert "<code>" in response.content.decode()
    assert theirs.get(reverse("branches:account")).status_code == 302
    assert log_in(Client(), "18004").status_code == 200
    assert KnownDevice.objects.filter(user=user).count() == 0
    # Nor is the password that was taken away taken again.
    code = re.search(r"<code>(.*?)</code>", response.content.decode())[1]
    assert "最近用过" in activate(Client(), "18004", code, PASSWORD).content.decode()
    assert activate(Client(), "18004", code).status_code == 302


def test_a_branch_gets_its_sheet_and_accounts_in_use_are_left_alone(world, login, clock):
    clock(NOW)
    admin = sure(login("sysadmin"))
    url = reverse("branches:user_open_branch", args=[world.first.pk])
    before = dict(User.objects.values_list("pk", "password"))
    listed = admin.get(reverse("branches:user_list"), {"branch": world.first.pk}).content.decode()
    assert "有 5 人还没有可用的账号" in listed
    assert admin.post(url).content.decode().count("<code>") == 5
    assert User.objects.filter(member__memberships__branch=world.first).count() == 9
    assert dict(User.objects.filter(pk__in=before).values_list("pk", "password")) == before
    # Codes that are still good stay good; those that ran out are replaced.
    assert "都已有账号" in admin.post(url, follow=True).content.decode()
    clock("2018-06-23 10:00")
    assert sure(admin).post(url).content.decode().count("<code>") == 5


@pytest.mark.parametrize(
    ("moment", "state", "found"),
    [("2018-06-21 10:00", "waiting", True), ("2018-06-21 10:00", "late", False), ("2018-06-24 10:00", "late", True),
     ("2018-06-24 10:00", "waiting", False)],
)  # fmt: skip
def test_the_list_tells_a_code_that_waits_from_one_that_ran_out(world, login, clock, moment, state, found):
    clock(NOW)
    slip_for(world)
    clock(moment)
    page = login("sysadmin").get(reverse("branches:user_list"), {"state": state}).content.decode()
    assert ("林溪" in page) is found


def test_of_two_who_use_one_code_at_once_the_log_names_one(world, clock):
    """Both have looked; the second finds the code used, and nothing is said of an act that was none."""
    moment = clock(NOW)
    slip = slip_for(world)
    one, other = (accounts.activating("z1801", slip.code, moment) for _ in range(2))
    access = Access.of(one, moment)
    assert (accounts.activate(one, OWN, access), accounts.activate(other, "Evening-reading-2", access)) == (True, False)
    assert User.objects.get(pk=one.pk).check_password(OWN)
    assert AuditEvent.objects.filter(what="激活账号，设置密码").count() == 1
