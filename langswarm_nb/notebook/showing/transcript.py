"""A conversation to be read, in a page and in a terminal: `Transcript`, and `messages_html` for the panel's twin."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.notebook.bridge import kernel_shell
from langswarm_nb.render import render_html, visible_controls

MAX_CHARS = 400_000
"""So much of a conversation is rendered; a notebook file should stay small."""
NAMES = {
    MessageRole.USER: "You",
    MessageRole.ASSISTANT: "Model",
    MessageRole.SYSTEM: "System prompt",
    MessageRole.TOOL: "Tool",
}
HIDDEN = " (hidden from the model)"


class Transcript:
    """The last messages of a session.

    Parameters
    ----------
    name : str
        Name of the session.
    messages : sequence of SessionMessage
        What is shown.
    total : int
        How many messages there are.
    """

    def __init__(self, name: str, messages: Sequence[SessionMessage], total: int) -> None:
        self.name = name
        self.messages: list[SessionMessage] = list(messages)
        self.total = total

    @property
    def heading(self) -> str:
        """The session and how much of it is shown."""
        if not self.total:
            return f"{self.name}: no messages yet."
        if len(self.messages) == self.total:
            return f"{self.name}: {self.total} messages"
        return f"{self.name}: the last {len(self.messages)} of {self.total} messages (-n N shows more)"

    def __repr__(self) -> str:
        blocks = [f"{_speaker(message)}: {message.content}" for message in self.messages]
        return visible_controls("\n\n".join([self.heading, *blocks]))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if kernel_shell() is None or not self.messages:
            return {}
        return {"text/html": messages_html(self.heading, self.messages), "text/plain": repr(self)}


def messages_html(
    heading: str, messages: Sequence[SessionMessage], known: Mapping[str, str | None] | None = None
) -> str:
    """Return messages as one safe page; beyond `MAX_CHARS`, counted from the end, replies stay plain text.

    Parameters
    ----------
    heading : str
        Plain text above them.
    messages : sequence of SessionMessage
        What was said, in order.
    known : mapping of str to str, optional
        What the renderer made of messages before, by their ids.
    """
    from langswarm_nb.render.page import ReplyPart, page_html

    left = MAX_CHARS
    blocks = []
    for message in reversed(messages):
        is_rendered = message.role is MessageRole.ASSISTANT and len(message.content) <= left
        left -= len(message.content)
        body = (known or {}).get(message.id)
        body = body or render_html(message.content, format="markdown" if is_rendered else "text")
        blocks.append(_name_html(message.role, is_hidden=message.is_hidden) + body)
    return page_html([ReplyPart("".join(reversed(blocks)), title=heading)])


@functools.cache
def _name_html(role: MessageRole, *, is_hidden: bool) -> str:
    return render_html(f"**{NAMES[role]}**{HIDDEN * is_hidden}")


def _speaker(message: SessionMessage) -> str:
    return f"{message.role.value}{' (hidden)' if message.is_hidden else ''}"
