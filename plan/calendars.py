"""The working calendar of a committee: its own special days, and those of the committees above it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, Q, Subquery, Value, When

from branches.models import Committee
from plan.document import Settings
from plan.models import Plan, SpecialDay
from plan.workdays import NOTICES, Calendar, Special, known


def calendar_of(committee_id: int, as_of: datetime | None = None) -> Calendar:
    """The calendar that holds for a committee; of two offices that name a day the nearer one decides. One query.

    With `as_of` only days that were set by then: what was issued then does not move with what was set later.
    """
    me = Committee.objects.filter(pk=committee_id)
    # Looked up rather than joined: a joined day would come once for every committee below.
    up = (committee_id, Subquery(me.values("parent")), Subquery(me.values("parent__parent")))
    steps = Case(*(When(committee=one, then=Value(n)) for n, one in enumerate(up)))
    own = Q(*(Q(committee=one) for one in up), _connector=Q.OR)
    # The furthest first, so that the nearest is what remains.
    days = SpecialDay.objects.filter(own).alias(steps=steps).order_by("-steps")
    if as_of is not None:
        days = days.filter(set_at__lte=as_of)
    found = {day: Special(day, works, name) for day, works, name in days.values_list("day", "works", "name")}
    return Calendar(tuple(found[day] for day in sorted(found)))


def year_is_blank(committee_id: int, year: int) -> bool:
    """Tell whether nobody knows the holidays of a year: neither the notices' data nor this office or one above."""
    if known(year):
        return False
    up = Committee.objects.over(committee_id).values("pk")
    return not SpecialDay.objects.filter(committee__in=up, day__year=year).exists()


def calendar_for(plan: Plan, settings: Settings) -> Calendar:
    """By which the plan's named days move: its own committee's as it was at issuing; asked only where any do move."""
    if settings.holiday_policy == "none":
        return NOTICES
    return calendar_of(plan.committee_id, plan.issued_at)


def calendar_after(plan: Plan, settings: Settings) -> Calendar:
    """By which the days after an event are counted: the committee's of today; asked only where it matters."""
    return calendar_of(plan.committee_id) if settings.next_day == "working" else NOTICES
