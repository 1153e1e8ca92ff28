"""Boards of pledges and posts: what stands on them, who may print them, and the screen in the activity room."""

from __future__ import annotations

import io
import re
from datetime import date

import pypdfium2
import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from commitments.boards import board_of, certificate_for, post_board
from commitments.models import Pledge, PledgeItem, Term
from documents.print import Unprintable
from tests.commitments.hung import LINES, make_hung, post_of, shown
from tests.conftest import World

NOW = "2018-07-12 10:00"


def said(response) -> list[str]:
    """The text of each page of the PDF that was answered, without spaces."""
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    with pypdfium2.PdfDocument(response.getvalue()) as pdf:
        return [re.sub(r"\s", "", page.get_textpage().get_text_range()) for page in pdf]


@pytest.fixture
def now(clock):
    return clock(NOW)


def test_a_board_says_whose_it_is_what_is_promised_and_until_when(world: World) -> None:
    pledge = shown(world, "member")
    board = board_of(pledge, "https://portal.example.edu.cn")
    assert (board.title, board.name, board.whose) == ("共产党员承诺牌", "李强", ("教务处党支部", "教务科科员"))
    assert board.lines == tuple(LINES)
    assert board.facts == (("监督电话", "029-88182000"), ("有效期至", "2018年12月31日"))
    assert board.address == f"https://portal.example.edu.cn{pledge.get_absolute_url()}"
    own = board_of(shown(world, phone=""), "")
    assert (own.title, own.name, own.whose) == ("党支部承诺牌", "教务处党支部", ())
    assert [label for label, _ in own.facts] == ["有效期至"]


def test_without_lines_of_its_own_a_board_shows_the_items_that_are_short_enough(world: World) -> None:
    pledge = shown(world, "member", board_lines=["", "  "])
    PledgeItem.objects.create(pledge=pledge, position=2, text="长" * 61)
    PledgeItem.objects.create(pledge=pledge, position=3, text="短" * 60)
    assert board_of(pledge, "").lines == ("每周三下午到学生公寓值班", "短" * 60)


