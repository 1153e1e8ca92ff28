"""A throw-away database for a measurement: migrated, filled with branches and members, removed afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from plan.models import Plan

ROOT = Path(__file__).resolve().parent.parent
SHANGHAI = ZoneInfo("Asia/Shanghai")
SINCE = date(2010, 1, 1)


@contextmanager
def sqlite_file() -> Iterator[str]:
    """The address of an empty SQLite database in a folder that disappears."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        yield f"sqlite:///{folder}/bench.sqlite3"


@contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The address of an empty database on the given server, dropped afterwards; the one named there may be missing."""
    import psycopg

    name = f"portal_bench_{os.getpid()}"
    address = urlunsplit(urlsplit(server)._replace(scheme="postgresql", path="/postgres"))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def run_in(database: str, module: str, *arguments: str) -> str:
    """Run a benchmark's worker as a process of its own on that database; gives what it printed."""
    environment = {**os.environ, "DATABASE_URL": database, "DEMO": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
    environment.pop("DEMO_NOW", None)
    done = subprocess.run(  # noqa: S603 — our own module
        [sys.executable, "-m", module, "--worker", *arguments],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout


def people(branches: int, members: int) -> Plan:
    """So many branches with so many full members each, a secretary in each, and the plan of 2018 as a draft."""
    from branches.models import Branch, Committee, Member, Membership, Post, User
    from plan.models import Plan

    committee = Committee.objects.create(name="某大学机关党委", short_name="机关党委")
    Branch.objects.bulk_create(
        [
            Branch(committee=committee, code=f"{n:04d}", name=f"第{n}党支部", founded_on=SINCE)
            for n in range(1, branches + 1)
        ],
        batch_size=2000,
    )
    ids = list(Branch.objects.order_by("pk").values_list("pk", flat=True))
    Member.objects.bulk_create(
        [
            Member(staff_number=f"{n:07d}", name=f"党员{n}", name_key=f"dang yuan {n:07d}", joined_on=SINCE,
                   confirmed_on=SINCE, is_leading_cadre=n % members < 3)
            for n in range(branches * members)
        ],
        batch_size=2000,
    )  # fmt: skip
    who = list(Member.objects.order_by("pk").values_list("pk", flat=True))
    Membership.objects.bulk_create(
        [Membership(member_id=pk, branch_id=ids[n // members], from_on=SINCE) for n, pk in enumerate(who)],
        batch_size=2000,
    )
    Post.objects.bulk_create(
        [
            Post(member_id=who[n * members], kind=Post.Kind.SECRETARY, branch_id=pk, from_on=SINCE)
            for n, pk in enumerate(ids)
        ],
        batch_size=2000,
    )
    office = Member.objects.get(pk=who[0])
    Post.objects.create(member=office, kind=Post.Kind.OFFICE, committee=committee, from_on=SINCE)
    User.objects.create(member=office, staff_number=office.staff_number)
    return Plan.objects.create(
        committee=committee, year=2018, title="2018年实施方案", created_at=datetime(2018, 1, 1, tzinfo=SHANGHAI),
        toml=(ROOT / "plan/2018.toml").read_text(encoding="utf-8"),
        source_text=(ROOT / "plan/2018.txt").read_text(encoding="utf-8"),
    )  # fmt: skip


def office_access(moment: datetime):
    """The rights of the committee's office at that moment."""
    from branches.access import Access
    from branches.models import User

    return Access.of(User.objects.earliest("pk"), moment)
