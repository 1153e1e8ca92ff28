"""Three levels of committees around the tests' world: the university, two committees, a general branch under the first.

校党委 ── 机关党委 (`world.committee`: 教务处, 科研处) ── 教学总支 (教学一)
       └─ 后勤党委 (后勤一)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from branches.access import Access
from branches.models import Branch, Committee, Member, Post, User
from plan.models import Plan
from plan.opening import issue
from tests.conftest import ROOT, World, add_member, add_user, make_world

SINCE = date(2016, 1, 1)


@dataclass
class Wood:
    """The tree, and who sits where: `users` has the offices by name beside everybody of the world."""

    world: World
    university: Committee
    general: Committee
    sibling: Committee
    deep: Branch
    aside: Branch
    users: dict[str, User] = field(default_factory=dict)

    @property
    def committee(self) -> Committee:
        return self.world.committee

    def access(self, who: str, moment: datetime) -> Access:
        return Access.of(self.users[who], moment)

    def member(self, who: str) -> Member:
        return self.users[who].member


def make_wood() -> Wood:
    world = make_world()
    university = Committee.objects.create(kind="university", name="西北政法大学党委", short_name="校党委")
    Committee.objects.filter(pk=world.committee.pk).update(parent=university)
    world.committee.refresh_from_db()
    general = Committee.objects.create(kind="general", parent=world.committee, name="教学总支部", short_name="教学总支")
    sibling = Committee.objects.create(kind="committee", parent=university, name="后勤党委", short_name="后勤党委")
    deep = Branch.objects.create(committee=general, code="11", name="教学一党支部", founded_on=date(2015, 1, 1))
    aside = Branch.objects.create(committee=sibling, code="01", name="后勤一党支部", founded_on=date(2015, 1, 1))
    wood = Wood(world, university, general, sibling, deep, aside, dict(world.users))
    for n, (who, committee) in enumerate(
        [("university_office", university), ("general_office", general), ("sibling_office", sibling)]
    ):
        member = Member.objects.create(staff_number=f"1770{n}", name=f"办公{'一二三'[n]}")
        wood.users[who] = add_user(member)
        Post.objects.create(member=member, kind=Post.Kind.OFFICE, committee=committee, from_on=SINCE)
    for n, (who, branch) in enumerate([("deep_secretary", deep), ("aside_secretary", aside)]):
        member = add_member(branch, f"书记{'一二'[n]}", f"1760{n}")
        wood.users[who] = add_user(member)
        Post.objects.create(member=member, kind=Post.Kind.SECRETARY, branch=branch, from_on=SINCE)
    wood.users["deep_member"] = add_user(add_member(deep, "教学党员", "17610"))
    return wood


def issue_for(wood: Wood, committee: Committee, who: str, moment: datetime) -> Plan:
    """The plan of 2018 as that committee's own, issued by that office."""
    plan = Plan.objects.begin(
        committee=committee, at=moment, toml=(ROOT / "plan/2018.toml").read_text(encoding="utf-8"),
        source_text=(ROOT / "plan/2018.txt").read_text(encoding="utf-8"),
    )  # fmt: skip
    issue(plan, access=wood.access(who, moment))
    plan.refresh_from_db()
    return plan
