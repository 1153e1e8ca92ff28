"""The activity week: which week of which month, what a record needs, and how it is written once and kept once."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta

import pytest

from commitments import weeks
from commitments.models import ActivityWeek, WeekAction
from plan.models import Duty, Filing
from plan.moves import MoveRefused, move
from tests.commitments.weeks import kept_week, week_by
from tests.conftest import World, at
from tests.plan.filed import duty_of, photo

pytestmark = pytest.mark.django_db

NEW = "/commitments/weeks/new/"
LIST = "/commitments/weeks/"
MONDAY = date(2018, 7, 9)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def words(**changes) -> dict:
    return {
        "starts_on": "2018-07-09", "theme": "亮身份服务师生", "summary": "", "action": "save",
        "form_key": str(uuid.uuid4()), "action-1-aim": "identity", "action-1-who": "", "action-1-text": "佩戴党徽上岗",
        "action-1-result": "",
    } | changes  # fmt: skip


# The calendar


def test_every_monday_lies_in_exactly_one_month_at_its_number() -> None:
    day, found = date(2015, 1, 1), []
    for year in range(2015, 2031):
        for month in range(1, 13):
            mondays = weeks.weeks_of(year, month)
            assert [weeks.number_of(monday) for monday in mondays] == list(range(1, len(mondays) + 1))
            found += mondays
    every = [day + timedelta(days=n) for n in range((date(2031, 1, 1) - day).days)]
    assert found == [one for one in every if one.weekday() == 0]


def test_a_week_that_runs_into_the_next_month_can_be_kept_on_the_last_day_of_its_own() -> None:
    assert weeks.label_of(MONDAY) == "7月第2周（7月9日–15日）"
    assert weeks.done_on(MONDAY) == date(2018, 7, 15)
    assert weeks.done_on(date(2018, 7, 30)) == date(2018, 7, 31)


def test_the_form_proposes_the_same_week_of_the_month_as_last_time() -> None:
    assert weeks.usual_week(2018, 7, date(2018, 6, 18), date(2018, 7, 4)) == date(2018, 7, 16)
    # The fifth week is not in every month; without a last time it is the week that is on, or the second.
    assert weeks.usual_week(2018, 8, date(2018, 7, 30), date(2018, 8, 1)) == date(2018, 8, 27)
    assert weeks.usual_week(2018, 7, None, date(2018, 7, 19)) == date(2018, 7, 16)
    assert weeks.usual_week(2018, 7, None, date(2018, 6, 1)) == date(2018, 7, 9)


# The record


def test_a_record_needs_actions_and_once_the_week_is_over_a_summary(issued: World) -> None:
    week = week_by(issued.access("secretary", at("2018-07-09 09:00")), MONDAY, summary="")
    week.actions.all().delete()
    before = weeks.missing_in(week, at("2018-07-14 23:59"))
    assert before == [
        "还缺行动：至少写1项，写明谁做什么。", "活动周还没有结束：7月15日起可以留存，现在先存草稿。",
    ]  # fmt: skip
    assert weeks.missing_in(week, at("2018-07-15 00:00"))[1].startswith("还缺开展情况和成效")


def test_a_week_is_not_kept_before_it_is_over_and_settles_the_month_of_its_monday(issued: World) -> None:
    early, over = issued.access("secretary", at("2018-07-14 23:59")), issued.access("secretary", at("2018-07-15 00:00"))
    week = week_by(early, MONDAY)
    with pytest.raises(MoveRefused, match="活动周还没有结束"):
        move(week.filing, "keep", access=early)
    kept = move(week.filing, "keep", access=over)
    assert (kept.state, kept.is_late) == ("kept", False)
    assert [duty.period for duty in Duty.objects.filter(settled_by=kept)] == ["7月"]


def test_the_frozen_record_names_the_week_and_every_action(issued: World) -> None:
    kept = kept_week(issued, "secretary", MONDAY, at("2018-07-16 09:00"), member=issued.member("member")).filing
    snapshot = kept.newest.snapshot
    assert ["活动周", "2018年7月第2周（7月9日–15日）"] in snapshot["fields"]
    assert snapshot["tables"][0]["rows"] == [
        ["1", "亮身份", "李强", "佩戴党徽值班", ""], ["2", "树形象", "全支部", "清理办公楼公共区域", "清理3处"],
    ]  # fmt: skip


def test_a_discarded_draft_makes_room_for_the_same_week(issued: World) -> None:
    access = issued.access("secretary", at("2018-07-09 09:00"))
    move(week_by(access, MONDAY).filing, "discard", access=access)
    assert week_by(access, MONDAY).filing.claim_rows.get().duty.period == "7月"


# The form


def test_the_form_begins_at_the_duty_and_keeps_the_week_once_it_is_over(issued: World, login, clock) -> None:
    clock("2018-07-10 10:00")
    duty, client = duty_of(issued, "C5", period="7月"), login("secretary")
    page = client.get(f"{NEW}?duty={duty.pk}").content.decode()
    assert duty.requirement.quotes[0] in page
    assert '<option value="2018-07-09" selected>' in page
    sent = words(**{"action-2-aim": "image", "action-2-who": str(issued.member("member").pk), "action-2-text": "值班"})
    first = client.post(f"{NEW}?duty={duty.pk}", sent)
    assert client.post(f"{NEW}?duty={duty.pk}", sent)["Location"] == first["Location"]
    week = ActivityWeek.objects.get()
    assert [(one.aim, one.member, one.text) for one in week.actions.all()] == [
        ("identity", None, "佩戴党徽上岗"), ("image", issued.member("member"), "值班"),
    ]  # fmt: skip
    assert week.filing.claim_rows.get().duty == duty
    # The same duty leads on to the draft; nobody begins the same week a second time.
    assert client.get(f"{NEW}?duty={duty.pk}")["Location"] == week.get_edit_url()
    assert "这一周已经有活动周记录" in client.post(NEW, words()).content.decode()
    assert '<option value="2018-08-13" selected>' in client.get(NEW).content.decode()

    again = words(edition="0", summary="解答咨询86人次。", action="file", pictures=[photo()])
    assert "7月15日起可以留存" in text_of(client.post(week.get_edit_url(), again, follow=True))
    clock("2018-07-16 09:00")
    page = text_of(client.post(week.get_edit_url(), again | {"edition": "1", "pictures": []}, follow=True))
    assert "已于 7月16日 09:00 留存，编号 2018-01-0001。" in page
    duty.refresh_from_db()
    assert duty.settled_by.pictures.count() == 1


def test_a_row_is_written_whole_and_what_was_typed_comes_back(issued: World, login, clock) -> None:
    clock("2018-07-10 10:00")
    half = {"action-1-aim": "", "action-3-result": "解答3人次"}
    response = login("secretary").post(NEW, words(**half))
    page = text_of(response)
    assert response.status_code == 422
    assert "第1项：请选择“类别”。" in page
    assert "第3项：请写明行动，或把这一行清空。" in page
    assert 'value="解答3人次"' in response.content.decode()
    assert not Filing.objects.exists()


def test_the_actions_of_the_last_week_are_taken_over_without_their_results(issued: World, login, clock) -> None:
    clock("2018-07-10 10:00")
    kept_week(issued, "secretary", date(2018, 6, 18), at("2018-06-25 09:00"))
    client = login("secretary")
    assert "沿用上次" in text_of(client.get(NEW))
    page = client.get(f"{NEW}?copy=1").content.decode()
    for kept in ('value="亮身份服务师生"', 'value="佩戴党徽值班"', 'value="清理办公楼公共区域"', "2018-07-16"):
        assert kept in page
    assert "清理3处" not in page


def test_whoever_was_slower_sees_both_texts_and_overwrites_nothing(issued: World, login, clock) -> None:
    clock("2018-07-10 10:00")
    week, client = week_by(issued.access("deputy", at("2018-07-09 09:00")), MONDAY), login("secretary")
    assert client.post(week.get_edit_url(), words(edition="0", theme="先存的主题")).status_code == 302
    response = client.post(week.get_edit_url(), words(edition="0", theme="后来的主题"))
    page = text_of(response)
    assert response.status_code == 409
    assert "先存的主题" in page
    assert "后来的主题" in response.content.decode()
    week.refresh_from_db()
    assert week.theme == "先存的主题"
    assert client.post(week.get_edit_url(), words(edition="1", theme="后来的主题")).status_code == 302


def test_a_month_that_is_over_asks_for_the_reason_and_stays_marked_late(issued: World, login, clock) -> None:
    clock("2018-08-02 10:00")
    duty, client = duty_of(issued, "C5", period="7月"), login("secretary")
    sent = words(summary="做完了。", action="file")
    page = text_of(client.post(f"{NEW}?duty={duty.pk}", sent, follow=True))
    assert "请填写补报原因" in page
    week = ActivityWeek.objects.get()
    late = words(edition="0", summary="做完了。", action="file", late_reason="月末出差。")
    client.post(week.get_edit_url(), late)
    assert Filing.objects.values_list("state", "is_late", "late_reason").get() == ("kept", True, "月末出差。")


def test_a_commissioner_writes_and_leaves_the_keeping_to_the_secretary(issued: World, login, clock) -> None:
    clock("2018-07-16 10:00")
    page = text_of(login("commissioner").post(NEW, words(summary="做完了。", action="file"), follow=True))
    assert "留存由支部书记或副书记办理" in page
    assert Filing.objects.get().state == "draft"


# The list


def test_months_without_a_week_are_said_with_their_deadline(issued: World, login, clock) -> None:
    clock("2018-08-02 10:00")
    kept_week(issued, "secretary", date(2018, 6, 18), at("2018-06-25 09:00"))
    page = text_of(login("secretary").get(LIST))
    assert "6月第3周党员活动周：亮身份服务师生" in page
    assert "6月还没有" not in page
    assert "7月还没有活动周记录" in page
    assert "7月31日24:00前留存 ▲ 逾期2天" in page
    assert "8月还没有活动周记录" in page
    assert "9月还没有" not in page


def test_a_member_sees_the_own_part_of_this_week_though_the_draft_is_the_leaders(issued: World, login, clock) -> None:
    clock("2018-07-11 10:00")
    week = week_by(issued.access("secretary", at("2018-07-09 09:00")), MONDAY, member=issued.member("member"))
    WeekAction.objects.create(week=week, position=3, aim="feature", member=issued.member("deputy"), text="别人的事")
    page = text_of(login("member").get(LIST))
    assert "本周我的行动" in page
    assert "佩戴党徽值班" in page
    assert "清理办公楼公共区域 （全支部）" in page
    assert "别人的事" not in page
    assert week.get_edit_url() not in page
    clock("2018-07-16 10:00")
    assert "本周我的行动" not in text_of(login("member").get(LIST))


def test_the_office_reads_all_branches_and_chooses_one(issued: World, login, clock) -> None:
    clock("2018-07-16 10:00")
    kept_week(issued, "secretary", MONDAY, at("2018-07-16 09:00"), theme="教务的主题")
    week_by(issued.access("other_secretary", at("2018-07-16 09:00")), MONDAY, theme="科研没有留存的主题")
    client = login("office")
    every, one = text_of(client.get(LIST)), text_of(client.get(f"{LIST}?branch={issued.second.pk}"))
    assert "教务的主题" in every
    assert "科研没有留存的主题" not in every + one
    assert "教务的主题" not in one
    assert "7月还没有活动周记录" in one
