"""Kept files: named by their content, whole or absent, never written over, whatever falls at whatever moment."""

import hashlib
import itertools
import os
import random
import resource
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile

from documents.storage import ContentStorage, DamagedContent


@pytest.fixture
def storage(tmp_path: Path) -> ContentStorage:
    return ContentStorage(location=tmp_path / "kept")


def files_in(storage: ContentStorage) -> list[Path]:
    return [path for path in Path(storage.location).rglob("*") if path.is_file()]


def temporary(storage: ContentStorage) -> list[Path]:
    return list(Path(storage.location, "incoming").glob("*"))


def test_a_file_is_named_by_its_content(storage: ContentStorage) -> None:
    digest = hashlib.sha256(b"photo").hexdigest()
    assert storage.put(b"photo") == f"{digest[:2]}/{digest[2:4]}/{digest}.jpg"
    assert storage.put(b"photo", suffix=".docx").endswith(f"{digest}.docx")
    with storage.open(storage.put(b"photo")) as kept:
        assert kept.read() == b"photo"


def test_keeping_the_same_content_twice_keeps_one_file_untouched(storage: ContentStorage) -> None:
    name = storage.put(b"photo")
    before = os.stat(storage.path(name))
    assert storage.put(b"photo") == name
    after = os.stat(storage.path(name))
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(files_in(storage)) == 1


def test_nothing_is_written_over_even_when_it_is_damaged(storage: ContentStorage) -> None:
    name = storage.put(b"photo")
    Path(storage.path(name)).write_bytes(b"phot")
    assert not storage.is_intact(name)
    with pytest.raises(DamagedContent):
        storage.put(b"photo")
    assert Path(storage.path(name)).read_bytes() == b"phot"


