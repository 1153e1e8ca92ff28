"""`manage.py open_duties`: add whatever the issued plans ask for and is not yet there; safe to run at any time."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.timezone import localdate

from branches.clock import current_instant
from plan.models import Plan
from plan.opening import open_duties


class Command(BaseCommand):
    help = "按已下发的实施方案补齐任务。可以随时重复运行，只增加缺少的。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--year", type=int, default=None, help="年度；不写则为今年")

    def handle(self, *args: object, **options: Any) -> None:
        at = current_instant()
        year = options["year"] or localdate(at).year
        added = 0
        for plan in Plan.objects.issued().filter(year=year).order_by("committee", "version"):
            added += open_duties(plan, at=at, progress=self._progress)
        self.stdout.write(f"已补齐{year}年的任务：新增 {added} 项。")

    def _progress(self, done: int, of: int) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r支部 {done}/{of}", ending="")
