"""The health check of many branches: seconds for the page's findings, beside one grouped pass over the duties.

`python -m benchmarks.checkup [branches [members]]` prints one line; the database is thrown away.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime

from benchmarks import database


def measure(address: str, branches: int, members: int) -> dict[str, float]:
    """Seconds and counts: told (the page's findings), counts (a home's numbers), floor, queries, found."""
    return json.loads(database.run_in(address, "benchmarks.checkup", str(branches), str(members)))


def _worker(branches: int, members: int) -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.db.models import Count
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from branches.checkup import Scope
    from config import checkup
    from plan.models import Duty
    from plan.opening import issue

    call_command("migrate", verbosity=0)
    plan = database.people(branches, members)
    with transaction.atomic():
        issue(plan, access=database.office_access(datetime(2018, 6, 11, 9, tzinfo=database.SHANGHAI)))
    access = database.office_access(datetime(2018, 9, 11, 9, tzinfo=database.SHANGHAI))
    rules, scope = checkup.rules_for(access), Scope(access)
    reverse("home")  # the addresses are read once in a process's life

    start = time.perf_counter()
    list(Duty.objects.order_by().values("branch").annotate(n=Count("pk")))
    floor = time.perf_counter() - start
    start = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        told = checkup.told(rules, scope, 20)
    page = time.perf_counter() - start
    start = time.perf_counter()
    checkup.counts(access)
    numbers = time.perf_counter() - start
    return {
        "duties": Duty.objects.count(), "floor": floor, "told": page, "counts": numbers, "queries": len(queries),
        "found": sum(one.total for one in told),
    }  # fmt: skip


def _line(found: dict[str, float], branches: int) -> str:
    ratio = found["told"] / found["floor"]
    return (
        f"{branches}个支部、{found['duties']:.0f}项任务：体检{found['told']:.2f}秒（{found['queries']:.0f}次查询，"
        f"{found['found']:.0f}条），首页数字{found['counts']:.2f}秒；按支部数一遍任务{found['floor']:.2f}秒，{ratio:.1f}倍"
    )


def main(arguments: list[str]) -> None:
    branches, members = (int(text) for text in [*arguments, *["500", "10"][len(arguments) :]])
    with database.sqlite_file() as address:
        print(_line(measure(address, branches, members), branches))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(_worker(*(int(text) for text in sys.argv[2:]))))
    else:
        main(sys.argv[1:])
