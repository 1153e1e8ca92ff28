"""Messages to one person: the inbox inside the portal, and their way out by mail or WeCom."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse

from branches.access import Access
from branches.models import Membership, Post, User, on_day


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, access: Access) -> MessageQuerySet:
        """One's own and nobody else's: neither the office nor an administrator reads what somebody was told."""
        return self.filter(user=access.user)

    def unread(self) -> MessageQuerySet:
        return self.filter(read_at__isnull=True)

    def mark_read(self, at: datetime) -> int:
        """How many of these were unread until now."""
        return self.unread().update(read_at=at)


class Message(models.Model):
    """Something that one person was told, once: a title, lines that each lead to a page, and when it was read."""

    class Kind(models.TextChoices):
        DIGEST = "digest", "每日提醒"
        EVENT = "event", "活动报送提醒"
        NOTICE = "notice", "办理通知"

    user = models.ForeignKey(User, models.PROTECT, related_name="messages")
    kind = models.CharField("类别", max_length=8, choices=Kind)
    # What it is about: said again under the same key to the same person, it is the same message.
    key = models.CharField(max_length=80)
    title = models.CharField("标题", max_length=60)
    # [{"text": 事项, "note": 期限等, "url": 站内地址, "tone": late|soon|"", "outside": 站外可说的话或 ""}]
    lines = models.JSONField("内容", default=list)
    told_at = models.DateTimeField("时间")
    read_at = models.DateTimeField("阅读时间", null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "站内消息"
        ordering = ["-told_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="message_once")]
        indexes = [
            models.Index(fields=["user", "-told_at"], name="message_of_user"),
            models.Index(fields=["user"], condition=Q(read_at__isnull=True), name="message_unread"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("inbox:message_detail", args=[self.pk])

    @property
    def shown_lines(self) -> list[dict[str, Any]]:
        """The lines with every key; an address that leads out of the portal is none."""
        empty = {"text": "", "note": "", "url": "", "tone": "", "outside": ""}
        lines = [empty | line for line in self.lines]
        return [line | {"url": line["url"] if re.match(r"/(?![/\\])", line["url"]) else ""} for line in lines]


class Way(models.TextChoices):
    """How a message leaves the house; the inbox itself is always there."""

    EMAIL = "email", "电子邮件"
    WECOM = "wecom", "企业微信"


class SendingQuerySet(models.QuerySet["Sending"]):
    def of_committees(self, committees: Collection[int], on: date) -> SendingQuerySet:
        """Those to people who are on that day on the roster of a branch of these committees, or hold a post in them."""
        members = Membership.objects.filter(on_day(on), branch__committee__in=committees).values("member")
        holders = Post.objects.filter(on_day(on), committee__in=committees).values("member")
        return self.filter(Q(message__user__member__in=members) | Q(message__user__member__in=holders))

    def visible_to(self, access: Access) -> SendingQuerySet:
        """That something was sent to the people of one's committees, and what became of it: their office's to see."""
        return self.of_committees(access.office_of, access.on) if access.office_of else self.none()


class Sending(models.Model):
    """One message on its way out by one way: waiting, sent, no longer needed, or given up with the reason."""

    class State(models.TextChoices):
        WAITING = "waiting", "待发送"
        SENT = "sent", "已发送"
        # Read in the portal before, the account paused, the way no longer wanted or allowed: nobody's failure.
        SKIPPED = "skipped", "不必发送"
        FAILED = "failed", "未能发送"

    message = models.ForeignKey(Message, models.CASCADE, related_name="sendings")
    way = models.CharField("方式", max_length=6, choices=Way)
    state = models.CharField("状态", max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField("尝试次数", default=0)
    next_at = models.DateTimeField("下次尝试")
    sent_at = models.DateTimeField("发送时间", null=True, blank=True)
    error = models.CharField("原因", max_length=200, blank=True)

    objects = SendingQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "消息发送"
        ordering = ["message", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["message", "way"], name="sending_once"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="sending_sent_when",
            ),
        ]
        indexes = [models.Index(fields=["next_at"], condition=Q(state="waiting"), name="sending_waiting")]

    def __str__(self) -> str:
        return f"{self.message} → {self.get_way_display()}"


class Preference(models.Model):
    """How a person wants to be told beside the inbox; what the office has not opened is not offered."""

    user = models.OneToOneField(User, models.PROTECT, related_name="preference")
    by_email = models.BooleanField("电子邮件", default=False)
    by_wecom = models.BooleanField("企业微信", default=False)
    # The own mailbox, sealed; it counts once its owner has typed back the code that was sent there.
    email_sealed = models.TextField(blank=True, default="")
    email_hint = models.CharField("邮箱", max_length=60, blank=True, default="")
    email_confirmed_at = models.DateTimeField("确认时间", null=True, blank=True)
    email_code_mac = models.CharField(max_length=64, blank=True, default="")
    email_code_until_at = models.DateTimeField(null=True, blank=True)
    email_code_tries = models.PositiveSmallIntegerField(default=0)
    # How many codes were asked for since when: a stranger's mailbox must not be filled from here.
    email_codes = models.PositiveSmallIntegerField(default=0)
    email_codes_since_at = models.DateTimeField(null=True, blank=True)
    # The account name in WeCom where it is not the staff number.
    wecom_id = models.CharField("企业微信账号", max_length=64, blank=True, default="")
    set_at = models.DateTimeField("设置时间")

    class Meta:
        verbose_name = verbose_name_plural = "提醒方式"
        constraints = [
            models.CheckConstraint(
                condition=Q(by_email=False) | Q(email_confirmed_at__isnull=False), name="preference_mail_confirmed"
            ),
        ]

    def __str__(self) -> str:
        return str(self.user)
