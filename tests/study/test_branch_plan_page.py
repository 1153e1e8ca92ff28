"""The plan builder: items moved, edited in one table, carried over from an earlier year, changed after filing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import AuditEvent, Membership
from plan.models import Filing, Plan, SpecialDay
from plan.moves import move
from study.clarity import clarity_of
from study.models import BranchPlan, Gathering, PlanItem
from study.plan_beginning import days_in_year, same_week_day
from study.plan_items import NEW_ROWS
from tests.conftest import World, at
from tests.records import branch_plan_of
from tests.study.test_branch_plans import BEGIN, PAGE, begun, file_it, page

pytestmark = pytest.mark.django_db
JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-09 10:00")


def put(record: BranchPlan, day: date, topic: str = "学习党章", **more) -> PlanItem:
    return PlanItem.objects.create(
        plan=record, topic=topic, starts_on=day, ends_on=more.pop("ends_on", day),
        **{"content": "第一章", "hours": 2, "method": "reading", "responsible": record.branch.roster(day).first()}
        | more,
    )  # fmt: skip


def edition(record: BranchPlan) -> int:
    record.filing.refresh_from_db()
    return record.filing.edition


def moved(client, item: PlanItem, **where):
    data = {"edition": edition(item.plan)} | where
    return client.post(reverse("study:plan_item_move", args=[item.pk]), data, **JSON)


def rows(record: BranchPlan, **changes) -> dict:
    """What the table's page sends when nothing was typed but `changes`, by field name."""
    data: dict = {"edition": edition(record)}
    for item in record.items.all():
        one = f"item-{item.pk}-"
        data |= {
            f"{one}starts_on": item.starts_on, f"{one}ends_on": item.ends_on,
            f"{one}kind": "individual" if item.scope == "individual" else item.kind, f"{one}topic": item.topic,
            f"{one}content": item.content, f"{one}responsible": item.responsible_id or "", f"{one}method": item.method,
            f"{one}hours": item.hours or "", f"{one}readings": [r.pk for r in item.readings.all()],
        }  # fmt: skip
    for n in range(NEW_ROWS):
        data |= {f"new-{n}-kind": "collective_study", f"new-{n}-topic": "", f"new-{n}-starts_on": ""}
    return data | changes


def table(client, record: BranchPlan, data: dict):
    return client.post(reverse("study:plan_table", args=[record.pk]), data)


def everything(record: BranchPlan) -> list:
    return list(record.items.order_by("pk").values_list()), edition(record)


def held(issued: World, item: PlanItem) -> Gathering:
    start = at("2018-08-15 15:00")
    filing = Filing.objects.create(
        kind="gathering", title="集体学习", year=2018, branch=issued.first, committee=issued.committee, desk="office",
        handling="inform", state_since=start, created_at=start, created_by=issued.users["secretary"].member.user,
    )  # fmt: skip
    return Gathering.objects.create(
        filing=filing, branch=issued.first, plan_item=item, title="八月集体学习", kinds=["collective_study"],
        held_at=start, ended_at=at("2018-08-15 17:00"),
    )  # fmt: skip


# Moving


def test_an_item_goes_to_the_same_week_and_weekday_of_another_month_and_back(issued: World, login) -> None:
    record = begun(login, draft="0")
    client, item = login("secretary"), put(record, date(2018, 8, 17))
    answer = moved(client, item, month=9).json()
    item.refresh_from_db()
    assert (item.starts_on, item.ends_on) == (date(2018, 9, 21), date(2018, 9, 21))
    assert answer["words"] == "已把“学习党章”移到9月21日（周五）。"
    assert answer["edition"] == edition(record)
    assert f'id="item-{item.pk}"' in answer["months"]
    # The check that comes with it is the one of the plan as it now is.
    assert "8月缺党员集体学习" in answer["check"]
    assert "9月缺党员集体学习" not in answer["check"]
    answer = moved(client, item, day=answer["back"]).json()
    item.refresh_from_db()
    assert item.starts_on == date(2018, 8, 17)
    assert "9月缺党员集体学习" in answer["check"]
    assert AuditEvent.objects.filter(what="移动学习安排").count() == 2


def test_a_month_is_answered_with_a_working_day_of_it(issued: World, login) -> None:
    record = begun(login, draft="0")
    # The first Friday of October lies in the holidays, and the office has named the Monday after them its own.
    SpecialDay.objects.create(
        committee=issued.committee, day=date(2018, 10, 8), works=False, name="校庆", set_at=at("2018-07-01 09:00"),
        set_by=issued.users["office"],
    )  # fmt: skip
    item = put(record, date(2018, 9, 7))
    moved(login("secretary"), item, month=10)
    item.refresh_from_db()
    assert item.starts_on == date(2018, 10, 9)


