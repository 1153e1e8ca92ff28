"""The mobile branch (移动党支部): what is pushed to members, who has studied it, and where else it is announced."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from branches.access import Access
from branches.constraints import both_or_neither
from branches.models import Branch, Committee, Member, User
from study.models.plans import Material


def addressed_to(branches: Iterable[int]) -> Q:
    """Pushes meant for the people of these branches: their own, and those of every committee above them."""
    ids = list(branches)
    ways = ({"branches__in": ids}, {"children__branches__in": ids}, {"children__children__branches__in": ids})
    above = Committee.objects.filter(Q(*(Q(**way) for way in ways), _connector=Q.OR)).values("pk")
    return Q(branch__in=ids) | Q(branch__isnull=True, committee__in=above)


def kept_by(access: Access) -> Q:
    """Pushes and channels that the person writes and keeps: the office its committees', a leader the own branch's."""
    return Q(branch__isnull=True, committee__in=access.office_of) | Q(branch__in=access.leads)


class PushQuerySet(models.QuerySet["Push"]):
    def out(self, at: datetime) -> PushQuerySet:
        """What members may read at that instant."""
        return self.filter(Q(published_at__lte=at), Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=at))

    def readable(self, access: Access) -> PushQuerySet:
        """What is out and meant for the person's branches, or for branches that the person oversees."""
        theirs = addressed_to(access.branches) | Q(committee__in=access.sees_committees)
        return self.out(access.now).filter(theirs)

    def visible_to(self, access: Access) -> PushQuerySet:
        """What can be read, and in every state what the person keeps: a draft is its authors' until it is out."""
        return self.filter(Q(pk__in=self.model.objects.readable(access).values("pk")) | kept_by(access))

    def with_mark_of(self, member_id: int | None) -> PushQuerySet:
        """Annotates `is_studied`: whether the member has marked it as studied."""
        return self.annotate(is_studied=Exists(Studied.objects.filter(push=OuterRef("pk"), member=member_id)))


class Push(models.Model):
    """Study content pushed to the members of a committee or of one branch: text, pictures, files, a link."""

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="pushes")
    # None: to everybody under the committee.
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, related_name="pushes")
    title = models.CharField("标题", max_length=120)
    text = models.TextField("正文", blank=True)
    url = models.URLField("网址", max_length=500, blank=True)
    material = models.ForeignKey(
        Material, models.PROTECT, null=True, blank=True, related_name="pushes", verbose_name="学习资料"
    )
    created_at = models.DateTimeField("起草时间")
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    published_at = models.DateTimeField("推送时间", null=True, blank=True)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    withdrawn_at = models.DateTimeField("撤回时间", null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    form_key = models.CharField("表单一次性编号", max_length=40, null=True, blank=True, unique=True)
    edition = models.PositiveIntegerField("修改次数", default=0)

    objects = PushQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "移动学习推送"
        ordering = ["-published_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=both_or_neither("published_at", "published_by"), name="push_out_whole"),
            models.CheckConstraint(condition=both_or_neither("withdrawn_at", "withdrawn_by"), name="push_back_whole"),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(published_at__isnull=False), name="push_back_after_out"
            ),
        ]
        indexes = [models.Index(fields=["committee", "-published_at"], name="push_of_committee")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("study:push_detail", args=[self.pk])

    @property
    def audit_name(self) -> str:
        """What the log calls it: an administrator reads no business text there."""
        return f"学习推送 {self.pk}"

    @property
    def is_draft(self) -> bool:
        return self.published_at is None

    @property
    def is_out(self) -> bool:
        return self.published_at is not None and self.withdrawn_at is None

    @property
    def sender(self) -> str:
        """In whose name it is pushed."""
        return str(self.branch or self.committee)


class PushFile(models.Model):
    """A picture or a document of a push, kept under its digest."""

    push = models.ForeignKey(Push, models.CASCADE, related_name="files")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField("文件名", max_length=120)
    format = models.CharField("格式", max_length=4)  # jpg, docx, xlsx, pdf
    size = models.PositiveIntegerField("字节数")
    sha256 = models.CharField(max_length=64)
    thumb_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "推送附件"
        ordering = ["push", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["push", "sha256"], name="push_file_once")]

    def __str__(self) -> str:
        return self.name


