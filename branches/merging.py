"""Two entries become one: every row that names the one that goes is moved to the one that stays, or is decided about.

`DECISIONS` has a line for each column of the portal that names a member or an account; the floors above add theirs when
they start, and a test compares the lines with the models. What was filed, and the log, is never rewritten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Q

from branches.access import Access
from branches.models import Member, NotDuplicate, Post, User
from branches.personal import FIELDS

# What moves, given the entry that stays and the one that goes; None where nothing does.
Carrier = Callable[[Member, Member], "Moved"]


@dataclass(frozen=True)
class Moved:
    """How many rows went over, and in a sentence what became of those for which there was no room."""

    count: int = 0
    sentence: str = ""


@dataclass(frozen=True)
class Decision:
    """A column that names a member or an account: what its rows are called, and what a merge does with them."""

    noun: str
    unit: str = "条"
    carry: Carrier | None = None


class CannotMerge(Exception):
    """These two cannot become one; the text is a sentence that says why and what to do."""


def moving(model: str, name: str) -> Carrier:
    """Rows of which a member may have any number: they all go over."""

    def carry(kept: Member, gone: Member) -> Moved:
        from django.apps import apps

        return Moved(apps.get_model(model)._default_manager.filter(**{name: gone}).update(**{name: kept}))

    return carry


# -------------------------------------------------------------------------------------------------------- terms


def left_over(term: tuple[date, date | None], taken: list[tuple[date, date | None]]) -> list[tuple[date, date | None]]:
    """The parts of a term (from, until; None is open) that none of the taken terms covers, in order."""
    parts = [term]
    for begin, end in sorted(taken, key=lambda one: one[0]):
        cut: list[tuple[date, date | None]] = []
        for start, stop in parts:
            if (end is not None and end <= start) or (stop is not None and begin >= stop):
                cut.append((start, stop))
                continue
            if start < begin:
                cut.append((start, begin))
            if end is not None and (stop is None or end < stop):
                cut.append((end, stop))
        parts = cut
    return parts


def _carry_terms(rows: list[Any], taken_of: Callable[[Any], list[tuple[date, date | None]]], kept: Member) -> Moved:
    """Give the rows to `kept`, cut down to the days for which it has none of its own."""
    moved = shortened = 0
    for row in rows:
        parts = left_over((row.from_on, row.until_on), taken_of(row))
        shortened += parts != [(row.from_on, row.until_on)]
        moved += len(parts)
        table = type(row).objects
        if not parts:
            table.filter(pk=row.pk).delete()
            continue
        (start, stop), *more = parts
        table.filter(pk=row.pk).update(member=kept, from_on=start, until_on=stop)
        for start, stop in more:
            row.pk, row.member, row.from_on, row.until_on = None, kept, start, stop
            row._state.adding = True
            row.save(force_insert=True)
    words = f"有{shortened}段与保留的条目同时，重叠的日子以保留的条目为准" if shortened else ""
    return Moved(moved, words)


def _carry_memberships(kept: Member, gone: Member) -> Moved:
    taken = [(one.from_on, one.until_on) for one in kept.memberships.all()]
    return _carry_terms(list(gone.memberships.order_by("from_on", "pk")), lambda row: taken, kept)


def _carry_posts(kept: Member, gone: Member) -> Moved:
    held: dict[Any, list[tuple[date, date | None]]] = {}
    for post in kept.posts.all():
        held.setdefault((post.kind, post.branch_id, post.committee_id), []).append((post.from_on, post.until_on))
    return _carry_terms(
        list(gone.posts.order_by("from_on", "pk")),
        lambda row: held.get((row.kind, row.branch_id, row.committee_id), []),
        kept,
    )


# ------------------------------------------------------------------------------------------- accounts and the rest


def _carry_account(kept: Member, gone: Member) -> Moved:
    """The account goes over where the other has none, under the number that stays; else it is paused and stays."""
    user = User.objects.filter(member=gone).first()
    if user is None:
        return Moved()
    if User.objects.filter(member=kept).exists():
        User.objects.filter(pk=user.pk).update(is_active=False)
        return Moved(0, f"工号{gone.staff_number}的账号暂停，今后用工号{kept.staff_number}登录")
    User.objects.filter(pk=user.pk).update(member=kept, staff_number=kept.staff_number)
    return Moved(1, f"今后用工号{kept.staff_number}登录，密码不变")


def _forget_doubts(name: str) -> Carrier:
    """Whom the one that goes was told apart from is asked about again, should it still look so."""

    def carry(kept: Member, gone: Member) -> Moved:
        NotDuplicate.objects.filter(**{name: gone}).delete()
        return Moved()

    return carry


STAYS = None
# In this order they are carried out; the floors above follow.
DECISIONS: dict[str, Decision] = {
    "branches.Member.merged_into": Decision("此前并入的条目", carry=moving("branches.Member", "merged_into")),
    "branches.Membership.member": Decision("组织关系", "段", _carry_memberships),
    "branches.Post.member": Decision("任职", "段", _carry_posts),
    "branches.NotDuplicate.first": Decision("不是同一人的认定", carry=_forget_doubts("first")),
    "branches.NotDuplicate.second": Decision("不是同一人的认定", carry=_forget_doubts("second")),
    "branches.User.member": Decision("账号", "个", _carry_account),
    # What an account did stays with the account, and with it in the log.
    "branches.NotDuplicate.said_by": Decision("不是同一人的认定", carry=STAYS),
    "branches.OldPassword.user": Decision("用过的密码", carry=STAYS),
    "branches.RecoveryCode.user": Decision("恢复码", carry=STAYS),
    "branches.KnownDevice.user": Decision("常用设备", carry=STAYS),
    "branches.LoginSession.user": Decision("登录", carry=STAYS),
    "branches.RosterImport.uploaded_by": Decision("名册导入", carry=STAYS),
    "branches.RosterImport.committed_by": Decision("名册导入", carry=STAYS),
    "branches.AuditEvent.actor": Decision("审计日志", carry=STAYS),
}


def naming_columns() -> set[str]:
    """Every column of the portal that names a member or an account, as the models have them."""
    from django.apps import apps

    return {
        f"{model._meta.label}.{column.name}"
        for model in apps.get_models()
        for column in model._meta.local_fields
        if isinstance(column, models.ForeignKey) and column.related_model in (Member, User)
    }


# ------------------------------------------------------------------------------------------------------ the merge

# Facts that the entry that stays takes over where it has none; two names stand for facts that belong together.
FACTS = (
    ("joined_on",), ("confirmed_on",), ("job_title",), ("retired_on",), ("mobile_from_on", "mobile_place"),
    ("absent_from_on",), ("id_number_sealed", "id_number_index"), ("phone_sealed", "phone_index"),
)  # fmt: skip


def foreign_rights(access: Access, kept: Member, gone: Member) -> str:
    """Why the merge would hand over a right that is not this office's to give; empty if it would not.

    Who works in an office or administers is the security administrator's to say (`grants`): neither the post may go
    to another entry, nor an account, with its password, to whoever holds the post. Posts elsewhere are others'.
    """
    standing = Q(until_on__isnull=True) | Q(until_on__gt=access.on)
    mine = Q(branch__committee__in=access.office_of)
    mine |= Q(committee__in=access.office_of, kind=Post.Kind.INSPECTOR)
    held = gone.posts.filter(standing).exclude(mine)
    if not User.objects.filter(member=kept).exists() and User.objects.filter(member=gone).exists():
        held |= kept.posts.filter(standing, committee__isnull=False)
    post = held.select_related("branch", "committee", "member").first()
    if post is None:
        return ""
    where = post.branch or post.committee
    whose = "由安全管理员收回这项权限" if post.committee else "由该支部的上级办公室办理离任"
    who = f"{post.member.name}（工号{post.member.staff_number}）"
    return f"{who}现任{where}{post.get_kind_display()}，请先{whose}，再合并。"


def merge(kept: Member, gone: Member) -> list[tuple[Decision, Moved]]:
    """Carry everything over and leave `gone` empty, leading to `kept`; all or nothing. Says what moved.

    Raises `CannotMerge` where the database does not allow one person what the two have together.
    """
    if kept.pk == gone.pk or kept.merged_into_id or gone.merged_into_id:
        raise CannotMerge("其中一个条目已经并入别的条目，请刷新名单后再看。")
    try:
        with transaction.atomic():
            carried = [
                (decision, decision.carry(kept, gone)) for decision in DECISIONS.values() if decision.carry is not None
            ]
            _take_over_facts(kept, gone)
            return [(decision, moved) for decision, moved in carried if moved != Moved()]
    except IntegrityError as refused:
        raise CannotMerge(
            "两个条目的职务不能由一人同时担任（系统、安全、审计管理员与其他职务互斥），"
            "或有不能并存的记录。请先办理离任，再合并。"
        ) from refused


def rehearse(kept: Member, gone: Member) -> list[tuple[Decision, Moved]]:
    """What `merge` would do, found by doing it and taking it back: the preview cannot say anything else."""
    with transaction.atomic():
        try:
            return merge(Member.objects.get(pk=kept.pk), Member.objects.get(pk=gone.pk))
        finally:
            transaction.set_rollback(True)


def _take_over_facts(kept: Member, gone: Member) -> None:
    """Empty facts are filled, the sealed fields of the one that goes are emptied, and it leads to the other."""
    for names in FACTS:
        if not getattr(kept, names[0]) and getattr(gone, names[0]):
            for name in names:
                setattr(kept, name, getattr(gone, name))
    if kept.joined_on and kept.confirmed_on and kept.confirmed_on < kept.joined_on:
        kept.refresh_from_db(fields=["joined_on", "confirmed_on"])
    for field in FIELDS:
        setattr(gone, f"{field}_sealed", "")
        setattr(gone, f"{field}_index", "")
    gone.merged_into = kept
    gone.save()
    kept.save()


def filled_facts(kept: Member, gone: Member) -> list[str]:
    """The labels of the facts that would be filled from the one that goes."""
    labels = {"id_number_sealed": "公民身份号码", "phone_sealed": "联系电话"}
    return [
        labels.get(names[0]) or str(Member._meta.get_field(names[0]).verbose_name)  # type: ignore[union-attr]
        for names in FACTS
        if not getattr(kept, names[0]) and getattr(gone, names[0])
    ]
