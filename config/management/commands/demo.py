"""`manage.py demo`: writes the demo's committee and its year into the demo's database, and tells how to log in."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.timezone import localtime

from branches import clock
from branches.models import Committee
from config.demo.people import ACCOUNTS, PASSWORD, gather
from config.demo.pictures import stock
from config.demo.story import issue_of, tell
from plan.cadence import SHANGHAI
from plan.models import Plan


class Command(BaseCommand):
    help = "载入演示数据：一个虚构的机关党委和它一年的工作，写到“现在”为止。只能在演示模式（DEMO=1）下使用。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--year", type=int, help="写哪一年，不写则为今年；2018 即方案原文的年份")
        parser.add_argument("--if-empty", action="store_true", help="已有演示数据时不再载入，也不提示")
        parser.add_argument("--accounts", action="store_true", help="只列出可以登录的账号")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("演示数据只能在演示模式下载入。请先设置环境变量 DEMO=1，并使用单独的演示数据库。")
        if options["accounts"]:
            self._accounts()
            return
        now = clock.current_instant()
        year = options["year"]
        if year is None:
            year = localtime(now).year
            # In the first days of January this year's plan is not out yet: the last year's is still on the table.
            year -= now < issue_of(year)
        if not 2000 <= year <= 2100:
            raise CommandError(f"年份写的是{year}，请写2000到2100之间的年份，例如 --year 2018。")
        here = Committee.objects.exists()
        if options["if_empty"] and here:
            return
        if Plan.objects.filter(year=year).exists():
            self.stdout.write(f"{year}年的演示数据已经载入，没有再写入。")
            return
        if here:
            raise CommandError(
                f"这个数据库里已有别的数据，不能再载入{year}年的演示数据。请换一个空的数据库（DATABASE_URL）后再载入。"
            )
        self._load(year, now)

    def _load(self, year: int, now: datetime) -> None:
        until = min(now, datetime(year, 12, 31, 23, 59, 59, tzinfo=SHANGHAI))
        begins = issue_of(year)
        if until < begins:
            raise CommandError(
                f"{year}年的方案到{begins.month}月{begins.day}日才下发，现在还没有可写的内容。请用 --year 另选一年。"
            )
        random = Random(year)  # noqa: S311 — the same year gives the same story; nothing here is secret
        # Whole or not at all: a run that is killed leaves nothing, and is simply run again.
        with transaction.atomic():
            pictures = stock(random)
            tell(gather(year, random), pictures, year, until, random)
        self.stdout.write(f"已载入{year}年的演示数据，写到{localtime(until):%Y年%-m月%-d日 %H:%M}。")

    def _accounts(self) -> None:
        self.stdout.write("可以登录的账号（工号、身份），密码都是 " + PASSWORD)
        for number, role in ACCOUNTS.items():
            self.stdout.write(f"  {number:<12}{role}")
