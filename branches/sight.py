"""Who reads whose entry, who keeps it, who may have its numbers revealed, and, the other way round, who sees a member.

Each rule is one Q over members. The pages filter by it for one access; `watchers` asks it of every post of a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, Value, When

from branches.access import Access
from branches.models import Member, MemberQuerySet, Membership, Post, committee_tree, on_day, visible

# So many different accesses are asked about in one query: PostgreSQL answers with at most 1,664 columns.
AT_ONCE = 1000
READS, REVEALS = 1, 2


def of_committees(committees: frozenset[int], day: date, who: str = "pk") -> Q:
    """Members of these committees' branches today, and those who once were, or held a post, and now belong nowhere.

    Whoever went over to another committee is that one's. `who` names the member in the rows that are asked about.
    """
    today = Membership.objects.filter(on_day(day), member=OuterRef(who))
    ever = Membership.objects.filter(member=OuterRef(who), branch__committee__in=committees)
    serves = Post.objects.filter(member=OuterRef(who), committee__in=committees)
    mine = Q(Exists(today.filter(branch__committee__in=committees)))
    return mine | (Q(~Exists(today)) & (Q(Exists(ever)) | Q(Exists(serves))))


def kept(access: Access) -> Q:
    """Members whose entries the office keeps."""
    return of_committees(access.office_of, access.on)


def account_of(committees: frozenset[int], day: date, who: str = "pk") -> Q:
    """Members whose accounts these committees' administrators look after: their own, and whoever serves there."""
    standing = Q(until_on__isnull=True) | Q(until_on__gt=day)
    serves = Post.objects.filter(standing, committee__in=committees, member=OuterRef(who))
    return of_committees(committees, day, who) | Q(Exists(serves))


def readable(access: Access) -> Q:
    """Members whose entries the person reads, with what is masked in them."""
    return visible(access) | kept(access) if access.office_of else visible(access)


def revealable(access: Access) -> Q:
    """Members whose ID number and phone may be shown to the person: oneself, the secretary's branch, the office's."""
    today = Membership.objects.filter(on_day(access.on), member=OuterRef("pk"))
    mine = Q(pk=access.member_id) | Q(Exists(today.filter(branch__in=access.secretary_of)))
    return mine | kept(access) if access.office_of else mine


def kept_by(access: Access) -> MemberQuerySet:
    return Member.objects.filter(kept(access), merged_into__isnull=True)


def readable_by(access: Access) -> MemberQuerySet:
    return Member.objects.filter(readable(access), merged_into__isnull=True)


def may_reveal(access: Access, member: Member) -> bool:
    return Member.objects.filter(revealable(access), pk=member.pk).exists()


# -------------------------------------------------------------------------------------------------- seen by whom


@dataclass(frozen=True)
class Watcher:
    """Somebody who reads a member's entry on a day, by which posts, and whether the numbers may be revealed to them."""

    member: Member
    posts: list[Post]
    may_reveal: bool


def watchers(member: Member, day: date, now: datetime) -> list[Watcher]:
    """Everybody but the member who reads the member's entry by a post held on `day`; in three queries.

    A rule allows what any of somebody's posts allows, so each post is asked about by itself; posts that allow the same,
    such as a committee's inspectors, are asked about once.
    """
    tree = committee_tree()
    posts = list(
        Post.objects.filter(on_day(day))
        .exclude(member=member)
        .select_related("member", "branch", "committee")
        .order_by("member__name_key", "member_id", "from_on", "pk")
    )
    accesses = [Access.of_posts(post.member, [post], now, day, tree) for post in posts]
    allowed = _asked(member, {_scope(access): access for access in accesses})
    found: dict[int, Watcher] = {}
    for post, access in zip(posts, accesses, strict=True):
        if not (sees := allowed[_scope(access)]):
            continue
        before = found.get(post.member_id)
        held = [*(before.posts if before else []), post]
        found[post.member_id] = Watcher(post.member, held, sees == REVEALS or bool(before and before.may_reveal))
    return list(found.values())


def _scope(access: Access) -> tuple[frozenset[int], ...]:
    """All of an access that the rules above look at, but for who it is."""
    return access.leads, access.secretary_of, access.sees_committees, access.office_of


def _asked(member: Member, accesses: dict[tuple[frozenset[int], ...], Access]) -> dict[Any, int]:
    """What each access may see of the member: 0 nothing, READS the entry, REVEALS its numbers too."""
    found: dict[Any, int] = {}
    keys = list(accesses)
    for start in range(0, len(keys), AT_ONCE):
        asked = {f"sees_{n}": _seen(accesses[key]) for n, key in enumerate(keys[start : start + AT_ONCE], start)}
        answer = Member.objects.filter(pk=member.pk).annotate(**asked).values(*asked).get()
        found.update({keys[int(name.removeprefix("sees_"))]: sees for name, sees in answer.items()})
    return found


def _seen(access: Access) -> Case:
    return Case(
        When(revealable(access), then=Value(REVEALS)), When(readable(access), then=Value(READS)), default=Value(0)
    )
