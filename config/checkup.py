"""The health check of the data (体检): all its rules, how many findings each has, and the findings themselves.

Nothing is kept: each time the rules are asked of the rows as they are. Branches are not compared with each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Func, IntegerField, QuerySet, Subquery

from branches import checkup_rules as people
from branches.access import Access
from branches.checkup import Finding, Level, Rule, Scope
from branches.models import Committee
from commitments import posts_checkup as stood
from plan import checkup_rules as owed
from study import checkup_rules as studied

CHUNK = 2000

# In the order in which they are told: what has to be put right first.
RULES: tuple[Rule, ...] = tuple(
    rule
    for level in Level
    for rule in (*people.RULES, *owed.RULES, *studied.RULES, *stood.RULES)
    if rule.level == level
)  # fmt: skip
BY_CODE = {rule.code: rule for rule in RULES}


@dataclass
class Told:
    """A rule with the number of its findings and the first of them."""

    rule: Rule
    total: int
    findings: list[Finding]

    @property
    def is_cut(self) -> bool:
        return self.total > len(self.findings)


@dataclass(frozen=True)
class Counts:
    """How many findings there are of each level, for a line on a home."""

    mend: int = 0
    look: int = 0


def rules_for(access: Access, level: str = "") -> list[Rule]:
    """The rules that this person is told about."""
    mine = [rule for rule in RULES if access.office_of or rule.leaders]
    return [rule for rule in mine if not level or rule.level == level]


def totals(rules: list[Rule], scope: Scope) -> dict[str, int]:
    """How many findings each rule has: one query for all that are querysets, and what the listed ones ask."""
    found = {rule.code: len(rule.found(scope)) for rule in rules if rule.listed}
    asked = {_name(rule): _counted(rule.found(scope)) for rule in rules if not rule.listed}
    if asked:
        # Any one row will do: the numbers stand beside it.
        row = Committee.objects.order_by("pk").values(**asked).first() or dict.fromkeys(asked, 0)
        found.update({rule.code: row[_name(rule)] for rule in rules if not rule.listed})
    return {rule.code: found[rule.code] for rule in rules}


def _name(rule: Rule) -> str:
    return "n_" + rule.code.replace("-", "_")


def _counted(rows: QuerySet[Any]) -> Subquery:
    count = Func(F("pk"), function="COUNT", output_field=IntegerField())
    return Subquery(rows.select_related(None).order_by().values(total=count), output_field=IntegerField())


def told(rules: list[Rule], scope: Scope, first: int) -> list[Told]:
    """The rules that found something, each with its first findings; as many queries for any number of branches."""
    found = []
    counted = totals([rule for rule in rules if not rule.listed], scope)
    for rule in rules:
        rows = rule.found(scope)
        total = len(rows) if rule.listed else counted[rule.code]
        findings = [rule.say(row, scope) for row in rows[:first]]
        if total:
            found.append(Told(rule, total, findings))
    return found


def counts(access: Access) -> Counts:
    """How many findings the person's branches have, without the rules that read every entry one by one."""
    rules = [rule for rule in rules_for(access) if rule.code != "doubles"]
    found = totals(rules, Scope(access))
    return Counts(
        *(sum(n for code, n in found.items() if BY_CODE[code].level == level) for level in (Level.MEND, Level.LOOK))
    )


def everything(rules: list[Rule], scope: Scope) -> Iterator[tuple[Rule, Finding]]:
    """All findings of these rules, read row by row."""
    for rule in rules:
        rows = rule.found(scope)
        for row in rows if rule.listed else rows.iterator(chunk_size=CHUNK):
            yield rule, rule.say(row, scope)
