"""Whom a committee's plan reaches: its own branches and those below it, unless a nearer committee has a plan."""

from __future__ import annotations

from datetime import date

from branches.models import Committee
from plan.models import Plan


def reach(committee_id: int, year: int, until: date | None = None) -> dict[int, date | None]:
    """The committees whose branches a plan of this committee asks, with the day from which a nearer plan asks them.

    The committee itself and those below it; None where no nearer plan is in the way. `until` is the day from which
    a later version speaks. Two queries, however many committees there are.
    """
    below = Committee.objects.under(committee_id).order_by("pk").values_list("pk", "parent")
    children: dict[int | None, list[int]] = {}
    for pk, parent in below:
        children.setdefault(parent, []).append(pk)
    nearer: dict[int, date] = {}
    issued = Plan.objects.issued().filter(committee__in=Committee.objects.under(committee_id), year=year)
    for committee, day in issued.order_by("-version").values_list("committee", "effective_on"):
        if day is not None:
            nearer[committee] = day  # the first version's: the last that is read
    found: dict[int, date | None] = {committee_id: until}
    todo = [committee_id]
    while todo:
        pk = todo.pop()
        for child in children.get(pk, []):
            if child not in found:
                found[child] = min((day for day in (found[pk], nearer.get(child)) if day), default=None)
                todo.append(child)
    return found
