"""Records for the tests of the desks: papers and members' plans, as drafts and as filed, each with its course."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime

import pikepdf
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from branches.access import Access
from branches.models import Branch, Member
from commitments.models import Pledge, PledgeItem
from plan.models import Duty, Filing, Paper
from plan.moves import begin, claim, move
from tests.conftest import World, at


def photo(colour: str = "green", name: str = "现场.jpg", size: tuple[int, int] = (640, 480)) -> SimpleUploadedFile:
    """A real JPEG in one colour, as a phone would send it."""
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "JPEG")
    return SimpleUploadedFile(name, written.getvalue(), content_type="image/jpeg")


def document(name: str = "学习材料.pdf", width: int = 595) -> SimpleUploadedFile:
    """A PDF of one page, another one for each width."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(width, 842))
        written = io.BytesIO()
        pdf.save(written)
    return SimpleUploadedFile(name, written.getvalue(), content_type="application/pdf")


def paper_by(
    access: Access, duty: Duty, *, title: str = "", content: str = "按要求完成，结果良好。",
    desk: str = "office", handling: str = "inform",
) -> Filing:  # fmt: skip
    """A paper's draft for the duty, begun by that person."""
    filing = begin(
        kind="paper", access=access, title=title or duty.requirement.title, year=duty.year, branch=duty.branch,
        member=duty.member, committee=duty.committee, desk=desk, handling=handling,
    )  # fmt: skip
    Paper.objects.create(filing=filing, requirement=duty.requirement, done_on=date(2018, 7, 1), content=content)
    claim(filing, {duty.pk}, access.now)
    return filing


def duty_of(world: World, code: str, who: str = "", **filters) -> Duty:
    """The first branch's (or that member's) earliest duty of the code."""
    mine = {"member": world.member(who)} if who else {"branch": world.first, "member": None}
    return Duty.objects.filter(code=code, **(mine | filters)).order_by("starts_on").first()


def report(world: World, moment: datetime | None = None, **kwargs) -> Filing:
    """The secretary's work report (I2) as a draft, for the office to receive."""
    access = world.access("secretary", moment or at("2018-07-02 10:00"))
    return paper_by(access, duty_of(world, "I2"), title=kwargs.pop("title", "书记述职报告"), **kwargs)


def filed_report(world: World, moment: datetime | None = None, **kwargs) -> Filing:
    """The same, filed."""
    moment = moment or at("2018-07-02 10:00")
    return move(report(world, moment, **kwargs), "file", access=world.access("secretary", moment))


PROMISED = (
    (
        "每周三下午到教务大厅值班，解答学生选课问题",
        "当场答复率达到90%",
        "答不了的登记，3个工作日内回复",
        "值班登记不少于20次",
    ),
    ("联系帮扶2名经济困难学生", "两人顺利完成学业", "每月谈话一次，帮助申请助学金", "谈话记录每人6次"),
)


def pledge_by(
    access: Access, duty: Duty | None = None, *, branch: Branch | None = None, member: Member | None = None,
    title: str = "个人承诺书", scope: str = "annual", items: Sequence[tuple[str, str, str, str]] = PROMISED,
) -> Filing:  # fmt: skip
    """A pledge's draft, concrete enough to be filed: for the duty, or of the branch's or the member's own accord."""
    branch, member = (duty.branch, duty.member) if duty else (branch, member)
    assert branch is not None
    year = duty.year if duty else access.on.year
    filing = begin(
        kind="pledge", access=access, title=title, year=year, branch=branch,
        member=member, desk="branch" if member else "office", handling="approve",
    )  # fmt: skip
    record = Pledge.objects.create(
        filing=filing, branch=branch, member=member, year=year, scope=scope, position="支部书记",
        board_lines=[text for text, *_ in items][:3], valid_until=date(year, 12, 31), stage_since=access.now,
    )  # fmt: skip
    PledgeItem.objects.bulk_create(
        PledgeItem(pledge=record, position=n, text=text, goal=goal, measures=measures, success=success,
                   due_on=date(year, 11, 30))
        for n, (text, goal, measures, success) in enumerate(items, 1)
    )  # fmt: skip
    if duty:
        claim(filing, {duty.pk}, access.now)
    return filing


def pledge(world: World, who: str = "secretary", moment: datetime | None = None) -> Filing:
    """A leading person's own pledge (C2), filed with the branch for approval."""
    access = world.access(who, moment or at("2018-07-03 10:00"))
    return move(pledge_by(access, duty_of(world, "C2", who)), "file", access=access)
