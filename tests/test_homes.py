"""The homes: each person begins where the posts held today say, finds the one next thing, and pays a fixed price."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from branches.models import Membership
from config import guard, homes, todo
from plan.models import Duty, Filing, Plan, Relief
from plan.moves import begin, claim, move
from study.models import BranchPlan, MemberPlan, PlanItem, WeekItem
from tests.conftest import ROOT, World, at
from tests.plan.filed import duty_of, filed_report, paper_by, pledge, report

pytestmark = pytest.mark.django_db

NOW = "2018-07-04 09:00"


def page(client: Client) -> str:
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def section(text: str, name: str) -> str:
    """The part of the page under that section's head."""
    found = re.search(rf'<section id="{name}">(.*?)</section>', text, re.DOTALL)
    assert found, f"没有“{name}”这一段"
    return found.group(1)


def next_thing(text: str) -> str:
    found = re.search(r'<section class="next-thing".*?</section>', text, re.DOTALL)
    assert found, "没有“下一件”"
    return found.group(0)


def branch_plan(world: World, days: list[date], *, filed: bool) -> BranchPlan:
    """The first branch's study plan with a sitting on each day."""
    access = world.access("secretary", at("2018-06-20 10:00"))
    filing = begin(kind="branch_plan", access=access, title="2018年学习计划", year=2018, branch=world.first,
                   desk="office", handling="inform")  # fmt: skip
    plan = BranchPlan.objects.create(filing=filing, branch=world.first, plan=world.plan, outline="大纲")
    for n, day in enumerate(days, 1):
        PlanItem.objects.create(plan=plan, topic=f"第{n}次学习", starts_on=day, ends_on=day)
    if filed:
        Filing.objects.filter(pk=filing.pk).update(
            state="filed", first_filed_at=access.now, filed_at=access.now, filed_by=access.user, receipt="2018-01-0001"
        )
    return plan


def member_plan(world: World, weeks: int = 3, first: date = date(2018, 7, 2)) -> MemberPlan:
    access = world.access("member", at("2018-06-20 10:00"))
    filing = begin(kind="member_plan", access=access, title="李强的自学计划", year=2018, branch=world.first,
                   member=world.member("member"), desk="branch", handling="approve")  # fmt: skip
    plan = MemberPlan.objects.create(filing=filing, member=world.member("member"), plan=world.plan)
    for n in range(weeks):
        WeekItem.objects.create(
            plan=plan, week_on=first + timedelta(weeks=n), content=f"第{n + 1}周读原著", hours=Decimal(2)
        )
    return plan


# Who begins where


def test_each_person_begins_where_the_posts_say(issued: World, login, clock) -> None:
    clock(NOW)
    for who, heading in (("office", "工作台"), ("secretary", "待办"), ("deputy", "待办"), ("commissioner", "待办"),
                         ("member", "待办"), ("other_secretary", "待办")):  # fmt: skip
        assert f"<h1>{heading}</h1>" in page(login(who)), who
    for who, url in (("inspector", "/board/"), ("auditor", "/audit/"), ("sysadmin", "/users/")):
        response = login(who).get("/")
        assert (response.status_code, response.headers["Location"]) == (302, url), who


def test_whoever_belongs_nowhere_today_is_told_so_in_a_sentence(issued: World, login, clock) -> None:
    clock(NOW)
    Membership.objects.filter(member=issued.member("member")).update(until_on=date(2018, 7, 1))
    text = page(login("member"))
    assert "您今天不在任何党支部的名册上" in text
    assert "/account/" in text


def test_the_greeting_follows_the_clock_of_the_portal(issued: World, login, clock) -> None:
    for hour, words in (("08:00", "上午好"), ("12:00", "下午好"), ("18:00", "晚上好"), ("03:00", "晚上好")):
        clock(f"2018-07-04 {hour}")
        assert f"陈静同志，{words}。" in page(login("secretary"))


@pytest.mark.parametrize(
    ("day", "week"),
    [(date(2018, 7, 2), "2018-07-09"), (date(2018, 7, 8), "2018-07-09"), (date(2018, 7, 31), "2018-08-06"),
     (date(2018, 12, 31), "2019-01-07")],
)  # fmt: skip
def test_a_week_ends_on_monday(day: date, week: str) -> None:
    assert todo.week_end(day) == at(f"{week} 00:00")


# The branch's leaders


