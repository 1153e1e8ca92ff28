"""Two at once on the pioneer posts: one goes on duty, one rotation is adopted. Each beside a control that fails."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from django.db import connection

from commitments import posting
from commitments.models import PioneerPost, Rotation, Term
from commitments.turning import Choice, Draft, _by_post, _write, adopt
from tests.commitments.posts import SET_UP, adopted, branch_with_posts
from tests.conftest import World, make_world
from tests.plan.test_races import CLICKS, together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ready(transactional_db) -> World:
    assert connection.vendor == "postgresql", "这项测试只在 PostgreSQL 上有意义，请用 make test 运行"
    world = make_world()
    branch_with_posts(world, posts=2, people=4)
    return world


def test_many_clicks_begin_a_term_once_and_two_terms_do_not_share_a_post(ready: World) -> None:
    access = ready.access("secretary", SET_UP)
    adopted(ready.first, access)
    first = Term.objects.planned().earliest("from_on", "pk")
    other = Term.objects.planned().filter(from_on=first.from_on).exclude(pk=first.pk).get()
    rival = Term.objects.create(
        post=first.post, member=Term.objects.latest("from_on", "pk").member, nomination=other.nomination,
        from_on=first.from_on, until_on=first.until_on,
    )  # fmt: skip
    answers = together(lambda n: "begun" if posting.begin((first, rival)[n % 2], access).pk else "")
    assert answers.count("begun") == 1
    assert set(answers) == {"begun", "Already", "Refused"}
    assert Term.objects.running().count() == 1


def test_the_control_looks_first_and_begins_more_than_once(ready: World) -> None:
    """Without the lock every click finds the term unbegun and writes that it began it."""
    access = ready.access("secretary", SET_UP)
    adopted(ready.first, access)
    term = Term.objects.planned().earliest("from_on", "pk")
    look = threading.Barrier(CLICKS)

    def naive(_: int) -> str:
        fresh = Term.objects.get(pk=term.pk)
        look.wait(10)
        if fresh.begun_at:
            return "late"
        Term.objects.filter(pk=term.pk).update(begun_at=access.now, begun_by=access.actor)
        return "begun"

    assert together(naive).count("begun") > 1


def test_two_rotations_at_once_are_one(ready: World) -> None:
    access = ready.access("secretary", SET_UP)
    drafted = Draft.of(ready.first, date(2018, 7, 2), 3, access.on)
    answers = together(lambda n: "adopted" if adopt(drafted, {}, access, f"form{n % 2}") else "")
    assert answers.count("adopted") == 1
    assert set(answers) <= {"adopted", "Already", "Refused"}
    assert Rotation.objects.count() == PioneerPost.objects.count()
    assert Term.objects.planned().count() == len(drafted.rows)


def test_the_control_adopts_a_rotation_more_than_once(ready: World) -> None:
    access = ready.access("secretary", SET_UP)
    drafted = Draft.of(ready.first, date(2018, 7, 2), 3, access.on)
    look = threading.Barrier(CLICKS)

    def naive(n: int) -> str:
        there = Term.objects.planned().exists()
        look.wait(10)
        chosen: dict[str, Choice] = {}
        if not there:
            for post, rows in _by_post(drafted.rows).items():
                _write(post, rows, chosen, drafted, access, f"form{n}")
        return "adopted"

    together(naive)
    assert Term.objects.planned().count() > len(drafted.rows)
