"""`manage.py clean_up`: the one daily clean-up of what piles up."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import get_default_timezone, is_naive

from branches.clock import current_instant
from branches.leftovers import clear


class Command(BaseCommand):
    help = "每天一次：清除过期的会话、180天前的登录、不再用的浏览器、过期的登录失败和用过的名册上传；可以重复运行。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--at", metavar="时刻", help="按这一时刻计算，如 2018-07-12T00:00+08:00；不写则为现在。")

    def handle(self, *args: Any, **options: Any) -> None:
        now = self._moment(options["at"]) if options["at"] else current_instant()
        for what, count in clear(now).items():
            self.stdout.write(f"{what}：{count}")

    def _moment(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise CommandError(f"{text} 不是有效的时刻，请写成 2018-07-12T00:00+08:00。") from error
        return moment.replace(tzinfo=get_default_timezone()) if is_naive(moment) else moment
