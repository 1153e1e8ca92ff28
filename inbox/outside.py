"""A message as it leaves the house: how many matters, what may be said of each outside, and where to log in.

Neither the title nor a line's text goes out: names and what somebody typed stay behind the login.
"""

from __future__ import annotations

import re

from django.conf import settings

from branches import secrets
from documents.text import printable
from inbox import transport, wecom
from inbox.models import Message, Preference, Sending, Way
from inbox.transport import NotSent

PURPOSE = "inbox.email"
SUBJECT = 30  # characters
MOST = 20  # lines of a mail; the rest are counted
FROM = "【支部工作台】"


def subject_of(message: Message) -> str:
    """What sort of message, and how many matters where there are several: at most thirty characters."""
    count = len(message.lines)
    return (FROM + message.get_kind_display() + (f"（{count}项）" if count > 1 else ""))[:SUBJECT]


def matters_of(message: Message) -> list[str]:
    """What may be said outside of each line, and how many more there are."""
    said = [" ".join(printable(line["outside"]).split()) for line in message.shown_lines]
    shown = [text for text in said if text][:MOST]
    rest = len(said) - len(shown)
    return shown + ([f"{'另有' if shown else '共有'}{rest}项，请登录后查看"] if rest else [])


def where(message: Message) -> str:
    if settings.PORTAL_URL:
        return f"登录查看：{settings.PORTAL_URL}{message.get_absolute_url()}"
    return "请登录支部工作台，在“消息”中查看。"


def mail_text(message: Message) -> str:
    matters = [f"{number}. {text}" for number, text in enumerate(matters_of(message), 1)]
    parts = [
        "\n".join(matters), where(message),
        "这封邮件由系统自动发出，请不要回复。不想再收邮件，请登录后在“我的账户”的“提醒方式”中关闭。",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def send(sending: Sending, message: Message, wanted: Preference) -> None:
    """Send one message by one way; NotSent where it did not go out."""
    if sending.way == Way.EMAIL:
        transport.to_mailbox(mailbox_of(wanted), subject_of(message), mail_text(message), _headers(sending))
    else:
        lines = "\n".join([subject_of(message), *matters_of(message)])
        wecom.send(wanted.wecom_id or message.user.staff_number, lines, f"\n{where(message)}")


def mailbox_of(wanted: Preference) -> str:
    try:
        return secrets.unseal(wanted.email_sealed, PURPOSE)
    except secrets.Unreadable as error:
        raise NotSent(f"邮箱读不出来：{error}请本人重新填写", final=True) from None


def _headers(sending: Sending) -> dict[str, str]:
    """The same Message-ID at every try, so that a mail that went out twice is one to the mail program."""
    domain = re.sub(r"[^0-9A-Za-z.-]", "", settings.DEFAULT_FROM_EMAIL.rpartition("@")[2]) or "localhost"
    digest = secrets.mac(str(sending.pk), "inbox.message_id")[:24]
    return {"Message-ID": f"<{sending.pk}.{digest}@{domain}>", "Auto-Submitted": "auto-generated"}