def test_the_code_leads_to_the_portals_own_address(world: World, login, now, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("documents.print._qr", lambda address: seen.append(address) or "")
    pledge, client = shown(world, "member"), login("member")
    url = reverse("commitments:board_pdf", args=[pledge.pk, "desk"])
    client.get(url)
    with override_settings(PORTAL_URL="https://portal.example.edu.cn"):
        client.get(url)
    path = reverse("commitments:pledge_detail", args=[pledge.pk])
    assert seen == [f"http://testserver{path}", f"https://portal.example.edu.cn{path}"]


def test_a_board_is_a_page_of_its_size_and_a_picture(world: World, login, now) -> None:
    pledge, client = shown(world, "member"), login("member")
    sizes = {"a4": (210, 297), "a5": (210, 148), "desk": (200, 100)}
    for code, size in sizes.items():
        response = client.get(reverse("commitments:board_pdf", args=[pledge.pk, code]))
        assert "attachment" in response["Content-Disposition"]
        with pypdfium2.PdfDocument(response.getvalue()) as pdf:
            assert [round(x * 25.4 / 72) for x in pdf[0].get_size()] == list(size)
    response = client.get(reverse("commitments:board_png", args=[pledge.pk, "desk"]))
    assert Image.open(io.BytesIO(response.getvalue())).format == "PNG"
    assert client.get(reverse("commitments:board_pdf", args=[pledge.pk, "a3"])).status_code == 404


def test_the_branchs_paper_holds_what_hangs_today_and_nothing_else(world: World, login, now) -> None:
    """Its own board first; none that is a draft, was taken down or has run out; desk cards two to a sheet."""
    hung = make_hung(world)
    shown(world, "deputy", stage="withdrawn")
    shown(world, "commissioner", valid_until=date(2018, 7, 11))
    shown(world, "secretary", valid_until=date(2018, 7, 12))
    Pledge.objects.filter(pk=shown(world, "deputy").pk).update(stage="proposed")
    client = login("secretary")
    pages = said(client.get(reverse("commitments:boards_pdf", args=[world.first.pk, "a5"])))
    assert ["党支部承诺牌" in page for page in pages] == [True, False, False]
    assert sorted(name for name in ("周敏", "何平", "陈静", "李强") for page in pages if name in page) == [
        "李强",
        "陈静",
    ]
    assert len(said(client.get(reverse("commitments:boards_pdf", args=[world.first.pk, "desk"])))) == 2
    Pledge.objects.exclude(pk=hung.pledge.pk).update(stage="withdrawn")
    assert len(said(client.get(reverse("commitments:boards_pdf", args=[world.first.pk, "desk"])))) == 1


def test_what_cannot_be_printed_is_left_out_of_the_branchs_paper_and_said_on_the_page(world: World, login, now) -> None:
    rare, empty = shown(world, "deputy", position="𠮷科科员"), shown(world, "commissioner", board_lines=[])
    PledgeItem.objects.filter(pledge=empty).update(text="长" * 61)
    client = login("secretary")
    page = client.get(reverse("commitments:boards")).content.decode()
    assert "“𠮷”（U+20BB7）不在打印用的字库里" in page
    assert "“何平”还没有写承诺牌上的内容" in page
    for pk in (rare.pk, empty.pk):
        assert client.get(reverse("commitments:board_pdf", args=[pk, "desk"])).status_code == 422
    whole = reverse("commitments:boards_pdf", args=[world.first.pk, "desk"])
    assert "字库" in (refused := client.get(whole)).content.decode()
    assert refused.status_code == 422
    shown(world, "member")
    assert ["李强" in page for page in said(client.get(whole))] == [True]


def test_leaders_choose_among_all_boards_and_a_member_prints_the_own_one(world: World, login, now) -> None:
    make_hung(world)
    theirs = shown(world, "deputy")
    page = login("secretary").get(reverse("commitments:boards"), {"format": "a4"})
    assert [line["board"].name for line in page.context["lines"]] == ["教务处党支部", "李强", "周敏"]
    assert "下载全支部的A4 竖版" in page.content.decode()
    member = login("member")
    page = member.get(reverse("commitments:boards"))
    assert [line["board"].name for line in page.context["lines"]] == ["李强"]
    assert "下载全支部" not in page.content.decode()
    assert member.get(reverse("commitments:board_pdf", args=[theirs.pk, "desk"])).status_code == 403
    assert member.get(reverse("commitments:boards_pdf", args=[world.first.pk, "desk"])).status_code == 403


def test_those_above_first_choose_a_branch(world: World, login, now) -> None:
    make_hung(world)
    page = login("office").get(reverse("commitments:boards"))
    assert [(one.name, one.hanging) for one in page.context["page"]] == [("教务处党支部", 2), ("科研处党支部", 0)]


def test_the_screen_shows_every_board_and_only_to_who_is_logged_in(world: World, login, client, now) -> None:
    make_hung(world)
    url = reverse("commitments:screen")
    page = login("member").get(url).content.decode()
    assert [page.count(f'data-slide aria-label="{name}"') for name in ("教务处党支部", "李强")] == [1, 1]
    assert "<script>" not in page
    assert "style=" not in page
    assert client.get(url).status_code == 302
    assert "现在没有已公开的承诺" in login("other_member").get(url).content.decode()


def test_paper_and_screen_ask_as_much_for_four_boards_as_for_one(world: World, login, now) -> None:
    client, asked = login("secretary"), []
    urls = [reverse("commitments:boards_pdf", args=[world.first.pk, "desk"]), reverse("commitments:screen")]
    for people in (["member"], ["deputy", "commissioner", "secretary"]):
        for who in people:
            shown(world, who)
        for url in urls:
            client.get(url)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(url).status_code == 200
            asked.append(len(captured))
    assert asked[:2] == asked[2:]


def test_a_post_says_its_duties_and_who_stands_there(world: World, login, now) -> None:
    post, term = post_of(world)
    board = post_board(post, term)
    assert (board.title, board.name) == ("党员先锋岗", "学生事务大厅一号窗口")
    assert board.lines == ("当天答复学生咨询。", "材料齐全的当场办结。")
    assert board.whose == ("驻岗党员：李强", "驻岗时间：2018年7月2日至2018年7月31日")
    assert post_board(post, None).whose == ("驻岗党员待定",)
    (page,) = said(login("member").get(reverse("commitments:post_board_pdf", args=[post.pk, "a4"])))
    assert "驻岗党员：李强" in page


def test_a_certificate_is_of_a_term_that_was_served(world: World, login, now) -> None:
    _, term = post_of(world)
    one = certificate_for(term)
    assert one.text == (
        "经教务处党支部评议，你作为优秀共产党员（2017年度校级优秀共产党员），自2018年7月2日起至2018年7月31日"
        "在党员先锋岗“学生事务大厅一号窗口”驻岗。\n特发此证。"
    )
    assert (one.name, one.issuer, one.issued) == ("李强同志", "教务处党支部", "2018年7月2日")
    url, client = reverse("commitments:term_certificate", args=[term.pk]), login("member")
    assert "李强同志" in said(client.get(url))[0]
    Term.objects.filter(pk=term.pk).update(end="withdrawn", end_reason="本人申请", ended_on=date(2018, 7, 9))
    assert client.get(url).status_code == 422
    Term.objects.filter(pk=term.pk).update(end="", end_reason="", ended_on=None, begun_at=None, begun_by=None)
    term.refresh_from_db()
    with pytest.raises(Unprintable, match="李强没有在这个岗位驻岗"):
        certificate_for(term)


def test_a_board_hangs_until_its_last_day(world: World, login, clock) -> None:
    pledge, client = shown(world, "member", valid_until=date(2018, 12, 31)), login("member")
    url = reverse("commitments:board_pdf", args=[pledge.pk, "desk"])
    clock("2018-12-31 23:59")
    assert client.get(url).status_code == 200
    clock("2019-01-01 00:00")
    assert client.get(url).status_code == 404
