"""`manage.py send_messages`: send what waits to mailboxes and to WeCom; the background work does so every minute."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from branches.clock import current_instant
from inbox.sending import run_round


class Command(BaseCommand):
    help = "把站内消息发到本人选的邮箱和企业微信：到时间的发一遍，没有发成的过一会儿再发。后台任务每分钟做一次。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=datetime.fromisoformat, help="从哪一刻算起；缺省为现在")

    def handle(self, *args: object, **options: Any) -> None:
        self.stdout.write(run_round({}, at=options["at"] or current_instant(), tell=lambda done, total: None))
