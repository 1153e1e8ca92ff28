"""What may stand in a printed document: the characters left when the invisible and the forbidden ones are gone."""

import re
import unicodedata

# Not allowed in XML 1.0 at all (controls, lone surrogates, U+FFFE/FFFF) …
_FORBIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
# … or allowed, but able to show a reader another order of letters than the one that is stored.
_TURNING = "\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
_UNPRINTABLE = re.compile(f"[{_FORBIDDEN}{_TURNING}]")
_ZERO_WIDTH = re.compile("[\u00ad\u180e\u200b-\u200d\u2060]")


def printable(text: str) -> str:
    """The text without control characters, lone surrogates and bidi controls; line ends become ``\\n``, tabs stay."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n"))


def normalised(text: str) -> str:
    """The text as one compares it: full-width letters made plain (NFKC), nothing invisible, no outer space."""
    return _ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", printable(text))).strip()


def width(text: str) -> float:
    """The length of a line in full-width characters: a Chinese character is 1, a Latin letter or digit 0.5."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WFA" else 0.5 for c in text)


def size_words(size: int) -> str:
    """A number of bytes as people say it: 35 KB, 1.2 MB."""
    return f"{size / 1024 / 1024:.1f} MB" if size >= 1024 * 1024 else f"{max(1, round(size / 1024))} KB"
