"""Questions asked of the duties of many branches at once: the board's columns, its tallies, and what a cell says.

Each question is one grouped query, however many branches there are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import BooleanField, Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.utils.timezone import localdate, make_aware

from branches.access import Access
from branches.models import Branch, BranchQuerySet, Committee
from branches.templatetags.portal import STANDINGS, last_day
from plan.models import NEAREST_FIRST, Duty, DutyQuerySet, Plan, Standing
from plan.wording import share

# What a cell shows first: what is wrong, what is near, what waits at a desk, what is done, what is still to come.
URGENT = (Standing.OVERDUE, Standing.SENT_BACK, Standing.TODO)
ACCEPTED = (Standing.RECEIVED, Standing.APPROVED, Standing.KEPT)
ORDER = (*URGENT, Standing.FILED, *ACCEPTED, Standing.NOT_DUE, Standing.WAIVED)
OF_BRANCH = ("branch", "secretary")
OF_MEMBERS = ("member", "cadre", "leader")
TO_COME = (Standing.TODO, Standing.NOT_DUE)
DONE_WORDS = {"approve": "已审定", "inform": "已备案"}
WEEK = "本周到期"


@dataclass(frozen=True)
class Column:
    """One requirement as the board shows it: owed by the branches themselves, or by their members and counted."""

    code: str
    title: str
    clause: str
    handling: str
    of_members: bool
    requirement_id: int = 0
    quote: str = ""  # the plan's sentence that asks it

    @property
    def key(self) -> tuple[str, bool]:
        return self.code, self.of_members

    @property
    def chapter(self) -> str:
        return self.clause.partition(".")[0]

    @property
    def heading(self) -> str:
        return f"{self.title}（党员）" if self.of_members else self.title


@dataclass
class Tally:
    """How some duties stand: how many in each standing, how many came late, how many are due by the end of the week."""

    counts: dict[str, int] = field(default_factory=dict)
    late: int = 0
    soon: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def worst(self) -> Standing:
        """The standing to be shown first; raises StopIteration for an empty tally."""
        return next(standing for standing in ORDER if standing in self.counts)

    @property
    def accepted(self) -> int:
        return self.of(*ACCEPTED)

    @property
    def waived(self) -> int:
        return self.of(Standing.WAIVED)

    def of(self, *standings: str) -> int:
        return sum(self.counts.get(standing, 0) for standing in standings)

    def add(self, other: Tally) -> None:
        for standing, n in other.counts.items():
            self.counts[standing] = self.counts.get(standing, 0) + n
        self.late += other.late
        self.soon += other.soon


# A branch's row: the tally of each column, by the column's code and whether its members owe it.
Row = dict[tuple[str, bool], Tally]


def plan_at(committee_id: int, at: datetime) -> Plan | None:
    """The plan by which the committee's branches were asked at the instant: the year's, or the last one before it.

    Of two plans of one year it is the nearer committee's. A plan issued after the instant asked nobody then. Midnight
    belongs to the day that ends with it, as deadlines do: the last instant of a year is still asked by its plan.
    """
    issued = Plan.objects.over(committee_id).filter(year__lte=last_day(at).year, issued_at__lte=at)
    return issued.order_by("-year", *NEAREST_FIRST).first()


def branches_of(committee_id: int, plan: Plan | None, day: date) -> BranchQuerySet:
    """The branches on the committee's board: all below it, without those that a nearer plan asks by the day."""
    branches = Branch.objects.existing_on(day).filter(committee__in=Committee.objects.under(committee_id).values("pk"))
    if plan is None:
        return branches
    # In the query itself, where `plan.reach` would ask twice more; of the committees, not of each of their branches:
    # the way up is three levels at most.
    way_up = (OuterRef("pk"), OuterRef("parent"), OuterRef("parent__parent"))
    below = Committee.objects.under(plan.committee_id)
    nearer = Plan.objects.issued().filter(
        Q(*(Q(committee=step) for step in way_up), _connector=Q.OR),
        committee__in=below.exclude(pk=plan.committee_id).values("pk"),
        year=plan.year, effective_on__lte=day,
    )  # fmt: skip
    return branches.filter(committee__in=below.filter(~Exists(nearer)).values("pk"))


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
                    Column(
                        requirement.code, requirement.title, requirement.clause, requirement.handling, of_members,
                        requirement.pk, "……".join(requirement.quotes),
                    )
                )  # fmt: skip
    return columns


@lru_cache(maxsize=32)
def chapters_of(toml: str) -> dict[str, str]:
    """The plan's chapters, number to title, as its data names them."""
    return {str(row["number"]): str(row["title"]) for row in tomllib.loads(toml).get("chapter", [])}


def owed_under(access: Access, plan: Plan, codes: Collection[str]) -> DutyQuerySet:
    """The duties of the plan's year and of these requirements that branches and members owe and the person may see.

    With those that a committee above asked for, before the plan took over, and those that a committee below has taken
    over since: asked about the time before, the plan's own board shows them. Of which branches, `branches_of` says.
    """
    own = plan.committee_id
    ways = ("pk", "parent", "parent__parent", "children", "children__children")
    askers = Committee.objects.filter(Q(*((way, own) for way in ways), _connector=Q.OR)).values("pk")
    duties = Duty.objects.visible_to(access).filter(committee__in=askers, year=plan.year, branch__isnull=False)
    return duties.filter(code__in=codes)


