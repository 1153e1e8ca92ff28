"""The worker that starts with the portal: one child process for each machine, kept alive by the web server's own.

Each process of the web server has a thread that tries to get the lock of VAR_DIR/work.lock. The one that has it starts
`manage.py work` and starts it again when it has died. The child holds the lock as well: not before both are gone does
the next process get it. A child whose web server has died ends by itself.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from django.conf import settings

from branches import clock

log = logging.getLogger(__name__)

# Seconds: how often the lock is tried and the child looked at, and how long after a death the next one starts.
LOOKS, RESTS = 1.0, 5.0


def start() -> None:
    """Called once by each process that serves the portal; gives back at once."""
    if settings.WORKER == "embedded":
        threading.Thread(target=_oversee, daemon=True, name="overseer of the worker").start()


def lock_file() -> Path:
    return Path(settings.VAR_DIR) / "work.lock"


def _oversee() -> None:
    lock = _locked()
    while True:
        began = time.monotonic()
        try:
            child = subprocess.Popen(_command(), cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, pass_fds=[lock])  # noqa: S603
        except OSError:
            log.exception("the worker could not be started")
        else:
            atexit.register(child.terminate)
            code = child.wait()
            atexit.unregister(child.terminate)
            log.warning("the worker has ended (%s) and is started again", code)
        time.sleep(max(RESTS - (time.monotonic() - began), LOOKS))


def _locked() -> int:
    """The lock, as an open file that is this process's alone until it ends; waits for it as long as it takes."""
    path = lock_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError:
            time.sleep(LOOKS)


def _command() -> list[str]:
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "work", "--parent", str(os.getpid())]
    # The demo's clock runs from the start of its process: both must show the same time.
    return [*command, "--clock-began", clock.began_at().isoformat()]
