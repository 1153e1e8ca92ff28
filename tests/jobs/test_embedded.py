"""The portal starts its own worker: one for a machine, alive as long as the web server and no longer."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.database import ROOT
from tests.jobs.processes import environment, run


def workers(var: Path) -> dict[int, int]:
    """The worker processes of this folder, by their number, with the web process that each belongs to."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"work" in words and b"--parent" in words and f"VAR_DIR={var}".encode() in _environment(folder):
                found[int(folder.name)] = int(words[words.index(b"--parent") + 1])
        except OSError:
            continue  # ended meanwhile
    return found


def _environment(folder: Path) -> list[bytes]:
    return (folder / "environ").read_bytes().split(b"\0")


def until(true: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@contextmanager
def portal(var: Path, address: str, **more: str) -> Iterator[subprocess.Popen]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--no-control-socket"]
    server = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment(address, var, **more))
    try:
        yield server
    finally:
        server.terminate()
        server.wait(60)
        until(lambda: not workers(var))


def beats(var: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(var / "jobs.sqlite3", timeout=20) as connection:
        return connection.execute("SELECT name, beat_at FROM jobs_worker").fetchall()


ASKS = """
job = ask("leave_row", key="row", at=now(), arguments={"n": 1})
until(lambda: state(job) == "done")
print(json.dumps(Round.objects.count()))
"""


def test_two_web_processes_start_one_worker_that_comes_back_and_ends_with_them(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/jobs.sqlite3"
    run("print(1)", address, tmp_path)
    clock = "2018-07-12T10:00:00+08:00"
    with portal(tmp_path, address, WORKER="embedded", DEMO_NOW=clock):
        until(lambda: beats(tmp_path))
        time.sleep(3)  # the other web process has tried by now
        (first, parent), *others = workers(tmp_path).items()
        assert not others
        assert beats(tmp_path)[0][1].startswith("2018-07-12 02:0"), "the demo's clock, in UTC"
        assert run(ASKS, address, tmp_path, DEMO_NOW=clock) == 1
        # Killed, it comes back.
        os.kill(first, signal.SIGKILL)
        until(lambda: workers(tmp_path) and first not in workers(tmp_path))
        (second, parent), *others = workers(tmp_path).items()
        assert not others
        # Its web process killed, it ends, and another web process starts the next.
        os.kill(parent, signal.SIGKILL)
        until(lambda: workers(tmp_path) and second not in workers(tmp_path))
        time.sleep(3)
        (_, other_parent), *others = workers(tmp_path).items()
        assert not others and other_parent != parent
    assert not workers(tmp_path)


def test_where_the_administrator_runs_it_the_portal_starts_none(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/jobs.sqlite3"
    run("print(1)", address, tmp_path)
    with portal(tmp_path, address, WORKER="none"):
        time.sleep(5)
        assert not workers(tmp_path)
        assert not (tmp_path / "work.lock").exists()


def test_commands_start_none(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/jobs.sqlite3"
    run("print(1)", address, tmp_path, WORKER="embedded")
    assert not (tmp_path / "work.lock").exists()
