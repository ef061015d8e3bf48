"""`Transcript`: a conversation to be read, in a page and in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langswarm_nb.core.session import MessageRole, SessionMessage
from langswarm_nb.render import render_html, terminal_text

from .bridge import kernel_shell

_MAX_CHARS = 400_000
"""So much of a conversation is rendered; a notebook file should stay small."""


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
        self.messages = list(messages)
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
        return terminal_text("\n\n".join([self.heading, *blocks]))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if kernel_shell() is None or not self.messages:
            return {}
        return {"text/html": self._html(), "text/plain": repr(self)}

    def _html(self) -> str:
        from langswarm_nb.render.page import ReplyPart, page_html

        left = _MAX_CHARS
        pages = []
        for message in reversed(self.messages):
            is_answer = message.role is MessageRole.ASSISTANT and len(message.content) <= left
            body = render_html(message.content, format="markdown" if is_answer else "text")
            left -= len(message.content)
            pages.append(page_html([ReplyPart(body, title=_speaker(message))]))
        return "".join([page_html([ReplyPart("", footer=self.heading)]), *reversed(pages)])


def _speaker(message: SessionMessage) -> str:
    return f"{message.role.value}{' (hidden)' if message.is_hidden else ''}"
