"""Announcing pushes: WeCom's documented message and limits, mail, and senders that neither lose nor double anything."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.urls import reverse

from branches.models import AuditEvent
from config.mail import read
from study import channels, pushes, sending
from study.models import Channel, Delivery, GroupReminder, Push
from tests.conftest import at, sure
from tests.study.pushed import KEY, channel_of, push_by, sent_out

pytestmark = pytest.mark.django_db
NOW = at("2018-07-04 10:00")
MINUTE = timedelta(minutes=1)
NEW = "/study/channels/new/"


@dataclass
class Robot:
    """A robot as WeCom documents it: what it was sent, what it objects to, and what it is told to answer."""

    url: str = ""
    got: list[dict] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    answers: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)

    def says(self, code: int, words: str = "", *, status: int = 200, **headers: str) -> None:
        self.answers.append((status, json.dumps({"errcode": code, "errmsg": words}).encode(), headers))

    def take(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if parts.path != "/cgi-bin/webhook/send" or request.headers["Content-Type"] != "application/json":
            self.wrong.append(f"{request.path} {request.headers['Content-Type']}")
        self.keys += parse_qs(parts.query)["key"]
        message = json.loads(body)
        kind = message.get("msgtype")
        limit = {"text": 2048, "markdown": 4096}.get(kind)
        if limit is None or set(message) != {"msgtype", kind} or "content" not in message[kind]:
            self.wrong.append(f"not a message: {message}")
        elif not 0 < len(message[kind]["content"].encode()) <= limit:
            self.wrong.append(f"too long: {len(message[kind]['content'].encode())}")
        self.got.append(message)
        status, answer, headers = self.answers.pop(0) if self.answers else (200, b'{"errcode":0,"errmsg":"ok"}', {})
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)


@pytest.fixture
def robot(settings) -> Iterator[Robot]:
    robot = Robot()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            robot.take(self)

        def do_GET(self) -> None:
            robot.wrong.append(f"GET {self.path}")
            self.send_error(405)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    robot.url = settings.WECOM_URL = f"http://127.0.0.1:{server.server_port}/cgi-bin/webhook/send"
    yield robot
    server.shutdown()
    server.server_close()
    assert robot.wrong == []


@pytest.fixture
def secretary(world):
    return world.access("secretary", NOW)


def pushed(access, title: str = "七月学习", **facts) -> Delivery:
    """A push that went out through one channel, whose announcement waits."""
    if not Channel.objects.exists():
        channel_of(access)
    return sent_out(push_by(access, title, **facts), access).deliveries.get()


def run(moment: datetime = NOW) -> int:
    return sending.send_waiting(lambda: moment)


# What goes out


def test_title_and_link_go_out_and_the_text_does_not(robot, secretary, settings):
    settings.PORTAL_URL = "https://portal.example.edu.cn"
    row = pushed(secretary, "七月学习", text="不出本系统的正文")
    assert run() == 1
    content = robot.got[0]["text"]["content"]
    assert (
        content
        == f"【教务处党支部】移动党支部推送：七月学习\nhttps://portal.example.edu.cn/study/pushes/{row.push_id}/"
    )
    assert robot.keys == [KEY]
    row.refresh_from_db()
    assert (row.state, row.sent_at, row.tries, row.error) == ("sent", NOW, 1, "")


def test_without_the_portals_address_the_message_says_where_to_look(robot, secretary):
    pushed(secretary)
    run()
    assert robot.got[0]["text"]["content"].endswith("请登录支部工作台，在“移动党支部”中查看。")


def test_nobody_is_called_by_a_title_and_no_title_is_too_long_for_the_robot(robot, secretary, settings):
    settings.PORTAL_URL = "https://" + "a" * 60 + ".edu.cn"
    pushed(secretary, "<@all>" + "🚩" * 114)
    run()
    content = robot.got[0]["text"]["content"]
    assert "<@" not in content and "/study/pushes/" in content


def test_a_message_is_cut_between_characters_and_keeps_its_link():
    message = channels.payload("学" * 3000, "https://portal.example.edu.cn/study/pushes/1/")["text"]["content"]
    assert len(message.encode()) <= 2048 and message.endswith("…\nhttps://portal.example.edu.cn/study/pushes/1/")


# What is answered


@pytest.mark.parametrize(
    ("code", "state", "says"),
    [
        (93000, "failed", "群机器人已被移除"),
        (45009, "waiting", "消息太多"),
        (-1, "waiting", "errcode -1"),
        (40008, "failed", "errcode 40008"),
    ],
)
def test_what_the_robot_answers_decides_whether_it_is_tried_again(robot, secretary, code, state, says):
    row = pushed(secretary)
    robot.says(code, f"invalid webhook url, hint: {KEY}")
    assert run() == 0
    row.refresh_from_db()
    assert row.state == state and says in row.error and KEY not in row.error


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (500, b"", "waiting"), (404, b"", "failed"), (200, b"<html>", "waiting"), (200, b"[]", "waiting"),
        (200, b'{"errcode": "0"}', "failed"), (200, b"x" * 100_000, "waiting"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_not_taken_for_success(robot, secretary, status, body, state):
    row = pushed(secretary)
    robot.answers.append((status, body, {}))
    assert run() == 0
    row.refresh_from_db()
    assert (row.state, row.sent_at) == (state, None)


def test_a_redirect_is_not_followed(robot, secretary):
    row = pushed(secretary)
    robot.says(0, status=302, Location=f"{robot.url}?key=elsewhere-elsewhere")
    run()
    row.refresh_from_db()
    assert row.state == "failed" and len(robot.got) == 1


def test_a_server_that_is_not_there_is_said_without_the_key(settings, secretary):
    row = pushed(secretary)
    settings.WECOM_URL = "http://127.0.0.1:9/cgi-bin/webhook/send"
    run()
    row.refresh_from_db()
    assert row.state == "waiting" and row.error.startswith("连不上企业微信") and KEY not in row.error


# Tries


def test_what_did_not_go_out_is_tried_six_times_later_and_later_and_then_given_up(robot, secretary):
    row, moment, waits = pushed(secretary), NOW, []
    for _ in range(6):
        robot.says(-1)
        run(moment)
        row.refresh_from_db()
        waits.append(row.next_at - moment)
        assert run(row.next_at - timedelta(seconds=1)) == 0 and len(robot.got) == len(waits)  # not before its time
        moment = row.next_at
    assert waits[:5] == [timedelta(minutes=n) for n in (1, 5, 30, 120, 360)]
    assert (row.state, row.tries, len(robot.got)) == ("failed", 6, 6)
    assert run(moment + timedelta(days=9)) == 0 and len(robot.got) == 6


def test_of_two_senders_only_one_takes_a_delivery(robot, secretary):
    row = pushed(secretary)
    first, second = Delivery.objects.get(pk=row.pk), Delivery.objects.get(pk=row.pk)
    assert [sending.take(first, NOW), sending.take(second, NOW)] == [True, False]


def test_a_sender_that_died_after_taking_leaves_it_to_the_next_and_after_six_it_is_given_up(robot, secretary):
    row, moment = pushed(secretary), NOW
    for n in range(1, 7):
        assert sending.take(Delivery.objects.get(pk=row.pk), moment)  # and dies
        assert run(moment) == 0
        row.refresh_from_db()
        assert (row.state, row.tries) == ("waiting", n)
        moment = row.next_at
    run(moment)
    row.refresh_from_db()
    assert (row.state, row.error, robot.got) == ("failed", sending.NOBODY_ANSWERED, [])


def test_a_late_answer_of_a_sender_taken_for_dead_does_not_overwrite_the_next_ones(robot, secretary, monkeypatch):
    row = pushed(secretary)
    slow = Delivery.objects.select_related("channel", "push").get(pk=row.pk)

    def meanwhile(channel: Channel, push: Push) -> None:
        monkeypatch.undo()
        assert run(NOW + 2 * MINUTE) == 1  # another sends it
        raise channels.NotSent("太慢", final=True)

    monkeypatch.setattr(channels, "announce", meanwhile)
    sending.send(slow, lambda: NOW)
    row.refresh_from_db()
    assert (row.state, row.tries) == ("sent", 2)


def test_a_robot_gets_no_more_than_its_messages_a_minute_and_the_rest_later(robot, secretary):
    channel_of(secretary)
    for n in range(25):
        pushed(secretary, f"第{n}份")
    assert run() == channels.PER_MINUTE <= 20
    assert run(NOW + timedelta(seconds=59)) == 0
    assert run(NOW + MINUTE) == 25 - channels.PER_MINUTE
    assert len({message["text"]["content"] for message in robot.got}) == 25


def test_the_sender_waits_for_what_comes_due_and_no_longer(robot, secretary):
    moment, slept = NOW, []

    def sleep(seconds: float) -> None:
        nonlocal moment
        slept.append(seconds)
        moment += timedelta(seconds=seconds)

    pushed(secretary)
    robot.says(-1)
    robot.says(-1)
    assert sending.stay(lambda: moment, 600, sleep) == 1  # at once, after one minute, and after five more
    assert sum(slept) == pytest.approx(360)
    pushed(secretary, "另一份")
    for _ in range(3):
        robot.says(-1)
    assert sending.stay(lambda: moment, 600, sleep) == 0  # the fourth is half an hour off


def test_the_command_sends_what_waits(robot, secretary, capsys, clock):
    clock("2018-07-04 10:00")
    pushed(secretary)
    call_command("send_pushes")
    call_command("send_pushes")
    assert capsys.readouterr().out == "发出1条消息。\n" and len(robot.got) == 1


def test_a_sender_is_started_once_for_a_push_when_it_is_committed(
    secretary, settings, monkeypatch, django_capture_on_commit_callbacks
):
    asked: list[datetime] = []
    monkeypatch.setattr(sending, "in_process", asked.append)
    settings.PUSH_SENDER = "study.sending.in_process"
    channel_of(secretary)
    with django_capture_on_commit_callbacks(execute=True):
        pushed(secretary)
        assert asked == []
    assert asked == [NOW]


def test_what_was_taken_back_before_it_was_sent_is_not_announced(robot, secretary):
    row = pushed(secretary)
    pushes.withdraw(row.push, secretary)
    assert run() == 0
    row.refresh_from_db()
    assert (row.state, row.error, robot.got) == ("failed", pushes.WITHDRAWN, [])
    assert not sending.retry(row, secretary)


def test_a_push_goes_through_the_channels_of_its_own_senders_that_are_in_use(world, secretary):
    office = world.access("office", NOW)
    own, above = channel_of(secretary), channel_of(office)
    channel_of(secretary, ended_at=NOW, address_sealed="")
    channel_of(world.access("other_secretary", NOW))
    assert [row.channel for row in sent_out(push_by(secretary), secretary).deliveries.all()] == [own]
    assert [row.channel for row in sent_out(push_by(office), office).deliveries.all()] == [above]


# Pages


def test_a_channel_is_registered_after_the_password_and_its_address_never_shown_again(world, login, clock):
    clock("2018-07-04 10:00")
    client = login("secretary")
    typed = {
        "audience": f"b{world.first.pk}",
        "kind": "wecom",
        "name": "工作群",
        "address": f"{channels.OFFICIAL}?key={KEY}",
    }
    assert reverse("branches:sudo") in client.post(NEW, typed)["Location"]
    assert not Channel.objects.exists()
    assert sure(client).post(NEW, typed).status_code == 302
    channel = Channel.objects.get()
    assert channel.address_hint == f"…{KEY[-4:]}" and KEY not in channel.address_sealed
    page = client.get("/study/channels/").content.decode()
    assert KEY[-4:] in page and KEY not in page and channel.address_sealed not in page
    assert not AuditEvent.objects.filter(detail__icontains=KEY).exists()


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/cgi-bin/webhook/send?key=" + KEY,
        "http://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + KEY,
        "https://qyapi.weixin.qq.com@127.0.0.1/cgi-bin/webhook/send?key=" + KEY,
        "https://qyapi.weixin.qq.com:8443/cgi-bin/webhook/send?key=" + KEY,
        "https://qyapi.weixin.qq.com/cgi-bin/other?key=" + KEY,
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send",
        "短", KEY + "&a=b", KEY + "#", "../../admin-admin-admin", "http://169.254.169.254/", "//127.0.0.1/x?key=" + KEY,
    ],
)  # fmt: skip
def test_no_other_server_can_be_named_as_a_robots_address(world, login, clock, address):
    clock("2018-07-04 10:00")
    typed = {"audience": f"b{world.first.pk}", "kind": "wecom", "name": "群", "address": address}
    answer = sure(login("secretary")).post(NEW, typed)
    assert answer.status_code == 422 and "不是企业微信群机器人的地址" in answer.content.decode()
    assert not Channel.objects.exists()


def test_a_test_message_says_at_once_what_became_of_it(robot, world, login, secretary, clock):
    clock("2018-07-04 10:00")
    channel = channel_of(secretary)
    test = reverse("study:channel_test", args=[channel.pk])
    assert "已向“工作群”发出测试消息" in login("secretary").post(test, follow=True).content.decode()
    assert "测试消息" in robot.got[0]["text"]["content"]
    robot.says(93000, "invalid webhook url")
    assert "群机器人已被移除" in login("secretary").post(test, follow=True).content.decode()
    assert list(AuditEvent.objects.filter(what="测试推送渠道").order_by("seq").values_list("ok", flat=True)) == [
        True,
        False,
    ]


def test_an_ended_channel_forgets_its_address_and_sends_nothing_more(robot, login, secretary, clock):
    clock("2018-07-04 10:00")
    row = pushed(secretary)
    login("secretary").post(reverse("study:channel_end", args=[row.channel_id]))
    channel = Channel.objects.get()
    assert (channel.address_sealed, channel.address_hint, channel.ended_at) == ("", "", NOW)
    assert run() == 0 and robot.got == []
    row.refresh_from_db()
    assert (row.state, row.error) == ("failed", "渠道已停用")


def test_a_registered_channel_is_told_to_remind_and_to_keep_silent_again(secretary, login, clock):
    clock("2018-07-04 10:00")
    channel = channel_of(secretary)
    client, address = login("secretary"), reverse("study:channel_reminds", args=[channel.pk])

    def pressed(on: str) -> tuple[bool, str]:
        page = client.post(address, {"on": on}, follow=True).content.decode()
        channel.refresh_from_db()
        return channel.reminds, page

    # A second press of the same button, as of a double click, changes nothing more.
    for _ in range(2):
        reminds, page = pressed("1")
        assert reminds and "不再发送任务提醒<span" in page
    waiting = GroupReminder.objects.create(channel=channel, day=NOW.date(), text="今天有1件事到期", next_at=NOW)
    reminds, page = pressed("0")
    assert not reminds and "也发送任务提醒<span" in page and "不再发送任务提醒<span" not in page
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error) == ("failed", "群提醒已关闭")
    assert client.get(address).status_code == 405


def test_what_could_not_be_sent_is_said_with_its_reason_and_tried_again_by_hand(robot, login, secretary, clock):
    clock("2018-07-04 10:00")
    row = pushed(secretary)
    robot.says(93000)
    run()
    page = login("secretary").get(row.push.get_absolute_url()).content.decode()
    assert "未能发送" in page and "群机器人已被移除" in page and "再试" in page
    login("secretary").post(reverse("study:delivery_again", args=[row.pk]))
    assert run() == 1
    assert "已发送" in login("secretary").get(row.push.get_absolute_url()).content.decode()
    assert "工作群" not in login("member").get(row.push.get_absolute_url()).content.decode()


# Mail


@pytest.fixture
def mailed(settings):
    settings.EMAIL_URL, settings.DEFAULT_FROM_EMAIL = "smtp://mail.example.edu.cn", "party@example.edu.cn"


def mailbox(access, address: str = "branch-list@example.edu.cn") -> Channel:
    hint = channels.hint_of("email", address)
    return channel_of(access, kind="email", address_sealed=channels.seal(address), address_hint=hint)


def test_a_mail_goes_to_the_list_with_title_and_link_alone(mailed, secretary, settings):
    settings.PORTAL_URL = "https://portal.example.edu.cn"
    mailbox(secretary)
    row = pushed(secretary, "七月\n学习", text="不出本系统的正文")
    assert run() == 1
    (message,) = mail.outbox
    assert (message.to, message.from_email) == (["branch-list@example.edu.cn"], "party@example.edu.cn")
    assert message.subject == "【教务处党支部】移动党支部推送：七月 学习"
    assert f"/study/pushes/{row.push_id}/" in message.body and "正文" not in message.body


def test_where_no_mail_server_is_set_the_page_says_so_and_offers_no_mail(world, login, secretary, clock):
    clock("2018-07-04 10:00")
    client = sure(login("secretary"))
    assert "电子邮件没有启用" in client.get("/study/channels/").content.decode()
    typed = {"audience": f"b{world.first.pk}", "kind": "email", "name": "邮件", "address": "a@example.edu.cn"}
    assert client.post(NEW, typed).status_code == 422
    row = mailbox(secretary)
    delivery = pushed(secretary)
    run()
    delivery.refresh_from_db()
    assert (
        delivery.state == "failed" and "没有设置发信服务器" in delivery.error and row.address_hint == "@example.edu.cn"
    )


def test_what_the_mail_server_refuses_for_good_is_given_up_and_what_it_defers_is_not(mailed, secretary, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    mailbox(secretary)
    for code, state in ((550, "failed"), (451, "waiting"), (0, "sent")):
        host, port, got = sink(code)
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = host, port, 10
        row = pushed(secretary, f"答复{code}")
        run()
        row.refresh_from_db()
        assert row.state == state, (code, row.error)
        assert bool(got) == (code == 0)


def sink(refusal: int) -> tuple[str, int, list[bytes]]:
    """A mail server for one message, which refuses its recipient with that code, or takes it (0)."""
    listening, got = socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        line = b""
        with listening, listening.accept()[0] as caller, caller.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 sink\r\n")
            while line := stream.readline():
                word = line[:4].upper()
                if word == b"RCPT" and refusal:
                    stream.write(b"%d no\r\n" % refusal)
                elif word == b"DATA":
                    stream.write(b"354 go on\r\n")
                    while (line := stream.readline()) not in (b".\r\n", b""):
                        got.append(line)
                    stream.write(b"250 taken\r\n")
                else:
                    stream.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")

    threading.Thread(target=serve, daemon=True).start()
    return "127.0.0.1", listening.getsockname()[1], got


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example.edu.cn", 25, False, False),
        ("smtp+tls://us%40er:p%3Aw@mail.example.edu.cn", 587, True, False),
        ("smtps://mail.example.edu.cn:2465/", 2465, False, True),
    ],
)
def test_the_mail_server_is_read_from_one_address(url, port, tls, ssl):
    found = read(url)
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("mail.example.edu.cn", port)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (tls, ssl)
    if tls:
        assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("us@er", "p:w")


@pytest.mark.parametrize(
    "url", ["mail.example.edu.cn", "http://mail", "smtp://", "smtp://host:port", "smtp://h/path", "smtp://h?tls=1"]
)
def test_an_address_that_names_no_mail_server_stops_the_start_without_being_repeated(url):
    with pytest.raises(ImproperlyConfigured) as refused:
        read(url)
    assert url not in str(refused.value)


def test_without_an_address_mail_is_off():
    assert read("") == {}
