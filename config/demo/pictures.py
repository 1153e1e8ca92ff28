"""Pictures for the demo's records: rooms with a table and people in it, drawn, so that nobody is in them."""

from __future__ import annotations

import io
from random import Random
from typing import Any

from django.core.files.storage import storages
from PIL import Image, ImageDraw

from documents.pictures import CleanPicture, clean

SIZE = (1280, 860)
WALLS = ((236, 228, 214), (222, 230, 236), (230, 236, 226), (240, 232, 232))
CLOTHES = ((52, 73, 110), (88, 88, 96), (120, 62, 58), (60, 96, 84), (142, 120, 84), (70, 70, 120))


def stock(random: Random, count: int = 12) -> list[CleanPicture]:
    """Draw `count` different rooms, clean them as any photo is cleaned, and put them into the evidence storage."""
    storage: Any = storages["evidence"]
    kept = []
    for n in range(count):
        file = io.BytesIO()
        _room(random, n).save(file, "JPEG", quality=88)
        picture = clean(file.getvalue(), f"{n}.jpg")
        storage.put(picture.jpeg)
        storage.put(picture.thumb)
        kept.append(picture)
    return kept


def _room(random: Random, n: int) -> Image.Image:
    width, height = SIZE
    wall = WALLS[n % len(WALLS)]
    image = Image.new("RGB", SIZE, wall)
    draw = ImageDraw.Draw(image)
    floor = height * 2 // 3 + random.randint(-40, 20)
    draw.rectangle((0, floor, width, height), fill=tuple(c - 60 for c in wall))
    for x in range(0, width, 160):
        draw.line((x, floor, x - 120, height), fill=tuple(c - 72 for c in wall), width=3)
    screen = random.randint(320, 560)
    draw.rectangle((screen, 90, screen + 400, 320), fill=(150, 30, 28), outline=(90, 90, 90), width=8)
    for line in range(3):
        length = random.randint(140, 300)
        top = 140 + 56 * line
        draw.rectangle((screen + 200 - length // 2, top, screen + 200 + length // 2, top + 16), fill=(244, 214, 120))
    for x in (60, 1060):
        draw.rectangle((x, 110, x + 160, 350), fill=(196, 220, 238), outline=(250, 250, 250), width=10)
        draw.line((x + 80, 110, x + 80, 350), fill=(250, 250, 250), width=8)
    people = random.randint(6, 9)
    _row(draw, random, people, floor - 40, 1.0)
    table = floor + 30
    draw.polygon([(200, table), (width - 200, table), (width - 60, table + 110), (60, table + 110)], fill=(126, 84, 54))
    draw.rectangle((60, table + 110, width - 60, table + 130), fill=(98, 64, 40))
    for i in range(people):
        x = 230 + i * (width - 460) // max(people - 1, 1)
        draw.rectangle((x - 26, table + 36, x + 26, table + 62), fill=(246, 246, 240))
    return image


def _row(draw: ImageDraw.ImageDraw, random: Random, people: int, base: int, scale: float) -> None:
    for i in range(people):
        x = 220 + i * (SIZE[0] - 440) // max(people - 1, 1) + random.randint(-14, 14)
        head, y = int(34 * scale), base - random.randint(120, 145)
        draw.rounded_rectangle((x - 58, y + 30, x + 58, base + 90), radius=34, fill=random.choice(CLOTHES))
        draw.ellipse((x - head, y - head, x + head, y + head), fill=(224, 190, 162))
        draw.pieslice((x - head, y - head - 4, x + head, y + head), 180, 360, fill=(44, 38, 36))
