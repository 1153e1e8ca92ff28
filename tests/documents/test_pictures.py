"""Photos: hostile files end as the table says, good ones are taken, and no byte but the picture survives."""

import dataclasses
import hashlib
import io
import os
import struct
import subprocess
import sys
import time
import unicodedata
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from documents import pictures
from documents.containers import unwrap
from documents.pictures import PictureRefused, clean, clean_in_child, clean_name
from tests.documents import hostile_pictures as hostile
from tests.documents.meter import Meter, meter

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def measured() -> Iterator[Meter]:
    with meter() as running:
        yield running


def assert_nothing_but_picture(jpeg: bytes) -> None:
    """Walk the JPEG: JFIF header, tables, frame, scans, end; not a byte more, and nothing that was planted."""
    assert hostile.PLANTED not in jpeg
    for trace in (b"Exif\0\0", b"http://", b"ICC_PROFILE", b"Photoshop", b"<?php", b"<script", b"adobe.com", b"ftyp"):
        assert trace not in jpeg
    assert jpeg.startswith(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")
    at, seen = 2, []
    while jpeg[at : at + 2] != b"\xff\xd9":
        assert jpeg[at] == 0xFF
        marker = jpeg[at + 1]
        seen.append(marker)
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        while marker == 0xDA and not (jpeg[at] == 0xFF and jpeg[at + 1] not in (0, *range(0xD0, 0xD8))):
            at += 1
    assert at + 2 == len(jpeg)
    assert set(seen) <= {0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDA}
    assert seen.count(0xE0) == 1
    with Image.open(io.BytesIO(jpeg)) as image:
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}


def child() -> subprocess.Popen[bytes]:
    """The warm child of this process."""
    process = pictures._child.process
    assert process is not None
    return process


