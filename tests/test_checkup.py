"""The health check: every rule in a world with its trouble and in one without; who is told; how much it asks."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, timedelta

import openpyxl
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from branches.checkup import Level, Scope
from branches.models import Branch, Committee, Member, Membership, PartyGroup, Post, User
from commitments.models import Nomination, PioneerPost, Term
from config import checkup
from plan.models import Duty, DutyChange, Filing, Relief, SpecialDay
from plan.moves import begin
from study.models import Attendance, Gathering, PlanItem
from tests.commitments.posts import branch_with_posts, served
from tests.conftest import World, add_member, at, logged_in
from tests.records import branch_plan_of, gathering_of, member_plan_of, sent

pytestmark = pytest.mark.django_db

NOW = at("2018-07-20 10:00")
TODAY = NOW.date()


def found(world: World, code: str, who: str = "office", now=NOW) -> list[str]:
    """What the rule says to this person."""
    access = world.access(who, now)
    rule = checkup.BY_CODE[code]
    if rule not in checkup.rules_for(access):
        return []
    scope = Scope(access)
    return [rule.say(row, scope).text for row in rule.found(scope)]


def post_of(world: World, who: str) -> Post:
    return Post.objects.get(member=world.member(who), branch__isnull=False)


# ---------------------------------------------------------------------------------------------------- the troubles


def secretary_left(w: World) -> str:
    Post.objects.filter(pk=post_of(w, "secretary").pk).update(until_on=date(2018, 7, 1))
    return "教务处党支部今天没有支部书记，陈静已于7月1日离任。"


def nobody_can_file(w: World) -> str:
    User.objects.filter(pk=w.users["other_secretary"].pk).update(is_active=False)
    return "科研处党支部书记、副书记的账号都没有激活或已暂停，没有人能以支部名义报送。"


def post_left_open(w: World) -> str:
    Post.objects.filter(pk=post_of(w, "deputy").pk).update(until_on=date(2018, 6, 1))
    return "周敏6月1日卸任支部副书记，已49天没有人接任。"


def holder_transferred(w: World) -> str:
    Membership.objects.filter(member=w.member("commissioner")).update(until_on=date(2018, 7, 1))
    return "何平已不在教务处党支部的名册上，仍任组织委员。"


def holder_retired(w: World) -> str:
    Member.objects.filter(pk=w.member("deputy").pk).update(retired_on=date(2018, 3, 1))
    return "周敏已于3月1日离退休，仍任支部副书记。"


def too_few_seats(w: World) -> str:
    Post.objects.filter(pk=post_of(w, "deputy").pk).update(until_on=date(2018, 7, 10))
    return "教务处党支部有正式党员8名，支部委员会只有2人任职。"


def term_over(w: World) -> str:
    Branch.objects.filter(pk=w.first.pk).update(elected_on=date(2015, 7, 1))
    return "教务处党支部本届任期已于7月1日届满，已逾期19天，请尽快换届；需要延期的，按程序报批。"


def groups_with_gaps(w: World) -> str:
    group = PartyGroup.objects.create(branch=w.first, name="第一党小组")
    Membership.objects.filter(member=w.member("secretary")).update(group=group)
    return "教务处党支部设有党小组，还有8名党员没有编入。"


def not_activated(w: World) -> str:
    User.objects.filter(pk=w.users["other_member"].pk).update(must_change_password=True)
    return "科研处党支部有1名党员的账号没有激活。"


def entered_twice(w: World) -> str:
    add_member(w.first, "孙丽", "0018006x")
    return "孙丽（18006）与孙丽（0018006x）：姓名和入党日期相同。"


def draft_left(w: World) -> str:
    gathering_of(w, "七一活动", "red")
    return "教务处党支部有1份活动记录草稿，起草于7月2日，18天没有报送。"


def sent_back_left(w: World) -> str:
    filing = sent(gathering_of(w, "七一活动", "red").filing, "secretary", w)
    Filing.objects.filter(pk=filing.pk).update(state="sent_back", state_since=at("2018-07-05 10:00"))
    return "“七一活动”7月5日退回，15天没有再报。"


def at_the_desk(w: World) -> str:
    sent(gathering_of(w, "七一活动", "red").filing, "secretary", w)
    return "“七一活动”7月2日报到机关党委办公室，18天没有办理。"


def nobody_approves(w: World) -> str:
    sent(member_plan_of(w, w.plan, date(2018, 7, 9)).filing, "member", w)
    Post.objects.filter(branch=w.first).update(until_on=date(2018, 7, 10))
    return "“李强2018年个人自学计划”已报到教务处党支部，支部没有能审定的书记或副书记。"


def member_left(w: World) -> str:
    Membership.objects.filter(member=w.member("member")).update(until_on=date(2018, 7, 1))
    return "李强已不在教务处党支部，名下还有未办结的“个人年度学习计划报所在支部”（2018年）。"


def branch_closed(w: World) -> str:
    Duty.objects.filter(branch=w.second).exclude(code="S12", member__isnull=True).delete()
    Branch.objects.filter(pk=w.second.pk).update(closed_on=date(2018, 7, 15))
    return "科研处党支部已于7月15日撤销，还有1项任务没有办结。"


def paused_with_duties(w: World) -> str:
    User.objects.filter(pk=w.users["member"].pk).update(is_active=False)
    return "李强账号已暂停，有2项任务一周内到期或已逾期，本人无法办理。"


def proof_without_page(w: World) -> str:
    one = Duty.objects.get(code="S12", branch=w.first, member__isnull=True)
    type(one.requirement).objects.filter(pk=one.requirement_id).update(proof="statue")
    return "S12“支部年度学习计划报机关党委办公室”有2项一周内到期或已逾期，系统里还没有办理页面。"


def extension_over(w: World) -> str:
    relief = granted(w, kind="extend", due_on=date(2018, 7, 16), until_on=date(2018, 7, 11))
    duty = Duty.objects.get(code="S12", branch=w.first, member__isnull=True)
    DutyChange.objects.create(
        duty=duty, changed_at=NOW, why="延期", relief=relief, due_before=duty.due_at, due_after=duty.due_at,
        late_before=duty.late_at, late_after=duty.late_at,
    )  # fmt: skip
    return "教务处党支部延期到7月16日的任务已经到期，还没有全部办结。"


def exemption_over(w: World) -> str:
    granted(w, kind="exempt", until_on=date(2018, 7, 15), name="暑假")
    return "教务处党支部的免除（暑假）到7月15日止，以后到期的要照常办理。"


def granted(w: World, **values) -> Relief:
    office = w.users["office"]
    return Relief.objects.create(
        committee=w.committee, branch=w.first, state="granted", year=2018, codes=["S12"], reason="外出",
        from_on=date(2018, 7, 1), asked_at=NOW, asked_by=w.users["secretary"], decided_at=NOW, decided_by=office,
        **values,
    )  # fmt: skip


def nothing_issued(w: World) -> str:
    other = Committee.objects.create(name="学院党总支", short_name="学院", code="学院", kind="general")
    Branch.objects.create(committee=other, code="01", name="学院党支部", founded_on=date(2015, 1, 1))
    Post.objects.create(member=w.member("office"), kind="office", committee=other, from_on=date(2018, 1, 1))
    return "学院党总支还没有下发2018年实施方案，2018年的任务不会产生。"


def against_the_notice(w: World) -> str:
    for day in (29, 30):
        SpecialDay.objects.create(
            committee=w.committee, day=date(2018, 9, day), works=False, name="校庆", set_at=NOW,
            set_by=w.users["office"],
        )  # fmt: skip
    return "9月29日–30日：放假通知是国庆节调休上班，工作日历填的是校庆放假。"


COLOURS = {"六": "orange", "请": "green", "七": "blue", "八": "yellow", "专": "black"}


def held(w: World, title: str, day: str, branch: Branch | None = None, **presence: str) -> Gathering:
    """A theme day of the first branch, filed that evening, with everybody of its roster there but for these."""
    gathering = gathering_of(w, title, COLOURS[title[0]])
    begins = at(f"{day} 09:00")
    Gathering.objects.filter(pk=gathering.pk).update(held_at=begins, ended_at=begins + timedelta(hours=3))
    for who, how in presence.items():
        reason = "sick" if how == "excused" else ""
        Attendance.objects.filter(gathering=gathering, member=w.member(who)).update(presence=how, reason=reason)
    sent(gathering.filing, "secretary", w)
    return gathering


def away_twice(w: World) -> str:
    held(w, "六月党日", "2018-06-14", member="absent", deputy="absent")
    held(w, "请假党日", "2018-06-20", member="excused", deputy="present")
    held(w, "七月党日", "2018-07-01", member="absent", deputy="absent")
    return "李强连续两次未请假缺席：6月14日“六月党日”、7月1日“七月党日”。"


def nobody_listed(w: World) -> str:
    held(w, "七月党日", "2018-07-01").attendance.all().delete()
    return "7月1日“七月党日”没有到会情况。"


def list_is_off(w: World) -> str:
    gathering = held(w, "七月党日", "2018-07-01")
    gathering.attendance.filter(member__in=[w.member("deputy"), w.member("member")]).delete()
    return "7月1日“七月党日”应到7人，当天名册是9人。"


def plan_not_filed(w: World) -> str:
    return "教务处党支部还没有报送2018年学习计划，7月11日到期。"


def months_empty(w: World) -> str:
    plan = branch_plan_of(w, w.plan, date(2018, 7, 20))
    sent(plan.filing, "secretary", w)
    for month in (8, 9, 11, 12):
        PlanItem.objects.create(plan=plan, topic="学习", starts_on=date(2018, month, 5), ends_on=date(2018, month, 5))
    return "教务处党支部的2018年学习计划中，10月没有安排集体学习或活动。"


# Pioneer posts


def stands(w: World, until: date) -> Term:
    """Somebody of the first branch on its one post, until that day."""
    name, access = branch_with_posts(w, people=1)[0].name, w.access("secretary", at("2018-07-02 09:00"))
    nomination = Nomination.objects.get(member__name=name)
    return Term.objects.create(
        post=PioneerPost.objects.get(), member=nomination.member, nomination=nomination, from_on=date(2018, 7, 2),
        until_on=until, begun_at=access.now, begun_by=access.actor,
    )  # fmt: skip


def turn_is_over(w: World) -> str:
    return f"{stands(w, date(2018, 7, 16)).member.name}在“服务窗口1”驻岗，7月15日到期，已过5天还没有轮换。"


def turn_soon_over(w: World) -> str:
    return f"{stands(w, date(2018, 7, 27)).member.name}在“服务窗口1”驻岗，7月26日到期。"


def pioneer_moved(w: World) -> str:
    term = stands(w, date(2018, 8, 2))
    Membership.objects.filter(member=term.member).update(until_on=TODAY)
    return f"{term.member.name}在“服务窗口1”驻岗，但已不在本支部名册上。"


def post_stands_empty(w: World) -> str:
    branch_with_posts(w)
    return "“服务窗口1”现在没有党员驻岗。"


def passed_over(w: World) -> str:
    first, other = branch_with_posts(w, people=2)
    access, post = w.access("secretary", at("2018-07-02 09:00")), PioneerPost.objects.get()
    Nomination.objects.update(decided_at=at("2018-01-02 09:00"))
    for month in (5, 6):
        served(Nomination.objects.get(member=first), post, access, date(2018, month, 1), date(2018, month + 1, 1))
    return f"{other.name}1月2日入选并愿意驻岗，一直没有轮到，其间有人驻岗两次以上。"


TROUBLES: list[tuple[str, Callable[[World], str]]] = [
    ("no-secretary", secretary_left), ("no-filer", nobody_can_file), ("post-gap", post_left_open),
    ("holder-gone", holder_transferred), ("holder-retired", holder_retired), ("few-seats", too_few_seats),
    ("term-due", term_over), ("ungrouped", groups_with_gaps), ("never-activated", not_activated),
    ("doubles", entered_twice), ("old-drafts", draft_left), ("sent-back", sent_back_left),
    ("long-at-desk", at_the_desk), ("no-approver", nobody_approves), ("left-behind", member_left),
    ("of-closed", branch_closed), ("without-account", paused_with_duties), ("no-page", proof_without_page),
    ("relief-over", extension_over), ("relief-over", exemption_over), ("no-plan", nothing_issued),
    ("against-notice", against_the_notice), ("absent-twice", away_twice), ("no-attendance", nobody_listed),
    ("expected-off", list_is_off), ("empty-months", months_empty),
    ("post-term-over", turn_is_over), ("post-term-ends", turn_soon_over), ("post-holder-left", pioneer_moved),
    ("post-empty", post_stands_empty), ("post-same-people", passed_over),
]  # fmt: skip


@pytest.mark.parametrize(("code", "trouble"), TROUBLES, ids=[f"{c}:{t.__name__}" for c, t in TROUBLES])
def test_a_rule_tells_its_trouble_and_is_silent_without_it(issued: World, code: str, trouble) -> None:
    before = found(issued, code)
    sentence = trouble(issued)
    assert sentence not in before
    assert sentence in found(issued, code), found(issued, code)


def test_every_rule_has_its_trouble_above() -> None:
    assert {code for code, _ in TROUBLES} | {"no-study-plan", "year-unknown"} == set(checkup.BY_CODE)
    assert len(checkup.BY_CODE) == len(checkup.RULES)


def test_a_branch_that_filed_its_study_plan_is_not_asked_for_it(issued: World) -> None:
    sentence = plan_not_filed(issued)
    assert sentence in found(issued, "no-study-plan")
    assert found(issued, "no-study-plan", now=at("2018-07-09 10:00")) == []
    sent(branch_plan_of(issued, issued.plan, date(2018, 7, 20)).filing, "secretary", issued)
    assert sentence not in found(issued, "no-study-plan")


def test_a_year_without_notice_is_told_until_the_office_has_entered_it(issued: World) -> None:
    late = at("2030-11-02 10:00")
    assert found(issued, "year-unknown", now=at("2018-11-02 10:00")) == []
    there = found(issued, "year-unknown", now=late)
    assert [words[:5] for words in there] == ["2030年", "2031年"]
    SpecialDay.objects.create(
        committee=issued.committee, day=date(2031, 1, 1), works=False, name="元旦", set_at=late,
        set_by=issued.users["office"],
    )  # fmt: skip
    assert [words[:5] for words in found(issued, "year-unknown", now=late)] == ["2030年"]
    assert found(issued, "year-unknown", now=at("2030-10-31 10:00"))[0].startswith("2030年")


# What does not count


def test_leave_is_no_absence_and_presence_ends_a_row_of_them(issued: World) -> None:
    held(issued, "六月党日", "2018-06-14", member="absent")
    held(issued, "七月党日", "2018-07-01", member="excused")
    assert found(issued, "absent-twice") == []
    held(issued, "八一党日", "2018-07-15", member="absent")
    assert len(found(issued, "absent-twice")) == 1
    held(issued, "专题党日", "2018-07-18")
    assert found(issued, "absent-twice") == []


def test_what_is_not_filed_and_last_year_s_makes_nobody_absent(issued: World) -> None:
    away_twice(issued)
    assert len(found(issued, "absent-twice")) == 1
    assert found(issued, "absent-twice", now=at("2019-01-02 10:00")) == []
    Filing.objects.filter(title="七月党日").update(state="discarded")
    assert found(issued, "absent-twice") == []


def test_the_notice_s_own_days_and_days_gone_by_contradict_nothing(issued: World) -> None:
    against_the_notice(issued)
    SpecialDay.objects.update(works=True)
    assert found(issued, "against-notice") == []
    SpecialDay.objects.update(works=False)
    assert found(issued, "against-notice", now=at("2018-10-08 10:00")) == []


def test_the_head_of_a_branch_of_the_retired_may_be_retired(issued: World) -> None:
    Member.objects.filter(memberships__branch=issued.first).update(retired_on=date(2017, 1, 1))
    assert found(issued, "holder-retired") == []


# Who is told


@pytest.fixture
def ready(issued: World, clock) -> World:
    clock("2018-07-20 10:00")
    return issued


def answered(response) -> int:
    """The status of an answer that was read to its end."""
    response.close()
    return response.status_code


def page(world: World, who: str, address: str = "/checkup/"):
    return logged_in(world.users[who]).get(address)


@pytest.mark.parametrize(
    ("who", "status"),
    [("office", 200), ("secretary", 200), ("deputy", 200), ("commissioner", 200), ("other_secretary", 200),
     ("member", 403), ("security", 403)],
)  # fmt: skip
def test_only_the_office_and_leaders_open_it(ready: World, who: str, status: int) -> None:
    for address in ("/checkup/", "/checkup/no-secretary/", "/checkup.xlsx"):
        assert answered(page(ready, who, address)) == status


def test_leaders_are_told_of_their_own_branch_and_of_no_accounts(ready: World) -> None:
    nobody_can_file(ready)
    not_activated(ready)
    secretary_left(ready)
    office, deputy, other = (page(ready, who).content.decode() for who in ("office", "deputy", "other_secretary"))
    assert "教务处党支部今天没有支部书记" in office
    assert "教务处党支部今天没有支部书记" in deputy
    assert "教务处党支部" not in other
    assert "没有激活" in office
    assert "没有激活" not in deputy
    for code in ("never-activated", "no-filer", "without-account", "doubles", "no-plan", "nothing-such"):
        assert page(ready, "deputy", f"/checkup/{code}/").status_code == 404


def test_a_draft_s_title_is_told_to_those_who_write_it_alone(ready: World) -> None:
    draft_left(ready)
    assert "七一活动" in page(ready, "secretary").content.decode()
    for address in ("/checkup/", "/checkup/old-drafts/"):
        assert "七一活动" not in page(ready, "office", address).content.decode()
    assert "七一活动" not in str(sheet_of(page(ready, "office", "/checkup.xlsx")))


def test_another_committee_s_trouble_is_not_told(ready: World) -> None:
    other = Committee.objects.create(name="别的机关党委", short_name="别的", code="别的")
    branch = Branch.objects.create(committee=other, code="01", name="别的党支部", founded_on=date(2015, 1, 1))
    add_member(branch, "别人", "77001")
    assert "别的党支部" not in page(ready, "office").content.decode()
    assert page(ready, "office", f"/checkup/?branch={branch.pk}").context["branch"] is None


def test_who_works_in_the_office_and_leads_elsewhere_is_told_no_accounts_from_there(ready: World) -> None:
    other = Committee.objects.create(name="别的机关党委", short_name="别的", code="别的")
    branch = Branch.objects.create(committee=other, code="01", name="别的党支部", founded_on=date(2015, 1, 1))
    add_member(branch, "别人", "77001")
    Post.objects.create(member=ready.member("office"), kind="deputy", branch=branch, from_on=date(2018, 1, 1))
    assert any("别的党支部" in words for words in found(ready, "no-secretary"))
    assert not any("别的党支部" in words for words in found(ready, "never-activated"))


# The pages


def sheet_of(response) -> list[tuple]:
    assert response.status_code == 200
    book = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    response.close()
    return [row for row in book.active.iter_rows(values_only=True)]


def test_one_rule_is_told_by_pages_and_one_branch_by_itself(ready: World) -> None:
    for n in range(60):
        Branch.objects.create(committee=ready.committee, code=f"x{n}", name=f"第{n}党支部", founded_on=date(2015, 1, 1))
    home = page(ready, "office")
    told = next(one for one in home.context["told"] if one.rule.code == "no-secretary")
    assert (told.total, len(told.findings)) == (60, 20)
    assert "全部60条" in home.content.decode()
    second = page(ready, "office", "/checkup/no-secretary/?page=2")
    assert (len(second.context["findings"]), second.context["page"].paginator.count) == (10, 60)
    one = Branch.objects.get(code="x7")
    narrowed = page(ready, "office", f"/checkup/?branch={one.pk}&level=要改")
    assert {f.branch for told in narrowed.context["told"] for f in told.findings} == {"第7党支部"}
    assert {told.rule.level for told in narrowed.context["told"]} == {Level.MEND}
    only = page(ready, "office", "/checkup/?rule=no-filer").context["told"]
    assert [told.rule.code for told in only] == ["no-filer"]


def test_the_workbook_holds_every_finding_with_its_cure(ready: World) -> None:
    secretary_left(ready)
    rows = sheet_of(page(ready, "office", "/checkup.xlsx?rule=no-secretary"))
    words = "教务处党支部今天没有支部书记，陈静已于7月1日离任。"
    line = next(row for row in rows if words in row)
    assert line[:3] == ("要改", "支部没有书记", "教务处党支部")
    assert "选举或指定书记后，在支部页登记任职。" in line


@pytest.mark.parametrize(
    "query", ["branch=99999", "branch=" + "9" * 5000, "branch=a%00b", "level=x", "rule=%00", "page=x"]
)
def test_nonsense_in_the_address_is_passed_over(ready: World, query: str) -> None:
    for address in ("/checkup/", "/checkup/no-secretary/", "/checkup.xlsx"):
        assert answered(page(ready, "office", f"{address}?{query}")) == 200


def test_every_finding_leads_to_a_page_that_its_reader_may_open(ready: World) -> None:
    away_twice(ready)
    for trouble in (secretary_left, holder_transferred, groups_with_gaps, months_empty, extension_over):
        trouble(ready)
    for who in ("office", "deputy"):
        client = logged_in(ready.users[who])
        urls = {f.url for told in client.get("/checkup/").context["told"] for f in told.findings if f.url}
        assert len(urls) > 5
        assert {url: client.get(url).status_code for url in urls} == dict.fromkeys(urls, 200)


# How much it asks


def test_it_asks_as_much_for_thirty_branches_as_for_one(ready: World) -> None:
    asked = []
    client = logged_in(ready.users["office"])
    for trouble in (away_twice, secretary_left, groups_with_gaps, against_the_notice):
        trouble(ready)
    for size in (1, 3, 30):
        for n in range(Branch.objects.count() - 2, size):
            branch = Branch.objects.create(
                committee=ready.committee, code=f"x{n}", name=f"第{n}党支部", founded_on=date(2015, 1, 1),
                elected_on=date(2015, 1, 1),
            )  # fmt: skip
            member = add_member(branch, f"书记{n}", f"6{n:04d}")
            Post.objects.create(member=member, kind="secretary", branch=branch, from_on=date(2015, 1, 1))
            begin(kind="paper", access=ready.access("secretary", at("2018-06-30 10:00")), title="材料", year=2018,
                  branch=branch, desk="office", handling="inform")  # fmt: skip
        counts = []
        for address in ("/checkup/", "/checkup/no-filer/", "/checkup.xlsx"):
            with CaptureQueriesContext(connection) as queries:
                response = client.get(address)
                assert answered(response) == 200
            counts.append(len(queries))
        asked.append(counts)
    assert asked[0] == asked[1] == asked[2], asked


def test_the_numbers_for_a_home_come_in_few_queries(ready: World) -> None:
    secretary_left(ready)
    access = ready.access("office", NOW)
    with CaptureQueriesContext(connection) as queries:
        numbers = checkup.counts(access)
    assert len(queries) <= 4
    told = checkup.told([rule for rule in checkup.rules_for(access) if rule.code != "doubles"], Scope(access), 1)
    assert numbers.mend == sum(one.total for one in told if one.rule.level == Level.MEND)
    assert numbers.look == sum(one.total for one in told if one.rule.level == Level.LOOK)


def test_the_administrator_reads_numbers_and_no_names(ready: World, capsys) -> None:
    secretary_left(ready)
    call_command("checkup")
    words = capsys.readouterr().out
    assert "支部没有书记" in words
    assert "教务处" not in words
    assert "陈静" not in words
