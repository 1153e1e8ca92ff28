"""What goes to a desk: filings with their versions, moves and receipts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.urls import reverse

from branches.constraints import both_or_neither
from branches.models import Branch, Committee, Member, User

if TYPE_CHECKING:
    from branches.access import Access
    from plan.models.duties import Claim, Duty
    from plan.models.evidence import PictureQuerySet


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
        PLEDGE = "pledge", "承诺书"
        WEEK = "week", "党员活动周"

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
