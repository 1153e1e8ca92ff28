"""The daily clean-up: what is over goes, what is needed stays, and twice is as good as once."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from branches.leftovers import clear
from branches.models import AuditEvent, KnownDevice, LoginFailure, LoginSession, RosterImport
from tests.conftest import World, at

NOW = at("2018-07-04 10:00")


def made(world: World, ago: timedelta, name: str) -> None:
    """One of everything, last used so long ago."""
    user, then = world.users["office"], NOW - ago
    LoginSession.objects.create(user=user, key_mac=f"k{name}", began_at=then, seen_at=then)
    KnownDevice.objects.create(user=user, mac=f"d{name}", first_at=then, seen_at=then)
    LoginFailure.objects.create(number_mac=name, address="10.0.0.1", at=then)
    Session.objects.create(session_key=f"s{name}", session_data="", expire_date=then + timedelta(hours=12))
    RosterImport.objects.create(
        committee=world.committee, file_name=name, uploaded_by=user, uploaded_at=then, cells={"sheet": "x"},
        rows={"effective_on": "2018-01-01"}, stage="reading",
    )  # fmt: skip


def left() -> list[int]:
    return [
        model.objects.count() for model in (LoginSession, KnownDevice, LoginFailure, Session)
    ] + [RosterImport.objects.exclude(cells={}).count()]  # fmt: skip


@pytest.mark.parametrize(
    ("ago", "stays"),
    [
        (timedelta(minutes=59), [1, 1, 1, 1, 1]),
        (timedelta(minutes=61), [1, 1, 0, 1, 1]),
        (timedelta(hours=13), [1, 1, 0, 0, 1]),
        (timedelta(days=31), [1, 1, 0, 0, 0]),
        (timedelta(days=179), [1, 1, 0, 0, 0]),
        (timedelta(days=181), [0, 0, 0, 0, 0]),
    ],
)
def test_each_thing_goes_when_it_is_over_and_not_before(world, settings, tmp_path, ago, stays) -> None:
    settings.VAR_DIR = tmp_path
    made(world, ago, "one")
    clear(NOW)
    assert left() == stays
    events = AuditEvent.objects.count()
    assert not any(clear(NOW).values()), "twice is as good as once"
    assert AuditEvent.objects.count() == events


def test_a_dead_workers_file_goes_and_a_living_ones_stays(world, settings, tmp_path) -> None:
    settings.VAR_DIR = tmp_path
    made(world, timedelta(0), "one")
    record = RosterImport.objects.get()
    room = Path(tmp_path) / "roster"
    room.mkdir()
    for name in (f"{record.pk}.json", f"{record.pk}1.json", f"{record.pk}1.4242"):
        (room / name).write_text("{}", encoding="utf-8")
    assert clear(NOW)["没有主人的进度文件"] == 2
    assert [path.name for path in room.iterdir()] == [f"{record.pk}.json"]


def test_the_command_takes_a_moment_and_refuses_what_is_none(world, settings, tmp_path) -> None:
    settings.VAR_DIR = tmp_path
    made(world, timedelta(0), "one")
    said = StringIO()
    call_command("clean_up", "--at", "2019-07-04T10:00", stdout=said)
    assert "180天前的登录：1\n" in said.getvalue() and left() == [0, 0, 0, 0, 0]
    with pytest.raises(CommandError, match="不是有效的时刻"):
        call_command("clean_up", "--at", "gestern")
