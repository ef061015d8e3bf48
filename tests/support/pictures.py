"""Small whole pictures and sounds, made without a library, for tests of attachments."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 4, height: int = 3, *, claims: tuple[int, int] | None = None) -> bytes:
    """Return a grey PNG; one that ``claims`` another size says so in its head alone."""
    head = struct.pack(">IIBBBBB", *(claims or (width, height)), 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    parts = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_part(*part) for part in parts)


def _png_part(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def gif(width: int = 4, height: int = 3) -> bytes:
    """Return the frame of a GIF with one image."""
    image = struct.pack("<BHHHHB", 0x2C, 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + image + b"\x3b"


def webp(width: int = 4, height: int = 3) -> bytes:
    """Return the frame of a lossless WebP."""
    body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(5)
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def jpeg(width: int = 4, height: int = 3, *more: bytes) -> bytes:
    """Return the frame of a JPEG, with more segments at its beginning."""
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + b"".join(more) + frame + scan + b"\xff\xd9"


def segment(mark: int, body: bytes) -> bytes:
    """Return one piece of a JPEG."""
    return struct.pack(">BBH", 0xFF, mark, len(body) + 2) + body


def exif(order: str, *, has_place: bool, orientation: int | None = 6) -> bytes:
    """Return what a camera writes into a JPEG: which side is up, its maker, and where it was."""
    fields = [(0x0112, 3, 1, orientation)] if orientation is not None else []
    fields += [(0x8825, 4, 1, 80)] if has_place else []
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(fields))
    made = b"".join(
        struct.pack(f"{order}HHI", tag, kind, count)
        + (struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value))
        for tag, kind, count, value in fields
    )
    tiff = (head + made + bytes(4)).ljust(80, b"\0")
    place = struct.pack(f"{order}HHHI4sI", 1, 1, 2, 2, b"N\0\0\0", 0) + b"PLACE-50-01-02"
    return segment(0xE1, b"Exif\0\0" + tiff + (place if has_place else b""))


def wav(seconds: float = 0.1) -> bytes:
    """Return silence."""
    sound = bytes(int(8000 * seconds) * 2)
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(sound)) + head + b"data" + struct.pack("<I", len(sound)) + sound
    )


def pdf(pages: int = 2) -> bytes:
    """Return the frame of a PDF."""
    leaves = b"".join(b"%d 0 obj << /Type /Page /Parent 1 0 R >> endobj\n" % n for n in range(2, pages + 2))
    return (
        b"%PDF-1.4\n1 0 obj << /Type /Pages /Count "
        + str(pages).encode()
        + b" >> endobj\n"
        + leaves
        + b"%%EOF\n"
    )