def test_a_move_keeps_the_length_and_stays_in_the_year(issued: World, login) -> None:
    record = begun(login, draft="0")
    client, item = login("secretary"), put(record, date(2018, 8, 1), ends_on=date(2018, 8, 10))
    moved(client, item, day="2018-11-05")
    item.refresh_from_db()
    assert (item.starts_on, item.ends_on) == (date(2018, 11, 5), date(2018, 11, 14))
    before = everything(record)
    for where in ({"day": "2018-12-28"}, {"day": "2019-01-03"}, {"month": 13}, {"day": "八月"}, {}, {"edition": "x"}):
        response = moved(client, item, **where)
        assert response.status_code == 422, where
        assert response.json()["words"]
    assert everything(record) == before


def test_a_move_from_an_old_page_moves_nothing_and_shows_what_is_kept(issued: World, login) -> None:
    record = begun(login, draft="0")
    item, old = put(record, date(2018, 8, 17)), edition(record)
    moved(login("commissioner"), item, day="2018-09-03")
    response = moved(login("secretary"), item, day="2018-11-01", edition=old)
    assert response.status_code == 409
    assert "这次没有移动" in response.json()["words"]
    assert "9月3日" in response.json()["months"]
    item.refresh_from_db()
    assert item.starts_on == date(2018, 9, 3)
    # Sent twice, the second one finds it done.
    assert moved(login("commissioner"), item, day="2018-09-03", edition=old).status_code == 200


def test_without_a_script_a_move_leads_back_to_the_item(issued: World, login) -> None:
    record = begun(login, draft="0")
    item = put(record, date(2018, 8, 17))
    data = {"edition": edition(record), "day": "2018-09-03"}
    client = login("secretary")
    form = page(client).split(f'action="{reverse("study:plan_item_move", args=[item.pk])}"')[1].split("</form>")[0]
    assert 'name="csrfmiddlewaretoken"' in form
    response = client.post(reverse("study:plan_item_move", args=[item.pk]), data)
    assert response["Location"].endswith(f"#item-{item.pk}")
    assert "移到9月3日（周一）" in page(client)


def test_a_filed_plan_sends_the_mover_away(issued: World, login) -> None:
    record = begun(login)
    item = record.items.first()
    file_it(login("secretary"), record)
    response = moved(login("secretary"), item, month=11)
    assert (response.status_code, response.json()) == (409, {"away": record.filing.get_absolute_url()})


def test_what_recurs_is_one_line_with_its_weekday_and_span(issued: World, login) -> None:
    record = begun(login, draft="0")
    put(record, date(2018, 7, 9), "支委会", ends_on=date(2018, 12, 31), rhythm="weekly", kind="committee_meeting")
    context = login("secretary").get(PAGE).context
    assert [one["when"] for one in context["recurring"]] == ["每周一　7月9日–12月31日"]
    assert not any(month["items"] for month in context["months"])


# The table


def test_the_table_changes_adds_and_strikes_out_at_once(issued: World, login) -> None:
    record = begun(login, draft="0")
    first, second, third = (put(record, date(2018, month, 3), f"第{month}次") for month in (8, 9, 10))
    reading, person = issued.plan.readings.first(), issued.member("member")
    client = login("commissioner")
    response = table(client, record, rows(record, **{
        f"item-{first.pk}-topic": "改过的主题", f"item-{first.pk}-readings": [reading.pk],
        f"item-{first.pk}-responsible": person.pk, f"item-{first.pk}-hours": "2.5",
        f"item-{second.pk}-remove": "on", f"item-{second.pk}-hours": "不计",
        "new-0-topic": "自己学", "new-0-starts_on": "2018-08-01", "new-0-ends_on": "2018-12-31",
        "new-0-kind": "individual",
    }))  # fmt: skip
    assert response.status_code == 302
    first.refresh_from_db()
    assert (first.topic, first.hours, first.responsible) == ("改过的主题", Decimal("2.5"), person)
    assert list(first.readings.all()) == [reading]
    assert set(record.items.values_list("topic", "scope")) == {
        ("改过的主题", "collective"), ("第10次", "collective"), ("自己学", "individual"),
    }  # fmt: skip
    assert "已保存：修改1条、添加1条、删去1条。" in page(client)
    third.refresh_from_db()
    assert third.topic == "第10次"


