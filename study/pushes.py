"""The mobile branch (移动党支部): writing a push, sending it out, taking it back, and saying that it was studied."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, F, Q

from branches import audit
from branches.access import Access
from branches.models import Branch, Committee, Membership, on_day
from documents.office_files import DocumentRefused, clean_document_in_child
from documents.pictures import MAX_BYTES, PictureRefused, clean_in_child, clean_name
from documents.storage import DamagedContent
from plan import kept_files
from study import sending
from study.models import Push, PushFile, Studied
from study.models.mobile import addressed_to

log = logging.getLogger(__name__)

MOST_FILES = 12
DOCUMENTS = (".docx", ".xlsx", ".pdf")
WITHDRAWN = "推送已撤回"


class Refused(Exception):
    """Why nothing was done, as a sentence for the page."""


# Who may what


def may_keep(access: Access, push: Push) -> bool:
    """Whether the person writes, sends out and takes back this push."""
    return push.branch_id in access.leads if push.branch_id else push.committee_id in access.office_of


def is_for(access: Access, push: Push) -> bool:
    """Whether it is out and meant for the person's own branch, so that the person can mark it as studied."""
    if access.branch is None or not push.is_out:
        return False
    return Push.objects.filter(addressed_to([access.branch.pk]), pk=push.pk).exists()


def audiences(access: Access) -> list[tuple[str, str]]:
    """To whom the person may push, as (code, words): c3 is a committee with all below it, b5 a branch."""
    committees = Committee.objects.filter(pk__in=access.office_of).order_by("pk")
    branches = Branch.objects.filter(pk__in=access.leads).order_by("code", "pk")
    return [(f"c{one.pk}", f"{one.name}（全体党员）") for one in committees] + [
        (f"b{one.pk}", f"{one.name}（本支部党员）") for one in branches
    ]


def audience_of(push: Push) -> str:
    return f"b{push.branch_id}" if push.branch_id else f"c{push.committee_id}"


def aimed(code: str) -> dict[str, int | None]:
    """The columns of a push to an audience that `audiences` offered."""
    number = int(code[1:])
    if code.startswith("c"):
        return {"committee_id": number, "branch_id": None}
    return {"committee_id": Branch.objects.values_list("committee", flat=True).get(pk=number), "branch_id": number}


# Out, and back


def missing_to_publish(push: Push) -> list[str]:
    """What is still lacking before it can go out, in sentences."""
    if push.text.strip() or push.url or push.material_id or push.files.exists():
        return []
    return ["正文、图片、网址、学习资料至少要有一样。"]


def publish(push: Push, access: Access, edition: int) -> int:
    """Send the push out as it was last seen, and have it announced; gives through how many channels.

    Raises Refused where something is lacking, where somebody else changed it meanwhile, or where it is out already.
    """
    with audit.act(access, audit.Kind.WRITE, "推送学习内容", push) as entry:
        row = Push.objects.select_for_update(of=("self",)).get(pk=push.pk)
        if not row.is_draft:
            raise Refused("已经推送过了，没有再推送一次。")
        if row.edition != edition:
            raise Refused("内容刚刚被别人修改过，还没有推送。请看过后再推送。")
        if missing := missing_to_publish(row):
            raise Refused("还没有推送：" + "".join(missing))
        Push.objects.filter(pk=row.pk).update(
            published_at=access.now, published_by=access.actor, edition=F("edition") + 1
        )
        entry.detail["count"] = count = sending.announce(row, access.now)
    return count


def withdraw(push: Push, access: Access) -> bool:
    """Take it back: members no longer see it, what they marked stays. False where it was not out."""
    with audit.act(access, audit.Kind.WRITE, "撤回推送", push) as entry:
        out = Push.objects.filter(pk=push.pk, published_at__isnull=False, withdrawn_at__isnull=True)
        done = bool(out.update(withdrawn_at=access.now, withdrawn_by=access.actor))
        if done:
            sending.call_off(Q(push=push), WITHDRAWN)
        entry.ok = done
    return done


def discard(push: Push, access: Access) -> bool:
    """Throw a draft away; what was out once stays."""
    with audit.act(access, audit.Kind.WRITE, "删除推送草稿", push) as entry:
        row = Push.objects.select_for_update(of=("self",)).filter(pk=push.pk, published_at__isnull=True).first()
        if row is not None:
            row.delete()
        entry.ok = row is not None
    return row is not None


# Studied


def mark(push: Push, access: Access, note: str) -> bool:
    """The member has studied it; saying it again changes the note and not the day. Whether it was new."""
    with audit.act(access, audit.Kind.WRITE, "标记已学习", push) as entry:
        _, created = Studied.objects.update_or_create(
            push=push, member=access.member, defaults={"note": note}, create_defaults={
                "note": note, "studied_at": access.now,
            }
        )  # fmt: skip
        entry.detail["new"] = int(created)
    return created


def unmark(push: Push, access: Access) -> None:
    """The member takes the mark back."""
    with audit.act(access, audit.Kind.WRITE, "取消已学习标记", push) as entry:
        entry.detail["count"] = Studied.objects.filter(push=push, member=access.member).delete()[0]


