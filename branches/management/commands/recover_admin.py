"""The way back in for an administrator who lost password or second factor: on the server, as root only."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils.timezone import localdate, localtime

from branches.access import Access
from branches.accounts import recover
from branches.clock import current_instant
from branches.models import Member, Post, normal_staff_number, on_day


class Command(BaseCommand):
    """For those who hold an administrator's post today and have an account; the others ask an administrator."""

    help = "只能由服务器的 root 运行：给管理员一个新的激活码，撤销其密码和两步验证，结束其全部登录，并写入审计日志。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("staff_number", metavar="工号")

    def handle(self, *args: Any, **options: Any) -> None:
        if os.geteuid() != 0:
            raise CommandError("这个命令只能由服务器的 root 运行。")
        now = current_instant()
        access = Access(now=now, on=localdate(now))
        number = normal_staff_number(options["staff_number"])
        member = Member.objects.filter(staff_number=number, user__isnull=False).first()
        if member is None:
            raise CommandError(f"工号 {number} 没有账号。新的管理员请用 create_admin 登记。")
        if not Post.objects.filter(on_day(access.on), member=member, kind__in=Post.ADMINISTRATORS).exists():
            raise CommandError(f"{member.name}今天不是系统、安全或审计管理员，请由系统管理员在【账号】页重发激活码。")
        slip = recover(member, access)
        self.stdout.write(f"{member.name}原来的密码、两步验证已撤销，全部登录已结束。")
        self.stdout.write(f"激活码（只显示这一次，{localtime(slip.until_at):%Y-%m-%d %H:%M}前有效）：{slip.code}")
        self.stdout.write(f"打开 {reverse('branches:activate')}，填工号和激活码，重设密码。")
