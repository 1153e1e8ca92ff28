"""Standing on a pioneer post: going on duty (上岗), leaving, handing over; and the branch's duty that this settles."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.timezone import localdate

from branches import audit
from branches.access import Access
from branches.models import Branch, Member, Membership, on_day
from commitments.models import Handover, PioneerPost, Term
from plan.models import Duty, Plan

WRITE = audit.Kind.WRITE


class Refused(Exception):
    """Why nothing was done, as a sentence, and the field of the form that it belongs to, if any."""

    def __init__(self, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field


class Already(Refused):
    """Somebody else, or an earlier click, was quicker; nothing was changed."""


# The duty of the branch (C6)


def settle(branch: int, on: date, at: datetime) -> int:
    """Somebody stands on one of the branch's posts: what the plan of that year asks is done; idempotent."""
    return _settle(Duty.objects.filter(branch=branch, year=on.year), at)


def _settle(duties: QuerySet[Duty], at: datetime) -> int:
    owed = duties.filter(requirement__proof="posts", member__isnull=True, settled_at__isnull=True)
    return owed.update(settled_at=at, done_at=at, judged_due_at=F("due_at"))


def settle_opened(plan: Plan, at: datetime) -> int:
    """After duties were opened: the branches in which somebody stands on a post already, in the plan's year."""
    if localdate(at).year != plan.year:
        return 0
    standing = Term.objects.running().filter(post__branch=OuterRef("branch"))
    return _settle(Duty.objects.filter(Exists(standing), requirement__plan=plan), at)


# Terms


def locked(term: Term) -> Term:
    """The term, read again with all posts of its branch locked: who stands where in a branch is decided by one."""
    branch = PioneerPost.objects.values_list("branch", flat=True).get(pk=term.post_id)
    lock_posts(branch)
    return Term.objects.select_related("post__branch", "member").get(pk=term.pk)


def lock_posts(branch: int) -> list[PioneerPost]:
    """All posts of the branch, locked in one order until the end of the transaction."""
    return list(PioneerPost.objects.select_for_update(of=("self",)).filter(branch=branch).order_by("pk"))


def is_on_roster(member: int, branch: int, on: date) -> bool:
    return Membership.objects.filter(on_day(on), member=member, branch=branch).exists()


def begin(term: Term, access: Access) -> Term:
    """The member goes on duty; the branch's duty of the year is settled with it. Raises Refused."""
    try:
        with audit.act(access, WRITE, "登记上岗", term.post) as entry:
            term = locked(term)
            _may_begin(term, access.on)
            Term.objects.filter(pk=term.pk).update(begun_at=access.now, begun_by=access.actor)
            settle(term.post.branch_id, access.on, access.now)
            entry.detail |= {"to": term.member.name, "from_on": term.from_on}
    except IntegrityError:
        # On a post of another branch, which is locked by nobody here: the database lets one in.
        raise Refused("这名党员正在别的岗位上驻岗，请先登记离岗。") from None
    return term


def _may_begin(term: Term, on: date) -> None:
    name, post = term.member.name, term.post
    if term.begun_at:
        raise Already(f"{name}已经上岗，没有再次登记。")
    if term.ended_on:
        raise Already(f"{name}的这一期已经取消或重新安排，不能上岗。")
    if post.closed_on:
        raise Refused(f"“{post.name}”已经撤销，不能上岗。")
    if term.from_on > on:
        raise Refused(f"这一期从{_day(term.from_on)}起，到时再登记上岗。")
    if term.until_on <= on:
        raise Refused(f"这一期到{_day(term.last_on)}为止，已经过了。请登记未上岗，或重新安排轮换。")
    if not is_on_roster(term.member_id, post.branch_id, on):
        raise Refused(f"{name}已不在本支部名册上，请重新安排轮换。")
    running = Term.objects.running().exclude(pk=term.pk).select_related("member", "post")
    if there := running.filter(Q(post=post) | Q(member=term.member_id)).first():
        if there.post_id == post.pk:
            raise Refused(f"{there.member.name}还在“{post.name}”驻岗，请先登记{there.member.name}离岗。")
        raise Refused(f"{name}正在“{there.post.name}”驻岗，请先登记离岗。")


