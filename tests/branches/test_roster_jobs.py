"""Long rosters: read and written apart from the request, once, and started again where a worker died."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.urls import reverse

from benchmarks import database
from branches import roster_jobs
from branches.models import AuditEvent, Member, Post, RosterImport
from branches.roster_jobs import LEASE, Progress, Stage, is_dead, point_of, work
from tests.branches.test_roster import HEADER, NEWCOMER, book, everything, mark_of, row, upload
from tests.conftest import at

NOW = "2018-06-20 10:00"


@pytest.fixture(autouse=True)
def _today(clock):
    clock(NOW)


@pytest.fixture(autouse=True)
def _everything_is_long(monkeypatch):
    monkeypatch.setattr(roster_jobs, "SMALL_BYTES", 0)
    monkeypatch.setattr(roster_jobs, "SMALL_ROWS", 0)


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """The imports whose work was asked for, and is not done."""
    found: list[int] = []
    monkeypatch.setattr(roster_jobs, "start", lambda pk, now: found.append(pk))
    return found


def page_of(client, record: RosterImport) -> str:
    return client.get(record.get_absolute_url()).content.decode()


def how_far(client, record: RosterImport) -> dict[str, Any]:
    return client.get(reverse("branches:roster_progress", args=[record.pk])).json()


def press(client, record: RosterImport, mark: str):
    return client.post(reverse("branches:roster_commit", args=[record.pk]), {"mark": mark})


def restart(client, record: RosterImport):
    return client.post(reverse("branches:roster_restart", args=[record.pk]), follow=True)


def test_a_long_roster_is_read_compared_and_written_by_the_job(issued, login):
    client = login("office")
    upload(client, book(*(row(工号=f"z{n:03d}") for n in range(600))))
    record = RosterImport.objects.get()
    assert (record.stage, record.total) == ("ready", 600)
    assert press(client, record, mark_of(client, record)).status_code == 302
    record.refresh_from_db()
    assert (record.stage, record.done, record.committed_by) == ("ready", 600, issued.users["office"])
    assert "新增 600 人" in page_of(client, record)
    event = AuditEvent.objects.get(what="写入名册")
    asked = AuditEvent.objects.filter(what="上传名册").get()
    assert (event.actor, event.ip, event.detail) == (asked.actor, asked.ip, {"new": "600", "changed": "0"})


def test_the_page_says_how_far_it_is_and_leads_on_when_it_is_done(world, login, asked):
    client = login("office")
    assert upload(client, book(NEWCOMER)).status_code == 302
    record = RosterImport.objects.get()
    assert asked == [record.pk]
    assert how_far(client, record) == {"busy": True, "what": "等待开始", "done": 0, "total": 0}
    assert '<noscript><p><a class="btn btn-secondary"' in page_of(client, record)
    RosterImport.objects.update(stage=Stage.READING)
    progress = Progress(record.pk, at(NOW))
    progress.tell("正在与名册核对", 500, 5000)
    assert how_far(client, record) == {"busy": True, "what": "正在与名册核对", "done": 500, "total": 5000}
    assert 'value="500" max="5000"' in page_of(client, record)
    progress.path.write_text("{", encoding="utf-8")  # half a file is no error
    assert how_far(client, record)["what"] == "等待开始"
    progress.end()
    RosterImport.objects.update(stage=Stage.TO_READ)
    work(record.pk, at(NOW))
    assert how_far(client, record)["busy"] is False
    assert "核对名册" in page_of(client, record)
    assert not progress.path.exists()


def test_one_work_is_done_once_whoever_starts_it(world, login, asked, monkeypatch):
    client = login("office")
    upload(client, book(NEWCOMER))
    record = RosterImport.objects.get()
    done = []
    reads = roster_jobs._read
    monkeypatch.setattr(roster_jobs, "_read", lambda *args: (done.append(1), work(record.pk, at(NOW)), reads(*args)))
    work(record.pk, at(NOW))
    work(record.pk, at(NOW))
    assert done == [1]
    mark = mark_of(client, record)
    press(client, record, mark)
    press(client, record, mark)
    assert asked == [record.pk] * 2  # the upload and the first press
    work(record.pk, at(NOW))
    work(record.pk, at(NOW))
    assert AuditEvent.objects.filter(what="写入名册").count() == 1


@pytest.mark.parametrize("stage", [Stage.TO_READ, Stage.READING, Stage.TO_WRITE, Stage.WRITING])
def test_a_worker_that_died_is_told_and_another_can_be_started(world, login, asked, clock, stage):
    client = login("office")
    upload(client, book(NEWCOMER))
    record = RosterImport.objects.get()
    if stage in (Stage.TO_WRITE, Stage.WRITING):
        work(record.pk, at(NOW))
        press(client, record, mark_of(client, record))
    RosterImport.objects.update(stage=stage)
    asked.clear()
    clock("2018-06-20 10:01")
    assert "重新处理" not in page_of(client, record)
    restart(client, record)
    assert asked == []
    later = clock("2018-06-20 10:02")
    assert how_far(client, record)["busy"] is False
    assert "名册的处理中断了" in page_of(client, record)
    restart(client, record)
    restart(client, record)
    assert asked == [record.pk]
    assert how_far(client, record)["busy"] is True
    work(record.pk, later)
    record.refresh_from_db()
    assert record.stage == "ready"
    assert bool(record.committed_at) is (stage in (Stage.TO_WRITE, Stage.WRITING))


def test_a_worker_that_still_says_something_is_not_dead(world, login, asked):
    upload(login("office"), book(NEWCOMER))
    RosterImport.objects.update(stage=Stage.READING)
    record = RosterImport.objects.get()
    Progress(record.pk, at(NOW) + timedelta(minutes=5)).tell("正在与名册核对", 1, 2)
    assert point_of(record).done == 1
    assert not is_dead(record, at(NOW) + timedelta(minutes=5) + LEASE)
    assert is_dead(record, at(NOW) + timedelta(minutes=5, seconds=1) + LEASE)
    Progress(record.pk, at(NOW)).end()


def test_the_one_that_was_taken_for_dead_writes_nothing_any_more(world, login, asked, monkeypatch):
    client = login("office")
    upload(client, book(NEWCOMER))
    record = RosterImport.objects.get()
    work(record.pk, at(NOW))
    press(client, record, mark_of(client, record))
    before, later = everything(), at("2018-06-20 10:05")

    class Slow(Progress):
        def tell(self, what: str, done: int = 0, total: int = 0) -> None:
            RosterImport.objects.filter(stage_at=at(NOW)).update(stage=Stage.TO_WRITE, stage_at=later)

    with monkeypatch.context() as patched:
        patched.setattr(roster_jobs, "Progress", Slow)
        work(record.pk, at(NOW))
    assert everything() == before
    work(record.pk, later)
    assert Member.objects.filter(staff_number="z9").count() == 1
    assert AuditEvent.objects.filter(what="写入名册").count() == 1


def test_who_lost_the_post_meanwhile_writes_nothing(world, login, asked):
    client = login("office")
    upload(client, book(NEWCOMER))
    record = RosterImport.objects.get()
    work(record.pk, at(NOW))
    press(client, record, mark_of(client, record))
    Post.objects.filter(kind=Post.Kind.OFFICE).update(until_on=at("2018-06-20").date())
    before = everything()
    work(record.pk, at(NOW))
    assert everything() == before
    record.refresh_from_db()
    assert (record.stage, record.committed_at) == ("ready", None)
    assert "已不在办公室任职" in record.trouble


def test_what_the_reader_did_not_expect_is_told_and_the_upload_is_gone(world, login, monkeypatch):
    monkeypatch.setattr(roster_jobs, "read_cells", lambda data, seconds: 1 / 0)
    client = login("office")
    upload(client, book(NEWCOMER))
    record = RosterImport.objects.get()
    assert (record.stage, record.cells) == ("failed", {})
    assert "读取时出错，名册没有任何改动" in page_of(client, record)
    assert "没有读入" in client.get(reverse("branches:roster_import")).content.decode()


def test_an_upload_that_waits_is_kept_sealed(world, login, asked):
    upload(login("office"), book(NEWCOMER))
    kept = json.dumps(RosterImport.objects.values_list("cells", "rows").get(), ensure_ascii=False)
    assert "林溪" not in kept
    assert "UEsDB" not in kept  # base64 of what every xlsx begins with


# ------------------------------------------------------------------------------------------------ the process itself

SITE = """
import django; django.setup()
import sys, time
from datetime import date, datetime
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from benchmarks import database
from branches import clock, roster_jobs
from branches.first_steps import taken
from branches.models import AuditEvent, Member, RosterImport, User
from tests.conftest import logged_in
from tests.databases import tables

