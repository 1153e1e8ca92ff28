"""Jobs a second: ours, with row, lease and retry, beside bare django-tasks in the same run, on either database.

python -m benchmarks.jobs 300
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from benchmarks.database import postgres_database, run_in, sqlite_file

RUNS = 3


def measured(count: int) -> str:
    """Asked for and done by one worker, in turns; the best of the runs of each."""
    from django.core.management import call_command
    from django.test import override_settings

    from benchmarks import jobs_work
    from branches.clock import current_instant
    from jobs import worker
    from jobs.models import Job
    from jobs.queue import ask

    call_command("migrate", verbosity=0)

    def bare(run: int) -> None:
        for _ in range(count):
            jobs_work.nothing.enqueue()

    def ours(run: int) -> None:
        for n in range(count):
            ask("nothing", key=f"{run}:{n}", at=current_instant())

    def seconds(asks: Callable[[int], None], run: int) -> tuple[float, float]:
        began = time.perf_counter()
        asks(run)
        asked = time.perf_counter()
        while worker.take_one("bench"):
            pass
        return asked - began, time.perf_counter() - asked

    with override_settings(JOBS="benchmarks.jobs_work.KINDS"):
        rounds = [(seconds(bare, run), seconds(ours, run)) for run in range(RUNS)]
    assert Job.objects.filter(state="done").count() == RUNS * count
    lines = []
    for what, place in (("asking", 0), ("doing", 1)):
        plain, full = (min(both[who][place] for both in rounds) for who in (0, 1))
        lines.append(f"{what}: bare {count / plain:.0f}/s, ours {count / full:.0f}/s, ratio {full / plain:.2f}")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    count = arguments[0] if arguments else "300"
    with sqlite_file() as address:
        print("SQLite", run_in(address, "benchmarks.jobs", count), sep="\n", flush=True)
    if server := os.environ.get("TEST_POSTGRES_URL"):
        with postgres_database(server) as address:
            print("PostgreSQL", run_in(address, "benchmarks.jobs", count), sep="\n", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        import django

        django.setup()
        print(measured(int(sys.argv[2])))
    else:
        main(sys.argv[1:])
