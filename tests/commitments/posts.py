"""Pioneer posts as the tests need them: set up, with people taken in and a rotation adopted, through the doors."""

from __future__ import annotations

from datetime import date, datetime

from branches.access import Access
from branches.models import Branch, Member
from commitments import nominating, posting
from commitments.models import Nomination, PioneerPost, Rotation, Term
from commitments.turning import Choice, Draft, adopt
from tests.conftest import World, at

SET_UP = at("2018-07-02 09:00")


def post_of(branch: Branch, access: Access, name: str = "服务窗口", every: int = 1) -> PioneerPost:
    return posting.open_post(
        branch, access, name=name, duties="接待师生，当场能办的当场办。", place="大厅1号", every_months=every,
        opened_on=date(2018, 7, 1),
    )  # fmt: skip


def put_forward(branch: Branch, member: Member, access: Access, **more: object) -> Nomination:
    columns = {"kind": "model_member", "honour": "2017年度优秀共产党员", "is_willing": True} | more
    return nominating.nominate(access, branch, member=member, **columns)


def taken_in(branch: Branch, member: Member, access: Access, by: Access | None = None) -> Nomination:
    """Put forward and accepted; `by` decides where it is not the one who put forward."""
    nomination = put_forward(branch, member, access)
    return nominating.decide(nomination, by or access, accept=True, opinion="支部大会评议通过。")


def adopted(
    branch: Branch, access: Access, day: date = date(2018, 7, 2), months: int = 3, key: str = "key",
    chosen: dict[str, Choice] | None = None,
) -> list[Rotation]:  # fmt: skip
    return adopt(Draft.of(branch, day, months, access.on), chosen or {}, access, key)


def served(nomination: Nomination, post: PioneerPost, access: Access, first: date, after: date) -> Term:
    """A term of the past, as it stands in the history."""
    return Term.objects.create(
        post=post, member_id=nomination.member_id, nomination=nomination, from_on=first, until_on=after,
        begun_at=datetime.combine(first, access.now.timetz()), begun_by=access.actor, ended_on=after, end="rotated",
    )  # fmt: skip


def branch_with_posts(world: World, posts: int = 1, people: int = 3) -> list[Member]:
    """Posts of the first branch and that many members willing, none of them a leader; who they are, in order."""
    access = world.access("secretary", SET_UP)
    for n in range(posts):
        post_of(world.first, access, name=f"服务窗口{n + 1}")
    members = list(Member.objects.filter(name__startswith="张三").order_by("pk")[:people])
    for member in members:
        taken_in(world.first, member, access)
    return members
