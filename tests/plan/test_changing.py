"""The one door by which a duty's dates and its exemption change: what held before is kept, in few statements."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plan.changing import change
from plan.models import Duty, DutyChange
from tests.conftest import World, at
from tests.plan.filed import duty_of

pytestmark = pytest.mark.django_db
NOW = at("2018-07-04 10:00")


def one(duty: Duty):
    return Duty.objects.filter(pk=duty.pk)


def test_a_later_deadline_keeps_its_distance_to_late(issued: World) -> None:
    held = duty_of(issued, "S7")
    sent = duty_of(issued, "I2")
    assert held.late_at - held.due_at == timedelta(days=1)
    assert sent.late_at == sent.due_at
    by, new = issued.users["office"], at("2018-12-20 00:00")
    both = Duty.objects.filter(pk__in=[held.pk, sent.pk])
    assert change(both, at=NOW, by=by, why="停电", due_at=new) == 2
    for duty, late in ((held, new + timedelta(days=1)), (sent, new)):
        fresh = Duty.objects.get(pk=duty.pk)
        assert (fresh.due_at, fresh.late_at, fresh.changed_at) == (new, late, NOW)
        kept = DutyChange.objects.get(duty=duty)
        assert (kept.due_before, kept.due_after) == (duty.due_at, new)
        assert (kept.late_before, kept.late_after) == (duty.late_at, late)
        assert (kept.changed_at, kept.changed_by, kept.why, kept.relief) == (NOW, by, "停电", None)
        assert (kept.exempted_before, kept.exempted_after) == (False, False)


def test_what_is_as_asked_already_is_left_alone(issued: World) -> None:
    duty, by = duty_of(issued, "I2"), issued.users["office"]
    assert change(one(duty), at=NOW, by=by, why="原样", due_at=duty.due_at, late_at=duty.late_at) == 0
    assert change(one(duty), at=NOW, by=by, why="原样", exempt=False) == 0
    assert change(Duty.objects.none(), at=NOW, by=by, why="没有", exempt=True) == 0
    assert not DutyChange.objects.exists()


def test_an_exemption_says_who_and_why_and_is_taken_back_whole(issued: World) -> None:
    duty, by = duty_of(issued, "I2"), issued.users["office"]
    assert change(one(duty), at=NOW, by=by, why="借调", exempt=True) == 1
    duty.refresh_from_db()
    assert (duty.exempted_at, duty.exempted_by, duty.exempt_reason) == (NOW, by, "借调")
    later = NOW + timedelta(days=1)
    new = duty.due_at + timedelta(days=3)
    # What is exempt already keeps who exempted it, when only its day changes.
    assert change(one(duty), at=later, by=issued.users["sysadmin"], why="改期", exempt=True, due_at=new) == 1
    duty.refresh_from_db()
    assert (duty.exempted_at, duty.exempted_by, duty.exempt_reason, duty.due_at) == (NOW, by, "借调", new)
    assert change(one(duty), at=later, by=by, why="已返回", exempt=False) == 1
    duty.refresh_from_db()
    assert (duty.exempted_at, duty.exempted_by, duty.exempt_reason) == (None, None, "")
    assert list(DutyChange.objects.values_list("exempted_before", "exempted_after")) == [
        (False, True), (True, True), (True, False)
    ]  # fmt: skip


def test_late_never_lies_before_due(issued: World) -> None:
    duty, by = duty_of(issued, "I2"), issued.users["office"]
    early = duty.due_at - timedelta(days=1)
    with pytest.raises(ValueError, match="late"):
        change(one(duty), at=NOW, by=by, why="错", late_at=early)
    with pytest.raises(ValueError, match="late"):
        change(one(duty), at=NOW, by=by, why="错", due_at=duty.due_at, late_at=early)
    with pytest.raises(ValueError, match="who"):
        change(one(duty), at=NOW, by=None, why="无人", exempt=True)
    assert not DutyChange.objects.exists()


def test_two_changes_of_one_instant_touch_each_their_own(issued: World) -> None:
    """As an amendment does, window by window: the same moment, person and reason, another day each."""
    first, second = duty_of(issued, "I2"), duty_of(issued, "C1")
    by = issued.users["office"]
    for duty, day in ((first, at("2018-12-01 00:00")), (second, at("2018-12-02 00:00"))):
        assert change(one(duty), at=NOW, by=by, why="修订", due_at=day) == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.due_at, second.due_at) == (at("2018-12-01 00:00"), at("2018-12-02 00:00"))


def test_as_many_statements_for_many_duties_as_for_one(issued: World) -> None:
    by, counts = issued.users["office"], []
    for size in (1, 3, 150):
        pks = Duty.objects.filter(settled_at__isnull=True, changed_at__isnull=True).values_list("pk", flat=True)[:size]
        some = Duty.objects.filter(pk__in=list(pks))
        with CaptureQueriesContext(connection) as asked:
            assert change(some, at=NOW, by=by, why="停电", due_at=at("2018-12-24 00:00"), exempt=True) == size
        counts.append(len(asked))
    assert counts[0] == counts[1] == counts[2], counts
