"""What the calendar is made of: the plan's lines, the records and the due days that a person sees in a span of days."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Max, Q, QuerySet
from django.utils.timezone import localdate, make_aware

from branches.access import Access
from branches.models import Branch
from plan.models import Duty, Filing
from study.calendar import Held, Planned
from study.models import Gathering, Partner, PlanItem


def midnight(day: date) -> datetime:
    return make_aware(datetime.combine(day, time.min))


def items_between(branches: Collection[int], access: Access, first: date, last: date) -> QuerySet[PlanItem]:
    """The plans' lines of these branches that touch the days, as far as their plans are the person's to see."""
    return PlanItem.objects.filter(
        plan__branch__in=branches, plan__filing__in=Filing.objects.visible_to(access),
        starts_on__lte=last, ends_on__gte=first,
    )  # fmt: skip


def records_between(
    branches: Collection[int], access: Access, first: date, last: date, items: QuerySet[PlanItem]
) -> QuerySet[Gathering]:
    """The records of these branches held on these days, and wherever held those of these lines of the plan."""
    held = Q(held_at__gte=midnight(first), held_at__lt=midnight(last + timedelta(days=1)))
    return (
        Gathering.objects.visible_to(access)
        .filter(branch__in=branches)
        .filter(held | Q(plan_item__in=items))
        .order_by("held_at", "pk")
    )


def joined_between(branches: Collection[int], access: Access, first: date, last: date) -> list[Gathering]:
    """What these branches held together with another that recorded it, each as the branch's own: with its filing."""
    partners = (
        Partner.objects.filter(branch__in=branches, filing__in=Filing.objects.visible_to(access))
        .filter(gathering__held_at__gte=midnight(first), gathering__held_at__lt=midnight(last + timedelta(days=1)))
        .select_related("gathering", "filing")
        .order_by("gathering__held_at", "pk")
    )
    found = []
    for partner in partners:
        # Only looked at, never saved: the one row of the recording branch as each of the others sees it.
        record = partner.gathering
        record.branch_id, record.plan_item_id = partner.branch_id, None
        if partner.filing is not None:
            record.filing = partner.filing
            found.append(record)
    return found


def of_branch(branch: Branch, access: Access, first: date, last: date) -> tuple[list[PlanItem], list[Gathering]]:
    """One branch's lines and records, with all that a page says of them; three queries."""
    items = items_between([branch.pk], access, first, last)
    records = records_between([branch.pk], access, first, last, items).select_related("filing")
    joined = joined_between([branch.pk], access, first, last)
    return list(items.select_related("responsible", "plan__filing")), [*records, *joined]


def of_branches(branches: Collection[int], access: Access, first: date, last: date) -> tuple[list[Planned], list[Held]]:
    """Many branches' collective lines and records, each as little as can be counted; three queries."""
    items = items_between(branches, access, first, last).filter(scope=PlanItem.Scope.COLLECTIVE)
    rows = items.values_list("pk", "plan__branch", "kind", "with_kinds", "topic", "starts_on", "ends_on", "rhythm")
    planned = [
        Planned(pk, branch, [own, *(one for one in others if one != own)], topic, start, end, rhythm)
        for pk, branch, own, others, topic, start, end, rhythm in rows
    ]
    records = records_between(branches, access, first, last, items).values_list(
        "pk", "branch", "kinds", "title", "held_at", "plan_item", "filing", "filing__state", "filing__is_late"
    )
    held = [
        Held(pk, branch, kinds, title, localdate(at), item, filing, state, late)
        for pk, branch, kinds, title, at, item, filing, state, late in records
    ]
    held += [
        Held(r.pk, r.branch_id, r.kinds, r.title, r.held_on, None, r.filing.pk, r.filing.state, r.filing.is_late)
        for r in joined_between(branches, access, first, last)
    ]
    return planned, held


# What falls due


@dataclass(frozen=True)
class DueMark:
    """Something that falls due on a day: a branch's or one's own duty, or how many branches still owe it."""

    day: date
    title: str
    url: str = ""
    count: int = 0


def due_day(due_at: datetime) -> date:
    """The last day on which something due before this exclusive instant is in time."""
    return localdate(due_at - timedelta(microseconds=1))


def title_of(duty: Duty) -> str:
    return f"{duty.requirement.title}　{duty.period}"


def due_marks(branch: Branch, access: Access, first: date, last: date) -> list[DueMark]:
    """What the branch still owes on these days, and, in one's own branch, what one owes oneself; one query."""
    own = Q(member=access.member_id) if access.branch and access.branch.pk == branch.pk else Q(pk__in=[])
    duties = (
        _open_between(access, first, last)
        .filter(Q(branch=branch, member__isnull=True) | own)
        .select_related("requirement")
        .order_by("due_at", "requirement__position", "pk")
    )
    return [DueMark(due_day(duty.due_at), title_of(duty), duty.get_absolute_url()) for duty in duties]


def due_counts(branches: Collection[int], access: Access, first: date, last: date) -> list[DueMark]:
    """What branches still owe on these days, each requirement with how many of them; one query."""
    rows = (
        _open_between(access, first, last)
        .filter(branch__in=branches, member__isnull=True)
        .values("due_at", "requirement__title", "period")
        .annotate(n=Count("branch", distinct=True), position=Max("requirement__position"))
        .order_by("due_at", "position")
    )
    titles = [(row, f"{row['requirement__title']}　{row['period']}") for row in rows]
    return [DueMark(due_day(row["due_at"]), title, count=row["n"]) for row, title in titles]


def _open_between(access: Access, first: date, last: date) -> QuerySet[Duty]:
    """What is due by the end of these days and not yet done; what is due at midnight belongs to the day before."""
    return (
        Duty.objects.visible_to(access)
        .unsettled(access.now)
        .due_between(midnight(first), midnight(last + timedelta(days=1)))
    )
