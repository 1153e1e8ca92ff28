"""Exemptions and extensions: who asks, who decides, what they change, and what they leave as it was."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Q

from branches.access import Access
from branches.models import AuditEvent, Committee, Post
from inbox.models import Message
from plan import reliefs
from plan.models import Duty, Filing, Relief, Standing
from plan.opening import open_for_newcomers
from plan.reliefs import MOVES, AlreadyDecided, Asking, NotYours, PasswordNeeded, ReliefRefused, ask, move
from plan.relieved import first_due, touched
from tests.conftest import World, add_member, add_user, at
from tests.plan.filed import duty_of, filed_report, paper_by

pytestmark = pytest.mark.django_db
NOW = at("2018-07-04 10:00")
SUMMER = Asking(
    kind="exempt", reason="放假。", name="暑假", year=2018, from_on=date(2018, 7, 15), until_on=date(2018, 8, 25),
    codes=("S7", "S8"),
)  # fmt: skip


def colleague(world: World, who: str = "colleague", number: str = "18500") -> None:
    """A second person in the committee's office."""
    member = add_member(world.second, "高远", number)
    world.users[who] = add_user(member)
    Post.objects.create(member=member, kind=Post.Kind.OFFICE, committee=world.committee, from_on=date(2016, 1, 1))


@pytest.fixture
def staffed(issued: World) -> World:
    colleague(issued)
    return issued


def extension(duty: Duty, due_on: date = date(2019, 1, 15), **changes) -> Asking:
    day = (duty.due_at - timedelta(days=1)).astimezone(NOW.tzinfo).date()
    asking = Asking(
        kind="extend", reason="支部书记出差。", year=2018, from_on=day, until_on=day, duties=(duty.pk,), due_on=due_on
    )
    return replace(asking, **changes)


def exemption(duty: Duty) -> Asking:
    return extension(duty, kind="exempt", due_on=None)


def asked(world: World, asking: Asking, who: str = "secretary", key: str = "k1", moment=NOW) -> Relief:
    access = world.access(who, moment)
    office = bool(asking.name)
    return ask(asking, access=access, committee=world.committee, branch=None if office else world.first, form_key=key)


def granted(world: World, asking: Asking, moment=NOW, key: str = "k1") -> Relief:
    """By two persons of the office."""
    relief = asked(world, asking, "office" if asking.name else "secretary", key, moment)
    if not asking.name:
        move(relief, "second", access=world.access("office", moment))
    return move(relief, "grant", access=world.access("colleague", moment))


# The table


def in_state(world: World, state: str, key: str) -> Relief:
    """A request of the branch in that state, by the shortest way."""
    relief = asked(world, exemption(duty_of(world, "I2")), key=key)
    office, other = world.access("office", NOW), world.access("colleague", NOW)
    ways = {
        "asked": [], "seconded": [("second", office)], "granted": [("second", office), ("grant", other)],
        "refused": [("refuse", office)], "withdrawn": [("withdraw", world.access("secretary", NOW))],
        "ended": [("second", office), ("grant", other), ("end", office)],
    }  # fmt: skip
    for name, access in ways[state]:
        relief = move(relief, name, access=access, note="原因")
    return relief


def test_every_state_and_every_move_against_the_table(staffed: World) -> None:
    """From each state, by somebody who may make it: to the state of the table, or not at all."""
    able = {"second": "office", "grant": "colleague", "refuse": "colleague", "withdraw": "deputy", "end": "office"}
    found = set()
    for n, (state, name) in enumerate(itertools.product(Relief.State.values, MOVES)):
        with transaction.atomic():
            relief = in_state(staffed, state, f"k{n}")
            try:
                after = move(relief, name, access=staffed.access(able[name], NOW), note="原因").state
                found.add((state, name, after))
            except AlreadyDecided:
                assert Relief.objects.get(pk=relief.pk).state == state
            except NotYours:
                found.add((state, name, "refused"))
            transaction.set_rollback(True)
    assert found == {
        ("asked", "second", "seconded"), ("asked", "grant", "refused"), ("asked", "refuse", "refused"),
        ("asked", "withdraw", "withdrawn"), ("seconded", "grant", "granted"), ("seconded", "refuse", "refused"),
        ("seconded", "withdraw", "withdrawn"), ("granted", "end", "ended"),
    }  # fmt: skip


