"""The board and the list of who owes what: the same answers as counting by hand, at any moment, in as few queries."""

import io
import re
from collections import Counter
from datetime import date

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from branches.models import Branch
from plan.board import Column, Tally, columns_of, sentence_of, tallies, words_of
from plan.models import Duty, Standing
from plan.moves import move
from plan.opening import open_duties
from tests.conftest import World, add_member, at
from tests.plan.filed import duty_of, filed_report, pledge

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def cells_of(response) -> dict[tuple[str, str], str]:
    """What the board's table says, by branch and heading."""
    table = re.search(r"<table class=\"board.*?</table>", response.content.decode(), re.S)[0]
    clean = lambda html: re.sub(r"<[^>]+>", "", html).strip()  # noqa: E731
    head = re.findall(r'<th scope="col">(.*?)</th>', table, re.S)
    codes = [re.search(r"<abbr[^>]*>(\w+)</abbr>(.*)", h, re.S) for h in head if "abbr" in h]
    names = [code[1] + ("（党员）" if "（党员）" in code[2] else "") for code in codes]
    found = {}
    for row in re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", table, re.S):
        branch = clean(re.search(r"<th.*?</th>", row, re.S)[0])
        for name, cell in zip(names, re.findall(r"<td>(.*?)</td>", row, re.S), strict=True):
            found[branch, name] = clean(cell)
    return found


def more_branches(world: World, number: int) -> None:
    """So many branches more, each with a member, and what they owe."""
    first = Branch.objects.count()
    for n in range(first, first + number):
        branch = Branch.objects.create(
            committee=world.committee, code=f"{n + 1:03d}", name=f"第{n + 1}党支部", founded_on=date(2015, 1, 1)
        )
        add_member(branch, "王一", f"3{n:05d}")
    open_duties(world.plan, at=at("2018-06-11 09:00"))


# What the board says


def test_each_cell_counts_what_one_counts_by_hand(issued: World, login) -> None:
    filed_report(issued)
    pledge(issued)
    moment = at("2018-08-05 12:00")
    columns = columns_of(issued.plan)
    rows = tallies(Duty.objects.all(), [issued.first.pk, issued.second.pk], moment)
    by_hand: dict = {}
    for duty in Duty.objects.filter(branch__isnull=False).with_standing(moment):
        key = (duty.branch_id, duty.code, duty.member_id is not None)
        by_hand.setdefault(key, Counter())[duty.standing] += 1
    board = {(b, code, m): Counter(t.counts) for b, row in rows.items() for (code, m), t in row.items()}
    assert board == by_hand
    assert {(code, m) for _, code, m in by_hand} <= {(c.code, c.of_members) for c in columns}


def test_the_columns_follow_the_plan_and_leave_out_what_the_committee_owes(issued: World) -> None:
    codes = [column.code for column in columns_of(issued.plan)]
    positions = dict(issued.plan.requirements.values_list("code", "position"))
    assert codes == sorted(codes, key=positions.__getitem__)
    assert not {"P5", "I3", "I4", "S16"} & set(codes)
    assert codes.count("P2") == 2


def test_the_worst_standing_speaks_and_the_sentence_tells_the_rest() -> None:
    column = Column("S7", "每月1次党员集体学习", "一.3", "inform", False)
    tally = Tally({Standing.OVERDUE: 2, Standing.RECEIVED: 3, Standing.NOT_DUE: 1}, late=1)
    assert words_of(column, tally) == (Standing.OVERDUE, "逾期 2")
    assert sentence_of(column, tally) == "每月1次党员集体学习：逾期2项、已备案3项、未到期1项，其中补报1项"
    assert words_of(column, Tally({Standing.NOT_DUE: 1})) == (Standing.NOT_DUE, "未到期")
    assert words_of(column, Tally({Standing.RECEIVED: 1, Standing.KEPT: 1}, late=1)) == (
        Standing.RECEIVED,
        "已备案 2 补",
    )


def test_member_duties_are_counted_for_the_branch() -> None:
    column = Column("S14", "个人年度学习计划报所在支部", "一.3", "approve", True)
    tally = Tally({Standing.APPROVED: 8, Standing.OVERDUE: 4})
    assert words_of(column, tally) == (Standing.OVERDUE, "逾期 4，已审定 8/12")
    assert words_of(column, Tally({Standing.APPROVED: 11, Standing.WAIVED: 1})) == (
        Standing.APPROVED,
        "已审定 11/11，免1",
    )
    assert words_of(column, Tally({Standing.FILED: 3, Standing.APPROVED: 9})) == (
        Standing.FILED,
        "已报送 3，已审定 9/12",
    )
    assert words_of(column, Tally({Standing.NOT_DUE: 12})) == (Standing.NOT_DUE, "未到期 12")
    assert words_of(column, Tally({Standing.APPROVED: 12}, late=2)) == (Standing.APPROVED, "已审定 12/12 补")


