"""Before anything else: an own password that is not too old, then the privacy notice in its present version."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.urls import reverse

from branches import first_steps
from branches.models import AuditEvent, User
from tests.conftest import PASSWORD, add_user, at

NOW = "2018-06-20 10:00"
PRIVACY, ACCOUNT = reverse("branches:privacy"), reverse("branches:account")


def lack(world, who: str = "member", **columns) -> User:
    User.objects.filter(pk=world.users[who].pk).update(**columns)
    return User.objects.get(pk=world.users[who].pk)


def test_the_steps_come_in_their_order_and_then_the_portal_opens(world, login, clock):
    clock(NOW)
    lack(world, must_change_password=True, privacy_version="", privacy_at=None)
    client, way = login("member"), []
    for page, data in (("password", {"new": "Morning-reading-1", "again": "Morning-reading-1"}), ("privacy", {})):
        way.append(client.get(ACCOUNT).headers["Location"])
        assert client.post(reverse(f"branches:{page}"), data).headers["Location"] == "/"
    assert way == [reverse("branches:password"), PRIVACY]
    assert client.get(ACCOUNT).status_code == 200


def test_while_a_step_is_pending_no_places_are_offered(world, login, clock):
    clock(NOW)
    lack(world, privacy_version="", privacy_at=None)
    client = login("member")
    assert "主要栏目" not in client.get(PRIVACY).content.decode()
    client.post(PRIVACY)
    assert "主要栏目" in client.get(PRIVACY).content.decode()


def test_the_notice_says_who_what_why_how_long_which_rights_and_whom_to_ask(world, login, clock):
    clock(NOW)
    page = login("member").get(PRIVACY).content.decode()
    for words in (
        world.committee.name,
        "处理什么",
        "身份证号和手机号",
        "为什么",
        "保存多久",
        "您的权利",
        "机关党委办公室",
    ):
        assert words in page
    assert "已阅读，继续" not in page
    assert PRIVACY in login("member").get(ACCOUNT).content.decode()


def test_what_was_read_and_when_is_kept_and_asked_again_when_the_notice_changes(world, login, clock, monkeypatch):
    clock(NOW)
    client = login("member")
    assert client.get(ACCOUNT).status_code == 200
    for module in ("branches.first_steps", "branches.views.accounts"):
        monkeypatch.setattr(f"{module}.PRIVACY_VERSION", "2030-01")
    assert client.get(ACCOUNT).headers["Location"] == PRIVACY
    assert "已阅读，继续" in client.get(PRIVACY).content.decode()
    assert client.get(ACCOUNT).headers["Location"] == PRIVACY  # looking is not having read
    client.post(PRIVACY)
    user = User.objects.get(pk=world.users["member"].pk)
    assert (user.privacy_version, user.privacy_at) == ("2030-01", at(NOW))
    assert client.get(ACCOUNT).status_code == 200
    assert AuditEvent.objects.get(what="阅读隐私告知").detail == {"version": "2030-01"}


AGES = (
    ("member", 179, False), ("member", 180, True), ("secretary", 179, False), ("secretary", 180, True),
    ("inspector", 90, False), ("office", 89, False), ("office", 90, True), ("sysadmin", 89, False),
    ("sysadmin", 90, True), ("security", 90, True), ("auditor", 90, True),
)  # fmt: skip


@pytest.mark.parametrize(("who", "days", "expired"), AGES)
@pytest.mark.parametrize("policy", ["dengbao", "asvs"])
def test_a_password_lasts_90_days_for_those_who_administer_and_180_for_the_others(
    world, login, clock, settings, policy, who, days, expired
):
    settings.PASSWORD_POLICY = policy
    moment = clock(NOW)
    lack(world, who, password_at=moment - timedelta(days=days))
    answer = login(who).get(ACCOUNT)
    if expired and policy == "dengbao":
        assert answer.headers["Location"] == reverse("branches:password")
        page = login(who).get(reverse("branches:password")).content.decode()
        assert f"密码已用满{90 if who in ('office', 'sysadmin', 'security', 'auditor') else 180}天" in page
        assert 'name="old"' in page
    else:
        assert answer.status_code == 200


def test_an_old_password_is_changed_for_another_one_and_the_portal_opens(world, login, clock):
    clock(NOW)
    lack(world, password_at=at("2017-06-20 10:00"))
    client = login("member")
    url, own = reverse("branches:password"), "Morning-reading-1"
    assert (
        "不能与现在的密码相同"
        in client.post(url, {"old": PASSWORD, "new": PASSWORD, "again": PASSWORD}).content.decode()
    )
    assert client.post(url, {"old": PASSWORD, "new": own, "again": own}).headers["Location"] == "/"
    assert client.get(ACCOUNT).status_code == 200
    assert User.objects.get(pk=world.users["member"].pk).password_at == at(NOW)


@pytest.mark.parametrize(("policy", "refused"), [("dengbao", 6), ("asvs", 1)])
def test_the_last_five_passwords_are_not_taken_again_where_passwords_change(
    world, login, clock, settings, policy, refused
):
    """Five old ones and the present one; under the other policy only the present one."""
    settings.PASSWORD_POLICY = policy
    clock(NOW)
    client = login("member")
    url, had = reverse("branches:password"), [PASSWORD, *(f"Morning-read-{n}" for n in range(7))]
    for old, new in pairwise(had):
        assert client.post(url, {"old": old, "new": new, "again": new}).status_code == 302
    user = User.objects.get(pk=world.users["member"].pk)
    assert user.old_passwords.count() == 5
    answers = [client.post(url, {"old": had[-1], "new": new, "again": new}).status_code for new in reversed(had)]
    assert answers[:refused] == [200] * refused
    assert answers[refused] == 302


def test_nobody_is_there_before_somebody_is_made(db):
    """No default account: the migrations bring none."""
    assert User.objects.count() == 0


def test_an_account_of_the_tests_has_taken_every_step(world, rf, clock):
    from branches.models import Member

    clock(NOW)
    user = add_user(Member.objects.create(staff_number="z1", name="林溪"))
    request = rf.get("/")
    request.access = type(world.access("member", at(NOW))).of(user, at(NOW))
    request.login_session = None
    assert first_steps.pending(request) is None
