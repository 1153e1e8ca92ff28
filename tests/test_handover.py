"""The handover pack: who may open it on which day, what stands in it, and that it can be printed and signed."""

from __future__ import annotations

import io
from datetime import date, timedelta

import docx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import Branch, Membership, Post
from plan.models import Duty, Filing
from tests.conftest import World, add_member, at
from tests.plan.filed import duty_of, filed_report, paper_by
from tests.records import branch_plan_of

pytestmark = pytest.mark.django_db

DAY = date(2018, 7, 10)


@pytest.fixture
def handed(issued: World) -> World:
    """The secretary hands over to the member on 10 July; the deputy stays."""
    secretary, new = issued.member("secretary"), issued.member("member")
    Post.objects.filter(member=secretary).update(until_on=DAY)
    Post.objects.create(member=new, kind=Post.Kind.SECRETARY, branch=issued.first, from_on=DAY)
    return issued


def address(world: World, name: str = "handover_pack", on: str = "2018-07-10") -> str:
    return reverse(name, args=[world.first.pk, on])


WHO = [
    # who, a day before, on the day, 29 days after, 30 days after
    ("secretary", 200, 200, 200, 404),
    ("member", 200, 200, 200, 200),  # the new secretary, from the day on a leader of the branch
    ("deputy", 200, 200, 200, 200),
    ("commissioner", 200, 200, 200, 200),
    ("office", 200, 200, 200, 200),
    ("inspector", 404, 404, 404, 404),
    ("other_secretary", 404, 404, 404, 404),
    ("other_member", 404, 404, 404, 404),
    ("auditor", 404, 404, 404, 404),  # in these tests a member of the second branch as well
]


@pytest.mark.parametrize(("who", "before", "on", "last", "after"), WHO)
@pytest.mark.parametrize("name", ["handover_pack", "handover_docx"])
def test_both_sides_read_it_for_thirty_days_the_leaders_and_the_office_for_ever(
    handed: World, login, clock, name: str, who: str, before: int, on: int, last: int, after: int
) -> None:
    answers = []
    for moment in ("2018-07-09 23:59", "2018-07-10 00:00", "2018-08-08 23:59", "2018-08-09 00:00"):
        clock(moment)
        answers.append(login(who).get(address(handed, name)).status_code)
    assert answers == [before, on, last, after]


@pytest.mark.parametrize("on", ["2018-07-11", "2018-7-10", "heute", "2018-02-30", "20180710000"])
def test_there_is_a_pack_only_for_a_day_on_which_something_changes_hands(handed: World, login, clock, on: str) -> None:
    clock("2018-07-09 10:00")
    assert login("office").get(address(handed, on=on)).status_code == 404


def test_what_is_owed_in_hand_sent_back_and_planned_stands_in_it(handed: World, login, clock) -> None:
    clock("2018-07-09 10:00")
    filed = filed_report(handed, at("2018-07-02 10:00"))
    Filing.objects.filter(pk=filed.pk).update(state="sent_back")
    secretary = handed.access("secretary", at("2018-07-05 10:00"))
    paper_by(secretary, duty_of(handed, "P3"), title="先锋岗总结草稿")
    paper_by(handed.access("deputy", at("2018-07-05 10:00")), duty_of(handed, "P2", "deputy"), title="周敏的半年自评",
             desk="branch")  # fmt: skip
    branch_plan_of(handed, handed.plan, date(2018, 8, 1))
    page = login("member").get(address(handed))
    parts = {part.title: part for part in page.context["pack"].parts}
    assert parts["交接的职务"].texts == [["支部书记", "陈静", "李强"]]
    assert [row[0] for row in parts["退回待补正的材料"].texts] == ["书记述职报告"]
    drafts = [row[0] for row in parts["未报送的草稿"].texts]
    assert "先锋岗总结草稿" in drafts
    assert "周敏的半年自评" not in page.content.decode()
    assert "先锋岗总结草稿" not in login("office").get(address(handed)).content.decode()
    assert [row[:2] for row in parts["今后60天的学习安排"].texts] == [["学习党章", "8月1日"]]
    # The members and who holds what from the day of the handover on.
    posts = {row[0]: row[3] for row in parts["党员与任职"].texts}
    assert (posts["李强"], posts["陈静"], posts["周敏"]) == ("支部书记", "无", "支部副书记")
    owed = Duty.objects.of_branch([handed.first.pk]).unsettled(at("2018-07-09 10:00"))
    near = owed.filter(due_at__lte=at("2018-07-09 10:00") + timedelta(days=60))
    assert len(parts["未办结的任务"].rows) == near.count() > 0
    assert parts["未办结的任务"].note == f"另有{owed.count() - near.count()}项在此之后到期。"


