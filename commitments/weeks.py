"""Activity weeks: which week of a month it is, what is still missing, and what is frozen when the record is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from commitments.models import ActivityWeek


def missing_in(week: ActivityWeek, at: datetime | None) -> list[str]:
    """What stands between the week's record and its keeping, in sentences."""
    return []


def snapshot_of(week: ActivityWeek) -> dict[str, Any]:
    """The week's record as it is kept."""
    return {"fields": [], "tables": []}
