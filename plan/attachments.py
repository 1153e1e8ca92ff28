"""Documents on their way into a record: written anew, kept under their digest, written down; refusals name the cure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile

from branches import audit
from branches.access import Access
from documents.containers import Refusal
from documents.office_files import CleanDocument, DocumentRefused, check_bytes, clean_document_in_child
from documents.pictures import clean_name
from documents.storage import DamagedContent
from plan import kept_files
from plan.models import Attachment, Filing
from plan.moves import may_edit
from plan.quotas import Room

log = logging.getLogger(__name__)

MOST = 10  # attachments of one record


@dataclass
class Added:
    """What became of the files: the attachments that the record has now, and a sentence for each that stayed out."""

    kept: list[Attachment] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def name_of(attachment: Attachment) -> str:
    """The name under which the evidence storage keeps the document."""
    return kept_files.name_of(attachment.sha256, attachment.format)


def read(attachment: Attachment) -> bytes | None:
    """The document; None where the file is gone or no longer the same."""
    return kept_files.read(attachment.sha256, attachment.format)


def add_attachments(filing: Filing, files: Sequence[UploadedFile], access: Access) -> Added:
    """Write the files anew one by one and add those that are documents to the record.

    A file that is already in the record counts as kept and is not added twice. Nothing is written for a file that is
    refused, nor where the record can no longer be edited: then `errors` says so.
    """
    added = Added()
    cleaned: list[tuple[str, CleanDocument]] = []
    room = Room.of(filing, access) if files else None
    for file in files:
        shown = clean_name(file.name or "")
        try:
            document = _cleaned(file, shown, room)
        except DocumentRefused as refusal:
            added.errors.append(str(refusal))
        except (OSError, DamagedContent):
            log.exception("an attachment could not be kept")
            added.errors.append(f"“{shown}”没有存上：服务器的存储暂时不可用。请稍后再传；仍不行时请联系系统管理员。")
        else:
            cleaned.append((shown, document))
    if cleaned:
        _write_down(filing, cleaned, access, added)
    return added


def _cleaned(file: UploadedFile, shown: str, room: Room | None) -> CleanDocument:
    if room and (full := room.refusal(shown)):
        raise DocumentRefused(full)
    try:
        check_bytes(file.size or 0)
    except Refusal as refusal:
        raise DocumentRefused(f"“{shown}”{refusal}") from None
    document = clean_document_in_child(file.read(), shown)
    if room:
        if full := room.refusal(shown, document.size):
            raise DocumentRefused(full)
        room.take(document.size)
    storage: Any = storages["evidence"]
    storage.put(document.data, f".{document.format}")
    return document


def _write_down(filing: Filing, cleaned: list[tuple[str, CleanDocument]], access: Access, added: Added) -> None:
    with audit.act(access, audit.Kind.WRITE, "添加附件", filing) as entry:
        # The row is locked first: a filing that goes out at this moment goes out without these files, or with them.
        filing = Filing.objects.select_for_update(of=("self",)).get(pk=filing.pk)
        if not may_edit(access, filing):
            added.errors.append(f"这份记录现在是“{filing.get_state_display()}”，不能再添加附件。")
            return
        here = {attachment.sha256: attachment for attachment in filing.attachments.shown()}
        position = max((attachment.position for attachment in here.values()), default=-1)
        for shown, document in cleaned:
            if document.sha256 in here:
                added.kept.append(here[document.sha256])
                continue
            if len(here) >= MOST:
                added.errors.append(f"“{shown}”没有添加：每份记录最多{MOST}个附件。请先移除不需要的，再上传。")
                continue
            position += 1
            here[document.sha256] = row = Attachment.objects.create(
                filing=filing, position=position, name=shown, format=document.format, size=document.size,
                sha256=document.sha256, added_at=access.now, added_by=access.actor,
            )  # fmt: skip
            added.kept.append(row)
        entry.detail["count"] = len(added.kept)


def remove_attachment(attachment: Attachment, access: Access) -> bool:
    """Take the document out of the record; what was filed with it keeps it. False where the record lies elsewhere."""
    with audit.act(access, audit.Kind.WRITE, "移除附件", attachment.filing):
        filing = Filing.objects.select_for_update(of=("self",)).get(pk=attachment.filing_id)
        if not may_edit(access, filing):
            return False
        Attachment.objects.filter(pk=attachment.pk, removed_at__isnull=True).update(removed_at=access.now)
    return True
