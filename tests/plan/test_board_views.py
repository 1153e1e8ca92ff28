"""The board's totals, the moments to choose from, the year's map, saved views and papers."""

import html
import io
import json
import re
from collections import Counter
from datetime import date

import docx
import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import AuditEvent, Branch
from plan.board import Column, Tally, months, words_of
from plan.models import Duty, SavedView, Standing
from plan.views.saved_views import MOST, known_conditions
from tests.conftest import World, at
from tests.plan.filed import duty_of, filed_report
from tests.plan.test_board import cells_of, more_branches, text_of

pytestmark = pytest.mark.django_db

WHO = 7  # session, its login, account, member, membership, posts, the committees below


def waive(world: World, duty: Duty) -> None:
    Duty.objects.filter(pk=duty.pk).update(
        exempted_at=at("2018-07-03 09:00"), exempted_by=world.users["office"], exempt_reason="新成立"
    )


def summary_of(body: str) -> dict[str, int]:
    """What the summary says: 逾期 → 12."""
    part = re.search(r'<ul class="board-totals".*?</ul>', body, re.S)
    assert part is not None
    found = re.findall(r">\s*([^<>]+?) <strong>([\d,]+)</strong>", part[0])
    return {label: int(number.replace(",", "")) for label, number in found}


def by_hand(moment, **filters) -> Counter:
    owed = Duty.objects.filter(branch__isnull=False, **filters).with_standing(moment)
    return Counter(owed.values_list("standing", flat=True))


# Totals


