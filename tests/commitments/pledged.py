"""Pledges for the tests of their life: begun, filed and approved through the real doors, and then moved on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from branches.access import Access
from branches.models import User
from commitments.life import cleaned
from commitments.models import Pledge, PledgeItem, Progress, Question, Result, Stage
from commitments.stages import Outcome, take
from plan.models import Filing, Version
from plan.moves import begin, frozen, move
from tests.conftest import World, at
from tests.plan.filed import photo

WRITTEN = at("2018-06-20 10:00")
FILED, APPROVED = at("2018-06-21 10:00"), at("2018-06-22 10:00")
ITEMS = (("每月到窗口值班2次", date(2018, 9, 30)), ("带教1名新进人员", date(2018, 11, 30)))


def draft(world: World, who: str = "member", *, own: bool = True, title: str = "") -> Pledge:
    """A member's pledge of two items, or the branch's of which that person is a leader."""
    access = world.access(who, WRITTEN)
    member = access.member if own else None
    assert access.branch is not None and access.member is not None
    filing = begin(
        kind=Filing.Kind.PLEDGE, access=access, title=title or f"{member or access.branch}2018年承诺书", year=2018,
        branch=access.branch, member=member, desk="branch" if own else "office", handling="approve",
    )  # fmt: skip
    pledge = Pledge.objects.create(
        filing=filing, branch=access.branch, member=member, year=2018, valid_until=date(2018, 12, 31),
        position="窗口", stage_since=WRITTEN, vague_reason="同一窗口的几个人承诺相同。",
    )  # fmt: skip
    PledgeItem.objects.bulk_create(
        PledgeItem(pledge=pledge, position=n, text=text, goal="做到位", measures="排班", due_on=due, success="有记录")
        for n, (text, due) in enumerate(ITEMS, 1)
    )
    return pledge


def filed(world: World, who: str = "member", *, own: bool = True, title: str = "") -> Pledge:
    pledge = draft(world, who, own=own, title=title)
    move(pledge.filing, "file", access=world.access(who, FILED), late_reason="补报。")
    return again(pledge)


def desk_of(pledge: Pledge) -> str:
    """Who approves it in the small world."""
    if pledge.member_id is None:
        return "office"
    return "deputy" if pledge.member and pledge.member.name == "陈静" else "secretary"


def shown(
    world: World, who: str = "member", *, own: bool = True, title: str = "", moment: datetime = APPROVED
) -> Pledge:
    """Approved, and so public inside the Party."""
    pledge = filed(world, who, own=own, title=title)
    move(pledge.filing, "approve", access=world.access(desk_of(pledge), moment))
    return again(pledge)


def in_stage(world: World, stage: Stage, who: str = "member", *, own: bool = True) -> Pledge:
    """A pledge led to that stage by its own steps."""
    if stage == Stage.PROPOSED:
        return draft(world, who, own=own)
    if stage == Stage.REVIEW:
        return filed(world, who, own=own)
    pledge = shown(world, who, own=own)
    moment = at("2018-07-02 10:00")
    desk = world.access(desk_of(pledge), moment)
    ways = {
        Stage.SHOWN: (), Stage.KEEPING: ("keep",), Stage.JUDGING: ("judge",), Stage.JUDGED: ("judge", "decide"),
        Stage.WITHDRAWN: ("withdraw",),
    }  # fmt: skip
    for name in ways[stage]:
        by = world.access(who, moment) if name == "keep" else desk
        take(pledge, name, access=by, note="调离。", results=all_done(pledge))
    return again(pledge)


def all_done(pledge: Pledge) -> Mapping[int, Outcome]:
    return {item.pk: Outcome(Result.DONE) for item in pledge.items.all()}


def again(pledge: Pledge) -> Pledge:
    """As the database has it now, with nothing remembered."""
    return Pledge.objects.select_related("filing", "branch", "member").get(pk=pledge.pk)


def step(pledge: Pledge, name: str, access: Access, note: str = "原因。") -> Pledge:
    return take(again(pledge), name, access=access, note=note, results=all_done(pledge))


@dataclass
class LivePledges:
    """What the tests of whole shapes ask for by address: one of the member's in each of three stages, and its words."""

    shown: Pledge
    judged: Pledge
    gated: Pledge
    question: Question
    progress: Progress


def live_pledges(world: World) -> LivePledges:
    """Pledges of 李强, laid without the doors and without duties: other tests count those."""
    pledges, by, moment = {}, world.users["secretary"], at("2018-07-02 10:00")
    for n, (stage, state) in enumerate((("shown", "approved"), ("judging", "approved"), ("review", "filed"))):
        pledge = draft(world, title=f"李强的第{n + 1}份承诺书")
        Filing.objects.filter(pk=pledge.filing_id).update(
            state=state, state_since=moment, first_filed_at=moment, filed_at=moment, filed_by=world.users["member"],
            receipt=f"2018-01-8{n:03d}",
        )  # fmt: skip
        pledge.stage, pledge.stage_since = stage, moment
        pledge.published_at = moment if state == "approved" else None
        pledge.save()
        pledge.filing.refresh_from_db()
        frozen_as(pledge.filing, moment, world.users["member"])
        pledges[stage] = pledge
    picture = cleaned(photo("teal"))
    shown_one = pledges["shown"]
    return LivePledges(
        shown=shown_one, judged=pledges["judging"], gated=pledges["review"],
        question=Question.objects.create(pledge=shown_one, text="几点开门？", asked_at=moment, asked_by=by),
        progress=Progress.objects.create(
            item=shown_one.items.get(position=1), text="值班两次", told_at=moment, told_by=world.users["member"],
            picture_sha256=picture.sha256, thumb_sha256=picture.thumb_sha256,
        ),
    )  # fmt: skip


def frozen_as(filing: Filing, moment: datetime, user: User) -> None:
    text = json.dumps(frozen(filing), ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    Version.objects.create(filing=filing, number=1, filed_at=moment, filed_by=user, text=text, sha256=digest)
