"""The homes: where each person's work begins, with the first of what there is to do, in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, Func, IntegerField, Min, OuterRef, Q, QuerySet, Window
from django.urls import reverse
from django.utils.timezone import localtime

from branches.access import Access
from branches.models import Branch
from branches.organization import terms_due
from branches.templatetags.portal import cn_moment, days_late
from commitments import life
from commitments.models import Pledge
from commitments.stages import LIVE
from config import handover, todo
from config.todo import A_FEW, A_LIST, Group, Line, first_of, week_end
from plan import reliefs
from plan.cadence import deadline
from plan.models import Duty, Filing, Plan, Standing, under
from plan.views.filings import WAITS_FOR, waiting_for
from study import progress
from study.models import MemberPlan, PlanItem, Push, WeekItem
from study.models.mobile import addressed_to

FEW_PUSHES = 3
NAMES = 6  # named one by one in a line; more are counted


@dataclass
class Digest:
    """Duties counted together, a line for several of them: how many duties, and whether lines were left out."""

    lines: list[Line] = field(default_factory=list)
    total: int = 0
    is_cut: bool = False


# The homes


def leader_home(access: Access) -> dict[str, Any]:
    """What a branch's secretary, deputy or commissioner finds: one next thing, then the to-do list's groups."""
    groups = todo.groups_of(access, leave_out={"missed"})
    filings = Filing.objects.filter(branch__in=access.leads, member__isnull=True, filed_at__isnull=False)
    recent, in_all = first_of(filings.select_related("branch", "member").order_by("-filed_at", "-pk"), A_FEW)
    return {
        "next": todo.next_of(groups, access.now), **_shown(groups), "pushes": unread_pushes(access),
        "terms": _terms(Branch.objects.filter(pk__in=access.leads), access), "handovers": handover.notices(access),
        "behind": progress.behind(progress.people_of(access.leads, access), access).count(),
        "recent": Group([todo.filing_line(one, sub=_receipt(one)) for one in recent], in_all),
    }  # fmt: skip


def _shown(groups: todo.Groups) -> dict[str, Group]:
    """The four groups as a home shows them: of what comes later only the first."""
    later = groups["later"]
    # Not `now` and `week`, which are the moment and the member's week.
    return {
        "now_group": groups["now"], "late": groups["late"], "week_group": groups["week"],
        "later": Group(later.lines[:A_FEW], later.total),
    }  # fmt: skip


def _receipt(filing: Filing) -> str:
    return f"回执号 {filing.receipt}" if filing.receipt else ""


def member_home(access: Access) -> dict[str, Any]:
    """What a member finds: this week's study, the own plan's course, own duties, the branch's next three dates."""
    plans = MemberPlan.objects.filter(member=access.member_id, plan__year=access.on.year)
    plans = plans.exclude(filing__state=Filing.State.DISCARDED).select_related("filing")
    undone_over = Q(weeks__done_at__isnull=True, weeks__week_on__lt=WeekItem.objects.first_open(access.on))
    plan = plans.annotate(
        weeks_in_all=Count("weeks"),
        weeks_done=Count("weeks", filter=Q(weeks__done_at__isnull=False)),
        weeks_overdue=Count("weeks", filter=undone_over),
        is_ticking=Exists(MemberPlan.objects.filter(progress.ONCE_APPROVED, pk=OuterRef("pk"))),
    ).first()
    monday = access.on - timedelta(days=access.on.weekday())
    groups = todo.groups_of(access, leave_out={"weeks"})  # the week has a card of its own
    return {
        "plan": plan,
        "week": WeekItem.objects.filter(plan=plan, week_on=monday).first() if plan else None,
        "next": todo.next_of(groups, access.now), **_shown(groups), "pushes": unread_pushes(access),
        "dates": _next_dates(access), "handovers": handover.notices(access), "pledges": own_pledges(access),
    }  # fmt: skip


def own_pledges(access: Access) -> Group:
    """The own pledges that are shown, each with the next deadline of what is not yet said to be done."""
    undone = Min("items__due_on", filter=Q(items__done_at__isnull=True))
    rows = Pledge.objects.filter(member=access.member_id, stage__in=life.OPEN).annotate(next_on=undone)
    found, total = first_of(rows.select_related("filing").order_by("valid_until", "pk"), A_FEW)
    lines = []
    for pledge in found:
        due_at = deadline(pledge.next_on) if pledge.next_on and pledge.stage in LIVE else None
        late = due_at is not None and due_at <= access.now
        line = Line(
            pledge.filing.title, pledge.get_absolute_url(), due_at=due_at, code="overdue" if late else "not_due"
        )
        line.text = "" if late else str(pledge.get_stage_display())
        lines.append(line)
    return Group(lines, total)


