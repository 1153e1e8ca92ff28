"""What piles up and is needed no more: sessions, logins long past, browsers not seen again, failures, roster uploads.

`clear(now)` is all of it; done twice, the second time there is nothing left to do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils.timezone import localdate

from branches import audit, devices, guessing, roster_jobs
from branches.access import Access
from branches.models import KnownDevice, LoginFailure, LoginSession, RosterImport

# The log keeps every login; the rows tell who is idle (90 days) and which tickets were used, for much less long.
LOGINS_KEPT = timedelta(days=180)


def clear(now: datetime) -> dict[str, int]:
    """Remove what is over at `now`; how much of each kind that was."""
    rows = {
        "过期的会话": Session.objects.filter(expire_date__lt=now),
        "180天前的登录": LoginSession.objects.filter(began_at__lte=now - LOGINS_KEPT),
        "180天没有再用的浏览器": KnownDevice.objects.filter(seen_at__lte=now - timedelta(days=devices.DAYS)),
        "过期的登录失败": LoginFailure.objects.filter(at__lte=now - guessing.KEPT),
    }
    with audit.together():
        found = {what: old.delete()[0] for what, old in rows.items()}
        if any(found.values()):
            counts = "，".join(f"{what}{count}" for what, count in found.items() if count)
            audit.note(Access(now=now, on=localdate(now)), audit.Kind.WRITE, "清理过期的记录", counts=counts)
    return {**found, "上传的名册": roster_jobs.purge(now), "没有主人的进度文件": _clear_progress()}


def _clear_progress() -> int:
    """The small files of workers that died: nobody reads one whose import is not under way."""
    kept = set(RosterImport.objects.filter(stage__in=roster_jobs.UNDER_WAY).values_list("pk", flat=True))
    lost = [path for path in (Path(settings.VAR_DIR) / "roster").glob("*") if path.stem not in {str(pk) for pk in kept}]
    for path in lost:
        path.unlink(missing_ok=True)
    return len(lost)
