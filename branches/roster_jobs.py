"""A roster upload's work apart from the request that asked for it: reading and comparing, later writing.

An import goes from `to_read` over `reading` to `ready` or `failed`, and from `ready` over `to_write` and `writing` back
to `ready`, then committed or with its trouble. `work(import_id, now)` is the whole job, a plain function that a queue
can call as well; settings.ROSTER_JOBS names what calls it. Each step is taken by one conditional UPDATE, whose `now`
the worker must still find on the row when it has done: of two workers on one import the later one is believed.

How far a worker is stands in a small file beside the database, not in the row: on SQLite nobody can write a row while
the one big transaction is open, and on PostgreSQL the row is locked by it.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string
from django.utils.timezone import localdate

from branches import audit, secrets
from branches.access import Access
from branches.models import Committee, RosterImport, User
from branches.roster import ImportPlan, Tell, carry_out, plan_import, quietly, roster_changed, roster_lock
from branches.roster_cells import Reading
from branches.roster_columns import Cells, Columns, doubts, propose, read_cells, reading_of
from documents.workbook import WorkbookRefused

log = logging.getLogger(__name__)

# Up to so much the request itself does the work: starting a process takes longer than 500 rows do.
SMALL_BYTES = 40 * 2**10
SMALL_ROWS = 500
# A worker that has said nothing for so long is taken for dead: no single step of it takes a third of that.
LEASE = timedelta(seconds=60)
KEPT_FOR = timedelta(days=30)
READ_SECONDS = 45  # of waiting, within the lease
WORKER_MEMORY = 2**30  # address space in bytes; 5,000 rows take half of it
WORKER_SECONDS = 300  # of processor time; 5,000 rows take five


class Stage(StrEnum):
    """Where an import stands."""

    TO_READ = "to_read"
    READING = "reading"
    TO_WRITE = "to_write"
    WRITING = "writing"
    READY = "ready"
    FAILED = "failed"


UNDER_WAY = (Stage.TO_READ, Stage.READING, Stage.TO_WRITE, Stage.WRITING)


class NotWritten(Exception):
    """Why nothing was written, as a sentence for the office."""


# ------------------------------------------------------------------------------------------------- what is kept of it


def sealed_file(data: bytes) -> dict[str, str]:
    """An upload that is still to be read, as `RosterImport.cells` keeps it."""
    return {"file": secrets.seal(base64.b64encode(data).decode(), "roster.file")}


def sealed_cells(cells: Cells) -> dict[str, str]:
    """What was read, as `RosterImport.cells` keeps it: all columns, whoever's numbers stand in them, sealed."""
    return {"sheet": secrets.seal(json.dumps(cells.as_data(), ensure_ascii=False), "roster.cells")}


def opened(record: RosterImport) -> tuple[Cells, Columns]:
    """The sheet that was uploaded, and what its columns are taken for."""
    data = json.loads(secrets.unseal(record.cells["sheet"], "roster.cells"))
    return Cells.from_data(data), Columns.from_data(record.columns)


def effective_on(record: RosterImport) -> date:
    return date.fromisoformat(record.rows["effective_on"])


def planned(record: RosterImport, tell: Tell = quietly) -> tuple[Reading, ImportPlan]:
    """The uploaded rows against the roster as it stands now."""
    reading = reading_of(*opened(record))
    return reading, plan_import(reading, record.committee, effective_on(record), tell)


def as_ready(cells: Cells, columns: Columns, committee: Committee, day: date, tell: Tell = quietly) -> dict[str, Any]:
    """The columns of a RosterImport that has been read; without a mark where the office must first say what is what.

    Raises WorkbookRefused for a sheet without rows.
    """
    mark, count = "", 0
    if not doubts(cells, columns):
        plan = plan_import(reading_of(cells, columns), committee, day, tell)
        mark, count = plan.mark, len(plan.rows)
    kept = {"cells": sealed_cells(cells), "columns": columns.as_data(), "roster_mark": mark}
    return {**kept, "stage": Stage.READY, "done": 0, "total": count}


def purge(now: datetime) -> int:
    """Empty what was uploaded and is needed no more: written, thirty days old, or kept unsealed by an earlier version.

    Gives how many were emptied; done twice, the second time none.
    """
    over = Q(committed_at__isnull=False) | Q(uploaded_at__lte=now - KEPT_FOR)
    old = RosterImport.objects.filter((over & ~Q(cells={})) | Q(rows__has_key="reading"))
    count = 0
    with audit.together():
        for record in old.only("pk", "rows", "stage").select_for_update().order_by("pk"):
            record.cells = {}
            record.rows = {key: value for key, value in record.rows.items() if key in ("effective_on", "counts")}
            record.stage = Stage.READY
            record.save(update_fields=["cells", "rows", "stage"])
            count += 1
        if count:
            audit.note(Access(now=now, on=localdate(now)), audit.Kind.WRITE, "清除上传的名册内容", imports=count)
    return count


