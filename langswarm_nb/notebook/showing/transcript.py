"""A conversation to be read, in a page and in a terminal: `Transcript`, and `messages_html` for the panel's twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langswarm_nb.core.session.conversation.copies import knew_other
from langswarm_nb.core.session.conversation.notes import marks
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.notebook.bridge import kernel_shell
from langswarm_nb.render import Format, visible_controls

MAX_CHARS = 400_000
"""So much of a conversation is rendered; a notebook file should stay small."""
NAMES = {
    MessageRole.USER: "You",
    MessageRole.ASSISTANT: "Model",
    MessageRole.SYSTEM: "System prompt",
    MessageRole.TOOL: "Tool",
}


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
        is_rendered = 0 < len(message.content) <= left
        left -= len(message.content)
        blocks.append(
            message_html(message, body=(known or {}).get(message.id) or "", is_rendered=is_rendered)
        )
    return page_html([ReplyPart("".join(reversed(blocks)), title=heading)])


def message_html(message: SessionMessage, *, body: str = "", is_rendered: bool = True) -> str:
    """Return a message as a bubble, for use in a page.

    Parameters
    ----------
    message : SessionMessage
        What was said.
    body : str
        What the renderer made of it before.
    is_rendered : bool
        Whether an answer's Markdown is; else it is shown as it is.
    """
    from langswarm_nb.render.bubbles import bubble_html

    is_markdown = is_rendered and message.role is MessageRole.ASSISTANT and message.content
    model = [message.request.model_id] if message.request is not None else []
    line = " · ".join([NAMES[message.role], *model, *_place(message), *_marks(message)])
    form: Format = "markdown" if is_markdown else "text"
    return bubble_html(message.role.value, line, _words(message), format=form, body=body)


def said(message: SessionMessage, name: str) -> str:
    """Return a message as plain text: who said it, where, what sets it apart, and the words."""
    return f"{' · '.join([name, *_place(message), *_marks(message)])}: {_words(message)}"


def _place(message: SessionMessage) -> list[str]:
    return [message.address] if message.address else []


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
