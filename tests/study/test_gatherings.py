"""Recording what was held: what it settles, what it lacks, where it goes, and that nothing typed is lost."""

from __future__ import annotations

import re
import uuid
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from branches.models import Member, PartyGroup, Post
from plan.models import Claim, Duty, Filing, Move, Picture
from plan.moves import begin, missing_to_file, move
from study.gathering_papers import gathering_snapshot
from study.gatherings import Attending, Proposal, Rules, Sitting, expected, hints, lacks, propose, suggested_title
from study.models import Attendance, BranchPlan, Gathering, Kind, PlanItem
from tests.conftest import World, add_member, at

pytestmark = pytest.mark.django_db

NEW = "/study/gatherings/new/"
LONG = "集中学习了党的十九大报告第三部分，三位同志作了交流发言，会后布置了本月工作。"


@pytest.fixture(autouse=True)
def now(clock):
    return clock("2018-07-11 17:30")


def sitting(world: World, *kinds: str, day: str = "2018-07-11", **more: Any) -> Sitting:
    start, end = at(f"{day} 14:30"), at(f"{day} 17:00")
    facts: dict[str, Any] = {
        "branch": world.first, "rules": Rules.of(world.committee.pk, date.fromisoformat(day)), "kinds": list(kinds),
        "held_at": start, "ended_at": end,
    }  # fmt: skip
    return Sitting(**facts | more)


def codes(proposal: Proposal, *, timely: bool = True) -> list[str]:
    return [offer.duty.code for offer in (proposal.timely if timely else proposal.belated)]


def typed(world: World, *kinds: str, **changes: Any) -> dict[str, Any]:
    """What the form of the first branch sends when everything is filled in."""
    data: dict[str, Any] = {
        "kinds": list(kinds) or ["committee_meeting"], "title": "", "held_on": "2018-07-11", "from_time": "14:30",
        "until_time": "17:00", "place": "行政楼301", "host": world.member("secretary").pk,
        "recorder": world.member("deputy").pk, "content": LONG, "form_key": str(uuid.uuid4()), "action": "save",
    }  # fmt: skip
    for member in world.first.roster(date(2018, 7, 11)):
        data[f"presence-{member.pk}"] = "present"
    return data | changes


def add_picture(filing: Filing, n: int = 1) -> Picture:
    return Picture.objects.create(
        filing=filing, position=n, name=f"IMG_{n:04d}.jpg", sha256=f"{n:064x}", thumb_sha256=f"{n + 1000:064x}",
        width=1600, height=1200, added_at=at("2018-07-11 17:10"), added_by=filing.created_by,
    )  # fmt: skip


def kept(world: World, login, *kinds: str, **changes: Any) -> Gathering:
    """A draft of the first branch, saved through its page."""
    response = login("secretary").post(NEW, typed(world, *kinds, **changes))
    assert response.status_code == 302, response.content.decode()
    return Gathering.objects.latest("pk")


# What a gathering can settle


def test_one_gathering_settles_meeting_theme_day_and_study_of_its_month(issued: World) -> None:
    found = propose(
        sitting(issued, "general_meeting", "theme_day", "collective_study", month_arranged=True),
        at("2018-07-11 17:30"),
    )
    assert codes(found) == ["S7", "C7", "C8"]
    assert [offer.label for offer in found.timely] == ["7月集体学习", "7月主题党日", "7月支部党员大会"]
    assert found.chosen(set(), set()) == {offer.duty.pk for offer in found.timely}


def test_a_month_already_past_is_offered_but_not_ticked(issued: World) -> None:
    found = propose(sitting(issued, "collective_study"), at("2018-07-11 17:30"))
    assert codes(found, timely=False) == ["S7"]
    assert found.belated[0].duty.starts_on == date(2018, 6, 1)
    assert found.belated[0].duty.pk not in found.chosen(set(), set())
    assert found.belated[0].duty.pk in found.chosen({found.belated[0].duty.pk}, set())


def test_what_is_still_to_come_is_not_offered(issued: World) -> None:
    found = propose(sitting(issued, "life_meeting", "collective_study"), at("2018-07-11 17:30"))
    assert {offer.duty.starts_on for offer in found.offers} == {date(2018, 7, 1), date(2018, 6, 1)}


def test_what_was_unticked_stays_unticked_and_what_is_new_is_ticked(issued: World) -> None:
    found = propose(sitting(issued, "collective_study", "theme_day"), at("2018-07-11 17:30"))
    study, theme = (offer.duty.pk for offer in found.timely)
    assert found.chosen(set(), {study}) == {theme}


def test_exempted_and_settled_duties_are_not_offered(issued: World) -> None:
    july = Duty.objects.get(code="S7", branch=issued.first, starts_on=date(2018, 7, 1))
    june = Duty.objects.get(code="S7", branch=issued.first, starts_on=date(2018, 6, 1))
    Duty.objects.filter(pk=july.pk).update(
        exempted_at=at("2018-07-01 09:00"), exempted_by=issued.users["office"], exempt_reason="机构调整"
    )
    Duty.objects.filter(pk=june.pk).update(settled_at=at("2018-06-20 09:00"), done_at=at("2018-06-20 09:00"))
    assert not propose(sitting(issued, "collective_study"), at("2018-07-11 17:30")).offers


def test_another_branch_s_duties_are_not_offered(issued: World) -> None:
    Duty.objects.filter(branch=issued.first).update(settled_at=at("2018-07-01 09:00"), done_at=at("2018-07-01 09:00"))
    assert not propose(sitting(issued, *Kind.values, month_arranged=True), at("2018-07-11 17:30")).offers


@pytest.mark.parametrize(("who", "offered"), [("secretary", True), ("member", False), ("deputy", False), (None, False)])
def test_the_lecture_before_1_july_counts_when_the_secretary_or_a_cadre_gives_it(
    issued: World, who: str | None, offered: bool
) -> None:
    found = propose(
        sitting(issued, "lecture", day="2018-06-25", lecturer=issued.member(who) if who else None),
        at("2018-06-25 17:30"),
    )
    assert ("S5" in codes(found)) is offered
    assert bool(found.reasons) is not offered
    if who and not offered:
        assert issued.member(who).name in found.reasons[0]


