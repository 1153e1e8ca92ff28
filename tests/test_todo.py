"""The to-do list: every duty that a person may settle stands in one group, with the button that settles it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import localdate

from branches.models import Post
from config import todo
from plan.models import Duty, Filing, Move, Paper
from plan.moves import move
from plan.rhythm import default_days
from study.models import PlanItem
from tests.conftest import World, at
from tests.plan.filed import duty_of, filed_report, pledge
from tests.records import branch_plan_of, member_plan_of, sent

pytestmark = pytest.mark.django_db

NOW = "2018-07-11 09:00"  # a Wednesday
DUE = (-40, -2, 0, 0, 1, 3, 4, 5, 20, 120)  # days from today to the last day


# The oracle: every duty looked at one by one, in Python


def group_by_hand(duty: Duty, now: datetime) -> str | None:
    """In which group a duty belongs that somebody may settle; None where nothing is left to do."""
    if duty.exempted_at:
        return None
    if duty.settled_at:
        return "now" if duty.settled_by and duty.settled_by.state == "sent_back" else None
    if duty.late_at <= now:
        return "late"
    today, last = localdate(now), localdate(duty.due_at - timedelta(microseconds=1))
    if last <= today:
        return "now"
    begins = duty.branch_id is None and last - timedelta(days=default_days(duty.code)) <= today
    if begins or last <= today + timedelta(days=6 - today.weekday()):
        return "week"
    return "later"


def owned_by(world: World, who: str) -> Callable[[Duty], bool]:
    """Whose duties they are, told from the small world's cast and not from the portal's rights."""
    person = world.member(who)

    def mine(duty: Duty) -> bool:
        if duty.member_id:
            return duty.member_id == person.pk
        if duty.branch_id is None:
            return who == "office"
        leads = {"secretary", "deputy", "commissioner"}
        return duty.branch_id == world.first.pk and who in leads and (
            who != "commissioner" or duty.requirement.proof != "approvals"
        )  # fmt: skip

    return mine


def scatter(world: World, seed: int, now: datetime) -> None:
    """Put every duty into a state by lot: due sooner or later, settled, sent back, exempted."""
    dice, office = random.Random(seed), world.users["office"]
    common = {"kind": "paper", "committee": world.committee, "year": 2018, "handling": "inform", "desk": "office",
              "created_at": now, "created_by": office, "state_since": now, "first_filed_at": now, "filed_at": now,
              "filed_by": office}  # fmt: skip
    for n, duty in enumerate(Duty.objects.select_related("requirement")):
        day = localdate(now) + timedelta(days=dice.choice(DUE) + 1)
        duty.due_at = duty.late_at = todo.midnight(day)
        if dice.random() < 0.2:
            duty.due_at -= timedelta(hours=7)
        if duty.requirement.proof == "gathering":
            duty.late_at += timedelta(days=1)
        fate = dice.choice(("open", "open", "open", "open", "settled", "sent_back", "exempted", "exempted_back"))
        if duty.requirement.proof == "approvals" and "back" in fate:
            fate = "open"  # nobody files anything for it
        if fate in ("settled", "sent_back", "exempted_back"):
            state = "received" if fate == "settled" else "sent_back"
            duty.settled_by = Filing.objects.create(
                title="材料", state=state, receipt=f"r{n}", branch=duty.branch, member=duty.member, **common
            )
            Paper.objects.create(filing=duty.settled_by, requirement=duty.requirement, done_on=date(2018, 7, 1))
            came = "filed" if state == "received" else "received"
            Move.objects.create(filing=duty.settled_by, name="receive" if state == "received" else "send_back",
                                made_at=now, made_by=office, from_state=came, to_state=state)  # fmt: skip
            duty.settled_at = duty.done_at = now - timedelta(hours=1)
        if fate.startswith("exempted"):
            duty.exempted_at, duty.exempted_by = now - timedelta(hours=1), office
        duty.save()


def everything(client: Client, **asked: str) -> dict[str, list[todo.Line]]:
    """All lines of each group, over all its pages."""
    found: dict[str, list[todo.Line]] = {}
    for name in todo.GROUPS:
        found[name], number, last = [], 1, 1
        while number <= last:
            response = client.get("/todo/", {"group": name, "page": number, **asked})
            assert response.status_code == 200
            found[name] += response.context["group"].lines
            number, last = number + 1, response.context["page"].paginator.num_pages
    return found


@pytest.mark.parametrize("who", ["member", "secretary", "commissioner", "office", "inspector"])
def test_every_open_duty_stands_in_the_group_an_oracle_says(issued: World, login, clock, who: str) -> None:
    now, client, mine = clock(NOW), login(who), owned_by(issued, who)
    scatter(issued, len(who), now)
    expected: dict[str, set[str]] = {name: set() for name in todo.GROUPS}
    freed = 0
    for duty in filter(mine, Duty.objects.select_related("requirement", "settled_by")):
        name = group_by_hand(duty, now)
        if name:
            expected[name].add(duty.get_absolute_url())
        # Freed of the duty, the author still holds the paper that was sent back.
        freed += bool(duty.exempted_at and duty.settled_by)
    found = everything(client)
    shown = {name: [url for line in lines for url in (line.url, *line.also) if "/duties/" in url]
             for name, lines in found.items()}  # fmt: skip
    assert {name: set(urls) for name, urls in shown.items()} == expected
    assert sum(map(len, shown.values())) == len(set().union(*expected.values())), "each once"
    page = client.get("/todo/").context
    for name in todo.GROUPS:
        group = page[f"{name}_group" if name in ("now", "week") else name]
        assert group.total == len(expected[name]) + (freed if name == "now" else 0), name
        first = {url for line in group.lines for url in (line.url, *line.also) if "/duties/" in url}
        assert first <= expected[name]
        assert len(first) == min(len(expected[name]), todo.A_LIST)


ROUTES = {"branch_plan": "/study/branch-plan/", "member_plan": "/study/my-plan/", "approvals": "/study/review/",
          "gathering": "/study/gatherings/new/?duty={0}", "paper": "/papers/new/?duty={0}",
          "pledge_form": "/commitments/pledges/new/?duty={0}", "week": "/commitments/weeks/new/?duty={0}",
          "posts": "/commitments/posts/"}  # fmt: skip


@pytest.mark.parametrize("who", ["member", "secretary", "office"])
def test_each_button_opens_the_page_that_settles_its_duty(issued: World, login, clock, who: str) -> None:
    now, client = clock(NOW), login(who)
    scatter(issued, 7, now)
    duties = {duty.get_absolute_url(): duty for duty in Duty.objects.select_related("requirement", "settled_by")}
    kinds: set[str] = set()
    for line in (line for lines in everything(client).values() for line in lines if line.url in duties):
        duty = duties[line.url]
        proof = duty.requirement.proof
        wanted = duty.settled_by.get_absolute_url() if duty.settled_by else ROUTES.get(proof, "").format(duty.pk)
        assert line.action_url == wanted, (proof, line)
        if (key := "back" if duty.settled_by else proof) not in kinds and line.action_url:
            assert client.get(line.action_url).status_code == 200, line
            assert client.get(line.url).status_code == 200
            kinds.add(key)
    # A member owes little: the dice of this seed gave back all that was left to do.
    assert kinds == {"back"} if who == "member" else {"back"} < kinds


def words(client: Client, **asked: str) -> str:
    response = client.get("/todo/", asked)
    assert response.status_code == 200
    return response.content.decode()


def test_what_waits_at_the_desk_was_sent_back_or_is_held_today_stands_on_top(issued: World, login, clock) -> None:
    clock(NOW)
    plan = branch_plan_of(issued, issued.plan, date(2018, 7, 11))
    sent(plan.filing, "secretary", issued)
    PlanItem.objects.update(starts_on=date(2018, 7, 11), ends_on=date(2018, 7, 11))
    pledge(issued, "member") if duty_of(issued, "C2", "member") else pledge(issued, "secretary")
    report = filed_report(issued)
    move(report, "send_back", access=issued.access("office", at("2018-07-03 09:00")), note="请写具体。")
    text = words(login("deputy"))
    part = text[text.index('<section id="now">') : text.index("</section>", text.index('<section id="now">'))]
    for button in ("记录这次活动", "打开审定", "查看意见并补正"):
        assert button in part, button


def test_a_week_of_the_own_plan_is_a_thing_to_do_until_it_is_done(issued: World, login, clock) -> None:
    plan = member_plan_of(issued, issued.plan, date(2018, 7, 2))
    sent(plan.filing, "member", issued)
    clock("2018-07-04 09:00")
    assert "本周自学" not in words(login("member")), "before it is approved"
    move(Filing.objects.get(pk=plan.filing_id), "approve", access=issued.access("secretary", at("2018-07-03 10:00")))
    assert "本周自学" in words(login("member"))
    assert "本周自学" in words(login("member"), whose="office"), "a side that is not theirs narrows nothing"
    clock("2018-07-12 09:00")
    assert "1周未完成" in words(login("member"))
    plan.weeks.update(done_at=at("2018-07-11 10:00"))
    assert "补记前几周的自学" not in words(login("member"))


def test_one_person_with_two_posts_has_one_list_and_may_narrow_it(issued: World, login, clock) -> None:
    clock(NOW)
    Post.objects.create(
        member=issued.member("secretary"), kind=Post.Kind.OFFICE, committee=issued.committee, from_on=date(2016, 1, 1)
    )
    client = login("secretary")
    every = {name: {url for line in lines for url in (line.url, *line.also)}
             for name, lines in everything(client).items()}  # fmt: skip
    parts: dict[str, set[str]] = {name: set() for name in todo.GROUPS}
    for whose in ("mine", "branch", "office"):
        for name, lines in everything(client, whose=whose).items():
            found = {url for line in lines for url in (line.url, *line.also)}
            assert not found & parts[name], whose
            parts[name] |= found
        assert f'?whose={whose}" aria-current="page"' in words(client, whose=whose)
    assert parts == every
    assert "aria-current" not in words(login("member")).partition('<main id="content"')[2].partition("</main>")[0]


def test_an_empty_week_names_what_comes_next(issued: World, login, clock) -> None:
    clock(NOW)
    Duty.objects.exclude(member=issued.member("member")).delete()
    Duty.objects.filter(member=issued.member("member")).update(due_at=at("2018-08-01 00:00"),
                                                              late_at=at("2018-08-01 00:00"))  # fmt: skip
    text = words(login("member"))
    assert "本周没有要办的事。下一件：" in text and "7月31日24:00前" in text
    Duty.objects.all().delete()
    assert "本周没有要办的事。" in words(login("member"))


@pytest.mark.parametrize("asked", ["?group=x", "?whose=x", f"?group=late&page={'9' * 5000}", "?group=late&page=%00"])
def test_whatever_is_asked_the_list_answers(issued: World, login, clock, asked: str) -> None:
    clock(NOW)
    assert login("secretary").get(f"/todo/{asked}").status_code == 200


def test_a_group_shows_twenty_and_leads_to_all_of_it(issued: World, login, clock) -> None:
    now, client = clock(NOW), login("secretary")
    duty = duty_of(issued, "I2")
    copies = []
    for n in range(300):
        copy: Any = Duty.objects.get(pk=duty.pk)
        copy.pk, copy.starts_on, copy.due_at = None, date(2030, 1, 1) + timedelta(days=n), now - timedelta(days=n + 2)
        copy.late_at = copy.due_at
        copies.append(copy)
    Duty.objects.bulk_create(copies)
    page = client.get("/todo/")
    assert page.context["late"].shown == todo.A_LIST
    total = page.context["late"].total
    assert total >= 300
    assert f'href="/todo/?group=late">全部{total}项' in page.content.decode()
    with CaptureQueriesContext(connection) as first:
        whole = client.get("/todo/?group=late&page=2")
    assert whole.context["page"].paginator.count == total
    Duty.objects.filter(pk__in=[copy.pk for copy in copies[100:]]).delete()
    with CaptureQueriesContext(connection) as second:
        client.get("/todo/?group=late&page=2")
    assert len(first) == len(second)
