"""`manage.py roster_work 12`: read or write the roster upload that waits for it; the web server starts this itself."""

import os
import resource
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from branches.clock import current_instant
from branches.roster_jobs import WORKER_MEMORY, WORKER_SECONDS, work


class Command(BaseCommand):
    help = "读取或写入等待办理的一次名册上传（由网站自行启动，一般不必手工运行）。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("pk", type=int, help="上传的编号，见其页面的网址")
        parser.add_argument("--at", type=datetime.fromisoformat, help="发起的时刻；缺省为现在")
        parser.add_argument("--limited", action="store_true", help="限制本进程的内存和处理器时间，并降低优先级")

    def handle(self, *args: object, **options: Any) -> None:
        if options["limited"]:
            resource.setrlimit(resource.RLIMIT_AS, (WORKER_MEMORY, WORKER_MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (WORKER_SECONDS, WORKER_SECONDS + 10))
            os.nice(5)
        work(options["pk"], options["at"] or current_instant())