def test_a_leading_cadre_may_lecture_and_a_former_secretary_may_not(issued: World) -> None:
    cadre = add_member(issued.first, "高原", "20001", cadre=True)
    on = {"day": "2018-06-25"}
    assert "S5" in codes(propose(sitting(issued, "lecture", lecturer=cadre, **on), at("2018-06-25 17:30")))
    former = issued.member("secretary")
    Member.objects.filter(pk=former.pk).update(is_leading_cadre=False)
    former.refresh_from_db()
    former.posts.filter(kind=Post.Kind.SECRETARY).update(until_on=date(2018, 6, 25))
    assert "S5" not in codes(propose(sitting(issued, "lecture", lecturer=former, **on), at("2018-06-25 17:30")))


def test_the_general_meeting_counts_when_it_lays_out_the_month(issued: World) -> None:
    without = propose(sitting(issued, "general_meeting"), at("2018-07-11 17:30"))
    assert codes(without) == []
    assert "勾选" in without.reasons[0]
    with_it = propose(sitting(issued, "general_meeting", month_arranged=True), at("2018-07-11 17:30"))
    assert codes(with_it) == ["C8"]


def test_varied_forms_are_offered_with_the_second_form_of_the_year(issued: World, login) -> None:
    moment = at("2018-07-11 17:30")
    first = kept(issued, login, "committee_meeting", method="reading")
    assert "S2" not in codes(propose(sitting(issued, "seminar", form="visit"), moment)), "a draft proves nothing"
    move(first.filing, "keep", access=issued.access("secretary", moment))
    alike = propose(sitting(issued, "seminar", form="reading"), moment)
    assert "S2" not in codes(alike)
    assert any("文件领读" in reason for reason in alike.reasons)
    assert "S2" in codes(propose(sitting(issued, "seminar", form="visit"), moment))


def test_the_committee_meets_for_its_week(issued: World) -> None:
    found = propose(sitting(issued, "committee_meeting"), at("2018-07-11 17:30"))
    assert [(o.duty.code, o.duty.starts_on) for o in found.timely] == [("C9", date(2018, 7, 9))]


# Where it goes


@pytest.mark.parametrize(
    ("kinds", "desk"),
    [
        (["committee_meeting"], "none"), (["group_meeting"], "none"), (["general_meeting"], "none"),
        (["theme_day"], "office"), (["lecture"], "office"), (["collective_study"], "office"),
        (["general_meeting", "seminar"], "office"), ([], "none"),
    ],
)  # fmt: skip
def test_a_gathering_goes_to_the_office_where_the_plan_asks_for_its_material(
    issued: World, kinds: list[str], desk: str
) -> None:
    assert Rules.of(issued.committee.pk, date(2018, 7, 11)).desk(kinds)[0] == desk


def test_without_a_plan_in_force_everything_is_kept(world: World) -> None:
    assert Rules.of(world.committee.pk, date(2018, 7, 11)).desk(Kind.values) == ("none", "keep")


def test_the_desk_follows_the_kinds_while_it_is_a_draft(issued: World, login) -> None:
    gathering = kept(issued, login, "committee_meeting")
    assert (gathering.filing.desk, gathering.filing.handling) == ("none", "keep")
    url = reverse("study:gathering_edit", args=[gathering.pk])
    login("secretary").post(url, typed(issued, "theme_day", edition=gathering.filing.edition))
    filing = Filing.objects.get(pk=gathering.filing_id)
    assert (filing.desk, filing.handling) == ("office", "inform")
    assert Duty.objects.get(occasion=filing).code == "S6"
    assert Duty.objects.get(occasion=filing).due_at == at("2018-07-13 00:00")


# Who is expected


def test_the_roster_is_that_of_the_day(issued: World) -> None:
    late = add_member(issued.first, "新同志", "20002")
    late.memberships.update(from_on=date(2018, 7, 11))
    assert late in [m for m, _ in expected(issued.first, ["theme_day"], date(2018, 7, 11))]
    assert late not in [m for m, _ in expected(issued.first, ["theme_day"], date(2018, 7, 10))]


def test_a_committee_meeting_expects_the_committee(issued: World) -> None:
    there = {m for m, _ in expected(issued.first, ["committee_meeting"], date(2018, 7, 11))}
    assert there == {issued.member(who) for who in ("secretary", "deputy", "commissioner")}
    both = expected(issued.first, ["committee_meeting", "collective_study"], date(2018, 7, 11))
    assert len(both) == 9


def test_a_group_meeting_expects_its_group(issued: World) -> None:
    group = PartyGroup.objects.create(branch=issued.first, name="第一党小组")
    issued.member("member").memberships.update(group=group)
    assert [m for m, _ in expected(issued.first, ["group_meeting"], date(2018, 7, 11), group)] == [
        issued.member("member")
    ]


# What it lacks


def test_each_thing_that_is_missing_is_said_with_its_cure(issued: World) -> None:
    found = [lack.word for lack in lacks(sitting(issued, "theme_day"), at("2018-07-11 17:30"))]
    assert found == ["地点", "主持人", "记录人", "到会情况", "主要内容", "图片"]
    assert "活动类型" in [lack.word for lack in lacks(sitting(issued))]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"place": " "}, "地点"),
        ({"content": "学习了报告。"}, "主要内容"),
        ({"attendance": "nobody"}, "到会情况"),
        ({"attendance": "excused"}, "请假事由"),
        ({"same": True}, "记录人"),
        ({"pictures": 0}, "图片"),
        ({"kinds": ["lecture"]}, "授课人"),
        ({"ended_at": at("2018-07-11 17:30:01")}, "结束时间"),
    ],
)
def test_a_complete_gathering_lacks_nothing_but_what_is_taken_away(
    issued: World, changes: dict[str, Any], word: str
) -> None:
    host = issued.member("secretary").pk
    there = Attending(host, "陈静", True, "present")
    whole: dict[str, Any] = {
        "place": "301", "host_id": host, "recorder_id": issued.member("deputy").pk, "content": LONG, "pictures": 1,
        "attendance": [there],
    }  # fmt: skip
    now = at("2018-07-11 17:30")
    assert lacks(sitting(issued, "theme_day", **whole), now) == []
    if changes.get("attendance") == "nobody":
        changes = {"attendance": [there._replace(presence="absent")]}
    elif changes.get("attendance") == "excused":
        changes = {"attendance": [there, Attending(1, "李强", True, "excused")]}
    elif changes.get("same"):
        changes = {"recorder_id": host}
    kinds = changes.pop("kinds", ["theme_day"])
    found = lacks(sitting(issued, *kinds, **whole | changes), now)
    assert [lack.word for lack in found] == [word]


