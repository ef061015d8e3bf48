"""How Gemini is asked for an answer of a schema, in both of its APIs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.asking import (
    asked_by,
    tool_described,
    tool_name,
    wants_json,
)

if TYPE_CHECKING:
    from langswarm_nb.core.session.provider_events import ProviderRequest

_JSON = "application/json"
_GENERATE = (
    "responseMimeType",
    "response_mime_type",
    "responseSchema",
    "response_schema",
    "responseJsonSchema",
    "response_json_schema",
)
FORMATS = (
    *_GENERATE,
    *(f"{config}.{name}" for config in ("generationConfig", "generation_config") for name in _GENERATE),
)
INTERACTION_FORMATS = ("response_format", "response_mime_type")
_HAS_NO_JSON = re.compile(r"(?:models/)?(?:gemma.*|gemini-.*(?:image|tts|audio|live).*)")


def add_schema(body: dict[str, Any], request: ProviderRequest) -> None:
    """Put what asks for a schema into a body of generateContent."""
    if asked := asked_by(request, "strict"):
        told = {"responseMimeType": _JSON, "responseJsonSchema": asked.schema}
        body["generationConfig"] = {**(body.get("generationConfig") or {}), **told}
    elif asked := asked_by(request, "tool"):
        name = tool_name(asked)
        function = {"name": name, "description": tool_described(asked), "parametersJsonSchema": asked.schema}
        body["tools"] = [*(body.get("tools") or ()), {"functionDeclarations": [function]}]
        if not request.tools:
            choice = {"mode": "ANY", "allowedFunctionNames": [name]}
            body["toolConfig"] = {**(body.get("toolConfig") or {}), "functionCallingConfig": choice}
    elif wants_json(request) and not _HAS_NO_JSON.fullmatch(request.model):
        given = body.get("generationConfig") or {}
        if not any(name in given for name in _GENERATE):
            body["generationConfig"] = {**given, "responseMimeType": _JSON}


def add_schema_to_interaction(body: dict[str, Any], request: ProviderRequest) -> None:
    """Put what asks for a schema into a body of Interactions."""
    if asked := asked_by(request, "strict"):
        body["response_format"] = {"type": "text", "mime_type": _JSON, "schema": asked.schema}
    elif wants_json(request) and not _HAS_NO_JSON.fullmatch(request.model):
        body.setdefault("response_format", {"type": "text", "mime_type": _JSON})
