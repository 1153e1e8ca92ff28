"""A long text in parts to be read at one's own pace: by its own headings, and by paragraphs where a part gets long."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SCREEN = 400  # characters that a phone shows without scrolling
LONGEST = 1800  # characters of a part: some four screens of a phone
# 第三章 …, 二、…, # …: a line of its own that does not end like a sentence.
HEADING = re.compile(
    r"(?:#{1,6}\s+\S|第[一二三四五六七八九十百零〇两\d]{1,6}[编章节回讲部篇](?:\s|[^，。；]|$)|[一二三四五六七八九十]{1,3}、)"
)
SENTENCE_ENDS = "。；！？，…：,;:"
HEADING_LENGTH = 60
# Type sizes offered: the value the page stores, and its word.
SIZES = [("1", "标准"), ("2", "大"), ("3", "更大"), ("4", "最大")]


@dataclass
class Part:
    """A part as it is read: its heading (empty where the text goes straight on) and its paragraphs."""

    heading: str = ""
    paragraphs: list[str] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(len(paragraph) for paragraph in self.paragraphs)


def is_long(parts: list[Part]) -> bool:
    """Whether the text is worth a reader: in several parts, under a heading, or more than a screen of a phone."""
    return len(parts) > 1 or any(part.heading or part.length > SCREEN for part in parts)


def is_heading(line: str) -> bool:
    """Whether a line stands over what follows it."""
    return len(line) <= HEADING_LENGTH and line[-1:] not in SENTENCE_ENDS and HEADING.match(line) is not None


def parts_of(text: str) -> list[Part]:
    """The text in parts, every character of its lines in them but the spaces around and the marks before a heading.

    A part ends before the next heading, or where another paragraph would make it longer than LONGEST; a heading
    right under another begins a part of its own. An empty text has no parts.
    """
    parts: list[Part] = []
    for line in (line.strip() for line in text.splitlines()):
        if not line:
            continue
        if is_heading(line):
            parts.append(Part(line.lstrip("#").strip()))
        elif not parts or (parts[-1].paragraphs and parts[-1].length + len(line) > LONGEST):
            parts.append(Part("", [line]))
        else:
            parts[-1].paragraphs.append(line)
    return parts
