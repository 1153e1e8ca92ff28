"""What was filed, read again: a version's frozen text as the pages, the comparison and the documents show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from documents.text import size_words
from plan.models import Version


@dataclass(frozen=True)
class FrozenTable:
    """One table of a record; `columns` and each row are texts of equal number."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    @property
    def heads(self) -> list[dict[str, str]]:
        """The columns as `data_table` takes them; the first one names the row."""
        return [{"label": label, "kind": "text" if place else "head"} for place, label in enumerate(self.columns)]

    @property
    def cells(self) -> list[dict[str, list[str]]]:
        return [{"cells": row} for row in self.rows]


@dataclass(frozen=True)
class Shot:
    """One picture of a record: its row's id, the digest of its content, its name and its caption."""

    pk: int
    sha256: str
    name: str
    caption: str
    beside: str = ""  # when it was taken

    @property
    def words(self) -> str:
        return self.caption or self.name


@dataclass(frozen=True)
class File:
    """One document of a record (附件): its row's id, its name, the digest of its content and its length in bytes."""

    pk: int
    name: str
    sha256: str
    size: int

    @property
    def size_words(self) -> str:
        """35 KB, 1.2 MB."""
        return size_words(self.size)


@dataclass(frozen=True)
class Snapshot:
    """A record complete in itself, as it was filed or as it would be filed now."""

    title: str = ""
    kind: str = ""
    branch: str = ""
    member: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    tables: list[FrozenTable] = field(default_factory=list)
    settles: list[tuple[str, str, str]] = field(default_factory=list)
    pictures: list[Shot] = field(default_factory=list)
    # Who signs the paper by hand: the chairman's and the writer's lines below the minutes of a meeting.
    signatures: list[str] = field(default_factory=list)
    attachments: list[File] = field(default_factory=list)

    @property
    def below_title(self) -> list[tuple[str, str]]:
        """The fields that stand below the title, which is not said twice."""
        return [(label, value) for label, value in self.fields if (label, value) != ("标题", self.title)]

    def with_words(self, words: Mapping[int, str]) -> Snapshot:
        """The same, with what is said beside its pictures, by their ids."""
        return replace(self, pictures=[replace(shot, beside=words.get(shot.pk, "")) for shot in self.pictures])

    @classmethod
    def of(cls, snapshot: Mapping[str, Any]) -> Snapshot:
        """Read a snapshot, in the shape that `moves.frozen` gives it."""
        return cls(
            title=str(snapshot["title"]),
            kind=str(snapshot["kind"]),
            branch=str(snapshot["branch"]),
            member=str(snapshot["member"]),
            fields=[(str(label), _text(value)) for label, value in snapshot["fields"]],
            tables=[
                FrozenTable(
                    str(table["title"]),
                    [str(column) for column in table["columns"]],
                    [[_text(cell) for cell in row] for row in table["rows"]],
                )
                for table in snapshot["tables"]
            ],
            settles=[(str(code), str(title), str(period)) for code, title, period in snapshot["settles"]],
            pictures=[
                Shot(int(shot["id"]), str(shot["sha256"]), str(shot["name"]), str(shot["caption"]))
                for shot in snapshot["pictures"]
            ],
            signatures=[str(label) for label in snapshot.get("signatures", [])],
            attachments=[  # which the first versions of the portal did not know
                File(int(file["id"]), str(file["name"]), str(file["sha256"]), int(file["size"]))
                for file in snapshot.get("attachments", [])
            ],
        )

    @classmethod
    def of_version(cls, version: Version) -> Snapshot | None:
        """Read a version; None where its text was damaged so far that it no longer reads."""
        try:
            return cls.of(version.snapshot)
        except (ValueError, KeyError, TypeError):
            return None


def _text(value: Any) -> str:
    return "" if value is None else str(value)