@pytest.mark.parametrize(
    ("field", "wrong", "sentence"),
    [
        ("starts_on", "", "请填写“开始日期”。"), ("starts_on", "2017-08-03", "请填写2018年内的日期"),
        ("ends_on", "2018-08-01", "截止日期早于开始日期"), ("topic", " ", "请填写“学习主题”。"),
        ("topic", "长" * 121, "学习主题"), ("content", "长" * 401, "学习内容"), ("hours", "0", "学时填0.5到999"),
        ("hours", "nan", "学时填"), ("hours", "1e309", "学时填"), ("responsible", "999999", "不在本支部名册上"),
        ("responsible", "x", "不在本支部名册上"), ("readings", ["999999"], "不在本年度方案"),
        ("method", "no", "学习方式"), ("kind", "no", "活动类型"), ("topic", "a\0b", "学习主题"),
    ],
)  # fmt: skip
def test_one_wrong_cell_writes_nothing_and_keeps_what_was_typed(
    issued: World, login, field: str, wrong: object, sentence: str
) -> None:
    record = begun(login, draft="0")
    bad, other = put(record, date(2018, 8, 3)), put(record, date(2018, 9, 3), "第二次")
    before = everything(record)
    data = rows(record, **{f"item-{other.pk}-topic": "没有丢的主题", f"item-{bad.pk}-{field}": wrong})
    response = table(login("secretary"), record, data)
    assert response.status_code == 422
    text = response.content.decode()
    assert sentence in text
    assert "8月3日“学习党章”：" in text
    assert "没有丢的主题" in text
    assert everything(record) == before


def test_a_lost_table_shows_the_differences_and_the_second_saving_counts(issued: World, login) -> None:
    record = begun(login, draft="0")
    item, gone = put(record, date(2018, 8, 3)), put(record, date(2018, 9, 3), "将被删去")
    mine = rows(record, **{f"item-{item.pk}-topic": "乙的主题", f"item-{gone.pk}-topic": "乙改过的"})
    others = rows(record, **{f"item-{item.pk}-topic": "甲的主题", f"item-{gone.pk}-remove": "on",
                             "new-0-topic": "甲加的", "new-0-starts_on": "2018-10-10"})  # fmt: skip
    assert table(login("secretary"), record, others).status_code == 302
    response = table(login("commissioner"), record, mine)
    assert response.status_code == 409
    text = response.content.decode()
    for words in ("甲的主题", "乙的主题", "乙改过的", "已被别人删去", "甲加的"):
        assert words in text
    assert set(record.items.values_list("topic", flat=True)) == {"甲的主题", "甲加的"}
    assert table(login("commissioner"), record, mine | {"edition": edition(record)}).status_code == 302
    assert set(record.items.values_list("topic", flat=True)) == {"乙的主题", "甲加的"}


def test_the_same_table_sent_twice_loses_and_doubles_nothing(issued: World, login) -> None:
    record = begun(login, draft="0")
    put(record, date(2018, 8, 3))
    data = rows(record, **{"new-0-topic": "新的", "new-0-starts_on": "2018-09-09"})
    assert table(login("secretary"), record, data).status_code == 302
    # The second sending finds another edition: it is asked about, and nothing is added by itself.
    assert table(login("secretary"), record, data).status_code == 409
    assert record.items.count() == 2


def test_the_check_before_saving_says_what_would_be_and_writes_nothing(issued: World, login) -> None:
    record = begun(login)
    october = record.items.get(starts_on__month=10, kind="collective_study")
    before = everything(record)
    client = login("secretary")
    data = rows(record, **{f"item-{october.pk}-starts_on": "2018-11-01", f"item-{october.pk}-ends_on": "2018-11-01",
                           "action": "check"})  # fmt: skip
    response = table(client, record, data)
    assert response.status_code == 200
    text = response.content.decode()
    assert "<html" not in text
    assert "10月缺党员集体学习——一.3“每月安排1次党员集体学习”" in text
    assert 'href="#month-10"' in text
    assert "10月缺" not in table(client, record, rows(record, action="check")).content.decode()
    wrong = table(client, record, rows(record, **{f"item-{october.pk}-hours": "x", "action": "check"}))
    assert "有1处填写有误" in wrong.content.decode()
    new = table(client, record, rows(record, **{
        "new-0-topic": "新的", "new-0-starts_on": "2018-09-09", "action": "check",
    }))  # fmt: skip
    assert "9月9日“新的”还缺责任人。" in new.content.decode()
    assert everything(record) == before


# Striking out what was held


