"""A roster workbook read in one go, where a test is not about its columns."""

from __future__ import annotations

from typing import IO

from branches.roster_cells import Reading
from branches.roster_columns import doubts, propose, read_cells, reading_of


def read_roster(source: bytes | IO[bytes]) -> Reading:
    """The rows as they are read when the proposal is right; AssertionError with the doubts where it is not."""
    cells = read_cells(source)
    columns = propose(cells)
    assert not doubts(cells, columns), doubts(cells, columns)
    return reading_of(cells, columns)
