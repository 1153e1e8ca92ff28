"""Two senders at once, on a database that lets two write: every message goes out once, by whichever came first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import datetime

import pytest
from django.db import connection

from inbox import outside, sending
from inbox.models import Preference, Sending
from inbox.telling import tell
from tests.conftest import World, at

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
NOW = at("2018-07-04 10:00")
MANY = 60


def sent_by_two(world: World, monkeypatch) -> Counter[int]:
    """How often each message went out when two senders begin at the same instant, having read the same rows."""
    user = world.users["member"]
    Preference.objects.create(user=user, by_email=True, email_confirmed_at=NOW, set_at=NOW)
    for n in range(MANY):
        tell(user, kind="digest", key=str(n), title="提醒", at=NOW, ways=("email",))
    got: list[int] = []
    monkeypatch.setattr(outside, "send", lambda row, message, wanted: got.append(row.pk))
    begin = threading.Barrier(2)
    rows = list(Sending.objects.order_by("pk"))

    def work() -> None:
        begin.wait()
        try:
            for row in rows:
                sending.send(row, lambda: NOW)
        finally:
            connection.close()

    senders = [threading.Thread(target=work) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return Counter(got)


def test_two_senders_send_each_message_once(world: World, monkeypatch) -> None:
    counts = sent_by_two(world, monkeypatch)
    assert len(counts) == MANY and set(counts.values()) == {1}
    assert Sending.objects.filter(state="sent", tries=1).count() == MANY


def test_without_the_conditional_update_some_go_out_twice(world: World, monkeypatch) -> None:
    """The positive control: a taking that looks first and writes afterwards loses the race."""

    def look_and_write(row: Sending, now: datetime) -> bool:
        found = Sending.objects.get(pk=row.pk)
        if (found.state, found.tries) != ("waiting", row.tries):
            return False
        time.sleep(0.005)
        Sending.objects.filter(pk=row.pk).update(tries=row.tries + 1)
        return True

    monkeypatch.setattr(sending, "take", look_and_write)
    assert max(sent_by_two(world, monkeypatch).values()) == 2
