"""The office's year: begin marks, landmarks and the page, against what the rows say."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import localdate

from branches.models import AuditEvent, Branch
from plan import rhythm
from plan.models import Duty, LeadTime, Relief, SpecialDay
from plan.workdays import known
from tests.conftest import World, at, make_world

pytestmark = pytest.mark.django_db

NOW = "2018-06-28 09:00"


def inspection(world: World) -> Duty:
    """The July inspection: by 10 July."""
    return Duty.objects.filter(code="I3", committee=world.committee, branch=None).earliest("due_at")


def test_a_duty_of_the_committee_is_begun_so_many_days_before_its_last_day(issued: World) -> None:
    duty = inspection(issued)
    assert localdate(duty.due_at - timedelta(seconds=1)) == date(2018, 7, 10)
    assert rhythm.lead_days(issued.committee.pk, "I3") == 14
    for moment, begun in (("2018-06-25 23:59", False), ("2018-06-26 00:00", True)):
        assert (duty in rhythm.beginning_now(issued.access("office", at(moment)))) == begun, moment
    LeadTime.objects.create(committee=issued.committee, code="I3", days=3)
    assert rhythm.lead_days(issued.committee.pk, "I3") == 3
    assert duty not in rhythm.beginning_now(issued.access("office", at("2018-07-06 23:59")))
    assert duty in rhythm.beginning_now(issued.access("office", at("2018-07-07 00:00")))
    assert not rhythm.beginning_now(issued.access("secretary", at("2018-07-07 00:00"))).exists()
    Duty.objects.filter(pk=duty.pk).update(settled_at=at("2018-07-07 08:00"), done_at=at("2018-07-07 08:00"))
    assert duty not in rhythm.beginning_now(issued.access("office", at("2018-07-07 09:00")))


def test_the_begin_mark_in_sql_is_the_one_counted_on_the_calendar(issued: World) -> None:
    dice, duty = random.Random(5), inspection(issued)
    lead = LeadTime.objects.create(committee=issued.committee, code="I3", days=1)
    for _ in range(60):
        days, today = dice.randint(0, rhythm.MOST_DAYS), date(2018, 1, 1) + timedelta(days=dice.randint(0, 700))
        due_at = at("2018-03-01 00:00") + timedelta(days=dice.randint(0, 700), minutes=dice.choice((0, 0, 1020, 1439)))
        LeadTime.objects.filter(pk=lead.pk).update(days=days)
        Duty.objects.filter(pk=duty.pk).update(due_at=due_at, late_at=due_at)
        last = localdate(due_at - timedelta(microseconds=1))
        found = rhythm.with_begin(Duty.objects.filter(pk=duty.pk)).filter(rhythm.begun(today)).exists()
        assert found == (today >= last - timedelta(days=days)), (days, today, due_at)


def year_of(world: World, moment: str = NOW, number: int = 2018) -> rhythm.Year:
    return rhythm.Year(world.committee, number, at(moment), world.access("office", at(moment)))


def entries(year: rhythm.Year, sort: str) -> list[rhythm.Entry]:
    return [entry for month in year.months() for entry in month.entries if entry.sort == sort]


def test_the_committees_own_duties_stand_at_deadline_and_begin_mark(issued: World) -> None:
    year = year_of(issued)
    own = Duty.objects.filter(committee=issued.committee, branch=None)
    due = {(entry.day, entry.title) for entry in entries(year, "due")}
    last = {(localdate(one.due_at - timedelta(seconds=1)), one.requirement.title) for one in own}
    assert due == {(day, title) for day, title in last if day.year == 2018}
    assert len(due) > 3
    begins = {(entry.day, entry.title) for entry in entries(year, "begin")}
    assert (date(2018, 6, 26), inspection(issued).requirement.title) in begins
    # The circular of the December inspection is due in January, and begun with in this year or the next.
    assert all(day.year == 2018 for day, _ in begins)
    assert inspection(issued) in [one.duty for one in year.preparing]
    assert next(one.url for one in year.preparing if one.duty == inspection(issued)).startswith("/papers/new/?duty=")


def test_the_days_on_which_many_owe_say_how_many(issued: World) -> None:
    year = year_of(issued)
    of_day = {entry.day: entry for entry in entries(year, "crowd")}
    plans = Duty.objects.filter(code="S14")
    day = localdate(plans[0].due_at - timedelta(seconds=1))
    assert f"{plans[0].requirement.title}（{plans.count()}人）" in of_day[day].title
    # Week by week is no landmark.
    weekly = Duty.objects.filter(code="C9").first().requirement.title
    assert not any(weekly in entry.title for entry in of_day.values())


def test_the_year_holds_terms_vacations_holidays_and_what_is_drafted(issued: World) -> None:
    other = make_world("另一所大学机关党委", "9")
    Branch.objects.filter(pk=issued.first.pk).update(elected_on=date(2015, 9, 20), term_years=3)
    Branch.objects.filter(pk=other.first.pk).update(elected_on=date(2015, 9, 20), term_years=3)
    office = issued.users["office"]
    for world, name in ((issued, "暑假"), (other, "别处的暑假")):
        Relief.objects.create(
            committee=world.committee, kind="exempt", state="granted", year=2018, name=name, codes=["C9"],
            from_on=date(2018, 7, 20), until_on=date(2018, 8, 25), reason="放假", asked_at=at(NOW), asked_by=office,
            decided_at=at(NOW), decided_by=office,
        )  # fmt: skip
    SpecialDay.objects.create(
        committee=issued.committee, day=date(2018, 10, 15), works=False, name="校庆", set_at=at(NOW), set_by=office
    )
    year = year_of(issued)
    assert [(one.day, one.title) for one in entries(year, "term")] == [(date(2018, 9, 20), "教务处党支部任期届满")]
    assert [(one.title, one.days) for one in entries(year, "vacation")] == [("暑假", "7月20日–8月25日")]
    rest = {one.title: one for one in entries(year, "holiday")}
    assert rest["校庆"].day == date(2018, 10, 15)
    assert (rest["国庆节"].day, rest["国庆节"].until) == (date(2018, 10, 1), date(2018, 10, 7))
    assert [one.title for one in entries(year, "note")] == ["起草2019年实施方案"]
    far = next(number for number in range(2019, 2090) if not known(number + 1))
    assert f"核对{far + 1}年工作日历" in [one.title for one in entries(year_of(issued, number=far), "note")]


def test_today_stands_once_and_only_in_its_own_year(issued: World, login, clock) -> None:
    clock(NOW)
    client = login("office")
    for address, times in (("", 1), ("?year=2019", 0), ("?at=2018-12-20T10:00", 1), ("?year=x", 1),
                           (f"?at={'9' * 5000}", 1), ("?at=9999-12-31T23:59", 1), ("?year=1990", 0), ("?year=2099", 0),
                           ("?at=%00", 1)):  # fmt: skip
        response = client.get(f"/rhythm/{address}")
        assert response.status_code == 200, address
        assert response.content.decode().count('class="rhythm-now"') == times, address
    text = client.get("/rhythm/?at=2018-12-20T10:00").content.decode()
    part = text[text.index('id="preparing"') : text.index('id="year"')]
    assert "年底通报表彰" in part and "还有11天" in part


def test_every_entry_leads_to_a_page(issued: World, login, clock) -> None:
    clock(NOW)
    client = login("office")
    urls = {entry.url for month in year_of(issued).months() for entry in month.entries if entry.url}
    assert len(urls) > 8
    for url in urls:
        assert client.get(url).status_code == 200, url


def test_the_office_sets_how_early_it_begins(issued: World, login, clock) -> None:
    clock(NOW)
    client = login("office")
    for _ in range(2):
        response = client.post("/rhythm/lead/?year=2018", {"code": "I3", "days": "20"})
        assert response["Location"] == "/rhythm/?year=2018#leads"
    assert LeadTime.objects.get().days == 20
    assert AuditEvent.objects.filter(what="设置提前量").count() == 1
    assert "提前20天着手" in client.get("/rhythm/?year=2018&at=2018-06-01T09:00").content.decode()
    for days in ("-1", "201", "x", "", "9" * 5000, "1\x00"):
        response = client.post("/rhythm/lead/", {"code": "I3", "days": days})
        assert response.status_code == 422, days
        assert "提前天数" in response.content.decode()
    assert 'value="201"' in client.post("/rhythm/lead/", {"code": "I3", "days": "201"}).content.decode()
    for code in ("S1", "ZZ", "x" * 500, "\x00", ""):
        assert client.post("/rhythm/lead/", {"code": code, "days": "3"}).status_code == 404, code
    assert LeadTime.objects.get().days == 20


def test_the_year_asks_as_much_for_300_branches_as_for_one(issued: World, login, clock) -> None:
    clock(NOW)
    client, counts, duty = login("office"), [], Duty.objects.filter(code="S12").first()
    client.get("/rhythm/")
    for size in (1, 3, 300):
        new = range(Branch.objects.filter(code__startswith="x").count(), size)
        branches = Branch.objects.bulk_create(
            Branch(committee=issued.committee, code=f"x{n}", name=f"第{n}党支部", founded_on=date(2015, 1, 1),
                   elected_on=date(2015, 1 + n % 12, 3), term_years=3)
            for n in new
        )  # fmt: skip
        for branch in branches:
            duty.pk, duty.branch = None, branch
            duty.save(force_insert=True)
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/rhythm/").status_code == 200
        counts.append(len(asked))
    assert len(set(counts)) == 1, counts
