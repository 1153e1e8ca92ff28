"""The three administrators (系统, 安全, 审计) exclude one another and the posts of the Party's work.

Whoever holds one of the three on a day holds none of the other two and no other post on that day. Two rows are
compared, which no CHECK can do: triggers, laid after every migration and looked for at every start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from branches.models import Post

TABLE = "branches_post"
NAMES = ("branches_post_exclusion_insert", "branches_post_exclusion_update")
REFUSED = "administrators exclude one another"

# Another post of the same member, of another kind, on a common day, and one of the two is an administrator's.
_CLASH = """
SELECT 1 FROM branches_post other
WHERE other.member_id = NEW.member_id AND other.id <> COALESCE(NEW.id, -1) AND other.kind <> NEW.kind
  AND (other.kind IN ('sysadmin', 'security', 'auditor') OR NEW.kind IN ('sysadmin', 'security', 'auditor'))
  AND (other.until_on IS NULL OR other.until_on > NEW.from_on)
  AND (NEW.until_on IS NULL OR NEW.until_on > other.from_on)
"""


def exclusive(kinds: set[str]) -> list[str]:
    """The labels of these kinds of post, if one person may not hold them on one day; empty if one may."""
    administrators = kinds.intersection(Post.ADMINISTRATORS)
    if not administrators or len(kinds) == 1:
        return []
    return [str(kind.label) for kind in Post.Kind if kind in kinds]


_FUNCTION = f"""
CREATE OR REPLACE FUNCTION portal_exclude() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Two appointments of one member at once: the second waits for the first, and then sees it.
    PERFORM 1 FROM branches_member WHERE id = NEW.member_id FOR UPDATE;
    IF EXISTS ({_CLASH}) THEN
        RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""


def lay(connection: BaseDatabaseWrapper) -> None:
    """Lay the triggers, or lay them anew."""
    if TABLE not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for name in NAMES:
            act = name.rsplit("_", 1)[1].upper()
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {act} ON {TABLE} FOR EACH ROW EXECUTE FUNCTION portal_exclude()"
                )
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {act} ON {TABLE} WHEN EXISTS ({_CLASH}) "
                    f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
                )


def missing(connection: BaseDatabaseWrapper) -> set[str]:
    """The triggers that should lie on this database and do not."""
    if TABLE not in connection.introspection.table_names():
        return set()
    if connection.vendor == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return set(NAMES) - {row[0] for row in cursor.fetchall()}


def check(
    *, app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """At `check --database`: the triggers lie."""
    return [
        Error(
            f"数据库“{alias}”缺少三员互斥的触发器：{'、'.join(sorted(lost))}。",
            hint="运行 manage.py migrate 重新建立，并查明是谁在何时删除的。",
            id="branches.E002",
        )
        for alias in databases or []
        if (lost := missing(connections[alias]))
    ]
