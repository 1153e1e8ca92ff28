"""The check for vague pledges: forty worded as people word them, sorted; and each rule by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from commitments.vagueness import Other, Said, sentences, vague_in
from tests.commitments import phrases

DUE = date(2018, 12, 31)
CONCRETE = Said(*phrases.GOOD[0], due_on=DUE)


def wrong(rows: tuple[phrases.Words, ...], *, empty: bool) -> list[str]:
    """Those that the check puts on the other side."""
    return [row[0] for row in rows if bool(vague_in([Said(*row, due_on=DUE)])) is not empty]


def rules(item: Said, *others: Other) -> list[str]:
    return [one.rule for one in vague_in([item], others)]


def test_forty_pledges_are_sorted_with_at_most_two_wrong():
    assert (len(phrases.GOOD), len(phrases.EMPTY)) == (20, 20)
    assert len(wrong(phrases.GOOD, empty=False) + wrong(phrases.EMPTY, empty=True)) <= 2


def test_those_held_out_are_sorted_too():
    assert wrong(phrases.HELD_OUT_GOOD + phrases.PLAIN, empty=False) == []
    assert wrong(phrases.HELD_OUT_EMPTY + phrases.DRESSED_UP, empty=True) == []


def test_every_empty_one_among_the_forty_is_called_a_slogan():
    assert all("slogan" in rules(Said(*row, due_on=DUE)) for row in phrases.EMPTY)


def test_each_rule_speaks_of_its_own_lack_and_of_nothing_else():
    assert rules(CONCRETE) == []
    assert rules(Said("为师生修改办事指南", "看得懂", "请师生试读", "试读记录", DUE)) == ["number"]
    assert rules(Said("为24个部门讲公文格式", "会写", "备好讲稿", "签到表")) == ["date"]
    assert rules(Said("写5千字", "写完", "写", "打卡5次记录", DUE)) == ["object"]
    assert rules(replace(CONCRETE, success="")) == ["measure"]
    assert rules(replace(CONCRETE, success="师生都说好")) == ["measure"]


def test_a_slogan_with_a_number_in_it_is_still_a_slogan():
    assert rules(Said("100%努力完成学习任务", "", "每天认真学习", "笔记12篇", DUE))[0] == "slogan"


def test_a_slogan_whose_measures_say_an_act_is_none():
    assert rules(Said("加强理论学习", "", "每周读《党章》一章，写笔记", "笔记11篇", DUE)) == []


def test_a_copy_is_found_word_for_word_and_with_a_word_changed():
    text = CONCRETE.text
    assert rules(CONCRETE, Other(text, "李强的承诺")) == ["copied"]
    assert rules(CONCRETE, Other(text.replace("每周三", "每周四") + "。", "李强的承诺")) == ["copied"]
    assert rules(CONCRETE, Other(phrases.GOOD[2][0], "李强的承诺")) == []
    found = vague_in([CONCRETE, CONCRETE])
    assert [(one.position, one.rule) for one in found] == [(2, "copied")]
    assert sentences(found) == ["第2项：与第1项几乎相同。请结合自己的岗位写。"]


def test_the_fixed_terms_count_nothing():
    assert "number" in rules(Said("给支部讲三会一课和两学一做的要求", "统一认识", "备讲稿", "讲稿", DUE))


def test_an_item_without_a_text_is_not_spoken_of():
    assert vague_in([Said(" ")]) == []