settings.ALLOWED_HOSTS, settings.AXES_ENABLED = ["testserver"], False
roster_jobs.SMALL_BYTES = roster_jobs.SMALL_ROWS = 0
NOW = datetime(2018, 6, 20, 10, tzinfo=database.SHANGHAI)
clock.current_instant = lambda: NOW
tables()
database.people(2, 3)
User.objects.update(**taken(NOW))
client = logged_in(User.objects.get(), when=NOW)
file = SimpleUploadedFile("名册.xlsx", sys.stdin.buffer.read())
began = time.monotonic()
answer = client.post(reverse("branches:roster_import"), {"file": file, "effective_on": "2018-06-20"})
assert answer.status_code == 302
assert RosterImport.objects.get().stage in ("to_read", "reading")

def wait():
    while time.monotonic() - began < 120:
        record = RosterImport.objects.get()
        if not roster_jobs.is_under_way(record):
            return record
        assert client.get(reverse("branches:roster_progress", args=[record.pk])).status_code == 200
        time.sleep(0.2)
    raise SystemExit("the process did not end")

record = wait()
assert record.stage == "ready", record.trouble
mark = client.get(record.get_absolute_url()).content.decode().partition('name="mark" value="')[2][:64]
client.post(reverse("branches:roster_commit", args=[record.pk]), {"mark": mark})
record = wait()
print(record.committed_at is not None, record.trouble, Member.objects.filter(name="林溪").count(), record.cells,
      AuditEvent.objects.get(what="写入名册").actor == User.objects.get())
"""


def test_a_process_of_its_own_reads_and_writes_on_a_database_file(tmp_path: Path) -> None:
    wb = openpyxl.Workbook()
    wb.active.append(HEADER)
    for n in range(700):
        wb.active.append([f"z{n:03d}", "林溪", "第1党支部", None, "2010-07-01", "2011-07-01"])
    data = io.BytesIO()
    wb.save(data)
    environment = {
        **os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite3", "DEMO": "1", "VAR_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    environment.pop("DEMO_NOW", None)
    done = subprocess.run(
        [sys.executable, "-c", SITE], cwd=database.ROOT, env=environment, input=data.getvalue(),
        stdout=subprocess.PIPE, timeout=200, check=True,
    )  # fmt: skip
    assert done.stdout.decode().strip() == "True  700 {} True"
