"""The member's weeks: begun, edited at once, filed, approved, ticked off; and the branch's review of them."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.access import Access
from branches.models import Post
from plan.models import Duty, Filing, Reading
from plan.moves import is_desk, missing_to_file, move
from study.models import MemberPlan, WeekItem
from study.papers import member_plan_snapshot
from tests.conftest import World, add_member, add_user, at

pytestmark = pytest.mark.django_db

PAGE, BEGIN, REVIEW = "/study/my-plan/", "/study/my-plan/begin/", "/study/review/"


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-09 10:00")


def begun(login, who: str = "member") -> MemberPlan:
    titles = list(Reading.objects.filter(plan__year=2018).values_list("title", flat=True))
    assert login(who).post(BEGIN, {"titles": titles, "hours": "2"}).status_code == 302
    return MemberPlan.objects.latest("pk")


def typed(record: MemberPlan, **changes) -> dict:
    record.filing.refresh_from_db()
    data = {"goal": "读完规定篇目", "edition": record.filing.edition, "action": "save"}
    for week in record.weeks.all():
        name = f"week-{week.pk}"
        data |= {f"{name}-content": week.content, f"{name}-method": "self", f"{name}-hours": "2"}
    return data | changes


def filed(login, who: str = "member") -> MemberPlan:
    record = begun(login, who)
    assert login(who).post(record.get_edit_url(), typed(record, action="file")).status_code == 302
    record.filing.refresh_from_db()
    assert record.filing.state == Filing.State.FILED
    return record


def approved(issued: World, login, who: str = "member") -> MemberPlan:
    record = filed(login, who)
    move(record.filing, "approve", access=issued.access("secretary", at("2018-07-09 11:00")))
    return record


def done(client, week: WeekItem, **data):
    return client.post(reverse("study:week_done", args=[week.pk]), data)


# Beginning


def test_every_week_left_is_there_and_filled_from_the_readings(issued: World, login) -> None:
    record = begun(login)
    weeks = list(record.weeks.all())
    assert (weeks[0].week_on, weeks[-1].week_on, len(weeks)) == (date(2018, 7, 9), date(2018, 12, 24), 25)
    assert all(week.content.startswith("研读") for week in weeks)
    for title in issued.plan.readings.values_list("title", flat=True):
        assert any(title in week.content for week in weeks)
    assert list(record.filing.claims.values_list("code", flat=True)) == ["S14"]
    assert (record.filing.desk, record.filing.handling) == ("branch", "approve")
    assert missing_to_file(record.filing, at("2018-07-09 10:00")) == []


def test_a_plan_that_is_not_yet_effective_begins_with_its_first_week(world: World, login, clock) -> None:
    from tests.conftest import issue_2018

    issue_2018(world, at("2018-07-25 09:00"))
    clock("2018-07-10 09:00")
    assert begun(login).weeks.first().week_on == date(2018, 7, 23)


def test_beginning_twice_leaves_one_plan(issued: World, login) -> None:
    begun(login)
    begun(login)
    assert MemberPlan.objects.count() == 1
    assert WeekItem.objects.count() == 25


def test_a_discarded_draft_makes_room_for_another(issued: World, login) -> None:
    record = begun(login)
    move(record.filing, "discard", access=issued.access("member", at("2018-07-09 10:05")))
    assert begun(login).filing_id != record.filing_id


def test_who_must_wait_is_told_for_what(world: World, login) -> None:
    assert "本年度实施方案还没有下发" in login("member").get(PAGE).content.decode()
    assert login("member").post(BEGIN).status_code == 302
    world.member("office").memberships.update(until_on=date(2018, 1, 1))
    assert "您目前不在任何支部" in login("office").get(PAGE).content.decode()
    assert login("office").post(BEGIN).status_code == 403
    assert not MemberPlan.objects.exists()


# Editing and filing


def test_all_weeks_are_kept_at_once(issued: World, login) -> None:
    record = begun(login)
    week = record.weeks.last()
    changes = {f"week-{week.pk}-content": "复习党章", f"week-{week.pk}-method": "film", f"week-{week.pk}-hours": "1.5"}
    assert login("member").post(record.get_edit_url(), typed(record, **changes)).status_code == 302
    week.refresh_from_db()
    assert (week.content, week.method, f"{week.hours}") == ("复习党章", "film", "1.5")
    record.refresh_from_db()
    assert record.goal == "读完规定篇目"
    assert record.filing.newest is None


def test_weeks_without_content_are_named_in_one_sentence(issued: World, login) -> None:
    record = begun(login)
    empty = record.weeks.all()[:2]
    changes = {f"week-{week.pk}-content": " " for week in empty}
    response = login("member").post(record.get_edit_url(), typed(record, action="file", **changes))
    assert response.status_code == 422
    sentence = "7月9日、7月16日起的2周还没有学习内容——一.3“每周安排1项学习内容”。"
    assert sentence in response.content.decode()
    # It is said at the top, where the page opens, with what became of the rest.
    assert [line.text for line in response.context["errors"]] == [f"内容已保存，还没有报送：{sentence}"]
    record.weeks.update(content="")
    assert "等25周还没有学习内容" in missing_to_file(record.filing, at("2018-07-09 10:00"))[0]


@pytest.mark.parametrize("hours", ["900", "0", "一", "1.25"])
def test_wrong_hours_are_said_at_the_week_in_one_sentence(issued: World, login, hours: str) -> None:
    record = begun(login)
    week = record.weeks.first()
    changes = {f"week-{week.pk}-hours": hours, f"week-{week.pk}-content": "结合窗口岗位研读"}
    response = login("member").post(record.get_edit_url(), typed(record, **changes))
    assert response.status_code == 422
    assert [line.text for line in response.context["errors"]] == [
        "7月9日起一周：学时填0.5到100之间的数，最多一位小数。"
    ]
    assert "结合窗口岗位研读" in response.content.decode()


def test_filing_settles_the_members_duty_and_freezes_the_weeks(issued: World, login) -> None:
    record = filed(login)
    assert Duty.objects.get(code="S14", member=issued.member("member")).settled_by == record.filing
    table = record.filing.newest.snapshot["tables"][0]
    assert len(table["rows"]) == 25
    assert all(len(row) == len(table["columns"]) for row in table["rows"])
    response = login("member").get(record.get_edit_url())
    assert response["Location"] == record.filing.get_absolute_url()


def test_after_the_day_a_reason_is_asked_for(issued: World, login, clock) -> None:
    record = begun(login)
    clock("2018-07-11 00:00")
    response = login("member").post(record.get_edit_url(), typed(record, action="file"))
    assert response.status_code == 422
    assert "请填写补报原因" in response.content.decode()
    data = typed(record, action="file", late_reason="出差")
    assert login("member").post(record.get_edit_url(), data).status_code == 302
    record.filing.refresh_from_db()
    assert record.filing.is_late


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("content", "长" * 201, "学习内容"), ("hours", "0", "学时"), ("hours", "二", "学时"), ("hours", "nan", "学时"),
        ("method", "no", "学习方式"),
    ],
)  # fmt: skip
def test_bad_input_is_said_with_its_week_and_keeps_what_was_typed(issued: World, login, name, value, sentence) -> None:
    record = begun(login)
    week = record.weeks.first()
    data = typed(record, goal="保留我写的目标") | {f"week-{week.pk}-{name}": value}
    response = login("member").post(record.get_edit_url(), data)
    text = response.content.decode()
    assert response.status_code == 422
    assert f"7月9日起一周：{sentence}" in text or f"7月9日起一周：请填写“{sentence}”" in text
    assert "保留我写的目标" in text
    record.refresh_from_db()
    assert record.goal == ""


def test_a_lost_update_shows_both_and_writes_nothing(issued: World, login) -> None:
    record = begun(login)
    week = record.weeks.first()
    first = typed(record, **{f"week-{week.pk}-content": "手机上写的"})
    second = typed(record, **{f"week-{week.pk}-content": "电脑上写的"})
    assert login("member").post(record.get_edit_url(), first).status_code == 302
    response = login("member").post(record.get_edit_url(), second)
    assert response.status_code == 409
    assert "手机上写的" in response.content.decode()
    assert "电脑上写的" in response.content.decode()
    week.refresh_from_db()
    assert week.content == "手机上写的"


def test_the_same_draft_sent_twice_loses_nothing(issued: World, login) -> None:
    record = begun(login)
    data = typed(record)
    assert [login("member").post(record.get_edit_url(), data).status_code for _ in range(2)] == [302, 302]


def test_the_secretary_reads_a_members_plan_but_does_not_edit_it(issued: World, login) -> None:
    record = filed(login)
    assert login("secretary").get(record.get_edit_url()).status_code == 403
    assert login("other_secretary").get(record.get_edit_url()).status_code == 404
    assert login("other_member").get(record.get_edit_url()).status_code == 404


def test_a_plan_that_is_still_being_written_is_its_members_alone(issued: World, login) -> None:
    draft = begun(login)
    for who in ("secretary", "deputy", "commissioner", "office", "inspector", "other_member"):
        assert login(who).get(draft.get_edit_url()).status_code == 404, who
        assert login(who).get(draft.filing.get_absolute_url()).status_code == 404, who
    assert login("member").get(draft.get_edit_url()).status_code == 200


# Ticking off


def test_a_week_is_ticked_with_a_note_and_taken_back(issued: World, login) -> None:
    record = MemberPlan.objects.get(pk=approved(issued, login).pk)
    frozen, week = member_plan_snapshot(record), record.weeks.first()
    assert login("member").get(PAGE).content.decode().index("本周") > 0
    assert done(login("member"), week, note="收获很大").status_code == 302
    week.refresh_from_db()
    assert (week.done_at, week.note) == (at("2018-07-09 10:00"), "收获很大")
    record.refresh_from_db()
    assert member_plan_snapshot(record) == frozen
    assert record.filing.versions.count() == 1
    done(login("member"), week)
    week.refresh_from_db()
    assert week.note == "收获很大"
    done(login("member"), week, undo="1")
    week.refresh_from_db()
    assert (week.done_at, week.note) == (None, "")


def test_weeks_past_and_not_done_stand_on_the_page(issued: World, login, clock) -> None:
    record = approved(issued, login)
    clock("2018-07-30 09:00")
    text = login("member").get(PAGE).content.decode()
    assert "未完成的前几周" in text
    assert text.index("本周") < text.index("未完成的前几周")
    for week in record.weeks.filter(week_on__lt=date(2018, 7, 30)):
        done(login("member"), week)
    assert "未完成的前几周" not in login("member").get(PAGE).content.decode()


def test_weeks_to_come_and_plans_not_approved_are_not_ticked(issued: World, login) -> None:
    record = filed(login)
    done(login("member"), record.weeks.first())
    move(record.filing, "approve", access=issued.access("secretary", at("2018-07-09 11:00")))
    done(login("member"), record.weeks.last())
    assert not WeekItem.objects.filter(done_at__isnull=False).exists()


def test_only_the_member_ticks(issued: World, login) -> None:
    week = approved(issued, login).weeks.first()
    assert done(login("secretary"), week).status_code == 403
    assert done(login("other_member"), week).status_code == 404
    assert login("member").get(reverse("study:week_done", args=[week.pk])).status_code == 405


def test_a_note_too_long_is_said_and_kept(issued: World, login) -> None:
    week = approved(issued, login).weeks.first()
    response = done(login("member"), week, note="长" * 301)
    assert response.status_code == 422
    assert "学习体会最多300字" in response.content.decode()
    assert "长" * 301 in response.content.decode()
    week.refresh_from_db()
    assert week.done_at is None


# Review


def test_many_are_approved_at_once_and_who_has_not_filed_is_named(issued: World, login) -> None:
    plans = [filed(login, who) for who in ("member", "commissioner")]
    text = login("secretary").get(REVIEW).content.decode()
    assert "李强" in text
    assert "张三一" in text
    data = {"approve": [plan.filing_id for plan in plans]}
    data |= {f"edition-{plan.filing_id}": plan.filing.edition for plan in plans}
    assert login("secretary").post(REVIEW, data).status_code == 302
    assert set(Filing.objects.values_list("state", flat=True)) == {"approved"}


def test_one_that_moved_meanwhile_is_reported_and_the_others_go_through(issued: World, login) -> None:
    first, second = filed(login), filed(login, "commissioner")
    data = {"approve": [first.filing_id, second.filing_id], "action": "approve"}
    data |= {f"edition-{plan.filing_id}": plan.filing.edition for plan in (first, second)}
    move(first.filing, "send_back", access=issued.access("deputy", at("2018-07-09 11:00")), note="请写具体")
    response = login("secretary").post(REVIEW, data, follow=True)
    assert "李强的计划没有办理" in response.content.decode()
    states = dict(Filing.objects.values_list("member__name", "state"))
    assert states == {"李强": "sent_back", "何平": "approved"}


def test_one_is_sent_back_with_its_reason_and_without_one_nothing_happens(issued: World, login) -> None:
    record = filed(login)
    data = {"send_back": record.filing_id, f"edition-{record.filing_id}": record.filing.edition}
    response = login("deputy").post(REVIEW, data)
    assert response.status_code == 422
    assert "请写明退回补正的原因" in response.content.decode()
    response = login("deputy").post(REVIEW, data | {f"note-{record.filing_id}": "长" * 501})
    assert response.status_code == 422
    assert login("deputy").post(REVIEW, data | {f"note-{record.filing_id}": "请结合岗位"}).status_code == 302
    record.filing.refresh_from_db()
    assert record.filing.state == "sent_back"
    assert "请结合岗位" in login("member").get(PAGE).content.decode()


def test_nobody_approves_the_own_plan(issued: World, login) -> None:
    record = filed(login, "secretary")
    assert "由支部副书记审定" in login("secretary").get(REVIEW).content.decode()
    login("secretary").post(REVIEW, {"approve": record.filing_id})
    record.filing.refresh_from_db()
    assert record.filing.state == "filed"
    login("deputy").post(REVIEW, {"approve": record.filing_id})
    record.filing.refresh_from_db()
    assert record.filing.state == "approved"


def test_where_there_is_no_deputy_the_office_approves_the_secretarys_plan(issued: World, login) -> None:
    Post.objects.filter(kind=Post.Kind.DEPUTY).update(until_on=date(2017, 1, 1))
    record = filed(login, "secretary")
    assert is_desk(issued.access("office", at("2018-07-09 11:00")), record.filing)


def test_the_review_is_for_secretary_and_deputy_and_holds_only_their_branch(issued: World, login) -> None:
    record = filed(login)
    assert login("commissioner").get(REVIEW).status_code == 403
    assert login("member").get(REVIEW).status_code == 403
    assert "李强" not in login("other_secretary").get(REVIEW).content.decode()
    login("other_secretary").post(REVIEW, {"approve": [record.filing_id, "x", "9" * 30]})
    record.filing.refresh_from_db()
    assert record.filing.state == "filed"


def test_the_approvals_of_all_settle_the_secretarys_duty(issued: World, login) -> None:
    Duty.objects.filter(code="S14").exclude(member=issued.member("member")).delete()
    record = filed(login)
    login("secretary").post(REVIEW, {"approve": record.filing_id})
    assert Duty.objects.get(code="S15", branch=issued.first).settled_at is not None


def test_the_progress_of_an_approved_plan_is_told(issued: World, login, clock) -> None:
    record = approved(issued, login)
    record.weeks.filter(week_on=date(2018, 7, 9)).update(done_at=at("2018-07-10 09:00"))
    clock("2018-07-24 09:00")
    assert "应完成2周，其中已完成1周，共完成1/25周" in login("secretary").get(REVIEW).content.decode()


def test_the_review_asks_as_many_questions_for_many_plans_as_for_one(issued: World, login) -> None:
    client, counts, made = login("secretary"), [], 0
    client.get(REVIEW)
    for wanted in (1, 3, 60):
        for n in range(made, wanted):
            user = add_user(add_member(issued.first, f"王{n}", f"30{n:03d}"))
            access = Access.of(user, at("2018-07-09 10:00"))
            for state in ("filed", "approved"):
                _kept(issued, access, state, n)
        made = wanted
        with CaptureQueriesContext(connection) as queries:
            assert client.get(REVIEW).status_code == 200
        counts.append(len(queries))
    assert len(set(counts)) == 1, counts


def _kept(issued: World, access: Access, state: str, n: int) -> None:
    """A plan with two weeks in the given state; the approved one belongs to another new member."""
    if state == "approved":
        access = Access.of(add_user(add_member(issued.first, f"郭{n}", f"40{n:03d}")), access.now)
    filing = Filing.objects.create(
        kind="member_plan", committee=issued.committee, branch=issued.first, member=access.member, year=2018,
        title="个人自学计划", desk="branch", handling="approve", state=state, state_since=access.now,
        first_filed_at=access.now, filed_at=access.now, filed_by=access.user, receipt=f"2018-01-{access.member_id:04d}",
        created_at=access.now, created_by=access.user,
    )  # fmt: skip
    record = MemberPlan.objects.create(filing=filing, member=access.member, plan=issued.plan)
    for day in (9, 16):
        WeekItem.objects.create(plan=record, week_on=date(2018, 7, day), content="读书")
