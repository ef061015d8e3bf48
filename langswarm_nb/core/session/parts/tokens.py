"""About how many tokens attachments cost: services count each in their own way, and say so only afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .vocabulary import ATTACHED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .vocabulary import Part

CHARS_PER_TOKEN = 4
_MOST_CHARS = 2**40
"""A file may claim any number of pages."""

_IMAGE, _IMAGE_LOW = 1000, 100
_PAGE = 2000
_BYTES_PER_TOKEN = 4
_PDF_BYTES_PER_PAGE = 50_000
_SOUND_BYTES_PER_TOKEN = 1000
"""A second of an MP3 is some 16 kB, and some 10 to 32 tokens."""
_UNKNOWN = 1000


def tokens_of(part: Part) -> int:
    """Return about how many tokens a part costs beside the text of its message; 0 for what costs nothing more."""
    kind = part.get("type")
    if kind == "context":
        return _of_text(len(part["text"]))
    if kind == "image":
        return _IMAGE_LOW if part.get("detail") == "low" else _IMAGE
    return _of_bytes(part, _size(part)) if kind in ATTACHED else 0


def chars_of(content: str, parts: Iterable[Part]) -> int:
    """Return how many characters of text cost as much as a message does: its own, and for each part some more."""
    return min(_MOST_CHARS, len(content) + CHARS_PER_TOKEN * sum(map(tokens_of, parts)))


def _of_bytes(part: Part, size: int | None) -> int:
    if size is None:
        return _UNKNOWN
    if part["type"] == "audio":
        return max(1, size // _SOUND_BYTES_PER_TOKEN)
    if part.get("media_type") == "application/pdf":
        return _PAGE * (part.get("pages") or -(-size // _PDF_BYTES_PER_PAGE))
    return _of_text(size)


def _of_text(size: int) -> int:
    return -(-size // _BYTES_PER_TOKEN)


def _size(part: Part) -> int | None:
    if part.get("size") is not None:
        return int(part["size"])
    data = part.get("data")
    if isinstance(data, str):  # base64
        return len(data) * 3 // 4
    return None if data is None else len(data)
