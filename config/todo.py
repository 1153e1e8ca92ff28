"""The one list of what a person has to do: every source of it, in four groups, asked in a fixed number of queries.

The homes show the same groups from here. What is owed is asked in one query; what waits, what was agreed and the
weeks of the own plan come from the other `SOURCES`, a query each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value, When, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils.timezone import localdate, make_aware

from branches.access import Access
from commitments import life
from commitments.models import PledgeItem, Question, Stage
from commitments.stages import LIVE
from plan import reliefs, rhythm
from plan.models import Duty, Filing, Relief, Standing, unsettled
from plan.settling import may_settle, settle_url
from plan.views.filings import WAITS_FOR, waiting_for
from study import follow_ups, make_ups, progress
from study.models import Kind, MemberPlan, WeekItem
from study.today import items_of_today

A_LIST = 20
A_FEW = 8
A_DAY = timedelta(days=1)

# The groups in the order in which a person needs them: what runs out today or lies on the own desk can still be done
# well; what is late is late already; then what the week brings, and the rest.
GROUPS = {"now": "现在要办", "late": "逾期", "week": "本周", "later": "以后"}
# Whose the things are; asked for one of them, the list leaves out the others.
WHOSE = {"mine": "我的", "branch": "支部的", "office": "机关党委的"}


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
    """The first lines of a list, and how many there are in all; `rest` leads to what a source left out."""

    lines: list[Line] = field(default_factory=list)
    total: int = 0
    rest: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_cut(self) -> bool:
        return self.total > self.shown

    @property
    def shown(self) -> int:
        return sum(1 + len(line.also) for line in self.lines)


Groups = dict[str, Group]


def week_end(day: date) -> datetime:
    """The exclusive end of the day's week: the next Monday, 00:00."""
    return midnight(day + timedelta(days=7 - day.weekday()))


def midnight(day: date) -> datetime:
    return make_aware(datetime.combine(day, time.min))


def first_of(rows: QuerySet[Any], limit: int = A_LIST) -> tuple[list[Any], int]:
    """The first rows and the number of all, in one query."""
    found = list(rows.annotate(in_all=Window(Count("pk")))[:limit])
    return found, found[0].in_all if found else 0


# Duties


def still_open(now: datetime) -> Q:
    """Nothing settles it yet, or what did was sent back and lies with its author again."""
    kept = Q(exempted_at__isnull=True) | Q(exempted_at__gt=now)
    return unsettled(now) | (Q(settled_by__state=Filing.State.SENT_BACK) & kept)


def owed_by(access: Access, *, own: bool = True) -> Q:
    """What this person may settle: the own duties, those of the branches led, those of the committee's office."""
    # A commissioner writes the branch's records, and approves nobody's plan.
    approvals = Q(requirement__proof="approvals") & ~Q(branch__in=access.files_for)
    owed = Q(branch__in=access.leads, member__isnull=True) & ~approvals | rhythm.of_committees(access.office_of)
    return owed | Q(member=access.member_id, member__isnull=False) if own else owed


def in_lists(access: Access, *, own: bool = True) -> Any:
    """What the person owes, ready for lines, with `in_list`: its group. What was sent back waits now."""
    now, tomorrow = access.now, midnight(access.on + A_DAY)
    this_week = Q(due_at__lte=week_end(access.on))
    duties: Any = Duty.objects.filter(still_open(now), owed_by(access, own=own))
    if access.office_of:
        # What the committee owes comes into the week on the day on which to begin with it.
        duties = rhythm.with_begin(duties)
        this_week |= rhythm.of_committees(access.office_of) & rhythm.begun(access.on)
    which = Case(
        When(settled_at__lte=now, then=Value("now")),
        When(late_at__lte=now, then=Value("late")),
        When(due_at__lte=tomorrow, then=Value("now")),
        When(this_week, then=Value("week")),
        default=Value("later"),
        output_field=CharField(),
    )
    ready = duties.with_standing(now).with_draft(now).annotate(in_list=which)
    return ready.select_related("requirement", "branch", "committee", "member")


# What has just become late comes first: it can still be mended well. Elsewhere the nearest deadline.
ORDER = [Case(When(in_list="late", then=F("due_at"))).desc(), F("due_at").asc(), F("code").asc(), F("pk").asc()]


