"""What several dialects need of the path that is sent: its system text apart, and calls of tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.parts.media_types import unpacked
from langswarm_nb.core.session.parts.twins import twin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part


def system_text(messages: Iterable[SessionMessage]) -> str:
    """Return all system messages as one text, for dialects that have one place for it."""
    texts = [message.content for message in messages if message.role is MessageRole.SYSTEM]
    return "\n\n".join(texts)


def spoken(messages: Iterable[SessionMessage]) -> list[SessionMessage]:
    """Return the messages that are not system messages."""
    return [message for message in messages if message.role is not MessageRole.SYSTEM]


def joined_text(parts: Iterable[Part]) -> str:
    """Return the text of parts; a refusal was the model's answer."""
    return "\n\n".join(part["text"] for part in parts if part["type"] in {"text", "refusal"})


def reply_text(parts: Sequence[Part]) -> str:
    """Return the text of a reply, for dialects that take nothing else beside calls.

    What only its service understands is described where the reply would say nothing: an empty turn is refused.
    """
    text = joined_text(parts)
    if text or any(part["type"] == "tool_call" for part in parts):
        return text
    return "\n\n".join(twin(part) for part in parts if part["type"] == "vendor")


def tool_calls(messages: Iterable[SessionMessage]) -> list[Part]:
    """Return all calls of tools on a path."""
    return [part for message in messages for part in message.parts if part["type"] == "tool_call"]


def tool_names(messages: Iterable[SessionMessage]) -> dict[str, str]:
    """Return the tool's name for each id of a call: some dialects name it again with the result."""
    return {part["id"]: part["name"] for part in tool_calls(messages)}


def arguments_object(part: Part) -> dict[str, Any]:
    """Return the arguments of a call as an object; broken ones as they stand, under the name ``arguments``."""
    try:
        value = json.loads(part["arguments"] or "{}")
    except (ValueError, RecursionError):
        value = part["arguments"]
    return value if isinstance(value, dict) else {"arguments": value}


def arguments_text(value: object) -> str:
    """Return arguments, an object or JSON text, as JSON text."""
    if isinstance(value, str):
        return value if value.strip() else "{}"
    return json.dumps({} if value is None else value, ensure_ascii=False)


def image_data(part: Part) -> tuple[str, str] | None:
    """Return an image's media type and base64; None for one that is only an address."""
    image = unpacked(part)
    return None if "url" in image else (image["media_type"], image["data"])


class CallIds:
    """Ids for calls of tools that came without: the same for the same path, and new on it."""

    def __init__(self, messages: Sequence[SessionMessage]) -> None:
        self._taken = set(tool_names(messages))
        self._number = len(self._taken)

    def next(self) -> str:
        """Return an id that is not on the path."""
        while (call_id := f"call_{self._number}") in self._taken:
            self._number += 1
        self._taken.add(call_id)
        return call_id
