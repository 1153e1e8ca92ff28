"""The commands at the server: the first people, the way back in for an administrator, and accounts that nobody uses."""

from __future__ import annotations

import re
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from branches.models import AuditEvent, Committee, LoginSession, Member, Post, RecoveryCode, User
from tests.branches.test_accounts import log_in
from tests.branches.test_activation import OWN, activate
from tests.conftest import PASSWORD, World, at

NOW = "2018-06-20 10:00"


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def code_in(out: str) -> str:
    return re.search(r"：(\w{5}-\w{5}-\w{5})", out)[1]


# --------------------------------------------------------------------------------------------------- the first people


@pytest.mark.django_db
def test_the_first_administrator_is_made_by_command_with_a_code_shown_once(client, clock):
    clock(NOW)
    out = run("create_admin", "A001", "韩 磊", "--code")
    member = Member.objects.get(staff_number="a001")
    assert member.name == "韩磊"
    assert Committee.objects.get().name == "机关党委"
    assert [post.kind for post in member.posts.all()] == ["sysadmin"]
    assert "2018-06-23 10:00前有效" in out
    assert not member.user.has_usable_password()
    assert activate(client, "a001", code_in(out)).status_code == 302
    assert client.get(reverse("branches:user_list")).headers["Location"] == reverse("branches:privacy")
    client.post(reverse("branches:privacy"))
    assert client.get(reverse("branches:user_list")).status_code == 200


@pytest.mark.django_db
def test_run_again_the_command_adds_what_is_missing_and_keeps_the_password():
    run("create_admin", "A001", "韩磊", "--code", "--committee", "西北政法大学机关党委")
    before = User.objects.get()
    Post.objects.all().delete()
    out = run("create_admin", "A001", "韩磊", "--post", "office", "--post", "inspector")
    assert "密码不变" in out
    after = User.objects.get()
    assert (after.password, after.activation_mac) == (before.password, before.activation_mac)
    assert sorted(Post.objects.values_list("kind", flat=True)) == ["inspector", "office"]
    assert Committee.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("posts", [["sysadmin", "auditor"], ["security", "office"]])
def test_the_command_makes_nobody_two_administrators_at_once(posts):
    with pytest.raises(CommandError, match="互斥"):
        run("create_admin", "A001", "韩磊", "--code", *(word for post in posts for word in ("--post", post)))
    assert not Member.objects.exists()
    run("create_admin", "A001", "韩磊", "--code", "--post", posts[0])
    with pytest.raises(CommandError, match="互斥"):
        run("create_admin", "A001", "韩磊", "--post", posts[1])


@pytest.mark.django_db
def test_a_typed_password_is_checked_and_opens_the_account(client, monkeypatch, clock):
    moment = clock(NOW)
    typed = iter(["short", "Number-a001-in-it", "韩磊的密码-Abc-12", "First-try-good", "Not-the-same-1", OWN, OWN])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    run("create_admin", "A001", "韩磊")
    assert next(typed, None) is None
    user = User.objects.get()
    assert (user.password_at, user.opened_at, user.must_change_password) == (moment, moment, False)
    assert log_in(client, "a001", OWN).status_code == 302


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["A/01", "韩磊", "--code"], "工号"),
        (["18010", "张三", "--code"], "已登记为韩磊"),
        (["A001", "3", "--code"], "姓名"),
        (["A001", "韩磊"], "--code"),
    ],
)
def test_the_command_refuses_in_words_and_writes_nothing(world, monkeypatch, arguments, word):
    monkeypatch.setattr("sys.stdin", StringIO())
    before = Member.objects.count(), Post.objects.count(), User.objects.count()
    with pytest.raises(CommandError, match=word):
        run("create_admin", *arguments)
    assert (Member.objects.count(), Post.objects.count(), User.objects.count()) == before


# --------------------------------------------------------------------------------------------------------- the way back


