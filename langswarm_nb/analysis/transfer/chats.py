"""Chat lines in the style of OpenAI read as sessions: one ``{"messages": [...]}`` a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.errors import SessionError, SessionValueError
from langswarm_nb.core.session.messages import MessageRole, SessionMessage, as_role, new_id
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings

from .restoring import Exported


def session_of_chat(name: str, number: int, values: dict[str, Any], settings: SessionSettings) -> Exported:
    """Return the session of one line.

    Raises
    ------
    SessionValueError
        It is no chat; the text says why.
    """
    said = values.get("messages")
    if not isinstance(said, list) or not said:
        raise SessionValueError(f'{name}, line {number} has no list "messages". Nothing was imported.')
    try:
        messages = _in_turns([_message(one) for one in said])
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(
            f"{name}, line {number} is no chat: {error}. Nothing was imported."
        ) from error
    tree = TreeRows((), len(messages) - 1, "main", (), (), (), 0)
    return Exported(SessionRecord(new_id(), "imported", settings), tuple(messages), tree)


def _in_turns(messages: Sequence[SessionMessage]) -> list[SessionMessage]:
    """Return messages as one path: a question begins a turn, and system messages before the first are the session's."""
    found: list[SessionMessage] = []
    turn: int | None = None
    for seq, message in enumerate(messages):
        scope: Literal["session", "add"] | None = None
        if message.role is MessageRole.USER:
            turn = 0 if turn is None else turn + 1
        elif message.role is MessageRole.SYSTEM:
            scope = "session" if turn is None else "add"
        above = seq - 1 if seq else None
        found.append(replace(message, seq=seq, parent_seq=above, turn=turn, scope=scope))
    return found


def _message(values: Any) -> SessionMessage:
    if not isinstance(values, dict):
        raise TypeError("a message must be an object")
    role: Any = values["role"]
    role = {"developer": "system", "function": "tool"}.get(role, role)
    parts = [*_parts(values.get("content")), *map(_call, values.get("tool_calls") or [])]
    if role == "tool":
        text = "\n\n".join(part["text"] for part in parts if part["type"] == "text")
        call = values.get("tool_call_id") or values.get("name") or ""
        parts = [{"type": "tool_result", "tool_call_id": str(call), "content": text}]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    plain = len(texts) == len(parts) <= 1
    return (
        checks.message(
            texts[0] if plain and texts else "",
            as_role(role),
            None,
            parts=() if plain else parts,
            source="import",
        )
        if texts or parts
        else SessionMessage(role=as_role(role), source="import")
    )


def _parts(content: Any) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if not isinstance(content, list):
        raise TypeError("content must be text or a list of parts")
    return [_part(part) for part in content]


def _part(part: Any) -> dict[str, Any]:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    url = part.get("image_url") if isinstance(part, dict) else None
    if isinstance(url, dict) and isinstance(url.get("url"), str):
        return {"type": "image", "url": url["url"]}
    raise ValueError("a part of a message must be a text or an image_url")


def _call(call: Any) -> dict[str, Any]:
    function = call["function"]
    return {
        "type": "tool_call",
        "id": call["id"],
        "name": function["name"],
        "arguments": function["arguments"],
    }
