"""`manage.py demo`: only in demo mode, whole or not at all, and the same each time."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from branches.models import Committee
from config.demo import story
from config.demo.people import ACCOUNTS, PASSWORD
from plan.models import Move, Plan


@pytest.fixture
def demo_mode(settings):
    settings.DEMO = True


def course() -> list[tuple]:
    steps = Move.objects.order_by("made_at", "filing__title", "pk")
    return list(steps.values_list("filing__title", "name", "made_at", "made_by__staff_number", "filing__receipt"))


def test_outside_demo_mode_nothing_is_written(db):
    with pytest.raises(CommandError, match="演示模式"):
        call_command("demo")
    assert not Committee.objects.exists()


def test_the_accounts_are_listed_under_each_other(demo_mode, capsys):
    call_command("demo", "--accounts")
    head, *lines = capsys.readouterr().out.splitlines()
    assert PASSWORD in head
    assert [line.split() for line in lines] == [[number, role] for number, role in ACCOUNTS.items()]
    assert len({line.index(line.split()[1]) for line in lines}) == 1


def test_the_same_year_gives_the_same_story(db, demo_mode, clock):
    clock("2018-06-20 18:00")

    def told() -> list[tuple]:
        with transaction.atomic():
            call_command("demo", verbosity=0)
            found = course()
            transaction.set_rollback(True)
        return found

    first = told()
    assert len(first) > 50
    assert told() == first


def test_a_run_that_breaks_off_leaves_nothing_and_is_run_again(db, demo_mode, clock, monkeypatch):
    clock("2018-06-12 08:00")
    with monkeypatch.context() as patch:
        patch.setattr(story.CommitteeYear, "run", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            call_command("demo")
    assert not Committee.objects.exists()
    call_command("demo", "--if-empty")
    assert Plan.objects.get().year == 2018


def test_before_the_years_plan_is_out_the_last_year_is_shown(db, demo_mode, clock, monkeypatch):
    clock("2018-05-02 09:00")
    told = []
    monkeypatch.setattr("config.management.commands.demo.Command._load", lambda self, year, now: told.append(year))
    call_command("demo")
    assert told == [2017]


def test_a_year_that_has_not_begun_is_refused(db, demo_mode, clock):
    clock("2018-05-02 09:00")
    with pytest.raises(CommandError, match="才下发"):
        call_command("demo", "--year", "2018")
    with pytest.raises(CommandError, match="2000到2100"):
        call_command("demo", "--year", "18")
    assert not Committee.objects.exists()
