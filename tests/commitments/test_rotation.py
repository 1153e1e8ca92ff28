"""The draft of who stands when, against an independent judge that replays it day by day."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise
from random import Random

import pytest

from commitments.rotation import Person, Place, PostPlan, Span, draft, months_later, turns

START = date(2018, 7, 1)
ALL_ALONG = (Span(date(2000, 1, 1)),)
BRANCHES = 200


def days(span: Span) -> set[int]:
    """Every day of a span, of the years that the random branches live in."""
    end = (span.until_on or date(2022, 1, 1)).toordinal()
    return set(range(max(span.from_on, date(2014, 1, 1)).toordinal(), end))


def random_branch(random: Random) -> tuple[list[Person], list[PostPlan], date]:
    """Members of whom some joined late, are away, leave or stood before; posts of different cycles."""
    people = []
    for key in range(random.randint(2, 12)):
        willing = START - timedelta(days=random.choice([0, 0, 40, 400, 800]))
        stood, day = [], START - timedelta(days=1500)
        for _ in range(random.choice([0, 0, 1, 2, 4])):
            day += timedelta(days=random.randint(20, 200))
            end = months_later(day, random.choice([1, 2, 3]))
            if end <= START:
                stood.append(Span(day, end))
            day = end
        there = ALL_ALONG
        if random.random() < 0.2:
            there = (Span(date(2000, 1, 1), START + timedelta(days=random.randint(20, 500))),)
        away = ()
        if random.random() < 0.3:
            gone = START + timedelta(days=random.randint(0, 300))
            away = (Span(gone, random.choice([None, gone + timedelta(days=random.randint(5, 150))])),)
        people.append(Person(key, willing, there, away, tuple(stood)))
    posts = [
        PostPlan(100 + n, START + timedelta(days=random.choice([0, 0, 14, 30])), random.choice([1, 2, 3, 6, 12]))
        for n in range(random.randint(1, 4))
    ]
    return people, posts, months_later(START, random.randint(6, 24))


def faults(people: list[Person], posts: list[PostPlan], until: date, places: list[Place]) -> list[str]:
    """What the rule forbids, found by days and by counting: nothing here is shared with the draft but its words."""
    found = []
    busy = {p.key: set().union(*(days(span) for span in p.stood)) for p in people}
    at_hand = {
        p.key: set().union(*(days(s) for s in p.there)) - set().union(*(days(away) for away in p.away)) for p in people
    }
    stood: dict[int, list[Span]] = {p.key: list(p.stood) for p in people}
    # A level is what one stood oneself and what the fewest had when one joined; as of a moment of the replay.
    credit: dict[int, int] = {}
    for p in sorted(people, key=lambda one: one.willing_on):
        then = [
            credit[q.key] + sum(s.from_on < p.willing_on for s in q.stood)
            for q in people
            if q.key in credit and q.willing_on < p.willing_on
        ]
        own = sum(s.from_on < p.willing_on for s in p.stood)
        credit[p.key] = max(0, min(then, default=0) - own)
    for place in places:
        wanted = days(place.span)
        able = [p.key for p in people if wanted <= at_hand[p.key] and not wanted & busy[p.key]]
        chosen = place.person
        if chosen is None:
            if able:
                found.append(f"空着，而{able}可以：{place}")
            continue
        if chosen not in able:
            found.append(f"不能驻岗的人：{place}")
        for other in able:
            # The rule's own words: nobody twice before each willing one once.
            if stood[chosen] and not stood[other]:
                found.append(f"{chosen}再次驻岗，而{other}一次也没有：{place}")
            if len(stood[chosen]) + credit[chosen] > len(stood[other]) + credit[other]:
                found.append(f"{chosen}比{other}多：{place}")
            if len(stood[chosen]) + credit[chosen] == len(stood[other]) + credit[other]:
                ends = [max((s.until_on for s in stood[key]), default=date.min) for key in (chosen, other)]
                if ends[0] > ends[1]:
                    found.append(f"{other}离岗更早：{place}")
        stood[chosen].append(place.span)
        busy[chosen] |= wanted
    # Every day of every post is planned once, up to the turn that begins last before the end.
    planned = defaultdict(list)
    for place in places:
        planned[place.post].append(place.span)
    for post in posts:
        spans = sorted(planned[post.key], key=lambda s: s.from_on)
        gaps = [a.until_on != b.from_on for a, b in pairwise(spans)]
        if not spans or spans[0].from_on != post.starts_on or any(gaps) or spans[-1].until_on < until:
            found.append(f"岗位{post.key}的期次不连续")
    return found


def naive(people: list[Person], posts: list[PostPlan], until: date) -> list[Place]:
    """The way many rosters are made: each post goes round the list by itself and knows of nothing else."""
    return [
        Place(post.key, span, people[n % len(people)].key)
        for post in posts
        for n, span in enumerate(turns(post, until))
    ]


def test_no_member_stands_twice_before_each_willing_one_once_in_200_branches() -> None:
    random, wrong, served, empty = Random(20180701), [], 0, 0
    for number in range(BRANCHES):
        people, posts, until = random_branch(random)
        places = draft(people, posts, until)
        wrong += [f"支部{number}：{fault}" for fault in faults(people, posts, until, places)]
        served += sum(place.person is not None for place in places)
        empty += sum(place.person is None for place in places)
    assert wrong == []
    # The branches were not trivial: turns were given out, and some could not be.
    assert served > 2000
    assert empty > 20


def test_the_judge_catches_a_round_by_post() -> None:
    """The positive control: where it found nothing wrong with this, its silence above would mean nothing."""
    random, caught = Random(20180701), 0
    for _ in range(BRANCHES):
        people, posts, until = random_branch(random)
        caught += bool(faults(people, posts, until, naive(people, posts, until)))
    assert caught > BRANCHES * 0.9


def test_two_posts_are_one_round() -> None:
    people = [Person(key, START, ALL_ALONG) for key in range(4)]
    places = draft(people, [PostPlan(1, START, 1), PostPlan(2, START, 1)], date(2018, 9, 1))
    assert [place.person for place in places] == [0, 1, 2, 3]


def test_who_stood_before_comes_after_who_did_not_and_the_longest_ago_first() -> None:
    old = Person(1, date(2017, 1, 1), ALL_ALONG, stood=(Span(date(2017, 2, 1), date(2017, 3, 1)),))
    recent = Person(2, date(2017, 1, 1), ALL_ALONG, stood=(Span(date(2018, 2, 1), date(2018, 3, 1)),))
    fresh = Person(3, date(2017, 1, 1), ALL_ALONG)
    places = draft([recent, old, fresh], [PostPlan(1, START, 1)], date(2018, 11, 1))
    assert [place.person for place in places] == [3, 1, 2, 3]
    assert (places[1].before, places[1].left_on) == (1, date(2017, 3, 1))


def test_a_newcomer_stands_next_and_makes_up_no_earlier_round() -> None:
    months = [Span(months_later(date(2017, 1, 1), n), months_later(date(2017, 1, 1), n + 1)) for n in range(10)]
    first = Person(1, date(2016, 1, 1), ALL_ALONG, stood=tuple(months[::2]))
    second = Person(2, date(2016, 1, 1), ALL_ALONG, stood=tuple(months[1::2]))
    newcomer = Person(3, date(2018, 6, 1), ALL_ALONG)
    places = draft([first, second, newcomer], [PostPlan(1, START, 1)], date(2019, 1, 1))
    assert [place.person for place in places] == [3, 1, 2, 3, 1, 2]


@pytest.mark.parametrize(
    ("start", "every", "ends"),
    [
        (date(2018, 1, 31), 1, ["2018-02-28", "2018-03-31", "2018-04-30"]),
        (date(2015, 12, 31), 2, ["2016-02-29", "2016-04-30", "2016-06-30"]),
        (date(2018, 7, 1), 12, ["2019-07-01", "2020-07-01", "2021-07-01"]),
    ],
)
def test_turns_are_months_of_the_calendar_counted_from_the_start(start: date, every: int, ends: list[str]) -> None:
    spans = list(turns(PostPlan(1, start, every), months_later(start, 3 * every)))
    assert [str(span.until_on) for span in spans] == ends


def test_nobody_stands_beyond_the_end_of_membership_or_while_away() -> None:
    leaving = Person(1, START, (Span(date(2000, 1, 1), date(2018, 7, 20)),))
    away = Person(2, START, ALL_ALONG, away=(Span(date(2018, 7, 30), None),))
    assert [p.person for p in draft([leaving, away], [PostPlan(1, START, 1)], date(2018, 9, 1))] == [None, None]