WHO_MAY = {
    # Who sees the button, in each state, of the branch's request that the secretary made.
    "asked": {"secretary": {"withdraw"}, "deputy": {"withdraw"}, "office": {"second", "refuse"},
              "colleague": {"second", "refuse"}},
    "seconded": {"secretary": {"withdraw"}, "deputy": {"withdraw"}, "office": {"refuse"},
                 "colleague": {"grant", "refuse"}},
    "granted": {"office": {"end"}, "colleague": {"end"}},
    "refused": {}, "withdrawn": {}, "ended": {},
}  # fmt: skip


@pytest.mark.parametrize("state", list(WHO_MAY))
def test_who_may_do_what(staffed: World, state: str) -> None:
    relief = in_state(staffed, state, "k")
    for who in staffed.users:
        access = staffed.access(who, NOW)
        desk = reliefs.Desk.of(relief, access.on)
        may = set(reliefs.allowed(access, relief, desk))
        assert may == WHO_MAY[state].get(who, set()), (state, who)
        for name, rule in MOVES.items():
            if relief.state in rule.came_from and name not in may:
                with pytest.raises(NotYours):
                    move(relief, name, access=access, note="原因")


def test_a_refusal_and_an_end_need_their_reason(staffed: World) -> None:
    relief = asked(staffed, exemption(duty_of(staffed, "I2")))
    with pytest.raises(ReliefRefused, match="原因"):
        move(relief, "refuse", access=staffed.access("office", NOW), note="  ")
    relief.refresh_from_db()
    assert relief.state == "asked"


# Asked


def test_only_those_who_file_for_the_branch_ask(issued: World) -> None:
    for who in ("commissioner", "member", "other_secretary", "office", "inspector"):
        with pytest.raises(NotYours):
            asked(issued, exemption(duty_of(issued, "I2")), who)
    for who in ("secretary", "office"):
        relief = asked(issued, SUMMER, who) if who == "office" else None
        assert relief is None or relief.branch is None
    with pytest.raises(NotYours):
        asked(issued, SUMMER, "secretary", "k9")


def test_two_clicks_ask_once_and_nothing_changes_before_the_grant(staffed: World) -> None:
    duty = duty_of(staffed, "I2")
    first, second = asked(staffed, extension(duty)), asked(staffed, extension(duty))
    assert first.pk == second.pk
    move(first, "second", access=staffed.access("office", NOW))
    duty.refresh_from_db()
    assert duty.changed_at is None


# Decided


def test_an_extension_moves_the_deadline_when_the_second_person_agrees(staffed: World) -> None:
    duty = duty_of(staffed, "I2")
    relief = granted(staffed, extension(duty))
    fresh = Duty.objects.get(pk=duty.pk)
    assert fresh.due_at == at("2019-01-16 00:00")
    change = relief.changes.get()
    assert (change.due_before, change.why) == (duty.due_at, "支部书记出差。")
    assert (relief.first_by, relief.decided_by) == (staffed.users["office"], staffed.users["colleague"])
    assert set(touched(relief)) == {fresh}


def test_an_exemption_frees_and_keeps_the_draft(staffed: World) -> None:
    duty = duty_of(staffed, "I2")
    draft = paper_by(staffed.access("secretary", NOW), duty)
    granted(staffed, exemption(duty))
    assert Duty.objects.with_standing(NOW).get(pk=duty.pk).standing == Standing.WAIVED
    draft.refresh_from_db()
    assert draft.state == Filing.State.DRAFT
    assert draft.claim_rows.get().duty_id == duty.pk