def unread_pushes(access: Access) -> Group:
    """The newest of what was pushed to the own branch and is not marked as studied."""
    if access.branch is None:
        return Group()
    mine = Push.objects.out(access.now).filter(addressed_to([access.branch.pk])).with_mark_of(access.member_id)
    rows = mine.filter(Q(is_studied=False)).select_related("branch", "committee").defer("text")
    found, total = first_of(rows.order_by("-published_at", "-pk"), FEW_PUSHES)
    lines = [
        Line(
            title=push.title, url=push.get_absolute_url(),
            sub=f"{push.sender}　{cn_moment(push.published_at, access.now)}",
        )
        for push in found
    ]  # fmt: skip
    return Group(lines, total)


def _next_dates(access: Access) -> list[PlanItem]:
    """The next three sittings of the branch's plan, once it was filed; what recurs is no news."""
    return list(
        PlanItem.objects.filter(
            plan__branch=access.branch, plan__filing__first_filed_at__isnull=False, ends_on__gte=access.on,
            scope=PlanItem.Scope.COLLECTIVE, rhythm=PlanItem.Rhythm.ONCE,
        )
        .exclude(plan__filing__state=Filing.State.DISCARDED)
        .order_by("starts_on", "pk")[:3]
    )  # fmt: skip


def office_home(access: Access) -> dict[str, Any]:
    """What the committee's office finds: what waits, what is late, what this week brings, and who is writing."""
    now, week = access.now, week_end(access.on)
    branches = Duty.objects.filter(under(access.office_of), branch__isnull=False, member__isnull=True)
    owed = branches.unsettled(now)
    late = _late_by_branch(owed.filter(late_at__lte=now), now)
    this_week = _due_by_requirement(owed.filter(late_at__gt=now, due_at__lte=week))
    drafts = Filing.objects.filter(
        under(access.office_of), branch__isnull=False, member__isnull=True, state=Filing.State.DRAFT
    ).order_by("-state_since", "-pk")
    waiting = _waiting(access)
    return {
        **_plan_of_the_year(access),
        "waiting": waiting, "late": late, "this_week": this_week,
        "late_all_url": _duties_url(standing="overdue"), "week_all_url": _duties_url(standing="week"),
        "drafts": _unread(drafts),
        "own": _own(access),
        "terms": _terms(Branch.objects.filter(committee__in=access.office_of), access),
        "stats": [
            {"label": "待审", "number": waiting.total, "unit": "件", "url": "#waiting"},
            {"label": "逾期", "number": late.total, "unit": "项", "url": "#late", "tone": "late" if late.total else ""},
            {"label": "本周到期", "number": this_week.total, "unit": "项", "url": "#week"},
        ],
    }  # fmt: skip


def _own(access: Access) -> Group:
    """The first of what the office and the person have to do themselves, whatever the group it stands in."""
    groups = todo.groups_of(access, only={"duties"}).values()
    return Group([line for group in groups for line in group.lines][:A_FEW], sum(group.total for group in groups))


def _terms(branches: QuerySet[Branch], access: Access) -> list[dict[str, str]]:
    """A quiet line for each branch whose term is over or soon will be."""
    return [
        {"branch": branch.name, "url": branch.get_absolute_url(), "text": hint.text}
        for branch, hint in terms_due(branches, access.on)[:A_FEW]
    ]


def _waiting(access: Access) -> Group:
    """The first of the in-tray and of the requests for exemption or more time: what has waited longest comes first."""
    found, total = first_of(waiting_for(access).select_related("committee", "branch", "member"), A_FEW)
    lines: list[tuple[datetime, Line]] = []
    for filing in found:
        line = todo.filing_line(filing)
        line.sub = f"{filing.member or filing.branch or filing.committee}　{filing.get_kind_display()}"
        line.sub += f"　{todo.waited(access, filing.filed_at)}"
        line.text = WAITS_FOR.get(filing.handling, "")
        lines.append((filing.filed_at, line))
    asked, requests = first_of(reliefs.waiting_for(access), A_FEW)
    lines += [(relief.asked_at, todo.relief_line(access, relief)) for relief in asked]
    lines.sort(key=lambda pair: pair[0])
    # Each of the two has a list of its own.
    rest = [(f"免除与延期的申请{requests}件", reverse("plan:relief_list"))] if requests else []
    return Group([line for _, line in lines[:A_FEW]], total + requests, rest)


def _duties_url(**asked: Any) -> str:
    return f"{reverse('plan:duty_list')}?{urlencode(asked | {'whose': 'branch'})}"


