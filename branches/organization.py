"""How the branches of a tree stand on a day: strength, posts and terms, asked for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db.models import Count, Q, QuerySet

from branches.hints import Facts, Hint, term_hints
from branches.models import Branch, Committee, Membership, Post, on_day

SEATS = (Post.Kind.SECRETARY, Post.Kind.DEPUTY, Post.Kind.ORGANIZATION, Post.Kind.PUBLICITY, Post.Kind.DISCIPLINE)
COMMISSIONERS = (Post.Kind.ORGANIZATION, Post.Kind.PUBLICITY, Post.Kind.DISCIPLINE)


def facts_of(branches: Iterable[Branch], day: date) -> dict[int, Facts]:
    """What is known of each branch on the day, by its id; two queries, however many there are."""
    listed = list(branches)
    ids = [branch.pk for branch in listed]
    rosters = (
        Membership.objects.filter(on_day(day), branch__in=ids)
        .order_by()
        .values_list("branch")
        .annotate(members=Count("pk"), full=Count("pk", filter=Q(member__confirmed_on__lte=day)))
    )
    strength = {pk: (members, full) for pk, members, full in rosters}
    held = Post.objects.filter(on_day(day), branch__in=ids, kind__in=SEATS)
    people: dict[int, dict[str, set[int]]] = {}
    for pk, kind, member in held.values_list("branch", "kind", "member"):
        people.setdefault(pk, {}).setdefault(kind, set()).add(member)
    found = {}
    for branch in listed:
        members, full = strength.get(branch.pk, (0, 0))
        posts = people.get(branch.pk, {})
        found[branch.pk] = Facts(
            kind=branch.kind, units=branch.units, members=members, full_members=full,
            secretary=Post.Kind.SECRETARY in posts, seats=len(set().union(*posts.values())),
            commissioners=len(set().union(*(posts.get(kind, set()) for kind in COMMISSIONERS))),
            elected_on=branch.elected_on, term_years=branch.term_years,
        )  # fmt: skip
    return found


@dataclass
class Sum:
    """A committee with everything below it."""

    committee: Committee
    branches: int = 0
    members: int = 0
    full_members: int = 0
    vacancies: int = 0
    own: list[Branch] = field(default_factory=list)


def sums_of(committees: Iterable[Committee], branches: Iterable[Branch], facts: dict[int, Facts]) -> list[Sum]:
    """The committees in the tree's order, each with the totals of its subtree and its own branches."""
    listed = sorted(committees, key=lambda committee: committee.pk)
    known = {committee.pk: committee for committee in listed}
    children: dict[int | None, list[Committee]] = {}
    for committee in listed:
        children.setdefault(committee.parent_id if committee.parent_id in known else None, []).append(committee)
    own: dict[int, list[Branch]] = {}
    for branch in branches:
        own.setdefault(branch.committee_id, []).append(branch)
    found: list[Sum] = []

    def walk(committee: Committee) -> Sum:
        line = Sum(committee, own=own.get(committee.pk, []))
        found.append(line)
        for branch in line.own:
            fact = facts[branch.pk]
            line.branches += 1
            line.members += fact.members
            line.full_members += fact.full_members
            line.vacancies += not fact.secretary
        for child in children.get(committee.pk, []):
            below = walk(child)
            line.branches += below.branches
            line.members += below.members
            line.full_members += below.full_members
            line.vacancies += below.vacancies
        return line

    for root in children.get(None, []):
        walk(root)
    return found


def terms_due(branches: QuerySet[Branch], day: date) -> list[tuple[Branch, Hint]]:
    """The branches whose term is over or soon will be, the nearest end first; one query."""
    # A term that ends within the three months began at most so long ago; the exact day is the hint's to tell.
    begun = [Q(term_years=n, elected_on__lte=day + timedelta(days=93 - 365 * n)) for n in range(1, 6)]
    near = branches.existing_on(day).filter(Q(*begun, _connector=Q.OR))  # type: ignore[attr-defined]
    found = []
    for branch in near:
        facts = Facts(kind=branch.kind, elected_on=branch.elected_on, term_years=branch.term_years)
        found += [(branch, hint) for hint in term_hints(facts, day) if hint.on]
    return sorted(found, key=lambda pair: (pair[1].on or day, pair[0].code))