def test_a_gathering_that_ends_now_has_ended(issued: World) -> None:
    one = sitting(issued, "theme_day")
    assert "结束时间" not in [lack.word for lack in lacks(one, at("2018-07-11 17:00"))]
    assert "结束时间" in [lack.word for lack in lacks(one, at("2018-07-11 16:59:59.999999"))]


def test_what_is_only_kept_may_be_short_and_without_pictures(issued: World) -> None:
    found = lacks(sitting(issued, "committee_meeting", content="研究预备党员转正。"))
    assert not {"主要内容", "图片"} & {lack.word for lack in found}


def test_half_a_day_is_a_hint_and_no_wall(issued: World) -> None:
    assert "半天" in hints(sitting(issued, "theme_day"))[0]
    assert hints(sitting(issued, "theme_day", ended_at=at("2018-07-11 18:00"))) == []
    assert "半天" not in str(lacks(sitting(issued, "theme_day")))


def test_titles_are_suggested_from_kinds_and_month() -> None:
    day = date(2018, 7, 11)
    assert suggested_title(["theme_day", "general_meeting"], day) == "7月支部党员大会暨主题党日"
    assert suggested_title([], day) == ""
    assert suggested_title(["committee_meeting"], day) == f"7月{day.day}日支委会"


# The page: nothing is written by looking


def counted() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Filing, Gathering, Attendance, Claim, Move, Duty))


def test_opening_the_form_writes_nothing(issued: World, login) -> None:
    before = counted()
    duty = Duty.objects.get(code="S7", branch=issued.first, starts_on=date(2018, 7, 1))
    for address in (NEW, f"{NEW}?duty={duty.pk}"):
        assert login("secretary").get(address).status_code == 200
    assert counted() == before


def test_the_form_begins_with_today_the_secretary_and_everybody_present(issued: World, login) -> None:
    form = login("secretary").get(NEW).context["form"]
    assert form.initial["held_on"] == date(2018, 7, 11)
    assert form.initial["host"] == issued.member("secretary").pk
    assert form.initial["recorder"] not in (None, form.initial["host"])
    assert [line.presence for line in form.attendance] == ["present"] * 9


def test_the_place_and_the_hours_are_those_of_the_last_time(issued: World, login) -> None:
    kept(issued, login, place="图书馆报告厅", from_time="09:00", until_time="11:30")
    initial = login("secretary").get(NEW).context["form"].initial
    assert initial["place"] == "图书馆报告厅"
    assert (f"{initial['from_time']:%H:%M}", f"{initial['until_time']:%H:%M}") == ("09:00", "11:30")


def test_the_last_time_is_that_of_the_same_kind(issued: World, login, clock) -> None:
    kept(
        issued,
        login,
        "committee_meeting",
        place="党员活动室",
        from_time="10:00",
        until_time="11:00",
        held_on="2018-07-02",
    )
    kept(issued, login, "theme_day", place="烈士陵园", from_time="08:00", until_time="12:00", held_on="2018-07-05")
    client = login("secretary")
    assert client.get(NEW).context["form"].initial["place"] == "烈士陵园"
    duty = Duty.objects.get(code="C9", branch=issued.first, starts_on=date(2018, 7, 9))
    initial = client.get(f"{NEW}?duty={duty.pk}").context["form"].initial
    assert (initial["place"], f"{initial['until_time']:%H:%M}") == ("党员活动室", "11:00")
    # The fields that nobody has touched follow the kind that is ticked: the page's script puts them in.
    told = asked(client, NEW, typed(issued, "committee_meeting", action="refresh")).json()["usual"]
    assert (told["place"], told["from_time"], told["until_time"]) == ("党员活动室", "10:00", "11:00")


def test_what_would_still_be_going_on_ends_just_now(issued: World, login, clock) -> None:
    kept(issued, login, from_time="14:00", until_time="18:00", held_on="2018-07-05")

    def hours(at_time: str) -> tuple[str, str]:
        clock(f"2018-07-11 {at_time}")
        initial = login("secretary").get(NEW).context["form"].initial
        return f"{initial['from_time']:%H:%M}", f"{initial['until_time']:%H:%M}"

    assert hours("16:43") == ("14:00", "16:40")
    assert hours("14:04") == ("14:00", "18:00")
    assert hours("09:00") == ("14:00", "18:00")
    assert hours("19:00") == ("14:00", "18:00")


def test_an_item_chosen_on_the_page_brings_what_the_plan_says_of_it(issued: World, login) -> None:
    item = planned(issued, date(2018, 7, 5))
    client = login("secretary")
    parts = asked(client, NEW, typed(issued, "theme_day", action="refresh", plan_item=item.pk)).json()
    assert (parts["suggested"], parts["item_kinds"]) == (item.topic, item.kinds)
    assert (parts["usual"]["held_on"], parts["usual"]["place"]) == ("2018-07-05", item.place)
    assert "已记录" not in client.get(NEW).content.decode()
    gathering = kept(issued, login, *item.kinds, plan_item=item.pk)
    assert f"{item.topic}（已记录）" in client.get(NEW).content.decode()
    # Its own page does not warn of itself, and what was kept is not changed by what is usual.
    assert "已记录" not in client.get(gathering.get_edit_url()).content.decode()
    again = asked(client, gathering.get_edit_url(), typed(issued, action="refresh", plan_item=item.pk)).json()
    assert "usual" not in again


