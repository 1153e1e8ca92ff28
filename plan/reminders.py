"""Reminders: written down as rows ahead of time, and said once to whoever has not done it, one digest a day.

`lay` adds the rows that are missing; `send` says what is due. Either may be run at any time, again, twice at once or
after days of silence: a row is there once, and a person is told of it once. Some persons' messages, what they say and
the rows they close are one transaction, so that whoever dies in between leaves nothing half said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Min
from django.utils.timezone import localdate

from branches.models import User
from inbox.models import Message
from inbox.telling import Telling, tell_all
from jobs.queue import Tell
from plan import reminder_duties  # registers the duties
from plan.models import Duty, Reminder, Said
from plan.reminder_people import People, Told
from plan.reminder_sources import SOURCES, Matter, Rulebook, Stage
from plan.reminder_words import Bundle, bundle_key, digest_title, event_title, in_order, line_of

__all__ = ["history", "lay", "run_round", "send", "upcoming"]

Outcome = Reminder.Outcome
CHUNK = 5000  # numbers in one statement
TOGETHER = 25  # people told in one transaction: who else wants to write waits no longer than for them
SHOWN = 5  # names in a line of a duty's history


def quietly(done: int, total: int) -> None:
    """Nobody asks how far it is."""


def run_round(arguments: dict[str, Any], *, at: datetime, tell: Tell) -> str:
    """The periodic work: lay what is missing and say what is due; safe to repeat."""
    laid = lay(at)
    sent = send(at, tell)
    return f"新登记{laid}条提醒，发出{sent}条消息"


def lay(at: datetime) -> int:
    """Write down every reminder within sight that is missing; how many rows were added or moved."""
    book = Rulebook()
    if silent := book.silent():
        # Whoever switches reminders off is not to find old ones said the day they are switched on again.
        Reminder.objects.filter(closed_at__isnull=True, committee__in=silent, said__isnull=True).delete()
    return sum(source.lay(at, book) for source in list(SOURCES.values()))


# Saying


class Row(NamedTuple):
    """An open reminder whose time has come."""

    pk: int
    source: str
    subject: int
    stage: str
    for_at: datetime
    committee: int


@dataclass
class Person:
    """What one person is to be told in this run, by what is said in one line."""

    bundles: dict[tuple[object, ...], Bundle] = field(default_factory=dict)
    ways: set[frozenset[str]] = field(default_factory=set)

    @property
    def allowed(self) -> frozenset[str]:
        """The ways that every committee concerned allows."""
        return frozenset.intersection(*self.ways) if self.ways else frozenset()


def send(at: datetime, tell: Tell = quietly) -> int:
    """Say what is due and not done, to each person in one message a day; how many messages went out."""
    book, people, day = Rulebook(), People(localdate(at)), localdate(at)
    due = Reminder.objects.filter(closed_at__isnull=True, scheduled_at__lte=at)
    rows = [Row(*row) for row in due.order_by("pk").values_list(*Row._fields)]
    if not rows:
        return 0
    said: dict[int, set[int]] = {}
    for reminder, user in Said.objects.filter(reminder__in=due).values_list("reminder", "user"):
        said.setdefault(reminder, set()).add(user)
    matters: dict[tuple[str, int], Matter] = {}
    for name in sorted({row.source for row in rows} & SOURCES.keys()):
        subjects = due.filter(source=name).values("subject")
        matters |= {(one.source, one.subject): one for one in SOURCES[name].matters(subjects)}

    closing: dict[str, list[int]] = {}
    persons: dict[int, Person] = {}
    told: dict[int, frozenset[int]] = {}
    for row in rows:
        if row.source not in SOURCES:
            continue
        outcome, reached = _judge(row, matters.get((row.source, row.subject)), people, said.get(row.pk, set()))
        if outcome:
            closing.setdefault(outcome, []).append(row.pk)
            continue
        matter, times = matters[row.source, row.subject], book.times(row.committee)
        is_event = row.stage == Stage.EVENT
        if not times.rules.is_on or not times.may_say(at, at_once=is_event, due_at=matter.due_at):
            continue
        told[row.pk] = reached.users
        for user in reached.users - said.get(row.pk, set()):
            person = persons.setdefault(user, Person())
            key = bundle_key(reached.as_what, matter)
            person.bundles.setdefault(key, Bundle(reached.as_what)).add(matter, row.pk, is_event=is_event)
            person.ways.add(times.rules.ways)
    for outcome, pks in closing.items():
        close(pks, outcome, at)

    gone = set(Message.objects.filter(key=digest_key(day)).values_list("user", flat=True))
    left = [
        user for user, person in sorted(persons.items())
        if user not in gone or any(bundle.is_event for bundle in person.bundles.values())
    ]  # fmt: skip
    sent = 0
    for start in range(0, len(left), TOGETHER):
        some = left[start : start + TOGETHER]
        sent += _say({user: persons[user] for user in some}, told, said, at)
        tell(start + len(some), len(left))
    return sent


def _judge(row: Row, matter: Matter | None, people: People, said: set[int]) -> tuple[str, Told]:
    """How a row closes without being said, or to whom it is to be said."""
    nobody = Told(frozenset(), "own")
    if matter is None:
        return (Outcome.SAID if said else Outcome.DONE), nobody
    if matter.for_at(row.stage) not in (None, row.for_at):
        return (Outcome.SAID if said else Outcome.MOVED), nobody
    reached = people.told(matter, row.stage)
    if reached.users <= said:
        return (Outcome.SAID if said else Outcome.NOBODY), reached
    return "", reached


def _say(
    persons: Mapping[int, Person], told: Mapping[int, frozenset[int]], said: dict[int, set[int]], at: datetime
) -> int:
    """Tell these persons, all or nothing; how many messages. Two senders take turns here, in the order of the ids."""
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).filter(pk__in=persons, is_active=True)
        accounts = {account.pk: account for account in locked.order_by("pk")}
        if not accounts:
            return 0
        bundles = _still_unsaid({user: persons[user] for user in accounts})
        digest = digest_key(localdate(at))
        gone = set(Message.objects.filter(user__in=accounts, key=digest).values_list("user", flat=True))
        tellings: list[Telling] = []
        spoken: list[list[Bundle]] = []
        for user, account in accounts.items():
            ordered, ways = in_order(bundles[user], at), persons[user].allowed
            if user not in gone and any(not bundle.is_event for bundle in ordered):
                tellings.append(_digest(account, digest, ordered, at, ways))
                spoken.append(ordered)
            else:
                alone = [bundle for bundle in ordered if bundle.is_event]
                tellings += [_event(account, bundle, at, ways) for bundle in alone]
                spoken += [[bundle] for bundle in alone]
        spoken_of: set[int] = set()
        for message, mine in zip(tell_all(tellings, at), spoken, strict=True):
            rows = [row for bundle in mine for row in bundle.rows]
            # A statement for each message: of all together SQLite would make more, the more there is to say.
            Said.objects.bulk_create(Said(reminder_id=row, user_id=message.user_id, message=message) for row in rows)
            for row in rows:
                said.setdefault(row, set()).add(message.user_id)
            spoken_of.update(rows)
        close([row for row in sorted(spoken_of) if told[row] <= said[row]], Outcome.SAID, at)
    return len(tellings)


def _still_unsaid(persons: Mapping[int, Person]) -> dict[int, list[Bundle]]:
    """Each person's bundles without what another sender has said or closed since."""
    wanted = list({row for one in persons.values() for bundle in one.bundles.values() for row in bundle.rows})
    left: set[int] = set()
    told: set[tuple[int, int]] = set()
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        left |= set(Reminder.objects.filter(pk__in=some, closed_at__isnull=True).values_list("pk", flat=True))
        told |= set(Said.objects.filter(reminder__in=some, user__in=persons).values_list("reminder", "user"))
    found: dict[int, list[Bundle]] = {}
    for user, person in persons.items():
        for bundle in person.bundles.values():
            bundle.rows = [row for row in bundle.rows if row in left and (row, user) not in told]
        found[user] = [bundle for bundle in person.bundles.values() if bundle.rows]
    return found


