"""The nightly and the frequent work of the rooms below, in the form that background work has.

Each is what a command of the same name does; done twice, the second time finds nothing to do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.timezone import localdate

from branches import anchoring, leftovers, roster_jobs
from branches.access import Access
from branches.accounts import pause_idle
from jobs.queue import NotDone, Tell
from study import sending

Arguments = Mapping[str, Any]


def clean_up(arguments: Arguments, *, at: datetime, tell: Tell) -> str:
    return "，".join(f"{what}{count}" for what, count in leftovers.clear(at).items() if count) or "没有要清理的"


def purge_imports(arguments: Arguments, *, at: datetime, tell: Tell) -> str:
    return f"清除{roster_jobs.purge(at)}次上传的内容"


def pause_idle_accounts(arguments: Arguments, *, at: datetime, tell: Tell) -> str:
    return f"暂停{len(pause_idle(Access(now=at, on=localdate(at))))}个账号"


def send_pushes(arguments: Arguments, *, at: datetime, tell: Tell) -> str:
    began = time.monotonic()
    sent = sending.send_waiting(lambda: at + timedelta(seconds=time.monotonic() - began))
    return f"发出{sent}条" if sent else ""


def verify_chain(arguments: Arguments, *, at: datetime, tell: Tell) -> str:
    """Check the audit log against what was noted, and note its head where all is well."""
    found = anchoring.check(settings.AUDIT_ANCHORS)
    if not found.sound:
        # What was written while the log was being read looks like a break: a real one is there the second time.
        found = anchoring.check(settings.AUDIT_ANCHORS)
    if not found.sound:
        raise NotDone(f"{found.words}请审计管理员核对。")
    anchoring.note_head(settings.AUDIT_ANCHORS, at)
    return found.words
