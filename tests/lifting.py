"""For tests only: take the append-only triggers away for a moment, as the owner of the database could."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test import TransactionTestCase

from branches import append_only


def lift() -> None:
    """Drop every trigger of the protected tables."""
    with connection.cursor() as cursor:
        for table in append_only.tables(connection):
            for name in append_only.names(connection.vendor, table) - append_only.missing(connection):
                on = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER {name}{on}")


@contextmanager
def lifted() -> Iterator[None]:
    """Without the triggers inside, with them again after."""
    lift()
    try:
        yield
    finally:
        append_only.lay(connection)


def let_flushes_through() -> None:
    """Tests that commit are cleaned up by emptying all tables, which the triggers refuse; the flush lays them anew."""
    empty = TransactionTestCase._fixture_teardown

    def teardown(self: TransactionTestCase) -> None:
        lift()
        empty(self)
        append_only.lay(connection)

    TransactionTestCase._fixture_teardown = teardown
