"""What study is reminded of beside the duties: sittings without a record, what was agreed, studies to be made up.

And the groups: a channel that wants it is told once a day how much its branch still owes, in numbers and no names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.timezone import localdate, localtime

from branches.templatetags.portal import day_words
from jobs.queue import Tell
from plan import reminder_duties
from plan.models import Duty, Filing, Reminder
from plan.reminder_duties import AHEAD, MISSED, in_sight
from plan.reminder_sources import Matter, Rulebook, Source, Stage, keep
from plan.reminder_sources import register as register_source
from study import make_ups, sending
from study.agenda import midnight
from study.follow_ups import OPEN_MINUTES
from study.gatherings import Rules
from study.models import Channel, Gathering, GroupReminder, Kind, Partner, PlanItem, Resolution

ONE_DAY = timedelta(days=1)
# What was agreed longer ago and never closed is a matter for the checkup, not for reminders.
FOLLOWED = timedelta(days=365)
State = Filing.State


def register() -> None:
    """Said once at the start: where an activity's end is read, and what else is reminded of."""
    reminder_duties.activity_end[:] = [activity_end]
    register_source(Source("item", lay_items, items))
    register_source(Source("follow_up", lay_follow_ups, follow_ups))
    register_source(Source("make_up", lay_make_ups, missed_studies))


def activity_end() -> Any:
    """When the activity of a duty's occasion ended, whichever branch recorded it."""
    own = Gathering.objects.filter(filing=OuterRef("occasion")).values("ended_at")[:1]
    joint = Partner.objects.filter(filing=OuterRef("occasion")).values("gathering__ended_at")[:1]
    return Coalesce(Subquery(own), Subquery(joint))


# Sittings of the plan whose day is over and of which nobody has begun a record


def unrecorded() -> QuerySet[Any]:
    """Single sittings of plans that were filed; a line that recurs is no one sitting, and is not asked for."""
    return (
        PlanItem.objects.filter(
            scope=PlanItem.Scope.COLLECTIVE, rhythm=PlanItem.Rhythm.ONCE, plan__filing__first_filed_at__isnull=False
        )
        .exclude(plan__filing__state=State.DISCARDED)
        .exclude(gatherings__filing__in=Filing.objects.exclude(state=State.DISCARDED))
        .annotate(committee=F("plan__filing__committee"), branch=F("plan__branch"))
    )


def lay_items(at: datetime, book: Rulebook) -> int:
    over = unrecorded().filter(ends_on__gte=localdate(at - MISSED), ends_on__lte=localdate(at + AHEAD))

    def wanted() -> Iterator[Reminder]:
        for pk, committee, ends_on in over.order_by("pk").values_list("pk", "committee", "ends_on").iterator():
            rules = book.rules(committee)
            # With the digest of the next morning: of a sitting that was only planned the hour of its end is not known.
            moment = rules.digest(ends_on + ONE_DAY)
            if rules.is_on and in_sight(at, moment):
                yield Reminder(source="item", subject=pk, stage=Stage.EVENT, for_at=midnight(ends_on + ONE_DAY),
                               committee_id=committee, scheduled_at=moment)  # fmt: skip

    return keep(wanted())


def items(subjects: QuerySet[Any]) -> Iterator[Matter]:
    @cache
    def rules_of(committee: int, day: date) -> Rules:
        return Rules.of(committee, day)

    fields = ("pk", "committee", "branch", "plan__branch__name", "plan__branch__committee", "topic", "kind",
              "with_kinds", "ends_on")  # fmt: skip
    for row in unrecorded().filter(pk__in=subjects).order_by().values(*fields):
        day, kinds = row["ends_on"], [row["kind"], *row["with_kinds"]]
        due_at = rules_of(row["plan__branch__committee"], day).own_due(kinds, midnight(day + ONE_DAY) - ONE_DAY / 2)
        kind = str(Kind(row["kind"]).label)
        yield Matter(
            source="item", subject=row["pk"], committee_id=row["committee"], branch_id=row["branch"], member_id=None,
            due_at=due_at, late_at=due_at, anchor=midnight(day + ONE_DAY), title=f"{kind}：{row['topic']}",
            alias=kind, period=f"{day.month}月{day.day}日", owner=row["plan__branch__name"], verb="报送",
            url=f"{reverse('study:gathering_new')}?{urlencode({'item': row['pk']})}",
            note="" if due_at else "计划的日期已过，还没有记录",
        )  # fmt: skip


