"""Nobody meets what is not theirs: no word of it on any page or in any file, and no answer from its addresses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from django.db import transaction

from branches.models import Post
from tests.conftest import add_member, add_user
from tests.foreign import WORDS, lists, make_foreign, own_pages, words_in
from tests.records import Records, make_records
from tests.test_access_matrix import ACTORS, NOW, Actor, actor_of, addresses, expected, plain, shut, stopped

pytestmark = pytest.mark.django_db
__all__ = ["plain", "stopped"]


@pytest.fixture(scope="module")
def both(django_db_setup, django_db_blocker) -> Iterator[tuple[Records, Records]]:
    """Our records and another committee's, made once for all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        ours = make_records()
        yield ours, make_foreign(ours)
        transaction.set_rollback(True)


@pytest.fixture
def ours(both: tuple[Records, Records], db, clock) -> Records:
    clock(NOW)
    return both[0]


@pytest.fixture
def theirs(both: tuple[Records, Records]) -> Records:
    return both[1]


def read(actor: Actor, pages: dict[str, str]) -> Iterator[tuple[str, set[str]]]:
    for name, url in pages.items():
        with transaction.atomic():
            actor.ask("GET", url)
            yield name, words_in(actor.body)
            transaction.set_rollback(True)


def readable(ours: Records) -> dict[str, str]:
    """Every page of the access table, every list and every filing of the own committee."""
    return {name: url for name, (url, _) in addresses(ours).items()} | lists(ours) | own_pages(ours)


@pytest.mark.parametrize("who", ACTORS)
def test_everybody_meets_the_words_meant_for_them_and_no_other(ours: Records, stopped: list[bool], who: str) -> None:
    met: set[str] = set()
    closed = shut(who)
    pages = {name: url for name, url in readable(ours).items() if name not in closed}
    for name, words in read(actor_of(who, ours, stopped, sudo=True), pages):
        foreign = {word for word in words if who not in WORDS[word]}
        assert not foreign, (who, name)
        met |= words
    assert met == {word for word, readers in WORDS.items() if who in readers}


def unreached(actor: Actor, theirs: Records) -> Iterator[tuple[str, str, str]]:
    """Of each address of another committee's record: its case, the method, the answer."""
    objects = {name: found for name, found in addresses(theirs).items() if any(letter.isdigit() for letter in found[0])}
    for name, (url, data) in objects.items():
        for method in ("GET", "POST"):
            with transaction.atomic():
                yield name, method, actor.cell(method, url, data if method == "POST" else None)
                transaction.set_rollback(True)


# Asked for a branch that is not theirs, these show the own one: the address answers, the branch does not.
OWN_INSTEAD = {"study:branch_plan", "study:calendar", "branches:roster_export@first"}


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("who", ACTORS)
def test_nobody_reaches_a_record_of_another_committee(
    ours: Records, theirs: Records, stopped: list[bool], who: str
) -> None:
    actor, wrong = actor_of(who, ours, stopped, sudo=True), []
    for name, method, cell in unreached(actor, theirs):
        if cell not in "Lx0-" and name not in OWN_INSTEAD:
            wrong.append((name, method, cell))
    assert wrong == []


@pytest.mark.usefixtures("plain")
def test_the_other_committees_own_people_reach_them(theirs: Records, ours: Records, stopped: list[bool]) -> None:
    """The positive control: what is closed to us is open to them, as our own table says."""
    table = expected()
    for who in ("office", "secretary", "member"):
        wrong = [
            (who, name, method, cell)
            for name, method, cell in unreached(actor_of(who, theirs, stopped), theirs)
            if table[name][who]["GP".index(method[0])] != cell
        ]
        assert wrong == []


def deputy_of_the_second(ours: Records) -> None:
    """`both`: somebody who works in the committee's office and is deputy of the second branch."""
    world = ours.world
    both = add_member(world.second, "康健", "18777")
    world.users["both"] = add_user(both)
    for kind, place in (("office", {"committee": world.committee}), ("deputy", {"branch": world.second})):
        Post.objects.create(member=both, kind=kind, from_on=date(2016, 1, 1), **place)


