"""How many boards a second are typeset, whole branches at a time: QR codes, fitting, embedded fonts and all.

`python -m benchmarks.boards [boards]` prints one line for each format. The texts are the usual ones of branches: names
of two to twelve characters, two or three lines of 15 to 60 characters; every board has an address of its own.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime

from documents import print as paper
from documents.print import FORMATS, Board

AT = datetime(2018, 7, 12, tzinfo=UTC)
WORDS = (
    "每周三下午到学生公寓值班，",
    "材料收到后2个工作日内办结，",
    "全年不少于40次，",
    "联系3名学业困难学生，",
    "11月底前印发《选课手册》，",
)


def boards(count: int, seed: int = 2018) -> list[Board]:
    """So many boards as branches have them."""
    chance, made = random.Random(seed), []
    for n in range(count):
        lines = tuple(
            "".join(chance.choices(WORDS, k=chance.randint(2, 4)))[:59] + "。" for _ in range(chance.choice((2, 3)))
        )
        name = "".join(chance.choices("王李张刘陈明月强静丽国华敏", k=chance.choice((2, 3, 3, 3, 4, 12))))
        facts = (("监督电话", "029-88182000"), ("有效期至", "2018年12月31日"))
        address = f"https://portal.example.edu.cn/pledges/{seed}{n}/"
        made.append(Board("共产党员承诺牌", name, lines, ("教务处党支部", "教务科科员"), facts, address, "扫码看承诺"))
    return made


def measure(count: int = 200) -> dict[str, float]:
    """Boards a second in each format, each with new codes, in a process that has read its fonts."""
    paper.characters()
    found = {}
    for n, format in enumerate(FORMATS.values()):
        made = boards(count, 2018 + n)
        begun = time.perf_counter()
        paper.boards_pdf(made, format, title="承诺牌", at=AT, on_sheets=format.code == "desk")
        found[format.code] = count / (time.perf_counter() - begun)
    return found


def main(count: int = 200) -> None:
    for code, rate in measure(count).items():
        print(f"{count} boards {code:5} {rate:6.1f} a second")


if __name__ == "__main__":
    main(*[int(a) for a in sys.argv[1:2]])
