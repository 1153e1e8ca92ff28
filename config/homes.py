"""The questions of the homes: what is late, what comes next, what waits, asked in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, CharField, Count, Exists, F, Min, OuterRef, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils.timezone import localdate, localtime, make_aware

from branches.access import Access
from branches.models import Branch
from branches.organization import terms_due
from branches.templatetags.portal import cn_moment, days_late
from config import handover
from plan.models import Duty, Filing, Plan, Standing, under, unsettled
from plan.settling import may_settle, settle_url
from plan.views.filings import WAITS_FOR, waiting_for
from study import follow_ups, make_ups, progress
from study.models import Kind, MemberPlan, PlanItem, Push, WeekItem
from study.models.mobile import addressed_to
from study.today import items_of_today

A_LIST = 20
A_FEW = 8
FEW_PUSHES = 3
A_MONTH = timedelta(days=31)
NAMES = 6  # named one by one in a line; more are counted


@dataclass
class Line:
    """One line of a to-do list: what, by when, how it stands, and the one button."""

    title: str
    url: str
    sub: str = ""
    due_at: datetime | None = None
    code: str = ""
    text: str = ""  # other words than the standing's own
    late: bool = False
    action_url: str = ""
    action_label: str = ""
    also: list[str] = field(default_factory=list)  # the addresses of what the same record settles


@dataclass
class Group:
    """The first lines of a list, and how many there are in all."""

    lines: list[Line] = field(default_factory=list)
    total: int = 0

    @property
    def is_cut(self) -> bool:
        return self.total > self.shown

    @property
    def shown(self) -> int:
        return sum(1 + len(line.also) for line in self.lines)


@dataclass
class Digest:
    """Duties counted together, a line for several of them: how many duties, and whether lines were left out."""

    lines: list[Line] = field(default_factory=list)
    total: int = 0
    is_cut: bool = False


def week_end(day: date) -> datetime:
    """The exclusive end of the day's week: the next Monday, 00:00."""
    return make_aware(datetime.combine(day + timedelta(days=7 - day.weekday()), time.min))


def month_end(day: date) -> datetime:
    """The exclusive end of the day's month: the first of the next, 00:00."""
    return make_aware(datetime.combine((day.replace(day=1) + timedelta(days=31)).replace(day=1), time.min))


def first_of(rows: QuerySet[Any], limit: int = A_LIST) -> tuple[list[Any], int]:
    """The first rows and the number of all, in one query."""
    found = list(rows.annotate(in_all=Window(Count("pk")))[:limit])
    return found, found[0].in_all if found else 0


# Duties


def _ready(duties: Any, now: datetime) -> QuerySet[Duty]:
    """With all that a line reads, the most urgent first."""
    annotated = duties.with_standing(now).with_draft(now)
    return annotated.select_related("requirement", "branch", "committee", "member").order_by("due_at", "code", "pk")


def _duty_group(access: Access, duties: Any, *, limit: int = A_LIST, whose: bool = False) -> Group:
    rows, total = first_of(_ready(duties, access.now), limit)
    return Group([duty_line(access, duty, whose=whose) for duty in rows], total)


def _duty_groups(access: Access, lists: dict[str, Q], *, newest: str) -> dict[str, Group]:
    """The first lines of several lists that no duty shares, in one query: the most urgent first.

    In the list `newest` what fell due last comes first: what has just become late can still be mended well.
    """
    which = Case(*(When(asked, then=Value(name)) for name, asked in lists.items()), output_field=CharField())
    by_day = [Case(When(in_list=newest, then=F("due_at"))).desc(), F("due_at").asc(), F("code").asc(), F("pk").asc()]
    ready = _ready(Duty.objects.filter(Q(*lists.values(), _connector=Q.OR)), access.now)
    rows = ready.annotate(in_list=which).annotate(
        in_all=Window(Count("pk"), partition_by="in_list"),
        place=Window(RowNumber(), partition_by="in_list", order_by=by_day),
    )
    groups = {name: Group() for name in lists}
    for duty in rows.filter(place__lte=A_LIST).order_by("in_list", "place"):
        group = groups[duty.in_list]
        group.lines.append(duty_line(access, duty))
        group.total = duty.in_all
    return groups