@pytest.mark.usefixtures("plain")
def test_a_second_post_elsewhere_opens_nothing_here(ours: Records, stopped: list[bool]) -> None:
    """Who works in the office and is deputy of the second branch sees the first one's records, and leads it no more."""
    deputy_of_the_second(ours)
    actor, table, found = actor_of("both", ours, stopped), expected(), {}
    for name, (url, data) in addresses(ours).items():
        cells = ""
        for method in ("GET", "POST"):
            with transaction.atomic():
                cells += actor.cell(method, url, data if method == "POST" else None)
                transaction.set_rollback(True)
        if cells != table[name]["office"]:
            found[name] = cells
    assert found == AS_BOTH


# Where the deputy of another branch is answered otherwise than the rest of the office: the leaders' rooms are open to
# them, for what is theirs; the first branch's records there are seen, and not to be changed.
AS_BOTH = {
    # Two are in the office then, so that the one's grant alone is not enough.
    "plan:relief_move@grant": "-p",
    "study:member_plan_begin": "-r", "study:plan_review": "kr", "study:member_progress": "k-",
    "study:gathering_new": "ku", "study:make_ups": "ku",
    "study:branch_plan_adjust@sent": "-p", "study:branch_plan_adjust@draft": "-0",
    "study:plan_table@filed": "pp", "study:plan_table@draft": "00", "study:plan_template@filed": "p-",
    "study:plan_import@filed": "pp", "study:plan_import@draft": "00",
    "study:plan_item_move@filed": "-p", "study:plan_item_move@draft": "-0",
    "study:gathering_edit@filed": "pp", "study:gathering_edit@draft": "00", "study:branch_plan_begin": "-p",
    "study:branch_plan_edit@filed": "pp", "study:branch_plan_edit@draft": "00",
    "study:plan_item_new@filed": "pp", "study:plan_item_new@draft": "00",
    "study:plan_item_edit@filed": "pp", "study:plan_item_edit@draft": "00",
    "study:partners@filed": "pp", "study:partners@draft": "00", "study:joint_edit": "kr",
    "study:check_in@filed": "pp", "study:check_in@draft": "00", "study:check_in_state@draft": "0-",
    "study:sign_in": "pp",
    "study:plan_item_remove@filed": "-p", "study:plan_item_remove@draft": "-0",
    # Activity weeks and features (H5).
    "commitments:week_new": "ku", "commitments:feature_new": "ku", "commitments:week_new@duty": "pp",
    "commitments:week_edit@kept": "pp", "commitments:week_edit@draft": "00", "commitments:feature_edit": "pp",
    "commitments:feature_remove": "pp",
    # Of the second branch's members, to whom the committee's push is sent too.
    "study:push_done@committee": "-r",
    # The pioneer posts of the first branch are seen, and not to be arranged.
    "commitments:post_new": "ku", "commitments:post_edit": "pp", "commitments:post_close": "-p",
    "commitments:rotation_draft": "pp", "commitments:term_begin@planned": "-p", "commitments:term_end@running": "-p",
    "commitments:nomination_new": "ku",
    "commitments:pledge_new@own": "ku", "commitments:pledge_new@duty": "pp", "commitments:pledge_hints": "-k",
}  # fmt: skip


def test_what_is_in_a_workbook_and_in_a_document_is_read(ours: Records, stopped: list[bool]) -> None:
    """The positive control of the files: their words are found in them."""
    office, pages = actor_of("office", ours, stopped), readable(ours)
    for name in ("branches:roster_export@all", "plan:filing_docx"):
        found: set[str] = set()
        for page, url in pages.items():
            if page.partition(" ")[0] == name:
                office.ask("GET", url)
                found |= words_in(office.body) if office.body.startswith(b"PK") else set()
        assert found, name
