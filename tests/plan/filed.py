"""Records for the tests of the desks: papers and members' plans, as drafts and as filed, each with its course."""

from __future__ import annotations

import io
from datetime import date, datetime

import pikepdf
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from branches.access import Access
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


def pledge(world: World, who: str = "secretary", moment: datetime | None = None) -> Filing:
    """A leading person's own pledge (C2), filed with the branch for approval."""
    access = world.access(who, moment or at("2018-07-03 10:00"))
    draft = paper_by(access, duty_of(world, "C2", who), title="个人承诺书", desk="branch", handling="approve")
    return move(draft, "file", access=access)
