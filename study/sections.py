"""A long text cut into sections at its own headings, so that each can be jumped to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# 第一章 …, 第三部分 …, 一、…: what stands on a line of its own and is no longer than a heading.
_HEADING = re.compile(r"(第[一二三四五六七八九十百零〇\d]{1,5}[章节编篇部讲]|[一二三四五六七八九十]{1,3}、)")
LONGEST = 40


@dataclass
class Section:
    """A heading with the paragraphs under it; what stands before the first heading has none."""

    anchor: str
    heading: str = ""
    paragraphs: list[str] = field(default_factory=list)


def sections(text: str) -> list[Section]:
    """The text's sections in order, each with an anchor (s1, s2, …); blank lines are left out."""
    found: list[Section] = []
    for line in (line.strip() for line in text.splitlines()):
        if not line:
            continue
        is_heading = len(line) <= LONGEST and _HEADING.match(line) and not line.endswith(("。", "；", "，", "："))
        if is_heading or not found:
            found.append(Section(f"s{len(found) + 1}", line if is_heading else ""))
        if not is_heading:
            found[-1].paragraphs.append(line)
    return found
