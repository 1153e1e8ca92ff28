"""The inbox: one's own messages and nobody else's, what was read, the bell that asks nothing more, and notices."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from branches.access import Access
from branches.models import AuditEvent
from inbox import sending
from inbox.models import Message, Sending
from inbox.telling import Line, tell
from plan.models import Filing
from plan.moves import move
from tests.conftest import at
from tests.records import make_records

pytestmark = pytest.mark.django_db
NOW = at("2018-07-04 10:00")


def told(world, who: str = "member", key: str = "1", **facts) -> Message:
    usual = {"kind": "digest", "title": "今日提醒", "at": NOW, "lines": [Line("7月支部党员大会", url="/duties/")]}
    return tell(world.users[who], key=key, **(usual | facts))


def bell(client, page: str = "/account/") -> str:
    text = client.get(page).content.decode()
    return re.search(r"data-bell-words>([^<]*)<", text)[1]


def test_looking_at_a_message_writes_nothing_and_the_button_marks_it_read(world, login, clock):
    clock("2018-07-04 10:00")
    client, message = login("member"), told(world)
    page = client.get(message.get_absolute_url())
    assert "7月支部党员大会" in page.content.decode() and "标为已读" in page.content.decode()
    message.refresh_from_db()
    assert message.read_at is None and bell(client) == "消息，1条未读"
    clock("2018-07-04 11:00")
    for _ in range(2):  # a second click changes nothing
        assert client.post(f"{message.get_absolute_url()}read/").status_code == 302
        clock("2018-07-04 12:00")
    message.refresh_from_db()
    assert message.read_at == at("2018-07-04 11:00") and bell(client) == "消息"
    assert not AuditEvent.objects.filter(actor=world.users["member"]).exists()


def test_the_pages_script_is_told_how_many_are_left(world, login, clock):
    clock("2018-07-04 10:00")
    told(world, key="other")
    url = f"{told(world).get_absolute_url()}read/"
    answers = [login("member").post(url, headers={"Accept": "application/json"}).json() for _ in range(2)]
    assert answers == [{"unread": 1}, {"unread": 1}]


def test_all_that_stood_on_the_page_is_read_and_nothing_else(world, login, clock):
    clock("2018-07-04 10:00")
    client, mine, foreign = login("member"), told(world), told(world, "secretary")
    page = client.get("/messages/").content.decode()
    ids = re.findall(r'name="id" value="(\d+)"', page)
    later = told(world, key="later")
    client.post("/messages/read/", {"id": [*ids, str(foreign.pk), "9" * 5000, "x", "-1", "１"]})
    read = set(Message.objects.filter(read_at__isnull=False).values_list("pk", flat=True))
    assert read == {mine.pk} and later.pk not in read


@pytest.mark.parametrize("who", ["office", "secretary", "sysadmin", "auditor", "security", "other_member"])
def test_nobody_reads_or_marks_what_somebody_else_was_told(world, login, clock, who):
    clock("2018-07-04 10:00")
    message = told(world)
    client = login(who)
    assert client.get(message.get_absolute_url()).status_code == 404
    assert client.post(f"{message.get_absolute_url()}read/").status_code == 404
    assert "今日提醒" not in client.get("/messages/").content.decode()
    assert Message.objects.unread().count() == 1


def test_the_unread_stand_first_and_can_be_shown_alone(world, login, clock):
    clock("2018-07-04 10:00")
    old = told(world, key="old", title="旧的未读", at=at("2018-06-01 08:00"))
    new = told(world, key="new", title="新的已读")
    Message.objects.filter(pk=new.pk).update(read_at=NOW)
    client = login("member")
    assert [row.pk for row in client.get("/messages/").context["rows"]] == [old.pk, new.pk]
    assert [row.pk for row in client.get("/messages/?show=unread").context["rows"]] == [old.pk]
    for query in ("?show=nonsense", "?page=" + "9" * 5000, "?page=-1", "?show=%00"):
        assert client.get(f"/messages/{query}").status_code == 200
    assert "还没有消息" in login("deputy").get("/messages/").content.decode()


def test_the_bell_counts_the_own_unread_and_asks_nothing_more(world, login, clock):
    clock("2018-07-04 10:00")
    user = world.users["member"]
    with CaptureQueriesContext(connection) as before:
        assert Access.of(user, NOW).unread == 0
    Message.objects.bulk_create(
        Message(user=user, kind="digest", key=f"k{n}", title="今日提醒", told_at=NOW, read_at=NOW if n < 20 else None)
        for n in range(140)
    )
    told(world, "secretary")
    with CaptureQueriesContext(connection) as after:
        access = Access.of(user, NOW)
    assert access.unread == 120 and len(before) == len(after) == 3
    assert (access.member, access.branch) == (user.member, world.first)
    page = login("member").get("/account/").content.decode()
    assert "消息，120条未读" in page and ">99+<" in page


@pytest.mark.parametrize("url", ["//evil.example/x", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"])
def test_no_line_leads_out_of_the_portal(world, login, clock, url):
    clock("2018-07-04 10:00")
    message = told(world, lines=[Line("<b>看这里</b>", url=url)])
    page = login("member").get(message.get_absolute_url()).content.decode()
    assert "evil" not in page and "alert" not in page and "&lt;b&gt;看这里" in page


# Notices on moves


@pytest.fixture
def records(world, clock):
    clock("2018-07-04 10:00")
    return make_records(world)


def notices() -> list[tuple[str, str]]:
    return sorted(Message.objects.filter(kind="notice").values_list("user__staff_number", "title"))


def test_what_is_sent_back_is_told_to_its_authors_with_the_reason_inside_the_house_only(records):
    filing = records.gathering.filing
    move(filing, "send_back", access=records.world.access("office", NOW), note="日期与照片不符")
    assert notices() == [("18001", "退回补正：活动记录"), ("18002", "退回补正：活动记录")]
    message = Message.objects.filter(kind="notice").first()
    (line,) = message.shown_lines
    assert line["note"] == "原因：日期与照片不符" and line["url"] == filing.get_absolute_url()
    assert line["outside"] == "有一份材料被退回补正"


def test_a_branch_is_not_told_that_its_filing_was_received_and_a_member_is_told_of_the_own_plan(records):
    world = records.world
    move(records.gathering.filing, "receive", access=world.access("office", NOW))
    assert notices() == []
    move(records.member_plan.filing, "approve", access=world.access("secretary", NOW))
    assert notices() == [("18004", "已审定：个人自学计划")]


def test_a_move_that_fails_tells_nobody_and_one_that_is_repeated_tells_once(records):
    access = records.world.access("office", NOW)
    for note in ("", "请补照片", "再退一次"):
        try:
            move(Filing.objects.get(pk=records.gathering.filing_id), "send_back", access=access, note=note)
        except Exception as refused:
            assert not isinstance(refused, ValidationError)
    assert len(notices()) == 2


def test_a_notice_goes_out_by_the_way_that_was_chosen_and_is_allowed(records, wants):
    wants("secretary", by_email=True)
    move(records.gathering.filing, "send_back", access=records.world.access("office", NOW), note="请补照片")
    (row,) = Sending.objects.filter(message__kind="notice")
    assert (row.way, row.message.user.staff_number) == ("email", "18001")


# The sending log


def test_the_office_sees_to_whom_and_whether_and_not_what(world, login, clock):
    clock("2018-07-04 10:00")
    row = Sending.objects.create(message=told(world, title="绝密的标题"), way="email", next_at=NOW, error="连不上")
    page = login("office").get("/sendings/").content.decode()
    assert "李强" in page and "连不上" in page
    assert "绝密的标题" not in page and "7月支部党员大会" not in page
    figures = login("sysadmin").get("/sendings/").content.decode()
    assert "连不上" in figures and "李强" not in figures and "绝密" not in figures
    assert login("office").get("/sendings/?state=%00&way=x&page=" + "9" * 5000).status_code == 200
    assert row.state == "waiting"


def test_the_office_does_not_learn_that_somebody_read_a_message(world, login, clock):
    clock("2018-07-04 10:00")
    row = Sending.objects.create(message=told(world), way="email", next_at=NOW, state="skipped", error=sending.READ)
    page = login("office").get("/sendings/").content.decode()
    assert "李强" in page and "不必发送" in page and row.error not in page
    assert row.error not in login("sysadmin").get("/sendings/").content.decode()


def test_what_was_given_up_is_tried_anew_by_hand_and_told_to_the_auditor(world, login, clock):
    clock("2018-07-04 10:00")
    office = login("office")
    rows = [
        Sending.objects.create(message=told(world, key=str(n)), way="email", next_at=NOW, state=state, tries=6)
        for n, state in enumerate(("failed", "failed", "skipped"))
    ]
    for _ in range(2):
        office.post(f"/sendings/{rows[0].pk}/again/")
    assert list(Sending.objects.order_by("pk").values_list("state", "tries")) == [
        ("waiting", 0), ("failed", 6), ("skipped", 6),
    ]  # fmt: skip
    office.post("/sendings/again/")
    assert Sending.objects.filter(state="waiting", next_at=NOW).count() == 2
    assert list(AuditEvent.objects.filter(what="重新发送消息").order_by("seq").values_list("ok", "detail")) == [
        (True, {"count": "1"}), (False, {"count": "0"}), (True, {"count": "1"}),
    ]  # fmt: skip
