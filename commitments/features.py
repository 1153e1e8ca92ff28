"""A branch's own features (特色工作): who keeps them, and their pictures on the way in and out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import F, Sum

from branches import audit
from branches.access import Access
from commitments.models import Feature, FeaturePicture
from documents.pictures import MAX_BYTES, CleanPicture, PictureRefused, clean_in_child, clean_name
from documents.storage import DamagedContent
from plan.models import Filing
from plan.quotas import HOUR, Room

log = logging.getLogger(__name__)

MOST_PICTURES = 20


def may_keep(access: Access, feature: Feature) -> bool:
    """Whether the person writes this page: the leaders of its branch."""
    return feature.branch_id in access.leads


def add_pictures(feature: Feature, files: Sequence[UploadedFile], access: Access) -> list[str]:
    """Clean the files one by one and add the good ones to the page; a sentence for each that stayed out."""
    cleaned: list[tuple[str, CleanPicture]] = []
    errors: list[str] = []
    room = _room(feature, access) if files else None
    for file in files:
        shown = clean_name(file.name or "")
        try:
            cleaned.append((shown, _cleaned(file, shown, room)))
        except PictureRefused as refusal:
            errors.append(str(refusal))
        except (OSError, DamagedContent):
            log.exception("a picture of a feature could not be kept")
            errors.append(f"“{shown}”没有存上：服务器的存储暂时不可用。请稍后再传；仍不行时请联系系统管理员。")
    if cleaned:
        errors += _write_down(feature, cleaned, access)
    return errors


def _room(feature: Feature, access: Access) -> Room:
    """What the person and the branch may still bring in: the pictures of its features are counted with the evidence."""
    room = Room.of(Filing(branch=feature.branch, committee_id=feature.branch.committee_id, year=access.on.year), access)
    mine = FeaturePicture.objects.filter(
        added_by=access.actor, added_at__gt=access.now - HOUR, added_at__lte=access.now
    )
    kept = FeaturePicture.objects.shown().filter(feature__branch=feature.branch, added_at__year=access.on.year)
    room.files -= mine.count()
    room.size -= kept.aggregate(n=Sum("size"))["n"] or 0
    return room


def _cleaned(file: UploadedFile, shown: str, room: Room | None) -> CleanPicture:
    if room and (full := room.refusal(shown)):
        raise PictureRefused(full)
    if (file.size or 0) > MAX_BYTES:
        raise PictureRefused(f"“{shown}”超过20 MB的上限。请在相册中另存为较小的 JPEG 后再上传。")
    picture = clean_in_child(file.read(), shown)
    size = len(picture.jpeg) + len(picture.thumb)
    if room:
        if full := room.refusal(shown, size):
            raise PictureRefused(full)
        room.take(size)
    storage: Any = storages["evidence"]
    storage.put(picture.jpeg)
    storage.put(picture.thumb)
    return picture


def _write_down(feature: Feature, cleaned: Sequence[tuple[str, CleanPicture]], access: Access) -> list[str]:
    errors = []
    with audit.act(access, audit.Kind.WRITE, "添加特色工作图片", feature) as entry:
        # Locked first: a page that is taken down at this moment takes no picture in.
        row = Feature.objects.select_for_update(of=("self",)).get(pk=feature.pk)
        if row.removed_at:
            entry.ok = False
            return ["这项特色工作刚刚被撤下，不能再添加图片。"]
        here = set(row.pictures.shown().values_list("sha256", flat=True))
        count = 0
        for shown, picture in cleaned:
            if picture.sha256 in here:
                continue
            if len(here) >= MOST_PICTURES:
                errors.append(f"“{shown}”没有添加：一项特色工作最多{MOST_PICTURES}张图片。请先移除不需要的，再上传。")
                continue
            here.add(picture.sha256)
            count += 1
            FeaturePicture.objects.create(
                feature=row, sha256=picture.sha256, thumb_sha256=picture.thumb_sha256, width=picture.width,
                height=picture.height, size=len(picture.jpeg) + len(picture.thumb), added_at=access.now,
                added_by=access.actor,
            )  # fmt: skip
        touch(row, access)
        entry.detail["count"] = count
    return errors


def remove_picture(picture: FeaturePicture, access: Access) -> None:
    """Take the picture from the page; its row stays, for the log."""
    with audit.act(access, audit.Kind.WRITE, "移除特色工作图片", picture.feature):
        FeaturePicture.objects.filter(pk=picture.pk, removed_at__isnull=True).update(removed_at=access.now)
        touch(picture.feature, access)


def touch(feature: Feature, access: Access) -> None:
    """The page says who changed it last; whoever has it open is not disturbed by a picture."""
    Feature.objects.filter(pk=feature.pk).update(changed_at=access.now, changed_by=access.actor)


def remove(feature: Feature, access: Access) -> bool:
    """Take the page down: nobody sees it any more, its rows stay. False where it was down already."""
    with audit.act(access, audit.Kind.WRITE, "撤下特色工作", feature) as entry:
        there = Feature.objects.filter(pk=feature.pk, removed_at__isnull=True)
        entry.ok = bool(
            there.update(
                removed_at=access.now, changed_at=access.now, changed_by=access.actor, edition=F("edition") + 1
            )
        )
    return entry.ok
