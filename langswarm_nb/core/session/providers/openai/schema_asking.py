"""How Responses are asked for an answer of a schema, and what a server may refuse of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.adjustments import Adjustment
from langswarm_nb.core.session.providers._dialect.asking import (
    asked_by,
    force_adjustments,
    function_tool,
    schema_format,
    tool_name,
    wants_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langswarm_nb.core.session.provider_events import AskedSchema, ProviderRequest

FORMATS = ("text.format", "response_format")
_CHOICE, _PARALLEL = "tool_choice", "parallel_tool_calls"


def add_schema(body: dict[str, Any], request: ProviderRequest) -> None:
    """Put what asks for a schema into a body."""
    if asked := asked_by(request, "strict"):
        body["text"] = {**(body.get("text") or {}), "format": _format(asked)}
    elif asked := asked_by(request, "tool"):
        # Unless told not to, the service tries to hold it to the schema, and changes that for it.
        tool = {"type": "function", **function_tool(asked)["function"], "strict": False}
        body["tools"] = [*(body.get("tools") or ()), tool]
        body[_PARALLEL] = False
        if not request.tools:
            body[_CHOICE] = {"type": "function", "name": tool_name(asked)}
    elif wants_json(request):
        body["text"] = {"format": {"type": "json_object"}, **(body.get("text") or {})}


def _format(asked: AskedSchema) -> dict[str, Any]:
    told = schema_format(asked)
    return {"type": told["type"], **told["json_schema"]}


def schema_adjustments(
    body: Mapping[str, Any], request: ProviderRequest, *, is_told: bool
) -> list[Adjustment]:
    """Return what a server may refuse: the format, where the messages have the schema too, and what forces a call.

    Parameters
    ----------
    is_told
        Whether the messages tell it by the route ``strict`` too.
    """
    asked = request.schema
    if asked is None:
        return []
    found: list[Adjustment] = []
    given = request.options.get("text")
    is_given = isinstance(given, dict) and given.get("format") is not None
    if (body.get("text") or {}).get("format") and not is_given and (asked.route == "prompt" or is_told):
        found.append(Adjustment("text", _without_format, is_format=True))
    return [*found, *force_adjustments(body, request)]


def _without_format(body: dict[str, Any]) -> None:
    body["text"].pop("format")
    if not body["text"]:
        body.pop("text")
