"""What bytes are: known by how they begin, not by what they are called."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.errors import AttachmentError

if TYPE_CHECKING:
    from .attachment import AttachmentKind

_HTML = "text/html"
_SVG = "image/svg+xml"
_TEXTS = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "md": "text/markdown",
    "markdown": "text/markdown",
    "html": _HTML,
    "htm": _HTML,
    "xml": "text/xml",
    "json": "application/json",
    "ipynb": "application/json",
    "py": "text/x-python",
    "js": "text/javascript",
    "css": "text/css",
}
"""Ending of a name -> type of a text, which its bytes do not show."""
_BEGINNINGS: tuple[tuple[bytes, AttachmentKind, str], ...] = (
    (b"\x89PNG", "image", "image/png"),
    (b"\xff\xd8\xff", "image", "image/jpeg"),
    (b"GIF8", "image", "image/gif"),
    (b"II*\x00", "image", "image/tiff"),
    (b"MM\x00*", "image", "image/tiff"),
    (b"%PDF-", "file", "application/pdf"),
    (b"ID3", "audio", "audio/mpeg"),
    (b"\xff\xfb", "audio", "audio/mpeg"),
    (b"\xff\xf3", "audio", "audio/mpeg"),
    (b"\xff\xf2", "audio", "audio/mpeg"),
    (b"OggS", "audio", "audio/ogg"),
    (b"fLaC", "audio", "audio/flac"),
    (b"\x1aE\xdf\xa3", "file", "video/webm"),
    (b"{\\rtf", "file", "application/rtf"),
)
_RIFF: dict[bytes, tuple[AttachmentKind, str]] = {
    b"WEBP": ("image", "image/webp"),
    b"WAVE": ("audio", "audio/wav"),
}
_BRANDS: dict[bytes, tuple[AttachmentKind, str]] = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"), ("image", "image/heic")),
    **dict.fromkeys((b"avif", b"avis"), ("image", "image/avif")),
    **dict.fromkeys((b"M4A ", b"M4B "), ("audio", "audio/mp4")),
}
"""What an ISO media file says it is; all others are films."""
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OFFICE_FOLDERS = {
    "word/": f"{_OFFICE}.wordprocessingml.document",
    "xl/": f"{_OFFICE}.spreadsheetml.sheet",
    "ppt/": f"{_OFFICE}.presentationml.presentation",
}
_OLD_OFFICE_MARK = b"\xd0\xcf\x11\xe0"
_OLD_OFFICE = {
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
}
_DOCUMENT = re.compile(r"application/[A-Za-z0-9.+-]+")
_LONGEST_TYPE = 100
_BMP_HEADER = 14
_WITHOUT_WORDS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""What no text holds: control characters except for white space and the escape of terminals."""
_XML_HEAD = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE[^>[]*(?:\[.*?\]\s*)?>\s*)*", re.DOTALL | re.IGNORECASE
)
_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_LINEAR_PAGES = re.compile(rb"/Linearized.{0,200}?/N (\d{1,6})\b", re.DOTALL)
_MOST_JSON = 1_000_000


class Media(NamedTuple):
    """What bytes are."""

    kind: AttachmentKind
    media_type: str
    data: bytes
    note: str | None = None


def media_of(data: bytes, name: str | None, called: str) -> Media:
    """Return what bytes are.

    Parameters
    ----------
    name : str, optional
        What they are called: it only says what kind of text a text is.
    called : str
        What to call them in an error.

    Raises
    ------
    AttachmentError
        They are of a type that no model takes.
    """
    found = _binary(data, name, called)
    return Media(*found, data) if found is not None else _text(data, name, called)


def image_in(data: bytes) -> Media | None:
    """Return which image bytes begin as, or that they are an SVG, which is a file; None for all else."""
    found = _known(data)
    if found is None and _markup(data[:4096].decode("utf-8", "replace").removeprefix("\ufeff")) == _SVG:
        found = "file", _SVG
    return Media(*found, data) if found is not None and found[1].startswith("image/") else None


def pages_of(data: bytes) -> int | None:
    """Return how many pages a PDF has, as far as that can be seen without unpacking it."""
    if linear := _LINEAR_PAGES.search(data[:1024]):
        return int(linear[1])
    return len(_PAGE.findall(data)) or None