def test_the_summary_counts_all_duties_that_match(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    filed_report(issued)
    waive(issued, duty_of(issued, "C1"))
    said = summary_of(login("office").get("/board/").content.decode())
    counts = by_hand(at("2018-07-12 09:00"))
    assert said["逾期"] == counts["overdue"] > 0
    assert said["已报送"] == counts["filed"] == 1
    assert said["免"] == 1
    assert said["本周到期"] + said["未到期"] == counts["todo"] + counts["not_due"]
    assert said["本周到期"] == Duty.objects.filter(
        branch__isnull=False, settled_at=None, exempted_at=None, late_at__gt=at("2018-07-12 09:00"),
        due_at__lte=at("2018-07-16 00:00"),
    ).count()  # fmt: skip


def test_the_totals_of_a_committee_of_several_pages_are_fetched_and_are_the_same(issued: World, login, clock) -> None:
    more_branches(issued, 60)
    clock("2018-07-12 09:00")
    client = login("office")
    body = client.get("/board/").content.decode()
    assert "board-totals" not in body
    address = html.unescape(re.search(r'data-totals="([^"]+)"', body)[1])
    said = json.loads(client.get(address, headers={"accept": "application/json"}).content)
    counts = by_hand(at("2018-07-12 09:00"))
    assert summary_of(said["summary"])["逾期"] == counts["overdue"]
    assert summary_of(client.get(address).content.decode()) == summary_of(said["summary"])
    for mark, number in said["late"].items():
        late = by_hand(at("2018-07-12 09:00"), code=mark.rstrip("m"), member__isnull=not mark.endswith("m"))["overdue"]
        assert (int(number.replace(",", "")) if number else 0) == late, mark


def test_each_total_leads_to_the_branches_that_have_it(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    filed_report(issued)
    for standing in ("overdue", "filed", "done", "not_due"):
        shown = {name for name, _ in cells_of_or_nothing(client.get(f"/board/?standing={standing}"))}
        expected = {"filed": {"教务处党支部"}, "done": set()}.get(standing, {"教务处党支部", "科研处党支部"})
        assert shown == expected, standing
    soon = Duty.objects.filter(settled_at=None, late_at__gt=at("2018-07-12 09:00"), due_at__lte=at("2018-07-16 00:00"))
    names = set(soon.filter(branch__isnull=False).values_list("branch__name", flat=True))
    assert {name for name, _ in cells_of(client.get("/board/?standing=week"))} == names != set()


def cells_of_or_nothing(response) -> dict:
    return cells_of(response) if 'class="board board-words"' in response.content.decode() else {}


def test_one_requirement_is_shown_alone_and_its_head_leads_to_the_plans_sentence(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    response = client.get("/board/?code=S12")
    assert {code for _, code in cells_of(response)} == {"S12"}
    requirement = issued.plan.requirements.get(code="S12")
    body = response.content.decode()
    assert html.escape(requirement.quotes[0]) in body
    assert requirement.quotes[0] in text_of(client.get(reverse("plan:requirement_detail", args=[requirement.pk])))
    late = by_hand(at("2018-07-12 09:00"), code="S12")["overdue"]
    assert re.search(rf'data-late="S12">.*?<span data-late-number>{late}</span>', body)


def test_who_is_excused_stands_in_no_denominator_and_is_named() -> None:
    column = Column("S14", "个人年度学习计划报所在支部", "一.3", "approve", True)
    tally = Tally({Standing.APPROVED: 7, Standing.NOT_DUE: 4, Standing.WAIVED: 1})
    assert words_of(column, tally) == (Standing.APPROVED, "已审定 7/11，免1")
    assert words_of(column, Tally({Standing.WAIVED: 3})) == (Standing.WAIVED, "免 3")
    of_branch = Column("S7", "每月1次党员集体学习", "一.3", "inform", False)
    assert words_of(of_branch, Tally({Standing.RECEIVED: 5, Standing.WAIVED: 1})) == (
        Standing.RECEIVED,
        "已备案 5，免1",
    )


def test_what_is_due_this_week_is_said_in_the_cell() -> None:
    column = Column("S7", "每月1次党员集体学习", "一.3", "inform", False)
    assert words_of(column, Tally({Standing.NOT_DUE: 3}, soon=2)) == (Standing.TODO, "本周到期 2")


# The moment


def test_a_moment_to_come_is_called_a_reckoning(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    for page in ("/board/", "/board/year/", "/duties/"):
        assert "按目前已报的情况推算到 12月25日 00:00" in text_of(client.get(f"{page}?at=2018-12-25T00:00"))
        assert "截至 7月12日 00:00" in text_of(client.get(f"{page}?at=2018-07-12T00:00"))


def test_the_choices_keep_the_other_conditions(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    body = login("office").get("/board/?chapter=二&at=2018-07-12T00:00&page=9").content.decode()
    found = re.findall(r'class="moment" href="([^"]+)"([^>]*)>(.*?)</a>', body)
    links = {re.sub(r"<[^>]+>", "", label).strip(): (html.unescape(url), more) for url, more, label in found}
    assert links["12月25日"][0] == "/board/?chapter=%E4%BA%8C&at=2018-12-25T00%3A00"
    assert links["现在"][0] == "/board/?chapter=%E4%BA%8C"
    assert links["年底24:00"][0].endswith("at=2019-01-01T00%3A00")
    assert links["‹ 前一天"][0].endswith("at=2018-07-11T00%3A00")
    assert [label for label, (_, more) in links.items() if "aria-current" in more] == ["昨天24:00"]


def test_before_the_plan_was_issued_nothing_was_asked_by_it(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    for page in ("/board/", "/board/year/"):
        said = text_of(client.get(f"{page}?at=2018-06-11T08:59"))
        assert "到这个时间还没有下发的实施方案。" in said
        assert "看现在的情况" in said
    assert cells_of(client.get("/board/?at=2018-06-11T09:01"))


# The year


def test_the_map_counts_each_month_as_one_counts_by_hand(issued: World) -> None:
    filed_report(issued)
    moment = at("2018-07-12 09:00")
    found = months(Duty.objects.filter(branch__isnull=False), 2018, moment, "code", "of_members")
    counted: Counter = Counter()
    for duty in Duty.objects.filter(branch__isnull=False).with_standing(moment):
        last = duty.due_at.astimezone(moment.tzinfo)
        month = (last.replace(day=1) if last.day == 1 and not last.hour else last).month
        if last.day == 1 and not last.hour:  # midnight ends the month before
            month = 12 if last.month == 1 else last.month - 1
        counted[duty.code, duty.member_id is not None, month, duty.standing] += 1
    assert counted == Counter({(*key, s): n for key, tally in found.items() for s, n in tally.counts.items()})


def test_a_cell_of_the_map_leads_to_its_month_of_the_board(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    body = client.get("/board/year/").content.decode()
    links = {html.unescape(url) for url in re.findall(r'href="(/board/\?[^"]+month=\d+)"', body)}
    assert "/board/?code=S12&month=7" in links
    assert all(client.get(url).status_code == 200 for url in links)
    assert "▲" in body and "逾期" in text_of(client.get("/board/year/"))


def test_the_map_takes_no_condition_that_it_does_not_show(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    filed_report(issued)
    client = login("office")
    assert client.get("/board/year/?standing=filed&month=12").context["page"].paginator.count == 2


def test_the_map_of_one_branch_counts_only_its_own(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    filed_report(issued)
    client = login("office")
    body = client.get(f"/board/year/?branch={issued.second.pk}&code=I2").content.decode()
    assert "科研处党支部" in body and "0/1" in body and "1/1" not in body
    assert "1/2" in client.get("/board/year/?code=I2").content.decode()


# Saved views


def save(client, **given):
    return client.post(
        "/views/save/", {"page": "board", "name": "七月逾期", "query": "month=7&standing=overdue"} | given
    )


def test_a_saved_view_is_found_again_and_is_nobody_elses(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    response = save(client, query="month=7&standing=overdue&page=3&evil=1&q=" + "长" * 90)
    assert response.status_code == 302 and response["Location"] == "/board/?standing=overdue&month=7"
    view = SavedView.objects.get()
    assert (view.user, view.query, view.saved_at) == (
        issued.users["office"],
        "standing=overdue&month=7",
        at("2018-07-12 09:00"),
    )
    assert 'href="/board/?standing=overdue&amp;month=7"' in client.get("/board/").content.decode()
    assert "七月逾期" not in client.get("/duties/").content.decode()
    assert "七月逾期" not in login("inspector").get("/board/").content.decode()
    assert login("inspector").post(f"/views/{view.pk}/remove/").status_code == 404
    assert login("office").post(f"/views/{view.pk}/remove/").status_code == 302
    assert not SavedView.objects.exists()


def test_the_same_name_takes_the_new_conditions_and_a_second_click_adds_nothing(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    for query in ("month=7", "month=8", "month=8"):
        save(client, query=query)
    assert list(SavedView.objects.values_list("query", flat=True)) == ["month=8"]


def test_thirty_views_are_enough_and_the_log_names_none(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    for n in range(MOST):
        save(client, name=f"视图{n}", page="duties", query="month=7")
    assert "最多保存30个常用视图" in text_of(
        client.post("/views/save/", {"page": "board", "name": "多", "query": "month=7"}, follow=True)
    )
    assert SavedView.objects.count() == MOST
    logged = AuditEvent.objects.filter(what="保存常用视图")
    assert logged.count() == MOST + 1
    assert not [event for event in logged if "视图1" in event.object_name or "视图1" in str(event.detail)]


@pytest.mark.parametrize("given", [{"page": "x"}, {"page": ""}, {"page": "board"}, {"page": "heat"}])
def test_a_page_that_is_not_ones_own_has_no_views(issued: World, login, clock, given: dict) -> None:
    clock("2018-07-12 09:00")
    assert save(login("member"), **given).status_code == 404
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("given", [{"name": ""}, {"name": "长" * 31}, {"name": "\x00"}, {"query": "m" * 3000}])
def test_what_cannot_be_saved_is_said(issued: World, login, clock, given: dict) -> None:
    clock("2018-07-12 09:00")
    response = save(login("office"), **given)
    assert response.status_code == 302
    assert not SavedView.objects.exists()


def test_only_what_a_page_knows_is_kept() -> None:
    assert (
        known_conditions("heat", "?month=7&branch=3&at=2018-07-12T00:00&next=//evil")
        == "branch=3&at=2018-07-12T00%3A00"
    )
    assert known_conditions("duties", "q=%00&code=S1&code=S2&page=2&standing=") == "code=S2"


# Papers


def test_the_workbook_ends_with_all_branches_together_and_its_grounds_follow_the_words(
    issued: World, login, clock
) -> None:
    clock("2018-07-12 09:00")
    filed_report(issued)
    waive(issued, duty_of(issued, "C1"))
    sheet = openpyxl.load_workbook(io.BytesIO(login("office").get("/board.xlsx").getvalue())).active
    rows = list(sheet.iter_rows())
    assert rows[-1][1].value == "合计（2个党支部）"
    head = next(row for row in rows if row[0].value == "支部代码")
    place = next(n for n, cell in enumerate(head) if str(cell.value).startswith("I2"))
    assert rows[-1][place].value.split("\n") == ["已报送 1", "未到期 1"]
    place = next(n for n, cell in enumerate(head) if str(cell.value).startswith("C1 "))
    assert any("免 1" in str(cell.value) for cell in rows[-1])
    grounds = {
        cell.value: cell.fill.fgColor.rgb for row in rows for cell in row if cell.value in ("逾期", "未到期", "免")
    }
    assert grounds["逾期"] == "FFF8D9CC" and grounds["未到期"] == "00000000"


def test_the_document_says_the_same_as_the_page_and_lies_across(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    filed_report(issued)
    client = login("office")
    shown = cells_of(client.get("/board/"))
    paper = docx.Document(io.BytesIO(client.get("/board.docx").content))
    section = paper.sections[0]
    assert section.page_width > section.page_height
    said = {}
    for table in paper.tables:
        head = [cell.text.split("\n") for cell in table.rows[0].cells]
        assert table.rows[0]._tr.trPr.xpath("w:tblHeader")
        for row in table.rows[1:-1]:
            for names, cell in zip(head[1:], row.cells[1:], strict=True):
                code = names[0] + ("（党员）" if "（党员）" in "".join(names) else "")
                said[row.cells[0].text, code] = cell.text
    assert said == {key: words.replace("\ufe0e", "") for key, words in shown.items()}


def test_of_several_pages_the_document_has_the_one_that_is_shown(issued: World, login, clock) -> None:
    more_branches(issued, 60)
    clock("2018-07-12 09:00")
    client = login("office")
    assert "/board.docx?page=2" in client.get("/board/?page=2").content.decode()
    text = " ".join(p.text for p in docx.Document(io.BytesIO(client.get("/board.docx?page=2").content)).paragraphs)
    assert "共62个党支部，本页为第51至62个" in text


# As few queries


@pytest.mark.parametrize(
    "page", ["/board/", "/board/?standing=overdue&code=S12&month=7", "/board/?page=1&totals=1", "/board/year/"]
)
def test_the_board_asks_six_times_however_many_branches_there_are(issued: World, login, clock, page: str) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    Branch.objects.exclude(pk=issued.first.pk).update(closed_on=date(2018, 1, 1))
    client.get(page)
    counts = []
    for more in (0, 2, 297):
        if more:
            more_branches(issued, more)
        with CaptureQueriesContext(connection) as seen:
            response = client.get(page)
        assert response.context["page"].paginator.count == 1 + sum((0, 2, 297)[: len(counts) + 1])
        counts.append(len(seen))
    if "totals" not in page:  # there they are asked for, of several pages
        assert counts == [counts[0]] * 3
    assert max(counts) - WHO <= 6


@pytest.mark.parametrize("page", ["/board/", "/duties/", "/reliefs/"])
def test_a_condition_that_is_not_offered_is_refused_in_words_and_not_echoed(issued: World, login, page: str) -> None:
    name = "state" if page == "/reliefs/" else "standing"
    body = login("office").get(page, {name: "latest"}).content.decode()
    assert "没有这个选项，请重新选择。" in body
    assert "latest 不" not in body
