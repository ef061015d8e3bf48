"""The bytes of attachments, apart from the messages that carry them: each content once, by its SHA-256."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError

from .vocabulary import ATTACHED

if TYPE_CHECKING:
    from .vocabulary import Part


class Blob(NamedTuple):
    """Bytes, and what they are."""

    media_type: str
    data: bytes

    @property
    def hash(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        from hashlib import sha256  # it loads OpenSSL

        return sha256(self.data).hexdigest()


def taken_out(parts: Iterable[Part]) -> tuple[tuple[Part, ...], dict[str, Blob]]:
    """Return parts as they are stored, with ``blob`` and ``size`` in place of ``data``; and the bytes by hash.

    The bytes of an attachment whose ``url`` is a ``data:`` address stand in it, and are taken out too.

    Raises
    ------
    SessionTypeError, SessionValueError
        ``data`` is neither bytes nor base64 text, or such an address holds no base64.
    """
    kept: list[Part] = []
    blobs: dict[str, Blob] = {}
    for part in parts:
        blob = _blob_in(part)
        if blob is None:
            kept.append(part)
            continue
        blobs[key := blob.hash] = blob
        gone = (*_OF_BYTES, "url") if part.get("data") is None else _OF_BYTES
        rest = {name: value for name, value in part.items() if name not in gone}
        kept.append({**rest, "media_type": blob.media_type, "blob": key, "size": len(blob.data)})
    return tuple(kept), blobs


def carry_bytes(parts: Iterable[Part]) -> bool:
    """Tell whether parts have bytes with them, or name some that are stored."""
    return any("data" in part or "blob" in part or _has_data_address(part) for part in parts)


def as_text(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return parts that are JSON: bytes under ``data`` as base64 text."""
    return tuple(
        {**part, "data": base64.b64encode(part["data"]).decode("ascii")}
        if isinstance(part.get("data"), bytes)
        else part
        for part in parts
    )


_OF_BYTES = ("data", "blob", "size")


def _blob_in(part: Part) -> Blob | None:
    """Return the bytes that a part has with it."""
    if part.get("data") is not None and part.get("media_type"):
        return Blob(str(part["media_type"]), bytes_of(part["data"]))
    return _of_address(part["url"]) if _has_data_address(part) else None


def _has_data_address(part: Part) -> bool:
    url = part.get("url")
    return part.get("type") in ATTACHED and isinstance(url, str) and url[:5].lower() == "data:"


def _of_address(url: str) -> Blob:
    from urllib.parse import unquote_to_bytes  # few addresses hold their bytes

    about, _, text = url[5:].partition(",")
    media_type, *options = about.split(";")
    data = unquote_to_bytes(text)
    if "base64" in (option.strip().lower() for option in options):
        try:
            data = base64.b64decode(data, validate=True)
        except binascii.Error:
            raise SessionValueError.of("url", url, "a data: address of base64") from None
    return Blob(media_type.strip().lower() or "text/plain", data)


def put_back(parts: Iterable[Part], blobs: Mapping[str, bytes]) -> tuple[Part, ...]:
    """Return stored parts with their bytes as base64 text under ``data``; those that are not there stay as they are."""
    return tuple(
        {**part, "data": base64.b64encode(data).decode("ascii")}
        if (data := blobs.get(str(part.get("blob")))) is not None
        else part
        for part in parts
    )


def hashes_in(parts: Iterable[Part]) -> list[str]:
    """Return the hashes of the bytes that parts stand for, each once."""
    return list(dict.fromkeys(str(part["blob"]) for part in parts if part.get("blob")))


def bytes_of(data: object) -> bytes:
    """Return the bytes of ``data`` of a part.

    Raises
    ------
    SessionTypeError, SessionValueError
        It is neither bytes nor base64 text.
    """
    if isinstance(data, bytes):
        return data
    if not isinstance(data, str):
        raise SessionTypeError.of("data", data, "bytes, or their base64 as text")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise SessionValueError.of("data", data, "bytes, or their base64 as text") from None


def salvaged(text: str) -> bytes:
    """Return the bytes of base64 that is damaged or in another alphabet, as far as they can be read."""
    known = "".join(re.findall(r"[A-Za-z0-9+/]+", text.replace("-", "+").replace("_", "/")))
    whole = known[:-1] if len(known) % 4 == 1 else known  # one character says nothing of a byte
    return base64.b64decode(whole + "=" * (-len(whole) % 4))
