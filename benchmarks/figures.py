"""The figures that the issues ask for, each measured when asked by the portal's own code: NAME VALUE GOAL ok|short.

`make figures` prints them; FIGURES_BRANCHES=5000 opens the full year of the issue (a quarter of an hour).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks import board, boards, brute_force, cadences, database, drafting, opening, pictures, rosters, uploads

# The tests that need no service.
PLAIN = "not postgres and not browser and not redis"


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its goal; `at_most` tells which side of the goal is good."""

    name: str
    value: float
    goal: float
    at_most: bool = True

    def __str__(self) -> str:
        good = self.value <= self.goal if self.at_most else self.value >= self.goal
        return f"{self.name} {self.value:g} {self.goal:g} {'ok' if good else 'short'}"


def _plan() -> Iterator[Figure]:
    from plan.loading import load

    source = (database.ROOT / "plan/2018.txt").read_text(encoding="utf-8")
    document = load((database.ROOT / "plan/2018.toml").read_text(encoding="utf-8"), source)
    yield Figure("PLAN_CODES", len(document.requirements), 35, at_most=False)
    lost = sum(quote not in source for spec in document.requirements for quote in spec.quotes)
    yield Figure("PLAN_QUOTES_NOT_FOUND", lost, 0)
    yield Figure("CADENCE_WRONG_OF_20000", cadences.wrong(20_000), 0)


