"""Writing a pledge: what is still missing before it can be filed, and what is frozen when it is."""

from __future__ import annotations

from typing import Any

from commitments.models import Pledge


def missing_in(pledge: Pledge) -> list[str]:
    """What stands between the pledge and its filing, in sentences."""
    return []


def snapshot_of(pledge: Pledge) -> dict[str, Any]:
    """The pledge as it is sent: fields and one table of its items."""
    return {"fields": [], "tables": []}
