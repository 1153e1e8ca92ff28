"""Ten sensitive fields × thirteen actors × every page, file, search and refusal: seen where they may be only."""

from __future__ import annotations

from collections import Counter

import pytest

from branches.models import Member
from tests.records import make_records
from tests.sensitive import NOW, places, plant, survey
from tests.test_access_matrix import ACTORS, routes


def test_what_is_sensitive_stands_only_where_it_may(db, clock):
    clock(NOW)
    records = make_records()
    found = survey(records)
    print(f"SENSITIVE {found.cells} {len(found.leaks)}")
    assert found.leaks == []
    assert found.missing == [], "the search finds what is there"
    assert found.cells >= 300


def test_every_route_is_among_the_places(db, clock):
    clock(NOW)
    records = make_records()
    assert routes() <= {name.partition("@")[0] for name in places(records)}
    fields = plant(records)
    assert len(fields) == 10 and len(ACTORS) == 13
    assert not [one.name for one in fields if not one.why]


@pytest.mark.parametrize("hole", ["readers", "revealers", "mask"])
def test_a_hole_is_noticed(db, clock, monkeypatch, hole):
    """The survey can fail: each guard taken away shows up in it."""
    clock(NOW)
    records = make_records()
    if hole == "readers":
        monkeypatch.setattr("branches.views.people.readable_by", lambda access: Member.objects.all())
    elif hole == "revealers":
        monkeypatch.setattr("branches.views.personal.may_reveal", lambda access, member: True)
    else:
        monkeypatch.setattr("branches.views.people.masked", lambda member, field: "13891234567")
    within = "POST" if hole == "revealers" else "branches:member"
    assert Counter(name for name, _, _ in survey(records, ("deputy", "other_member"), within).leaks)
