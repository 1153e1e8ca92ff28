"""Work that tests can watch: each leaves rows of `Round`, the plainest table there is."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from jobs.models import Round
from jobs.queue import NotDone, Work
from jobs.rounds import Regular
from tests.conftest import at as instant

THEN = instant("2018-01-01 00:00")


def steps(arguments, *, at, tell):
    """Twenty steps, each safe to repeat; says in a file when it begins."""
    with Path(arguments["log"]).open("a") as log:
        log.write("began\n")
    for n in range(20):
        Round.objects.get_or_create(name=f"step {n}", defaults={"slot_at": THEN})
        tell(n + 1, 20)
        time.sleep(arguments.get("seconds", 0))
    return "20步"


def leave_row(arguments, *, at, tell):
    """Leaves one row each time it runs: run twice, there are two."""
    Round.objects.create(name=f"{arguments['n']}:{secrets.token_hex(4)}", slot_at=THEN)
    return ""


def break_down(arguments, *, at, tell):
    raise RuntimeError("陈静的手机号")


def refuse(arguments, *, at, tell):
    raise NotDone("留底文件不在。")


KINDS = {
    "steps": Work("分步", "tests.jobs.kinds.steps", unit="步"),
    "leave_row": Work("留一行", "tests.jobs.kinds.leave_row"),
    "break_down": Work("出错", "tests.jobs.kinds.break_down"),
    "refuse": Work("办不成", "tests.jobs.kinds.refuse"),
    "lost": Work("没有的", "no.such.module.run"),
}
NONE: tuple[Regular, ...] = ()
ROUNDS = (Regular("leave_row", "leave_row", every=1),)
