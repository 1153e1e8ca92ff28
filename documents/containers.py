"""JPEG, PNG and WebP taken apart by hand, so that a decoder is handed pixels and nothing else.

`unwrap` tells the format by its content, reads the true size from the frame itself, keeps the chunks that hold pixels
and puts them into a container of our own. EXIF directories, comments, profiles, further frames and whatever is appended
stay behind; what the decoder would allocate is known before it is asked.
Sources: ITU-T T.81 annex B (JPEG), PNG third edition chapters 5 and 11, RFC 9649 (WebP), CIPA DC-008 (Exif 2.32).
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

MEGABYTE = 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_SIDE = 12_000
MIN_SIDE = 8
MAX_SEGMENTS = 2_000  # of a JPEG or WebP
MAX_JPEG_SCANS = 24  # a colour photo has 10, four inks have 18; each costs a pass over the whole picture
MAX_PNG_CHUNKS = 40_000
MAX_INFLATED = 100_000_000  # bytes: half a second of inflating
MAX_EXIF = 65_536  # bytes: what fits into a JPEG segment is enough for PNG and WebP, too

SHANGHAI = ZoneInfo("Asia/Shanghai")

DAMAGED = "的内容已损坏，无法读出完整的画面。请用手机或电脑打开确认，另存为 JPEG 后再上传。"
_CUT = "不完整，画面没有传全。请重新从手机导出后再上传。"
_MOVING = "是动图，含多帧画面。请截取其中一帧，另存为 JPEG 后再上传。"
_RARE = "用了少见的 JPEG 编码方式，无法读取。请用手机或电脑另存为普通 JPEG 后再上传。"


CheckSize = Callable[[int, int], None]


class Refusal(Exception):
    """The sentence with which a file is refused, to be read after its name."""


class Unwrapped(NamedTuple):
    """The pixels of an upload in a container of our own, and the EXIF block that lay beside them."""

    kind: str  # JPEG, PNG, WEBP: the decoder
    source_format: str  # the same, or MPO
    stream: bytes
    exif: bytes
    size: tuple[int, int]
    store: int  # bytes the decoder holds besides the pixels


def unwrap(data: bytes) -> Unwrapped:
    """Return the first picture of a JPEG, MPO, PNG or WebP file without anything else; raises Refusal."""
    return _UNWRAP[kind_of(data)](data, _check_size)


def bare(data: bytes) -> bytes:
    """Return the same picture of whatever size, not to be decoded here, without anything else; raises Refusal."""
    return _UNWRAP[kind_of(data)](data, lambda width, height: None).stream


_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_OTHERS = (
    (b"GIF8", "GIF 图片"),
    (b"II*\0", "TIFF 图片"),
    (b"MM\0*", "TIFF 图片"),
    (b"BM", "BMP 图片"),
    (b"8BPS", "Photoshop 图片"),
    (b"\0\0\1\0", "图标文件"),
    (b"\xff\x0a", "JPEG XL 图片"),
    (b"\0\0\0\x0cJXL ", "JPEG XL 图片"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 图片"),
    (b"%!PS", "EPS 文件"),
    (b"\xc5\xd0\xd3\xc6", "EPS 文件"),
    (b"%PDF", "PDF 文件"),
    (b"PK", "压缩包或 Office 文件"),
    (b"\xd0\xcf\x11\xe0", "Office 文件"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"MZ", "程序文件"),
)


def kind_of(data: bytes) -> str:
    """Return JPEG, PNG or WEBP; raises Refusal with a sentence that names what the file is instead."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        if data[8:12] in _HEIC:
            raise Refusal(
                "是 HEIC 格式，多数电脑打不开。"
                "请在手机设置中把相机格式改为“兼容性最佳（JPEG）”后重拍，或在相册中另存为 JPEG。"
            )
        what = "AVIF 图片" if data[8:12] in {b"avif", b"avis"} else "MP4 一类的视频"
        raise Refusal(f"是 {what}，这里只收照片。请另存为 JPEG 后再上传。")
    for magic, what in _OTHERS:
        if data.startswith(magic):
            space = " " if what[0].isascii() else ""
            raise Refusal(f"是{space}{what}，这里只收 JPEG、PNG、WebP 照片。请另存为 JPEG 后再上传。")
    if data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise Refusal("是网页或矢量图，这里只收 JPEG、PNG、WebP 照片。请另存为 JPEG 后再上传。")
    raise Refusal("不是照片文件。这里只收 JPEG、PNG、WebP 照片，请重新选择。")


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise Refusal(f"只有 {width}×{height} 像素，看不出画面。请上传原照片（每边至少 {MIN_SIDE} 像素）。")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise Refusal(
            f"有 {width}×{height} 像素，超过上限（5000 万像素、每边 {MAX_SIDE}）。请缩小尺寸，另存为 JPEG 后再上传。"
        )


