"""Databases for processes that a test starts: the first one of a run migrates, the others begin with a copy of it.

All migrations take several seconds, and some thirty processes need a database of their own.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

KEPT_IN = "MIGRATED_DATABASES"


def keep_in_this_run() -> None:
    """Said once at the start of the tests: their processes inherit the folder where the migrated files are kept."""
    if KEPT_IN not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="portal-migrated-")
        os.environ[KEPT_IN] = folder.name
        _folders.append(folder)


_folders: list[tempfile.TemporaryDirectory[str]] = []


def tables() -> None:
    """Give the process's empty database its tables, as `migrate` would; on PostgreSQL by `migrate` itself."""
    from django.core.management import call_command
    from django.db import connection

    folder = os.environ.get(KEPT_IN)
    if connection.vendor != "sqlite" or not folder or connection.introspection.table_names():
        call_command("migrate", verbosity=0)
        return
    path, kept = connection.settings_dict["NAME"], Path(folder) / os.environ["DJANGO_SETTINGS_MODULE"]
    connection.close()
    if kept.exists():
        _copy(kept, path)
        return
    call_command("migrate", verbosity=0)
    connection.close()
    mine = kept.with_name(f"{kept.name}.{os.getpid()}")
    _copy(path, mine)
    mine.replace(kept)


def _copy(source: str | Path, target: str | Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)