def duty_line(access: Access, duty: Any, *, whose: bool = False) -> Line:
    """A duty annotated with standing and draft as a line; `whose` names its owner."""
    code = duty.standing
    if duty.draft_id and code in (Standing.TODO, Standing.NOT_DUE):
        code = Standing.DRAFT.value
    label, url = (settle_url(duty) if may_settle(access, duty) else None) or ("", "")
    sub = f"{duty.owner}　{duty.period}" if whose else duty.period
    return Line(
        title=duty.requirement.title, url=duty.get_absolute_url(), sub=sub, code=code,
        # What was sent back was filed once: the first filing decides, and it is not late now.
        due_at=None if code == Standing.SENT_BACK else duty.due_at,
        late=duty.was_late, action_url=url, action_label=label,
    )  # fmt: skip


def _open(now: datetime) -> Q:
    """Nothing settles it yet, or what did was sent back and lies with its author again."""
    kept = Q(exempted_at__isnull=True) | Q(exempted_at__gt=now)
    return unsettled(now) | (Q(settled_by__state=Filing.State.SENT_BACK) & kept)


def own_duties(access: Access) -> Group:
    """What the person owes as a member."""
    return _duty_group(access, Duty.objects.filter(_open(access.now), member=access.member_id))


# Filings


def _filing_group(rows: QuerySet[Filing], *, limit: int = A_LIST, label: str = "", whose: bool = False) -> Group:
    found, total = first_of(rows.select_related("branch", "member"), limit)
    return Group([_filing_line(filing, label, whose) for filing in found], total)


def _filing_line(filing: Filing, label: str, whose: bool) -> Line:
    owner = str(filing.member or filing.branch or "") if whose else ""
    owner = "" if owner in filing.title else owner
    receipt = f"回执号 {filing.receipt}" if filing.receipt else ""
    url = filing.get_absolute_url()
    return Line(
        title=filing.title, url=url, sub="　".join(part for part in (owner, receipt) if part), code=filing.state,
        late=filing.is_late, action_url=url if label else "", action_label=label,
    )  # fmt: skip


# The homes


def leader_home(access: Access) -> dict[str, Any]:
    """What a branch's secretary, deputy or commissioner finds: one next thing, then the lists under it."""
    now, week, month = access.now, week_end(access.on), month_end(access.on)
    own = Q(branch__in=access.leads, member__isnull=True) & unsettled(now)
    to_come = own & Q(late_at__gt=now)
    groups = _duty_groups(access, {
        "late": own & Q(late_at__lte=now),
        "this_week": to_come & Q(due_at__lte=week),
        "this_month": to_come & Q(due_at__gt=week, due_at__lte=month),
        "later": to_come & Q(due_at__gt=max(week, month)),
        "mine": _open(now) & Q(member=access.member_id),
    }, newest="late")  # fmt: skip
    late, this_week, this_month = (_together(groups[name]) for name in ("late", "this_week", "this_month"))
    later, mine = Group(groups["later"].lines[:A_FEW], groups["later"].total), groups["mine"]
    filings = Filing.objects.filter(branch__in=access.leads, member__isnull=True)
    sent_back = _filing_group(
        filings.filter(state=Filing.State.SENT_BACK).order_by("state_since", "pk"), label="查看意见并补正"
    )
    waiting = Filing.objects.waiting_at_branch(access.files_for).exclude(member=access.member_id)
    fresh = [line for line in late.lines if line.due_at and line.due_at > now - A_MONTH]
    lists = [sent_back.lines, fresh, *(group.lines for group in (this_week, late, this_month, mine, later))]
    return {
        "next": today_line(access) or next((line for lines in lists for line in lines if line.action_url), None),
        "late": late, "sent_back": sent_back, "this_week": this_week, "this_month": this_month, "later": later,
        "mine": mine, "pushes": unread_pushes(access), "waiting": _filing_group(waiting, label="打开审定", whose=True),
        "terms": _terms(Branch.objects.filter(pk__in=access.leads), access), "handovers": handover.notices(access),
        "behind": progress.behind(progress.people_of(access.leads, access), access).count(),
        "recent": _filing_group(filings.filter(filed_at__isnull=False).order_by("-filed_at", "-pk"), limit=A_FEW),
        **_own_study(access),
    }  # fmt: skip


def today_line(access: Access) -> Line | None:
    """What the branch's plan has for today and nobody has sent yet: one tap from the form with all that is known."""
    item = items_of_today(access.leads, access.on).first()
    if item is None:
        return None
    kinds = "、".join(Kind(kind).label for kind in item.kinds)
    label, url = "记录这次活动", f"{reverse('study:gathering_new')}?{urlencode({'item': item.pk})}"
    if item.draft_id:
        label, url = "继续填写", reverse("study:gathering_edit", args=[item.draft_id])
    return Line(
        title=item.topic, url=url, sub="　".join(part for part in (kinds, item.place) if part), text="今天",
        action_url=url, action_label=label,
    )  # fmt: skip