def test_an_item_with_records_is_asked_about_and_the_records_keep(issued: World, login) -> None:
    record = begun(login, draft="0")
    item = put(record, date(2018, 8, 15))
    gathering = held(issued, item)
    client, url = login("secretary"), reverse("study:plan_item_remove", args=[item.pk])
    response = client.post(url)
    assert response.status_code == 200
    assert "八月集体学习" in response.content.decode()
    assert "活动记录照样保留" in response.content.decode()
    assert record.items.exists()
    assert "已有1次活动记录" in client.get(reverse("study:plan_table", args=[record.pk])).content.decode()
    assert client.post(url, {"sure": "1"}).status_code == 302
    assert not record.items.exists()
    gathering.refresh_from_db()
    assert gathering.plan_item is None


# From an earlier year


def last_year(issued: World) -> BranchPlan:
    """The branch's plan of 2017 with a sitting, a holiday's sitting, one long past, and a year's own reading."""
    plan = Plan.objects.create(
        committee=issued.committee, year=2017, title="2017年实施方案", created_at=at("2017-01-03 09:00"),
        toml=issued.plan.toml, source_text=issued.plan.source_text,
    )  # fmt: skip
    known, old = issued.plan.readings.first(), plan.readings.create(title="旧篇目", position=1)
    again = plan.readings.create(title=known.title, position=2)
    record = branch_plan_of(issued, plan, date(2017, 3, 3))
    sitting = put(record, date(2017, 9, 15), "九月学习", responsible=issued.member("member"), place="三楼")
    sitting.readings.set([old, again])
    put(record, date(2017, 9, 29), "国庆前", responsible=issued.member("other_member"))
    put(record, date(2017, 1, 2), "个人自学", ends_on=date(2017, 12, 31), scope="individual")
    put(record, date(2017, 3, 6), "支委会", ends_on=date(2017, 12, 31), rhythm="weekly", kind="committee_meeting")
    return record


def test_last_years_plan_comes_over_to_this_years_days_people_and_readings(issued: World, login) -> None:
    last_year(issued)
    assert "沿用2017年的计划" in page(login("secretary"))
    client = login("secretary")
    assert client.post(BEGIN, {"draft": "earlier"}).status_code == 302
    record = BranchPlan.objects.get(plan__year=2018)
    assert record.outline == "大纲"
    found = {item.topic: item for item in record.items.all()}
    assert set(found) == {"九月学习", "国庆前", "个人自学", "支委会"}
    september = found["九月学习"]
    assert (september.starts_on, september.ends_on, september.place) == (date(2018, 9, 14), date(2018, 9, 14), "三楼")
    assert [reading.title for reading in september.readings.all()] == [issued.plan.readings.first().title]
    assert september.responsible == issued.member("member")
    assert found["国庆前"].responsible is None
    assert (found["个人自学"].starts_on, found["个人自学"].ends_on) == (date(2018, 7, 9), date(2018, 12, 31))
    assert (found["支委会"].starts_on, found["支委会"].rhythm) == (date(2018, 7, 9), "weekly")
    text = page(client)
    for words in (
        "已按2017年度学习计划带入4条",
        "另有1条今年的日期已过",
        "“国庆前”的原责任人已不在本支部",
        "旧篇目",
        "还缺责任人",
    ):
        assert words in text
    # And what is missing is said by the check.
    assert any(remark.lacks == "责任人" for remark in clarity_of(record).remarks)


def test_without_an_earlier_plan_it_is_not_offered_and_not_made(issued: World, login) -> None:
    assert "沿用" not in page(login("secretary"))
    login("secretary").post(BEGIN, {"draft": "earlier"})
    assert not BranchPlan.objects.get().items.exists()


@pytest.mark.parametrize(
    ("before", "year", "after"),
    [
        (date(2017, 9, 15), 2018, date(2018, 9, 14)), (date(2017, 1, 1), 2018, date(2018, 12, 30)),
        (date(2020, 12, 31), 2021, date(2021, 12, 30)), (date(2018, 12, 31), 2019, date(2019, 1, 1)),
    ],
)  # fmt: skip
def test_the_same_week_and_weekday_of_another_year_lies_in_that_year(before: date, year: int, after: date) -> None:
    assert same_week_day(before, year) == after


def test_a_monthly_meeting_begins_again_at_the_next_of_its_days(issued: World) -> None:
    item = PlanItem(starts_on=date(2017, 1, 31), ends_on=date(2017, 12, 31), rhythm="monthly")
    days = days_in_year(item, 2018, date(2018, 2, 10), lambda day: True)
    assert days is not None
    assert days[0] == date(2018, 2, 28)


# After filing


