"""Questions asked of the duties of many branches at once: the board's columns, its tallies, and what a cell says."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from django.db.models import BooleanField, Case, Count, Q, Value, When
from django.utils.timezone import localtime

from branches.access import Access
from branches.models import Branch, BranchQuerySet, Committee
from branches.templatetags.portal import STANDINGS
from plan.models import NEAREST_FIRST, Duty, DutyQuerySet, Plan, Standing
from plan.reach import reach

# What a cell shows first: what is wrong, what is near, what waits at a desk, what is done, what is still to come.
URGENT = (Standing.OVERDUE, Standing.SENT_BACK, Standing.TODO)
ACCEPTED = (Standing.RECEIVED, Standing.APPROVED, Standing.KEPT)
ORDER = (*URGENT, Standing.FILED, *ACCEPTED, Standing.NOT_DUE, Standing.WAIVED)
OF_BRANCH = ("branch", "secretary")
OF_MEMBERS = ("member", "cadre", "leader")
DONE_WORDS = {"approve": "已审定", "inform": "已备案"}


@dataclass(frozen=True)
class Column:
    """One requirement as the board shows it: owed by the branches themselves, or by their members and counted."""

    code: str
    title: str
    clause: str
    handling: str
    of_members: bool

    @property
    def chapter(self) -> str:
        return self.clause.partition(".")[0]

    @property
    def heading(self) -> str:
        return f"{self.title}（党员）" if self.of_members else self.title


@dataclass
class Tally:
    """How the duties of one branch and column stand: how many in each standing, and how many came late."""

    counts: dict[str, int] = field(default_factory=dict)
    late: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def worst(self) -> Standing:
        """The standing to be shown first; raises StopIteration for an empty tally."""
        return next(standing for standing in ORDER if standing in self.counts)


# A branch's row: the tally of each column, by the column's code and whether its members owe it.
Row = dict[tuple[str, bool], Tally]


def plan_at(committee_id: int, at: datetime) -> Plan | None:
    """The plan by which the committee's branches are asked at the instant: the year's, or the last one before it.

    Of two plans of one year it is the nearer committee's.
    """
    issued = Plan.objects.over(committee_id).filter(year__lte=localtime(at).year)
    return issued.order_by("-year", *NEAREST_FIRST).first()


def branches_of(committee_id: int, plan: Plan | None, day: date) -> BranchQuerySet:
    """The branches on the committee's board: all below it, without those that a nearer plan asks by the day."""
    branches = Branch.objects.existing_on(day).filter(committee__in=Committee.objects.under(committee_id).values("pk"))
    if plan is None:
        return branches
    asked = reach(plan.committee_id, plan.year)
    return branches.filter(committee__in=[pk for pk, until in asked.items() if until is None or day < until])


def columns_of(plan: Plan) -> list[Column]:
    """The plan's requirements in its order, without those that the committee itself owes or that have no duties."""
    columns = []
    for requirement in plan.requirements.all():
        spec = requirement.spec
        if spec.of_lines:
            continue
        for kinds, of_members in ((OF_BRANCH, False), (OF_MEMBERS, True)):
            if set(kinds) & set(spec.owners):
                columns.append(
                    Column(requirement.code, requirement.title, requirement.clause, requirement.handling, of_members)
                )
    return columns


@lru_cache(maxsize=32)
def chapters_of(toml: str) -> dict[str, str]:
    """The plan's chapters, number to title, as its data names them."""
    return {str(row["number"]): str(row["title"]) for row in tomllib.loads(toml).get("chapter", [])}


def owed_under(access: Access, plan: Plan, codes: Collection[str]) -> DutyQuerySet:
    """The duties of the plan's year and of these requirements that branches and members owe and the person may see.

    With those that a committee above asked for, before the plan took over.
    """
    askers = Committee.objects.over(plan.committee_id).values("pk")
    duties = Duty.objects.visible_to(access).filter(committee__in=askers, year=plan.year, branch__isnull=False)
    return duties.filter(code__in=codes)


def tallies(duties: DutyQuerySet, branch_ids: Collection[int], at: datetime) -> dict[int, Row]:
    """The rows of these branches, from one grouped query, however many duties there are."""
    counted = (
        duties.filter(branch__in=branch_ids)
        .with_standing(at)
        .annotate(
            of_members=Case(
                When(member__isnull=False, then=Value(True)), default=Value(False), output_field=BooleanField()
            )
        )
        .order_by()
        .values_list("branch", "code", "of_members", "standing")
        .annotate(n=Count("pk"), late=Count("pk", filter=Q(was_late=True)))
    )
    rows: dict[int, Row] = {}
    for branch, code, of_members, standing, n, late in counted:
        tally = rows.setdefault(branch, {}).setdefault((code, of_members), Tally())
        tally.counts[standing] = n
        tally.late += late
    return rows


def words_of(column: Column, tally: Tally) -> tuple[Standing, str]:
    """The standing whose sign a cell bears, and its words: 逾期 3, 已备案 补, 已审定 8/12."""
    worst = tally.worst
    accepted = sum(tally.counts.get(standing, 0) for standing in ACCEPTED)
    if column.of_members:
        done = accepted + tally.counts.get(Standing.WAIVED, 0)
        return worst, f"{DONE_WORDS.get(column.handling, '已办')} {done}/{tally.total}"
    several = accepted if worst in ACCEPTED else tally.counts[worst]
    words = STANDINGS[worst].label + (f" {several}" if several > 1 else "")
    return worst, words + (" 补" if worst in ACCEPTED and tally.late else "")


def sentence_of(column: Column, tally: Tally) -> str:
    """Everything that a cell counts, in one sentence: 党课：逾期1项、已备案2项，其中补报1项."""
    unit = "人次" if column.of_members else "项"
    parts = "、".join(f"{STANDINGS[s].label}{tally.counts[s]}{unit}" for s in ORDER if s in tally.counts)
    return f"{column.heading}：{parts}" + (f"，其中补报{tally.late}{unit}" if tally.late else "")