def end(term: Term, access: Access, *, how: str, on: date, reason: str = "") -> Term:
    """The member leaves the post, or never went there (未上岗). Raises Refused with the field."""
    with audit.act(access, WRITE, Term.End(how).label, term.post) as entry:
        term = locked(term)
        _may_end(term, access.on, how, on, reason.strip())
        Term.objects.filter(pk=term.pk).update(ended_on=on, end=how, end_reason=reason.strip())
        entry.detail |= {"to": term.member.name, "on": on, "reason": reason.strip()}
    return term


def _may_end(term: Term, today: date, how: str, on: date, reason: str) -> None:
    name = term.member.name
    if term.ended_on:
        raise Already(f"{name}的这一期已经结束，没有再次登记。")
    if (how == Term.End.CANCELLED) != (term.begun_at is None):
        told = "还没有上岗，只能登记未上岗" if term.begun_at is None else "已经上岗，请选择离岗方式"
        raise Refused(f"{name}{told}。", "how")
    if how != Term.End.ROTATED and not reason:
        raise Refused(f"请写明{Term.End(how).label}的原因。", "reason")
    if on > today:
        raise Refused("日期不能晚于今天。", "on")
    if term.begun_at and on < term.from_on:
        raise Refused(f"日期不能早于上岗的{_day(term.from_on)}。", "on")
    if how == Term.End.ROTATED and on < term.last_on:
        raise Refused(f"这一期到{_day(term.last_on)}。还没有到期的，请选“提前离岗”并写明原因。", "how")


def may_hand_over(access: Access, term: Term) -> bool:
    """Whoever stands or stood there, and the branch's leaders, write what the next one should know."""
    return term.begun_at is not None and (term.member_id == access.member_id or term.post.branch_id in access.leads)


def hand_over(term: Term, access: Access, text: str) -> None:
    """Write, or write anew, what the holder tells the next; once the next has begun it is what was read, and stays."""
    with audit.act(access, WRITE, "填写交接事项", term.post) as entry:
        term = locked(term)
        later = Term.objects.filter(post=term.post_id, begun_at__gt=term.begun_at)
        if Handover.objects.filter(given_by=term).exists() and later.exists():
            raise Already("接任的党员已经上岗，交接事项不再改动。")
        Handover.objects.update_or_create(
            given_by=term, defaults={"text": text, "written_at": access.now, "written_by": access.actor}
        )
        entry.detail["of"] = Member.objects.values_list("name", flat=True).get(pk=term.member_id)


def open_post(branch: Branch, access: Access, **columns: Any) -> PioneerPost:
    """Set up a post. Raises IntegrityError where its name is taken, or the form was used before."""
    with audit.act(access, WRITE, "设立党员先锋岗", branch) as entry:
        entry.about = post = PioneerPost.objects.create(
            branch=branch, created_at=access.now, created_by=access.actor, **columns
        )
    return post


def close(post: PioneerPost, access: Access, reason: str) -> None:
    """The post is no more: nobody may stand there, what was planned is cancelled. Raises Refused."""
    with audit.act(access, WRITE, "撤销党员先锋岗", post) as entry:
        kept = next(one for one in lock_posts(post.branch_id) if one.pk == post.pk)
        if kept.closed_on:
            raise Already(f"“{kept.name}”已经撤销，没有再次办理。")
        if holder := Term.objects.running().filter(post=kept).select_related("member").first():
            raise Refused(f"{holder.member.name}还在驻岗，请先登记离岗，再撤销岗位。", "reason")
        cancel(Term.objects.planned().filter(post=kept), access.on, "岗位撤销")
        PioneerPost.objects.filter(pk=kept.pk).update(closed_on=access.on, close_reason=reason)
        entry.detail["reason"] = reason


def cancel(terms: QuerySet[Term], on: date, why: str) -> int:
    """What was planned does not come about."""
    planned = terms.filter(begun_at__isnull=True, ended_on__isnull=True)
    return planned.update(ended_on=on, end=Term.End.CANCELLED, end_reason=why)


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
