"""Messages on their way out: what leaves the house, which failures are tried again, that none is lost or doubled."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command

from inbox import outside, sending, wecom
from inbox.models import Message, Preference, Sending
from inbox.telling import Line, tell
from inbox.transport import NotSent, to_mailbox
from plan.models import ReminderPolicy
from tests.conftest import PASSWORD, at

pytestmark = pytest.mark.django_db
NOW = at("2018-07-12 08:00")
BOTH = ("email", "wecom")
LINES = (
    Line("李强的半年自评", "还有3天 · 7月15日24:00前", "/duties/7/", "soon", "个人材料 7月15日24:00前"),
    Line("陈静退回的材料", "原因：日期写错了", "/filings/3/", "soon", ""),
)


def told(world, who: str = "member", key: str = "day:2018-07-12", lines=LINES, ways=BOTH, **facts) -> Message:
    usual = {"kind": "digest", "title": "7月12日：李强有2项要办", "at": NOW}
    return tell(world.users[who], key=key, lines=lines, ways=ways, **(usual | facts))


def run(moment: datetime = NOW) -> int:
    return sending.send_waiting(lambda: moment)


def only() -> Sending:
    return Sending.objects.get()


# What goes out


def test_a_mail_is_received_with_its_chinese_right_and_says_nothing_that_stays_inside(world, wants, mailed, settings):
    settings.PORTAL_URL = "https://portal.example.edu.cn"
    wants("member", by_email=True)
    message = told(world)
    assert run() == 1
    ((to, mail),) = mailed.got
    assert to == ["liqiang@example.edu.cn"] and mail["From"] == "party@example.edu.cn"
    subject = mail["Subject"].strip()  # it stands on a line of its own, which begins with a blank
    assert subject == "【支部工作台】每日提醒（2项）" and len(subject) <= 30
    assert (
        mail["Auto-Submitted"] == "auto-generated" and mail["Date"] and mail["Message-ID"].endswith("@example.edu.cn>")
    )
    assert mail.get_content_type() == "text/plain" and mail.get_content_charset() == "utf-8"
    text = mail.get_content().replace("\r\n", "\n")
    assert text.startswith("1. 个人材料 7月15日24:00前\n2. 另有1项，请登录后查看\n\n登录查看：")
    assert f"https://portal.example.edu.cn/messages/{message.pk}/" in text
    assert not [word for word in ("李强", "陈静", "日期写错", "半年自评") if word in text + subject]
    row = only()
    assert (row.state, row.sent_at, row.tries, row.error) == ("sent", NOW, 1, "")


@pytest.mark.parametrize("kind", Message.Kind.values)
def test_no_subject_is_longer_than_thirty_characters(kind):
    message = Message(kind=kind, title="很长的标题" * 12, lines=[{"text": "x"}] * 12345)
    assert len(outside.subject_of(message)) <= 30


def test_the_link_asks_for_the_login_and_then_leads_to_the_message(world, wants, mailed, settings, client, clock):
    clock("2018-07-12 09:00")
    settings.PORTAL_URL = "http://testserver"
    wants("member", by_email=True)
    told(world)
    run()
    link = re.search(r"http://testserver(/\S+)", mailed.got[0][1].get_content())[1]
    asked = client.get(link)
    assert asked.status_code == 302 and asked["Location"] == f"/login/?next={link}"
    answer = client.post(asked["Location"], {"username": "18004", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == link and "李强的半年自评" in answer.content.decode()


def test_an_app_message_reaches_the_own_account_and_the_token_is_kept(world, wants, app, settings):
    settings.PORTAL_URL = "https://portal.example.edu.cn"
    wants("member", by_wecom=True)
    wants("secretary", by_wecom=True)
    message = told(world)
    told(world, "secretary")
    assert run() == 2 and app.tokens == ["token0"]
    sent = app.got[0]
    assert (sent["touser"], sent["enable_duplicate_check"]) == ("18004", 1)
    assert sent["text"]["content"] == (
        "【支部工作台】每日提醒（2项）\n个人材料 7月15日24:00前\n另有1项，请登录后查看\n"
        f"登录查看：https://portal.example.edu.cn/messages/{message.pk}/"
    )


def test_the_account_that_was_named_goes_before_the_staff_number(world, wants, app):
    wants("member", by_wecom=True, wecom_id="Li.Qiang")
    told(world)
    assert run() == 1 and app.got[0]["touser"] == "Li.Qiang"


def test_many_matters_are_cut_between_characters_and_the_link_stays(world, wants, app):
    wants("member", by_wecom=True)
    told(world, lines=[Line("x", outside="学习<@all>" * 30)] * 40)
    assert run() == 1
    content = app.got[0]["text"]["content"]
    assert len(content.encode()) <= 2048 and content.endswith("“消息”中查看。") and "<" not in content


# What fails


@pytest.mark.parametrize("account", ["@all", "18004|18001", "张三", "-x"])
def test_no_account_can_stand_for_several_people_or_for_everybody(world, wants, app, account):
    wants("member", by_wecom=True, wecom_id=account)
    told(world)
    assert run() == 0 and app.got == [] and app.tokens == []
    assert only().state == "failed" and "企业微信账号" in only().error


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        ({"errcode": 81013}, "failed", "核对“提醒方式”中的企业微信账号"),
        ({"errcode": 0, "invaliduser": "18004"}, "failed", "没有这个账号"),
        ({"errcode": 0, "unlicenseduser": "18004"}, "failed", "没有这个账号"),
        ({"errcode": 60020}, "waiting", "可信IP"),
        ({"errcode": 301002}, "waiting", "WECOM_AGENT_ID"),
        ({"errcode": 45009}, "waiting", "errcode 45009"),
        ({"errcode": -1}, "waiting", "errcode -1"),
        ({"errcode": 44004}, "failed", "errcode 44004"),
        ({"errcode": "0"}, "failed", "没有接受"),
        ({"errcode": False}, "failed", "没有接受"),
        ({}, "waiting", "看不懂"),
        (500, "waiting", "HTTP 500"),
        (404, "failed", "HTTP 404"),
    ],
)  # fmt: skip
def test_what_wecom_answers_decides_whether_it_is_tried_again(world, wants, app, answer, state, says):
    wants("member", by_wecom=True)
    told(world)
    app.answers.append(answer)
    assert run() == 0
    assert only().state == state and says in only().error and "app-secret" not in only().error


def test_a_token_that_ended_early_is_renewed_and_the_message_goes_out_at_the_same_try(world, wants, app):
    wants("member", by_wecom=True)
    told(world, key="1")
    run()
    app.good.clear()
    told(world, key="2")
    assert run() == 1 and app.tokens == ["token0", "token1"] and len(app.got) == 2


def test_a_wrong_secret_is_said_to_the_administrator_and_waits(world, wants, app, settings):
    settings.WECOM_APP_SECRET = "wrong-secret"
    wants("member", by_wecom=True)
    told(world)
    assert run() == 0
    assert only().state == "waiting" and "WECOM_APP_SECRET 不对" in only().error and "wrong-secret" not in only().error


def test_a_slow_wecom_is_not_waited_for(world, wants, app, monkeypatch):
    monkeypatch.setattr("inbox.transport.SECONDS", 0.2)
    app.slow = 0.6
    wants("member", by_wecom=True)
    told(world)
    assert run() == 0 and only().state == "waiting" and "连不上企业微信" in only().error


@pytest.mark.parametrize(
    ("place", "answer", "state"),
    [
        ("to_rcpt", "550 no such mailbox", "failed"), ("to_rcpt", "450 try later", "waiting"),
        ("to_data", "554 refused", "failed"), ("to_data", "451 busy", "waiting"),
    ],
)  # fmt: skip
def test_what_the_mail_server_answers_decides_whether_it_is_tried_again(world, wants, mailed, place, answer, state):
    wants("member", by_email=True)
    told(world)
    getattr(mailed, place).append(answer)
    assert run() == 0
    assert only().state == state and answer[:3] in only().error and "liqiang" not in only().error
    if state == "waiting":
        assert run(NOW + timedelta(minutes=1)) == 1 and only().state == "sent"


def test_a_server_that_is_down_is_tried_six_times_and_the_message_given_up_with_the_reason(
    world, wants, mailed, settings
):
    settings.EMAIL_PORT = 9  # nobody answers there
    wants("member", by_email=True)
    told(world)
    moment, waits = NOW, []
    for _ in range(6):
        assert run(moment) == 0 and run(moment) == 0
        waits.append(only().next_at - moment)
        moment = only().next_at
    assert waits[:5] == [timedelta(minutes=n) for n in (1, 5, 30, 120, 360)]
    assert (only().state, only().tries) == ("failed", 6) and "连不上邮件服务器" in only().error
    settings.EMAIL_PORT = mailed.port
    assert run(moment + timedelta(days=9)) == 0 and mailed.got == []


def test_a_server_that_is_down_costs_no_message_its_tries_and_holds_up_no_other_way(
    world, wants, mailed, app, settings
):
    settings.EMAIL_PORT = 9
    wants("member", by_email=True, by_wecom=True)
    for n in range(8):
        told(world, key=str(n))
    assert run() == 8 and len(app.got) == 8
    assert Sending.objects.filter(way="email", tries=1).count() == sending.ENOUGH
    settings.EMAIL_PORT = mailed.port
    assert run(NOW + timedelta(minutes=1)) == 8 and len(mailed.got) == 8


def test_a_server_that_is_slow_is_left_to_the_next_round_when_this_one_is_over(world, wants, mailed):
    wants("member", by_email=True)
    for n in range(6):
        told(world, key=str(n))
    moments = iter(NOW + timedelta(seconds=6 * n) for n in range(99))
    assert 1 <= sending.send_waiting(lambda: next(moments)) < 6
    assert Sending.objects.filter(state="waiting", tries=0).exists()
    run(NOW + timedelta(minutes=30))
    assert len(mailed.got) == 6


def test_a_sender_that_died_after_taking_leaves_it_to_the_next(world, wants, mailed):
    wants("member", by_email=True)
    told(world)
    first, second = only(), only()
    assert [sending.take(first, NOW), sending.take(second, NOW)] == [True, False]  # the first takes it, and dies
    assert run() == 0 and mailed.got == []
    assert run(NOW + timedelta(minutes=1)) == 1 and only().tries == 2


def test_two_tries_of_one_message_are_one_mail_to_the_mail_program(world, wants, mailed):
    wants("member", by_email=True)
    told(world)
    run()
    Sending.objects.update(state="waiting", sent_at=None)
    run(NOW + timedelta(hours=1))
    first, second = (mail["Message-ID"] for _, mail in mailed.got)
    assert first == second


# What need not go out


@pytest.mark.parametrize("why", ["read", "paused", "unwanted", "forbidden"])
def test_what_need_not_go_out_any_more_is_skipped_and_says_why(world, wants, mailed, why):
    chosen, message = wants("member", by_email=True), None
    message = told(world)
    assert only().state == "waiting"
    match why:
        case "read":
            Message.objects.filter(pk=message.pk).mark_read(NOW)
            says = sending.READ
        case "paused":
            type(message.user).objects.filter(pk=message.user_id).update(is_active=False)
            says = sending.PAUSED
        case "unwanted":
            Preference.objects.filter(pk=chosen.pk).update(by_email=False)
            says = sending.UNWANTED
        case _:
            ReminderPolicy.objects.create(
                committee=world.committee, by_email=False, set_at=NOW, set_by=world.users["office"]
            )
            says = sending.NOT_ALLOWED
    assert run() == 0 and mailed.got == []
    assert (only().state, only().error, only().tries) == ("skipped", says, 0)


def test_it_goes_only_by_ways_that_are_both_chosen_and_allowed(world, wants):
    wants("member", by_email=True, by_wecom=True)
    told(world, ways=("wecom",))
    told(world, "secretary")
    assert list(Sending.objects.values_list("way", flat=True)) == ["wecom"]


def test_the_command_and_the_background_round_send_what_waits_and_say_how_many(world, wants, mailed, clock, capsys):
    clock("2018-07-12 08:00")
    wants("member", by_email=True)
    told(world)
    call_command("send_messages", at=NOW)
    progress: list[tuple[int, int]] = []
    told(world, key="2")
    said = sending.run_round({}, at=NOW, tell=lambda done, total: progress.append((done, total)))
    assert capsys.readouterr().out == "发出1条消息\n" and said == "发出1条消息"
    assert progress[-1] == (1, 1) and len(mailed.got) == 2


def test_a_token_is_asked_for_anew_before_it_ends(world, wants, app, monkeypatch):
    wants("member", by_wecom=True)
    told(world, key="1")
    run()
    began = wecom.monotonic()
    monkeypatch.setattr(wecom, "monotonic", lambda: began + 7000)
    told(world, key="2")
    assert run() == 1 and app.tokens == ["token0", "token1"]


def test_an_address_that_no_mail_can_bear_is_refused_for_good_and_not_named(settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    with pytest.raises(NotSent) as refused:
        to_mailbox(f"liwei@{'ü' * 70}.cn", "验证码", "123456")
    assert refused.value.final
    assert "liwei" not in str(refused.value)
