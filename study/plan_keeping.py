"""A study plan that several people work on at once: whose change is taken, and where its page is."""

from __future__ import annotations

from django.db.models import F
from django.urls import reverse

from branches.models import Branch
from plan.models import Filing
from study.models import BranchPlan

State = Filing.State
OPEN = (State.DRAFT, State.SENT_BACK)
LOST = "这份计划在您打开之后被别人修改过，您刚才填写的还没有保存。请对照后再次保存，即以您的为准。"


class LostUpdate(Exception):
    """Somebody else changed the plan in between; nothing was written."""


def take(filing: Filing, edition: int) -> None:
    """Take the next edition of the filing, if nobody took it since the page was opened; else LostUpdate."""
    taken = Filing.objects.filter(pk=filing.pk, edition=edition, state__in=OPEN)
    if taken.update(edition=F("edition") + 1) != 1:
        raise LostUpdate


def of_year(branch: Branch, year: int) -> BranchPlan | None:
    """The branch's study plan of the year; an amended implementation plan does not ask for another."""
    return (
        BranchPlan.objects.filter(branch=branch, plan__year=year)
        .exclude(filing__state=State.DISCARDED)
        .select_related("filing__committee", "filing__branch__committee", "branch__committee", "plan")
        .order_by("-plan__version")
        .first()
    )


def page_of(branch: Branch, at: str = "") -> str:
    """The address of the branch's plan, at this place of the page."""
    return f"{reverse('study:branch_plan')}?branch={branch.pk}" + (f"#{at}" if at else "")
