"""The second factor: setting it up, its codes each once, the step after the password, the paper that stands in."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pyotp
import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from branches import second_factor, secrets
from branches.models import AuditEvent, LoginSession, RecoveryCode, User
from tests.conftest import PASSWORD, at, logged_in, make_world

NOW = "2018-07-04 09:00"
LOGIN, CODE, TOTP = reverse("branches:login"), reverse("branches:login_code"), reverse("branches:totp")
ACCOUNT = reverse("branches:account")
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_at(moment, secret: str = SECRET) -> str:
    return pyotp.TOTP(secret).at(int(moment.timestamp()))


def armed(user: User) -> list[str]:
    """The account with a phone, set up an hour ago, and its ten recovery codes."""
    moment = at(NOW) - timedelta(hours=1)
    User.objects.filter(pk=user.pk).update(
        totp_sealed=secrets.seal(SECRET, second_factor.PURPOSE), totp_at=moment, totp_step=1
    )
    codes = [f"abcde-fgh{n}{n}" for n in range(10)]
    for code in codes:
        RecoveryCode.objects.create(user=user, mac=second_factor._mac(user, code))
    return codes


def first_step(user: User, client: Client | None = None, **extra: str) -> Client:
    client = client or Client()
    answer = client.post(LOGIN, {"username": user.staff_number, "password": PASSWORD, **extra})
    assert answer.headers["Location"] == CODE
    return client


def secret_of(page: str) -> tuple[str, str]:
    """The key as it stands on the page, and the sealed one that goes back with the form."""
    key = re.search(r'class="totp-key">([A-Z2-7 ]+)<', page)[1]
    assert all(len(group) == 4 for group in key.split(" "))
    return key.replace(" ", ""), re.search(r'name="secret" value="([^"]+)"', page)[1]


# The codes


@pytest.mark.parametrize(("off", "taken"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
def test_the_phones_clock_may_be_one_step_off_either_way(world, off, taken):
    moment = at(NOW)
    armed(world.users["office"])
    user = User.objects.get(pk=world.users["office"].pk)
    assert second_factor.accept(user, code_at(moment + timedelta(seconds=off)), moment) is taken


def test_a_code_is_taken_once_and_no_earlier_one_after_it(world):
    moment = at(NOW)
    armed(world.users["office"])
    user = User.objects.get(pk=world.users["office"].pk)
    before, now, after = (code_at(moment + timedelta(seconds=30 * n)) for n in (-1, 0, 1))
    assert second_factor.accept(user, now, moment)
    assert not second_factor.accept(user, now, moment)
    assert not second_factor.accept(user, before, moment)
    assert second_factor.accept(user, after, moment)


def test_the_digits_may_be_typed_with_blanks_and_full_width(world):
    armed(world.users["office"])
    user, code = User.objects.get(pk=world.users["office"].pk), code_at(at(NOW))
    for typed in (f" {code[:3]} {code[3:]} ", code.translate(str.maketrans("0123456789", "０１２３４５６７８９"))):
        User.objects.update(totp_step=1)
        assert second_factor.accept(user, typed, at(NOW))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "٠١٢٣٤٥", "\x00" * 6, "-1", "000000"])
def test_what_is_not_the_code_is_not_taken(world, code):
    armed(world.users["office"])
    user = User.objects.get(pk=world.users["office"].pk)
    assert code == "" or code != code_at(at(NOW))
    assert not second_factor.accept(user, code, at(NOW))


def test_the_secret_lies_sealed_and_opens_for_nothing_else(world):
    armed(world.users["office"])
    user = User.objects.get(pk=world.users["office"].pk)
    assert SECRET not in repr(list(User.objects.values_list()))
    with pytest.raises(secrets.Unreadable):
        secrets.unseal(user.totp_sealed, "member.phone")


def test_where_the_key_is_lost_nobody_gets_in_and_nothing_breaks(world, settings, caplog):
    codes = armed(world.users["office"])
    settings.FIELD_KEYS = {"other": "x" * 40}
    user = User.objects.get(pk=world.users["office"].pk)
    assert not second_factor.accept(user, code_at(at(NOW)), at(NOW))
    assert "cannot be read" in caplog.text
    assert second_factor.use_recovery(user, codes[0], at(NOW))


def test_a_recovery_code_counts_once_for_its_owner_however_typed(world):
    codes = armed(world.users["office"])
    user, other = world.users["office"], world.users["member"]
    assert not second_factor.use_recovery(other, codes[0], at(NOW))
    assert second_factor.use_recovery(user, f" {codes[0].upper().replace('-', ' ')} ", at(NOW))
    assert not second_factor.use_recovery(user, codes[0], at(NOW))
    assert second_factor.codes_left(user) == 9
    assert not second_factor.use_recovery(user, "", at(NOW))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("atomic", [True, False])
def test_of_six_who_send_the_same_code_at_once_one_is_let_in(transactional_db, monkeypatch, atomic):
    """Looking first and writing then lets several in: the race is real."""
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    armed(world.users["office"])
    user, barrier = User.objects.get(pk=world.users["office"].pk), Barrier(6)

    def look_then_write(user, code, now) -> bool:
        step = second_factor.step_of(SECRET, code, now)
        free = User.objects.filter(pk=user.pk, totp_step__lt=step).exists()
        time.sleep(0.3)
        User.objects.filter(pk=user.pk).update(totp_step=step)
        return free

    accept = second_factor.accept if atomic else look_then_write

    def press(n: int) -> bool:
        barrier.wait(10)
        taken = accept(user, code_at(at(NOW)), at(NOW))
        connections.close_all()
        return taken

    with ThreadPoolExecutor(6) as pool:
        taken = sum(pool.map(press, range(6)))
    assert (taken == 1) if atomic else (taken > 1)


# Setting it up


def test_a_phone_is_set_up_by_scanning_or_typing_and_showing_its_digits(world, clock):
    moment = clock(NOW)
    user = world.users["member"]
    client = logged_in(user, when=moment)
    page = client.get(TOTP).content.decode()
    assert 'src="data:image/svg+xml' in page
    key, sealed = secret_of(page)
    assert len(key) == 32
    assert key not in sealed
    wrong = client.post(TOTP, {"secret": sealed, "code": "000000"}).content.decode()
    assert "数字不对" in wrong
    assert secret_of(wrong)[0] == key
    assert User.objects.get(pk=user.pk).totp_sealed == ""
    answer = client.post(TOTP, {"secret": sealed, "code": code_at(moment, key)})
    codes = re.findall(r"<code>(\w{5}-\w{5})</code>", answer.content.decode())
    assert len(set(codes)) == 10
    assert answer.headers["Cache-Control"] == "no-store"
    assert "data-print" in answer.content.decode()
    user = User.objects.get(pk=user.pk)
    assert secrets.unseal(user.totp_sealed, second_factor.PURPOSE) == key
    assert user.totp_at == moment
    assert not any(code in repr(list(RecoveryCode.objects.values_list())) for code in codes)
    assert AuditEvent.objects.filter(what="启用两步验证").count() == 1
    # The code that set it up does not log in; the page loaded again shows no codes.
    assert not second_factor.accept(user, code_at(moment, key), moment)
    assert client.post(TOTP, {"secret": sealed, "code": code_at(moment, key)}).status_code == 302
    assert second_factor.codes_left(user) == 10
    assert "还有 <strong>10</strong> 个没有用过" in client.get(TOTP).content.decode()


def test_anothers_or_a_forged_key_is_not_taken(world, clock):
    moment = clock(NOW)
    theirs, own = logged_in(world.users["member"], when=moment), logged_in(world.users["office"], when=moment)
    key, sealed = secret_of(theirs.get(TOTP).content.decode())
    for forged in (sealed, "a1:0:AAAA", "x", ""):
        assert own.post(TOTP, {"secret": forged, "code": code_at(moment, key)}).headers["Location"] == TOTP
    assert User.objects.get(pk=world.users["office"].pk).totp_sealed == ""


def test_setting_up_ends_the_other_logins(world, clock):
    moment = clock(NOW)
    client, other = (logged_in(world.users["member"], when=moment) for _ in range(2))
    key, sealed = secret_of(client.get(TOTP).content.decode())
    client.post(TOTP, {"secret": sealed, "code": code_at(moment, key)})
    assert client.get(ACCOUNT).status_code == 200
    assert other.get(ACCOUNT).status_code == 302


@pytest.mark.parametrize("minutes", [9, 11])
def test_some_minutes_after_the_login_setting_up_asks_for_the_password(world, clock, minutes):
    moment = clock(NOW)
    client = logged_in(world.users["member"], when=moment)
    clock(f"2018-07-04 09:{minutes:02}")
    assert client.get(TOTP).status_code == (200 if minutes < 10 else 302)


@pytest.mark.parametrize("route", ["totp?new=1", "recovery_codes", "totp_off"])
def test_changing_it_asks_for_the_password_however_new_the_login(world, clock, route):
    moment = clock(NOW)
    armed(world.users["member"])
    client = logged_in(world.users["member"], when=moment)
    name, _, query = route.partition("?")
    url = reverse(f"branches:{name}")
    answer = client.get(f"{url}?{query}") if query else client.post(url)
    assert answer.headers["Location"].startswith(reverse("branches:sudo"))
    assert second_factor.codes_left(world.users["member"]) == 10


def sudo(client: Client) -> Client:
    assert client.post(reverse("branches:sudo"), {"password": PASSWORD}).status_code == 302
    return client


def test_another_phone_and_new_codes_make_the_old_ones_void(world, clock):
    moment = clock(NOW)
    user = world.users["member"]
    old = armed(user)
    client = sudo(logged_in(user, when=moment))
    page = client.post(reverse("branches:recovery_codes")).content.decode()
    new = re.findall(r"<code>(\w{5}-\w{5})</code>", page)
    assert not second_factor.use_recovery(user, old[1], moment)
    assert second_factor.use_recovery(user, new[1], moment)
    key, sealed = secret_of(client.get(f"{TOTP}?new=1").content.decode())
    assert client.post(f"{TOTP}?new=1", {"secret": sealed, "code": code_at(moment, key)}).status_code == 200
    user = User.objects.get(pk=user.pk)
    assert not second_factor.accept(user, code_at(moment + timedelta(seconds=30)), moment)
    assert not second_factor.use_recovery(user, new[2], moment)


def test_whoever_must_have_it_cannot_turn_it_off_and_others_can(world, clock, settings):
    moment = clock(NOW)
    settings.SECOND_FACTOR = frozenset({"office"})
    for who, left in (("office", True), ("member", False)):
        armed(world.users[who])
        client = sudo(logged_in(world.users[who], when=moment))
        client.post(reverse("branches:totp_off"))
        assert bool(User.objects.get(pk=world.users[who].pk).totp_sealed) is left
        assert RecoveryCode.objects.filter(user=world.users[who]).exists() is left


# Who must have it


@pytest.mark.parametrize(
    ("required", "who"),
    [
        (set(), set()),
        ({"admins"}, {"sysadmin", "security", "auditor"}),
        ({"office"}, {"office"}),
        ({"secretary"}, {"secretary", "other_secretary"}),
        ({"admins", "office"}, {"sysadmin", "security", "auditor", "office"}),
    ],
)
def test_whoever_must_have_it_gets_no_further_without(world, clock, settings, required, who):
    moment = clock(NOW)
    settings.SECOND_FACTOR = frozenset(required)
    for name, user in world.users.items():
        client = logged_in(user, when=moment)
        answers = [client.get(url) for url in (reverse("branches:own_history"), ACCOUNT)]
        stopped = [answer.headers.get("Location") == TOTP for answer in answers]
        assert stopped == [name in who] * 2, name
        assert client.get(TOTP).status_code == 200
        if name in who:
            assert "按您现任的职务" in client.get(TOTP).content.decode()
            assert client.post(reverse("branches:logout")).headers["Location"] == LOGIN


def test_set_up_one_goes_on_to_the_own_work(world, clock, settings):
    moment = clock(NOW)
    settings.SECOND_FACTOR = frozenset({"office"})
    client = logged_in(world.users["office"], when=moment)
    key, sealed = secret_of(client.get(TOTP).content.decode())
    client.post(TOTP, {"secret": sealed, "code": code_at(moment, key)})
    assert client.get("/").status_code == 200


# The second step of logging in


def test_after_the_password_nothing_opens_before_the_code(world, clock):
    moment = clock(NOW)
    armed(world.users["office"])
    client = first_step(world.users["office"], next="/members/")
    assert not LoginSession.objects.exists()
    assert "_auth_user_id" not in client.session
    for url in ("/", ACCOUNT, "/members/", TOTP):
        assert client.get(url).headers["Location"].startswith(f"{LOGIN}?next=")
    assert client.get(CODE).status_code == 200
    assert client.post(CODE, {"code": code_at(moment)}).headers["Location"] == "/members/"
    assert client.get("/members/").status_code == 200
    assert LoginSession.objects.get().via == "password"
    assert client.get(CODE).headers["Location"] == "/"


def test_the_session_has_another_key_before_and_after_the_code(world, clock):
    moment = clock(NOW)
    armed(world.users["office"])
    client = first_step(world.users["office"])
    before = client.session.session_key
    client.post(CODE, {"code": code_at(moment)})
    assert client.session.session_key != before


@pytest.mark.parametrize("minutes", [4, 6])
def test_five_minutes_later_one_begins_with_the_password_again(world, clock, minutes):
    clock(NOW)
    armed(world.users["office"])
    client = first_step(world.users["office"])
    moment = clock(f"2018-07-04 09:{minutes:02}")
    answer = client.post(CODE, {"code": code_at(moment)}, follow=True)
    if minutes < 5:
        assert LoginSession.objects.count() == 1
    else:
        assert "已超过5分钟" in answer.content.decode()
        assert answer.redirect_chain[-1][0] == LOGIN
        assert not LoginSession.objects.exists()


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"password": "md5$x$y"}, {"totp_sealed": ""}], ids=["paused", "password", "off"]
)
def test_what_changes_the_account_meanwhile_voids_the_step(world, clock, change):
    moment = clock(NOW)
    armed(world.users["office"])
    client = first_step(world.users["office"])
    User.objects.filter(pk=world.users["office"].pk).update(**change)
    assert client.post(CODE, {"code": code_at(moment)}).headers["Location"] == LOGIN
    assert not LoginSession.objects.exists()


def test_five_wrong_codes_lead_back_to_the_password_and_are_written_down(world, clock):
    moment = clock(NOW)
    armed(world.users["office"])
    client = first_step(world.users["office"])
    for _ in range(4):
        assert "验证码不对" in client.post(CODE, {"code": "000000"}).content.decode()
    assert "请从密码重新开始" in client.post(CODE, {"code": "000000"}, follow=True).content.decode()
    assert client.post(CODE, {"code": code_at(moment)}).headers["Location"] == LOGIN
    assert AuditEvent.objects.filter(what="两步验证未通过", ok=False).count() == 5
    first_step(world.users["office"], client)
    assert client.post(CODE, {"code": code_at(moment)}).headers["Location"] == "/"


def test_wrong_codes_count_as_failed_logins(world, settings):
    """Otherwise whoever knows the password could try codes for ever, five at a time."""
    settings.AXES_ENABLED = True
    armed(world.users["office"])
    client = first_step(world.users["office"])
    for _ in range(4):
        assert client.post(CODE, {"code": "000000"}).status_code == 200
    assert client.post(CODE, {"code": "000000"}).status_code == 429
    assert client.post(LOGIN, {"username": "18007", "password": PASSWORD}).status_code == 429


def test_a_pause_stops_the_right_code_too(world, settings):
    settings.AXES_ENABLED = True
    armed(world.users["office"])
    client = first_step(world.users["office"])
    for _ in range(5):
        Client().post(LOGIN, {"username": "18007", "password": "wrong"})
    assert client.post(CODE, {"code": code_at(timezone.now())}).status_code == 429
    assert not LoginSession.objects.exists()


def test_an_empty_or_endless_code_is_answered_in_words_and_not_counted(world, clock):
    clock(NOW)
    armed(world.users["office"])
    client = first_step(world.users["office"])
    assert "请填写“验证码”" in client.post(CODE, {"code": ""}).content.decode()
    assert "没有这么长" in client.post(CODE, {"code": "1" * 500}).content.decode()
    assert "空字符" in client.post(CODE, {"code": "1\x00"}).content.decode()
    assert not AuditEvent.objects.filter(what="两步验证未通过").exists()


def test_a_recovery_code_logs_in_once_and_says_how_many_are_left(world, clock):
    clock(NOW)
    codes = armed(world.users["member"])
    for n, code in enumerate(codes[:7], 1):
        page = first_step(world.users["member"], next=ACCOUNT).post(CODE, {"code": code}, follow=True).content.decode()
        assert f"还剩{10 - n}个" in page
        assert ("重新生成" in page) is (10 - n <= 3)
    client = first_step(world.users["member"])
    assert "验证码不对" in client.post(CODE, {"code": codes[0]}).content.decode()
    assert AuditEvent.objects.filter(what="使用恢复码").count() == 7


def test_without_the_password_the_step_is_not_there(world, client):
    assert client.get(CODE).headers["Location"] == LOGIN
    assert client.post(CODE, {"code": "123456"}).headers["Location"] == LOGIN


# The security administrator


def test_a_lost_phone_is_taken_off_and_the_logins_end(world, clock, settings):
    moment = clock(NOW)
    user = world.users["office"]
    armed(user)
    theirs, security = logged_in(user, when=moment), sudo(logged_in(world.users["security"], when=moment))
    url = reverse("branches:security_totp_off", args=[user.pk])
    assert "两步验证已撤销" in security.post(url, follow=True).content.decode()
    assert theirs.get(ACCOUNT).status_code == 302
    assert not RecoveryCode.objects.exists()
    assert "没有启用" in security.post(url, follow=True).content.decode()
    # With the next login a new one is set up, where the post asks for it.
    settings.SECOND_FACTOR = frozenset({"office"})
    client = Client()
    client.post(LOGIN, {"username": user.staff_number, "password": PASSWORD})
    assert client.get("/").headers["Location"] == TOTP


def test_nobody_takes_off_the_own_phone_there(world, clock):
    moment = clock(NOW)
    armed(world.users["security"])
    security = sudo(logged_in(world.users["security"], when=moment))
    url = reverse("branches:security_totp_off", args=[world.users["security"].pk])
    assert "不能撤销自己的" in security.post(url, follow=True).content.decode()
    assert User.objects.get(pk=world.users["security"].pk).totp_sealed
