"""What is owed: duties, how they stand at an instant, and what means to settle them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, F, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan, LessThanOrEqual
from django.urls import reverse

from branches.constraints import both_or_neither
from branches.models import Branch, Committee, Member, User
from plan.models.filings import Filing, under
from plan.models.plans import Requirement

if TYPE_CHECKING:
    from branches.access import Access


class Standing(models.TextChoices):
    """How a duty stands at an instant; the words are the same on every page."""

    NOT_DUE = "not_due", "未到期"
    TODO = "todo", "待办"
    DRAFT = "draft", "草稿"
    FILED = "filed", "已报送"
    SENT_BACK = "sent_back", "退回补正"
    RECEIVED = "received", "已备案"
    APPROVED = "approved", "已审定"
    KEPT = "kept", "已留存"
    OVERDUE = "overdue", "逾期"
    WAIVED = "waived", "免"


# Standings in which a duty is done and nothing more is asked of its owner.
DONE = (Standing.FILED, Standing.RECEIVED, Standing.APPROVED, Standing.KEPT, Standing.WAIVED)
# Standings in which somebody still owes.
OPEN = (Standing.OVERDUE, Standing.TODO, Standing.SENT_BACK, Standing.DRAFT, Standing.NOT_DUE)


def unsettled(at: datetime) -> Q:
    """A duty that was there at the instant, that nothing had settled by then, and that nobody had waived."""
    open_then = Q(settled_at__isnull=True) | Q(settled_at__gt=at)
    plain = Q(exempted_at__isnull=True) | Q(exempted_at__gt=at)
    return Q(opened_at__lte=at) & open_then & (_as_it_is(at) & plain | _changed_since(at) & ~_exempted_before(at))


# A duty's dates and its exemption are as they are now, unless they have changed since the instant asked about: only
# then is its history looked up. Questions about now therefore pay one comparison a row.


def _as_it_is(at: datetime) -> Q:
    return Q(changed_at__isnull=True) | Q(changed_at__lte=at)


def _changed_since(at: datetime) -> Q:
    return Q(changed_at__gt=at)


class _Before(Func):
    """What the first change after the instant replaced; in the order of writing, so that a clock set back is borne.

    Written down as SQL: as a queryset it would be put together anew, three or four times, for every question asked.
    """

    template = "(SELECT c.%(column)s FROM plan_dutychange c WHERE c.duty_id = %(expressions)s ORDER BY c.id LIMIT 1)"
    arg_joiner = " AND c.changed_at > "


class _StateThen(Func):
    """The state to which the last move until the instant had brought a filing."""

    template = (
        "(SELECT m.to_state FROM plan_move m WHERE m.filing_id = %(expressions)s"
        " ORDER BY m.made_at DESC, m.id DESC LIMIT 1)"
    )
    arg_joiner = " AND m.made_at <= "


def _before(at: datetime, name: str) -> Func:
    kind = models.BooleanField() if name == "exempted_before" else models.DateTimeField()
    return _Before(F("pk"), Value(at, models.DateTimeField()), column=name, output_field=kind)


def _exempted_before(at: datetime) -> Q:
    return Q(_before(at, "exempted_before"))


def _then(at: datetime, name: str, after: datetime | None = None, until: datetime | None = None) -> Q:
    """Whether its due or late instant, as it was at the instant, lies after the one and not after the other."""
    plain, changed, before = _as_it_is(at), _changed_since(at), _before(at, f"{name}_before")
    if after:
        plain &= Q(**{f"{name}_at__gt": after})
        changed &= Q(GreaterThan(before, after))
    if until:
        plain &= Q(**{f"{name}_at__lte": until})
        changed &= Q(LessThanOrEqual(before, until))
    return plain | changed


class DutyQuerySet(models.QuerySet["Duty"]):
    """Questions asked of the duties; the instant is always an argument."""

    def visible_to(self, access: Access) -> DutyQuerySet:
        return self.filter(
            under(access.sees_committees)
            | Q(branch__in=access.leads)
            | Q(branch__in=access.branches, member__isnull=True)
            | Q(member=access.member_id)
        )

    def of_branch(self, branch_ids: Iterable[int]) -> DutyQuerySet:
        """What the branch itself owes, not its members."""
        return self.filter(branch__in=branch_ids, member__isnull=True)

    def there_at(self, at: datetime) -> DutyQuerySet:
        """Those that had been opened by the instant; asked about earlier moments, nobody owed the others yet."""
        return self.filter(opened_at__lte=at)

    def unsettled(self, at: datetime) -> DutyQuerySet:
        return self.filter(unsettled(at))

    def overdue(self, at: datetime) -> DutyQuerySet:
        return self.unsettled(at).filter(_then(at, "late", until=at))

    def to_come(self, at: datetime) -> DutyQuerySet:
        """Those that somebody owes and that are not yet late."""
        return self.unsettled(at).filter(_then(at, "late", after=at))

    def due_until(self, end: datetime, at: datetime) -> DutyQuerySet:
        """Those whose due instant, as it was at the instant, lies not after `end`."""
        return self.filter(_then(at, "due", until=end))

    def due_between(self, start: datetime, end: datetime, at: datetime | None = None) -> DutyQuerySet:
        """Those whose due instant lies after `start` and not after `end`: as it is, or as it was at the instant."""
        if at is None:
            return self.filter(due_at__gt=start, due_at__lte=end)
        return self.filter(_then(at, "due", after=start, until=end))

    def moved_since(self, at: datetime) -> DutyQuerySet:
        """Those that do not say by themselves how they stood: their dates or their filing's state changed later."""
        plain = Q(exempted_at__isnull=True) | Q(exempted_at__gt=at)
        return self.filter(_changed_since(at) | plain & Q(settled_at__lte=at, settled_by__state_since__gt=at))

    def with_standing(self, at: datetime) -> DutyQuerySet:
        """The duties that were there at the instant, each with how it stood then.

        Annotates `standing` (a Standing code), `was_late`, and `due_then` and `late_then`: the dates as they were.
        """
        return self._standing(at, asks_history=True)

    def with_own_standing(self, at: datetime) -> DutyQuerySet:
        """As `with_standing`, but `standing` is empty for those that have `moved_since`: their history is not asked.

        Where many are counted: a database groups a million plain rows at once, and cannot where each may ask further.
        """
        return self._standing(at, asks_history=False)

    def _standing(self, at: datetime, *, asks_history: bool) -> DutyQuerySet:
        asked_not = Value("")
        then: Any = _StateThen(F("settled_by"), Value(at, models.DateTimeField()), output_field=models.CharField())
        # Most filings have not moved since `at`; only for the others is their course looked up.
        state = Case(
            When(settled_by__isnull=True, then=Value(Standing.APPROVED.value)),
            When(settled_by__state_since__lte=at, then=F("settled_by__state")),
            default=then if asks_history else asked_not,
            output_field=models.CharField(),
        )
        soon = at + timedelta(days=1)
        settled = When(settled_at__lte=at, then=state)
        named = (Standing.WAIVED, Standing.OVERDUE, Standing.TODO, Standing.NOT_DUE)
        waived, overdue, todo, not_due = (Value(standing.value) for standing in named)
        due_then: Any = F("due_at")
        late_then: Any = F("late_at")
        as_it_was: Any = asked_not
        if asks_history:
            due_before, late_before = _before(at, "due_before"), _before(at, "late_before")
            due_then = Case(When(_changed_since(at), then=due_before), default=due_then)
            late_then = Case(When(_changed_since(at), then=late_before), default=late_then)
            as_it_was = Case(
                When(_exempted_before(at), then=waived),
                settled,
                When(LessThanOrEqual(late_before, at), then=overdue),
                When(LessThanOrEqual(due_before, soon), then=todo),
                default=not_due,
                output_field=models.CharField(),
            )
        return self.there_at(at).annotate(
            standing=Case(
                When(_changed_since(at), then=as_it_was),
                When(exempted_at__lte=at, then=waived),
                settled,
                When(late_at__lte=at, then=overdue),
                When(due_at__lte=soon, then=todo),
                default=not_due,
                output_field=models.CharField(),
            ),
            # Judged once, by the deadline that held when it was filed: no later extension makes the late punctual.
            was_late=Case(
                When(settled_at__lte=at, done_at__gte=Coalesce("judged_due_at", "due_at"), then=Value(True)),
                default=Value(False),
                output_field=models.BooleanField(),
            ),
            due_then=due_then,
            late_then=late_then,
        )

    def with_draft(self, at: datetime) -> DutyQuerySet:
        """Annotates the newest draft that means to settle the duty: `draft_id`, and its record's `draft_record_id`."""
        draft = Claim.objects.filter(duty=OuterRef("pk"), claimed_at__lte=at, filing__state=Filing.State.DRAFT)
        draft = draft.order_by("-pk").annotate(
            record_id=Coalesce("filing__gathering", "filing__paper", "filing__pledge", "filing__week")
        )
        return self.annotate(
            draft_id=Subquery(draft.values("filing")[:1]), draft_record_id=Subquery(draft.values("record_id")[:1])
        )