def test_the_next_thing_is_what_has_just_become_late_with_its_button(issued: World, login, clock) -> None:
    moment = clock("2018-08-15 09:00")
    newest = Duty.objects.of_branch([issued.first.pk]).overdue(moment).order_by("-due_at", "code").first()
    thing = next_thing(page(login("secretary")))
    assert newest.requirement.title in thing
    assert "逾期" in thing
    assert thing.count("btn-primary") == 1


def test_each_duty_stands_in_exactly_one_group(issued: World, login, clock) -> None:
    moment = clock("2018-07-19 09:00")
    found = homes.leader_home(issued.access("secretary", moment))
    lines = {name: found[name].lines for name in ("now_group", "late", "week_group", "later")}
    urls = [url for group in lines.values() for line in group for url in (line.url, *line.also)]
    assert len(urls) == len(set(urls))
    of_branch = Duty.objects.of_branch([issued.first.pk]) | Duty.objects.filter(member=issued.member("secretary"))
    owed = of_branch.unsettled(moment).filter(due_at__lte=at("2018-07-23 00:00"))
    to_come = {url for line in lines["later"] for url in (line.url, *line.also)}
    assert {duty.get_absolute_url() for duty in owed} == set(urls) - to_come
    assert lines["late"]
    assert lines["week_group"]
    assert lines["later"]


def test_the_duties_that_one_record_settles_are_one_line(issued: World, login, clock) -> None:
    found = homes.leader_home(issued.access("secretary", clock(NOW)))
    lines = [line for name in ("now_group", "late", "week_group", "later") for line in found[name].lines]
    plans = [line for line in lines if line.action_url == "/study/branch-plan/"]
    codes = Duty.objects.filter(branch=issued.first, requirement__proof="branch_plan").values_list("code", flat=True)
    assert set(codes) == {"S1", "S12", "S13"}
    assert len(plans) == 1
    assert len(plans[0].also) == 2
    assert "一并完成：支部年度学习计划报机关党委办公室、支部年度学习计划做到“四个明确”" in plans[0].sub


def test_what_lies_months_back_does_not_hide_what_this_week_asks(issued: World, login, clock) -> None:
    moment = clock("2018-12-12 09:00")
    old = Duty.objects.of_branch([issued.first.pk]).overdue(moment)
    old.filter(due_at__gt=moment - timedelta(days=31)).update(exempted_at=moment, exempted_by=issued.users["office"])
    found = homes.leader_home(issued.access("secretary", moment))
    assert found["late"].lines
    assert found["next"].url == found["week_group"].lines[0].url


def test_what_was_sent_back_lies_on_the_home_again(issued: World, login, clock) -> None:
    filing = filed_report(issued)
    assert "查看意见并补正" not in page_at(login, clock)
    move(filing, "send_back", access=issued.access("office", at("2018-07-03 09:00")), note="请写具体。")
    assert "查看意见并补正" in section(page_at(login, clock), "now")


def page_at(login, clock, who: str = "secretary", moment: str = NOW) -> str:
    clock(moment)
    return page(login(who))


def test_a_members_pledge_waits_with_the_leaders_but_not_ones_own(issued: World, login, clock) -> None:
    pledge(issued, "secretary")
    assert "打开审定" not in page_at(login, clock, "secretary")
    part = section(page_at(login, clock, "deputy"), "now")
    assert "个人承诺书" in part and "打开审定" in part
    # A commissioner drafts and edits, and approves nothing.
    assert "打开审定" not in page_at(login, clock, "commissioner")


def test_what_was_filed_last_stands_with_its_receipt(issued: World, login, clock) -> None:
    filing = filed_report(issued)
    part = section(page_at(login, clock), "recent")
    assert filing.title in part
    assert filing.receipt in part
    assert "已报送" in part


def test_a_draft_goes_on_where_it_was_begun(issued: World, login, clock) -> None:
    due = Duty.objects.of_branch([issued.first.pk]).filter(requirement__proof="gathering").earliest("due_at", "pk")
    moment = due.due_at - timedelta(hours=3)
    clock(f"{timezone.localtime(moment):%Y-%m-%d %H:%M}")
    client = login("secretary")
    assert f"/study/gatherings/new/?duty={due.pk}" in page(client)
    draft = begin(kind="paper", access=issued.access("secretary", moment), title="草稿", year=2018,
                  branch=issued.first, desk="none", handling="keep")  # fmt: skip
    claim(draft, {due.pk}, moment)
    text = page(client)
    assert f"/study/gatherings/new/?duty={due.pk}" not in text
    assert f'href="/filings/{draft.pk}/">继续填写' in text


