"""A worker that is killed in the middle leaves its job to the next; two workers do every job once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import database
from tests.jobs.processes import run

KILLS, MANY = 3, 200

KILLED = f"""
log = Path(os.environ["VAR_DIR"]) / "log"
job = ask("steps", key="steps", at=now(), arguments={{"log": str(log), "seconds": 0.1}})
found = {{"left": [], "too_early": [], "steps": []}}
for n in range({KILLS}):
    one = worker()
    until(lambda: log.exists() and log.read_text().count("began") == n + 1
          and Round.objects.count() > 4 * n and Job.objects.get().state == "running")
    kill(one)
    found["left"].append(state(job))
    found["steps"].append(Round.objects.count())
    # While its lease lasts nobody takes it.
    found["too_early"].append(work.take(job.pk, now()) is not None)
    Job.objects.update(lease_until=now() - timedelta(seconds=1))
last = worker()
until(lambda: state(job) == "done")
until(lambda: Worker.objects.filter(name__endswith=f":{{last.pid}}").exists())
last.send_signal(signal.SIGTERM)
found["code"] = last.wait(30)
found["signed_off"] = not Worker.objects.filter(name__endswith=f":{{last.pid}}").exists()
job.refresh_from_db()
found |= {{"rows": Round.objects.count(), "tries": job.tries, "said": job.said,
          "began": log.read_text().count("began")}}
print(json.dumps(found))
"""

TOGETHER = f"""
both = [worker(), worker()]
until(lambda: Worker.objects.count() == 2)
for n in range({MANY}):
    ask("leave_row", key=f"row {{n}}", at=now(), arguments={{"n": n}})
until(lambda: not Job.objects.exclude(state="done").exists())
holders = set(Job.objects.values_list("holder", flat=True))
for one in both:
    one.send_signal(signal.SIGTERM)
codes = [one.wait(30) for one in both]
from django_tasks_db.models import DBTaskResult
print(json.dumps({{
    "rows": Round.objects.count(), "different": len({{name.split(":")[0] for name in
    Round.objects.values_list("name", flat=True)}}), "workers": len({{holder.split(":")[1] for holder in holders}}),
    "tries": max(Job.objects.values_list("tries", flat=True)), "codes": codes,
    "left": DBTaskResult.objects.count(),
}}))
"""

FINISHES = """
log = Path(os.environ["VAR_DIR"]) / "log"
job = ask("steps", key="steps", at=now(), arguments={"log": str(log), "seconds": 0.1})
one = worker()
until(lambda: Round.objects.count() > 3)
told = []
until(lambda: Job.objects.get().done > 0)
one.send_signal(signal.SIGTERM)
print(json.dumps({"code": one.wait(30), "state": state(job), "rows": Round.objects.count()}))
"""


def assert_killed(found: dict) -> None:
    assert found["left"] == ["running"] * KILLS
    assert all(0 < steps < 20 for steps in found["steps"]), "in the middle"
    assert found["too_early"] == [False] * KILLS
    assert (found["rows"], found["tries"], found["began"], found["said"]) == (20, KILLS + 1, KILLS + 1, "20步")
    assert found["code"] == 0 and found["signed_off"]


def assert_together(found: dict) -> None:
    assert found["rows"] == found["different"] == MANY, "none twice, none lost"
    assert (found["workers"], found["tries"], found["codes"], found["left"]) == (2, 1, [0, 0], 0)


def test_killed_in_the_middle_a_job_is_done_by_the_next_worker(tmp_path: Path) -> None:
    assert_killed(run(KILLED, f"sqlite:///{tmp_path}/jobs.sqlite3", tmp_path))


def test_two_workers_do_every_job_once(tmp_path: Path) -> None:
    assert_together(run(TOGETHER, f"sqlite:///{tmp_path}/jobs.sqlite3", tmp_path))


def test_told_to_end_a_worker_finishes_what_it_does_and_says_how_far_it_is(tmp_path: Path) -> None:
    found = run(FINISHES, f"sqlite:///{tmp_path}/jobs.sqlite3", tmp_path)
    assert found == {"code": 0, "state": "done", "rows": 20}


@pytest.fixture
def postgresql():
    server = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/test"
    with database.postgres_database(server) as address:
        yield address


@pytest.mark.postgres
def test_killed_in_the_middle_a_job_is_done_by_the_next_worker_on_postgresql(postgresql, tmp_path: Path) -> None:
    assert_killed(run(KILLED, postgresql, tmp_path))


@pytest.mark.postgres
def test_two_workers_do_every_job_once_on_postgresql(postgresql, tmp_path: Path) -> None:
    assert_together(run(TOGETHER, postgresql, tmp_path))
