"""The bytes of attachments, apart from the messages that carry them: each content once, by its SHA-256."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError

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
    """Return parts as they are stored, with ``blob`` and ``size`` in the place of ``data``; and the bytes by hash.

    Raises
    ------
    SessionTypeError, SessionValueError
        ``data`` is neither bytes nor base64 text.
    """
    kept: list[Part] = []
    blobs: dict[str, Blob] = {}
    for part in parts:
        if part.get("data") is None:
            kept.append(part)
            continue
        blob = Blob(str(part["media_type"]), bytes_of(part["data"]))
        blobs[key := blob.hash] = blob
        rest = {name: value for name, value in part.items() if name not in ("data", "blob", "size")}
        kept.append({**rest, "blob": key, "size": len(blob.data)})
    return tuple(kept), blobs


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
