"""Announcing a push elsewhere: a WeCom group robot, an e-mail address. The title and a link go out, the text never.

A group or a mailbox is outside the portal: who reads there is not known, and what was sent cannot be called back. So
the message says that there is something to study and where; the rest stands behind the login.

The facts about WeCom's robot (群机器人配置说明, developer.work.weixin.qq.com/document/path/91770): a POST of JSON to
https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…; `text` takes at most 2,048 bytes of UTF-8, `markdown` 4,096;
at most 20 messages a minute for each robot; the answer is {"errcode": 0, "errmsg": "ok"}, 45009 where too many were
sent, 93000 where the robot is gone; `<@userid>` in a text calls somebody. `text` it is: it knows no markup that a
title would have to be guarded against.
"""

from __future__ import annotations

import json
import re
import smtplib
from functools import lru_cache
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3
from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from urllib3.exceptions import HTTPError

from branches import secrets
from documents.text import printable
from study.models import Channel, Push

PURPOSE = "channel.address"
SECONDS = 10.0
LARGEST = 64 * 1024  # bytes of an answer that has some eighty
TEXT_BYTES = 2048
PER_MINUTE = 18  # of the twenty that a robot takes: two are left for test messages
KEY = re.compile(r"[0-9A-Za-z-]{16,64}", re.ASCII)
OFFICIAL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
# What a later try may mend: busy (-1), too many a minute (45009), too many at once (45033).
PASSING = {-1, 45009, 45033}
SAID = {
    45009: "这个机器人一分钟内收到的消息太多",
    93000: "群机器人已被移除或地址不对，请重新登记渠道",
}


class NotSent(Exception):
    """Why a message did not go out, in words; `final` where trying again would not help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


# Addresses


def key_of(text: str) -> str:
    """The robot's key, from the whole address as WeCom shows it or from the key alone; ValueError for anything else.

    Only the key is kept: the portal asks no other server than its setting names.
    """
    text = text.strip()
    parts = urlsplit(text)
    if parts.scheme or parts.netloc:
        official = urlsplit(OFFICIAL)
        if (parts.scheme, parts.netloc, parts.path) != (official.scheme, official.netloc, official.path):
            raise ValueError(text)
        text = parse_qs(parts.query).get("key", [""])[0]
    if not KEY.fullmatch(text):
        raise ValueError(text)
    return text


def hint_of(kind: str, address: str) -> str:
    """What may still be seen of an address: the last four of a key, the domain of a mailbox."""
    if kind == Channel.Kind.WECOM:
        return f"…{address[-4:]}"
    return f"@{address.rpartition('@')[2]}"[:20]


def seal(address: str) -> str:
    return secrets.seal(address, PURPOSE)


def mail_is_set_up() -> bool:
    return bool(settings.EMAIL_URL)


# What goes out


def words_of(push: Push) -> tuple[str, str]:
    """Sender and title on one line, and where to read it."""
    title = f"【{push.sender}】移动党支部推送：{push.title}"
    if settings.PORTAL_URL:
        return title, f"{settings.PORTAL_URL}{reverse('study:push_detail', args=[push.pk])}"
    return title, "请登录支部工作台，在“移动党支部”中查看。"


def announce(channel: Channel, push: Push) -> None:
    """Say through the channel that there is something to study; NotSent where it did not go out."""
    _send(channel, *words_of(push))


def send_test(channel: Channel) -> None:
    """A message that says it is a test."""
    _send(channel, f"【{channel.branch or channel.committee}】支部工作台的测试消息", "收到即表示这个渠道可以使用。")


def _send(channel: Channel, title: str, more: str) -> None:
    try:
        address = secrets.unseal(channel.address_sealed, PURPOSE)
    except secrets.Unreadable as error:
        raise NotSent(f"渠道的地址读不出来：{error}请重新登记渠道", final=True) from None
    title = " ".join(printable(title).split())
    if channel.kind == Channel.Kind.WECOM:
        _to_robot(address, title, more)
    else:
        _to_mailbox(address, title, more)


# WeCom


def payload(title: str, more: str) -> dict[str, Any]:
    """The message as the robot takes it: a text of at most 2,048 bytes that calls nobody by name."""
    title, end = title.replace("<@", "＜@"), f"\n{more}"
    room = TEXT_BYTES - len(end.encode())
    if len(title.encode()) > room:
        title = title.encode()[: room - 3].decode(errors="ignore") + "…"
    return {"msgtype": "text", "text": {"content": title + end}}


@lru_cache(maxsize=1)
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(cert_reqs="CERT_REQUIRED")


def _to_robot(key: str, title: str, more: str) -> None:
    end = monotonic() + SECONDS
    try:
        response = _pool().urlopen(
            "POST", f"{settings.WECOM_URL}?key={key}",
            body=json.dumps(payload(title, more), ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity", "Connection": "close"},
            timeout=urllib3.Timeout(total=SECONDS), retries=False, redirect=False, preload_content=False,
        )  # fmt: skip
        try:
            body = _read(response, end)
        finally:
            response.close()
    except HTTPError as error:
        # Only the kind of error: its words would name the address, and with it the key.
        raise NotSent(f"连不上企业微信（{type(error).__name__}）") from None
    if response.status != 200:
        raise NotSent(f"企业微信答复 HTTP {response.status}", final=300 <= response.status < 500)
    _demand_ok(body)


def _read(response: urllib3.BaseHTTPResponse, end: float) -> bytes:
    parts, size = [], 0
    while part := response.read1(8192, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > LARGEST or monotonic() > end:
            raise NotSent("企业微信的答复太大或太慢")
    return b"".join(parts)


def _demand_ok(body: bytes) -> None:
    try:
        code = json.loads(body)["errcode"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotSent("企业微信的答复看不懂") from None
    if code == 0:
        return
    number = code if isinstance(code, int) else "?"
    raise NotSent(f"{SAID.get(code, '企业微信没有接受')}（errcode {number}）", final=code not in PASSING)


# E-mail


def _to_mailbox(address: str, title: str, more: str) -> None:
    if not mail_is_set_up():
        raise NotSent("系统没有设置发信服务器，请联系系统管理员", final=True)
    message = mail.EmailMessage(title, f"{title}\n\n{more}\n", settings.DEFAULT_FROM_EMAIL, [address])
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise NotSent(f"邮件服务器不收这个地址（{code}）", final=code >= 500) from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"邮件服务器答复 {error.smtp_code}", final=500 <= error.smtp_code < 600) from None
    except (smtplib.SMTPException, OSError, ImproperlyConfigured) as error:
        raise NotSent(f"连不上邮件服务器（{type(error).__name__}）") from None
