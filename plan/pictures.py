"""Pictures on their way into a record: cleaned, kept under their digest, written down; each refusal names its cure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile

from branches import audit
from branches.access import Access
from documents.pictures import MAX_BYTES, CleanPicture, PictureRefused, clean_in_child, clean_name
from documents.storage import DamagedContent
from plan import kept_files
from plan.lookalikes import find_twin, look_fields
from plan.models import Filing, Picture
from plan.moves import may_edit
from plan.quotas import Room

log = logging.getLogger(__name__)

MOST = 20  # pictures of one record


@dataclass
class Added:
    """What became of the files: the pictures that the record has now, and a sentence for each file that stayed out."""

    kept: list[Picture] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def name_of(sha256: str) -> str:
    """The name under which the evidence storage keeps a picture with this digest."""
    return kept_files.name_of(sha256, "jpg")


def read(sha256: str) -> bytes | None:
    """The JPEG with this digest; None where the file is gone or no longer the same."""
    return kept_files.read(sha256, "jpg")


def add_pictures(filing: Filing, files: Sequence[UploadedFile], access: Access) -> Added:
    """Clean the files one by one and add those that are photos to the record.

    A file that is already in the record counts as kept and is not added twice. Nothing is written for a file that is
    refused, nor where the record can no longer be edited: then `errors` says so.
    """
    added = Added()
    cleaned: list[tuple[str, CleanPicture]] = []
    room = Room.of(filing, access) if files else None
    for file in files:
        shown = clean_name(file.name or "")
        try:
            cleaned.append((shown, _cleaned(file, shown, room)))
        except PictureRefused as refusal:
            added.errors.append(str(refusal))
        except (OSError, DamagedContent):
            log.exception("a picture could not be kept")
            added.errors.append(f"“{shown}”没有存上：服务器的存储暂时不可用。请稍后再传；仍不行时请联系系统管理员。")
    if cleaned:
        _write_down(filing, cleaned, access, added)
    return added


def _cleaned(file: UploadedFile, shown: str, room: Room | None) -> CleanPicture:
    if room and (full := room.refusal(shown)):
        raise PictureRefused(full)
    size = file.size or 0
    if size > MAX_BYTES:
        megabytes = f"{size / 1024 / 1024:.1f}"
        raise PictureRefused(f"“{shown}”有 {megabytes} MB，超过 20 MB 的上限。请在相册中另存为较小的 JPEG 后再上传。")
    picture = clean_in_child(file.read(), shown)
    kept = len(picture.jpeg) + len(picture.thumb)
    if room:
        if full := room.refusal(shown, kept):
            raise PictureRefused(full)
        room.take(kept)
    storage: Any = storages["evidence"]
    storage.put(picture.jpeg)
    storage.put(picture.thumb)
    return picture


def _write_down(filing: Filing, cleaned: list[tuple[str, CleanPicture]], access: Access, added: Added) -> None:
    with audit.act(access, audit.Kind.WRITE, "添加图片", filing) as entry:
        # The row is locked first: a filing that goes out at this moment goes out without these pictures, or with them.
        filing = Filing.objects.select_for_update(of=("self",)).get(pk=filing.pk)
        if not may_edit(access, filing):
            added.errors.append(f"这份记录现在是“{filing.get_state_display()}”，不能再添加图片。")
            return
        here = {picture.sha256: picture for picture in filing.pictures.shown()}
        position = max((picture.position for picture in here.values()), default=-1)
        for shown, picture in cleaned:
            if picture.sha256 in here:
                added.kept.append(here[picture.sha256])
                continue
            if len(here) >= MOST:
                added.errors.append(f"“{shown}”没有添加：每份记录最多{MOST}张图片。请先移除不需要的，再上传。")
                continue
            position += 1
            here[picture.sha256] = row = Picture.objects.create(
                filing=filing, position=position, name=shown, sha256=picture.sha256, thumb_sha256=picture.thumb_sha256,
                width=picture.width, height=picture.height, taken_at=picture.taken_at,
                size=len(picture.jpeg) + len(picture.thumb), twin_id=find_twin(filing, picture.sha256, picture.look),
                added_at=access.now, added_by=access.actor, **look_fields(picture.look),
            )  # fmt: skip
            added.kept.append(row)
        entry.detail["count"] = len(added.kept)


def remove_picture(picture: Picture, access: Access) -> bool:
    """Take the picture out of the record; what was filed with it keeps it. False where the record lies elsewhere."""
    with audit.act(access, audit.Kind.WRITE, "移除图片", picture.filing):
        filing = Filing.objects.select_for_update(of=("self",)).get(pk=picture.filing_id)
        if not may_edit(access, filing):
            return False
        Picture.objects.filter(pk=picture.pk, removed_at__isnull=True).update(removed_at=access.now)
    return True
