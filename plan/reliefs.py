"""Exemptions and extensions: one door for asking, one table of moves with its one door, and what they touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import Count, Exists, Max, Min, OuterRef, Q
from django.utils.timezone import localdate

from branches import audit
from branches.access import Access
from branches.models import Branch, Committee, Post, User, on_day
from branches.templatetags.portal import due_by
from inbox.models import Message
from inbox.telling import Line, tell
from plan.cadence import deadline
from plan.changing import change
from plan.derived import settle_exempted
from plan.models import Duty, DutyChange, DutyQuerySet, Plan, Relief
from plan.models.reliefs import ReliefQuerySet
from plan.relieved import WAITING, about, may_ask, named, owing, touched

State, Kind = Relief.State, Relief.Kind
__all__ = ["about", "may_ask"]  # asked for here, told in `plan.relieved`
FILERS = (Post.Kind.SECRETARY, Post.Kind.DEPUTY)
MOST_NOTE = 90  # characters: that of the decision and that of an early end share one column


class ReliefRefused(Exception):
    """The move cannot be made; the text says why and what to do, in Chinese."""


class AlreadyDecided(ReliefRefused):
    """Somebody else, or an earlier click, was quicker; nothing was changed."""


class NotYours(ReliefRefused):
    """The person may not make this move."""


class PasswordNeeded(ReliefRefused):
    """Whoever decides alone for all branches gives the password once more."""


# Who decides


@dataclass(frozen=True)
class Desk:
    """Who of the committee's office can decide on a day, as accounts; where it has nobody, the nearest above.

    Whoever files for the branch that it is for does not count: the branch's own do not decide on the branch.
    """

    persons: frozenset[int]

    @classmethod
    def of(cls, relief: Relief, on: date) -> Desk:
        """Two queries."""
        up = {one.pk: one.steps for one in Committee.objects.over(relief.committee_id)}  # type: ignore[attr-defined]
        sitting: dict[int, set[int]] = {}
        posts = Post.objects.filter(on_day(on), kind=Post.Kind.OFFICE, committee__in=up, member__user__is_active=True)
        if relief.branch_id:
            own = Post.objects.filter(on_day(on), branch=relief.branch_id, kind__in=FILERS, member=OuterRef("member"))
            posts = posts.filter(~Exists(own))
        for committee, user in posts.values_list("committee", "member__user"):
            sitting.setdefault(up[committee], set()).add(user)
        return cls(frozenset(sitting[min(sitting)]) if sitting else frozenset())

    def alone(self, relief: Relief) -> bool:
        """Whether there is but one to decide: the branch's request and that one's grant are the two persons then."""
        return len(self.others(relief)) <= 1

    def others(self, relief: Relief) -> frozenset[int]:
        """Who can decide: of the office's own its maker as well, of a branch's request never whoever asked."""
        return self.persons if of_office(relief) else self.persons - {relief.asked_by_id}


def of_office(relief: Relief) -> bool:
    """The office's own, which bears a name (暑假); a branch's request has none."""
    return bool(relief.name)


def _is_of_branch(access: Access, relief: Relief) -> bool:
    """Whether the person files for the branch that it is for, and so decides nothing about it."""
    return relief.branch_id in access.files_for


def _decides(access: Access, relief: Relief) -> bool:
    return relief.committee_id in access.office_of and not _is_of_branch(access, relief)


def _is_asker(access: Access, relief: Relief) -> bool:
    return relief.asked_by_id == access.actor.pk


def may_second(access: Access, relief: Relief, desk: Desk) -> bool:
    """The first of two: not of one's own request, and not where nobody would be left for the second."""
    return (
        _decides(access, relief)
        and not _is_asker(access, relief)
        and not of_office(relief)
        and not desk.alone(relief)
    )  # fmt: skip


