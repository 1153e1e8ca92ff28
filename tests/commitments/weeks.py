"""Activity weeks and features of the small committee, as drafts and kept, for the tests of their pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from branches.access import Access
from branches.models import Member
from commitments.features import add_pictures
from commitments.models import ActivityWeek, Feature, FeaturePicture, WeekAction
from commitments.weeks import duties_of, title_of
from plan.moves import begin, claim, move
from tests.conftest import World, at
from tests.plan.filed import photo

WRITTEN = at("2018-07-02 10:00")


def week_by(
    access: Access, monday: date, *, theme: str = "亮身份服务师生", summary: str = "轮流值班一周，解答咨询86人次。",
    member: Member | None = None, claims: bool = True,
) -> ActivityWeek:  # fmt: skip
    """A draft with one action of that member and one of the whole branch, of the branch that the person leads."""
    assert access.branch is not None
    filing = begin(kind="week", access=access, title=title_of(monday), year=monday.year, branch=access.branch,
                   desk="none", handling="keep")  # fmt: skip
    week = ActivityWeek.objects.create(
        filing=filing, branch=access.branch, starts_on=monday, theme=theme, summary=summary
    )
    WeekAction.objects.create(
        week=week, position=1, aim="identity", member=member or access.member, text="佩戴党徽值班"
    )
    WeekAction.objects.create(week=week, position=2, aim="image", text="清理办公楼公共区域", result="清理3处")
    if claims:
        claim(filing, duties_of(access.branch, monday), access.now)
    return week


def kept_week(world: World, who: str, monday: date, moment: datetime, **facts) -> ActivityWeek:
    week = week_by(world.access(who, moment), monday, **facts)
    move(week.filing, "keep", access=world.access(who, moment), late_reason="补记。")
    return ActivityWeek.objects.select_related("filing").get(pk=week.pk)


def feature_by(access: Access, name: str = "教务服务一站通", **facts) -> Feature:
    usual = {"aim": "每月一次到院系现场办公。", "effect": "办结事项120件。", "since_on": date(2016, 3, 1)}
    return Feature.objects.create(
        branch=access.branch, name=name, created_at=access.now, created_by=access.actor, changed_at=access.now,
        changed_by=access.actor, **(usual | facts),
    )  # fmt: skip


@dataclass
class MadeWeeks:
    """What the tests of whole shapes ask for by address."""

    kept: ActivityWeek
    draft: ActivityWeek
    feature: Feature
    picture: FeaturePicture


def make_weeks(world: World) -> MadeWeeks:
    """A week of June that was kept, a draft of a week to come, and a feature with a picture; they settle nothing."""
    secretary = world.access("secretary", WRITTEN)
    feature = feature_by(secretary)
    assert add_pictures(feature, [photo("teal")], secretary) == []
    return MadeWeeks(
        kept=kept_week(world, "secretary", date(2018, 6, 11), WRITTEN, claims=False),
        draft=week_by(secretary, date(2018, 7, 9), claims=False),
        feature=feature,
        picture=feature.pictures.get(),
    )
