"""The health check's rules about branches and their people: posts, rosters, groups, terms, accounts, double entries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.urls import reverse

from branches.checkup import Finding, Level, Rule, Scope, day_of
from branches.duplicates import Pair, pairs
from branches.hints import COMMITTEE_FROM, COMMITTEE_LEAST, Hint
from branches.models import Branch, Membership, PartyGroup, Post, User, on_day
from branches.organization import SEATS, terms_due

KIND = Post.Kind
FILERS = (KIND.SECRETARY, KIND.DEPUTY)
# A post may stand empty so long before it is worth a word; a gap older than the other is history.
GAP, HISTORY = timedelta(days=30), timedelta(days=365)
OFFICE, SECRETARY, SYSADMIN = "机关党委办公室", "支部书记", "系统管理员"


def usable(who: str) -> QuerySet[User]:
    """Accounts of the member whom `who` names outside that let somebody in: activated or used, and not paused."""
    activated = Q(must_change_password=False) | Q(last_login__isnull=False)
    return User.objects.filter(activated, member=OuterRef(who), is_active=True)


def counted(rows: QuerySet[Any], per: str, what: str = "pk", of: str = "pk") -> Coalesce:
    """How many distinct `what` of these rows name the outer row's `of` in their field `per`; a number in the query."""
    found = rows.filter(**{per: OuterRef(of)}).order_by().values(per).annotate(n=Count(what, distinct=True))
    return Coalesce(Subquery(found.values("n"), output_field=IntegerField()), Value(0))


def _branches(scope: Scope) -> QuerySet[Branch]:
    return Branch.objects.existing_on(scope.on).filter(scope.of()).order_by("committee", "code", "pk")


def _held(scope: Scope) -> QuerySet[Post]:
    """The posts held today in the branches looked at."""
    rows = Post.objects.filter(on_day(scope.on), scope.of("branch"), Q(branch__closed_on__isnull=True))
    return rows.select_related("member", "branch").order_by("branch__committee", "branch__code", "kind", "pk")


# ------------------------------------------------------------------------------------------------------------ posts


def no_secretary(scope: Scope) -> QuerySet[Branch]:
    head = Post.objects.filter(on_day(scope.on), branch=OuterRef("pk"), kind=KIND.SECRETARY)
    last = Post.objects.filter(branch=OuterRef("pk"), kind=KIND.SECRETARY, until_on__lte=scope.on)
    last = last.order_by("-until_on", "-pk")
    return _branches(scope).filter(~Exists(head)).annotate(
        last_name=Subquery(last.values("member__name")[:1]), last_on=Subquery(last.values("until_on")[:1])
    )  # fmt: skip


def say_no_secretary(branch: Any, scope: Scope) -> Finding:
    before = f"，{branch.last_name}已于{day_of(branch.last_on, scope.on)}离任" if branch.last_on else ""
    return Finding(f"{branch.name}今天没有支部书记{before}。", branch.get_absolute_url(), branch.name)


def post_gap(scope: Scope) -> QuerySet[Post]:
    """Posts that ended more than 30 days ago and that nobody holds today; the last holder's row stands for the gap."""
    same = Post.objects.filter(branch=OuterRef("branch"), kind=OuterRef("kind")).exclude(pk=OuterRef("pk"))
    later = Q(until_on__isnull=True) | Q(until_on__gt=OuterRef("until_on"))
    later |= Q(until_on=OuterRef("until_on"), pk__gt=OuterRef("pk"))
    ended = Post.objects.filter(
        scope.of("branch"), branch__closed_on__isnull=True, until_on__lte=scope.on - GAP,
        until_on__gt=scope.on - HISTORY, kind__in=[kind for kind in Post.IN_BRANCH if kind != KIND.SECRETARY],
    )  # fmt: skip
    ended = ended.filter(~Exists(same.filter(later)))
    return ended.select_related("member", "branch").order_by("until_on", "branch__code", "pk")


def say_post_gap(post: Any, scope: Scope) -> Finding:
    days = (scope.on - post.until_on).days
    words = f"{post.member.name}{day_of(post.until_on, scope.on)}卸任{post.get_kind_display()}，已{days}天没有人接任。"
    return Finding(words, post.branch.get_absolute_url(), post.branch.name)


