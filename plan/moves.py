"""The table of moves and its one door: every step of a filing is checked, swapped, counted and written down here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.timezone import localtime

from branches import audit
from branches.access import Access
from branches.models import Branch, Committee, Member
from plan.derived import settle_derived
from plan.models import Claim, Duty, Filing, Move, Plan, Receipt, Version
from plan.move_notices import notify

State = Filing.State


class MoveRefused(Exception):
    """The move cannot be made; `sentences` say what is wrong and what to do, in Chinese."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("".join(sentences))
        self.sentences = list(sentences)


class AlreadyMoved(MoveRefused):
    """Somebody else, or an earlier click, was quicker; nothing was changed."""


class NotAllowed(MoveRefused):
    """The person may not make this move."""


def is_author(access: Access, filing: Filing) -> bool:
    """May the person send this in its owner's name? A member's own; a branch's secretary or deputy; the office."""
    if filing.member_id:
        return filing.member_id == access.member_id
    if filing.branch_id:
        return filing.branch_id in access.files_for
    return filing.committee_id in access.office_of


def is_desk(access: Access, filing: Filing) -> bool:
    """May the person receive, approve or send back? The desk it goes to; nobody receives his own."""
    if filing.member_id and filing.member_id == access.member_id:
        # A secretary's own plan is approved by the deputy, or by the office where there is none.
        return False
    if filing.desk == Filing.Desk.OFFICE:
        return filing.committee_id in access.office_of
    if filing.desk == Filing.Desk.BRANCH:
        return filing.branch_id in access.files_for or (
            filing.committee_id in access.office_of and _is_leaders_own(filing, access)
        )
    return False


def _is_leaders_own(filing: Filing, access: Access) -> bool:
    """The secretary's own plan in a branch without a deputy has nobody at its desk but the office."""
    from branches.models import Post, on_day

    kinds = (Post.Kind.SECRETARY, Post.Kind.DEPUTY)
    leaders = set(
        Post.objects.filter(on_day(access.on), branch=filing.branch_id, kind__in=kinds).values_list(
            "member_id", flat=True
        )
    )
    return not leaders - {filing.member_id}


def may_edit(access: Access, filing: Filing) -> bool:
    """May the person change the record now? Its authors and the branch's commissioners, while it lies with them."""
    if not filing.is_editable:
        return False
    if filing.member_id or not filing.branch_id:
        return is_author(access, filing)
    return filing.branch_id in access.leads


@dataclass(frozen=True)
class Rule:
    """One row of the table of moves."""

    label: str
    came_from: tuple[State, ...]
    to: State
    may: Callable[[Access, Filing], bool]
    fits: Callable[[Filing], bool]
    needs_note: bool = False


def _handled_as(handling: str) -> Callable[[Filing], bool]:
    return lambda filing: filing.handling == handling


MOVES: dict[str, Rule] = {
    "file": Rule(
        "报送", (State.DRAFT, State.SENT_BACK), State.FILED, is_author, lambda f: f.desk != Filing.Desk.NONE
    ),
    "keep": Rule(
        "留存", (State.DRAFT, State.SENT_BACK), State.KEPT, is_author, lambda f: f.desk == Filing.Desk.NONE
    ),
    "receive": Rule("备案", (State.FILED,), State.RECEIVED, is_desk, _handled_as("inform")),
    "approve": Rule("审定", (State.FILED,), State.APPROVED, is_desk, _handled_as("approve")),
    "send_back": Rule(
        "退回补正", (State.FILED, State.RECEIVED, State.APPROVED), State.SENT_BACK, is_desk, lambda f: True, True
    ),
    "correct": Rule(
        "更正", (State.KEPT, State.FILED, State.RECEIVED, State.APPROVED), State.SENT_BACK, is_author, lambda f: True,
        True,
    ),
    "discard": Rule(
        "作废", (State.DRAFT,), State.DISCARDED, may_edit, lambda f: f.first_filed_at is None
    ),
}  # fmt: skip


def can(access: Access, filing: Filing, name: str) -> bool:
    """Whether the button for this move is drawn; the door asks the same question."""
    rule = MOVES[name]
    fits = State(filing.state) in rule.came_from and rule.fits(filing) and rule.may(access, filing)
    return fits and not refused_by_record(filing, name)


def refused_by_record(filing: Filing, name: str) -> str:
    """Why the record itself does not let the move be made now, in a sentence; mostly empty."""
    refuses = getattr(getattr(filing, filing.kind, None), "refuses", None)
    return refuses(name) if refuses else ""


def allowed(access: Access, filing: Filing) -> list[str]:
    """The names of the moves that the person can make now."""
    return [name for name in MOVES if can(access, filing, name)]