def test_what_was_settled_before_the_grant_is_not_touched(staffed: World) -> None:
    """Punctuality is that of the first filing: nothing about a settled duty changes."""
    duty = duty_of(staffed, "I2")
    relief = asked(staffed, extension(duty))
    move(relief, "second", access=staffed.access("office", NOW))
    filed = filed_report(staffed, at("2018-07-05 10:00"))
    before = Duty.objects.filter(pk=duty.pk).values().get()
    assert before["settled_by_id"] == filed.pk
    move(relief, "grant", access=staffed.access("colleague", at("2018-07-06 10:00")))
    assert Duty.objects.filter(pk=duty.pk).values().get() == before
    assert not relief.changes.exists()


def test_granted_after_the_deadline_it_is_overdue_no_more_from_then_on(staffed: World) -> None:
    duty = duty_of(staffed, "S1")
    late = at("2018-07-13 10:00")
    mine = Duty.objects.filter(pk=duty.pk)
    assert mine.overdue(late).exists()
    granted(staffed, extension(duty, date(2018, 7, 20)), late)
    assert not mine.overdue(late).exists()
    assert not mine.overdue(at("2018-07-20 23:59")).exists()
    assert mine.overdue(at("2018-07-21 00:00")).exists()


def test_nobody_grants_what_he_asked_for_even_with_a_post_in_the_office(staffed: World) -> None:
    """The secretary works in the office, too."""
    both = staffed.member("secretary")
    Post.objects.create(member=both, kind=Post.Kind.OFFICE, committee=staffed.committee, from_on=date(2016, 1, 1))
    relief = asked(staffed, exemption(duty_of(staffed, "I2")))
    mine = staffed.access("secretary", NOW)
    for name in ("second", "grant", "refuse"):
        with pytest.raises(NotYours):
            move(relief, name, access=mine, note="原因", sure=True)
    move(relief, "second", access=staffed.access("office", NOW))
    with pytest.raises(NotYours):
        move(relief, "grant", access=mine, sure=True)
    assert move(relief, "grant", access=staffed.access("colleague", NOW)).state == "granted"


def test_the_database_refuses_one_person_for_two(staffed: World) -> None:
    relief = in_state(staffed, "granted", "k")
    with pytest.raises(IntegrityError, match="relief_two_persons"), transaction.atomic():
        Relief.objects.filter(pk=relief.pk).update(first_by=relief.decided_by)


def test_an_office_of_one_decides_alone_what_the_branch_asked_for(issued: World) -> None:
    relief = asked(issued, exemption(duty_of(issued, "I2")))
    office = issued.access("office", NOW)
    assert reliefs.allowed(office, relief, reliefs.Desk.of(relief, NOW.date())) == ["grant", "refuse"]
    assert move(relief, "grant", access=office).state == "granted"


def test_an_office_of_one_gives_its_password_for_all_branches(issued: World) -> None:
    relief, office = asked(issued, SUMMER, "office"), issued.access("office", NOW)
    assert relief.state == "asked"
    with pytest.raises(PasswordNeeded):
        move(relief, "grant", access=office)
    assert not Duty.objects.filter(exempted_at__isnull=False).exists()
    assert move(relief, "grant", access=office, sure=True).state == "granted"


def test_a_colleague_without_an_account_does_not_count(issued: World) -> None:
    member = add_member(issued.second, "无号", "18501")
    Post.objects.create(member=member, kind=Post.Kind.OFFICE, committee=issued.committee, from_on=date(2016, 1, 1))
    relief = asked(issued, exemption(duty_of(issued, "I2")))
    assert move(relief, "grant", access=issued.access("office", NOW)).state == "granted"


def test_who_is_left_alone_after_the_first_step_can_finish(staffed: World) -> None:
    relief = asked(staffed, exemption(duty_of(staffed, "I2")))
    move(relief, "second", access=staffed.access("office", NOW))
    Post.objects.filter(member=staffed.member("colleague")).update(until_on=date(2018, 7, 5))
    done = move(relief, "grant", access=staffed.access("office", at("2018-07-05 10:00")))
    assert (done.state, done.first_by, done.decided_by) == ("granted", None, staffed.users["office"])


