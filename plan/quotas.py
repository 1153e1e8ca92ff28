"""How much evidence may still come in: megabytes a branch and year, files a person and hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Sum

from branches.access import Access
from plan.models import Attachment, Filing, Picture

MEGABYTE = 1024 * 1024
HOUR = timedelta(hours=1)


@dataclass
class Room:
    """What is left for one upload; asked before the files are opened, and counted down file by file."""

    files: int
    size: int  # bytes
    whose: str

    @classmethod
    def of(cls, filing: Filing, access: Access) -> Room:
        """Four statements, however much is kept. What was removed no longer counts in size, but still in number."""
        mine = {"added_by": access.actor, "added_at__gt": access.now - HOUR, "added_at__lte": access.now}
        lately = Picture.objects.filter(**mine).count() + Attachment.objects.filter(**mine).count()
        return cls(
            files=settings.EVIDENCE_FILES_PER_HOUR - lately,
            size=settings.EVIDENCE_MB_PER_BRANCH * MEGABYTE - kept(filing),
            whose="本支部" if filing.branch_id else "本机关党委",
        )

    def refusal(self, shown: str, size: int = 0) -> str:
        """Why this file stays out, with the cure; empty when there is room for it."""
        if self.files <= 0:
            return f"“{shown}”没有添加：您1小时内已上传{settings.EVIDENCE_FILES_PER_HOUR}个文件。请1小时后再传其余的。"
        if self.size < size or self.size <= 0:
            return (
                f"“{shown}”没有添加：{self.whose}今年的图片和附件已满{settings.EVIDENCE_MB_PER_BRANCH} MB。"
                "请先移除草稿中不需要的图片或附件，或请系统管理员调高上限。"
            )
        return ""

    def take(self, size: int) -> None:
        self.files -= 1
        self.size -= size


def kept(filing: Filing) -> int:
    """Bytes of evidence in the records of this filing's branch (or committee, where it has none) and year."""
    same = {"filing__branch": filing.branch_id} if filing.branch_id else {
        "filing__branch__isnull": True, "filing__committee": filing.committee_id,
    }  # fmt: skip
    shown = {"removed_at__isnull": True, "filing__year": filing.year, **same}
    sums = (rows.filter(**shown).aggregate(n=Sum("size"))["n"] for rows in (Picture.objects, Attachment.objects))
    return sum(n or 0 for n in sums)
