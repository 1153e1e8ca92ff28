"""Whose turn it is on the pioneer posts (轮流驻岗): a fair draft from who is willing and who stood before; no database.

The rule: nobody stands again before each willing one who could has stood as often, counted over all posts of the
branch and over its history; among equals whoever left a post longest ago comes first, then the given order. Nobody
stands on two posts at once. Who joins later begins with the round that is running and makes up none of the earlier.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

NEVER = date.min


@dataclass(frozen=True)
class Span:
    """A term: from a day, until the first day that no longer belongs to it; open without one."""

    from_on: date
    until_on: date | None = None

    def meets(self, other: Span) -> bool:
        return (other.until_on is None or self.from_on < other.until_on) and (
            self.until_on is None or other.from_on < self.until_on
        )

    def holds(self, other: Span) -> bool:
        """Whether the other lies wholly within this one."""
        return self.from_on <= other.from_on and (
            self.until_on is None or (other.until_on is not None and other.until_on <= self.until_on)
        )


@dataclass(frozen=True)
class Person:
    """Somebody accepted and willing: since when, how long on the branch's roster, when away, and where stood before."""

    key: int
    willing_on: date
    there: tuple[Span, ...]
    away: tuple[Span, ...] = ()
    # On any post of the branch, what runs today included.
    stood: tuple[Span, ...] = ()


@dataclass(frozen=True)
class PostPlan:
    """A post to be filled: its turns are whole numbers of months counted from `starts_on`."""

    key: int
    starts_on: date
    every_months: int


@dataclass(frozen=True)
class Place:
    """One turn of the draft; `person` is None where nobody could stand."""

    post: int
    span: Span
    person: int | None
    # How often the person had stood before, and when last left; for the sentence beside the name.
    before: int = 0
    left_on: date | None = None


@dataclass
class _Count:
    person: Person
    level: int = 0
    spans: list[Span] = field(default_factory=list)

    def last(self) -> date:
        return max((span.until_on or date.max for span in self.spans), default=NEVER)


def months_later(start: date, months: int) -> date:
    """The same day so many months on, or that month's last: counted from the start, so that month ends do not drift."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return date(year, month, min(start.day, monthrange(year, month)[1]))


def turns(post: PostPlan, until: date) -> Iterator[Span]:
    """The turns of a post that begin before the day `until`."""
    n = 0
    while (first := months_later(post.starts_on, n * post.every_months)) < until:
        n += 1
        yield Span(first, months_later(post.starts_on, n * post.every_months))


def levels(people: Sequence[Person]) -> dict[int, int]:
    """How often each counts as having stood: as often as it was, at least as often as the fewest when joining."""
    found: dict[int, int] = {}
    for person in sorted(people, key=lambda one: one.willing_on):
        day = person.willing_on
        # As the others stood on that day: what they did later is not to be made up.
        others = [
            found[other.key] - sum(span.from_on >= day for span in other.stood)
            for other in people
            if other.key in found and other.willing_on < day
        ]
        earlier = sum(span.from_on < day for span in person.stood)
        later = len(person.stood) - earlier
        found[person.key] = max(earlier, min(others, default=0)) + later
    return found


def could_stand(person: Person, span: Span, taken: Sequence[Span]) -> bool:
    """On the roster for the whole turn, not away in it, and on no other post meanwhile."""
    return (
        any(there.holds(span) for there in person.there)
        and not any(away.meets(span) for away in person.away)
        and not any(other.meets(span) for other in taken)
    )


def draft(people: Sequence[Person], posts: Sequence[PostPlan], until: date) -> list[Place]:
    """Who stands when, for all turns that begin before `until`, in the order of time and then of the posts given."""
    level = levels(people)
    counts = [_Count(person, level[person.key], list(person.stood)) for person in people]
    wanted = [(span.from_on, place, post, span) for place, post in enumerate(posts) for span in turns(post, until)]
    places = []
    for _, _, post, span in sorted(wanted, key=lambda one: one[:2]):
        free = [one for one in counts if could_stand(one.person, span, one.spans)]
        if not free:
            places.append(Place(post.key, span, None))
            continue
        # `min` takes the first of equals: the order in which the people were given.
        one = min(free, key=lambda each: (each.level, each.last()))
        left = one.last()
        places.append(
            Place(post.key, span, one.person.key, len(one.spans), None if left in (NEVER, date.max) else left)
        )
        one.level += 1
        one.spans.append(span)
    return places
