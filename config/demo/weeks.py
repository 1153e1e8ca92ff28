"""The demo's weeks of a branch: how the story writes them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.utils.timezone import localdate

from branches.models import Member
from commitments.models import ActivityWeek, Feature, FeaturePicture, WeekAction
from commitments.weeks import A_WEEK, monday_of, number_of, title_of, weeks_of
from config.demo.people import SEATS
from plan import moves
from plan.cadence import SHANGHAI
from plan.models import Duty, Filing

if TYPE_CHECKING:
    from config.demo.story import BranchYear

Aim = WeekAction.Aim
THEMES = ("亮身份、办实事，服务师生在窗口", "党员先行，把问题解决在一线", "擦亮党员名片，提升服务质量")
SUMMARIES = (
    "党员佩戴党徽上岗，轮流到服务窗口值班，共解答师生咨询{n}人次；当场不能办的登记在册，三个工作日内都已回复。",
    "党员到三个院系走访，收集意见{n}条，能办的当周办结，其余列入支部下月工作。",
    "集中清理积压事项{n}件，公布办事流程和联系电话，师生反映办事少跑了路。",
)
EVERYBODY = ((Aim.IMAGE, "清理办公楼公共区域，整理宣传栏", "清理2层，更换宣传栏1期"),)
ACTIONS = (
    (Aim.IDENTITY, "佩戴党徽在服务窗口值班", "值班1天，无投诉"),
    (Aim.IMAGE, "到联系院系走访，听取意见", "收集意见4条，已转办"),
    (Aim.FEATURE, "整理一份办事指南并张贴", "指南已张贴，并发到师生群"),
)
FEATURES = (
    ("周三不打烊服务窗口", "每周三中午延长服务一小时，党员轮流值守，方便上课的师生办事。",
     "坚持以来累计办理事项860余件，学生评教中服务满意度逐年上升。"),
    ("一名党员联系一个班级", "每名党员联系一个班级，每月见一次面，收集问题、讲一次政策。",
     "已联系12个班级，推动解决宿舍热水、教室投影等问题31件。"),
)  # fmt: skip


def write(year: BranchYear, duty: Duty, at: datetime) -> None:
    """Plan into the branch's year what settles this duty at about that instant (`year.then(at, act)`)."""
    today = localdate(year.until)
    over = [monday for monday in _mondays(duty) if monday + A_WEEK <= localdate(at)]
    if at <= year.until:
        if over:
            year.then(at, partial(_keep, year, duty, over[-1], at))
    elif (monday := monday_of(today)) in _mondays(duty) and year.number % 3:
        # The week that is on where the story stops: begun, and to be kept when it is over.
        begun = _at(monday, "09:20")
        year.then(begun, partial(_begin, year, duty, monday, begun))
    if duty.starts_on <= year.first_day <= duty.ends_on and _feature_of(year):
        told = _at(year.first_day + timedelta(days=10), "16:10")
        year.then(told, partial(_tell_feature, year, told))


def _mondays(duty: Duty) -> list[date]:
    return weeks_of(duty.starts_on.year, duty.starts_on.month)


def _at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), SHANGHAI)


def _filing(year: BranchYear, monday: date) -> Filing:
    return Filing(
        kind=Filing.Kind.WEEK, committee=year.cast.committee, branch=year.branch, year=monday.year,
        title=title_of(monday), desk=Filing.Desk.NONE, handling="keep",
    )  # fmt: skip


def _actions(year: BranchYear, monday: date, *, over: bool) -> list[WeekAction]:
    """What three members do, others each month, and what all of them do together."""
    members = year.house.members
    first = 3 * (monday.month + year.number)
    those: list[Member] = [members[(first + n) % len(members)] for n in range(min(len(ACTIONS), len(members)))]
    if not over:
        # One who has an account in the demo finds the own part of this week.
        office, place = SEATS["member"]
        those[0] = members[place] if year.branch.name.startswith(office) else those[0]
    rows = [*zip(those, ACTIONS, strict=False), *((None, one) for one in EVERYBODY)]
    return [
        WeekAction(position=n, member=member, aim=aim, text=text, result=result if over else "")
        for n, (member, (aim, text, result)) in enumerate(rows, 1)
    ]


def _week(year: BranchYear, monday: date, *, over: bool) -> ActivityWeek:
    summary = SUMMARIES[(year.number + monday.month) % len(SUMMARIES)].format(n=20 + 7 * number_of(monday))
    theme = THEMES[(year.number + monday.month) % len(THEMES)]
    return ActivityWeek(branch=year.branch, starts_on=monday, theme=theme, summary=summary if over else "")


def _keep(year: BranchYear, duty: Duty, monday: date, at: datetime) -> None:
    """Written with the branch's other records that are only kept, as the door would write it."""
    from config.demo.story import Kept

    steps = [
        ("begin", Filing.State.DRAFT, year.writer, at), ("keep", Filing.State.KEPT, year.secretary, at),
    ]  # fmt: skip
    actions = _actions(year, monday, over=True)
    year.queue.append(Kept(_filing(year, monday), _week(year, monday, over=True), actions, [duty], at, steps))


def _begin(year: BranchYear, duty: Duty, monday: date, at: datetime) -> None:
    access = year.access(year.writer, at)
    filing = moves.begin(
        kind=Filing.Kind.WEEK, access=access, title=title_of(monday), year=monday.year, branch=year.branch,
        desk=Filing.Desk.NONE, handling="keep",
    )  # fmt: skip
    week = _week(year, monday, over=False)
    week.filing = filing
    week.save()
    for action in _actions(year, monday, over=False):
        action.week = week
        action.save()
    moves.claim(filing, {duty.pk}, at)


def _feature_of(year: BranchYear) -> tuple[str, str, str] | None:
    """The branch with the demo's accounts has one, and the first."""
    if year.branch.name.startswith(SEATS["member"][0]):
        return FEATURES[0]
    return FEATURES[1] if year.number == 1 else None


def _tell_feature(year: BranchYear, at: datetime) -> None:
    """Begun years ago, written down now, with two pictures and the weeks that belonged to it."""
    name, aim, effect = _feature_of(year) or FEATURES[0]
    if Feature.objects.filter(branch=year.branch, name=name).exists():
        return  # told in an earlier year of the story
    user = year.cast.users[year.secretary.pk]
    feature = Feature.objects.create(
        branch=year.branch, name=name, aim=aim, effect=effect, since_on=date(year.year - 2, 9, 1), created_at=at,
        created_by=user, changed_at=at, changed_by=user,
    )  # fmt: skip
    FeaturePicture.objects.bulk_create(
        FeaturePicture(
            feature=feature, caption=caption, sha256=picture.sha256, thumb_sha256=picture.thumb_sha256,
            width=picture.width, height=picture.height, size=len(picture.jpeg) + len(picture.thumb), added_at=at,
            added_by=user,
        )
        for caption, picture in zip(("现场服务", "党员值守"), year.pictures, strict=False)
    )  # fmt: skip
