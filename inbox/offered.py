"""By which ways a person may be told beside the inbox: what the server is set up for, and what the office allows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from branches.models import User
from inbox import transport, wecom
from inbox.models import Way

NOT_SET_UP = {
    Way.EMAIL: "系统没有设置发信服务器，不能发邮件。",
    Way.WECOM: "系统没有接上企业微信的应用，不能发企业微信消息。",
}
NOT_ALLOWED = "机关党委办公室没有开放这种方式。"

# Which ways the office of the person's committee allows on that day. `plan` answers, which stands above and has the
# office's rules (PlanConfig.ready); until it has said so, all.
office_allows: list[Callable[[User, date], frozenset[str]]] = []


def allowed(user: User, on: date) -> frozenset[str]:
    """The ways that the office of the person's committee allows, whether or not the server can."""
    ways = frozenset[str](Way.values)
    for ask in office_allows:
        ways &= ask(user, on)
    return ways


def set_up() -> frozenset[str]:
    """The ways that the server is set up for."""
    there = {Way.EMAIL: transport.mail_is_set_up(), Way.WECOM: wecom.is_set_up()}
    return frozenset(way.value for way, ready in there.items() if ready)


def why_not(user: User, on: date) -> dict[str, str]:
    """For each way that is not offered to the person, why, in a sentence."""
    ready, open_ways = set_up(), allowed(user, on)
    found = {way.value: NOT_SET_UP[way] for way in Way if way.value not in ready}
    return found | {way: NOT_ALLOWED for way in ready - open_ways}
