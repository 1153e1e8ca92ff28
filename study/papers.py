"""Study plans as they are filed: complete in themselves, as text."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from study.models import BranchPlan, Kind, MemberPlan, PlanItem
from study.rhythm import rhythm_words

# What the plan wants clear (四个明确): when, what, who, how. Each is one column, so that the list fits the page.
COLUMNS = ["学习时限", "学习内容", "责任人", "学习方式"]


def branch_plan_snapshot(branch_plan: BranchPlan) -> dict[str, Any]:
    """The outline and both lists, collective and individual (集体学习和个人学习清单)."""
    items = list(branch_plan.items.select_related("responsible").prefetch_related("readings", "materials"))
    together = [item for item in items if item.scope == PlanItem.Scope.COLLECTIVE]
    alone = [item for item in items if item.scope == PlanItem.Scope.INDIVIDUAL]
    return {
        "fields": [
            ["填报支部", branch_plan.branch.name],
            ["年度", f"{branch_plan.plan.year}年"],
            ["依据", branch_plan.plan.title],
            ["年度学习大纲", branch_plan.outline],
            ["集体学习", f"{len(together)}次"],
            ["个人学习", f"{len(alone)}项"],
        ],
        "tables": [
            {"title": "集体学习清单", "columns": COLUMNS, "rows": [_row(item) for item in together]},
            {"title": "个人学习清单", "columns": COLUMNS, "rows": [_row(item) for item in alone]},
        ],
    }


def _row(item: PlanItem) -> list[str]:
    kinds = (
        "个人自学" if item.scope == PlanItem.Scope.INDIVIDUAL else "、".join(Kind(kind).label for kind in item.kinds)
    )
    named = item.topic + item.content
    readings = "、".join(title for title in item.cited if title not in named)
    return [
        _lines(
            days(item.starts_on, item.ends_on).replace("至", "\n至"),
            rhythm_words(item),
            f"{'每次' if item.rhythm else ''}{hours(item.hours)}学时" if item.hours is not None else "",
        ),
        _lines(item.topic, item.content, f"篇目：{readings}" if readings else ""),
        item.responsible.name if item.responsible else "",
        _lines(kinds, item.get_method_display(), item.place),
    ]


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)


def member_plan_snapshot(member_plan: MemberPlan) -> dict[str, Any]:
    """The goal and every week; what was done since is no part of the plan that was approved."""
    weeks = list(member_plan.weeks.all())
    return {
        "fields": [
            ["姓名", member_plan.member.name],
            ["所在支部", member_plan.filing.branch.name if member_plan.filing.branch else ""],
            ["职务", member_plan.member.job_title],
            ["年度", f"{member_plan.plan.year}年"],
            ["年度目标", member_plan.goal],
            ["学习周数", f"{len(weeks)}周"],
            ["计划学时", f"{hours(sum((week.hours for week in weeks), Decimal(0)))}学时"],
        ],
        "tables": [
            {
                "title": "每周学习内容",
                "columns": ["周次", "起止日期", "学习内容", "学习方式", "学时"],
                "rows": [
                    [
                        f"第{week.week_on.isocalendar().week}周", days(week.week_on, week.week_on + timedelta(days=6)),
                        week.content, week.get_method_display(), hours(week.hours),
                    ]
                    for week in weeks
                ],
            }
        ],
    }  # fmt: skip


def days(first: date, last: date) -> str:
    """7月11日, or 7月9日至7月15日; the year stands at the head of the record."""
    return f"{first:%-m月%-d日}" if first == last else f"{first:%-m月%-d日}至{last:%-m月%-d日}"


def hours(number: Decimal | None) -> str:
    """2 or 2.5; empty for None."""
    return "" if number is None else f"{number:.1f}".removesuffix(".0")
