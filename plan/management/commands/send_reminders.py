"""`manage.py send_reminders`: one round of the reminders, as the background work makes it every few minutes."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from branches.clock import current_instant
from plan.reminders import quietly, run_round


class Command(BaseCommand):
    help = "登记到时间的提醒并发出：漏掉的补上，说过的不重复，办完的不提醒。后台任务会自动运行，也可随时手工运行。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=datetime.fromisoformat, help="按哪一刻算；缺省为现在")

    def handle(self, *args: object, **options: Any) -> None:
        self.stdout.write(run_round({}, at=options["at"] or current_instant(), tell=quietly) + "。")