def _digest(account: User, key: str, bundles: Sequence[Bundle], at: datetime, ways: frozenset[str]) -> Telling:
    lines = [line_of(bundle, at) for bundle in bundles]
    return Telling(account, Message.Kind.DIGEST, key, digest_title(bundles, at), lines, ways)


def _event(account: User, bundle: Bundle, at: datetime, ways: frozenset[str]) -> Telling:
    return Telling(account, Message.Kind.EVENT, bundle.key, event_title(bundle, at), [line_of(bundle, at)], ways)


def digest_key(day: Any) -> str:
    return f"digest:{day:%Y-%m-%d}"


def close(pks: Sequence[int], outcome: str, at: datetime) -> None:
    for start in range(0, len(pks), CHUNK):
        rows = Reminder.objects.filter(pk__in=pks[start : start + CHUNK], closed_at__isnull=True)
        rows.update(closed_at=at, outcome=outcome)


# Looking back, for the page of a duty


class Past(NamedTuple):
    """That a duty was spoken of: when, at which stage, to whom or to how many; or why it was not."""

    at: datetime
    stage: str
    words: str


def history(duty: Duty) -> list[Past]:
    """What was said of a duty, the oldest first; for the office and the branch's leaders only. Two queries."""
    rows = Reminder.objects.filter(source=reminder_duties.NAME, subject=duty.pk)
    closed = rows.exclude(outcome=Outcome.MOVED).annotate(n=Count("said"), told_at=Min("said__message__told_at"))
    names: dict[int, list[str]] = {}
    spoken = Said.objects.filter(reminder__in=rows).order_by("reminder", "user__member__name_key")
    for reminder, name in spoken.values_list("reminder", "user__member__name"):
        names.setdefault(reminder, []).append(name)
    found = []
    for row in closed:
        who = names.get(row.pk, [])
        if who:
            named = "、".join(who[:SHOWN])
            words = f"{named}等{len(who)}人" if len(who) > SHOWN else named
            found.append(Past(row.told_at, row.get_stage_display(), words))
        elif row.closed_at and row.outcome == Outcome.NOBODY:
            found.append(Past(row.closed_at, row.get_stage_display(), row.get_outcome_display()))
    return sorted(found)


def upcoming(duty: Duty, at: datetime) -> list[Past]:
    """What is still to be said of a duty, as far as it is written down."""
    rows = Reminder.objects.filter(source=reminder_duties.NAME, subject=duty.pk, closed_at__isnull=True)
    return [Past(row.scheduled_at, row.get_stage_display(), "") for row in rows.filter(scheduled_at__gt=at)]
