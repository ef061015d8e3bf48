"""How Messages are asked for an answer of a schema, by which models, and what they refuse beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.asking import asked_by, tool_described, tool_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langswarm_nb.core.session.provider_events import ProviderRequest

FORMATS = ("output_config.format", "output_format")
_TAKES_NO_FORCE = (
    r"(?!.*claude).*"
    r"|(?:.*[/.])?claude-(?:(?:fable|mythos)-5-[1-9]|(?:opus|sonnet)-5-[5-9]|[a-z]+-(?:[6-9]|\d\d)\b).*"
)
"""Models that refuse to be made to call a tool; of those of other makers too many do."""


def add_schema(body: dict[str, Any], request: ProviderRequest) -> None:
    """Put what asks for a schema into a body; there is nothing for JSON that was asked for in words."""
    if asked := asked_by(request, "strict"):
        wanted = {"type": "json_schema", "schema": asked.schema}
        body["output_config"] = {**(body.get("output_config") or {}), "format": wanted}
        body["tools"] = [_uncited(tool) for tool in body.get("tools") or ()]
        if not body["tools"]:
            del body["tools"]
    elif asked := asked_by(request, "tool"):
        tool = {"name": tool_name(asked), "description": tool_described(asked), "input_schema": asked.schema}
        body["tools"] = [*(body.get("tools") or ()), tool]
        may_force = not (request.tools or _thinks(body) or re.fullmatch(_TAKES_NO_FORCE, request.model))
        choice = {"type": "tool", "name": tool["name"]} if may_force else {"type": "auto"}
        body["tool_choice"] = {**choice, "disable_parallel_tool_use": True}


def is_forced(body: Mapping[str, Any]) -> bool:
    """Return whether a body makes its model call a tool."""
    choice = body.get("tool_choice")
    return isinstance(choice, dict) and choice.get("type") == "tool"


def without_force(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body whose model may choose: with one tool there is little to choose from."""
    return {**body, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}


def _thinks(body: Mapping[str, Any]) -> bool:
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") == "enabled"


def _uncited(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a tool that names no sources: those are refused beside a schema."""
    return {name: value for name, value in tool.items() if name != "citations"}
