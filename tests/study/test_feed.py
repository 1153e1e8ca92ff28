"""The calendar feed: a secret link that opens one person's calendar, as RFC 5545 has it, and as long as it may."""

from __future__ import annotations

import re
from datetime import date

import icalendar
import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from branches.models import AuditEvent, Membership, Post, User
from plan.models import Duty, Filing
from study.feed import renew
from study.models import CalendarFeed, PlanItem
from tests.conftest import World, at
from tests.study.test_calendar import held, item

pytestmark = pytest.mark.django_db

PAGE = "/study/calendar/feed/"
NOW = "2018-07-11 17:30"


@pytest.fixture(autouse=True)
def now(clock):
    return clock(NOW)


def linked(world: World, who: str = "member") -> str:
    return f"/study/feed/{renew(world.users[who], world.access(who, at(NOW)))}.ics"


def opened(url: str) -> icalendar.Calendar:
    response = Client().get(url)
    assert response.status_code == 200
    return icalendar.Calendar.from_ical(response.content)


def summaries(url: str) -> list[str]:
    return [str(event["summary"]) for event in opened(url).walk("VEVENT")]


# The link


def test_the_link_is_shown_once_and_only_its_digest_is_kept(issued: World, login) -> None:
    client = login("member")
    text = client.post(PAGE, {"action": "renew"}).content.decode()
    secret = re.search(r"/study/feed/([\w-]+)\.ics", text)[1]
    assert len(secret) >= 32  # 24 random bytes
    assert secret not in client.get(PAGE).content.decode()
    feed = CalendarFeed.objects.get()
    assert secret not in repr(list(CalendarFeed.objects.values_list()))
    assert feed.secret_mac != secret
    assert Client().get(f"/study/feed/{secret}.ics").status_code == 200


def test_a_new_link_ends_the_old_one_and_a_revoked_one_is_gone(issued: World, login) -> None:
    old, new = linked(issued), linked(issued)
    assert Client().get(old).status_code == 404
    assert Client().get(new).status_code == 200
    assert login("member").post(PAGE, {"action": "revoke"}).status_code == 302
    assert Client().get(new).status_code == 404
    assert login("member").post(PAGE, {"action": "revoke"}).status_code == 302  # twice does no harm
    assert CalendarFeed.objects.filter(revoked_at__isnull=True).count() == 0


def test_one_person_ends_no_other_persons_link(issued: World, login) -> None:
    url = linked(issued)
    login("secretary").post(PAGE, {"action": "revoke"})
    login("secretary").post(PAGE, {"action": "renew"})
    assert Client().get(url).status_code == 200


def test_the_database_lets_a_person_have_one_link_at_a_time(issued: World) -> None:
    linked(issued)
    with (
        pytest.raises(IntegrityError, match=r"calendar_feed_one_at_a_time|calendarfeed\.user_id"),
        transaction.atomic(),
    ):
        CalendarFeed.objects.create(user=issued.users["member"], secret_mac="x", created_at=at(NOW))


def test_the_link_ends_with_the_account_and_with_membership(issued: World, clock) -> None:
    url = linked(issued)
    User.objects.filter(pk=issued.users["member"].pk).update(is_active=False)
    assert Client().get(url).status_code == 404
    User.objects.filter(pk=issued.users["member"].pk).update(is_active=True)
    assert Client().get(url).status_code == 200
    Membership.objects.filter(member=issued.member("member")).update(until_on=date(2018, 7, 12))
    assert Client().get(url).status_code == 200
    clock("2018-07-12 00:00")
    assert Client().get(url).status_code == 404


def test_an_administrator_without_business_has_no_calendar(issued: World) -> None:
    url = linked(issued, "sysadmin")
    assert Client().get(url).status_code == 200  # on a branch's roster
    Membership.objects.filter(member=issued.member("sysadmin")).delete()
    assert Client().get(url).status_code == 404


