"""Two senders at once, on a database that lets two write: nothing goes out twice, and no robot gets too much."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import connection

from study import channels, sending
from study.models import Channel, Delivery, Push
from tests.conftest import World, at
from tests.study.pushed import channel_of, push_by, sent_out

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
NOW = at("2018-07-04 10:00")


def test_two_senders_send_each_once_and_together_no_more_than_a_minute_allows(world: World, monkeypatch) -> None:
    access = world.access("secretary", NOW)
    channel_of(access)
    for n in range(25):
        sent_out(push_by(access, f"第{n}份"), access)
    got: list[str] = []
    monkeypatch.setattr(channels, "announce", lambda channel, push: got.append(push.title))
    begin = threading.Barrier(2)

    def work() -> None:
        begin.wait()
        try:
            sending.send_waiting(lambda: NOW)
        finally:
            connection.close()

    senders = [threading.Thread(target=work) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(got) == channels.PER_MINUTE and max(Counter(got).values()) == 1
    assert Delivery.objects.filter(state="sent").count() == channels.PER_MINUTE
    assert (Channel.objects.count(), Push.objects.count()) == (1, 25)
