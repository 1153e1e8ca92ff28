"""Pioneer posts (党员先锋岗): what a post asks, who is put forward for it and why, and who stood there when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.urls import reverse

from branches.constraints import both_or_neither, in_order
from branches.models import Branch, Member, Membership, User, on_day
from plan.models import Filing

if TYPE_CHECKING:
    from branches.access import Access


class PioneerPostQuerySet(models.QuerySet["PioneerPost"]):
    def visible_to(self, access: Access) -> PioneerPostQuerySet:
        """A branch's own posts to its members; the office sees its tree."""
        return self.filter(Q(branch__in=access.branches) | Q(branch__committee__in=access.sees_committees))

    def open(self) -> PioneerPostQuerySet:
        return self.filter(closed_on__isnull=True)

    def with_turns(self, on: date) -> PioneerPostQuerySet:
        """Annotates who stands on the post, since when and until when, who left the branch meanwhile, and who is next.

        The fields: `now_term`, `now_name`, `now_from`, `now_until`, `now_here`, `next_term`, `next_name`, `next_from`.
        """
        of_post = Term.objects.filter(post=OuterRef("pk"))
        now = of_post.filter(begun_at__isnull=False, ended_on__isnull=True)
        then = of_post.filter(begun_at__isnull=True, ended_on__isnull=True, until_on__gt=on).order_by("from_on", "pk")
        here = Membership.objects.filter(on_day(on), branch=OuterRef("post__branch"), member=OuterRef("member"))
        return self.annotate(
            now_term=Subquery(now.values("pk")[:1]), now_name=Subquery(now.values("member__name")[:1]),
            now_from=Subquery(now.values("from_on")[:1]), now_until=Subquery(now.values("until_on")[:1]),
            now_here=Exists(now.filter(Exists(here))),
            next_term=Subquery(then.values("pk")[:1]), next_name=Subquery(then.values("member__name")[:1]),
            next_from=Subquery(then.values("from_on")[:1]),
        )  # fmt: skip


