"""What asks a service for an answer of a schema: the pieces that its dialect puts into a request.

By the route ``strict`` a service holds its model to the schema. By ``tool`` the model gets one tool, which it has to
call where it can be made to; `answer_reader` reads the call as the answer. By ``prompt`` the messages have said it all,
and what a service has for JSON is asked for where it stands in nobody's way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.answers.schema_errors import SchemaRouteError
from langswarm_nb.core.session.errors import ProviderRequestError
from langswarm_nb.core.session.messages import MessageRole

from .adjustments import Adjustment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langswarm_nb.core.session.provider_events import AskedSchema, ProviderRequest, Route

_TOOLS = ("tools", "tool_choice", "toolConfig", "tool_config", "functions", "function_call")
"""Options with tools of the user's, under all their names."""
_HOW = "Hand over the answer by calling this, once, and say nothing else."


def asked_by(request: ProviderRequest, route: Route) -> AskedSchema | None:
    """Return the schema that a request asks for by a route; None when it asks for none, or otherwise."""
    asked = request.schema
    return asked if asked is not None and asked.route == route else None


def tool_name(asked: AskedSchema) -> str:
    """Return what the tool is called whose call is the answer; no service takes a digit or a dash before all."""
    first = asked.name[:1]
    return asked.name if first.isalpha() or first == "_" else f"_{asked.name[:63]}"


def tool_described(asked: AskedSchema) -> str:
    """Return the description of the tool."""
    about = asked.schema.get("description")
    return f"{about}\n{_HOW}" if isinstance(about, str) and about.strip() else _HOW


def function_tool(asked: AskedSchema) -> dict[str, Any]:
    """Return the tool in the form of Chat Completions, which most services have."""
    function = {"name": tool_name(asked), "description": tool_described(asked), "parameters": asked.schema}
    return {"type": "function", "function": function}


def force_adjustments(body: Mapping[str, Any], request: ProviderRequest) -> list[Adjustment]:
    """Return what makes a model call the tool, and call it alone: a server that refuses it may be asked without."""
    asked = asked_by(request, "tool")
    names = () if asked is None else ("tool_choice", "parallel_tool_calls")
    return [
        Adjustment(name, lambda body, name=name: body.pop(name))  # type: ignore[misc]
        for name in names
        if name in body and name not in request.options
    ]


def schema_format(asked: AskedSchema) -> dict[str, Any]:
    """Return a schema as ``response_format`` of Chat Completions; words alone are held to it as far as that goes."""
    named = {"name": asked.name, "schema": asked.schema, "strict": asked.route == "strict"}
    return {"type": "json_schema", "json_schema": named}


def says_json(request: ProviderRequest) -> bool:
    """Return whether the messages have the word that services want to read where only JSON may come."""
    return any("json" in message.content.lower() for message in request.messages)


def wants_json(request: ProviderRequest) -> bool:
    """Return whether a service may be held to JSON, as words have asked for it: few can call tools then."""
    return (
        asked_by(request, "prompt") is not None
        and not request.tools
        and not request.options.keys() & set(_TOOLS)
        and says_json(request)
    )


def check_schema(provider: str, request: ProviderRequest, options: Iterable[str]) -> None:
    """Refuse what cannot be asked for together.

    Parameters
    ----------
    options
        Names of the options by which the user could ask for a schema himself, one in another as ``text.format``.

    Raises
    ------
    ProviderRequestError
        An option asks for what ``schema`` asks for.
    SchemaRouteError
        The service holds the conversation, and would wait there for the result of a call.
    """
    asked = request.schema
    if asked is None or asked.route == "prompt":
        return
    if asked.route == "tool" and request.native:
        raise SchemaRouteError(
            f"{provider}:{request.model} cannot be asked for {asked.name!r} by a tool in a conversation that the "
            "service holds: it would wait for the result of the call. Use the backend 'local', or another model."
        )
    names = [*options, *(_TOOLS if asked.route == "tool" else ())]
    given = next((name for name in names if _is_given(request.options, name)), None)
    if given is not None:
        raise ProviderRequestError(
            f"{provider}:{request.model} cannot take the option {given!r} beside schema={asked.name!r}: the schema is "
            "asked for by it. Leave one of the two out.",
            provider=provider,
            model=request.model,
            code="unsupported_parameter",
        )


def _is_given(options: Mapping[str, Any], name: str) -> bool:
    outer, _, inner = name.partition(".")
    value = options.get(outer)
    if inner:
        value = value.get(inner) if isinstance(value, Mapping) else None
    return value is not None


def told_json_in_system(request: ProviderRequest) -> bool:
    """Return whether only system messages have the word JSON."""
    return not any(
        "json" in message.content.lower()
        for message in request.messages
        if message.role is not MessageRole.SYSTEM
    )