class Studied(models.Model):
    """A member's word that a push was studied (已学习), with a note; neither opening nor time spent is recorded."""

    push = models.ForeignKey(Push, models.PROTECT, related_name="studied")
    member = models.ForeignKey(Member, models.PROTECT, related_name="studied")
    studied_at = models.DateTimeField("学习时间")
    note = models.CharField("学习体会", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "学习标记"
        constraints = [models.UniqueConstraint(fields=["push", "member"], name="studied_once")]

    def __str__(self) -> str:
        return f"{self.member} · {self.push}"


class ChannelQuerySet(models.QuerySet["Channel"]):
    def current(self) -> ChannelQuerySet:
        return self.filter(ended_at__isnull=True)

    def of(self, push: Push) -> ChannelQuerySet:
        """Where a push of the same committee or branch is announced."""
        return self.current().filter(committee=push.committee_id, branch=push.branch_id)

    def visible_to(self, access: Access) -> ChannelQuerySet:
        """The office's own; a branch's, for those who file for it."""
        own = Q(branch__isnull=True, committee__in=access.office_of)
        return self.filter(own | Q(branch__in=access.files_for))


class Channel(models.Model):
    """Where else a push is announced: a WeCom group robot or a mailing list, of a committee or of one branch."""

    class Kind(models.TextChoices):
        WECOM = "wecom", "企业微信群机器人"
        EMAIL = "email", "电子邮件"

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="channels")
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, related_name="channels")
    kind = models.CharField("渠道", max_length=6, choices=Kind)
    name = models.CharField("名称", max_length=60)
    # The robot's key or the address: whoever knows a robot's key may write into its group.
    address_sealed = models.TextField("地址（密封）")
    address_hint = models.CharField("地址尾号", max_length=20)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField("停用时间", null=True, blank=True)
    # Whether the group is also told, at most once a day, how much its branch still has to file.
    reminds = models.BooleanField("也发送任务提醒", default=False)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "推送渠道"
        ordering = ["committee", "branch", "pk"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One push on its way through one channel: waiting, sent, or given up with the reason."""

    class State(models.TextChoices):
        WAITING = "waiting", "待发送"
        SENT = "sent", "已发送"
        FAILED = "failed", "未能发送"

    push = models.ForeignKey(Push, models.PROTECT, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="deliveries")
    state = models.CharField("状态", max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField("尝试次数", default=0)
    next_at = models.DateTimeField("下次尝试")
    sent_at = models.DateTimeField("发送时间", null=True, blank=True)
    error = models.CharField("原因", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "渠道发送"
        ordering = ["push", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["push", "channel"], name="delivery_once"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="delivery_sent_when",
            ),
        ]
        indexes = [models.Index(fields=["next_at"], condition=Q(state="waiting"), name="delivery_waiting")]

    def __str__(self) -> str:
        return f"{self.push} → {self.channel}"


class GroupReminder(models.Model):
    """What a branch's or committee's group was told of its duties on a day: a sentence without names, and a link."""

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="group_reminders")
    day = models.DateField("日期")
    text = models.CharField("内容", max_length=300)
    state = models.CharField("状态", max_length=8, choices=Delivery.State, default=Delivery.State.WAITING)
    tries = models.PositiveSmallIntegerField("尝试次数", default=0)
    next_at = models.DateTimeField("下次尝试")
    sent_at = models.DateTimeField("发送时间", null=True, blank=True)
    error = models.CharField("原因", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "群提醒"
        ordering = ["-day", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "day"], name="group_reminder_once_a_day"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="group_reminder_sent_when",
            ),
        ]
        indexes = [models.Index(fields=["next_at"], condition=Q(state="waiting"), name="group_reminder_waiting")]

    def __str__(self) -> str:
        return f"{self.channel} {self.day}"


class CalendarFeed(models.Model):
    """A person's secret calendar link (日历订阅); only a keyed digest of the secret is kept, so it is shown once."""

    user = models.ForeignKey(User, models.CASCADE, related_name="calendar_feeds")
    secret_mac = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "日历订阅"
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(revoked_at__isnull=True), name="calendar_feed_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.created_at}"
