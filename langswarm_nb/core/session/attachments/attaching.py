"""`attach`: turns what a user hands over into an `Attachment`."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from langswarm_nb.core.session.errors import AttachmentError, shown
from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.parts.checking import checked_parts
from langswarm_nb.core.session.parts.twins import name_of, size_text
from langswarm_nb.core.session.parts.vocabulary import ATTACHED, Part
from langswarm_nb.core.session.text import class_name, did_you_mean, nearest, one_line

from .addresses import bytes_in, checked_address, kind_in, name_in, scheme_of
from .attachment import Attachment, Detail
from .media import image_in, media_of, pages_of
from .objects import Found, bytes_of_value
from .photo_place import without_location
from .pictures import pixels_of

MAX_BYTES = 20_000_000
"""Size limit of one attachment, in bytes."""
MAX_BYTES_TOGETHER = 50_000_000
"""Size limit of all attachments of one message, in bytes."""
_DETAILS = ("low", "high")
_STORED = ("media_type", "blob", "size", "width", "height", "pages", "note")
_NAME_CHARS = 200
_FOLDERS = re.compile(r"\A.*(?:/|\\(?!u\{))", re.DOTALL)
r"""What stands before a name; ``\u{1b}`` is in a name that was made one line before."""
_NAMES_LOOKED_AT = 1000


def attach(obj: object, *, name: str | None = None, detail: Detail | None = None) -> Attachment:
    """Return something as an attachment: it is checked now, and stored and sent with its message.

    Parameters
    ----------
    obj : object
        A path; an ``https`` or ``data:`` address; bytes; a figure or axes of matplotlib; an image of Pillow; an array
        of pixels (uint8); a frame or series, which goes as CSV; an ``Image`` or ``Audio`` of IPython; any
        object that displays as PNG or JPEG; an attachment, or a message's part that was one.
    name : str, optional
        Its name; by default the name of its file.
    detail : {"low", "high"}, optional
        How closely the model should look at an image, where this can be chosen.

    Raises
    ------
    AttachmentError
        It has a type that no model takes, is broken, empty or too large, or cannot be read.

    Examples
    --------
    ::

        session.stream_message("What does it show?", attachments=[attach(figure, name="sales.png")])
    """
    if detail is not None and detail not in _DETAILS:
        raise AttachmentError(f"detail={shown(detail)} is not allowed: it is 'low' or 'high'.")
    if name is not None and not isinstance(name, str):
        raise AttachmentError(f"name must be text (str), not {class_name(name)}.")
    if isinstance(obj, Attachment):
        return _changed(obj, name, detail)
    if isinstance(obj, Mapping):
        return _of_part(obj, name, detail)
    if isinstance(obj, (str, os.PathLike)):
        return _of_text(os.fspath(obj), name, detail)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return of_bytes(bytes(obj), name, detail)
    found = bytes_of_value(obj)
    if found is None:
        raise AttachmentError(
            f"An object of type {class_name(obj)} cannot be attached. Paths, https addresses, bytes, "
            "figures, images and frames can. Save it to a file, or put it into the prompt as text."
        )
    return _of_found(found, name, detail)


def of_bytes(
    data: bytes, name: str | None = None, detail: Detail | None = None, *, note: str | None = None
) -> Attachment:
    """Return bytes as an attachment.

    Raises
    ------
    AttachmentError
        They have a type that no model takes, or are broken, empty or too large.
    """
    name = _one_name(name)
    called = _called(name)
    if not data:
        raise _empty(called)
    if len(data) > MAX_BYTES:
        raise _too_large(called, len(data))
    media = media_of(data, name, called)
    pixels = pixels_of(data, media.media_type, called)
    notes = [note, media.note]
    if media.media_type == "image/jpeg":
        clean = without_location(data)
        notes += ["location removed"] if clean is not data else []
        data = clean
    else:
        data = media.data
    return Attachment(
        media.kind,
        media.media_type,
        data,
        name=name,
        detail=detail if media.kind == "image" else None,
        width=pixels and pixels.width,
        height=pixels and pixels.height,
        pages=pages_of(data) if media.media_type == "application/pdf" else None,
        note=", ".join(filter(None, notes)) or None,
    )


def check_bytes(part: Part) -> None:
    """Check a part that did not come from `attach`, and whose bytes and media type somebody wrote into it.

    The media type is believed where the bytes do not say otherwise. Size is left to the storage, which has a bound
    of its own.

    Raises
    ------
    AttachmentError
        There are no bytes, or they are a broken image, or an image of another type.
    SessionTypeError, SessionValueError
        They are neither bytes nor their base64 as text.
    """
    data, told = bytes_of(part["data"]), str(part["media_type"]).partition(";")[0].strip().lower()
    called = _called(_one_name(part.get("name")))
    if not data:
        raise _empty(called)
    found = image_in(data)
    if found is None:
        return
    pixels_of(data, found.media_type, called)
    if (part["type"], told.replace("/jpg", "/jpeg")) != (found.kind, found.media_type):
        raise AttachmentError(
            f"{called} is {found.media_type}, a part of type {found.kind!r}, but says that it is {shown(told)} of type "
            f"{part['type']!r}. Correct it, or pass its bytes in attachments=[…], which finds out what they are."
        )


def _called(name: str | None) -> str:
    return shown(name) if name else "What was to be attached"


def _empty(called: str) -> AttachmentError:
    return AttachmentError(f"{called} is empty: there is nothing to attach.")


def check_together(parts: Sequence[Part]) -> None:
    """Check that the attachments of one message are not too large together.

    Raises
    ------
    AttachmentError
        They are.
    """
    size = sum(part.get("size") or 0 for part in parts)
    if size > MAX_BYTES_TOGETHER:
        raise AttachmentError(
            f"The attachments are {size_text(size)} together, more than the {size_text(MAX_BYTES_TOGETHER)} that a "
            "message takes. Send them with several messages, or make them smaller."
        )


def _changed(old: Attachment, name: str | None, detail: Detail | None) -> Attachment:
    detail = detail if detail is not None and old.kind == "image" else old.detail
    return replace(old, name=_one_name(name) or old.name, detail=detail)


def _of_part(part: Mapping[str, object], name: str | None, detail: Detail | None) -> Attachment:
    if part.get("type") not in ATTACHED:
        raise AttachmentError(
            f"{shown(dict(part))} is not an attachment: its type must be one of {', '.join(ATTACHED)}."
        )
    name = name or (name_of(part) if part.get("name") else None)
    if part.get("detail") in _DETAILS:
        detail = detail or part["detail"]  # type: ignore[assignment]  # one of them
    if part.get("data") is not None:
        try:
            data = bytes_of(part["data"])
        except (TypeError, ValueError):
            raise AttachmentError("The data of the part is neither bytes nor their base64 as text.") from None
        return of_bytes(data, name, detail)
    if isinstance(part.get("url"), str) and not part.get("blob"):
        return _of_address(str(part["url"]), name, detail)
    checked_parts([part])
    known = {key: part[key] for key in _STORED if part.get(key) is not None}
    return Attachment(part["type"], name=_one_name(name), detail=detail, **known)  # type: ignore[arg-type]  # checked


def _of_text(text: str | bytes, name: str | None, detail: Detail | None) -> Attachment:
    text = os.fsdecode(text)
    if not text.strip():
        raise AttachmentError(
            "An empty text names nothing to attach. Write the path of a file, or an https address."
        )
    scheme = scheme_of(text)
    if scheme == "data":
        return of_bytes(bytes_in(text), name, detail)
    if scheme is not None and text.startswith("//", len(scheme) + 1):
        return _of_address(text, name, detail)
    path = Path(text).expanduser() if text.startswith("~") else Path(text)
    return of_bytes(_read(path), name or path.name, detail)


def _of_address(text: str, name: str | None, detail: Detail | None) -> Attachment:
    url = checked_address(text)
    kind = kind_in(url)
    return Attachment(
        kind, url=url, name=_one_name(name or name_in(url)), detail=detail if kind == "image" else None
    )


def _of_found(found: Found, name: str | None, detail: Detail | None) -> Attachment:
    if found.data is None:
        return _of_text(str(found.source), name, detail)
    return of_bytes(found.data, name or found.name or None, detail)


def _read(path: Path) -> bytes:
    """Return the bytes of a file."""
    called = shown(str(path))
    try:
        status = path.stat()
        if (refusal := _not_to_be_read(status, called)) is None:
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        refusal = AttachmentError(f"There is no file {called}{_near(path)}")
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        refusal = AttachmentError(f"{called} cannot be read: {reason[:1].lower()}{reason[1:]}.")
    raise refusal


def _not_to_be_read(status: os.stat_result, called: str) -> AttachmentError | None:
    if stat.S_ISDIR(status.st_mode):
        return AttachmentError(f"{called} is a folder. Attach the files in it one by one.")
    if not stat.S_ISREG(status.st_mode):
        return AttachmentError(f"{called} is not a file that can be read to its end.")
    return _too_large(called, status.st_size) if status.st_size > MAX_BYTES else None


def _near(path: Path) -> str:
    """Return the end of the sentence that a file is missing: the file of the folder that is meant perhaps."""
    folder = path.parent
    try:
        names = [other.name for other in islice(folder.iterdir(), _NAMES_LOOKED_AT)]
    except OSError:
        return f": there is no folder {shown(str(folder))} either." if not folder.exists() else "."
    # By themselves endings make any two pictures alike, and a hidden file is seldom meant.
    names = [name for name in names if nearest(path.stem, [Path(name).stem])]
    names = [name for name in names if not name.startswith(".") or path.name.startswith(".")]
    return did_you_mean(path.name, names) or f" in {shown(str(folder.resolve()))}."


def _too_large(called: str, size: int) -> AttachmentError:
    return AttachmentError(
        f"{called} is {size_text(size)}, more than the {size_text(MAX_BYTES)} that can be attached. "
        "Make it smaller, or attach a part of it."
    )


def _one_name(name: str | None) -> str | None:
    """Return a name on one line, without the folders before it."""
    return one_line(_FOLDERS.sub("", name) or name, _NAME_CHARS) if name else None