def test_of_the_offices_own_its_maker_is_the_first_person(staffed: World) -> None:
    relief = asked(staffed, SUMMER, "office")
    assert (relief.state, relief.first_by) == ("seconded", staffed.users["office"])
    with pytest.raises(NotYours):
        move(relief, "grant", access=staffed.access("office", NOW), sure=True)
    assert move(relief, "grant", access=staffed.access("colleague", NOW)).state == "granted"


def test_an_extension_to_a_day_that_is_past_is_not_granted(staffed: World) -> None:
    relief = asked(staffed, extension(duty_of(staffed, "S1"), date(2018, 7, 20)))
    move(relief, "second", access=staffed.access("office", NOW))
    with pytest.raises(ReliefRefused, match="已经过去"):
        move(relief, "grant", access=staffed.access("colleague", at("2018-07-21 00:00")))


def test_the_log_tells_who_decided_and_how_many_without_the_reason(staffed: World) -> None:
    granted(staffed, exemption(duty_of(staffed, "I2")))
    lines = list(AuditEvent.objects.order_by("seq").values_list("what", "detail"))
    assert [what for what, _ in lines] == ["申请免除延期", "免除延期初审同意", "批准免除延期"]
    assert lines[-1][1] == {"duties": "1"}
    assert "出差" not in str(list(AuditEvent.objects.values()))


def test_the_branch_is_told_once_what_became_of_it(staffed: World) -> None:
    relief = granted(staffed, exemption(duty_of(staffed, "I2")))
    told = Message.objects.filter(key=f"relief:{relief.pk}:granted")
    assert {one.user for one in told} == {staffed.users["secretary"], staffed.users["deputy"]}
    line = told.first().lines[0]
    assert line["url"] == relief.get_absolute_url()
    assert "出差" not in line["outside"]


def test_the_message_names_the_duty_and_by_when_it_is_due_now(staffed: World) -> None:
    duty = duty_of(staffed, "I2")
    named = f"{duty.requirement.title}（{duty.period}）"
    relief = granted(staffed, extension(duty))

    def said(relief: Relief) -> str:
        told = Message.objects.get(key=f"relief:{relief.pk}:{relief.state}", user=relief.asked_by)
        return told.lines[0]["text"]

    assert said(relief) == f"{named}延期已同意，新的截止时间2019年1月15日24:00前"
    ended = move(relief, "end", access=staffed.access("colleague", at("2018-07-05 10:00")), note="不再需要")
    assert said(ended) == f"{named}延期已终止，截止时间恢复为12月31日24:00前"
    refused = move(asked(staffed, exemption(duty), key="k2"), "refuse", access=staffed.access("office", NOW), note="不")
    assert said(refused) == f"{named}免除未同意，截止时间仍是12月31日24:00前"
    monthly = duty_of(staffed, "S7").requirement.title
    several = replace(SUMMER, codes=("S7",), name="", until_on=date(2018, 12, 31))
    free = granted(staffed, several, key="k3")
    assert said(free) == f"{monthly}（共{free.changes.count()}项任务）免除已同意，不再要求办理"


def test_the_last_plan_not_approved_being_exempt_settles_the_approvals_at_once(staffed: World) -> None:
    """What waits for nothing else any more: the secretary's task to approve them all, and the leader's own record."""
    plans = Duty.objects.filter(branch=staffed.first, requirement__proof="member_plan")
    last = plans.get(member=staffed.member("secretary"))
    Duty.objects.filter(code="C2", member=last.member).update(settled_at=NOW, done_at=NOW)
    owed = Duty.objects.filter(requirement__proof__in=("approvals", "own_record"), branch=staffed.first)
    granted(staffed, exemption(plans.exclude(pk=last.pk).first()))
    assert not owed.filter(settled_at__isnull=False).exists()
    plans.filter(exempted_at__isnull=True).exclude(pk=last.pk).update(settled_at=NOW, done_at=NOW)
    later = at("2018-07-05 10:00")
    granted(staffed, exemption(last), later, "k2")
    mine = owed.filter(Q(member=last.member) | Q(member__isnull=True), settled_at=later)
    assert set(mine.values_list("code", flat=True)) == {"S15", "I1"}
    assert not Duty.objects.filter(branch=staffed.second, code="S15", settled_at__isnull=False).exists()