def may_grant(access: Access, relief: Relief, desk: Desk) -> bool:
    """The second of two persons, or the only one there is; nobody grants a branch what he asked for himself."""
    if not _decides(access, relief):
        return False
    if _is_asker(access, relief):
        return of_office(relief) and desk.alone(relief)
    if relief.state == State.SECONDED:
        return relief.first_by_id != access.actor.pk or desk.alone(relief)
    return of_office(relief) or desk.alone(relief)


def may_refuse(access: Access, relief: Relief, desk: Desk) -> bool:
    return _decides(access, relief) and not _is_asker(access, relief)


def may_withdraw(access: Access, relief: Relief, desk: Desk) -> bool:
    """Those who file for the branch; of the office's own, who made it."""
    if of_office(relief):
        return relief.committee_id in access.office_of and _is_asker(access, relief)
    return relief.branch_id in access.files_for


def may_end(access: Access, relief: Relief, desk: Desk) -> bool:
    return relief.committee_id in access.office_of


def needs_password(access: Access, relief: Relief, desk: Desk) -> bool:
    """Whether granting rests on this person alone, so that the password is asked for once more."""
    return _is_asker(access, relief) and desk.alone(relief)


@dataclass(frozen=True)
class Rule:
    """One row of the table of moves."""

    label: str
    came_from: tuple[Relief.State, ...]
    to: Relief.State
    may: Callable[[Access, Relief, Desk], bool]
    needs_note: bool = False


MOVES: dict[str, Rule] = {
    "second": Rule("同意，交第二人复核", (State.ASKED,), State.SECONDED, may_second),
    "grant": Rule("同意", WAITING, State.GRANTED, may_grant),
    "refuse": Rule("不同意", WAITING, State.REFUSED, may_refuse, True),
    "withdraw": Rule("撤回", WAITING, State.WITHDRAWN, may_withdraw),
    "end": Rule("终止", (State.GRANTED,), State.ENDED, may_end, True),
}
AUDITED = {
    "second": "免除延期初审同意", "grant": "批准免除延期", "refuse": "不同意免除延期", "withdraw": "撤回免除延期申请",
    "end": "终止免除延期",
}  # fmt: skip


def allowed(access: Access, relief: Relief, desk: Desk) -> list[str]:
    """The names of the moves that the person can make now."""
    return [
        name for name, rule in MOVES.items() if State(relief.state) in rule.came_from and rule.may(access, relief, desk)
    ]


def waiting_for(access: Access) -> ReliefQuerySet:
    """What waits for this person's decision, the earliest asked first; one query, as a queryset to count or to list."""
    if not access.office_of or access.user is None:
        return Relief.objects.none()
    mine = Q(state=State.ASKED) & ~Q(asked_by=access.user)
    second = Q(state=State.SECONDED) & ~Q(asked_by=access.user) & ~Q(first_by=access.user)
    # What the person made for the office, or agreed to first, waits again once there is no colleague left for it.
    own = Q(asked_by=access.user) & ~Q(name="") | Q(first_by=access.user) & ~Q(asked_by=access.user)
    left = Q(state__in=WAITING) & own & _left_alone(access)
    found = Relief.objects.filter(mine | second | left, committee__in=access.office_of)
    found = found.exclude(branch__in=access.files_for)
    return found.select_related("branch").order_by("asked_at", "pk")


def _left_alone(access: Access) -> Q:
    """`Desk` as a condition on the rows: on the nearest desk that has anybody, nobody but this person can decide."""
    filing = Post.objects.filter(
        on_day(access.on), branch=OuterRef(OuterRef("branch")), kind__in=FILERS, member=OuterRef("member")
    )
    sitting = Post.objects.filter(
        ~Exists(filing), on_day(access.on), kind=Post.Kind.OFFICE, member__user__is_active=True
    )
    others = sitting.exclude(member__user=access.user).exclude(member__user=OuterRef("asked_by"))
    ways = [OuterRef(way) for way in ("committee", "committee__parent", "committee__parent__parent")]
    own, above, top = (~Q(Exists(others.filter(committee=way))) for way in ways)
    here, next_up = (Q(Exists(sitting.filter(committee=way))) for way in ways[:2])
    return own & (here | above & (next_up | top))


