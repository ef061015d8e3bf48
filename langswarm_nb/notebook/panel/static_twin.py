"""The static twin: the conversation as ordinary outputs beside the panel, for readers without a kernel.

A saved notebook keeps them. GitHub, nbconvert and a notebook that was opened again show them; while the panel is in the
page, the panel hides them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.display import DisplayHandle

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.notebook.showing.transcript import MAX_CHARS, NAMES, messages_html, said
from langswarm_nb.render import visible_controls

if TYPE_CHECKING:
    from langswarm_nb.notebook.showing.seen import Bytes

MAX_MESSAGES = 200
PIECE_CHARS = 8_000
"""So much text may be sent again with each turn."""
_SHARE = 8
"""Or this part of what stays as it is."""


class StaticTwin:
    """The outputs beside a panel: one with the conversation, and below it one with what was said since.

    An output can be replaced only as a whole, so a turn replaces the second, as long as that is short; then the first
    takes over what it shows.

    Parameters
    ----------
    panel_id : str
        Id of the panel.
    """

    def __init__(self, panel_id: str) -> None:
        self._panel_id = panel_id
        self._outputs: list[Any] = [DisplayHandle(f"lsnb-twin-{panel_id}{end}") for end in ("", "-2")]
        self._shown: list[Piece] = []

    def display(
        self,
        name: str,
        path: Sequence[SessionMessage],
        html: Mapping[str, str | None],
        thumbs: Mapping[str, Bytes] | None = None,
    ) -> None:
        """Show both outputs, where a cell shows the panel."""
        self._shown = _pieces(name, path, len(path))
        for output, piece in zip(self._outputs, self._shown, strict=True):
            output.display(_bundle(self._panel_id, piece, html, thumbs), raw=True)

    def update(
        self,
        name: str,
        path: Sequence[SessionMessage],
        html: Mapping[str, str | None],
        thumbs: Mapping[str, Bytes] | None = None,
    ) -> None:
        """Replace what does not show the conversation as it is; nothing where the panel is not shown."""
        if not self._shown:
            return
        first = self._shown[0]
        pieces = _pieces(name, path, first.end)
        if pieces[0].key != first.key or not _is_short(*pieces):
            pieces = _pieces(name, path, len(path))
        old, self._shown = self._shown, pieces
        for output, before, piece in zip(self._outputs, old, pieces, strict=True):
            if before.key != piece.key:
                output.update(_bundle(self._panel_id, piece, html, thumbs), raw=True)


class Piece(NamedTuple):
    """What one of the outputs shows."""

    name: str
    messages: Sequence[SessionMessage]
    end: int
    """Messages of the conversation up to the last of these."""

    @property
    def key(self) -> tuple[object, ...]:
        """What it looks like."""
        if self.is_empty:
            return ()
        return self.name, self.end, *((message.id, message.is_hidden) for message in self.messages)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said since the messages of another one."""
        return not self.messages and bool(self.end)

    @property
    def chars(self) -> int:
        """Length of its text."""
        return sum(len(message.content) for message in self.messages)


def _pieces(name: str, path: Sequence[SessionMessage], split: int) -> list[Piece]:
    """Return the conversation up to a place, and what came since."""
    first, rest = path[:split], path[split:]
    return [Piece(name, last_messages(first), len(first)), Piece(name, last_messages(rest), len(path))]


def _is_short(first: Piece, rest: Piece) -> bool:
    """Tell whether it is cheaper to go on sending the rest alone."""
    return first.chars > PIECE_CHARS and rest.chars <= max(PIECE_CHARS, first.chars / _SHARE)


def _bundle(
    panel_id: str, piece: Piece, html: Mapping[str, str | None], thumbs: Mapping[str, Bytes] | None
) -> dict[str, Any]:
    if piece.is_empty:
        return {"text/html": "", "text/plain": ""}
    return twin_bundle(panel_id, piece.name, piece.messages, html, total=piece.end, thumbs=thumbs)


def twin_bundle(
    panel_id: str,
    name: str,
    path: Sequence[SessionMessage],
    html: Mapping[str, str | None] | None = None,
    *,
    total: int | None = None,
    thumbs: Mapping[str, Bytes] | None = None,
) -> dict[str, Any]:
    """Return the last messages of a conversation as safe HTML and as plain text.

    Parameters
    ----------
    panel_id : str
        Id of the panel beside them.
    name : str
        Name of the session.
    path : sequence of SessionMessage
        The conversation, or the end of it.
    html : mapping of str to str, optional
        What the renderer made of messages before, by their ids.
    total : int, optional
        How many messages the conversation has.
    thumbs : mapping of str to tuple of str and bytes, optional
        Thumbnails of attachments by their hashes.
    """
    shown, total = last_messages(path), len(path) if total is None else total
    cut = f", the last {len(shown)} of them" if len(shown) < total else ""
    head = f"{name}: {total} message{'' if total == 1 else 's'}{cut}"
    page = messages_html(head, shown, html, thumbs=thumbs)
    plain = "\n\n".join([head, *(said(message, NAMES[message.role]) for message in shown)])
    return {
        "text/html": f'<div class="lsnb-twin lsnb-twin-{panel_id}">{page}</div>',
        "text/plain": visible_controls(plain),
    }


def last_messages(path: Sequence[SessionMessage]) -> list[SessionMessage]:
    """Return as many of the last messages as a notebook file should hold."""
    shown: list[SessionMessage] = []
    chars = 0
    for message in reversed(path):
        chars += len(message.content)
        if len(shown) == MAX_MESSAGES or (shown and chars > MAX_CHARS):
            break
        shown.append(message)
    return shown[::-1]
