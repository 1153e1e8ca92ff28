"""What was done: gatherings with their minutes, who was there, and what was agreed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.timezone import localtime

from branches.access import Access
from branches.constraints import both_or_neither, in_order
from branches.models import Branch, Member, PartyGroup, User
from plan.models import Duty, Filing, PictureQuerySet, Reading
from study.models.plans import Kind, Material, Method, PlanItem, titles_of


class GatheringQuerySet(models.QuerySet["Gathering"]):
    def visible_to(self, access: Access) -> GatheringQuerySet:
        return self.filter(filing__in=Filing.objects.visible_to(access))


class Gathering(models.Model):
    """A sitting that was held (or is about to be): recorded once, settling all it can settle."""

    filing = models.OneToOneField(Filing, models.CASCADE, related_name="gathering")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="gatherings", verbose_name="党支部")
    group = models.ForeignKey(PartyGroup, models.PROTECT, null=True, blank=True, verbose_name="党小组")
    plan_item = models.ForeignKey(
        PlanItem, models.SET_NULL, null=True, blank=True, related_name="gatherings", verbose_name="对应计划条目"
    )
    title = models.CharField("名称", max_length=120)
    kinds = models.JSONField("活动类型")
    form = models.CharField("活动形式", max_length=12, choices=Method, blank=True)
    held_at = models.DateTimeField("开始时间")
    ended_at = models.DateTimeField("结束时间")
    place = models.CharField("地点", max_length=80, blank=True)
    host = models.ForeignKey(Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="主持人")
    recorder = models.ForeignKey(Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="记录人")
    lecturer = models.ForeignKey(Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="授课人")
    content = models.TextField("主要内容", blank=True)
    agenda = models.TextField("议题", blank=True, help_text="一行一项。")
    summary = models.TextField("主持人总结", blank=True)
    month_arranged = models.BooleanField("已在会上安排本月活动", default=False)
    fixed_actions = models.JSONField("固定动作", default=list, blank=True)
    # What each fixed action was in a few words, by its name; paid dues are a head count, no sums.
    action_notes = models.JSONField("固定动作说明", default=dict, blank=True)
    dues_paid = models.PositiveSmallIntegerField("缴纳党费人数", null=True, blank=True)
    # A life meeting's steps, by name: {"on": "2018-12-10", "note": "…"}.
    procedure = models.JSONField("组织生活会步骤", default=dict, blank=True)
    guests = models.CharField("列席人员", max_length=200, blank=True)
    readings = models.ManyToManyField(Reading, blank=True, related_name="gatherings", verbose_name="学习篇目")
    materials = models.ManyToManyField(Material, blank=True, related_name="gatherings", verbose_name="学习资料")

    objects = GatheringQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "活动记录"
        ordering = ["-held_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=in_order("held_at", "ended_at"), name="gathering_ends_after_start")
        ]
        indexes = [models.Index(fields=["branch", "-held_at"], name="gathering_of_branch")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return self.filing.get_absolute_url()

    def get_edit_url(self) -> str:
        return reverse("study:gathering_edit", args=[self.pk])

    @property
    def held_on(self) -> date:
        return localtime(self.held_at).date()

    @property
    def kind_labels(self) -> list[str]:
        return [Kind(k).label for k in self.kinds]

    @property
    def cited(self) -> list[str]:
        """The titles of what was studied: readings, then materials, each once."""
        return titles_of(self)

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        from study.gatherings import missing_in_gathering

        return missing_in_gathering(self, at)

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        """A filing duty is judged by the filing, a duty to hold something by the hour it ended."""
        return filed_at if duty.occasion_id else self.ended_at

    def snapshot(self) -> dict[str, Any]:
        from study.gathering_papers import gathering_snapshot

        return gathering_snapshot(self)


class Partner(models.Model):
    """Another branch that held a gathering together with the one that records it: the text is shared, never copied.

    It says who of its own was there and what of its own it settles, and sends that as a filing of its own.
    """

    gathering = models.ForeignKey(Gathering, models.CASCADE, related_name="partners")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="joined")
    # None until the branch has opened it.
    filing = models.OneToOneField(Filing, models.PROTECT, null=True, blank=True, related_name="joint")
    invited_at = models.DateTimeField("邀请时间")
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "联合开展的支部"
        constraints = [models.UniqueConstraint(fields=["gathering", "branch"], name="partner_once")]

    def __str__(self) -> str:
        return f"{self.branch} · {self.gathering}"

    def get_edit_url(self) -> str:
        return reverse("study:joint_edit", args=[self.pk])

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        from study.joint import missing_in_joint

        return missing_in_joint(self)

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        """As a gathering: its own filing is judged by the filing, the rest by the hour it ended."""
        return filed_at if duty.occasion_id else self.gathering.ended_at

    def shown_pictures(self) -> PictureQuerySet:
        from study.joint import shown_pictures

        return shown_pictures(self)

    def snapshot(self) -> dict[str, Any]:
        from study.joint import joint_snapshot

        return joint_snapshot(self)


class Speech(models.Model):
    """What one person said (发言记录), in the order of speaking; a dissenting view is recorded as such."""

    gathering = models.ForeignKey(Gathering, models.CASCADE, related_name="speeches")
    position = models.PositiveSmallIntegerField()
    speaker = models.CharField("发言人", max_length=60)
    text = models.TextField("发言内容")
    is_dissent = models.BooleanField("不同意见", default=False)

    class Meta:
        verbose_name = verbose_name_plural = "发言记录"
        ordering = ["gathering", "position"]
        constraints = [models.UniqueConstraint(fields=["gathering", "position"], name="speech_in_order")]

    def __str__(self) -> str:
        return f"{self.speaker}：{self.text[:20]}"


class Vote(models.Model):
    """A motion put to the vote (表决): how many for, against and abstaining of those entitled who were there."""

    gathering = models.ForeignKey(Gathering, models.CASCADE, related_name="votes")
    position = models.PositiveSmallIntegerField()
    motion = models.CharField("表决事项", max_length=200)
    ayes = models.PositiveSmallIntegerField("赞成")
    nays = models.PositiveSmallIntegerField("反对", default=0)
    abstentions = models.PositiveSmallIntegerField("弃权", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "表决情况"
        ordering = ["gathering", "position"]
        constraints = [models.UniqueConstraint(fields=["gathering", "position"], name="vote_in_order")]

    def __str__(self) -> str:
        return self.motion


class Resolution(models.Model):
    """What was agreed (议定事项); with a person and a day it is followed up until it is done."""

    gathering = models.ForeignKey(Gathering, models.CASCADE, related_name="resolutions")
    position = models.PositiveSmallIntegerField()
    text = models.TextField("议定事项")
    responsible = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="责任人"
    )
    due_on = models.DateField("完成时限", null=True, blank=True)
    done_on = models.DateField("完成日期", null=True, blank=True)
    done_note = models.CharField("完成情况", max_length=200, blank=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "议定事项"
        ordering = ["gathering", "position"]
        constraints = [
            models.UniqueConstraint(fields=["gathering", "position"], name="resolution_in_order"),
            models.CheckConstraint(condition=both_or_neither("done_on", "done_by"), name="resolution_done_whole"),
        ]
        indexes = [
            models.Index(fields=["due_on"], condition=Q(done_on__isnull=True), name="resolution_open"),
        ]

    def __str__(self) -> str:
        return self.text[:40]


class CheckIn(models.Model):
    """A span of minutes in which members may sign in to a gathering by scanning its code (扫码签到)."""

    gathering = models.ForeignKey(Gathering, models.CASCADE, related_name="check_ins")
    nonce = models.CharField(max_length=32, unique=True)
    opened_at = models.DateTimeField("开始签到")
    closes_at = models.DateTimeField("截止签到")
    opened_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "扫码签到"
        constraints = [models.CheckConstraint(condition=in_order("opened_at", "closes_at"), name="check_in_in_order")]

    def __str__(self) -> str:
        return f"{self.gathering} {self.opened_at}"


class Attendance(models.Model):
    """One member of that day's roster at one gathering: present, excused with a reason, or absent."""

    class Presence(models.TextChoices):
        PRESENT = "present", "出席"
        EXCUSED = "excused", "请假"
        ABSENT = "absent", "缺席"

    class Reason(models.TextChoices):
        DUTY = "duty", "公出"
        SICK = "sick", "病假"
        PERSONAL = "personal", "事假"
        LEAVE = "leave", "休假"
        TRAINING = "training", "学习培训"
        OTHER = "other", "其他"

    gathering = models.ForeignKey(Gathering, models.CASCADE, related_name="attendance")
    member = models.ForeignKey(Member, models.PROTECT, related_name="attendance")
    is_full = models.BooleanField("正式党员")
    presence = models.CharField("到会", max_length=8, choices=Presence, default=Presence.PRESENT)
    reason = models.CharField("请假事由", max_length=10, choices=Reason, blank=True)
    # The branch for which the line stands, where the gathering was a joint one and it is not the recording branch.
    partner = models.ForeignKey(Partner, models.CASCADE, null=True, blank=True, related_name="attendance")
    checked_in_at = models.DateTimeField("签到时间", null=True, blank=True)
    # Who missed a study makes it up: when, and how.
    made_up_on = models.DateField("补学日期", null=True, blank=True)
    made_up_note = models.CharField("补学情况", max_length=200, blank=True)
    made_up_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "到会情况"
        ordering = ["gathering", "member__name_key"]
        constraints = [
            models.UniqueConstraint(fields=["gathering", "member"], name="attendance_once"),
            models.CheckConstraint(
                condition=Q(reason="") | Q(presence="excused"), name="attendance_reason_when_excused"
            ),
            models.CheckConstraint(
                condition=both_or_neither("made_up_on", "made_up_by"), name="attendance_made_up_whole"
            ),
            models.CheckConstraint(
                condition=Q(made_up_on__isnull=True) | ~Q(presence="present"), name="attendance_made_up_when_missed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.get_presence_display()}"
