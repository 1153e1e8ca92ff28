"""A small committee for the tests: two branches, their members and posts, the office, and the issued plan of 2018."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from branches import sessions
from branches.access import Access
from branches.first_steps import taken
from branches.models import Branch, Committee, LoginSession, Member, Membership, Post, User
from plan.models import Plan
from plan.opening import issue
from tests.databases import keep_in_this_run
from tests.lifting import let_flushes_through

let_flushes_through()
keep_in_this_run()

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "Tests-only-2018!"


def at(text: str) -> datetime:
    """An instant in Shanghai: at("2018-07-11 23:59")."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.get_default_timezone())


@dataclass
class World:
    """Who is who in the tests; `access("secretary", moment)` gives that person's rights at that moment."""

    committee: Committee
    first: Branch
    second: Branch
    users: dict[str, User] = field(default_factory=dict)
    plan: Plan | None = None

    def access(self, who: str, moment: datetime) -> Access:
        return Access.of(self.users[who], moment)

    def member(self, who: str) -> Member:
        return self.users[who].member


def add_member(branch: Branch, name: str, number: str, *, full: bool = True, cadre: bool = False) -> Member:
    """A member on the branch's roster since 2015."""
    member = Member.objects.create(
        staff_number=number, name=name, joined_on=date(2010, 7, 1),
        confirmed_on=date(2011, 7, 1) if full else None, is_leading_cadre=cadre,
    )  # fmt: skip
    Membership.objects.create(member=member, branch=branch, from_on=date(2015, 1, 1))
    return member


def add_user(member: Member) -> User:
    """An account that has taken all first steps, with a password whose age is not counted."""
    user = User(member=member, staff_number=member.staff_number, **taken(at("2018-01-01 09:00")))
    user.set_password(PASSWORD)
    user.save()
    return user


def make_world(name: str = "西北政法大学机关党委", prefix: str = "") -> World:
    """A committee with two branches and whoever acts in them; a second one needs a prefix for its staff numbers."""
    committee = Committee.objects.create(name=name, short_name="机关党委", code="机关党")
    first = Branch.objects.create(committee=committee, code="01", name="教务处党支部", founded_on=date(2015, 1, 1))
    second = Branch.objects.create(committee=committee, code="02", name="科研处党支部", founded_on=date(2015, 1, 1))
    world = World(committee, first, second)
    people = {
        "secretary": (first, "陈静", True), "deputy": (first, "周敏", False), "commissioner": (first, "何平", False),
        "member": (first, "李强", False),
        "other_secretary": (second, "吴昊", True), "other_member": (second, "孙丽", False),
        "office": (second, "郑洁", False), "inspector": (second, "冯刚", False),
        "auditor": (second, "许宁", False), "sysadmin": (second, "韩磊", False),
    }  # fmt: skip
    for number, (who, (branch, person, cadre)) in enumerate(people.items(), 1):
        world.users[who] = add_user(add_member(branch, person, f"{prefix}18{number:03d}", cadre=cadre))
    # The security administrator stands on no branch's roster.
    world.users["security"] = add_user(Member.objects.create(staff_number=f"{prefix}18999", name="沈毅"))
    for n in range(5):
        add_member(first, f"张三{'一二三四五'[n]}", f"{prefix}19{n:03d}", full=n != 4)
    kind = Post.Kind
    for who, post, branch in (
        ("secretary", kind.SECRETARY, first), ("deputy", kind.DEPUTY, first),
        ("commissioner", kind.ORGANIZATION, first),
        ("other_secretary", kind.SECRETARY, second),
    ):  # fmt: skip
        Post.objects.create(member=world.member(who), kind=post, branch=branch, from_on=date(2016, 1, 1))
    for who, post in (
        ("office", kind.OFFICE), ("inspector", kind.INSPECTOR), ("auditor", kind.AUDITOR), ("sysadmin", kind.SYSADMIN),
        ("security", kind.SECURITY),
    ):  # fmt: skip
        Post.objects.create(member=world.member(who), kind=post, committee=committee, from_on=date(2016, 1, 1))
    return world


# What an issuing left in the tables, by all that it read: the same world issued again has the same rows.
KEPT_TABLES = ("plan_plan", "plan_reading", "plan_requirement", "plan_duty")
READ_TABLES = ("branches_committee", "branches_branch", "branches_member", "branches_membership", "branches_post",
               "plan_specialday", "plan_relief")  # fmt: skip
_issuings: dict[int, dict[str, list[tuple[object, ...]]]] = {}