def duties_of(access: Access, own: bool) -> Groups:
    rows = in_lists(access, own=own).annotate(
        in_all=Window(Count("pk"), partition_by="in_list"),
        place=Window(RowNumber(), partition_by="in_list", order_by=ORDER),
    )
    groups: Groups = {}
    for duty in rows.filter(place__lte=A_LIST).order_by("in_list", "place"):
        group = groups.setdefault(duty.in_list, Group())
        group.lines.append(duty_line(access, duty))
        group.total = duty.in_all
    return groups


def duty_line(access: Access, duty: Any) -> Line:
    """A duty annotated with standing and draft as a line."""
    code = duty.standing
    if duty.draft_id and code in (Standing.TODO, Standing.NOT_DUE):
        code = Standing.DRAFT.value
    label, url = (settle_url(duty) if may_settle(access, duty) else None) or ("", "")
    parts = [whose_words(access, duty), duty.period]
    if duty.branch_id is None and duty.in_list == "week" and duty.due_at > week_end(access.on):
        parts.append(f"提前{duty.lead}天着手")
    return Line(
        title=duty.requirement.title, url=duty.get_absolute_url(), sub="　".join(filter(None, parts)), code=code,
        # What was sent back was filed once: the first filing decides, and it is not late now.
        due_at=None if code == Standing.SENT_BACK else duty.due_at,
        late=duty.was_late, action_url=url, action_label=label,
    )  # fmt: skip


def whose_words(access: Access, duty: Duty) -> str:
    """Whose it is, where the list holds more than one owner's: 本人, the branch, the committee."""
    if duty.member_id:
        return "本人" if access.leads or access.office_of else ""
    if duty.branch_id:
        return str(duty.branch) if access.office_of or len(access.leads) > 1 else ""
    return duty.committee.short_name or str(duty.committee)


# Filings


def filing_line(filing: Filing, label: str = "", *, sub: str = "") -> Line:
    url = filing.get_absolute_url()
    return Line(
        title=filing.title, url=url, sub=sub, code=filing.state, late=filing.is_late,
        action_url=url if label else "", action_label=label,
    )  # fmt: skip


def filings_of(access: Access, own: bool) -> Groups:
    """What waits at the person's desks, oldest first, and what was sent back that no duty's line speaks of."""
    authors = Q(branch__in=access.leads, member__isnull=True) | Q(committee__in=access.office_of, branch__isnull=True)
    if own:
        authors |= Q(member=access.member_id, member__isnull=False)
    said = Exists(Duty.objects.filter(still_open(access.now), settled_by=OuterRef("pk")))
    back = Q(state=Filing.State.SENT_BACK) & authors & ~said
    waiting = Q(pk__in=waiting_for(access).order_by().values("pk"))
    rows = Filing.objects.filter(back | waiting).annotate(
        in_all=Window(Count("pk"), partition_by="state"),
        place=Window(RowNumber(), partition_by="state", order_by=["state_since", "pk"]),
    )
    group, waits, plans = Group(), 0, 0
    for filing in rows.filter(place__lte=A_FEW).select_related("branch", "member").order_by("-state", "place"):
        if filing.place == 1:
            group.total += filing.in_all
        if filing.state == Filing.State.SENT_BACK:
            group.lines.append(filing_line(filing, "查看意见并补正"))
            continue
        waits, plans = filing.in_all, plans + (filing.kind == Filing.Kind.MEMBER_PLAN)
        group.lines.append(_waiting_line(access, filing))
    if plans > 1 and access.files_for:
        group.rest.append(("党员的计划可以集中审定", reverse("study:plan_review")))
    if waits > A_FEW:
        group.rest.append((f"待审共{waits}件，这里列出先报的{A_FEW}件，打开全部待审", reverse("plan:intray")))
    return {"now": group}


def _waiting_line(access: Access, filing: Filing) -> Line:
    owner = str(filing.member or filing.branch or filing.committee)
    parts = [owner if owner not in filing.title else "", waited(access, filing.filed_at)]
    label = "打开审定" if filing.handling == "approve" else "打开备案"
    line = filing_line(filing, label, sub="　".join(filter(None, parts)))
    line.text = WAITS_FOR.get(filing.handling, "")
    return line


