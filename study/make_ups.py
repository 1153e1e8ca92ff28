"""Make-up study (补学): who missed a study owes it until the branch has written down when and how it was made up."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce

from branches import audit
from branches.access import Access
from branches.models import Membership, on_day
from plan.models import Filing
from study.models import Attendance, Kind

# What is studied there is to be made up by whoever was not there.
STUDIED = (Kind.COLLECTIVE_STUDY, Kind.SEMINAR, Kind.LECTURE, Kind.THEME_DAY)


def missed() -> QuerySet[Any]:
    """Every line of somebody who was not at a study that has been filed, with `at_branch`: whose member it was."""
    of_study = Q()
    for kind in STUDIED:
        # The kinds are kept as a JSON list; its text holds the word in quotes, on either database.
        of_study |= Q(kinds_text__contains=f'"{kind.value}"')
    filed = Q(partner__isnull=True, gathering__filing__first_filed_at__isnull=False)
    filed |= Q(partner__filing__first_filed_at__isnull=False)
    return (
        Attendance.objects.exclude(presence=Attendance.Presence.PRESENT)
        .exclude(gathering__filing__state=Filing.State.DISCARDED)
        .annotate(
            kinds_text=Cast("gathering__kinds", TextField()),
            at_branch=Coalesce(F("partner__branch"), F("gathering__branch")),
        )
        .filter(of_study, filed)
        .select_related("member", "gathering", "made_up_by__member")
    )


def open_in(branches: Collection[int], day: date) -> QuerySet[Attendance]:
    """What members of these branches still owe, the oldest first; who has left the branch is not waited for."""
    still_there = Membership.objects.filter(on_day(day), branch=OuterRef("at_branch"), member=OuterRef("member"))
    return (
        missed()
        .filter(Exists(still_there), at_branch__in=branches, made_up_on__isnull=True)
        .order_by("gathering__held_at", "gathering", "member__name_key", "pk")
    )


def closed_in(branches: Collection[int]) -> QuerySet[Attendance]:
    """What has been made up, the newest first."""
    return (
        missed()
        .filter(at_branch__in=branches, made_up_on__isnull=False)
        .order_by("-made_up_on", "-gathering__held_at", "member__name_key", "pk")
    )


def own_open(access: Access) -> QuerySet[Attendance]:
    """What this member still owes to the own branch."""
    branches = [access.branch.pk] if access.branch else []
    return open_in(branches, access.on).filter(member=access.member_id)


def close(access: Access, lines: Collection[Attendance], on: date, note: str) -> int:
    """Write down that these were made up on that day; how many were still open. Repeating it changes nothing."""
    with audit.act(access, audit.Kind.WRITE, "登记补学") as entry:
        closed = (
            Attendance.objects.filter(pk__in=[line.pk for line in lines], made_up_on__isnull=True)
            # Somebody may just have corrected the minutes: who was there owes nothing.
            .exclude(presence=Attendance.Presence.PRESENT)
            .update(made_up_on=on, made_up_note=note, made_up_by=access.actor)
        )
        entry.detail["count"] = closed
    return closed


def reopen(access: Access, line: Attendance) -> None:
    """Take back what was written down by mistake."""
    with audit.act(access, audit.Kind.WRITE, "撤销补学登记", line.gathering.filing):
        Attendance.objects.filter(pk=line.pk).update(made_up_on=None, made_up_note="", made_up_by=None)
