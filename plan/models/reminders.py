"""Reminders: what is to be said about a duty and when, to whom it was said, and what the office set for it."""

from __future__ import annotations

from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from branches.models import Committee, User
from inbox.models import Message


class ReminderPolicy(models.Model):
    """How a committee's office wants its people reminded; without a row the defaults hold."""

    committee = models.OneToOneField(Committee, models.PROTECT, related_name="reminder_policy")
    is_on = models.BooleanField("发送提醒", default=True)
    at_start = models.BooleanField("开始时提醒", default=True)
    # Days before the last day, e.g. [3] or [7, 1].
    days_before = models.JSONField("提前几天", default=list)
    on_the_day = models.BooleanField("当天提醒", default=True)
    when_late = models.BooleanField("逾期时提醒一次", default=True)
    # Days after the deadline at which the next level is told, once; None: never.
    superior_after = models.PositiveSmallIntegerField(
        "逾期几天告知上级", null=True, blank=True, default=2, validators=[MaxValueValidator(60)]
    )
    # Hours after an activity's end at which its filing is asked for.
    event_hours = models.PositiveSmallIntegerField(
        "活动结束几小时后提醒报送", default=12, validators=[MinValueValidator(1), MaxValueValidator(23)]
    )
    digest_at = models.TimeField("每日提醒时间", default=time(8))
    quiet_from = models.TimeField("免打扰起", default=time(21, 30))
    quiet_until = models.TimeField("免打扰止", default=time(7, 30))
    on_rest_days = models.BooleanField("周末和节假日也提醒", default=False)
    by_email = models.BooleanField("允许电子邮件", default=True)
    by_wecom = models.BooleanField("允许企业微信", default=True)
    set_at = models.DateTimeField("设置时间")
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "提醒规则"

    def __str__(self) -> str:
        return f"{self.committee}的提醒规则"


class Reminder(models.Model):
    """One thing to be said once: about which subject, at which stage, for which deadline, from when on.

    `source` names what the subject is (a duty, a line of a branch's plan, a follow-up …) and who answers for it, see
    `plan.reminders.SOURCES`. It is closed when everybody concerned was told, or when there is nothing left to tell.
    """

    class Stage(models.TextChoices):
        START = "start", "开始"
        BEFORE = "before", "临近"
        DAY = "day", "当天"
        EVENT = "event", "活动结束后"
        LATE = "late", "逾期"
        SUPERIOR = "superior", "告知上级"

    class Outcome(models.TextChoices):
        SAID = "said", "已提醒"
        DONE = "done", "已办结，不再提醒"
        MOVED = "moved", "期限已变"
        NOBODY = "nobody", "无人可提醒"

    source = models.CharField(max_length=12)
    subject = models.PositiveBigIntegerField()
    stage = models.CharField("阶段", max_length=8, choices=Stage)
    # Of several "days before", which; 0 for the other stages.
    step = models.PositiveSmallIntegerField(default=0)
    # The deadline that it speaks of: when that moves, what is unsaid is closed and the new one gets rows of its own.
    for_at = models.DateTimeField("所指期限")
    committee = models.ForeignKey(Committee, models.PROTECT, related_name="+")
    scheduled_at = models.DateTimeField("提醒时间")
    closed_at = models.DateTimeField("处理时间", null=True, blank=True)
    outcome = models.CharField("结果", max_length=8, choices=Outcome, blank=True, default="")

    class Meta:
        verbose_name = verbose_name_plural = "提醒"
        ordering = ["scheduled_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["source", "subject", "stage", "step", "for_at"], name="reminder_once"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, outcome="") | (Q(closed_at__isnull=False) & ~Q(outcome="")),
                name="reminder_closed_with_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["scheduled_at"], condition=Q(closed_at__isnull=True), name="reminder_open"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.subject} {self.stage}"


class Said(models.Model):
    """A reminder was said to a person in a message; to each person once."""

    reminder = models.ForeignKey(Reminder, models.CASCADE, related_name="said")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    message = models.ForeignKey(Message, models.PROTECT, related_name="said")

    class Meta:
        verbose_name = verbose_name_plural = "已作提醒"
        constraints = [models.UniqueConstraint(fields=["reminder", "user"], name="said_once")]

    def __str__(self) -> str:
        return f"{self.reminder_id} → {self.user_id}"


class LeadTime(models.Model):
    """How many days before its deadline the office wants to begin with something the committee itself owes."""

    committee = models.ForeignKey(Committee, models.CASCADE, related_name="lead_times")
    code = models.CharField("编号", max_length=4)
    days = models.PositiveSmallIntegerField("提前天数", validators=[MaxValueValidator(200)])

    class Meta:
        verbose_name = verbose_name_plural = "提前量"
        constraints = [models.UniqueConstraint(fields=["committee", "code"], name="lead_time_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.days}天"


class SavedView(models.Model):
    """A person's own name for a set of conditions of the board or of a list."""

    user = models.ForeignKey(User, models.CASCADE, related_name="saved_views")
    page = models.CharField("页面", max_length=20)
    name = models.CharField("名称", max_length=30)
    query = models.CharField("条件", max_length=500, blank=True)
    saved_at = models.DateTimeField("保存时间")

    class Meta:
        verbose_name = verbose_name_plural = "常用视图"
        ordering = ["page", "name"]
        constraints = [models.UniqueConstraint(fields=["user", "page", "name"], name="saved_view_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_name(self) -> str:
        """What the log may say of it: the page, not what a person typed as its name."""
        return f"常用视图（{self.page}）"
