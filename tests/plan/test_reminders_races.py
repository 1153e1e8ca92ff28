"""Two senders at once, on a database that lets two write: nobody is told twice; a control without the guard doubles."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import connection

from inbox.models import Message
from plan.models import Reminder, Said
from plan.reminders import lay, quietly, send
from tests.conftest import World, at, issue_2018, make_world
from tests.plan.test_races import together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

NOW = at("2018-07-17 08:00")
SENDERS = 4


@pytest.fixture
def ready(transactional_db) -> World:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    issue_2018(world)
    return world


def test_several_rounds_at_once_tell_each_once(ready: World) -> None:
    for _ in range(3):
        Said.objects.all().delete()
        Message.objects.all().delete()
        Reminder.objects.all().delete()

        def act(n: int) -> str:
            lay(NOW)
            return str(send(NOW, quietly))

        answers = together(act, SENDERS)
        assert all(answer.isdigit() for answer in answers), answers
        messages = Counter(Message.objects.values_list("user", flat=True))
        assert set(messages.values()) == {1} and len(messages) > 8
        assert sum(map(int, answers)) == len(messages), "each message was somebody's, and one's only"
        # Every line is there for a row that was said in this very message, and every row was said.
        assert not Reminder.objects.filter(scheduled_at__lte=NOW, said__isnull=True, closed_at__isnull=True).exists()
        for message in Message.objects.all():
            said = set(Said.objects.filter(message=message).values_list("reminder__subject", flat=True))
            assert said and len(message.lines) <= len(said)


def test_the_control_without_the_turns_tells_twice(ready: World) -> None:
    """Look who has been told, then tell: the way the sender does not go."""
    lay(NOW)
    rows = list(Reminder.objects.filter(scheduled_at__lte=NOW)[:5])
    look, user = threading.Barrier(SENDERS), ready.users["secretary"]

    def naive(n: int) -> str:
        told = Message.objects.filter(user=user, key__startswith="digest").exists()
        look.wait(10)
        if told:
            return "told"
        Message.objects.create(user=user, key=f"digest:{n}", kind="digest", title="提醒", lines=[], told_at=NOW)
        return "sent"

    assert rows and together(naive, SENDERS).count("sent") == SENDERS
