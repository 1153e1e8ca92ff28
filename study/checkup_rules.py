"""The health check's rules about study plans and gatherings: who stays away, and what lacks lines or does not add up.

Only what happened in the running year is looked at; what was filed in an earlier one is history.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time
from typing import Any

from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    When,
    Window,
)
from django.db.models.functions import Abs, Cast, Coalesce, FirstValue, Lead, RowNumber, TruncDate
from django.urls import reverse
from django.utils.timezone import localtime, make_aware

from branches.checkup import Finding, Level, Rule, Scope, day_of, days_since
from branches.checkup_rules import SECRETARY, counted
from branches.models import Branch, Membership, on_day
from branches.templatetags.portal import last_day
from plan.models import Duty, Filing, unsettled
from study.models import Attendance, BranchPlan, Gathering, Kind, PlanItem

Presence = Attendance.Presence
# The list of who was there may be off by one, or by a tenth of a large roster: somebody came or went that month.
OFF_BY = 2
# Meetings to which not the whole branch is called, as the list of kinds is kept.
PARTS = tuple(json.dumps([kind.value]) for kind in (Kind.COMMITTEE_MEETING, Kind.GROUP_MEETING))


def year_begins(scope: Scope) -> datetime:
    return make_aware(datetime.combine(date(scope.on.year, 1, 1), time.min))


# ------------------------------------------------------------------------------------------------------- attendance


def _lines(scope: Scope) -> QuerySet[Any]:
    """Who was expected at what was filed this year in the branches looked at, without those excused."""
    own = Q(partner__isnull=True, gathering__filing__first_filed_at__isnull=False) & scope.of("gathering__branch")
    joined = Q(partner__filing__first_filed_at__isnull=False) & scope.of("partner__branch")
    rows = Attendance.objects.filter(own | joined, gathering__held_at__gte=year_begins(scope))
    return rows.exclude(gathering__filing__state=Filing.State.DISCARDED).exclude(presence=Presence.EXCUSED)


def absent_twice(scope: Scope) -> QuerySet[Any]:
    """The newest line of each member who missed the last two without leave, and is on that branch's roster today."""
    newest: dict[str, Any] = {
        "partition_by": [F("member")],
        "order_by": [F("gathering__held_at").desc(), F("pk").desc()],
    }
    found = _lines(scope).annotate(
        place=Window(RowNumber(), **newest), last=Window(FirstValue("presence"), **newest),
        before=Window(Lead("presence"), **newest),
    ).filter(place=1, last=Presence.ABSENT, before=Presence.ABSENT)  # fmt: skip
    earlier = _lines(scope).filter(member=OuterRef("member"), gathering__held_at__lte=OuterRef("gathering__held_at"))
    earlier = earlier.exclude(pk=OuterRef("pk")).order_by("-gathering__held_at", "-pk")
    here = Membership.objects.filter(on_day(scope.on), member=OuterRef("member"), branch=OuterRef("at_branch"))
    rows = Attendance.objects.filter(pk__in=found.values("pk")).annotate(
        at_branch=Coalesce(F("partner__branch"), F("gathering__branch")),
        branch_name=Coalesce(F("partner__branch__name"), F("gathering__branch__name")),
        before_title=Subquery(earlier.values("gathering__title")[:1]),
        before_at=Subquery(earlier.values("gathering__held_at")[:1]),
    )  # fmt: skip
    rows = rows.filter(Exists(here)).select_related("member", "gathering", "partner")
    return rows.order_by("branch_name", "member__name_key", "pk")


def say_absent_twice(line: Any, scope: Scope) -> Finding:
    first, second = localtime(line.before_at), localtime(line.gathering.held_at)
    words = f"{line.member.name}连续两次未请假缺席：{first.month}月{first.day}日“{line.before_title}”"
    words += f"、{second.month}月{second.day}日“{line.gathering.title}”。"
    filing = line.partner.filing_id if line.partner_id else line.gathering.filing_id
    return Finding(words, reverse("plan:filing_detail", args=[filing]), line.branch_name)


def _gatherings(scope: Scope) -> QuerySet[Gathering]:
    """What was held this year in the branches looked at, up to now."""
    rows = Gathering.objects.filter(scope.of("branch"), held_at__gte=year_begins(scope), held_at__lte=scope.now)
    rows = rows.exclude(filing__state=Filing.State.DISCARDED).select_related("branch", "filing")
    return rows.order_by("branch__committee", "branch__code", "held_at", "pk")


def no_attendance(scope: Scope) -> QuerySet[Gathering]:
    there = Attendance.objects.filter(gathering=OuterRef("pk"), partner__isnull=True)
    return _gatherings(scope).filter(~Exists(there))


def say_no_attendance(gathering: Gathering, scope: Scope) -> Finding:
    """A draft is called by its title only to those who write it."""
    draft = gathering.filing.state == Filing.State.DRAFT
    if draft and gathering.branch_id not in scope.access.leads:
        days = days_since(gathering.held_at, scope.now)
        words = f"{gathering.branch.name}有1份活动记录草稿没有到会情况，活动已过{days}天。"
        return Finding(words, gathering.branch.get_absolute_url(), gathering.branch.name)
    words = f"{day_of(gathering.held_at, scope.on)}“{gathering.title}”没有到会情况。"
    return Finding(words, gathering.get_absolute_url(), gathering.branch.name)


def expected_off(scope: Scope) -> QuerySet[Any]:
    """Filed gatherings of a whole branch whose list is further from that day's roster than one or two may be."""
    rows = _gatherings(scope).filter(group__isnull=True, filing__first_filed_at__isnull=False)
    rows = rows.alias(kinds_text=Cast("kinds", TextField())).exclude(kinds_text__in=PARTS)
    rows = rows.annotate(held_day=TruncDate("held_at"))
    listed = Attendance.objects.filter(partner__isnull=True)
    then = Membership.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gt=OuterRef("held_day")), from_on__lte=OuterRef("held_day")
    )
    rows = rows.annotate(
        listed=counted(listed, "gathering"), roster=counted(then, "branch", "member", of="branch")
    )  # fmt: skip
    rows = rows.annotate(off=Abs(F("listed") - F("roster")))
    return rows.filter(listed__gt=0, off__gte=OFF_BY, off__gt=F("roster") / 10)


def say_expected_off(gathering: Any, scope: Scope) -> Finding:
    numbers = f"应到{gathering.listed}人，当天名册是{gathering.roster}人。"
    words = f"{day_of(gathering.held_at, scope.on)}“{gathering.title}”{numbers}"
    return Finding(words, gathering.get_absolute_url(), gathering.branch.name)


# ------------------------------------------------------------------------------------------------------ study plans


def no_study_plan(scope: Scope) -> QuerySet[Any]:
    late = Duty.objects.filter(
        unsettled(scope.now), branch=OuterRef("pk"), member__isnull=True, year=scope.on.year, late_at__lte=scope.now,
        requirement__proof="branch_plan",
    ).order_by("due_at")  # fmt: skip
    filed = BranchPlan.objects.filter(
        branch=OuterRef("pk"), filing__year=scope.on.year, filing__first_filed_at__isnull=False
    )
    rows = Branch.objects.existing_on(scope.on).filter(scope.of()).filter(Exists(late), ~Exists(filed))
    return rows.annotate(due=Subquery(late.values("due_at")[:1])).order_by("committee", "code", "pk")


def say_no_study_plan(branch: Any, scope: Scope) -> Finding:
    words = f"{branch.name}还没有报送{scope.on.year}年学习计划，{day_of(last_day(branch.due), scope.on)}到期。"
    url = f"{reverse('study:branch_plan')}?branch={branch.pk}"
    return Finding(words, url, branch.name)


def empty_months(scope: Scope) -> QuerySet[Any]:
    """Filed study plans of the year with a month after the implementation plan began in which no sitting stands."""
    year = scope.on.year
    rows = BranchPlan.objects.filter(scope.of("branch"), filing__year=year, filing__first_filed_at__isnull=False)
    rows = rows.exclude(filing__state=Filing.State.DISCARDED)
    rows = rows.filter(Q(branch__closed_on__isnull=True) | Q(branch__closed_on__gt=scope.on))
    empty = Q()
    for month in range(1, 13):
        first, after = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        items = PlanItem.objects.filter(
            plan=OuterRef("pk"), scope=PlanItem.Scope.COLLECTIVE, starts_on__lt=after, ends_on__gte=first
        )
        asked = Q(plan__effective_on__lt=first) & ~Q(Exists(items))
        rows = rows.annotate(**{f"empty_{month}": Case(When(asked, then=1), default=0, output_field=IntegerField())})
        empty |= Q(**{f"empty_{month}": 1})
    return rows.filter(empty).select_related("branch", "filing").order_by("branch__committee", "branch__code", "pk")


def say_empty_months(plan: Any, scope: Scope) -> Finding:
    months = [f"{month}月" for month in range(1, 13) if getattr(plan, f"empty_{month}")]
    words = f"{plan.branch.name}的{scope.on.year}年学习计划中，{'、'.join(months)}没有安排集体学习或活动。"
    return Finding(words, reverse("plan:filing_detail", args=[plan.filing_id]), plan.branch.name)


RULES = (
    Rule(
        "no-study-plan", "过了期限没有报学习计划", "支部年度学习计划要报机关党委办公室。", Level.MEND,
        no_study_plan, say_no_study_plan, "填写学习计划并报送，写明补报原因。", SECRETARY, clause="一.3",
    ),
    Rule(
        "no-attendance", "活动没有到会情况", "应到、实到说不清，检查时不能算数。", Level.MEND,
        no_attendance, say_no_attendance, "补填到会情况后报送；没有开展的，作废草稿。", SECRETARY,
    ),
    Rule(
        "absent-twice", "连续两次未请假缺席", "请假的不算；连续缺席的，要及时了解情况、提醒补学。", Level.LOOK,
        absent_twice, say_absent_twice, "找本人了解情况，安排补学；其实请了假的，更正到会情况。", SECRETARY,
    ),
    Rule(
        "expected-off", "应到人数与名册不符", "应到按当天的名册；相差2人以上且超过一成的，多半是名册后来改过。",
        Level.LOOK, expected_off, say_expected_off, "核对名册的转入、转出日期，或更正到会情况。", SECRETARY,
    ),
    Rule(
        "empty-months", "学习计划有空白的月份", "方案要求每月集体学习、每月主题党日。", Level.LOOK,
        empty_months, say_empty_months, "调整学习计划，补上这几个月的安排。", SECRETARY, clause="一.3",
    ),
)  # fmt: skip
