"""The health check's rules about what is owed and what was sent: drafts, desks, duties nobody can settle, calendars."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from branches.checkup import Finding, Level, Rule, Scope, day_of, days_since
from branches.checkup_rules import FILERS, OFFICE, SECRETARY, SYSADMIN, counted, usable
from branches.models import Branch, Committee, Member, Membership, Post, on_day
from plan.cadence import days_label
from plan.models import Duty, Filing, Plan, Relief, Requirement, SpecialDay, unsettled
from plan.settling import BY_ITSELF, RECORDS
from plan.workdays import ONE_DAY, noticed, unknown_years

A_WEEK = timedelta(days=7)
# After an exemption ended its people are reminded for so long that things are asked of them again.
AGAIN = timedelta(days=14)
# From this month on the next year is asked about: its plan is due, and the holiday notice is out.
NEXT_YEAR_FROM = 11
# Proofs that have a page, or that come about by themselves; a plan may name one that the portal has no page for yet.
WITH_PAGE = (*RECORDS, "branch_plan", "member_plan", *BY_ITSELF)


# ------------------------------------------------------------------------------------------------- drafts and desks


def _filings(scope: Scope) -> QuerySet[Filing]:
    """The filings of the branches looked at, whatever their state."""
    return Filing.objects.filter(scope.of("branch")).select_related("branch", "member", "committee")


def old_drafts(scope: Scope) -> QuerySet[Filing]:
    old = _filings(scope).filter(state=Filing.State.DRAFT, created_at__lte=scope.now - A_WEEK)
    return old.order_by("created_at", "pk")


def say_draft(filing: Any, scope: Scope) -> Finding:
    """To those who write it by its title; to everybody else that there is one, and how old it is."""
    age = f"起草于{day_of(filing.created_at, scope.on)}，{days_since(filing.created_at, scope.now)}天没有报送"
    mine = filing.branch_id in scope.access.leads and filing.member_id is None
    if mine or (filing.member_id is not None and filing.member_id == scope.access.member_id):
        return Finding(f"草稿“{filing.title}”{age}。", filing.get_absolute_url(), filing.branch.name)
    whose = "的党员" if filing.member_id else ""
    words = f"{filing.branch.name}{whose}有1份{filing.get_kind_display()}草稿，{age}。"
    who = "党员本人" if filing.member_id else ""
    return Finding(words, filing.branch.get_absolute_url(), filing.branch.name, who=who)


def sent_back(scope: Scope) -> QuerySet[Filing]:
    rows = _filings(scope).filter(state=Filing.State.SENT_BACK, state_since__lte=scope.now - A_WEEK)
    return rows.order_by("state_since", "pk")


def say_sent_back(filing: Any, scope: Scope) -> Finding:
    days = days_since(filing.state_since, scope.now)
    words = f"“{filing.title}”{day_of(filing.state_since, scope.on)}退回，{days}天没有再报。"
    return Finding(words, filing.get_absolute_url(), filing.branch.name, who="党员本人" if filing.member_id else "")


def long_at_desk(scope: Scope) -> QuerySet[Filing]:
    rows = _filings(scope).filter(state=Filing.State.FILED, filed_at__lte=scope.now - A_WEEK)
    return rows.exclude(desk=Filing.Desk.NONE).order_by("filed_at", "pk")


def say_at_desk(filing: Any, scope: Scope) -> Finding:
    days = days_since(filing.filed_at, scope.now)
    words = f"“{filing.title}”{day_of(filing.filed_at, scope.on)}报到{filing.desk_name}，{days}天没有办理。"
    who = OFFICE if filing.desk == Filing.Desk.OFFICE else SECRETARY
    return Finding(words, filing.get_absolute_url(), filing.branch.name, who=who)


def no_approver(scope: Scope) -> QuerySet[Filing]:
    """Members' plans that wait with a branch in which nobody may approve them."""
    approver = Post.objects.filter(on_day(scope.on), branch=OuterRef("branch"), kind__in=FILERS)
    rows = _filings(scope).filter(kind=Filing.Kind.MEMBER_PLAN, state=Filing.State.FILED, desk=Filing.Desk.BRANCH)
    return rows.filter(~Exists(approver)).order_by("filed_at", "pk")


