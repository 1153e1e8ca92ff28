"""What it costs to ask how all duties stand now, beside the expression that knew no history, and at a moment long past.

`python -m benchmarks.standing [branches [members [changed]]]` prints a line for each database: milliseconds of the
board's one grouped query (the quickest of several rounds, the three questions in turn), and the indexes by which the
overdue duties of one branch are found. `changed` duties in a hundred have had their deadline moved since.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from benchmarks import database

ROUNDS = 5
ISSUED = datetime(2018, 1, 1, 9, tzinfo=database.SHANGHAI)
CHANGED = datetime(2018, 6, 1, 9, tzinfo=database.SHANGHAI)
NOW = datetime(2018, 7, 12, 10, tzinfo=database.SHANGHAI)
PAST = datetime(2018, 5, 12, 10, tzinfo=database.SHANGHAI)


def measure(address: str, branches: int, members: int, changed: int) -> dict[str, Any]:
    """rows, plain, now, past (milliseconds), index (the plan's words on `overdue` of one branch, plain and now)."""
    figures = (str(branches), str(members), str(changed))
    return json.loads(database.run_in(address, "benchmarks.standing", *figures))


def without_history(duties: Any, at: datetime) -> Any:
    """The standing as it was reckoned before a duty's dates had a history: today's dates, whatever the instant."""
    from django.db import models
    from django.db.models import Case, F, OuterRef, Subquery, Value, When

    from plan.models import Move

    then = Move.objects.filter(filing=OuterRef("settled_by"), made_at__lte=at).order_by("-made_at", "-pk")
    state = Case(
        When(settled_by__isnull=True, then=Value("approved")),
        When(settled_by__state_since__lte=at, then=F("settled_by__state")),
        default=Subquery(then.values("to_state")[:1]), output_field=models.CharField(),
    )  # fmt: skip
    return duties.annotate(
        standing=Case(
            When(exempted_at__lte=at, then=Value("waived")), When(settled_at__lte=at, then=state),
            When(late_at__lte=at, then=Value("overdue")),
            When(due_at__lte=at + timedelta(days=1), then=Value("todo")),
            default=Value("not_due"), output_field=models.CharField(),
        ),
        was_late=Case(
            When(settled_at__lte=at, done_at__gte=F("due_at"), then=Value(True)),
            default=Value(False), output_field=models.BooleanField(),
        ),
    )  # fmt: skip


def _counted(duties: Any) -> list[Any]:
    """As `plan.board.tallies` groups them."""
    from django.db.models import Count, Q

    named = duties.filter(branch__isnull=False).order_by().values_list("branch", "code", "standing")
    return list(named.annotate(n=Count("pk"), late=Count("pk", filter=Q(was_late=True))))


def _worker(branches: int, members: int, changed: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.models import F, Q

    from branches.models import Branch
    from plan.models import Duty, DutyChange
    from plan.opening import issue

    call_command("migrate", verbosity=0)
    plan = database.people(branches, members)
    issue(plan, access=database.office_access(ISSUED))
    moved = Duty.objects.annotate(one=F("pk") % 100).filter(one__lt=changed)
    DutyChange.objects.bulk_create(
        (
            DutyChange(
                duty_id=pk, changed_at=CHANGED, why="延期", due_before=due - timedelta(days=7), due_after=due,
                late_before=late - timedelta(days=7), late_after=late,
            )
            for pk, due, late in moved.values_list("pk", "due_at", "late_at").iterator()
        ),
        batch_size=5000,
    )  # fmt: skip
    moved.update(changed_at=CHANGED)
    # A third is done, as in July.
    Duty.objects.annotate(one=F("pk") % 3).filter(one=0, due_at__lt=NOW).update(
        settled_at=F("due_at"), done_at=F("due_at"), judged_due_at=F("due_at")
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    asked = {
        "plain": lambda: _counted(without_history(Duty.objects.all(), NOW)),
        "now": lambda: _counted(Duty.objects.with_standing(NOW)),
        "past": lambda: _counted(Duty.objects.with_standing(PAST)),
    }
    took: dict[str, list[float]] = {name: [] for name in asked}
    answers = {}
    for _ in range(ROUNDS):
        for name, ask in asked.items():
            begun = time.perf_counter()
            answers[name] = sorted(ask())
            took[name].append(time.perf_counter() - begun)
    assert answers["plain"] == answers["now"], "asked about now, both tell the same"
    one = Duty.objects.of_branch([Branch.objects.earliest("pk").pk])
    settled = Q(settled_at__isnull=True) | Q(settled_at__gt=NOW)
    exempted = Q(exempted_at__isnull=True) | Q(exempted_at__gt=NOW)
    plans = [rows.explain() for rows in (one.filter(settled, exempted, late_at__lte=NOW), one.overdue(NOW))]
    found: dict[str, Any] = {name: round(min(times) * 1000, 1) for name, times in took.items()}
    return found | {"rows": Duty.objects.count(), "index": [_indexes(plan) for plan in plans]}


def _indexes(plan: str) -> str:
    """The indexes on duties that a plan names."""
    from django.db import connection

    with connection.cursor() as cursor:
        known = connection.introspection.get_constraints(cursor, "plan_duty")
    return ", ".join(sorted(name for name, one in known.items() if one["index"] and name in plan)) or "none"


def main(branches: int = 500, members: int = 30, changed: int = 2) -> None:
    import os

    server = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    for name, place in (("sqlite", database.sqlite_file()), ("postgres", database.postgres_database(server))):
        with place as address:
            found = measure(address, branches, members, changed)
        ratio = found["now"] / found["plain"]
        print(
            f"{name:9} {found['rows']:9,} duties  without history {found['plain']:8.1f} ms  now {found['now']:8.1f} ms"
        )
        print(f"{'':9} ratio {ratio:.2f}  past {found['past']:8.1f} ms")
        print(f"{'':9} the overdue of a branch are found by: {found['index'][0]} / {found['index'][1]}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(_worker(*[int(a) for a in sys.argv[2:5]])))
    else:
        main(*[int(a) for a in sys.argv[1:4]])
