"""What people did and mean to do: the branch's year of study, the member's weeks, and the gatherings that were held."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.timezone import localtime

from branches.access import Access
from branches.constraints import in_order
from branches.models import Branch, Member, PartyGroup
from plan.models import Duty, Filing, Plan, Reading


class Kind(models.TextChoices):
    """Kinds of gathering; one gathering may be several at once."""

    GENERAL_MEETING = "general_meeting", "支部党员大会"
    COMMITTEE_MEETING = "committee_meeting", "支委会"
    GROUP_MEETING = "group_meeting", "党小组会"
    LECTURE = "lecture", "党课"
    THEME_DAY = "theme_day", "主题党日"
    COLLECTIVE_STUDY = "collective_study", "集体学习"
    SEMINAR = "seminar", "专题学习研讨"
    LIFE_MEETING = "life_meeting", "组织生活会"
    APPRAISAL = "appraisal", "民主评议党员"
    THEMED_ACTIVITY = "themed_activity", "主题党建活动"


class Method(models.TextChoices):
    """Ways of studying (学习方式), as the plan names them and offices add them."""

    READING = "reading", "文件领读"
    LECTURE = "lecture", "党课宣讲"
    FILM = "film", "观看影片"
    VISIT = "visit", "参观实践"
    CONTEST = "contest", "演讲比赛"
    SEMINAR = "seminar", "研讨交流"
    SURVEY = "survey", "调研学习"
    TALK = "talk", "参观讲座"
    ONLINE = "online", "线上学习"
    SELF = "self", "自学"
    OTHER = "other", "其他"


class BranchPlan(models.Model):
    """A branch's study plan for the year (支部年度学习计划), with its items month by month."""

    filing = models.OneToOneField(Filing, models.CASCADE, related_name="branch_plan")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="study_plans")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="branch_plans")
    outline = models.TextField("年度学习大纲", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "支部年度学习计划"
        constraints = [models.UniqueConstraint(fields=["branch", "plan"], name="branch_plan_once")]

    def __str__(self) -> str:
        return self.filing.title

    def get_edit_url(self) -> str:
        return reverse("study:branch_plan_edit", args=[self.pk])

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        from study.clarity import missing_in_branch_plan

        return missing_in_branch_plan(self)

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        """The plan's arrival settles S12; the four clears and the readings only once they are met."""
        from study.clarity import meets

        return filed_at if meets(self, duty.requirement) else None

    def snapshot(self) -> dict[str, Any]:
        from study.papers import branch_plan_snapshot

        return branch_plan_snapshot(self)


class PlanItem(models.Model):
    """One session of a branch's study plan: what, when, how long, who prepares it, and in which way."""

    class Scope(models.TextChoices):
        COLLECTIVE = "collective", "集体学习"
        INDIVIDUAL = "individual", "个人自学"

    plan = models.ForeignKey(BranchPlan, models.CASCADE, related_name="items")
    scope = models.CharField("学习范围", max_length=10, choices=Scope, default=Scope.COLLECTIVE)
    kind = models.CharField("活动类型", max_length=20, choices=Kind, default=Kind.COLLECTIVE_STUDY)
    with_kinds = models.JSONField("同日一并开展", default=list, blank=True)
    topic = models.CharField("学习主题", max_length=120)
    content = models.CharField("学习内容", max_length=400, blank=True)
    readings = models.ManyToManyField(Reading, blank=True, related_name="plan_items", verbose_name="学习篇目")
    starts_on = models.DateField("开始日期")
    ends_on = models.DateField("截止日期")
    hours = models.DecimalField("学时", max_digits=4, decimal_places=1, null=True, blank=True)
    responsible = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="责任人"
    )
    method = models.CharField("学习方式", max_length=12, choices=Method, blank=True)
    place = models.CharField("地点", max_length=60, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "学习计划条目"
        ordering = ["starts_on", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="plan_item_ends_after_start"),
            models.CheckConstraint(condition=Q(hours__isnull=True) | Q(hours__gt=0), name="plan_item_hours_positive"),
        ]

    def __str__(self) -> str:
        return self.topic

    @property
    def kinds(self) -> list[str]:
        return [self.kind, *[k for k in self.with_kinds if k != self.kind]]


class MemberPlan(models.Model):
    """A member's own study plan for the year (个人自学计划): one item a week for the weeks left."""

    filing = models.OneToOneField(Filing, models.CASCADE, related_name="member_plan")
    member = models.ForeignKey(Member, models.PROTECT, related_name="study_plans")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="member_plans")
    goal = models.CharField("年度目标", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "个人自学计划"
        constraints = [models.UniqueConstraint(fields=["member", "plan"], name="member_plan_once")]

    def __str__(self) -> str:
        return self.filing.title

    def get_edit_url(self) -> str:
        return reverse("study:member_plan_edit", args=[self.pk])

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        from study.clarity import missing_in_member_plan

        return missing_in_member_plan(self)

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        return filed_at

    def snapshot(self) -> dict[str, Any]:
        from study.papers import member_plan_snapshot

        return member_plan_snapshot(self)


class WeekItem(models.Model):
    """One week's study item of a member's plan; done when its owner says so, with a note."""

    plan = models.ForeignKey(MemberPlan, models.CASCADE, related_name="weeks")
    week_on = models.DateField("周一")
    content = models.CharField("学习内容", max_length=200, blank=True)
    method = models.CharField("学习方式", max_length=12, choices=Method, default=Method.SELF)
    hours = models.DecimalField("计划学时", max_digits=4, decimal_places=1, default=2)
    done_at = models.DateTimeField("完成时间", null=True, blank=True)
    note = models.CharField("学习体会", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "每周学习内容"
        ordering = ["week_on"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "week_on"], name="week_item_once"),
            models.CheckConstraint(condition=Q(hours__gt=0), name="week_item_hours_positive"),
            models.CheckConstraint(condition=Q(note="") | Q(done_at__isnull=False), name="week_item_note_when_done"),
        ]

    def __str__(self) -> str:
        return f"{self.week_on} {self.content}"

    @property
    def ends_on(self) -> date:
        return self.week_on + timedelta(days=6)


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
    resolutions = models.TextField("议定事项", blank=True)
    month_arranged = models.BooleanField("已在会上安排本月活动", default=False)
    fixed_actions = models.JSONField("固定动作", default=list, blank=True)
    guests = models.CharField("列席人员", max_length=200, blank=True)
    readings = models.ManyToManyField(Reading, blank=True, related_name="gatherings", verbose_name="学习篇目")

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

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        from study.gatherings import missing_in_gathering

        return missing_in_gathering(self, at)

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        """A filing duty is judged by the filing, a duty to hold something by the hour it ended."""
        return filed_at if duty.occasion_id else self.ended_at

    def snapshot(self) -> dict[str, Any]:
        from study.gathering_papers import gathering_snapshot

        return gathering_snapshot(self)


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

    class Meta:
        verbose_name = verbose_name_plural = "到会情况"
        ordering = ["gathering", "member__name_key"]
        constraints = [
            models.UniqueConstraint(fields=["gathering", "member"], name="attendance_once"),
            models.CheckConstraint(
                condition=Q(reason="") | Q(presence="excused"), name="attendance_reason_when_excused"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.get_presence_display()}"
