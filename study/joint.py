"""Gatherings of several branches (联合开展): one branch records them, the others answer for their own part.

What is shared is the record itself, never a copy of it: what the recording branch has filed is what the others cite,
by its number, its version and its digest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.timezone import localtime

from branches import audit
from branches.access import Access
from branches.models import Branch, Committee
from plan import moves, opening
from plan.models import Filing, PictureQuerySet, Version
from study.gatherings import (
    Attending,
    Lack,
    Proposal,
    Rules,
    Sitting,
    attendance_lacks,
    expected,
    late_for,
    propose,
)
from study.models import Attendance, Gathering, Partner

State = Filing.State
SENT = (State.FILED, State.RECEIVED, State.APPROVED, State.KEPT)
Presence = Attendance.Presence
# What a record says of the recording branch alone; each partner says the same of itself.
OWN_FIELDS = frozenset({
    "填报支部", "届次", "对应计划条目", "责任人", "党小组", "应到人数", "实到人数", "请假", "缺席", "到会率",
    "出席人员", "联合开展支部",
})  # fmt: skip
OWN_TABLES = frozenset({"缺席人员及原因"})


class LostUpdate(Exception):
    """Somebody else of the branch saved after this page was opened; nothing was written."""


# Inviting


def candidates(gathering: Gathering) -> QuerySet[Branch]:
    """The branches of the same tree of committees that may be invited, and are not yet."""
    day = gathering.held_on
    return (
        Branch.objects.filter(committee__in=Committee.objects.beside(gathering.branch.committee_id))
        .filter(Q(closed_on__isnull=True) | Q(closed_on__gt=day), founded_on__lte=day)
        .exclude(pk=gathering.branch_id)
        .exclude(joined__gathering=gathering)
        .select_related("committee")
    )


def invite(gathering: Gathering, branches: Collection[Branch], access: Access) -> None:
    """Invite these branches; who is invited already stays so."""
    with audit.act(access, audit.Kind.WRITE, "邀请联合开展活动", gathering.filing, count=len(branches)):
        Partner.objects.bulk_create(
            [
                Partner(gathering=gathering, branch=branch, invited_at=access.now, invited_by=access.actor)
                for branch in branches
            ],
            ignore_conflicts=True,
        )


def withdraw(partner: Partner, access: Access) -> bool:
    """Take an invitation back; False where the branch has begun to answer it, or somebody of it has signed in.

    Its lines are its own: they never become the recording branch's.
    """
    with audit.act(access, audit.Kind.WRITE, "撤回联合活动邀请", partner.gathering.filing) as entry:
        # In the order of saving: who answers, or signs in, at this moment is waited for.
        Filing.objects.select_for_update(of=("self",)).get(pk=partner.gathering.filing_id)
        rows = Partner.objects.select_for_update(of=("self",)).filter(pk=partner.pk, filing__isnull=True)
        entry.ok = rows.first() is not None and not Attendance.objects.filter(partner=partner).exists()
        if entry.ok:
            Partner.objects.filter(pk=partner.pk).delete()
    return entry.ok


def partners_of(branches: Collection[int]) -> QuerySet[Partner]:
    """What these branches are invited to, or hold together with others; a discarded record invites nobody."""
    return (
        Partner.objects.filter(branch__in=branches)
        .exclude(gathering__filing__state=State.DISCARDED)
        .select_related(
            "branch__committee", "filing__committee", "filing__branch", "gathering__filing", "gathering__branch",
            "gathering__lecturer",
        )
        .order_by("-gathering__held_at", "-pk")
    )  # fmt: skip


def answering(partner: Partner) -> Filing | None:
    """The partner's own filing; a discarded one is none."""
    filing = partner.filing
    return None if filing is None or filing.state == State.DISCARDED else filing


# The partner's own part


def attendance_of(partner: Partner, data: Mapping[str, Any] | None = None) -> list[Attending]:
    """A line for everybody of the branch expected on the day: as tapped, else as kept, else present."""
    gathering = partner.gathering
    kept = {a.member_id: a for a in Attendance.objects.filter(partner=partner)}
    lines = []
    for member, is_full in expected(partner.branch, gathering.kinds, gathering.held_on):
        row = kept.get(member.pk)
        signed_at = row.checked_in_at if row else None
        seen = data is not None and f"signed-{member.pk}" in data
        if data is not None and not (signed_at and not seen):
            presence, reason = data.get(f"presence-{member.pk}", ""), data.get(f"reason-{member.pk}", "")
        else:
            presence, reason = (row.presence, row.reason) if row else ("", "")
        if presence not in Presence.values:
            presence = Presence.PRESENT
        if presence != Presence.EXCUSED or reason not in Attendance.Reason.values:
            reason = ""
        lines.append(Attending(member.pk, member.name, is_full, presence, reason, signed_at, seen))
    return lines