def test_a_duty_leads_to_a_form_with_its_kind_and_its_tick(issued: World, login) -> None:
    june = Duty.objects.get(code="S7", branch=issued.first, starts_on=date(2018, 6, 1))
    form = login("secretary").get(f"{NEW}?duty={june.pk}").context["form"]
    assert form.kinds_now == ["collective_study"]
    assert june.pk in form.claimed


def test_a_duty_still_to_come_dates_the_form_in_its_window(issued: World, login) -> None:
    august = Duty.objects.get(code="S7", branch=issued.first, starts_on=date(2018, 8, 1))
    assert login("secretary").get(f"{NEW}?duty={august.pk}").context["form"].initial["held_on"] == date(2018, 8, 1)


def planned(world: World, day: date, *, last: date | None = None, **facts: Any) -> PlanItem:
    """An item of the first branch's study plan, which is a draft until somebody files it."""
    plan = BranchPlan.objects.filter(branch=world.first).first()
    if plan is None:
        access = world.access("secretary", at("2018-07-02 09:00"))
        filing = begin(
            kind="branch_plan", access=access, title="2018年学习计划", year=2018, branch=world.first, desk="office",
            handling="inform",
        )  # fmt: skip
        plan = BranchPlan.objects.create(filing=filing, branch=world.first, plan=world.plan)
    return PlanItem.objects.create(
        **{"plan": plan, "topic": "学习党章", "starts_on": day, "ends_on": last or day, "place": "三楼会议室"} | facts
    )


def test_an_item_of_the_plan_fills_the_form(issued: World, login) -> None:
    item = planned(issued, date(2018, 7, 5), with_kinds=["theme_day"], method="reading")
    form = login("secretary").get(f"{NEW}?item={item.pk}").context["form"]
    assert form.kinds_now == ["theme_day", "collective_study"]
    assert (form.initial["title"], form.initial["place"]) == ("学习党章", "三楼会议室")
    assert form.initial["held_on"] == date(2018, 7, 5)


def test_today_s_item_is_taken_without_being_asked_for_until_it_is_recorded(issued: World, login) -> None:
    item = planned(issued, date(2018, 7, 11))
    assert login("secretary").get(NEW).context["form"].initial["plan_item"] == item.pk
    kept(issued, login, plan_item=item.pk)
    assert "plan_item" not in login("secretary").get(NEW).context["form"].initial


@pytest.mark.parametrize("address", ["?duty=999999", "?duty=abc", "?item=-1", "?item=٣", "?duty=" + "9" * 30])
def test_what_the_address_names_wrongly_is_not_found(issued: World, login, address: str) -> None:
    assert login("secretary").get(NEW + address).status_code == 404


def test_another_branch_s_duty_and_record_are_not_found(issued: World, login) -> None:
    duty = Duty.objects.get(code="S7", branch=issued.second, starts_on=date(2018, 7, 1))
    assert login("secretary").get(f"{NEW}?duty={duty.pk}").status_code == 404
    gathering = kept(issued, login)
    assert login("other_secretary").get(gathering.get_edit_url()).status_code == 404


@pytest.mark.parametrize("who", ["member", "other_member", "office", "inspector", "auditor", "sysadmin"])
def test_only_the_branch_s_leaders_record(issued: World, login, who: str) -> None:
    before = counted()
    gathering_url = reverse("study:gathering_edit", args=[1])
    assert login(who).get(NEW).status_code == 403
    assert login(who).post(NEW, typed(issued)).status_code == 403
    assert login(who).post(gathering_url, typed(issued)).status_code == 403
    assert counted() == before


# The page: keeping


def test_the_first_save_makes_one_draft_with_all_that_hangs_on_it(issued: World, login) -> None:
    gathering = kept(issued, login, "general_meeting", "collective_study", month_arranged="on", guests="王处长")
    assert gathering.filing.state == "draft"
    assert gathering.title == "7月支部党员大会暨集体学习"
    assert gathering.attendance.count() == 9
    assert sorted(Claim.objects.filter(filing=gathering.filing).values_list("duty__code", flat=True)) == [
        "C8", "S11", "S7"
    ]  # fmt: skip
    assert gathering.filing.moves.get().name == "begin"


def test_a_second_click_makes_no_second_record(issued: World, login) -> None:
    data = typed(issued)
    client = login("secretary")
    first, second = client.post(NEW, data), client.post(NEW, data)
    assert first.url == second.url
    assert Gathering.objects.count() == 1


def test_a_second_click_on_filing_answers_with_the_first_result(issued: World, login) -> None:
    data = typed(issued, action="file")
    client = login("secretary")
    first, second = client.post(NEW, data), client.post(NEW, data)
    assert first.url == second.url == reverse("plan:filing_detail", args=[Filing.objects.get(kind="gathering").pk])
    assert Filing.objects.get(kind="gathering").versions.count() == 1


def test_a_key_that_another_person_s_form_used_makes_nothing(issued: World, login) -> None:
    data = typed(issued)
    login("secretary").post(NEW, data)
    response = login("deputy").post(NEW, data)
    assert "已经用过一次" in response.content.decode()
    assert Gathering.objects.count() == 1


def test_what_was_typed_is_what_is_kept(issued: World, login) -> None:
    absent, excused = issued.member("member").pk, issued.member("commissioner").pk
    gathering = kept(
        issued, login, "theme_day",
        **{f"presence-{absent}": "absent", f"presence-{excused}": "excused", f"reason-{excused}": "sick",
           f"reason-{absent}": "sick", "fixed_actions": ["缴纳党费"], "resolution-0-text": "按时缴费。"},
    )  # fmt: skip
    lines = {line.member_id: (line.presence, line.reason) for line in gathering.attendance.all()}
    assert (lines[absent], lines[excused]) == (("absent", ""), ("excused", "sick"))
    assert gathering.fixed_actions == ["缴纳党费"]
    assert [one.text for one in gathering.resolutions.all()] == ["按时缴费。"]
    form = login("secretary").get(gathering.get_edit_url()).context["form"]
    assert {line.member_id: line.presence for line in form.attendance}[absent] == "absent"


