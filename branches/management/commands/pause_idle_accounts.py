"""Pauses the accounts that nobody uses; to be run every night."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import get_default_timezone, is_naive, localdate

from branches.access import Access
from branches.accounts import IDLE_DAYS, pause_idle
from branches.clock import current_instant


class Command(BaseCommand):
    help = f"暂停{IDLE_DAYS}天没有使用的账号；可以重复运行；最后一名系统管理员的账号不暂停。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--at", metavar="时刻", help="按这一时刻计算，如 2018-07-12T00:00+08:00；不写则为现在。")

    def handle(self, *args: Any, **options: Any) -> None:
        now = self._moment(options["at"]) if options["at"] else current_instant()
        paused = pause_idle(Access(now=now, on=localdate(now)))
        for member in paused:
            self.stdout.write(f"已暂停 {member.staff_number} {member.name}")
        self.stdout.write(f"共暂停{len(paused)}个账号。" if paused else "没有要暂停的账号。")

    def _moment(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise CommandError(f"{text} 不是有效的时刻，请写成 2018-07-12T00:00+08:00。") from error
        return moment.replace(tzinfo=get_default_timezone()) if is_naive(moment) else moment
