"""What a reader can do with attachments: send a file in pieces, take it away, look at one.

Bytes travel as buffers beside the JSON of a message, under the name ``buffers`` in both directions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import SessionValueError
from langswarm_nb.render.thumbnails import picture_type

from .attachment_chips import read_bytes, small_picture

if TYPE_CHECKING:
    from .widget import ChatPanel

Content = dict[str, Any]
_HASH_CHARS = 64


async def _attach_begin(panel: ChatPanel, content: Content) -> Content:
    done = await panel.tray.begin(
        _session_of(content), content.get("id"), content.get("name"), content.get("size"), content.get("view")
    )
    return _told(panel, done=done)


async def _attach_piece(panel: ChatPanel, content: Content) -> Content:
    done = await panel.tray.piece(
        _session_of(content), content.get("id"), content.get("at"), content.get("buffers") or []
    )
    return _told(panel, done=done)


async def _attach_remove(panel: ChatPanel, content: Content) -> None:
    panel.tray.remove(_session_of(content), content.get("id"))
    panel.show_tray()


async def _thumbnail(panel: ChatPanel, content: Content) -> Content:
    hash_, data = await _read(panel, content)
    small = await small_picture(data, hash_)
    return {} if small is None else {"mediaType": small[0], "buffers": [small[1]]}


async def _bytes(panel: ChatPanel, content: Content) -> Content:
    _, data = await _read(panel, content)
    return {"mediaType": picture_type(data) or "application/octet-stream", "buffers": [data]}


ATTACHMENT_ACTIONS: dict[str, Callable[[ChatPanel, Content], Awaitable[Content | None]]] = {
    "attach_begin": _attach_begin,
    "attach_piece": _attach_piece,
    "attach_remove": _attach_remove,
    "thumbnail": _thumbnail,
    "bytes": _bytes,
}


def _told(panel: ChatPanel, *, done: bool) -> Content:
    if done:
        panel.show_tray()
    return {"done": done}


async def _read(panel: ChatPanel, content: Content) -> tuple[str, bytes]:
    hash_ = content.get("hash")
    if not isinstance(hash_, str) or len(hash_) != _HASH_CHARS:
        raise SessionValueError.of("hash", hash_, "the hash of an attachment")
    there = panel.tray.find(hash_)
    if there is not None and there.data is not None:
        return hash_, there.data
    return hash_, await read_bytes(panel.session, panel.feed.path, hash_)


def _session_of(content: Content) -> str:
    """Return the session of a draft: the reader may have gone on to another one meanwhile."""
    session_id = content.get("session")
    if not isinstance(session_id, str):
        raise SessionValueError.of("session", session_id, "the id of a session")
    return session_id
