"""The paper as it was printed, with the sentences that ask for something marked; pure text, no database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from plan.document import Document, RequirementSpec


class Part(StrEnum):
    """What a paragraph of the paper is."""

    TITLE = "title"
    CHAPTER = "chapter"
    CLAUSE = "clause"
    TEXT = "text"
    SIGNATURE = "signature"


@dataclass(frozen=True)
class Piece:
    """Some words of a paragraph: the codes that quote them, those that newly begin here, whether they are its head."""

    text: str
    codes: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    heading: bool = False


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of the paper in its own words; `number` names the chapter or clause that it opens, such as 一.2."""

    part: Part
    pieces: tuple[Piece, ...]
    number: str = ""

    @property
    def text(self) -> str:
        """The paragraph's words, unbroken."""
        return "".join(piece.text for piece in self.pieces)


def marked(document: Document) -> tuple[Paragraph, ...]:
    """Give the paper's paragraphs in their own order, cut where quotes begin and end; blank lines are left out.

    A quote is marked where it first stands. Where quotes overlap, a piece carries the codes of all of them, the
    shortest quote's first: that is the requirement that the words speak of most narrowly.
    """
    spans = _spans(document.source_text, document.requirements)
    lines = [(found.start(), found[0]) for found in re.finditer(r"[^\r\n]+", document.source_text) if found[0].strip()]
    titles = _title_lines([line.strip() for _, line in lines], document.title)
    chapters = {chapter.title: chapter.number for chapter in document.chapters}
    headings = {clause.number: clause.heading for clause in document.clauses}
    paragraphs = []
    chapter = ""
    for place, (start, line) in enumerate(lines):
        text = line.strip()
        start += len(line) - len(line.lstrip())
        part, number = Part.TEXT, ""
        named = next((title for title in chapters if text.endswith(title) and len(text) <= len(title) + 4), None)
        clause = re.match(r"([1-9][0-9]?)[.．、]", text)
        if place < titles:
            part = Part.TITLE
        elif named is not None:
            part, number = Part.CHAPTER, chapters[named]
            chapter = number
        elif clause and f"{chapter}.{clause[1]}" in headings:
            part, number = Part.CLAUSE, f"{chapter}.{clause[1]}"
        elif line.startswith((" " * 8, "\u3000" * 8)):
            part = Part.SIGNATURE
        head = (
            re.match(rf"{re.escape(clause[0])}\s*{re.escape(headings[number])}。?", text) if clause and number else None
        )
        paragraphs.append(Paragraph(part, _pieces(text, start, spans, len(head[0]) if head else 0), number))
    return tuple(paragraphs)


def _spans(text: str, requirements: Sequence[RequirementSpec]) -> list[tuple[int, int, str]]:
    """Where each quote first stands: start, end, code; the shortest first."""
    found = []
    for requirement in requirements:
        for quote in requirement.quotes:
            start = text.find(quote.strip())
            if start >= 0:
                found.append((start, start + len(quote.strip()), requirement.code))
    return sorted(found, key=lambda span: span[1] - span[0])


def _pieces(text: str, start: int, spans: list[tuple[int, int, str]], head: int) -> tuple[Piece, ...]:
    """Cut one paragraph, which begins at `start` and opens with `head` characters of heading."""
    end = start + len(text)
    near = [span for span in spans if span[0] < end and span[1] > start]
    cuts = {start, start + head, end} | {cut for span in near for cut in span[:2] if start < cut < end}
    pieces: list[Piece] = []
    for first, last in pairwise(sorted(cuts)):
        codes = tuple(dict.fromkeys(span[2] for span in near if span[0] <= first and span[1] >= last))
        before = pieces[-1].codes if pieces else ()
        begins = tuple(code for code in codes if code not in before)
        pieces.append(Piece(text[first - start : last - start], codes, begins, heading=last <= start + head))
    return tuple(pieces)


def _title_lines(lines: list[str], title: str) -> int:
    """How many lines at the top, issuer and title, stand before the text; 0 where the title is not there."""
    for count in range(1, min(len(lines), 8) + 1):
        if "".join(lines[:count]).endswith(title):
            return count
    return 0
