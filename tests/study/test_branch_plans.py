"""The branch's study plan: begun, drafted, edited and filed; who may, what it settles, what is never lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import Post
from plan.models import Duty, Filing, Move
from plan.moves import missing_to_file, move
from study.clarity import clarity_of, meets
from study.models import BranchPlan, PlanItem
from study.papers import branch_plan_snapshot
from tests.conftest import World, at

pytestmark = pytest.mark.django_db

PAGE = "/study/branch-plan/"
BEGIN = "/study/branch-plan/begin/"


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-09 10:00")


def begun(login, *, draft: str = "1", who: str = "secretary") -> BranchPlan:
    assert login(who).post(BEGIN, {"draft": draft}).status_code == 302
    return BranchPlan.objects.get()


def page(client) -> str:
    response = client.get(PAGE)
    assert response.status_code == 200
    return response.content.decode()


def typed(record: BranchPlan, **changes) -> dict:
    record.filing.refresh_from_db()
    return {
        "scope": "collective", "kind": "seminar", "topic": "研讨党章", "content": "学习党章总纲",
        "starts_on": "2018-08-15", "ends_on": "2018-08-15", "hours": "2.5", "method": "seminar",
        "place": "行政楼301", "responsible": "",
        "edition": record.filing.edition,
    } | changes  # fmt: skip


def file_it(client, record: BranchPlan, **changes):
    record.filing.refresh_from_db()
    record.refresh_from_db()
    data = {"outline": record.outline, "edition": record.filing.edition, "action": "file"} | changes
    return client.post(record.get_edit_url(), data)


# Beginning


def test_a_first_draft_claims_the_three_duties_and_leaves_nothing_to_remark(issued: World, login) -> None:
    record = begun(login)
    assert set(record.filing.claims.values_list("code", flat=True)) == {"S1", "S12", "S13"}
    assert (record.filing.desk, record.filing.handling) == ("office", "inform")
    assert clarity_of(record).remarks == []
    assert missing_to_file(record.filing, at("2018-07-09 10:00")) == []
    assert all(meets(record, r) for r in issued.plan.requirements.filter(code__in=["S1", "S12", "S13"]))
    assert "已做到" in page(login("secretary"))


def test_an_empty_plan_names_the_months_and_does_not_go(issued: World, login) -> None:
    record = begun(login, draft="0")
    text = page(login("secretary"))
    assert "10月缺党员集体学习——一.3“每月安排1次党员集体学习”" in text
    assert 'href="#month-10"' in text
    assert "6月缺" not in text
    response = file_it(login("secretary"), record)
    assert response.status_code == 422
    assert "还没有学习条目" in response.content.decode()
    record.filing.refresh_from_db()
    assert record.filing.state == Filing.State.DRAFT


def test_beginning_twice_leaves_one_plan(issued: World, login) -> None:
    begun(login)
    begun(login, draft="0", who="deputy")
    assert PlanItem.objects.filter(plan=BranchPlan.objects.get()).count() > 5


def test_a_discarded_draft_makes_room_for_another(issued: World, login) -> None:
    record = begun(login)
    move(record.filing, "discard", access=issued.access("secretary", at("2018-07-09 10:05")))
    assert "按方案起草学习计划" in page(login("secretary"))
    again = begun(login, draft="0")
    assert again.filing_id != record.filing_id
    assert not again.items.exists()


def test_without_a_plan_in_force_there_is_a_sentence_to_wait_for(world: World, login) -> None:
    assert "本年度实施方案还没有下发" in page(login("secretary"))
    login("secretary").post(BEGIN, {"draft": "1"})
    assert not BranchPlan.objects.exists()


# Who


def test_members_read_the_plan_once_it_is_filed_and_change_nothing(issued: World, login) -> None:
    record = begun(login)
    item = record.items.first()
    assert item.topic not in page(login("member"))
    assert file_it(login("secretary"), record).status_code == 302
    text = page(login("member"))
    assert item.topic in text
    assert "报送机关党委办公室" not in text
    for url in (record.get_edit_url(), reverse("study:plan_item_edit", args=[item.pk])):
        assert login("member").get(url).status_code == 403
    assert login("member").post(BEGIN, {"draft": "1"}).status_code == 403


def test_another_branch_does_not_find_the_plan(issued: World, login) -> None:
    record = begun(login)
    item = record.items.first()
    stranger = login("other_secretary")
    for name, pk in (("branch_plan_edit", record.pk), ("plan_item_new", record.pk), ("plan_item_edit", item.pk)):
        assert stranger.get(reverse(f"study:{name}", args=[pk])).status_code == 404
    assert stranger.post(reverse("study:plan_item_remove", args=[item.pk])).status_code == 404
    assert stranger.get(f"{PAGE}?branch={issued.first.pk}").status_code == 404
    assert stranger.post(BEGIN, {"branch": issued.first.pk}).status_code == 404


def test_a_commissioner_edits_but_does_not_file(issued: World, login) -> None:
    record = begun(login, who="commissioner")
    assert "由支部书记或副书记报送" in page(login("commissioner"))
    assert file_it(login("commissioner"), record).status_code == 403
    assert not Filing.objects.exclude(state="draft").exists()


def test_the_page_says_by_when_until_the_plan_is_filed(issued: World, login) -> None:
    due = Duty.objects.filter(branch=issued.first, requirement__proof="branch_plan").earliest("due_at")
    client = login("secretary")
    assert client.get(PAGE).context["owed"] == due
    record = begun(login)
    assert client.get(PAGE).context["owed"] == due
    assert login("office").get(f"{PAGE}?branch={issued.first.pk}").context["owed"] is None
    file_it(client, record)
    assert client.get(PAGE).context["owed"] is None


def test_the_months_behind_at_the_beginning_are_one_line(issued: World, login) -> None:
    record = begun(login)
    context = login("secretary").get(PAGE).context
    shown = [month["number"] for month in context["months"]]
    assert context["passed"] == shown[0] - 1 > 0
    assert shown == list(range(shown[0], 13))
    assert f"1–{context['passed']}月" in page(login("secretary"))
    together = record.items.filter(scope="collective", rhythm="").first()
    PlanItem.objects.filter(pk=together.pk).update(starts_on=date(2018, 1, 9), ends_on=date(2018, 1, 9))
    assert login("secretary").get(PAGE).context["passed"] == 0


def test_who_has_no_branch_is_told_so(issued: World, login) -> None:
    issued.member("office").memberships.update(until_on=date(2018, 1, 1))
    assert "您目前不在任何支部" in page(login("office"))


def test_the_office_reads_a_filed_plan_by_its_branch(issued: World, login) -> None:
    record = begun(login)
    url = f"{PAGE}?branch={issued.first.pk}"
    assert "还没有报送" in login("office").get(url).content.decode()
    file_it(login("secretary"), record)
    assert record.items.first().topic in login("office").get(url).content.decode()
    assert login("office").get(f"{PAGE}?branch=abc").status_code == 404


# Filing


def test_filing_in_time_settles_the_three_duties_and_freezes_both_lists(issued: World, login) -> None:
    record = begun(login)
    response = file_it(login("secretary"), record)
    assert response["Location"] == record.filing.get_absolute_url()
    settled = Duty.objects.filter(settled_by=record.filing)
    assert set(settled.values_list("code", flat=True)) == {"S1", "S12", "S13"}
    tables = record.filing.newest.snapshot["tables"]
    assert [table["title"] for table in tables] == ["集体学习清单", "个人学习清单"]
    assert all(len(row) == len(table["columns"]) for table in tables for row in table["rows"])
    # One column for each of the four things that have to be clear, so that the list fits a page of the standard.
    assert tables[0]["columns"] == ["学习时限", "学习内容", "责任人", "学习方式"]
    assert ["7月9日", "至12月30日", "每周一", "每次1学时"] in [row[0].splitlines() for row in tables[0]["rows"]]
    item = record.items.filter(scope="collective", rhythm="").first()
    when, what, who, how = next(row for row in tables[0]["rows"] if "每" not in row[0])
    assert when == f"{item.starts_on.month}月{item.starts_on.day}日\n{item.hours:.0f}学时"
    assert what.splitlines()[0] == item.topic
    assert (who, item.get_method_display() in how.splitlines()) == (item.responsible.name, True)


def test_a_plan_with_a_missing_month_arrives_but_is_not_yet_clear(issued: World, login) -> None:
    record = begun(login)
    october = record.items.filter(starts_on__month=10, scope="collective")
    assert october.filter(kind="collective_study").exists()
    october.delete()
    file_it(login("secretary"), record)
    settled = set(Duty.objects.filter(settled_by=record.filing).values_list("code", flat=True))
    assert "S12" in settled
    assert "S13" not in settled


def test_an_item_without_one_of_the_four_fields_stops_the_filing_by_name(issued: World, login) -> None:
    record = begun(login)
    item = record.items.first()
    PlanItem.objects.filter(pk=item.pk).update(responsible=None, hours=None)
    response = file_it(login("secretary"), record)
    assert response.status_code == 422
    assert "还缺学时、责任人。" in response.content.decode()


def test_after_the_day_a_reason_is_asked_for_and_noted(issued: World, login, clock) -> None:
    record = begun(login)
    clock("2018-07-12 00:00")
    assert "补报原因" in page(login("secretary"))
    response = file_it(login("secretary"), record, outline="改过的大纲")
    assert response.status_code == 422
    record.refresh_from_db()
    assert record.outline == "改过的大纲"
    assert file_it(login("secretary"), record, late_reason="换届交接").status_code == 302
    record.filing.refresh_from_db()
    assert (record.filing.is_late, record.filing.late_reason) == (True, "换届交接")


def test_a_filed_plan_is_not_changed_any_more(issued: World, login) -> None:
    record = begun(login)
    item = record.items.first()
    file_it(login("secretary"), record)
    client, count = login("secretary"), record.items.count()
    for response in (
        client.get(record.get_edit_url()),
        client.post(reverse("study:plan_item_new", args=[record.pk]), typed(record)),
        client.post(reverse("study:plan_item_edit", args=[item.pk]), typed(record)),
        client.post(reverse("study:plan_item_remove", args=[item.pk])),
        file_it(client, record),
    ):
        assert response["Location"] == record.filing.get_absolute_url()
    assert record.items.count() == count
    assert record.filing.versions.count() == 1


def test_what_was_sent_back_is_mended_and_filed_again(issued: World, login, clock) -> None:
    record = begun(login)
    file_it(login("secretary"), record)
    record.filing.refresh_from_db()
    move(record.filing, "send_back", access=issued.access("office", at("2018-07-10 09:00")), note="请补齐篇目")
    clock("2018-07-13 09:00")
    text = page(login("secretary"))
    assert "请补齐篇目" in text
    assert "再次报送" in text
    assert file_it(login("secretary"), record).status_code == 302
    record.filing.refresh_from_db()
    assert record.filing.versions.count() == 2
    assert not record.filing.is_late


# Items


def test_an_item_is_added_with_its_readings_and_removed(issued: World, login) -> None:
    record = begun(login, draft="0")
    client, reading = login("commissioner"), issued.plan.readings.first()
    person = issued.member("member")
    data = typed(record, readings=[reading.pk], responsible=person.pk, with_kinds=["lecture", "seminar"])
    response = client.post(reverse("study:plan_item_new", args=[record.pk]), data)
    assert response["Location"].endswith("#month-8")
    item = record.items.get()
    assert (item.hours, item.responsible, item.kinds) == (Decimal("2.5"), person, ["seminar", "lecture"])
    assert list(item.readings.all()) == [reading]
    assert branch_plan_snapshot(record)["tables"][0]["rows"][0][0] == "8月15日\n2.5学时"
    client.post(reverse("study:plan_item_remove", args=[item.pk]))
    assert not record.items.exists()


def test_the_same_item_sent_twice_counts_once(issued: World, login) -> None:
    record = begun(login, draft="0")
    data = typed(record)
    for _ in range(2):
        assert login("secretary").post(reverse("study:plan_item_new", args=[record.pk]), data).status_code == 302
    assert record.items.count() == 1


def test_a_lost_update_shows_both_and_writes_nothing(issued: World, login) -> None:
    record = begun(login)
    item = record.items.first()
    url = reverse("study:plan_item_edit", args=[item.pk])
    first, second = typed(record, topic="甲的主题"), typed(record, topic="乙的主题")
    assert login("secretary").post(url, first).status_code == 302
    response = login("commissioner").post(url, second)
    assert response.status_code == 409
    text = response.content.decode()
    assert "甲的主题" in text
    assert "乙的主题" in text
    item.refresh_from_db()
    assert item.topic == "甲的主题"
    assert login("commissioner").post(url, typed(record, topic="乙的主题")).status_code == 302


def test_a_lost_outline_shows_both_and_writes_nothing(issued: World, login) -> None:
    record = begun(login)
    data = {"outline": "甲写的大纲", "edition": record.filing.edition, "action": "save"}
    assert login("secretary").post(record.get_edit_url(), data).status_code == 302
    response = login("deputy").post(record.get_edit_url(), data | {"outline": "乙写的大纲"})
    assert response.status_code == 409
    assert "甲写的大纲" in response.content.decode()
    assert "乙写的大纲" in response.content.decode()
    record.refresh_from_db()
    assert record.outline == "甲写的大纲"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"topic": ""}, "请填写“学习主题”。"), ({"ends_on": "2018-08-01"}, "截止日期早于开始日期"),
        ({"starts_on": "2017-08-15"}, "请填写2018年内的日期"), ({"hours": "0"}, "学时"),
        ({"hours": "nan"}, "学时"),
        ({"starts_on": "八月"}, "开始日期"), ({"responsible": "999999"}, "责任人"), ({"method": "no"}, "学习方式"),
        ({"readings": ["999999"]}, "学习篇目"), ({"with_kinds": ["no"]}, "同日一并开展"),
        ({"topic": "长" * 121}, "学习主题"),
        ({"edition": "x"}, "edition"), ({"hours": "9" * 30}, "学时"),
    ],
)  # fmt: skip
def test_bad_input_is_said_at_the_field_and_keeps_what_was_typed(issued: World, login, wrong, sentence) -> None:
    record = begun(login, draft="0")
    response = login("secretary").post(
        reverse("study:plan_item_new", args=[record.pk]), typed(record, place="三号楼会议室") | wrong
    )
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert "三号楼会议室" in response.content.decode()
    assert not record.items.exists()


def test_a_member_of_another_branch_cannot_be_made_responsible(issued: World, login) -> None:
    record = begun(login, draft="0")
    data = typed(record, responsible=issued.member("other_member").pk)
    assert login("secretary").post(reverse("study:plan_item_new", args=[record.pk]), data).status_code == 422


# Cost


def test_the_page_asks_as_many_questions_for_many_items_as_for_one(issued: World, login) -> None:
    record = begun(login, draft="0")
    Post.objects.filter(kind=Post.Kind.DEPUTY).update(until_on=date(2017, 1, 1))
    client, people = login("secretary"), list(issued.first.roster(date(2018, 7, 9)))
    reading, counts = issued.plan.readings.first(), []
    client.get(PAGE)
    for wanted in (1, 3, 300):
        for n in range(record.items.count(), wanted):
            item = PlanItem.objects.create(
                plan=record, topic=f"第{n}次", content="学习", starts_on=date(2018, 8, 1), ends_on=date(2018, 8, 1),
                hours=2, responsible=people[n % len(people)], method="reading",
            )  # fmt: skip
            item.readings.add(reading)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert len(set(counts)) == 1, counts


def test_looking_writes_nothing(issued: World, login) -> None:
    record = begun(login)
    before = (Move.objects.count(), record.filing.edition)
    page(login("secretary"))
    login("secretary").get(reverse("study:plan_item_new", args=[record.pk]) + "?month=99&kind=no")
    record.filing.refresh_from_db()
    assert (Move.objects.count(), record.filing.edition) == before
