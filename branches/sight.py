"""Who reads whose entry, who keeps it, who may have its numbers revealed, and, the other way round, who sees a member.

Each rule is one Q over members. `people_pages` filters by it for one access; `watchers` asks it of every post of a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Case, Exists, OuterRef, Q, Value, When

from branches.access import Access
from branches.models import Member, MemberQuerySet, Membership, Post, committee_tree, on_day, visible

# So many posts are asked about in one query: a branch of hundreds still needs one.
AT_ONCE = 150


def kept(access: Access) -> Q:
    """Members whose entries the office keeps: its own of today, and those it had who now belong nowhere."""
    today = Membership.objects.filter(on_day(access.on), member=OuterRef("pk"))
    ever = Membership.objects.filter(member=OuterRef("pk"), branch__committee__in=access.office_of)
    serves = Post.objects.filter(member=OuterRef("pk"), committee__in=access.office_of)
    mine = Q(Exists(today.filter(branch__committee__in=access.office_of)))
    return mine | (Q(~Exists(today)) & (Q(Exists(ever)) | Q(Exists(serves))))


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
    """Everybody but the member who reads the member's entry by a post held on `day`; in four queries for 150 posts.

    A rule allows what any of somebody's posts allows, so each post is asked about by itself.
    """
    tree = committee_tree()
    posts = list(
        Post.objects.filter(on_day(day))
        .exclude(member=member)
        .select_related("member", "branch", "committee")
        .order_by("member__name_key", "member_id", "from_on", "pk")
    )
    found: dict[int, Watcher] = {}
    for start in range(0, len(posts), AT_ONCE):
        chunk = posts[start : start + AT_ONCE]
        asked: dict[str, Case] = {}
        for n, post in enumerate(chunk):
            access = Access.of_posts(post.member, [post], now, day, tree)
            asked[f"reads_{n}"] = _whether(readable(access))
            asked[f"reveals_{n}"] = _whether(revealable(access))
        answer = Member.objects.filter(pk=member.pk).annotate(**asked).values(*asked).get()
        for n, post in enumerate(chunk):
            if not (answer[f"reads_{n}"] or answer[f"reveals_{n}"]):
                continue
            before = found.get(post.member_id)
            found[post.member_id] = Watcher(
                post.member,
                [*(before.posts if before else []), post],
                bool(answer[f"reveals_{n}"] or (before and before.may_reveal)),
            )
    return list(found.values())


def _whether(rule: Q) -> Case:
    return Case(When(rule, then=Value(True)), default=Value(False))