def waited(access: Access, since: datetime | None, today: str = "今天报来") -> str:
    """For how many days something has been waiting."""
    days = (access.on - localdate(since)).days if since else 0
    return f"已等{days}天" if days else today


def relief_line(access: Access, relief: Relief) -> Line:
    url, whose = relief.get_absolute_url(), str(relief.branch) if relief.branch else "全部支部"
    return Line(
        str(relief), url, f"{whose}　{waited(access, relief.asked_at, '今天提出')}", code="filed",
        text=relief.get_state_display(), action_url=url, action_label="打开审批",
    )  # fmt: skip


def reliefs_of(access: Access, own: bool) -> Groups:
    """Requests for exemption or more time that wait for this person's decision, the earliest asked first."""
    found, total = first_of(reliefs.waiting_for(access), A_FEW)
    lines = [relief_line(access, relief) for relief in found]
    rest = [(f"待批共{total}件，这里列出先提的{A_FEW}件", reverse("plan:relief_list"))] if total > A_FEW else []
    return {"now": Group(lines, total, rest)} if total else {}


# What else there is to do


def activities_of(access: Access, own: bool) -> Groups:
    """What the branch's plan has for today and nobody has sent yet: one tap from the form with all that is known."""
    lines = []
    for item in items_of_today(access.leads, access.on)[:A_FEW] if access.leads else ():
        kinds = "、".join(Kind(kind).label for kind in item.kinds)
        label, url = "记录这次活动", f"{reverse('study:gathering_new')}?{urlencode({'item': item.pk})}"
        if item.draft_id:
            label, url = "继续填写", reverse("study:gathering_edit", args=[item.draft_id])
        sub = "　".join(part for part in (kinds, item.place) if part)
        lines.append(Line(item.topic, url, sub, code="todo", text="今天的活动", action_url=url, action_label=label))
    return {"now": Group(lines, len(lines))}


def weeks_of(access: Access, own: bool) -> Groups:
    """This week of the own approved plan, and the weeks before it that are not ticked off."""
    plans = MemberPlan.objects.filter(progress.ONCE_APPROVED, member=access.member_id, plan__year=access.on.year)
    plans = plans.exclude(filing__state=Filing.State.DISCARDED)
    monday = access.on - timedelta(days=access.on.weekday())
    weeks = list(
        WeekItem.objects.filter(plan__in=plans, done_at__isnull=True, week_on__lte=monday).order_by("-week_on")
    )
    url = reverse("study:member_plan")
    groups: Groups = {}
    this = [week for week in weeks if week.week_on == monday]
    if this:
        line = Line("本周自学", url, this[0].content, week_end(access.on), "todo", "", False, url, "完成本周学习")
        groups["now" if access.on.weekday() == 6 else "week"] = Group([line], 1)
    if over := len(weeks) - len(this):
        url += "#overdue"
        line = Line(
            "补记前几周的自学", url, code="overdue", text=f"{over}周未完成", action_url=url, action_label="去补记"
        )
        groups["late"] = Group([line], 1)
    return groups


def agreed_of(access: Access, own: bool) -> Groups:
    """What was agreed at a meeting that this person sees to (议定事项)."""
    url, agreed = reverse("study:follow_ups"), cast("QuerySet[Any]", follow_ups.own_open(access))
    groups: Groups = {}
    for one in agreed[:A_LIST]:
        due_at = midnight(one.due_on + A_DAY)
        late = due_at <= access.now
        name = "late" if late else "now" if due_at <= midnight(access.on + A_DAY) else _by_week(access, due_at)
        group = groups.setdefault(name, Group())
        group.lines.append(
            Line(one.text, url, f"我负责的议定事项　{one.gathering.title}", due_at, "overdue" if late else "todo",
                 action_url=url, action_label="去办结")
        )  # fmt: skip
        group.total += 1
    return groups


def _by_week(access: Access, due_at: datetime) -> str:
    return "week" if due_at <= week_end(access.on) else "later"