def test_another_branchs_affairs_are_on_nobodys_home(issued: World, login, clock) -> None:
    filed_report(issued, title="教务处的述职报告")
    assert "教务处的述职报告" not in page_at(login, clock, "other_secretary")
    assert "教务处的述职报告" in page_at(login, clock, "office")


def test_recording_is_one_button_away(issued: World, login, clock) -> None:
    for who in ("secretary", "deputy", "commissioner"):
        assert re.search(r'record-button[^>]*href="/study/gatherings/new/"', page_at(login, clock, who)), who
    assert "record-button" not in page_at(login, clock, "member")


# The member


def approved(world: World, plan: MemberPlan) -> MemberPlan:
    """The plan filed with the branch and approved there."""
    move(plan.filing, "file", access=world.access("member", at("2018-06-21 10:00")))
    move(plan.filing, "approve", access=world.access("secretary", at("2018-06-22 10:00")))
    return plan


def test_a_member_ticks_this_week_off_at_home(issued: World, login, clock) -> None:
    plan = approved(issued, member_plan(issued))
    week = plan.weeks.first()
    text = page_at(login, clock, "member")
    assert f'action="/study/weeks/{week.pk}/done/"' in text
    assert 'name="note"' in section(text, "this-week")
    assert "第1周读原著" in text
    assert "第2周读原著" not in text


def test_a_week_that_is_done_shows_its_note_and_no_button(issued: World, login, clock) -> None:
    plan = approved(issued, member_plan(issued))
    plan.weeks.filter(week_on=date(2018, 7, 2)).update(done_at=at("2018-07-03 20:00"), note="读完了第一章。")
    part = section(page_at(login, clock, "member"), "this-week")
    assert "读完了第一章。" in part
    assert "<form" not in part
    assert "1" in section(page_at(login, clock, "member"), "plan")


def test_a_week_ticked_off_at_home_leads_back_home(issued: World, login, clock) -> None:
    plan = approved(issued, member_plan(issued))
    clock(NOW)
    client = login("member")
    url = f"/study/weeks/{plan.weeks.first().pk}/done/"
    assert client.post(url, {"next": "home", "note": "读完了。"})["Location"] == "/"
    assert "学习体会：读完了。" in section(page(client), "this-week")
    elsewhere = client.post(url, {"next": "https://example.org/", "undo": "1"})["Location"]
    assert elsewhere.startswith("/study/my-plan/#week-")


def test_a_plan_not_yet_approved_asks_for_no_ticks(issued: World, login, clock) -> None:
    plan = member_plan(issued)
    part = section(page_at(login, clock, "member"), "this-week")
    assert "<form" not in part
    assert f'href="{plan.get_edit_url()}">继续填写' in part
    move(plan.filing, "file", access=issued.access("member", at("2018-07-02 10:00")))
    part = section(page_at(login, clock, "member"), "this-week")
    assert "等党支部审定" in part
    assert "<form" not in part


def test_what_was_filed_in_time_and_sent_back_is_not_called_late(issued: World, login, clock) -> None:
    plan = member_plan(issued)
    claim(plan.filing, {Duty.objects.get(code="S14", member=plan.member).pk}, at("2018-06-20 10:00"))
    move(plan.filing, "file", access=issued.access("member", at("2018-07-02 10:00")))
    plan.filing.refresh_from_db()
    move(plan.filing, "send_back", access=issued.access("secretary", at("2018-07-03 10:00")), note="请写具体。")
    lines = homes.member_home(issued.access("member", clock("2018-07-20 09:00")))["now_group"].lines
    back = next(line for line in lines if line.code == "sent_back")
    assert (back.action_label, back.due_at) == ("查看意见并补正", None)


def test_a_member_without_a_plan_is_led_to_it(issued: World, login, clock) -> None:
    assert "填写自学计划" in section(page_at(login, clock, "member"), "this-week")


def test_the_branchs_next_three_dates_show_once_its_plan_is_filed(issued: World, login, clock) -> None:
    days = [date(2018, 7, 1), date(2018, 7, 4), date(2018, 7, 20), date(2018, 8, 3), date(2018, 9, 7)]
    plan = branch_plan(issued, days, filed=False)
    assert "第2次学习" not in page_at(login, clock, "member")
    filing = plan.filing
    Filing.objects.filter(pk=filing.pk).update(
        state="filed", first_filed_at=at("2018-07-02 10:00"), filed_at=at("2018-07-02 10:00"),
        filed_by=issued.users["secretary"], receipt="2018-01-0001",
    )  # fmt: skip
    part = section(page_at(login, clock, "member"), "dates")
    assert re.findall(r"第(\d)次学习", part) == ["2", "3", "4"]


