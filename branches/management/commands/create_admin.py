"""The first people of a new portal, made on the server: nobody can log in before them."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils.timezone import localdate, localtime

from branches import audit, passwords
from branches.access import Access
from branches.accounts import open_accounts, open_with_password
from branches.clock import current_instant
from branches.exclusion import exclusive
from branches.models import Committee, Member, Post, User, on_day
from branches.roster_cells import Unreadable, clean_name, is_name, staff_number_of

KINDS = (Post.Kind.SYSADMIN, Post.Kind.SECURITY, Post.Kind.AUDITOR, Post.Kind.OFFICE, Post.Kind.INSPECTOR)


class Command(BaseCommand):
    """Makes the member, the post in the committee, and the account; run again, it adds what is missing."""

    help = "登记机关党委的系统管理员（或办公室、督查、审计人员）并开通账号；没有机关党委时一并建立。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("staff_number", metavar="工号")
        parser.add_argument("name", metavar="姓名")
        parser.add_argument("--committee", metavar="名称", default="", help="机关党委全称；只有一个时可省略。")
        parser.add_argument(
            "--post", action="append", choices=[kind.value for kind in KINDS], metavar="职务",
            help="sysadmin 系统管理员（缺省）、security 安全、auditor 审计、office 办公室、inspector 督查；可重复。",
        )  # fmt: skip
        parser.add_argument("--code", action="store_true", help="不询问密码，打印一个激活码，由本人用它设置密码。")

    def handle(self, *args: Any, **options: Any) -> None:
        now = current_instant()
        day = localdate(now)
        try:
            number = staff_number_of(("text", options["staff_number"].strip()))
        except Unreadable as problem:
            raise CommandError(f"{problem.reason}，请{problem.cure}。") from problem
        name = clean_name(options["name"])
        if not is_name(name):
            raise CommandError("姓名为2至50个字，不含数字。")
        existing = Member.objects.filter(staff_number=number).first()
        if existing and existing.name != name:
            raise CommandError(f"工号 {number} 已登记为{existing.name}，与“{name}”不符，请核对。")
        has_account = User.objects.filter(staff_number=number).exists()
        password = "" if options["code"] or has_account else self._ask_password(number, name)
        kinds = options["post"] or [Post.Kind.SYSADMIN.value]
        held = Post.objects.filter(on_day(day), member=existing).values_list("kind", flat=True) if existing else []
        if clash := exclusive(set(kinds) | set(held)):
            raise CommandError(f"{name}不能同时任{'、'.join(clash)}：系统、安全、审计管理员互斥，也不兼其他职务。")
        access = Access(now=now, on=day)
        with audit.act(access, audit.Kind.RIGHTS, "登记管理员") as entry:
            committee = self._committee(options["committee"])
            member = entry.about = existing or Member.objects.create(staff_number=number, name=name)
            for kind in kinds:
                if not Post.objects.filter(on_day(day), member=member, committee=committee, kind=kind).exists():
                    post = Post.objects.create(member=member, committee=committee, kind=kind, from_on=day)
                    audit.note(access, audit.Kind.RIGHTS, "任命", post, from_on=day, of=committee)
                self.stdout.write(f"{member.name}：{committee.name} {Post.Kind(kind).label}")
            if password:
                open_with_password(member, password, access)
                self.stdout.write("账号已开通，请用工号和刚才输入的密码登录。")
            elif options["code"]:
                slip = open_accounts([member], access)[0]
                self.stdout.write(
                    f"激活码（只显示这一次，{localtime(slip.until_at):%Y-%m-%d %H:%M}前有效）：{slip.code}"
                )
                self.stdout.write(f"打开 {reverse('branches:activate')}，填工号和激活码，设置密码。")
            else:
                self.stdout.write("账号早已开通，密码不变；要重发激活码，请加 --code。")

    def _committee(self, name: str) -> Committee:
        name = name.strip()
        if name:
            committee, made = Committee.objects.get_or_create(name=name, defaults={"short_name": name[:30]})
            if made:
                self.stdout.write(f"已建立{name}。")
            return committee
        committees = list(Committee.objects.order_by("pk")[:2])
        if not committees:
            self.stdout.write("已建立机关党委。")
            return Committee.objects.create(name="机关党委", short_name="机关党委")
        if len(committees) > 1:
            raise CommandError("有几个机关党委，请用 --committee 写明全称。")
        return committees[0]

    def _ask_password(self, number: str, name: str) -> str:
        if not sys.stdin.isatty():
            raise CommandError("这里不能输入密码。请在终端中运行，或加 --code 打印一个激活码。")
        self.stdout.write(passwords.HELP[settings.PASSWORD_POLICY])
        while True:
            password = getpass.getpass("密码：")
            if problems := passwords.problems(password, number=number, name=name):
                self.stderr.write("".join(problems))
            elif getpass.getpass("再输一遍：") == password:
                return password
            else:
                self.stderr.write("两次输入不一样，请重新输入。")