# For all branches, and for those who come later


def test_a_vacation_frees_all_branches_of_what_falls_due_in_it(staffed: World) -> None:
    relief = granted(staffed, SUMMER)
    freed = set(Duty.objects.filter(exempted_at__isnull=False).values_list("code", "period", "branch__code"))
    assert freed == {("S7", "7月", "01"), ("S7", "7月", "02")}
    assert relief.changes.count() == 2
    duty = Duty.objects.filter(exempted_at__isnull=False).first()
    assert (duty.exempt_reason, duty.exempted_by) == ("暑假：放假。", staffed.users["colleague"])


def test_who_joins_later_has_what_was_granted_and_nobody_twice(staffed: World) -> None:
    """A newcomer's duty that falls into a granted term gets it at opening; what hangs on an event does not."""
    term = replace(SUMMER, kind="extend", name="半年自评延期", codes=("P2",), from_on=date(2018, 6, 1),
                   until_on=date(2018, 12, 31), due_on=date(2019, 1, 20))  # fmt: skip
    relief = granted(staffed, term)
    before = relief.changes.count()
    newcomer = add_member(staffed.first, "新来", "18600")
    later = at("2018-07-05 10:00")
    assert open_for_newcomers(staffed.committee, at=later)
    # The colleague is new on the roster, too.
    theirs = Duty.objects.filter(code="P2", opened_at=later)
    assert theirs.filter(member=newcomer).exists()
    count = theirs.count()
    assert {duty.due_at for duty in theirs} == {at("2019-01-21 00:00")}
    assert reliefs.apply_to_new(staffed.plan, later) == 0
    assert relief.changes.count() == before + count


def test_what_is_ended_is_not_given_to_newcomers(staffed: World) -> None:
    relief = granted(staffed, SUMMER)
    move(relief, "end", access=staffed.access("office", NOW), note="假期取消")
    Duty.objects.filter(code="S7").update(opened_at=at("2018-07-05 10:00"))
    assert reliefs.apply_to_new(staffed.plan, at("2018-07-05 10:00")) == 0


# Ended early


def test_ending_an_exemption_brings_back_what_is_still_to_come(staffed: World) -> None:
    whole = replace(SUMMER, from_on=date(2018, 7, 1), until_on=date(2018, 12, 31), codes=("S7",))
    relief = granted(staffed, whole)
    september = at("2018-09-10 10:00")
    with pytest.raises(ReliefRefused, match="原因"):
        move(relief, "end", access=staffed.access("office", september))
    ended = move(relief, "end", access=staffed.access("office", september), note="提前开学")
    assert (ended.state, ended.note) == ("ended", "终止：提前开学")
    free = Duty.objects.filter(code="S7", exempted_at__isnull=False)
    assert {duty.period for duty in free} == {"7月", "8月"}
    back = Duty.objects.get(code="S7", period="9月", branch=staffed.first)
    assert [(one.exempted_before, one.exempted_after) for one in back.changes.order_by("pk")] == [
        (False, True), (True, False)
    ]  # fmt: skip


