"""Pledges (承诺): what is promised, how it goes on, what others ask about it, and how it was judged."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.urls import reverse

from branches.constraints import both_or_neither
from branches.models import Branch, Member, User
from plan.models import Duty, Filing
from plan.models.filings import under

if TYPE_CHECKING:
    from branches.access import Access


class Stage(models.TextChoices):
    """Where a pledge is: the five stages that offices speak of, and its two ends."""

    PROPOSED = "proposed", "提诺"
    REVIEW = "review", "审诺"
    SHOWN = "shown", "亮诺"
    KEEPING = "keeping", "践诺"
    JUDGING = "judging", "评诺"
    JUDGED = "judged", "已评定"
    WITHDRAWN = "withdrawn", "已撤下"


class Result(models.TextChoices):
    """How an item came out."""

    DONE = "done", "完成"
    PARTLY = "partly", "部分完成"
    UNMET = "unmet", "未完成"


class PledgeQuerySet(models.QuerySet["Pledge"]):
    def visible_to(self, access: Access) -> PledgeQuerySet:
        """What was once shown, to everybody of the branch and upward; before that to those who see its filing."""
        shown = Q(stage__in=[Stage.SHOWN, Stage.KEEPING, Stage.JUDGING, Stage.JUDGED, Stage.WITHDRAWN])
        inside = Q(branch__in=access.branches) | under(access.sees_committees, "filing__")
        drafts = Q(filing__in=Filing.objects.visible_to(access))
        return self.filter(drafts | (shown & inside)).exclude(filing__state=Filing.State.DISCARDED)

    def shown_on(self, day: date) -> PledgeQuerySet:
        """Those that hang on the wall that day: approved, not taken down, not past their last day."""
        live = (Stage.SHOWN, Stage.KEEPING, Stage.JUDGING)
        return self.filter(stage__in=live, valid_until__gte=day)


class Pledge(models.Model):
    """What a branch or a member promises for a year, or for one occasion: its items, its stage, its result."""

    class Scope(models.TextChoices):
        ANNUAL = "annual", "年度承诺"
        AD_HOC = "ad_hoc", "即时承诺"

    class Gate(models.TextChoices):
        """Who looked it through before it was approved (审诺)."""

        COMMITTEE = "committee", "支委会"
        GENERAL = "general", "支部党员大会"
        OFFICE = "office", "机关党委办公室"

    filing = models.OneToOneField(Filing, models.CASCADE, related_name="pledge")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="pledges")
    # Whose it is; a branch's own pledge has nobody here.
    member = models.ForeignKey(Member, models.PROTECT, null=True, blank=True, related_name="pledges")
    scope = models.CharField("承诺类别", max_length=8, choices=Scope, default=Scope.ANNUAL)
    year = models.PositiveSmallIntegerField("年度")
    position = models.CharField("岗位或职务", max_length=40, blank=True)
    phone = models.CharField("监督电话", max_length=20, blank=True)
    # What stands on the board: up to three lines of at most 60 characters, chosen by the one who pledges.
    board_lines = models.JSONField("承诺牌内容", default=list, blank=True)
    valid_until = models.DateField("有效期至")
    # Said to what the check finds vague: why it is written so all the same.
    vague_reason = models.CharField("说明", max_length=200, blank=True)
    stage = models.CharField("阶段", max_length=10, choices=Stage, default=Stage.PROPOSED)
    stage_since = models.DateTimeField("阶段起始")
    published_at = models.DateTimeField("公开时间", null=True, blank=True)
    gate = models.CharField("审议会议", max_length=10, choices=Gate, blank=True)
    gate_on = models.DateField("审议日期", null=True, blank=True)
    gate_opinion = models.CharField("审议意见", max_length=200, blank=True)
    # Taken over from an earlier pledge, so that nobody types it again.
    renews = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="renewals")

    objects = PledgeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "承诺"
        constraints = [
            models.CheckConstraint(
                condition=Q(stage__in=["proposed", "review", "withdrawn"]) | Q(published_at__isnull=False),
                name="pledge_shown_since",
            ),
            models.CheckConstraint(condition=Q(gate="") | Q(gate_on__isnull=False), name="pledge_gate_has_day"),
        ]
        indexes = [
            models.Index(fields=["branch", "year", "stage"], name="pledge_of_branch"),
            models.Index(fields=["member", "year"], name="pledge_of_member"),
        ]

    def __str__(self) -> str:
        return self.filing.title

    def get_absolute_url(self) -> str:
        return reverse("commitments:pledge_detail", args=[self.pk])

    def get_edit_url(self) -> str:
        return reverse("commitments:pledge_edit", args=[self.pk])

    def get_gate_url(self) -> str:
        return reverse("commitments:pledge_gate", args=[self.pk])

    @property
    def owner_name(self) -> str:
        return self.member.name if self.member else self.branch.name

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        from commitments.writing import missing_in

        return missing_in(self)

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        # What hangs on the pledge itself (its publication, its judgement) no filing settles: `stages` does.
        return filed_at if duty.occasion_id is None else None

    def snapshot(self) -> dict[str, Any]:
        from commitments.writing import snapshot_of

        return snapshot_of(self)

    def refuses(self, name: str) -> str:
        """Why this step of its filing cannot be made now; empty where it can."""
        from commitments.stages import refusal

        return refusal(self, name)

    def after_move(self, name: str, access: Access) -> None:
        """What a step of its filing makes of its stage; called by `plan.moves.move` inside the same transaction."""
        from commitments.stages import follow

        follow(self, name, access)


class PledgeItem(models.Model):
    """One thing promised: what, to which end, how, until when, and by what one sees that it was done."""

    class Angle(models.TextChoices):
        STUDY = "study", "学习"
        WORK = "work", "工作"
        DISCIPLINE = "discipline", "自律"
        SERVICE = "service", "服务"

    pledge = models.ForeignKey(Pledge, models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    angle = models.CharField("类别", max_length=10, choices=Angle, blank=True)
    text = models.CharField("承诺事项", max_length=200)
    goal = models.CharField("目标", max_length=200, blank=True)
    measures = models.CharField("实施措施", max_length=400, blank=True)
    due_on = models.DateField("完成时限", null=True, blank=True)
    success = models.CharField("衡量标准", max_length=200, blank=True)
    # The organization's judgement; unmet for a good reason is not unmet for none.
    result = models.CharField("结果", max_length=8, choices=Result, blank=True)
    result_reason = models.CharField("评定理由", max_length=300, blank=True)
    is_excused = models.BooleanField("客观原因", default=False)
    # The one who pledged says that it is done; until then its deadline is spoken of.
    done_at = models.DateTimeField("本人报告完成", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "承诺事项"
        ordering = ["pledge", "position"]
        constraints = [
            models.UniqueConstraint(fields=["pledge", "position"], name="pledge_item_once"),
            models.CheckConstraint(
                condition=Q(is_excused=False) | Q(result__in=["partly", "unmet"]), name="pledge_item_excused_unmet"
            ),
            models.CheckConstraint(
                condition=Q(result__in=["", "done"]) | ~Q(result_reason=""), name="pledge_item_unmet_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.text


class PledgeStep(models.Model):
    """One step of a pledge from stage to stage: who, when, and the note; never changed."""

    pledge = models.ForeignKey(Pledge, models.PROTECT, related_name="steps")
    name = models.CharField("动作", max_length=12)
    made_at = models.DateTimeField("时间")
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    from_stage = models.CharField("原阶段", max_length=10, choices=Stage, blank=True)
    to_stage = models.CharField("新阶段", max_length=10, choices=Stage)
    note = models.CharField("说明", max_length=500, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "承诺办理记录"
        ordering = ["made_at", "pk"]

    def __str__(self) -> str:
        return f"{self.pledge_id} {self.name}"


class Progress(models.Model):
    """How an item goes on, told by the one who pledged; lines are added, never changed."""

    item = models.ForeignKey(PledgeItem, models.PROTECT, related_name="progress")
    text = models.CharField("进展", max_length=400)
    told_at = models.DateTimeField("时间")
    told_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    # A record that shows it: an activity, a material; the evidence is not handed in a second time.
    proof = models.ForeignKey(Filing, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="佐证记录")
    picture_sha256 = models.CharField("图片", max_length=64, blank=True)
    thumb_sha256 = models.CharField(max_length=64, blank=True)
    form_key = models.CharField("表单一次性编号", max_length=40, null=True, blank=True, unique=True)

    class Meta:
        verbose_name = verbose_name_plural = "承诺进展"
        ordering = ["told_at", "pk"]

    def __str__(self) -> str:
        return self.text


class Question(models.Model):
    """A question or remark on the pledge wall, by name, and the answer of the one who pledged."""

    pledge = models.ForeignKey(Pledge, models.PROTECT, related_name="questions")
    text = models.CharField("意见或提问", max_length=300)
    asked_at = models.DateTimeField("时间")
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    answer = models.CharField("答复", max_length=300, blank=True)
    answered_at = models.DateTimeField("答复时间", null=True, blank=True)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    form_key = models.CharField("表单一次性编号", max_length=40, null=True, blank=True, unique=True)

    class Meta:
        verbose_name = verbose_name_plural = "承诺意见"
        ordering = ["asked_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=both_or_neither("answered_at", "answered_by"), name="pledge_question_answered_whole"
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answer="") | Q(answered_at__isnull=False) & ~Q(answer=""),
                name="pledge_question_answer_has_words",
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Judgement(models.Model):
    """What one member of the branch says of another's item while it is judged (互评), by name."""

    item = models.ForeignKey(PledgeItem, models.PROTECT, related_name="judgements")
    member = models.ForeignKey(Member, models.PROTECT, related_name="+")
    result = models.CharField("评价", max_length=8, choices=Result)
    reason = models.CharField("理由", max_length=200, blank=True)
    said_at = models.DateTimeField("时间")

    class Meta:
        verbose_name = verbose_name_plural = "承诺互评"
        constraints = [models.UniqueConstraint(fields=["item", "member"], name="pledge_judged_once")]
        ordering = ["item", "said_at", "pk"]

    def __str__(self) -> str:
        return f"{self.item_id} {self.result}"
