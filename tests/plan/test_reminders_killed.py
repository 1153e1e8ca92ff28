"""A sender that is killed in the middle and started again: everybody is told once, as if nothing had happened."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from benchmarks import database

BRANCHES, MEMBERS = 60, 10

WORKER = """
import django; django.setup()
from datetime import datetime
from benchmarks import database
from branches.models import Member, User
from django.db import transaction
from plan.opening import issue
from plan.reminders import quietly, run_round
import sys
from tests.databases import tables
moment = datetime(2018, 1, 2, 9, tzinfo=database.SHANGHAI)
if sys.argv[1] == "prepare":
    tables()
    plan = database.people({branches}, {members})
    User.objects.bulk_create(
        User(member=one, staff_number=one.staff_number) for one in Member.objects.filter(user__isnull=True)
    )
    with transaction.atomic():
        issue(plan, access=database.office_access(datetime(2018, 1, 1, 9, tzinfo=database.SHANGHAI)))
else:
    print(run_round(dict(), at=moment, tell=quietly))
"""


def start(path: Path, what: str) -> subprocess.Popen:
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{path}",
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    environment.pop("DEMO_NOW", None)
    code = WORKER.format(branches=BRANCHES, members=MEMBERS)
    return subprocess.Popen(
        [sys.executable, "-c", code, what], cwd=database.ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )


def run(path: Path, what: str) -> None:
    """Let the worker end by itself."""
    worker = start(path, what)
    worker.communicate(timeout=300)
    assert worker.returncode == 0


def ask(path: Path, sql: str) -> list:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


MESSAGES = "SELECT user_id, key, title, lines FROM inbox_message ORDER BY 1, 2"
SAID = (
    "SELECT r.source, r.subject, r.stage, r.step, r.outcome, s.user_id, m.key FROM plan_reminder r "
    "LEFT JOIN plan_said s ON s.reminder_id = r.id LEFT JOIN inbox_message m ON m.id = s.message_id "
    "ORDER BY 1, 2, 3, 4, 6"
)


def test_killed_in_the_middle_and_run_again_everybody_is_told_once(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.sqlite3", tmp_path / "cut.sqlite3"
    run(whole, "prepare")
    with closing(sqlite3.connect(whole)) as source, closing(sqlite3.connect(cut)) as target:
        source.backup(target)
    run(whole, "send")
    expected = ask(whole, MESSAGES)
    assert len(expected) > BRANCHES

    killed = start(cut, "send")
    deadline = time.monotonic() + 120
    while not ask(cut, MESSAGES) and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    left = ask(cut, MESSAGES)
    assert 0 < len(left) < len(expected), "the kill must fall in the middle of the sending"
    orphans = "SELECT count(*) FROM inbox_message WHERE id NOT IN (SELECT message_id FROM plan_said)"
    assert ask(cut, orphans) == [(0,)]

    run(cut, "send")
    assert ask(cut, MESSAGES) == expected
    assert ask(cut, SAID) == ask(whole, SAID)