# The office


def test_the_office_is_led_to_issue_the_years_plan_first(world: World, login, clock) -> None:
    thing = next_thing(page_at(login, clock, "office"))
    assert 'action="/plans/start/"' in thing
    plan = Plan.objects.begin(
        committee=world.committee, toml=(ROOT / "plan/2018.toml").read_text(encoding="utf-8"),
        source_text=(ROOT / "plan/2018.txt").read_text(encoding="utf-8"), at=at("2018-07-01 09:00"),
    )  # fmt: skip
    assert f'href="/plans/{plan.pk}/preview/"' in next_thing(page_at(login, clock, "office"))


def test_with_a_plan_in_force_the_office_begins_with_the_oldest_that_waits(issued: World, login, clock) -> None:
    second = filed_report(issued, at("2018-07-03 10:00"), title="后报的一件")
    first = move(
        paper_by(issued.access("other_secretary", at("2018-07-02 08:00")),
                 Duty.objects.get(code="I2", branch=issued.second), title="先报的一件"),
        "file", access=issued.access("other_secretary", at("2018-07-02 08:00")),
    )  # fmt: skip
    text = page_at(login, clock, "office")
    assert "next-thing" not in text
    part = section(text, "waiting")
    assert re.search(rf'<a class="btn btn-primary" href="/filings/{first.pk}/">', part)
    assert part.index("先报的一件") < part.index(second.title)


def test_the_offices_numbers_are_those_of_the_lists_under_them(issued: World, login, clock) -> None:
    filed_report(issued)
    moment = clock("2018-07-26 09:00")
    found = homes.office_home(issued.access("office", moment))
    of_branches = Duty.objects.filter(branch__isnull=False, member__isnull=True)
    owed = of_branches.unsettled(moment)
    numbers = [stat["number"] for stat in found["stats"]]
    assert numbers == [
        1, of_branches.overdue(moment).count(),
        owed.filter(late_at__gt=moment, due_at__lte=at("2018-07-30 00:00")).count(),
    ]  # fmt: skip
    assert numbers[1] > homes.A_LIST or len(found["late"].lines) == numbers[1]
    assert len(found["late"].lines) <= homes.A_LIST


def test_the_office_finds_the_requests_for_more_time_among_what_waits(issued: World, login, clock) -> None:
    """With the papers, whichever has waited longest first; and the number counts both."""
    clock("2018-07-06 09:00")
    filed_report(issued, at("2018-07-04 10:00"))
    for text in ("2018-07-03 10:00", "2018-07-05 10:00"):
        Relief.objects.create(
            committee=issued.committee, branch=issued.first, kind="exempt", year=2018, codes=["S7"],
            from_on=date(2018, 7, 1), until_on=date(2018, 7, 31), reason="放假", asked_at=at(text),
            asked_by=issued.users["secretary"],
        )  # fmt: skip
    part = section(page(login("office")), "waiting")
    assert re.findall(r"已等\d天", part) == ["已等3天", "已等2天", "已等1天"]
    assert "其中免除与延期的申请2件" in part
    assert homes.office_home(issued.access("office", at("2018-07-06 09:00")))["stats"][0]["number"] == 3


def test_the_office_sees_who_is_writing(issued: World, login, clock) -> None:
    report(issued)
    part = section(page_at(login, clock, "office"), "drafts")
    assert "教务处党支部" in part
    assert "草稿" in part
    assert "/filings/" not in part.partition("<ul")[2], "who writes is told, not what"


# The price


