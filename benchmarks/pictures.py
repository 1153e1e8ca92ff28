"""What cleaning a 12-megapixel photo costs beside a bare Pillow draft-mode resize of the same file.

`python -m benchmarks.pictures` prints both, measured alternately in one run. The bare one decodes with draft(), resizes
once with LANCZOS and saves as we do (quality 88, progressive): no checks, no thumbnail, no turning, nothing taken away.
The line "plain" saves a baseline JPEG instead, to show what progressive alone costs.
"""

import io
import statistics
import time
from collections.abc import Callable

from PIL import Image

from documents import pictures

ROUNDS = 15


def photo() -> bytes:
    """A baseline JPEG of 4032×3024 with the grain of a phone camera and the EXIF orientation 6, about 3.5 MB."""
    size = (4032, 3024)
    soft = Image.effect_noise((504, 378), 90).resize(size, Image.Resampling.BICUBIC)
    grain = Image.effect_noise(size, 12)
    slope = Image.linear_gradient("L").resize(size)
    bands = (Image.blend(soft, slope, 0.5), Image.blend(grain, slope, 0.6), Image.blend(soft, grain, 0.5))
    exif = Image.Exif()
    exif[0x0112] = 6
    written = io.BytesIO()
    Image.merge("RGB", bands).save(written, "JPEG", quality=90, exif=exif)
    return written.getvalue()


def bare(data: bytes, *, progressive: bool = True) -> bytes:
    """The least that makes a 1,600 px JPEG of a 12-megapixel one."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (1600, 1200))
        small = image.resize((1600, 1200), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, "JPEG", quality=pictures.QUALITY, progressive=progressive)
    return written.getvalue()


def measure(rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of each round, the ways taking turns: plain, bare, clean, clean in the child."""
    data = photo()
    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: bare(data, progressive=False),
        "bare": lambda: bare(data),
        "clean": lambda: pictures.clean(data, "合影.jpg"),
        "child": lambda: pictures.clean_in_child(data, "合影.jpg"),
    }
    for way in ways.values():
        way()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            spent[name].append(time.perf_counter() - start)
    return spent


def ratio(rounds: int = ROUNDS) -> float:
    """The fastest in-and-out of a photo divided by the fastest bare resize of the same file."""
    spent = measure(rounds)
    return min(spent["clean"]) / min(spent["bare"])


if __name__ == "__main__":
    measured = measure()
    for name, seconds in measured.items():
        least, middle = min(seconds), statistics.median(seconds)
        print(
            f"{name:6} min {least * 1000:6.1f} ms  median {middle * 1000:6.1f} ms"
            f"  ratio {least / min(measured['bare']):.2f} (min)"
            f" {middle / statistics.median(measured['bare']):.2f} (median)"
        )
