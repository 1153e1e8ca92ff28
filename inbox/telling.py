"""Telling a person something: into the inbox at once, and out by the ways the person wants and the office allows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from branches.models import User
from inbox.models import Message, Preference, Sending, Way


@dataclass(frozen=True)
class Line:
    """One line of a message: what, a note (by when), the page that settles it, and what may be said of it outside.

    `outside` holds no person's name and no text that somebody typed; empty, the line stays inside the house.
    """

    text: str
    note: str = ""
    url: str = ""
    tone: str = ""
    outside: str = ""


@dataclass(frozen=True)
class Telling:
    """What one person is to be told once under this key; `ways` are those that the office allows."""

    user: User
    kind: str
    key: str
    title: str
    lines: Sequence[Line] = ()
    ways: Collection[str] = ()


def tell(
    user: User, *, kind: str, key: str, title: str, lines: Iterable[Line] = (), at: datetime,
    ways: Collection[str] = (),
) -> Message:  # fmt: skip
    """Tell a person once under this key: the message, new or as it was; call it inside the act that it is about.

    `ways` are those that the office allows; of them go out those that the person has chosen.
    """
    return tell_all([Telling(user, kind, key, title, list(lines), ways)], at)[0]


def tell_all(tellings: Sequence[Telling], at: datetime) -> list[Message]:
    """Tell many people at once: their messages in the same order, new or as they were; five statements in all."""
    wanted = {(one.user.pk, one.key): one for one in tellings}
    there = _messages(wanted)
    new = {pair: one for pair, one in wanted.items() if pair not in there}
    if new:
        # Who is told of the same at this very moment by somebody else keeps that message.
        Message.objects.bulk_create(
            [
                Message(
                    user=one.user, key=one.key, kind=one.kind, title=one.title[:60],
                    lines=[asdict(line) for line in one.lines], told_at=at,
                )
                for one in new.values()
            ],
            ignore_conflicts=True,
        )  # fmt: skip
        there |= _messages(new)
        preferences = {one.user_id: one for one in Preference.objects.filter(user__in={user for user, _ in new})}
        sendings = []
        for (user, key), one in new.items():
            wish = preferences.get(user)
            chosen = {Way.EMAIL: wish and wish.by_email, Way.WECOM: wish and wish.by_wecom}
            sendings += [
                Sending(message=there[user, key], way=way, next_at=at)
                for way in Way if way in one.ways and chosen[way]
            ]  # fmt: skip
        Sending.objects.bulk_create(sendings, ignore_conflicts=True)
    return [there[one.user.pk, one.key] for one in tellings]


def _messages(pairs: Collection[tuple[int, str]]) -> dict[tuple[int, str], Message]:
    """Those that are there under these persons and keys."""
    users, keys = {user for user, _ in pairs}, {key for _, key in pairs}
    found = {(one.user_id, one.key): one for one in Message.objects.filter(user__in=users, key__in=keys)}
    return {pair: one for pair, one in found.items() if pair in pairs}