def month_span(year: int, month: int) -> tuple[datetime, datetime]:
    """The month's first instant and the next month's, between which its deadlines lie."""
    following = datetime(year + 1, 1, 1) if month == 12 else datetime(year, month + 1, 1)
    return make_aware(datetime(year, month, 1)), make_aware(following)


def end_of_week(at: datetime) -> datetime:
    """The instant at which the week of `at` ends."""
    day = localdate(at)
    return make_aware(datetime.combine(day + timedelta(days=7 - day.weekday()), datetime.min.time()))


BY_MEMBERS = Case(When(member__isnull=False, then=Value(True)), default=Value(False), output_field=BooleanField())


def _counted(duties: DutyQuerySet, at: datetime, by: Sequence[str], more: Mapping[str, Any]) -> QuerySet[Any, Any]:
    """Rows of `by`, standing, number, how many came late, how many are due by the end of the week: one query."""
    soon = Q(standing__in=TO_COME, due_then__lte=end_of_week(at))
    return (
        duties.annotate(of_members=BY_MEMBERS, **more)
        .order_by()
        .values_list(*by, "standing")
        .annotate(n=Count("pk"), late=Count("pk", filter=Q(was_late=True)), soon=Count("pk", filter=soon))
    )


def _gathered(duties: DutyQuerySet, at: datetime, *by: str, **more: Any) -> dict[tuple[Any, ...], Tally]:
    """The tallies by `by`, from one grouped query; and one more over those duties that have moved since, if any have.

    Asked about now none have. Asked about the past, only for them is the history looked up, row by row.
    """
    found: dict[tuple[Any, ...], Tally] = {}
    counted: list[Any] = list(_counted(duties.with_own_standing(at), at, by, more))
    if any(row[len(by)] == "" for row in counted):
        counted += _counted(duties.moved_since(at).with_standing(at), at, by, more)
    for *key, standing, n, late, soon in counted:
        if standing:
            found.setdefault(tuple(key), Tally()).add(Tally({standing: n}, late, soon))
    return found


def tallies(duties: DutyQuerySet, branch_ids: Collection[int], at: datetime) -> dict[int, Row]:
    """The rows of these branches, from one grouped query, however many duties there are."""
    found = _gathered(duties.filter(branch__in=branch_ids), at, "branch", "code", "of_members")
    rows: dict[int, Row] = {}
    for (branch, code, of_members), tally in found.items():
        rows.setdefault(branch, {})[code, of_members] = tally
    return rows


def totals(duties: DutyQuerySet, branches: BranchQuerySet, at: datetime) -> Row:
    """Each column's tally over all these branches, from one grouped query that brings back a hundred rows."""
    found = _gathered(duties.filter(branch__in=branches.order_by().values("pk")), at, "code", "of_members")
    return {(code, of_members): tally for (code, of_members), tally in found.items()}


def summed(rows: Iterable[Row]) -> Row:
    """The rows of several branches together."""
    total: Row = {}
    for row in rows:
        for key, tally in row.items():
            total.setdefault(key, Tally()).add(tally)
    return total


def months(duties: DutyQuerySet, year: int, at: datetime, *by: str) -> dict[tuple[Any, ...], Tally]:
    """The tallies by `by` and the month of the deadline, 13 for what is due after the year; one grouped query.

    The months are told apart by their first instants: the database's own calendar functions cost more and, on SQLite,
    are a call into Python for each row.
    """
    ends = (When(due_then__lte=month_span(year, n)[1], then=Value(n)) for n in range(1, 13))
    month = Case(*ends, default=Value(13), output_field=IntegerField())
    return _gathered(duties, at, *by, "month", month=month)


def words_of(column: Column, tally: Tally) -> tuple[Standing, str]:
    """The standing whose sign a cell bears, and its words: 逾期 3, 已备案 补, 逾期 4，已审定 7/11，免1."""
    worst, waived = tally.worst, tally.waived
    several = tally.accepted if worst in ACCEPTED else tally.counts[worst]
    label = STANDINGS[worst].label
    if worst == Standing.NOT_DUE and tally.soon:
        worst, label, several = Standing.TODO, WEEK, tally.soon
    words = label + (f" {several}" if several > 1 or column.of_members else "")
    if column.of_members and worst != Standing.WAIVED:
        # The sign speaks of the words that stand first; how many of all are done comes after them.
        done = f"{DONE_WORDS.get(column.handling, '已办')} {share(tally.accepted, tally.total, waived)}"
        words = done if worst in ACCEPTED else f"{words}，{done}" if several < tally.total else words
    elif worst in ACCEPTED and waived:
        words += f"，免{waived}"
    return worst, words + (" 补" if worst in ACCEPTED and tally.late else "")


def sentence_of(column: Column, tally: Tally) -> str:
    """Everything that a cell counts, in one sentence: 党课：逾期1项、已备案2项，其中补报1项."""
    unit = "人次" if column.of_members else "项"
    parts = "、".join(f"{STANDINGS[s].label}{tally.counts[s]}{unit}" for s in ORDER if s in tally.counts)
    of_these = [f"{word}{n}{unit}" for word, n in ((WEEK, tally.soon), ("补报", tally.late)) if n]
    return f"{column.heading}：{parts}" + (f"，其中{'、'.join(of_these)}" if of_these else "")
