"""Messages on their way out: each is taken by one conditional UPDATE, tried at most six times, and never lost.

A row is taken by writing the next try and its time over the ones that were read: of two senders only one finds them
unchanged. Whoever dies after that leaves a row that is due again when its time comes; the message may then go out a
second time, but never twice for one taking. Nothing is sent inside a transaction. Before a row is taken it is looked
at once more whether the message is still to go out: what was read in the portal meanwhile need not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils.timezone import localdate

from branches import audit
from branches.access import Access
from inbox import offered, outside
from inbox.models import Message, Preference, Sending, SendingQuerySet, Way
from inbox.transport import NotSent

log = logging.getLogger(__name__)

State = Sending.State
# How long after the first, second … try the next one comes. The first is longer than any message takes.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 360))
TRIES = len(WAITS)
AT_ONCE = 200
# A server that failed so often in a row is left alone until the next round: its messages keep their tries.
ENOUGH = 3
LONGEST = timedelta(seconds=50)  # one round, which comes every minute
NOBODY_ANSWERED = f"发了{TRIES}次，都没有得到答复"
READ, PAUSED, UNWANTED = "本人已在系统里看过", "账号已暂停", "本人不再用这种方式"
NOT_ALLOWED = "机关党委办公室没有开放这种方式"
Clock = Callable[[], datetime]


def run_round(arguments: Mapping[str, Any], *, at: datetime, tell: Callable[[int, int], None]) -> str:
    """One round in the background: what is due is tried once; gives the line that the job bears."""
    began, sent = time.monotonic(), 0
    total = due(at).count()
    while True:
        more = send_waiting(lambda: at + timedelta(seconds=time.monotonic() - began))
        sent += more
        tell(min(sent, total), total)
        if not more or time.monotonic() - began > LONGEST.total_seconds():
            return f"发出{sent}条消息"


def due(at: datetime) -> SendingQuerySet:
    return Sending.objects.filter(state=State.WAITING, next_at__lte=at)


def send_waiting(clock: Clock) -> int:
    """Try what is due once, at most so many; gives how many messages went out."""
    due(clock()).filter(tries__gte=TRIES).update(state=State.FAILED, error=NOBODY_ANSWERED)
    return sum(_send_by(way, clock) for way in Way)


def _send_by(way: Way, clock: Clock) -> int:
    """What is due by one way: a server that is down holds up no message that goes another way."""
    sent = in_a_row = 0
    began = clock()
    for row in due(clock()).filter(way=way).order_by("next_at", "pk")[:AT_ONCE]:
        outcome = send(row, clock)
        sent += bool(outcome)
        in_a_row = in_a_row + 1 if outcome is None else 0
        if in_a_row >= ENOUGH or clock() - began > LONGEST:
            break
    return sent


def send(row: Sending, clock: Clock) -> bool | None:
    """Take one row and try it: whether the message went out; None where it is the server's fault that it did not."""
    message = Message.objects.select_related("user").get(pk=row.message_id)
    wanted = Preference.objects.filter(user=message.user).first() or Preference(user=message.user)
    if why := _why_not(message, wanted, row.way, clock()):
        _untouched(row).update(state=State.SKIPPED, error=why)
        return False
    if not take(row, clock()):
        return False
    mine = Sending.objects.filter(pk=row.pk, state=State.WAITING, tries=row.tries + 1)
    try:
        outside.send(row, message, wanted)
    except NotSent as reason:
        over = reason.final or row.tries + 1 >= TRIES
        mine.update(state=State.FAILED if over else State.WAITING, error=str(reason)[:200])
        return None if reason.server else False
    except Exception:
        log.exception("sending %s failed", row.pk)
        mine.update(error="发送时出错")
        return False
    mine.update(state=State.SENT, sent_at=clock(), error="")
    return True


def take(row: Sending, now: datetime) -> bool:
    """Make this try one's own: False where another sender has."""
    return bool(_untouched(row).update(tries=F("tries") + 1, next_at=now + WAITS[row.tries]))


def _untouched(row: Sending) -> SendingQuerySet:
    """The row, if it is still as it was read."""
    return Sending.objects.filter(pk=row.pk, state=State.WAITING, tries=row.tries, next_at=row.next_at)


def _why_not(message: Message, wanted: Preference, way: str, now: datetime) -> str:
    """Why the message need not go out any more; empty where it should."""
    user = message.user
    chosen = wanted.by_email if way == Way.EMAIL else wanted.by_wecom
    if message.read_at is not None:
        return READ
    if not user.is_active:
        return PAUSED
    if not chosen:
        return UNWANTED
    return "" if way in offered.allowed(user, localdate(now)) else NOT_ALLOWED


def retry(rows: SendingQuerySet, access: Access) -> int:
    """Have what was given up tried anew; how many there were."""
    with audit.act(access, audit.Kind.WRITE, "重新发送消息", access.committee) as entry:
        count = rows.filter(state=State.FAILED).update(state=State.WAITING, tries=0, next_at=access.now, error="")
        entry.ok, entry.detail = bool(count), {"count": count}
    return count
