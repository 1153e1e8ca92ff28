"""Zip packages of Office files (OPC, ECMA-376 part 2) looked at before anything in them is believed.

Reads members by hand, against what the directory says of them; parses XML without document types and entities.
"""

import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from defusedxml.ElementTree import fromstring

TYPES = "[Content_Types].xml"
_HYPERLINK = "/hyperlink"
_LOCAL = struct.Struct("<4s22xHH")  # of a member's own header: signature, length of its name and of its extra field


class Damaged(Exception):
    """A package that its own directory describes wrongly, or that no longer reads."""


def escapes(name: str) -> bool:
    """Whether a member's name leads out of the package, or means another thing on another system."""
    return "\\" in name or ":" in name or "\0" in name or name.startswith("/") or ".." in PurePosixPath(name).parts


def is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def read_member(file: IO[bytes], member: zipfile.ZipInfo) -> bytes:
    """Return the member's content; raises Damaged unless it is exactly as long as declared, with the checksum declared.

    Never holds more than one byte over the declared size, whatever the compressed data would unfold to.
    """
    file.seek(member.header_offset)
    head = file.read(30)
    if len(head) != 30:
        raise Damaged
    signature, name, extra = _LOCAL.unpack(head)
    if signature != b"PK\x03\x04":
        raise Damaged
    file.seek(member.header_offset + 30 + name + extra)
    packed = file.read(member.compress_size)
    if len(packed) != member.compress_size:
        raise Damaged
    if member.compress_type == zipfile.ZIP_DEFLATED:
        inflater = zlib.decompressobj(-15)
        try:
            data = inflater.decompress(packed, member.file_size + 1)
            data += inflater.flush() if len(data) <= member.file_size and not inflater.unconsumed_tail else b""
        except zlib.error:
            raise Damaged from None
        whole = inflater.eof and not inflater.unused_data
    elif member.compress_type == zipfile.ZIP_STORED:
        data, whole = packed, True
    else:
        raise Damaged
    if not whole or len(data) != member.file_size or zlib.crc32(data) != member.CRC:
        raise Damaged
    return data


def has_doctype(blocks: Iterable[bytes]) -> bool:
    """Whether a part has a document type; it can only stand before the first element, so no more is read.

    Takes the part in blocks, in whatever encoding it is. Raises expat.ExpatError where it is no XML up to there.
    """
    found: list[str] = []
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: found.append("doctype")
    parser.EntityDeclHandler = lambda *_: found.append("entity")
    parser.StartElementHandler = lambda *_: found.append("element")
    for block in blocks:
        try:
            parser.Parse(block)
        except expat.ExpatError:
            if not found:
                raise
        if found:
            break
    return bool(found) and found[0] != "element"


@dataclass(frozen=True)
class Relation:
    """One line of a .rels part."""

    id: str
    type: str
    target: str
    external: bool

    @property
    def points_outside(self) -> bool:
        """Whether opening the file would fetch something; a hyperlink waits for a click."""
        return self.external and not self.type.endswith(_HYPERLINK)

    def part(self, rels_name: str) -> str:
        """The name of the part that it leads to, from the part that `rels_name` belongs to."""
        folder = posixpath.dirname(posixpath.dirname(rels_name))
        return posixpath.normpath(posixpath.join("/", folder, self.target)).lstrip("/")


def relations(data: bytes) -> Iterator[Relation]:
    """Read a .rels part."""
    for line in fromstring(data, forbid_dtd=True):
        yield Relation(
            id=line.get("Id", ""),
            type=line.get("Type", ""),
            target=line.get("Target", ""),
            external=line.get("TargetMode", "").lower() == "external",
        )


def rels_part(lines: Iterable[Relation]) -> bytes:
    """Write a .rels part anew."""
    outside = {True: " TargetMode='External'", False: ""}
    rows = "".join(
        f"<Relationship Id={quoteattr(line.id)} Type={quoteattr(line.type)} Target={quoteattr(line.target)}"
        f"{outside[line.external]}/>"
        for line in lines
    )
    return _part(f'<Relationships xmlns="{_RELATIONS}">{rows}</Relationships>')


@dataclass(frozen=True)
class Types:
    """What [Content_Types].xml says: the type of each suffix and of single parts, names in small letters."""

    suffixes: dict[str, str]
    parts: dict[str, str]

    @classmethod
    def of(cls, data: bytes) -> "Types":
        suffixes, parts = {}, {}
        for line in fromstring(data, forbid_dtd=True):
            if line.tag.endswith("}Default"):
                suffixes[line.get("Extension", "").lower()] = line.get("ContentType", "")
            elif line.tag.endswith("}Override"):
                parts[line.get("PartName", "").lstrip("/").lower()] = line.get("ContentType", "")
        return cls(suffixes, parts)

    def of_part(self, name: str) -> str:
        return self.parts.get(name.lower()) or self.suffixes.get(name.lower().rpartition(".")[2], "")

    def part(self, names: Iterable[str]) -> bytes:
        """Write the part anew, with lines for `names` and their suffixes only."""
        names = list(names)
        endings = {name.lower().rpartition(".")[2] for name in names}
        rows = [
            f"<Default Extension={quoteattr(suffix)} ContentType={quoteattr(kind)}/>"
            for suffix, kind in self.suffixes.items()
            if suffix in endings
        ] + [
            f"<Override PartName={quoteattr('/' + name)} ContentType={quoteattr(self.parts[name.lower()])}/>"
            for name in names
            if name.lower() in self.parts
        ]
        return _part(f'<Types xmlns="{_TYPES}">{"".join(rows)}</Types>')


_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


def _part(xml: str) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + xml.encode()
