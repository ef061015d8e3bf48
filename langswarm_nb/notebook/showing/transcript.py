"""A conversation to be read, in a page and in a terminal: `Transcript`, and `messages_html` for the panel's twin."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from langswarm_nb.core.session.conversation.copies import knew_other
from langswarm_nb.core.session.conversation.notes import marks
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
_ANY_ADDRESS = "0.0"


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
        blocks = [said(message, message.role.value) for message in self.messages]
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
        is_rendered = message.role is MessageRole.ASSISTANT and 0 < len(message.content) <= left
        left -= len(message.content)
        body = (known or {}).get(message.id)
        body = body or render_html(_words(message), format="markdown" if is_rendered else "text")
        blocks.append(_name_html(message) + body)
    return page_html([ReplyPart("".join(reversed(blocks)), title=heading)])


def said(message: SessionMessage, name: str) -> str:
    """Return a message as plain text: who said it, where, what sets it apart, and the words."""
    place = [message.address] if message.address else []
    return f"{' · '.join([name, *place, *_marks(message)])}: {_words(message)}"


def _name_html(message: SessionMessage) -> str:
    """Return the line above a message; what it is made of comes again and again, but for the address."""
    html = _line_html(message.role, tuple(_marks(message)), has_place=bool(message.address))
    return html.replace(_ANY_ADDRESS, message.address, 1)


@functools.cache
def _line_html(role: MessageRole, marked: tuple[str, ...], *, has_place: bool) -> str:
    return render_html(" · ".join([f"**{NAMES[role]}**", *[_ANY_ADDRESS] * has_place, *marked]))


def _marks(message: SessionMessage) -> list[str]:
    return marks(
        is_hidden=message.is_hidden,
        beside=message.beside,
        is_active=message.is_active,
        status=None if message.request is None else message.request.status,
        scope=message.scope,
        knew_other=knew_other(message.metadata),
    )


def _words(message: SessionMessage) -> str:
    """Return what was said; of an answer that failed before any word, why."""
    facts = message.request
    return message.content or (facts.error_message if facts is not None else None) or ""