def test_a_secret_is_in_no_audit_event_and_in_no_line_of_the_log(issued: World, login, caplog) -> None:
    client = login("member")
    text = client.post(PAGE, {"action": "renew"}).content.decode()
    secret = re.search(r"/study/feed/([\w-]+)\.ics", text)[1]
    client.get(f"/study/feed/{secret}.ics")
    assert client.post(f"/study/feed/{secret}.ics").status_code == 405
    User.objects.filter(pk=issued.users["member"].pk).update(is_active=False)
    assert Client().get(f"/study/feed/{secret}.ics").status_code == 404
    told = repr(list(AuditEvent.objects.values()))
    assert "日历订阅" in told
    assert secret not in told
    said = "".join(record.getMessage() for record in caplog.records)
    assert "/study/feed/*" in said
    assert secret not in said


def test_no_cache_keeps_it_and_no_search_engine_finds_it(issued: World) -> None:
    url = linked(issued)
    response = Client().get(url)
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "sessionid" not in response.cookies
    again = Client().get(url, headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


# What is in it


def test_it_holds_the_branchs_plan_its_records_and_what_is_owed(issued: World) -> None:
    item(issued, issued.first, date(2018, 7, 20), topic="学习党章，第一章；总纲", place="行政楼301,东")
    item(issued, issued.second, date(2018, 7, 20), topic="科研处的学习")
    held(issued, issued.first, "2018-07-06", title="七一主题党日", content="陈静讲了话", place="会议室")
    events = {str(e["summary"]): e for e in opened(linked(issued)).walk("VEVENT")}
    planned, done = events["学习党章，第一章；总纲"], events["七一主题党日"]
    assert planned["dtstart"].dt == date(2018, 7, 20)
    assert planned["dtend"].dt == date(2018, 7, 21)
    assert planned["location"] == "行政楼301,东"
    assert done["dtstart"].dt == at("2018-07-06 14:30")
    assert done["dtend"].dt == at("2018-07-06 17:00")
    assert "科研处的学习" not in events
    assert any(title.startswith("截止：") for title in events)


def test_it_names_nobody_and_tells_no_minutes(issued: World) -> None:
    item(issued, issued.first, date(2018, 7, 20), responsible=issued.member("deputy"))
    held(
        issued, issued.first, "2018-07-06", content="陈静讲了话，李强表态", host=issued.member("secretary"),
        agenda="讨论入党申请", guests="上级同志",
    )  # fmt: skip
    text = "".join(str(value) for event in opened(linked(issued, "secretary")).walk() for value in event.values())
    for name in ("陈静", "周敏", "李强", "讨论入党申请", "上级同志"):
        assert name not in text


def test_a_leader_sees_the_branchs_due_days_and_a_member_only_the_own(issued: World) -> None:
    branchs = Duty.objects.filter(branch=issued.first, member__isnull=True, code="C7", starts_on=date(2018, 7, 1)).get()
    uid = f"duty-{branchs.pk}@"
    leaders = [str(e["uid"]) for e in opened(linked(issued, "secretary")).walk("VEVENT")]
    members = [str(e["uid"]) for e in opened(linked(issued)).walk("VEVENT")]
    assert any(one.startswith(uid) for one in leaders)
    assert not any(one.startswith(uid) for one in members)
    Duty.objects.filter(pk=branchs.pk).update(settled_at=at("2018-07-10 09:00"), done_at=at("2018-07-10 09:00"))
    assert not any(str(e["uid"]).startswith(uid) for e in opened(linked(issued, "secretary")).walk("VEVENT"))


def test_a_draft_plan_is_on_leaders_calendars_only(issued: World) -> None:
    item(issued, issued.first, date(2018, 7, 20), topic="还在写的")
    Filing.objects.filter(kind="branch_plan").update(
        state="draft", first_filed_at=None, filed_at=None, filed_by=None, receipt=None
    )
    assert "还在写的" in summaries(linked(issued, "secretary"))
    assert "还在写的" not in summaries(linked(issued))


def test_after_a_transfer_the_same_link_shows_the_new_branch(issued: World, clock) -> None:
    item(issued, issued.first, date(2018, 7, 20), topic="教务处的学习")
    item(issued, issued.second, date(2018, 7, 20), topic="科研处的学习")
    url = linked(issued)
    member = issued.member("member")
    Membership.objects.filter(member=member).update(until_on=date(2018, 7, 12))
    Membership.objects.create(member=member, branch=issued.second, from_on=date(2018, 7, 12))
    assert "教务处的学习" in summaries(url)
    clock("2018-07-12 09:00")
    assert "教务处的学习" not in summaries(url)
    assert "科研处的学习" in summaries(url)


def test_a_recurring_line_is_an_event_each_with_a_name_that_stays(issued: World, clock) -> None:
    one = item(issued, issued.first, date(2018, 7, 2), date(2018, 7, 31), rhythm="weekly", topic="支委会")
    held(issued, issued.first, "2018-07-09", plan_item=one, title="支委会记录")
    url = linked(issued)

    def found() -> dict[str, date]:
        return {str(e["uid"]): e["dtstart"].dt for e in opened(url).walk("VEVENT") if str(e["summary"]) == "支委会"}

    before = found()
    assert sorted(before.values()) == [date(2018, 7, 2), date(2018, 7, 16), date(2018, 7, 23), date(2018, 7, 30)]
    clock("2018-07-18 09:00")
    assert found() == before


def test_the_deputys_two_branches_are_told_apart(issued: World) -> None:
    Post.objects.create(
        member=issued.member("deputy"), kind=Post.Kind.DEPUTY, branch=issued.second, from_on=date(2018, 1, 1)
    )
    item(issued, issued.second, date(2018, 7, 20), topic="科研处的学习")
    assert "科研处党支部　科研处的学习" in summaries(linked(issued, "deputy"))


# RFC 5545


def test_lines_are_folded_at_75_octets_between_whole_characters_and_end_with_crlf(issued: World) -> None:
    long = "认真学习贯彻习近平新时代中国特色社会主义思想，推进“两学一做”学习教育常态化制度化；第一,第二;第三\\终"
    item(issued, issued.first, date(2018, 7, 20), topic=long)
    raw = Client().get(linked(issued)).content
    lines = raw.split(b"\r\n")
    assert lines[-1] == b""
    assert b"\n" not in b"".join(lines)
    assert max(len(one) for one in lines) <= 75
    for one in lines:
        one.decode()  # a character is never cut in two
    assert long in [str(e["summary"]) for e in icalendar.Calendar.from_ical(raw).walk("VEVENT")]
    unfolded = raw.replace(b"\r\n ", b"").decode()
    assert "第一\\,第二\\;第三\\\\终" in unfolded


def test_every_event_has_what_the_standard_asks_and_a_name_of_its_own(issued: World) -> None:
    for n in range(3):
        item(issued, issued.first, date(2018, 7, 20 + n))
        held(issued, issued.first, f"2018-07-0{n + 2}", n)
    PlanItem.objects.filter(starts_on=date(2018, 7, 20)).update(ends_on=date(2018, 8, 20))
    calendar = opened(linked(issued, "secretary"))
    assert calendar["version"] == "2.0"
    assert calendar["prodid"]
    events = calendar.walk("VEVENT")
    uids = [str(event["uid"]) for event in events]
    assert len(events) > 6
    assert len(set(uids)) == len(uids)
    for event in events:
        assert event["dtstamp"].dt.utcoffset().total_seconds() == 0
        assert event["sequence"] >= 0
        assert event["dtend"].dt > event["dtstart"].dt


def test_asked_twice_on_one_day_it_is_the_same_to_the_byte(issued: World, clock) -> None:
    item(issued, issued.first, date(2018, 7, 20))
    url = linked(issued)
    first = Client().get(url).content
    clock("2018-07-11 18:30")
    assert Client().get(url).content == first
