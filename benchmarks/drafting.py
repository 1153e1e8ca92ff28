"""What drafting and checking a branch's year costs beside asking the bare holiday library about the year's days.

`python -m benchmarks.drafting [branches]` prints one line: the year's plan of so many branches of different shape, from
the first days of the year, each drafted and held against the issued plan; no database. The bare run asks the library
about every day of the year once for each branch.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from contextlib import redirect_stdout
from datetime import date, timedelta
from types import SimpleNamespace

from benchmarks import database


def measure(branches: int = 200, seed: int = 2018) -> dict[str, float]:
    """Seconds for all (`drafted`, `bare`), seconds of the slowest (`slowest`), and how much was remarked."""
    import chinese_calendar
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("DEMO", "1")
    django.setup()
    from plan.loading import load
    from plan.models import Requirement
    from study.clarity import asked_of, check
    from study.drafting import branch_items, outline

    document = load(*((database.ROOT / f"plan/2018.{end}").read_text(encoding="utf-8") for end in ("toml", "txt")))
    rows = [
        Requirement(
            code=spec.code, clause=spec.clause, quotes=list(spec.quotes), proof=spec.proof, kinds=list(spec.kinds),
            data=spec.as_dict(),
        )
        for spec in document.requirements
    ]  # fmt: skip
    plan = SimpleNamespace(year=2018, effective_on=date(2018, 1, 1), document=document,
                           requirements=SimpleNamespace(all=lambda: rows))  # fmt: skip
    titles = [reading.title for reading in document.readings]
    chance, times, remarks = random.Random(seed), [], 0
    for _ in range(branches):
        start = date(2018, 1, 1) + timedelta(days=chance.randrange(60))
        roster, small = list(range(chance.randint(1, 60))), chance.random() < 0.2
        begun = time.perf_counter()
        asked = asked_of(plan, start, small=small)  # type: ignore[arg-type]
        entries = branch_items(asked, year=2018, start=start, rule="每月第二个星期五", roster=roster, readings=titles)
        found = check(outline(titles), entries, asked=asked, readings=titles, roster=roster)
        times.append(time.perf_counter() - begun)
        remarks += len(found.remarks)
    days = [date(2018, 1, 1) + timedelta(days=n) for n in range(365)]
    begun = time.perf_counter()
    for _ in range(branches):
        for day in days:
            chinese_calendar.is_workday(day)
    bare = time.perf_counter() - begun
    return {"drafted": sum(times), "bare": bare, "slowest": max(times), "remarks": remarks}


def of_the_demo(address: str) -> dict[str, float]:
    """The same of the branches of the demo, laid on that database: how many, remarks, seconds of the slowest."""
    found: dict[str, float] = json.loads(database.run_in(address, "benchmarks.drafting"))
    return found


def _demo_worker() -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command

    from branches.models import Branch
    from plan.calendars import calendar_of
    from plan.models import Plan
    from study.clarity import asked_of, check, is_small
    from study.drafting import draft_for, outline

    call_command("migrate", verbosity=0)
    # What it says while it works is not the answer.
    with redirect_stdout(sys.stderr):
        call_command("demo", year=2018, verbosity=0)
    plan = Plan.objects.get(year=2018, issued_at__isnull=False)
    start = plan.effective_on
    assert start is not None
    titles = [reading.title for reading in plan.readings.all()]
    times, remarks = [], 0
    branches = Branch.objects.existing_on(start)
    for branch in branches:
        begun = time.perf_counter()
        entries = draft_for(branch, plan, start)
        roster, calendar = list(branch.roster(start)), calendar_of(branch.committee_id)
        found = check(
            outline(titles), entries, readings=titles, roster=[member.pk for member in roster], calendar=calendar,
            asked=asked_of(plan, start, small=is_small(roster, start), calendar=calendar),
        )  # fmt: skip
        times.append(time.perf_counter() - begun)
        remarks += len(found.remarks)
    return {"branches": len(times), "remarks": remarks, "slowest": max(times)}


def main(branches: int = 200) -> None:
    found = measure(branches)
    print(
        f"{branches} branches  drafted and checked {found['drafted'] / branches * 1000:.1f} ms each, slowest "
        f"{found['slowest'] * 1000:.1f} ms  bare {found['bare'] / branches * 1000:.1f} ms  "
        f"ratio {found['drafted'] / found['bare']:.1f}  remarks {found['remarks']:.0f}"
    )


if __name__ == "__main__":
    if "--worker" in sys.argv:
        print(json.dumps(_demo_worker()))
    else:
        main(*[int(a) for a in sys.argv[1:2]])
