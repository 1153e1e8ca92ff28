"""What study is reminded of, and what groups are told: once, at the right hour, and without a name."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from inbox.models import Message
from plan.models import Duty, Filing, Reminder, Said
from plan.opening import open_event_duties
from plan.reminders import lay, quietly, run_round
from study import channels, sending
from study.models import Attendance, BranchPlan, Channel, Gathering, GroupReminder, PlanItem, Resolution
from study.reminding import run_groups
from tests.conftest import World, at
from tests.records import branch_plan_of, gathering_of, sent
from tests.study.pushed import channel_of

Stage = Reminder.Stage


def run(text: str) -> None:
    run_round({}, at=at(text), tell=quietly)


def lines(world: World, who: str, **about) -> list[dict]:
    found = Message.objects.filter(user=world.users[who], **about)
    return [line for message in found.order_by("told_at") for line in message.lines]


def theme_day(world: World) -> Gathering:
    """A theme day on Sunday 1 July from nine to twelve, as a draft, with the duty to file it on the next day."""
    gathering = gathering_of(world, "七一主题党日", "red")
    open_event_duties(gathering.filing, kinds=["theme_day"], ended_at=gathering.ended_at, at=at("2018-06-30 10:00"))
    return gathering


def event_duty(gathering: Gathering) -> Duty:
    return Duty.objects.get(occasion=gathering.filing)


# After an activity


def test_after_an_activity_its_filing_is_asked_for_at_once_and_only_once(issued: World) -> None:
    duty = event_duty(theme_day(issued))
    run("2018-06-29 10:00")  # the digest of what was to be said before
    run("2018-07-01 12:00")
    assert not Said.objects.filter(reminder__subject=duty.pk).exists()
    for text in ("2018-07-02 07:30", "2018-07-02 07:35", "2018-07-02 08:00"):
        run(text)
    message = Message.objects.get(user=issued.users["secretary"], kind="event")
    assert message.told_at == at("2018-07-02 07:30"), "noon and twelve hours is night"
    assert "今天24:00前报送" in message.lines[0]["note"]
    assert message.lines[0]["url"] == duty.get_absolute_url()
    assert "七一主题党日" not in message.lines[0]["outside"], "what somebody typed stays in the house"
    assert Said.objects.filter(reminder__subject=duty.pk, reminder__stage=Stage.EVENT).count() == 2


def test_in_the_run_of_the_digest_it_is_a_line_of_the_digest(issued: World) -> None:
    duty = event_duty(theme_day(issued))
    run("2018-07-02 08:00")
    assert not Message.objects.filter(kind="event").exists()
    assert any(line["url"] == duty.get_absolute_url() for line in lines(issued, "secretary", kind="digest"))


def test_an_activity_that_moves_takes_its_reminder_along(issued: World) -> None:
    gathering = theme_day(issued)
    lay(at("2018-07-01 08:00"))
    row = Reminder.objects.get(subject=event_duty(gathering).pk, source="duty", stage=Stage.EVENT)
    assert row.scheduled_at == at("2018-07-02 07:30")
    # Later on the same day: the same deadline, another hour.
    Gathering.objects.filter(pk=gathering.pk).update(ended_at=at("2018-07-01 22:00"))
    lay(at("2018-07-01 09:00"))
    row.refresh_from_db()
    assert row.scheduled_at == at("2018-07-02 10:00")
    # Three days later: another deadline, and not a word on the second of July.
    later = at("2018-07-04 12:00")
    Gathering.objects.filter(pk=gathering.pk).update(held_at=later - timedelta(hours=2), ended_at=later)
    open_event_duties(gathering.filing, kinds=["theme_day"], ended_at=later, at=at("2018-07-01 20:00"))
    run("2018-07-02 12:00")
    row.refresh_from_db()
    assert row.outcome == "moved"
    run("2018-07-04 12:30")
    run("2018-07-05 07:30")
    assert Message.objects.filter(kind="event").count() == 2, "the secretary and the deputy"
    assert Said.objects.filter(reminder__stage=Stage.EVENT, reminder__source="duty").count() == 2


def test_a_draft_that_was_thrown_away_is_not_asked_for(issued: World) -> None:
    gathering = theme_day(issued)
    lay(at("2018-07-01 13:00"))
    duty = event_duty(gathering)
    duty.claim_rows.all().delete()
    duty.delete()
    run("2018-07-02 07:30")
    assert Reminder.objects.get(stage=Stage.EVENT, source="duty").outcome == "done"
    assert not Message.objects.filter(kind="event").exists()


# Sittings of the plan


@pytest.fixture
def planned(issued: World) -> PlanItem:
    """A sitting of the first branch's plan on Thursday 5 July."""
    plan: BranchPlan = branch_plan_of(issued, issued.plan, date(2018, 7, 5))
    sent(plan.filing, "secretary", issued)
    return plan.items.get()


def test_a_sitting_whose_day_is_over_without_a_record_is_asked_for(issued: World, planned: PlanItem) -> None:
    run("2018-07-05 20:00")
    assert not Reminder.objects.filter(source="item", closed_at__isnull=False).exists()
    run("2018-07-06 08:00")
    mine = [line for line in lines(issued, "secretary") if f"item={planned.pk}" in line["url"]]
    assert len(mine) == 1 and "学习党章" in mine[0]["text"] and "学习党章" not in mine[0]["outside"]
    run("2018-07-09 08:00")
    assert sum(f"item={planned.pk}" in line["url"] for line in lines(issued, "secretary")) == 1


