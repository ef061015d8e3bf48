"""The part of the path that a panel shows, and the patches that keep the page's copy of it up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langswarm_nb.core.session import SessionMessage

from .live import LiveReply

FIRST_MESSAGES = 50
MORE_MESSAGES = 50
BEFORE_FOUND = 10
"""Messages that are shown before one that was looked for."""


class Window:
    """Where the shown part of a path begins; it stays there while the path grows at its end."""

    def __init__(self) -> None:
        self._first: str | None = None
        self._count = FIRST_MESSAGES

    def start(self, path: Sequence[SessionMessage]) -> int:
        """Return the index of the first message shown."""
        at = next((n for n in range(len(path) - 1, -1, -1) if path[n].id == self._first), None)
        if at is None:
            at = max(0, len(path) - self._count)
            self._first = path[at].id if path else None
        return at

    def open_at(self, path: Sequence[SessionMessage], message_id: str) -> bool:
        """Show a message, with what was said around it; False when it is not on the path."""
        at = next((n for n, message in enumerate(path) if message.id == message_id), None)
        if at is None:
            return False
        if at < self.start(path):
            self._first = path[max(0, at - BEFORE_FOUND)].id
        return True

    def open_earlier(self, path: Sequence[SessionMessage]) -> None:
        """Show more of what came before."""
        at = max(0, self.start(path) - MORE_MESSAGES)
        self._first = path[at].id if path else None
        self._count = max(self._count, len(path) - at)


def patch(
    old: Sequence[dict[str, Any]],
    new: Sequence[dict[str, Any]],
    *,
    streamed: LiveReply | None,
    live: LiveReply | None,
) -> dict[str, Any]:
    """Return what makes the new messages from the old ones.

    Parameters
    ----------
    old, new : sequence of dict
        Items, as `message_item` makes them.
    streamed : LiveReply, optional
        A reply that the page has streamed and that is among the new messages now: it is not sent again.
    live : LiveReply, optional
        The reply that arrives now.
    """
    known = {item["id"]: item for item in old}
    keep = 0
    while keep < min(len(old), len(new)) and old[keep]["id"] == new[keep]["id"]:
        keep += 1
    changed = [item for item in new if known.get(item["id"]) != item]
    return {
        "type": "patch",
        "keep": keep,
        "tail": [item["id"] for item in new[keep:]],
        "items": [_short(item, streamed) for item in changed],
        "live": None if live is None else live.state,
    }


def _short(item: dict[str, Any], streamed: LiveReply | None) -> dict[str, Any]:
    if streamed is None or streamed.id != item["id"] or item["html"] is None:
        return item
    packed = streamed.streamed(item["text"], item["html"])
    return item if packed is None else {**item, "text": "", "html": "", "streamed": packed}