def holder_gone(scope: Scope) -> QuerySet[Post]:
    here = Membership.objects.filter(on_day(scope.on), member=OuterRef("member"), branch=OuterRef("branch"))
    return _held(scope).filter(~Exists(here))


def say_holder_gone(post: Any, scope: Scope) -> Finding:
    words = f"{post.member.name}已不在{post.branch.name}的名册上，仍任{post.get_kind_display()}。"
    return Finding(words, post.branch.get_absolute_url(), post.branch.name)


def holder_retired(scope: Scope) -> QuerySet[Post]:
    """Holders who have retired, where most members of the branch have not: a branch of the retired elects its own."""
    roster = Membership.objects.filter(on_day(scope.on))
    gone = Q(member__retired_on__lte=scope.on)
    rows = _held(scope).filter(gone).alias(
        everybody=counted(roster, "branch", of="branch"), retired=counted(roster.filter(gone), "branch", of="branch")
    )  # fmt: skip
    return rows.filter(everybody__gt=2 * F("retired"))


def say_holder_retired(post: Any, scope: Scope) -> Finding:
    words = f"{post.member.name}已于{day_of(post.member.retired_on, scope.on)}离退休，仍任{post.get_kind_display()}。"
    return Finding(words, post.branch.get_absolute_url(), post.branch.name)


def few_seats(scope: Scope) -> QuerySet[Any]:
    full = Membership.objects.filter(on_day(scope.on), member__confirmed_on__lte=scope.on)
    seats = Post.objects.filter(on_day(scope.on), kind__in=SEATS)
    rows = _branches(scope).exclude(kind=Branch.Kind.TEMPORARY)
    rows = rows.annotate(full=counted(full, "branch"), seats=counted(seats, "branch", "member"))
    return rows.filter(full__gte=COMMITTEE_FROM, seats__lt=COMMITTEE_LEAST)


def say_few_seats(branch: Any, scope: Scope) -> Finding:
    words = f"{branch.name}有正式党员{branch.full}名，支部委员会只有{branch.seats}人任职。"
    return Finding(words, branch.get_absolute_url(), branch.name)


def terms(scope: Scope) -> list[tuple[Branch, Hint]]:
    return terms_due(Branch.objects.filter(scope.of()), scope.on)


def say_term(pair: tuple[Branch, Hint], scope: Scope) -> Finding:
    branch, hint = pair
    return Finding(f"{branch.name}{hint.text}", branch.get_absolute_url(), branch.name)


# ----------------------------------------------------------------------------------------------------------- people


def ungrouped(scope: Scope) -> QuerySet[Any]:
    """Branches that have groups, and members in none of them."""
    without = Membership.objects.filter(on_day(scope.on), group__isnull=True)
    rows = _branches(scope).filter(Exists(PartyGroup.objects.filter(branch=OuterRef("pk"))))
    return rows.annotate(ungrouped=counted(without, "branch")).filter(ungrouped__gt=0)


def say_ungrouped(branch: Any, scope: Scope) -> Finding:
    url = f"{reverse('branches:member_list')}?branch={branch.pk}"
    return Finding(f"{branch.name}设有党小组，还有{branch.ungrouped}名党员没有编入。", url, branch.name)


def no_filer(scope: Scope) -> QuerySet[Any]:
    """Branches in which nobody who may file can log in."""
    filers = Post.objects.filter(on_day(scope.on), branch=OuterRef("pk"), kind__in=FILERS)
    rows = _branches(scope).annotate(someone=Exists(filers))
    return rows.filter(~Exists(filers.filter(Exists(usable("member")))))


def say_no_filer(branch: Any, scope: Scope) -> Finding:
    words = "书记、副书记的账号都没有激活或已暂停" if branch.someone else "没有书记、副书记"
    cure, who = ("", "") if branch.someone else ("先登记书记或副书记的任职，再开通账号。", OFFICE)
    return Finding(f"{branch.name}{words}，没有人能以支部名义报送。", branch.get_absolute_url(), branch.name, cure, who)


