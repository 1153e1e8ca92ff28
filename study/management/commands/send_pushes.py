"""`manage.py send_pushes`: announce pushes through the channels; run every minute, and started by each push itself."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from branches.clock import current_instant
from study.sending import stay


class Command(BaseCommand):
    help = "把移动党支部的推送发到企业微信群机器人和邮箱：到时间的发一遍，没有发成的过一会儿再发。可每分钟运行一次。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=datetime.fromisoformat, help="从哪一刻算起；缺省为现在")
        parser.add_argument("--stay", type=float, default=0, help="再等多少秒，其间到时间的也发；缺省不等")

    def handle(self, *args: object, **options: Any) -> None:
        at, began = options["at"] or current_instant(), time.monotonic()
        sent = stay(lambda: at + timedelta(seconds=time.monotonic() - began), options["stay"])
        if sent:
            self.stdout.write(f"发出{sent}条消息。")