def test_a_sitting_that_was_recorded_or_put_off_is_not(issued: World, planned: PlanItem) -> None:
    lay(at("2018-07-05 20:00"))
    PlanItem.objects.filter(pk=planned.pk).update(starts_on=date(2018, 7, 9), ends_on=date(2018, 7, 9))
    run("2018-07-06 08:00")
    # Its day is to come: of the old one not a word is said.
    assert not Said.objects.filter(reminder__source="item").exists()
    gathering = gathering_of(issued, "党章学习", "red")
    Gathering.objects.filter(pk=gathering.pk).update(plan_item=planned)
    run("2018-07-10 08:00")
    assert not Said.objects.filter(reminder__source="item").exists()


# What was agreed, and what is to be made up


def test_what_was_agreed_is_said_to_whoever_answers_for_it(issued: World) -> None:
    gathering = gathering_of(issued, "支委会", "red")
    agreed = Resolution.objects.create(
        gathering=gathering, position=1, text="走访慰问困难党员", responsible=issued.member("member"),
        due_on=date(2018, 7, 10),
    )  # fmt: skip
    run("2018-07-09 08:00")
    assert not Reminder.objects.filter(source="follow_up").exists(), "the minutes are still a draft"
    sent(gathering.filing, "secretary", issued)
    run("2018-07-10 08:00")
    (mine,) = [line for line in lines(issued, "member") if "走访慰问" in line["text"]]
    assert "走访慰问" not in mine["outside"] and mine["tone"] == "soon"
    run("2018-07-11 08:00")
    run("2018-07-13 08:00")
    assert set(Reminder.objects.filter(subject=agreed.pk, source="follow_up", outcome="said").values_list(
        "stage", flat=True)) == {"before", "day", "late", "superior"}  # fmt: skip
    assert any("李强" in line["text"] and "走访慰问" in line["text"] for line in lines(issued, "secretary"))
    Resolution.objects.filter(pk=agreed.pk).update(done_on=date(2018, 7, 13), done_by=issued.users["member"])
    before = Said.objects.filter(reminder__source="follow_up").count()
    run("2018-07-16 08:00")
    assert Said.objects.filter(reminder__source="follow_up").count() == before


def test_whoever_missed_a_study_is_told_once_when_the_record_is_in(issued: World) -> None:
    gathering = gathering_of(issued, "七一主题党日", "red")
    missed = Attendance.objects.filter(gathering=gathering, member=issued.member("member"))
    missed.update(presence="absent")
    run("2018-07-02 08:00")
    assert not Reminder.objects.filter(source="make_up").exists()
    sent(gathering.filing, "secretary", issued)
    run("2018-07-03 08:00")
    run("2018-07-04 08:00")
    (line,) = [line for line in lines(issued, "member") if "补学" in line["text"]]
    assert line["outside"].startswith("补学")
    assert Filing.objects.get(pk=gathering.filing_id).get_absolute_url() == line["url"]


# Groups


@pytest.fixture
def group(issued: World, monkeypatch) -> tuple[Channel, list[str]]:
    channel, got = channel_of(issued.access("secretary", at("2018-06-12 10:00"))), []
    Channel.objects.filter(pk=channel.pk).update(reminds=True)
    monkeypatch.setattr(channels, "_send", lambda channel, title, more: got.append(f"{title}\n{more}"))
    return channel, got


def rounds_of_groups(*texts: str) -> None:
    for text in texts:
        run_groups({}, at=at(text), tell=quietly)


def test_a_group_is_told_once_a_day_how_much_there_is_and_nothing_else(issued: World, group) -> None:
    _, got = group
    rounds_of_groups("2018-07-11 07:00", "2018-07-11 08:00", "2018-07-11 08:05", "2018-07-11 15:00")
    assert len(got) == 1 and "本支部今天有" in got[0]
    names = [*Duty.objects.values_list("requirement__title", flat=True), "陈静", "周敏"]
    assert not any(name in got[0] for name in names)
    rounds_of_groups("2018-07-12 08:00", "2018-07-11 20:00", "2018-07-14 09:00")
    assert len(got) == 2 and "件逾期" in got[1], "not again when the clock goes back, and not on a Saturday"


def test_where_nothing_is_due_or_nobody_asked_for_it_the_group_is_left_in_peace(issued: World, group) -> None:
    channel, got = group
    Duty.objects.update(settled_at=at("2018-06-20 10:00"), done_at=at("2018-06-20 10:00"))
    rounds_of_groups("2018-07-11 08:00")
    assert not got and not GroupReminder.objects.exists()
    Duty.objects.update(settled_at=None, done_at=None)
    Channel.objects.filter(pk=channel.pk).update(reminds=False)
    rounds_of_groups("2018-07-11 08:05")
    assert not got


def test_a_text_that_did_not_go_out_is_tried_again_today_and_not_tomorrow(issued: World, group, monkeypatch) -> None:
    def refuse(*_) -> None:
        raise channels.NotSent("连不上")

    monkeypatch.setattr(channels, "_send", refuse)
    rounds_of_groups("2018-07-11 08:00")
    row = GroupReminder.objects.get()
    assert (row.state, row.tries, row.next_at) == ("waiting", 1, at("2018-07-11 08:01"))
    sending.send_reminders(lambda: at("2018-07-12 07:00"))
    row.refresh_from_db()
    assert row.state == "failed" and row.error


def test_the_robots_minute_is_shared_with_the_pushes(issued: World, group) -> None:
    channel, got = group
    day = date(2018, 7, 10)
    GroupReminder.objects.bulk_create(
        GroupReminder(
            channel=channel, day=day - timedelta(days=n), text="x", tries=1, next_at=at("2018-07-11 08:01"),
            state="sent", sent_at=at("2018-07-11 08:00"),
        )
        for n in range(channels.PER_MINUTE)
    )  # fmt: skip
    rounds_of_groups("2018-07-11 08:00:30")
    assert not got
    rounds_of_groups("2018-07-11 08:02")
    assert len(got) == 1
