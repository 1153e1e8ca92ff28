"""What a round of reminders costs beside a bare bulk insert of the very rows that it writes.

`python -m benchmarks.reminders [branches …]` prints one line for each number of branches: the seconds and statements of
the first round of a day on which everybody is told, of the next round five minutes later, and the ratio to the floor.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta

from benchmarks import database

MEMBERS = 10


def measure(address: str, branches: int) -> dict[str, float]:
    return json.loads(database.run_in(address, "benchmarks.reminders", str(branches)))


def _worker(branches: int) -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from branches.models import Member, User
    from inbox.models import Message
    from plan.models import Reminder, Said
    from plan.opening import issue
    from plan.reminders import lay, quietly, send

    call_command("migrate", verbosity=0)
    plan = database.people(branches, MEMBERS)
    User.objects.bulk_create(
        User(member=one, staff_number=one.staff_number) for one in Member.objects.filter(user__isnull=True)
    )
    issued = datetime(2018, 1, 1, 9, tzinfo=database.SHANGHAI)
    with transaction.atomic():
        issue(plan, access=database.office_access(issued))
    reverse("plan:board")  # a process reads all addresses, and with them every page's module, once
    found: dict[str, float] = {}
    for name, moment in (("first", issued + timedelta(days=1)), ("next", issued + timedelta(days=1, minutes=5))):
        for what, act in (("lay", lambda at: lay(at)), ("send", lambda at: send(at, quietly))):
            with CaptureQueriesContext(connection) as ran:
                start = time.perf_counter()
                act(moment)
                found[f"{name}_{what}"] = time.perf_counter() - start
            found[f"{name}_{what}_statements"] = len(ran)
    kinds = (Said, Message, Reminder)
    rows = {kind: list(kind.objects.all()) for kind in kinds}
    for kind in kinds:
        kind.objects.all().delete()
    start = time.perf_counter()
    with transaction.atomic():
        for kind in reversed(kinds):
            kind.objects.bulk_create(rows[kind])
    found["bare"] = time.perf_counter() - start
    return found | {"reminders": len(rows[Reminder]), "messages": len(rows[Message]), "said": len(rows[Said])}


def main(*branches: int) -> None:
    import os

    server = os.environ.get("TEST_POSTGRES_URL")
    for n in branches or (50, 500):
        places = [("sqlite", database.sqlite_file())]
        places += [("postgres", database.postgres_database(server))] if server else []
        for name, place in places:
            with place as address:
                one = measure(address, n)
            first = one["first_lay"] + one["first_send"]
            print(
                f"{name:9} {n:4} branches: {one['reminders']:,.0f} rows, {one['messages']:,.0f} messages; "
                f"lay {one['first_lay']:.2f} s ({one['first_lay_statements']:.0f} statements), "
                f"send {one['first_send']:.2f} s ({one['first_send_statements']:.0f}); "
                f"again {one['next_lay'] + one['next_send']:.2f} s "
                f"({one['next_lay_statements'] + one['next_send_statements']:.0f}); "
                f"bare {one['bare']:.2f} s, ratio {first / one['bare']:.2f}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(_worker(int(sys.argv[2]))))
    else:
        main(*[int(a) for a in sys.argv[1:]])
