"""A reply as HTML while it grows: what is settled is rendered once, only the open end again."""

from __future__ import annotations

from .controls import visible_controls
from .escaping import code_html, text_block_html
from .markdown import Environment, block_starts, markdown_html
from .open_end import completed, open_fence

__all__ = ["MAX_MARKDOWN_CHARS", "StreamRenderer"]

MAX_MARKDOWN_CHARS = 120_000
"""A longer reply is rendered up to here; the rest follows as plain text."""
_EAGER_CHARS = 4000
"""An open end up to this size is rendered again each time, a longer one when it has grown by a part of itself."""
_LATE_PART = 6
_CODE_ENDS = "</code></pre>"
_LEAST_GROWTH_CHARS = 64


class StreamRenderer:
    r"""Renders Markdown that arrives in pieces, at a cost linear in its length.

    A block of the top level is settled once another has begun after a blank line: nothing that follows can change
    it. That holds because our Markdown has no link reference definitions.

    Examples
    --------
    >>> renderer = StreamRenderer()
    >>> for delta in ["First.\n\nSec", "ond, *and", " last*."]:
    ...     renderer.feed(delta)
    >>> print(renderer.finish(), end="")
    <p>First.</p>
    <p>Second, <em>and last</em>.</p>
    """

    def __init__(self) -> None:
        self._settled: list[str] = []
        self._settled_chars: list[int] = []
        self._taken = 0
        self._environment: Environment = {}
        self._tail = ""
        self._arrived: list[str] = []
        self._size = 0  # of the tail with what arrived
        self._settle_at = _LEAST_GROWTH_CHARS
        self._shown_tail = (0, "")
        self._shown_source: str | None = None  # what that was rendered from
        self._is_code = False  # at the end of what is shown of the tail
        self._room = MAX_MARKDOWN_CHARS
        self._rest: list[str] = []

    def feed(self, delta: str) -> None:
        """Take in the next piece: any string, split anywhere."""
        fitting = delta[: self._room]
        self._room -= len(fitting)
        self._arrived.append(fitting)
        self._size += len(fitting)
        if len(fitting) < len(delta):
            self._rest.append(delta[len(fitting) :])
        if self._size >= self._settle_at:
            self._settle()

    def take_settled(self) -> str:
        """Return the HTML of the blocks settled since the last call; it goes behind what was taken before."""
        new = "".join(self._settled[self._taken :])
        self._taken = len(self._settled)
        return new

    @property
    def open_chars(self) -> int:
        """Characters of the open end: those that no settled block stands for."""
        return self._size + sum(map(len, self._rest))

    def tail_html(self, *, is_urgent: bool = False) -> str:
        """Return the HTML of the open end; it goes behind the settled blocks, in place of the end before.

        It shows no half of a mark: what is open is closed, or held back. Of a long end the last of it comes later,
        code apart, unless it is urgent, as when nothing else comes.
        """
        self._absorb()
        chars, html = self._shown_tail
        grown_chars = len(self._tail) - chars
        if grown_chars and (
            is_urgent or len(self._tail) <= _EAGER_CHARS or grown_chars > chars // _LATE_PART
        ):
            self._shown_source = completed(self._tail)
            chars, html = len(self._tail), markdown_html(self._shown_source, dict(self._environment))
            self._shown_tail = chars, html
            self._is_code = open_fence(self._tail) is not None
        return self._with_late_code(html, self._tail[chars:]) + self._rest_html()

    def _with_late_code(self, html: str, late: str) -> str:
        """Put code that came after the last rendering where it belongs, up to a line that may be the fence's end."""
        if not self._is_code or not late:
            return html
        at = html.rfind(_CODE_ENDS)
        lines = late[: late.rfind("\n") + 1].split("\n")
        ends = next((n for n, line in enumerate(lines) if line.lstrip(" >").startswith(("```", "~~~"))), None)
        code = "\n".join(lines[:ends])
        return html if at < 0 else html[:at] + code_html(code) + html[at:]

    def html(self) -> str:
        """Return the HTML of all that has arrived."""
        return "".join(self._settled) + self.tail_html()

    def end_html(self, chars: int) -> tuple[str, int]:
        """Return the HTML of about the last ``chars`` characters, and how many they are.

        Whole blocks when they are short enough, else the last lines as text.
        """
        if self.open_chars > chars:
            self._absorb()
            source = (self._tail + "".join(self._rest))[-chars:]
            lines = source[source.find("\n") + 1 :]
            return text_block_html(lines), len(lines)
        count, shown_chars = len(self._settled), self.open_chars
        while count and shown_chars + self._settled_chars[count - 1] <= chars:
            count -= 1
            shown_chars += self._settled_chars[count]
        return "".join(self._settled[count:]) + self.tail_html(), shown_chars

    @property
    def html_ratio(self) -> float:
        """Characters of HTML for one of the text, of what was rendered so far; 1.2 before that."""
        rendered_chars, html = self._shown_tail
        chars = sum(self._settled_chars) + rendered_chars
        return (sum(map(len, self._settled)) + len(html)) / chars if chars else 1.2

    def finish(self) -> str:
        """Return the HTML of the whole text: what `render_html` makes of it at once."""
        self._absorb()
        is_shown = self._shown_source == self._tail  # a short reply, of which nothing was closed or held back
        tail = self._shown_tail[1] if is_shown else markdown_html(self._tail, dict(self._environment))
        return "".join(self._settled) + tail + self._rest_html()

    def _absorb(self) -> None:
        self._tail += "".join(self._arrived)
        self._arrived.clear()

    def _settle(self) -> None:
        self._absorb()
        complete = self._tail[: self._tail.rfind("\n") + 1]
        lines = visible_controls(complete).split("\n")
        starts = block_starts("\n".join(lines)) if "" in map(str.strip, lines[:-1]) else []
        cut = max((start for start in starts if start and not lines[start - 1].strip()), default=0)
        if cut:
            head = "\n".join(complete.split("\n")[:cut]) + "\n"
            self._settled.append(markdown_html(head, self._environment))
            self._settled_chars.append(len(head))
            self._tail = self._tail[len(head) :]
            self._shown_tail, self._shown_source = (0, ""), None
        self._size = len(self._tail)
        self._settle_at = self._size + max(_LEAST_GROWTH_CHARS, self._size // 4)

    def _rest_html(self) -> str:
        if not self._rest:
            return ""
        note = f"The first {MAX_MARKDOWN_CHARS:,} characters are rendered; the rest follows as plain text."
        return f'<p class="lsnb-note">{note}</p>\n{text_block_html("".join(self._rest))}'
