"""From chosen messages to what a provider accepts: empty ones left out, unanswered calls too, neighbours joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from langswarm_nb.core.session.messages import MessageRole, SessionMessage


def messages_to_send(
    messages: Sequence[SessionMessage], path: Sequence[SessionMessage] = ()
) -> tuple[SessionMessage, ...]:
    """Return messages as a provider accepts them.

    Empty ones are left out, calls of tools that were never answered too, and neighbours of the same role are joined:
    many services refuse two user (or assistant) messages in a row.

    Parameters
    ----------
    path
        The path that they are a piece of: an answer to a call may stand behind the piece.
    """
    sent: list[SessionMessage] = []
    before: MessageRole | None = None
    answered: set[str] | None = None
    for message in messages:
        if message.parts:
            if answered is None:
                answered = _answered_calls(path or messages)
            message = _without_unanswered(message, answered)  # noqa: PLW2901 - the same with less to say
        if not message.content and not _has_more_than_thinking(message):
            continue
        if message.role is before and before in _JOINED:
            sent[-1] = _join(sent[-1], message)
        else:
            sent.append(message)
            before = message.role
    return tuple(sent)


_JOINED = (MessageRole.USER, MessageRole.ASSISTANT)
_SAYS_NOTHING = ("reasoning", "citation")


def _has_more_than_thinking(message: SessionMessage) -> bool:
    """Return whether the parts of a message say something: services refuse a turn that says nothing.

    What only its service understands does: it goes back there, and its text stands for it where it cannot.
    """
    return any(part["type"] not in _SAYS_NOTHING for part in message.parts)


def _answered_calls(path: Sequence[SessionMessage]) -> set[str]:
    return {part["tool_call_id"] for m in path for part in m.parts if part["type"] == "tool_result"}


def _without_unanswered(message: SessionMessage, answered: set[str]) -> SessionMessage:
    """Return a message without calls of tools that have no result: every service refuses those."""
    if message.role is not MessageRole.ASSISTANT:
        return message
    kept = tuple(part for part in message.parts if part["type"] != "tool_call" or part["id"] in answered)
    return message if len(kept) == len(message.parts) else replace(message, parts=kept)


def _join(first: SessionMessage, second: SessionMessage) -> SessionMessage:
    content = "\n\n".join(text for text in (first.content, second.content) if text)
    parts = (*first.all_parts, *second.all_parts) if first.parts or second.parts else ()
    return replace(second, content=content, parts=parts)
