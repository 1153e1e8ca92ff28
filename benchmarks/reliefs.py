"""What granting an extension to all branches costs beside a bare UPDATE of the same duties, in one run.

`python -m benchmarks.reliefs [branches]` prints one line for each database. The grant goes through the door: it locks
the duties, writes a change for each and moves their days; the bare statement moves the days and writes nothing down.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import date, datetime, timedelta

from benchmarks import database


def measure(address: str, branches: int) -> dict[str, float]:
    """Seconds and counts: duties, grant, bare, statements."""
    return json.loads(database.run_in(address, "benchmarks.reliefs", str(branches)))


def _worker(branches: int) -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.db.models import F
    from django.test.utils import CaptureQueriesContext

    from branches.models import Committee
    from plan.models import Duty, Relief
    from plan.opening import issue
    from plan.reliefs import Asking, ask, move

    call_command("migrate", verbosity=0)
    plan = database.people(branches, 2)
    moment = datetime(2018, 1, 1, 9, tzinfo=database.SHANGHAI)
    access = database.office_access(moment)
    issue(plan, access=access)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    asking = Asking(
        kind=Relief.Kind.EXTEND, reason="放假。", name="暑假", year=2018, from_on=date(2018, 7, 1),
        until_on=date(2018, 8, 31), codes=("S7", "S8", "S12", "S13"), due_on=date(2018, 9, 10),
    )  # fmt: skip
    committee = Committee.objects.get(pk=plan.committee_id)
    relief = ask(asking, access=access, committee=committee, branch=None, form_key="bench")
    relief.get_absolute_url()  # a process reads all addresses, and with them every page's module, once
    start = time.perf_counter()
    with CaptureQueriesContext(connection) as asked:
        move(relief, "grant", access=access, sure=True)
    grant = time.perf_counter() - start

    touched = Duty.objects.filter(changed_at__isnull=False)
    day = timedelta(days=1)
    start = time.perf_counter()
    with transaction.atomic():
        count = touched.update(due_at=F("due_at") + day, late_at=F("late_at") + day)
    bare = time.perf_counter() - start
    return {"duties": count, "grant": grant, "bare": bare, "statements": len(asked)}


def main(branches: int = 5000) -> None:
    server = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    for name, place in (("sqlite", database.sqlite_file()), ("postgres", database.postgres_database(server))):
        with place as address:
            found = measure(address, branches)
        print(
            f"{name:9} {branches:6,} branches {found['duties']:8,.0f} duties  grant {found['grant']:6.2f} s  "
            f"bare UPDATE {found['bare']:6.2f} s  ratio {found['grant'] / found['bare']:.1f}  "
            f"{found['statements']:.0f} statements"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(_worker(int(sys.argv[2]))))
    else:
        main(*[int(a) for a in sys.argv[1:2]])
