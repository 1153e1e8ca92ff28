"""Whom to tell: the member, the branch's secretary and deputy, the office; where nobody can log in, the next level."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from branches.models import Branch, Committee, Post, User, on_day
from plan.reminder_sources import Matter, Stage

Kind = Post.Kind


@dataclass(frozen=True)
class Told:
    """Who is told, and as what: the one who owes it, somebody who stands in for them, or the next level."""

    users: frozenset[int]
    as_what: str  # own, behalf, superior


class People:
    """The active accounts of a day and whom they act for, by the posts held on it; four queries."""

    def __init__(self, day: date) -> None:
        self.of_member = dict(User.objects.filter(is_active=True).values_list("member", "pk"))
        self.of_branch: dict[int, set[int]] = {}
        self.of_office: dict[int, set[int]] = {}
        kinds = (Kind.SECRETARY, Kind.DEPUTY, Kind.OFFICE)
        posts = Post.objects.filter(on_day(day), kind__in=kinds, member__user__is_active=True)
        for branch, committee, user in posts.order_by().values_list("branch", "committee", "member__user"):
            if branch:
                self.of_branch.setdefault(branch, set()).add(user)
            elif committee:
                self.of_office.setdefault(committee, set()).add(user)
        self.parents = dict(Committee.objects.values_list("pk", "parent"))
        self.committee_of = dict(Branch.objects.values_list("pk", "committee"))

    def told(self, matter: Matter, stage: str) -> Told:
        """Whom a stage of this matter is said to; nobody where no level has anyone that can log in."""
        owner, levels = self._levels(matter)
        up = stage == Stage.SUPERIOR
        for n, users in enumerate(levels[1:] if up else levels):
            if users:
                return Told(frozenset(users), "superior" if up else "behalf" if n else "own")
        return Told(frozenset(), owner)

    def _levels(self, matter: Matter) -> tuple[str, list[set[int]]]:
        """The accounts of each level from the one who owes it upward; nobody is told of himself as somebody else."""
        own = {self.of_member[matter.member_id]} if matter.member_id in self.of_member else set()
        levels = [own] if matter.member_id else []
        if matter.branch_id:
            levels.append(self.of_branch.get(matter.branch_id, set()) - own)
        above: int | None = matter.committee_id
        while above is not None:
            levels.append(self.of_office.get(above, set()) - own)
            above = self.parents.get(above)
        return "own", levels
