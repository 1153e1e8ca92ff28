"""The branch's wall of pledges: what everybody promised, how it goes on, and what was asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Case, Count, OuterRef, Prefetch, Q, Subquery, Value, When
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import localdate

from branches.requests import PortalRequest
from commitments import life
from commitments.life_forms import WallFilter
from commitments.models import Pledge, PledgeItem, Progress, Stage
from commitments.showing import is_over, item_standing
from commitments.stages import LIVE

PER_PAGE = 24


def pledge_wall(request: PortalRequest) -> HttpResponse:
    """The pledges of one branch, its own first: members see theirs, the office chooses one of its tree."""
    access = request.access
    form = WallFilter(request.GET, access=access)
    branch, show = form.chosen, form.show_code
    rows = Pledge.objects.visible_to(access).filter(branch=branch)
    match show:
        case "expired":
            rows = rows.filter(stage__in=LIVE, valid_until__lt=access.on)
        case "judging" | "judged":
            rows = rows.filter(stage=show)
        case "mine":
            rows = rows.filter(life.pledged_by(access)).exclude(stage=Stage.WITHDRAWN)
        case _:
            rows = rows.filter(stage__in=life.OPEN)
    newest = Progress.objects.filter(item=OuterRef("pk")).order_by("-told_at", "-pk")
    items = PledgeItem.objects.annotate(
        newest=Subquery(newest.values("text")[:1]), newest_at=Subquery(newest.values("told_at")[:1])
    ).order_by("position")
    rows = (
        rows.annotate(
            unanswered=Count("questions", filter=Q(questions__answered_at__isnull=True), distinct=True),
        )
        .select_related("branch", "member", "filing")
        .prefetch_related(Prefetch("items", items))
    )
    order = (Case(When(member__isnull=True, then=Value(0)), default=Value(1)), "member__name_key", "-year", "pk")
    page = Paginator(rows.order_by(*order), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page": page, "filter_form": form, "branch": branch, "show": show,
        "cards": [card_of(pledge, access.now) for pledge in page],
        "is_own": branch is not None and branch.pk in access.branches,
    }  # fmt: skip
    return render(request, "commitments/pledge_wall.html", context)


def card_of(pledge: Any, now: datetime) -> dict[str, Any]:
    """A pledge as it hangs on the wall."""
    stage = Stage(pledge.stage)
    return {
        "pledge": pledge,
        "items": [(item, *item_standing(item, stage, now)) for item in pledge.items.all()],
        "is_over": is_over(pledge, localdate(now)),
        "stage": stage,
    }
