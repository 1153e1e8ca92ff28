"""Work that no request waits for: what is to be done, how far it is, and when the regular rounds last came by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.urls import reverse

from branches.models import Committee, User

if TYPE_CHECKING:
    from branches.access import Access

# A worker that has said nothing for so long is taken for dead.
LEASE = timedelta(seconds=60)
# Clocks of several processes differ by a little; by more than this, one of them has been set.
SLACK = timedelta(seconds=5)
# What was handed to the engine and not begun by then is handed over again.
PATIENCE = timedelta(minutes=2)


class JobQuerySet(models.QuerySet["Job"]):
    """Work, by who may watch it and by whether its time has come."""

    def visible_to(self, access: Access) -> JobQuerySet:
        """One's own, what concerns the committees whose office one is, and all there is to run for who keeps it."""
        theirs = Q(committee__in=access.office_of | access.administers)
        if access.user:
            theirs |= Q(asked_by=access.user)
        if access.administers:
            theirs |= Q(committee=None)
        return self.filter(theirs)

    def due(self, now: datetime) -> JobQuerySet:
        """Waiting, and its time has come; or asked for by a clock that has been set back since."""
        waiting = self.filter(state=Job.State.WAITING)
        return waiting.filter(Q(next_at__lte=now) | Q(asked_at__gt=now + LEASE))

    def abandoned(self, now: datetime) -> JobQuerySet:
        """Held by a worker that no longer says that it lives, or under a lease of a clock that has been set back."""
        running = self.filter(state=Job.State.RUNNING)
        return running.filter(Q(lease_until__lt=now) | Q(lease_until__gt=now + 2 * LEASE))


class Job(models.Model):
    """One piece of work, asked for once by its key: waiting, running under a lease, done, or failed with the reason.

    The row is the truth; the engine (settings.TASKS) only carries its number to a worker. What an engine loses is
    handed to it again when its time, or the lease of a worker that died, is over.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "等待"
        RUNNING = "running", "进行中"
        DONE = "done", "完成"
        FAILED = "failed", "失败"

    kind = models.CharField("任务", max_length=40)
    # Asked for again under the same key, it is the same work: `open_duties:12`, `reminders@2018-07-08T08:00+08:00`.
    key = models.CharField("编号", max_length=120, unique=True)
    arguments = models.JSONField("参数", default=dict)
    # Whose business it is: its office may watch it; None is the portal's own housekeeping.
    committee = models.ForeignKey(Committee, models.PROTECT, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField("提交时间")
    asked_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField("状态", max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField("次数", default=0)
    next_at = models.DateTimeField("下次执行")
    # When the engine was last given its number; None while there is no reason to.
    handed_at = models.DateTimeField(null=True, blank=True)
    # Until when the worker that has it must have said that it lives; another takes it after that.
    lease_until = models.DateTimeField(null=True, blank=True)
    holder = models.CharField(max_length=60, blank=True, default="")
    began_at = models.DateTimeField("开始时间", null=True, blank=True)
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # What came of it in one line, or why it did not: no business text, no names.
    said = models.CharField("结果", max_length=300, blank=True, default="")

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "后台任务"
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="running", lease_until__isnull=False)
                | (~Q(state="running") & Q(lease_until__isnull=True)),
                name="job_running_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "failed"], ended_at__isnull=False)
                | (~Q(state__in=["done", "failed"]) & Q(ended_at__isnull=True)),
                name="job_ended_when",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="job_waiting"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="job_running"),
            models.Index(fields=["kind", "-asked_at"], name="job_of_kind"),
        ]

    def __str__(self) -> str:
        return self.key

    def get_absolute_url(self) -> str:
        return reverse("jobs:job_detail", args=[self.pk])


class Round(models.Model):
    """A regular round (提醒, 清理…) and its last slot that was asked for; the next is never asked for twice."""

    name = models.CharField("任务", max_length=40, unique=True)
    slot_at = models.DateTimeField("最近一次")

    class Meta:
        verbose_name = verbose_name_plural = "定期任务"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """A process that does the work, and when it last said that it lives."""

    name = models.CharField("进程", max_length=60, unique=True)
    began_at = models.DateTimeField("启动时间")
    beat_at = models.DateTimeField("最近报到")

    class Meta:
        verbose_name = verbose_name_plural = "后台进程"
        ordering = ["-beat_at"]

    def __str__(self) -> str:
        return self.name

    def lives(self, now: datetime) -> bool:
        return abs(now - self.beat_at) <= LEASE
