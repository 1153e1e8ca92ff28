"""Guessing passwords costs the guesser and never keeps the owner out, nor five hundred others behind one address."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.brute_force import Attack, arrive, ticket_of
from branches import guessing
from branches.devices import COOKIE, MOST
from branches.first_steps import taken
from branches.models import AuditEvent, KnownDevice, LoginFailure, User
from tests.branches.test_accounts import log_in
from tests.conftest import PASSWORD, add_member, at

NOW = at("2018-06-20 10:00")
LOGIN = reverse("branches:login")
HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def time(monkeypatch):
    """A clock that the test moves on: time(minutes=15)."""
    now = NOW
    monkeypatch.setattr("branches.clock.current_instant", lambda: now)

    def pass_by(**span: float) -> datetime:
        nonlocal now
        now += timedelta(**span)
        return now

    return pass_by


def fail(number: str, address: str = HERE, *, times: int = 1, at: datetime = NOW) -> None:
    """Failures as they stand in the table, for tests of what follows from them."""
    pair = guessing.Pair(guessing._number_mac(number), address)
    LoginFailure.objects.bulk_create(
        LoginFailure(number_mac=pair.number, address=pair.address, at=at) for _ in range(times)
    )


def known(number: str, address: str = HERE) -> Client:
    """A browser in which the person has logged in before and logged out again."""
    client = Client(REMOTE_ADDR=address)
    assert log_in(client, number).status_code == 302
    client.post(reverse("branches:logout"))
    return client


# ------------------------------------------------------------------------------------------------------------ the pair


@pytest.mark.parametrize("number", ["18001", "99999"])
def test_after_five_failures_the_pair_of_number_and_address_pauses(world, time, number):
    client = Client(REMOTE_ADDR=HERE)
    spellings = [number, f" {number}", number.translate(str.maketrans("0123456789", "０１２３４５６７８９")), number]
    for spelling in spellings:
        assert log_in(client, spelling, "wrong").status_code == 200
    response = log_in(client, number, "wrong")
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "900"
    assert "登录已暂停15分钟" in response.content.decode()
    # The right password does not help from there; another person at the same address, and the owner elsewhere, get in.
    assert log_in(client, number).status_code == 429
    assert log_in(Client(REMOTE_ADDR=HERE), "18002").status_code == 302
    assert log_in(Client(REMOTE_ADDR=ELSEWHERE), "18001").status_code == 302


def test_what_is_refused_unseen_is_no_guess_and_does_not_lengthen_the_pause(world, time):
    client = Client(REMOTE_ADDR=HERE)
    for _ in range(5):
        log_in(client, "18001", "wrong")
    time(minutes=14, seconds=59)
    before = LoginFailure.objects.count(), AuditEvent.objects.count()
    assert log_in(client, "18001").status_code == 429
    assert (LoginFailure.objects.count(), AuditEvent.objects.count()) == before
    time(seconds=1)
    assert log_in(client, "18001").status_code == 302


@pytest.mark.parametrize(("gap", "paused"), [(3.7, True), (3.75, False), (20, False)])
def test_five_failures_count_within_a_quarter_of_an_hour(world, time, gap, paused):
    client = Client(REMOTE_ADDR=HERE)
    for _ in range(5):
        last = log_in(client, "18001", "wrong")
        time(minutes=gap)
    assert (last.status_code == 429) is paused


def test_the_owner_logging_in_takes_back_what_was_mistyped_there(world, time):
    for _ in range(3):
        client = Client(REMOTE_ADDR=HERE)
        for _ in range(4):
            assert log_in(client, "18001", "wrong").status_code == 200
        assert log_in(client, "18001").status_code == 302
    assert LoginFailure.objects.count() == 0


@pytest.mark.parametrize("arguments", [["axes_reset"], ["axes_reset_username", " 18001"], ["axes_reset_ip", HERE]])
def test_a_pause_is_taken_back_by_command(world, time, arguments, capsys):
    fail("18001", times=5)
    assert log_in(Client(REMOTE_ADDR=HERE), "18001").status_code == 429
    call_command(*arguments)
    assert log_in(Client(REMOTE_ADDR=HERE), "18001").status_code == 302


def test_what_was_typed_for_a_number_is_not_kept(world, time):
    log_in(Client(REMOTE_ADDR=HERE), "My-secret-2018", "wrong")
    assert "my-secret" not in repr(list(LoginFailure.objects.values())).lower()


def test_what_is_older_than_an_hour_goes_with_the_next_failure(world, time):
    fail("18001", times=5)
    time(minutes=60)
    log_in(Client(REMOTE_ADDR=HERE), "18002", "wrong")
    assert LoginFailure.objects.count() == 1


# ------------------------------------------------------------------------------------------------------- known devices


def test_a_browser_that_has_logged_in_before_is_not_kept_out_by_others_at_its_address(world, time):
    owner = known("18001")
    fail("18001", times=5)
    assert log_in(Client(REMOTE_ADDR=HERE), "18001").status_code == 429
    assert log_in(owner, "18001").status_code == 302
    # What others failed there still counts for them: the owner's success proves nothing about it.
    assert log_in(Client(REMOTE_ADDR=HERE), "18001").status_code == 429


def test_a_known_device_that_fails_five_times_in_a_row_is_forgotten(world, time):
    owner = known("18001")
    assert [log_in(owner, "18001", "wrong").status_code for _ in range(5)] == [200] * 5
    assert LoginFailure.objects.count() == 0
    # From now on it is a browser like any other, and five more pause it.
    assert [log_in(owner, "18001", "wrong").status_code for _ in range(5)] == [200] * 4 + [429]
    time(minutes=15)
    assert log_in(owner, "18001").status_code == 302
    owner.post(reverse("branches:logout"))
    fail("18001", times=5, at=NOW + timedelta(minutes=15))
    assert log_in(owner, "18001").status_code == 302


def test_a_success_gives_a_known_device_its_tries_back(world, time):
    owner = known("18001")
    for _ in range(3):
        for _ in range(4):
            log_in(owner, "18001", "wrong")
        assert log_in(owner, "18001").status_code == 302
        owner.post(reverse("branches:logout"))


def test_a_device_is_known_for_those_who_logged_in_there_and_for_nobody_else(world, time):
    shared = known("18001")
    for number in ("18001", "18002"):
        fail(number, times=5)
    assert log_in(shared, "18002").status_code == 429
    assert log_in(shared, "18001").status_code == 302


@pytest.mark.parametrize("value", ["", "forged", "forged:signature", "x" * 4000])
def test_a_forged_cookie_is_nobodys_device(world, time, value):
    known("18001")
    fail("18001", times=5)
    client = Client(REMOTE_ADDR=HERE)
    client.cookies[COOKIE] = value
    assert log_in(client, "18001").status_code == 429


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_tells_nothing(world, time, settings):
    settings.SESSION_COOKIE_SECURE = True
    client = Client(REMOTE_ADDR=HERE)
    log_in(client, "18001")
    cookie = client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
    assert cookie["max-age"] == 180 * 86400
    assert "18001" not in cookie.value
    assert KnownDevice.objects.get().mac not in cookie.value
    assert cookie.value.partition(":")[0] not in repr(list(KnownDevice.objects.values()))


def test_a_device_not_seen_for_half_a_year_is_forgotten_and_ten_are_kept(world, time):
    owner = known("18001")
    for _ in range(MOST + 2):
        time(days=1)
        known("18001")
    assert KnownDevice.objects.count() == MOST
    kept = known("18001")
    fail("18001", times=5, at=time(days=180))
    assert log_in(owner, "18001").status_code == log_in(kept, "18001").status_code == 429


# ------------------------------------------------------------------------------------------------------------- waiting


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        (dict(address=99), 0), (dict(address=100), 10), (dict(address=199), 10), (dict(address=200), 20),
        (dict(address=100_00), 40), (dict(number=29), 0), (dict(number=30), 10), (dict(number=60), 20),
        (dict(number=10_000), 40), (dict(address=100, number=90), 30),
    ],
)  # fmt: skip
def test_the_wait_grows_with_the_failures_and_ends_below_a_minute(world, time, rows, seconds):
    fail("99999", HERE, times=rows.get("address", 0))
    fail("18001", ELSEWHERE, times=rows.get("number", 0))
    response = log_in(Client(REMOTE_ADDR=HERE), "18001")
    if not seconds:
        assert response.status_code == 302
    else:
        assert (response.status_code, response.headers["Retry-After"]) == (429, str(seconds))
        page = response.content.decode()
        assert f"请等{seconds}秒" in page
        assert 'value="18001"' in page
        assert PASSWORD not in page
    assert guessing.LONGEST < 60


def test_failures_slow_an_address_for_a_quarter_and_a_number_for_an_hour(world, time):
    fail("99999", HERE, times=100)
    fail("18002", ELSEWHERE, times=30)
    time(minutes=14)
    assert log_in(Client(REMOTE_ADDR=HERE), "18001").status_code == 429
    time(minutes=1)
    assert log_in(Client(REMOTE_ADDR=HERE), "18001").status_code == 302
    time(minutes=44)
    assert log_in(Client(REMOTE_ADDR=HERE), "18002").status_code == 429
    time(minutes=1)
    assert log_in(Client(REMOTE_ADDR=HERE), "18002").status_code == 302


def test_whoever_has_waited_gets_in_and_a_known_device_need_not_wait(world, time):
    owner = known("18001")
    fail("18001", ELSEWHERE, times=30)
    new = Client(REMOTE_ADDR=HERE)
    ticket = ticket_of(log_in(new, "18001"))
    time(seconds=9)
    early = log_in(new, "18001", ticket=ticket)
    assert (early.status_code, early.headers["Retry-After"]) == (429, "1")
    time(seconds=1)
    assert log_in(new, "18001", ticket=ticket_of(early)).status_code == 302
    assert log_in(owner, "18001").status_code == 302


@pytest.mark.parametrize("bearer", ["another number", "another address", "used", "old", "forged"])
def test_a_ticket_is_good_for_one_guess_of_one_number_from_one_address(world, time, bearer):
    fail("18001", "10.9.9.9", times=30)
    fail("18002", "10.9.9.9", times=30)
    ticket = ticket_of(log_in(Client(REMOTE_ADDR=HERE), "18001"))
    time(seconds=10)
    number, address = "18001", HERE
    if bearer == "another number":
        number = "18002"
    elif bearer == "another address":
        address = ELSEWHERE
    elif bearer == "used":
        assert log_in(Client(REMOTE_ADDR=HERE), "18001", "wrong", ticket=ticket).status_code == 200
    elif bearer == "old":
        time(minutes=10)
    else:
        ticket = ticket[:-2] + "xx"
    assert log_in(Client(REMOTE_ADDR=address), number, ticket=ticket).status_code == 429


def test_waiting_is_the_same_for_numbers_without_an_account(world, time):
    pages = set()
    for number in ("18001", "99999"):
        fail(number, ELSEWHERE, times=30)
        response = log_in(Client(REMOTE_ADDR=HERE), number, "wrong")
        assert response.status_code == 429
        text = re.sub(r'name="(csrfmiddlewaretoken|ticket)" value="[^"]*"', "", response.content.decode())
        pages.add(text.replace(number, ""))
    assert len(pages) == 1


@pytest.mark.parametrize("rows", [0, 30, 10_000])
def test_a_login_asks_the_same_of_the_database_for_known_and_unknown_numbers(world, time, rows):
    """And no more after ten thousand failures than after thirty."""
    fail("88888", "10.9.9.9", times=rows)
    log_in(Client(REMOTE_ADDR=ELSEWHERE), "77777", "wrong")  # the first audit line of all costs more
    counts = []
    for number in ("18001", "99999"):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert log_in(Client(REMOTE_ADDR=HERE), number, "wrong").status_code == 200
        counts.append([re.sub(r"'[^']*'|\d+", "?", query["sql"])[:60] for query in asked])
    assert counts[0] == counts[1]
    assert len(counts[0]) <= 18


@pytest.mark.parametrize(
    "query",
    [
        LoginFailure.objects.filter(number_mac="x", address="y", at__gt=NOW).order_by("-at"),
        LoginFailure.objects.filter(address="y", at__gt=NOW),
        LoginFailure.objects.filter(number_mac="x", at__gt=NOW),
        LoginFailure.objects.filter(at__lte=NOW),
    ],
    ids=["pair", "address", "number", "old"],
)
def test_every_count_goes_by_an_index(db, query):
    if connection.vendor == "postgresql":
        pytest.skip("an empty table is read as it is there")
    assert "INDEX login_failure_of" in query.explain() or "INDEX branches_loginfailure_at" in query.explain()


# ---------------------------------------------------------------------------------------------------------- the figure


def test_an_attack_from_many_addresses_keeps_neither_the_owner_nor_the_others_out(world, time):
    """A tenth of the size here; the whole one is measured by `python -m benchmarks.brute_force`."""
    password = User.objects.get(staff_number="18001").password
    for n in range(50):
        member = add_member(world.second, "林溪", f"z{n:03d}")
        User.objects.create(member=member, staff_number=member.staff_number, password=password, **taken(NOW))
    attack = Attack("18001", [f"10.1.0.{n}" for n in range(20)], lambda seconds: time(seconds=seconds))
    owner = known("18001", attack.addresses[7])
    attack.run(1000, guessing.LONGEST)
    # Five for each address and quarter of an hour: 33 minutes passed.
    assert attack.asked == 1000
    assert 5 * 20 < attack.guessed <= 5 * 20 * 3
    attack.spray(attack.addresses[7], 500, guessing.LONGEST)
    assert arrive({"18001": owner}, PASSWORD, attack.pass_by) == {"18001": 0}
    assert arrive({"18001": Client(REMOTE_ADDR="10.2.0.1")}, PASSWORD, attack.pass_by)["18001"] <= 60
    others = {f"z{n:03d}": Client(REMOTE_ADDR=attack.addresses[7]) for n in range(50)}
    took = arrive(others, PASSWORD, attack.pass_by)
    assert len(took) == 50
    assert 0 < max(took.values()) <= 60
