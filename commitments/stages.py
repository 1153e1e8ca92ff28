"""The stages of a pledge (提诺、审诺、亮诺、践诺、评诺): one table of steps, and the doors that take them.

What its filing does (报送 and the gate) leads the first stages; the steps after the approval are taken here. Every
step is one swap of the stage inside one transaction, and a row of `PledgeStep`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import F

from branches import audit
from branches.access import Access
from commitments.models import Pledge, PledgeItem, PledgeStep, Result, Stage
from plan.cadence import deadline
from plan.changing import change
from plan.models import Claim, Duty, Plan, Requirement
from plan.moves import AlreadyMoved, MoveRefused, NotAllowed, is_author, is_desk

# The plan names no day for the judgement: until then what was promised for a day is judged after it (本单位设定).
JUDGED_WITHIN = timedelta(days=15)
# The requirement that publication itself settles; all others that hang on a pledge are settled by its judgement.
PUBLICATION = "C3"


def by_filing(access: Access, pledge: Pledge) -> bool:
    """These steps are the filing's own: `plan.moves` asks who may."""
    return False


def is_pledger(access: Access, pledge: Pledge) -> bool:
    """The one who pledged: a member for the own pledge, the branch's leaders for the branch's."""
    if pledge.member_id:
        return pledge.member_id == access.member_id
    return pledge.branch_id in access.leads


def judges(access: Access, pledge: Pledge) -> bool:
    """The organization that judges is the desk that approved: the branch its members', the office the branch's."""
    return is_desk(access, pledge.filing)


def opens_judging(access: Access, pledge: Pledge) -> bool:
    return judges(access, pledge) or (pledge.member_id is None and is_author(access, pledge.filing))


@dataclass(frozen=True)
class Step:
    """One row of the table of steps."""

    label: str
    came_from: tuple[Stage, ...]
    to: Stage
    may: Callable[[Access, Pledge], bool]
    needs_note: bool = False


LIVE = (Stage.SHOWN, Stage.KEEPING)
STEPS: dict[str, Step] = {
    # Led by the filing, whose own table says who may.
    "file": Step("提出", (Stage.PROPOSED,), Stage.REVIEW, by_filing),
    "approve": Step("审定并公开", (Stage.REVIEW,), Stage.SHOWN, by_filing),
    "send_back": Step("退回", (Stage.REVIEW, *LIVE), Stage.PROPOSED, by_filing, True),
    "correct": Step("更正", (Stage.REVIEW, *LIVE), Stage.PROPOSED, by_filing, True),
    # Its own.
    "keep": Step("开始践诺", (Stage.SHOWN,), Stage.KEEPING, is_pledger),
    "judge": Step("开始评诺", LIVE, Stage.JUDGING, opens_judging),
    "decide": Step("评定", (Stage.JUDGING,), Stage.JUDGED, judges),
    "reopen": Step("重新评诺", (Stage.JUDGED,), Stage.JUDGING, judges, True),
    "withdraw": Step("撤下", (*LIVE, Stage.JUDGING), Stage.WITHDRAWN, judges, True),
}
OWN = ("keep", "judge", "decide", "reopen", "withdraw")


def can(access: Access, pledge: Pledge, name: str) -> bool:
    """Whether the button for this step is drawn; the door asks the same question."""
    step = STEPS[name]
    return name in OWN and Stage(pledge.stage) in step.came_from and step.may(access, pledge)


def allowed(access: Access, pledge: Pledge) -> list[str]:
    return [name for name in OWN if can(access, pledge, name)]


def take(
    pledge: Pledge, name: str, *, access: Access, note: str = "", results: Mapping[int, Outcome] | None = None
) -> Pledge:
    """Take one of the pledge's own steps, whole or not at all, and return the pledge as it then is.

    `results` are the outcomes by the id of the item, for "decide" every one of them. Raises NotAllowed, AlreadyMoved or
    MoveRefused (sentences say what is missing).
    """
    step, note = STEPS[name], note.strip()
    with audit.act(access, audit.Kind.WRITE, step.label, pledge.filing):
        pledge = locked(pledge.pk)
        if name not in OWN or not step.may(access, pledge):
            raise NotAllowed("您不能办理这一步。")
        if Stage(pledge.stage) not in step.came_from:
            raise AlreadyMoved(f"这份承诺现在是“{pledge.get_stage_display()}”，刚才的操作没有再次执行。")
        if step.needs_note and not note:
            raise MoveRefused(f"请写明{step.label}的原因。")
        if name == "decide":
            _judge(pledge, results or {}, access.now)
        if name == "withdraw":
            _end_duties(pledge, access, note)
        swap(pledge, name, access, note)
    return pledge


@dataclass(frozen=True)
class Outcome:
    """The organization's judgement of one item."""

    result: Result
    reason: str = ""
    is_excused: bool = False


def locked(pk: int) -> Pledge:
    """The pledge's row, locked until the end of the transaction."""
    rows = Pledge.objects.select_for_update(of=("self",)).select_related(
        "branch", "member", "filing__committee", "filing__branch", "filing__member"
    )
    return rows.get(pk=pk)


