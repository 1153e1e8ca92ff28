"""What pledges are reminded of beside the duties: each item's own deadline, and the peers' word that is lacking."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import localdate

from branches.models import Membership, on_day
from commitments.life import wall_url
from commitments.models import Judgement, Pledge, PledgeItem, Stage
from commitments.stages import LIVE
from plan.cadence import deadline
from plan.models import Reminder
from plan.reminder_duties import AHEAD, MISSED, in_sight
from plan.reminder_sources import Matter, Rulebook, Source, keep
from plan.reminder_sources import register as register_source

When = Reminder.Stage
# What was promised for a day longer ago is a matter for the judgement and the checkup.
FOLLOWED = timedelta(days=365)


def register() -> None:
    register_source(Source("pledge_item", lay_items, items))
    register_source(Source("pledge_peer", lay_peers, peers))


# What was promised for a day


def promised() -> QuerySet[Any]:
    """Items of pledges that are shown, with a day, of which the one who pledged has not said that they are done."""
    return PledgeItem.objects.filter(pledge__stage__in=LIVE, due_on__isnull=False, done_at__isnull=True)


def lay_items(at: datetime, book: Rulebook) -> int:
    there = promised().filter(due_on__gte=localdate(at - FOLLOWED))
    rows = there.order_by("pk").values_list("pk", "pledge__filing__committee", "due_on")

    @cache
    def stages(committee: int, due_at: datetime) -> list[tuple[str, int, datetime]]:
        times = book.times(committee)
        found: list[tuple[str, int, datetime | None]] = [
            (When.BEFORE, n, times.before(due_at, n)) for n in times.rules.days_before
        ]
        found.append((When.DAY, 0, times.on_day(due_at)))
        near = [(stage, n, moment) for stage, n, moment in found if moment and in_sight(at, moment)]
        late = times.late(due_at)
        return near + ([(When.LATE, 0, late)] if late and late <= at + AHEAD else [])

    def wanted() -> Iterator[Reminder]:
        for pk, committee, due_on in rows.iterator():
            if book.rules(committee).is_on:
                for stage, step, moment in stages(committee, deadline(due_on)):
                    yield Reminder(source="pledge_item", subject=pk, stage=stage, step=step, for_at=deadline(due_on),
                                   committee_id=committee, scheduled_at=moment)  # fmt: skip

    return keep(wanted())


def items(subjects: QuerySet[Any]) -> Iterator[Matter]:
    for item in promised().filter(pk__in=subjects).select_related("pledge__filing", "pledge__branch", "pledge__member"):
        pledge, due_at = item.pledge, deadline(item.due_on)
        yield Matter(
            source="pledge_item", subject=item.pk, committee_id=pledge.filing.committee_id, branch_id=pledge.branch_id,
            member_id=pledge.member_id, due_at=due_at, late_at=due_at,
            title=f"承诺第{item.position}项：{item.text[:40]}", alias="承诺", period="", owner=pledge.owner_name,
            url=f"{pledge.get_absolute_url()}#item-{item.pk}", verb="践诺",
        )  # fmt: skip


# The peers: one line in a member's digest, however many pledges of the branch began to be judged that day


def lay_peers(at: datetime, book: Rulebook) -> int:
    begun = Pledge.objects.filter(stage=Stage.JUDGING, stage_since__gt=at - MISSED, stage_since__lte=at)
    days = {
        (branch, committee, book.times(committee).next_digest(since))
        for branch, committee, since in begun.values_list("branch", "filing__committee", "stage_since")
        if book.rules(committee).is_on
    }
    roster: dict[int, list[int]] = {}
    here = Membership.objects.filter(on_day(localdate(at)), branch__in={branch for branch, _, _ in days})
    for branch, member in here.order_by("member").values_list("branch", "member"):
        roster.setdefault(branch, []).append(member)
    return keep(
        Reminder(source="pledge_peer", subject=member, stage=When.START, for_at=moment, committee_id=committee,
                 scheduled_at=moment)
        for branch, committee, moment in sorted(days) if in_sight(at, moment) for member in roster.get(branch, ())
    )  # fmt: skip


def peers(subjects: QuerySet[Any]) -> Iterator[Matter]:
    """A member's line: how many pledges of the own branch still lack the member's word."""
    here = Membership.objects.filter(member__in=subjects, until_on__isnull=True).select_related("member")
    judged: dict[int, dict[int, set[int]]] = {}
    pledged: dict[int, tuple[int | None, int]] = {}
    items = PledgeItem.objects.filter(pledge__stage=Stage.JUDGING)
    fields = ("pk", "pledge", "pledge__branch", "pledge__member", "pledge__filing__committee")
    for item, pledge, branch, member, committee in items.values_list(*fields):
        judged.setdefault(branch, {}).setdefault(pledge, set()).add(item)
        pledged[pledge] = member, committee
    said = set(Judgement.objects.filter(item__in=items, member__in=subjects).values_list("member", "item"))
    for one in here.filter(branch__in=judged):
        left = [
            pledge for pledge, asked in judged[one.branch_id].items()
            if pledged[pledge][0] != one.member_id and any((one.member_id, item) not in said for item in asked)
        ]  # fmt: skip
        if left:
            yield Matter(
                source="pledge_peer", subject=one.member_id, committee_id=pledged[left[0]][1],
                branch_id=one.branch_id, member_id=one.member_id, due_at=None, late_at=None, title="承诺互评",
                alias="承诺互评", period="", owner=one.member.name, heading=("pledge_peer", one.branch_id),
                url=wall_url(show="judging"), many_url=wall_url(one.branch_id, "judging"), verb="评价",
                note=f"本支部有{len(left)}份承诺待逐项评价",
            )  # fmt: skip
