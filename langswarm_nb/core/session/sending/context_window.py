"""From the active path to what is sent: what a provider would refuse is left out, and limits are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from langswarm_nb.core.session.errors import ContextLengthError
from langswarm_nb.core.session.messages import MessageRole, SessionMessage, estimate_tokens
from langswarm_nb.core.session.settings import SessionSettings


def messages_to_send(path: Sequence[SessionMessage], settings: SessionSettings) -> tuple[SessionMessage, ...]:
    """Return the messages of a path as a provider accepts them, within the limits of the settings.

    Hidden and empty messages are left out, calls of tools that were never answered too, neighbours of the
    same role are joined, and above a limit the oldest turns go first. System messages always stay.

    Raises
    ------
    ContextLengthError
        A limit is passed and ``settings.trim`` is ``"error"``, or the last turn alone is too long.
    """
    sendable = [
        message for message in _answered_calls(path) if not message.is_hidden and _says_something(message)
    ]
    return tuple(_joined(_trimmed(sendable, settings)))


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


def _trimmed(messages: list[SessionMessage], settings: SessionSettings) -> list[SessionMessage]:
    system = [message for message in messages if message.role is MessageRole.SYSTEM]
    rest = [message for message in messages if message.role is not MessageRole.SYSTEM]
    starts = [at for at, message in enumerate(rest) if message.role is MessageRole.USER] or [0]
    problem = _over_limit(system, rest, settings)
    if problem is None:
        return messages
    if settings.trim == "oldest":
        for start in starts[1:]:
            if _over_limit(system, rest[start:], settings) is None:
                dropped = set(map(id, rest[:start]))
                return [message for message in messages if id(message) not in dropped]
        if settings.max_context_tokens is None:  # one turn alone may be more messages than the limit
            dropped = set(map(id, rest[: starts[-1]]))
            return [message for message in messages if id(message) not in dropped]
    hint = "raise the limit, shorten the text" + (
        ", or set trim='oldest'" if settings.trim == "error" else ""
    )
    raise ContextLengthError(
        f"The request is too long: {problem}. Nothing was sent; {hint}.",
        provider=settings.provider,
        model=settings.model,
    )


def _over_limit(
    system: list[SessionMessage], rest: list[SessionMessage], settings: SessionSettings
) -> str | None:
    if settings.max_messages is not None and len(rest) > settings.max_messages:
        return f"{len(rest)} messages, max_messages is {settings.max_messages}"
    if settings.max_context_tokens is not None:
        tokens = estimate_tokens(system) + estimate_tokens(rest)
        if tokens > settings.max_context_tokens:
            return f"about {tokens} tokens, max_context_tokens is {settings.max_context_tokens}"
    return None


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
