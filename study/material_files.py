"""The file of a material: written anew by the validator, kept under its digest, given out as an attachment."""

from __future__ import annotations

import logging
from typing import Any

from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile

from documents.containers import MEGABYTE
from documents.office_files import MAX_BYTES, CleanDocument, DocumentRefused, clean_document_in_child
from documents.pictures import clean_name
from documents.storage import DamagedContent
from plan import kept_files
from study.models import Material

log = logging.getLogger(__name__)

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
    """The file's bytes; None where it is gone or no longer the same."""
    return kept_files.read(material.file_sha256, material.file_format)
