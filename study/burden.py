"""What an issued plan costs a branch (减负): sittings, filings, fields and uploads of each month, asked of the rules.

Nothing here is counted by hand: the sittings come from the plan's windows, what is filed from its own rules, and how
many fields a record needs from the very check that stands before its filing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time

from django.utils.timezone import make_aware

from branches.models import COMMITTEE_FROM, Branch, Member
from plan.document import DueWindow, RequirementSpec
from plan.models import Filing, Plan, Requirement
from study.gatherings import Attending, Presence, Rules, Sitting, lacks
from study.models import Kind

# What may be held on one day as one sitting: the plan says so of the theme day (二.2), and the life meeting and the
# appraisal are one meeting by custom; the lecture before 七一 is part of the themed activity.
TOGETHER = (
    frozenset({Kind.THEME_DAY, Kind.GENERAL_MEETING, Kind.COLLECTIVE_STUDY}),
    frozenset({Kind.THEMED_ACTIVITY, Kind.LECTURE}),
    frozenset({Kind.LIFE_MEETING, Kind.APPRAISAL}),
)


@dataclass(frozen=True)
class Load:
    """A month of a branch: what falls due, and what of it has to be held, filed, kept, typed and uploaded."""

    duties: int = 0
    occurrences: int = 0  # of these duties, what is to be held
    sittings: int = 0
    filings: int = 0
    kept: int = 0
    asked: int = 0  # fields that must not be empty
    typed: int = 0  # of these, what nobody can fill in beforehand
    uploads: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


Months = dict[int, Load]


def of_year(plan: Plan, *, small: bool, whole_year: bool = False) -> Months:
    """The load of each month by its number; `small` is a branch that has no branch committee.

    Counted are the windows that issuing opened as duties, or with `whole_year` all of them.
    """
    asked = [r for r in plan.requirements.all() if {"branch", "secretary"} & set(r.spec.owners)]
    windows = list(_windows(plan, asked, small=small, whole_year=whole_year))
    months: defaultdict[int, Load] = defaultdict(Load)
    for requirement, window in windows:
        months[_month(window)] += Load(duties=1, occurrences=int(_is_held(requirement)))
    for month, kinds in _sittings(windows):
        months[month] += _of_sitting(plan, kinds)
    for month, requirement in _records(windows):
        months[month] += _of_record(requirement)
    return dict(sorted(months.items()))


def of_member(plan: Plan) -> Load:
    """What one member owes the year through: the plan of study and whatever else names members."""
    load = Load()
    for requirement in plan.requirements.all():
        if "member" not in requirement.spec.owners:
            continue
        for _ in requirement.spec.windows(plan.year, plan.document.settings):
            load += Load(duties=1) + _of_record(requirement)
    return load


def small_among(branches: Sequence[Branch], day: date) -> set[int]:
    """The branches without a committee on that day, as the opening of duties sees them; one query."""
    rosters = Branch.objects.filter(pk__in=[branch.pk for branch in branches]).with_full_members(day)
    large = set(rosters.filter(**{"full_members__gte": COMMITTEE_FROM}).values_list("pk", flat=True))
    return {branch.pk for branch in branches} - large


def _windows(
    plan: Plan, asked: Sequence[Requirement], *, small: bool, whole_year: bool
) -> Iterator[tuple[Requirement, DueWindow]]:
    for requirement in asked:
        for window in requirement.spec.windows(plan.year, plan.document.settings, small=small):
            if whole_year or plan.effective_on is None or window.due_on >= plan.effective_on:
                yield requirement, window


def _month(window: DueWindow) -> int:
    """What is due in January of the next year is December's."""
    return window.due_on.month if window.due_on.year == window.starts_on.year else 12


def _is_held(requirement: Requirement) -> bool:
    """Is it met by holding one thing? What many kinds meet (S2, two forms a year) is met by what is held anyway."""
    return requirement.proof == "gathering" and len(requirement.kinds) == 1


def _sittings(windows: Sequence[tuple[Requirement, DueWindow]]) -> list[tuple[int, frozenset[str]]]:
    """The sittings that hold all that has to be held, each with its month and its kinds: what may be joined is."""
    days: defaultdict[tuple[int, frozenset[str]], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for requirement, window in windows:
        if _is_held(requirement):
            kind = requirement.kinds[0]
            group = next((group for group in TOGETHER if kind in group), frozenset({kind}))
            days[_month(window), group][kind] += 1
    found = []
    for (month, _), counts in sorted(days.items(), key=lambda entry: (entry[0][0], sorted(entry[0][1]))):
        for n in range(max(counts.values())):
            found.append((month, frozenset(kind for kind, times in counts.items() if times > n)))
    return found


def _of_sitting(plan: Plan, kinds: frozenset[str]) -> Load:
    """One sitting as the form asks for it: everything empty, and everything that is known filled in."""
    rules = Rules(plan, [r for r in plan.requirements.all() if r.proof == "gathering" and r.spec.per_event])
    noon = make_aware(datetime.combine(date(plan.year, 1, 1), time(12)))
    empty = Sitting(Branch(), rules, noon, noon, kinds=sorted(kinds))
    known = Sitting(
        Branch(), rules, noon, noon, kinds=sorted(kinds), place="-", host_id=1, recorder_id=2, lecturer=Member(),
        attendance=[Attending(1, "-", True, Presence.PRESENT)],
    )  # fmt: skip
    uploads = rules.pictures(kinds)
    to_office = rules.desk(kinds)[0] == Filing.Desk.OFFICE
    return Load(
        sittings=1, filings=int(to_office), kept=int(not to_office), uploads=uploads,
        asked=_count(empty), typed=_count(known),
    )  # fmt: skip


def _count(sitting: Sitting) -> int:
    """The fields that are said to be missing; a picture is an upload, and day and hours are always there."""
    return len({lack.word for lack in lacks(sitting)} - {"图片"})


# What is written on a sheet of its own, without a sitting.
PAPERS = ("paper", "pledge_form", "week")


def _records(windows: Sequence[tuple[Requirement, DueWindow]]) -> list[tuple[int, Requirement]]:
    """What is sent or kept without a sitting: one study plan for all that asks for it, a paper for each other."""
    plans, papers = [], []
    for requirement, window in windows:
        if requirement.proof == "branch_plan":
            plans.append((_month(window), requirement))
        elif requirement.proof in PAPERS:
            papers.append((_month(window), requirement))
    return [*plans[:1], *papers]


def _of_record(requirement: Requirement) -> Load:
    spec: RequirementSpec = requirement.spec
    sent = spec.receiver != "none"
    match requirement.proof:
        case "paper" | "pledge_form" | "week":
            # Title and day are given; what was done is written.
            return Load(filings=int(sent), kept=int(not sent), asked=3, typed=1, uploads=spec.pictures)
        case "branch_plan" | "member_plan":
            # Drafted as a whole: outline and lines are there to be read and changed.
            return Load(filings=1, asked=1)
    return Load()
