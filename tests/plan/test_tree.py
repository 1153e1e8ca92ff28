"""A plan reaches the branches below its committee; who sees, gets and receives what in a tree of three levels."""

from __future__ import annotations

import pytest
from django.db.models import Count
from django.test import Client
from django.urls import reverse

from branches.models import Branch, Committee
from plan.models import Duty, Filing, Plan
from plan.moves import NotAllowed, begin, can, move
from plan.opening import open_duties, open_for_newcomers
from plan.views.filings import waiting_for
from tests.conftest import add_member, at, logged_in
from tests.plan.filed import paper_by
from tests.tree import Wood, issue_for, make_wood

pytestmark = pytest.mark.django_db

ISSUED, NOW = at("2018-06-11 09:00"), at("2018-07-04 10:00")
OFFICES = ("university_office", "office", "general_office", "sibling_office")


@pytest.fixture
def wood(db) -> Wood:
    return make_wood()


def login(wood: Wood, who: str) -> Client:
    return logged_in(wood.users[who])


def asked_by(branch: Branch) -> set[int]:
    return set(Duty.objects.filter(branch=branch).values_list("requirement__plan__committee", flat=True))


def of_branch(branch: Branch, code: str = "I2") -> Duty:
    return Duty.objects.filter(branch=branch, member=None, code=code).earliest("starts_on")


@pytest.mark.parametrize("level", ["university", "committee", "general", "sibling"])
def test_a_plan_reaches_the_branches_of_its_subtree_and_no_other(wood: Wood, level: str) -> None:
    committee = getattr(wood, level)
    who = {"university": "university_office", "committee": "office", "general": "general_office",
           "sibling": "sibling_office"}[level]  # fmt: skip
    issue_for(wood, committee, who, ISSUED)
    below = {
        "university": {wood.world.first, wood.world.second, wood.deep, wood.aside},
        "committee": {wood.world.first, wood.world.second, wood.deep},
        "general": {wood.deep}, "sibling": {wood.aside},
    }[level]  # fmt: skip
    assert {branch for branch in Branch.objects.all() if Duty.objects.filter(branch=branch).exists()} == below
    assert set(Duty.objects.values_list("committee", flat=True)) == {committee.pk}
    assert Duty.objects.filter(branch=None).values("committee").distinct().count() == 1


# Who sees whose duties, filings, members, boards: the office of each committee over each branch.
SEES = {
    "university_office": {"first", "second", "deep", "aside"},
    "office": {"first", "second", "deep"},
    "general_office": {"deep"},
    "sibling_office": {"aside"},
}


@pytest.mark.parametrize("who", OFFICES)
@pytest.mark.parametrize("issuer", ["university", "committee"])
def test_an_office_sees_its_subtree_and_nothing_beside_it(wood: Wood, clock, who: str, issuer: str) -> None:
    """Whoever issued the plan: duties, filings, members and pages of the branches below, 404 for the others."""
    clock("2018-07-04 10:00")
    above = {"university": "university_office", "committee": "office"}[issuer]
    issue_for(wood, getattr(wood, issuer), above, ISSUED)
    if issuer == "committee":
        issue_for(wood, wood.sibling, "sibling_office", ISSUED)
    branches = {"first": wood.world.first, "second": wood.world.second, "deep": wood.deep, "aside": wood.aside}
    secretaries = {"first": "secretary", "second": "other_secretary", "deep": "deep_secretary",
                   "aside": "aside_secretary"}  # fmt: skip
    client, access, wrong = login(wood, who), wood.access(who, NOW), []
    board = client.get(reverse("plan:board")).content.decode()
    for name, branch in branches.items():
        filing = paper_by(wood.access(secretaries[name], NOW), of_branch(branch))
        filing = move(filing, "file", access=wood.access(secretaries[name], NOW))
        member = branch.roster(NOW.date()).first()
        pages = {
            "branch": reverse("branches:branch_detail", args=[branch.pk]),
            "member": reverse("branches:member_detail", args=[member.pk]),
            "duty": of_branch(branch).get_absolute_url(),
            "filing": filing.get_absolute_url(),
        }
        should = name in SEES[who]
        for page, url in pages.items():
            if client.get(url).status_code != (200 if should else 404):
                wrong.append((name, page))
        if Duty.objects.visible_to(access).filter(branch=branch).exists() != should:
            wrong.append((name, "duties"))
        own_board = who != "university_office" or issuer == "university"
        if own_board and (branch.name in board) != should:
            wrong.append((name, "board"))
    assert wrong == []


@pytest.mark.parametrize(
    ("issuer", "receive"),
    [
        ("university", {"university_office"}),
        ("committee", {"university_office", "office"}),
        ("general", {"university_office", "office", "general_office"}),
    ],
)
def test_the_office_that_asked_receives_and_those_above_it(wood: Wood, issuer: str, receive: set[str]) -> None:
    """The office between the issuer and the branch reads what its branch sends, and receives nothing of it."""
    above = {"university": "university_office", "committee": "office", "general": "general_office"}[issuer]
    issue_for(wood, getattr(wood, issuer), above, ISSUED)
    secretary = wood.access("deep_secretary", NOW)
    filing = begin(
        kind="paper", access=secretary, title="述职报告", year=2018, branch=wood.deep, desk="office", handling="inform"
    )
    assert filing.committee == getattr(wood, issuer)
    sent = move(paper_by(secretary, of_branch(wood.deep)), "file", access=secretary)
    offices = {who: wood.access(who, NOW) for who in OFFICES}
    assert {who for who, access in offices.items() if can(access, sent, "receive")} == receive
    assert {who for who, access in offices.items() if sent in waiting_for(access)} == receive
    reads = {who for who, access in offices.items() if Filing.objects.visible_to(access).filter(pk=sent.pk).exists()}
    assert reads == {"university_office", "office", "general_office"}
    with pytest.raises(NotAllowed):
        move(sent, "receive", access=offices["sibling_office"])