class _Together(Func):
    """How many rows all groups hold, beside each of them: a query less than to ask for it alone."""

    function = "SUM"
    window_compatible = True
    output_field = IntegerField()


def _in_all() -> Window:
    return Window(_Together(Count("pk")))


def _late_by_branch(duties: Any, now: datetime) -> Digest:
    """A line for each branch that is late: with what, since when, and how many duties; the oldest deadline first."""
    found = list(
        duties.order_by()
        .values("branch", "branch__name", "branch__code")
        .annotate(n=Count("pk"), since=Min("due_at"), in_all=_in_all())
        .order_by("since", "branch__code")[: A_LIST + 1]
    )
    shown = found[:A_LIST]
    titles: dict[int, list[str]] = {row["branch"]: [] for row in shown}
    named = duties.filter(branch__in=titles).order_by("requirement__position")
    for branch, title, _ in named.values_list("branch", "requirement__title", "requirement__position").distinct():
        titles[branch].append(title)
    lines = [
        Line(
            title=row["branch__name"], url=_duties_url(branch=row["branch"], standing="overdue"),
            sub=_some(titles[row["branch"]], "项要求"), code=Standing.OVERDUE.value,
            text=f"逾期{row['n']}项，最久{days_late(row['since'], now)}天",
        )
        for row in shown
    ]  # fmt: skip
    return Digest(lines, int(found[0]["in_all"]) if found else 0, len(found) > A_LIST)


def _due_by_requirement(duties: Any) -> Digest:
    """A line for each requirement and deadline: which branches still have to, the nearest first."""
    found = list(
        duties.order_by()
        .values("code", "requirement__title", "due_at")
        .annotate(n=Count("pk"), in_all=_in_all())
        .order_by("due_at", "code")[: A_LIST + 1]
    )
    shown = found[:A_LIST]
    names: dict[tuple[str, datetime], list[str]] = {(row["code"], row["due_at"]): [] for row in shown}
    few = {row["code"] for row in shown if row["n"] <= NAMES}
    rows = duties.filter(code__in=few).order_by("branch__code").values_list("code", "due_at", "branch__name")
    for code, due_at, name in rows:
        if name not in names.get((code, due_at), [name]):
            names[code, due_at].append(name)
    lines = [
        Line(
            title=row["requirement__title"], url=_duties_url(code=row["code"], standing="week"),
            sub="、".join(names[row["code"], row["due_at"]]) if row["n"] <= NAMES else f"{row['n']}个党支部",
            due_at=row["due_at"], code=Standing.TODO.value, text=f"待办{row['n']}项",
        )
        for row in shown
    ]  # fmt: skip
    return Digest(lines, int(found[0]["in_all"]) if found else 0, len(found) > A_LIST)


def _some(words: list[str], unit: str) -> str:
    """A few words one by one, the rest as a number."""
    more = len(words) - NAMES
    return "、".join(words[:NAMES]) + (f"等{len(words)}{unit}" if more > 0 else "")


def _unread(drafts: QuerySet[Filing]) -> Group:
    """Which branch is writing what kind of record, and no more: a draft, its title too, is its authors' until sent."""
    found, total = first_of(drafts.select_related("branch"), A_FEW)
    lines = [
        Line(title=draft.get_kind_display(), url="", sub=str(draft.branch), code=draft.state, late=False,
             action_url="", action_label="")
        for draft in found
    ]  # fmt: skip
    return Group(lines, total)


def _plan_of_the_year(access: Access) -> dict[str, Any]:
    """Whether the year has an issued plan; if not, the draft there is."""
    own = access.committee.pk if access.committee and access.committee.pk in access.office_of else min(access.office_of)
    plans = list(Plan.objects.filter(committee=own, year=access.on.year).defer("toml", "source_text"))
    issued = any(plan.is_issued for plan in plans) or _is_planned(own, access)
    draft = next((plan for plan in plans if not plan.is_issued), None)
    return {"year": access.on.year, "has_plan": issued, "draft_plan": None if issued else draft}


def _is_planned(committee_id: int, access: Access) -> bool:
    """Whether a committee above or below speaks for the year, so that nobody waits for this one's plan."""
    near = Plan.objects.issued().filter(year=access.on.year)
    either = Q(pk__in=Plan.objects.over(committee_id).values("pk")) | Q(committee__in=access.office_of)
    return near.filter(either).exists()


def greeting(access: Access) -> str:
    """A line, not a banner: who, and which part of the day it is."""
    hour = localtime(access.now).hour
    part = "上午好" if 5 <= hour < 12 else "下午好" if 12 <= hour < 18 else "晚上好"
    return f"{access.name}同志，{part}。"