class Duty(models.Model):
    """One requirement, owed once, by one branch, one member or the committee itself: its window, its due instant."""

    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="duties", verbose_name="要求")
    code = models.CharField("编号", max_length=4)
    committee = models.ForeignKey(Committee, models.PROTECT, related_name="duties")
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, related_name="duties")
    member = models.ForeignKey(Member, models.PROTECT, null=True, blank=True, related_name="duties")
    occasion = models.ForeignKey(Filing, models.PROTECT, null=True, blank=True, related_name="occasioned")
    year = models.PositiveSmallIntegerField("年度")
    period = models.CharField("时段", max_length=40)
    starts_on = models.DateField("起")
    ends_on = models.DateField("止")
    due_at = models.DateTimeField("截止（不含）")
    late_at = models.DateTimeField("逾期起算")
    # From when the row was there; asked about an earlier moment, nobody owed it yet.
    opened_at = models.DateTimeField("开出时间")
    # When its dates or its exemption last changed (`DutyChange`): for earlier moments the history is asked.
    changed_at = models.DateTimeField("变更时间", null=True, blank=True)
    settled_at = models.DateTimeField("办结时间", null=True, blank=True)
    done_at = models.DateTimeField("判定准时的时间", null=True, blank=True)
    # The due instant that held when it was settled, by which it is punctual or late for ever.
    judged_due_at = models.DateTimeField("判定所依的截止", null=True, blank=True)
    settled_by = models.ForeignKey(Filing, models.PROTECT, null=True, blank=True, related_name="settles")
    exempted_at = models.DateTimeField("免除时间", null=True, blank=True)
    exempted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    exempt_reason = models.CharField("免除理由", max_length=200, blank=True)

    objects = DutyQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "任务"
        constraints = [
            models.UniqueConstraint(
                fields=["branch", "year", "code", "starts_on"],
                condition=Q(branch__isnull=False, member__isnull=True, occasion__isnull=True),
                name="duty_once_a_branch",
            ),
            models.UniqueConstraint(
                fields=["member", "year", "code", "starts_on"],
                condition=Q(member__isnull=False, occasion__isnull=True),
                name="duty_once_a_member",
            ),
            models.UniqueConstraint(
                fields=["committee", "year", "code", "starts_on"],
                condition=Q(branch__isnull=True, occasion__isnull=True),
                name="duty_once_a_committee",
            ),
            models.UniqueConstraint(
                fields=["occasion", "code"], condition=Q(occasion__isnull=False), name="duty_once_an_occasion"
            ),
            models.CheckConstraint(
                condition=Q(member__isnull=True) | Q(branch__isnull=False), name="duty_of_member_in_branch"
            ),
            models.CheckConstraint(condition=Q(late_at__gte=F("due_at")), name="duty_late_after_due"),
            models.CheckConstraint(condition=both_or_neither("settled_at", "done_at"), name="duty_settled_whole"),
            models.CheckConstraint(
                condition=Q(settled_by__isnull=True) | Q(settled_at__isnull=False), name="duty_settled_by_when"
            ),
            models.CheckConstraint(condition=both_or_neither("exempted_at", "exempted_by"), name="duty_exempted_whole"),
        ]
        indexes = [
            models.Index(fields=["committee", "due_at"], name="duty_due"),
            models.Index(
                fields=["branch", "late_at"],
                condition=Q(settled_at__isnull=True, exempted_at__isnull=True),
                name="duty_open_of_branch",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.period}"

    def get_absolute_url(self) -> str:
        return reverse("plan:duty_detail", args=[self.pk])

    @property
    def owner(self) -> Branch | Member | Committee:
        return self.member or self.branch or self.committee


class Claim(models.Model):
    """A filing means to settle a duty; whichever is filed first settles it."""

    filing = models.ForeignKey(Filing, models.CASCADE, related_name="claim_rows")
    duty = models.ForeignKey(Duty, models.CASCADE, related_name="claim_rows")
    claimed_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "拟完成的任务"
        constraints = [models.UniqueConstraint(fields=["filing", "duty"], name="claim_once")]

    def __str__(self) -> str:
        return f"{self.filing_id} → {self.duty_id}"
