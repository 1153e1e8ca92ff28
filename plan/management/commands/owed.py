"""`manage.py owed --at 2018-07-12T00:00+08:00 --json`: who owes what at an instant, past or to come."""

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone

from branches.clock import current_instant
from branches.templatetags.portal import days_late, due_by
from plan.models import Duty, Standing


def instant(text: str) -> datetime:
    """An instant from the command line; without a zone it is Shanghai time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"“{text}”不是有效的时间，请写成 2018-07-12T00:00+08:00。") from error
    return moment if moment.tzinfo else timezone.make_aware(moment)


class Command(BaseCommand):
    help = "列出某一时刻各支部、各党员应完成的任务及其状态。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", default="", help="时刻，如 2018-07-12T00:00+08:00；不写则为现在")
        parser.add_argument("--code", default="", help="只看某一条要求，如 S12")
        parser.add_argument("--branch", default="", help="只看某个支部（代码或名称）")
        parser.add_argument("--open", action="store_true", help="只看未办结的")
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")

    def handle(self, *args: object, **options: Any) -> None:
        at = instant(options["at"]) if options["at"] else current_instant()
        duties = Duty.objects.with_standing(at).select_related("requirement", "branch", "member", "committee")
        if options["code"]:
            duties = duties.filter(code=options["code"].upper())
        if options["branch"]:
            duties = duties.filter(branch__code=options["branch"]) | duties.filter(branch__name=options["branch"])
        if options["open"]:
            duties = duties.unsettled(at)
        duties = duties.order_by(
            "committee", "branch__code", "requirement__position", "starts_on", "member__name_key", "pk"
        )
        if options["json"]:
            self._json(duties, at)
            return
        listed: QuerySet[Any] = duties
        for duty in listed.iterator(chunk_size=2000):
            self.stdout.write(
                f"{duty.branch or duty.committee}\t{duty.member or ''}\t{duty.requirement}\t{duty.period}\t"
                f"{due_by(duty.due_then, at)}\t{words(duty, at)}"
            )

    def _json(self, duties: QuerySet[Any], at: datetime) -> None:
        """One array, written as it is read: a year of 5,000 branches does not fit a list."""
        comma = "[\n"
        for duty in duties.iterator(chunk_size=2000):
            row = {
                "branch": duty.branch.name if duty.branch else "",
                "member": duty.member.name if duty.member else "",
                "committee": duty.committee.name,
                "requirement": duty.code,
                "clause": duty.requirement.clause,
                "title": duty.requirement.title,
                "period": duty.period,
                "due": timezone.localtime(duty.due_then).isoformat(),
                "due_words": due_by(duty.due_then, at),
                "standing": words(duty, at),
                "standing_code": duty.standing,
                "late": duty.standing == Standing.OVERDUE or duty.was_late,
                "settled_at": timezone.localtime(duty.settled_at).isoformat()
                if duty.settled_at and duty.settled_at <= at
                else None,
            }
            self.stdout.write(comma + json.dumps(row, ensure_ascii=False), ending="")
            comma = ",\n"
        self.stdout.write("[]" if comma == "[\n" else "\n]")


def words(duty: Any, at: datetime) -> str:
    """The standing as every page says it: 逾期1天, 已备案（补报）…"""
    if duty.standing == Standing.OVERDUE:
        return f"逾期{days_late(duty.due_then, at)}天"
    return Standing(duty.standing).label + ("（补报）" if duty.was_late else "")
