"""Servers that the messages go to, and people who have chosen to get them there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from branches import secrets
from inbox import outside, wecom
from inbox.mailbox import hint_of
from inbox.models import Preference
from tests.conftest import World, at
from tests.inbox.servers import Postbox, WeCom, postbox, wecom_server

SETTLED = at("2018-06-01 09:00")


@pytest.fixture
def mailed(settings) -> Iterator[Postbox]:
    """A real mail server that the portal is set up for."""
    with postbox() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_URL, settings.DEFAULT_FROM_EMAIL = f"smtp://127.0.0.1:{box.port}", "party@example.edu.cn"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", box.port, 10
        yield box


@pytest.fixture
def app(settings) -> Iterator[WeCom]:
    """WeCom, with the office's own app registered there."""
    wecom._token.clear()
    with wecom_server() as server:
        settings.WECOM_API_URL = server.url
        settings.WECOM_CORP_ID, settings.WECOM_AGENT_ID, settings.WECOM_APP_SECRET = "ww1", "1000002", "app-secret"
        yield server


@pytest.fixture
def wants(world: World) -> Callable[..., Preference]:
    """`wants("member", by_email=True)`: a person who has chosen so, with a confirmed mailbox."""

    def chosen(who: str, address: str = "liqiang@example.edu.cn", **facts: Any) -> Preference:
        usual = {
            "email_sealed": secrets.seal(address, outside.PURPOSE), "email_hint": hint_of(address),
            "email_confirmed_at": SETTLED, "set_at": SETTLED,
        }  # fmt: skip
        return Preference.objects.create(user=world.users[who], **(usual | facts))

    return chosen
