"""A person's calendar as an iCalendar feed (RFC 5545), behind a secret link that is shown once and can be revoked."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import icalendar
from django.db.models import Q

from branches import audit
from branches.access import Access, Role
from branches.models import Branch, User
from branches.secrets import mac
from plan.calendars import calendar_of
from plan.models import Duty
from study.agenda import due_day, items_between, joined_between, midnight, records_between, title_of
from study.calendar import Entry, lay_out, turn_of
from study.models import CalendarFeed, Gathering, Kind, PlanItem

PURPOSE = "calendar-feed"
BYTES = 24  # 192 bits
BEFORE, AFTER = timedelta(days=62), timedelta(days=370)
WITH_BUSINESS = frozenset({
    Role.MEMBER, Role.SECRETARY, Role.DEPUTY, Role.COMMISSIONER, Role.OFFICE, Role.INSPECTOR
})  # fmt: skip


# The link


def renew(user: User, access: Access) -> str:
    """A new secret for the person's link, which is kept nowhere; the earlier link, if there is one, ends."""
    secret = secrets.token_urlsafe(BYTES)
    with audit.act(access, audit.Kind.RIGHTS, "新建日历订阅链接", user):
        # Two clicks at once: the account's row lets one after the other through.
        User.objects.select_for_update().get(pk=user.pk)
        _end(user, access)
        CalendarFeed.objects.create(user=user, secret_mac=mac(secret, PURPOSE), created_at=access.now)
    return secret


def revoke(user: User, access: Access) -> bool:
    """End the person's link; False where there is none."""
    if not CalendarFeed.objects.filter(user=user, revoked_at__isnull=True).exists():
        return False
    with audit.act(access, audit.Kind.RIGHTS, "停用日历订阅链接", user):
        User.objects.select_for_update().get(pk=user.pk)
        return _end(user, access) > 0


def _end(user: User, access: Access) -> int:
    return CalendarFeed.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=access.now)


def reader(secret: str, now: datetime) -> Access | None:
    """Whose calendar the secret opens, with the rights of today; None where it opens none any more.

    The row is found by a keyed digest, so that how long it takes tells nothing about a secret that is nearly right.
    """
    feed = CalendarFeed.objects.filter(secret_mac=mac(secret, PURPOSE), revoked_at__isnull=True).first()
    if feed is None:
        return None
    user = User.objects.filter(pk=feed.user_id, is_active=True, member__merged_into__isnull=True).first()
    if user is None:
        return None
    access = Access.of(user, now)
    return access if access.roles & WITH_BUSINESS else None


# The feed


def feed(access: Access) -> bytes:
    """The person's calendar: the branch's plan, what it held, and what is still to be done; no names, no minutes."""
    first, last = access.on - BEFORE, access.on + AFTER
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Party branch portal//Calendar//ZH")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("name", "支部工作")
    calendar.add("x-wr-calname", "支部工作")
    calendar.add("x-wr-timezone", "Asia/Shanghai")
    calendar.add("refresh-interval", timedelta(hours=6), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", timedelta(hours=6))
    site = mac("site", PURPOSE)[:16]
    for event in (*_sittings(access, first, last), *_duties(access, first, last)):
        event["uid"] = f"{event['uid']}@{site}"
        calendar.add_component(event)
    return calendar.to_ical()


def _sittings(access: Access, first: date, last: date) -> Iterator[icalendar.Event]:
    rows = Branch.objects.filter(pk__in=access.branches).values_list("pk", "name", "committee")
    branches = {pk: name for pk, name, _ in rows}
    if not branches:
        return
    is_workday = calendar_of(min(committee for _, _, committee in rows)).is_workday
    items = items_between(branches, access, first, last)
    records = records_between(branches, access, first, last, items).select_related("filing")
    days, spans = lay_out(
        items.select_related("plan__filing"),
        [*records, *joined_between(branches, access, first, last)],
        first,
        last,
        is_workday,
    )
    several = len(branches) > 1
    for entry in (*_flat(days), *spans):
        if entry.is_held:
            yield _held(entry.record, branches[entry.record.branch_id] if several else "")
        elif entry.record is None:
            yield _planned(entry.item, entry.day, branches[entry.item.plan.branch_id] if several else "")


def _flat(days: dict[date, list[Entry]]) -> Iterable[Entry]:
    return (entry for day in sorted(days) for entry in days[day])


def _event(uid: str, title: str, said_at: datetime, edition: int = 0) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", uid)
    event.add("summary", title)
    event.add("dtstamp", said_at.astimezone(UTC))
    event.add("sequence", edition)
    return event


def _all_day(event: icalendar.Event, first: date, last: date) -> icalendar.Event:
    event.add("dtstart", first)
    event.add("dtend", last + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    return event


def _labels(kinds: Iterable[str]) -> str:
    return "、".join(Kind(kind).label for kind in kinds)


def _planned(item: PlanItem, day: date, branch: str) -> icalendar.Event:
    """A sitting of the plan; of a line that recurs, one of its days, each with a name of its own that stays."""
    filing = item.plan.filing
    uid = f"item-{item.pk}-{turn_of(item, day):%Y%m%d}" if item.rhythm else f"item-{item.pk}"
    event = _event(uid, f"{branch}　{item.topic}" if branch else item.topic, filing.state_since, filing.edition)
    own = item.scope == PlanItem.Scope.INDIVIDUAL
    event.add("description", f"计划安排：{'个人自学' if own else _labels(item.kinds)}")
    if item.place:
        event.add("location", item.place)
    # What began before the calendar does still begins on its own day.
    first = day if item.rhythm else item.starts_on
    return _all_day(event, first, day if item.rhythm else item.ends_on)


def _held(record: Gathering, branch: str) -> icalendar.Event:
    filing = record.filing
    title = f"{branch}　{record.title}" if branch else record.title
    event = _event(f"gathering-{record.pk}-{record.branch_id}", title, filing.state_since, filing.edition)
    event.add("description", f"{_labels(record.kinds)}；{filing.get_state_display()}")
    event.add("dtstart", record.held_at.astimezone(UTC))
    event.add("dtend", record.ended_at.astimezone(UTC))
    if record.place:
        event.add("location", record.place)
    return event


def _duties(access: Access, first: date, last: date) -> Iterator[icalendar.Event]:
    """The last days of what is still to be done: one's own, a leader's branch's, the office's own; done ones go."""
    mine = (
        Q(member=access.member_id)
        | Q(branch__in=access.leads, member__isnull=True)
        | Q(committee__in=access.office_of, branch__isnull=True)
    )
    duties = (
        Duty.objects.filter(mine)
        .unsettled(access.now)
        .due_between(midnight(first), midnight(last + timedelta(days=1)))
        .select_related("requirement__plan")
        .order_by("due_at", "pk")
    )
    for duty in duties:
        issued_at = duty.requirement.plan.issued_at or access.now
        event = _event(f"duty-{duty.pk}", f"截止：{title_of(duty)}", issued_at)
        yield _all_day(event, due_day(duty.due_at), due_day(duty.due_at))
