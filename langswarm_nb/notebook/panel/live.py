"""`LiveReply`: a reply while it arrives, and what its readers do not have yet of it."""

from __future__ import annotations

from typing import Any

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.render.incremental import StreamRenderer

MAX_CHARS = 8000
"""Most text of one delta: rendering it takes a few hundredths of a second."""


class LiveReply:
    """Turns the growing reply into deltas for the page.

    Lengths and positions count UTF-16 units, as JavaScript does.

    Parameters
    ----------
    reply_id : str
        Id the reply will have; empty before it is known.
    foreign : bool
        Whether a cell or other code asked, so that no panel can stop it.
    """

    def __init__(self, reply_id: str = "", *, foreign: bool = False) -> None:
        self.foreign = foreign
        self.note = ""
        """What is being waited for."""
        self.start(reply_id)

    def start(self, reply_id: str) -> None:
        """Begin with nothing."""
        self.id = reply_id
        self._text = ""
        self._thinking = ""
        self._length = 0
        self._thinking_length = 0
        self._blocks: list[str] = []
        self._settled = 0
        self._renderer = StreamRenderer()

    def goes_on_in(self, message: SessionMessage) -> bool:
        """Return whether a message begins with what was told: text may have turned out to be thinking."""
        return message.id == self.id and message.content.startswith(self._text)

    @property
    def state(self) -> dict[str, Any]:
        """All of it, for a page that starts with nothing."""
        return {
            "id": self.id,
            "text": self._text,
            "thinking": self._thinking,
            "blocks": list(self._blocks),
            "settled": self._settled,
            "foreign": self.foreign,
            "note": self.note,
        }

    def take(self, message: SessionMessage) -> dict[str, Any] | None:
        """Return what came since the last call, or the first part of it; None when nothing did."""
        text = message.content[len(self._text) : len(self._text) + MAX_CHARS]
        thinking = message.reasoning[len(self._thinking) : len(self._thinking) + MAX_CHARS]
        if not text and not thinking:
            return None
        delta = {
            "type": "delta",
            "id": self.id,
            "pos": self._length,
            "text": text,
            "thinking": thinking,
            "thinkingPos": self._thinking_length,
        }
        self._text += text
        self._length += js_length(text)
        self._thinking += thinking
        self._thinking_length += js_length(thinking)
        self._renderer.feed(text)
        before = len(self._blocks)
        new = [html] if (html := self._renderer.take_settled()) else []
        if new:
            self._blocks += new
            open_chars = self._renderer.open_chars
            self._settled = self._length - js_length(self._text[len(self._text) - open_chars :])
        return {**delta, "blocks": new, "blocksPos": before, "settled": self._settled}

    def html(self, text: str) -> str | None:
        """Return the HTML of the whole reply when ``text`` is all of it; what was rendered is not rendered again."""
        return self._renderer.finish() if text == self._text else None

    def streamed(self, text: str, html: str) -> dict[str, Any] | None:
        """Return how the page makes a message from what it has streamed; None when it cannot."""
        head = "".join(self._blocks)
        if text != self._text or not html.startswith(head):
            return None
        return {"length": self._length, "blocks": len(self._blocks), "rest": html[len(head) :]}


def js_length(text: str) -> int:
    """Return the length of a text as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