def more(world: World, rows: int, moment: datetime) -> None:
    """So many rows in every list of every home: late, due, filed, waiting, draft, sent back, weeks and dates."""
    numbers = count(Duty.objects.count() + Filing.objects.count() * 4)
    access = world.access("secretary", moment)
    late, due, mine = duty_of(world, "I2"), duty_of(world, "I2"), duty_of(world, "C2", "secretary")

    def again(duty: Duty, due_at: datetime) -> Duty:
        copy = Duty.objects.get(pk=duty.pk)
        copy.pk = None
        copy.starts_on = copy.ends_on = date(2018, 1, 1) + timedelta(days=next(numbers))
        copy.due_at = copy.late_at = due_at
        return copy

    copies = [
        again(duty, when)
        for _ in range(rows)
        for duty, when in (
            (late, moment - timedelta(days=2)), (due, moment + timedelta(days=1)), (due, moment + timedelta(days=20)),
            (mine, moment + timedelta(days=3)),
        )
    ]  # fmt: skip
    Duty.objects.bulk_create(copies)
    common = {"committee": world.committee, "branch": world.first, "year": 2018, "handling": "inform",
              "state_since": moment, "created_at": moment, "created_by": access.user}  # fmt: skip
    sent = {"first_filed_at": moment, "filed_at": moment, "filed_by": access.user}
    member = world.member("member")
    filings = []
    for _ in range(rows):
        filings += [
            Filing(kind="paper", title="草稿", desk="office", state="draft", **common),
            Filing(kind="paper", title="退回的", desk="office", state="sent_back", receipt=f"a{next(numbers)}",
                   **common, **sent),
            Filing(kind="paper", title="待审的", desk="office", state="filed", receipt=f"b{next(numbers)}",
                   **common, **sent),
            Filing(kind="paper", title="党员的", desk="branch", state="filed", receipt=f"c{next(numbers)}",
                   member=member, **common, **sent),
        ]  # fmt: skip
    Filing.objects.bulk_create(filings)


@pytest.mark.parametrize("who", ["office", "secretary", "deputy", "commissioner", "member"])
def test_a_home_asks_as_little_for_300_rows_as_for_one(issued: World, login, clock, who: str) -> None:
    moment = clock("2018-07-04 09:00")
    plan = member_plan(issued, weeks=1)
    branch = branch_plan(issued, [date(2018, 7, 5)], filed=True)
    client = login(who)
    page(client)
    counts, held = {}, 0
    for rows in (1, 3, 300):
        more(issued, rows - held, moment)
        PlanItem.objects.bulk_create(
            PlanItem(plan=branch, topic="又一次", starts_on=date(2018, 7, 6), ends_on=date(2018, 7, 6))
            for _ in range(rows - held)
        )
        WeekItem.objects.bulk_create(
            WeekItem(plan=plan, week_on=date(2018, 7, 2) + timedelta(weeks=held + n + 1)) for n in range(rows - held)
        )
        held = rows
        with CaptureQueriesContext(connection) as asked:
            text = page(client)
        counts[rows] = len(asked)
        assert text.count('<li class="line">') <= 7 * homes.A_LIST
    assert len(set(counts.values())) == 1, counts
    assert counts[300] <= 17, counts


def test_the_office_reads_each_late_branch_in_one_line(issued: World, login, clock) -> None:
    moment = at("2018-07-12 09:00")
    clock("2018-07-12 09:00")
    late = Duty.objects.filter(branch__isnull=False, member__isnull=True).overdue(moment)
    part = section(page(login("office")), "late")
    assert part.count('<li class="line">') == len(set(late.values_list("branch", flat=True))) == 2
    for branch in (issued.first, issued.second):
        words = f"逾期{late.filter(branch=branch).count()}项，最久"
        assert re.search(rf"branch={branch.pk}&.*?{branch.name}.*?{words}\d+天", part, re.DOTALL), words
    assert "支部年度学习计划报机关党委办公室" in part


def test_the_offices_number_of_lines_late_is_that_of_the_list_it_leads_to(issued: World, login, clock) -> None:
    clock("2018-07-12 09:00")
    client = login("office")
    text = page(client)
    for name in ("late", "week"):
        part = section(text, name)
        head = re.search(r'class="section-count">(\d+)<', part)
        url = re.search(r'class="section-link" href="([^"]+)"', part)[1].replace("&amp;", "&")
        assert f"共 <strong>{head[1]}</strong> 项" in client.get(url).content.decode()


def test_the_home_counts_as_waiting_what_the_in_tray_counts(issued: World, login, clock) -> None:
    """A lone secretary's own plan waits at the office, which is not the desk it was sent to."""
    filed_report(issued, at("2018-07-03 10:00"))
    Filing.objects.create(
        kind="member_plan", title="书记的自学计划", committee=issued.committee, branch=issued.second, year=2018,
        member=issued.member("other_secretary"), desk="branch", handling="approve", state="filed",
        state_since=at("2018-07-02 10:00"), filed_at=at("2018-07-02 10:00"), created_at=at("2018-07-01 10:00"),
        filed_by=issued.users["other_secretary"], first_filed_at=at("2018-07-02 10:00"), receipt="2018-02-0001",
        created_by=issued.users["other_secretary"],
    )  # fmt: skip
    clock(NOW)
    client = login("office")
    part = section(page(client), "waiting")
    assert "书记的自学计划" in part and "已等2天" in part and "待审定" in part
    assert 'class="section-count">2<' in part
    assert "待审 2 件" in client.get("/intray/").content.decode()


