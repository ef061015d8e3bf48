"""Sessions and messages to store, and a short way to look at a tree of messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from langswarm_nb.core.session import (
    ISessionStorage,
    MessageRole,
    RequestFacts,
    SessionMessage,
    SessionRecord,
    SessionSettings,
    Usage,
)

Reopen = Callable[[], Awaitable[ISessionStorage]]


def record(session_id: str = "s", user_id: str = "ada", **changes: Any) -> SessionRecord:
    """Return a new session."""
    return SessionRecord(session_id, user_id, SessionSettings("mock", "echo"), **changes)


def question(content: str = "Why?", **fields: Any) -> SessionMessage:
    """Return a user's message."""
    return SessionMessage(role=MessageRole.USER, content=content, **fields)


def answer(content: str = "Because.", **fields: Any) -> SessionMessage:
    """Return a model's message with the facts of its request."""
    facts = RequestFacts("mock", "echo", model="echo-1", duration_s=0.5, usage=Usage(9, 1, 2, 7, 3))
    fields = {"request": facts, "finish_reason": "stop", "token_count": 7, **fields}
    return SessionMessage(role=MessageRole.ASSISTANT, content=content, **fields)


def system(content: str = "Be brief.") -> SessionMessage:
    """Return a system message."""
    return SessionMessage(role=MessageRole.SYSTEM, content=content)


def texts(messages: Iterable[SessionMessage]) -> str:
    """Return the contents, joined by blanks."""
    return " ".join(message.content for message in messages)


def places(messages: Iterable[SessionMessage]) -> list[tuple[int | None, int | None, int | None, int, bool]]:
    """Return seq, parent_seq, turn, version and is_active of each message."""
    return [(m.seq, m.parent_seq, m.turn, m.version, m.is_active) for m in messages]
