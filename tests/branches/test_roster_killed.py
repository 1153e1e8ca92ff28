"""A roster import that is killed at any row leaves no row behind, and is written whole when it is started again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import database

KILLS, NEWCOMERS, CHANGED = 10, 450, 50

# One process sets the portal up; each attempt runs in a fork of it, which ends itself with SIGKILL at its row.
WORKER = """
import django; django.setup()
import json, os, random, signal
from datetime import date, datetime, timedelta
from django.conf import settings
from django.db import connections, models, transaction
from django.urls import reverse
from benchmarks import database
from branches import clock
from branches.first_steps import taken
from branches.models import AuditEvent, Member, Membership, PartyGroup, Post, RosterImport, User
from branches import roster_jobs
from branches.roster import plan_import
from branches.roster_columns import propose, read_cells, reading_of
from plan.models import Duty
from plan.opening import issue
from tests.branches.hostile_xlsx import roster
from tests.conftest import logged_in
from tests.databases import tables

KILLS, NEWCOMERS, CHANGED = {kills}, {newcomers}, {changed}
NOW = datetime(2018, 6, 20, 10, tzinfo=database.SHANGHAI)
settings.ALLOWED_HOSTS, settings.AXES_ENABLED = ["testserver"], False
settings.VAR_DIR, settings.ROSTER_JOBS = {var!r}, "branches.roster_jobs.at_once"
clock.current_instant = lambda: NOW
tables()
plan = database.people(4, 20)
with transaction.atomic():
    issue(plan, access=database.office_access(NOW))
User.objects.update(**taken(NOW))
office = User.objects.get()
rows = [(f"z{{n:05d}}", "林溪", f"第{{n % 4 + 1}}党支部", f"第{{n % 3 + 1}}党小组", "2010-07-01", "2011-07-01", "科员")
        for n in range(NEWCOMERS)]
rows += [(f"{{n:07d}}", "林溪", "第1党支部", None, None, None, "副科长") for n in range(1, CHANGED + 1)]
cells, day = read_cells(roster(*rows)), date(2018, 6, 20)
columns = propose(cells)
planned = plan_import(reading_of(cells, columns), office.member.branch_on(day).committee, day)
assert planned.is_sound and planned.counts["new"] == NEWCOMERS and planned.counts["changed"] == CHANGED
record = RosterImport.objects.create(
    committee=office.member.branch_on(day).committee, file_name="名册.xlsx", uploaded_by=office, uploaded_at=NOW,
    rows={{"effective_on": "2018-06-20"}}, stage_at=NOW,
    **roster_jobs.as_ready(cells, columns, office.member.branch_on(day).committee, day),
)
client = logged_in(office)

def state():
    tables = [model.objects.all() for model in (Member, Membership, PartyGroup, Post, Duty)]
    tables.append(AuditEvent.objects.exclude(what="重新处理名册"))
    found = [repr(sorted(rows.values_list())) for rows in tables]
    connections.close_all()
    return found

written = 0
def attempt(kill_at, out):
    # The column is asked for once for each row that is written: of members, memberships and duties.
    global written
    plain = models.Field.pre_save
    def pre_save(field, row, add):
        global written
        if field.name in ("staff_number", "from_on", "due_at"):
            written += 1
            if written == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return plain(field, row, add)
    models.Field.pre_save = pre_save
    models.DateField.pre_save = pre_save
    models.DateTimeField.pre_save = pre_save
    # The first time the office writes; after a death it has the work done again by another process.
    address = "commit" if RosterImport.objects.get().stage == "ready" else "restart"
    answer = client.post(reverse(f"branches:roster_{{address}}", args=[record.pk]), {{"mark": planned.mark}})
    os.write(out, json.dumps([answer.status_code, written]).encode())

def forked(kill_at=0, undo=False):
    connections.close_all()
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            if undo:
                with transaction.atomic():
                    attempt(0, writer)
                    transaction.set_rollback(True)
            else:
                attempt(kill_at, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return json.loads(said) if said else None, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL

before = state()
(_, total), _ = forked(undo=True)
points = sorted(random.Random(2018).sample(range(1, total + 1), KILLS))
killed, too_early = [], []
for point in points:
    died = forked(point)[1]
    left = RosterImport.objects.get()
    killed.append(died and state() == before and left.stage == "writing" and left.committed_at is None)
    # Within the minute nobody takes the work over; afterwards the next one does.
    too_early.append(forked()[0][1] == 0 and state() == before)
    NOW += timedelta(minutes=2)
whole, _ = forked()
after = state()
print(json.dumps({{
    "too_early": too_early, "total": total, "points": points, "killed": killed, "whole": whole,
    "differs": after != before,
    "members": Member.objects.filter(name="林溪").count(),
    "duties": Duty.objects.filter(member__staff_number__startswith="z").count(),
    "committed": RosterImport.objects.filter(committed_at__isnull=False).count(),
    "events": AuditEvent.objects.filter(what="写入名册").count(),
}}))
"""


def killed_ten_times(address: str, var: Path) -> dict:
    environment = {
        **os.environ, "DATABASE_URL": address, "DEMO": "1", "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    environment.pop("DEMO_NOW", None)
    code = WORKER.format(kills=KILLS, newcomers=NEWCOMERS, changed=CHANGED, var=str(var))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=database.ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        timeout=300, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def assert_all_or_nothing(found: dict) -> None:
    assert found["killed"] == [True] * KILLS, f"killed at rows {found['points']} of {found['total']}"
    assert found["points"][0] < NEWCOMERS + CHANGED < found["points"][-1], "in the middle of several tables"
    assert found["too_early"] == [True] * KILLS
    # Started again after the kills, it is written whole, once, with what the newcomers owe.
    assert found["whole"][0] == 302
    assert found["differs"]
    assert found["members"] == NEWCOMERS + CHANGED
    assert found["duties"] >= NEWCOMERS
    assert found["committed"] == found["events"] == 1


def test_killed_at_ten_rows_nothing_is_written_on_a_sqlite_file(tmp_path: Path) -> None:
    assert_all_or_nothing(killed_ten_times(f"sqlite:///{tmp_path}/roster.sqlite3", tmp_path))


@pytest.mark.postgres
def test_killed_at_ten_rows_nothing_is_written_on_postgresql(tmp_path: Path) -> None:
    server = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/test"
    with database.postgres_database(server) as address:
        assert_all_or_nothing(killed_ten_times(address, tmp_path))
