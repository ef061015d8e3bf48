"""The Interactions API, with which Gemini holds a conversation, going out: each continues the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.parts.media_types import media_type_of
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.providers._dialect.attachments import base64_of, sendable
from langswarm_nb.core.session.providers._dialect.history import (
    arguments_object,
    spoken,
    system_text,
    tool_names,
)
from langswarm_nb.core.session.providers._dialect.wire import with_tools

from .interaction_steps import THOUGHT
from .schema_asking import add_schema_to_interaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langswarm_nb.core.session.messages import SessionMessage
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ProviderRequest

STEP = "gemini_step"
"""Key, in ``opaque``, of a step that Google did itself, in what was stored before those were `vendor` parts."""
_CONTENTS = {"text", "refusal", *ATTACHED}
_SPEAKS = {*_CONTENTS, "tool_call", "tool_result"}
"""Types of our parts that make a turn."""
_MEDIA = {"image": "image", "audio": "audio", "video": "video"}
"""What a file is to this API, by the kind of its media type; else it is a document."""
RESERVED = (
    "model",
    "input",
    "stream",
    "store",
    "background",
    "previous_interaction_id",
    "system_instruction",
)
_RENAMED = {
    "max_tokens": "max_output_tokens",
    "stop": "stop_sequences",
    "reasoning_effort": "thinking_level",
}
_BESIDE_CONFIG = {
    "tools",
    "response_format",
    "response_mime_type",
    "response_modalities",
    "safety_settings",
    "service_tier",
    "cached_content",
    "labels",
    "environment",
    "webhook_config",
}
TOOLS: dict[str, dict[str, Any]] = {
    "web_search": {"type": "google_search"},
    "web_fetch": {"type": "url_context"},
    "code_interpreter": {"type": "code_execution"},
}
"""Our name of a tool -> Google's tool."""


def wire_body(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of a request; settings are not carried over from the interaction before, only its steps."""
    body: dict[str, Any] = {
        "model": request.model.removeprefix("models/"),
        "input": wire_input(request.messages, request.new_from if request.native_id else 0),
        **wire_options(request.options),
        "store": True,
        "stream": request.stream,
    }
    if request.tools:
        body["tools"] = with_tools(body.get("tools"), request.tools, TOOLS)
    add_schema_to_interaction(body, request)
    if request.native_id:
        body["previous_interaction_id"] = request.native_id
    if text := system_text(request.messages):
        body["system_instruction"] = text
    return body


def wire_input(messages: Sequence[SessionMessage], new_from: int) -> str | list[dict[str, Any]]:
    """Return the messages from an index on as steps; a text alone as it is."""
    names = tool_names(messages)
    new = spoken(messages[new_from:])
    if len(new) == 1 and new[0].role is MessageRole.USER and not new[0].parts:
        return new[0].content
    return [step for message in new for step in _steps(message, names)]


def _steps(message: SessionMessage, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    parts = message.all_parts
    for part in message.parts:  # thoughts between what Google did, as they came
        if part["type"] == "reasoning" and _signature(part):
            summary = [{"type": "text", "text": part["text"]}] if part["text"] else []
            yield {
                "type": "thought",
                "signature": _signature(part),
                **({"summary": summary} if summary else {}),
            }
        elif part["type"] == "reasoning" and isinstance(part.get("opaque"), dict) and STEP in part["opaque"]:
            yield part["opaque"][STEP]
        elif part["type"] == "vendor" and _is_step(part) and not _is_begun(part, parts):
            yield part["opaque"]
        elif part["type"] == "tool_result":
            yield _tool_result(part, names)
    if not any(part["type"] in _SPEAKS or (part["type"] == "vendor" and _is_step(part)) for part in parts):
        parts += tuple({"type": "text", "text": twin(part)} for part in parts if part["type"] == "vendor")
    said = [wire_content(part) for part in sendable(parts, *ATTACHED) if part["type"] in _CONTENTS]
    if said:
        kind = "model_output" if message.role is MessageRole.ASSISTANT else "user_input"
        yield {"type": kind, "content": said}
    for part in parts:
        if part["type"] == "tool_call":
            function = {"id": part["id"], "name": part["name"], "arguments": arguments_object(part)}
            yield {"type": "function_call", **function}


def _is_step(part: Part) -> bool:
    """Return whether what Google did is a step of this API: those of its other one have no type."""
    opaque = part["opaque"]
    return isinstance(opaque, dict) and opaque.get("type") == part["kind"]


def _is_begun(call: Part, parts: Sequence[Part]) -> bool:
    """Return whether a step was begun and not done: the reply was cut before its result."""
    step = call["opaque"]
    results = {part["opaque"].get("call_id") for part in parts if part["type"] == "vendor" and _is_step(part)}
    return str(step["type"]).endswith("_call") and step.get("id") not in results


def wire_content(part: Part) -> dict[str, Any]:
    """Return a text or an attachment as a content."""
    if part["type"] not in ATTACHED:
        return {"type": "text", "text": part["text"]}
    kind = _MEDIA.get(media_type_of(part).partition("/")[0], "document")
    kind = part["type"] if part["type"] != "file" else kind
    resolution = {"resolution": part["detail"]} if part.get("detail") and kind != "audio" else {}
    if "url" in part:
        told = media_type_of(part)
        return {"type": kind, "uri": part["url"], **({"mime_type": told} if told else {}), **resolution}
    return {"type": kind, "mime_type": part["media_type"], "data": base64_of(part), **resolution}


def _signature(part: Part) -> str:
    opaque = part.get("opaque")
    return str(opaque.get(THOUGHT, "")) if isinstance(opaque, dict) else ""


def _tool_result(part: Part, names: Mapping[str, str]) -> dict[str, Any]:
    name = part.get("name") or names.get(part["tool_call_id"])
    return {
        "type": "function_result",
        "call_id": part["tool_call_id"],
        "result": part["content"],
        **({"name": name} if name else {}),
        **({"is_error": True} if part.get("is_error") else {}),
    }


def wire_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options where the API has them: a few beside the input, most in ``generation_config``."""
    named = dict(options)
    config = dict(named.pop("generation_config", None) or {})
    wire = {name: named.pop(name) for name in list(named) if name in _BESIDE_CONFIG}
    for name, value in named.items():
        config[_RENAMED.get(name, name)] = list(value) if isinstance(value, tuple) else value
    return {**wire, "generation_config": config} if config else wire


def is_lost(error: e.ProviderSessionError) -> bool:
    """Return whether the interaction to go on from is gone, or is none that can be gone on from."""
    if isinstance(error, e.ProviderNotFoundError):
        return True
    return type(error) is e.ProviderRequestError and "interaction" in str(error)
