"""Reminders: everybody who owes is told once, nobody who has done it, whatever the scheduler and its clock do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from branches.models import Member, Membership, Post, User
from inbox.models import Message, Preference, Sending
from plan.changing import change
from plan.models import Duty, Reminder, ReminderPolicy, Said
from plan.reminder_sources import Rulebook
from plan.reminder_times import begins_at
from plan.reminders import close, history, lay, quietly, run_round, send, upcoming
from tests.conftest import World, add_member, at
from tests.plan.filed import duty_of

FIRST, LAST = at("2018-06-11 10:00"), at("2018-07-20 20:00")
Stage = Reminder.Stage


def rounds(first: datetime = FIRST, last: datetime = LAST, hours: float = 8) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += timedelta(hours=hours)


def run(moment: datetime) -> None:
    run_round({}, at=moment, tell=quietly)


def said() -> set[tuple]:
    """Everything that was said: subject, stage, step, to whom."""
    rows = Said.objects.filter(reminder__source="duty")
    return set(rows.values_list("reminder__subject", "reminder__stage", "reminder__step", "user"))


def settle(duties, moment: datetime) -> None:
    duties.update(settled_at=moment, done_at=moment)


# Who is told


def test_when_nobody_has_filed_everybody_who_owes_is_told_of_everything(issued: World) -> None:
    for moment in rounds():
        run(moment)
    told: dict[int, set[int]] = {}
    for subject, _, _, user in said():
        told.setdefault(subject, set()).add(user)
    accounts = dict(User.objects.values_list("member", "pk"))
    leaders = {
        issued.first.pk: {issued.users["secretary"].pk, issued.users["deputy"].pk},
        issued.second.pk: {issued.users["other_secretary"].pk},
    }
    owed = [
        duty for duty in Duty.objects.filter(occasion__isnull=True) if begins_at(duty.starts_on, duty.opened_at) < LAST
    ]
    assert len(owed) > 100
    for duty in owed:
        if duty.member_id:
            expected = {accounts[duty.member_id]} if duty.member_id in accounts else leaders[duty.branch_id]
        else:
            expected = leaders.get(duty.branch_id, {issued.users["office"].pk})
        assert expected <= told.get(duty.pk, set()), duty
    late = [duty for duty in owed if duty.late_at <= LAST - timedelta(days=6) and duty.branch_id]
    for duty in late:
        mine = set(Reminder.objects.filter(subject=duty.pk, outcome="said").values_list("stage", flat=True))
        assert {Stage.LATE, Stage.SUPERIOR} <= mine, duty
    most = Counter(Message.objects.filter(kind="digest").values_list("user", "told_at__date"))
    assert set(most.values()) == {1}, "one digest a day"


def test_a_branch_without_anyone_who_can_log_in_is_told_to_the_office_with_its_name(issued: World) -> None:
    User.objects.filter(pk=issued.users["other_secretary"].pk).update(is_active=False)
    run(at("2018-06-12 08:00"))
    digest = Message.objects.get(user=issued.users["office"], kind="digest")
    about = [line for line in digest.lines if "科研处党支部" in line["text"]]
    assert about and all("代为提醒" in line["text"] for line in about)
    assert all("科研处" not in line["outside"] and line["outside"] for line in about)


def test_where_nobody_at_all_can_log_in_it_is_closed_as_that(issued: World) -> None:
    User.objects.update(is_active=False)
    run(at("2018-06-12 08:00"))
    assert set(Reminder.objects.filter(closed_at__isnull=False).values_list("outcome", flat=True)) == {"nobody"}
    assert not Message.objects.exists()


def test_no_name_leaves_the_house(issued: World) -> None:
    run(at("2018-07-17 08:00"))
    lines = [line for message in Message.objects.all() for line in message.lines]
    names = [*Member.objects.values_list("name", flat=True)]
    assert any(name in line["text"] for line in lines for name in names), "inside they are named"
    assert not any(name in line["outside"] for line in lines for name in names)
    assert all(line["outside"] and line["url"] for line in lines)
    assert all(len(message.title) <= 30 for message in Message.objects.all())


def test_the_superior_is_told_once_how_many_are_late(issued: World) -> None:
    run(at("2018-07-16 08:00"))
    digest = Message.objects.get(user=issued.users["office"], kind="digest")
    superior = [line for line in digest.lines if "逾期未完成" in line["text"]]
    assert len(superior) == len({line["text"] for line in superior}) > 0
    assert any("教务处党支部、科研处党支部逾期未完成" in line["text"] for line in superior)
    run(at("2018-07-17 08:00"))
    again = Message.objects.filter(user=issued.users["office"], key="digest:2018-07-17").first()
    texts = {line["text"] for line in superior}
    assert again is None or not texts & {line["text"] for line in again.lines}


def test_nobody_is_told_of_himself_as_a_superior(issued: World) -> None:
    run(at("2018-07-17 08:00"))
    me = issued.users["secretary"]
    own = Duty.objects.filter(member=me.member).values("pk")
    assert not Said.objects.filter(user=me, reminder__subject__in=own, reminder__stage=Stage.SUPERIOR).exists()
    assert Said.objects.filter(reminder__subject__in=own, reminder__stage=Stage.SUPERIOR).exists()


def test_several_stages_of_one_duty_are_one_line(issued: World) -> None:
    duty = duty_of(issued, "S12")
    run(at("2018-07-16 08:00"))
    stages = Reminder.objects.filter(subject=duty.pk, said__user=issued.users["secretary"])
    assert stages.count() > 2
    digest = Message.objects.get(user=issued.users["secretary"], kind="digest")
    assert sum(line["url"] == duty.get_absolute_url() for line in digest.lines) == 1
    tones = [line["tone"] for line in digest.lines]
    assert tones == sorted(tones, key=("late", "soon", "").index), "the late first"


# Once, and only while it is to be done


def test_after_three_days_of_silence_each_is_said_once_and_none_that_was_done(issued: World) -> None:
    """Against an oracle that walks the rounds and looks each time at what the rules say of each duty."""
    random = Random(5)
    off = (at("2018-07-09 12:00"), at("2018-07-12 12:00"))
    duties = list(Duty.objects.order_by("pk"))
    done = {duty.pk: FIRST + (LAST - FIRST) * random.random() for duty in random.sample(duties, len(duties) // 2)}
    book, expected, seen, settled = Rulebook(), set(), set(), set()
    for moment in rounds():
        if off[0] <= moment < off[1]:
            continue
        for pk, when in done.items():
            if when <= moment and pk not in settled:
                settled.add(pk)
                settle(Duty.objects.filter(pk=pk), when)
        run(moment)
        for duty in duties:
            if duty.pk in settled:
                continue
            times, due, late = book.times(duty.committee_id), duty.due_at, duty.late_at
            begins = begins_at(duty.starts_on, duty.opened_at)
            before, day = times.before(due, 3), times.on_day(due)
            slots = {
                Stage.START: times.start(begins, due), Stage.LATE: times.late(late),
                Stage.BEFORE: before if before and before >= begins else None,
                Stage.DAY: day if day and day >= begins else None,
                Stage.SUPERIOR: times.superior(late) if duty.branch_id else None,
            }  # fmt: skip
            for stage, slot in slots.items():
                is_due = slot and slot <= moment and (duty.pk, stage) not in seen
                if is_due and times.may_say(moment, at_once=False, due_at=due):
                    seen.add((duty.pk, stage))
                    expected.add((duty.pk, stage.value, moment))
    rows = Said.objects.filter(reminder__source="duty")
    got = Counter(rows.values_list("reminder__subject", "reminder__stage", "message__told_at", "user"))
    assert set(got.values()) == {1}
    assert {key[:3] for key in got} == expected
    assert len(expected) > 200 and at("2018-07-12 18:00") in {moment for *_, moment in expected}
    assert Reminder.objects.filter(outcome="done").exists()


def test_thirty_steps_of_the_clock_neither_double_nor_lose(issued: World) -> None:
    random = Random(30)
    path = list(rounds())  # thirty of its rounds take place an hour or a day too early or too late
    for n in sorted(random.sample(range(4, len(path) - 40), 30)):
        step = timedelta(hours=random.choice([1, 24])) * random.choice([1, -1])
        path[n] += step
    for moment in path:
        run(moment)
    stepped, keys = said(), Counter(Reminder.objects.values_list("source", "subject", "stage", "step"))
    digests = Counter(Message.objects.values_list("user", "key"))
    Said.objects.all().delete()
    Message.objects.all().delete()
    Reminder.objects.all().delete()
    for moment in rounds():
        run(moment)
    assert stepped == said() and len(stepped) > 250
    assert set(keys.values()) == {1} == set(digests.values())


def test_a_clock_set_back_reminds_nobody_of_what_is_done(issued: World) -> None:
    duty = duty_of(issued, "S12")
    lay(at("2018-07-11 07:00"))
    settle(Duty.objects.filter(pk=duty.pk), at("2018-07-11 09:00"))
    send(at("2018-07-11 08:00"))
    assert not Said.objects.filter(reminder__subject=duty.pk).exists()


def test_laying_twice_adds_nothing_and_a_changed_rule_moves_what_is_unsaid(issued: World) -> None:
    moment = at("2018-07-10 12:00")
    assert lay(moment) > 0
    rows = set(Reminder.objects.values_list("pk", "scheduled_at"))
    assert lay(moment) == 0
    assert set(Reminder.objects.values_list("pk", "scheduled_at")) == rows
    duty = duty_of(issued, "S12")
    day = Reminder.objects.get(subject=duty.pk, stage=Stage.DAY)
    assert day.scheduled_at == at("2018-07-11 08:00")
    ReminderPolicy.objects.create(
        committee=issued.committee, days_before=[3], digest_at="09:30", set_at=moment, set_by=issued.users["office"]
    )
    lay(moment)
    day.refresh_from_db()
    assert day.scheduled_at == at("2018-07-11 09:30")


def test_switched_off_nothing_is_laid_and_nothing_said(issued: World) -> None:
    lay(at("2018-07-10 12:00"))
    ReminderPolicy.objects.create(committee=issued.committee, is_on=False, set_at=FIRST, set_by=issued.users["office"])
    run(at("2018-07-11 08:00"))
    assert not Reminder.objects.exists() and not Message.objects.exists()


def test_a_policy_whose_days_make_no_sense_still_reminds(issued: World) -> None:
    ReminderPolicy.objects.create(
        committee=issued.committee, days_before=["x", -1, True, 7, 7], set_at=FIRST, set_by=issued.users["office"]
    )
    assert Rulebook().rules(issued.committee.pk).days_before == (7,)
    run(at("2018-07-11 08:00"))
    assert Message.objects.exists()


# What moves


def test_an_extended_deadline_is_said_anew_and_the_old_one_no_more(issued: World) -> None:
    duty = duty_of(issued, "S12")
    lay(at("2018-07-10 09:00"))
    change(
        Duty.objects.filter(pk=duty.pk), at=at("2018-07-10 10:00"), by=None, why="延期", due_at=at("2018-07-21 00:00")
    )
    for moment in rounds(at("2018-07-11 08:00"), at("2018-07-25 09:00"), hours=24):
        run(moment)
    rows = Reminder.objects.filter(subject=duty.pk, source="duty")
    assert set(rows.filter(for_at=at("2018-07-12 00:00")).values_list("outcome", flat=True)) == {"moved"}
    anew = dict(rows.filter(for_at=at("2018-07-21 00:00"), outcome="said").values_list("stage", "scheduled_at"))
    assert anew == {
        "before": at("2018-07-17 08:00"), "day": at("2018-07-20 08:00"), "late": at("2018-07-23 08:00"),
        "superior": at("2018-07-23 08:00"),
    }  # fmt: skip


def test_what_is_owed_again_after_an_exemption_is_taken_back_is_said_after_all(issued: World) -> None:
    duty, office = duty_of(issued, "S12"), issued.users["office"]
    mine = Duty.objects.filter(pk=duty.pk)
    lay(at("2018-07-11 20:00"))
    change(mine, at=at("2018-07-11 21:00"), by=office, why="免除", exempt=True)
    run(at("2018-07-12 08:00"))
    late = Reminder.objects.get(subject=duty.pk, source="duty", stage=Stage.LATE)
    assert late.outcome == "done" and not late.said.exists()
    change(mine, at=at("2018-07-12 10:00"), by=office, why="撤销免除", exempt=False)
    run(at("2018-07-13 08:00"))
    late.refresh_from_db()
    assert late.outcome == "said" and late.said.count() == 2


def test_what_is_owed_for_a_year_that_is_long_over_is_not_spoken_of(issued: World) -> None:
    assert lay(at("2020-03-02 08:00")) == 0
    assert lay(at("2019-03-04 08:00")) > 0


# How it goes out


def test_a_digest_goes_out_by_the_ways_that_person_and_office_want(issued: World) -> None:
    for who in ("secretary", "deputy"):
        Preference.objects.create(user=issued.users[who], by_wecom=True, set_at=FIRST)
    run(at("2018-06-12 08:00"))
    assert Counter(Sending.objects.values_list("way", flat=True)) == {"wecom": 2}
    ReminderPolicy.objects.create(
        committee=issued.committee, by_wecom=False, set_at=FIRST, set_by=issued.users["office"]
    )
    run(at("2018-07-11 08:00"))
    assert Message.objects.filter(user=issued.users["deputy"]).count() == 2
    assert Sending.objects.count() == 2


def test_quiet_hours_and_a_sunday_are_waited_for(issued: World) -> None:
    Duty.objects.filter(due_at__lt=at("2018-07-01 00:00")).delete()  # what is due before Tuesday would not wait
    run(at("2018-06-12 22:00"))
    run(at("2018-06-17 10:00"))
    assert not Message.objects.exists()
    run(at("2018-06-19 08:00"))  # Monday the 18th was the Dragon Boat Festival
    assert Message.objects.filter(user=issued.users["secretary"]).count() == 1


def test_what_comes_after_the_days_digest_waits_for_the_next(issued: World) -> None:
    run(at("2018-07-11 08:00"))
    before = Message.objects.count()
    new = add_member(issued.first, "后来者", "18500")
    Post.objects.filter(member=issued.member("deputy")).delete()
    Duty.objects.filter(pk=duty_of(issued, "S12").pk).update(
        due_at=at("2018-07-14 00:00"), late_at=at("2018-07-14 00:00")
    )
    assert new.pk
    run(at("2018-07-11 12:00"))
    assert Message.objects.count() == before
    run(at("2018-07-12 08:00"))
    assert Message.objects.filter(user=issued.users["secretary"], key="digest:2018-07-12").exists()


def test_the_history_of_a_duty_says_when_and_to_whom(issued: World) -> None:
    duty = duty_of(issued, "S12")
    run(at("2018-06-12 08:00"))
    run(at("2018-07-10 12:00"))
    told = history(duty)
    assert [(one.at, one.stage, one.words) for one in told] == [
        (at("2018-06-12 08:00"), "开始", "陈静、周敏"), (at("2018-07-10 12:00"), "临近", "陈静、周敏"),
    ]  # fmt: skip
    assert [(one.at, one.stage) for one in upcoming(duty, at("2018-07-10 12:00"))] == [(at("2018-07-11 08:00"), "当天")]


# What it costs


def test_the_statements_do_not_grow_with_what_one_person_is_told_of(issued: World) -> None:
    moment, statements = at("2018-07-17 08:00"), []
    model = Duty.objects.filter(code="S12").first()
    Duty.objects.all().delete()
    ReminderPolicy.objects.create(
        committee=issued.committee, at_start=False, on_the_day=False, superior_after=None, set_at=FIRST,
        set_by=issued.users["office"],
    )  # fmt: skip
    for n in (1, 3, 300):
        Said.objects.all().delete()
        Message.objects.all().delete()
        Reminder.objects.all().delete()
        have = Duty.objects.count()
        members = Member.objects.bulk_create(Member(staff_number=f"7{k:05d}", name=f"党员{k}") for k in range(have, n))
        Membership.objects.bulk_create(
            Membership(member=one, branch=issued.first, from_on=date(2015, 1, 1)) for one in members
        )
        for one in members:
            model.pk, model.member = None, one
            model.save(force_insert=True)
        with CaptureQueriesContext(connection) as ran:
            run(moment)
        statements.append(len(ran))
        assert Said.objects.count() == 2 * n, "the secretary and the deputy of each"
    assert statements[0] == statements[1] == statements[2], statements


def test_closing_more_rows_than_one_statement_takes(issued: World) -> None:
    lay(at("2018-07-10 12:00"))
    pks = list(Reminder.objects.values_list("pk", flat=True))
    close([*pks, *range(10**9, 10**9 + 12_000)], "done", FIRST)
    assert not Reminder.objects.filter(closed_at__isnull=True).exists()


@pytest.fixture(autouse=True)
def _no_mail(settings) -> None:
    settings.EMAIL_URL = ""