_JPEG_MARKER = re.compile(rb"\xff++([^\x00])")
_JPEG_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


def _unwrap_jpeg(data: bytes, check_size: CheckSize) -> Unwrapped:
    """Keep tables, frame and scans up to the first end-of-image; raise Refusal where a decoder would have to guess."""
    kept = [b"\xff\xd8"]
    exif, source_format, frame, scans = b"", "JPEG", b"", 0
    progressive = False
    position = 2
    for _ in range(MAX_SEGMENTS):
        found = _JPEG_MARKER.match(data, position)
        if found is None:
            raise Refusal(_CUT if position >= len(data) - 1 else DAMAGED)
        marker, position = found[1][0], found.end()
        if marker == 0xD9:
            break
        length = int.from_bytes(data[position : position + 2])
        end = position + length
        if end > len(data) or position + 2 > len(data):
            raise Refusal(_CUT)
        if length < 2:
            raise Refusal(DAMAGED)
        body = data[position + 2 : end]
        segment = data[found.end() - 2 : end]
        if marker == 0xDA:
            scans += 1
            after = _JPEG_AFTER_SCAN.search(data, end)
            if after is None:
                raise Refusal(_CUT)
            if not frame or scans > MAX_JPEG_SCANS:
                raise Refusal(DAMAGED)
            kept += segment, data[end : after.start()]
            end = after.start()
        elif marker in (0xC0, 0xC1, 0xC2):
            if frame or len(body) < 6 or len(body) != 6 + 3 * body[5] or body[5] not in (1, 3, 4):
                raise Refusal(DAMAGED)
            frame, progressive = body, marker == 0xC2
            kept.append(segment)
        elif marker in (0xC4, 0xDB, 0xDD):  # Huffman tables, quantisation tables, restart interval
            kept.append(segment)
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            kept.append(b"\xff\xee\x00\x0e" + body[:12])  # says how the colours are to be read
        elif marker == 0xE0 and body.startswith(b"JFIF\0") and _JFIF not in kept:
            kept.append(_JFIF)
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            exif = exif or body[6:]
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            source_format = "MPO"
        elif marker < 0xE0:
            raise Refusal(_RARE)
        position = end
    else:
        raise Refusal(DAMAGED)
    if not scans:
        raise Refusal(DAMAGED)
    height, width = struct.unpack_from(">HH", frame, 1)
    check_size(width, height)
    if frame[0] != 8:
        raise Refusal(_RARE)
    store = 0
    if progressive or scans > 1:  # then the decoder holds all coefficients, two bytes each
        factors = [divmod(sampling, 16) for sampling in frame[7::3]]
        across, down = max(factor[0] for factor in factors), max(factor[1] for factor in factors)
        if not all(1 <= factor <= 4 for pair in factors for factor in pair):
            raise Refusal(DAMAGED)
        columns, rows = -(-width // (8 * across)), -(-height // (8 * down))
        store = 128 * columns * rows * sum(factor[0] * factor[1] for factor in factors)
    return Unwrapped("JPEG", source_format, b"".join([*kept, b"\xff\xd9"]), exif, (width, height), store)


_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _unwrap_png(data: bytes, check_size: CheckSize) -> Unwrapped:
    """Keep header, palette, transparency and pixels; inflate them once, unkept, to know their true size."""
    header = palette = transparency = exif = b""
    pixels: list[memoryview] = []
    for kind, body in _png_chunks(data):
        if not header and kind != b"IHDR":
            raise Refusal(DAMAGED)
        if kind == b"IHDR":
            if header or len(body) != 13:
                raise Refusal(DAMAGED)
            header = bytes(body)
        elif kind == b"IDAT":
            pixels.append(body)
        elif kind == b"PLTE":
            palette = bytes(body[:768])
        elif kind == b"tRNS":
            transparency = bytes(body[:256])
        elif kind == b"eXIf":
            exif = exif or bytes(body[:MAX_EXIF])
        elif kind == b"acTL":
            raise Refusal(_MOVING)
        elif kind == b"IEND":
            break
        elif not kind[0] & 0x20:  # a critical chunk that no standard knows
            raise Refusal(DAMAGED)
    else:
        raise Refusal(_CUT)
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", header)
    check_size(width, height)
    if depth not in _PNG_DEPTHS.get(colour, ()) or compression or filtering or interlace > 1 or not pixels:
        raise Refusal(DAMAGED)
    if colour == 3 and (not palette or len(palette) % 3):
        raise Refusal(DAMAGED)
    _check_inflated(pixels, _png_expected(width, height, depth * _PNG_CHANNELS[colour], interlace))
    stream = b"".join(
        [
            data[:8],
            _png_chunk(b"IHDR", [memoryview(header)]),
            _png_chunk(b"PLTE", [memoryview(palette)]) if colour == 3 else b"",
            _png_chunk(b"tRNS", [memoryview(transparency)]) if transparency and colour < 4 else b"",
            *_png_parts(b"IDAT", pixels),
            _png_chunk(b"IEND", []),
        ]
    )
    return Unwrapped("PNG", "PNG", stream, exif, (width, height), 0)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield (type, body) in order, checked against their checksums; ends where the data ends."""
    view = memoryview(data)
    position = 8
    for _ in range(MAX_PNG_CHUNKS):
        if position + 12 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            raise Refusal(DAMAGED)
        yield kind, view[position + 8 : end - 4]
        position = end
    raise Refusal(DAMAGED)


def _png_parts(kind: bytes, bodies: list[memoryview]) -> Iterator[bytes | memoryview]:
    checksum = zlib.crc32(kind)
    for body in bodies:
        checksum = zlib.crc32(body, checksum)
    yield struct.pack(">I4s", sum(len(body) for body in bodies), kind)
    yield from bodies
    yield checksum.to_bytes(4)


def _png_chunk(kind: bytes, bodies: list[memoryview]) -> bytes:
    return b"".join(_png_parts(kind, bodies))


def _png_expected(width: int, height: int, bits: int, interlace: int) -> int:
    """Bytes of all filtered rows, each with the byte that names its filter."""
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _check_inflated(pixels: list[memoryview], expected: int) -> None:
    if expected > MAX_INFLATED:
        raise Refusal("展开后的数据过大。请缩小尺寸，另存为 JPEG 后再上传。")
    inflater = zlib.decompressobj()
    total = 0
    try:
        for body in pixels:
            total += len(inflater.decompress(body, MEGABYTE))
            while inflater.unconsumed_tail and total <= expected:
                total += len(inflater.decompress(inflater.unconsumed_tail, MEGABYTE))
            if total > expected:
                raise Refusal("展开后的数据比画面应有的多，不是正常的照片。请另存为 JPEG 后再上传。")
    except zlib.error:
        raise Refusal(DAMAGED) from None
    if total < expected or not inflater.eof:
        raise Refusal(_CUT)


def _unwrap_webp(data: bytes, check_size: CheckSize) -> Unwrapped:
    """Keep the one bitstream and its transparency plane."""
    bitstream = alpha = exif = b""
    kind = b""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise Refusal(_CUT)
    position = 12
    for _ in range(MAX_SEGMENTS):
        if position + 8 > end:
            break
        chunk = data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        start, position = position + 8, position + 8 + length + length % 2
        if start + length > end:
            raise Refusal(_CUT)
        if chunk in (b"VP8 ", b"VP8L") and not bitstream:
            kind, bitstream = chunk, data[start : start + length]
        elif chunk == b"ALPH" and not alpha:
            alpha = data[start : start + length]
        elif chunk == b"EXIF":
            exif = exif or data[start : start + min(length, MAX_EXIF)].removeprefix(b"Exif\0\0")
        elif chunk in (b"ANIM", b"ANMF"):
            raise Refusal(_MOVING)
    else:
        raise Refusal(DAMAGED)
    if kind == b"VP8 " and bitstream[3:6] == b"\x9d\x01\x2a" and len(bitstream) >= 10:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", bitstream, 6))
    elif kind == b"VP8L" and bitstream[:1] == b"\x2f" and len(bitstream) >= 5:
        packed = int.from_bytes(bitstream[1:5], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        raise Refusal(DAMAGED)
    check_size(width, height)
    chunks = [_riff(kind, bitstream)]
    if alpha and kind == b"VP8 ":
        canvas = struct.pack("<I", 0x10) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks = [_riff(b"VP8X", canvas), _riff(b"ALPH", alpha), *chunks]
    stream = _riff(b"RIFF", b"WEBP" + b"".join(chunks))
    # libwebp keeps two canvases and hands over a third, which Pillow copies.
    return Unwrapped("WEBP", "WEBP", stream, exif, (width, height), 12 * width * height)


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


_UNWRAP = {"JPEG": _unwrap_jpeg, "PNG": _unwrap_png, "WEBP": _unwrap_webp}


# What the camera wrote beside the picture


def read_exif(exif: bytes) -> tuple[int, datetime | None]:
    """Return the orientation (1–8, 1 when unsaid) and the moment of exposure in Asia/Shanghai.

    Reads four tags and follows one pointer, so that no directory can make it walk in circles or copy itself.
    Tag numbers: CIPA DC-008, Exif 2.32, 4.6.4 and 4.6.5.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return 1, None
    first = _read_directory(exif, order, struct.unpack_from(order + "I", exif, 4)[0])
    orientation = struct.unpack(order + "H", first.get(0x0112, (0, b"\0\0"))[1][:2])[0]
    pointer = first.get(0x8769)
    if pointer is None:
        return orientation, None
    photo = _read_directory(exif, order, struct.unpack(order + "I", pointer[1])[0])
    return orientation, _moment(_text(exif, order, photo, 0x9003), _text(exif, order, photo, 0x9011))


def _read_directory(exif: bytes, order: str, start: int) -> dict[int, tuple[int, bytes]]:
    """Return {tag: (count, four bytes of value or offset)} of one directory, as far as it lies inside the data."""
    if start + 2 > len(exif):
        return {}
    entries: dict[int, tuple[int, bytes]] = {}
    for index in range(min(struct.unpack_from(order + "H", exif, start)[0], 500)):
        at = start + 2 + 12 * index
        if at + 12 > len(exif):
            break
        tag, _, count = struct.unpack_from(order + "HHI", exif, at)
        entries.setdefault(tag, (count, exif[at + 8 : at + 12]))
    return entries


def _text(exif: bytes, order: str, directory: dict[int, tuple[int, bytes]], tag: int) -> str:
    count, value = directory.get(tag, (0, b""))
    if count > 4:
        start = struct.unpack(order + "I", value)[0]
        value = exif[start : start + min(count, 20)]
    return value.split(b"\0")[0].decode("ascii", "replace").strip()


_MOMENT = re.compile(r"([0-9]{4}):([0-9]{2}):([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})")
_OFFSET = re.compile(r"[+-](0[0-9]|1[0-4]):[0-5][0-9]")


def _moment(written: str, offset: str) -> datetime | None:
    found = _MOMENT.fullmatch(written)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        naive = datetime(year, month, day, hour, minute, second)
        if _OFFSET.fullmatch(offset):
            return datetime.fromisoformat(naive.isoformat() + offset).astimezone(SHANGHAI)
    except (ValueError, OverflowError):  # 0000:00:00 of a camera whose clock was never set
        return None
    return naive.replace(tzinfo=SHANGHAI)