def test_what_belongs_to_another_kind_is_left_out(issued: World, login) -> None:
    gathering = kept(
        issued, login, "committee_meeting", fixed_actions=["缴纳党费"], month_arranged="on",
        lecturer=issued.member("secretary").pk,
    )  # fmt: skip
    assert (gathering.fixed_actions, gathering.month_arranged, gathering.lecturer) == ([], False, None)


def test_a_failure_half_way_leaves_nothing(issued: World, login, monkeypatch) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("half way")

    before = counted()
    monkeypatch.setattr("study.gatherings.moves.claim", broken)
    with pytest.raises(RuntimeError):
        login("secretary").post(NEW, typed(issued, "theme_day"))
    assert counted() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"until_time": "13:00"}, "结束须晚于开始"),
        ({"until_time": "14:30"}, "结束须晚于开始"),
        ({"until_on": "2018-07-10"}, "结束须晚于开始"),
        ({"until_on": "2018-12-31"}, "最长31天"),
        ({"held_on": "2018-02-30"}, "日期"),
        ({"held_on": ""}, "请填写“日期”"),
        ({"held_on": "1999-01-01"}, "成立"),
        ({"held_on": "2020-07-11"}, "一年以后"),
        ({"held_on": "99999-01-01"}, "日期"),
        ({"from_time": "25:00"}, "开始"),
        ({"title": "长" * 121}, "名称"),
        ({"place": "长" * 81}, "地点"),
        ({"host": "999999"}, "当天不在本支部名册上"),
        ({"host": "abc"}, "当天不在本支部名册上"),
        ({"method": "juggling"}, "活动形式"),
        ({"readings": ["x"]}, "学习篇目"),
        ({"content": "a\x00b"}, "主要内容"),
        ({"edition": "-3"}, "重新打开这份记录"),
        ({"kinds": ["theme_day", "juggling"]}, "活动类型"),
    ],
)
def test_bad_input_is_named_at_its_field_keeps_what_was_typed_and_writes_nothing(
    issued: World, login, changes: dict[str, Any], words: str
) -> None:
    before = counted()
    absent = issued.member("member").pk
    data = typed(issued, "theme_day", **{f"presence-{absent}": "absent", "resolution-0-text": "下月再议。"} | changes)
    response = login("secretary").post(NEW, data)
    text = response.content.decode()
    assert response.status_code == 422
    assert words in text
    assert "下月再议。" in text
    assert f'name="presence-{absent}" value="absent" checked' in text
    assert counted() == before


@pytest.mark.parametrize("noise", [{"duty": ["x", "9" * 40]}, {"form_key": "no key"}, {"form_key": "k" * 500}])
def test_noise_in_what_the_page_itself_fills_in_does_no_harm(issued: World, login, noise: dict[str, Any]) -> None:
    gathering = kept(issued, login, **noise)
    assert gathering.kinds == ["committee_meeting"]
    assert not Claim.objects.filter(filing=gathering.filing).exclude(duty__branch=issued.first).exists()


def test_unknown_presence_counts_as_present_and_strangers_are_not_there(issued: World, login) -> None:
    here, stranger = issued.member("member").pk, issued.member("other_member").pk
    gathering = kept(
        issued, login, "theme_day",
        **{f"presence-{here}": "asleep", f"presence-{stranger}": "present", f"reason-{here}": "bored"},
    )  # fmt: skip
    lines = {line.member_id: (line.presence, line.reason) for line in gathering.attendance.all()}
    assert lines[here] == ("present", "")
    assert stranger not in lines


def test_a_duty_that_the_gathering_cannot_settle_is_not_claimed_however_it_is_sent(issued: World, login) -> None:
    other = Duty.objects.get(code="S7", branch=issued.second, starts_on=date(2018, 7, 1))
    plan = Duty.objects.get(code="S12", branch=issued.first, member__isnull=True)
    gathering = kept(issued, login, duty=[other.pk, plan.pk])
    assert not Claim.objects.filter(filing=gathering.filing, duty__in=[other, plan]).exists()


# The page: two at once


def test_a_lost_update_shows_both_texts_and_writes_nothing(issued: World, login) -> None:
    gathering = kept(issued, login)
    url, edition = gathering.get_edit_url(), gathering.filing.edition
    login("deputy").post(url, typed(issued, edition=edition, place="会议室甲"))
    response = login("secretary").post(url, typed(issued, edition=edition, place="会议室乙"))
    text = response.content.decode()
    assert response.status_code == 409
    assert "会议室甲" in text
    assert "会议室乙" in text
    gathering.refresh_from_db()
    assert gathering.place == "会议室甲"
    again = login("secretary").post(url, typed(issued, edition=response.context["form"]["edition"].value(), place="乙"))
    gathering.refresh_from_db()
    assert (again.status_code, gathering.place) == (302, "乙")


def test_the_same_sent_twice_is_no_conflict(issued: World, login) -> None:
    gathering = kept(issued, login)
    data = typed(issued, edition=gathering.filing.edition, place="会议室甲")
    client = login("secretary")
    assert client.post(gathering.get_edit_url(), data).status_code == 302
    assert client.post(gathering.get_edit_url(), data).status_code == 302


# The page: filing


def test_filing_settles_by_the_hour_it_ended_and_goes_to_the_filing_s_page(issued: World, login) -> None:
    gathering = kept(issued, login, "theme_day", "collective_study")
    add_picture(gathering.filing)
    data = typed(issued, "theme_day", "collective_study", edition=gathering.filing.edition, action="file")
    response = login("secretary").post(gathering.get_edit_url(), data)
    filing = Filing.objects.get(pk=gathering.filing_id)
    assert response.url == reverse("plan:filing_detail", args=[filing.pk])
    assert (filing.state, filing.receipt, filing.is_late) == ("filed", "2018-01-0001", False)
    settled = {duty.code: duty.done_at for duty in Duty.objects.filter(settled_by=filing)}
    assert settled == {
        "S7": at("2018-07-11 17:00"), "C7": at("2018-07-11 17:00"),
        "S6": at("2018-07-11 17:30"), "S11": at("2018-07-11 17:30"),
    }  # fmt: skip


