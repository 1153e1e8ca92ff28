"""What becomes of a plan's named days that are days of rest: told before the plan is issued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from plan.document import Document
from plan.workdays import Calendar

POLICIES = {"none": "不顺延", "next_working": "顺延至下一工作日", "before": "提前至前一工作日"}


@dataclass(frozen=True)
class NamedDay:
    """A day that the paper names for a requirement, whether it rests, and the day that holds by the policy chosen."""

    code: str
    title: str
    named_on: date
    rest: str  # 端午节, 周六; empty for a working day
    policy: str  # empty for a working day, which nothing moves
    due_on: date


def named_days(document: Document, calendar: Calendar) -> list[NamedDay]:
    """Every day that the plan names in its year, those on days of rest first, each group in order of day."""
    policy = POLICIES[document.settings.holiday_policy]
    found = []
    for spec in document.requirements:
        if not spec.dated:
            continue
        for window in spec.windows(document.year, document.settings, calendar=calendar):
            rests = not calendar.is_workday(window.named_on)
            rest = calendar.rest_words(window.named_on) if rests else ""
            found.append(
                NamedDay(spec.code, spec.title, window.named_on, rest, policy if rests else "", window.due_on)
            )  # fmt: skip
    return sorted(found, key=lambda day: (not day.rest, day.named_on, day.code))
