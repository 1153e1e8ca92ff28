"""The working calendar of a committee: its own special days, and those of the committees above it."""

from __future__ import annotations

from django.db.models import Case, Q, Value, When

from plan.models import SpecialDay
from plan.workdays import Calendar, Special


def calendar_of(committee_id: int) -> Calendar:
    """The calendar that holds for a committee; of two offices that name a day the nearer one decides. One query."""
    ways = ("committee", "committee__children", "committee__children__children")
    steps = Case(*(When(**{way: committee_id}, then=Value(n)) for n, way in enumerate(ways)))
    own = Q(*(Q(**{way: committee_id}) for way in ways), _connector=Q.OR)
    # The furthest first, so that the nearest is what remains.
    days = SpecialDay.objects.filter(own).alias(steps=steps).order_by("-steps")
    found = {day: Special(day, works, name) for day, works, name in days.values_list("day", "works", "name")}
    return Calendar(tuple(found[day] for day in sorted(found)))
