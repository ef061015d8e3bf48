"""Attachments as the page shows them: small JSON; the page asks for pictures and bytes when they are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.parts.blobs import Blob, bytes_of
from langswarm_nb.core.session.parts.twins import facts_of, name_of
from langswarm_nb.core.session.text import one_line
from langswarm_nb.render.links import web_address
from langswarm_nb.render.thumbnails import picture_type, thumbnail

if TYPE_CHECKING:
    from langswarm_nb.core.session import BaseSession, SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part

_MAX_NOTE_CHARS = 200
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What a page shows as a picture."""


def chip(part: Part, hash_: str | None = None) -> dict[str, Any]:
    """Return an attachment for the page.

    Parameters
    ----------
    part : Part
        As a message carries it.
    hash_ : str, optional
        SHA-256 of its bytes, where the part does not have it.
    """
    key = part.get("blob") or hash_
    told: dict[str, Any] = {
        "kind": part["type"],
        "name": name_of(part) or part["type"],
        "facts": " · ".join(facts_of(part)),
        **({"note": one_line(str(part["note"]), _MAX_NOTE_CHARS)} if part.get("note") else {}),
    }
    if key is not None:
        told |= {"hash": key, "picture": part.get("media_type") in PICTURES}
    elif address := web_address(part.get("url")):
        told["url"] = address
    return told


def chips(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return the attachments of a message for the page."""
    return [chip(part, _hash_of(part)) for part in parts]


async def read_bytes(session: BaseSession, path: Iterable[SessionMessage], hash_: str) -> bytes:
    """Return the bytes of an attachment of a conversation.

    Raises
    ------
    SessionNotFoundError
        No message of the session carries it.
    """
    for message in path:
        for part in message.attachments:
            if part.get("data") is not None and _hash_of(part) == hash_:  # of a reply that is not stored
                return bytes_of(part["data"])
    return await session.read_attachment(hash_)


async def small_picture(data: bytes, hash_: str) -> tuple[str, bytes] | None:
    """Return a small picture of an attachment; None where there is none."""
    media_type = picture_type(data)
    if media_type is None:
        return None
    return await asyncio.to_thread(thumbnail, data, media_type, key=hash_)


def _hash_of(part: Part) -> str | None:
    if part.get("data") is None:
        return None
    return Blob(str(part["media_type"]), bytes_of(part["data"])).hash
