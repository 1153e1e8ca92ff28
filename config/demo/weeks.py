"""The demo's weeks of a branch: how the story writes them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from plan.models import Duty

if TYPE_CHECKING:
    from config.demo.story import BranchYear


def write(year: BranchYear, duty: Duty, at: datetime) -> None:
    """Plan into the branch's year what settles this duty at about that instant (`year.then(at, act)`)."""
