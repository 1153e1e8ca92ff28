"""Work that does nothing: what is left is what carrying it costs."""

from __future__ import annotations

from django_tasks import task

from jobs.queue import Work


@task()
def nothing() -> None:
    """The engine's own, bare."""


def run(arguments, *, at, tell) -> str:
    """The same as a job of ours."""
    return ""


KINDS = {"nothing": Work("空", "benchmarks.jobs_work.run")}