def test_a_committee_meeting_is_kept_at_once(issued: World, login) -> None:
    login("secretary").post(NEW, typed(issued, action="file"))
    filing = Filing.objects.get(kind="gathering")
    assert (filing.state, filing.desk) == ("kept", "none")
    assert Duty.objects.get(settled_by=filing).code == "C9"


def test_what_is_missing_leaves_a_draft_that_settles_nothing(issued: World, login) -> None:
    response = login("secretary").post(NEW, typed(issued, "theme_day", action="file"), follow=True)
    filing = Filing.objects.get(kind="gathering")
    assert (filing.state, filing.receipt) == ("draft", None)
    assert not Duty.objects.filter(settled_by=filing).exists()
    assert "还缺图片" in response.content.decode()


def test_a_commissioner_writes_and_does_not_file(issued: World, login) -> None:
    commissioner = login("commissioner")
    assert commissioner.post(NEW, typed(issued)).status_code == 302
    before = counted()
    gathering = Gathering.objects.get()
    response = commissioner.post(
        gathering.get_edit_url(), typed(issued, edition=gathering.filing.edition, action="file", place="别处")
    )
    assert response.status_code == 403
    gathering.refresh_from_db()
    assert (gathering.place, gathering.filing.state) == ("行政楼301", "draft")
    assert counted() == before


def test_after_the_next_day_the_reason_is_asked_and_the_mark_stays(issued: World, login, clock) -> None:
    gathering = kept(issued, login, "theme_day")
    add_picture(gathering.filing)
    url = gathering.get_edit_url()
    clock("2018-07-12 23:59")
    assert login("secretary").get(url).context["late"] == []
    clock("2018-07-13 00:00")
    assert login("secretary").get(url).context["late"] == ["活动结束后第二天报送"]
    data = typed(issued, "theme_day", edition=gathering.filing.edition, action="file")
    refused = login("secretary").post(url, data, follow=True)
    assert "请填写补报原因" in refused.content.decode()
    data |= {"late_reason": "外出调研，网络不通。", "edition": Filing.objects.get(pk=gathering.filing_id).edition}
    login("secretary").post(url, data)
    filing = Filing.objects.get(pk=gathering.filing_id)
    assert (filing.state, filing.is_late, filing.late_reason) == ("filed", True, "外出调研，网络不通。")
    theme = Duty.objects.get(settled_by=filing, code="C7")
    assert theme.done_at < theme.due_at, "held in time, filed late"


def test_a_reason_that_is_not_needed_is_not_kept(issued: World, login) -> None:
    gathering = kept(issued, login, late_reason="没有原因")
    assert gathering.filing.late_reason == ""


def test_what_does_not_end_before_now_is_not_filed(issued: World, login) -> None:
    login("secretary").post(NEW, typed(issued, until_time="17:31", action="file"))
    filing = Filing.objects.get(kind="gathering")
    assert filing.state == "draft"
    assert any("才结束" in line for line in missing_to_file(filing, at("2018-07-11 17:30:59")))
    assert not missing_to_file(filing, at("2018-07-11 17:31"))


def test_whom_the_page_had_not_shown_is_looked_at_before_filing(issued: World, login) -> None:
    data = typed(issued, "group_meeting", action="file")
    late = add_member(issued.first, "新同志", "20003")
    response = login("secretary").post(NEW, data, follow=True)
    assert Filing.objects.get(kind="gathering").state == "draft"
    assert f"按当天名册新增了{late.name}" in response.content.decode()


def test_the_own_filing_s_duty_follows_when_the_end_moves(issued: World, login) -> None:
    gathering = kept(issued, login, "theme_day")
    data = typed(issued, "theme_day", edition=gathering.filing.edition, held_on="2018-07-09", until_on="2018-07-10")
    login("secretary").post(gathering.get_edit_url(), data)
    duty = Duty.objects.get(occasion=gathering.filing)
    assert duty.due_at == at("2018-07-12 00:00")


def test_the_attendance_follows_the_day(issued: World, login) -> None:
    gathering = kept(issued, login, "theme_day")
    gone = issued.member("member")
    gone.memberships.update(until_on=date(2018, 7, 11))
    data = typed(issued, "theme_day", edition=gathering.filing.edition)
    login("secretary").post(gathering.get_edit_url(), data)
    assert not gathering.attendance.filter(member=gone).exists()
    login("secretary").post(
        gathering.get_edit_url(), data | {"held_on": "2018-07-10", "edition": gathering.filing.edition + 1}
    )
    assert gathering.attendance.filter(member=gone).exists()


def test_a_temporary_group_leaves_out_who_is_not_of_it(issued: World, login) -> None:
    out = issued.member("member").pk
    gathering = kept(issued, login, "group_meeting", **{f"presence-{out}": "out"})
    assert gathering.attendance.count() == 8
    form = login("secretary").get(gathering.get_edit_url()).context["form"]
    assert {line.member_id: line.presence for line in form.attendance}[out] == "out"


# After filing


def sent_back(world: World, login, *kinds: str) -> Gathering:
    gathering = kept(world, login, *kinds)
    add_picture(gathering.filing)
    moment = at("2018-07-11 17:30")
    office = gathering.filing.desk == "office"
    move(gathering.filing, "file" if office else "keep", access=world.access("secretary", moment))
    who, name = ("office", "send_back") if office else ("secretary", "correct")
    move(gathering.filing, name, access=world.access(who, moment), note="请核对实到人数。")
    return Gathering.objects.get(pk=gathering.pk)


def test_what_was_sent_back_keeps_what_it_settled(issued: World, login) -> None:
    gathering = sent_back(issued, login, "theme_day")
    page = login("secretary").get(gathering.get_edit_url())
    assert "请核对实到人数。" in page.content.decode()
    data = typed(issued, "theme_day", edition=gathering.filing.edition, duty=[], place="操场", action="file")
    data["duty_shown"] = [offer.duty.pk for offer in page.context["form"].proposal.offers]
    login("secretary").post(gathering.get_edit_url(), data)
    filing = Filing.objects.get(pk=gathering.filing_id)
    assert (filing.state, filing.versions.count()) == ("filed", 2)
    assert set(Duty.objects.filter(settled_by=filing).values_list("code", flat=True)) == {"C7", "S6"}
    assert "操场" in filing.newest.text


