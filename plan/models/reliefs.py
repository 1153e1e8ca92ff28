"""Exemptions and extensions, and every change that a duty's dates ever took: what was owed then can still be told."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from branches.access import Access
from branches.constraints import both_or_neither
from branches.models import Branch, Committee, User
from plan.models.duties import Duty
from plan.models.filings import under


class ReliefQuerySet(models.QuerySet["Relief"]):
    def visible_to(self, access: Access) -> ReliefQuerySet:
        """The office's tree; a branch's own to its people, and what holds for all to everybody under the committee.

        What names a member's own duty tells why that one person cannot: it is his, his branch's leaders' and the
        office's.
        """
        near = {access.committee.pk} if access.committee else set()
        if access.branch:
            near.add(access.branch.committee_id)
        up = Committee.objects.over_any(near).values("pk")
        through: Any = Relief.duties.through
        others = through.objects.filter(relief=OuterRef("pk"), duty__member__isnull=False)
        others = others.exclude(duty__member=access.member_id)
        own = Q(branch__in=access.leads) | (Q(branch__in=access.branches) & ~Exists(others))
        mine = own | Q(branch__isnull=True, committee__in=up, state=Relief.State.GRANTED)
        return self.filter(under(access.sees_committees) | mine)


class Relief(models.Model):
    """A branch is freed from some duties of a term, or given more time for them: asked with a reason, then decided."""

    class Kind(models.TextChoices):
        EXEMPT = "exempt", "免除"
        EXTEND = "extend", "延期"

    class State(models.TextChoices):
        ASKED = "asked", "待办公室审批"
        SECONDED = "seconded", "待第二人复核"
        GRANTED = "granted", "已同意"
        REFUSED = "refused", "未同意"
        WITHDRAWN = "withdrawn", "已撤回"
        ENDED = "ended", "已终止"

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="reliefs")
    # None: for all branches under the committee, as in a vacation that the office sets once.
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, related_name="reliefs")
    kind = models.CharField("种类", max_length=8, choices=Kind)
    state = models.CharField("状态", max_length=10, choices=State, default=State.ASKED)
    year = models.PositiveSmallIntegerField("年度")
    name = models.CharField("名称", max_length=60, blank=True)
    # The codes of the requirements, and the term within which their deadlines must lie (both days included) …
    codes = models.JSONField("要求", default=list)
    from_on = models.DateField("起")
    until_on = models.DateField("止")
    # … or single duties, where the branch asked for just these.
    duties: models.ManyToManyField[Duty, models.Model] = models.ManyToManyField(
        Duty, blank=True, related_name="reliefs"
    )
    # An extension's new last day (included).
    due_on = models.DateField("延期至", null=True, blank=True)
    reason = models.CharField("理由", max_length=200)
    asked_at = models.DateTimeField("申请时间")
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    first_at = models.DateTimeField("初审时间", null=True, blank=True)
    first_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField("决定时间", null=True, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField("审批意见", max_length=200, blank=True)
    ended_at = models.DateTimeField("终止时间", null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    form_key = models.CharField("表单一次性编号", max_length=40, null=True, blank=True, unique=True)

    objects = ReliefQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "免除与延期"
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(until_on__gte=models.F("from_on")), name="relief_term_in_order"),
            models.CheckConstraint(
                condition=Q(kind="extend", due_on__isnull=False) | Q(kind="exempt", due_on__isnull=True),
                name="relief_extends_to_a_day",
            ),
            models.CheckConstraint(condition=both_or_neither("first_at", "first_by"), name="relief_first_whole"),
            models.CheckConstraint(condition=both_or_neither("decided_at", "decided_by"), name="relief_decided_whole"),
            models.CheckConstraint(condition=both_or_neither("ended_at", "ended_by"), name="relief_ended_whole"),
            models.CheckConstraint(
                condition=~Q(state__in=["granted", "refused", "ended"]) | Q(decided_at__isnull=False),
                name="relief_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(first_by__isnull=True) | ~Q(first_by=models.F("decided_by")), name="relief_two_persons"
            ),
        ]
        indexes = [
            models.Index(fields=["committee", "state", "asked_at"], name="relief_in_tray"),
            models.Index(fields=["branch", "-asked_at"], name="relief_of_branch"),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.get_kind_display()}申请"

    def get_absolute_url(self) -> str:
        return reverse("plan:relief_detail", args=[self.pk])

    @property
    def audit_name(self) -> str:
        """What the audit log calls it: auditors read no reasons."""
        return f"{self.get_kind_display()} {self.pk}"


class DutyChange(models.Model):
    """A change of one duty's dates or of its exemption: what held before, what since, by whom and why.

    Written by `plan.changing` together with the duty, never changed; `Duty.changed_at` is the newest one's instant.
    """

    duty = models.ForeignKey(Duty, models.CASCADE, related_name="changes")
    changed_at = models.DateTimeField("时间")
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    why = models.CharField("原因", max_length=200)
    relief = models.ForeignKey(Relief, models.PROTECT, null=True, blank=True, related_name="changes")
    due_before = models.DateTimeField()
    due_after = models.DateTimeField()
    late_before = models.DateTimeField()
    late_after = models.DateTimeField()
    exempted_before = models.BooleanField(default=False)
    exempted_after = models.BooleanField(default=False)

    class Meta:
        verbose_name = verbose_name_plural = "任务变更"
        ordering = ["changed_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(late_after__gte=models.F("due_after")), name="duty_change_late_after_due"
            )
        ]
        indexes = [models.Index(fields=["duty", "changed_at"], name="duty_change_of_duty")]

    def __str__(self) -> str:
        return f"{self.duty_id} {self.why}"