def pixel(data: bytes, x: int, y: int) -> tuple[int, int, int]:
    red, green, blue = opened(data).convert("RGB").crop((x, y, x + 1, y + 1)).tobytes()
    return red, green, blue


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures, 0–255."""
    assert one.size == other.size
    pairs = zip(one.convert("RGB").tobytes(), other.convert("RGB").tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pairs) / (3 * one.width * one.height)


def test_the_corpus_holds_every_row_of_the_table() -> None:
    ids = [case.id for case in hostile.CASES]
    assert len(set(ids)) == len(ids) >= 40
    assert {f"i{n:02}" for n in [*range(1, 24), *range(30, 35)]} <= set(ids)


@pytest.mark.parametrize("case", hostile.CASES, ids=lambda case: case.id)
def test_each_file_meets_its_fate_within_150_megabytes(case: hostile.Case, measured: Meter) -> None:
    told = measured(case.make(), case.name, "picture")
    assert told.kilobytes <= 150_000
    if case.fate == hostile.REFUSED:
        assert told.refused.startswith(f"“{case.name}”")
        assert case.says in told.refused
        assert any(cure in told.refused for cure in ("请", "重新"))
        assert "操作失败" not in told.refused
    else:
        jpeg, thumb = told.bodies
        assert_nothing_but_picture(jpeg)
        assert_nothing_but_picture(thumb)
        assert max(opened(jpeg).size) <= 1600
        assert max(opened(thumb).size) <= 320


def test_a_12_megapixel_photo_comes_out_at_1600_and_320_pixels() -> None:
    picture = clean(hostile.phone_photo(), "合影.jpg")
    assert (picture.width, picture.height) == (1600, 1200) == opened(picture.jpeg).size
    assert opened(picture.thumb).size == (320, 240)
    assert opened(picture.jpeg).info["progressive"]
    assert picture.source_format == "JPEG"


def test_the_same_photo_gives_the_same_bytes_and_its_digests() -> None:
    one, two = clean(hostile.jpeg(), "a.jpg"), clean(hostile.jpeg(), "b.jpg")
    assert one == two
    assert one.sha256 == hashlib.sha256(one.jpeg).hexdigest()
    assert one.thumb_sha256 == hashlib.sha256(one.thumb).hexdigest()


def test_a_small_photo_is_never_enlarged() -> None:
    picture = clean(hostile.jpeg(200, 100), "a.jpg")
    assert (picture.width, picture.height) == (200, 100)
    assert opened(picture.thumb).size == (200, 100)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_as_its_camera_said(orientation: int, order: str) -> None:
    block = hostile.exif(orientation=orientation, order=order)
    turned = hostile.with_segments(hostile.segment(0xE1, b"Exif\0\0" + block))
    expected = ImageOps.exif_transpose(opened(turned))
    picture = clean(turned, "a.jpg")
    assert (picture.width, picture.height) == expected.size
    assert distance(opened(picture.jpeg), expected) < 4


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    data = hostile.with_segments(hostile.segment(0xE1, b"Exif\0\0" + hostile.exif(orientation=orientation)))
    assert clean(data, "a.jpg").width == 800


@pytest.mark.parametrize("case", ["i38", "i39"])
def test_png_and_webp_are_turned_too(case: str) -> None:
    made = hostile.named(case)
    data = made.make()
    expected = ImageOps.exif_transpose(opened(data))
    assert distance(opened(clean(data, made.name).jpeg), expected) < 4


@pytest.mark.parametrize(
    ("taken", "offset", "expected"),
    [
        ("2018:07:02 09:30:00", "", datetime(2018, 7, 2, 9, 30, tzinfo=SHANGHAI)),
        ("2018:07:02 09:30:00", "+08:00", datetime(2018, 7, 2, 9, 30, tzinfo=SHANGHAI)),
        ("2018:07:02 01:30:00", "+00:00", datetime(2018, 7, 2, 9, 30, tzinfo=SHANGHAI)),
        ("2018:07:02 09:30:00", "east", datetime(2018, 7, 2, 9, 30, tzinfo=SHANGHAI)),
        ("0000:00:00 00:00:00", "", None),
        ("2018:02:30 09:30:00", "", None),
        ("0001:01:01 00:00:00", "+14:00", None),
        ("    :  :     :  :  ", "", None),
        ("yesterday", "", None),
        ("", "", None),
    ],
)
def test_the_moment_of_exposure_is_read_in_shanghai_time(taken: str, offset: str, expected: datetime | None) -> None:
    block = hostile.exif(taken=taken, offset=offset)
    picture = clean(hostile.with_segments(hostile.segment(0xE1, b"Exif\0\0" + block)), "a.jpg")
    assert picture.taken_at == expected
    assert picture.taken_at is None or picture.taken_at.tzinfo is SHANGHAI


@given(st.binary(max_size=300), st.sampled_from([b"II*\0", b"MM\0*", b""]))
def test_no_exif_block_stops_a_photo(noise: bytes, order: bytes) -> None:
    small = hostile.jpeg(16, 16)
    data = small[:2] + hostile.segment(0xE1, b"Exif\0\0" + order + noise) + small[2:]
    assert clean(data, "a.jpg").sha256


@given(st.data())
def test_a_damaged_photo_is_cleaned_or_refused_and_nothing_else(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))
    whole = hostile.saved(hostile.scene(40, 30), kind)
    damaged = bytearray(whole[: data.draw(st.integers(1, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = clean(bytes(damaged), "a." + {"JPEG": "jpg"}.get(kind, kind.lower()))
    except PictureRefused as refusal:
        assert "请" in str(refusal)
    else:
        assert_nothing_but_picture(picture.jpeg)


def test_what_is_transparent_becomes_white() -> None:
    for case in (hostile.named("g03"), hostile.named("g12")):
        middle = pixel(clean(case.make(), case.name).jpeg, 400, 300)
        assert min(middle) >= 250


def test_a_half_transparent_picture_is_mixed_with_white() -> None:
    image = Image.new("RGBA", (64, 64), (200, 0, 0, 128))
    red, green, blue = pixel(clean(hostile.saved(image, "PNG"), "a.png").jpeg, 32, 32)
    assert (red, green, blue) == pytest.approx((227, 127, 127), abs=4)


def test_sixteen_bits_of_grey_are_scaled_not_cut_off() -> None:
    case = hostile.named("i31")
    jpeg = clean(case.make(), case.name).jpeg
    assert [pixel(jpeg, x, 300)[0] for x in (0, 200, 400, 799)] == pytest.approx([0, 64, 128, 255], abs=3)


def test_four_inks_become_three_colours() -> None:
    case = hostile.named("i30")
    assert distance(opened(clean(case.make(), case.name).jpeg), hostile.scene()) < 6


def test_a_large_png_keeps_its_picture_across_bands() -> None:
    image = hostile.scene(3400, 2100)
    expected = image.resize((1600, 988), Image.Resampling.LANCZOS)
    assert distance(opened(clean(hostile.saved(image, "PNG", compress_level=1), "a.png").jpeg), expected) < 4


def test_bands_meet_without_a_seam() -> None:
    image = hostile.scene(4_990, 700)
    assert pictures._on_white(image).tobytes() == image.reduce(3).tobytes()


def test_colours_are_read_as_the_adobe_segment_says() -> None:
    case = hostile.named("g19")
    assert distance(opened(clean(case.make(), case.name).jpeg), hostile.scene()) < 6


@pytest.mark.parametrize("id", [case.id for case in hostile.CASES if case.fate == hostile.CLEANED])
def test_the_decoder_is_handed_nothing_but_pixels(id: str) -> None:
    unwrapped = unwrap(hostile.named(id).make())
    assert hostile.PLANTED not in unwrapped.stream
    with Image.open(io.BytesIO(unwrapped.stream)) as image:
        assert not set(image.info) & {"exif", "icc_profile", "xmp", "comment", "photoshop", "Comment"}


def test_of_two_pictures_in_one_file_the_first_is_taken() -> None:
    case = hostile.named("i34")
    picture = clean(case.make(), case.name)
    assert picture.source_format == "MPO"
    assert distance(opened(picture.jpeg), hostile.scene()) < 4


def test_an_interlaced_picture_is_read() -> None:
    case = hostile.named("g07")
    assert pixel(clean(case.make(), case.name).jpeg, 30, 20) == pytest.approx((255, 0, 0), abs=4)


@pytest.mark.parametrize(("name", "taken"), [("a.JPG", True), ("a.jpeg", True), ("a.jfif", False), ("a.gif", False)])
def test_a_photo_bears_the_suffix_of_its_kind(name: str, taken: bool) -> None:
    if taken:
        assert clean(hostile.jpeg(), name).width == 800
    else:
        with pytest.raises(PictureRefused, match=r"请把扩展名改为 \.jpg"):
            clean(hostile.jpeg(), name)


# The warm child


@pytest.mark.parametrize("case", ["i14", "i34", "g03", "g12"])
def test_the_child_answers_as_the_process_itself_would(case: str) -> None:
    made = hostile.named(case)
    data = made.make()
    here, there = clean(data, made.name), clean_in_child(data, made.name)
    assert dataclasses.asdict(here) == dataclasses.asdict(there)
    assert there.taken_at is None or there.taken_at.tzinfo is SHANGHAI


def test_the_child_refuses_in_the_same_words() -> None:
    for name, data in (("a.jpg", hostile.jpeg()[:4000]), ("合影.png", hostile.jpeg()), ("a.jpg", b"")):
        with pytest.raises(PictureRefused) as here:
            clean(data, name)
        with pytest.raises(PictureRefused) as there:
            clean_in_child(data, name)
        assert str(here.value) == str(there.value)


def test_the_child_knows_no_secret_and_has_its_limits() -> None:
    clean_in_child(hostile.jpeg(), "a.jpg")
    folder = Path("/proc") / str(child().pid)
    assert (folder / "environ").read_bytes() == b""
    limits = (folder / "limits").read_text()
    assert f"{1 << 30}" in next(line for line in limits.splitlines() if "address space" in line)
    assert " 0 " in next(line for line in limits.splitlines() if "file size" in line)


def test_a_photo_that_takes_too_long_is_refused_and_the_next_one_is_taken() -> None:
    clean_in_child(hostile.jpeg(), "a.jpg")
    with pytest.raises(PictureRefused, match="处理不了"):
        clean_in_child(hostile.phone_photo(), "慢.jpg", seconds=0.01)
    assert clean_in_child(hostile.jpeg(), "a.jpg").width == 800


def test_a_child_that_died_is_replaced() -> None:
    clean_in_child(hostile.jpeg(), "a.jpg")
    process = child()
    process.kill()
    process.wait()
    assert clean_in_child(hostile.jpeg(), "a.jpg").width == 800
    assert child() is not process


def test_a_forked_worker_starts_a_child_of_its_own() -> None:
    clean_in_child(hostile.jpeg(), "a.jpg")
    mine = child().pid
    worker = os.fork()
    if not worker:
        code = 1
        try:
            picture = clean_in_child(hostile.jpeg(), "a.jpg")
            code = 0 if picture.width == 800 and child().pid != mine else 2
            pictures._child.stop()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 0
    assert clean_in_child(hostile.jpeg(), "a.jpg").width == 800
    assert child().pid == mine


def test_the_child_ends_with_its_parent() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from documents import pictures\nfrom tests.documents import hostile_pictures as hostile\n"
        "pictures.clean_in_child(hostile.jpeg(), 'a.jpg')\nprint(pictures._child.process.pid, flush=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    told = subprocess.run([sys.executable, "-c", program, str(ROOT)], capture_output=True, text=True, check=False)
    orphan = Path("/proc") / told.stdout.strip()
    deadline = time.monotonic() + 60
    while orphan.exists() and "State:\tZ" not in (orphan / "status").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not orphan.exists() or "State:\tZ" in (orphan / "status").read_text()


# Names


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("七一合影.jpg", "七一合影.jpg"),
        ("主题党日：参观（一）.JPG", "主题党日：参观（一）.JPG"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\win.jpg", "win.jpg"),
        ("a\0b.jpg", "ab.jpg"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("CON", "_CON"),
        ("con.jpg", "_con.jpg"),
        ("长" * 200 + ".jpg", "长" * 76 + ".jpg"),
        (".htaccess", "htaccess"),
        ("a.jpg.html", "a.jpg.html"),
        ("a.html;.jpg", "a.html_.jpg"),
        ("a\r\nSet-Cookie: x.jpg", "a Set-Cookie_ x.jpg"),
        ("-rf", "rf"),
        ('a".jpg', "a_.jpg"),
        ("a.jpg.", "a.jpg"),
        ("photo", "photo"),
        ("e\u0301\u200b\ufeff.jpg", "é.jpg"),
        ("a\udcff.jpg", "a.jpg"),
        ("<img src=x onerror=alert(1)>.jpg", "_img src=x onerror=alert(1)_.jpg"),
        ("=cmd|' /C calc'!A0", "C calc_!A0"),
        ("=cmd|'calc'!A0", "cmd__calc_!A0"),
        ("／／evil.jpg", "__evil.jpg"),
        ("", "未命名"),
        (".jpg", "未命名.jpg"),
        ("\u200b\u3164.jpg", "未命名.jpg"),
    ],
)
def test_a_name_is_shown_plain(given_name: str, shown: str) -> None:
    assert clean_name(given_name) == shown


@given(st.text(st.characters(), max_size=400))
def test_no_name_is_dangerous_to_show(given_name: str) -> None:
    shown = clean_name(given_name)
    assert 1 <= len(shown) <= 80
    assert len(shown.encode()) <= 240
    assert shown == clean_name(shown)
    assert not set(unicodedata.normalize("NFKC", shown)) & set('/\\<>"\0\r\n')
    assert all(unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in shown)
    assert shown[0] not in ".-=+@ "


def test_the_generator_tells_the_truth_about_png() -> None:
    """The hand-made chunks are what Pillow, too, calls a PNG."""
    row = b"\0" + bytes(range(8)) * 3
    image = opened(hostile.png(8, 8, 8, 2, zlib.compress(row * 8)))
    assert (image.size, image.mode) == ((8, 8), "RGB")
    assert struct.unpack(">I", hostile.chunk(b"IEND", b"")[:4]) == (0,)
