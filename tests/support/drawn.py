"""Pictures as bytes, of any kind and size, made without drawing much."""

from __future__ import annotations

import io
import os
import struct
import zlib

from PIL import Image


def picture(
    form: str = "PNG", size: tuple[int, int] = (40, 30), *, mode: str = "RGB", noise: bool = False
) -> bytes:
    """Return a picture; of noise it has many bytes."""
    if noise:
        drawn = Image.frombytes(mode, size, os.urandom(size[0] * size[1] * len(mode)))
    else:
        drawn = Image.new(mode, size, (200, 30, 60, 128)[: len(mode)])
    file = io.BytesIO()
    drawn.save(file, form)
    return file.getvalue()


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """Return a PNG of few bytes and very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 50_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
