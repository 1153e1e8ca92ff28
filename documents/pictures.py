"""Photos as phones send them, made into two plain JPEGs that say nothing but the picture.

No byte of an upload is kept: `containers` takes the file apart and Pillow sees its pixels only. `clean` does the work;
`clean_in_child` does it in a warm child process with limits, for files that come from outside.
"""

import atexit
import hashlib
import io
import math
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import Image

from documents import children
from documents.containers import DAMAGED, MEGABYTE, SHANGHAI, Refusal, Unwrapped, kind_of, read_exif, unwrap
from documents.looks import look_of

MAX_BYTES = 20 * MEGABYTE
MAX_WORK = 118_000_000  # bytes: file, its copy, the decoder's own store and its pixels; with Python itself under 150 MB

LONGEST = 1_600  # px
LONGEST_THUMB = 320  # px
QUALITY = 88
QUALITY_THUMB = 80
BAND = 1_000_000  # px flattened at a time

MAX_NAME = 80  # characters
MAX_NAME_BYTES = 240  # file systems stop at 255

_SUFFIXES = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "WEBP": (".webp",)}


class PictureRefused(Exception):
    """A file that is not taken as a photo; the message is Chinese, names the file and says what to do instead."""


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A photo re-encoded from its pixels alone, upright, on white, with its thumbnail."""

    jpeg: bytes
    thumb: bytes
    width: int
    height: int
    sha256: str
    thumb_sha256: str
    taken_at: datetime | None
    source_format: str
    look: int | None


_FELL = "处理不了，画面可能已损坏。请用手机或电脑另存为普通 JPEG 后再上传。"


# The two doors


def clean(data: bytes, name: str) -> CleanPicture:
    """Return the photo as a JPEG of at most 1,600 px and a thumbnail of at most 320 px on the longer side.

    Takes JPEG, MPO (its first picture), PNG and WebP, told by content and matching the suffix of `name`; a small photo
    is never enlarged. `taken_at` is EXIF DateTimeOriginal in Asia/Shanghai, read with its own offset where it has one.
    Raises PictureRefused. Works in this process: use `clean_in_child` for what strangers send.
    """
    shown = clean_name(name)
    try:
        _check_bytes(data)
        _check_suffix(kind_of(data), shown)
        unwrapped = unwrap(data)
        picture = _decode(unwrapped)
    except Refusal as refusal:
        raise PictureRefused(f"“{shown}”{refusal}") from None
    orientation, taken_at = read_exif(unwrapped.exif)
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    jpeg = _encode(picture, quality=QUALITY, progressive=True)
    small = _shrink(picture, LONGEST_THUMB)
    thumb = _encode(small, quality=QUALITY_THUMB, optimize=True)
    return CleanPicture(
        jpeg=jpeg,
        thumb=thumb,
        width=picture.width,
        height=picture.height,
        sha256=hashlib.sha256(jpeg).hexdigest(),
        thumb_sha256=hashlib.sha256(thumb).hexdigest(),
        taken_at=taken_at,
        source_format=unwrapped.source_format,
        look=look_of(small),
    )


def clean_in_child(data: bytes, name: str, *, seconds: float = 10.0) -> CleanPicture:
    """Do what `clean` does in a warm child process: no environment, no files, 1 GB, `seconds` of wall and CPU time.

    One child per process, started at the first photo and again after one that kills it. Raises PictureRefused, also for
    a file on which the child died or ran out of time.
    """
    shown = clean_name(name)
    try:
        _check_bytes(data)
        said, bodies = _child.ask(data, shown, seconds)
        if "refused" in said:
            raise PictureRefused(str(said["refused"]))
        return _answered(said, bodies)
    except Refusal as refusal:
        raise PictureRefused(f"“{shown}”{refusal}") from None
    except (children.ChildFell, ValueError, KeyError, TypeError):
        raise PictureRefused(f"“{shown}”{_FELL}") from None


# What may come in


def _check_bytes(data: bytes) -> None:
    if not data:
        raise Refusal("是空文件（0 字节）。请重新选择照片后再上传。")
    if len(data) > MAX_BYTES:
        size = math.ceil(len(data) * 10 / MEGABYTE) / 10
        raise Refusal(f"有 {size} MB，超过 20 MB 的上限。请在相册中另存为较小的 JPEG 后再上传。")


def _check_suffix(kind: str, shown: str) -> None:
    wanted = _SUFFIXES[kind]
    suffix = os.path.splitext(shown)[1].lower()
    if suffix not in wanted:
        has = f"与扩展名 {suffix} 不符" if suffix else "但文件名没有扩展名"
        raise Refusal(f"的内容是 {kind}，{has}。请把扩展名改为 {wanted[0]} 后再上传。")


# Pixels

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2}  # as Pillow holds them; all others take four


def _decode(unwrapped: Unwrapped) -> Image.Image:
    """Return the picture in RGB at its final size, not yet turned."""
    _check_work(unwrapped)
    try:
        with Image.open(io.BytesIO(unwrapped.stream), formats=[unwrapped.kind]) as image:
            if image.size != unwrapped.size:
                raise Refusal(DAMAGED)
            image.draft(None, _fit(*image.size, LONGEST))  # a JPEG is decoded no larger than needed; others say nothing
            _check_work(unwrapped, image.width * image.height * _PIXEL_BYTES.get(image.mode, 4))
            image.load()
            picture = image if image.mode == "RGB" and not image.has_transparency_data else _on_white(image)
            return _shrink(picture, LONGEST, reduce=False)
    except Refusal:
        raise
    except Exception:  # a decoder fed by strangers may raise anything at all
        raise Refusal(DAMAGED) from None


def _check_work(unwrapped: Unwrapped, pixel_bytes: int = 0) -> None:
    if 2 * len(unwrapped.stream) + unwrapped.store + pixel_bytes > MAX_WORK:
        width, height = unwrapped.size
        raise Refusal(
            f"有 {width}×{height} 像素，以这种格式保存时处理不了。请缩小尺寸，或另存为普通（非渐进式）JPEG 后再上传。"
        )


def _on_white(image: Image.Image) -> Image.Image:
    """Return the picture in RGB on white, made smaller by a whole number where that leaves LONGEST pixels.

    Band by band: a second full-size copy of a large PNG would be the most memory that this module ever needs.
    """
    width, height = image.size
    factor = max(1, max(width, height) // LONGEST)
    flat = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    step = max(1, BAND // width // factor) * factor
    for top in range(0, height, step):
        band = _in_rgb(image.crop((0, top, width, min(top + step, height))))
        flat.paste(band.reduce(factor), (0, top // factor))
    return flat


def _in_rgb(band: Image.Image) -> Image.Image:
    if band.mode.startswith("I"):  # 16 bits of grey: Pillow's own conversion would cut off, not scale
        band = band.convert("I").point(lambda grey: grey * (1 / 257)).convert("L")
    if not band.has_transparency_data:
        return band.convert("RGB")
    band = band.convert("RGBA")
    white = Image.new("RGB", band.size, "white")
    white.paste(band, mask=band.getchannel("A"))
    return white


def _shrink(picture: Image.Image, longest: int, *, reduce: bool = True) -> Image.Image:
    size = _fit(*picture.size, longest)
    if reduce:
        picture = picture.reduce(max(1, max(picture.size) // longest))
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def _fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size with `longest` as its longer side, never larger than given, never less than one pixel."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _encode(picture: Image.Image, **options: int) -> bytes:
    fresh = Image.new("RGB", picture.size)  # what Pillow remembers about the old one stays with the old one
    fresh.paste(picture)
    written = io.BytesIO()
    fresh.save(written, "JPEG", **options)
    return written.getvalue()


# Names

_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_UNSEEN = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")


def clean_name(name: str) -> str:
    """Return the name to show for an uploaded file: 1–80 characters (240 bytes), one line, no path, nothing unseen.

    Safe still when folded by NFKC, and the same when cleaned twice. For people's eyes only: nothing is stored under it.
    """
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name.encode(errors="ignore").decode()))[-1]
    text = unicodedata.normalize("NFC", "".join(map(_clean_character, base)))
    text = " ".join(text.split())
    if _SUFFIX.fullmatch(text):
        return "未命名" + text
    text = text.strip(" .").lstrip(" .-=+@~")
    stem, suffix = os.path.splitext(text)
    if not _SUFFIX.fullmatch(suffix):
        stem, suffix = text, ""
    stem = stem[: MAX_NAME - len(suffix)]
    while len((stem + suffix).encode()) > MAX_NAME_BYTES:
        stem = stem[:-1]
    stem = stem.strip(" .")
    if _DEVICES.fullmatch(stem.split(".")[0].strip()):
        stem = "_" + stem[: MAX_NAME - len(suffix) - 1]
    return (stem or "未命名") + suffix


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Zs", "Zl", "Zp"} or character in "\t\n\r":
        return " "
    if category in {"Cc", "Cf", "Cs", "Co", "Cn"} or ord(character) in _UNSEEN:
        return ""
    if character in ":|?*;%$`'" or set(unicodedata.normalize("NFKC", character)) & set('/\\<>"&'):
        return "_"
    return character


# The warm child


def serve() -> None:
    """Be the child that cleans photos."""
    Image.preinit()
    children.serve(_work)


def _work(data: bytes, shown: str) -> children.Answer:
    try:
        picture = clean(data, shown)
    except PictureRefused as refusal:
        return {"refused": str(refusal)}, []
    said = {
        "width": picture.width,
        "height": picture.height,
        "taken_at": picture.taken_at and picture.taken_at.isoformat(),
        "source_format": picture.source_format,
        "look": picture.look,
    }
    return said, [picture.jpeg, picture.thumb]


def _answered(said: dict[str, Any], bodies: Sequence[bytes]) -> CleanPicture:
    """Read what the child said; its word is taken for nothing that can be known here."""
    jpeg, thumb = bodies
    taken_at = said["taken_at"] and datetime.fromisoformat(said["taken_at"]).astimezone(SHANGHAI)
    return CleanPicture(
        jpeg=jpeg,
        thumb=thumb,
        width=int(said["width"]),
        height=int(said["height"]),
        sha256=hashlib.sha256(jpeg).hexdigest(),
        thumb_sha256=hashlib.sha256(thumb).hexdigest(),
        taken_at=taken_at or None,
        source_format=str(said["source_format"]),
        look=None if said["look"] is None else int(said["look"]) & _LOOK,
    )


_LOOK = 2**64 - 1

_child = children.WarmChild(__name__)
atexit.register(_child.stop)
os.register_at_fork(after_in_child=_child.forget)
