"""What cleaning a file costs: a small process forks for each, so that one's megabytes are told from another's."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WORKER = """
import base64, json, os, sys, time
sys.path.insert(0, sys.argv[1])
from documents import office_files, pictures
from PIL import Image
Image.preinit()
for line in sys.stdin:
    path, name, kind = json.loads(line)
    if not os.fork():
        data = open(path, "rb").read()
        start, said = time.process_time(), {}
        try:
            if kind == "document":
                bodies = [office_files.clean_document(data, name).data]
            else:
                picture = pictures.clean(data, name)
                bodies = [picture.jpeg, picture.thumb]
            said["bodies"] = [base64.b64encode(body).decode() for body in bodies]
        except (pictures.PictureRefused, office_files.DocumentRefused) as refusal:
            said["refused"] = str(refusal)
        said["seconds"] = time.process_time() - start
        status = open("/proc/self/status").read()
        said["kilobytes"] = int(status.split("VmHWM:")[1].split()[0])
        print(json.dumps(said), flush=True)
        os._exit(0)
    os.wait()
"""


@dataclass(frozen=True)
class Told:
    """What became of a file: why it was refused, or what was made of it; seconds of processor and peak of memory."""

    refused: str
    bodies: list[bytes]
    seconds: float
    kilobytes: int


class Meter:
    """The process, asked for one file after another; `kind` is "picture" or "document"."""

    def __init__(self, process: subprocess.Popen[str], path: Path) -> None:
        self.process, self.path = process, path

    def __call__(self, data: bytes, name: str, kind: str) -> Told:
        asked, answered = self.process.stdin, self.process.stdout
        assert asked is not None and answered is not None
        self.path.write_bytes(data)
        asked.write(json.dumps([str(self.path), name, kind]) + "\n")
        asked.flush()
        said = json.loads(answered.readline())
        bodies = [base64.b64decode(body) for body in said.get("bodies", [])]
        return Told(said.get("refused", ""), bodies, said["seconds"], said["kilobytes"])


@contextmanager
def meter() -> Iterator[Meter]:
    with tempfile.TemporaryDirectory(prefix="portal-meter-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(ROOT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with process:
            yield Meter(process, Path(folder) / "file")
