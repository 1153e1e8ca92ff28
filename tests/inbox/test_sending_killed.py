"""A sender that is killed while the mail server keeps it waiting loses nothing: the next round sends the message."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.conftest import ROOT
from tests.inbox.servers import postbox

PREPARE = """
import django; django.setup()
from datetime import date, datetime
from django.utils import timezone
from branches import secrets
from branches.models import Member, User
from inbox import outside
from inbox.models import Preference
from inbox.telling import tell
from tests.databases import tables
tables()
now = datetime(2018, 7, 4, 10, tzinfo=timezone.get_default_timezone())
member = Member.objects.create(staff_number="1", name="李强", joined_on=date(2010, 7, 1))
user = User.objects.create(member=member, staff_number="1")
Preference.objects.create(user=user, by_email=True, email_sealed=secrets.seal("a@example.edu.cn", outside.PURPOSE),
                          email_confirmed_at=now, set_at=now)
tell(user, kind="digest", key="1", title="提醒", at=now, ways=("email",))
"""


def start(path: Path, port: int, *command: str) -> subprocess.Popen:
    environment = {
        **os.environ, "DATABASE_URL": f"sqlite:///{path}", "DEMO": "1", "DJANGO_SETTINGS_MODULE": "config.settings",
        "EMAIL_URL": f"smtp://127.0.0.1:{port}", "EMAIL_FROM": "party@example.edu.cn",
    }  # fmt: skip
    environment.pop("DEMO_NOW", None)
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def rows(path: Path) -> list:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT state, tries FROM inbox_sending").fetchall()


def test_killed_while_sending_it_is_sent_once_by_the_next_round(tmp_path: Path) -> None:
    path = tmp_path / "portal.sqlite3"
    prepare = start(path, 9, "-c", PREPARE)
    prepare.communicate(timeout=120)
    assert prepare.returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        killed = start(path, port, "manage.py", "send_messages", "--at", "2018-07-04T10:00:00+08:00")
        silent.settimeout(60)
        line, _ = silent.accept()  # it waits for the server's greeting
        with line:
            assert rows(path) == [("waiting", 1)]
            killed.send_signal(signal.SIGKILL)
            killed.communicate(timeout=10)
    with postbox() as box:
        # The round's clock goes on from the moment given: it was taken a little after ten, and comes a minute later.
        for moment, said in (("10:00:30", "发出0条"), ("10:01:59", "发出1条"), ("10:09:00", "发出0条")):
            again = start(path, box.port, "manage.py", "send_messages", "--at", f"2018-07-04T{moment}+08:00")
            printed, _ = again.communicate(timeout=60)
            assert said in printed, moment
        assert len(box.got) == 1
    assert rows(path) == [("sent", 2)]
