"""Pioneer posts as the tests need them: set up, with people taken in and a rotation adopted, through the doors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from branches.access import Access
from branches.models import Branch, Member
from commitments import nominating, posting
from commitments.models import Nomination, PioneerPost, Rotation, Term
from commitments.turning import Choice, Draft, adopt
from tests.conftest import World, at
from tests.plan.filed import photo

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


@dataclass
class Stood:
    """A post on which the member stands, with the next planned; somebody accepted and somebody still asked about."""

    post: PioneerPost
    running: Term
    planned: Term
    asked: Nomination
    accepted: Nomination


def make_stood(world: World, moment: datetime) -> Stood:
    """The first branch's post with the member on it; each nomination with a certificate's picture."""
    access = world.access("secretary", moment)
    post = post_of(world.first, access, name="教务窗口先锋岗")
    accepted = taken_in(world.first, world.member("member"), access)
    adopted(world.first, access, day=access.on, months=2)
    running, planned = Term.objects.filter(post=post).order_by("from_on")
    posting.begin(running, access)
    asked = put_forward(
        world.first, world.first.roster(access.on).filter(name__startswith="张三").earliest("pk"), access
    )
    for colour, nomination in (("green", accepted), ("gray", asked)):
        picture = nominating.take_picture(photo(colour), world.first, access)
        Nomination.objects.filter(pk=nomination.pk).update(
            picture_sha256=picture.sha256, thumb_sha256=picture.thumb_sha256
        )
    return Stood(post, running, planned, asked, accepted)


def branch_with_posts(world: World, posts: int = 1, people: int = 3) -> list[Member]:
    """Posts of the first branch and that many members willing, none of them a leader; who they are, in order."""
    access = world.access("secretary", SET_UP)
    for n in range(posts):
        post_of(world.first, access, name=f"服务窗口{n + 1}")
    members = list(Member.objects.filter(name__startswith="张三").order_by("pk")[:people])
    for member in members:
        taken_in(world.first, member, access)
    return members
