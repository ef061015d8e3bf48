"""Whether a picture is whole, and how large: seen in its structure, without unpacking it."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from langswarm_nb.core.session.errors import AttachmentError

MAX_PIXELS = 200_000_000
"""Whoever unpacks a picture of more runs out of memory."""


class Pixels(NamedTuple):
    """Width and height of a picture."""

    width: int
    height: int


class _Broken(Exception):  # noqa: N818 - never leaves this module
    """A picture is not whole; the text says how."""


def pixels_of(data: bytes, media_type: str, called: str) -> Pixels | None:
    """Return the size of a picture in pixels, once it is seen to be whole; None for a type that is not looked into.

    Raises
    ------
    AttachmentError
        It is broken, or it would be too large unpacked.
    """
    look = _LOOKS.get(media_type)
    if look is None:
        return None
    kind = media_type.partition("/")[2].upper()
    try:
        width, height = look(data)
        how = None if width and height else "it has no width or no height"
    except _Broken as error:
        how = str(error)
    except (struct.error, IndexError):
        how = "it ends too early"
    if how is not None:
        raise AttachmentError(
            f"{called} is a broken {kind}: {how}. Get a complete copy of it, or save it again."
        )
    if width * height > MAX_PIXELS:
        raise AttachmentError(
            f"{called} claims to have {width:,} times {height:,} pixels, more than the {MAX_PIXELS:,} that can be "
            "attached. Make it smaller."
        )
    return Pixels(width, height)


_PNG_MARK = b"\x89PNG\r\n\x1a\n"


def _png(data: bytes) -> tuple[int, int]:
    if not data.startswith(_PNG_MARK):
        raise _Broken("its first bytes are damaged")
    width, height = struct.unpack_from(">II", data, 16)
    at, kinds = len(_PNG_MARK), list[bytes]()
    while kinds[-1:] != [b"IEND"]:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise _Broken("it ends too early")
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise _Broken(f"the checksum of a part ({kind.decode('latin-1')!r}) is wrong")
        kinds.append(kind)
        at = end
    if kinds[0] != b"IHDR" or b"IDAT" not in kinds:
        raise _Broken("it contains no image")
    return width, height


_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = 0x21, 0x2C, 0x3B


def _gif(data: bytes) -> tuple[int, int]:
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        raise _Broken("its first bytes are damaged")
    width, height = struct.unpack_from("<HH", data, 6)
    at, images = 13 + _gif_colours(data[10]), 0
    while data[at] != _GIF_END:
        if data[at] == _GIF_IMAGE:
            images += 1
            at += 11 + _gif_colours(data[at + 9])
        elif data[at] == _GIF_EXTENSION:
            at += 2
        else:
            raise _Broken("its blocks are damaged")
        while data[at]:
            at += data[at] + 1
        at += 1
    if not images:
        raise _Broken("it contains no image")
    return width, height


def _gif_colours(flags: int) -> int:
    """Return how many bytes a table of colours has."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SCAN, _JPEG_END = 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Marks without a length."""
_NEXT_MARK = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""Where the coded picture ends: zeros and restarts belong to it."""


class JpegSegment(NamedTuple):
    """One piece of a JPEG: where it begins (at its 0xFF), its mark, and where it ends."""

    start: int
    mark: int
    end: int


def jpeg_segments(data: bytes) -> list[JpegSegment]:
    """Return the pieces of a JPEG up to its end mark, that included.

    Raises
    ------
    _Broken, IndexError, struct.error
        It is broken.
    """
    at, found = 2, list[JpegSegment]()
    while True:
        if data[at] != 0xFF:  # noqa: PLR2004
            raise _Broken("its parts are damaged")
        start = at
        while data[at] == 0xFF:  # noqa: PLR2004 - any number of them may stand before a mark
            at += 1
        mark, at = data[at], at + 1
        if mark == _JPEG_END:
            return [*found, JpegSegment(start, mark, at)]
        if mark in _ALONE:
            continue
        at += max(2, struct.unpack_from(">H", data, at)[0])
        if mark == _SCAN:
            scan = _NEXT_MARK.search(data, at)
            at = len(data) if scan is None else scan.start()
        found.append(JpegSegment(start, mark, at))


def _jpeg(data: bytes) -> tuple[int, int]:
    segments = jpeg_segments(data)
    frame = next((each for each in segments if each.mark in _FRAMES), None)
    if frame is None or not any(each.mark == _SCAN for each in segments):
        raise _Broken("it contains no image")
    height, width = struct.unpack_from(">HH", data, data.index(bytes([frame.mark]), frame.start) + 4)
    return width, height


def _webp(data: bytes) -> tuple[int, int]:
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise _Broken("it ends too early")
    at, size, has_picture = 12, (0, 0), False
    end = struct.unpack_from("<I", data, 4)[0] + 8
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise _Broken("it ends too early")
        has_picture |= kind in (b"VP8 ", b"VP8L", b"ANMF")
        if kind in _WEBP_SIZES and size == (0, 0):
            size = _WEBP_SIZES[kind](data[at + 8 : at + 18])
        at += 8 + length + length % 2
    if not has_picture:
        raise _Broken("it contains no image")
    return size


def _vp8(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", head, 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l(head: bytes) -> tuple[int, int]:
    bits = struct.unpack_from("<I", head, 1)[0]
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _vp8x(head: bytes) -> tuple[int, int]:
    return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1


_WEBP_SIZES: dict[bytes, Callable[[bytes], tuple[int, int]]] = {b"VP8 ": _vp8, b"VP8L": _vp8l, b"VP8X": _vp8x}
_LOOKS: dict[str, Callable[[bytes], tuple[int, int]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
}
