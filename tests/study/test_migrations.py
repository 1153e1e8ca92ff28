"""What was kept by an earlier version is still there, line by line, on the database that the portal runs on."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from study.models import Gathering, Resolution
from tests.conftest import issue_2018, make_world
from tests.records import gathering_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def migrated(name: str | None = None) -> MigrationExecutor:
    """The study room's tables as that migration leaves them; without a name as today's code needs them."""
    executor = MigrationExecutor(connection)
    executor.migrate([("study", name)] if name else executor.loader.graph.leaf_nodes("study"))
    return MigrationExecutor(connection)


def test_what_was_agreed_in_one_text_becomes_a_row_a_line() -> None:
    world = make_world()
    issue_2018(world)
    told, silent = gathering_of(world, "有议定事项", "red"), gathering_of(world, "没有", "blue")
    old = migrated("0001_initial").loader.project_state([("study", "0001_initial")]).apps
    try:
        old.get_model("study", "Gathering").objects.filter(pk=told.pk).update(
            resolutions="修订学习制度\r\n\n  整理党费台账  \n"
        )
    finally:
        migrated()
    rows = Resolution.objects.order_by("gathering", "position").values_list("gathering", "position", "text", "done_on")
    assert list(rows) == [(told.pk, 0, "修订学习制度", None), (told.pk, 1, "整理党费台账", None)]
    kept = Gathering.objects.get(pk=silent.pk)
    assert (kept.content, kept.attendance.count()) == (silent.content, silent.attendance.count())
