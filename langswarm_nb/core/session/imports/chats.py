"""Chat lines in the style of OpenAI read as sessions: one ``{"messages": [...]}`` a line.

What has no place in a message of ours stays in its metadata, or the file is refused: nothing is lost silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.conversation.copies import taken_over
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.errors import SessionError, SessionValueError, shown
from langswarm_nb.core.session.messages import MessageRole, SessionMessage, as_role, new_id
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings

from .restoring import Exported, why

KEPT_AS = "chat"
"""Key of the metadata under which a message or a session keeps what we have no field for."""
_ROLES = {"developer": "system", "function": "tool"}
_UNDERSTOOD = {"role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls", "function_call"}


def session_of_chat(name: str, number: int, values: dict[str, Any], settings: SessionSettings) -> Exported:
    """Return the session of one line.

    Raises
    ------
    SessionValueError
        It is not a chat; the text says why.
    """
    said = values.get("messages")
    if not isinstance(said, list) or not said:
        raise SessionValueError(f'{name}, line {number} has no list "messages". Nothing was imported.')
    try:
        messages = _in_turns(_Chat(said).messages)
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(
            f"{name}, line {number} is not a chat: {why(error)}. Nothing was imported."
        ) from error
    tree = TreeRows((), len(messages) - 1, "main", (), (), (), 0)
    metadata = _kept(values, {"messages"})
    return Exported(SessionRecord(new_id(), "imported", settings, metadata=metadata), tuple(messages), tree)


def messages_of_chat(said: Sequence[Any]) -> list[SessionMessage]:
    """Return the messages of a chat, without places; a message of ours is taken over as a new one.

    Raises
    ------
    SessionValueError
        One of them is not a message; the text says why.
    """
    found: list[SessionMessage] = []
    try:
        chat = iter(_Chat([one for one in said if not isinstance(one, SessionMessage)]).messages)
        found = [taken_over(one) if isinstance(one, SessionMessage) else next(chat) for one in said]
    except (SessionError, TypeError, ValueError, KeyError) as error:
        raise SessionValueError(f"messages cannot be imported: {why(error)}. Nothing was stored.") from error
    return [
        replace(message, scope="add") if message.role is MessageRole.SYSTEM else message for message in found
    ]


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


class _Chat:
    """Reads the messages of one chat; calls and results that name no id find each other by name, else in order."""

    def __init__(self, said: Sequence[Any]) -> None:
        self._given = {call.get("id") for one in said for call in _listed(one, "tool_calls")}
        self._open: list[dict[str, Any]] = []
        """Calls without a result so far."""
        self._n_ids = 0
        self.messages = [self._message(one) for one in said]

    def _message(self, values: Any) -> SessionMessage:
        if not isinstance(values, dict):
            raise TypeError(f"a message must be an object, not {shown(values)}")
        if not isinstance(values.get("role"), str):
            raise TypeError(f"the role of a message must be text, not {shown(values.get('role'))}")
        role = as_role(_ROLES.get(values["role"], values["role"]))
        is_result = role is MessageRole.TOOL
        parts = self._result(values) if is_result else self._parts(values)
        understood = _UNDERSTOOD | ({"tool_call_id", "name"} if is_result else set())
        kept = _kept(values, understood)
        if not parts:
            return SessionMessage(role=role, source="import", metadata=kept)
        plain = len(parts) == 1 and set(parts[0]) == {"type", "text"} and parts[0]["type"] == "text"
        text = parts[0]["text"] if plain else ""
        return checks.message(text, role, kept, parts=() if plain else parts, source="import")

    def _parts(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        thought = _text(values, "reasoning_content") or _text(values, "reasoning")
        refusal = _text(values, "refusal")
        return [
            *([{"type": "reasoning", "text": thought}] if thought else []),
            *_content(values.get("content")),
            *([{"type": "refusal", "text": refusal}] if refusal else []),
            *self._calls(values),
        ]

    def _calls(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        asked = _listed(values, "tool_calls")
        if old := values.get("function_call"):
            asked = [*asked, {"function": old}]
        calls = [self._call(call) for call in asked]
        self._open += calls
        return calls

    def _call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        function, number = call.get("function"), call.get("id")
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise TypeError(f"a tool call needs a function with a name; it is {shown(dict(call))}")
        if not isinstance(number, str | None):
            raise TypeError(f"the id of a tool call must be text, not {shown(number)}")
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
        more = {
            name: value for name, value in call.items() if name not in ("id", "type", "function", "index")
        }
        own = {
            "type": "tool_call",
            "id": number or self._new_id(),
            "name": function["name"],
            "arguments": arguments,
        }
        return {**more, **own}

    def _result(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        said = _content(values.get("content"))
        name, number = _text(values, "name"), _text(values, "tool_call_id")
        if number is None:
            candidates = [call for call in self._open if name is None or call["name"] == name]
            number = candidates[0]["id"] if candidates else self._new_id()
        self._open = [call for call in self._open if call["id"] != number]
        text = "\n\n".join(part["text"] for part in said if part["type"] == "text")
        result = {"type": "tool_result", "tool_call_id": number, "content": text}
        return [result | ({"name": name} if name else {}), *(part for part in said if part["type"] != "text")]

    def _new_id(self) -> str:
        while (call_id := f"call_{self._n_ids}") in self._given:
            self._n_ids += 1
        self._n_ids += 1
        return call_id


def _content(content: Any) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if not isinstance(content, list):
        raise TypeError(f"content must be text or a list of parts, not {shown(content)}")
    return [_part(part) for part in content]


def _part(part: Any) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return dict(part)
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return {"type": "refusal", "text": part["refusal"]}
    image = part.get("image_url") if isinstance(part, dict) else None
    if isinstance(image, dict) and isinstance(image.get("url"), str):
        return {**image, "type": "image"}
    raise ValueError(
        f"a part of a message must be a text, a refusal or an image_url; others cannot be kept: {shown(part)}"
    )


def _text(values: Mapping[str, Any], name: str) -> str | None:
    """Return a text, or None where there is none or it is empty."""
    if not isinstance(values.get(name), str | None):
        raise TypeError(f"{name} must be text, not {shown(values[name])}")
    return values.get(name) or None


def _listed(values: Any, name: str) -> list[Mapping[str, Any]]:
    found = values.get(name) if isinstance(values, dict) else None
    if not isinstance(found or [], list) or not all(isinstance(one, dict) for one in found or []):
        raise TypeError(f"{name} must be a list of objects, not {shown(found)}")
    return found or []


def _kept(values: Mapping[str, Any], understood: set[str]) -> dict[str, Any]:
    """Return as metadata what there is beside what is understood."""
    more = {name: value for name, value in values.items() if name not in understood and value is not None}
    return {KEPT_AS: more} if more else {}
