"""`manage.py burden --year 2018`: what the issued plan costs each branch and month in sittings, filings and typing."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import localdate

from branches.clock import current_instant
from branches.models import Branch
from plan.models import Plan
from study.burden import Load, Months, of_member, of_year, small_among

HEADS = ("任务", "其中活动", "场次", "报送", "留存", "必填", "手填", "上传")


def numbers(load: Load) -> list[int]:
    return [load.duties, load.occurrences, load.sittings, load.filings, load.kept, load.asked, load.typed, load.uploads]


class Command(BaseCommand):
    help = "按支部、按月列出实施方案要求的任务、场次、报送、填写和上传的数量（减负用）。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--year", type=int, default=0, help="年度，不写则为今年")
        parser.add_argument("--branch", default="", help="只看某个支部（代码或名称）")
        parser.add_argument("--whole-year", action="store_true", help="按全年计算，不论方案何时下发")
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")

    def handle(self, *args: object, **options: Any) -> None:
        day = localdate(current_instant())
        year = options["year"] or day.year
        branches = Branch.objects.existing_on(day).select_related("committee").order_by("committee", "code", "pk")
        if wanted := options["branch"]:
            branches = branches.filter(code=wanted) | branches.filter(name=wanted)
        rows = list(branches)
        if not rows:
            raise CommandError("没有找到支部，请核对 --branch 写的代码或名称。")
        plans = {pk: Plan.objects.asking(pk, year, day) for pk in {branch.committee_id for branch in rows}}
        if not any(plans.values()):
            raise CommandError(f"{year}年还没有下发实施方案。")
        self._print(rows, plans, options)

    def _print(self, rows: list[Branch], plans: dict[int, Plan | None], options: dict[str, Any]) -> None:
        known: dict[tuple[int, bool], Months] = {}
        found = []
        for committee, plan in plans.items():
            here = [branch for branch in rows if branch.committee_id == committee]
            if plan is None:
                continue
            small = small_among(here, plan.effective_on or localdate(current_instant()))
            for branch in here:
                key = (plan.pk, branch.pk in small)
                if key not in known:
                    known[key] = of_year(plan, small=key[1], whole_year=options["whole_year"])
                found.append((branch, known[key]))
        if options["json"]:
            self.stdout.write(json.dumps([
                {"branch": b.name, "months": {n: dict(zip(HEADS, numbers(load), strict=True)) for n, load in m.items()}}
                for b, m in found
            ], ensure_ascii=False, indent=1))  # fmt: skip
            return
        for branch, months in found:
            self._table(branch, months)
        for plan in {plan.pk: plan for plan in plans.values() if plan}.values():
            load = of_member(plan)
            self.stdout.write(f"\n每名党员全年（{plan}）：任务{load.duties}项，报送{load.filings}件。")

    def _table(self, branch: Branch, months: Months) -> None:
        self.stdout.write(f"\n{branch.name}\n月份\t" + "\t".join(HEADS))
        for number, load in months.items():
            self.stdout.write(f"{number}月\t" + "\t".join(map(str, numbers(load))))
        self.stdout.write("全年\t" + "\t".join(map(str, numbers(sum(months.values(), Load())))))
