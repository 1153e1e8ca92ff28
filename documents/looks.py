"""How a picture looks, in 64 bits: the same for a copy made smaller, saved again or a little lighter.

The signs of the 64 lowest waves of its cosine transform against their median (pHash). Two pictures look the same where
at most `SAME` bits differ; measured by `python -m benchmarks.looks`, which prints hits and false alarms.
"""

import math
from functools import cache
from statistics import median, pstdev

from PIL import Image

SIDE = 32  # px of the grey copy that is looked at
BITS = 64
SAME = 6  # bits that may differ
PARTS = 4  # of 16 bits each: what differs in at most three bits shares a whole one
FLAT = 6.0  # shades of grey: below it there is nothing in the picture to tell it by


def look_of(image: Image.Image) -> int | None:
    """The 64 bits, or None for an empty page, a dark frame and the like, which all look the same."""
    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    shades = grey.tobytes()
    if pstdev(shades) < FLAT:
        return None
    waves = _waves()
    across = [
        [
            sum(shade * wave for shade, wave in zip(shades[row : row + SIDE], waves[u], strict=True))
            for u in range(_MOST)
        ]
        for row in range(0, SIDE * SIDE, SIDE)
    ]
    found = [sum(across[y][u] * waves[v][y] for y in range(SIDE)) for u, v in _LOWEST]
    middle = median(found)
    return sum(1 << place for place, value in enumerate(found) if value > middle)


# The lowest waves first; the very first says only how light the picture is.
_MOST = 12
_LOWEST = sorted(((u, v) for u in range(_MOST) for v in range(_MOST)), key=lambda at: (sum(at), at))[1 : BITS + 1]


@cache
def _waves() -> list[list[float]]:
    return [[math.cos(math.pi * u * (2 * x + 1) / (2 * SIDE)) for x in range(SIDE)] for u in range(_MOST)]


def parts_of(look: int) -> list[int]:
    """The look in four parts of 16 bits, as they are indexed."""
    return [look >> 16 * part & 0xFFFF for part in range(PARTS)]


def whole(parts: list[int]) -> int:
    return sum(part << 16 * place for place, part in enumerate(parts))


def difference(one: int, other: int) -> int:
    """How many of the 64 bits differ."""
    return (one ^ other).bit_count()
