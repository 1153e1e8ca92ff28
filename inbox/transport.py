"""The ways out of the house, as every sender uses them: a POST of JSON to WeCom, a mail to one mailbox.

Whoever reads outside is not known, and what was sent cannot be called back: callers say what may be said outside.
"""

from __future__ import annotations

import json
import smtplib
from collections.abc import Mapping
from functools import lru_cache
from time import monotonic
from typing import Any

import urllib3
from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from urllib3.exceptions import HTTPError

SECONDS = 10.0
LARGEST = 64 * 1024  # bytes of an answer that has some hundred
TEXT_BYTES = 2048  # what WeCom takes of a text, of a robot's and of an app's


class NotSent(Exception):
    """Why a message did not go out, in words.

    `final` where trying again would not help; `server` where any other message would fare the same just now.
    """

    def __init__(self, why: str, *, final: bool = False, server: bool = False) -> None:
        super().__init__(why)
        self.final, self.server = final, server


# WeCom


def cut(text: str, end: str = "") -> str:
    """The text and what must stand at its end, in at most 2,048 bytes, cut between characters."""
    room = TEXT_BYTES - len(end.encode())
    if len(text.encode()) > room:
        text = text.encode()[: room - 3].decode(errors="ignore") + "…"
    return text + end


@lru_cache(maxsize=1)
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(cert_reqs="CERT_REQUIRED")


def ask_wecom(url: str, message: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What WeCom answers to a POST of the message, or to a GET without one: an object with an integer `errcode`."""
    end = monotonic() + SECONDS
    body = None if message is None else json.dumps(message, ensure_ascii=False).encode()
    headers = {"Accept-Encoding": "identity", "Connection": "close"}
    try:
        response = _pool().urlopen(
            "GET" if body is None else "POST", url, body=body,
            headers=headers | ({} if body is None else {"Content-Type": "application/json"}),
            timeout=urllib3.Timeout(total=SECONDS), retries=False, redirect=False, preload_content=False,
        )  # fmt: skip
        try:
            answer = _read(response, end)
        finally:
            response.close()
    except HTTPError as error:
        # Only the kind of error: its words would name the address, and with it the key.
        raise NotSent(f"连不上企业微信（{type(error).__name__}）", server=True) from None
    if response.status != 200:
        raise NotSent(f"企业微信答复 HTTP {response.status}", final=300 <= response.status < 500, server=True)
    try:
        said = json.loads(answer)
        said["errcode"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotSent("企业微信的答复看不懂", server=True) from None
    return said


def _read(response: urllib3.BaseHTTPResponse, end: float) -> bytes:
    parts, size = [], 0
    while part := response.read1(8192, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > LARGEST or monotonic() > end:
            raise NotSent("企业微信的答复太大或太慢", server=True)
    return b"".join(parts)


# E-mail


def mail_is_set_up() -> bool:
    return bool(settings.EMAIL_URL)


def to_mailbox(address: str, subject: str, text: str, headers: Mapping[str, str] | None = None) -> None:
    """Send a plain text to one mailbox; NotSent where the server did not take it."""
    if not mail_is_set_up():
        raise NotSent("系统没有设置发信服务器，请联系系统管理员", final=True, server=True)
    message = mail.EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, [address], headers=dict(headers or {}))
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise NotSent(f"邮件服务器不收这个地址（{code}）", final=code >= 500) from None
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused, smtplib.SMTPConnectError) as error:
        # Any other mail would fare the same, and the administrator can mend it: not the mailbox's fault.
        raise NotSent(f"邮件服务器不接受我们发信（{error.smtp_code}），请联系系统管理员", server=True) from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"邮件服务器答复 {error.smtp_code}", final=500 <= error.smtp_code < 600) from None
    except (smtplib.SMTPException, OSError, ImproperlyConfigured) as error:
        raise NotSent(f"连不上邮件服务器（{type(error).__name__}）", server=True) from None
    except ValueError as error:
        # An address or a header that no mail can bear (UnicodeError, BadHeaderError): its words would name it.
        raise NotSent(f"这个邮箱地址不能用（{type(error).__name__}）", final=True) from None
