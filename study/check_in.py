"""Signing in by scanning a code (扫码签到): open for some minutes on the day, on the roster of that day only."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple

import segno
from django.db.models import F

from branches import audit
from branches.access import Access
from branches.models import Branch, Committee, Member
from plan.models import Filing
from study.gatherings import expected
from study.models import Attendance, CheckIn, Gathering, Partner

MINUTES = (5, 10, 15)
BYTES = 16
Presence = Attendance.Presence


class Refused(Exception):
    """It cannot be done; the sentence says why and what to do."""


class Place(NamedTuple):
    """Where a person belongs in a gathering: as a full member or not, and for which branch beside the recording one."""

    is_full: bool
    partner: Partner | None


def why_not(gathering: Gathering, access: Access) -> str:
    """Why no check-in can be opened now; empty where it can."""
    if not gathering.filing.is_editable:
        return "这次活动已经报送，不能再签到。"
    if gathering.held_on != access.on:
        day = gathering.held_on
        return f"签到只能在活动当天进行：这次活动是{day.month}月{day.day}日。"
    return ""


def current(gathering: Gathering, access: Access) -> CheckIn | None:
    """The check-in that is open now."""
    found = gathering.check_ins.filter(opened_at__lte=access.now, closes_at__gt=access.now)
    return found.order_by("-pk").first() if not why_not(gathering, access) else None


def begin(gathering: Gathering, minutes: int, access: Access) -> CheckIn:
    """A check-in with a new code; a code that is still open ends."""
    if reason := why_not(gathering, access):
        raise Refused(reason)
    with audit.act(access, audit.Kind.WRITE, "开始扫码签到", gathering.filing):
        stop(gathering, access)
        return CheckIn.objects.create(
            gathering=gathering, nonce=secrets.token_urlsafe(BYTES), opened_at=access.now,
            closes_at=access.now + timedelta(minutes=minutes), opened_by=access.actor,
        )  # fmt: skip


def stop(gathering: Gathering, access: Access) -> None:
    """End what is open; a code of this very instant goes without a trace."""
    found = gathering.check_ins.filter(closes_at__gt=access.now)
    found.filter(opened_at__gte=access.now).delete()
    found.update(closes_at=access.now)


def end(gathering: Gathering, access: Access) -> None:
    with audit.act(access, audit.Kind.WRITE, "结束扫码签到", gathering.filing):
        stop(gathering, access)


def picture_of(address: str) -> str:
    """The code as a data URI (SVG), black on white on a dark page too."""
    return segno.make(address, error="m", micro=False).svg_data_uri(
        scale=8, border=4, dark="#000", light="#fff", xmldecl=False
    )


def place_of(member: Member, gathering: Gathering) -> Place | None:
    """As whom the member is expected on the day: of the recording branch, or of one that holds it too."""
    for one, is_full in expected(gathering.branch, gathering.kinds, gathering.held_on, gathering.group):
        if one.pk == member.pk:
            return Place(is_full, None)
    for partner in gathering.partners.select_related("branch", "filing"):
        if partner.filing is not None and not partner.filing.is_editable:
            continue
        for one, is_full in expected(partner.branch, gathering.kinds, gathering.held_on):
            if one.pk == member.pk:
                return Place(is_full, partner)
    return None


def is_near(branch: Branch | None, gathering: Gathering) -> bool:
    """Whether somebody of this branch may know that there is such a gathering: of the same tree of committees."""
    return branch is not None and Committee.objects.beside(gathering.branch.committee_id).filter(
        pk=branch.committee_id
    ).exists()  # fmt: skip


def sign(check_in: CheckIn, access: Access) -> Attendance:
    """The person is there: once and for all, however often it is tapped. Raises Refused with the reason.

    The record's row is locked first, as saving the form does, so that neither writes over what it has not seen.
    """
    gathering, member = check_in.gathering, access.member
    assert member is not None  # noqa: S101 — the page is for those who are logged in
    with audit.act(access, audit.Kind.WRITE, "扫码签到", gathering.filing):
        gathering.filing = Filing.objects.select_for_update().get(pk=gathering.filing_id)
        if reason := why_not(gathering, access):
            raise Refused(reason)
        if not check_in.opened_at <= access.now < check_in.closes_at:
            raise Refused("签到时间已过，请告诉记录人，由记录人登记。")
        place = place_of(member, gathering)
        if place is None:
            raise Refused("您不在这次活动当天的名册上，请告诉记录人。")
        line, _ = Attendance.objects.get_or_create(
            gathering=gathering, member=member, defaults={"is_full": place.is_full, "partner": place.partner}
        )
        if line.checked_in_at is None:
            Attendance.objects.filter(pk=line.pk).update(
                presence=Presence.PRESENT, reason="", checked_in_at=access.now,
                made_up_on=None, made_up_by=None, made_up_note="",
            )  # fmt: skip
            line.refresh_from_db()
    return line


def absent_without(gathering: Gathering, access: Access) -> int:
    """End the check-in, and whoever neither signed in nor is excused counts as absent; how many they are.

    It changes what the form shows, so a form that is open meanwhile is told and does not write over it.
    """
    if reason := why_not(gathering, access):
        raise Refused(reason)
    with audit.act(access, audit.Kind.WRITE, "未签到的记为缺席", gathering.filing):
        open_now = Filing.objects.filter(pk=gathering.filing_id, state__in=[Filing.State.DRAFT, Filing.State.SENT_BACK])
        if open_now.update(edition=F("edition") + 1) != 1:
            raise Refused("这次活动刚刚已经报送，到会情况没有改动。")
        stop(gathering, access)
        lines = gathering.attendance.filter(partner__isnull=True, checked_in_at__isnull=True, presence=Presence.PRESENT)
        return lines.update(presence=Presence.ABSENT)
