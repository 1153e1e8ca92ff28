"""A first draft for any branch: nothing to remark, fair turns, no sitting on a day of rest; counted by brute force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from plan.document import Document
from plan.editing import with_year
from plan.loading import load
from plan.models import Requirement
from plan.workdays import NOTICES, Calendar, Special
from study.clarity import Entry, asked_of, check
from study.drafting import branch_items, outline
from study.models import PlanItem
from study.rhythm import occurrences, rhythm_words
from tests.conftest import ROOT

ONE_DAY = timedelta(days=1)
RULES = [
    "", "每月第二个星期五", "每月15日", "每月第五个周日", "每月31号", "逢单周", "每月第1个周三", "第9个星期八", "０日",
    "99日", "每月第三个星期六", "每月1日", "月底",
]  # fmt: skip


@cache
def document(year: int = 2018, *changes: tuple[str, str]) -> Document:
    toml = (ROOT / "plan/2018.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in toml
        toml = toml.replace(old, new, 1)
    return load(with_year(toml, year), (ROOT / "plan/2018.txt").read_text(encoding="utf-8"))


def issued(paper: Document, day: date):
    """A plan as if it had been issued on that day, without the database."""
    rows = [
        Requirement(
            code=s.code, clause=s.clause, title=s.title, quotes=list(s.quotes), proof=s.proof, kinds=list(s.kinds),
            data=s.as_dict(),
        )
        for s in paper.requirements
    ]  # fmt: skip
    return SimpleNamespace(
        year=paper.year, effective_on=day, document=paper, requirements=SimpleNamespace(all=lambda: rows)
    )


@st.composite
def branches(draw) -> dict:
    """A branch of 1 to 60 members, its posts and its groups, in a year of any shape, from any day on."""
    year = draw(st.sampled_from([2018, 2018, 2020, 2021, 2024, 2031]))
    days = [date(year, 1, 1) + n * ONE_DAY for n in range(366) if (date(year, 1, 1) + n * ONE_DAY).year == year]
    roster = list(range(100, 100 + draw(st.integers(1, 60))))
    full = draw(st.integers(0, len(roster)))
    has_secretary, has_deputy = draw(st.booleans()), draw(st.booleans())
    posts = [roster[0]] * has_secretary + [roster[-1]] * has_deputy
    special = draw(st.dictionaries(st.sampled_from(days), st.booleans(), max_size=30))
    for n in range(draw(st.integers(0, 2))):  # 寒假, 暑假
        first = draw(st.sampled_from(days))
        special |= {day: False for day in days if first <= day <= first + (20 + 30 * n) * ONE_DAY}
    start = draw(st.sampled_from(days))
    return {
        "year": year, "start": start,
        "issued_on": draw(st.sampled_from([days[0], start, max(days[0], start - 40 * ONE_DAY)])),
        "roster": roster, "small": full < 7, "secretary": roster[0] if has_secretary else None, "posts": posts,
        "groups": draw(st.booleans()),
        "rule": draw(st.sampled_from(RULES) | st.text("每月第二个周五日号0123456789", max_size=9)),
        "readings": [f"《篇目{n}》" for n in range(draw(st.integers(0, 40)))],
        "calendar": Calendar(tuple(Special(day, special[day], "校历") for day in sorted(special))),
    }  # fmt: skip


def drafted(branch: dict, paper: Document) -> tuple[list[Entry], list]:
    asked = asked_of(
        issued(paper, branch["issued_on"]), branch["start"], small=branch["small"], calendar=branch["calendar"]
    )
    entries = branch_items(
        asked, year=branch["year"], start=branch["start"], rule=branch["rule"], roster=branch["roster"],
        readings=branch["readings"], secretary=branch["secretary"], committee=branch["posts"],
        groups=branch["groups"], calendar=branch["calendar"],
    )  # fmt: skip
    return entries, asked


# The oracle: the sentences of the paper of 2018, read again by hand, a year counted day by day


def weeks_of(year: int) -> list[list[date]]:
    """The weeks whose Thursday lies in the year, each with those of its days that do."""
    found, day = [], date(year, 1, 1) - 7 * ONE_DAY
    while day <= date(year, 12, 31):
        week = [day + n * ONE_DAY for n in range(7)]
        if day.strftime("%a") == "Mon" and week[3].year == year:
            found.append([one for one in week if one.year == year])
        day += ONE_DAY
    return found


def months_of(year: int, *groups: tuple[int, ...]) -> list[list[date]]:
    days = [date(year, 1, 1) + n * ONE_DAY for n in range(366)]
    return [[day for day in days if day.year == year and day.month in group] for group in groups]


def owed(branch: dict) -> list[tuple[str, list[date]]]:
    """What the paper asks this branch to hold, with the days in which it may be held."""
    year = branch["year"]
    monthly = months_of(year, *((n,) for n in range(1, 13)))
    every_two = months_of(year, (1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12))
    found = [
        (kind, days)
        for kind in ("collective_study", "theme_day", "general_meeting", "group_meeting")
        for days in monthly
    ]
    found += [("seminar", days) for days in every_two]
    found += [(kind, months_of(year, (12,))[0]) for kind in ("life_meeting", "appraisal")]
    found += [(kind, months_of(year, (1, 2, 3, 4, 5, 6))[0]) for kind in ("themed_activity", "lecture")]
    if not branch["small"]:
        found += [("committee_meeting", days) for days in weeks_of(year)]
    # What ended before the paper was issued, or before the branch sat down to plan, is asked of nobody.
    return [(kind, days) for kind, days in found if days[-1] >= max(branch["start"], branch["issued_on"])]


def held_on(entry: Entry, works: Callable[[date], bool]) -> list[date]:
    """The days of a line, found by walking through its span: its weekday, or its day of the month."""
    if not entry.rhythm:
        return [entry.starts_on]
    periods: dict[object, list[date]] = {}
    day = entry.starts_on
    while day <= entry.ends_on:
        key = day.isocalendar()[:2] if entry.rhythm == "weekly" else (day.year, day.month)
        periods.setdefault(key, []).append(day)
        day += ONE_DAY
    found = []
    for days in periods.values():
        if entry.rhythm == "weekly":
            usual = [day for day in days if day.weekday() == entry.starts_on.weekday()]
        else:
            usual = [day for day in days if day.day == entry.starts_on.day]
            if not usual and (days[-1] + ONE_DAY).day == 1:
                usual = days[-1:]
        if usual:
            worked = [day for day in days if works(day)]
            later = [day for day in worked if day >= usual[0]]
            found.append(min(later) if later else max(worked) if worked else usual[0])
    return found


@settings(max_examples=200, deadline=None)
@given(branches())
def test_the_first_draft_of_any_branch_leaves_nothing_to_remark(branch: dict) -> None:
    entries, asked = drafted(branch, document(branch["year"]))
    found = check(
        outline(branch["readings"]), entries, asked=asked, readings=branch["readings"], roster=branch["roster"],
        calendar=branch["calendar"],
    )  # fmt: skip
    assert [remark.sentence for remark in found.remarks] == []


@settings(max_examples=200, deadline=None)
@given(branches())
def test_the_first_draft_holds_what_the_paper_asks_counted_day_by_day(branch: dict) -> None:
    entries, _ = drafted(branch, document(branch["year"]))
    works, start = branch["calendar"].is_workday, branch["start"]
    together = [entry for entry in entries if entry.scope == PlanItem.Scope.COLLECTIVE]
    windows = owed(branch)
    for kind, days in windows:
        sittings = [day for entry in together if kind in entry.kinds for day in held_on(entry, works) if day in days]
        assert len(sittings) == 1, (kind, days[0], sittings)
    for entry in together:
        for day in held_on(entry, works):
            assert start <= day <= date(branch["year"], 12, 31)
            if not works(day):
                mine = [days for kind, days in windows if kind in entry.kinds and day in days]
                assert mine
                assert not any(works(one) for days in mine for one in days if one >= start), (entry, day)
    assert {kind for entry in together for kind in entry.kinds} == {kind for kind, _ in windows}


@settings(max_examples=200, deadline=None)
@given(branches())
def test_the_turns_are_fair_and_each_item_is_whole(branch: dict) -> None:
    entries, _ = drafted(branch, document(branch["year"]))
    together = [entry for entry in entries if entry.scope == PlanItem.Scope.COLLECTIVE]
    turns = Counter(dict.fromkeys(branch["roster"], 0))
    turns.update(entry.responsible_id for entry in together)
    assert max(turns.values()) - min(turns.values()) <= 1
    assert all(entry.responsible_id in branch["roster"] and not entry.lacking for entry in entries)
    if branch["secretary"]:
        assert all(e.responsible_id == branch["secretary"] for e in together if "lecture" in e.kinds)
    assert {title for entry in entries for title in entry.readings} == set(branch["readings"])
    assert sum(entry.scope == PlanItem.Scope.INDIVIDUAL for entry in entries) == 1
    assert all(1 <= len(entry.topic) <= 120 and 1 <= len(entry.content) <= 400 for entry in entries)
    assert all(entry.starts_on.weekday() < 5 for entry in entries if entry.rhythm == "weekly")
    # A year is a page, not a log: the committee's meetings are one line, and perhaps a first and a last of their own.
    assert sum("committee_meeting" in entry.kinds for entry in entries) <= 3


# Any other paper


OTHER_PAPERS = [
    # Holidays part the weeks; small branches meet monthly; the seminar is quarterly; study is every week.
    ("# 写月份数字，例如 [2, 8]。\nvalue = []", "value = [2, 8]"),
    ('[settings.small_branch_committee]\nvalue = "exempt"', '[settings.small_branch_committee]\nvalue = "monthly"'),
    ('cadence = { every = "month", months = 2 }', 'cadence = { every = "month", months = 3 }'),
    ('cadence = { every = "month" }\nproof = "gathering"\nkinds = ["collective_study"]',
     'cadence = { every = "week" }\nproof = "gathering"\nkinds = ["collective_study"]'),
    ('[settings.year_end_from]\nvalue = "12-01"', '[settings.year_end_from]\nvalue = "10-01"'),
    ('[settings.holiday_policy]\nvalue = "none"', '[settings.holiday_policy]\nvalue = "next_working"'),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(branches(), st.sets(st.sampled_from(OTHER_PAPERS)))
def test_any_other_paper_is_met_as_well(branch: dict, changes: set[tuple[str, str]]) -> None:
    paper = document(branch["year"], *sorted(changes))
    entries, asked = drafted(branch, paper)
    found = check(
        outline(branch["readings"]), entries, asked=asked, readings=branch["readings"], roster=branch["roster"],
        calendar=branch["calendar"],
    )  # fmt: skip
    assert [remark.sentence for remark in found.remarks] == []
    for entry in entries:
        if entry.rhythm:  # no meetings in the months that the paper sets free
            windows = [(a.starts_on, a.ends_on) for a in asked if a.kind in entry.kinds]
            days = held_on(entry, branch["calendar"].is_workday)
            assert all(any(first <= day <= last for first, last in windows) for day in days)


# What recurs


def recurring(first: date, last: date, rhythm: str) -> SimpleNamespace:
    return SimpleNamespace(starts_on=first, ends_on=last, rhythm=rhythm)


@settings(max_examples=300, deadline=None)
@given(branches(), st.integers(0, 364), st.integers(0, 364), st.sampled_from(["", "weekly", "monthly"]))
def test_the_days_of_a_line_are_those_of_a_calendar_walked_through(branch, first, length, rhythm) -> None:
    start = date(branch["year"], 1, 1) + first * ONE_DAY
    line, works = recurring(start, start + length * ONE_DAY, rhythm), branch["calendar"].is_workday
    assert occurrences(line, works) == held_on(line, works)


def test_a_meeting_leaves_the_holidays_within_its_own_week_or_month() -> None:
    works = NOTICES.is_workday
    fridays = recurring(date(2018, 9, 14), date(2018, 10, 12), "weekly")
    # 1 to 7 October rest altogether, so the week's meeting keeps its day; 29 and 30 September were worked.
    assert [f"{day:%m-%d}" for day in occurrences(fridays, works)] == ["09-14", "09-21", "09-28", "10-05", "10-12"]
    mondays = recurring(date(2018, 9, 17), date(2018, 10, 8), "weekly")
    assert [f"{day:%m-%d}" for day in occurrences(mondays, works)] == ["09-17", "09-25", "10-01", "10-08"]
    last_days = recurring(date(2018, 8, 31), date(2018, 12, 31), "monthly")
    assert [f"{day:%m-%d}" for day in occurrences(last_days, works)] == ["08-31", "09-30", "10-31", "11-30", "12-29"]
    assert (rhythm_words(mondays), rhythm_words(last_days)) == ("每周一", "每月31日")
    assert occurrences(recurring(date(2018, 10, 1), date(2018, 10, 1), ""), works) == [date(2018, 10, 1)]


def test_the_year_of_2018_as_a_secretary_would_write_it() -> None:
    branch = {
        "year": 2018, "start": date(2018, 6, 11), "issued_on": date(2018, 6, 11), "roster": [1, 2, 3, 4, 5, 6, 7, 8],
        "small": False, "secretary": 3, "posts": [3, 5], "groups": False, "rule": "每月第三个星期五",
        "readings": ["《梁家河》"], "calendar": NOTICES,
    }  # fmt: skip
    entries, _ = drafted(branch, document())
    june = [(f"{e.starts_on:%m-%d}", e.topic, e.responsible_id) for e in entries if e.starts_on.month == 6]
    assert june == [
        ("06-11", "主题党课：《梁家河》", 3), ("06-11", "支委会", 5),
        ("06-15", "“不忘初心、牢记使命”主题党建活动", 1), ("06-22", "专题学习研讨：《梁家河》", 2),
        ("06-25", "临时党小组会", 4), ("06-11", "个人自学：每周1项学习内容", 8),
    ]  # fmt: skip
    by_kind = Counter(kind for entry in entries for kind in entry.kinds)
    assert (by_kind["committee_meeting"], by_kind["group_meeting"], by_kind["theme_day"]) == (1, 1, 7)
    day = next(entry for entry in entries if entry.starts_on == date(2018, 7, 20))
    assert day.kinds == ["collective_study", "theme_day", "general_meeting"]
    assert day.content == "学习《梁家河》；开展主题党日；召开支部党员大会，安排当月活动。"