class PioneerPost(models.Model):
    """A post of the branch on which model members stand in turn: what it is for, where, and how often it changes."""

    class Every(models.IntegerChoices):
        MONTH = 1, "每月"
        TWO_MONTHS = 2, "每两个月"
        QUARTER = 3, "每季度"
        HALF_YEAR = 6, "每半年"
        YEAR = 12, "每年"

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="pioneer_posts")
    name = models.CharField("岗位名称", max_length=40)
    duties = models.TextField("岗位职责", max_length=600)
    place = models.CharField("亮牌位置", max_length=60, blank=True)
    every_months = models.PositiveSmallIntegerField("轮换周期", choices=Every, default=Every.MONTH)
    opened_on = models.DateField("设立日期")
    closed_on = models.DateField("撤销日期", null=True, blank=True)
    close_reason = models.CharField("撤销原因", max_length=200, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    form_key = models.CharField("表单一次性编号", max_length=40, null=True, blank=True, unique=True)

    objects = PioneerPostQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "党员先锋岗"
        constraints = [
            models.UniqueConstraint(
                fields=["branch", "name"], condition=Q(closed_on__isnull=True), name="pioneer_post_named_once"
            ),
            models.CheckConstraint(
                condition=Q(closed_on__isnull=True) | ~Q(close_reason=""), name="pioneer_post_closed_with_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("commitments:post_detail", args=[self.pk])


class NominationQuerySet(models.QuerySet["Nomination"]):
    def visible_to(self, access: Access) -> NominationQuerySet:
        """An accepted one to the whole branch; one still talked about to the leaders, the nominee and who made it."""
        accepted = Q(state=Nomination.State.ACCEPTED, branch__in=access.branches)
        near = Q(branch__in=access.leads) | Q(member=access.member_id)
        if access.user is not None:
            near |= Q(nominated_by=access.user)
        return self.filter(accepted | near | Q(branch__committee__in=access.sees_committees))


class Nomination(models.Model):
    """Somebody put forward for the branch's posts: which honour speaks for it, and what the branch decided."""

    class Kind(models.TextChoices):
        MODEL_MEMBER = "model_member", "优秀共产党员"
        ADVANCED_WORKER = "advanced", "先进工作者"
        MORAL_MODEL = "moral", "道德模范"
        BACKBONE = "backbone", "业务标兵"

    # Where nothing is decided yet, or it was decided for: nobody is put forward twice.
    OPEN = ("asked", "accepted")

    class State(models.TextChoices):
        ASKED = "asked", "待支部评议"
        ACCEPTED = "accepted", "已入选"
        REFUSED = "refused", "未入选"
        WITHDRAWN = "withdrawn", "已退出"

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="nominations")
    member = models.ForeignKey(Member, models.PROTECT, related_name="nominations", verbose_name="推荐人选")
    kind = models.CharField("类别", max_length=12, choices=Kind)
    honour = models.CharField("依据的荣誉", max_length=120)
    honoured_on = models.DateField("授予日期", null=True, blank=True)
    deeds = models.TextField("主要事迹", max_length=600, blank=True)
    # Willing to serve: nobody is drafted who said no.
    is_willing = models.BooleanField("本人同意驻岗", default=True)
    proof = models.ForeignKey(Filing, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="佐证记录")
    picture_sha256 = models.CharField("证书照片", max_length=64, blank=True)
    thumb_sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField("状态", max_length=10, choices=State, default=State.ASKED)
    nominated_at = models.DateTimeField("推荐时间")
    nominated_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField("评议时间", null=True, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    decision = models.CharField("评议意见", max_length=200, blank=True)
    form_key = models.CharField("表单一次性编号", max_length=40, null=True, blank=True, unique=True)

    objects = NominationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "先锋岗人选"
        constraints = [
            models.UniqueConstraint(
                fields=["branch", "member"], condition=Q(state__in=["asked", "accepted"]), name="nomination_open_once"
            ),
            models.CheckConstraint(
                condition=both_or_neither("decided_at", "decided_by"), name="nomination_decided_whole"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.kind}"

    def get_absolute_url(self) -> str:
        return reverse("commitments:nomination_detail", args=[self.pk])


class Rotation(models.Model):
    """A plan of turns for one post, drafted fairly and then adopted by the branch; what was changed is logged."""

    post = models.ForeignKey(PioneerPost, models.PROTECT, related_name="rotations")
    adopted_at = models.DateTimeField("确定时间")
    adopted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    # Where a person departed from the draft: [[place, drafted member's name, chosen member's name, why]].
    changes = models.JSONField("对草案的改动", default=list, blank=True)
    # The key of the form and the post: one form makes one arrangement for each post.
    form_key = models.CharField("表单一次性编号", max_length=60, null=True, blank=True, unique=True)

    class Meta:
        verbose_name = verbose_name_plural = "驻岗安排"
        ordering = ["post", "adopted_at"]

    def __str__(self) -> str:
        return f"{self.post_id} {self.adopted_at:%F}"


class TermQuerySet(models.QuerySet["Term"]):
    def visible_to(self, access: Access) -> TermQuerySet:
        return self.filter(post__in=PioneerPost.objects.visible_to(access))

    def running(self) -> TermQuerySet:
        """Begun and not ended: on duty, whatever the plan says of the day."""
        return self.filter(begun_at__isnull=False, ended_on__isnull=True)

    def planned(self) -> TermQuerySet:
        return self.filter(begun_at__isnull=True, ended_on__isnull=True)


class Term(models.Model):
    """One member's time on a post (驻岗): from, until, and how it really ended."""

    class End(models.TextChoices):
        ROTATED = "rotated", "到期轮换"
        LEFT = "left", "提前离岗"
        WITHDRAWN = "withdrawn", "摘牌"
        CANCELLED = "cancelled", "未上岗"

    post = models.ForeignKey(PioneerPost, models.PROTECT, related_name="terms")
    rotation = models.ForeignKey(Rotation, models.PROTECT, null=True, blank=True, related_name="terms")
    member = models.ForeignKey(Member, models.PROTECT, related_name="pioneer_terms")
    nomination = models.ForeignKey(Nomination, models.PROTECT, related_name="terms")
    from_on = models.DateField("起")
    # The first day after the term, as in `branches.Post`.
    until_on = models.DateField("止（不含）")
    begun_at = models.DateTimeField("上岗登记", null=True, blank=True)
    begun_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    ended_on = models.DateField("实际离岗", null=True, blank=True)
    end = models.CharField("离岗方式", max_length=10, choices=End, blank=True)
    end_reason = models.CharField("原因", max_length=200, blank=True)

    objects = TermQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "驻岗"
        ordering = ["post", "from_on", "pk"]
        constraints = [
            models.CheckConstraint(condition=in_order("from_on", "until_on"), name="term_in_order"),
            models.CheckConstraint(condition=both_or_neither("begun_at", "begun_by"), name="term_begun_whole"),
            models.CheckConstraint(
                condition=Q(end="", ended_on__isnull=True) | Q(ended_on__isnull=False) & ~Q(end=""),
                name="term_ended_whole",
            ),
            models.CheckConstraint(
                condition=~Q(end__in=["left", "withdrawn", "cancelled"]) | ~Q(end_reason=""),
                name="term_ended_early_has_reason",
            ),
            models.UniqueConstraint(
                fields=["post"], condition=Q(begun_at__isnull=False, ended_on__isnull=True), name="post_held_by_one"
            ),
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(begun_at__isnull=False, ended_on__isnull=True),
                name="member_on_one_post",
            ),
        ]
        indexes = [models.Index(fields=["member", "from_on"], name="term_of_member")]

    def __str__(self) -> str:
        return f"{self.post_id} {self.member_id} {self.from_on}"

    @property
    def is_running(self) -> bool:
        return self.begun_at is not None and self.ended_on is None

    @property
    def is_planned(self) -> bool:
        return self.begun_at is None and self.ended_on is None

    @property
    def last_on(self) -> date:
        """The last day of the term as it was planned."""
        return self.until_on - timedelta(days=1)


class Handover(models.Model):
    """What one holder of a post tells the next: what goes on, what to look after."""

    given_by = models.OneToOneField(Term, models.PROTECT, related_name="handed_over")
    text = models.CharField("交接事项", max_length=400)
    written_at = models.DateTimeField("时间")
    written_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "先锋岗交接"

    def __str__(self) -> str:
        return self.text
