"""The office's rules for reminding: what is kept, what is refused, and what they come to in sentences."""

from __future__ import annotations

import pytest

from branches.models import AuditEvent
from plan.models import ReminderPolicy

pytestmark = pytest.mark.django_db
PAGE = "/reminders/policy/"
GOOD = {
    "is_on": "on", "at_start": "on", "days_before": "7、3，1", "on_the_day": "on", "when_late": "on",
    "superior_after": "2", "event_hours": "12", "digest_at": "08:00", "quiet_from": "21:30", "quiet_until": "07:30",
    "by_email": "on",
}  # fmt: skip


@pytest.fixture
def office(world, login, clock):
    clock("2018-06-10 09:00")
    return login("office")


def test_the_rules_are_kept_once_and_told_to_the_auditor_and_the_preview_says_them(office):
    page = office.get(PAGE).content.decode()
    assert "缺省的规则" in page and not ReminderPolicy.objects.exists()
    for _ in range(2):
        assert office.post(PAGE, GOOD | {"action": "save"}).status_code == 302
    policy = ReminderPolicy.objects.get()
    assert (policy.days_before, policy.by_email, policy.by_wecom) == ([7, 3, 1], True, False)
    assert AuditEvent.objects.filter(what="提醒规则", kind="setting").first().detail["fields"].startswith("到期前几天")
    page = office.get(PAGE).content.decode()
    # Due on a Sunday: what falls on the weekend is said on the Friday before, what comes after it on the Monday.
    sentences = (
        "以7月15日（周日）", "7月6日（周五）08:00提醒支部书记（提前7天，遇休息日再提前）",
        "7月13日（周五）08:00提醒（到期当天）", "7月16日（周一）08:00提醒一次：已逾期", "到7月18日（周三）08:00",
        "另发邮件。",
    )  # fmt: skip
    for said in sentences:
        assert said in page, said


def test_trying_out_keeps_nothing(office):
    page = office.post(PAGE, GOOD | {"action": "preview", "digest_at": "09:15"})
    assert page.status_code == 200 and "09:15提醒" in page.content.decode() and not ReminderPolicy.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"days_before": "三"}, "只填天数"),
        ({"days_before": "0"}, "1到60"),
        ({"days_before": "61"}, "1到60"),
        ({"days_before": "9" * 40}, "只填天数"),
        ({"days_before": "1 2 3 4 5 6"}, "最多填5个"),
        ({"days_before": "3\x00"}, ""),
        ({"digest_at": "22:00"}, "免打扰时段"),
        ({"digest_at": "25:00"}, "每日提醒时间"),
        ({"event_hours": "24"}, "活动结束几小时后"),
        ({"event_hours": "9" * 5000}, "活动结束几小时后"),
        ({"superior_after": "61"}, "逾期几天告知上级"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(office, wrong, says):
    answer = office.post(PAGE, GOOD | wrong)
    assert answer.status_code == 422 and says in answer.content.decode()
    assert not ReminderPolicy.objects.exists()


def test_nobody_before_the_day_is_allowed_and_equal_ends_mean_no_quiet_hours(office):
    answer = office.post(PAGE, GOOD | {"days_before": "", "superior_after": "", "quiet_from": "00:00",
                                       "quiet_until": "00:00"})  # fmt: skip
    assert answer.status_code == 302
    policy = ReminderPolicy.objects.get()
    assert (policy.days_before, policy.superior_after) == ([], None)
    assert "不打扰" not in office.get(PAGE).content.decode()