def sitting_of(partner: Partner, attendance: Sequence[Attending] | None = None) -> Sitting:
    """The gathering as the partner branch's own: its plan's rules, its people, the shared facts and pictures."""
    gathering = partner.gathering
    lines = Attendance.objects.filter(partner=partner).select_related("member").order_by("member__name_key", "member")
    kept = [Attending(a.member_id, a.member.name, a.is_full, a.presence, a.reason) for a in lines]
    return Sitting(
        branch=partner.branch, rules=Rules.of(partner.branch.committee_id, gathering.held_on),
        held_at=gathering.held_at, ended_at=gathering.ended_at, kinds=gathering.kinds, form=gathering.form,
        place=gathering.place, host_id=gathering.host_id, recorder_id=gathering.recorder_id,
        lecturer=gathering.lecturer, guests=gathering.guests, content=gathering.content,
        month_arranged=gathering.month_arranged, filing=answering(partner),
        attendance=kept if attendance is None else attendance, pictures=shown_pictures(partner).count(),
    )  # fmt: skip


def claimed_by(partner: Partner, proposal: Proposal) -> set[int]:
    """What the partner means to settle: as kept, by default what falls into its window."""
    filing = answering(partner)
    if filing is None:
        return proposal.chosen(frozenset(), frozenset())
    ticked = set(filing.claim_rows.values_list("duty", flat=True))
    return proposal.chosen(ticked, {offer.duty.pk for offer in proposal.offers})


def save(
    partner: Partner, attendance: Sequence[Attending], claimed: set[int], edition: int, access: Access,
    late_reason: str = "",
) -> Partner:  # fmt: skip
    """Keep who of the branch was there and what it settles, whole or not at all; the first time begins its filing.

    Raises LostUpdate where somebody else was quicker.
    """
    sitting = sitting_of(partner, attendance)
    desk, handling = sitting.rules.desk(sitting.kinds)
    gathering = partner.gathering
    with audit.act(access, audit.Kind.WRITE, "登记联合活动", answering(partner)) as entry:
        # Who signs in by the code meanwhile locks the shared record too, so that neither waits for the other's lines.
        Filing.objects.select_for_update(of=("self",)).get(pk=gathering.filing_id)
        # Two first clicks at once: the row lets one begin the filing, the other finds it begun.
        found = Partner.objects.select_for_update(of=("self",)).filter(pk=partner.pk).first()
        if found is None:
            raise LostUpdate  # the invitation was taken back meanwhile
        partner = found
        partner.gathering = gathering
        filing = answering(partner)
        if filing is None:
            filing = moves.begin(
                kind=Filing.Kind.JOINT, access=access, title=gathering.title, year=gathering.held_on.year,
                branch=sitting.branch, desk=desk, handling=handling,
            )  # fmt: skip
            Partner.objects.filter(pk=partner.pk).update(filing=filing)
        changes: dict[str, Any] = {"edition": F("edition") + 1, "title": gathering.title}
        if filing.first_filed_at is None:
            late = late_for(sitting, propose(sitting, access.now), claimed, access.now)
            changes |= {"desk": desk, "handling": handling, "year": gathering.held_on.year}
            changes |= {"late_reason": late_reason if late else ""}
        editable = Filing.objects.filter(pk=filing.pk, edition=edition, state__in=[State.DRAFT, State.SENT_BACK])
        if editable.update(**changes) != 1:
            raise LostUpdate
        filing.refresh_from_db()
        partner.filing = entry.about = filing
        _keep_attendance(partner, attendance)
        opening.open_event_duties(filing, kinds=list(gathering.kinds), ended_at=gathering.ended_at, at=access.now)
        moves.claim(filing, claimed, access.now)
    return partner


def _keep_attendance(partner: Partner, lines: Sequence[Attending]) -> None:
    """The branch's lines; somebody who stands with another branch that day stays there."""
    rows = Attendance.objects.filter(gathering=partner.gathering)
    own = rows.filter(partner=partner)
    own.exclude(member__in=[line.member_id for line in lines]).delete()
    elsewhere = set(rows.exclude(partner=partner).values_list("member_id", flat=True))
    signed = set(own.filter(checked_in_at__isnull=False).values_list("member_id", flat=True))
    kept = [
        line._replace(presence=Presence.PRESENT, reason="") if line.member_id in signed and not line.seen else line
        for line in lines
        if line.member_id not in elsewhere
    ]
    # Who turns out to have been there owes no study, and made up none.
    there = [line.member_id for line in kept if line.presence == Presence.PRESENT]
    own.filter(member__in=there, made_up_on__isnull=False).update(made_up_on=None, made_up_by=None, made_up_note="")
    Attendance.objects.bulk_create(
        [
            Attendance(
                gathering=partner.gathering, partner=partner, member_id=line.member_id, is_full=line.is_full,
                presence=line.presence, reason=line.reason if line.presence == Presence.EXCUSED else "",
            )
            for line in kept
        ],
        update_conflicts=True, unique_fields=["gathering", "member"], update_fields=["is_full", "presence", "reason"],
    )  # fmt: skip


