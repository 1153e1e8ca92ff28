"""What the board costs at 50 and at 5,000 branches: queries and time of its page, and of the committee's totals.

`python -m benchmarks.board [branches [members]]` prints a line for 50 branches and one for that many, on SQLite and, if
TEST_POSTGRES_URL names a server, on PostgreSQL. All in one run on the same rows, side by side:

- the page, as the office asks for it, and its database part alone;
- the set-based design it is held against: branches of the page and one grouped query over their duties, by hand;
- the totals of all branches, beside the grouped query over all their duties that gives the same standings.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from benchmarks import database

PAGE = 50
# What is settled, as in a year half gone: of ten duties that are due six are filed, one of them late.
SETTLED = """UPDATE plan_duty SET settled_at = CASE id %% 10 WHEN 0 THEN late_at ELSE opened_at END,
    done_at = CASE id %% 10 WHEN 0 THEN late_at ELSE opened_at END WHERE id %% 10 < 6 AND due_at < %s"""
GROUPED = """SELECT {by} code, member_id IS NULL,
    CASE WHEN exempted_at <= %s THEN 'waived' WHEN settled_at <= %s THEN 'approved' WHEN late_at <= %s THEN 'overdue'
         WHEN due_at <= %s THEN 'todo' ELSE 'not_due' END AS standing, COUNT(*)
    FROM plan_duty WHERE {where} GROUP BY {by} code, member_id IS NULL, standing"""


def measure(address: str, branches: int, members: int) -> dict[str, float]:
    """Milliseconds: page, data, plain, totals, grouped; and queries of the page and of the totals."""
    found: dict[str, float] = json.loads(database.run_in(address, "benchmarks.board", str(branches), str(members)))
    return found


def _worker(branches: int, members: int) -> dict[str, float]:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import RequestFactory
    from django.test.utils import CaptureQueriesContext

    from branches.models import Branch, Committee
    from plan import board
    from plan.opening import issue
    from plan.views.board import board as page_view
    from plan.views.conditions import Board

    settings.DEBUG = False
    call_command("migrate", verbosity=0)
    plan = database.people(branches, members)
    issue(plan, access=database.office_access(datetime(2018, 1, 1, 9, tzinfo=database.SHANGHAI)))
    now = datetime(2018, 7, 12, 10, tzinfo=database.SHANGHAI)
    with connection.cursor() as cursor:
        cursor.execute(SETTLED, [now])
        cursor.execute("ANALYZE")
    access = database.office_access(now)
    committee = Committee.objects.get().pk

    def request() -> Any:
        made: Any = RequestFactory().get("/board/")
        made.now, made.access, made.user = now, access, access.user
        made.resolver_match = made.login_session = None
        made.session = {}
        return made

    def page() -> Any:
        return page_view(request())

    def data() -> None:
        asked = Board(request())
        ids = list(asked.branches.values_list("pk", flat=True)[:PAGE])
        board.tallies(asked.duties, ids, now)

    def plain() -> None:
        ids = list(Branch.objects.filter(committee=committee).order_by("code").values_list("pk", flat=True)[:PAGE])
        places = ", ".join(["%s"] * len(ids))
        grouped("branch_id,", f"branch_id IN ({places})", ids)

    def grouped(by: str, where: str, values: list[int]) -> None:
        sql = GROUPED.format(by=by, where=where)
        with connection.cursor() as cursor:
            cursor.execute(sql, [now, now, now, now, *values])
            cursor.fetchall()

    def whole() -> None:
        # The same duties with the portal's own standing, a row for each branch and column.
        asked = Board(request())
        board.tallies(asked.duties, asked.branches.order_by().values("pk"), now)  # type: ignore[arg-type]

    def totals() -> None:
        asked = Board(request())
        board.totals(asked.duties, asked.branches, now)

    # The processor's time where the database works in this process, as performance is compared here; else the clock's.
    clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter
    queries = {}
    for name, ask in (("page", page), ("totals", totals)):
        ask()
        with CaptureQueriesContext(connection) as seen:
            ask()
        queries[name] = len(seen)
    once = 3 if branches > 1000 else 7
    plain_whole = lambda: grouped("branch_id,", "year = 2018 AND committee_id = %s", [committee])  # noqa: E731
    # Turn by turn, so that whatever else the machine does falls on all of them alike.
    times = _medians({"page": page, "data": data, "plain": plain}, 25, clock) | _medians(
        {"totals": totals, "grouped": whole, "bare": plain_whole}, once, clock
    )
    return {**times, "page_queries": queries["page"], "totals_queries": queries["totals"]}


def _medians(asked: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for ask in asked.values():
        ask()
    for _ in range(rounds):
        for name, ask in asked.items():
            start = clock()
            ask()
            taken[name].append((clock() - start) * 1000)
    return {name: statistics.median(times) for name, times in taken.items()}


def main(branches: int = 5_000, members: int = 30) -> None:
    places = [("sqlite", database.sqlite_file)]
    if server := os.environ.get("TEST_POSTGRES_URL"):
        places.append(("postgres", lambda: database.postgres_database(server)))
    for name, place in places:
        first: dict[str, float] = {}
        for size in (PAGE, branches):
            with place() as address:
                found = measure(address, size, members)
            first = first or found
            print(
                f"{name:9} {size:6,} branches  page {found['page']:6.1f} ms ({found['page_queries']:.0f} queries, "
                f"{found['page'] / first['page']:.2f} of that at {PAGE})  data {found['data']:5.1f} ms "
                f"(grows {found['data'] / first['data']:.2f}; set-based by hand {found['plain']:5.1f} ms, grows "
                f"{found['plain'] / first['plain']:.2f})  totals {found['totals']:7.1f} ms, "
                f"{found['totals'] / found['grouped']:.2f} of the grouped query {found['grouped']:7.1f} ms "
                f"(by hand {found['bare']:7.1f} ms)",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(_worker(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        main(*[int(a) for a in sys.argv[1:3]])
