"""Tables to which rows are only ever added: the database itself refuses to change or to delete one.

The triggers are laid after every migration and looked for at every start. An owner of the database can always take a
trigger away; that is why what matters is chained as well (`branches.audit`) or carries its SHA-256 (`plan.Version`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

# The tables, each named by the app that owns it as the app starts.
_tables: set[str] = set()


def protect(table: str) -> None:
    """Name a table whose rows are only added; its triggers come with the next migration."""
    _tables.add(table)


def tables(connection: BaseDatabaseWrapper) -> list[str]:
    """The protected tables that this database has already."""
    return sorted(_tables.intersection(connection.introspection.table_names()))


def lay(connection: BaseDatabaseWrapper) -> None:
    """Lay the triggers on every protected table; where they lie already, lay them anew."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_REFUSE)
        for table in tables(connection):
            for statement in _statements(connection.vendor, table):
                cursor.execute(statement)


def names(vendor: str, table: str) -> set[str]:
    """The triggers that a protected table must have."""
    acts = ("update", "delete", "truncate") if vendor == "postgresql" else ("update", "delete")
    return {f"{table}_no_{act}" for act in acts}


def missing(connection: BaseDatabaseWrapper) -> set[str]:
    """The triggers that should lie on this database and do not."""
    if connection.vendor == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = {row[0] for row in cursor.fetchall()}
    return {name for table in tables(connection) for name in names(connection.vendor, table)} - found


def check(
    *, app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """At `check --database`: each protected table has its triggers."""
    errors: list[CheckMessage] = []
    for alias in databases or []:
        lost = missing(connections[alias])
        if lost:
            errors.append(
                Error(
                    f"数据库“{alias}”缺少只增不改的触发器：{'、'.join(sorted(lost))}。",
                    hint="运行 manage.py migrate 重新建立，并查明是谁在何时删除的。",
                    id="branches.E001",
                )
            )
    return errors


_REFUSE = """
CREATE OR REPLACE FUNCTION portal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$
"""


def _statements(vendor: str, table: str) -> list[str]:
    """The table's name is our own, from `protect`; nothing that anybody typed comes here."""
    found = []
    for name in sorted(names(vendor, table)):
        act = name.rsplit("_", 1)[1].upper()
        if vendor == "postgresql":
            each = "STATEMENT" if act == "TRUNCATE" else "ROW"
            found += [
                f"DROP TRIGGER IF EXISTS {name} ON {table}",
                f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH {each} EXECUTE FUNCTION portal_refuse()",
            ]
        else:
            found += [
                f"DROP TRIGGER IF EXISTS {name}",
                f"CREATE TRIGGER {name} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
            ]
    return found
