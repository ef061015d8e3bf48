"""Thumbnails: pictures small enough to stand in a page, made when they are shown."""

from __future__ import annotations

import io
import struct
import warnings
from collections import OrderedDict
from threading import Lock

__all__ = ["MAX_THUMBNAIL_BYTES", "SIDE_PX", "is_picture", "made_before", "picture_type", "thumbnail"]

SIDE_PX = 320
MAX_THUMBNAIL_BYTES = 64_000
_MAX_AS_IS_BYTES = 20_000
_MAX_AS_IS_PIXELS = 25_000_000
"""A browser holds four bytes for each pixel, however few bytes the file has."""
_MAX_PIXELS = 50_000_000
_SMALLER = (1.0, 0.6, 0.375)
_QUALITY = 80
_GROUND = "white"
"""Behind what is transparent where the form has no transparency."""

_KEPT = 512
_KEPT_BYTES = 8_000_000

Thumbnail = tuple[str, bytes]


def thumbnail(
    data: bytes,
    media_type: str,
    *,
    side: int = SIDE_PX,
    most_bytes: int = MAX_THUMBNAIL_BYTES,
    key: str | None = None,
) -> Thumbnail | None:
    """Return a picture that is small in pixels and bytes, as its media type and its bytes.

    A picture that has few bytes is returned as it is; another one needs Pillow.

    Parameters
    ----------
    data
        A PNG, JPEG, GIF or WebP. Of anything else, of SVG as well, there is no thumbnail.
    media_type
        What it is said to be; what its first bytes say has to be the same.
    side
        Pixels, of the longer side.
    most_bytes
        Size of what is returned; what has at most a third of that is returned as it is.
    key
        SHA-256 of the bytes in hexadecimal, if it is known: what was made before is returned at once.

    Returns
    -------
    tuple of str and bytes, or None
        None where none can be made: no picture, a broken one, one of too many pixels, no Pillow.
    """
    if len(data) <= min(_MAX_AS_IS_BYTES, most_bytes) and is_picture(data, media_type):
        return _usual(media_type), data
    found = picture_type(data)
    if found is None or found != _usual(media_type):
        return None
    if key is None:
        from hashlib import sha256  # it loads OpenSSL

        key = sha256(data).hexdigest()
    return _MADE.get_or_make((key, side, most_bytes), data, found)


def made_before(
    key: str, *, side: int = SIDE_PX, most_bytes: int = MAX_THUMBNAIL_BYTES
) -> tuple[()] | tuple[Thumbnail | None]:
    """Return what `thumbnail` made of bytes of this SHA-256, in a tuple of one; an empty one when it is not known."""
    return _MADE.get((key, side, most_bytes))


def is_picture(data: bytes, media_type: str) -> bool:
    """Tell whether a page may show bytes as they are: of the type that they are said to be, of not too many pixels."""
    found = picture_type(data)
    return found is not None and found == _usual(media_type) and _pixels(data, found) <= _MAX_AS_IS_PIXELS


def picture_type(data: bytes) -> str | None:
    """Return the media type of a picture that a page may show, known by its first bytes; None for all else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _usual(media_type: str) -> str:
    return media_type.lower().replace("image/jpg", "image/jpeg")


class _Made:
    """Thumbnails that were made, the latest used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int], Thumbnail | None] = OrderedDict()
        self._size_bytes = 0
        self._lock = Lock()

    def get(self, key: tuple[str, int, int]) -> tuple[()] | tuple[Thumbnail | None]:
        with self._lock:
            if key not in self._kept:
                return ()
            self._kept.move_to_end(key)
            return (self._kept[key],)

    def get_or_make(self, key: tuple[str, int, int], data: bytes, media_type: str) -> Thumbnail | None:
        if known := self.get(key):
            return known[0]
        made = _made(data, media_type.removeprefix("image/").upper(), *key[1:])
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._size_bytes += _size(made)
            while len(self._kept) > _KEPT or self._size_bytes > _KEPT_BYTES:
                self._size_bytes -= _size(self._kept.popitem(last=False)[1])
        return made


_MADE = _Made()


def _size(made: Thumbnail | None) -> int:
    return 0 if made is None else len(made[1])


def _made(data: bytes, form: str, side: int, most_bytes: int) -> Thumbnail | None:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; the bound on pixels is below
            picture = Image.open(io.BytesIO(data), formats=[form])
            if picture.width * picture.height > _MAX_PIXELS:
                return None
            picture.draft("RGB", (side, side))  # of a JPEG only as much as is needed is decoded
            picture.thumbnail((side, side))
            upright = ImageOps.exif_transpose(picture)
            return _fitting(upright, side, most_bytes, lines=form in {"PNG", "GIF"})
    except Exception:  # noqa: BLE001 - what a broken file makes Pillow raise has no bounds
        return None


def _fitting(picture: object, side: int, most_bytes: int, *, lines: bool) -> Thumbnail | None:
    """Return the largest form that fits: of drawings a PNG where it is small enough, else a JPEG."""
    has_holes = picture.has_transparency_data  # type: ignore[attr-defined]
    sharp = picture.convert("RGBA" if has_holes else "RGB")  # type: ignore[attr-defined]
    for share in _SMALLER:
        smaller = sharp.copy()
        smaller.thumbnail((max(1, int(side * share)),) * 2)
        if lines or has_holes:
            png = _written(smaller, "PNG", optimize=True)
            if len(png) <= (most_bytes if has_holes else most_bytes // 2):
                return "image/png", png
        jpeg = _written(_on_ground(smaller), "JPEG", quality=_QUALITY, optimize=True)
        if len(jpeg) <= most_bytes and not has_holes:
            return "image/jpeg", jpeg
    return ("image/jpeg", jpeg) if len(jpeg) <= most_bytes else None


def _on_ground(picture: object) -> object:
    from PIL import Image

    if picture.mode != "RGBA":  # type: ignore[attr-defined]
        return picture
    ground = Image.new("RGB", picture.size, _GROUND)  # type: ignore[attr-defined]
    ground.paste(picture, mask=picture.getchannel("A"))  # type: ignore[arg-type, attr-defined]
    return ground


def _written(picture: object, form: str, **how: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **how)  # type: ignore[attr-defined]
    return file.getvalue()


def _pixels(data: bytes, media_type: str) -> int:
    """Return how many pixels a picture says it has; of a JPEG 0: few bytes cannot hold too many."""
    try:
        match media_type:
            case "image/png":
                width, height = struct.unpack(">II", data[16:24])
            case "image/gif":
                width, height = struct.unpack("<HH", data[6:10])
            case "image/webp":
                width, height = _webp_size(data)
            case _:
                return 0
    except struct.error:
        return _MAX_PIXELS + 1  # cut before it says that
    return int(width * height)


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        low, middle, width, height = *struct.unpack("<HB", data[24:27]), *struct.unpack("<HB", data[27:30])
        return (low | middle << 16) + 1, (width | height << 16) + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF
