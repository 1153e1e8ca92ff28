"""What deserves a look at the pioneer posts: rules of the health check, and the same in sentences for their own page.

Nobody is compared with anybody: what is said is whose turn is over, what stands empty and who has been waiting.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, QuerySet

from branches.checkup import Finding, Level, Rule, Scope, day_of
from branches.checkup_rules import SECRETARY
from branches.models import Membership, on_day
from commitments.models import Nomination, PioneerPost, Term

ONE_DAY = timedelta(days=1)
SOON = timedelta(days=7)
# So long a post may stand empty between two holders.
GAP = timedelta(days=7)
# Somebody who waits since then is passed over when another has begun so many terms meanwhile.
TWICE = 2


def running(scope: Scope) -> QuerySet[Term]:
    rows = Term.objects.running().filter(scope.of("post__branch")).select_related("member", "post__branch")
    return rows.order_by("post__branch__committee", "post__branch__code", "until_on", "pk")


def _at(term: Term) -> str:
    return f"{term.member.name}在“{term.post.name}”驻岗"


def _finding(words: str, post: PioneerPost) -> Finding:
    return Finding(words, post.get_absolute_url(), post.branch.name)


# ---------------------------------------------------------------------------------------------------- whose turn it is


def overdue(scope: Scope) -> QuerySet[Term]:
    return running(scope).filter(until_on__lte=scope.on)


def say_overdue(term: Term, scope: Scope) -> Finding:
    days = (scope.on - term.until_on).days + 1
    return _finding(f"{_at(term)}，{day_of(term.last_on, scope.on)}到期，已过{days}天还没有轮换。", term.post)


def soon_over(scope: Scope) -> QuerySet[Term]:
    return running(scope).filter(until_on__gt=scope.on, until_on__lte=scope.on + SOON)


def say_soon_over(term: Term, scope: Scope) -> Finding:
    return _finding(f"{_at(term)}，{day_of(term.last_on, scope.on)}到期。", term.post)


def left(scope: Scope) -> QuerySet[Term]:
    here = Membership.objects.filter(on_day(scope.on), branch=OuterRef("post__branch"), member=OuterRef("member"))
    return running(scope).filter(~Exists(here))


def say_left(term: Term, scope: Scope) -> Finding:
    return _finding(f"{_at(term)}，但已不在本支部名册上。", term.post)


# ---------------------------------------------------------------------------------------------------------- empty posts


def empty(scope: Scope) -> QuerySet[PioneerPost]:
    """Open posts on which nobody has stood for a week, and whose next has not come either."""
    terms = Term.objects.filter(post=OuterRef("pk"))
    lately = terms.filter(ended_on__gt=scope.on - GAP, begun_at__isnull=False)
    rows = PioneerPost.objects.open().filter(scope.of("branch"), opened_on__lte=scope.on - GAP)
    rows = rows.filter(~Exists(terms.filter(begun_at__isnull=False, ended_on__isnull=True)), ~Exists(lately))
    return rows.select_related("branch").order_by("branch__committee", "branch__code", "pk")


def say_empty(post: PioneerPost, scope: Scope) -> Finding:
    return _finding(f"“{post.name}”现在没有党员驻岗。", post)


# ------------------------------------------------------------------------------------------------- always the same


def waiting(scope: Scope) -> QuerySet[Nomination]:
    """Willing members who never stood, while another has begun two terms since they were taken in."""
    here = Membership.objects.filter(on_day(scope.on), branch=OuterRef("branch"), member=OuterRef("member"))
    in_branch = Term.objects.filter(post__branch=OuterRef("branch"), begun_at__isnull=False)
    since = in_branch.filter(begun_at__gt=OuterRef("decided_at")).order_by().values("member")
    rows = Nomination.objects.filter(
        scope.of("branch"), state=Nomination.State.ACCEPTED, is_willing=True, member__absent_from_on__isnull=True
    )
    rows = rows.filter(
        Exists(here), ~Exists(in_branch.filter(member=OuterRef("member"))),
        Exists(since.annotate(n=Count("pk")).filter(n__gte=TWICE)),
    )  # fmt: skip
    rows = rows.filter(Exists(PioneerPost.objects.open().filter(branch=OuterRef("branch"))))
    return rows.select_related("member", "branch").order_by("branch__committee", "branch__code", "decided_at", "pk")


def say_waiting(nomination: Nomination, scope: Scope) -> Finding:
    day = day_of(nomination.decided_at, scope.on)
    words = f"{nomination.member.name}{day}入选并愿意驻岗，一直没有轮到，其间有人驻岗两次以上。"
    return Finding(words, nomination.get_absolute_url(), nomination.branch.name)


RULES = (
    Rule(
        "post-holder-left", "驻岗的党员已不在本支部", "转走的党员仍挂着先锋岗，岗位其实空着。", Level.MEND,
        left, say_left, "登记离岗，安排下一名党员上岗。", SECRETARY, clause="二.2",
    ),
    Rule(
        "post-term-over", "先锋岗到期没有轮换", "方案要求先进党员轮流驻岗。", Level.MEND,
        overdue, say_overdue, "登记到期轮换，请下一名党员上岗；还没有安排的，起草轮换。", SECRETARY, clause="二.2",
    ),
    Rule(
        "post-empty", "先锋岗没有党员驻岗", "设了岗位，却一周以上没有人驻岗。", Level.LOOK,
        empty, say_empty, "起草轮流驻岗安排；岗位不再需要的，撤销并写明原因。", SECRETARY, clause="二.2",
    ),
    Rule(
        "post-term-ends", "先锋岗一周内到期", "提前安排交接，岗位不空。", Level.LOOK,
        soon_over, say_soon_over, "请驻岗的党员写好交接事项，通知下一名党员。", SECRETARY, clause="二.2",
    ),
    Rule(
        "post-same-people", "总是同几个人驻岗", "愿意驻岗的党员入选后一直没有轮到。", Level.LOOK,
        waiting, say_waiting, "重新起草轮流驻岗安排：草案先排还没有驻过岗的。", SECRETARY, clause="二.2",
    ),
)  # fmt: skip


# ------------------------------------------------------------------------------------------------- on the page itself


def hints_of(post: Any, on: date) -> list[tuple[str, str]]:
    """The tone and the sentence of everything to be said of a post read by `with_turns`; no query."""
    if post.closed_on:
        return []
    if not post.now_term:
        if post.opened_on > on:
            return []
        if post.next_term and post.next_from <= on:
            return [("soon", f"{post.next_name}该上岗了，还没有登记。")]
        return [("soon", "现在没有党员驻岗。")]
    found = []
    if not post.now_here:
        found.append(("late", f"{post.now_name}已不在本支部名册上，请登记离岗。"))
    last = post.now_until - ONE_DAY
    if post.now_until <= on:
        found.append(("late", f"{last.month}月{last.day}日已到期，还没有轮换。"))
    elif post.now_until <= on + SOON:
        after = "，下一名还没有安排" if not post.next_term else ""
        found.append(("soon", f"{last.month}月{last.day}日到期{after}。"))
    return found


def waiting_in(branches: Iterable[int], scope: Scope) -> dict[int, list[str]]:
    """The names of those passed over in these branches; one statement."""
    found: dict[int, list[str]] = {}
    rows = waiting(scope).filter(branch__in=list(branches)).annotate(name=F("member__name"))
    for branch, name in rows.values_list("branch", "name"):
        found.setdefault(branch, []).append(name)
    return found