def test_ending_an_extension_gives_back_each_its_own_day(staffed: World) -> None:
    both = replace(SUMMER, kind="extend", name="停电", codes=("S7",), from_on=date(2018, 7, 1),
                   until_on=date(2018, 10, 31), due_on=date(2018, 11, 20))  # fmt: skip
    before = {duty.pk: (duty.due_at, duty.late_at) for duty in Duty.objects.filter(code="S7")}
    relief = granted(staffed, both)
    move(relief, "end", access=staffed.access("office", at("2018-09-10 10:00")), note="来电")
    for duty in Duty.objects.filter(code="S7"):
        kept = duty.period in ("7月", "8月")
        # What would have been due by now keeps its time: nobody falls overdue by the end itself.
        expected = (at("2018-11-21 00:00"), at("2018-11-22 00:00")) if kept else before[duty.pk]
        assert (duty.due_at, duty.late_at) == expected, duty.period


def test_what_was_settled_meanwhile_stays_when_it_ends(staffed: World) -> None:
    duty = duty_of(staffed, "I2")
    relief = granted(staffed, extension(duty))
    filed_report(staffed, at("2018-07-05 10:00"))
    before = Duty.objects.filter(pk=duty.pk).values().get()
    move(relief, "end", access=staffed.access("office", at("2018-07-06 10:00")), note="不再需要")
    assert Duty.objects.filter(pk=duty.pk).values().get() == before


# Who is waited for


def test_what_waits_for_whom(staffed: World) -> None:
    relief = asked(staffed, exemption(duty_of(staffed, "I2")))

    def waits(who: str) -> list[Relief]:
        return list(reliefs.waiting_for(staffed.access(who, NOW)))

    assert waits("office") == waits("colleague") == [relief]
    assert waits("secretary") == waits("inspector") == []
    move(relief, "second", access=staffed.access("office", NOW))
    assert (waits("office"), waits("colleague")) == ([], [relief])
    move(relief, "grant", access=staffed.access("colleague", NOW))
    assert waits("colleague") == []
    own = asked(staffed, SUMMER, "office", "k2")
    assert (waits("office"), waits("colleague")) == ([], [own])
    assert list(reliefs.waiting_for(Access(now=NOW, on=NOW.date()))) == []


def test_what_a_colleague_was_to_second_waits_for_whoever_is_left_of_the_office(staffed: World) -> None:
    """The first person, and of the office's own its maker: nobody else sees it, and that person can decide."""
    theirs, own = asked(staffed, exemption(duty_of(staffed, "I2"))), asked(staffed, SUMMER, "office", "k2")
    move(theirs, "second", access=staffed.access("office", NOW))
    assert list(reliefs.waiting_for(staffed.access("office", NOW))) == []
    Post.objects.filter(member=staffed.member("colleague")).update(until_on=date(2018, 7, 5))
    access = staffed.access("office", at("2018-07-05 10:00"))
    for_me = list(reliefs.waiting_for(access))
    assert for_me == [theirs, own]
    for relief in for_me:
        assert "grant" in reliefs.allowed(access, relief, reliefs.Desk.of(relief, access.on))


def test_an_office_above_with_people_does_not_take_it_from_the_one_left_below(staffed: World) -> None:
    relief = in_state(staffed, "seconded", "k")
    upper = Committee.objects.create(kind="university", name="校党委", short_name="校党委", code="U")
    Committee.objects.filter(pk=staffed.committee.pk).update(parent=upper)
    Post.objects.filter(member=staffed.member("colleague")).update(committee=upper)
    for who in ("office", "colleague"):
        access = staffed.access(who, NOW)
        assert list(reliefs.waiting_for(access)) == [relief], who
        assert "grant" in reliefs.allowed(access, relief, reliefs.Desk.of(relief, access.on)), who


def test_a_duty_tells_what_waits_and_who_may_ask(staffed: World) -> None:
    duty = duty_of(staffed, "I2")
    assert reliefs.about(duty, staffed.access("secretary", NOW))["may_ask"]
    assert not reliefs.about(duty, staffed.access("office", NOW))["may_ask"]
    relief = asked(staffed, extension(duty))
    assert reliefs.about(duty)["waiting"] == [relief]
    move(relief, "second", access=staffed.access("office", NOW))
    move(relief, "grant", access=staffed.access("colleague", NOW))
    assert reliefs.about(Duty.objects.get(pk=duty.pk))["waiting"] == []
    assert Duty.objects.annotate(was=first_due()).get(pk=duty.pk).was == duty.due_at


