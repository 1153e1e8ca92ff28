"""Pledges that hang on the wall, and a post with somebody on it: what the tests of boards print."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from commitments.models import Nomination, PioneerPost, Pledge, PledgeItem, Term
from plan.models import Filing
from plan.moves import begin
from tests.conftest import World, at

SHOWN = at("2018-07-02 10:00")
LINES = ["每周三下午到学生公寓值班，全年不少于40次。", "学籍异动材料收到后2个工作日内办结。"]


@dataclass
class Hung:
    """In the first branch: the member's board, the branch's own, a post and who stands on it."""

    pledge: Pledge
    branch_pledge: Pledge
    post: PioneerPost
    term: Term


def shown(world: World, who: str = "", moment: datetime = SHOWN, **fields: Any) -> Pledge:
    """An approved pledge of that person, or of the first branch, as it hangs on the wall."""
    access = world.access(who or "secretary", moment)
    member = world.member(who) if who else None
    filing = begin(
        kind="pledge", access=access, title=f"{member.name if member else world.first.name}2018年承诺", year=2018,
        branch=world.first, member=member, desk="branch" if who else "office", handling="approve",
    )  # fmt: skip
    number = Filing.objects.filter(receipt__isnull=False).count() + 1
    Filing.objects.filter(pk=filing.pk).update(
        state="approved", state_since=moment, first_filed_at=moment, filed_at=moment, filed_by=access.user,
        receipt=f"2018-01-8{number:03d}",
    )  # fmt: skip
    filing.refresh_from_db()
    facts: dict[str, Any] = {
        "year": 2018, "position": "教务科科员" if who else "", "phone": "029-88182000", "board_lines": LINES,
        "valid_until": date(2018, 12, 31), "stage": "shown", "stage_since": moment, "published_at": moment,
    }  # fmt: skip
    pledge = Pledge.objects.create(filing=filing, branch=world.first, member=member, **(facts | fields))
    PledgeItem.objects.create(pledge=pledge, position=1, text="每周三下午到学生公寓值班", goal="全年不少于40次")
    return pledge


def post_of(world: World, who: str = "member") -> tuple[PioneerPost, Term]:
    """A post of the first branch and that person's term on it, begun."""
    user = world.users["secretary"]
    post = PioneerPost.objects.create(
        branch=world.first, name="学生事务大厅一号窗口", duties="当天答复学生咨询。\n材料齐全的当场办结。",
        place="行政楼一层", opened_on=SHOWN.date(), created_at=SHOWN, created_by=user,
    )  # fmt: skip
    nomination = Nomination.objects.create(
        branch=world.first, member=world.member(who), kind="model_member", honour="2017年度校级优秀共产党员",
        state="accepted", nominated_at=SHOWN, nominated_by=user, decided_at=SHOWN, decided_by=user,
    )  # fmt: skip
    term = Term.objects.create(
        post=post, member=world.member(who), nomination=nomination, from_on=SHOWN.date(),
        until_on=SHOWN.date() + timedelta(days=30), begun_at=SHOWN, begun_by=user,
    )  # fmt: skip
    return post, term


def make_hung(world: World) -> Hung:
    return Hung(shown(world, "member"), shown(world), *post_of(world, "deputy"))