# -------------------------------------------------------------------------------------------------------- how far it is


@dataclass(frozen=True)
class Point:
    """How far a worker is: what it does, rows done, rows in all (0 where it cannot tell), and when it said so."""

    what: str
    done: int
    total: int
    at: datetime


class Progress:
    """Says how far one worker is, in its small file, a few times a second."""

    def __init__(self, import_id: int, now: datetime) -> None:
        self.path = _path(import_id)
        self.now, self.began, self.said, self.what = now, time.monotonic(), 0.0, ""

    def at(self) -> datetime:
        return self.now + timedelta(seconds=time.monotonic() - self.began)

    def tell(self, what: str, done: int = 0, total: int = 0) -> None:
        clock = time.monotonic()
        if what == self.what and clock - self.said < 0.2:
            return
        self.said, self.what = clock, what
        text = json.dumps({"what": what, "done": done, "total": total, "at": self.at().isoformat()})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            half = self.path.with_suffix(f".{os.getpid()}")
            half.write_text(text, encoding="utf-8")
            half.replace(self.path)
        except OSError:  # a bar that stands still is no reason to stop
            log.warning("the progress of a roster cannot be written to %s", self.path)

    def counting(self, what: str) -> Tell:
        return lambda done, total: self.tell(what, done, total)

    def end(self) -> None:
        self.path.unlink(missing_ok=True)


def _path(import_id: int) -> Path:
    return Path(settings.VAR_DIR) / "roster" / f"{import_id}.json"


def point_of(record: RosterImport) -> Point:
    """How far the import's worker is; where its file says nothing, what the row says."""
    asked = record.stage_at or record.uploaded_at
    start = Point("等待开始", 0, 0, asked)
    if record.stage in (Stage.TO_READ, Stage.TO_WRITE):
        return start
    try:
        said = json.loads(_path(record.pk).read_text(encoding="utf-8"))
        found = Point(str(said["what"]), int(said["done"]), int(said["total"]), datetime.fromisoformat(said["at"]))
    except (OSError, ValueError, KeyError):
        return start
    return found if found.at >= asked else start


def is_under_way(record: RosterImport) -> bool:
    return record.stage in UNDER_WAY


def is_dead(record: RosterImport, now: datetime) -> bool:
    """Whether the worker has said nothing for so long that another may be started."""
    return is_under_way(record) and now - max(point_of(record).at, record.stage_at or record.uploaded_at) > LEASE


# ------------------------------------------------------------------------------------------------------------ starting


def start(import_id: int, now: datetime) -> None:
    """Have the work done that the import's stage asks for."""
    import_string(settings.ROSTER_JOBS)(import_id, now)


def in_process(import_id: int, now: datetime) -> None:
    """In a process of its own, with limits, that outlives the web server's worker; gives back at once."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "roster_work", str(import_id)]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command with a number and a time
            [*command, "--at", now.isoformat(), "--limited"],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        log.exception("the work on roster import %s could not be started", import_id)
        return
    # Somebody has to ask how it ended, or it stays as a zombie as long as this worker lives.
    threading.Thread(target=process.wait, daemon=True).start()


def at_once(import_id: int, now: datetime) -> None:
    """In this very process: for tests, whose database another process cannot see."""
    work(import_id, now)


def ask_to_write(record: RosterImport, access: Access, mark: str) -> bool:
    """The office has confirmed the preview under that mark; whether it was this request that asked."""
    asked = {"mark": mark, "by": access.actor.pk, "ip": access.ip, "request": access.request_id}
    waiting = RosterImport.objects.filter(pk=record.pk, stage=Stage.READY, committed_at__isnull=True)
    rows = {"effective_on": record.rows["effective_on"], "asked": asked}
    return bool(waiting.update(stage=Stage.TO_WRITE, stage_at=access.now, rows=rows, trouble=""))


def ask_again(record: RosterImport, now: datetime) -> bool:
    """Give the work of a worker that died to another; whether it was this request that did."""
    stage = Stage.TO_READ if record.stage in (Stage.TO_READ, Stage.READING) else Stage.TO_WRITE
    if not is_dead(record, now):
        return False
    dead = RosterImport.objects.filter(pk=record.pk, stage=record.stage, stage_at=record.stage_at)
    return bool(dead.update(stage=stage, stage_at=now))


# --------------------------------------------------------------------------------------------------------- the work


def work(import_id: int, now: datetime) -> None:
    """Do what the import's stage asks for, if nobody else is doing it; what goes wrong is said on its page."""
    for asked, under_way, does in (
        (Stage.TO_READ, Stage.READING, _read),
        (Stage.TO_WRITE, Stage.WRITING, _write),
    ):
        if not RosterImport.objects.filter(pk=import_id, stage=asked).update(stage=under_way, stage_at=now):
            continue
        progress = Progress(import_id, now)
        try:
            does(RosterImport.objects.select_related("committee").get(pk=import_id), now, progress)
        finally:
            progress.end()