def swap(pledge: Pledge, name: str, access: Access, note: str = "") -> None:
    """Move the stage as the table says and write the step down; inside the caller's act."""
    step = STEPS[name]
    swapped = Pledge.objects.filter(pk=pledge.pk, stage__in=step.came_from).update(
        stage=step.to, stage_since=access.now
    )
    if swapped != 1:
        raise AlreadyMoved(f"这份承诺现在是“{pledge.get_stage_display()}”，刚才的操作没有再次执行。")
    PledgeStep.objects.create(
        pledge=pledge, name=name, made_at=access.now, made_by=access.actor, note=note, from_stage=pledge.stage,
        to_stage=step.to,
    )  # fmt: skip
    pledge.stage, pledge.stage_since = step.to, access.now


# What the filing's steps make of the stage


def refusal(pledge: Pledge, name: str) -> str:
    """Why the filing's step cannot be made in this stage: once it is judged, nothing promised is changed."""
    if name in ("send_back", "correct") and Stage(pledge.stage) not in STEPS[name].came_from:
        return f"这份承诺已到“{pledge.get_stage_display()}”，内容不能再改。"
    return ""


def follow(pledge: Pledge, name: str, access: Access) -> None:
    """The filing was moved: the pledge goes along, and approved it is public inside the Party from this instant."""
    if name not in STEPS or name in OWN:
        return
    # Read anew under its lock: a step of its own may have come between the filing's page and this click.
    pledge = locked(pledge.pk)
    if Stage(pledge.stage) not in STEPS[name].came_from:
        raise AlreadyMoved(f"这份承诺现在是“{pledge.get_stage_display()}”，刚才的操作没有再次执行。")
    if name == "approve" and pledge.published_at is None:
        # Before the stage, which may not be a public one without it.
        Pledge.objects.filter(pk=pledge.pk).update(published_at=access.now)
        pledge.published_at = access.now
    note = pledge.filing.moves.order_by("-pk").values_list("note", flat=True)[:1]
    swap(pledge, name, access, next(iter(note), ""))
    if name == "approve":
        _open_duties(pledge, access)


def due_on(pledge: Pledge) -> date:
    """The last day that any of its items names; without one the end of its validity."""
    days = [day for day in pledge.items.values_list("due_on", flat=True) if day]
    return max(days, default=pledge.valid_until)


def _open_duties(pledge: Pledge, access: Access) -> None:
    """What the plan hangs on every pledge: its publication, settled at once, and its judgement after its own day."""
    plan = Plan.objects.asking(pledge.branch.committee_id, pledge.year, access.on)
    if plan is None:
        return
    at = access.now
    asked: list[Requirement] = [one for one in plan.requirements.filter(proof="pledge") if one.spec.event == "pledge"]
    last = due_on(pledge)
    for requirement in asked:
        shown = requirement.code == PUBLICATION
        day = access.on if shown else last
        due_at = deadline(day if shown else day + JUDGED_WITHIN)
        duty, is_new = Duty.objects.get_or_create(
            occasion=pledge.filing, code=requirement.code,
            defaults={
                "requirement": requirement, "committee_id": plan.committee_id, "branch": pledge.branch,
                "year": pledge.year, "period": pledge.owner_name[:40], "starts_on": access.on,
                "ends_on": max(day, access.on), "due_at": max(due_at, deadline(access.on)),
                "late_at": max(due_at, deadline(access.on)), "opened_at": at,
            },
        )  # fmt: skip
        Claim.objects.get_or_create(filing=pledge.filing, duty=duty, defaults={"claimed_at": at})
        if shown:
            _settle(pledge, at, code=requirement.code)
        elif not is_new:
            # Approved again with another day.
            change(Duty.objects.filter(pk=duty.pk, settled_at__isnull=True), at=at, by=access.user,
                   why="承诺的完成时限有变", due_at=max(due_at, deadline(access.on)))  # fmt: skip


def _settle(pledge: Pledge, at: datetime, **which: str) -> None:
    Duty.objects.filter(occasion=pledge.filing, settled_at__isnull=True, **which).update(
        settled_at=at, done_at=at, settled_by=pledge.filing, judged_due_at=F("due_at")
    )


def _judge(pledge: Pledge, results: Mapping[int, Outcome], at: datetime) -> None:
    """Write every item's outcome and settle what asks for the judgement."""
    items = list(pledge.items.all())
    missing = [item.position for item in items if item.pk not in results]
    if missing:
        raise MoveRefused(f"第{'、'.join(str(n) for n in missing)}项还没有评定结果，请逐项选择。")
    for item in items:
        one = results[item.pk]
        reason = one.reason.strip()
        if one.result != Result.DONE and not reason:
            raise MoveRefused(f"第{item.position}项没有全部完成，请写明原因。")
        PledgeItem.objects.filter(pk=item.pk).update(
            result=one.result, result_reason=reason[:300], is_excused=one.is_excused and one.result != Result.DONE
        )
    _settle(pledge, at)


def _end_duties(pledge: Pledge, access: Access, note: str) -> None:
    """Taken down, it is no longer to be judged."""
    left = Duty.objects.filter(occasion=pledge.filing, settled_at__isnull=True, exempted_at__isnull=True)
    change(left, at=access.now, by=access.user, why=f"承诺已撤下：{note}", exempt=True)