def say_no_approver(filing: Any, scope: Scope) -> Finding:
    words = f"“{filing.title}”已报到{filing.branch.name}，支部没有能审定的书记或副书记。"
    return Finding(words, filing.get_absolute_url(), filing.branch.name)


# ----------------------------------------------------------------------------------------------- duties left hanging


def _open_duties(scope: Scope) -> QuerySet[Duty]:
    return Duty.objects.filter(unsettled(scope.now))


def left_behind(scope: Scope) -> QuerySet[Duty]:
    """What is still owed by members who are on the roster of the duty's branch no more."""
    here = Membership.objects.filter(on_day(scope.on), member=OuterRef("member"), branch=OuterRef("branch"))
    open_branch = Q(branch__closed_on__isnull=True) | Q(branch__closed_on__gt=scope.on)
    rows = _open_duties(scope).filter(scope.of("branch"), open_branch, member__isnull=False).filter(~Exists(here))
    return rows.select_related("member", "branch", "requirement").order_by("branch__code", "member__name_key", "due_at")


def say_left_behind(duty: Any, scope: Scope) -> Finding:
    words = f"{duty.member.name}已不在{duty.branch.name}，名下还有未办结的“{duty.requirement.title}”（{duty.period}）。"
    return Finding(words, duty.get_absolute_url(), duty.branch.name)


def of_closed(scope: Scope) -> QuerySet[Any]:
    owed = _open_duties(scope).filter(Q(starts_on__lte=scope.on) | Q(due_at__lte=scope.now))
    rows = Branch.objects.filter(scope.of(), closed_on__lte=scope.on).order_by("committee", "code", "pk")
    return rows.annotate(owed=counted(owed, "branch")).filter(owed__gt=0)


def say_of_closed(branch: Any, scope: Scope) -> Finding:
    url = f"{reverse('plan:duty_list')}?branch={branch.pk}&standing=open"
    words = f"{branch.name}已于{day_of(branch.closed_on, scope.on)}撤销，还有{branch.owed}项任务没有办结。"
    return Finding(words, url, branch.name)


def without_account(scope: Scope) -> QuerySet[Any]:
    """Members on a roster today who owe something and whom nothing lets in."""
    here = Membership.objects.filter(on_day(scope.on), scope.of("branch"), member=OuterRef("pk"))
    rows = Member.objects.filter(Exists(here)).filter(~Exists(usable("pk"))).select_related("user")
    owed = _open_duties(scope).filter(due_at__lte=scope.now + A_WEEK)
    rows = rows.annotate(owed=counted(owed, "member"), branch_name=Subquery(here.values("branch__name")[:1]))
    return rows.filter(owed__gt=0).order_by("branch_name", "name_key", "pk")


def say_without_account(member: Any, scope: Scope) -> Finding:
    user = getattr(member, "user", None)
    state = "没有账号" if user is None else "账号已暂停" if not user.is_active else "账号没有激活"
    cure = "恢复账号；不再使用的，请核对组织关系。" if state == "账号已暂停" else ""
    words = f"{member.name}{state}，有{member.owed}项任务一周内到期或已逾期，本人无法办理。"
    return Finding(words, reverse("branches:member_detail", args=[member.pk]), member.branch_name, cure)


def no_page(scope: Scope) -> QuerySet[Any]:
    """Requirements with duties open in the branches looked at, proved by something the portal has no page for."""
    owed = _open_duties(scope).filter(scope.of("branch"), due_at__lte=scope.now + A_WEEK, requirement=OuterRef("pk"))
    count = owed.order_by().values("requirement").annotate(n=Count("pk"))
    rows = Requirement.objects.exclude(proof__in=WITH_PAGE).defer("data", "quotes")
    rows = rows.annotate(owed=Coalesce(Subquery(count.values("n"), output_field=IntegerField()), 0))
    return rows.filter(Exists(owed)).order_by("plan", "position")


