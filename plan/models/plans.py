"""The plan as issued: a document that never changes, its readings, and what it asks for."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, models, transaction
from django.db.models import Case, OuterRef, Q, Subquery, Value, When
from django.urls import reverse

from branches.constraints import both_or_neither
from branches.models import Committee, User
from plan.document import Document, RequirementSpec
from plan.loading import load

if TYPE_CHECKING:
    from branches.access import Access


# The order of `PlanQuerySet.over`: the nearest committee's newest version.
NEAREST_FIRST: tuple[str, ...] = ("steps", "-version")

# Reading a plan costs some ten milliseconds and its texts never change once issued: a process reads each once.
_read = lru_cache(maxsize=16)(load)


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