# Asked


@dataclass(frozen=True)
class Asking:
    """What is asked for: a kind, and single duties or the codes of requirements with a term."""

    kind: str
    reason: str
    from_on: date
    until_on: date
    year: int
    codes: tuple[str, ...] = ()
    duties: tuple[int, ...] = ()
    due_on: date | None = None
    name: str = ""

    def relief(self, committee_id: int, branch_id: int | None) -> Relief:
        """The row that it would become, not kept."""
        return Relief(
            committee_id=committee_id, branch_id=branch_id, kind=self.kind, year=self.year, name=self.name,
            codes=list(self.codes), from_on=self.from_on, until_on=self.until_on, due_on=self.due_on,
            reason=self.reason,
        )  # fmt: skip


def ask(asking: Asking, *, access: Access, committee: Committee, branch: Branch | None, form_key: str) -> Relief:
    """Put a request before the office, once under its key; the office's own has its maker for the first person.

    Raises NotYours. Nothing changes for the duties until it is granted.
    """
    if asking.name:
        fits = committee.pk in access.office_of and (branch is None or branch.committee_id in access.office_of)
    else:
        fits = branch is not None and branch.pk in access.files_for
    if not fits:
        raise NotYours("您不能提出这份申请。")
    if found := Relief.objects.filter(form_key=form_key, asked_by=access.actor).first():
        return found
    relief = asking.relief(committee.pk, branch.pk if branch else None)
    relief.asked_at, relief.asked_by, relief.form_key = access.now, access.actor, form_key
    try:
        _put(relief, asking, access)
    except IntegrityError:
        # The same form sent twice at once: this was the second.
        if found := Relief.objects.filter(form_key=form_key, asked_by=access.actor).first():
            return found
        raise NotYours("这份表单已经用过，请重新打开“申请免除或延期”再填。") from None
    return relief


def _put(relief: Relief, asking: Asking, access: Access) -> None:
    with audit.act(access, audit.Kind.WRITE, "提出免除延期" if asking.name else "申请免除延期") as entry:
        if asking.name and not Desk.of(relief, access.on).alone(relief):
            relief.state, relief.first_at, relief.first_by = State.SECONDED, access.now, access.actor
        relief.save(force_insert=True)
        relief.duties.set(asking.duties)
        entry.about = relief
        entry.detail["duties"] = touched(relief).count()


# Moved


def move(relief: Relief, name: str, *, access: Access, note: str = "", sure: bool = False) -> Relief:
    """Make one move, whole or not at all, and return the relief as it then is; a grant is in force at once.

    `sure` says that the password was given just now. Raises NotYours, PasswordNeeded, AlreadyDecided or ReliefRefused.
    """
    rule, note, at = MOVES[name], note.strip()[:MOST_NOTE], access.now
    with audit.act(access, audit.Kind.WRITE, AUDITED[name], relief) as entry:
        # The row is locked first, so that what is checked below is what is changed.
        relief = Relief.objects.select_for_update(of=("self",)).select_related("committee", "branch").get(pk=relief.pk)
        desk = Desk.of(relief, access.on)
        if State(relief.state) not in rule.came_from:
            raise AlreadyDecided(f"这份{relief}现在是“{relief.get_state_display()}”，刚才的操作没有再次执行。")
        if not rule.may(access, relief, desk):
            raise NotYours(_why_not(access, relief, name))
        if rule.needs_note and not note:
            raise ReliefRefused(f"请写明{rule.label}的原因，让对方知道为什么。")
        if name == "grant" and not sure and needs_password(access, relief, desk):
            raise PasswordNeeded("由您一人决定，请先再次输入密码。")
        entry.about = relief
        changed = _ACTS[name](relief, access, note)
        if changed is not None:
            entry.detail["duties"] = changed
        relief.state = rule.to
        relief.save()
        if name in ("grant", "refuse", "end"):
            _tell(relief, at)
    return relief


