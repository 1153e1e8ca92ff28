"""`manage.py verify_chain`: is the audit log as it was written? Names every row that is not."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from branches import anchoring
from branches.clock import current_instant


class Command(BaseCommand):
    help = "核对审计日志的校验链，逐条指出不符之处；--anchor 核对无误后把链头记到数据库之外。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--anchors", type=Path, default=settings.AUDIT_ANCHORS, help="链头留底文件")
        parser.add_argument("--anchor", action="store_true", help="核对无误后把链头追加到留底文件（建议每天一次）")

    def handle(self, *args: object, **options: Any) -> None:
        path: Path = options["anchors"]
        try:
            found = anchoring.check(path)
        except (OSError, ValueError) as error:
            raise CommandError(f"留底文件 {path} 读不出来：{error}") from error
        for place in found.broken:
            self.stdout.write(str(place))
        if found.lost:
            self.stdout.write(f"缺少触发器：{'、'.join(found.lost)}")
        self.stdout.write(found.words)
        if not found.sound:
            sys.exit(1)
        if options["anchor"]:
            anchoring.note_head(path, current_instant())
            self.stdout.write(f"链头已记入 {path}。")
