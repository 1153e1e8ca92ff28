"""Activity weeks (党员活动周) and what is the branch's own (特色): one record for the week, kept once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.urls import reverse

from branches.models import Branch, Member, User
from plan.models import Duty, Filing

if TYPE_CHECKING:
    from branches.access import Access


class ActivityWeekQuerySet(models.QuerySet["ActivityWeek"]):
    def visible_to(self, access: Access) -> ActivityWeekQuerySet:
        return self.filter(filing__in=Filing.objects.visible_to(access))


class ActivityWeek(models.Model):
    """One branch's activity week of a month: which week, its theme, who does what, and what came of it."""

    filing = models.OneToOneField(Filing, models.CASCADE, related_name="week")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="activity_weeks")
    # The Monday of the week; the week belongs to the month of its Monday.
    starts_on = models.DateField("开始日期")
    theme = models.CharField("主题", max_length=80)
    summary = models.TextField("开展情况和成效", max_length=2000, blank=True)
    # Its draft was discarded: the week may be begun anew.
    dropped_at = models.DateTimeField(null=True, blank=True)

    objects = ActivityWeekQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "党员活动周"
        constraints = [
            models.UniqueConstraint(
                fields=["branch", "starts_on"], condition=Q(dropped_at__isnull=True), name="activity_week_once"
            ),
        ]
        ordering = ["branch", "starts_on"]

    def __str__(self) -> str:
        return self.filing.title

    def get_absolute_url(self) -> str:
        return self.filing.get_absolute_url()

    def get_edit_url(self) -> str:
        return reverse("commitments:week_edit", args=[self.pk])

    @property
    def ends_on(self) -> date:
        """The Sunday of the week."""
        return self.starts_on + timedelta(days=6)

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        from commitments.weeks import missing_in

        return missing_in(self, at)

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        return filed_at

    def snapshot(self) -> dict[str, Any]:
        from commitments.weeks import snapshot_of

        return snapshot_of(self)

    def after_move(self, name: str, access: Access) -> None:
        if name == "discard":
            ActivityWeek.objects.filter(pk=self.pk).update(dropped_at=access.now)


class WeekAction(models.Model):
    """What one member, or the whole branch, does in the week, and what came of it."""

    class Aim(models.TextChoices):
        IDENTITY = "identity", "亮身份"
        IMAGE = "image", "树形象"
        FEATURE = "feature", "创特色"

    week = models.ForeignKey(ActivityWeek, models.CASCADE, related_name="actions")
    position = models.PositiveSmallIntegerField()
    aim = models.CharField("类别", max_length=10, choices=Aim)
    # Nobody: the whole branch.
    member = models.ForeignKey(Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="党员")
    text = models.CharField("行动", max_length=120)
    result = models.CharField("结果", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "活动周行动"
        ordering = ["week", "position"]
        constraints = [models.UniqueConstraint(fields=["week", "position"], name="week_action_once")]

    def __str__(self) -> str:
        return self.text


class FeatureQuerySet(models.QuerySet["Feature"]):
    def visible_to(self, access: Access) -> FeatureQuerySet:
        """The branch's own work to its members and to the offices above."""
        inside = Q(branch__in=access.branches) | Q(branch__committee__in=access.sees_committees)
        return self.filter(inside, removed_at__isnull=True)


class Feature(models.Model):
    """A page of what is special to the branch's work (特色工作): kept and grown over the years, with pictures."""

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="features")
    name = models.CharField("名称", max_length=60)
    aim = models.CharField("做法", max_length=1000)
    effect = models.TextField("成效", max_length=2000, blank=True)
    since_on = models.DateField("开始日期")
    weeks = models.ManyToManyField(ActivityWeek, blank=True, related_name="features", verbose_name="相关活动周")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField("更新时间")
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    edition = models.PositiveIntegerField("修改次数", default=0)
    removed_at = models.DateTimeField("撤下时间", null=True, blank=True)
    form_key = models.CharField("表单一次性编号", max_length=40, null=True, blank=True, unique=True)

    objects = FeatureQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "特色工作"
        ordering = ["branch", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("commitments:feature_detail", args=[self.pk])


class FeaturePictureQuerySet(models.QuerySet["FeaturePicture"]):
    def shown(self) -> FeaturePictureQuerySet:
        return self.filter(removed_at__isnull=True).order_by("pk")


class FeaturePicture(models.Model):
    """A picture of a feature page: only the cleaned copy is kept, named by its SHA-256."""

    feature = models.ForeignKey(Feature, models.PROTECT, related_name="pictures")
    caption = models.CharField("说明", max_length=120, blank=True)
    sha256 = models.CharField(max_length=64)
    thumb_sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField("字节数", default=0)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = FeaturePictureQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "特色工作图片"
        ordering = ["feature", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["feature", "sha256"], condition=Q(removed_at__isnull=True), name="feature_picture_once"
            )
        ]

    def __str__(self) -> str:
        return self.caption
