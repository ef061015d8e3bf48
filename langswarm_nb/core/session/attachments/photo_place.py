"""Where a photograph was taken, taken out of it: nobody who asks what is on it means to reveal that as well."""

from __future__ import annotations

import struct

from .pictures import JpegSegment, jpeg_segments

_APP1, _JPEG_END, _SCAN = 0xE1, 0xD9, 0xDA
_EXIF, _XMP = b"Exif\x00\x00", b"http://ns.adobe.com/"
_ORIENTATION, _GPS = 0x0112, 0x8825
_SHORT = 3


def without_location(jpeg: bytes) -> bytes:
    """Return a whole JPEG without the place where it was taken; the same bytes when it names none.

    Of the data about the photograph only which side is up stays then: cameras write the place into more than one field.
    """
    segments = jpeg_segments(jpeg)
    kept = [_kept(jpeg, each) for each in segments]
    if all(text is None for text in kept):
        return jpeg
    # What stands behind the end mark may be another picture, with data of its own.
    pieces = (
        jpeg[each.start : each.end] if text is None else text
        for each, text in zip(segments, kept, strict=True)
    )
    return jpeg[:2] + b"".join(pieces)


def _kept(jpeg: bytes, segment: JpegSegment) -> bytes | None:
    """Return what takes the place of a piece of a JPEG; None for the piece itself."""
    if segment.mark != _APP1:
        return None
    body = jpeg[segment.start : segment.end].lstrip(b"\xff")[3:]
    if body.startswith(_XMP):
        return b"" if b"GPS" in body else None
    if not body.startswith(_EXIF):
        return None
    try:
        fields = _fields(body[len(_EXIF) :])
    except (struct.error, ValueError):
        return b""  # not to be read, so nobody knows what it says
    if _GPS not in fields:
        return None
    return _exif_of(fields[_ORIENTATION]) if _ORIENTATION in fields else b""


def _fields(tiff: bytes) -> dict[int, int]:
    """Return the fields of the first directory: tag -> its first number."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        raise ValueError(tiff[:2])
    start = struct.unpack_from(f"{order}I", tiff, 4)[0]
    count = struct.unpack_from(f"{order}H", tiff, start)[0]
    found: dict[int, int] = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", tiff, at)
        found[tag] = struct.unpack_from(f"{order}{'H' if kind == _SHORT else 'I'}", tiff, at + 8)[0]
    return found


def _exif_of(orientation: int) -> bytes:
    """Return a piece that says which side is up, and nothing else."""
    tiff = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, _SHORT, 1, orientation & 0xFFFF, 0, 0)
    body = _EXIF + tiff
    return struct.pack(">BBH", 0xFF, _APP1, len(body) + 2) + body
