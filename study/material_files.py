"""The file of a material: written anew by the validator, kept under its digest, given out as an attachment."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile

from documents.containers import MEGABYTE
from documents.office_files import MAX_BYTES, CleanDocument, DocumentRefused, clean_document_in_child
from documents.pictures import clean_name
from documents.storage import DamagedContent
from study.models import Material

log = logging.getLogger(__name__)

MIME = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
NO_FILE = {"file_name": "", "file_format": "", "file_size": 0, "file_sha256": ""}


def taken_in(file: UploadedFile) -> dict[str, Any]:
    """Clean and keep the file; returns the fields of its material. Raises DocumentRefused, whose sentence says why."""
    shown = clean_name(file.name or "")
    if (file.size or 0) > MAX_BYTES:
        most = MAX_BYTES // MEGABYTE
        raise DocumentRefused(f"“{shown}”超过 {most} MB 的上限，请压缩或拆分后再上传。")
    document: CleanDocument = clean_document_in_child(file.read(), shown)
    storage: Any = storages["evidence"]
    try:
        storage.put(document.data, f".{document.format}")
    except (OSError, DamagedContent) as error:
        log.exception("the file of a material could not be kept")
        raise DocumentRefused(f"“{shown}”没有存上：服务器的存储暂时不可用，请稍后再传。") from error
    return {
        "file_name": shown[-120:], "file_format": document.format, "file_size": document.size,
        "file_sha256": document.sha256,
    }  # fmt: skip


def read(material: Material) -> bytes | None:
    """The file's bytes; None, and a line in the log, where it is gone or no longer the same."""
    digest = material.file_sha256
    storage: Any = storages["evidence"]
    try:
        with storage.open(f"{digest[:2]}/{digest[2:4]}/{digest}.{material.file_format}") as file:
            data: bytes = file.read()
    except OSError:
        log.error("the file %s of a material is not in the storage", digest)
        return None
    if hashlib.sha256(data).hexdigest() != digest:
        log.error("the file %s of a material is not what its name promises", digest)
        return None
    return data
