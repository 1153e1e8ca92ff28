"""How far members are with the weeks of their plans: what is due, what is done, what is overdue; nothing is ranked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Subquery

from branches.access import Access
from branches.models import Member, Membership, on_day
from plan.models import Duty, Filing, Move, Standing
from study.models import MemberPlan, WeekItem
from study.models.plans import WeekItemQuerySet

State = Filing.State
MOST_RUNS = 6  # as many as stay on one line of a phone
NUMBERS = ("weeks", "done", "due", "done_due")

# Once approved, a plan's weeks are ticked off even while its author corrects it or waits for the new version.
ONCE_APPROVED = Q(filing__state=State.APPROVED) | Exists(
    Move.objects.filter(filing=OuterRef("filing"), to_state=State.APPROVED)
)


def is_ticking(filing: Filing) -> bool:
    """May the weeks of this plan be ticked off?"""
    return filing.state == State.APPROVED or filing.moves.filter(to_state=State.APPROVED).exists()


def overdue_weeks(day: date) -> WeekItemQuerySet:
    """The weeks that are over on that day and not done, of plans that were approved."""
    approved = MemberPlan.objects.filter(ONCE_APPROVED, pk=OuterRef("plan"))
    return WeekItem.objects.over(day).filter(Exists(approved), done_at__isnull=True)


def people_of(branches: Iterable[int], access: Access) -> Any:
    """The members on today's rosters of these branches, by name, with `plan_id`: their newest plan of the year."""
    there = Membership.objects.filter(on_day(access.on), member=OuterRef("pk"), branch__in=branches)
    plans = MemberPlan.objects.filter(member=OuterRef("pk"), plan__year=access.on.year)
    newest = plans.exclude(filing__state=State.DISCARDED).order_by("-plan__version", "-pk").values("pk")[:1]
    people = Member.objects.with_branch(access.on).filter(Exists(there))
    return people.annotate(plan_id=Subquery(newest)).order_by("name_key", "pk")


def behind(people: Any, access: Access) -> Any:
    """Those of them who have overdue weeks."""
    return people.filter(Exists(overdue_weeks(access.on).filter(plan=OuterRef("plan_id"))))


def owing(people: Any, access: Access) -> Any:
    """Those of them who still have to file their plan."""
    return people.filter(Exists(_duties(access).unsettled(access.now).filter(member=OuterRef("pk"))))


def _duties(access: Access) -> Any:
    return Duty.objects.filter(year=access.on.year, requirement__proof="member_plan")


@dataclass
class Progress:
    """One member's line: how the plan stands, and of the weeks that are over how many are done."""

    member: Any
    code: str
    text: str = ""
    filing: Filing | None = None
    late: bool = False
    ticking: bool = False
    weeks: int = 0
    done: int = 0
    due: int = 0
    done_due: int = 0
    overdue: list[date] = field(default_factory=list)

    @property
    def overdue_words(self) -> str:
        """第27、29至31周未完成; empty where nothing is overdue, cut short where it would be a long row."""
        runs: list[list[int]] = []
        for number in (monday.isocalendar().week for monday in self.overdue):
            if runs and number == runs[-1][-1] + 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        parts = [f"{run[0]}至{run[-1]}" if len(run) > 2 else "、".join(map(str, run)) for run in runs]
        more = f"等{len(self.overdue)}" if len(parts) > MOST_RUNS else ""
        return f"第{'、'.join(parts[:MOST_RUNS])}{more}周未完成" if parts else ""


def progress_of(people: Sequence[Any], access: Access) -> list[Progress]:
    """A line for each of these, in their order, in four queries."""
    ids = [person.plan_id for person in people if person.plan_id]
    plans = {
        plan.pk: plan
        for plan in MemberPlan.objects.filter(pk__in=ids)
        .annotate(ticks=Exists(MemberPlan.objects.filter(ONCE_APPROVED, pk=OuterRef("pk"))))
        .select_related("filing")
    }
    over = Q(week_on__lt=WeekItem.objects.first_open(access.on))
    done = Q(done_at__isnull=False)
    counts = WeekItem.objects.filter(plan__in=ids).order_by().values("plan")
    rows: Any = counts.annotate(
        weeks=Count("pk"), done=Count("pk", filter=done), due=Count("pk", filter=over),
        done_due=Count("pk", filter=over & done),
    )  # fmt: skip
    counted = {row["plan"]: {name: row[name] for name in NUMBERS} for row in rows}
    late: dict[int, list[date]] = {}
    for plan_id, monday in overdue_weeks(access.on).filter(plan__in=ids).values_list("plan", "week_on"):
        late.setdefault(plan_id, []).append(monday)
    duties = {duty.member_id: duty for duty in _duties(access).filter(member__in=people).order_by("due_at")}
    lines = []
    for person in people:
        plan = plans.get(person.plan_id)
        line = _standing(person, plan.filing if plan else None, duties.get(person.pk), access)
        if plan and line.filing:
            line.ticking, line.overdue = plan.ticks, late.get(plan.pk, [])
            for name, number in counted.get(plan.pk, {}).items():
                setattr(line, name, number)
        lines.append(line)
    return lines


def _standing(person: Any, filing: Filing | None, duty: Duty | None, access: Access) -> Progress:
    """What was filed stands as it was filed; a draft is its author's, for the others it is not filed yet."""
    if filing and filing.first_filed_at:
        return Progress(person, filing.state, filing=filing, late=filing.is_late)
    if duty is None:
        return Progress(person, Standing.NOT_DUE, text="没有报送任务")
    if duty.exempted_at and duty.exempted_at <= access.now:
        return Progress(person, Standing.WAIVED)
    if duty.settled_at and duty.settled_at <= access.now:
        return Progress(person, Standing.FILED, text="已报送")
    return Progress(person, Standing.OVERDUE if duty.late_at <= access.now else Standing.TODO, text="未报送")
