"""What the plans have for today: the secretary's next thing, and what a new record begins with."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from plan.models import Filing
from study.models import Gathering, PlanItem


def item_of_today(branches: Collection[int], on: date) -> PlanItem | None:
    """The sitting that these branches' plans have for this very day and nobody has begun to record."""
    return (
        PlanItem.objects.filter(
            plan__branch__in=branches, scope=PlanItem.Scope.COLLECTIVE, starts_on=on, ends_on=on
        )
        .exclude(plan__filing__state=Filing.State.DISCARDED)
        .exclude(gatherings__filing__in=Filing.objects.exclude(state=Filing.State.DISCARDED))
        .first()
    )  # fmt: skip


def draft_of_today(branches: Collection[int], on: date) -> Gathering | None:
    """The record of such a sitting that somebody has begun and not yet sent."""
    drafts = Gathering.objects.filter(branch__in=branches, filing__state=Filing.State.DRAFT)
    return drafts.filter(plan_item__starts_on=on, plan_item__ends_on=on).order_by("pk").first()
