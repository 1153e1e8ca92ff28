"""Looks: copies of a photo that are found again, and different photos that are taken for each other.

`python -m benchmarks.looks` prints a table; with a folder of photos as argument, of those instead of drawn ones.
"""

import io
import itertools
import random
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from documents.looks import PARTS, SAME, difference, look_of, parts_of

DRAWN = 300


def drawn(seed: int) -> Image.Image:
    """A scene of soft light, shapes and grain; every tenth one a page of writing."""
    chance = random.Random(seed)
    if seed % 10 == 0:
        return _page(chance)
    size = (1200, 900)
    soft = Image.new("RGB", (6, 5))
    soft.putdata([tuple(chance.randrange(256) for _ in range(3)) for _ in range(30)])
    picture = soft.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(chance.randrange(4, 14)):  # people and furniture
        x, y, w = chance.randrange(1200), chance.randrange(300, 900), chance.randrange(40, 260)
        colour = tuple(chance.randrange(256) for _ in range(3))
        draw.ellipse((x, y - w, x + w, y), fill=colour)
        draw.rectangle((x, y, x + w, y + 2 * w), fill=colour)
    grain = Image.effect_noise(size, 20).convert("RGB")
    return Image.blend(picture, grain, 0.15)


def _page(chance: random.Random) -> Image.Image:
    page = Image.new("RGB", (900, 1200), "white")
    draw = ImageDraw.Draw(page)
    top = 80
    while top < 1120:
        draw.rectangle((80, top, 80 + chance.choice((740, 740, 600, 300)), top + 12), fill="black")
        top += chance.choice((30, 30, 60))
    return page


def saved(picture: Image.Image, quality: int) -> Image.Image:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=quality)
    return Image.open(io.BytesIO(written.getvalue()))


def cropped(picture: Image.Image, share: float) -> Image.Image:
    w, h = picture.size
    return picture.crop((round(w * share), round(h * share), w - round(w * share), h - round(h * share)))


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved again, quality 40": lambda picture: saved(picture, 40),
    "half as large": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "800 px, quality 70 (sent by a messenger)": lambda picture: saved(picture.resize((800, 600)), 70),
    "10 % lighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
    "15 % more contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(1.15),
    "slightly blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(2)),
    "1 % cut off each side": lambda picture: cropped(picture, 0.01),
    "3 % cut off each side": lambda picture: cropped(picture, 0.03),
    "10 % cut off each side": lambda picture: cropped(picture, 0.10),
}


def found(one: int | None, other: int | None) -> bool:
    """As the portal looks: any part equal, and at most SAME bits different."""
    if one is None or other is None:
        return False
    shared = any(a == b for a, b in zip(parts_of(one), parts_of(other), strict=True))
    return shared and difference(one, other) <= SAME


def main() -> None:
    files = sorted(Path(sys.argv[1]).glob("*.jpg")) if len(sys.argv) > 1 else []
    pictures = [Image.open(file).convert("RGB") for file in files] or [drawn(seed) for seed in range(DRAWN)]
    looks = [look_of(picture) for picture in pictures]
    print(f"{len(pictures)} pictures; {PARTS} parts, at most {SAME} bits")
    for name, copy in COPIES.items():
        again = [look_of(copy(picture)) for picture in pictures]
        hits = sum(found(one, other) for one, other in zip(looks, again, strict=True))
        print(f"{name:42} {hits * 100 / len(pictures):6.1f} % found")
    pairs = list(itertools.combinations(looks, 2))
    alarms = sum(found(one, other) for one, other in pairs)
    print(f"{'different pictures taken for each other':42} {alarms} of {len(pairs):,} pairs")


if __name__ == "__main__":
    main()