@pytest.fixture
def root(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.mark.parametrize("who", ["sysadmin", "security", "auditor"])
def test_an_administrator_who_lost_everything_comes_back_with_a_code_from_the_host(world, root, clock, who):
    moment = clock(NOW)
    user, theirs = world.users[who], Client()
    log_in(theirs, user.staff_number)
    User.objects.filter(pk=user.pk).update(totp_sealed="sealed", totp_at=moment, totp_step=7, is_active=False)
    RecoveryCode.objects.create(user=user, mac="0" * 64)
    session = LoginSession.objects.create(user=user, key_mac="1" * 64, began_at=moment, seen_at=moment)
    out = run("recover_admin", f" {user.staff_number} ")
    user.refresh_from_db()
    assert (user.totp_sealed, user.totp_at, user.totp_step, user.is_active) == ("", None, 0, True)
    assert not user.recovery_codes.exists() and not user.known_devices.exists()
    session.refresh_from_db()
    assert (session.ended_at, session.ended_why) == (moment, "changed")
    assert theirs.get(reverse("branches:account")).status_code == 302
    assert log_in(Client(), user.staff_number).status_code == 200
    assert activate(Client(), user.staff_number, code_in(out)).status_code == 302
    event = AuditEvent.objects.get(what__startswith="恢复管理员")
    assert (event.actor_name, event.object_id) == ("服务器命令", str(user.member_id))


@pytest.mark.parametrize(("number", "word"), [("18001", "不是系统、安全或审计管理员"), ("99999", "没有账号")])
def test_it_is_for_administrators_who_have_an_account(world, root, clock, number, word):
    clock(NOW)
    before = list(User.objects.order_by("pk").values_list())
    with pytest.raises(CommandError, match=word):
        run("recover_admin", number)
    assert list(User.objects.order_by("pk").values_list()) == before


def test_it_is_for_nobody_but_root(world, clock, monkeypatch):
    clock(NOW)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(CommandError, match="root"):
        run("recover_admin", "18010")
    assert log_in(Client(), "18010").status_code == 302


# ------------------------------------------------------------------------------------------------- what nobody uses


def use(world: World, **days: int) -> None:
    """So many days before NOW each of these last logged in; all others just now."""
    User.objects.update(last_login=at(NOW))
    for who, ago in days.items():
        User.objects.filter(pk=world.users[who].pk).update(last_login=at(NOW) - timedelta(days=ago))


def paused(world: World) -> set[str]:
    return {who for who, user in world.users.items() if not User.objects.get(pk=user.pk).is_active}


def test_accounts_that_nobody_used_for_90_days_are_paused_once(world, clock):
    clock(NOW)
    use(world, member=90, secretary=89, other_member=400)
    assert "共暂停2个账号" in run("pause_idle_accounts")
    assert paused(world) == {"member", "other_member"}
    assert AuditEvent.objects.filter(what="暂停账号", detail__why="90天未使用").count() == 2
    assert "没有要暂停的账号" in run("pause_idle_accounts")
    assert AuditEvent.objects.filter(what="暂停账号").count() == 2
    assert log_in(Client(), "18004", PASSWORD).status_code == 200


@pytest.mark.parametrize("column", ["opened_at", "password_at"])
def test_an_account_just_opened_or_given_a_password_is_in_use(world, clock, column):
    clock(NOW)
    use(world, member=400)
    User.objects.filter(pk=world.users["member"].pk).update(**{column: at(NOW) - timedelta(days=89)})
    run("pause_idle_accounts")
    assert paused(world) == set()


def test_a_login_that_goes_on_is_use(world, clock):
    clock(NOW)
    use(world, member=400)
    LoginSession.objects.create(
        user=world.users["member"], key_mac="1" * 64, began_at=at("2017-01-01 10:00"), seen_at=at("2018-06-19 10:00")
    )
    run("pause_idle_accounts")
    assert paused(world) == set()


def test_an_account_resumed_is_not_paused_again_the_next_night(world, clock, login):
    clock(NOW)
    use(world, member=400)
    run("pause_idle_accounts")
    url = reverse("branches:user_pause", args=[world.users["member"].member_id])
    login("sysadmin").post(url, {"action": "resume"})
    run("pause_idle_accounts")
    assert paused(world) == set()


def test_the_last_system_administrator_is_never_paused(world, clock):
    clock(NOW)
    use(world, sysadmin=400, member=400)
    run("pause_idle_accounts")
    assert paused(world) == {"member"}
    # Of two the one stays who was there last, and whoever stands in for another committee stays there.
    second = Post.objects.create(
        member=world.member("other_member"), kind="sysadmin", committee=world.committee, from_on=date(2017, 1, 1)
    )
    use(world, sysadmin=400, other_member=300)
    run("pause_idle_accounts")
    assert paused(world) == {"member", "sysadmin"}
    User.objects.filter(pk=world.users["sysadmin"].pk).update(is_active=True)
    second.committee = Committee.objects.create(name="后勤党委", short_name="后勤党委")
    second.save()
    run("pause_idle_accounts")
    assert paused(world) == {"member"}


@pytest.mark.parametrize(("moment", "count"), [("2018-07-12T00:00+08:00", 1), ("2018-07-11", 0)])
def test_the_moment_can_be_said(world, moment, count):
    use(world)
    User.objects.filter(pk=world.users["member"].pk).update(last_login=at("2018-04-13 00:00"))
    run("pause_idle_accounts", "--at", moment)
    assert len(paused(world)) == count
    with pytest.raises(CommandError, match="不是有效的时刻"):
        run("pause_idle_accounts", "--at", "soon")
