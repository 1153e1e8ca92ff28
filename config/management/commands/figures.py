"""`manage.py figures`: one line for each figure, measured now."""

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "逐行打印各项指标：名称 实测值 目标 ok|short。全部当场测量。"
    requires_system_checks = ()

    def handle(self, *args: object, **options: Any) -> None:
        # The benchmarks are no part of the running portal and are read only here.
        from benchmarks.figures import run

        for figure in run():
            self.stdout.write(str(figure))
            self.stdout.flush()
