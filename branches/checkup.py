"""What a health check of the data (体检) is made of: rules, what they find, and whose branches they look at.

The floors above add their own rules in the same shape; `config.checkup` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q
from django.utils.timezone import localdate, localtime

from branches.access import Access
from branches.templatetags.portal import day_words


class Level(StrEnum):
    """Whether something has to be put right, or only deserves a look."""

    MEND = "要改"
    LOOK = "提醒"


@dataclass(frozen=True)
class Scope:
    """Whose branches are looked at, and when: the office's tree, the branches led, or one of them."""

    access: Access
    branch: int | None = None
    # For what is told to the office alone: branches led elsewhere are left out.
    as_office: bool = False

    @property
    def now(self) -> datetime:
        return self.access.now

    @property
    def on(self) -> date:
        return self.access.on

    @property
    def committees(self) -> frozenset[int]:
        """The committees whose own affairs are looked at; none while one branch is asked about."""
        return frozenset() if self.branch else self.access.office_of

    def of(self, path: str = "") -> Q:
        """Rows of the branches looked at; `path` leads from the row to its branch, empty where it is one."""
        pk, committee = (path, f"{path}__committee") if path else ("pk", "committee")
        leads = frozenset() if self.as_office else self.access.leads
        mine = Q(**{f"{committee}__in": self.access.office_of}) | Q(**{f"{pk}__in": leads})
        return mine & Q(**{pk: self.branch}) if self.branch else mine


@dataclass(frozen=True)
class Finding:
    """One thing found, in a sentence; where it is looked at, in which branch, and what cures it if not the rule's."""

    text: str
    url: str = ""
    branch: str = ""
    cure: str = ""
    who: str = ""


@dataclass(frozen=True)
class Rule:
    """One question: the rows that it finds (a queryset, or a list where `listed`), and what is said of each.

    `rows(scope)` is one query that holds each row once, whatever the number of branches; `say(row, scope)` asks
    nothing more of the database.
    """

    code: str
    title: str
    why: str
    level: Level
    rows: Callable[[Scope], Any]
    say: Callable[[Any, Scope], Finding]
    cure: str
    who: str
    # The clause and the words of the plan, or of the regulation, that ask for it.
    clause: str = ""
    listed: bool = False
    # What concerns the committee or other people's accounts is told to the office alone.
    leaders: bool = True

    def found(self, scope: Scope) -> Any:
        """The rows of this person's branches."""
        return self.rows(scope if self.leaders else replace(scope, as_office=True))


def day_of(value: date | datetime | None, today: date) -> str:
    """7月11日, with its year where that is another one than today's; a moment by its day in the portal's time zone."""
    if value is None:
        return ""
    return day_words(localdate(value) if isinstance(value, datetime) else value, today)


def days_since(moment: datetime, now: datetime) -> int:
    """Whole calendar days from the moment's day to today's."""
    return (localtime(now).date() - localtime(moment).date()).days