# The navigation


@pytest.mark.parametrize(
    ("who", "path", "place"),
    [
        ("office", "/branches/new/", "支部与党员"), ("office", "/branches/{branch}/edit/", "支部与党员"),
        ("office", "/branches/{branch}/posts/", "支部与党员"), ("office", "/committee/posts/", "支部与党员"),
        ("office", "/members/new/", "支部与党员"), ("office", "/members/{member}/", "支部与党员"),
        ("office", "/members/{member}/edit/", "支部与党员"), ("office", "/members/{member}/transfer/", "支部与党员"),
        ("office", "/roster/import/", "支部与党员"), ("office", "/filings/{filing}/versions/", "报送件"),
        ("office", "/study/gatherings/", "报送件"), ("office", "/study/calendar/", "报送件"),
        ("inspector", "/members/{member}/", "支部"), ("inspector", "/study/gatherings/", "报送件"),
        ("secretary", "/branches/{branch}/", "党员名册"), ("secretary", "/study/review/", "学习计划"),
        ("secretary", "/study/make-ups/", "记录"), ("secretary", "/study/follow-ups/", "记录"),
        ("office", "/study/follow-ups/", "报送件"),
    ],
)  # fmt: skip
def test_a_page_below_a_place_marks_it_as_current(issued: World, login, clock, who: str, path: str, place: str) -> None:
    filing = filed_report(issued, at("2018-07-03 10:00"))
    clock(NOW)
    path = path.format(branch=issued.first.pk, member=issued.member("secretary").pk, filing=filing.pk)
    response = login(who).get(path)
    assert response.status_code == 200
    assert [one["label"] for one in response.context["places"] if one["current"]] == [place]


def test_the_office_finds_a_branchs_records_calendar_and_plan_beside_it(issued: World, login, clock) -> None:
    clock(NOW)
    client = login("office")
    branch = issued.first
    text = client.get(f"/branches/{branch.pk}/").content.decode()
    tabs = re.search(r'<nav class="tabs.*?</nav>', text, re.DOTALL)[0]
    links = [url.replace("&amp;", "&") for url in re.findall(r'href="([^"]+)"', tabs)]
    assert len(links) == 8
    for url in links:
        response = client.get(url)
        assert response.status_code == 200, url
        here = re.search(r'<nav class="tabs.*?</nav>', response.content.decode(), re.DOTALL)[0]
        assert here.count('aria-current="page"') == 1, url
        assert re.findall(r'href="([^"]+)"', here) == re.findall(r'href="([^"]+)"', tabs), url
    assert 'class="tabs' not in login("secretary").get(f"/branches/{branch.pk}/").content.decode()


def test_every_icon_of_the_navigation_is_in_the_sprite() -> None:
    known = set((ROOT / "tools/icons.txt").read_text(encoding="utf-8").split())
    source = (ROOT / "config/guard.py").read_text(encoding="utf-8")
    used = set(re.findall(r'place\("[^"]+", "([^"]+)"', source))
    assert len(used) > 5
    assert used <= known, used - known


def test_the_place_of_the_plan_is_current_on_all_its_pages(world: World, login, clock) -> None:
    clock("2018-06-10 09:00")
    plan = Plan.objects.begin(
        committee=world.committee, toml=(ROOT / "plan/2018.toml").read_text(encoding="utf-8"),
        source_text=(ROOT / "plan/2018.txt").read_text(encoding="utf-8"), at=at("2018-06-10 09:00"),
    )  # fmt: skip
    client = login("office")
    for address in ("", "preview/", "edit/", "settings/", "requirements/new/", "requirements/S1/"):
        text = client.get(f"/plans/{plan.pk}/{address}").content.decode()
        assert 'href="/plans/" aria-current="page"' in text, address
    assert 'href="/plans/" aria-current="page"' in client.get("/plans/upload/").content.decode()


def test_posts_are_told_in_one_order_on_every_page(issued: World, rf) -> None:
    request = rf.get("/")
    request.access = issued.access("secretary", at(NOW))
    request.resolver_match = request.login_session = None
    assert guard.page_context(request)["roles"] == ["党员", "支部书记"]


@pytest.mark.parametrize("who", ["member", "secretary", "office"])
def test_the_home_opens_in_a_year_without_a_plan(world: World, login, clock, who: str) -> None:
    clock(NOW)
    assert page(login(who))
