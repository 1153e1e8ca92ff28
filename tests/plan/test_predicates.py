"""Who may send, receive and change which record: each kind of record × each actor, by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.urls import reverse

from branches.access import Access
from branches.models import Committee, Member, Post
from plan.models import Filing
from plan.moves import NotAllowed, begin, is_author, is_desk, may_edit
from plan.pictures import add_pictures
from tests import guards
from tests.conftest import add_user, at, logged_in
from tests.plan.filed import duty_of, paper_by, photo
from tests.records import Records, make_records
from tests.test_access_matrix import ACTORS

pytestmark = pytest.mark.django_db
NOW = at("2018-07-04 10:00")
FILERS, LEADERS = {"secretary", "deputy"}, {"secretary", "deputy", "commissioner"}

# The record, who sends it, at whose desk it lies, who changes it now.
TABLE: dict[str, tuple[set[str], set[str], set[str]]] = {
    "gathering": (FILERS, {"office"}, set()),
    "gathering_draft": (FILERS, {"office"}, LEADERS),
    "branch_plan": (FILERS, {"office"}, set()),
    "branch_plan_draft": (FILERS, {"office"}, LEADERS),
    "member_plan": ({"member"}, FILERS, set()),
    "member_plan_draft": ({"member"}, FILERS, {"member"}),
    "paper": (FILERS, {"office"}, set()),
    "paper_draft": (FILERS, {"office"}, LEADERS),
    "members_paper_draft": ({"member"}, FILERS, {"member"}),
    "committees_paper_draft": ({"office"}, set(), {"office"}),
}


@pytest.fixture
def people() -> tuple[Records, dict[str, Access]]:
    """The records, and everybody's rights: the actors', and those of another committee's office."""
    records = make_records()
    users = {who: records.world.users[who] for who in ACTORS if who != "anonymous"}
    other = Committee.objects.create(name="外院党委", short_name="外院党委")
    users["stranger"] = add_user(Member.objects.create(staff_number="70001", name="何远"))
    Post.objects.create(member=users["stranger"].member, kind="office", committee=other, from_on=date(2016, 1, 1))
    return records, {who: Access.of(user, NOW) for who, user in users.items()}


def those(predicate: Callable[[Access, Filing], bool], filing: Filing, everybody: dict[str, Access]) -> set[str]:
    return {who for who, access in everybody.items() if predicate(access, filing)}


def test_each_record_is_sent_received_and_changed_by_whom_the_table_says(people) -> None:
    records, everybody = people
    found = {}
    for name in TABLE:
        record = getattr(records, name)
        filing = record if isinstance(record, Filing) else record.filing
        found[name] = tuple(those(ask, filing, everybody) for ask in (is_author, is_desk, may_edit))
    assert found == TABLE


def test_a_secretarys_own_paper_is_the_deputys_to_approve_and_without_one_the_offices(people) -> None:
    records, everybody = people
    own = paper_by(everybody["secretary"], duty_of(records.world, "C2", "secretary"), desk="branch")
    assert those(is_author, own, everybody) == {"secretary"}
    assert those(is_desk, own, everybody) == {"deputy"}
    Post.objects.filter(kind=Post.Kind.DEPUTY, branch=records.world.first).update(until_on=date(2018, 7, 4))
    alone = {who: Access.of(access.user, NOW) for who, access in everybody.items()}
    assert those(is_desk, own, alone) == {"office"}


def test_whoever_belongs_nowhere_drafts_nothing(people) -> None:
    _, everybody = people
    with pytest.raises(NotAllowed, match="不属于任何党支部或机关党委"):
        begin(kind="paper", access=everybody["nobody"], title="总结", year=2018, desk="none", handling="keep")
    assert not Filing.objects.filter(title="总结").exists()


def test_nobody_is_no_actor() -> None:
    from django.core.exceptions import PermissionDenied

    with pytest.raises(PermissionDenied):
        Access(now=NOW, on=NOW.date()).actor  # noqa: B018 — asking is the point


def test_a_picture_added_after_it_was_sent_back_is_its_writers_alone_until_it_is_sent_again(people, clock) -> None:
    clock("2018-07-04 10:00")
    records, everybody = people
    filing = records.gathering.filing
    filed = filing.pictures.get()
    Filing.objects.filter(pk=filing.pk).update(state="sent_back")
    filing.refresh_from_db()
    assert not add_pictures(filing, [photo("gold")], everybody["secretary"]).errors
    added = filing.pictures.exclude(pk=filed.pk).get()
    for who, sees in (("office", 404), ("member", 404), ("commissioner", 200), ("secretary", 200)):
        client = logged_in(records.world.users[who])
        assert client.get(reverse("plan:picture", args=[filed.pk, "full"])).status_code == 200
        assert client.get(reverse("plan:picture", args=[added.pk, "full"])).status_code == sees, who


def test_a_size_that_is_none_and_a_file_that_is_lost_are_not_there(people, clock) -> None:
    clock("2018-07-04 10:00")
    records, _ = people
    picture = records.gathering.filing.pictures.get()
    client = logged_in(records.world.users["secretary"])
    assert client.get(reverse("plan:picture", args=[picture.pk, "huge"])).status_code == 404
    type(picture).objects.filter(pk=picture.pk).update(sha256="0" * 64)
    assert client.get(reverse("plan:picture", args=[picture.pk, "full"])).status_code == 404


def test_every_excuse_of_a_guard_still_stands_in_the_source() -> None:
    found = set()
    for file, tree in guards.sources():
        finder = guards.Finder(file)
        finder.visit(tree)
        found |= {(one.file, one.function, one.text) for one in finder.found}
    assert set(guards.EXCUSED) <= found
