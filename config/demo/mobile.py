"""The demo's mobile branch: two pushes of the office, one of a branch, what some members said of them, and a draft."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from branches.access import Access
from branches.models import Member
from config.demo.people import Cast
from documents.pictures import CleanPicture
from plan.cadence import SHANGHAI
from study import pushes
from study.models import Push, PushFile

# What the plan of 2018 asks of everybody (二.1), as the office would put it for reading on the phone.
LONG = """同志们：为便于大家利用零散时间学习，现将近期学习要点整理如下，请结合个人自学计划安排学习。
一、学什么
学习党的十九大精神，重点读报告第三、第十三部分。读的时候抓住三个问题：新时代有哪些新要求，本部门承担什么任务，自己的岗位怎样落实。
学习党章。对照党员义务和权利，逐条想一想自己做得怎样。
读一本书：《梁家河》或《习近平的七年知青岁月》，两本都读更好。
二、怎么学
每周安排固定的时间，通勤、午休都可以。一次读一节，读完想一想，有体会就记一句，不求长。
支部集体学习时，请带着问题来，先交流、再讨论，不念稿子。
不便到会的同志，请用移动党支部学习，由支部补课。
三、学到什么程度
能讲出要点，能联系本职，能说出一件打算改进的事。
不统计在线时长，不评比名次；学完自己标记，写不写体会由本人决定。
四、时间安排
七月底前学完第一部分，八月结合暑期安排自学，九月支部组织交流。各支部可根据工作安排调整。"""
NOTES = (
    "结合窗口工作，体会到服务就是最好的学习。",
    "读了两遍，打算在支部会上谈谈第三部分。",
    "",
    "",
    "对照党章找了自己的不足。",
)


def push_some(cast: Cast, pictures: list[CleanPicture], year: int, until: datetime) -> None:
    """Written as of their own days; what would lie after `until` was not pushed yet."""
    random = Random(f"{year} pushes")  # noqa: S311
    house = next(house for house in cast.houses if house.branch.name == "教务处党支部")
    office = cast.office.member
    last = until.astimezone(SHANGHAI).date()
    for sender, days, title, text, url, picture in (
        (office, 8, "七月学习要点：党的十九大精神和党章", LONG, "", None),
        (office, 3, "暑期学习安排的通知", "暑假期间不集中学习，请按个人自学计划安排，开学前学完。", "", None),
        (house.secretary, 1, "主题党日预告：参观校史馆", "带好党徽，14时30分在行政楼门前集合。", "", pictures[0]),
    ):
        _push(cast, sender, last - timedelta(days=days), (title, text, url), picture, random, until)
    at = datetime(last.year, last.month, last.day, 8, 30, tzinfo=SHANGHAI)
    if at <= until:
        _draft(Access.of(cast.users[house.secretary.pk], at), "八月学习内容（起草中）", "待书记补充。", "")


def _draft(access: Access, title: str, text: str, url: str) -> Push:
    aim = f"b{access.led_branch_id}" if access.led_branch_id else f"c{min(access.office_of)}"
    return Push.objects.create(
        title=title, text=text, url=url, created_at=access.now, created_by=access.actor, **pushes.aimed(aim)
    )


def _push(
    cast: Cast, sender: Member, day: date, words: tuple[str, str, str], picture: CleanPicture | None, random: Random,
    until: datetime,
) -> None:  # fmt: skip
    access = Access.of(cast.users[sender.pk], datetime(day.year, day.month, day.day, 9, 20, tzinfo=SHANGHAI))
    push = _draft(access, *words)
    if picture:
        PushFile.objects.create(
            push=push, name="校史馆.jpg", format="jpg", size=len(picture.jpeg), sha256=picture.sha256,
            thumb_sha256=picture.thumb_sha256,
        )  # fmt: skip
    pushes.publish(push, access, push.edition)
    # By the next morning some had studied it; the first of each branch are its posts' holders.
    for house in (
        cast.houses if push.branch_id is None else [one for one in cast.houses if one.branch.pk == push.branch_id]
    ):
        for member in random.sample(house.members, min(4, len(house.members))):
            later = min(access.now + timedelta(minutes=random.randint(30, 1100)), until)
            pushes.mark(Push.objects.get(pk=push.pk), Access.of(cast.users[member.pk], later), random.choice(NOTES))
