"""What opening a year costs beside a bare bulk insert of the very same rows, and what a second opening adds.

`python -m benchmarks.opening [branches [members]]` prints one line for each database. The bare insert writes the same
tuples into the same emptied table with the same indexes, by `executemany`, in as many transactions.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime

from benchmarks import database


def measure(address: str, branches: int, members: int) -> dict[str, float]:
    """Seconds and counts: rows, opening, bare, again, added_again."""
    return json.loads(database.run_in(address, "benchmarks.opening", str(branches), str(members)))


def _worker(branches: int, members: int) -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    from plan.models import Plan
    from plan.opening import CHUNK, issue, open_duties

    call_command("migrate", verbosity=0)
    plan = database.people(branches, members)
    moment = datetime(2018, 1, 1, 9, tzinfo=database.SHANGHAI)
    # The plan is issued on an empty committee first, so that only the opening is timed below.
    access = database.office_access(moment)
    with transaction.atomic():
        issue(plan, access=access)
        with connection.cursor() as cursor:
            # Django would fetch a million rows first to look for what hangs on them, and nothing does.
            cursor.execute("DELETE FROM plan_duty")
    plan = Plan.objects.get(pk=plan.pk)
    _settle(connection)

    start = time.perf_counter()
    opened = open_duties(plan, at=moment)
    opening = time.perf_counter() - start
    start = time.perf_counter()
    again = open_duties(plan, at=moment)
    second = time.perf_counter() - start

    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM plan_duty ORDER BY id")  # the same rows, whatever their columns
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
        cursor.execute("DELETE FROM plan_duty" if connection.vendor == "sqlite" else "TRUNCATE plan_duty CASCADE")
    _settle(connection)
    sql = (
        f"INSERT INTO plan_duty ({', '.join(quote(n) for n in names)}) "  # noqa: S608 — our own column names
        f"VALUES ({', '.join(['%s'] * len(names))})"
    )
    size = -(-len(rows) // (-(-branches // CHUNK)))
    start = time.perf_counter()
    for first in range(0, len(rows), size):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(sql, rows[first : first + size])
    bare = time.perf_counter() - start
    return {"rows": opened, "opening": opening, "bare": bare, "again": second, "added_again": again}


def _settle(connection) -> None:
    """Leave no work of the preparation to the measured part."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            cursor.execute("CHECKPOINT")
            cursor.execute("ANALYZE")


def main(branches: int = 500, members: int = 30) -> None:
    import os

    server = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    for name, place in (("sqlite", database.sqlite_file()), ("postgres", database.postgres_database(server))):
        with place as address:
            found = measure(address, branches, members)
        print(
            f"{name:9} {found['rows']:9,.0f} duties  opening {found['opening']:6.1f} s  bare {found['bare']:6.1f} s  "
            f"ratio {found['opening'] / found['bare']:.2f}  "
            f"again {found['again']:5.1f} s, added {found['added_again']:.0f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(_worker(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        main(*[int(a) for a in sys.argv[1:3]])