def _why_not(access: Access, relief: Relief, name: str) -> str:
    if name in ("second", "grant", "refuse") and relief.committee_id in access.office_of:
        if _is_of_branch(access, relief) and not _is_asker(access, relief):
            return "您是这个支部的书记或副书记，须由机关党委办公室的其他人办理。"
        if _is_asker(access, relief):
            return "这份申请由您提出，须由机关党委办公室的其他人办理。"
        if name == "grant" and relief.state == State.SECONDED:
            return "您已经同意过，须由办公室的另一人复核。"
        if name == "grant":
            return "须由两人先后同意：请先初审，再由另一人复核。"
    return "您不能办理这一步。"


def _second(relief: Relief, access: Access, note: str) -> None:
    relief.first_at, relief.first_by, relief.note = access.now, access.actor, note


def _grant(relief: Relief, access: Access, note: str) -> int:
    if relief.due_on and deadline(relief.due_on) <= access.now:
        raise ReliefRefused("延期至的日子已经过去，同意也不起作用。请不同意并说明，由对方按新的日期重新申请。")
    if relief.first_by_id == access.actor.pk:
        # The other person has left the office since: the one who is left decides, and is named once.
        relief.first_at = relief.first_by = None
    relief.note = note or relief.note
    _decided(relief, access)
    # Kept first: what changes names it.
    relief.save()
    return _apply(relief, owing(named(relief), relief.due_on), access.now, access.actor)


def _refuse(relief: Relief, access: Access, note: str) -> None:
    relief.note = note
    if relief.first_by_id == access.actor.pk:
        relief.first_at = relief.first_by = None
    _decided(relief, access)


def _decided(relief: Relief, access: Access) -> None:
    relief.decided_at, relief.decided_by = access.now, access.actor


def _withdraw(relief: Relief, access: Access, note: str) -> None:
    return None


def _end(relief: Relief, access: Access, note: str) -> int:
    """What is still to come owes again what it owed; what would have been due by now stays as it was granted."""
    relief.ended_at, relief.ended_by = access.now, access.actor
    relief.note = f"{relief.note}；终止：{note}".removeprefix("；")[:200]
    why = f"终止{relief.get_kind_display()}：{note}"
    given: dict[str, Any] = {"at": access.now, "by": access.actor, "why": why, "relief": relief}
    theirs = Duty.objects.filter(Exists(relief.changes.filter(duty=OuterRef("pk"))), settled_at__isnull=True)
    if relief.kind == Kind.EXEMPT:
        return change(theirs.filter(exempted_at__isnull=False, due_at__gt=access.now), exempt=False, **given)
    assert relief.due_on is not None  # noqa: S101 — the database says so
    still = theirs.filter(due_at=deadline(relief.due_on), exempted_at__isnull=True)
    changed = 0
    # By the days from which they came: as many rounds as there are deadlines, however many branches there are.
    for due_before in sorted(
        set(relief.changes.filter(due_before__gt=access.now).values_list("due_before", flat=True))
    ):
        came = relief.changes.filter(duty=OuterRef("pk"), due_before=due_before)
        changed += change(still.filter(Exists(came)), due_at=due_before, **given)
    return changed


_ACTS: dict[str, Callable[[Relief, Access, str], int | None]] = {
    "second": _second, "grant": _grant, "refuse": _refuse, "withdraw": _withdraw, "end": _end,
}  # fmt: skip


def _apply(relief: Relief, duties: DutyQuerySet, at: datetime, by: User | None) -> int:
    why = f"{relief.name}：{relief.reason}" if relief.name else relief.reason
    if relief.kind == Kind.EXEMPT:
        changed = change(duties, at=at, by=by, why=why, exempt=True, relief=relief)
        if changed:
            settle_exempted(relief, at)
        return changed
    assert relief.due_on is not None  # noqa: S101 — the database says so
    return change(duties, at=at, by=by, why=why, due_at=deadline(relief.due_on), relief=relief)


