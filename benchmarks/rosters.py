"""What a roster costs: each hostile file until it is refused, and 5,000 rows uploaded, looked at and written.

`python -m benchmarks.rosters [rows]` prints both. A hostile file's time is that of reading it, its memory the peak of
the child process that reads it; a roster's time is that of the whole work, with the year's plan issued and in force,
done in one process: `process` is what a process of its own takes to read it, from the upload until it can be looked at.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from benchmarks import database

NOW = datetime(2018, 6, 20, 10, tzinfo=database.SHANGHAI)
BRANCHES = 100
HEADER = ("工号", "姓名", "所在党支部", "所在党小组", "入党日期", "转正日期", "行政职务", "是否处级以上")
CHILD_IMPORT = "import sys; sys.path.insert(0, {root!r}); import documents.workbook"
# A process so small that the peak of the one it starts is that one's own: rusage counts what was there before exec.
LAUNCHER = """
import os, sys
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], {}, file_actions=quiet)
_, _, used = os.wait4(child, 0)
print(used.ru_maxrss, used.ru_utime + used.ru_stime)
"""


def hostile() -> Iterator[tuple[str, str, float, float, float]]:
    """Of each file that is refused: its case, what it is, seconds of waiting, seconds of processor, megabytes."""
    from documents.workbook import CHILD_SOURCE, WorkbookRefused, read
    from tests.branches.hostile_xlsx import CASES, REFUSED

    for case in CASES:
        if case.fate != REFUSED:
            continue
        data = case.make()
        start = time.perf_counter()
        with suppress(WorkbookRefused):
            read(data)
        seconds = time.perf_counter() - start
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            command = [sys.executable, "-S", "-I", "-c", LAUNCHER, sys.executable, "-I", "-B", "-c", CHILD_SOURCE]
            done = subprocess.run(  # noqa: S603 — the reader's own child
                [*command, str(database.ROOT), "5000", "15", "60"],
                stdin=file,
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
        kilobytes, processor = done.stdout.split()
        yield case.id, case.make.__name__, seconds, float(processor), int(kilobytes) / 1024


def floor() -> float:
    """Seconds of waiting for the same interpreter to start, import the same reader and end."""
    nothing = CHILD_IMPORT.format(root=str(database.ROOT))
    start = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-B", "-c", nothing], check=True)  # noqa: S603 — imports only
    return time.perf_counter() - start


def workbook(rows: Iterable[Iterable[Any]]) -> bytes:
    from documents.workbook import Column, Sheet, write

    return write([Sheet("名册", [Column(title) for title in HEADER], [list(row) for row in rows])])


def people(rows: int, job_title: str) -> Iterator[tuple[Any, ...]]:
    """Newcomers, spread over the branches and their groups."""
    for n in range(rows):
        branch = f"第{n % BRANCHES + 1}党支部"
        yield (
            f"z{n:06d}",
            "林溪",
            branch,
            f"第{n // BRANCHES % 5 + 1}党小组",
            "2010-07-01",
            "2011-07-01",
            job_title,
            "否",
        )


def measure(address: str, rows: int) -> dict[str, dict[str, list[float]]]:
    """For newcomers, the same again and all changed: seconds and statements of upload, preview and commit."""
    return json.loads(database.run_in(address, "benchmarks.rosters", str(rows)))


def _worker(rows: int) -> dict[str, dict[str, list[float]]]:
    import django

    django.setup()
    from django.conf import settings
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.test import Client
    from django.urls import reverse

    from branches import clock, roster_jobs, sessions
    from branches.first_steps import taken
    from branches.models import LoginSession, Member, RosterImport, User
    from plan.opening import issue

    settings.ALLOWED_HOSTS, settings.AXES_ENABLED = ["testserver"], False
    settings.ROSTER_JOBS = "branches.roster_jobs.at_once"
    call_command("migrate", verbosity=0)
    plan = database.people(BRANCHES, 1)
    with transaction.atomic():
        issue(plan, access=database.office_access(NOW))
    clock.current_instant = lambda: NOW
    User.objects.update(**taken(NOW))
    client, user = Client(raise_request_exception=True), User.objects.earliest("pk")
    client.force_login(user, backend=sessions.BACKEND)
    key = sessions.mac_of(client.session.session_key)
    LoginSession.objects.create(user=user, key_mac=key, began_at=NOW, seen_at=NOW)

    statements = 0

    def count(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(sql, params, many, context)

    def timed(step: Any) -> tuple[list[float], Any]:
        nonlocal statements
        statements = 0
        start = time.perf_counter()
        with connection.execute_wrapper(count):
            response = step()
        return [round(time.perf_counter() - start, 2), statements], response

    found: dict[str, dict[str, list[float]]] = {}
    for what, job_title in (("new", "科员"), ("same", "科员"), ("changed", "副科长")):
        data = workbook(people(rows, job_title))
        upload, answer = timed(
            lambda data=data: client.post(
                reverse("branches:roster_import"),
                {"file": SimpleUploadedFile("名册.xlsx", data), "effective_on": date(2018, 6, 20).isoformat()},
            )
        )
        assert answer.status_code == 302, answer.content.decode()
        record = RosterImport.objects.latest("pk")
        preview, page = timed(lambda record=record: client.get(record.get_absolute_url()))
        found[what] = {"upload": upload, "preview": preview}
        if what != "same":
            mark = page.content.decode().partition('name="mark" value="')[2][:64]
            write = reverse("branches:roster_commit", args=[record.pk])
            found[what]["commit"], _ = timed(lambda write=write, mark=mark: client.post(write, {"mark": mark}))
            record.refresh_from_db()
            assert record.committed_at
    assert Member.objects.filter(job_title="副科长").count() == rows
    settings.ROSTER_JOBS = "branches.roster_jobs.in_process"
    file = SimpleUploadedFile("名册.xlsx", data)
    start = time.perf_counter()
    client.post(reverse("branches:roster_import"), {"file": file, "effective_on": "2018-06-20"})
    answered = time.perf_counter() - start
    while roster_jobs.is_under_way(record := RosterImport.objects.latest("pk")):
        time.sleep(0.05)
    assert record.stage == "ready", record.trouble
    found["process"] = {"answered": [round(answered, 2), 0], "ready": [round(time.perf_counter() - start, 2), 0]}
    found["peak"] = {"megabytes": [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]}
    return found


def main(rows: int = 5_000) -> None:
    print(f"starting the reader, and nothing else: {min(floor() for _ in range(5)):.2f} s")
    for id, what, seconds, processor, megabytes in hostile():
        print(f"{id:5} {seconds:5.2f} s  processor {processor:5.2f} s  peak {megabytes:4.0f} MB  {what}")
    server = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    for name, place in (("SQLite", database.sqlite_file()), ("PostgreSQL", database.postgres_database(server))):
        with place as address:
            found = measure(address, rows)
        print(f"{name}, {rows} rows, peak {found.pop('peak')['megabytes'][0]:.0f} MB")
        for what, steps in found.items():
            said = "   ".join(
                f"{step} {seconds:6.2f} s {asked:5.0f} statements" for step, (seconds, asked) in steps.items()
            )
            print(f"  {what:8} {said}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(_worker(int(sys.argv[2]))))
    else:
        main(*map(int, sys.argv[1:]))