def test_what_was_kept_does_not_become_what_the_office_must_see(issued: World, login) -> None:
    gathering = sent_back(issued, login, "committee_meeting")
    data = typed(issued, "committee_meeting", "theme_day", edition=gathering.filing.edition)
    response = login("secretary").post(gathering.get_edit_url(), data)
    assert "请另建一条活动记录" in response.content.decode()
    gathering.refresh_from_db()
    assert gathering.kinds == ["committee_meeting"]


def test_a_filed_record_keeps_its_year(issued: World, login) -> None:
    gathering = sent_back(issued, login, "theme_day")
    data = typed(issued, "theme_day", edition=gathering.filing.edition, held_on="2017-07-11")
    assert "只能在当年之内更改" in login("secretary").post(gathering.get_edit_url(), data).content.decode()


def test_a_filed_record_is_shown_and_not_edited(issued: World, login) -> None:
    login("secretary").post(NEW, typed(issued, action="file"))
    gathering = Gathering.objects.get()
    for response in (
        login("secretary").get(gathering.get_edit_url()),
        login("secretary").post(gathering.get_edit_url(), typed(issued, place="别处")),
    ):
        assert response.url == gathering.filing.get_absolute_url()
    gathering.refresh_from_db()
    assert gathering.place == "行政楼301"


# What the page's script asks


def asked(client, url: str, data: dict[str, Any]) -> Any:
    return client.post(url, data, headers={"Accept": "application/json"})


def test_looking_again_draws_the_parts_anew_and_writes_nothing(issued: World, login) -> None:
    before = counted()
    answer = asked(login("secretary"), NEW, typed(issued, "theme_day", action="refresh", until_time="13:00")).json()
    assert "7月主题党日" in answer["duties"]
    assert answer["label"] == "报送机关党委办公室"
    assert answer["errors"] == []
    assert "图片" in answer["missing"]
    assert counted() == before


def test_keeping_by_itself_tells_address_edition_and_errors(issued: World, login) -> None:
    client = login("secretary")
    wrong = asked(client, NEW, typed(issued, until_time="13:00"))
    assert (wrong.status_code, Gathering.objects.count()) == (422, 0)
    assert "结束须晚于开始" in wrong.json()["errors"][0]
    right = asked(client, NEW, typed(issued)).json()
    gathering = Gathering.objects.get()
    assert (right["url"], right["edition"]) == (gathering.get_edit_url(), gathering.filing.edition)
    assert right["pictures_url"] == reverse("plan:picture_add", args=[gathering.filing_id])
    stale = asked(client, right["url"], typed(issued, edition=0, place="别处"))
    assert (stale.status_code, "别人修改过" in stale.json()["lost"]) == (409, True)


# The frozen text


def test_the_snapshot_has_the_fields_of_the_record_form(issued: World, login) -> None:
    excused, absent = issued.member("commissioner").pk, issued.member("member").pk
    gathering = kept(
        issued, login, "theme_day", "lecture", lecturer=issued.member("secretary").pk, guests="王处长",
        **{f"presence-{excused}": "excused", f"reason-{excused}": "duty", f"presence-{absent}": "absent",
           "fixed_actions": ["缴纳党费"]},
    )  # fmt: skip
    snapshot = gathering_snapshot(gathering)
    fields = dict(snapshot["fields"])
    assert fields["活动类型"] == "党课、主题党日"
    assert fields["活动时间"] == "2018年7月11日14:30至17:00"
    assert (fields["时长"], fields["授课人"], fields["固定动作完成情况"]) == ("2.5小时", "陈静", "缴纳党费")
    assert fields["应到人数"] == "9（正式8，预备1）"
    assert (fields["实到人数"], fields["请假"], fields["缺席"]) == ("7（正式6，预备1）", "1人", "1人")
    assert fields["到会率"] == "77.8%"
    assert snapshot["tables"][0]["rows"] == [
        ["何平", "正式党员", "请假", "公出"], ["李强", "正式党员", "缺席", "未请假"]
    ]  # fmt: skip
    assert all(isinstance(text, str) for pair in snapshot["fields"] for text in pair)


# Lists and months


def test_the_list_shows_what_lies_with_me_first_then_the_newest(issued: World, login) -> None:
    client = login("secretary")
    for day in ("2018-07-02", "2018-07-09", "2018-07-05"):
        client.post(NEW, typed(issued, held_on=day, action="file"))
    draft = kept(issued, login, held_on="2018-06-20")
    shown = [record for record, _ in client.get("/study/gatherings/").context["records"]]
    assert [record.held_on.isoformat() for record in shown] == ["2018-06-20", "2018-07-09", "2018-07-05", "2018-07-02"]
    assert shown[0] == draft
    for who in ("office", "inspector", "member"):
        others = [record for record, _ in login(who).get("/study/gatherings/").context["records"]]
        assert others == shown[1:], who


def test_the_list_is_narrowed_by_kind_month_and_branch(issued: World, login) -> None:
    kept(issued, login, "committee_meeting", "theme_day", held_on="2018-06-20")
    kept(issued, login, "collective_study", held_on="2018-07-05")
    other = typed(issued, host=issued.member("other_secretary").pk, recorder=issued.member("other_member").pk)
    assert login("other_secretary").post(NEW, other).status_code == 302
    for number, filing in enumerate(Filing.objects.filter(kind="gathering").order_by("pk")):
        Filing.objects.filter(pk=filing.pk).update(
            state="filed", first_filed_at=at("2018-07-11 17:30"), filed_at=at("2018-07-11 17:30"),
            filed_by=filing.created_by, receipt=f"2018-09-{number:04d}",
        )  # fmt: skip

    def days(who: str, query: str) -> list[str]:
        records = login(who).get(f"/study/gatherings/?{query}").context["records"]
        return [f"{record.held_on:%m-%d}" for record, _ in records]

    assert days("secretary", "kind=theme_day") == ["06-20"]
    assert days("secretary", "month=2018-07") == ["07-05"]
    assert days("secretary", "kind=theme_day&month=2018-07") == []
    assert days("secretary", "kind=x&month=y&page=z") == ["07-05", "06-20"]
    assert days("office", f"branch={issued.second.pk}") == ["07-11"]
    assert len(days("office", "")) == 3
    assert len(days("member", "")) == 2
    assert days("other_member", "") == ["07-11"]


