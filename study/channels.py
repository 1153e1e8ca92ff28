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

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.urls import reverse

from branches import secrets
from documents.text import printable
from inbox import transport
from inbox.transport import NotSent, mail_is_set_up
from study.models import Channel, Push

__all__ = ["NotSent", "announce", "hint_of", "key_of", "mail_is_set_up", "payload", "seal", "send_test", "words_of"]

PURPOSE = "channel.address"
PER_MINUTE = 18  # of the twenty that a robot takes: two are left for test messages
KEY = re.compile(r"[0-9A-Za-z-]{16,64}", re.ASCII)
OFFICIAL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
# What a later try may mend: busy (-1), too many a minute (45009), too many at once (45033).
PASSING = {-1, 45009, 45033}
SAID = {
    45009: "这个机器人一分钟内收到的消息太多",
    93000: "群机器人已被移除或地址不对，请重新登记渠道",
}


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


def remind(channel: Channel, text: str) -> None:
    """Tell the group how much is to be done: numbers and no names; NotSent where it did not go out."""
    _send(channel, f"【{channel.branch or channel.committee}】任务提醒", text)


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
        transport.to_mailbox(address, title, f"{title}\n\n{more}\n")


# WeCom


def payload(title: str, more: str) -> dict[str, Any]:
    """The message as the robot takes it: a text of at most 2,048 bytes that calls nobody by name."""
    return {"msgtype": "text", "text": {"content": transport.cut(title.replace("<@", "＜@"), f"\n{more}")}}


def _to_robot(key: str, title: str, more: str) -> None:
    code = transport.ask_wecom(f"{settings.WECOM_URL}?key={key}", payload(title, more))["errcode"]
    if code != 0:
        number = code if isinstance(code, int) else "?"
        raise NotSent(f"{SAID.get(code, '企业微信没有接受')}（errcode {number}）", final=code not in PASSING)
