"""`manage.py checkup`: how many findings each rule of the health check has, for the administrator: no names."""

from __future__ import annotations

from django.core.management.base import BaseCommand
from django.utils.timezone import localdate, localtime

from branches.access import Access
from branches.checkup import Scope
from branches.clock import current_instant
from branches.models import Committee
from config.checkup import RULES, totals


class Command(BaseCommand):
    help = "按检查项列出数据体检发现的条数（不含人名和支部名）。"

    def handle(self, *args: object, **options: object) -> None:
        at = current_instant()
        everywhere = frozenset(Committee.objects.values_list("pk", flat=True))
        found = totals(list(RULES), Scope(Access(now=at, on=localdate(at), office_of=everywhere)))
        self.stdout.write(f"截至 {localtime(at):%Y-%m-%d %H:%M}")
        for rule in RULES:
            self.stdout.write(f"{rule.level}\t{found[rule.code]}\t{rule.title}")
