"""Files kept under their digest in the evidence storage: named, checked when read, given out to be saved."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.core.files.storage import storages
from django.http import HttpResponse
from django.utils.http import content_disposition_header

log = logging.getLogger(__name__)

MIME = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def name_of(sha256: str, suffix: str) -> str:
    """The name under which the storage keeps the file with this digest; the suffix is without its dot."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}.{suffix}"


def read(sha256: str, suffix: str) -> bytes | None:
    """The file's bytes; None, and a line in the log, where it is gone or no longer the same."""
    storage: Any = storages["evidence"]
    try:
        with storage.open(name_of(sha256, suffix)) as file:
            data: bytes = file.read()
    except (OSError, ValueError):
        log.error("the %s %s is not in the storage", suffix, sha256)
        return None
    if hashlib.sha256(data).hexdigest() != sha256:
        log.error("the %s %s is not what its name promises", suffix, sha256)
        return None
    return data


def to_save(data: bytes, name: str, suffix: str) -> HttpResponse:
    """A document as an answer: to be saved, never opened within the portal, and asked for anew each time."""
    response = HttpResponse(data, content_type=MIME[suffix])
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
