"""Announcements on their way: each is taken by one conditional UPDATE, tried at most six times, and never lost.

A delivery is taken by writing the next try and its time over the ones that were read: of two senders only one finds
them unchanged. Whoever dies after that leaves a row that is due again when its time comes; the message may then go
out a second time, but never twice for one taking. Nothing is sent inside a transaction.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, Q
from django.utils.module_loading import import_string
from django.utils.timezone import localdate

from branches import audit
from branches.access import Access
from study import channels
from study.models import Channel, Delivery, GroupReminder, Push

log = logging.getLogger(__name__)

State = Delivery.State
# How long after the first, second … try the next one comes. The first is longer than any message takes.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 360))
TRIES = len(WAITS)
MINUTE = timedelta(minutes=1)
AT_ONCE = 200
STAYS = 600  # seconds that the sender started by a push waits for the next try
NOBODY_ANSWERED = f"发了{TRIES}次，都没有得到答复"
Clock = Callable[[], datetime]


def announce(push: Push, at: datetime) -> int:
    """Write down that the push is to be announced through every channel of its senders; sent after the commit."""
    found = Channel.objects.of(push)
    rows = Delivery.objects.bulk_create(Delivery(push=push, channel=channel, next_at=at) for channel in found)
    if rows:
        soon(at)
    return len(rows)


def retry(delivery: Delivery, access: Access) -> bool:
    """Have what was given up tried anew; False where it was not given up, or has nothing to say or nowhere to go."""
    given_up = Delivery.objects.filter(pk=delivery.pk, state=State.FAILED, channel__ended_at__isnull=True)
    given_up = given_up.filter(push__withdrawn_at__isnull=True)
    with audit.act(access, audit.Kind.WRITE, "重新发送推送通知", delivery.push) as entry:
        entry.ok = bool(given_up.update(state=State.WAITING, tries=0, next_at=access.now, error=""))
        if entry.ok:
            soon(access.now)
    return entry.ok


def call_off(waiting: Q, why: str) -> None:
    """What has not gone out yet will not."""
    Delivery.objects.filter(waiting, state=State.WAITING).update(state=State.FAILED, error=why)


def call_off_reminders(channel: Channel, why: str) -> None:
    """What the group was to be told today stays unsaid."""
    rows = GroupReminder.objects.filter(channel=channel, state=State.WAITING)
    rows.update(state=State.FAILED, error=why)


# Who sends


def soon(at: datetime) -> None:
    """Start a sender when the transaction is done."""
    transaction.on_commit(partial(import_string(settings.PUSH_SENDER), at))


def in_process(at: datetime) -> None:
    """In a process of its own that outlives the request; gives back at once."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "send_pushes", "--at", at.isoformat()]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command with a time
            [*command, "--stay", str(STAYS)], cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError:
        log.exception("the sender of pushes could not be started")  # the next round of the command sends them
        return
    threading.Thread(target=process.wait, daemon=True).start()  # or it stays as a zombie


def by_hand(at: datetime) -> None:
    """Nobody is started: whoever runs the command sends them."""


def stay(clock: Clock, seconds: float, sleep: Callable[[float], None] = time.sleep) -> int:
    """Send what is due now and what comes due within so many seconds; gives how many messages went out."""
    end, sent = clock() + timedelta(seconds=seconds), 0
    while True:
        sent += send_waiting(clock)
        due = Delivery.objects.filter(state=State.WAITING).aggregate(first=Min("next_at"))["first"]
        if due is None or due > end or clock() >= end:
            return sent
        # At least a second: what is due already waits for its robot's minute to be over.
        sleep(min(max((due - clock()).total_seconds(), 1.0), 30.0))


# Sending


def send_waiting(clock: Clock) -> int:
    """Try everything that is due once; gives how many messages went out."""
    due = Delivery.objects.filter(state=State.WAITING, next_at__lte=clock())
    due.filter(tries__gte=TRIES).update(state=State.FAILED, error=NOBODY_ANSWERED)
    rows = due.select_related("push__branch", "push__committee", "channel__branch", "channel__committee")
    return sum(send(row, clock) for row in rows.order_by("next_at", "pk")[:AT_ONCE])


def send_reminders(clock: Clock) -> int:
    """Try every group's reminder that is due once; gives how many went out. One of a day that is over is given up."""
    due = GroupReminder.objects.filter(state=State.WAITING, next_at__lte=clock())
    due.filter(tries__gte=TRIES).update(state=State.FAILED, error=NOBODY_ANSWERED)
    due.filter(day__lt=localdate(clock())).update(state=State.FAILED, error="当天没有发成，不再发送")
    rows = due.select_related("channel__branch", "channel__committee").order_by("next_at", "pk")
    return sum(send(row, clock) for row in rows[:AT_ONCE])


def send(row: Delivery | GroupReminder, clock: Clock) -> bool:
    """Take one delivery and try it; whether the message went out."""
    if not take(row, clock()):
        return False
    mine = _rows_like(row).filter(pk=row.pk, state=State.WAITING, tries=row.tries + 1)
    try:
        if isinstance(row, Delivery):
            channels.announce(row.channel, row.push)
        else:
            channels.remind(row.channel, row.text)
    except channels.NotSent as reason:
        over = reason.final or row.tries + 1 >= TRIES
        mine.update(state=State.FAILED if over else State.WAITING, error=str(reason)[:200])
        return False
    except Exception:
        log.exception("delivery %s failed", row.pk)
        mine.update(error="发送时出错")
        return False
    mine.update(state=State.SENT, sent_at=clock(), error="")
    return True


def _rows_like(row: Delivery | GroupReminder) -> Any:
    return type(row)._default_manager.all()


def take(row: Delivery | GroupReminder, now: datetime) -> bool:
    """Make this try one's own: False where another sender has, or the robot has had its messages of this minute."""
    with transaction.atomic():
        # Locked, so that two senders cannot both find the last place of the minute free.
        channel = Channel.objects.select_for_update().get(pk=row.channel_id)
        if channel.kind == Channel.Kind.WECOM and _taken_since(channel, now - MINUTE) >= channels.PER_MINUTE:
            return False
        untouched = _rows_like(row).filter(pk=row.pk, state=State.WAITING, tries=row.tries, next_at=row.next_at)
        return bool(untouched.update(tries=F("tries") + 1, next_at=now + WAITS[row.tries]))


def _taken_since(channel: Channel, moment: datetime) -> int:
    """How many messages of either sort were tried since: a try's own instant is its next one less the wait between."""
    tried = Q(*(Q(tries=n, next_at__gt=moment + wait) for n, wait in enumerate(WAITS, 1)), _connector=Q.OR)
    return sum(kind._default_manager.filter(tried, channel=channel).count() for kind in (Delivery, GroupReminder))