def by_filing(filing: Filing, at: datetime) -> list[Duty]:
    """The claimed duties whose punctuality this filing decides now and whose due instant has passed."""
    late = []
    for duty in Duty.objects.filter(claim_rows__filing=filing, settled_at__isnull=True):
        done = filing.record.settles_at(duty, at)
        if done is not None and done >= duty.due_at:
            late.append(duty)
    return late


def missing_to_file(filing: Filing, at: datetime, late_reason: str | None = None) -> list[str]:
    """What stands between the record and its filing, in sentences; empty when it can go."""
    missing = list(filing.record.missing_to_file(at))
    if late_reason is not None and not late_reason.strip() and filing.first_filed_at is None and by_filing(filing, at):
        missing.append("已过报送时限，请填写补报原因；报送后将注明“补报”。")
    return missing


def move(
    filing: Filing,
    name: str,
    *,
    access: Access,
    note: str = "",
    late_reason: str = "",
    expected_edition: int | None = None,
) -> Filing:
    """Make one move, whole or not at all, and return the filing as it then is.

    Raises NotAllowed, AlreadyMoved (a click came first) or MoveRefused (sentences say what is missing).
    """
    rule, at = MOVES[name], access.now
    note, late_reason = note.strip(), late_reason.strip()
    with audit.act(access, audit.Kind.WRITE, rule.label, filing) as entry:
        # The row is locked first, so that what is checked below is what is swapped.
        locked = Filing.objects.select_for_update(of=("self",)).select_related("committee", "branch", "member")
        filing = locked.get(pk=filing.pk)
        if not rule.fits(filing) or not rule.may(access, filing):
            raise NotAllowed("您不能办理这一步。")
        if State(filing.state) not in rule.came_from:
            raise AlreadyMoved(_where_it_is(filing))
        if expected_edition is not None and expected_edition != filing.edition:
            raise AlreadyMoved("这份记录刚刚被修改过，请刷新页面核对后再办理。")
        if why := refused_by_record(filing, name):
            raise MoveRefused(why)
        if rule.needs_note and not note:
            raise MoveRefused(f"请写明{rule.label}的原因，让对方知道要改什么。")
        if name in ("file", "keep"):
            _file(filing, rule, access, late_reason, at)
        else:
            _swap(filing, rule, at)
        if name == "discard":
            _drop_claims(filing)
        made = Move.objects.create(
            filing=filing, name=name, made_at=at, made_by=access.actor, note=note or late_reason,
            from_state=filing.state, to_state=rule.to,
        )  # fmt: skip
        filing.refresh_from_db()
        entry.about = filing
        settle_derived(filing, at)
        if follow := getattr(getattr(filing, filing.kind, None), "after_move", None):
            # Records of the floors above with stages of their own.
            follow(name, access)
        notify(filing, made, access)
    return filing


def _where_it_is(filing: Filing) -> str:
    if filing.first_filed_at and filing.filed_at and filing.state == State.FILED:
        return (
            f"这份记录已于 {localtime(filing.filed_at):%-m月%-d日 %H:%M} 报送，回执号 {filing.receipt}，无需重复报送。"
        )
    return f"这份记录现在是“{filing.get_state_display()}”，刚才的操作没有再次执行。"


def _swap(filing: Filing, rule: Rule, at: datetime, **changes: Any) -> None:
    swapped = Filing.objects.filter(pk=filing.pk, state__in=rule.came_from).update(
        state=rule.to, state_since=at, edition=F("edition") + 1, **changes
    )
    if swapped != 1:
        raise AlreadyMoved(_where_it_is(Filing.objects.get(pk=filing.pk)))


