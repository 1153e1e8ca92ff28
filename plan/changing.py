"""Changing a duty's dates or its exemption: the one door, which keeps what held before (`DutyChange`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models import Case, Exists, ExpressionWrapper, F, Max, OuterRef, Q, Value, When

from branches.models import User
from plan.models import Duty, DutyChange, DutyQuerySet, Relief

MOMENT = models.DateTimeField()
REASON = 200  # characters of a change's reason


def change(
    duties: DutyQuerySet, *, at: datetime, by: User | None, why: str, due_at: datetime | None = None,
    late_at: datetime | None = None, exempt: bool | None = None, relief: Relief | None = None,
) -> int:  # fmt: skip
    """Give these duties another due and late instant, or exempt them (or no longer); returns how many changed.

    All or nothing, the rows locked in the order of their ids, and what already is as asked is left alone. Without
    `late_at` the distance from due to late stays as it was. Four statements, however many duties there are. Raises
    ValueError for late before due, and for an exemption by nobody.
    """
    if due_at and late_at and late_at < due_at:
        raise ValueError(f"late {late_at} before due {due_at}")
    if exempt and by is None:
        raise ValueError("an exemption names who granted it")
    why = why[:REASON]
    due: Any = Value(due_at, MOMENT) if due_at else F("due_at")
    late: Any = F("late_at")
    if late_at:
        late = Value(late_at, MOMENT)
    elif due_at:
        # Most are late as soon as due: only for the others is there something to be reckoned.
        distance = ExpressionWrapper(F("late_at") - F("due_at"), models.DurationField())
        shifted = ExpressionWrapper(Value(due_at, MOMENT) + distance, MOMENT)
        late = Case(When(late_at=F("due_at"), then=Value(due_at, MOMENT)), default=shifted, output_field=MOMENT)
    with transaction.atomic():
        if not _lock(duties):
            return 0
        other = ~Q(due_at=due) | ~Q(late_at=late)
        if exempt is not None:
            other |= Q(exempted_at__isnull=exempt)
        theirs = Duty.objects.filter(pk__in=duties.order_by().values("pk")).filter(other)
        if late_at and not due_at and (early := theirs.filter(due_at__gt=late_at).first()):
            raise ValueError(f"late {late_at} before due {early.due_at}")
        before = DutyChange.objects.aggregate(newest=Max("pk"))["newest"] or 0
        waived = Case(When(exempted_at__isnull=False, then=Value(True)), default=Value(False))
        count = _write_down(
            theirs, changed_at=Value(at, MOMENT), changed_by_id=_number(by.pk if by else None),
            why=Value(why, models.CharField()), relief_id=_number(relief.pk if relief else None),
            due_before=F("due_at"), due_after=due, late_before=F("late_at"), late_after=late, exempted_before=waived,
            exempted_after=waived if exempt is None else Value(exempt),
        )  # fmt: skip
        if count:
            # What was written down just now, of duties that are still as they were: the rows of this call and no other.
            mine = DutyChange.objects.filter(
                duty=OuterRef("pk"), pk__gt=before, changed_at=at, why=why, relief=relief,
                due_before=OuterRef("due_at"), late_before=OuterRef("late_at"),
            )  # fmt: skip
            written = DutyChange.objects.filter(pk__gt=before, changed_at=at).values("duty")
            Duty.objects.filter(Exists(mine), pk__in=written).update(
                due_at=due, late_at=late, changed_at=at, **({} if exempt is None else _waiver(exempt, at, by, why))
            )
    return count


def _waiver(exempt: bool, at: datetime, by: User | None, why: str) -> dict[str, Any]:
    """Who exempted it and why; of one that is exempt already, what is there stays."""
    if not exempt:
        return {"exempted_at": None, "exempted_by": None, "exempt_reason": ""}
    there = {"exempted_at__isnull": False}
    return {
        "exempt_reason": Case(When(**there, then=F("exempt_reason")), default=Value(why)),
        "exempted_by": Case(When(**there, then=F("exempted_by")), default=_number(by.pk if by else None)),
        "exempted_at": Case(When(**there, then=F("exempted_at")), default=Value(at, MOMENT)),
    }


def _number(pk: int | None) -> Value:
    return Value(pk, models.BigIntegerField())


def _lock(duties: DutyQuerySet) -> bool:
    """Lock these duties in the order of their ids until the transaction's end; False where there can be none.

    Whoever files one of them at the same moment is done before, or waits: what follows looks again.
    """
    try:
        sql, params = duties.order_by("pk").values("pk").query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return False
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(Duty._meta.db_table)
        with connection.cursor() as cursor:
            # Only the duties themselves: what they are looked up by (a requirement, a branch) is nobody's to wait for.
            cursor.execute(f"SELECT count(*) FROM ({sql} FOR UPDATE OF {table}) AS locked", params)  # noqa: S608 — as below
    return True


def _write_down(duties: DutyQuerySet, **columns: Any) -> int:
    """One statement: a change for each of the duties, its columns reckoned from the duty as it is now."""
    named = {f"v_{name}": value for name, value in columns.items()}
    rows = duties.annotate(**named).order_by("pk").values_list("pk", *named)
    try:
        sql, params = rows.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return 0
    quote = connection.ops.quote_name
    into = ", ".join(quote(name) for name in ("duty_id", *columns))
    with connection.cursor() as cursor:
        # Table and column names are our own; every value is a parameter.
        cursor.execute(f"INSERT INTO {quote(DutyChange._meta.db_table)} ({into}) {sql}", params)
        return max(cursor.rowcount, 0)
