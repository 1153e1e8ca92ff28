"""How a person is told: a mailbox counts when its owner typed back its code, and only what is offered can be chosen."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from branches.models import AuditEvent
from inbox.models import Preference
from plan.models import ReminderPolicy
from tests.conftest import at

pytestmark = pytest.mark.django_db
PAGE = "/account/reminders/"
ADDRESS = "liqiang@example.edu.cn"


@pytest.fixture
def member(world, login, clock, mailed):
    clock("2018-07-04 10:00")
    return login("member")


def ask(client, address: str = ADDRESS):
    return client.post(PAGE, {"action": "mailbox", "email": address}, follow=True)


def guess(client, code: str):
    return client.post(PAGE, {"action": "code", "code": code}, follow=True)


def code_in(box) -> str:
    return re.search(r"验证码是 (\d{6})", box.got[-1][1].get_content())[1]


def mine() -> Preference:
    return Preference.objects.get()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_a_mailbox_counts_only_after_its_code_was_typed_back(member, mailed):
    assert "验证码已发出" in ask(member).content.decode()
    assert mailed.got[0][0] == [ADDRESS] and not mine().by_email and mine().email_confirmed_at is None
    page = guess(member, " ".join(code_in(mailed))).content.decode()
    assert "邮箱已确认" in page and "l***@example.edu.cn" in page and ADDRESS not in page
    assert mine().by_email and mine().email_confirmed_at and ADDRESS not in mine().email_sealed
    assert guess(member, code_in(mailed)).status_code in (200, 422)  # used up
    said = str(list(AuditEvent.objects.values_list("what", "object_name", "detail")))
    assert "确认提醒邮箱" in said and "liqiang" not in said and code_in(mailed) not in said


def test_five_wrong_guesses_make_the_code_void_even_for_the_right_one(member, mailed):
    ask(member)
    code = code_in(mailed)
    for left in (4, 3, 2, 1):
        assert f"还可以试{left}次" in guess(member, wrong(code)).content.decode()
    assert "验证码已作废" in guess(member, wrong(code)).content.decode()
    assert "重新获取" in guess(member, code).content.decode()
    assert mine().email_confirmed_at is None


def test_a_code_is_good_for_a_quarter_of_an_hour(member, mailed, clock):
    ask(member)
    clock("2018-07-04 10:15")
    guess(member, code_in(mailed))
    assert mine().email_confirmed_at is None


def test_codes_are_one_a_minute_and_five_an_hour(member, mailed, clock):
    ask(member)
    assert "过一分钟再要" in ask(member).content.decode() and len(mailed.got) == 1
    for minute in range(1, 5):
        clock(f"2018-07-04 10:{minute:02d}")
        ask(member)
    assert len(mailed.got) == 5
    clock("2018-07-04 10:30")
    assert "11:00以后再试" in ask(member, "somebody@else.example").content.decode() and len(mailed.got) == 5
    clock("2018-07-04 11:00")
    ask(member)
    assert len(mailed.got) == 6


def test_a_code_for_one_mailbox_confirms_no_other(member, mailed, clock):
    ask(member)
    first = code_in(mailed)
    clock("2018-07-04 10:02")
    ask(member, "other@example.edu.cn")
    if first != code_in(mailed):
        guess(member, first)
        assert mine().email_confirmed_at is None


def test_a_new_mailbox_ends_the_old_one_until_it_is_confirmed_and_a_deleted_one_is_forgotten(member, mailed, clock):
    ask(member)
    guess(member, code_in(mailed))
    clock("2018-07-04 10:02")
    ask(member, "new@example.edu.cn")
    assert (mine().by_email, mine().email_confirmed_at) == (False, None)
    member.post(PAGE, {"action": "ways", "by_email": "on"})  # a form that was open before
    assert not mine().by_email
    member.post(PAGE, {"action": "forget"})
    assert (mine().email_sealed, mine().email_hint, mine().email_code_mac) == ("", "", "")


@pytest.mark.parametrize("address", ["", "x", "a@b@c.cn", "a\x00@b.cn", "a@b.cn\nBcc: c@d.cn", "a" * 300 + "@b.cn"])
def test_what_is_no_mailbox_is_said_so_and_nothing_is_sent(member, mailed, address):
    answer = ask(member, address)
    assert answer.status_code == 422 and mailed.got == [] and not Preference.objects.exists()


def test_a_mail_that_is_not_taken_is_said_at_once(member, mailed):
    mailed.to_rcpt.append("550 no such mailbox")
    assert "验证码没有发成：邮件服务器不收这个地址" in ask(member).content.decode()


def test_what_the_server_or_the_office_does_not_offer_is_not_there_and_the_page_says_why(
    world, login, clock, mailed, app
):
    clock("2018-07-04 10:00")
    client = login("member")
    assert "发到我的企业微信" in client.get(PAGE).content.decode()
    ReminderPolicy.objects.create(
        committee=world.committee, by_wecom=False, by_email=False, set_at=at("2018-07-01 08:00"),
        set_by=world.users["office"],
    )  # fmt: skip
    page = client.get(PAGE).content.decode()
    assert "发到我的企业微信" not in page and page.count("没有开放这种方式") == 2
    client.post(PAGE, {"action": "ways", "by_wecom": "on", "wecom_id": "x"})
    ask(client)
    assert mailed.got == [] and not Preference.objects.filter(by_wecom=True).exists()


def test_without_servers_only_the_inbox_is_offered(world, login, clock):
    clock("2018-07-04 10:00")
    page = login("member").get(PAGE).content.decode()
    assert "始终开启" in page and "没有设置发信服务器" in page and "没有接上企业微信" in page
    assert reverse("inbox:preference") in login("member").get("/account/").content.decode()


@pytest.mark.parametrize("account", ["@all", "a|b", "张三", "-a", "a b", "x" * 65])
def test_an_account_that_could_stand_for_others_is_refused_and_kept_in_the_field(world, login, clock, app, account):
    clock("2018-07-04 10:00")
    client = login("member")
    answer = client.post(PAGE, {"action": "ways", "by_wecom": "on", "wecom_id": account})
    assert answer.status_code == 422 and account in answer.content.decode()
    assert client.post(PAGE, {"action": "ways", "by_wecom": "on", "wecom_id": "Li.Qiang"}).status_code == 302
    assert (mine().by_wecom, mine().wecom_id) == (True, "Li.Qiang")
