"""What can be seen of attachments: their thumbnails, and the pictures of an answer, read when they are shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from langswarm_nb.core.session.errors import SessionError
from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.render.thumbnails import MAX_THUMBNAIL_BYTES, SIDE_PX, is_picture, made_before, thumbnail

if TYPE_CHECKING:
    from langswarm_nb.core.session import BaseSession, SessionMessage

__all__ = ["MAX_AUDIO_BYTES", "MAX_PICTURE_BYTES", "Bytes", "seen_in", "thumbs_of"]

Bytes = tuple[str, bytes]
"""A media type, and bytes that are of it."""
MAX_AUDIO_BYTES = 64_000
"""A longer recording is not put into a page."""
MAX_PICTURE_BYTES = 1_000_000
"""A larger picture of an answer is shown as its thumbnail."""
_MAX_THUMBS = 100
_PICTURES = ("image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp")

logger: logging.Logger = logging.getLogger(__name__)


async def seen_in(session: BaseSession, question: SessionMessage, answer: SessionMessage) -> dict[str, Bytes]:
    """Return what a cell shows of attachments, by their hashes: thumbnails, and pictures of the answer as they are."""
    seen = await thumbs_of(session, [*question.attachments, *answer.attachments])
    left = 2 * MAX_PICTURE_BYTES
    for part in answer.attachments:
        size = part.get("size")
        if not _is_picture(part) or size is None or size > min(left, MAX_PICTURE_BYTES):
            continue
        data = await _read(session, part)
        if data is not None and is_picture(data, str(part["media_type"])):
            seen[str(part["blob"])] = str(part["media_type"]).lower().replace("image/jpg", "image/jpeg"), data
            left -= size
    return seen


async def thumbs_of(
    session: BaseSession,
    parts: Iterable[Part],
    *,
    side: int = SIDE_PX,
    most_bytes: int = MAX_THUMBNAIL_BYTES,
    count: int = _MAX_THUMBS,
) -> dict[str, Bytes]:
    """Return thumbnails by the hashes of attachments, and short recordings; of what cannot be read there are none.

    Parameters
    ----------
    session : BaseSession
        Whose messages carry them.
    parts : iterable of Part
        Those that are shown.
    side, most_bytes : int
        Pixels and bytes of each.
    count : int
        How many at most: the first of them.
    """
    seen: dict[str, Bytes] = {}
    for key, part in _different(parts, count):
        if known := made_before(key, side=side, most_bytes=most_bytes):
            found = known[0]
        elif (data := await _read(session, part)) is None:
            continue
        elif part["type"] == "audio":
            found = (str(part["media_type"]), data)
        else:
            how = {"side": side, "most_bytes": most_bytes}
            found = await asyncio.to_thread(thumbnail, data, str(part["media_type"]), key=key, **how)
        if found is not None:
            seen[key] = found
    return seen


def _different(parts: Iterable[Part], count: int) -> Iterator[tuple[str, Part]]:
    """Yield attachments of which something can be shown, each content once."""
    found = {
        str(part["blob"]): part
        for part in parts
        if part.get("blob") and (_is_picture(part) or _is_short(part))
    }
    yield from list(found.items())[:count]


def _is_picture(part: Part) -> bool:
    return part["type"] == "image" and str(part.get("media_type")).lower() in _PICTURES


def _is_short(part: Part) -> bool:
    size = part.get("size")
    return part["type"] == "audio" and size is not None and size <= MAX_AUDIO_BYTES


async def _read(session: BaseSession, part: Part) -> bytes | None:
    if part.get("data") is not None:
        return bytes_of(part["data"])
    try:
        return await session.read_attachment(str(part["blob"]))
    except SessionError:
        logger.warning("An attachment cannot be shown: its bytes are not there.", exc_info=True)
        return None
