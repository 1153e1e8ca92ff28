"""Writing a pledge: the form without scripts, what is missing, what is vague, last year's taken over, the 承诺书."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import docx
import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commitments.models import Pledge
from commitments.writing import board_lines_of, missing_in
from plan import moves
from plan.models import Duty, Filing, Requirement
from tests.conftest import World, at
from tests.plan.filed import PROMISED, duty_of, pledge_by

pytestmark = pytest.mark.django_db

NEW = reverse("commitments:pledge_new")
LIST = reverse("commitments:pledge_list")
SLOGAN = ("努力提高自身素质，加强理论学习", "不断提高政治理论水平", "认真学习党的理论知识", "理论水平明显提高")


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-04 10:00")


def typed(*items: tuple[str, str, str, str], due: str = "2018-11-30", **more: str) -> dict[str, Any]:
    """What the form sends: the items in its rows, the others empty."""
    data = {"position": "教务处处长", "valid_until": "2018-12-31", "action": "save", "form_key": "key-1"}
    for n, words in enumerate(items or PROMISED, 1):
        for name, text in zip(("text", "goal", "measures", "success"), words, strict=True):
            data[f"item-{n}-{name}"] = text
        data[f"item-{n}-due_on"] = due
    return data | more


def new(duty: Duty) -> str:
    return f"{NEW}?duty={duty.pk}"


def one() -> Pledge:
    return Pledge.objects.get()


# The form


def test_a_cadres_pledge_is_written_and_filed_at_once_and_settles_its_duty(issued, login):
    duty = duty_of(issued, "C2", "secretary")
    response = login("secretary").post(new(duty), typed(action="file"))
    pledge, filing = one(), Filing.objects.get(kind="pledge")
    assert response.url == filing.get_absolute_url()
    assert (filing.state, filing.desk, filing.handling, filing.title) == (
        "filed", "branch", "approve", "陈静2018年度承诺书",
    )  # fmt: skip
    assert (pledge.stage, pledge.position, pledge.member) == ("review", "教务处处长", issued.member("secretary"))
    assert [item.text for item in pledge.items.all()] == [words[0] for words in PROMISED]
    assert pledge.board_lines == [words[0] for words in PROMISED]
    assert Duty.objects.get(pk=duty.pk).settled_by == filing


def test_the_branchs_pledge_goes_to_the_office(issued, login):
    login("secretary").post(new(duty_of(issued, "C1")), typed(action="file", position="支部书记陈静"))
    filing = Filing.objects.get(kind="pledge")
    assert (filing.state, filing.desk, filing.member, filing.title) == (
        "filed", "office", None, "教务处党支部2018年度承诺书",
    )  # fmt: skip


def test_a_commissioner_writes_the_branchs_pledge_and_the_secretary_files_it(issued, login):
    response = login("commissioner").post(new(duty_of(issued, "C1")), typed(action="file"), follow=True)
    assert "报送由支部书记或副书记办理" in response.content.decode()
    login("secretary").post(one().get_edit_url(), typed(action="file", edition="0"))
    assert one().filing.state == "filed"


def test_an_ordinary_member_pledges_of_their_own_accord(issued, login):
    client = login("member")
    client.post(NEW, typed(action="file"))
    client.post(f"{NEW}?scope=ad_hoc", typed(PROMISED[0], action="file", form_key="key-2"))
    annual, ad_hoc = Pledge.objects.order_by("pk")
    assert (annual.scope, annual.filing.state, annual.filing.claim_rows.count()) == ("annual", "filed", 0)
    assert (ad_hoc.scope, ad_hoc.filing.state) == ("ad_hoc", "filed")
    assert ad_hoc.filing.title == "李强即时承诺书（7月4日）"
    # A second one for the year there is not: the address leads to the first.
    assert client.get(NEW).url == annual.filing.get_absolute_url()


def test_whoever_owes_one_is_led_to_the_duty(issued, login):
    assert login("secretary").get(NEW).url == new(duty_of(issued, "C2", "secretary"))
    assert login("deputy").get(f"{NEW}?for=branch").url == new(duty_of(issued, "C1"))


def test_nobody_writes_for_another(issued, login):
    assert login("deputy").get(new(duty_of(issued, "C2", "secretary"))).status_code == 403
    assert login("member").get(new(duty_of(issued, "C1"))).status_code == 403
    assert login("member").get(f"{NEW}?for=branch").status_code == 403
    assert login("other_secretary").get(new(duty_of(issued, "C1"))).status_code == 404


def test_a_second_click_makes_no_second_pledge(issued, login):
    client = login("member")
    first = client.post(NEW, typed())
    assert client.post(NEW, typed()).url == first.url == one().get_edit_url()


def test_emptied_rows_are_no_items_and_the_others_move_up(issued, login):
    client, extra = login("member"), ("扫描校史照片600张", "可用", "请老教师辨认", "编目600张")
    client.post(NEW, typed(PROMISED[0], extra, PROMISED[1]))
    data = typed(PROMISED[0], extra, PROMISED[1], edition="0")
    data |= {f"item-2-{name}": "" for name in ("text", "goal", "measures", "success", "due_on")}
    client.post(one().get_edit_url(), data)
    assert [(i.position, i.text) for i in one().items.all()] == [(1, PROMISED[0][0]), (2, PROMISED[1][0])]
    assert one().board_lines == [PROMISED[0][0], PROMISED[1][0]], "lines that nobody chose go along"


def test_lines_that_were_chosen_stay(issued, login):
    client = login("member")
    client.post(NEW, typed(line_1="周三下午在教务大厅等您"))
    client.post(one().get_edit_url(), typed(PROMISED[1], PROMISED[0], line_1="周三下午在教务大厅等您", edition="0"))
    assert one().board_lines == ["周三下午在教务大厅等您"]


def test_a_row_without_its_item_and_a_wrong_day_are_said_at_their_row(issued, login):
    data = typed(PROMISED[0], ("", "目标", "", ""), valid_until="2020-01-01") | {"item-1-due_on": "某日"}
    response = login("member").post(NEW, data)
    page = response.content.decode()
    assert response.status_code == 422
    assert not Pledge.objects.exists()
    assert "第1项：完成时限：" in page
    assert "第2项：请写明承诺事项，或把这一项清空。" in page
    assert "有效期应在2018年1月1日至2018年12月31日之间。" in page
    assert PROMISED[0][0] in page


def test_two_who_write_at_once_see_both_texts(issued, login):
    login("secretary").post(new(duty_of(issued, "C1")), typed())
    url = one().get_edit_url()
    login("commissioner").post(url, typed(PROMISED[0], edition="0"))
    response = login("deputy").post(url, typed(PROMISED[1], edition="0"))
    page = response.content.decode()
    assert response.status_code == 409
    assert "第1项承诺事项" in page
    assert one().items.get().text == PROMISED[0][0], "nothing was written"
    login("deputy").post(url, typed(PROMISED[1], edition="1"))
    assert one().items.get().text == PROMISED[1][0]


def test_a_late_one_asks_for_the_reason_and_says_so(issued, login, clock):
    clock("2018-12-30 10:00")
    client, duty = login("secretary"), duty_of(issued, "C2", "secretary")
    assert "补报原因" in client.get(new(duty)).content.decode()
    client.post(new(duty), typed(action="file", due="2018-12-31"))
    assert one().filing.state == "draft"
    client.post(one().get_edit_url(), typed(action="file", due="2018-12-31", edition="0", late_reason="出差。"))
    assert (one().filing.state, one().filing.is_late) == ("filed", True)


# What is missing


def draft(world: World, *items: tuple[str, str, str, str], **facts: Any) -> Pledge:
    access = world.access("member", at("2018-07-04 10:00"))
    filing = pledge_by(
        access, branch=world.first, member=world.member("member"), items=items, scope=facts.pop("scope", "annual")
    )
    Pledge.objects.filter(filing=filing).update(**facts)
    return Pledge.objects.get(filing=filing)


def test_what_is_missing_is_said_item_by_item(issued):
    pledge = draft(issued, PROMISED[0], position="", valid_until=date(2018, 11, 1))
    pledge.items.update(goal="", due_on=date(2018, 11, 2))
    assert missing_in(pledge) == [
        "承诺事项应有2至5项，现在有1项。",
        "第1项还没有目标。",
        "第1项的完成时限应在2018年1月1日至有效期2018年11月1日之间。",
        "请填写岗位或职务。",
    ]
    assert missing_in(draft(issued, PROMISED[0], scope="ad_hoc")) == [], "what is pledged for one occasion may be one"


def test_what_is_vague_is_mended_or_given_a_reason(issued, login):
    access = issued.access("member", at("2018-07-04 10:00"))
    pledge = draft(issued, PROMISED[0], SLOGAN)
    with pytest.raises(moves.MoveRefused) as refused:
        moves.move(pledge.filing, "file", access=access)
    assert refused.value.sentences[0].startswith("第2项：“努力提高自身素质")
    assert refused.value.sentences[-1] == "确实不能写得更具体的，请在“说明”中写明理由。"
    Pledge.objects.filter(pk=pledge.pk).update(vague_reason="支部大会定的统一用语。")
    assert moves.move(pledge.filing, "file", access=access).state == "filed"


def test_a_copy_of_a_colleagues_pledge_is_found_and_named_only_when_public(issued):
    first = draft(issued, *PROMISED)
    when = issued.access("member", at("2018-07-04 10:00"))
    moves.move(first.filing, "file", access=when)
    deputy = issued.access("deputy", at("2018-07-05 10:00"))
    second = pledge_by(deputy, branch=issued.first, member=issued.member("deputy")).pledge
    assert "第1项：与本支部另一份承诺几乎相同。请结合自己的岗位写。" in missing_in(second)
    moves.move(first.filing, "approve", access=issued.access("secretary", at("2018-07-05 11:00")))
    assert "第1项：与李强的承诺几乎相同。请结合自己的岗位写。" in missing_in(second)
    assert missing_in(Pledge.objects.get(pk=first.pk)) == [], "the first is no copy of the second"


def test_hints_are_given_while_writing_and_nothing_is_kept(issued, login):
    response = login("member").post(reverse("commitments:pledge_hints"), typed(PROMISED[0], SLOGAN))
    hints = response.json()["hints"]
    assert list(hints) == ["2"]
    assert hints["2"][0].startswith("“努力提高自身素质")
    assert not Pledge.objects.exists()


def test_the_boards_line_is_cut_between_clauses_never_inside_one():
    long = (
        "每周三下午到教务大厅值班，当面解答学生的选课和学籍问题，答不了的当场登记，三个工作日以内一定电话回复本人，" * 2
    )
    (line,) = board_lines_of([long])
    assert len(line) <= 60
    assert long.startswith(line + "，")
    assert board_lines_of([" 甲 \n 乙 ", "", "丙", "丁", "戊"]) == ["甲 乙", "丙", "丁"]


# Taken over from last year


def test_last_years_pledge_is_taken_over_with_its_days_in_this_year(issued, login, clock):
    first = draft(issued, *PROMISED)
    moves.move(first.filing, "file", access=issued.access("member", at("2018-07-04 10:00")))
    clock("2019-01-10 10:00")
    client = login("member")
    assert "沿用2018年的承诺" in client.get(NEW).content.decode()
    url = f"{NEW}?renew={first.pk}"
    form = client.get(url).context["form"]
    assert [row.initial["due_on"] for row in form.rows[:2]] == [date(2019, 11, 30)] * 2
    assert (form.initial["valid_until"], form.initial["position"]) == (date(2019, 12, 31), "支部书记")
    client.post(url, typed(due="2019-11-30", valid_until="2019-12-31"))
    later = Pledge.objects.get(year=2019)
    assert (later.renews, later.items.count()) == (first, 2)
    assert login("deputy").get(url).status_code == 404


# Paper


def test_the_paper_is_a_承诺书_with_its_table_and_its_signatures(issued, login):
    secretary = issued.access("secretary", at("2018-07-04 10:00"))
    filing = pledge_by(secretary, duty_of(issued, "C2", "secretary"))
    moves.move(filing, "file", access=secretary)
    moves.move(filing, "approve", access=issued.access("deputy", at("2018-07-05 10:00")), note="同意")
    data = login("secretary").get(reverse("plan:filing_docx", args=[filing.pk])).content
    tables = docx.Document(io.BytesIO(data)).tables
    cells = [[cell.text for cell in row.cells] for table in tables for row in table.rows]
    flat = [text for row in cells for text in row]
    for text in ("承诺事项", "目标", "实施措施", "完成时限", "衡量标准", "11月30日", "承诺人签字", "审核人签字"):
        assert text in flat
    assert any("已审定：同意（周敏" in text for text in flat)


# The list


def test_the_list_shows_mine_and_to_leaders_the_branchs(issued, login):
    mine = draft(issued, *PROMISED)
    theirs = pledge_by(
        issued.access("deputy", at("2018-07-04 10:00")), branch=issued.first, member=issued.member("deputy")
    ).pledge
    moves.move(theirs.filing, "file", access=issued.access("deputy", at("2018-07-04 11:00")))

    def listed(who: str, query: str = "") -> list[str]:
        rows = login(who).get(LIST + query).context["rows"]
        return [row["cells"][0]["text"] for row in rows]

    assert listed("member") == [mine.filing.title]
    assert listed("secretary") == [theirs.filing.title], "a member's draft is the member's"
    assert listed("office") == [theirs.filing.title]
    assert listed("office", "?stage=shown") == []
    assert listed("office", f"?stage=review&scope=annual&year=2018&branch={issued.first.pk}") == [theirs.filing.title]
    assert listed("deputy", "?show=mine") == [theirs.filing.title]
    assert listed("other_member") == []


def test_the_list_asks_as_much_for_three_pledges_as_for_one(issued, login):
    client, counts = login("office"), []
    for wanted in (1, 3):
        while Pledge.objects.count() < wanted:
            draft(issued, *PROMISED)
        Filing.objects.update(state="sent_back", first_filed_at=at("2018-07-04 10:00"), receipt=F("id"))
        with CaptureQueriesContext(connection) as captured:
            assert len(client.get(LIST).context["rows"]) == wanted
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_every_requirement_that_asks_for_a_pledge_leads_to_this_form(issued):
    assert set(Requirement.objects.filter(proof="pledge_form").values_list("code", flat=True)) == {"C1", "C2"}
