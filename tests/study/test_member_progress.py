"""What a member chooses to study, the weeks drafted from it, and what the branch's leaders see of the weeks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import Member, Membership
from plan.models import Duty, Filing
from plan.moves import move
from study import progress
from study.models import Material, MemberPlan, Method, WeekItem
from study.week_choice import LostUpdate, WeekChoiceForm
from tests.conftest import World, at
from tests.study.test_member_plans import BEGIN, PAGE, approved, begun, done, filed, typed

pytestmark = pytest.mark.django_db

PROGRESS = "/study/progress/"


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-09 10:00")


def film(world: World, title: str = "《厉害了，我的国》", **more) -> Material:
    return Material.objects.create(
        committee=world.committee, kind="film", title=title, created_at=at("2018-07-01 09:00"),
        created_by=world.users["office"], **more,
    )  # fmt: skip


def redraft(client, record: MemberPlan, **data):
    record.filing.refresh_from_db()
    return client.post(
        reverse("study:member_plan_redraft", args=[record.pk]), {"edition": record.filing.edition, **data}
    )


def weeks_of(record: MemberPlan) -> list[WeekItem]:
    return list(record.weeks.all())


# Choosing


def test_all_key_readings_are_ticked_at_first_and_materials_are_offered(issued: World, login) -> None:
    film(issued)
    film(issued, "《停用的片子》", retired_at=at("2018-07-02 09:00"))
    choice = login("member").get(PAGE).context["choice"]
    (_, keys), (head, materials) = choice.ticks
    assert all(box.data["selected"] for box in keys)
    assert [box.data["value"] for box in keys] == list(issued.plan.readings.values_list("title", flat=True))
    assert (head, [box.data["value"] for box in materials]) == ("学习资料", ["《厉害了，我的国》"])
    assert not any(box.data["selected"] for box in materials)


def test_the_weeks_are_drafted_from_what_was_chosen(issued: World, login) -> None:
    film(issued)
    reading = issued.plan.readings.first().title
    login("member").post(BEGIN, {"titles": [reading, "《厉害了，我的国》"], "hours": "1.5"})
    weeks = weeks_of(MemberPlan.objects.get())
    assert len(weeks) == 25
    assert weeks[0].content == f"研读{reading}（第1部分）"
    assert weeks[-1].content.startswith("观看《厉害了，我的国》")
    assert (weeks[0].method, weeks[-1].method) == (Method.SELF, Method.FILM)
    assert {str(week.hours) for week in weeks} == {"1.5"}


def test_who_chooses_nothing_writes_the_weeks_alone(issued: World, login) -> None:
    login("member").post(BEGIN, {"hours": "2"})
    assert {week.content for week in weeks_of(MemberPlan.objects.get())} == {""}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"titles": ["没有的书"]}, "所选的资料已经停用或不在方案中，请重新勾选。"),
        ({"hours": "200"}, "学时填0.5到20之间的数，最多一位小数。"),
    ],
)
def test_a_wrong_choice_is_said_and_begins_no_plan(issued: World, login, data: dict, sentence: str) -> None:
    response = login("member").post(BEGIN, data)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not MemberPlan.objects.exists()


# Drafting anew


def test_drafting_anew_keeps_what_is_done_and_what_lies_behind(issued: World, login, clock) -> None:
    record = approved(issued, login)
    clock("2018-07-25 10:00")
    member = login("member")
    first, second, third, *_ = weeks_of(record)
    assert done(member, third, note="已学").status_code == 302
    move(record.filing, "correct", access=issued.access("member", at("2018-07-25 10:05")), note="换书目")
    film(issued)
    page = member.get(reverse("study:member_plan_redraft", args=[record.pk]))
    assert (page.context["open_count"], page.context["done_count"]) == (22, 1)
    response = redraft(member, record, titles=["《厉害了，我的国》"], hours="3")
    assert response.url == record.get_edit_url()
    now = weeks_of(record)
    assert [week.content for week in now[:3]] == [first.content, second.content, third.content]
    assert all(week.content.startswith("观看") and week.hours == 3 for week in now[3:])
    assert len(now) == 25


def test_drafting_anew_what_was_changed_in_between_is_told_and_writes_nothing(issued: World, login) -> None:
    record = begun(login)
    member = login("member")
    stale = record.filing.edition
    member.post(record.get_edit_url(), typed(record))
    before = [week.content for week in weeks_of(record)]
    url = reverse("study:member_plan_redraft", args=[record.pk])
    response = member.post(url, {"edition": stale, "hours": "2"})
    assert response.status_code == 409
    assert "在您打开之后被修改过" in response.content.decode()
    assert [week.content for week in weeks_of(record)] == before
    # The page that says so sends the state it has shown.
    record.filing.refresh_from_db()
    assert f'value="{record.filing.edition}"' in response.content.decode()


def test_drafting_anew_without_the_pages_number_writes_nothing(issued: World, login) -> None:
    record = begun(login)
    response = login("member").post(reverse("study:member_plan_redraft", args=[record.pk]), {"hours": "2"})
    assert response.status_code == 422
    assert all(week.content for week in weeks_of(record))


def test_a_filed_plan_is_not_drafted_anew(issued: World, login) -> None:
    record = filed(login)
    before = [week.content for week in weeks_of(record)]
    assert redraft(login("member"), record, hours="2").status_code == 302
    assert [week.content for week in weeks_of(record)] == before
    data = {"edition": str(record.filing.edition), "hours": "2"}
    from django.http import QueryDict

    choice = QueryDict(mutable=True)
    choice.update(data)
    form = WeekChoiceForm(choice, plan=record.plan, committee_id=issued.committee.pk, record=record)
    assert form.is_valid()
    with pytest.raises(LostUpdate):
        form.redraft(record, date(2018, 7, 9))


# Ticking off while the plan is corrected


def test_a_plan_being_corrected_is_ticked_off_as_before(issued: World, login) -> None:
    record = approved(issued, login)
    move(record.filing, "correct", access=issued.access("member", at("2018-07-09 12:00")), note="换书目")
    week = record.weeks.first()
    assert "记为完成" in login("member").get(PAGE).content.decode()
    assert "完成本周学习" in login("member").get("/").content.decode()
    done(login("member"), week)
    week.refresh_from_db()
    assert week.done_at
    # Filed again it waits for the branch once more, and is ticked off all the while.
    login("member").post(record.get_edit_url(), typed(record, action="file"))
    record.filing.refresh_from_db()
    assert record.filing.state == Filing.State.FILED
    done(login("member"), week, undo="1")
    week.refresh_from_db()
    assert week.done_at is None


def test_a_plan_never_approved_is_not_ticked_off(issued: World, login) -> None:
    record = filed(login)
    move(record.filing, "correct", access=issued.access("member", at("2018-07-09 12:00")), note="写错了")
    done(login("member"), record.weeks.first())
    assert not record.weeks.filter(done_at__isnull=False).exists()


def test_the_content_of_a_week_that_is_done_is_locked(issued: World, login) -> None:
    record = approved(issued, login)
    week = record.weeks.first()
    move(record.filing, "correct", access=issued.access("member", at("2018-07-09 12:00")), note="换书目")
    data = typed(record, **{f"week-{week.pk}-content": "另一本书"})  # the page was opened before the tick
    done(login("member"), week)
    response = login("member").post(record.get_edit_url(), data, follow=True)
    week.refresh_from_db()
    assert week.content != "另一本书"
    assert "7月9日起一周已经记为完成，学习内容不再改动。" in response.content.decode()
    assert f'name="week-{week.pk}-content"' not in response.content.decode()


# What the leaders see


def lines(client, show: str = "") -> dict:
    response = client.get(PROGRESS, {"show": show})
    assert response.status_code == 200
    return {line.member.name: line for line in response.context["lines"]}


def test_overdue_weeks_are_named_by_their_number(issued: World, login, clock) -> None:
    record = approved(issued, login)
    clock("2018-07-30 10:00")
    done(login("member"), record.weeks.all()[1])
    line = lines(login("secretary"))["李强"]
    assert line.overdue_words == "第28、30周未完成"
    assert (line.due, line.done_due, line.done, line.weeks) == (3, 1, 1, 25)
    assert list(lines(login("secretary"), "behind")) == ["李强"]
    assert "1名党员" in login("secretary").get("/").content.decode()
    assert "前几周还有2周没有完成" in login("member").get("/").content.decode()


def test_the_week_that_runs_is_not_overdue(issued: World, login, clock) -> None:
    approved(issued, login)
    clock("2018-07-15 23:59")
    assert lines(login("secretary"), "behind") == {}
    clock("2018-07-16 00:00")
    assert lines(login("secretary"), "behind")["李强"].overdue_words == "第28周未完成"


def test_a_long_row_of_weeks_is_cut_short_and_counted(world: World) -> None:
    mondays = [date(2018, 7, 9) + timedelta(weeks=n) for n in range(25)]
    line = progress.Progress(world.member("member"), "approved", overdue=mondays)
    assert line.overdue_words == "第28至52周未完成"
    line.overdue = mondays[::2]
    assert line.overdue_words == "第28、30、32、34、36、38等13周未完成"
    line.overdue = [*mondays[:2], mondays[4]]
    assert line.overdue_words == "第28、29、32周未完成"


def test_members_stand_by_name_and_what_is_not_filed_is_said(issued: World, login, clock) -> None:
    approved(issued, login)
    filed(login, "deputy")
    begun(login, "commissioner")
    clock("2018-07-12 10:00")
    found = lines(login("secretary"))
    assert list(found) == list(issued.first.roster(date(2018, 7, 12)).values_list("name", flat=True))
    assert (found["李强"].code, found["周敏"].code) == ("approved", "filed")
    # A draft is its author's own: the others read that nothing has been filed.
    assert (found["何平"].code, found["何平"].text, found["何平"].filing) == ("overdue", "未报送", None)
    owing = set(lines(login("secretary"), "owing"))
    assert "何平" in owing
    assert not owing & {"李强", "周敏"}


def test_who_is_exempted_owes_nothing(issued: World, login) -> None:
    duty = Duty.objects.get(member=issued.member("member"), requirement__proof="member_plan")
    Duty.objects.filter(pk=duty.pk).update(exempted_at=at("2018-07-01 09:00"), exempted_by=issued.users["office"])
    assert lines(login("secretary"))["李强"].code == "waived"
    assert "李强" not in lines(login("secretary"), "owing")


def test_the_other_branchs_leader_sees_only_their_own(issued: World, login) -> None:
    approved(issued, login)
    assert "李强" not in lines(login("other_secretary"))


def test_weeks_behind_an_unapproved_plan_are_not_overdue(issued: World, login, clock) -> None:
    filed(login)
    clock("2018-08-20 10:00")
    assert lines(login("secretary"), "behind") == {}
    assert lines(login("secretary"))["李强"].overdue == []


def crowd(world: World, count: int) -> None:
    """So many members with a plan that is approved, and three weeks of which none is done."""
    start = Member.objects.count()
    people = Member.objects.bulk_create(
        Member(staff_number=f"c{start + n}", name=f"甲{n}", name_key=f"jia {n}", joined_on=date(2010, 7, 1))
        for n in range(count)
    )
    Membership.objects.bulk_create(Membership(member=m, branch=world.first, from_on=date(2015, 1, 1)) for m in people)
    moment = at("2018-07-01 09:00")
    filings = Filing.objects.bulk_create(
        Filing(
            kind="member_plan", title="计划", year=2018, committee=world.committee, branch=world.first, member=person,
            desk="branch", handling="approve", state="approved", state_since=moment, created_at=moment,
            created_by=world.users["office"], first_filed_at=moment, filed_at=moment, filed_by=world.users["office"],
            receipt=f"2018-01-{start + n:05d}",
        )
        for n, person in enumerate(people)
    )  # fmt: skip
    plans = MemberPlan.objects.bulk_create(
        MemberPlan(filing=filing, member=filing.member, plan=world.plan) for filing in filings
    )
    WeekItem.objects.bulk_create(
        WeekItem(plan=plan, week_on=monday, content="研读")
        for plan in plans
        for monday in (date(2018, 7, 2), date(2018, 7, 9), date(2018, 7, 16))
    )


@pytest.mark.parametrize("show", ["", "behind", "owing"])
def test_the_page_asks_as_much_for_300_members_as_for_one(issued: World, login, clock, show: str) -> None:
    clock("2018-08-01 10:00")
    client, asked, shown = login("secretary"), [], []
    for more in (1, 2, 297):
        crowd(issued, more)
        client.get(PROGRESS, {"show": show})
        with CaptureQueriesContext(connection) as captured:
            response = client.get(PROGRESS, {"show": show})
        asked.append(len(captured))
        shown.append(response.context["page"].paginator.count)
    assert len(set(asked)) == 1, asked
    assert shown == ([10, 12, 309] if not show else [1, 3, 300] if show == "behind" else [9, 9, 9])
    assert len(response.context["lines"]) <= 50
    if show == "behind":
        assert response.context["lines"][0].overdue_words == "第27至29周未完成"


def test_a_plan_of_the_year_before_does_not_count(issued: World, login, clock) -> None:
    approved(issued, login)
    clock("2019-02-01 10:00")
    access = issued.access("secretary", at("2019-02-01 10:00"))
    assert not progress.behind(progress.people_of(access.leads, access), access).exists()