# The branch's own people do not decide on the branch


def both_posts(world: World, who: str) -> None:
    """Somebody of the branch works in the committee's office, too."""
    Post.objects.create(
        member=world.member(who), kind=Post.Kind.OFFICE, committee=world.committee, from_on=date(2016, 1, 1)
    )


def test_the_secretary_in_the_office_decides_nothing_that_the_own_deputy_asked_for(staffed: World) -> None:
    both_posts(staffed, "secretary")
    relief = asked(staffed, exemption(duty_of(staffed, "I2")), "deputy")
    mine = staffed.access("secretary", NOW)
    assert relief not in reliefs.waiting_for(mine)
    for name in ("second", "grant", "refuse"):
        with pytest.raises(NotYours):
            move(relief, name, access=mine, note="原因", sure=True)
    relief = move(relief, "second", access=staffed.access("office", NOW))
    assert relief not in reliefs.waiting_for(mine)
    with pytest.raises(NotYours, match="支部的书记"):
        move(relief, "grant", access=mine, sure=True)
    assert move(relief, "grant", access=staffed.access("colleague", NOW)).state == "granted"


def test_who_leads_the_branch_is_no_second_person_for_whom_the_first_would_wait(issued: World) -> None:
    """Two in the office, one of them the branch's secretary: the other is the only one who can decide, and does."""
    both_posts(issued, "secretary")
    relief = asked(issued, exemption(duty_of(issued, "I2")), "deputy")
    office = issued.access("office", NOW)
    desk = reliefs.Desk.of(relief, office.on)
    assert desk.persons == {issued.users["office"].pk}
    assert set(reliefs.allowed(office, relief, desk)) == {"grant", "refuse"}
    assert move(relief, "grant", access=office).state == "granted"


def test_an_office_of_one_who_leads_the_branch_grants_it_nothing(issued: World) -> None:
    both_posts(issued, "secretary")
    Post.objects.filter(member=issued.member("office")).update(until_on=NOW.date())
    mine = issued.access("secretary", NOW)
    of_branch = replace(exemption(duty_of(issued, "I2")), name="照顾")
    own = ask(of_branch, access=mine, committee=issued.committee, branch=issued.first, form_key="k1")
    theirs = asked(issued, exemption(duty_of(issued, "I2")), "deputy", "k2")
    for relief in (own, theirs):
        with pytest.raises(NotYours):
            move(relief, "grant", access=mine, sure=True)
    # What holds for all branches is the office's own, under the password as before.
    for_all = asked(issued, SUMMER, "secretary", "k3")
    assert move(for_all, "grant", access=mine, sure=True).state == "granted"


def test_why_one_member_needs_more_time_is_not_for_the_others_of_the_branch(issued: World) -> None:
    duty = Duty.objects.filter(member=issued.member("member"), settled_at__isnull=True).first()
    assert duty is not None
    relief = asked(issued, extension(duty))
    of_branch = asked(issued, exemption(duty_of(issued, "I2")), key="k2")
    other = add_member(issued.first, "何其", "18600")
    issued.users["colleague_of_the_branch"] = add_user(other)
    seen = {
        who: set(Relief.objects.visible_to(issued.access(who, NOW)))
        for who in ("member", "secretary", "deputy", "office", "colleague_of_the_branch")
    }
    assert seen.pop("colleague_of_the_branch") == {of_branch}
    assert all(found == {relief, of_branch} for found in seen.values())


def test_the_key_of_somebody_elses_form_is_refused_in_words(issued: World) -> None:
    """The key is unique in the database: a borrowed one must not end in an error page."""
    asked(issued, exemption(duty_of(issued, "I2")), key="k")
    with pytest.raises(NotYours, match="表单已经用过"):
        asked(issued, exemption(duty_of(issued, "I2")), "deputy", key="k")
    assert Relief.objects.count() == 1
