"""Which branches have planned and which have studied a reading or a material, by its title."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, QuerySet

from branches.models import Branch
from study.models import Gathering, Partner, PlanItem

# A title is cited as one of the plan's readings or as a material.
CITED_AS = ("readings", "materials")


@dataclass(frozen=True)
class Coverage:
    """For some titles and some branches: who has it in the year's plan, and who has studied it."""

    in_all: int
    planned: dict[str, set[int]] = field(default_factory=dict)
    studied: dict[str, set[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, titles: Collection[str], branches: QuerySet[Branch], year: int) -> Coverage:
        """What was filed in the year, of plans and of gatherings, joint ones too; three queries."""
        return cls(
            branches.count(), _by_title(_planned(titles, branches, year)), _by_title(_studied(titles, branches, year))
        )

    def words(self, title: str) -> str:
        """12个支部中9个列入计划，4个已学习."""
        planned, studied = len(self.planned.get(title, ())), len(self.studied.get(title, ()))
        return f"{self.in_all}个支部中{planned}个列入计划，{studied}个已学习"

    def own_words(self, title: str) -> str:
        """The same of the one branch that the person sees."""
        planned = "已列入本支部计划" if self.planned.get(title) else "未列入本支部计划"
        return f"{planned}，{'已学习' if self.studied.get(title) else '还没有学习'}"


def _by_title(pairs: Any) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for title, branch in pairs:
        found.setdefault(title, set()).add(branch)
    return found


def _planned(titles: Collection[str], branches: QuerySet[Branch], year: int) -> Any:
    items = PlanItem.objects.filter(
        plan__branch__in=branches.values("pk"), plan__plan__year=year, plan__filing__first_filed_at__isnull=False
    ).order_by()
    return _union(
        items.filter(**{f"{cited}__title__in": titles}).values_list(F(f"{cited}__title"), F("plan__branch"))
        for cited in CITED_AS
    )


def _studied(titles: Collection[str], branches: QuerySet[Branch], year: int) -> Any:
    sent: dict[str, Any] = {
        "branch__in": branches.values("pk"), "filing__year": year, "filing__first_filed_at__isnull": False
    }  # fmt: skip
    own, joined = Gathering.objects.filter(**sent).order_by(), Partner.objects.filter(**sent).order_by()
    return _union(
        rows.filter(**{f"{way}{cited}__title__in": titles}).values_list(F(f"{way}{cited}__title"), F("branch"))
        for rows, way in ((own, ""), (joined, "gathering__"))
        for cited in CITED_AS
    )


def _union(parts: Any) -> Any:
    """The pairs of all parts, each once; the database sorts out what is cited twice."""
    first, *others = parts
    return first.union(*others)
