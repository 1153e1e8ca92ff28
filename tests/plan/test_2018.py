"""The plan of 2018 as data says what the paper says: every owner, cadence and due day, every quote word for word."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

import plan
from plan.editing import with_year
from plan.loading import load

HOME = Path(plan.__file__).parent
TOML = (HOME / "2018.toml").read_text(encoding="utf-8")
PAPER = (HOME / "2018.txt").read_text(encoding="utf-8")
DOCUMENT = load(TOML, PAPER)

MONTH_ENDS = "01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31"
SUNDAYS = " ".join(f"{date(2018, 1, 7) + timedelta(weeks=n):%m-%d}" for n in range(52))
EVENT, LINES = "per event", "lines"

# Written by hand from the table of requirements:
# code, clause, owners, cadence, due days of 2018, proof, receiver, handling.
# The last day of the circular of December lies in January of the next year.
TABLE = [
    ("S1", "一.1", "branch", "year", "07-11", "branch_plan", "office", "inform"),
    ("S2", "一.2", "branch", "year", "12-31", "gathering", "none", "keep"),
    ("S3", "一.2", "committee branch", "year", "12-31", "paper", "none", "keep"),
    ("S4", "一.2", "branch", "year", "06-30", "gathering", "office", "inform"),
    ("S5", "一.2", "secretary", "year", "06-30", "gathering", "office", "inform"),
    ("S6", "一.2", "branch", EVENT, "", "gathering", "office", "inform"),
    ("S7", "一.3", "branch", "month", MONTH_ENDS, "gathering", "office", "inform"),
    ("S8", "一.3", "branch", "two months", "02-28 04-30 06-30 08-31 10-31 12-31", "gathering", "office", "inform"),
    ("S9", "一.3", "branch", "year end", "12-31", "gathering", "office", "inform"),
    ("S10", "一.3", "branch", "year end", "12-31", "gathering", "office", "inform"),
    ("S11", "一.3", "branch", EVENT, "", "gathering", "office", "inform"),
    ("S12", "一.3", "branch", "year", "07-11", "branch_plan", "office", "inform"),
    ("S13", "一.3", "branch", "year", "07-11", "branch_plan", "office", "inform"),
    ("S14", "一.3", "member", "year", "07-10", "member_plan", "branch", "approve"),
    ("S15", "一.3", "secretary", "year", "07-11", "approvals", "none", "keep"),
    ("S16", "一.3", "member", LINES, "", "lines", "none", "keep"),
    ("C1", "二.1", "branch", "year", "07-31", "pledge_form", "office", "approve"),
    ("C2", "二.1", "cadre", "year", "07-31", "pledge_form", "branch", "approve"),
    ("C3", "二.1", "branch", EVENT, "", "pledge", "none", "keep"),
    ("C4", "二.1", "branch", EVENT, "", "pledge", "none", "keep"),
    ("C5", "二.2", "branch", "month", MONTH_ENDS, "week", "none", "keep"),
    ("C6", "二.2", "branch", "year", "12-31", "posts", "none", "keep"),
    ("C7", "二.2", "branch", "month", MONTH_ENDS, "gathering", "office", "inform"),
    ("C8", "二.2", "branch", "month", MONTH_ENDS, "gathering", "none", "keep"),
    ("C9", "二.2", "branch", "week", SUNDAYS, "gathering", "none", "keep"),
    ("C10", "二.2", "branch", "month", MONTH_ENDS, "gathering", "none", "keep"),
    ("P1", "二.3", "branch", "year", "12-31", "paper", "none", "keep"),
    ("P2", "二.3", "branch member", "half-year", "06-30 12-31", "paper", "up", "inform"),
    ("P3", "二.3", "branch", "year", "12-31", "paper", "none", "keep"),
    ("P4", "二.4", "branch", "year", "12-31", "paper", "none", "keep"),
    ("P5", "二.4", "committee", "year", "12-31", "paper", "none", "keep"),
    ("I1", "三.1", "leader", "year", "12-31", "own_record", "none", "keep"),
    ("I2", "三.2", "secretary", "year", "12-31", "paper", "office", "inform"),
    ("I3", "三.3", "committee", "spans", "07-10 12-31", "paper", "none", "keep"),
    ("I4", "三.3", "committee", "spans", "07-20 01-10", "paper", "none", "keep"),
]
# The days on which the periods of each cadence begin in 2018.
STARTS = {
    "year": ["01-01"],
    "month": [f"{month:02}-01" for month in range(1, 13)],
    "two months": ["01-01", "03-01", "05-01", "07-01", "09-01", "11-01"],
    "half-year": ["01-01", "07-01"],
    "week": [f"{date(2018, 1, 1) + timedelta(weeks=n):%m-%d}" for n in range(52)],
    "year end": ["12-01"],
    "spans": ["07-01", "12-01"],
    EVENT: [],
    LINES: [],
}
# What a gathering has to be, for those requirements that a gathering settles.
KINDS = {
    "S4": "themed_activity",
    "S5": "lecture",
    "S6": "theme_day themed_activity lecture",
    "S7": "collective_study",
    "S8": "seminar",
    "S9": "life_meeting",
    "S10": "appraisal",
    "S11": "collective_study seminar life_meeting appraisal",
    "C7": "theme_day",
    "C8": "general_meeting",
    "C9": "committee_meeting",
    "C10": "group_meeting",
}
# The words that make the sentence the one that asks: a quote chosen from elsewhere would not hold them.
ASKED = {
    "S1": "《习近平谈治国理政》 《梁家河》 北京大学 马克思诞辰200周年 《中国共产党党内监督条例》 经常性",
    "S2": "研讨会、调研学习、参观讲座、演讲竞赛",
    "S3": "移动党支部 随时随地",
    "S4": "“七一”前 不忘初心、牢记使命",
    "S5": "“七一”前 处级以上党员领导干部 1次主题党课",
    "S6": "图文资料 第二天 备案",
    "S7": "每月安排1次党员集体学习",
    "S8": "每两个月安排1次专题学习研讨",
    "S9": "年底 组织生活会",
    "S10": "年底 民主评议党员",
    "S11": "每次学习、研讨 组织生活及民主评议 报机关党委办公室",
    "S12": "年度学习计划 7月11日前",
    "S13": "明确学习内容 明确学习时限 明确责任人 明确学习方式 轮流",
    "S14": "个人年度学习计划 7月10日前",
    "S15": "由各支部书记审定和督促落实",
    "S16": "每周安排1项学习内容",
    "C1": "承诺制 各支部 工作目标和责任 工作措施",
    "C2": "承诺制 各党员干部 组织认可、个人力所能及",
    "C3": "既定目标、实施措施和完成时限 党内公开 承诺牌",
    "C4": "把关并督促落实",
    "C5": "亮身份、树形象、创特色 党员活动周 一月的某一周",
    "C6": "党员先锋岗 轮流驻岗",
    "C7": "每月固定1天 固定动作 不少于半天",
    "C8": "党员大会上全面安排当月",
    "C9": "每周要召开支委会",
    "C10": "定期召开党的小组会 临时党小组",
    "P1": "党员积分管理登记册 及时登记积分",
    "P2": "个人自评、党员互评、民主测评、组织评定 阶段性考核和年度考核 各支部和党员",
    "P3": "党员奖惩的重要依据",
    "P4": "培养和发掘 先进典型",
    "P5": "每年底 先进党支部和优秀党员 通报表彰",
    "I1": "各支部书记和处级党员领导干部 以身作则",
    "I2": "直接责任人 述职评议考核",
    "I3": "7月上旬和12月底前 检查",
    "I4": "督查通报",
}


def test_all_35_requirements_stand_in_the_order_of_the_paper():
    assert [requirement.code for requirement in DOCUMENT.requirements] == [row[0] for row in TABLE]
    assert len(TABLE) == 35


@pytest.mark.parametrize(
    ("code", "clause", "owners", "cadence", "due", "proof", "receiver", "handling"),
    TABLE,
    ids=[row[0] for row in TABLE],
)
def test_a_requirement_is_owed_as_its_row_says(code, clause, owners, cadence, due, proof, receiver, handling):
    requirement = DOCUMENT.requirement(code)
    windows = requirement.windows(2018, DOCUMENT.settings)
    assert requirement.clause == clause
    assert requirement.owners == tuple(owners.split())
    assert [f"{window.starts_on:%m-%d}" for window in windows] == STARTS[cadence]
    assert [f"{window.due_on:%m-%d}" for window in windows] == due.split()
    assert (requirement.per_event, requirement.of_lines) == (cadence == EVENT, cadence == LINES)
    assert (requirement.proof, requirement.receiver, requirement.handling) == (proof, receiver, handling)
    for window in windows:
        following = window.due_on + timedelta(days=1)
        assert window.due_at.isoformat() == f"{following}T00:00:00+08:00"


def test_gatherings_settle_what_they_are_held_for():
    settled = {r.code: " ".join(r.kinds) for r in DOCUMENT.requirements if r.proof == "gathering" and r.code != "S2"}
    assert settled == KINDS
    assert len(DOCUMENT.requirement("S2").kinds) == 10


def test_what_the_evidence_must_show_is_asked_only_where_the_paper_asks_it():
    assert {r.code: r.forms_at_least for r in DOCUMENT.requirements if r.forms_at_least} == {"S2": 2}
    assert {r.code: r.pictures for r in DOCUMENT.requirements if r.pictures} == {"S6": 1, "S11": 1}
    assert {r.code: r.lecturer for r in DOCUMENT.requirements if r.lecturer} == {"S5": "secretary_or_cadre"}
    assert [r.code for r in DOCUMENT.requirements if r.by_size] == ["C9"]


@pytest.mark.parametrize("requirement", DOCUMENT.requirements, ids=lambda requirement: requirement.code)
def test_every_quote_stands_word_for_word_in_the_paper_and_asks_for_it(requirement):
    for quote in requirement.quotes:
        assert quote in PAPER
    for words in ASKED[requirement.code].split():
        assert any(words in quote for quote in requirement.quotes), words


@pytest.mark.parametrize("requirement", DOCUMENT.requirements, ids=lambda requirement: requirement.code)
def test_a_quote_is_taken_from_the_clause_that_it_is_filed_under(requirement):
    headings = [PAPER.index(f"{clause.number[-1]}.{clause.heading}") for clause in DOCUMENT.clauses]
    place = [clause.number for clause in DOCUMENT.clauses].index(requirement.clause)
    begins, ends = headings[place], [*headings, len(PAPER)][place + 1]
    for quote in requirement.quotes:
        assert quote in PAPER[begins:ends]


def test_chapters_and_clauses_stand_in_the_order_of_the_paper():
    assert [chapter.number for chapter in DOCUMENT.chapters] == ["一", "二", "三"]
    assert [clause.number for clause in DOCUMENT.clauses] == (
        ["一.1", "一.2", "一.3", "二.1", "二.2", "二.3", "二.4", "三.1", "三.2", "三.3"]
    )
    places = [PAPER.index(chapter.title) for chapter in DOCUMENT.chapters]
    assert places == sorted(places)
    assert {clause.chapter for clause in DOCUMENT.clauses} == {chapter.number for chapter in DOCUMENT.chapters}


def test_the_readings_are_named_one_by_one_and_two_are_read_again_and_again():
    titles = [reading.title for reading in DOCUMENT.readings]
    assert len(titles) == 12
    for words in ("第一卷", "第二卷", "七年知青岁月", "梁家河", "党章", "北京大学", "马克思诞辰200周年"):
        assert sum(words.replace("党章", "中国共产党章程") in title for title in titles) == 1
    assert [reading.title for reading in DOCUMENT.readings if reading.standing] == [
        "《关于新形势下党内政治生活的若干准则》",
        "《中国共产党党内监督条例》",
    ]
    assert all(reading.quote in PAPER for reading in DOCUMENT.readings)


def test_what_the_paper_leaves_open_is_asked_with_the_words_it_interprets():
    assert {question.key: question.answer for question in DOCUMENT.settings.questions} == {
        "deadline_inclusive": "包括当天，到当天24时为止",
        "next_day": "自然日，节假日照算",
        "holiday_policy": "不顺延、不提前",
        "vacation_months": "没有",
        "small_branch_committee": "不要求",
        "seminar_windows": "固定划分：1–2月、3–4月、5–6月、7–8月、9–10月、11–12月",
        "year_end_from": "12月1日",
        "pledge_due": "7月31日",
        "circular_days": "10天",
        "register_days": "7天",
        "fixed_actions": "重温入党誓词、缴纳党费、开展“三会一课”、进行义务劳动",
    }
    for question in DOCUMENT.settings.questions:
        assert question.quote in PAPER
        assert question.title.endswith("？")


@pytest.mark.parametrize(
    ("ended_at", "due_at"),
    [
        ("2018-07-10T16:00:00+08:00", "2018-07-12T00:00:00+08:00"),
        ("2018-07-10T23:59:59.999999+08:00", "2018-07-12T00:00:00+08:00"),
        ("2018-07-11T00:00:00+08:00", "2018-07-13T00:00:00+08:00"),
        ("2018-07-10T16:00:00+00:00", "2018-07-13T00:00:00+08:00"),  # midnight in Shanghai, afternoon in Greenwich
        ("2018-07-13T16:00:00+08:00", "2018-07-15T00:00:00+08:00"),  # a Friday: due on Saturday
        ("2018-12-31T20:00:00+08:00", "2019-01-02T00:00:00+08:00"),
        ("2020-02-28T20:00:00+08:00", "2020-03-01T00:00:00+08:00"),
    ],
)
@pytest.mark.parametrize("code", ["S6", "S11"])
def test_an_activity_is_filed_by_the_end_of_the_next_calendar_day(code, ended_at, due_at):
    due = DOCUMENT.requirement(code).event_due_at(datetime.fromisoformat(ended_at), DOCUMENT.settings)
    assert due == datetime.fromisoformat(due_at)


@pytest.mark.parametrize("code", ["C3", "C4"])
def test_a_pledge_brings_its_own_day(code):
    requirement = DOCUMENT.requirement(code)
    ended_at = datetime.fromisoformat("2018-09-30T08:00:00+08:00")
    assert requirement.event == "pledge"
    assert requirement.event_due_at(ended_at, DOCUMENT.settings) == datetime.fromisoformat("2018-10-01T00:00:00+08:00")


@pytest.mark.parametrize("year", range(2019, 2036))
def test_the_plan_loads_for_the_years_to_come(year):
    copy = load(with_year(TOML, year), PAPER)
    assert copy.year == year
    assert copy.requirements == DOCUMENT.requirements
    due_at = copy.requirement("S12").windows(year, copy.settings)[0].due_at
    assert due_at == datetime.fromisoformat(f"{year}-07-12T00:00:00+08:00")