def apply_to_new(plan: Plan, at: datetime) -> int:
    """After an opening: what was opened, or dated anew, since a relief was granted has it too; safe to repeat.

    As many statements as there are reliefs in force, and none for what they have touched already.
    """
    within = Committee.objects.under(plan.committee_id).values("pk")
    above = Committee.objects.over(plan.committee_id).values("pk")
    granted = Relief.objects.filter(Q(committee__in=within) | Q(committee__in=above), state=State.GRANTED)
    changed = 0
    for relief in granted.filter(until_on__gte=date(plan.year, 1, 1)).exclude(codes=[]).order_by("decided_at", "pk"):
        anew = DutyChange.objects.filter(duty=OuterRef("pk"), changed_at__gte=relief.decided_at, relief__isnull=True)
        new = named(relief).filter(Q(opened_at__gte=relief.decided_at) | Exists(anew), committee=plan.committee_id)
        changed += _apply(relief, owing(new, relief.due_on), at, relief.decided_by)
    return changed


# Told


def _tell(relief: Relief, at: datetime) -> None:
    """Whoever asked, and those who file for the branch, learn what became of it: at once, and once."""
    users = {relief.asked_by}
    if relief.branch_id:
        leading = Q(member__posts__branch=relief.branch_id, member__posts__kind__in=FILERS)
        users |= set(User.objects.filter(leading & on_day(localdate(at), "member__posts__"), is_active=True))
    lines = [
        Line(
            told_words(relief, at), relief.note, relief.get_absolute_url(),
            "soon" if relief.state == State.REFUSED else "", "免除或延期的申请有了结果",
        )
    ]  # fmt: skip
    for user in sorted(users, key=lambda user: user.pk):
        if user.pk == (relief.ended_by_id or relief.decided_by_id):
            continue
        tell(
            user, kind=Message.Kind.NOTICE, key=f"relief:{relief.pk}:{relief.state}",
            title=f"{relief}{relief.get_state_display()}", lines=lines, at=at,
        )  # fmt: skip


def told_words(relief: Relief, at: datetime) -> str:
    """Of which duties, what was decided, and by when they are due now: 党课（第2季度）延期已同意，新的截止时间 …"""
    duties = touched(relief)
    if relief.ended_at:
        duties = Duty.objects.filter(pk__in=relief.changes.filter(changed_at=relief.ended_at).values("duty"))
    told = duties.order_by().aggregate(
        n=Count("pk"), codes=Count("code", distinct=True), title=Min("requirement__title"), period=Min("period"),
        whose=Min("member__name"), first=Min("due_at"), last=Max("due_at"),
    )  # fmt: skip
    words = f"{relief.get_kind_display()}{relief.get_state_display()}"
    if not told["n"]:
        return f"{words}，没有未办结的任务因此改变"
    what = f"{told['codes']}项要求共{told['n']}项任务"
    if told["codes"] == 1:
        inner = told["period"] if told["n"] == 1 else f"共{told['n']}项任务"
        whose = f"{told['whose']}：" if told["n"] == 1 and told["whose"] else ""
        what = f"{whose}{told['title']}（{inner}）"
    by = due_by(told["first"], at) if told["first"] == told["last"] else ""
    return f"{what}{words}，{_due_words(relief, by)}"


def _due_words(relief: Relief, by: str) -> str:
    """What holds from now on; `by` is the deadline where all have the same."""
    if relief.state == State.GRANTED:
        return "不再要求办理" if relief.kind == Kind.EXEMPT else f"新的截止时间{by}"
    if relief.state == State.REFUSED:
        return f"截止时间仍是{by}" if by else "截止时间不变"
    if relief.kind == Kind.EXEMPT:
        return "恢复要求，" + (f"截止时间{by}" if by else "按各自的截止时间办理")
    return f"截止时间恢复为{by}" if by else "恢复原来的截止时间"
