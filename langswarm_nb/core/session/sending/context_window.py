"""From chosen messages to what a provider accepts: empty ones left out, unanswered calls too, neighbours joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from langswarm_nb.core.session.messages import MessageRole, SessionMessage


def messages_to_send(messages: Sequence[SessionMessage]) -> tuple[SessionMessage, ...]:
    """Return messages as a provider accepts them.

    Empty ones are left out, calls of tools that were never answered too, and neighbours of the same role are joined.
    """
    return tuple(_joined([message for message in _answered_calls(messages) if _says_something(message)]))


def _says_something(message: SessionMessage) -> bool:
    """Return whether there is more to a message than thinking: services refuse a turn that says nothing."""
    return bool(message.content) or any(part["type"] != "reasoning" for part in message.parts)


def _answered_calls(path: Sequence[SessionMessage]) -> list[SessionMessage]:
    """Return the path without tool calls that have no result: every service refuses those."""
    answered = {part["tool_call_id"] for m in path for part in m.parts if part["type"] == "tool_result"}
    return [
        _without_unanswered(m, answered) if m.role is MessageRole.ASSISTANT and m.parts else m for m in path
    ]


def _without_unanswered(message: SessionMessage, answered: set[str]) -> SessionMessage:
    kept = tuple(part for part in message.parts if part["type"] != "tool_call" or part["id"] in answered)
    return message if len(kept) == len(message.parts) else replace(message, parts=kept)


def _joined(messages: list[SessionMessage]) -> list[SessionMessage]:
    """Join neighbours of one role: many services refuse two user (or assistant) messages in a row."""
    joined: list[SessionMessage] = []
    for message in messages:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.role == message.role
            and message.role in (MessageRole.USER, MessageRole.ASSISTANT)
        ):
            joined[-1] = _join(last, message)
        else:
            joined.append(message)
    return joined


def _join(first: SessionMessage, second: SessionMessage) -> SessionMessage:
    content = "\n\n".join(text for text in (first.content, second.content) if text)
    parts = (*first.all_parts, *second.all_parts) if first.parts or second.parts else ()
    return replace(second, content=content, parts=parts)