@pytest.mark.parametrize("standing", [s for s in Standing if s != Standing.DRAFT])
def test_every_standing_has_its_word_in_the_board(standing: Standing) -> None:
    assert words_of(Column("X", "事", "一.1", "inform", False), Tally({standing: 1})) == (standing, standing.label)


def test_the_time_machine_shows_any_moment_before_and_after(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    filing = filed_report(issued)
    key = ("教务处党支部", "S12")
    assert cells_of(client.get("/board/"))[key] == "▲逾期"
    assert cells_of(client.get("/board/?at=2018-07-11T23:59"))[key] == "●待办"
    assert cells_of(client.get("/board/?at=2018-07-01T00:00"))[key] == "○未到期"
    assert cells_of(client.get("/board/?at=2018-07-02T10:00"))["教务处党支部", "I2"] == "↑已报送"
    assert cells_of(client.get("/board/?at=2018-07-02T09:59"))["教务处党支部", "I2"] == "○未到期"
    move(filing, "receive", access=issued.access("office", at("2018-07-12 09:00")))
    assert cells_of(client.get("/board/?at=2018-07-03T10:00"))["教务处党支部", "I2"] == "↑已报送"
    assert cells_of(client.get("/board/"))["教务处党支部", "I2"] == "✓已备案"


@pytest.mark.parametrize("moment", ["x", "2018-13-01T00:00", "0001-01-01T00:00", "9999-12-31T23:59", "2018-07-12\x00"])
@pytest.mark.parametrize("page", ["/board/", "/duties/"])
def test_a_moment_that_is_none_is_said_at_its_field_and_now_is_shown(
    issued: World, login, clock, page: str, moment: str
) -> None:
    clock("2018-07-12 09:00")
    response = login("office").get(page, {"at": moment})
    assert response.status_code == 200
    assert "invalid-feedback" in response.content.decode()
    assert "截至 7月12日 09:00" in text_of(response)


@pytest.mark.parametrize(
    "query",
    [
        {"standing": "none"}, {"chapter": "九"}, {"month": "13"}, {"month": "x"}, {"committee": "x"},
        {"committee": "9" * 40}, {"page": "x"}, {"page": "-1"}, {"page": "9999"}, {"q": "\x00"}, {"q": "长" * 900},
        {"branch": "x"}, {"branch": "9" * 40}, {"code": "Z9"}, {"whose": "?"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("page", ["/board/", "/board.xlsx", "/duties/", "/duties.xlsx"])
def test_no_condition_is_an_error_of_the_server(issued: World, login, clock, page: str, query: dict) -> None:
    clock("2018-07-12 09:00")
    response = login("office").get(page, query)
    assert response.status_code == 200
    response.close()


def test_the_filters_narrow_rows_columns_and_cells(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    filed_report(issued)
    names = {branch for branch, _ in cells_of(client.get("/board/?q=科研"))}
    assert names == {"科研处党支部"}
    assert {code[0] for _, code in cells_of(client.get("/board/?chapter=二"))} == {"C", "P"}
    assert {branch for branch, _ in cells_of(client.get("/board/?standing=filed"))} == {"教务处党支部"}
    july = cells_of(client.get("/board/?month=7"))
    assert july["教务处党支部", "S12"] == "▲逾期"
    assert july["教务处党支部", "I2"] == ""


def test_a_cell_leads_to_the_duties_that_it_counts(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    body = client.get("/board/?at=2018-07-12T00:00").content.decode()
    for href in set(re.findall(r'href="(/duties/\?[^"]+)"', body)):
        href = href.replace("&amp;", "&")
        found = re.search(r"branch=(\d+)&code=(\w+)&whose=(\w+)&standing=all&at=", href)
        expected = Duty.objects.filter(branch=found[1], code=found[2], member__isnull=found[3] == "branch").count()
        assert f"共 {expected} 项" in text_of(client.get(href))


def test_a_hostile_name_stays_text(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    Branch.objects.filter(pk=issued.first.pk).update(name='<script>alert("1")</script>&amp;')
    for page in ("/board/", "/duties/?standing=all"):
        body = login("office").get(page).content.decode()
        assert "<script>alert" not in body
        assert "&lt;script&gt;" in body


def test_the_workbook_of_the_board_says_the_same_as_the_page(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    filed_report(issued)
    shown = cells_of(client.get("/board/"))
    response = client.get("/board.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(response.getvalue())).active
    lines = list(sheet.iter_rows(values_only=True))
    start = next(n for n, line in enumerate(lines) if line[0] == "支部代码")
    heads = [str(head).split(" ")[0] + ("（党员）" if "（党员）" in str(head) else "") for head in lines[start][2:]]
    assert [line[1] for line in lines[start + 1 :]] == ["教务处党支部", "科研处党支部", "合计（2个党支部）"]
    for line in lines[start + 1 : -1]:
        for head, cell in zip(heads, line[2:], strict=True):
            assert (cell or "") == shown[line[1], head].lstrip("○●↑↩\ufe0e✓▲–")
    assert "filename*=utf-8''" in response["Content-Disposition"]


# Who owes what


def lines_of(response) -> list[str]:
    rows = re.findall(r"<tr>(.*?)</tr>", response.content.decode(), re.S)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in rows[1:]]


def test_the_groups_part_the_duties_as_their_names_say(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    filing = filed_report(issued)
    move(filing, "send_back", access=issued.access("office", at("2018-07-03 09:00")), note="不清楚")
    duty = duty_of(issued, "C1")
    Duty.objects.filter(pk=duty.pk).update(
        exempted_at=at("2018-07-03 09:00"), exempted_by=issued.users["office"], exempt_reason="新成立"
    )
    totals = {}
    for group in ("", "open", "overdue", "not_due", "week", "sent_back", "done", "waived", "all"):
        totals[group] = int(re.search(r"共 (\d+) 项", text_of(client.get(f"/duties/?standing={group}")))[1])
    assert totals["all"] == Duty.objects.count()
    assert totals["overdue"] + totals["not_due"] + totals["sent_back"] == totals["open"]
    assert totals["overdue"] + totals["week"] + totals["sent_back"] == totals[""]
    assert totals["open"] + totals["done"] + totals["waived"] == totals["all"]
    assert (totals["sent_back"], totals["waived"], totals["done"]) == (1, 1, 0)
    assert 0 < totals["week"] < totals["not_due"]


def test_a_branch_sees_its_own_and_a_member_what_is_theirs(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    office, secretary, member = (
        int(re.search(r"共 (\d+) 项", text_of(login(who).get("/duties/?standing=all")))[1])
        for who in ("office", "secretary", "member")
    )
    first = Duty.objects.filter(branch=issued.first)
    assert office == Duty.objects.count()
    assert secretary == first.count()
    assert member == first.filter(member__isnull=True).count() + first.filter(member=issued.member("member")).count()


def test_the_workbook_of_the_list_holds_all_pages(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    response = login("office").get("/duties.xlsx?standing=all")
    sheet = openpyxl.load_workbook(io.BytesIO(response.getvalue())).active
    lines = [line for line in sheet.iter_rows(values_only=True)]
    start = next(n for n, line in enumerate(lines) if line[0] == "编号")
    assert len(lines) - start - 1 == Duty.objects.count() > 50


def test_the_workbook_of_the_list_counts_the_days_and_calls_nothing_done_that_was_sent_back(
    issued: World, login, clock
) -> None:
    move(filed_report(issued), "send_back", access=issued.access("office", at("2018-07-03 10:00")), note="请写明做法。")
    clock("2018-07-12 09:00")
    sheet = openpyxl.load_workbook(io.BytesIO(login("office").get("/duties.xlsx?standing=all").getvalue())).active
    lines = list(sheet.iter_rows(values_only=True))
    start = next(n for n, line in enumerate(lines) if line[0] == "编号")
    rows = [dict(zip(lines[start], line, strict=True)) for line in lines[start + 1 :]]
    late = [row for row in rows if row["状态"] == "逾期"]
    assert late and all(row["逾期天数"] >= 1 for row in late)
    assert {row["逾期天数"] for row in late if row["编号"] == "S12"} == {1}
    back = [row for row in rows if row["状态"] == "退回补正"]
    assert back and all(row["完成时间"] is None and row["回执号"] and row["逾期天数"] is None for row in back)


def test_too_many_rows_for_a_workbook_are_refused_with_the_cure(issued: World, login, clock, monkeypatch) -> None:
    monkeypatch.setattr("plan.views.duty_list.MOST_ROWS", 10)
    clock("2018-07-12 09:00")
    response = login("office").get("/duties.xlsx?standing=all", follow=True)
    assert "请先用筛选缩小范围" in text_of(response)


# As few queries


@pytest.mark.parametrize(
    ("page", "most"),
    [("/board/", 6), ("/duties/", 6), ("/duties/?standing=all&q=党", 6), ("/board/?standing=overdue", 6)],
)
def test_the_number_of_queries_does_not_grow_with_the_branches(
    issued: World, login, clock, page: str, most: int
) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    client.get(page)
    counts = []
    for more in (0, 1, 297):
        if more:
            more_branches(issued, more)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(page).status_code == 200
        counts.append(len(seen))
    who = 7  # session, its login, account, member, membership, posts, the committees below
    assert counts == [counts[0]] * 3
    assert counts[0] - who <= most