def say_no_page(requirement: Any, scope: Scope) -> Finding:
    words = f"{requirement.code}“{requirement.title}”有{requirement.owed}项一周内到期或已逾期，系统里还没有办理页面。"
    return Finding(words, requirement.get_absolute_url())


def relief_over(scope: Scope) -> QuerySet[Any]:
    """Extensions whose new day has passed with something still owed, and exemptions that ended in the last weeks."""
    mine = scope.of("branch") | Q(branch__isnull=True, committee__in=scope.committees)
    rows = Relief.objects.filter(mine, state=Relief.State.GRANTED)
    owed = Duty.objects.filter(unsettled(scope.now), changes__relief=OuterRef("pk"))
    extended = Q(kind=Relief.Kind.EXTEND, due_on__lt=scope.on) & Q(Exists(owed))
    exempted = Q(kind=Relief.Kind.EXEMPT, until_on__lt=scope.on, until_on__gte=scope.on - AGAIN)
    return rows.filter(extended | exempted).select_related("branch", "committee").order_by("until_on", "pk")


def say_relief_over(relief: Relief, scope: Scope) -> Finding:
    where = relief.branch.name if relief.branch else ""
    whose = where or "全部支部"
    if relief.kind == Relief.Kind.EXTEND:
        words = f"{whose}延期到{day_of(relief.due_on, scope.on)}的任务已经到期，还没有全部办结。"
    else:
        words = f"{whose}的免除（{relief}）到{day_of(relief.until_on, scope.on)}止，以后到期的要照常办理。"
    url = f"{reverse('plan:duty_list')}?standing=open" + (f"&branch={relief.branch_id}" if where else "")
    return Finding(words, url, where)


# ------------------------------------------------------------------------------------------------ plans and calendars


def no_plan(scope: Scope) -> list[tuple[Committee, int]]:
    """The committees with branches of their own whom no issued plan asks this year, or, late in the year, the next."""
    years = [scope.on.year] + [scope.on.year + 1] * (scope.on.month >= NEXT_YEAR_FROM)
    open_branch = Branch.objects.existing_on(scope.on).filter(committee=OuterRef("pk"))
    rows = Committee.objects.filter(pk__in=scope.committees).filter(Exists(open_branch)).order_by("pk")
    over = Q(committee=OuterRef("pk")) | Q(committee=OuterRef("parent")) | Q(committee=OuterRef("parent__parent"))
    for year in years:
        rows = rows.annotate(**{f"plan_{year}": Exists(Plan.objects.issued().filter(over, year=year))})
    return [(one, year) for one in rows for year in years if not getattr(one, f"plan_{year}")]


def say_no_plan(pair: tuple[Committee, int], scope: Scope) -> Finding:
    committee, year = pair
    return Finding(f"{committee.name}还没有下发{year}年实施方案，{year}年的任务不会产生。", reverse("plan:plan_list"))


def years_unknown(scope: Scope) -> list[int]:
    """The years of which neither the portal nor this office's calendar knows the holidays."""
    years = unknown_years(scope.now)
    if not years or not scope.committees:
        return []
    set_in = SpecialDay.objects.filter(
        Q(committee__in=scope.committees) | Q(committee__children__in=scope.committees)
        | Q(committee__children__children__in=scope.committees), day__year__in=years,
    )  # fmt: skip
    given = {day.year for day in set_in.values_list("day", flat=True).distinct()}
    return [year for year in years if year not in given]


def say_year_unknown(year: int, scope: Scope) -> Finding:
    words = f"{year}年的放假安排系统里没有，也没有填写，法定节假日都按平日计算。"
    return Finding(words, f"{reverse('plan:workdays')}?year={year}")


def against_notice(scope: Scope) -> list[tuple[date, date, SpecialDay, str]]:
    """Days to come that the office set otherwise than the year's notice, in runs: first, last, the day, its notice."""
    rows = SpecialDay.objects.filter(committee__in=scope.committees, day__gte=scope.on).order_by("committee", "day")
    there = [
        (one, says.name)
        for one in rows
        for says in noticed(one.day.year)
        if says.day == one.day and says.works != one.works
    ]
    runs = []
    for _, run in groupby(enumerate(there), key=lambda at: _run(*at)):
        found = [pair for _, pair in run]
        runs.append((found[0][0].day, found[-1][0].day, *found[0]))
    return runs


