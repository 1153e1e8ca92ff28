"""Workers as processes of their own: the settings they run under, and a script that asks, kills and counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.database import ROOT

# What every script begins with: a database with tables, a worker to start, and a way to wait for something.
BEGINNING = """
import django; django.setup()
import json, os, signal, subprocess, sys, time
from datetime import timedelta
from pathlib import Path
from django.db import connections
from django.utils import timezone
from jobs import work
from jobs.models import Job, Round, Worker
from jobs.queue import ask
from branches.clock import current_instant as now
from tests.databases import tables
tables()

def worker():
    return subprocess.Popen([sys.executable, "manage.py", "work"])

def until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)

def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

def state(job):
    return Job.objects.values_list("state", flat=True).get(pk=job.pk)
"""


def environment(address: str, var: Path, **more: str) -> dict[str, str]:
    given = {
        **os.environ, "DATABASE_URL": address, "DEMO": "1", "DJANGO_SETTINGS_MODULE": "tests.jobs.settings",
        "VAR_DIR": str(var), **more,
    }  # fmt: skip
    if "DEMO_NOW" not in more:
        given.pop("DEMO_NOW", None)
    return given


def run(script: str, address: str, var: Path, **more: str) -> Any:
    """Run the script and give the last line that it prints, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + script], cwd=ROOT, env=environment(address, var, **more),
        stdout=subprocess.PIPE, text=True, timeout=300, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])
