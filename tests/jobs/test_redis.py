"""The engine for several machines: the same jobs through a real Redis server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.jobs.processes import run
from tests.jobs.test_killed import KILLED, MANY, TOGETHER, assert_killed

pytestmark = pytest.mark.redis


@pytest.fixture
def engine() -> dict[str, str]:
    import redis

    url = os.environ["TEST_REDIS_URL"]
    redis.Redis.from_url(url).flushdb()
    return {"QUEUE": "rq", "REDIS_URL": url}


def test_killed_in_the_middle_a_job_is_done_by_the_next_worker_through_redis(engine, tmp_path: Path) -> None:
    assert_killed(run(KILLED, f"sqlite:///{tmp_path}/jobs.sqlite3", tmp_path, **engine))


def test_two_workers_do_every_job_once_through_redis(engine, tmp_path: Path) -> None:
    found = run(TOGETHER, f"sqlite:///{tmp_path}/jobs.sqlite3", tmp_path, **engine)
    assert found["rows"] == found["different"] == MANY
    assert (found["workers"], found["tries"], found["codes"]) == (2, 1, [0, 0])