def missed_of(access: Access, own: bool) -> Groups:
    """Missed studies: the branch's leaders write down how they were made up; the others are told what they owe."""
    if access.leads:
        found = make_ups.open_in(access.leads, access.on).order_by().count()
        url, sub = reverse("study:make_ups"), f"{found}人次还没有登记"
        line = Line("登记缺席学习的补学", url, sub, code="todo", action_url=url, action_label="登记补学")
        return {"later": Group([line], 1)} if found else {}
    lines = [
        Line(one.gathering.title, "", "补学后请支部登记", code="todo", text="待补学")
        for one in (make_ups.own_open(access)[:A_FEW] if own else ())
    ]
    return {"later": Group(lines, len(lines))}


# Pledges


def pledges_of(access: Access, own: bool) -> Groups:
    """What was promised for a day and is not said to be done; and pledges that wait for a word of this person.

    One query of their items: a pledge that waits is told of by its first.
    """
    asked = Question.objects.filter(pledge=OuterRef("pledge"), answered_at__isnull=True)
    mine = Q(pledge__member__isnull=True, pledge__branch__in=access.leads)
    says = Q()
    if own:
        mine |= Q(pledge__member=access.member_id, pledge__member__isnull=False)
        says = Q(pledge__in=life.to_say(access))
    # What the branch judges of its members stands as its duty, where a plan asks for it.
    owed = Exists(Duty.objects.filter(occasion=OuterRef("pledge__filing"), settled_at__isnull=True))
    branchs = Q(pledge__filing__desk=Filing.Desk.BRANCH, pledge__branch__in=access.files_for)
    desk = Q(pledge__filing__desk=Filing.Desk.OFFICE, pledge__filing__committee__in=access.office_of)
    desk |= branchs & ~owed & ~Q(pledge__member=access.member_id, pledge__member__isnull=False)
    first = ~Exists(PledgeItem.objects.filter(pledge=OuterRef("pledge"), position__lt=OuterRef("position")))
    whens = [
        When(mine & Q(pledge__stage__in=life.OPEN) & Exists(asked) & first, then=Value("answer")),
        When(desk & Q(pledge__stage=Stage.JUDGING) & first, then=Value("decide")),
        *([When(says & first, then=Value("say"))] if says else []),
    ]
    due = mine & Q(pledge__stage__in=LIVE, due_on__isnull=False, done_at__isnull=True)
    rows = PledgeItem.objects.annotate(
        to_do=Case(*whens, default=Value(""), output_field=CharField()),
        is_due=Case(When(due, then=Value(True)), default=Value(False)),
    ).exclude(to_do="", is_due=False)
    rows = rows.annotate(waits=Case(When(to_do="", then=Value(0)), default=Value(1)))
    rows = rows.annotate(waiting=Window(Sum("waits"))).select_related("pledge__filing", "pledge__branch")
    found = list(cast("QuerySet[Any]", rows.order_by("-waits", "due_on", "pk"))[: A_LIST + A_FEW])
    waiting = found[0].waiting if found else 0
    rest = [(f"有{waiting}份承诺等您办理，这里列出先到的{A_FEW}份", life.wall_url())] if waiting > A_FEW else []
    groups = {"now": Group([_pledge_line(access, one) for one in found if one.to_do][:A_FEW], waiting, rest)}
    for line in (_item_line(access, one) for one in found if one.is_due):
        group = groups.setdefault(line_group(access, line), Group())
        group.lines.append(line)
        group.total += 1
    return groups


WAITING_PLEDGES = {
    "answer": ("有意见待答复", "去答复", "#questions"), "decide": ("待评定", "去评定", "#decide"),
    "say": ("请互评", "去评价", "#say"),
}  # fmt: skip


def _pledge_line(access: Access, item: Any) -> Line:
    """A pledge that waits for an answer, for the decision, or for the peer's word."""
    pledge = item.pledge
    text, label, part = WAITING_PLEDGES[item.to_do]
    url, title = pledge.get_absolute_url(), pledge.filing.title
    branch = pledge.branch.name if access.office_of and pledge.branch.name not in title else ""
    return Line(title, url, branch, code="todo", text=text, action_url=url + part, action_label=label)


