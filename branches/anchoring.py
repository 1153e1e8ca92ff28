"""The audit chain checked against what was noted outside the database, and its head noted there in turn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import connection

from branches import append_only, audit


@dataclass(frozen=True)
class Checked:
    """What a check found: events read, places where the chain does not hold, triggers that are missing."""

    count: int
    anchors: int
    broken: list[audit.Broken]
    lost: list[str]

    @property
    def sound(self) -> bool:
        return not (self.broken or self.lost)

    @property
    def words(self) -> str:
        return f"共{self.count}条，{len(self.broken)}处不符，对照了{self.anchors}次留底。"


def check(path: Path) -> Checked:
    """Check the whole chain; OSError or ValueError where the file of anchors cannot be read."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    anchors = [audit.Anchor.parse(line) for line in lines if line.strip()]
    count, broken = audit.verify(anchors)
    return Checked(count, len(anchors), broken, sorted(append_only.missing(connection)))


def note_head(path: Path, at: datetime) -> None:
    """Add the head as it stands to the file of anchors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{audit.head(at)}\n")
