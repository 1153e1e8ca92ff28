"""What is owed: the plan as issued, its requirements, the duties opened from them, and what was filed for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, models, transaction
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse

from branches.constraints import both_or_neither
from branches.models import Branch, Committee, Member, User
from documents.text import size_words
from plan.document import Document, RequirementSpec
from plan.loading import load

if TYPE_CHECKING:
    from branches.access import Access


# The order of `PlanQuerySet.over`: the nearest committee's newest version.
NEAREST_FIRST: tuple[str, ...] = ("steps", "-version")

# Reading a plan costs some ten milliseconds and its texts never change once issued: a process reads each once.
_read = lru_cache(maxsize=16)(load)


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


class PlanIsIssued(Exception):
    """An issued plan was about to be changed; what changes is a new version."""

    def __init__(self) -> None:
        super().__init__("方案已经下发，不能再改。要改动，请另起一份修订版。")


class DraftExists(Exception):
    """The year already has a draft; `plan` is that draft."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(f"{plan.year}年已有一份草稿，请先改完、下发或删除它。")
        self.plan = plan


class DraftChanged(Exception):
    """The draft is not what its editor saw; `plan` is the draft as it is now."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("这份草稿在您打开之后被改过，您的修改还没有保存。")
        self.plan = plan


class PlanQuerySet(models.QuerySet["Plan"]):
    def update(self, **changes: Any) -> int:
        """Change drafts; raises PlanIsIssued, and changes nothing, where an issued plan is among the rows."""
        self._refuse_issued()
        return super().update(**changes)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete drafts; raises PlanIsIssued, and deletes nothing, where an issued plan is among the rows."""
        self._refuse_issued()
        return super().delete()

    def _refuse_issued(self) -> None:
        if self.issued().exists():
            raise PlanIsIssued

    def begin(self, *, committee: Committee, toml: str, source_text: str, at: datetime) -> Plan:
        """A new draft: the next version of the year that the document names.

        Raises DocumentErrors where the document is faulty, DraftExists where the year has a draft.
        """
        document = load(toml, source_text)
        mine = self.filter(committee=committee, year=document.year)
        try:
            with transaction.atomic():
                return self.create(
                    committee=committee, year=document.year, version=mine.next_version(), title=document.title[:120],
                    toml=toml, source_text=source_text, created_at=at,
                )  # fmt: skip
        except IntegrityError:
            # The constraint is the one that knows: two clicks, or two people, at once.
            raise DraftExists(mine.get(issued_at__isnull=True)) from None

    def next_version(self) -> int:
        """The number that follows the last version among these plans."""
        return (self.aggregate(last=models.Max("version"))["last"] or 0) + 1

    def drafts_of(self, access: Access) -> PlanQuerySet:
        """The drafts that the person may change."""
        return self.filter(committee__in=access.office_of, issued_at__isnull=True)

    def with_successor(self) -> PlanQuerySet:
        """Annotates `superseded_on`: the first day of the next issued version of the year, if there is one."""
        later = Plan.objects.issued().filter(
            committee=OuterRef("committee"), year=OuterRef("year"), version__gt=OuterRef("version")
        )
        return self.annotate(superseded_on=Subquery(later.order_by("version").values("effective_on")[:1]))

    def issued(self) -> PlanQuerySet:
        return self.filter(issued_at__isnull=False)

    def in_force(self, committee_id: int, year: int) -> Plan | None:
        """The newest issued version of the committee's own plan for the year."""
        return self.issued().filter(committee=committee_id, year=year).order_by("-version").first()

    def over(self, committee_id: int) -> PlanQuerySet:
        """The issued plans of the committee and of those above it, annotated with `steps`: how many levels up."""
        ways = ({"committee": committee_id}, {"committee__children": committee_id},
                {"committee__children__children": committee_id})  # fmt: skip
        steps = Case(*(When(**way, then=Value(n)) for n, way in enumerate(ways)))
        return self.issued().filter(Q(*(Q(**way) for way in ways), _connector=Q.OR)).annotate(steps=steps)

    def asking(self, committee_id: int, year: int, on: date | None = None) -> Plan | None:
        """The plan that asks the committee's branches: of the nearest committee upward that has issued one.

        With a day, a plan that speaks by then comes before one that is only to come.
        """
        plans = self.over(committee_id).filter(year=year).select_related("committee")
        if on is None:
            return plans.order_by(*NEAREST_FIRST).first()
        to_come = Case(When(effective_on__gt=on, then=Value(1)), default=Value(0))
        return plans.order_by(to_come, *NEAREST_FIRST).first()

    def visible_to(self, access: Access) -> PlanQuerySet:
        """The office sees its drafts; everybody under the committee, however deep, sees what was issued."""
        mine = Q(committee__in=access.office_of) | Q(committee__in=access.inspects, issued_at__isnull=False)
        under = {access.committee.pk} if access.committee else set()
        if access.branch:
            under.add(access.branch.committee_id)
        for committee in under:
            mine |= Q(pk__in=Plan.objects.over(committee).values("pk"))
        return self.filter(mine)


