"""The three administrators exclude one another and every post of the Party's work: the database refuses, by itself."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from branches import exclusion
from branches.models import Branch, Committee, Member, Post

D = date
TERMS = (
    (D(2018, 1, 1), None), (D(2018, 1, 1), D(2018, 7, 1)), (D(2018, 7, 1), None), (D(2018, 6, 30), D(2018, 7, 1)),
)  # fmt: skip


@pytest.fixture
def place(db) -> tuple[Member, Committee, Branch]:
    committee = Committee.objects.create(name="机关党委", short_name="机关党委")
    branch = Branch.objects.create(committee=committee, code="01", name="教务处党支部", founded_on=D(2015, 1, 1))
    return Member.objects.create(staff_number="1", name="韩磊"), committee, branch


def post(place, kind: str, from_on: date, until_on: date | None) -> Post:
    member, committee, branch = place
    where = {"branch": branch} if kind in Post.IN_BRANCH else {"committee": committee}
    return Post(member=member, kind=kind, from_on=from_on, until_on=until_on, **where)


def overlap(one: tuple[date, date | None], other: tuple[date, date | None]) -> bool:
    return (one[1] is None or one[1] > other[0]) and (other[1] is None or other[1] > one[0])


def every_pair_is_refused_or_taken(place) -> int:
    tried = 0
    for (first, second), (one, other) in itertools.product(
        itertools.product(Post.Kind, repeat=2), itertools.product(TERMS, repeat=2)
    ):
        if first == second:
            continue
        forbidden = overlap(one, other) and bool({first, second} & set(Post.ADMINISTRATORS))
        assert bool(exclusion.exclusive({first, second})) == bool({first, second} & set(Post.ADMINISTRATORS))
        with transaction.atomic():
            post(place, first, *one).save()
            try:
                with transaction.atomic():
                    post(place, second, *other).save()
            except DatabaseError as refusal:
                assert forbidden, (first, one, second, other)
                assert exclusion.REFUSED in str(refusal)
            else:
                assert not forbidden, (first, one, second, other)
            transaction.set_rollback(True)
        tried += 1
    return tried


def test_every_pair_of_posts_on_common_days_is_refused_if_one_is_an_administrators(place) -> None:
    assert every_pair_is_refused_or_taken(place) == 11 * 10 * 16


@pytest.mark.postgres
def test_postgresql_refuses_every_pair_too(place) -> None:
    assert every_pair_is_refused_or_taken(place) == 11 * 10 * 16


def a_change_is_refused(place) -> None:
    post(place, Post.Kind.SYSADMIN, D(2018, 1, 1), D(2018, 7, 1)).save()
    later = post(place, Post.Kind.OFFICE, D(2018, 7, 1), None)
    later.save()
    for change in ({"from_on": D(2018, 6, 30)}, {"kind": Post.Kind.AUDITOR, "from_on": D(2018, 6, 1)}):
        with pytest.raises(DatabaseError, match=exclusion.REFUSED), transaction.atomic():
            Post.objects.filter(pk=later.pk).update(**change)
    with pytest.raises(DatabaseError, match=exclusion.REFUSED), transaction.atomic():
        Post.objects.bulk_create([post(place, Post.Kind.SECURITY, D(2018, 8, 1), None)])


def test_neither_an_update_nor_a_bulk_insert_gets_around_it(place) -> None:
    a_change_is_refused(place)


@pytest.mark.postgres
def test_on_postgresql_neither_an_update_nor_a_bulk_insert_gets_around_it(place) -> None:
    a_change_is_refused(place)


def test_a_trigger_that_is_gone_is_missed_at_the_next_check(place) -> None:
    assert exclusion.check(databases=["default"]) == []
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {exclusion.NAMES[0]}")
    (error,) = exclusion.check(databases=["default"])
    assert error.id == "branches.E002"
    assert exclusion.NAMES[0] in error.msg
    exclusion.lay(connection)
    assert exclusion.check(databases=["default"]) == []