# What the filing asks of its record


def lacks_of(partner: Partner, sitting: Sitting) -> list[Lack]:
    """What stands in the partner's way: the recording branch's filing, its own attendance, the shared pictures."""
    found, host = [], partner.gathering.filing
    if host.state not in SENT:
        name = partner.gathering.branch.name
        word = "正在更正，再次报送后" if host.first_filed_at else "还没有报送，报送后"
        found.append(Lack("记录支部报送", f"{name}的活动记录{word}，本支部才能报送。"))
    found += attendance_lacks(sitting)
    day = partner.gathering.held_on
    today = {member.pk for member, _ in expected(partner.branch, partner.gathering.kinds, day)}
    if sitting.attendance and today != {line.member_id for line in sitting.attendance}:
        found.append(Lack("核对名单", "当天的名册有变化：请核对到会情况并保存后再报送。"))
    needed = sitting.rules.pictures(sitting.kinds)
    if sitting.pictures < needed:
        found.append(Lack("图片", f"还缺图片：至少{needed}张现场照片，由{partner.gathering.branch.name}上传。"))
    return found


def missing_in_joint(partner: Partner) -> list[str]:
    return [lack.sentence for lack in lacks_of(partner, sitting_of(partner))]


def shown_pictures(partner: Partner) -> PictureQuerySet:
    """The pictures are the recording branch's."""
    return partner.gathering.filing.pictures.shown()


def cited(partner: Partner) -> Version | None:
    """The version of the recording branch's that the partner's filing cites now."""
    return partner.gathering.filing.newest


def shared(partner: Partner) -> dict[str, Any]:
    """The shared text: as the recording branch filed it last, else as it stands in its draft."""
    from study.gathering_papers import gathering_snapshot

    version = cited(partner)
    whole = version.snapshot if version else gathering_snapshot(partner.gathering)
    return {
        "fields": [[label, text] for label, text in whole["fields"] if label not in OWN_FIELDS],
        "tables": [table for table in whole["tables"] if table["title"] not in OWN_TABLES],
    }


def joint_snapshot(partner: Partner) -> dict[str, Any]:
    """The shared text with its source, and the branch's own attendance; readable without the portal's tables."""
    gathering, version = partner.gathering, cited(partner)
    host, text = gathering.branch.name, shared(partner)
    if version:
        source = f"本次活动由{host}记录，编号{gathering.filing.receipt}，第{version.number}版（校验值{version.sha256}）"
    else:
        source = f"本次活动由{host}记录，尚未报送"
    lines = list(Attendance.objects.filter(partner=partner).select_related("member").order_by("member__name_key", "pk"))
    away = [line for line in lines if line.presence != Presence.PRESENT]
    return {
        "fields": [["填报支部", partner.branch.name], ["联合活动", source], *text["fields"], *_counts(lines)],
        "tables": [
            {
                "title": "缺席人员及原因", "columns": ["姓名", "党员类别", "到会情况", "事由"],
                "rows": [
                    [
                        line.member.name, "正式党员" if line.is_full else "预备党员", line.get_presence_display(),
                        line.get_reason_display() if line.presence == Presence.EXCUSED else "未请假",
                    ]
                    for line in away
                ],
            },
            *text["tables"],
        ],
        "host": {
            "receipt": gathering.filing.receipt or "",
            "version": version.number if version else 0,
            "sha256": version.sha256 if version else "",
        },
    }  # fmt: skip


def _counts(lines: list[Attendance]) -> list[list[str]]:
    by = {presence: [line for line in lines if line.presence == presence] for presence in Presence}

    def counts(those: list[Attendance]) -> str:
        full = sum(line.is_full for line in those)
        return f"{len(those)}（正式{full}，预备{len(those) - full}）"

    present = by[Presence.PRESENT]
    return [
        ["应到人数", counts(lines)],
        ["实到人数", counts(present)],
        ["请假", f"{len(by[Presence.EXCUSED])}人"],
        ["缺席", f"{len(by[Presence.ABSENT])}人"],
        ["到会率", f"{len(present) * 100 / len(lines):.1f}%" if lines else ""],
        ["出席人员", "、".join(line.member.name for line in present)],
    ]


def newer_than_filed(partner: Partner) -> str:
    """What to tell a branch whose filing cites an earlier version of the shared record; else empty."""
    filing = answering(partner)
    sent, now = filing.newest if filing else None, cited(partner)
    if sent is None or now is None:
        return ""
    before = sent.snapshot.get("host", {}).get("version", 0)
    if now.number <= before:
        return ""
    at = localtime(now.filed_at)
    return (
        f"{partner.gathering.branch.name}已于{at.month}月{at.day}日更正为第{now.number}版；本支部报送的是第{before}版，"
        "保持不变。需要随之更正的，请在报送件上点“更正”后再次报送。"
    )
