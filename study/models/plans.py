"""What is to be studied, and who means to study what: materials, the branch's year, the member's weeks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from branches.access import Access
from branches.models import Branch, Committee, Member, User
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


class MaterialQuerySet(models.QuerySet["Material"]):
    def current(self) -> MaterialQuerySet:
        return self.filter(retired_at__isnull=True)

    def kept_for(self, committee_id: int) -> MaterialQuerySet:
        """What the committee and those above it keep for its branches."""
        return self.filter(committee__in=Committee.objects.over(committee_id).values("pk"))

    def offered_to(self, committee_id: int, cited: Iterable[int], but: Iterable[str]) -> MaterialQuerySet:
        """What a plan or a record may cite: what is kept for it now, and what it cites already.

        Without the titles `but`: those of the plan's readings are ticked as readings.
        """
        kept = self.kept_for(committee_id).current().exclude(title__in=list(but))
        return self.filter(Q(pk__in=kept.values("pk")) | Q(pk__in=list(cited))).order_by("title", "pk")

    def visible_to(self, access: Access) -> MaterialQuerySet:
        """Everybody under a committee, however deep, reads what it keeps; an office sees its whole tree."""
        mine = Q(committee__in=access.sees_committees)
        for branch in Branch.objects.filter(pk__in=access.branches).values_list("committee", flat=True).distinct():
            mine |= Q(committee__in=Committee.objects.over(branch).values("pk"))
        return self.filter(mine)


class Material(models.Model):
    """Something to study (学习资料) beyond, or for, the plan's key readings; its title is what plans and records cite.

    A material with the title of one of the plan's readings is that reading's text or file.
    """

    class Kind(models.TextChoices):
        BOOK = "book", "图书"
        DOCUMENT = "document", "文件"
        SPEECH = "speech", "讲话"
        FILM = "film", "影片"
        LINK = "link", "网页链接"
        FILE = "file", "附件"

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="materials")
    kind = models.CharField("类型", max_length=10, choices=Kind)
    title = models.CharField("名称", max_length=120)
    source = models.CharField("作者或来源", max_length=120, blank=True)
    url = models.URLField("网址", max_length=500, blank=True)
    text = models.TextField("全文", blank=True)
    # The file, where there is one: cleaned like an attachment, kept under its digest.
    file_name = models.CharField("文件名", max_length=120, blank=True)
    file_format = models.CharField("格式", max_length=4, blank=True)
    file_size = models.PositiveIntegerField("字节数", default=0)
    file_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField("添加时间")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    retired_at = models.DateTimeField("停用时间", null=True, blank=True)

    objects = MaterialQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学习资料"
        ordering = ["committee", "title"]
        constraints = [models.UniqueConstraint(fields=["committee", "title"], name="material_once")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("study:material_detail", args=[self.pk])


def titles_of(record: Any) -> list[str]:
    """What a record cites, as readings of the plan and as materials; what is both is one thing."""
    return list(dict.fromkeys(one.title for one in [*record.readings.all(), *record.materials.all()]))


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

    class Rhythm(models.TextChoices):
        ONCE = "", "一次"
        WEEKLY = "weekly", "每周"
        MONTHLY = "monthly", "每月"

    scope = models.CharField("学习范围", max_length=10, choices=Scope, default=Scope.COLLECTIVE)
    # A meeting that recurs is one line: on the weekday, or the day of the month, of its first day until its last.
    rhythm = models.CharField("周期", max_length=8, choices=Rhythm, default=Rhythm.ONCE, blank=True)
    kind = models.CharField("活动类型", max_length=20, choices=Kind, default=Kind.COLLECTIVE_STUDY)
    with_kinds = models.JSONField("同日一并开展", default=list, blank=True)
    topic = models.CharField("学习主题", max_length=120)
    content = models.CharField("学习内容", max_length=400, blank=True)
    readings = models.ManyToManyField(Reading, blank=True, related_name="plan_items", verbose_name="学习篇目")
    materials = models.ManyToManyField(Material, blank=True, related_name="plan_items", verbose_name="学习资料")
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

    @property
    def cited(self) -> list[str]:
        """The titles of what is to be studied: readings, then materials, each once."""
        return titles_of(self)


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


class WeekItemQuerySet(models.QuerySet["WeekItem"]):
    @staticmethod
    def first_open(day: date) -> date:
        """Weeks that began before this day are over on `day`."""
        return day - timedelta(days=6)

    def over(self, day: date) -> WeekItemQuerySet:
        """The weeks whose Sunday lies before the day."""
        return self.filter(week_on__lt=self.first_open(day))


class WeekItem(models.Model):
    """One week's study item of a member's plan; done when its owner says so, with a note."""

    plan = models.ForeignKey(MemberPlan, models.CASCADE, related_name="weeks")
    week_on = models.DateField("周一")
    content = models.CharField("学习内容", max_length=200, blank=True)
    method = models.CharField("学习方式", max_length=12, choices=Method, default=Method.SELF)
    hours = models.DecimalField("计划学时", max_digits=4, decimal_places=1, default=2)
    done_at = models.DateTimeField("完成时间", null=True, blank=True)
    note = models.CharField("学习体会", max_length=300, blank=True)

    objects = WeekItemQuerySet.as_manager()

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
