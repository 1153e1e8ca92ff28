"""Putting members forward for the pioneer posts: by whom, with which honour and evidence, and the branch's decision."""

from __future__ import annotations

import logging
from typing import Any

from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile

from branches import audit
from branches.access import Access
from branches.models import Branch, Post, on_day
from commitments.models import Nomination, Term
from commitments.posting import Already, Refused, cancel, is_on_roster, lock_posts
from documents.pictures import MAX_BYTES, CleanPicture, PictureRefused, clean_in_child, clean_name
from documents.storage import DamagedContent
from plan.models import Filing
from plan.quotas import Room

log = logging.getLogger(__name__)

State = Nomination.State
WRITE = audit.Kind.WRITE


def may_nominate(access: Access, branch: int) -> bool:
    """Everybody of the branch may put somebody of it forward, oneself included."""
    return branch in access.branches


def may_decide(access: Access, nomination: Nomination) -> bool:
    """The branch decides through its secretary or deputy, and nobody on oneself.

    Where the secretary is put forward and there is no other, the office above decides.
    """
    if nomination.state != State.ASKED or nomination.member_id == access.member_id:
        return False
    if nomination.branch_id in access.files_for:
        return True
    if nomination.branch.committee_id not in access.office_of:
        return False
    kinds = (Post.Kind.SECRETARY, Post.Kind.DEPUTY)
    deciding = Post.objects.filter(on_day(access.on), branch=nomination.branch_id, kind__in=kinds)
    return not deciding.exclude(member=nomination.member_id).exists()


def may_withdraw(access: Access, nomination: Nomination) -> bool:
    """Oneself at any time, who put it forward while it is open, and the branch's leaders."""
    if nomination.state not in Nomination.OPEN:
        return False
    asked_it = nomination.state == State.ASKED and nomination.nominated_by_id == access.actor.pk
    return nomination.member_id == access.member_id or asked_it or nomination.branch_id in access.leads


def take_picture(file: UploadedFile, branch: Branch, access: Access) -> CleanPicture:
    """A cleaned copy of the certificate's photo in the evidence storage; raises Refused with the cure."""
    shown, size = clean_name(file.name or ""), file.size or 0
    if size > MAX_BYTES:
        raise Refused(f"“{shown}”超过 20 MB 的上限。请在相册中另存为较小的 JPEG 后再上传。", "picture")
    room = Room.of(Filing(branch=branch, committee=branch.committee, year=access.on.year), access)
    try:
        if full := room.refusal(shown):
            raise PictureRefused(full)
        picture = clean_in_child(file.read(), shown)
        if full := room.refusal(shown, len(picture.jpeg) + len(picture.thumb)):
            raise PictureRefused(full)
        storage: Any = storages["evidence"]
        storage.put(picture.jpeg)
        storage.put(picture.thumb)
    except PictureRefused as refusal:
        raise Refused(str(refusal), "picture") from None
    except (OSError, DamagedContent):
        log.exception("a certificate's picture could not be kept")
        text = f"“{shown}”没有存上：服务器的存储暂时不可用。请稍后再传；仍不行时请联系系统管理员。"
        raise Refused(text, "picture") from None
    return picture


def nominate(access: Access, branch: Branch, **columns: Any) -> Nomination:
    """Put a member of the branch forward. Raises Refused, and IntegrityError where the form was used before."""
    member = columns["member"]
    with audit.act(access, WRITE, "推荐先锋岗人选", branch) as entry:
        # A member's row would do as well; the posts' are what everything here waits for.
        lock_posts(branch.pk)
        if not is_on_roster(member.pk, branch.pk, access.on):
            raise Refused(f"{member.name}不在本支部名册上。", "member")
        there = Nomination.objects.filter(branch=branch, member=member, state__in=Nomination.OPEN).first()
        if there:
            raise Refused(f"{member.name}{there.get_state_display()}，不必再次推荐。", "member")
        nomination = Nomination.objects.create(
            branch=branch, nominated_at=access.now, nominated_by=access.actor, **columns
        )
        entry.detail["to"] = member.name
    return nomination


def decide(nomination: Nomination, access: Access, *, accept: bool, opinion: str) -> Nomination:
    """Take the member in, or not, with the branch's opinion; one decision wins. Raises Refused."""
    state = State.ACCEPTED if accept else State.REFUSED
    with audit.act(access, WRITE, "评议先锋岗人选", nomination.branch) as entry:
        row = _locked(nomination)
        if row.state != State.ASKED:
            raise Already(f"{row.member.name}现在是“{row.get_state_display()}”，没有再次办理。")
        if not may_decide(access, row):
            raise Refused("本人的推荐由其他负责人评议，您不能办理。")
        if accept and not is_on_roster(row.member_id, row.branch_id, access.on):
            raise Refused(f"{row.member.name}已不在本支部名册上，不能入选。", "accept")
        Nomination.objects.filter(pk=row.pk).update(
            state=state, decided_at=access.now, decided_by=access.actor, decision=opinion
        )
        entry.detail |= {"to": row.member.name, "of": state.label, "reason": opinion}
    return row


def withdraw(nomination: Nomination, access: Access, reason: str) -> None:
    """No longer put forward; what was planned with the member is cancelled, what was stood stays in the history."""
    with audit.act(access, WRITE, "退出先锋岗人选", nomination.branch) as entry:
        row = _locked(nomination)
        if row.state not in Nomination.OPEN:
            raise Already(f"{row.member.name}现在是“{row.get_state_display()}”，没有再次办理。")
        _refuse_on_duty(row)
        _call_off(row, access, f"已退出人选：{reason}")
        Nomination.objects.filter(pk=row.pk).update(state=State.WITHDRAWN)
        entry.detail |= {"to": row.member.name, "reason": reason}


def say_willing(nomination: Nomination, access: Access, *, willing: bool) -> None:
    """The member's own word; who says no is not drafted, and what was planned with him is cancelled."""
    with audit.act(access, WRITE, "本人同意驻岗" if willing else "本人暂不驻岗", nomination.branch):
        row = _locked(nomination)
        if row.state not in Nomination.OPEN:
            raise Already(f"这项推荐现在是“{row.get_state_display()}”，不必再选。")
        if not willing:
            _refuse_on_duty(row)
            _call_off(row, access, "本人暂不驻岗")
        Nomination.objects.filter(pk=row.pk).update(is_willing=willing)


def _locked(nomination: Nomination) -> Nomination:
    """The row, read again behind the branch's posts: a rotation that is just adopted reads it, too."""
    lock_posts(nomination.branch_id)
    return Nomination.objects.select_for_update(of=("self",)).select_related("member", "branch").get(pk=nomination.pk)


def _refuse_on_duty(row: Nomination) -> None:
    on_duty = Term.objects.running().filter(member=row.member_id, post__branch=row.branch_id).select_related("post")
    if there := on_duty.first():
        raise Refused(f"{row.member.name}正在“{there.post.name}”驻岗，请先登记离岗。", "reason")


def _call_off(row: Nomination, access: Access, why: str) -> None:
    cancel(Term.objects.filter(nomination=row), access.on, why[:200])
