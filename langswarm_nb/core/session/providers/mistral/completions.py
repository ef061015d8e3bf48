"""Mistral's Chat Completions: OpenAI's form, stricter. Its replies are read by the common `ChatReader`."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.parts.twins import name_of
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.providers._dialect.asking import (
    asked_by,
    function_tool,
    schema_format,
    tool_name,
    wants_json,
)
from langswarm_nb.core.session.providers._dialect.attachments import address_or_data, base64_of, sendable
from langswarm_nb.core.session.providers._dialect.history import spoken, system_text
from langswarm_nb.core.session.providers._dialect.wire import RefusedOption
from langswarm_nb.core.session.providers.chat import wire_image, wire_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderRequest

_OTHER_NAMES = {
    "max_completion_tokens": "its name is max_tokens",
    "store": "nothing is stored by this API",
    "stream_options": "usage is reported without asking",
    "user": "it has none",
    "logit_bias": "it has none",
    "functions": "its name is tools",
    "function_call": "its name is tool_choice",
}
REFUSES = (
    *(RefusedOption(option, ".*", why) for option, why in _OTHER_NAMES.items()),
    RefusedOption(
        "reasoning_effort",
        r"mistral-(?:small|medium).*|magistral-small.*",
        "its efforts are 'none' and 'high'",
        takes=lambda effort: effort in {None, "none", "high"},
    ),
)
"""What other services of this form take; Mistral refuses each request with a field that it does not know."""
_RENAMED = {"seed": "random_seed"}
_CALL_ID = re.compile(r"[A-Za-z0-9]{9}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def wire_body(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of a request."""
    body = {
        "model": request.model,
        "messages": wire_path(request.messages),
        "stream": request.stream,
        **wire_options(request.options),
    }
    if asked := asked_by(request, "tool"):
        choice = {"type": "function", "function": {"name": tool_name(asked)}}
        body |= {"tools": [function_tool(asked)], "tool_choice": choice, "parallel_tool_calls": False}
    return wire_format(request) | body


def wire_format(request: ProviderRequest) -> dict[str, Any]:
    """Return what holds a reply to a schema, or to JSON that was asked for in words."""
    if asked := asked_by(request, "strict"):
        return {"response_format": schema_format(asked)}
    return {"response_format": {"type": "json_object"}} if wants_json(request) else {}


def wire_path(messages: Sequence[SessionMessage]) -> list[dict[str, Any]]:
    """Return messages in Mistral's form: one system message at the beginning, ids of 9 characters."""
    text = system_text(messages)
    leading = [SessionMessage(role=MessageRole.SYSTEM, content=text)] if text else []
    wire = wire_messages([*leading, *spoken(messages)], pieces_of=wire_chunks)
    for message in wire:
        if "tool_call_id" in message:
            message["tool_call_id"] = short_id(message["tool_call_id"])
        for call in message.get("tool_calls", ()):
            call["id"] = short_id(call["id"])
    return wire


def wire_chunks(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return the texts and attachments among parts as Mistral's chunks."""
    return [chunk for part in sendable(parts, *ATTACHED) for chunk in _chunk(part)]


def _chunk(part: Part) -> list[dict[str, Any]]:
    match part["type"]:
        case "text":
            return [{"type": "text", "text": part["text"]}]
        case "image":
            return [wire_image(part)]
        case "file":
            name = {"document_name": name_of(part)} if part.get("name") else {}
            return [{"type": "document_url", "document_url": address_or_data(part), **name}]
        case "audio":
            return [{"type": "input_audio", "input_audio": part.get("url") or base64_of(part)}]
    return []


def short_id(call_id: str) -> str:
    """Return an id as Mistral wants it, 9 letters and digits; for another service's always the same one."""
    if _CALL_ID.fullmatch(call_id):
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode()).digest()[:8], "big")
    return "".join(_DIGITS[number // len(_DIGITS) ** place % len(_DIGITS)] for place in range(9))


def wire_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under Mistral's names."""
    named = {_RENAMED.get(name, name): value for name, value in options.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in named.items()}