def _rows(table: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 — one of our own tables
        return cursor.fetchall()


def _what_issuing_reads(world: World, moment: datetime) -> int | None:
    """A number for all that an issuing depends on, the next ids too; None where the rows would not be the same."""
    if connection.vendor != "sqlite" or any(_rows(table) for table in (*KEPT_TABLES, "plan_dutychange")):
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, seq FROM sqlite_sequence WHERE name LIKE 'plan_%' ORDER BY name")
        ids = cursor.fetchall()
    office = world.users["office"].pk
    return hash((moment, world.committee.pk, office, *ids, *(row for table in READ_TABLES for row in _rows(table))))


def issue_2018(world: World, moment: datetime | None = None) -> Plan:
    """The real plan of 2018, issued on 11 June unless told otherwise.

    The first time in a process through the door; for the very same world again, the rows that this left are put back,
    which takes a twentieth of the time. What the door does is tested where it is called by itself.
    """
    moment = moment or at("2018-06-11 09:00")
    key = _what_issuing_reads(world, moment)
    if key is None or key not in _issuings:
        world.plan = _issue(world, moment)
        if key is not None:
            _issuings[key] = {table: _rows(table) for table in KEPT_TABLES}
        return world.plan
    with connection.cursor() as cursor:
        for table, rows in _issuings[key].items():
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 — likewise
    world.plan = Plan.objects.get()
    return world.plan


def _issue(world: World, moment: datetime) -> Plan:
    plan = Plan.objects.create(
        committee=world.committee, year=2018, title="2018年实施方案", created_at=moment,
        toml=(ROOT / "plan/2018.toml").read_text(encoding="utf-8"),
        source_text=(ROOT / "plan/2018.txt").read_text(encoding="utf-8"),
    )  # fmt: skip
    issue(plan, access=world.access("office", moment))
    return plan


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was imported to itself: looking through it again and again for garbage takes a tenth of the time.

    And run by `tests/guards.py`: the tests of a room without one of its guards.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    if number := os.environ.get("GUARD"):
        from tests import guards

        guards.remove(guards.guards()[int(number)])


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request, django_db_modify_db_settings_parallel_suffix, tmp_path_factory) -> None:
    """The browser's tests ask from several threads at once, which SQLite in memory cannot answer: a file for them."""
    default = connections["default"]
    if default.vendor != "sqlite" or not any(item.get_closest_marker("browser") for item in request.session.items):
        return
    found = default.settings_dict
    found["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    found["CONN_MAX_AGE"] = 0  # a thread that waits for the next click keeps no connection
    # A test's database need not survive a power cut.
    found["OPTIONS"]["init_command"] = found["OPTIONS"]["init_command"].replace("synchronous=FULL", "synchronous=OFF")


@pytest.fixture
def world(db) -> World:
    return make_world()


@pytest.fixture
def issued(world: World) -> World:
    issue_2018(world)
    return world


@pytest.fixture
def clock(monkeypatch):
    """`clock("2018-07-11 23:59")` sets what the portal's requests take for now."""

    def set_to(text: str) -> datetime:
        moment = at(text)
        monkeypatch.setattr("branches.clock.current_instant", lambda: moment)
        return moment

    return set_to


def sure(client: Client) -> Client:
    """The client after the password was asked for once more, as it is before sensitive acts."""
    assert client.post(reverse("branches:sudo"), {"password": PASSWORD}).status_code == 302
    return client


def trusted(client: Client, until: datetime) -> Client:
    """The client whose login counts as just confirmed until then, without the page that asks for the password."""
    mine = LoginSession.objects.filter(key_mac=sessions.mac_of(client.session.session_key))
    assert mine.update(sudo_until_at=until) == 1
    return client


# A login made for a test outlasts every jump of its clock; the tests of the limits log in by themselves.
ALWAYS = at("2100-01-01 00:00")


def logged_in(user: User, client: Client | None = None, when: datetime = ALWAYS) -> Client:
    """A client with a login of this account, without the password's hash and without a line in the audit log."""
    client = client or Client()
    client.force_login(user, backend=sessions.BACKEND)
    LoginSession.objects.create(
        user=user, key_mac=sessions.mac_of(client.session.session_key), began_at=when, seen_at=when
    )
    return client


@pytest.fixture
def login(world: World):
    """`login("secretary")` gives a client logged in as that person."""

    def as_person(who: str) -> Client:
        return logged_in(world.users[who])

    return as_person