def test_of_two_plans_of_one_year_the_nearer_asks_alone(wood: Wood) -> None:
    """Whichever came first, nothing is owed twice: a branch has one plan, the nearest committee's that has one."""
    issue_for(wood, wood.general, "general_office", at("2018-06-01 09:00"))
    upper = issue_for(wood, wood.committee, "office", ISSUED)
    assert asked_by(wood.deep) == {wood.general.pk}
    assert asked_by(wood.world.first) == {wood.committee.pk}
    open_duties(upper, at=NOW)
    open_for_newcomers(wood.committee, at=NOW)
    assert asked_by(wood.deep) == {wood.general.pk}
    twice = Duty.objects.filter(branch=wood.deep, member=None, occasion=None).values("code", "starts_on")
    assert not twice.annotate(n=Count("pk")).filter(n__gt=1).exists()


def test_a_nearer_plan_that_comes_later_takes_over_what_is_open_and_leaves_what_is_done(wood: Wood) -> None:
    upper = issue_for(wood, wood.committee, "office", ISSUED)
    secretary = wood.access("deep_secretary", at("2018-06-20 10:00"))
    done = of_branch(wood.deep, "I2")
    sent = move(paper_by(secretary, done), "file", access=secretary)
    draft = paper_by(secretary, of_branch(wood.deep, "P3"))
    overdue = Duty.objects.filter(branch=wood.deep, due_at__lte=at("2018-07-01 00:00"), settled_at=None).count()
    assert overdue
    issue_for(wood, wood.general, "general_office", at("2018-07-01 09:00"))
    done.refresh_from_db(), sent.refresh_from_db(), draft.refresh_from_db()
    assert (done.requirement.plan, done.committee, sent.committee) == (upper, wood.committee, wood.committee)
    assert draft.committee == wood.general
    left = Duty.objects.filter(branch=wood.deep, requirement__plan=upper, settled_at=None)
    assert left.count() == overdue  # what had become late stays as late as it was
    assert not left.filter(due_at__gt=at("2018-07-02 00:00")).exists()
    after = Duty.objects.filter(branch=wood.deep, due_at__gt=at("2018-07-02 00:00"), settled_at=None)
    assert set(after.values_list("requirement__plan__committee", flat=True)) == {wood.general.pk}
    assert set(after.values_list("committee", flat=True)) == {wood.general.pk}
    assert asked_by(wood.world.first) == {wood.committee.pk}


def test_whoever_joins_a_branch_below_owes_what_its_plan_still_asks(wood: Wood) -> None:
    issue_for(wood, wood.committee, "office", ISSUED)
    late = add_member(wood.deep, "新来者", "17699")
    assert not Duty.objects.filter(member=late).exists()
    open_for_newcomers(wood.general, at=NOW)
    assert set(Duty.objects.filter(member=late).values_list("committee", flat=True)) == {wood.committee.pk}


@pytest.mark.parametrize(
    ("who", "reads"),
    [
        ("deep_member", True), ("deep_secretary", True), ("general_office", True), ("university_office", True),
        ("aside_secretary", False), ("sibling_office", False),
    ],
)  # fmt: skip
def test_everybody_below_reads_the_plan_and_nobody_beside(wood: Wood, who: str, reads: bool, clock) -> None:
    clock("2018-07-04 10:00")
    plan = issue_for(wood, wood.committee, "office", ISSUED)
    draft = Plan.objects.begin(committee=wood.committee, toml=plan.toml, source_text=plan.source_text, at=NOW)
    client = login(wood, who)
    assert client.get(plan.get_absolute_url()).status_code == (200 if reads else 404)
    assert client.get(draft.get_absolute_url()).status_code == (200 if who == "university_office" else 404)


def test_two_branches_with_one_code_at_one_desk_get_different_numbers(wood: Wood) -> None:
    issue_for(wood, wood.university, "university_office", ISSUED)
    receipts = []
    for who, branch in (("secretary", wood.world.first), ("aside_secretary", wood.aside)):
        access = wood.access(who, NOW)
        receipts.append(move(paper_by(access, of_branch(branch)), "file", access=access).receipt)
    assert receipts == ["2018-01-0001", "2018-01-0002"]


def test_up_and_down_the_tree_are_asked_alike(wood: Wood) -> None:
    up = {c.short_name: c.steps for c in Committee.objects.over(wood.general.pk)}
    assert up == {"教学总支": 0, "机关党委": 1, "校党委": 2}
    down = set(Committee.objects.under(wood.university.pk).values_list("short_name", flat=True))
    assert down == {"校党委", "机关党委", "后勤党委", "教学总支"}


def test_what_a_nearer_plan_took_over_later_is_on_the_board_of_the_time_before(wood: Wood, clock) -> None:
    issue_for(wood, wood.committee, "office", ISSUED)
    before = Duty.objects.filter(branch=wood.deep).count()
    issue_for(wood, wood.general, "general_office", at("2018-07-01 09:00"))
    clock("2018-07-04 10:00")
    client = login(wood, "office")
    cells = client.get("/board/", {"at": "2018-06-20T10:00"}).content.decode().count(f"branch={wood.deep.pk}&amp;code=")
    mine = Duty.objects.filter(branch=wood.deep).there_at(at("2018-06-20 10:00"))
    assert mine.count() == before
    # Once in the table, and again for the phone where it is urgent.
    assert cells >= mine.values("code").distinct().count() > 5
    assert f"branch={wood.deep.pk}&amp;code=" not in client.get("/board/").content.decode()
