"""A reply while it arrives, in an output that is replaced: whole while it is short, then its beginning and its end."""

from __future__ import annotations

import json

from . import Format, render_html
from .escaping import text_block_html
from .incremental import StreamRenderer

__all__ = ["GrowingReply"]

_WHOLE_CHARS = 3000
_HEAD_CHARS = 800
_END_CHARS = 700


class GrowingReply:
    """Gives the HTML of a reply at any moment.

    A long one shows its beginning, which a reader has not left behind yet, and its end, which says that and what is
    being written; that costs the same at any length.

    Parameters
    ----------
    format
        How the whole will be shown. Before that, Markdown is rendered, code is code, and all else is text.
    """

    def __init__(self, format: Format) -> None:
        self._format = format
        self._early_format: Format = format if format in {"markdown", "code"} else "text"
        self._renderer = StreamRenderer()
        self._pieces: list[str] = []
        self._chars = 0
        self._head: tuple[str, int] | None = None
        self.size_bytes: int = 0
        """Of the text, as JSON in UTF-8: what it weighs in a message."""

    @property
    def text(self) -> str:
        """What has arrived."""
        return "".join(self._pieces)

    @property
    def html_ratio(self) -> float:
        """Size of the HTML relative to that of the text, as far as it is known."""
        return self._renderer.html_ratio if self._format == "markdown" else 1.1

    def feed(self, delta: str) -> None:
        """Take in the next piece."""
        self._pieces.append(delta)
        self._chars += len(delta)
        self.size_bytes += len(json.dumps(delta, ensure_ascii=False).encode(errors="surrogatepass")) - 2
        if self._format == "markdown":
            self._renderer.feed(delta)

    def html(self) -> str:
        """Return what to show now."""
        if self._chars > _WHOLE_CHARS:
            return self._excerpt()
        if self._format == "markdown":
            return self._renderer.html()
        return render_html(self.text, format=self._early_format)

    def finish(self) -> str:
        """Return the whole."""
        return (
            self._renderer.finish()
            if self._format == "markdown"
            else render_html(self.text, format=self._format)
        )

    def _excerpt(self) -> str:
        if self._head is None:
            head = self.text[:_HEAD_CHARS]
            head = head[: head.rfind("\n") + 1] or head
            self._head = render_html(head, format=self._early_format), len(head)
        head_html, head_chars = self._head
        end_html, end_chars = self._end()
        left_out = self._chars - head_chars - end_chars
        note = f"… {left_out:,} characters, shown when the reply is complete …"
        return f'{head_html}<p class="lsnb-note">{note}</p>\n{end_html}'

    def _end(self) -> tuple[str, int]:
        if self._format == "markdown":
            return self._renderer.end_html(_END_CHARS)
        end = self.text[-_END_CHARS:]
        end = end[end.find("\n") + 1 :]
        return text_block_html(end), len(end)
