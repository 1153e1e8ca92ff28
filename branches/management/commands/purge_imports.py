"""`manage.py purge_imports`: empty roster uploads that are written or thirty days old."""

from typing import Any

from django.core.management.base import BaseCommand

from branches.clock import current_instant
from branches.roster_jobs import purge


class Command(BaseCommand):
    help = "清除已写入或上传满30天的名册文件内容（建议每天一次）。"

    def handle(self, *args: object, **options: Any) -> None:
        self.stdout.write(f"清除了{purge(current_instant())}次上传的内容。")
