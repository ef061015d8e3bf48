"""How a host of Chat Completions is asked for an answer of a schema, and what it may refuse of that."""

from __future__ import annotations

from dataclasses import replace
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
    from collections.abc import Collection, Mapping

    from langswarm_nb.core.session.provider_events import Intake, ProviderRequest, Route
    from langswarm_nb.core.session.providers.catalogue import ChatHost

_ROUTES: tuple[Route, ...] = ("strict", "tool", "prompt")
_SCHEMAS_SINCE = "2024-08-01"
"""Azure's first version that takes schemas."""
_FORMAT, _CHOICE, _PARALLEL = "response_format", "tool_choice", "parallel_tool_calls"


def add_schema(body: dict[str, Any], host: ChatHost, request: ProviderRequest) -> None:
    """Put what asks for a schema into a body."""
    if asked := asked_by(request, "strict"):
        body[_FORMAT] = schema_format(asked)
        if host.routes_by_what_is_asked:
            body["provider"] = {"require_parameters": True, **(body.get("provider") or {})}
    elif asked := asked_by(request, "tool"):
        body["tools"] = [*(body.get("tools") or ()), function_tool(asked)]
        if not request.tools and not (host.thinks_at_choice and _may_think(request.options)):
            body[_CHOICE] = {"type": "function", "function": {"name": tool_name(asked)}}
        if host.is_openai:
            body[_PARALLEL] = False
    elif request.schema is not None and wants_json(request) and host.json_mode:
        is_plain = host.json_mode == "json_object"
        body.setdefault(_FORMAT, {"type": "json_object"} if is_plain else schema_format(request.schema))


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
    if _FORMAT in body and _FORMAT not in request.options and (asked.route == "prompt" or is_told):
        found.append(Adjustment(_FORMAT, lambda body: body.pop(_FORMAT), is_format=True))
    return [*found, *force_adjustments(body, request)]


def with_routes(known: Intake, told: Collection[str] | None, api_version: str | None = None) -> Intake:
    """Return an intake with what else is known of a model.

    Parameters
    ----------
    told
        The parameters that it takes, where a list of models tells them.
    api_version
        Azure's, where one is named.
    """
    if api_version is not None and api_version < _SCHEMAS_SINCE:
        known = replace(known, routes=tuple(route for route in known.routes if route != "strict"))
    if told is None:
        return known
    has = {"strict": "structured_outputs" in told, "tool": {"tools", "tool_choice"} <= set(told)}
    beside = known.routes_with_tools
    return replace(
        known,
        routes=tuple(route for route in _ROUTES if has.get(route, True)),
        routes_with_tools=None if beside is None else tuple(r for r in beside if has.get(r, True)),
        schema_form=known.schema_form if "strict" in known.routes else "openai",
    )


def _may_think(options: Mapping[str, Any]) -> bool:
    thinking = options.get("thinking")
    is_off = isinstance(thinking, dict) and thinking.get("type") == "disabled"
    return not is_off and options.get("reasoning_effort") != "none"
