"""The static twin: the conversation as an ordinary output beside the panel, for readers without a kernel.

A saved notebook keeps it. GitHub, nbconvert and a notebook that was opened again show it; while the panel
is in the page, the panel hides it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.notebook.showing.transcript import MAX_CHARS, NAMES, messages_html, said
from langswarm_nb.render import visible_controls

MAX_MESSAGES = 200


def twin_bundle(
    panel_id: str, name: str, path: Sequence[SessionMessage], html: Mapping[str, str | None] | None = None
) -> dict[str, Any]:
    """Return the conversation as safe HTML and as plain text.

    Parameters
    ----------
    panel_id : str
        Id of the panel beside it.
    name : str
        Name of the session.
    path : sequence of SessionMessage
        The conversation.
    html : mapping of str to str, optional
        What the renderer made of messages before, by their ids.
    """
    shown = last_messages(path)
    cut = f", the last {len(shown)} of them" if len(shown) < len(path) else ""
    head = f"{name}: {len(path)} message{'' if len(path) == 1 else 's'}{cut}"
    page = messages_html(head, shown, html)
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
