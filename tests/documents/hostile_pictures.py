"""Files that strangers could send as photos, made here from nothing, each with the fate that it must meet.

`python -m tests.documents.hostile_pictures FOLDER` writes them all into a folder, for trying them by hand.
"""

import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

PLANTED = b"PLANTED-SECRET-39.9042N-116.4074E"
"""What must be found in no produced byte."""

REFUSED, CLEANED, ACCEPTED = "refused", "cleaned", "accepted"


@dataclass(frozen=True)
class Case:
    """A file, its name, what must become of it and, if refused, a word that the refusal must say."""

    id: str
    name: str
    fate: str
    says: str
    make: Callable[[], bytes]


CASES: list[Case] = []


def case(id: str, name: str, fate: str, says: str = "") -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def register(make: Callable[[], bytes]) -> Callable[[], bytes]:
        CASES.append(Case(id, name, fate, says, make))
        return make

    return register


# Good pictures to start from


@cache
def scene(width: int = 800, height: int = 600) -> Image.Image:
    """A picture whose left upper corner is red, the right upper green, the left lower blue, the right lower white."""
    grain = Image.effect_noise((max(1, width // 4), max(1, height // 4)), 40).resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(grain)
    w, h = width // 4, height // 4
    draw.rectangle((0, 0, w, h), fill="red")
    draw.rectangle((width - w, 0, width, h), fill="lime")
    draw.rectangle((0, height - h, w, height), fill="blue")
    draw.rectangle((width - w, height - h, width, height), fill="white")
    return grain


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


@cache
def jpeg(width: int = 800, height: int = 600, **options: object) -> bytes:
    return saved(scene(width, height), "JPEG", quality=88, **options)


@cache
def phone_photo() -> bytes:
    """A 12-megapixel photo with the grain of a phone camera, 3 to 5 MB."""
    size = (4032, 3024)
    soft = Image.effect_noise((504, 378), 90).resize(size, Image.Resampling.BICUBIC)
    grain = Image.effect_noise(size, 12)
    slope = Image.linear_gradient("L").resize(size)
    bands = (Image.blend(soft, slope, 0.5), Image.blend(grain, slope, 0.6), Image.blend(soft, grain, 0.5))
    return saved(Image.merge("RGB", bands), "JPEG", quality=90)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes, interlace: int = 0) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zeros(size: int, level: int = 9) -> bytes:
    """`size` zero bytes, compressed without ever being held."""
    packer = zlib.compressobj(level)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(size >> 20)]
    return b"".join([*parts, packer.compress(bytes(size & 0xFFFFF)), packer.flush()])


def black(width: int, height: int, depth: int, colour: int, *extra: bytes) -> bytes:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    return png(width, height, depth, colour, zeros(height * (1 + -(-width * depth * channels // 8))), *extra)


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def with_segments(*segments: bytes, after: bytes = b"") -> bytes:
    good = jpeg()
    return good[:2] + b"".join(segments) + good[2:] + after


def exif(*, orientation: int = 1, taken: str = "", offset: str = "", gps: bool = False, order: str = "<") -> bytes:
    """An EXIF block (without its header) laid out by hand."""
    ascii_tags = [(0x9003, taken), (0x9011, offset), (0x9286, PLANTED.decode())]
    photo = [(tag, text.encode() + b"\0") for tag, text in ascii_tags if text]
    first = 4 if gps else 3
    at_photo = 8 + 2 + 12 * first + 4
    at_text = at_photo + 2 + 12 * len(photo) + 4
    texts, entries = b"", b""
    for tag, text in photo:
        entries += struct.pack(order + "HHII", tag, 2, len(text), at_text + len(texts))
        texts += text
    at_gps = at_text + len(texts)
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, first)
    block += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    block += struct.pack(order + "HHII", 0x010F, 2, 4, int.from_bytes(b"ACM\0", "little" if order == "<" else "big"))
    block += struct.pack(order + "HHII", 0x8769, 4, 1, at_photo)
    if gps:
        block += struct.pack(order + "HHII", 0x8825, 4, 1, at_gps)
    block += struct.pack(order + "I", 0)
    block += struct.pack(order + "H", len(photo)) + entries + struct.pack(order + "I", 0) + texts
    if gps:
        place = struct.pack(order + "6I", 39, 1, 54, 1, 15, 1)
        block += struct.pack(order + "H", 2) + struct.pack(order + "HHI", 1, 2, 2) + b"N\0\0\0"
        block += struct.pack(order + "HHII", 2, 5, 3, at_gps + 2 + 24 + 4) + struct.pack(order + "I", 0) + place
    return block


def riff(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def webp_chunks(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        packed.writestr("evil.php", PLANTED)
    return written.getvalue()


# i01–i23: what must not come in, or not whole


@case("i01", "a.png", REFUSED, "像素")
def _pixels_50000() -> bytes:
    return black(50_000, 50_000, 1, 0)


@case("i02", "a.png", REFUSED, "像素")
def _pixels_13000() -> bytes:
    return black(13_000, 13_000, 1, 0)


@case("i03", "a.png", REFUSED, "展开")
def _idat_bomb() -> bytes:
    return png(10, 10, 8, 2, zeros(200 << 20))


@case("i04", "a.png", CLEANED)
def _ztxt_bomb() -> bytes:
    return (
        saved(scene(), "PNG").replace(b"IEND", b"IEND", 1)[:33]
        + chunk(b"zTXt", b"Comment\0\0" + zeros(70 << 20))
        + (saved(scene(), "PNG")[33:])
    )


@case("i05", "a.jpg", REFUSED, "不完整")
def _cut_jpeg() -> bytes:
    return jpeg()[:4_000]


@case("i06", "a.jpg", REFUSED, "损坏")
def _magic_and_zeros() -> bytes:
    return b"\xff\xd8\xff\xe0" + bytes(10_000)


@case("i07", "a.jpg", REFUSED, "GIF")
def _gif() -> bytes:
    return saved(scene(), "GIF")


@case("i08", "a.gif", REFUSED, "GIF")
def _gif_frames() -> bytes:
    frames = [Image.new("L", (16, 16), number % 256) for number in range(3_000)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


@case("i09", "a.svg", REFUSED, "矢量图")
def _svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@case("i10", "a.png", REFUSED, "矢量图")
def _svg_as_png() -> bytes:
    return b"\xef\xbb\xbf\n  <?xml version='1.0'?>" + _svg()


@case("i11", "a.jpg", REFUSED, "网页")
def _html() -> bytes:
    return b"<!doctype html><script>alert(1)</script>"


@case("i12", "a.jpg", CLEANED)
def _script_in_comment() -> bytes:
    return with_segments(segment(0xFE, b"<script>alert(1)</script><?php system($_GET[0]); ?>" + PLANTED))


@case("i13", "a.jpg", CLEANED)
def _zip_polyglot() -> bytes:
    return with_segments(after=archive())


@case("i14", "a.jpg", CLEANED)
def _gps() -> bytes:
    return with_segments(segment(0xE1, b"Exif\0\0" + exif(gps=True, taken="2018:07:02 09:30:00")))


@case("i15", "a.jpg", CLEANED)
def _turned() -> bytes:
    return with_segments(segment(0xE1, b"Exif\0\0" + exif(orientation=6)))


@case("i16", "a.jpg", CLEANED)
def _exif_circle() -> bytes:
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    return with_segments(segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8)))


@case("i17", "a.jpg", REFUSED, "TIFF")
def _tiff() -> bytes:
    return saved(scene(), "TIFF")


@case("i18", "a.jpg", REFUSED, "EPS")
def _eps() -> bytes:
    return saved(scene(), "EPS")


@case("i19", "a.jpg", REFUSED, "BMP")
def _bmp() -> bytes:
    return saved(scene(), "BMP")


@case("i20", "a.jpg", REFUSED, "空文件")
def _empty() -> bytes:
    return b""


@case("i21", "a.png", REFUSED, "像素")
def _line() -> bytes:
    return black(65_000, 1, 8, 0)


@case("i22", "a.jpg", REFUSED, "请在手机设置中")
def _heic() -> bytes:
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(1_000)


@case("i23", "a.jpg", REFUSED, "20 MB")
def _heavy() -> bytes:
    return jpeg() + bytes(21 << 20)


# i24–i29: what a decoder would swallow


@case("i24", "a.jpg", CLEANED)
def _exif_overlap() -> bytes:
    """5,000 tags that all claim the same 60 KB: Pillow alone keeps 300 MB of them."""
    entries = b"".join(struct.pack("<HHII", 0x4000 + tag, 7, 60_000, 8) for tag in range(5_000))
    return with_segments(segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<IH", 8, 5_000) + entries))


@cache
def _progressive() -> tuple[bytes, bytes]:
    """A progressive JPEG and its last scan."""
    good = jpeg(3000, 2000, progressive=True, subsampling=0)
    return good, good[good.rindex(b"\xff\xda") : -2]


@case("i25", "a.jpg", REFUSED, "损坏")
def _scan_bomb() -> bytes:
    good, scan = _progressive()
    return good[:-2] + scan * (15_000_000 // len(scan)) + b"\xff\xd9"


def _with_frame(data: bytes, marker: int, **changes: int) -> bytes:
    """The same JPEG, its frame header rewritten: kind, precision, height, width."""
    at = next(at for at in (data.find(bytes((0xFF, kind))) for kind in (0xC0, 0xC2)) if at > 0)
    height, width = struct.unpack_from(">HH", data, at + 5)
    frame = struct.pack(
        ">BHH", changes.get("precision", data[at + 4]), changes.get("height", height), changes.get("width", width)
    )
    return data[: at + 1] + bytes((marker,)) + data[at + 2 : at + 4] + frame + data[at + 9 :]


@case("i26", "a.jpg", REFUSED, "非渐进式")
def _progressive_50_megapixels() -> bytes:
    return _with_frame(_progressive()[0], 0xC2, height=6_000, width=8_000)


@case("i27", "a.jpg", REFUSED, "损坏")
def _million_segments() -> bytes:
    return with_segments(segment(0xFE, b"") * 4_500_000)


@case("i28", "a.png", REFUSED, "动图")
def _apng() -> bytes:
    return saved(scene(), "PNG", save_all=True, append_images=[scene().rotate(90), scene().rotate(180)])


@case("i29", "a.webp", REFUSED, "动图")
def _webp_moving() -> bytes:
    return saved(scene(), "WEBP", save_all=True, append_images=[scene().rotate(90)], duration=100)


# i30–i34: what must be taken


@case("i30", "a.jpg", ACCEPTED)
def _cmyk() -> bytes:
    return saved(scene().convert("CMYK"), "JPEG", quality=90)


@case("i31", "A.PNG", ACCEPTED)
def _png_16_bit() -> bytes:
    rows = b"".join(b"\0" + b"".join((x * 65535 // 799).to_bytes(2, "big") for x in range(800)) for _ in range(600))
    return png(800, 600, 16, 0, zlib.compress(rows))


@case("i32", "a.webp", ACCEPTED)
def _webp() -> bytes:
    return saved(scene(), "WEBP", quality=80)


@case("i33", "a.jpeg", ACCEPTED)
def _progressive_12_megapixels() -> bytes:
    return jpeg(4000, 3000, progressive=True)


@case("i34", "a.jpg", ACCEPTED)
def _mpo() -> bytes:
    return saved(scene(), "MPO", save_all=True, append_images=[scene().rotate(180)])


# i35 and on: more of each


@case("i35", "a.png", REFUSED, "损坏")
def _million_chunks() -> bytes:
    good = saved(scene(), "PNG")
    return good[:33] + chunk(b"tEXt", b"") * 1_600_000 + good[33:]


@case("i36", "a.png", CLEANED)
def _exif_overlap_png() -> bytes:
    """Pillow alone keeps 65,000 copies of ten megabytes."""
    entries = b"".join(struct.pack("<HHII", tag, 7, 10_000_000, 8) for tag in range(65_000))
    good = saved(scene(), "PNG")
    block = b"II*\0" + struct.pack("<IH", 8, 65_000) + entries + bytes(10_000_000)
    return good[:33] + chunk(b"eXIf", block) + good[33:]


@case("i37", "a.webp", CLEANED)
def _webp_canvas_lies() -> bytes:
    canvas = struct.pack("<I", 0) + (16_382).to_bytes(3, "little") * 2
    return riff(b"RIFF", b"WEBP" + riff(b"VP8X", canvas) + riff(b"VP8 ", webp_chunks(_webp())[b"VP8 "]))


@case("i38", "a.webp", CLEANED)
def _webp_metadata() -> bytes:
    return saved(
        scene(), "WEBP", exif=b"Exif\0\0" + exif(gps=True, orientation=8), xmp=PLANTED * 9, icc_profile=PLANTED * 9
    )


@case("i39", "a.png", CLEANED)
def _png_metadata() -> bytes:
    good = saved(scene(), "PNG")
    noise = [
        chunk(b"tEXt", b"Comment\0<?php ?>" + PLANTED),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(PLANTED)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PLANTED),
        chunk(b"eXIf", exif(gps=True, orientation=3)),
        chunk(b"iCCP", b"icc\0\0" + zlib.compress(PLANTED)),
        chunk(b"puNk", PLANTED),
    ]
    return good[:33] + b"".join(noise) + good[33:] + archive()


@case("i40", "a.jpg", CLEANED)
def _jpeg_metadata() -> bytes:
    thumbnail = saved(scene(160, 120), "JPEG", comment=PLANTED)
    return with_segments(
        segment(0xE0, b"JFIF\0\x01\x02\x00\x00\x01\x00\x01\x05\x07" + PLANTED + bytes(105 - len(PLANTED))),
        segment(0xE0, b"JFXX\0\x10" + thumbnail),
        segment(0xE1, b"Exif\0\0" + exif(gps=True, order=">", orientation=5) + thumbnail),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PLANTED),
        segment(0xE2, b"ICC_PROFILE\0\x01\x01" + PLANTED),
        segment(0xED, b"Photoshop 3.0\0" + PLANTED),
        segment(0xEF, PLANTED),
    )


@case("i41", "a.png", REFUSED, "不完整")
def _cut_png() -> bytes:
    good = saved(scene(), "PNG")
    return good[: len(good) // 2]


@case("i42", "a.webp", REFUSED, "不完整")
def _cut_webp() -> bytes:
    return _webp()[:5_000]


@case("i43", "a.jpg", REFUSED, "AVIF")
def _avif() -> bytes:
    return b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + bytes(1_000)


@case("i44", "a.jpg", REFUSED, "PDF")
def _pdf() -> bytes:
    return b"%PDF-1.7\n%%EOF"


@case("i45", "a.jpg", REFUSED, "扩展名")
def _png_as_jpg() -> bytes:
    return saved(scene(), "PNG")


@case("i46", "a.png", REFUSED, "扩展名")
def _jpg_as_png() -> bytes:
    return jpeg()


@case("i47", "photo", REFUSED, "扩展名")
def _no_suffix() -> bytes:
    return jpeg()


@case("i48", "a.jpg", REFUSED, "像素")
def _tiny() -> bytes:
    return jpeg(4, 4)


@case("i49", "a.png", REFUSED, "损坏")
def _bad_checksum() -> bytes:
    good = bytearray(saved(scene(), "PNG"))
    good[len(good) // 2] ^= 0x55
    return bytes(good)


@case("i50", "a.jpg", REFUSED, "少见")
def _lossless_jpeg() -> bytes:
    return _with_frame(jpeg(), 0xC3)


@case("i51", "a.jpg", REFUSED, "少见")
def _twelve_bit_jpeg() -> bytes:
    return _with_frame(jpeg(), 0xC1, precision=12)


@case("i52", "a.jpg", REFUSED, "像素")
def _jpeg_of_no_height() -> bytes:
    return _with_frame(jpeg(), 0xC0, height=0)


@case("i53", "a.jpg", REFUSED, "像素")
def _jpeg_of_65500() -> bytes:
    return _with_frame(jpeg(), 0xC0, height=65_500, width=65_500)


@case("i54", "a.png", REFUSED, "处理不了")
def _png_48_megapixels() -> bytes:
    return black(8_000, 4_000, 8, 2)


@case("i55", "a.png", REFUSED, "展开")
def _png_16_bit_rgba() -> bytes:
    return black(6_000, 4_000, 16, 6)


@case("i56", "a.webp", REFUSED, "处理不了")
def _webp_48_megapixels() -> bytes:
    return saved(Image.new("RGB", (8_000, 6_000), "navy"), "WEBP", quality=1, method=0)


@case("i57", "a.png", REFUSED, "不完整")
def _png_short_of_rows() -> bytes:
    return png(800, 600, 8, 2, zeros(100 * (1 + 3 * 800)))


@case("i58", "a.png", REFUSED, "损坏")
def _png_not_deflate() -> bytes:
    return png(800, 600, 8, 2, bytes(range(256)) * 10)


@case("i59", "a.png", REFUSED, "损坏")
def _png_without_palette() -> bytes:
    return black(800, 600, 8, 3)


@case("i60", "a.jpg", CLEANED)
def _motion_photo() -> bytes:
    return with_segments(after=b"\0\0\0\x18ftypmp42" + PLANTED + bytes(3_000_000))


@case("i61", "a.jpg", REFUSED, "损坏")
def _fill_bytes() -> bytes:
    return b"\xff\xd8" + b"\xff" * 19_000_000


@case("i62", "a.jpg", REFUSED, "不完整")
def _no_end_of_image() -> bytes:
    return jpeg()[:-2]


@case("i63", "a.webp", REFUSED, "损坏")
def _webp_of_nothing() -> bytes:
    return riff(b"RIFF", b"WEBP" + riff(b"VP8 ", b""))


@case("i64", "a.webp", REFUSED, "损坏")
def _webp_bitstream_noise() -> bytes:
    body = webp_chunks(_webp())[b"VP8 "]
    return riff(b"RIFF", b"WEBP" + riff(b"VP8 ", body[:10] + b"\xff" * 64))


@case("i65", "a.jpg", REFUSED, "程序")
def _program() -> bytes:
    return b"MZ" + bytes(2_000)


@case("i66", "a.jpg", REFUSED, "压缩包")
def _zip_first() -> bytes:
    return archive() + jpeg()


@case("i67", "a.jpg.html", REFUSED, "扩展名")
def _html_suffix() -> bytes:
    return jpeg()


@case("i68", "a.png", REFUSED, "损坏")
def _apple_png() -> bytes:
    good = saved(scene(), "PNG")
    return good[:33] + chunk(b"CgBI", b"\x50\x00\x20\x02") + good[33:]


@case("i69", "a.jpg", REFUSED, "损坏")
def _tables_missing() -> bytes:
    good = jpeg()
    return good[: good.index(b"\xff\xdb")] + good[good.index(b"\xff\xc0") :]


@case("i70", "a.jpg", CLEANED)
def _many_scans() -> bytes:
    """As much work as the limits let through: 12 megapixels at full colour in 24 scans."""
    good = jpeg(4_000, 3_000, progressive=True, subsampling=0)
    last = good[good.rindex(b"\xff\xda") : -2]
    return good[:-2] + last * (24 - good.count(b"\xff\xda")) + b"\xff\xd9"


@case("i71", "a.png", REFUSED, "展开")
def _png_one_row_too_many() -> bytes:
    return png(800, 600, 8, 2, zeros(601 * (1 + 3 * 800)))


@case("i72", "a.jpg", REFUSED, "视频")
def _video() -> bytes:
    return b"\0\0\0\x18ftypmp42" + bytes(1_000)


@case("i73", "a.png", CLEANED)
def _incompressible_png() -> bytes:
    """Close to 20 MB of noise, which no decoder can make smaller on the way."""
    return saved(Image.effect_noise((4_400, 4_300), 255), "PNG", compress_level=1)


@case("i74", "a.webp", REFUSED, "处理不了")
def _webp_12_megapixels() -> bytes:
    """No bomb, but libwebp and Pillow hold four pictures of it: more than a photo may cost."""
    return saved(Image.new("RGB", (4_000, 3_000), "navy"), "WEBP", quality=1, method=0)


@case("i75", "a.png", REFUSED, "损坏")
def _palette_with_bad_checksum() -> bytes:
    good = bytearray(saved(scene().quantize(64), "PNG"))
    good[good.index(b"PLTE") + 10] ^= 0x55
    return bytes(good)


# g: good ones of every sort


@case("g01", "a.jpg", ACCEPTED)
def _phone_photo() -> bytes:
    return phone_photo()


@case("g02", "a.jpg", ACCEPTED)
def _grey_jpeg() -> bytes:
    return saved(scene().convert("L"), "JPEG")


@case("g03", "a.png", ACCEPTED)
def _transparent_png() -> bytes:
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (200, 150, 600, 450))
    return saved(image, "PNG")


@case("g04", "a.png", ACCEPTED)
def _palette_png() -> bytes:
    return saved(scene().quantize(64), "PNG", transparency=0)


@case("g05", "a.png", ACCEPTED)
def _grey_alpha_png() -> bytes:
    return saved(scene().convert("LA"), "PNG")


@case("g06", "a.png", ACCEPTED)
def _bilevel_png() -> bytes:
    return saved(scene().convert("1"), "PNG")


@case("g07", "a.png", ACCEPTED)
def _interlaced_png() -> bytes:
    rows = b""
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        rows += (b"\0" + b"\xff\0\0" * -(-(61 - left) // across)) * -(-(43 - top) // down)
    return png(61, 43, 8, 2, zlib.compress(rows), interlace=1)


@case("g08", "a.jpg", ACCEPTED)
def _jpeg_48_megapixels() -> bytes:
    return saved(scene(2_000, 1_500).resize((8_000, 6_000)), "JPEG", quality=85)


@case("g09", "a.png", ACCEPTED)
def _png_12_megapixels() -> bytes:
    return saved(scene(4_000, 3_000), "PNG", compress_level=1)


@case("g10", "a.png", ACCEPTED)
def _png_scan() -> bytes:
    """An A4 page at 600 dpi, in grey."""
    return black(4_960, 7_016, 8, 0)


@case("g11", "a.webp", ACCEPTED)
def _webp_lossless_alpha() -> bytes:
    image = scene().convert("RGBA")
    image.putalpha(128)
    return saved(image, "WEBP", lossless=True)


@case("g12", "a.webp", ACCEPTED)
def _webp_alpha() -> bytes:
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (200, 150, 600, 450))
    return saved(image, "WEBP", quality=80)


@case("g13", "a.jpg", ACCEPTED)
def _strip() -> bytes:
    return jpeg(12_000, 8)


@case("g14", "a.jpg", ACCEPTED)
def _square_444_progressive() -> bytes:
    return jpeg(3_190, 3_190, progressive=True, subsampling=0)


@case("g15", "合影.JPG", ACCEPTED)
def _eight_pixels() -> bytes:
    return jpeg(8, 8)


@case("g16", "a.png", ACCEPTED)
def _rgb_16_bit() -> bytes:
    return black(400, 300, 16, 2)


@case("g17", "a.webp", ACCEPTED)
def _webp_7_megapixels() -> bytes:
    return saved(scene(3_000, 2_300), "WEBP", quality=80, method=0)


@case("g18", "a.jpg", ACCEPTED)
def _adobe_cmyk_12_megapixels() -> bytes:
    return saved(scene(4_000, 3_000).convert("CMYK"), "JPEG", quality=85)


@case("g19", "a.jpg", ACCEPTED)
def _adobe_rgb() -> bytes:
    """Plain RGB, which only the Adobe segment tells: the components are numbered as luminance and colour would be."""
    good = saved(scene(), "JPEG", quality=90, keep_rgb=True)
    frame, scan = good.index(b"\xff\xc0"), good.index(b"\xff\xda")
    numbered = bytearray(good)
    for number in range(3):
        numbered[frame + 10 + 3 * number] = numbered[scan + 5 + 2 * number] = number + 1
    return bytes(numbered)


def named(id: str) -> Case:
    return next(each for each in CASES if each.id == id)


def files() -> Iterator[tuple[Case, bytes]]:
    for each in CASES:
        yield each, each.make()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for each, data in files():
        (folder / f"{each.id}-{each.fate}-{each.name}").write_bytes(data)
