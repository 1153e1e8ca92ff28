"""What the office sets for its committee's reminders, as it is asked and as it reads in sentences."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from branches.access import Access
from branches.form_base import PortalModelForm
from branches.models import Committee, Membership, Post, User, on_day
from branches.templatetags.portal import WEEKDAYS
from plan.models import ReminderPolicy
from plan.workdays import Calendar

DEFAULT_DAYS = (3,)
MOST_DAYS, FARTHEST = 5, 60
EXAMPLE = "支委会"


def policy_of(committee: Committee, access: Access) -> ReminderPolicy:
    """The committee's own rules, or what holds without a row, not kept."""
    found = ReminderPolicy.objects.filter(committee=committee).first()
    return found or ReminderPolicy(
        committee=committee, days_before=list(DEFAULT_DAYS), set_at=access.now, set_by=access.actor
    )


def ways_of(user: User, on: date) -> frozenset[str]:
    """The ways that every committee whose member or officer the person is on that day allows (`inbox.offered`)."""
    committees = set(
        Membership.objects.filter(on_day(on), member=user.member_id).values_list("branch__committee", flat=True)
    )
    committees |= set(
        Post.objects.filter(on_day(on), member=user.member_id, committee__isnull=False).values_list(
            "committee", flat=True
        )
    )
    ways = {"email", "wecom"}
    for by_email, by_wecom in ReminderPolicy.objects.filter(committee__in=committees).values_list(
        "by_email", "by_wecom"
    ):
        ways -= {way for way, allowed in (("email", by_email), ("wecom", by_wecom)) if not allowed}
    return frozenset(ways)


class PolicyForm(PortalModelForm):
    """When, how often and by which ways the committee's people are reminded."""

    days_before = forms.CharField(
        label="到期前几天提醒", max_length=40, required=False,
        help_text="如 3，或 7、3、1；不要提前提醒的不填。遇休息日的，提前到上一个工作日。",
    )  # fmt: skip

    class Meta:
        model = ReminderPolicy
        fields = (
            "is_on", "at_start", "days_before", "on_the_day", "when_late", "superior_after", "event_hours",
            "digest_at", "quiet_from", "quiet_until", "on_rest_days", "by_email", "by_wecom",
        )  # fmt: skip
        widgets = {name: forms.TimeInput for name in ("digest_at", "quiet_from", "quiet_until")}
        labels = {
            "is_on": "发送提醒", "at_start": "任务开始时", "on_the_day": "到期当天", "when_late": "逾期时，只一次",
            "on_rest_days": "周末和节假日也提醒", "by_email": "本人可以选电子邮件", "by_wecom": "本人可以选企业微信",
            "event_hours": "活动结束几小时后提醒报送",
        }  # fmt: skip
        help_texts = {
            "is_on": "不勾选，所有提醒都停。退回补正等办理通知照发。",
            "superior_after": "支部的告知办公室，党员的告知支部书记和副书记，只一次。不要告知的不填。",
            "digest_at": "同一人一天的提醒合成一条。",
            "quiet_from": "免打扰时段内不发；起止相同即没有免打扰。",
        }  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["days_before"] = "、".join(str(day) for day in self.instance.days_before)

    @property
    def changed_labels(self) -> list[str]:
        return [str(self.fields[name].label) for name in self.changed_data]

    def clean_days_before(self) -> list[int]:
        text = unicodedata.normalize("NFKC", self.cleaned_data["days_before"])
        parts = [part for part in re.split(r"[\s,、;和]+", text) if part]
        if not all(part.isascii() and part.isdecimal() and len(part) <= 2 for part in parts):
            raise ValidationError("请只填天数，几个之间用顿号，如 7、3、1。")
        days = sorted({int(part) for part in parts}, reverse=True)
        if any(not 1 <= day <= FARTHEST for day in days):
            raise ValidationError(f"天数应在1到{FARTHEST}之间；到期当天另有一项。")
        if len(days) > MOST_DAYS:
            raise ValidationError(f"最多填{MOST_DAYS}个，多了就成了打扰。")
        return days

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        digest, first, last = (given.get(name) for name in ("digest_at", "quiet_from", "quiet_until"))
        if digest and first and last and is_quiet(digest, first, last):
            self.add_error("digest_at", f"{digest:%H:%M}在免打扰时段（{first:%H:%M}至{last:%H:%M}）内，请改其中一个。")
        return given


def is_quiet(clock: time, first: time, last: time) -> bool:
    """Whether a time of day lies in the quiet hours, which may go over midnight; equal ends: none."""
    return first <= clock < last if first <= last else clock >= first or clock < last


def sentences(policy: ReminderPolicy, today: date, calendar: Calendar) -> list[str]:
    """What the rules come to, by the example of something due on the 15th of next month."""

    def spoken(day: date, step: int) -> str:
        """The day itself, or the nearest before or after it on which people are reminded."""
        while not policy.on_rest_days and not calendar.is_workday(day):
            day += timedelta(days=step)
        return f"{_day(day)}{clock}"

    if not policy.is_on:
        return ["不发送提醒。退回补正等办理通知照发。"]
    due = (today.replace(day=1) + timedelta(days=32)).replace(day=15)
    clock = f"{policy.digest_at:%H:%M}"
    said: list[str] = []
    if policy.at_start:
        said.append(f"任务开始的当天{clock}提醒一次。")
    for n in policy.days_before:
        day = due - timedelta(days=n)
        moved = "" if spoken(day, -1).startswith(_day(day)) else "，遇休息日再提前"
        said.append(f"{spoken(day, -1)}提醒支部书记（提前{n}天{moved}）。")
    if policy.on_the_day:
        said.append(f"{spoken(due, -1)}提醒（到期当天）。")
    if policy.when_late:
        said.append(f"{spoken(due + timedelta(days=1), 1)}提醒一次：已逾期。以后不再重复。")
    if policy.superior_after is not None:
        late = due + timedelta(days=1 + policy.superior_after)
        said.append(f"到{spoken(late, 1)}还没有办的，告知机关党委办公室一次。")
    said = [f"以{_day(due)}到期的{EXAMPLE}为例：", *said] if said else ["任务到期前后都不提醒。"]
    said.append(f"活动结束{policy.event_hours}小时后还没有报送的，提醒支部书记当天报送。")
    if policy.quiet_from != policy.quiet_until:
        said.append(f"{policy.quiet_from:%H:%M}至{policy.quiet_until:%H:%M}不打扰，次日就要报送的除外。")
    rest = "周末和节假日照常提醒。" if policy.on_rest_days else "遇周末和节假日：提前的挪到上一个工作日，逾期的顺延。"
    ways = [label for label, on in (("邮件", policy.by_email), ("企业微信", policy.by_wecom)) if on]
    outside = f"本人选了的，另发{'和'.join(ways)}。" if ways else "不发到邮箱和企业微信。"
    return [*said, rest, f"已经办结的不再提醒。提醒都在站内消息里；{outside}"]


def _day(day: date) -> str:
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）"