def _file(filing: Filing, rule: Rule, access: Access, late_reason: str, at: datetime) -> None:
    """Freeze the record as it is, give it its receipt, and settle what it claims."""
    # What it settles is locked in the order of the ids, as `plan.changing` does: an exemption or extension of the same
    # second is in force before, or finds the duty settled; receipt, mark and standing are judged by one instant.
    list(Duty.objects.select_for_update(of=("self",)).filter(pk__in=_claimed(filing)).order_by("pk").values_list("pk"))
    missing = missing_to_file(filing, at, late_reason)
    if missing:
        raise MoveRefused(*missing)
    late = by_filing(filing, at)
    first = filing.first_filed_at is None
    changes: dict[str, Any] = {"filed_at": at, "filed_by": access.actor}
    if first:
        changes |= {"first_filed_at": at, "receipt": _next_receipt(filing)}
        if late:
            changes |= {"is_late": True, "late_reason": late_reason[:200]}
    _swap(filing, rule, at, **changes)
    text = json.dumps(frozen(filing), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    Version.objects.create(
        filing=filing, number=filing.versions.count() + 1, filed_at=at, filed_by=access.actor,
        text=text, sha256=hashlib.sha256(text.encode()).hexdigest(),
    )  # fmt: skip
    for duty in Duty.objects.filter(claim_rows__filing=filing, settled_at__isnull=True):
        done = filing.record.settles_at(duty, at)
        if done is not None:
            # Whoever files first settles it; a second claim finds it settled and changes nothing.
            Duty.objects.filter(pk=duty.pk, settled_at__isnull=True).update(
                settled_at=at, done_at=done, settled_by=filing, judged_due_at=F("due_at")
            )


def _claimed(filing: Filing) -> QuerySet[Claim, Any]:
    return Claim.objects.filter(filing=filing, duty__settled_at__isnull=True).values("duty")


def frozen(filing: Filing) -> dict[str, Any]:
    """The record as it is sent, complete in itself: readable without the portal's tables."""
    snapshot = filing.record.snapshot()
    snapshot["kind"] = filing.kind
    snapshot["title"] = filing.title
    snapshot["branch"] = filing.branch.name if filing.branch else ""
    snapshot["member"] = filing.member.name if filing.member else ""
    snapshot["settles"] = [
        [duty.code, duty.requirement.title, duty.period]
        for duty in Duty.objects.filter(claim_rows__filing=filing).select_related("requirement").order_by("pk")
    ]
    snapshot["pictures"] = [
        {"id": p.pk, "sha256": p.sha256, "name": p.name, "caption": p.caption} for p in filing.shown_pictures()
    ]
    snapshot["attachments"] = [
        {"id": a.pk, "name": a.name, "sha256": a.sha256, "size": a.size} for a in filing.attachments.shown()
    ]
    return snapshot


def _next_receipt(filing: Filing) -> str:
    """The next number of the branch and year, e.g. 2018-03-0017; the counter's row is the lock."""
    whose = Q(branch=filing.branch) if filing.branch_id else Q(branch__isnull=True, committee=filing.committee)
    if not Receipt.objects.filter(whose, year=filing.year).exists():
        # Two first filings at once: the conditional unique constraint lets one row in, the other goes on with it.
        Receipt.objects.bulk_create(
            [Receipt(committee=filing.committee, branch=filing.branch, year=filing.year)], ignore_conflicts=True
        )
    code = filing.branch.code if filing.branch else "00"
    while True:
        Receipt.objects.filter(whose, year=filing.year).update(last=F("last") + 1)
        receipt = f"{filing.year}-{code}-{Receipt.objects.get(whose, year=filing.year).last:04d}"
        # Branches of two committees may bear one code: at one desk no number is given twice.
        if not Filing.objects.filter(committee=filing.committee_id, receipt=receipt).exists():
            return receipt


def _drop_claims(filing: Filing) -> None:
    Claim.objects.filter(filing=filing).delete()
    Duty.objects.filter(occasion=filing, settled_at__isnull=True).delete()


def begin(
    *, kind: str, access: Access, title: str, year: int, branch: Branch | None = None,
    member: Member | None = None, committee: Committee | None = None, desk: str, handling: str,
    form_key: str | None = None,
) -> Filing:  # fmt: skip
    """A new draft with its first line in the course; call inside the transaction that creates its record."""
    home = committee or (_receiving(branch, year, access) if branch else access.committee)
    if home is None:
        raise NotAllowed("您今天不属于任何党支部或机关党委，不能起草。")
    filing = Filing.objects.create(
        kind=kind, title=title[:120], year=year, branch=branch, member=member, desk=desk, handling=handling,
        committee=home,
        state_since=access.now, created_at=access.now, created_by=access.actor, form_key=form_key,
    )  # fmt: skip
    Move.objects.create(
        filing=filing, name="begin", made_at=access.now, made_by=access.actor, from_state="", to_state=State.DRAFT
    )
    return filing


def _receiving(branch: Branch, year: int, access: Access) -> Committee:
    """The committee whose plan asks the branch, and whose office therefore receives; without a plan its own."""
    plan = Plan.objects.asking(branch.committee_id, year, access.on)
    return plan.committee if plan else branch.committee


def claim(filing: Filing, duty_ids: set[int], at: datetime) -> None:
    """The filing means to settle exactly these duties; what it has settled already stays claimed."""
    kept = set(Duty.objects.filter(Q(settled_by=filing) | Q(occasion=filing)).values_list("pk", flat=True))
    wanted = duty_ids | kept
    Claim.objects.filter(filing=filing).exclude(duty__in=wanted).delete()
    Claim.objects.bulk_create([Claim(filing=filing, duty_id=pk, claimed_at=at) for pk in wanted], ignore_conflicts=True)
