"""The static twin: the conversation as an ordinary output beside the panel, for readers without a kernel.

A saved notebook keeps it. GitHub, nbconvert and a notebook that was opened again show it; while the panel
is in the page, the panel hides it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langswarm_nb.core.session import MessageRole, SessionMessage
from langswarm_nb.render import render_html, visible_controls
from langswarm_nb.render.page import ReplyPart, page_html

MAX_MESSAGES = 200
MAX_CHARS = 400_000
NAMES = {
    MessageRole.USER: "You",
    MessageRole.ASSISTANT: "Model",
    MessageRole.SYSTEM: "System prompt",
    MessageRole.TOOL: "Tool",
}
HIDDEN = " (hidden from the model)"
_NAMES_HTML = {role: render_html(f"**{name}**") for role, name in NAMES.items()}
_HIDDEN_HTML = {role: render_html(f"**{name}**{HIDDEN}") for role, name in NAMES.items()}


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
    page = page_html(
        [
            ReplyPart(
                "".join(_message_html(message, (html or {}).get(message.id)) for message in shown), title=head
            )
        ]
    )
    plain = "\n\n".join([head, *map(_message_text, shown)])
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


def _message_html(message: SessionMessage, known: str | None) -> str:
    is_reply = message.role is MessageRole.ASSISTANT
    body = known or render_html(message.content, format="markdown" if is_reply else "text")
    return (_HIDDEN_HTML if message.is_hidden else _NAMES_HTML)[message.role] + body


def _message_text(message: SessionMessage) -> str:
    return f"{NAMES[message.role]}{HIDDEN if message.is_hidden else ''}: {message.content}"
