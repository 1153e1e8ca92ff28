"""Long texts in parts: nothing of the text is lost, headings begin parts, and no part is endless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.reader import LONGEST, Part, is_heading, parts_of


@pytest.mark.parametrize(
    "line", ["第一章 总则", "第十二节", "一、学习内容", "# 导言", "### 第三", "第3讲 初心", "十二、附则"]
)
def test_a_line_of_its_own_that_numbers_what_follows_is_a_heading(line):
    assert is_heading(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "第一章讲的是总则，第二章讲权利。",
        "一、认真学习党章，做到学懂弄通做实。",
        "第一，要学。",
        "我们一、二支部",
        "# " + "长" * 60,
        "#标签",
    ],
)
def test_a_sentence_is_none(line):
    assert not is_heading(line)


def test_parts_begin_at_headings_and_the_text_before_the_first_is_a_part_without_one():
    assert parts_of("前言。\n\n一、目的\n学。\n再学。\n二、要求\n") == [
        Part("", ["前言。"]), Part("一、目的", ["学。", "再学。"]), Part("二、要求", []),
    ]  # fmt: skip


def test_a_long_text_without_headings_is_cut_between_paragraphs():
    paragraph = "学" * 500
    parts = parts_of("\n".join([paragraph] * 10))
    assert len(parts) > 2
    assert all(part.length <= LONGEST for part in parts)


def test_a_paragraph_longer_than_a_part_stays_whole():
    assert parts_of("学" * (3 * LONGEST)) == [Part("", ["学" * (3 * LONGEST)])]


def test_an_empty_text_has_no_parts():
    assert parts_of(" \n\t\n") == []


@given(st.text(st.sampled_from("一二、第章节。# 学\n\r\t，"), max_size=400))
def test_every_character_that_is_read_is_in_the_parts_in_its_order(text):
    def seen(words: str) -> str:
        return "".join(words.replace("#", "").split())

    together = "".join(part.heading + "".join(part.paragraphs) for part in parts_of(text))
    assert seen(together) == seen(text)