def test_vacant_until_further_is_said_on_both_sides(handed: World, login, clock) -> None:
    clock("2018-07-09 10:00")
    Post.objects.filter(member=handed.member("member")).delete()
    Post.objects.filter(member=handed.member("deputy")).update(from_on=DAY)
    part = login("office").get(address(handed)).context["pack"].parts[0]
    assert part.texts == [["支部书记", "陈静", "暂时空缺"], ["支部副书记", "空缺", "周敏"]]


def test_the_paper_says_the_same_and_has_room_for_three_signatures(handed: World, login, clock) -> None:
    clock("2018-07-09 10:00")
    response = login("office").get(address(handed, "handover_docx"))
    assert "2018-07-10.docx" in response["Content-Disposition"]
    paper = docx.Document(io.BytesIO(response.content))
    texts = [p.text for p in paper.paragraphs]
    cells = [cell.text for table in paper.tables for row in table.rows for cell in row.cells]
    assert "教务处党支部工作交接清单" in texts
    assert {"支部书记", "陈静", "李强", "移交人", "接收人", "监交人"} <= {text.replace("　", "") for text in cells}
    pack = login("office").get(address(handed)).context["pack"]
    assert [text.partition("、")[2] for text in texts if text[:2] in {f"{n}、" for n in "一二三四五六"}] == [
        part.title for part in pack.parts
    ]


@pytest.mark.parametrize(
    ("who", "moment", "said"),
    [
        ("secretary", "2018-07-09 10:00", "7月10日起不再任支部书记"),
        ("member", "2018-07-09 10:00", "7月10日起任支部书记"),
        ("member", "2018-08-08 10:00", "7月10日起任支部书记"),
        ("member", "2018-08-09 10:00", ""),
        ("deputy", "2018-07-09 10:00", ""),
    ],
)
def test_the_homes_of_both_lead_to_it(handed: World, login, clock, who: str, moment: str, said: str) -> None:
    clock(moment)
    page = login(who).get("/").content.decode()
    assert ('id="handovers"' in page) == bool(said)
    assert said in page
    if said:
        assert address(handed) in page


@pytest.mark.parametrize("who", ["secretary", "office", "member"])
def test_a_term_that_ends_stands_on_the_homes_of_those_who_prepare_the_election(
    issued: World, login, clock, who
) -> None:
    Branch.objects.filter(pk=issued.first.pk).update(elected_on=date(2015, 9, 1))
    sentence = "本届任期至9月1日届满，请提前做好换届准备。"
    for moment, told in (("2018-05-31 10:00", False), ("2018-06-12 10:00", who != "member")):
        clock(moment)
        assert (sentence in login(who).get("/").content.decode()) == told


def test_the_pack_asks_as_much_for_300_rows_as_for_one(handed: World, login, clock) -> None:
    clock("2018-07-09 10:00")
    client, counts = login("member"), []
    client.get(address(handed))
    for more in (1, 3, 300):
        for n in range(more):
            member = add_member(handed.first, f"新{n}", f"x{more}-{n}")
            Membership.objects.filter(member=member).update(from_on=date(2016, 1, 1))
        with CaptureQueriesContext(connection) as asked:
            assert client.get(address(handed)).status_code == 200
        counts.append(len(asked))
    assert counts == [counts[0]] * 3
