"""How long an attack on one staff number keeps its owner out, and five hundred others behind one of its addresses.

`python -m benchmarks.brute_force [failures [addresses [others]]]`. The attacker knows the rules: waits as told, uses
every ticket once, and tries many other numbers from the address of the others, too. Seconds of waiting are those that
the portal's clock shows; people answer at once. What a login costs the server is measured by the clock on the wall,
with a quick password hash, before the attack and after it.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks import database

PASSWORD = "Benchmark-only-1"
NEVER = float("inf")


def ticket_of(answer: Any) -> str:
    """The ticket on the login page; empty where it asks for no waiting."""
    found = re.search(r'name="ticket" value="([^"]*)"', answer.content.decode())
    return found[1] if found else ""


def post(client: Any, number: str, password: str, ticket: str = "") -> Any:
    return client.post("/login/", {"username": number, "password": password, "ticket": ticket})


@dataclass
class Attack:
    """Wrong passwords for one staff number from many addresses, each address in its turn; `pass_by` moves the clock."""

    number: str
    addresses: list[str]
    pass_by: Callable[[int], Any]
    asked: int = 0
    guessed: int = 0
    tickets: dict[str, str] = field(default_factory=dict)

    def run(self, tries: int, pause: int) -> None:
        """So many tries, with a pause of so many seconds after each round over all addresses."""
        from django.test import Client

        while self.asked < tries:
            for address in self.addresses:
                answer = post(
                    Client(REMOTE_ADDR=address), self.number, f"guess-{self.asked}", self.tickets.get(address, "")
                )
                self.tickets[address] = ticket_of(answer)
                self.asked += 1
                self.guessed += answer.status_code == 200
            self.pass_by(pause)

    def spray(self, address: str, numbers: int, pause: int) -> None:
        """One wrong password for each of so many other numbers, from one address."""
        from django.test import Client

        first = {number: post(Client(REMOTE_ADDR=address), number, "guess") for number in
                 (f"nobody-{n}" for n in range(numbers))}  # fmt: skip
        self.pass_by(pause)
        for number, answer in first.items():
            if ticket := ticket_of(answer):
                post(Client(REMOTE_ADDR=address), number, "guess", ticket)


def arrive(people: dict[str, Any], password: str, pass_by: Callable[[int], Any]) -> dict[str, float]:
    """All of them (number → browser) log in at once and wait as told: after how many seconds each of them is in."""
    spent, tickets, took = 0, dict.fromkeys(people, ""), dict.fromkeys(people, NEVER)
    for _ in range(4):
        waits = []
        for number, client in people.items():
            if took[number] < NEVER:
                continue
            answer = post(client, number, password, tickets[number])
            tickets[number] = ticket_of(answer)
            if answer.status_code == 302:
                took[number] = spent
            elif tickets[number]:
                waits.append(int(answer["Retry-After"]))
        if not waits:
            break
        pass_by(max(waits))
        spent += max(waits)
    return took


def measure(failures: int = 10_000, addresses: int = 200, others: int = 500) -> dict[str, float]:
    """asked, guessed, owner, owner_known, others (seconds, the slowest), others_in, before and after (milliseconds)."""
    with database.sqlite_file() as address:
        return json.loads(
            database.run_in(address, "benchmarks.brute_force", str(failures), str(addresses), str(others))
        )


def _worker(failures: int, addresses: int, others: int) -> dict[str, float]:
    import logging

    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command
    from django.test import Client

    from branches import clock, guessing
    from branches.first_steps import taken
    from branches.models import Member, User

    logging.disable(logging.WARNING)
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", verbosity=0)
    now = datetime(2018, 6, 20, 10, tzinfo=database.SHANGHAI)
    clock.current_instant = lambda: now

    def pass_by(seconds: int) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)

    database.people(1, others + 1)
    User.objects.all().delete()
    hashed = make_password(PASSWORD)
    User.objects.bulk_create(
        User(member=member, staff_number=member.staff_number, password=hashed, **taken(now))
        for member in Member.objects.all()
    )
    owner, *rest = User.objects.order_by("pk").values_list("staff_number", flat=True)
    places = [f"10.1.{n // 100}.{n % 100}" for n in range(addresses)]

    def cost() -> float:
        """Milliseconds of a wrong password from an address of its own, the median of thirty."""
        spans = []
        for n in range(30):
            begun = time.perf_counter()
            post(Client(REMOTE_ADDR=f"10.9.0.{n}"), f"timing-{n}", "wrong")
            spans.append(time.perf_counter() - begun)
        return round(statistics.median(spans) * 1000, 1)

    known = Client(REMOTE_ADDR=places[0])
    assert post(known, owner, PASSWORD).status_code == 302
    known.post("/logout/")
    before = cost()
    attack = Attack(owner, places, pass_by)
    attack.run(failures, guessing.LONGEST)
    after = cost()
    attack.spray(places[0], guessing.OF_ADDRESS * 5, guessing.LONGEST)
    found = {"asked": attack.asked, "guessed": attack.guessed, "before": before, "after": after}
    found["owner_known"] = arrive({owner: known}, PASSWORD, pass_by)[owner]
    found["owner"] = arrive({owner: Client(REMOTE_ADDR="10.2.0.1")}, PASSWORD, pass_by)[owner]
    took = arrive({number: Client(REMOTE_ADDR=places[0]) for number in rest}, PASSWORD, pass_by)
    return found | {"others": max(took.values()), "others_in": sum(seconds < NEVER for seconds in took.values())}


if __name__ == "__main__":
    if "--worker" in sys.argv:
        print(json.dumps(_worker(*map(int, sys.argv[2:]))))
    else:
        for name, value in measure(*map(int, sys.argv[1:])).items():
            print(f"{name} {value:g}")