def never_activated(scope: Scope) -> QuerySet[Any]:
    here = Membership.objects.filter(on_day(scope.on))
    waiting = Q(member__user__must_change_password=True, member__user__last_login__isnull=True)
    waiting &= Q(member__user__is_active=True)
    rows = _branches(scope).annotate(
        without=counted(here.filter(member__user__isnull=True), "branch"),
        waiting=counted(here.filter(waiting), "branch"),
    )
    return rows.filter(Q(without__gt=0) | Q(waiting__gt=0))


def say_never_activated(branch: Any, scope: Scope) -> Finding:
    parts = [f"{branch.without}名党员没有账号"] if branch.without else []
    parts += [f"{branch.waiting}名党员的账号没有激活"] if branch.waiting else []
    return Finding(f"{branch.name}有{'，'.join(parts)}。", branch.get_absolute_url(), branch.name)


def doubles(scope: Scope) -> list[Pair]:
    if not scope.committees:
        return []
    return pairs(scope.access)


def say_double(pair: Pair, scope: Scope) -> Finding:
    first, second = pair.first, pair.second
    words = f"{first.name}（{first.staff_number}）与{second.name}（{second.staff_number}）：{'；'.join(pair.reasons)}。"
    where: str = getattr(first, "branch_name", "") or ""
    return Finding(words, reverse("branches:member_pair", args=[first.pk, second.pk]), where)


RULES = (
    Rule(
        "no-secretary", "支部没有书记", "没有书记，支部的计划、活动和报送无人负责。", Level.MEND,
        no_secretary, say_no_secretary, "选举或指定书记后，在支部页登记任职。", OFFICE,
    ),
    Rule(
        "no-filer", "支部没有人能报送", "只有书记、副书记能以支部名义报送；没有可用的账号，到期就会逾期。", Level.MEND,
        no_filer, say_no_filer, "给书记、副书记发激活码，或恢复账号。", SYSADMIN, leaders=False,
    ),
    Rule(
        "holder-gone", "任职人已不在支部名册上", "离开支部的人仍能看到和办理支部的事务。", Level.MEND,
        holder_gone, say_holder_gone, "在支部页登记离任，或把党员转回这个支部。", OFFICE,
    ),
    Rule(
        "few-seats", "应设支委会而任职不足3人", "正式党员7名以上的支部设支部委员会，由3至5人组成，一般不超过7人。",
        Level.MEND, few_seats, say_few_seats, "选举后在支部页登记委员任职。", OFFICE, clause="支部工作条例",
    ),
    Rule(
        "term-due", "任期届满或即将届满", "任期届满要按期换届；延期的按程序报批。", Level.LOOK,
        terms, say_term, "换届后在支部页改写本届选举日期。", OFFICE, clause="支部工作条例", listed=True,
    ),
    Rule(
        "post-gap", "职务空缺超过30天", "有人卸任，一直没有人接任。", Level.LOOK,
        post_gap, say_post_gap, "登记接任的人；不再设这个职务的，不用办。", OFFICE,
    ),
    Rule(
        "holder-retired", "任职人已离退休", "在职党员为主的支部，任职人离退休后一般要调整。", Level.LOOK,
        holder_retired, say_holder_retired, "核对离退休日期；需要调整的，登记离任和接任。", OFFICE,
    ),
    Rule(
        "ungrouped", "党员没有编入党小组", "设了党小组的支部，每名党员都编入一个小组，才能按小组开会、登记到会。",
        Level.LOOK, ungrouped, say_ungrouped, "在党员名册中逐人填写党小组。", OFFICE, clause="二.2",
    ),
    Rule(
        "never-activated", "账号没有开通或没有激活", "没有账号的党员收不到自己的任务，也不能报个人计划。", Level.LOOK,
        never_activated, say_never_activated, "给本人发激活码条，并请本人尽快激活。", SYSADMIN, leaders=False,
    ),
    Rule(
        "doubles", "可能重复的党员条目", "同一人有两个条目，任务和到会情况会分成两份。", Level.LOOK,
        doubles, say_double, "逐对核对后合并，或记下“不是同一人”。", OFFICE, listed=True, leaders=False,
    ),
)  # fmt: skip
