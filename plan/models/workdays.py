"""The days that an office's calendar treats otherwise than the notices do."""

from __future__ import annotations

from django.db import models

from branches.models import Committee, User


class SpecialDay(models.Model):
    """A day that the office's calendar treats otherwise than the holiday notices do: 放假 or 调休上班."""

    committee = models.ForeignKey(Committee, models.PROTECT, related_name="special_days")
    day = models.DateField("日期")
    works = models.BooleanField("上班")
    name = models.CharField("事由", max_length=40)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "工作日历"
        ordering = ["committee", "day"]
        constraints = [models.UniqueConstraint(fields=["committee", "day"], name="special_day_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"