def is_page(data: bytes) -> bool:
    """Tell whether bytes are a web page."""
    return _markup(data[:4096].decode("utf-8", "replace").removeprefix("\ufeff")) == _HTML


def _known(data: bytes) -> tuple[AttachmentKind, str] | None:
    """Return what bytes are that say so by themselves."""
    for beginning, kind, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            return kind, media_type
    if data.startswith(b"RIFF") and data[8:12] in _RIFF:
        return _RIFF[data[8:12]]
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], ("file", "video/mp4"))
    if data.startswith(b"BM") and len(data) > _BMP_HEADER and not any(data[6:10]):
        return "image", "image/bmp"
    return None


def _binary(data: bytes, name: str | None, called: str) -> tuple[AttachmentKind, str] | None:
    if (found := _known(data)) is not None:
        return found
    if data.startswith(_OLD_OFFICE_MARK):
        return "file", _old_office(name, called)
    return ("file", _packed(data, called)) if data.startswith(b"PK\x03\x04") else None


def _old_office(name: str | None, called: str) -> str:
    """Return which document of an office of before 2007 it is: only its name says."""
    found = _OLD_OFFICE.get((name or "").rpartition(".")[2].lower()[:3])
    if found is None:
        raise _of_no_type(called)
    return found


def _packed(data: bytes, called: str) -> str:
    """Return which kind of office document an archive is."""
    from zipfile import ZipFile

    try:
        with ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if names[:1] == ["mimetype"] and archive.getinfo("mimetype").file_size < _LONGEST_TYPE:
                names, told = [], archive.read("mimetype").decode("ascii").strip()
                if _DOCUMENT.fullmatch(told):
                    return told
    except Exception:  # noqa: BLE001 - a broken one fails in the ways of zipfile, zlib, lzma and struct
        raise AttachmentError(
            f"{called} is a broken file: it begins as an archive or an office document, and cannot be unpacked. "
            "Get a complete copy of it."
        ) from None
    found = next(
        (kind for folder, kind in _OFFICE_FOLDERS.items() if any(n.startswith(folder) for n in names)), None
    )
    if found is None or "[Content_Types].xml" not in names:
        raise AttachmentError(
            f"{called} is an archive, which no model accepts. Unpack it, and attach what is in it."
        )
    return found


def _text(data: bytes, name: str | None, called: str) -> Media:
    note = None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            data, note = data.decode("utf-16").encode(), "converted to UTF-8"
        except UnicodeError:
            raise _of_no_type(called) from None
    if _WITHOUT_WORDS.search(data):
        raise _of_no_type(called)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < 1 and len(data) < 2:  # noqa: PLR2004 - a byte or two say nothing
            raise _of_no_type(called) from None
        raise AttachmentError(
            f"{called} is not of a type that models accept, and is not UTF-8 text either (see byte {error.start}). "
            "If it is text, save it as UTF-8."
        ) from None
    # Also an SVG is a file, and no image: a page that shows it as one may run what is written in it.
    return Media("file", _markup(text) or _of_name(text, name), data, note)


def _of_no_type(called: str) -> AttachmentError:
    return AttachmentError(
        f"{called} is of a type that no model accepts. Images, PDF and office documents, audio, and UTF-8 text "
        "can be attached."
    )


def _markup(text: str) -> str | None:
    """Return which kind of markup a text is; None for other texts."""
    head = _XML_HEAD.match(text[:4096])
    at = head.end() if head else 0
    tag = text[at : at + 6].lower()
    if tag.startswith("<svg"):
        return _SVG
    if tag.startswith(("<html", "<head", "<body")) or text[:at].lower().find("<!doctype html") >= 0:
        return _HTML
    return "text/xml" if text.lstrip().startswith("<?xml") else None


def _of_name(text: str, name: str | None) -> str:
    ending = (name or "").rpartition(".")[2].lower() if "." in (name or "") else ""
    claimed = _TEXTS.get(ending)
    if claimed is None and text.lstrip()[:1] in ("{", "[") and len(text) <= _MOST_JSON and _is_json(text):
        return "application/json"
    return claimed or "text/plain"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