def test_what_was_filed_is_adjusted_with_a_reason_and_makes_the_next_version(issued: World, login, clock) -> None:
    record = begun(login)
    file_it(login("secretary"), record)
    move(Filing.objects.get(pk=record.filing_id), "receive", access=issued.access("office", at("2018-07-10 09:00")))
    clock("2018-09-03 09:00")
    client, url = login("secretary"), reverse("study:branch_plan_adjust", args=[record.pk])
    assert "调整计划" in page(client)
    assert "调整计划" not in page(login("commissioner"))
    response = client.post(url, {"note": " ", "edition": edition(record)})
    assert response.status_code == 422
    assert "请填写“调整原因”。" in response.content.decode()
    assert client.post(url, {"note": "十月有考试", "edition": edition(record)}).status_code == 302
    text = page(client)
    assert "十月有考试" in text
    assert "调整原因" in text
    item = record.items.filter(starts_on__month=10, scope="collective", rhythm="").first()
    was = item.topic
    PlanItem.objects.filter(pk=item.pk).update(topic="换过的主题")
    # Meanwhile everybody else reads what was filed.
    for who in ("member", "office"):
        seen = login(who).get(f"{PAGE}?branch={issued.first.pk}").content.decode()
        assert was in seen
        assert "换过的主题" not in seen
        assert "支部正在调整这份计划" in seen
    assert file_it(client, record).status_code == 302
    record.filing.refresh_from_db()
    assert record.filing.versions.count() == 2
    assert record.filing.title in login("office").get(reverse("plan:intray")).content.decode()
    first, second = record.filing.versions.order_by("number")
    assert "换过的主题" not in first.text
    assert "换过的主题" in second.text
    compared = client.get(reverse("plan:filing_versions", args=[record.filing_id])).content.decode()
    assert "differs" in compared


def test_a_commissioner_or_an_old_page_adjusts_nothing(issued: World, login) -> None:
    record = begun(login)
    file_it(login("secretary"), record)
    url = reverse("study:branch_plan_adjust", args=[record.pk])
    assert login("commissioner").post(url, {"note": "x", "edition": edition(record)}).status_code == 403
    assert login("secretary").post(url, {"note": "x", "edition": edition(record) - 1}).status_code == 302
    record.filing.refresh_from_db()
    assert record.filing.state == Filing.State.FILED


def test_a_member_who_left_stays_in_the_table_of_what_he_was_responsible_for(issued: World, login) -> None:
    record = begun(login, draft="0")
    item = put(record, date(2018, 8, 3), responsible=issued.member("member"))
    Membership.objects.filter(member=issued.member("member")).update(until_on=date(2018, 7, 1))
    assert table(login("secretary"), record, rows(record)).status_code == 302
    item.refresh_from_db()
    assert item.responsible == issued.member("member")


# Cost


def test_table_check_and_move_ask_as_much_for_many_items_as_for_one(issued: World, login) -> None:
    record = begun(login, draft="0")
    client, reading, counts = login("secretary"), issued.plan.readings.first(), []
    url, moving = reverse("study:plan_table", args=[record.pk]), put(record, date(2018, 8, 1))
    client.get(url)
    for wanted, day in ((1, "2018-09-03"), (3, "2018-10-08"), (300, "2018-11-05")):
        for n in range(record.items.count(), wanted):
            put(record, date(2018, 8, 1), f"第{n}次").readings.add(reading)
        typed = rows(record, action="check")
        one = {f"item-{moving.pk}-starts_on": "2018-08-02", f"item-{moving.pk}-ends_on": "2018-08-02"}
        save = rows(record, action="save") | one | {"edition": edition(record) + 1}
        asked = []
        for send in (
            partial(client.get, url),
            partial(client.post, url, typed),
            partial(moved_by, client, moving, edition(record), day),
            partial(client.post, url, save),
        ):
            with CaptureQueriesContext(connection) as queries:
                assert send().status_code in (200, 302)
            asked.append(len(queries))
        moving.refresh_from_db()
        assert moving.ends_on == date(2018, 8, 2)
        counts.append(asked)
    assert counts[0] == counts[1] == counts[2], counts


def moved_by(client, item: PlanItem, edition: int, day: str):
    return client.post(reverse("study:plan_item_move", args=[item.pk]), {"edition": edition, "day": day}, **JSON)


def test_a_new_item_of_this_month_begins_today_and_of_another_on_its_first(issued: World, login) -> None:
    record = begun(login)
    for month, day in ((7, date(2018, 7, 9)), (10, date(2018, 10, 1))):
        page = login("secretary").get(reverse("study:plan_item_new", args=[record.pk]), {"month": month})
        assert page.context["form"]["starts_on"].value() == day