def _mine(record: RosterImport, stage: Stage, now: datetime) -> QuerySet[RosterImport]:
    """The import, if this worker still has it."""
    return RosterImport.objects.filter(pk=record.pk, stage=stage, stage_at=now)


def _read(record: RosterImport, now: datetime, progress: Progress) -> None:
    progress.tell("正在读取文件")
    try:
        # Nobody waits for the page, and the process is a patient one: the reader's limit is that of its processor time.
        cells = read_cells(base64.b64decode(secrets.unseal(record.cells["file"], "roster.file")), seconds=READ_SECONDS)
        compares = progress.counting("正在与名册核对")
        found = as_ready(cells, propose(cells), record.committee, effective_on(record), compares)
    except WorkbookRefused as refusal:
        found = {"stage": Stage.FAILED, "trouble": f"{str(refusal).rstrip('。')}。"[:300], "cells": {}}
    except Exception:
        log.exception("roster import %s could not be read", record.pk)
        found = {
            "stage": Stage.FAILED, "cells": {},
            "trouble": "读取时出错，名册没有任何改动。请重新上传；仍不行，请联系系统管理员。",
        }  # fmt: skip
    _mine(record, Stage.READING, now).update(**found)


def _write(record: RosterImport, now: datetime, progress: Progress) -> None:
    progress.tell("正在与名册核对")
    try:
        _write_all(record, now, progress)
        return
    except NotWritten as reason:
        trouble = str(reason)
    except OperationalError:
        log.exception("roster import %s had to wait too long", record.pk)
        trouble = "名册正在被别处修改，没有写入。请稍后再写入一次。"
    except Exception:
        log.exception("roster import %s could not be written", record.pk)
        trouble = "写入时出错，名册没有任何改动。请再写入一次；仍不行，请联系系统管理员。"
    _mine(record, Stage.WRITING, now).update(stage=Stage.READY, trouble=trouble)


def _write_all(record: RosterImport, now: datetime, progress: Progress) -> None:
    """Write what the preview showed, all of it or nothing, and only if the roster is still the one it showed."""
    asked = record.rows["asked"]
    user = User.objects.get(pk=asked["by"])
    access = Access.of(user, now, ip=asked["ip"], request_id=asked["request"])
    if not user.is_active or record.committee_id not in access.office_of:
        raise NotWritten("写入的人已不在办公室任职，没有写入。请由在任的同志核对后写入。")
    # The rows may name the branches of every committee below, whose own offices lock only theirs.
    with roster_lock(*Committee.objects.under(record.committee_id).values_list("pk", flat=True)):
        if not _mine(record, Stage.WRITING, now).update(done=0):
            return  # another worker was started meanwhile: it is the one that writes
        _, plan = planned(record, progress.counting("正在与名册核对"))
        if plan.mark != asked["mark"]:
            raise NotWritten("预览之后，名册有了变动，没有写入。下面已按最新的名册重新核对，请再看一遍。")
        if not plan.is_sound:
            raise NotWritten(f"还有 {plan.counts['error']} 行有误，没有写入。请改好文件后重新上传。")
        _mine(record, Stage.WRITING, now).update(
            stage=Stage.READY,
            committed_at=now,
            committed_by=user,
            roster_mark=plan.mark,
            rows={"effective_on": record.rows["effective_on"], "counts": plan.counts},
            cells={},
            done=len(plan.rows),
            total=len(plan.rows),
        )
        carry_out(plan, progress.counting("正在写入名册"))
        counts = plan.counts
        audit.note(access, audit.Kind.WRITE, "写入名册", record, new=counts["new"], changed=counts["changed"])
        progress.tell("正在开出新党员的任务")
        roster_changed(record.committee, now)