class Plan(models.Model):
    """A year's implementation plan of a committee, as a document; issued, it never changes."""

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="plans", verbose_name="机关党委")
    year = models.PositiveSmallIntegerField("年度")
    version = models.PositiveSmallIntegerField("版次", default=1)
    title = models.CharField("标题", max_length=120)
    toml = models.TextField("方案数据")
    source_text = models.TextField("方案原文")
    created_at = models.DateTimeField("起草时间")
    effective_on = models.DateField("生效日期", null=True, blank=True)
    issued_at = models.DateTimeField("下发时间", null=True, blank=True)
    issued_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "实施方案"
        ordering = ["-year", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["committee", "year", "version"], name="plan_version_once"),
            models.UniqueConstraint(
                fields=["committee", "year"], condition=Q(issued_at__isnull=True), name="plan_one_draft_a_year"
            ),
            models.CheckConstraint(condition=both_or_neither("issued_at", "issued_by"), name="plan_issued_whole"),
            models.CheckConstraint(
                condition=both_or_neither("issued_at", "effective_on"), name="plan_issued_with_its_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year}年实施方案" + (f"（第{self.version}版）" if self.version > 1 else "")

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._refuse_issued()
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("plan:plan_detail", args=[self.pk])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self._refuse_issued()
        return super().delete(*args, **kwargs)

    def _refuse_issued(self) -> None:
        """What counts is the row in the database, not what this object remembers of it."""
        if self.pk and Plan.objects.issued().filter(pk=self.pk).exists():
            raise PlanIsIssued

    def rewrite(self, *, toml: str, source_text: str, seen: str) -> None:
        """Replace a draft's text, which its editor saw as `seen` (its sha256); a new year makes it that year's draft.

        Raises DocumentErrors, DraftChanged (somebody was quicker), DraftExists or PlanIsIssued, and writes nothing.
        """
        document = load(toml, source_text)
        with transaction.atomic():
            now = Plan.objects.select_for_update().get(pk=self.pk)
            if now.is_issued:
                raise PlanIsIssued
            if now.sha256 != seen:
                raise DraftChanged(now)
            others = Plan.objects.filter(committee=now.committee_id, year=document.year).exclude(pk=now.pk)
            if draft := others.filter(issued_at__isnull=True).first():
                raise DraftExists(draft)
            now.year, now.version, now.title = document.year, others.next_version(), document.title[:120]
            now.toml, now.source_text = toml, source_text
            now.save()

    @property
    def is_issued(self) -> bool:
        return self.issued_at is not None

    @cached_property
    def document(self) -> Document:
        """The plan read from its data; raises plan.document.DocumentErrors while a draft is faulty."""
        return _read(self.toml, self.source_text)

    @property
    def sha256(self) -> str:
        return hashlib.sha256((self.toml + "\n" + self.source_text).encode()).hexdigest()


class Reading(models.Model):
    """A reading that the plan names (学习重点), for plan items and gatherings to cite."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="readings")
    position = models.PositiveSmallIntegerField()
    title = models.CharField("篇目", max_length=120)
    quote = models.TextField("方案原文")

    class Meta:
        verbose_name = verbose_name_plural = "学习篇目"
        ordering = ["plan", "position"]
        constraints = [models.UniqueConstraint(fields=["plan", "title"], name="reading_once")]

    def __str__(self) -> str:
        return self.title


class Requirement(models.Model):
    """One thing that an issued plan asks for: clause, quote, who owes it, when, and what proves it."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="requirements")
    position = models.PositiveSmallIntegerField()
    code = models.CharField("编号", max_length=4)
    clause = models.CharField("条款", max_length=10)
    title = models.CharField("要求", max_length=60)
    quotes = models.JSONField("方案原文")
    proof = models.CharField("凭什么证明", max_length=20)
    kinds = models.JSONField("活动类型", default=list)
    receiver = models.CharField("报给谁", max_length=10)
    handling = models.CharField("如何办理", max_length=10)
    data = models.JSONField("全部数据")

    class Meta:
        verbose_name = verbose_name_plural = "要求"
        ordering = ["plan", "position"]
        constraints = [models.UniqueConstraint(fields=["plan", "code"], name="requirement_code_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("plan:requirement_detail", args=[self.pk])

    @cached_property
    def spec(self) -> RequirementSpec:
        return RequirementSpec.from_dict(self.data)


def under(committees: Iterable[int], prefix: str = "") -> Q:
    """What these committees asked for, and what their branches owe or sent to whichever committee above."""
    ids = list(committees)
    return Q(**{f"{prefix}committee__in": ids}) | Q(**{f"{prefix}branch__committee__in": ids})


class FilingQuerySet(models.QuerySet["Filing"]):
    def visible_to(self, access: Access) -> FilingQuerySet:
        """A draft to those who write it; what was sent or kept to the branch and upward, a member's not to the others.

        A branch's record is written by its branch committee, a member's own by the member, the committee's by its
        office; the leaders of a branch read their members' filings from the moment they are filed.
        """
        writers = (
            Q(member=access.member_id)
            | Q(branch__in=access.leads, member__isnull=True)
            | Q(committee__in=access.office_of, branch__isnull=True)
        )
        readers = (
            under(access.sees_committees)
            | Q(branch__in=access.leads)
            | Q(branch__in=access.branches, member__isnull=True)
        )
        mine = writers | (readers & ~Q(state=Filing.State.DRAFT))
        return self.filter(mine).exclude(state=Filing.State.DISCARDED)

    def waiting_at_branch(self, branch_ids: Iterable[int]) -> FilingQuerySet:
        return self.filter(branch__in=branch_ids, desk=Filing.Desk.BRANCH, state=Filing.State.FILED).order_by(
            "filed_at", "pk"
        )


class Filing(models.Model):
    """What goes to a desk: one record's way from draft to received, with its receipt and all its versions."""

    class Kind(models.TextChoices):
        GATHERING = "gathering", "活动记录"
        JOINT = "joint", "联合活动"
        BRANCH_PLAN = "branch_plan", "支部年度学习计划"
        MEMBER_PLAN = "member_plan", "个人自学计划"
        PAPER = "paper", "材料"

    class Desk(models.TextChoices):
        OFFICE = "office", "机关党委办公室"
        BRANCH = "branch", "党支部"
        NONE = "none", "留存"

    class State(models.TextChoices):
        DRAFT = "draft", "草稿"
        FILED = "filed", "已报送"
        SENT_BACK = "sent_back", "退回补正"
        RECEIVED = "received", "已备案"
        APPROVED = "approved", "已审定"
        KEPT = "kept", "已留存"
        DISCARDED = "discarded", "已作废"

    # Whose move it is in each state: this answers who may edit, whose to-do it is, whom to remind.
    OWNER = {
        State.DRAFT: "author",
        State.SENT_BACK: "author",
        State.FILED: "desk",
        State.RECEIVED: "nobody",
        State.APPROVED: "nobody",
        State.KEPT: "nobody",
        State.DISCARDED: "nobody",
    }

    kind = models.CharField("种类", max_length=12, choices=Kind)
    committee = models.ForeignKey(Committee, models.PROTECT, related_name="filings")
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, related_name="filings")
    member = models.ForeignKey(Member, models.PROTECT, null=True, blank=True, related_name="filings")
    year = models.PositiveSmallIntegerField("年度")
    title = models.CharField("标题", max_length=120)
    desk = models.CharField("报给", max_length=10, choices=Desk)
    handling = models.CharField("办理", max_length=10)
    state = models.CharField("状态", max_length=10, choices=State, default=State.DRAFT)
    state_since = models.DateTimeField("状态起始")
    receipt = models.CharField("回执号", max_length=20, null=True, blank=True)  # noqa: DJ001 — null is "none yet", '' would collide
    first_filed_at = models.DateTimeField("首次报送", null=True, blank=True)
    filed_at = models.DateTimeField("最近报送", null=True, blank=True)
    filed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    is_late = models.BooleanField("补报", default=False)
    late_reason = models.CharField("补报原因", max_length=200, blank=True)
    created_at = models.DateTimeField("起草时间")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    form_key = models.CharField("表单一次性编号", max_length=40, null=True, blank=True, unique=True)
    edition = models.PositiveIntegerField("修改次数", default=0)
    claims: models.ManyToManyField[Duty, Claim] = models.ManyToManyField(
        "Duty", through="Claim", related_name="claimed_by"
    )

    objects = FilingQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "报送件"
        constraints = [
            models.UniqueConstraint(fields=["committee", "receipt"], name="filing_receipt_once"),
            models.CheckConstraint(condition=both_or_neither("filed_at", "filed_by"), name="filing_filed_whole"),
            models.CheckConstraint(condition=both_or_neither("first_filed_at", "receipt"), name="filing_has_receipt"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "discarded"]) | Q(first_filed_at__isnull=False),
                name="filing_moved_only_when_filed",
            ),
            models.CheckConstraint(condition=Q(is_late=False) | ~Q(late_reason=""), name="filing_late_has_reason"),
        ]
        indexes = [
            models.Index(fields=["committee", "desk", "state", "filed_at"], name="filing_in_tray"),
            models.Index(fields=["branch", "state", "-state_since"], name="filing_of_branch"),
            models.Index(fields=["member", "kind", "year"], name="filing_of_member"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("plan:filing_detail", args=[self.pk])

    @property
    def record(self) -> Any:
        """The record that this filing sends: a gathering, a study plan, a paper; its relation bears the kind's name."""
        return getattr(self, self.kind)

    @property
    def audit_name(self) -> str:
        """What the audit log calls it: no title, because auditors read no business text."""
        return f"{self.get_kind_display()} {self.receipt or ''}".strip()

    @property
    def is_editable(self) -> bool:
        return self.OWNER[self.State(self.state)] == "author"

    @property
    def desk_name(self) -> str:
        if self.desk == self.Desk.OFFICE:
            return self.committee.office_name
        return self.branch.name if self.desk == self.Desk.BRANCH and self.branch else "支部留存"

    def shown_pictures(self) -> PictureQuerySet:
        """The pictures that belong to the record; of a joint gathering they are the recording branch's."""
        shared = getattr(self.record, "shown_pictures", None)
        return shared() if shared else self.pictures.shown()

    @property
    def newest(self) -> Version | None:
        return self.versions.order_by("-number").first()


class Version(models.Model):
    """What was filed, frozen as it was: the snapshot's own text and its SHA-256; never changed, never deleted."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField("版次")
    filed_at = models.DateTimeField("报送时间")
    filed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    text = models.TextField("冻结内容")
    sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = "报送版本"
        ordering = ["filing", "number"]
        constraints = [models.UniqueConstraint(fields=["filing", "number"], name="version_number_once")]

    def __str__(self) -> str:
        return f"{self.filing} 第{self.number}版"

    @property
    def snapshot(self) -> dict[str, Any]:
        return json.loads(self.text)

    @property
    def is_intact(self) -> bool:
        return hashlib.sha256(self.text.encode()).hexdigest() == self.sha256


class Move(models.Model):
    """One step of a filing: who, when, from, to, and the note; written with the step itself, never changed."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="moves")
    name = models.CharField("动作", max_length=12)
    made_at = models.DateTimeField("时间")
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    from_state = models.CharField("原状态", max_length=10, choices=Filing.State, blank=True)
    to_state = models.CharField("新状态", max_length=10, choices=Filing.State)
    note = models.CharField("说明", max_length=500, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "办理记录"
        ordering = ["made_at", "pk"]
        indexes = [models.Index(fields=["filing", "made_at"], name="move_of_filing")]

    def __str__(self) -> str:
        return f"{self.filing} {self.name}"


class Receipt(models.Model):
    """The last receipt number given in a branch and year; raised inside the filing's own transaction."""

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="+")
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, related_name="+")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = verbose_name_plural = "回执号"
        constraints = [
            models.UniqueConstraint(
                fields=["branch", "year"], condition=Q(branch__isnull=False), name="receipt_counter_of_branch"
            ),
            models.UniqueConstraint(
                fields=["committee", "year"], condition=Q(branch__isnull=True), name="receipt_counter_of_committee"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.branch or self.committee}: {self.last}"


def unsettled(at: datetime) -> Q:
    """A duty that nothing had settled at the instant, and that nobody had waived."""
    return (Q(settled_at__isnull=True) | Q(settled_at__gt=at)) & (Q(exempted_at__isnull=True) | Q(exempted_at__gt=at))


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

    def unsettled(self, at: datetime) -> DutyQuerySet:
        return self.filter(unsettled(at))

    def overdue(self, at: datetime) -> DutyQuerySet:
        return self.unsettled(at).filter(late_at__lte=at)

    def due_between(self, start: datetime, end: datetime) -> DutyQuerySet:
        return self.filter(due_at__gt=start, due_at__lte=end)

    def with_standing(self, at: datetime) -> DutyQuerySet:
        """Annotates `standing` (a Standing code), `was_late` and `has_draft`, all as they were at the instant."""
        then = (
            Move.objects.filter(filing=OuterRef("settled_by"), made_at__lte=at)
            .order_by("-made_at", "-pk")
            .values("to_state")[:1]
        )
        # Most filings have not moved since `at`; only for the others is their course looked up.
        state = Case(
            When(settled_by__isnull=True, then=Value(Standing.APPROVED.value)),
            When(settled_by__state_since__lte=at, then=F("settled_by__state")),
            default=Subquery(then),
            output_field=models.CharField(),
        )
        return self.annotate(
            standing=Case(
                When(exempted_at__lte=at, then=Value(Standing.WAIVED.value)),
                When(settled_at__lte=at, then=state),
                When(late_at__lte=at, then=Value(Standing.OVERDUE.value)),
                When(due_at__lte=at + timedelta(days=1), then=Value(Standing.TODO.value)),
                default=Value(Standing.NOT_DUE.value),
                output_field=models.CharField(),
            ),
            was_late=Case(
                When(settled_at__lte=at, done_at__gte=F("due_at"), then=Value(True)),
                default=Value(False),
                output_field=models.BooleanField(),
            ),
        )

    def with_draft(self, at: datetime) -> DutyQuerySet:
        """Annotates the newest draft that means to settle the duty: `draft_id`, and its record's `draft_record_id`."""
        draft = Claim.objects.filter(duty=OuterRef("pk"), claimed_at__lte=at, filing__state=Filing.State.DRAFT)
        draft = draft.order_by("-pk").annotate(record_id=Coalesce("filing__gathering", "filing__paper"))
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
    settled_at = models.DateTimeField("办结时间", null=True, blank=True)
    done_at = models.DateTimeField("判定准时的时间", null=True, blank=True)
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


class PictureQuerySet(models.QuerySet["Picture"]):
    def shown(self) -> PictureQuerySet:
        return self.filter(removed_at__isnull=True).order_by("position", "pk")


class Picture(models.Model):
    """A photo that proves a record: only the re-encoded copy is kept, named by its SHA-256."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="pictures")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField("文件名", max_length=120)
    caption = models.CharField("说明", max_length=120, blank=True)
    sha256 = models.CharField(max_length=64)
    thumb_sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField("字节数", default=0)
    taken_at = models.DateTimeField("拍摄时间", null=True, blank=True)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True, blank=True)
    # How it looks: 64 bits in four parts, so that pictures that differ in at most three bits share a whole part.
    look_1 = models.PositiveIntegerField(null=True, blank=True)
    look_2 = models.PositiveIntegerField(null=True, blank=True)
    look_3 = models.PositiveIntegerField(null=True, blank=True)
    look_4 = models.PositiveIntegerField(null=True, blank=True)
    # The earlier picture of another record that it equals or resembles, and what the branch says to the question.
    twin = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    twin_answer = models.CharField("相同图片说明", max_length=120, blank=True)

    objects = PictureQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "图片"
        constraints = [
            models.UniqueConstraint(
                fields=["filing", "sha256"], condition=Q(removed_at__isnull=True), name="picture_once_a_filing"
            ),
            models.CheckConstraint(
                condition=Q(twin_answer="") | Q(twin__isnull=False), name="picture_answers_about_its_twin"
            ),
        ]
        indexes = [
            models.Index(fields=["sha256"], name="picture_by_content"),
            *(models.Index(fields=[f"look_{n}"], name=f"picture_by_look_{n}") for n in (1, 2, 3, 4)),
        ]

    def __str__(self) -> str:
        return self.name


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def shown(self) -> AttachmentQuerySet:
        return self.filter(removed_at__isnull=True).order_by("position", "pk")


class Attachment(models.Model):
    """A document that belongs to a record (附件): checked, stripped of its properties, named by its SHA-256."""

    class Format(models.TextChoices):
        DOCX = "docx", "Word文档"
        XLSX = "xlsx", "Excel表格"
        PDF = "pdf", "PDF文件"

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="attachments")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField("文件名", max_length=120)
    format = models.CharField("格式", max_length=4, choices=Format)
    size = models.PositiveIntegerField("字节数")
    sha256 = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "附件"
        constraints = [
            models.UniqueConstraint(
                fields=["filing", "sha256"], condition=Q(removed_at__isnull=True), name="attachment_once_a_filing"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def size_words(self) -> str:
        """35 KB, 1.2 MB."""
        return size_words(self.size)


class Paper(models.Model):
    """A material (佐证材料) for a requirement that has no page of its own: what was done, when, with pictures."""

    filing = models.OneToOneField(Filing, models.CASCADE, related_name="paper")
    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="papers")
    done_on = models.DateField("完成日期")
    content = models.TextField("主要内容", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "材料"

    def __str__(self) -> str:
        return self.filing.title

    def get_edit_url(self) -> str:
        return reverse("plan:paper_edit", args=[self.pk])

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        missing = []
        if not self.content.strip():
            missing.append("还缺主要内容：写明做了什么、结果怎样。")
        if self.requirement.spec.pictures and not self.filing.pictures.shown().exists():
            missing.append("还缺图片：至少上传1张现场照片。")
        return missing

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        return filed_at

    def snapshot(self) -> dict[str, Any]:
        return {
            "fields": [
                ["标题", self.filing.title],
                ["对应要求", f"{self.requirement.code} {self.requirement.title}"],
                ["完成日期", f"{self.done_on:%Y年%-m月%-d日}"],
                ["主要内容", self.content],
            ],
            "tables": [],
        }


class SpecialDay(models.Model):
    """A day that the office's calendar treats otherwise than the holiday notices do: 放假 or 调休上班."""

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="special_days")
    day = models.DateField("日期")
    works = models.BooleanField("上班")
    name = models.CharField("事由", max_length=40)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "工作日历"
        ordering = ["committee", "day"]
        constraints = [models.UniqueConstraint(fields=["committee", "day"], name="special_day_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"
