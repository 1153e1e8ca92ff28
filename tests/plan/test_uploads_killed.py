"""A process killed in the middle of 50 uploads leaves no row without its file and doubles nothing; the retry works."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import database

KILLS = 50

# Each upload runs in a fork of its own, which kills itself at one of its steps: a statement, or a call to the disk.
WORKER = """
import django; django.setup()
import json, os, random, signal
from datetime import datetime
from django.conf import settings
from django.db import connection, connections, transaction
from django.urls import reverse
from benchmarks import database
from branches import clock
from branches.first_steps import taken
from branches.models import User
from documents.office_files import clean_document
from documents.pictures import clean
from documents.storage import ContentStorage
from plan import attachments, pictures
from plan.models import Attachment, Filing, Picture
from plan.moves import begin
from tests.conftest import logged_in
from tests.plan.filed import document, photo
from tests.databases import tables

NOW = datetime(2018, 6, 20, 10, tzinfo=database.SHANGHAI)
settings.ALLOWED_HOSTS, settings.AXES_ENABLED = ["testserver"], False
clock.current_instant = lambda: NOW
# What is tested here is keeping and writing down; a child process for each fork would only cost time.
pictures.clean_in_child, attachments.clean_document_in_child = clean, clean_document
tables()
plan = database.people(1, 2)
User.objects.update(**taken(NOW))
access = database.office_access(NOW)
client = logged_in(User.objects.get())
filings = []
for n in range(12):
    with transaction.atomic():
        filings.append(begin(kind="paper", access=access, title=f"材料{{n}}", year=2018, committee=plan.committee,
                             desk="none", handling="keep").pk)
# What every fork would otherwise load for itself: the portal's addresses and middleware, the decoders.
client.get(reverse("healthz"))
photo(), document()
steps = 0

def upload(n, kill_at=0):
    global steps
    def step():
        global steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
    def stepping(call):
        def stepped(*args, **more):
            step()
            done = call(*args, **more)
            return done
        return stepped
    for name in ("fsync", "link", "unlink"):
        setattr(os, name, stepping(getattr(os, name)))
    def statement(execute, *rest):
        step()
        return execute(*rest)
    what = "pictures" if n % 2 else "attachments"
    file = photo(f"rgb({{n * 5}}, {{255 - n * 5}}, 9)", size=(64, 48)) if n % 2 else document(width=300 + n)
    address = reverse("plan:picture_add" if n % 2 else "plan:attachment_add", args=[filings[n // 5]])
    with connection.execute_wrapper(statement):
        answer = client.post(address, {{what: file}}, headers={{"Accept": "application/json"}})
    return [answer.status_code, steps]

def forked(n, kill_at=0, undo=False):
    connections.close_all()
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            if undo:
                with transaction.atomic():
                    told = upload(n)
                    transaction.set_rollback(True)
            else:
                told = upload(n, kill_at)
            os.write(writer, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return json.loads(said) if said else None, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL

def rows():
    return [pair for rows in (Picture.objects, Attachment.objects) for pair in rows.values_list("filing", "sha256")]

def whole():
    # Every row has its files, and each is what its name promises.
    storage = ContentStorage(str(settings.MEDIA_ROOT / "evidence"))
    return all(storage.is_intact(pictures.name_of(sha)) for row in Picture.objects.all()
               for sha in (row.sha256, row.thumb_sha256)) and all(
               storage.is_intact(attachments.name_of(row)) for row in Attachment.objects.all())

totals = [forked(n, undo=True)[0][1] for n in (50, 51)]
chance = random.Random(2018)
found = {{"totals": totals, "killed": 0, "sound": 0, "kept": 0, "retried": 0, "once": 0}}
for n in range({kills}):
    before = rows()
    # The rehearsal ran in one more transaction, whose savepoints are steps, too.
    found["killed"] += forked(n, chance.randint(1, totals[n % 2] - 8))[1]
    found["sound"] += whole() and len(rows()) - len(before) in (0, 1)
    found["kept"] += len(rows()) - len(before)
    again, _ = forked(n)
    found["retried"] += again[0] == 200
    found["once"] += len(rows()) == len(before) + 1 and len(set(rows())) == len(rows()) and whole()
print(json.dumps(found))
"""


def test_killed_in_fifty_uploads_every_row_has_its_file_and_nothing_is_doubled(tmp_path: Path) -> None:
    environment = {
        **os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/uploads.sqlite3", "MEDIA_ROOT": str(tmp_path / "media"),
        "DEMO": "1", "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    environment.pop("DEMO_NOW", None)
    done = subprocess.run(
        [sys.executable, "-c", WORKER.format(kills=KILLS)], cwd=database.ROOT, env=environment,
        stdout=subprocess.PIPE, text=True, timeout=600, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert min(found["totals"]) >= 20, "the kills must fall between many steps"
    for what in ("killed", "sound", "retried", "once"):
        assert found[what] == KILLS, found
    assert 0 <= found["kept"] < KILLS, "some kills fall before the row is written"
