"""What the plans have for today: the secretary's next thing, and what a new record begins with."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from plan.models import Filing
from study.models import Gathering, PlanItem

State = Filing.State


def items_of_today(branches: Collection[int], on: date) -> QuerySet[Any]:
    """The sittings that these branches' plans have for this very day and nobody has sent a record of.

    Each has `draft_id`, the record that somebody has begun of it; None where nobody has.
    """
    drafts = Gathering.objects.filter(plan_item=OuterRef("pk"), filing__state=State.DRAFT).order_by("pk")
    return (
        PlanItem.objects.filter(
            plan__branch__in=branches, scope=PlanItem.Scope.COLLECTIVE, starts_on=on, ends_on=on
        )
        .exclude(plan__filing__state=State.DISCARDED)
        .exclude(gatherings__filing__in=Filing.objects.exclude(state__in=[State.DISCARDED, State.DRAFT]))
        .annotate(draft_id=Subquery(drafts.values("pk")[:1]))
    )  # fmt: skip
