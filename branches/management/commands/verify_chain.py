"""`manage.py verify_chain`: is the audit log as it was written? Names every row that is not."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from branches import append_only, audit
from branches.clock import current_instant


class Command(BaseCommand):
    help = "核对审计日志的校验链，逐条指出不符之处；--anchor 核对无误后把链头记到数据库之外。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--anchors", type=Path, default=settings.AUDIT_ANCHORS, help="链头留底文件")
        parser.add_argument("--anchor", action="store_true", help="核对无误后把链头追加到留底文件（建议每天一次）")

    def handle(self, *args: object, **options: Any) -> None:
        from django.db import connection

        path: Path = options["anchors"]
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            anchors = [audit.Anchor.parse(line) for line in lines if line.strip()]
        except (OSError, ValueError) as error:
            raise CommandError(f"留底文件 {path} 读不出来：{error}") from error
        count, broken = audit.verify(anchors)
        lost = append_only.missing(connection)
        for place in broken:
            self.stdout.write(str(place))
        if lost:
            self.stdout.write(f"缺少触发器：{'、'.join(sorted(lost))}")
        self.stdout.write(f"共{count}条，{len(broken)}处不符，对照了{len(anchors)}次留底。")
        if broken or lost:
            sys.exit(1)
        if options["anchor"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{audit.head(current_instant())}\n")
            self.stdout.write(f"链头已记入 {path}。")