def _item_line(access: Access, item: Any) -> Line:
    """Something promised for a day."""
    due_at, pledge = midnight(item.due_on + A_DAY), item.pledge
    url = f"{pledge.get_absolute_url()}#item-{item.pk}"
    whose = "我的承诺" if pledge.member_id else f"{pledge.branch.name}的承诺"
    code = "overdue" if due_at <= access.now else "not_due"
    return Line(item.text, url, f"{whose}第{item.position}项", due_at, code, action_url=url, action_label="写进展")


def line_group(access: Access, line: Line) -> str:
    """The group to which a line with a deadline belongs."""
    if line.due_at is None or line.due_at > midnight(access.on + A_DAY):
        return _by_week(access, line.due_at) if line.due_at else "later"
    return "late" if line.due_at <= access.now else "now"


# All of it


@dataclass(frozen=True)
class Source:
    """Where things to do come from: `run(access, own)` gives groups; `own`: whether the person's own are asked too."""

    name: str
    run: Callable[[Access, bool], Groups]
    is_own: bool = False  # speaks of nothing but the person's own


SOURCES = [
    Source("activities", activities_of),
    Source("filings", filings_of),
    Source("reliefs", reliefs_of),
    Source("duties", duties_of),
    Source("weeks", weeks_of, is_own=True),
    Source("agreed", agreed_of, is_own=True),
    Source("missed", missed_of),
    Source("pledges", pledges_of),
]


def sides_of(access: Access) -> list[str]:
    """Whose things this person has to do: the choices of the filter."""
    held = {"mine": bool(access.branch), "branch": bool(access.leads), "office": bool(access.office_of)}
    return [name for name in WHOSE if held[name]]


def narrowed(access: Access, whose: str) -> Access:
    """The same person with only those posts that concern one side."""
    none: frozenset[int] = frozenset()
    if whose in ("mine", "office"):
        access = replace(access, secretary_of=none, deputy_of=none, commissioner_of=none)
    if whose in ("mine", "branch"):
        access = replace(access, office_of=none)
    return access


def groups_of(
    access: Access, *, whose: str = "", only: Collection[str] = (), leave_out: Collection[str] = ()
) -> Groups:
    """The four groups with their first lines; of the sources only those, or all but some, are asked."""
    near, own = narrowed(access, whose), whose in ("", "mine")
    groups = {name: Group() for name in GROUPS}
    for source in SOURCES:
        if source.name in leave_out or (only and source.name not in only) or (source.is_own and not own):
            continue
        for name, found in source.run(near, own).items():
            group = groups[name]
            group.lines += found.lines
            group.total += found.total
            group.rest += found.rest
    return {name: sorted_group(name, together(group)) for name, group in groups.items()}


def sorted_group(name: str, group: Group) -> Group:
    """By deadline where the group goes by it; what waits now keeps the order of its sources."""
    if name != "now":
        sign = -1 if name == "late" else 1
        group.lines.sort(key=lambda line: (line.due_at is None, sign * line.due_at.timestamp() if line.due_at else 0))
    return group


def together(group: Group) -> Group:
    """Duties that one record settles, as the three that a branch's plan does, become one line that names the others."""
    lines: list[Line] = []
    for line in group.lines:
        first = next((one for one in lines if _is_same(one, line)), None)
        if first is None:
            lines.append(line)
        else:
            first.sub += f"{'、' if first.also else '　一并完成：'}{line.title}"
            first.also.append(line.url)
    return replace(group, lines=lines)


def _is_same(one: Line, other: Line) -> bool:
    return bool(other.action_url) and (one.action_url, one.due_at) == (other.action_url, other.due_at)


def next_of(groups: Groups, now: datetime) -> Line | None:
    """The one next thing: what runs out today, what has just become late, this week's, and only then the rest."""
    fresh = [line for line in groups["late"].lines if line.due_at and line.due_at > now - timedelta(days=31)]
    own = [line for line in groups["now"].lines if line.code != Filing.State.FILED]
    rest: Iterable[list[Line]] = (groups[name].lines for name in ("late", "now", "later"))
    lists = [own, fresh, groups["week"].lines, *rest]
    return next((line for lines in lists for line in lines if line.action_url), None)


# One group alone, by pages


def duties_in(access: Access, name: str, whose: str = "") -> Any:
    """The duties of one group in its order, for pages of them."""
    return in_lists(narrowed(access, whose), own=whose in ("", "mine")).filter(in_list=name).order_by(*ORDER)