def _routes() -> Iterator[Figure]:
    from django.urls import get_resolver
    from django.urls.resolvers import URLPattern, URLResolver

    from config.matrix import ROUTES

    def names(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
        for entry in resolver.url_patterns:
            if isinstance(entry, URLPattern):
                yield prefix + str(entry.name)
            else:
                yield from names(entry, prefix + (f"{entry.namespace}:" if entry.namespace else ""))

    found = set(names(get_resolver()))
    yield Figure("ROUTES", len(found), 60, at_most=False)
    yield Figure("ROUTES_NOT_IN_MATRIX", len(found - set(ROUTES)), 0)


def _access() -> Iterator[Figure]:
    """Each cell is one actor asking one address by one method; whether they are right is ACCESS_MATRIX_FAILED."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.guards", "--count"],
        cwd=database.ROOT, env=_clean_environment(), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    cells, guards = map(int, done.stdout.split())
    yield Figure("ACCESS_CELLS", cells, 2000, at_most=False)
    yield Figure("GUARDS_FOUND", guards, 200, at_most=False)


def _opening() -> Iterator[Figure]:
    branches = int(os.environ.get("FIGURES_BRANCHES", "500"))
    server = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    for name, place in (("SQLITE", database.sqlite_file()), ("POSTGRES", database.postgres_database(server))):
        with place as address:
            found = opening.measure(address, branches, 30)
        yield Figure(f"OPENING_DUTIES_{name}", found["rows"], branches * 200, at_most=False)
        yield Figure(f"OPENING_RATIO_{name}", round(found["opening"] / found["bare"], 2), 1.5)
        yield Figure(f"OPENING_AGAIN_ADDED_{name}", found["added_again"], 0)


def _uploads() -> Iterator[Figure]:
    yield Figure("PHOTO_RATIO", round(pictures.ratio(), 2), 1.3)
    found = list(uploads.costs())
    yield Figure("UPLOAD_HOSTILE_FILES", len(found), 73, at_most=False)
    yield Figure("UPLOAD_HOSTILE_WRONG", sum(not one.as_it_should for one in found), 0)
    yield Figure("UPLOAD_HOSTILE_SECONDS", round(max(one.seconds for one in found), 2), 1)
    yield Figure("UPLOAD_HOSTILE_MEGABYTES", round(max(one.megabytes for one in found)), 150)


def _drafting() -> Iterator[Figure]:
    """Plans as the button drafts them: of branches of any shape, and of each of the demo's."""
    found = drafting.measure()
    yield Figure("DRAFT_REMARKS_OF_200_BRANCHES", found["remarks"], 0)
    yield Figure("DRAFT_SECONDS", round(found["slowest"], 2), 1)
    with database.sqlite_file() as address:
        demo = drafting.of_the_demo(address)
    yield Figure("DRAFTED_DEMO_BRANCHES", demo["branches"], 12, at_most=False)
    yield Figure("DRAFT_REMARKS_OF_DEMO_BRANCHES", demo["remarks"], 0)
    yield Figure("DRAFT_SECONDS_OF_DEMO_BRANCHES", round(demo["slowest"], 2), 1)


def _board() -> Iterator[Figure]:
    """The page of 50 branches of many beside that of 50; the totals of all beside the grouped query over all."""
    many = int(os.environ.get("FIGURES_BRANCHES", "500"))
    server = os.environ.get("TEST_POSTGRES_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    for name in ("SQLITE", "POSTGRES"):
        found = {}
        for branches in (board.PAGE, many):
            place = database.sqlite_file() if name == "SQLITE" else database.postgres_database(server)
            with place as address:
                found[branches] = board.measure(address, branches, 30)
        few, most = found[board.PAGE], found[many]
        yield Figure(f"BOARD_QUERIES_{name}", most["page_queries"], 6)
        yield Figure(f"BOARD_QUERIES_MORE_{name}", most["page_queries"] - few["page_queries"], 0)
        yield Figure(f"BOARD_{many}_PAGE_RATIO_{name}", round(most["page"] / few["page"], 2), 1.1)
        yield Figure(f"BOARD_{many}_TOTALS_RATIO_{name}", round(most["totals"] / most["grouped"], 2), 1.2)


def _boards() -> Iterator[Figure]:
    """Pledge boards typeset in a second, in the slowest format; and what the measure of 200 random ones finds."""
    yield Figure("BOARDS_A_SECOND", round(min(boards.measure().values()), 1), 20, at_most=False)
    yield from _tests("BOARDS_MEASURED", "tests/documents/test_print.py")


def _rosters() -> Iterator[Figure]:
    refused = list(rosters.hostile())
    yield Figure("ROSTER_HOSTILE_REFUSED", len({id[:3] for id, *_ in refused}), 14, at_most=False)
    yield Figure("ROSTER_HOSTILE_SECONDS", round(max(seconds for _, _, seconds, _, _ in refused), 2), 1)
    yield Figure("ROSTER_HOSTILE_MEGABYTES", round(max(megabytes for *_, megabytes in refused)), 150)
    found = {}
    for rows in (500, 5_000):
        with database.sqlite_file() as address:
            found[rows] = rosters.measure(address, rows)
    few, many = found[500], found[5_000]
    yield Figure("ROSTER_5000_PREVIEW_STATEMENTS", many["new"]["preview"][1], few["new"]["preview"][1])
    # Written by batches: of 4,500 rows more not one statement in twenty-five is more.
    more = many["new"]["commit"][1] - few["new"]["commit"][1]
    yield Figure("ROSTER_5000_COMMIT_STATEMENTS_MORE_THAN_500", more, 4_500 / 25)
    yield Figure("ROSTER_5000_ANSWERED_SECONDS", many["process"]["answered"][0], 1)
    yield Figure("ROSTER_5000_READY_SECONDS", many["process"]["ready"][0], 10)


def _guessing() -> Iterator[Figure]:
    found = brute_force.measure()
    yield Figure("BRUTE_FORCE_TRIES", found["asked"], 10_000, at_most=False)
    yield Figure("BRUTE_FORCE_OWNER_SECONDS", max(found["owner"], found["owner_known"]), 60)
    yield Figure("BRUTE_FORCE_OTHERS_IN", found["others_in"], 500, at_most=False)
    yield Figure("BRUTE_FORCE_OTHERS_SECONDS", found["others"], 60)
    yield Figure("BRUTE_FORCE_COST_RATIO", round(found["after"] / found["before"], 2), 1.5)


def _clean_environment() -> dict[str, str]:
    """Without what the command that asks for the figures has set for itself."""
    return {k: v for k, v in os.environ.items() if k not in ("DEMO", "DATABASE_URL", "DJANGO_SETTINGS_MODULE")}


def _tests(name: str, *arguments: str) -> Iterator[Figure]:
    """How many of these tests fail now, and how many there are (a figure of no tests would prove nothing)."""
    environment = _clean_environment()
    done = subprocess.run(  # noqa: S603 — our own tests
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", PLAIN, *arguments],
        cwd=database.ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?)", done.stdout)}
    bad = sum(number for word, number in counts.items() if word != "passed")
    yield Figure(f"{name}_TESTS", counts.get("passed", 0), 1, at_most=False)
    yield Figure(f"{name}_FAILED", bad if counts else 1, 0)


def _sensitive() -> Iterator[Figure]:
    """The survey of the tests, run now: cells looked at, and where something stood that may not."""
    environment = {k: v for k, v in os.environ.items() if k not in ("DEMO", "DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "tests/test_sensitive_fields.py", "-k", "only_where_it_may"],
        cwd=database.ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    said = re.search(r"^SENSITIVE (\d+) (\d+)$", done.stdout, re.MULTILINE)
    cells, leaks = (int(said[1]), int(said[2])) if said else (0, 1)
    yield Figure("SENSITIVE_CELLS", cells, 300, at_most=False)
    yield Figure("SENSITIVE_LEAKS", leaks, 0)


ALL: tuple[Callable[[], Iterator[Figure]], ...] = (
    _plan,
    _routes,
    _access,
    lambda: _tests("DEADLINE", "tests/plan/test_spine.py", "tests/plan/test_moves.py"),
    lambda: _tests("ACCESS_MATRIX", "tests/test_access_matrix.py"),
    _sensitive,
    lambda: _tests("QUERY_COUNT", "tests", "-k", "300 or queries or statements"),
    lambda: _tests("KILLED_OPENING", "tests/plan/test_opening_killed.py"),
    _uploads,
    _drafting,
    _rosters,
    _guessing,
    _opening,
    _board,
    _boards,
)


def run() -> Iterator[Figure]:
    for measure in ALL:
        yield from measure()
