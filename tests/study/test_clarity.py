"""The four clears: what is remarked, what is not, and that a first draft leaves nothing to remark."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from types import SimpleNamespace

import pytest

from plan.loading import load
from plan.models import Requirement
from study.clarity import CONTENT, KEY_READINGS, METHOD, OTHERS, PERSON, TIME, Asked, Entry, asked_of, check
from study.drafting import branch_items, outline, theme_day, week_contents, weeks_left
from study.models import Kind, Method, PlanItem
from tests.conftest import ROOT

OCTOBER = Asked("collective_study", "一.3", "每月安排1次党员集体学习", "10月", date(2018, 10, 1), date(2018, 10, 31))


def entry(number: int = 1, **facts) -> Entry:
    whole = {
        "pk": number, "scope": PlanItem.Scope.COLLECTIVE, "kinds": ["collective_study"], "topic": "学习党章",
        "content": "学习党章总纲", "starts_on": date(2018, 10, 12), "ends_on": date(2018, 10, 12), "hours": Decimal(2),
        "responsible_id": number, "method": Method.READING, "readings": ["《中国共产党章程》"],
    }  # fmt: skip
    return Entry(**whole | facts)


ALONE = entry(99, scope=PlanItem.Scope.INDIVIDUAL, responsible_id=None, method=Method.SELF)._replace(responsible_id=7)


def remarks(*entries: Entry, words: str = "大纲", asked=(OCTOBER,), readings=(), roster=range(10)):
    return check(words, entries, asked=asked, readings=readings, roster=roster).remarks


@cache
def document_of_2018():
    text = (ROOT / "plan/2018.txt").read_text(encoding="utf-8")
    return load((ROOT / "plan/2018.toml").read_text(encoding="utf-8"), text)


def plan_from(day: date):
    """The real plan as if it had been issued on that day, without the database."""
    document = document_of_2018()
    rows = [
        Requirement(
            code=s.code, clause=s.clause, title=s.title, quotes=list(s.quotes), proof=s.proof, kinds=list(s.kinds),
            data=s.as_dict(),
        )
        for s in document.requirements
    ]  # fmt: skip
    return SimpleNamespace(
        year=2018, effective_on=day, document=document, requirements=SimpleNamespace(all=lambda: rows)
    )


def test_a_clear_plan_has_no_remark() -> None:
    assert remarks(entry(), ALONE) == []


def test_a_month_without_study_is_named_with_the_sentence_that_asks_for_it() -> None:
    (found,) = remarks(entry(starts_on=date(2018, 9, 30), ends_on=date(2018, 9, 30)), ALONE)
    assert found.sentence == "10月缺党员集体学习——一.3“每月安排1次党员集体学习”"
    assert (found.clear, found.month) == (CONTENT, 10)


def test_what_is_read_alone_is_no_collective_study() -> None:
    (found,) = remarks(entry(2, kinds=["seminar"]), ALONE)
    assert found.sentence.startswith("10月缺党员集体学习")


def test_both_lists_and_the_outline_are_asked_for() -> None:
    assert [r.sentence[:10] for r in remarks(entry(), words=" ")] == ["还没有写年度学习大纲", "还没有列出个人学习清"]
    assert any("集体学习清单" in r.sentence for r in remarks(ALONE))


@pytest.mark.parametrize(
    ("clear", "facts"),
    [
        (CONTENT, {"content": " ", "readings": []}), (TIME, {"hours": None}), (PERSON, {"responsible_id": None}),
        (METHOD, {"method": ""}),
    ],
)  # fmt: skip
def test_each_empty_field_is_remarked_under_its_own_clear(clear: str, facts: dict) -> None:
    (found,) = remarks(entry(5, **facts), ALONE)
    assert (found.clear, found.item) == (clear, 5)
    assert "10月12日“学习党章”还缺" in found.sentence


def test_one_person_with_more_than_twice_the_fair_share_is_advice_only() -> None:
    often = [entry(n, responsible_id=1) for n in range(3)]
    found = check("大纲", [*often, ALONE], asked=[OCTOBER], readings=[], roster=range(10))
    assert [(r.clear, r.advice) for r in found.remarks] == [(PERSON, True)]
    assert found.is_clear
    assert found.shares == {1: 3, 7: 1}
    assert remarks(*often[:2], ALONE) == []


def test_a_branch_of_two_may_share_the_work_between_them() -> None:
    assert remarks(*[entry(n, responsible_id=n % 2) for n in range(9)], ALONE, roster=[0, 1]) == []


def test_a_key_reading_that_nobody_cites_is_named() -> None:
    titles = ["《中国共产党章程》", "《梁家河》"]
    found = check("大纲", [entry(), ALONE], asked=[OCTOBER], readings=titles, roster=[1, 7])
    assert [r.sentence for r in found.remarks] == ["“《梁家河》”还没有列入任何一次学习。"]
    assert not found.cites_readings
    assert found.is_clear
    assert dict(found.groups)[KEY_READINGS]


def test_only_windows_that_are_open_are_asked_for() -> None:
    asked = asked_of(plan_from(date(2018, 6, 11)), date(2018, 6, 11))
    months = [a.label for a in asked if a.kind == Kind.COLLECTIVE_STUDY]
    assert months == ["6月", "7月", "8月", "9月", "10月", "11月", "12月"]
    assert [a.label for a in asked if a.kind == Kind.SEMINAR] == ["5–6月", "7–8月", "9–10月", "11–12月"]
    assert {a.kind for a in asked if a.core} == {"collective_study", "seminar", "life_meeting", "appraisal"}
    assert {a.code for a in asked if not a.core} == {"S4", "S5", "C7", "C8", "C9", "C10"}


def test_what_was_over_when_the_study_plan_was_begun_is_not_asked_for() -> None:
    asked = asked_of(plan_from(date(2018, 6, 11)), date(2018, 7, 11))
    assert min(a.ends_on for a in asked if a.core) == date(2018, 7, 31)
    assert not any(a.code in ("S4", "S5") for a in asked)


def test_a_branch_without_a_committee_is_asked_for_none() -> None:
    asked = asked_of(plan_from(date(2018, 6, 11)), date(2018, 6, 11), small=True)
    assert "C9" not in {a.code for a in asked}


def others(asked, *entries: Entry) -> list[tuple[str, int | None]]:
    found = check("大纲", [*entries, ALONE], asked=asked, readings=[], roster=range(10))
    return [(r.sentence, r.month) for r in found.remarks if r.clear == OTHERS]


def test_what_other_clauses_ask_for_is_few_sentences_however_much_is_missing() -> None:
    asked = asked_of(plan_from(date(2018, 6, 11)), date(2018, 6, 13))
    assert others(asked) == [
        ("6月30日前缺主题党建活动——一.2“各支部要组织主题为“不忘初心、牢记使命”的党建活动”", 6),
        ("6月30日前缺党课——一.2“党支部书记（或者处级以上党员领导干部）要为本支部上1次主题党课”", 6),
        ("6–12月缺主题党日——二.2“主题党建活动日每月一次”", 6),
        ("6–12月缺支部党员大会——二.2“并在党员大会上全面安排当月支部各项活动”", 6),
        ("6–12月每周都没有安排支委会——二.2“各支部每周要召开支委会”", 6),
        ("6–12月缺党小组会——二.2“各支部要定期召开党的小组会（未成立党小组的支部可召开“临时党小组”会议）”", 6),
    ]  # fmt: skip


def test_the_weeks_and_months_that_are_missing_are_told_in_runs() -> None:
    asked = [a for a in asked_of(plan_from(date(2018, 6, 11)), date(2018, 7, 2)) if a.code in ("C8", "C9")]
    weekly = {"kinds": ["committee_meeting"], "rhythm": "weekly"}
    until_august = entry(1, starts_on=date(2018, 7, 4), ends_on=date(2018, 8, 15), **weekly)
    from_october = entry(2, starts_on=date(2018, 10, 10), ends_on=date(2018, 12, 26), **weekly)
    meetings = [
        entry(n, kinds=["theme_day", "general_meeting"], starts_on=date(2018, n, 13), ends_on=date(2018, n, 13))
        for n in (7, 9, 12)
    ]
    assert [sentence for sentence, _ in others(asked, until_august, from_october, *meetings)] == [
        "8月缺支部党员大会——二.2“并在党员大会上全面安排当月支部各项活动”",
        "10–11月缺支部党员大会——二.2“并在党员大会上全面安排当月支部各项活动”",
        "8–10月有7周没有安排支委会——二.2“各支部每周要召开支委会”",
    ]
    without_august = [a for a in asked if a.code == "C9" and not (a.starts_on.month == 8 and a.starts_on.day > 15)]
    assert others(without_august, until_august, from_october)[0][0].startswith("9–10月有5周没有安排支委会")


def test_only_the_four_clears_decide_whether_a_plan_is_clear() -> None:
    asked = [a for a in asked_of(plan_from(date(2018, 6, 11)), date(2018, 7, 2)) if a.code == "C9"]
    found = check("大纲", [entry(), ALONE], asked=asked, readings=[], roster=range(10))
    assert found.is_clear
    assert dict(found.groups)[OTHERS]


def test_a_sitting_on_a_day_of_rest_is_advice_unless_nothing_else_is_left() -> None:
    holiday = entry(3, starts_on=date(2018, 10, 2), ends_on=date(2018, 10, 2))
    (found,) = remarks(holiday, ALONE)
    assert found.sentence == "10月2日“学习党章”安排在休息日（国庆节），建议另选一天。"
    assert (found.clear, found.item, found.advice) == (TIME, 3, True)
    sunday = entry(3, kinds=["general_meeting"], starts_on=date(2018, 10, 14), ends_on=date(2018, 10, 14))
    assert "休息日（周日）" in next(r.sentence for r in remarks(sunday, entry(), ALONE))
    # 30 September was a Sunday that was worked for the holidays.
    worked = entry(3, kinds=["general_meeting"], starts_on=date(2018, 9, 30), ends_on=date(2018, 9, 30))
    assert remarks(worked, entry(), ALONE) == []
    # Begun on the month's last days, which rest: there is no better day.
    late = OCTOBER._replace(ends_on=date(2018, 10, 7), left_on=date(2018, 10, 1))
    assert remarks(holiday, ALONE, asked=[late]) == []


def test_a_first_draft_leaves_nothing_to_remark_for_any_roster_and_day() -> None:
    chance = random.Random(2018)
    rules = ["", "每月第二个星期五", "每月15日", "每月第五个周日", "每月31号", "逢单周"]
    for _ in range(120):
        issued = date(2018, 1, 1) + timedelta(days=chance.randrange(365))
        start = issued + timedelta(days=chance.randrange((date(2018, 12, 31) - issued).days + 1))
        roster = chance.sample(range(1000), chance.randint(1, 40))
        titles = [f"《篇目{n}》" for n in range(chance.randint(0, 40))]
        asked = asked_of(plan_from(issued), start)
        items = branch_items(
            asked, year=2018, start=start, rule=chance.choice(rules), roster=roster, readings=titles
        )  # fmt: skip
        found = check(outline(titles), items, asked=asked, readings=titles, roster=roster)
        assert found.remarks == [], (issued, start, len(roster), len(titles))
        assert all(start <= item.starts_on <= item.ends_on <= date(2018, 12, 31) for item in items)
        assert all(len(item.topic) <= 120 and len(item.content) <= 400 for item in items)


@pytest.mark.parametrize(
    ("rule", "month", "day"),
    [
        ("每月第二个星期五", 7, 13), ("每月第1个周三", 8, 1), ("每月15日", 8, 15), ("", 7, 20),
        ("每月1日", 10, 8), ("每月第五个星期一", 9, 25), ("每月31日", 9, 30), ("由支委会商定", 11, 16),
    ],
)  # fmt: skip
def test_the_theme_day_is_read_from_the_branch_s_words_and_is_worked(rule: str, month: int, day: int) -> None:
    assert theme_day(rule, 2018, month) == date(2018, month, day)


def test_the_weeks_left_run_from_monday_to_the_last_iso_week() -> None:
    weeks = weeks_left(2018, date(2018, 7, 11))
    assert (weeks[0], weeks[-1], len(weeks)) == (date(2018, 7, 9), date(2018, 12, 24), 25)
    assert len(weeks_left(2018, date(2018, 1, 1))) == 52
    assert weeks_left(2021, date(2021, 1, 1))[0] == date(2021, 1, 4)
    assert weeks_left(2018, date(2018, 12, 31)) == [date(2018, 12, 31)]


def test_the_readings_fill_every_week_in_order() -> None:
    assert week_contents(["甲", "乙"], 4) == ["研读甲（上）", "研读甲（下）", "研读乙（上）", "研读乙（下）"]
    assert week_contents(["甲"], 3) == ["研读甲（上）", "研读甲（中）", "研读甲（下）"]
    assert week_contents(["甲", "乙", "丙"], 1) == ["研读甲、乙、丙"]
    assert week_contents([], 2) == ["", ""]
    assert all(1 <= len(text) <= 200 for text in week_contents([f"篇目{n}" * 20 for n in range(60)], 3))
