"""An opening that is killed half-way and run again ends as if nothing had happened."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from benchmarks import database

BRANCHES, MEMBERS = 900, 2

WORKER = """
import django; django.setup()
from datetime import datetime
from django.db import transaction
from benchmarks import database
from plan.models import Duty, Plan
from plan.opening import issue, open_duties
import sys
from tests.databases import tables
moment = datetime(2018, 1, 1, 9, tzinfo=database.SHANGHAI)
if sys.argv[1] == "prepare":
    tables()
    plan = database.people({branches}, {members})
    with transaction.atomic():
        issue(plan, access=database.office_access(moment))
        Duty.objects.all().delete()
else:
    print(open_duties(Plan.objects.get(), at=moment))
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


def run(path: Path, what: str) -> str:
    """Let the worker end by itself; gives what it printed."""
    worker = start(path, what)
    printed, _ = worker.communicate(timeout=120)
    assert worker.returncode == 0
    return printed


def rows(path: Path) -> list:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT code, period, branch_id, member_id, due_at FROM plan_duty ORDER BY 1, 2, 3, 4"
        ).fetchall()


def test_killed_half_way_and_run_again_it_ends_the_same(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.sqlite3", tmp_path / "cut.sqlite3"
    run(whole, "prepare")
    with closing(sqlite3.connect(whole)) as source, closing(sqlite3.connect(cut)) as target:
        source.backup(target)
    run(whole, "open")
    expected = rows(whole)

    killed = start(cut, "open")
    deadline = time.monotonic() + 60
    while not (seen := len(rows(cut))) and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    left = len(rows(cut))
    assert 0 < seen <= left < len(expected), "the kill must fall in the middle of the opening"

    added = json.loads(run(cut, "open"))
    assert added == len(expected) - left
    assert rows(cut) == expected