def test_who_comes_second_at_the_same_moment_gets_the_same_name(
    storage: ContentStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ContentStorage(location=storage.location)
    link = os.link
    inodes = []

    def overtaken(source: str, target: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        inodes.append(os.stat(other.path(other.put(b"photo"))).st_ino)
        link(source, target)

    monkeypatch.setattr(os, "link", overtaken)
    name = storage.put(b"photo")
    assert [os.stat(storage.path(name)).st_ino] == inodes
    assert not temporary(storage)


def test_a_file_and_its_folders_are_on_the_disk_before_the_name_is_given_back(
    storage: ContentStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, link = os.fsync, os.link

    def synced(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def linked(source: str, target: Path) -> None:
        done.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    root = str(storage.location)
    name = storage.put(b"photo")
    at = done.index("link")
    assert done[at - 1].startswith(f"{root}/incoming/")
    folders = [f"{root}/{name[:5]}", f"{root}/{name[:2]}", root]
    assert done[at + 1 :] == folders
    assert str(Path(root).parent) in done[:at]
    done.clear()
    storage.put(b"photo")
    assert done == folders


@pytest.mark.parametrize("failing", ["fsync", "link", "fchmod"])
def test_a_disk_that_refuses_leaves_nothing_behind_and_may_be_asked_again(
    storage: ContentStorage, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    storage.put(b"first")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, failing, refuse)
        with pytest.raises(OSError, match="No space left"):
            storage.put(b"photo")
    assert [path.read_bytes() for path in files_in(storage)] == [b"first"]
    assert storage.is_intact(storage.put(b"photo"))


def test_a_full_disk_cuts_no_file(storage: ContentStorage) -> None:

    child = os.fork()
    if not child:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            storage.put(bytes(100_000))
        except OSError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not files_in(storage)


def contents(seed: int) -> Iterator[bytes]:
    """Files of 1 byte to 300 KB without end, the same for the same seed."""
    draw = random.Random(seed)
    while True:
        yield draw.randbytes(draw.choice([1, 4_096, 70_000, 300_000]))


@pytest.mark.parametrize("seed", range(60))
def test_kill_nine_at_any_moment_tears_no_file(storage: ContentStorage, seed: int) -> None:
    """A child keeps files until it is killed: what it was promised is there, what is there is whole."""
    promised, promising = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(promised)
            for data in contents(seed):
                os.write(promising, (storage.put(data) + "\n").encode())
        finally:
            os._exit(1)
    os.close(promising)
    time.sleep(random.Random(1000 + seed).uniform(0.001, 0.05))
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with open(promised) as told:
        names = told.read().splitlines()
    assert all(storage.is_intact(name) for name in storage.names())
    assert set(names) <= set(storage.names())
    assert len(temporary(storage)) <= 1
    assert len(files_in(storage)) == len(list(storage.names())) + len(temporary(storage))
    for data in itertools.islice(contents(seed), 5):
        assert storage.is_intact(storage.put(data))


@pytest.mark.parametrize("step", ["mkstemp", "fchmod", "fsync", "link", "unlink"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_nine_at_each_step_tears_no_file(storage: ContentStorage, step: str, moment: str) -> None:
    storage.put(b"first")
    place = tempfile if step == "mkstemp" else os
    original = getattr(place, step)

    def fall(*given: object, **named: object) -> object:
        result = original(*given, **named) if moment == "after" else None
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    child = os.fork()
    if not child:
        try:
            setattr(place, step, fall)
            storage.put(b"photo" * 100_000)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert all(storage.is_intact(name) for name in storage.names())
    assert len(temporary(storage)) <= 1
    assert storage.is_intact(storage.put(b"photo" * 100_000))
    assert len(list(storage.names())) == 2


def test_the_self_check_sees_what_is_missing_and_what_was_changed(storage: ContentStorage) -> None:
    names = [storage.put(bytes([number])) for number in range(20)]
    assert list(storage.names()) == sorted(names)
    assert all(storage.is_intact(name) for name in names)
    Path(storage.path(names[3])).unlink()
    Path(storage.path(names[7])).write_bytes(b"\x08")
    assert [name for name in names if not storage.is_intact(name)] == [names[3], names[7]]


def test_only_old_temporary_files_are_swept(storage: ContentStorage) -> None:
    kept = storage.put(b"photo")
    now = datetime(2018, 7, 2, tzinfo=UTC)
    for name, age in (("old", 25), ("new", 1)):
        path = Path(storage.location, "incoming", name)
        path.write_bytes(b"half")
        os.utime(path, ((now - timedelta(hours=age)).timestamp(),) * 2)
    assert storage.sweep(before=now - timedelta(hours=24)) == 1
    assert [path.name for path in temporary(storage)] == ["new"]
    assert storage.is_intact(kept)


def test_a_file_field_keeps_by_content_whatever_the_name(storage: ContentStorage) -> None:
    assert storage.save("合影.JPG", ContentFile(b"photo")) == storage.put(b"photo")
    assert storage.save("other.jpg", ContentFile(b"photo")) == storage.put(b"photo")
    assert len(files_in(storage)) == 1


def test_kept_files_have_no_address_of_their_own(storage: ContentStorage) -> None:
    with pytest.raises(ValueError, match="no address"):
        storage.url(storage.put(b"photo"))


@pytest.mark.parametrize("suffix", ["", "jpg", ".JPG", "./a", ".jpg/..", ".a b", ".toolong"])
def test_a_suffix_is_a_dot_and_a_few_letters(storage: ContentStorage, suffix: str) -> None:
    with pytest.raises(ValueError, match="not a suffix"):
        storage.put(b"photo", suffix=suffix)
    assert not files_in(storage)


@pytest.mark.parametrize("name", ["../../etc/passwd", "incoming/x", "ab/cd/abcd.jpg", "/etc/passwd", "", "a\0b"])
def test_only_names_given_by_the_storage_open_anything(storage: ContentStorage, name: str) -> None:
    with pytest.raises((ValueError, SuspiciousFileOperation)):
        storage.open(name)


def test_kept_files_have_the_permissions_of_the_settings(tmp_path: Path) -> None:
    storage = ContentStorage(location=tmp_path, file_permissions_mode=0o640)
    assert os.stat(storage.path(storage.put(b"photo"))).st_mode & 0o777 == 0o640