@dataclass
class Course:
    """How a push is taken up: counts for each branch, and names for the branch whose leader asks."""

    # Each with how many marked it, and how many are on its roster.
    branches: list[tuple[Branch, int, int]] = field(default_factory=list)
    marks: list[Studied] = field(default_factory=list)
    branch: Branch | None = None  # the one that `marks` is of


def course_of(push: Push, access: Access) -> Course:
    """What this person may know of it: the office how many in each branch, a leader who in the own one."""
    course = Course()
    today = Membership.objects.filter(on_day(access.on))
    if push.branch_id is None and push.committee_id in access.office_of:
        below = Committee.objects.under(push.committee_id)
        branches = Branch.objects.filter(committee__in=below).existing_on(access.on).order_by("committee", "code", "pk")
        course.branches = _counted(push, list(branches), today)
    led = access.branch.pk if access.branch and access.branch.pk in access.leads else access.led_branch_id
    wanted = push.branch_id if push.branch_id in access.leads else led
    if wanted and Push.objects.filter(addressed_to([wanted]), pk=push.pk).exists():
        course.branch = Branch.objects.get(pk=wanted)
        mine = Studied.objects.filter(push=push, member__in=today.filter(branch=wanted).values("member"))
        course.marks = list(mine.select_related("member").order_by("studied_at", "pk"))
        if not course.branches:
            course.branches = _counted(push, [course.branch], today)
    elif push.branch_id and push.committee_id in access.office_of:
        course.branches = _counted(push, [push.branch] if push.branch else [], today)
    return course


def _counted(push: Push, branches: list[Branch], today: Any) -> list[tuple[Branch, int, int]]:
    there = today.filter(branch__in=branches).order_by()
    marked = Studied.objects.filter(push=push).values("member")
    on_roster = dict(there.values_list("branch").annotate(Count("pk")))
    have = dict(there.filter(member__in=marked).values_list("branch").annotate(Count("pk")))
    return [(branch, have.get(branch.pk, 0), on_roster.get(branch.pk, 0)) for branch in branches]


# Pictures and files


def add_files(push: Push, files: Sequence[UploadedFile], access: Access) -> list[str]:
    """Clean the files one by one and add the good ones to the draft; a sentence for each that stayed out."""
    cleaned, errors = [], []
    for file in files:
        shown = clean_name(file.name or "")
        try:
            cleaned.append(_cleaned(file, shown))
        except (PictureRefused, DocumentRefused) as refusal:
            errors.append(str(refusal))
        except (OSError, DamagedContent):
            log.exception("a file of a push could not be kept")
            errors.append(f"“{shown}”没有存上：服务器的存储暂时不可用。请稍后再传；仍不行时请联系系统管理员。")
    if cleaned:
        errors += _write_down(push, cleaned, access)
    return errors


def _cleaned(file: UploadedFile, shown: str) -> PushFile:
    if (file.size or 0) > MAX_BYTES:
        raise PictureRefused(f"“{shown}”超过20 MB的上限。请另存为较小的文件后再上传。")
    storage: Any = storages["evidence"]
    if shown.lower().endswith(DOCUMENTS):
        document = clean_document_in_child(file.read(), shown)
        storage.put(document.data, f".{document.format}")
        return PushFile(name=shown, format=document.format, size=document.size, sha256=document.sha256)
    picture = clean_in_child(file.read(), shown)
    storage.put(picture.jpeg)
    storage.put(picture.thumb)
    return PushFile(
        name=shown, format="jpg", size=len(picture.jpeg), sha256=picture.sha256, thumb_sha256=picture.thumb_sha256
    )


def _write_down(push: Push, cleaned: Iterable[PushFile], access: Access) -> list[str]:
    errors = []
    with audit.act(access, audit.Kind.WRITE, "添加推送附件", push) as entry:
        # Locked first: what goes out at this moment goes out without these files, or with them.
        row = Push.objects.select_for_update(of=("self",)).get(pk=push.pk)
        if not row.is_draft:
            return ["已经推送，不能再添加图片和附件。"]
        here = set(row.files.values_list("sha256", flat=True))
        position = row.files.count()
        for file in cleaned:
            if file.sha256 in here:
                continue
            if len(here) >= MOST_FILES:
                errors.append(f"“{file.name}”没有添加：一次推送最多{MOST_FILES}个图片和附件。")
                continue
            here.add(file.sha256)
            file.push, file.position = row, position
            file.save()
            position += 1
        # Whoever is about to publish what they saw before is told.
        Push.objects.filter(pk=row.pk).update(edition=F("edition") + 1)
        entry.detail["count"] = position
    return errors


def remove_file(file: PushFile, access: Access) -> bool:
    """Take a file out of a draft; False where the push is out already."""
    with audit.act(access, audit.Kind.WRITE, "移除推送附件", file.push) as entry:
        row = Push.objects.select_for_update(of=("self",)).get(pk=file.push_id)
        entry.ok = row.is_draft
        if row.is_draft:
            PushFile.objects.filter(pk=file.pk).delete()
            Push.objects.filter(pk=row.pk).update(edition=F("edition") + 1)
        return row.is_draft


def read(file: PushFile, *, thumb: bool) -> bytes | None:
    """The stored bytes; None where they are gone or no longer the same."""
    return kept_files.read(file.thumb_sha256 if thumb else file.sha256, file.format)
