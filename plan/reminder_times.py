"""When something is to be said: plain values of days and rules, without database or clock.

Whatever is said once a day is said with the day's digest; what a filing asks for after an activity is said at its own
hour. All instants are aware, Asia/Shanghai; a deadline is exclusive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from plan.cadence import SHANGHAI
from plan.workdays import ONE_DAY, Calendar

# The shortest step that the database keeps: the last instant before an exclusive one.
TICK = timedelta(microseconds=1)
# No calendar rests longer at a stretch; one that does is not waited for.
LONGEST_REST = 120


@dataclass(frozen=True)
class Rules:
    """How a committee wants its people reminded: the values of a `ReminderPolicy`, with what holds where none is."""

    is_on: bool = True
    at_start: bool = True
    days_before: tuple[int, ...] = (3,)
    on_the_day: bool = True
    when_late: bool = True
    superior_after: int | None = 2
    event_hours: int = 12
    digest_at: time = time(8)
    quiet_from: time = time(21, 30)
    quiet_until: time = time(7, 30)
    on_rest_days: bool = False
    by_email: bool = True
    by_wecom: bool = True

    @property
    def ways(self) -> frozenset[str]:
        return frozenset(way for way, allowed in (("email", self.by_email), ("wecom", self.by_wecom)) if allowed)

    def is_quiet(self, moment: datetime) -> bool:
        clock = local(moment).time()
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= clock < self.quiet_until
        return clock >= self.quiet_from or clock < self.quiet_until

    def after_quiet(self, moment: datetime) -> datetime:
        """The moment itself, or the end of the quiet hours in which it lies."""
        if not self.is_quiet(moment):
            return moment
        here = local(moment)
        ends = on(here.date(), self.quiet_until)
        return ends if ends > here else on(here.date() + ONE_DAY, self.quiet_until)

    def before_quiet(self, moment: datetime) -> datetime:
        """The moment itself, or the last instant before the quiet hours in which it lies."""
        if not self.is_quiet(moment):
            return moment
        here = local(moment)
        begins = on(here.date(), self.quiet_from)
        return (begins if begins <= here else on(here.date() - ONE_DAY, self.quiet_from)) - TICK

    def digest(self, day: date) -> datetime:
        """When the digest of a day goes out; one whose hour is quiet waits until the quiet hours are over."""
        return self.after_quiet(on(day, self.digest_at))


@dataclass(frozen=True)
class Times:
    """The rules of a committee on its working calendar: when each stage of a deadline is said, None for not at all."""

    rules: Rules
    calendar: Calendar

    def may_speak_on(self, day: date) -> bool:
        return self.rules.on_rest_days or self.calendar.is_workday(day)

    def start(self, begins: datetime, due_at: datetime) -> datetime | None:
        """The first digest of a working day from the beginning on; on a rest day where it would else be too late."""
        if not self.rules.at_start:
            return None
        found = self.next_digest(begins)
        if found >= due_at:
            found = next(self._digests(begins))
        return found if found < due_at else None

    def before(self, due_at: datetime, days: int) -> datetime | None:
        """So many days before the last day, or on the working day before that."""
        return self._last_digest(last_day(due_at) - timedelta(days=days), due_at)

    def on_day(self, due_at: datetime) -> datetime | None:
        """On the last day, or on the working day before it; never after the deadline."""
        return self._last_digest(last_day(due_at), due_at) if self.rules.on_the_day else None

    def late(self, late_at: datetime) -> datetime | None:
        return self.next_digest(late_at) if self.rules.when_late else None

    def superior(self, late_at: datetime) -> datetime | None:
        days = self.rules.superior_after
        return None if days is None else self.next_digest(late_at + timedelta(days=days))

    def event(self, ended_at: datetime, due_at: datetime) -> datetime | None:
        """Some hours after an activity's end, rest day or not; out of the quiet hours, and before the deadline.

        Where the quiet hours end after the deadline it is said before they begin; where they cover all that is left,
        at the hour itself: better woken than late.
        """
        wanted = min(ended_at + timedelta(hours=self.rules.event_hours), due_at - TICK)
        if wanted < ended_at:
            return None
        if (later := self.rules.after_quiet(wanted)) < due_at:
            return later
        earlier = self.rules.before_quiet(wanted)
        return earlier if earlier >= ended_at else wanted

    def next_digest(self, moment: datetime) -> datetime:
        """The first digest from the moment on, on a day on which people are reminded."""
        first = None
        for n, found in enumerate(self._digests(moment)):
            first = first or found
            if self.may_speak_on(found.date()):
                return found
            if n > LONGEST_REST:
                break
        assert first is not None  # noqa: S101 — the digests do not end
        return first

    def may_say(self, moment: datetime, *, at_once: bool, due_at: datetime | None) -> bool:
        """Whether something whose time has come may be said at this moment, which a late sender has not chosen.

        In quiet hours and on rest days it waits, unless the deadline lies before they are over; what is said at once
        after an activity waits for the quiet hours only.
        """
        if self.rules.is_quiet(moment):
            return at_once and due_at is not None and moment < due_at <= self.rules.after_quiet(moment)
        if at_once or self.may_speak_on(local(moment).date()):
            return True
        return due_at is not None and moment < due_at <= self.next_digest(moment)

    def _digests(self, moment: datetime) -> Iterator[datetime]:
        """Every digest from the moment on, in order."""
        day = local(moment).date() - ONE_DAY
        while True:
            if (found := self.rules.digest(day)) >= moment:
                yield found
            day += ONE_DAY

    def _last_digest(self, day: date, due_at: datetime) -> datetime | None:
        """The last digest on or before the day, and before the deadline, on a day on which people are reminded."""
        for back in range(LONGEST_REST):
            found = self.rules.digest(day - timedelta(days=back))
            if found.date() <= day and found < due_at and self.may_speak_on(found.date()):
                return found
        return None


def on(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SHANGHAI)


def local(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI)


def last_day(due_at: datetime) -> date:
    """The last calendar day on which something due before the exclusive instant is in time."""
    return (local(due_at) - TICK).date()


def begins_at(starts_on: date, opened_at: datetime) -> datetime:
    """From when something can be said of a window: its first midnight, and never before it was asked for."""
    return max(on(starts_on, time.min), local(opened_at))
