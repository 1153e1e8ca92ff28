"""Two versions of a record side by side: which fields, rows and pictures differ, and where inside a text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from plan.snapshots import File, Shot, Snapshot

_PIECES = re.compile(r"[A-Za-z0-9]+|.", re.DOTALL)
_SENTENCES = re.compile(r"[^。；\n]*[。；\n]?")
LONGEST = 2_000  # characters: longer texts are compared sentence by sentence, which is quick whatever was typed


@dataclass(frozen=True)
class Piece:
    """A run of text that is the same in both versions, or stands in one of them only."""

    text: str
    changed: bool


@dataclass(frozen=True)
class Line:
    """One field of both versions, in pieces; an absent field has none."""

    label: str
    old: list[Piece]
    new: list[Piece]
    same: bool


@dataclass(frozen=True)
class Comparison:
    """Every field and table row, and the pictures and documents that came and went."""

    lines: list[Line]
    gone: list[Shot]
    come: list[Shot]
    files_gone: list[File]
    files_come: list[File]

    @property
    def changes(self) -> int:
        pieces = (self.differing, self.gone, self.come, self.files_gone, self.files_come)
        return sum(len(piece) for piece in pieces)

    @property
    def differing(self) -> list[Line]:
        return [line for line in self.lines if not line.same]

    @property
    def alike(self) -> list[Line]:
        return [line for line in self.lines if line.same]


def compared(old: Snapshot | None, new: Snapshot | None) -> Comparison | None:
    """Lay two versions side by side; None where one of them no longer reads."""
    if old is None or new is None:
        return None
    lines = [_line("标题", old.title, new.title), *_fields(old, new)]
    titles = list(dict.fromkeys(table.title for table in (*old.tables, *new.tables)))
    lines += [_line(title, _rows(old, title), _rows(new, title)) for title in titles]
    lines.append(_line("完成的任务", _settles(old), _settles(new)))
    theirs, ours = {shot.sha256 for shot in old.pictures}, {shot.sha256 for shot in new.pictures}
    their_files = {file.sha256 for file in old.attachments}
    our_files = {file.sha256 for file in new.attachments}
    return Comparison(
        lines=[line for line in lines if line.old or line.new],
        gone=[shot for shot in old.pictures if shot.sha256 not in ours],
        come=[shot for shot in new.pictures if shot.sha256 not in theirs],
        files_gone=[file for file in old.attachments if file.sha256 not in our_files],
        files_come=[file for file in new.attachments if file.sha256 not in their_files],
    )


def _fields(old: Snapshot, new: Snapshot) -> list[Line]:
    before, after = dict(old.fields), dict(new.fields)
    labels = list(dict.fromkeys([*after, *before]))
    return [_line(label, before.get(label, ""), after.get(label, "")) for label in labels if label != "标题"]


def _rows(snapshot: Snapshot, title: str) -> str:
    rows = [row for table in snapshot.tables if table.title == title for row in table.rows]
    return "\n".join("　".join(cell for cell in row if cell) for row in rows)


def _settles(snapshot: Snapshot) -> str:
    return "\n".join(f"{code} {title}（{period}）" for code, title, period in snapshot.settles)


def _line(label: str, old: str, new: str) -> Line:
    before, after = _pieces(old, new)
    return Line(label, before, after, same=old == new)


def _pieces(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    if old == new:
        return [Piece(old, False)] if old else [], [Piece(new, False)] if new else []
    pattern = _SENTENCES if max(len(old), len(new)) > LONGEST else _PIECES
    first, second = ([piece for piece in pattern.findall(text) if piece] for text in (old, new))
    before: list[Piece] = []
    after: list[Piece] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        _add(before, first[i1:i2], tag != "equal")
        _add(after, second[j1:j2], tag != "equal")
    return before, after


def _add(pieces: list[Piece], texts: Sequence[str], changed: bool) -> None:
    if texts:
        pieces.append(Piece("".join(texts), changed))
