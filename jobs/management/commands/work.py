"""`manage.py work`: the process that does the background work; the web server starts one (WORKER=embedded)."""

import os
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from branches import clock
from jobs.worker import Working


class Command(BaseCommand):
    help = "办理后台任务，直到收到结束信号，办完手上的一件再退出。WORKER=none 时自行运行，可以同时运行几个。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--parent", type=int, default=0, help="网站进程的编号，它结束时一同结束；由网站自行给出")
        parser.add_argument("--clock-began", type=datetime.fromisoformat, help="演示时钟从何时走起；由网站自行给出")

    def handle(self, *args: object, **options: Any) -> None:
        if options["clock_began"]:
            clock.begin_at(options["clock_began"])
        if options["parent"]:
            os.nice(5)  # people's requests come first
        Working(parent=options["parent"]).run()
