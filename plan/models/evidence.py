"""What proves a record: pictures, documents, and materials without a page of their own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.urls import reverse

from branches.models import User
from documents.text import size_words
from plan.models.filings import Filing
from plan.models.plans import Requirement

if TYPE_CHECKING:
    from plan.models.duties import Duty


class PictureQuerySet(models.QuerySet["Picture"]):
    def shown(self) -> PictureQuerySet:
        return self.filter(removed_at__isnull=True).order_by("position", "pk")


class Picture(models.Model):
    """A photo that proves a record: only the re-encoded copy is kept, named by its SHA-256."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="pictures")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField("文件名", max_length=120)
    caption = models.CharField("说明", max_length=120, blank=True)
    sha256 = models.CharField(max_length=64)
    thumb_sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField("字节数", default=0)
    taken_at = models.DateTimeField("拍摄时间", null=True, blank=True)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True, blank=True)
    # How it looks: 64 bits in four parts, so that pictures that differ in at most three bits share a whole part.
    look_1 = models.PositiveIntegerField(null=True, blank=True)
    look_2 = models.PositiveIntegerField(null=True, blank=True)
    look_3 = models.PositiveIntegerField(null=True, blank=True)
    look_4 = models.PositiveIntegerField(null=True, blank=True)
    # The earlier picture of another record that it equals or resembles, and what the branch says to the question.
    twin = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    twin_answer = models.CharField("相同图片说明", max_length=120, blank=True)

    objects = PictureQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "图片"
        constraints = [
            models.UniqueConstraint(
                fields=["filing", "sha256"], condition=Q(removed_at__isnull=True), name="picture_once_a_filing"
            ),
            models.CheckConstraint(
                condition=Q(twin_answer="") | Q(twin__isnull=False), name="picture_answers_about_its_twin"
            ),
        ]
        indexes = [
            models.Index(fields=["sha256"], name="picture_by_content"),
            *(models.Index(fields=[f"look_{n}"], name=f"picture_by_look_{n}") for n in (1, 2, 3, 4)),
        ]

    def __str__(self) -> str:
        return self.name


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def shown(self) -> AttachmentQuerySet:
        return self.filter(removed_at__isnull=True).order_by("position", "pk")


class Attachment(models.Model):
    """A document that belongs to a record (附件): checked, stripped of its properties, named by its SHA-256."""

    class Format(models.TextChoices):
        DOCX = "docx", "Word文档"
        XLSX = "xlsx", "Excel表格"
        PDF = "pdf", "PDF文件"

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="attachments")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField("文件名", max_length=120)
    format = models.CharField("格式", max_length=4, choices=Format)
    size = models.PositiveIntegerField("字节数")
    sha256 = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "附件"
        constraints = [
            models.UniqueConstraint(
                fields=["filing", "sha256"], condition=Q(removed_at__isnull=True), name="attachment_once_a_filing"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def size_words(self) -> str:
        """35 KB, 1.2 MB."""
        return size_words(self.size)


class Paper(models.Model):
    """A material (佐证材料) for a requirement that has no page of its own: what was done, when, with pictures."""

    filing = models.OneToOneField(Filing, models.CASCADE, related_name="paper")
    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="papers")
    done_on = models.DateField("完成日期")
    content = models.TextField("主要内容", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "材料"

    def __str__(self) -> str:
        return self.filing.title

    def get_edit_url(self) -> str:
        return reverse("plan:paper_edit", args=[self.pk])

    def missing_to_file(self, at: datetime | None = None) -> list[str]:
        missing = []
        if not self.content.strip():
            missing.append("还缺主要内容：写明做了什么、结果怎样。")
        if self.requirement.spec.pictures and not self.filing.pictures.shown().exists():
            missing.append("还缺图片：至少上传1张现场照片。")
        return missing

    def settles_at(self, duty: Duty, filed_at: datetime) -> datetime | None:
        return filed_at

    def snapshot(self) -> dict[str, Any]:
        return {
            "fields": [
                ["标题", self.filing.title],
                ["对应要求", f"{self.requirement.code} {self.requirement.title}"],
                ["完成日期", f"{self.done_on:%Y年%-m月%-d日}"],
                ["主要内容", self.content],
            ],
            "tables": [],
        }
