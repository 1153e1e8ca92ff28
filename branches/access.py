"""What a person may see and do on a day: everything follows from the posts held on that day, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db.models import Count, FilteredRelation, Q
from django.utils.timezone import localdate

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from branches.models import Branch, Committee, Member, Post, User


class Role(StrEnum):
    """The actors of the access matrix."""

    MEMBER = "党员"
    COMMISSIONER = "支委"
    SECRETARY = "支部书记"
    DEPUTY = "支部副书记"
    OFFICE = "机关党委办公室"
    INSPECTOR = "督查人员"
    AUDITOR = "审计管理员"
    SYSADMIN = "系统管理员"
    SECURITY = "安全管理员"


@dataclass(frozen=True)
class Access:
    """One person's rights on one day, as sets of ids; made by `Access.of`, in at most four queries."""

    now: datetime
    on: date
    user: User | None = None
    member: Member | None = None
    branch: Branch | None = None
    committee: Committee | None = None
    secretary_of: frozenset[int] = field(default=frozenset())
    deputy_of: frozenset[int] = field(default=frozenset())
    commissioner_of: frozenset[int] = field(default=frozenset())
    office_of: frozenset[int] = field(default=frozenset())
    inspects: frozenset[int] = field(default=frozenset())
    audits: frozenset[int] = field(default=frozenset())
    administers: frozenset[int] = field(default=frozenset())
    secures: frozenset[int] = field(default=frozenset())
    # Messages in the person's inbox that wait to be read.
    unread: int = 0
    # Where the request came from and its number, for the audit log.
    ip: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, user: User | AnonymousUser, now: datetime, *, ip: str = "", request_id: str = "") -> Access:
        from branches.models import Member, Membership, Post, on_day

        day = localdate(now)
        if not user.is_authenticated:
            return cls(now=now, on=day, ip=ip, request_id=request_id)
        # The inbox stands above this floor, so it is named by its way back; one query for both.
        unread = FilteredRelation("user__messages", condition=Q(user__messages__read_at__isnull=True))
        member = Member.objects.annotate(waiting=unread, unread=Count("waiting")).get(pk=user.member_id)
        membership = Membership.objects.filter(on_day(day), member=member).select_related("branch__committee").first()
        posts = Post.objects.filter(on_day(day), member=member).select_related("committee")
        branch = membership.branch if membership else None
        made = cls._made(now, day, user, member, branch, posts, ip=ip, request_id=request_id)
        return replace(made, unread=member.unread)

    @classmethod
    def of_posts(
        cls, member: Member, posts: Iterable[Post], now: datetime, on: date, tree: dict[int | None, list[int]]
    ) -> Access:
        """What these posts alone allow their holder on that day, asking the database nothing."""
        return cls._made(now, on, None, member, None, posts, tree)

    @classmethod
    def _made(
        cls,
        now: datetime,
        on: date,
        user: User | None,
        member: Member,
        branch: Branch | None,
        posts: Iterable[Post],
        tree: dict[int | None, list[int]] | None = None,
        *,
        ip: str = "",
        request_id: str = "",
    ) -> Access:
        from branches.models import Post, with_subtrees

        held: dict[str, set[int]] = {}
        committee = branch.committee if branch else None
        for post in posts:
            held.setdefault(post.kind, set()).add(post.branch_id or post.committee_id or 0)
            committee = post.committee or committee
        kind = Post.Kind
        trees = {
            name: with_subtrees(held.get(name, set()), tree)
            for name in (kind.OFFICE, kind.INSPECTOR, kind.AUDITOR, kind.SYSADMIN, kind.SECURITY)
        }
        return cls(
            now=now,
            on=on,
            user=user,
            member=member,
            branch=branch,
            committee=committee,
            secretary_of=frozenset(held.get(kind.SECRETARY, ())),
            deputy_of=frozenset(held.get(kind.DEPUTY, ())),
            commissioner_of=frozenset(
                pk for k in (kind.ORGANIZATION, kind.PUBLICITY, kind.DISCIPLINE) for pk in held.get(k, ())
            ),
            office_of=trees[kind.OFFICE],
            inspects=trees[kind.INSPECTOR],
            audits=trees[kind.AUDITOR],
            administers=trees[kind.SYSADMIN],
            secures=trees[kind.SECURITY],
            ip=ip,
            request_id=request_id,
        )

    @property
    def actor(self) -> User:
        """Who acts; PermissionDenied where nobody is logged in."""
        if self.user is None:
            raise PermissionDenied
        return self.user

    @property
    def name(self) -> str:
        return self.member.name if self.member else ""

    @property
    def member_id(self) -> int | None:
        return self.member.pk if self.member else None

    @property
    def roles(self) -> frozenset[Role]:
        found = {
            Role.MEMBER: bool(self.branch),
            Role.COMMISSIONER: bool(self.commissioner_of),
            Role.SECRETARY: bool(self.secretary_of),
            Role.DEPUTY: bool(self.deputy_of),
            Role.OFFICE: bool(self.office_of),
            Role.INSPECTOR: bool(self.inspects),
            Role.AUDITOR: bool(self.audits),
            Role.SYSADMIN: bool(self.administers),
            Role.SECURITY: bool(self.secures),
        }
        return frozenset(role for role, held in found.items() if held)

    @property
    def branches(self) -> frozenset[int]:
        """Branches whose affairs the person sees as one of them."""
        own = {self.branch.pk} if self.branch else set()
        return self.leads | own

    @property
    def leads(self) -> frozenset[int]:
        """Branches whose records the person may draft and edit."""
        return self.secretary_of | self.deputy_of | self.commissioner_of

    @property
    def files_for(self) -> frozenset[int]:
        """Branches in whose name the person files, and whose members' filings the person receives or approves."""
        return self.secretary_of | self.deputy_of

    @property
    def sees_committees(self) -> frozenset[int]:
        """Committees whose branches' business the person reads."""
        return self.office_of | self.inspects

    @property
    def organizes(self) -> frozenset[int]:
        """Committees whose tree the person sets up: as their office, or as the keeper of their system."""
        return self.office_of | self.administers

    @property
    def led_branch_id(self) -> int | None:
        """The branch the person works for in the portal: the one with the highest post."""
        for held in (self.secretary_of, self.deputy_of, self.commissioner_of):
            if held:
                return min(held)
        return None
