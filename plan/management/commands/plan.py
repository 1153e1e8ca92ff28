"""`manage.py plan 2018 --json`: what a year's plan asks for, code by code, with clause and quote."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from plan.document import Document, DocumentErrors
from plan.loading import load
from plan.models import Plan

FOLDER = Path(__file__).resolve().parents[2]


def document_of(year: int) -> Document:
    """The newest issued plan of the year, or the one shipped as a file; CommandError where there is neither."""
    try:
        issued = Plan.objects.issued().filter(year=year).order_by("-version").first()
    except DatabaseError:
        issued = None  # no database yet: the shipped file still answers
    if issued is not None:
        return issued.document
    path = FOLDER / f"{year}.toml"
    if not path.exists():
        raise CommandError(f"没有{year}年的实施方案：数据库中没有已下发的，也没有文件 plan/{year}.toml。")
    data = path.read_text(encoding="utf-8")
    try:
        return load(data, path.with_suffix(".txt").read_text(encoding="utf-8"))
    except DocumentErrors as errors:
        raise CommandError("\n".join(errors.errors)) from errors


class Command(BaseCommand):
    help = "列出某一年实施方案的全部要求：编号、条款、原文、谁来做、何时为限。"
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("year", type=int)
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")

    def handle(self, *args: object, year: int, **options: Any) -> None:
        document = document_of(year)
        rows = [
            {
                "code": spec.code,
                "clause": spec.clause,
                "title": spec.title,
                "quote": spec.quotes[0],
                "quotes": list(spec.quotes),
                "owners": list(spec.owners),
                "cadence": dict(spec.cadence),
                "due": [window.due_on.isoformat() for window in spec.windows(document.year, document.settings)],
                "evidence": spec.evidence,
                "receiver": spec.receiver,
                "handling": spec.handling,
            }
            for spec in document.requirements
        ]
        if options["json"]:
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1))
            return
        for row in rows:
            self.stdout.write(f"{row['code']:4}{row['clause']:6}{row['title']}：“{row['quote']}”")