def test_the_month_shows_what_is_planned_beside_what_was_held(issued: World, login) -> None:
    item = planned(issued, date(2018, 7, 5))
    planned(issued, date(2018, 7, 1), last=date(2018, 7, 31), topic="通读《梁家河》", scope="individual")
    kept(issued, login, plan_item=item.pk, held_on="2018-07-06", title="七月集体学习")
    response = login("secretary").get("/study/calendar/")
    cells = {c["day"]: c["entries"] for week in response.context["weeks"] for c in week if c["here"]}
    assert cells[date(2018, 7, 5)][0]["item"] == item
    assert cells[date(2018, 7, 5)][0]["record"].title == "七月集体学习"
    assert cells[date(2018, 7, 6)][0]["record"].title == "七月集体学习"
    assert [entry["item"].topic for entry in response.context["spans"]] == ["通读《梁家河》"]
    assert "7月6日开展" in response.content.decode()


def test_the_month_shows_a_draft_plan_to_leaders_only(issued: World, login) -> None:
    planned(issued, date(2018, 7, 5))
    assert "学习党章" in login("secretary").get("/study/calendar/").content.decode()
    assert "学习党章" not in login("member").get("/study/calendar/").content.decode()
    Filing.objects.filter(kind="branch_plan").update(
        state="filed", first_filed_at=at("2018-07-03 09:00"), filed_at=at("2018-07-03 09:00"),
        filed_by=issued.users["secretary"], receipt="2018-01-0001",
    )  # fmt: skip
    assert "学习党章" in login("member").get("/study/calendar/").content.decode()


@pytest.mark.parametrize(
    ("month", "shown"),
    [
        ("2018-08", "2018年8月"), ("2018-13", "2018年7月"), ("x", "2018年7月"), ("", "2018年7月"),
        ("99999-1", "2018年7月"), ("2100-12", "2100年12月"), ("1990-01", "1990年1月"), ("٢٠١٨-07", "2018年7月"),
    ],
)  # fmt: skip
def test_a_month_that_is_none_is_this_month(issued: World, login, month: str, shown: str) -> None:
    response = login("secretary").get("/study/calendar/", {"month": month})
    assert f"<h1>{shown}</h1>" in response.content.decode()


def test_a_branch_that_one_does_not_see_has_no_month(issued: World, login) -> None:
    assert login("member").get(f"/study/calendar/?branch={issued.second.pk}").status_code == 404
    assert login("office").get(f"/study/calendar/?branch={issued.first.pk}").status_code == 200


@pytest.mark.parametrize("who", ["secretary", "member", "office", "inspector"])
def test_pages_carry_no_code_and_no_style_of_their_own(issued: World, login, who: str) -> None:
    kept(issued, login, "theme_day")
    for url in ("/study/gatherings/", "/study/calendar/", *([NEW] if who == "secretary" else [])):
        text = login(who).get(url).content.decode()
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=|<style|javascript:", text)
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert sorted(ids) == sorted(set(ids))


# As many questions for three hundred rows as for one


def queries(client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_form_asks_as_little_for_300_members_as_for_one(issued: World, login) -> None:
    client = login("secretary")
    gathering = kept(issued, login, "theme_day")
    counts, posted, again = [], [], []
    for size in (1, 3, 300):
        there = issued.first.memberships.count()
        for n in range(there, size):
            add_member(issued.first, f"同志{n}", f"7{n:04d}")
        counts.append((queries(client, NEW), queries(client, gathering.get_edit_url())))
        data = typed(issued, "theme_day", edition=Filing.objects.get(pk=gathering.filing_id).edition)
        with CaptureQueriesContext(connection) as captured:
            assert client.post(gathering.get_edit_url(), data).status_code == 302
        posted.append(len(captured))
        data["edition"] = Filing.objects.get(pk=gathering.filing_id).edition
        with CaptureQueriesContext(connection) as captured:
            assert client.post(gathering.get_edit_url(), data).status_code == 302
        again.append(len(captured))
    assert len(set(counts)) == 1, counts
    assert len(set(again)) == 1, "what is kept already is not written again"
    assert posted[0] == posted[1]
    assert posted[2] <= posted[1] + 4, "SQLite takes 999 values a statement: 300 lines are four or five of them"


def test_the_list_and_the_month_ask_as_little_for_300_records_as_for_one(issued: World, login) -> None:
    client, office = login("secretary"), login("office")
    counts = []
    first = kept(issued, login, "theme_day")
    planned(issued, date(2018, 7, 5))
    for size in (1, 3, 300):
        for n in range(Gathering.objects.count(), size):
            filing = begin(
                kind="gathering", access=issued.access("secretary", at("2018-07-02 09:00")), title=f"活动{n}",
                year=2018, branch=issued.first, desk="office", handling="inform",
            )  # fmt: skip
            item = planned(issued, date(2018, 7, 1 + n % 31), responsible=issued.member("deputy"))
            Gathering.objects.create(
                filing=filing, branch=issued.first, title=f"活动{n}", kinds=["theme_day"], held_at=first.held_at,
                ended_at=first.ended_at, plan_item=item if n % 2 else None,
            )  # fmt: skip
        addresses = ("/study/gatherings/", "/study/calendar/", "/study/gatherings/?kind=theme_day&month=2018-07")
        counts.append([queries(client, a) for a in addresses] + [queries(office, a) for a in addresses])
    assert counts[0] == counts[1] == counts[2], counts