def _together(group: Group) -> Group:
    """Duties that one record settles, as the three that a branch's plan does, become one line that names the others."""
    lines: list[Line] = []
    for line in group.lines:
        same = (
            one for one in lines if line.action_url and (one.action_url, one.due_at) == (line.action_url, line.due_at)
        )
        first = next(same, None)
        if first is None:
            lines.append(line)
        else:
            first.sub += f"{'、' if first.also else '　一并完成：'}{line.title}"
            first.also.append(line.url)
    return Group(lines, group.total)


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
    return {
        "plan": plan,
        "week": WeekItem.objects.filter(plan=plan, week_on=monday).first() if plan else None,
        "mine": own_duties(access), "pushes": unread_pushes(access),
        "dates": _next_dates(access), "handovers": handover.notices(access), **_own_study(access),
    }  # fmt: skip


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


def _own_study(access: Access) -> dict[str, Any]:
    """What the member missed and has not made up, and what was agreed that the member sees to."""
    return {
        "owed_study": list(make_ups.own_open(access)[:A_FEW]),
        "own_follow_ups": list(follow_ups.own_open(access)[:A_FEW]),
    }


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
    own = Duty.objects.filter(_open(now)).filter(
        Q(committee__in=access.office_of, branch__isnull=True)
        | Q(branch__in=access.leads, member__isnull=True)
        | Q(member=access.member_id)
    )
    drafts = Filing.objects.filter(
        under(access.office_of), branch__isnull=False, member__isnull=True, state=Filing.State.DRAFT
    ).order_by("-state_since", "-pk")
    waiting = _waiting(access)
    overdue, due = Q(late_at__lte=now), Q(late_at__gt=now, due_at__lte=week)
    in_all = owed.aggregate(late=Count("pk", filter=overdue), week=Count("pk", filter=due))
    late = _late_by_branch(owed.filter(overdue), now, in_all["late"])
    this_week = _due_by_requirement(owed.filter(due), in_all["week"])
    return {
        **_plan_of_the_year(access),
        "waiting": waiting, "late": late, "this_week": this_week,
        "late_all_url": _duties_url(standing="overdue"), "week_all_url": _duties_url(standing="week"),
        "drafts": _unread(drafts),
        "own": _duty_group(access, own, whose=True, limit=A_FEW),
        "terms": _terms(Branch.objects.filter(committee__in=access.office_of), access),
        "stats": [
            {"label": "待审", "number": waiting.total, "unit": "件", "url": "#waiting"},
            {"label": "逾期", "number": late.total, "unit": "项", "url": "#late", "tone": "late" if late.total else ""},
            {"label": "本周到期", "number": this_week.total, "unit": "项", "url": "#week"},
        ],
    }  # fmt: skip


def _terms(branches: QuerySet[Branch], access: Access) -> list[dict[str, str]]:
    """A quiet line for each branch whose term is over or soon will be."""
    return [
        {"branch": branch.name, "url": branch.get_absolute_url(), "text": hint.text}
        for branch, hint in terms_due(branches, access.on)[:A_FEW]
    ]


def _waiting(access: Access) -> Group:
    """The first of the in-tray, each with how long it has been waiting."""
    found, total = first_of(waiting_for(access).select_related("committee", "branch", "member"), A_FEW)
    lines = []
    for filing in found:
        line = _filing_line(filing, "", whose=True)
        days = (access.on - localdate(filing.filed_at)).days
        line.sub = f"{filing.member or filing.branch or filing.committee}　{filing.get_kind_display()}"
        line.sub += f"　已等{days}天" if days else "　今天报来"
        line.text = WAITS_FOR.get(filing.handling, "")
        lines.append(line)
    return Group(lines, total)


def _duties_url(**asked: Any) -> str:
    return f"{reverse('plan:duty_list')}?{urlencode(asked | {'whose': 'branch'})}"


def _late_by_branch(duties: Any, now: datetime, total: int) -> Digest:
    """A line for each branch that is late: with what, since when, and how many duties; the oldest deadline first."""
    found = list(
        duties.order_by()
        .values("branch", "branch__name", "branch__code")
        .annotate(n=Count("pk"), since=Min("due_at"))
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
    return Digest(lines, total, len(found) > A_LIST)


def _due_by_requirement(duties: Any, total: int) -> Digest:
    """A line for each requirement and deadline: which branches still have to, the nearest first."""
    found = list(
        duties.order_by()
        .values("code", "requirement__title", "due_at")
        .annotate(n=Count("pk"))
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
    return Digest(lines, total, len(found) > A_LIST)


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