# What was agreed with a person and a day


def agreed() -> QuerySet[Any]:
    return Resolution.objects.filter(
        responsible__isnull=False, due_on__isnull=False, done_on__isnull=True,
        gathering__filing__first_filed_at__isnull=False,
    ).exclude(gathering__filing__state__in=OPEN_MINUTES)  # fmt: skip


def lay_follow_ups(at: datetime, book: Rulebook) -> int:
    open_ones = agreed().filter(due_on__gte=localdate(at - FOLLOWED))
    rows = open_ones.order_by("pk").values_list("pk", "gathering__filing__committee", "due_on")

    @cache
    def stages(committee: int, due_on: date) -> list[tuple[str, int, datetime, datetime]]:
        times, due_at = book.times(committee), midnight(due_on + ONE_DAY)
        found: list[tuple[str, int, datetime | None]] = [
            (Stage.BEFORE, n, times.before(due_at, n)) for n in times.rules.days_before
        ]
        found += [(Stage.DAY, 0, times.on_day(due_at))]
        near = [(stage, n, due_at, moment) for stage, n, moment in found if moment and in_sight(at, moment)]
        late: list[tuple[str, int, datetime | None]] = [
            (Stage.LATE, 0, times.late(due_at)),
            (Stage.SUPERIOR, 0, times.superior(due_at)),
        ]
        return near + [(stage, n, due_at, moment) for stage, n, moment in late if moment and moment <= at + AHEAD]

    def wanted() -> Iterator[Reminder]:
        for pk, committee, due_on in rows.iterator():
            if book.rules(committee).is_on:
                for stage, step, for_at, moment in stages(committee, due_on):
                    yield Reminder(source="follow_up", subject=pk, stage=stage, step=step, for_at=for_at,
                                   committee_id=committee, scheduled_at=moment)  # fmt: skip

    return keep(wanted())


def follow_ups(subjects: QuerySet[Any]) -> Iterator[Matter]:
    fields = ("pk", "text", "due_on", "responsible", "responsible__name", "gathering__branch",
              "gathering__filing__committee")  # fmt: skip
    for row in agreed().filter(pk__in=subjects).order_by().values(*fields):
        due_at = midnight(row["due_on"] + ONE_DAY)
        yield Matter(
            source="follow_up", subject=row["pk"], committee_id=row["gathering__filing__committee"],
            branch_id=row["gathering__branch"], member_id=row["responsible"], due_at=due_at, late_at=due_at,
            title=f"议定事项：{row['text'][:40]}", alias="议定事项", period="", owner=row["responsible__name"],
            url=reverse("study:follow_ups"), verb="落实",
        )  # fmt: skip


# Studies that somebody missed: said once, when the record is in


def to_make_up() -> QuerySet[Any]:
    there = make_ups.missed().filter(made_up_on__isnull=True)
    return there.annotate(filed_at=Coalesce(F("partner__filing__first_filed_at"),
                                            F("gathering__filing__first_filed_at")))  # fmt: skip


def lay_make_ups(at: datetime, book: Rulebook) -> int:
    lately = to_make_up().filter(filed_at__gte=at - MISSED, filed_at__lte=at)
    rows = lately.select_related(None).order_by("pk").values_list("pk", "gathering__filing__committee", "filed_at")

    @cache
    def moment_of(committee: int, filed_at: datetime) -> datetime:
        return book.times(committee).next_digest(filed_at)

    def wanted() -> Iterator[Reminder]:
        for pk, committee, filed_at in rows.iterator():
            rules = book.rules(committee)
            if rules.is_on and rules.at_start and in_sight(at, moment := moment_of(committee, filed_at)):
                yield Reminder(source="make_up", subject=pk, stage=Stage.START, for_at=filed_at,
                               committee_id=committee, scheduled_at=moment)  # fmt: skip

    return keep(wanted())


