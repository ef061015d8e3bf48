"""`LiveReply`: a reply while it arrives, and what its readers do not have yet of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.notebook.showing.answer_tables import GrowingValue
from langswarm_nb.render.incremental import StreamRenderer

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema

MAX_CHARS = 8000
"""Most text of one delta: rendering it takes a few hundredths of a second."""
_LONG_CHARS = 4000
"""Rendering an open end beyond that takes so long that it is better done beside the loop."""
_QUIET_LOOKS = 10
"""Looks without anything new after which what is held back of a long end is shown."""
_HTML_PER_CHAR = 4
_FREE_HTML_CHARS = 60_000
"""HTML of open ends may be so many times as long as the text, and so much longer: text that is made to change all of
its HTML with each letter is then shown block by block."""


class LiveReply:
    """Turns the growing reply into deltas for the page: its text, and what changed at the end of its HTML.

    The page takes a delta for the one after the last, by its number. Lengths and positions count UTF-16 units, as
    JavaScript does.

    Parameters
    ----------
    reply_id : str
        Id the reply will have; empty before it is known.
    foreign : bool
        Whether a cell or other code asked.
    schema : AnswerSchema, optional
        What the reply has to be; it is then a table that grows.
    """

    def __init__(
        self, reply_id: str = "", *, foreign: bool = False, schema: AnswerSchema | None = None
    ) -> None:
        self.foreign: bool = foreign
        self.schema: AnswerSchema | None = schema
        self.note = ""
        """What is being waited for."""
        self.start(reply_id)

    def start(self, reply_id: str) -> None:
        """Begin with nothing."""
        self.id = reply_id
        self._number = 0
        self._text = ""
        self._thinking = ""
        self._settled: list[str] = []
        self._settled_length = 0
        self._open = ""  # the HTML of the open end, as the page has it
        self._sent_chars = 0
        self._quiet_looks = 0
        self._renderer = StreamRenderer() if self.schema is None else GrowingValue(self.schema)

    def goes_on_in(self, message: SessionMessage) -> bool:
        """Return whether a message begins with what was sent: text may have turned out to be thinking."""
        return message.id == self.id and message.content.startswith(self._text)

    @property
    def state(self) -> dict[str, Any]:
        """All of it, for a page that starts with nothing."""
        return {
            "id": self.id,
            "number": self._number,
            "text": self._text,
            "thinking": self._thinking,
            "html": "".join([*self._settled, self._open]),
            "settled": self._settled_length,
            "foreign": self.foreign,
            "note": self.note,
        }

    @property
    def is_long(self) -> bool:
        """Whether rendering the open end takes long."""
        return self._renderer.open_chars > _LONG_CHARS

    def look(self, message: SessionMessage) -> tuple[str, str] | None:
        """Return text and thinking that came since the last look, or the first part of them; None when nothing did."""
        text = message.content[len(self._text) : len(self._text) + MAX_CHARS]
        thinking = message.reasoning[len(self._thinking) : len(self._thinking) + MAX_CHARS]
        self._quiet_looks = 0 if text or thinking else self._quiet_looks + 1
        return (text, thinking) if text or thinking or self._quiet_looks == _QUIET_LOOKS else None

    def render(self, text: str) -> tuple[str, str]:
        """Take in what came, and return the HTML of the blocks that settled, and of the open end.

        It may run on a thread.
        """
        self._renderer.feed(text)
        settled = self._renderer.take_settled()
        if self._sent_chars > _HTML_PER_CHAR * len(self._text) + _FREE_HTML_CHARS:
            return settled, "" if settled else self._open
        return settled, self._renderer.tail_html(is_urgent=not text)

    def grow(self, text: str, thinking: str, html: tuple[str, str]) -> dict[str, Any] | None:
        """Return the delta of what came and its HTML; None when there is nothing to report."""
        settled, end = html
        old, new = self._open, settled + end
        if not text and not thinking and old == new:
            return None
        same = common_length(old, new)
        keep = self._settled_length + js_length(new[:same])
        self._number += 1
        self._text += text
        self._thinking += thinking
        self._open = end
        self._sent_chars += len(new) - same
        if settled:
            self._settled.append(settled)
            self._settled_length += js_length(settled)
        return {
            "type": "delta",
            "id": self.id,
            "number": self._number,
            "text": text,
            "thinking": thinking,
            "keep": keep,
            "html": new[same:],
            "settled": self._settled_length,
        }

    def take(self, message: SessionMessage) -> dict[str, Any] | None:
        """Return the next delta, all at once."""
        fresh = self.look(message)
        return None if fresh is None else self.grow(*fresh, self.render(fresh[0]))

    def html(self, text: str) -> str | None:
        """Return the HTML of the whole reply when ``text`` is all of it; what was rendered is not rendered again.

        None of a value: its table is made of what was checked.
        """
        return self._renderer.finish() if text == self._text and self.schema is None else None

    def streamed(self, text: str, html: str) -> dict[str, Any] | None:
        """Return how the page makes a message from what it has streamed; None when it cannot."""
        settled = "".join(self._settled)
        if text != self._text or not html.startswith(settled):
            return None
        end = html[len(settled) :]
        same = common_length(self._open, end)
        keep = self._settled_length + js_length(end[:same])
        return {"length": js_length(text), "keep": keep, "rest": end[same:]}


def common_length(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def js_length(text: str) -> int:
    """Return the length of a text as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
