"""What the worker logs of a trouble that lasts: once, and again only when it is another or has been over."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from jobs.worker import Working


def test_a_database_without_tables_is_told_once_and_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """The worker may start before the first `migrate`: a line a second would bury what matters."""

    def tick() -> None:
        raise OperationalError("no such table: jobs_round")

    working = Working()
    assert [working._quietly(tick) for _ in range(20)] == [False] * 20
    assert [record.exc_info for record in caplog.records] == [None]
    assert "no such table: jobs_round" in caplog.records[0].getMessage()


def test_another_trouble_or_one_that_has_been_over_is_told_anew(caplog: pytest.LogCaptureFixture) -> None:
    troubles: list[Exception | None] = [OperationalError("locked"), KeyError("x"), KeyError("x"), None, KeyError("x")]

    def reap() -> None:
        if trouble := troubles.pop(0):
            raise trouble

    working = Working()
    assert [working._quietly(reap) for _ in range(5)] == [False, False, False, True, False]
    assert [record.exc_info is None for record in caplog.records] == [True, False, False]
