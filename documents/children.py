"""A warm child process for files that come from outside: no environment, no files, 1 GB, seconds of time.

The parent holds a `WarmChild` per kind of work, the child runs `serve` with the work. Plain data goes to and fro, never
pickles: the child may be subverted by what it reads.
"""

import contextlib
import json
import math
import os
import resource
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

MEMORY = 1024 * 1024 * 1024  # bytes of address space
MAX_BODY = 128 * 1024 * 1024  # bytes of one file, either way

_ASK = struct.Struct(">dII")  # seconds, bytes of the name, bytes of the file
_ANSWER = struct.Struct(">I")  # bytes of a JSON object; the bodies follow, whose sizes it lists

Answer = tuple[dict[str, Any], Sequence[bytes]]
Work = Callable[[bytes, str], Answer]


class ChildFell(Exception):
    """The child died on the file, ran out of time or answered nonsense; the next file gets a new one."""


class WarmChild:
    """One process that works on one file at a time; started at the first, and again after one that kills it."""

    def __init__(self, module: str) -> None:
        """`module` (dotted, under the project's folder) has a function `serve` that calls `children.serve`."""
        self.module = module
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, data: bytes, shown: str, seconds: float) -> Answer:
        """Return what the work answered to the file; raises ChildFell when it did not within `seconds`."""
        with self.lock:
            process = self.process
            if process is None or process.poll() is not None:
                self.stop()
                process = self.process = self._start()
            watch = threading.Timer(seconds, process.kill)
            watch.start()
            try:
                return self._exchange(process, data, shown, seconds)
            except (OSError, EOFError, ValueError, KeyError, TypeError):
                process.kill()
                self.stop()
                raise ChildFell from None
            finally:
                watch.cancel()
                watch.join()

    def _start(self) -> "subprocess.Popen[bytes]":
        root = str(Path(__file__).resolve().parent.parent)
        program = f"import sys; sys.path.append({root!r}); from {self.module} import serve; serve()"
        return subprocess.Popen(  # noqa: S603 - our own function, by our own interpreter
            [sys.executable, "-I", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}, cwd="/"
        )

    @staticmethod
    def _exchange(process: "subprocess.Popen[bytes]", data: bytes, shown: str, seconds: float) -> Answer:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes, as asked for in _start
        label = shown.encode()
        process.stdin.write(_ASK.pack(seconds, len(label), len(data)) + label)
        process.stdin.write(data)
        process.stdin.flush()
        said = json.loads(_read(process.stdout, _ANSWER.unpack(_read(process.stdout, _ANSWER.size))[0]))
        return said, [_read(process.stdout, int(size)) for size in said.pop("bodies")]

    def stop(self) -> None:
        """End the child, if there is one, and wait for it."""
        if self.process is not None:
            self._close_pipes(self.process)
            self.process.wait()
            self.process = None

    def forget(self) -> None:
        """Leave the child to the process that started it; called in a process just forked from that one."""
        self.lock = threading.Lock()
        if self.process is not None:
            self._close_pipes(self.process)
            self.process.returncode = 0  # not ours to wait for
            self.process = None

    @staticmethod
    def _close_pipes(process: "subprocess.Popen[bytes]") -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _read(source: IO[bytes], size: int) -> bytes:
    if size > MAX_BODY:
        raise ValueError("more than a file")
    data = source.read(size)
    if len(data) != size:
        raise EOFError
    return data


def serve(work: Work) -> None:
    """Be the child: work on files from standard input until the parent closes the pipe."""
    asked, answered = sys.stdin.buffer, sys.stdout.buffer
    # Whatever a library prints goes nowhere: standard output belongs to the answers.
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    while head := asked.read(_ASK.size):
        seconds, label, size = _ASK.unpack(head)
        used = resource.getrusage(resource.RUSAGE_SELF)
        allowed = math.ceil(used.ru_utime + used.ru_stime + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))
        shown = _read(asked, label).decode()
        said, bodies = work(_read(asked, size), shown)
        text = json.dumps(said | {"bodies": [len(body) for body in bodies]}).encode()
        answered.write(_ANSWER.pack(len(text)) + text + b"".join(bodies))
        answered.flush()
        del said, bodies