def missed_studies(subjects: QuerySet[Any]) -> Iterator[Matter]:
    fields = ("pk", "member", "member__name", "at_branch", "gathering__title", "gathering__held_at",
              "gathering__filing", "gathering__filing__committee")  # fmt: skip
    mine = to_make_up().filter(pk__in=subjects).select_related(None)
    for row in mine.order_by().values(*fields):
        held = localtime(row["gathering__held_at"])
        yield Matter(
            source="make_up", subject=row["pk"], committee_id=row["gathering__filing__committee"],
            branch_id=row["at_branch"], member_id=row["member"], due_at=None, late_at=None,
            title=f"补学：{row['gathering__title']}", alias="补学", period=f"{held.month}月{held.day}日",
            owner=row["member__name"], heading=("make_up", row["gathering__filing"]),
            url=reverse("plan:filing_detail", args=[row["gathering__filing"]]),
            many_url=reverse("study:make_ups"), verb="补学", note="补学后请告诉支部登记",
        )  # fmt: skip


# Groups


def run_groups(arguments: dict[str, Any], *, at: datetime, tell: Tell) -> str:
    """The periodic work: write down what each group is to be told today, and send what is waiting; safe to repeat."""
    written = write_groups(at)
    sent = sending.send_reminders(lambda: at)
    tell(1, 1)
    return f"新登记{written}条群提醒，发出{sent}条"


def write_groups(at: datetime) -> int:
    """Today's text for each channel that wants one and has something to say; at most one a day for each."""
    book, day, rows = Rulebook(), localdate(at), []
    # A clock that was set back must not have a group told twice of what is one day's work.
    last = Subquery(GroupReminder.objects.filter(channel=OuterRef("pk")).values("channel").annotate(
        d=Max("day")).values("d"))  # fmt: skip
    channels: list[Any] = list(
        Channel.objects.current()
        .filter(reminds=True)
        .annotate(last_day=last)
        .filter(Q(last_day__isnull=True) | Q(last_day__lt=day))
    )
    speaking: list[Any] = []
    for channel in channels:
        times = book.times(channel.committee_id)
        if times.rules.is_on and at >= times.rules.digest(day) and times.may_say(at, at_once=False, due_at=None):
            speaking.append(channel)
    counts = _counts(speaking, at)
    for channel in speaking:
        late, today, branches = counts(channel)
        if text := group_text(channel, late, today, branches, at):
            rows.append(GroupReminder(channel=channel, day=day, text=text, next_at=at))
    GroupReminder.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _counts(channels: list[Channel], at: datetime) -> Any:
    """For a channel: how many things of its branches are late, due today, and of how many branches; one query."""
    today = localdate(at)
    owed = Duty.objects.filter(
        Q(branch__in=[one.branch_id for one in channels if one.branch_id])
        | Q(committee__in=[one.committee_id for one in channels if not one.branch_id]),
        branch__isnull=False, member__isnull=True, settled_at__isnull=True, exempted_at__isnull=True,
        due_at__lte=midnight(today + ONE_DAY),
    )  # fmt: skip
    rows = list(
        owed.order_by().values_list("committee", "branch").annotate(
            late=Count("pk", filter=Q(late_at__lte=at)), n=Count("pk")
        )
    )  # fmt: skip

    def of(channel: Channel) -> tuple[int, int, int]:
        mine = [r for r in rows if (r[1] == channel.branch_id if channel.branch_id else r[0] == channel.committee_id)]
        late, n = sum(row[2] for row in mine), sum(row[3] for row in mine)
        return late, n - late, len({row[1] for row in mine})

    return of


def group_text(channel: Channel, late: int, today: int, branches: int, at: datetime) -> str:
    """One sentence of numbers and no names; empty where there is nothing to say."""
    parts = [f"今天有{today}件事到期" if today else "", f"{late}件逾期" if late else ""]
    if not any(parts):
        return ""
    whose = "本支部" if channel.branch_id else f"{branches}个党支部共"
    words = "、".join(part for part in parts if part)
    where = f"请登录支部工作台办理：{settings.PORTAL_URL}" if settings.PORTAL_URL else "请登录支部工作台办理。"
    return f"{day_words(localdate(at), localdate(at))}：{whose}{words}，{where}"[:300]
