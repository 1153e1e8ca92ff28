"""Files kept under the SHA-256 of their content: `ab/cd/abcd….jpg`.

A file appears under its name whole or not at all, is never written over, and is on the disk before its name is given
back: write the row after `put`, and a crash leaves at most a temporary file that `sweep` takes away. Deleting is not a
matter of this module's callers one by one: two rows may keep the same content.
"""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

_NAME = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})(\.[a-z0-9]{1,5})")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_INCOMING = "incoming"  # where files are written before they have a name; in the same volume, so a link is enough


class DamagedContent(Exception):
    """A stored file whose bytes are no longer those that its name promises."""


class ContentStorage(FileSystemStorage):
    """A folder in which a file's name is the digest of its content; usable as the storage of a FileField."""

    def put(self, data: bytes, suffix: str = ".jpg") -> str:
        """Keep `data` (bytes, whole) and return its name, the same for the same content and suffix.

        When this returns, file and folders are on the disk. Raises ValueError for a suffix that is not a dot and 1–5
        small letters or digits, DamagedContent when the name is taken by other bytes, OSError when the disk refuses.
        """
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"not a suffix: {suffix!r}")
        digest = hashlib.sha256(data).hexdigest()
        name = f"{digest[:2]}/{digest[2:4]}/{digest}{suffix}"
        final = Path(self.path(name))
        if not final.exists():
            self._write(data, final)
        elif final.read_bytes() != data:
            raise DamagedContent(name)
        for folder in (final.parent, final.parent.parent, self.location):
            _sync_folder(folder)  # also when another process was first, and has not come so far yet
        return name

    def is_intact(self, name: str) -> bool:
        """Whether the file is there and still has the content that its name promises."""
        digest = hashlib.sha256()
        try:
            with open(self.path(name), "rb") as stored:
                while block := stored.read(1 << 20):
                    digest.update(block)
        except FileNotFoundError:
            return False
        return Path(name).stem == digest.hexdigest()

    def names(self) -> Iterator[str]:
        """The names of all files kept, in order; temporary ones are not among them."""
        root = Path(self.location)
        for path in sorted(root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")):
            name = path.relative_to(root).as_posix()
            if _NAME.fullmatch(name):
                yield name

    def sweep(self, before: datetime) -> int:
        """Remove temporary files last written before the aware datetime `before`; return how many."""
        swept = 0
        for path in Path(self.location, _INCOMING).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    swept += 1
        return swept

    # What a FileField asks of its storage

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name  # the content decides, not the name that came along

    def path(self, name: str) -> str:
        """The file's place on the disk; raises ValueError for what is not a name given by `put`."""
        if not _NAME.fullmatch(str(name).replace(os.sep, "/")):
            raise ValueError(f"not the name of a kept file: {name!r}")
        return super().path(name)

    def url(self, name: str | None) -> str:
        """Refused: what is kept here is shown by views that ask who is asking."""
        raise ValueError("kept files have no address of their own")

    def _save(self, name: str, content: File) -> str:
        content.seek(0)
        return self.put(content.read(), os.path.splitext(name)[1].lower())

    def _write(self, data: bytes, final: Path) -> None:
        root, mode = Path(self.location), self.directory_permissions_mode or 0o755
        if not root.is_dir():
            root.mkdir(mode, parents=True, exist_ok=True)
            _sync_folder(root.parent)
        incoming = root / _INCOMING
        for folder in (incoming, final.parent.parent, final.parent):
            folder.mkdir(mode, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=incoming)
        try:
            with open(descriptor, "wb") as writing:
                if self.file_permissions_mode is not None:
                    os.fchmod(descriptor, self.file_permissions_mode)
                writing.write(data)
                writing.flush()
                os.fsync(descriptor)
            with contextlib.suppress(FileExistsError):  # another process kept the same content meanwhile
                os.link(temporary, final)  # a rename that cannot write over anything
        finally:
            os.unlink(temporary)


def _sync_folder(folder: str | os.PathLike[str]) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
