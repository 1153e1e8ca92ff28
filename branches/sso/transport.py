"""Asking the single sign-on server: certificates checked, five seconds, small answers, no redirects, no proxies.

Nothing here is logged: an address may carry a ticket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from branches.sso.configuration import SingleSignOn
from branches.sso.outcome import SignOnFailed, Trouble

SECONDS = 5.0
LARGEST = 256 * 1024  # bytes: a CAS answer has 1 to 10 KB, a provider's key set rarely 20


@lru_cache(maxsize=4)
def _pool(ca_file: str) -> urllib3.PoolManager:
    # Without a file of its own the machine's certificates hold.
    return urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=ca_file or None)


def ask(
    sso: SingleSignOn, url: str, *, query: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:  # fmt: skip
    """The status and the body of a GET, or of a POST where there is a form; `SignOnFailed` if nothing good came."""
    end = monotonic() + SECONDS
    sent = dict(headers or {}) | {"Accept-Encoding": "identity", "Connection": "close"}
    if form is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        response = _pool(sso.ca_file).urlopen(
            "POST" if form is not None else "GET",
            f"{url}?{urlencode(query)}" if query else url,
            body=urlencode(form) if form is not None else None,
            headers=sent,
            timeout=urllib3.Timeout(total=SECONDS),
            retries=False,
            redirect=False,
            preload_content=False,
        )
    except (HTTPError, UnicodeError) as error:
        raise SignOnFailed(Trouble.UNREACHABLE, type(error).__name__) from None
    try:
        body = _read(response, end)
    except HTTPError as error:
        raise SignOnFailed(Trouble.UNREACHABLE, type(error).__name__) from None
    finally:
        response.close()
    if response.status >= 500:
        raise SignOnFailed(Trouble.UNREACHABLE, f"HTTP {response.status}")
    if 300 <= response.status < 400:
        raise SignOnFailed(Trouble.ANSWER, f"HTTP {response.status}，不跟随跳转")
    return response.status, body


def _read(response: urllib3.BaseHTTPResponse, end: float) -> bytes:
    """The whole body, unless it comes too slowly (a drop each second) or never ends."""
    parts, size = [], 0
    while part := response.read1(8192, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            raise SignOnFailed(Trouble.ANSWER, "答复太大")
        if monotonic() > end:
            raise SignOnFailed(Trouble.UNREACHABLE, "答复太慢")
    return b"".join(parts)


def ask_for_json(sso: SingleSignOn, url: str, **how: Any) -> tuple[int, dict[str, Any]]:
    """The status and the JSON object of the answer."""
    status, body = ask(sso, url, **how)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise SignOnFailed(Trouble.ANSWER, f"HTTP {status}，不是 JSON") from None
    if not isinstance(found, dict):
        raise SignOnFailed(Trouble.ANSWER, f"HTTP {status}，不是 JSON 对象")
    return status, found
