"""The mail server, named by one address in the environment: smtp://…, smtp+tls://… or smtps://…."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def read(url: str) -> dict[str, Any]:
    """Django's settings for sending mail; without an address mail is off and none of them is given.

    Raises ImproperlyConfigured for an address that does not name a server.
    """
    if not url:
        return {}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        # Not the value itself: there is a password in it.
        raise ImproperlyConfigured(
            "EMAIL_URL 不是发信服务器的网址，请写如 smtp+tls://用户:密码@smtp.example.edu.cn:587。"
        )
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 10,
    }