def _run(place: int, pair: tuple[SpecialDay, str]) -> tuple[Any, ...]:
    one, holiday = pair
    return one.committee_id, one.works, one.name, holiday, one.day - place * ONE_DAY


def say_against_notice(found: tuple[date, date, SpecialDay, str], scope: Scope) -> Finding:
    first, last, one, holiday = found
    says, given = ("调休上班", "放假") if not one.works else ("放假", "上班")
    year = "" if first.year == scope.on.year else f"{first.year}年"
    words = f"{year}{days_label(first, last)}：放假通知是{holiday}{says}，工作日历填的是{one.name}{given}。"
    return Finding(words, f"{reverse('plan:workdays')}?year={first.year}")


RULES = (
    Rule(
        "left-behind", "离开支部的党员名下还有任务", "人已转出，任务却没有人办，会一直显示逾期。", Level.MEND,
        left_behind, say_left_behind, "核对组织关系；确已转出的，写明理由免除。", OFFICE,
    ),
    Rule(
        "of-closed", "已撤销的支部还有任务", "支部撤销后没有人能办，会一直显示逾期。", Level.MEND,
        of_closed, say_of_closed, "核对撤销日期；确已撤销的，写明理由免除。", OFFICE,
    ),
    Rule(
        "without-account", "有任务而不能登录", "没有可用账号的人，自己的任务无法办理。", Level.MEND,
        without_account, say_without_account, "请系统管理员发激活码，并请本人激活。", SYSADMIN, leaders=False,
    ),
    Rule(
        "no-approver", "个人计划没有人审定", "个人自学计划报所在支部审定，审定要由书记或副书记办。", Level.MEND,
        no_approver, say_no_approver, "登记书记或副书记的任职，并开通账号。", OFFICE, clause="一.3",
    ),
    Rule(
        "sent-back", "退回后一周没有再报", "退回补正的，补正前不算办结。", Level.MEND,
        sent_back, say_sent_back, "看退回意见，补正后再报。", SECRETARY,
    ),
    Rule(
        "no-page", "任务没有办理页面", "方案要求的凭证，系统里还没有地方填报。", Level.MEND,
        no_page, say_no_page, "写明理由免除或延期，等办理页面启用后再办。", OFFICE, leaders=False,
    ),
    Rule(
        "no-plan", "还没有下发实施方案", "没有下发的方案，不产生任务，也不提醒。", Level.MEND,
        no_plan, say_no_plan, "起草、核对后下发。", OFFICE, listed=True, leaders=False,
    ),
    Rule(
        "year-unknown", "放假安排还没有填写", "起草计划避开休息日，期限遇休息日顺延，都要先知道放假安排。", Level.LOOK,
        years_unknown, say_year_unknown, "照放假通知在工作日历中一次填好。", OFFICE, listed=True, leaders=False,
    ),
    Rule(
        "against-notice", "工作日历与放假通知不一致", "本单位的安排优先；填错了，期限会跟着错。", Level.LOOK,
        against_notice, say_against_notice, "核对；填错的在工作日历中删去，恢复按通知。", OFFICE,
        listed=True, leaders=False,
    ),
    Rule(
        "long-at-desk", "报来一周没有办理", "报到桌上的，收文或审定后支部才放心。", Level.LOOK,
        long_at_desk, say_at_desk, "到待审中办理。", OFFICE,
    ),
    Rule(
        "old-drafts", "草稿超过一周没有报送", "做了没有报，仍按没有办理计算。", Level.LOOK,
        old_drafts, say_draft, "继续填写并报送；不要的作废。", SECRETARY,
    ),
    Rule(
        "relief-over", "延期或免除已到期", "到期以后照常要求。", Level.LOOK,
        relief_over, say_relief_over, "把还没有办的办完；需要再延期的重新申请。", SECRETARY,
    ),
)  # fmt: skip
