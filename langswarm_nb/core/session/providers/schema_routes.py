"""How models are asked for an answer of a schema: one table, by provider and pattern of the name.

As in `intakes`, a model that no row was written for is taken for one of its vendor's newest. The routes that a row
names are those that its service is known to hold a model to; a service that nobody here knows is asked in words, and
told the schema in its own field as well, which it may take or not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langswarm_nb.core.session.provider_events import Route


class Asking(NamedTuple):
    """How some models can be asked: the fields of `Intake` about schemas, by their names there."""

    routes: tuple[Route, ...]
    schema_form: str = "plain"
    is_told_schema: bool = False
    routes_with_tools: tuple[Route, ...] | None = None


class RouteRow(NamedTuple):
    """How some models of a provider can be asked."""

    models: str
    """Pattern of their whole names, in lower case."""
    asking: Asking


def _held(form: str, with_tools: tuple[Route, ...] | None = None) -> Asking:
    """Return how a model is asked that its service holds to a schema."""
    return Asking(("strict", "tool", "prompt"), form, routes_with_tools=with_tools)


_WORDS = Asking(("prompt",))
_TOOL = Asking(("tool", "prompt"))
_TOOL_OR_WORDS = _TOOL._replace(routes_with_tools=("prompt",))
"""Functions do not go beside the service's tools."""
_MASKS = Asking(("strict", "prompt"), is_told_schema=True)
"""Servers that constrain which tokens may come, and do not show the schema to the model."""
_OPENAI = _held("openai")
_CLAUDE = _held("anthropic", ("tool", "prompt"))
"""Found pages are cited, and sources are refused beside a schema."""

_OPENAI_WORDS = r"(?:.*[/:])?(?:o1-(?:mini|preview).*|chatgpt-.*|gpt-3\.5-turbo-instruct.*)"
_OPENAI_TOOLS = (
    r"(?:.*[/:])?(?:gpt-3\.?5.*|gpt-4(?:-.*)?|gpt-4o-2024-05-13|gpt-(?:4o-|realtime-)?(?:mini-)?audio.*)"
)
"""Models from before schemas, and those that speak."""
_OPENAI_SEARCHES = r"(?:.*/)?gpt-.*-search-(?:preview|api).*"
_OPENAI_OSS = r"(?:.*/)?gpt-oss.*"
_NOT_OPENAI = r"(?!(?:ft:|(?:.*/)?(?:gpt-|o[1-9](?:-|$)|chatgpt|codex|computer-use|grok-))).*"
_OPENAI_ROWS = (
    RouteRow(_OPENAI_WORDS, _WORDS),
    RouteRow(_OPENAI_TOOLS, _TOOL),
    RouteRow(_OPENAI_SEARCHES, Asking(("strict", "prompt"), "openai")),
)
_CLAUDE_OLD = (
    r"(?:.*[/.])?claude-(?:[23](?:[.-].*)?|instant.*|(?:opus|sonnet)-4(?:-0)?(?:[-@](?:\d{8}|latest).*)?)"
)
"""Claude before Opus 4.1 and Sonnet 4.5."""
_GROK = r"(?:.*/)?grok-.*"
_SONAR = r"(?:.*/)?sonar.*"
_GEMINI_WORDS = r"(?:.*/)?(?:gemma.*|gemini-.*(?:image|tts|audio|live).*)"
_GEMINI_OLD = r"(?:.*/)?gemini-(?:1|2\.0).*"
_GEMINI_2 = r"(?:.*/)?gemini-2.*"
_GEMINI = _held("gemini", ("strict", "prompt"))
_CLOUD = r".*[:-]cloud"
"""Ollama's names for what its cloud runs: schemas are taken there, and not kept to."""
_HERE = (
    RouteRow(_OPENAI_OSS, _MASKS._replace(schema_form="openai-inlined")),  # it follows no references
    RouteRow(".*", _MASKS),
)

ROUTES: Mapping[str, tuple[RouteRow, ...]] = {
    "mock": (
        RouteRow("script", _WORDS),
        RouteRow(".*", _held("plain")),
    ),
    "openai": (
        *_OPENAI_ROWS,
        RouteRow(r"(?:.*/)?deepseek-.*", _MASKS),
        RouteRow(rf"{_OPENAI_OSS}|{_NOT_OPENAI}", _WORDS),
        RouteRow(".*", _OPENAI),
    ),
    "openai-chat": (*_OPENAI_ROWS, RouteRow(".*", _OPENAI)),
    "azure": (*_OPENAI_ROWS, RouteRow(".*", _OPENAI)),
    "anthropic": (
        RouteRow(r"(?!.*claude).*", _TOOL),  # servers that speak its API with other models
        RouteRow(_CLAUDE_OLD, _TOOL),
        RouteRow(".*", _CLAUDE),
    ),
    "gemini": (
        RouteRow(_GEMINI_WORDS, _WORDS),
        RouteRow(_GEMINI_OLD, _TOOL_OR_WORDS),
        RouteRow(_GEMINI_2, _held("gemini", ("prompt",))),
        RouteRow(".*", _GEMINI),
    ),
    "mistral": (
        RouteRow(r"codestral-mamba.*", _TOOL),
        RouteRow(".*", _held("mistral", ("prompt",))),
    ),
    "groq": (
        RouteRow(r"(?:.*/)?gpt-oss-\d+b", _held("groq", ("prompt",))),
        RouteRow(r"(?:.*/)?compound.*", _WORDS),
        RouteRow(".*", _TOOL_OR_WORDS),
    ),
    "openrouter": (
        *_OPENAI_ROWS,
        RouteRow(_OPENAI_OSS, _TOOL),
        RouteRow(r"(?:.*/)?(?:gpt-|o[1-9]).*|x-ai/.*", _OPENAI),
        RouteRow(r"anthropic/claude-(?:3.*|(?:opus|sonnet)-4)(?::.*)?", _TOOL),
        RouteRow("anthropic/.*", _held("anthropic", ("tool", "prompt"))),
        RouteRow(_GEMINI_WORDS, _WORDS),
        RouteRow("google/.*", _held("gemini", ("prompt",))),
        RouteRow("mistralai/.*", _held("mistral")),
        RouteRow(".*", _WORDS),
    ),
    "deepseek": (RouteRow(".*", _TOOL),),
    "cohere": (
        RouteRow(r"c4ai-.*|command|command-(?:light|nightly).*", _WORDS),
        RouteRow(".*", Asking(("strict", "tool", "prompt"), "cohere", is_told_schema=True)),
    ),
    "ollama": (
        RouteRow(_CLOUD, _WORDS),
        RouteRow(".*", Asking(("strict", "tool", "prompt"), "ollama", is_told_schema=True)),
    ),
    "ollama-chat": (RouteRow(_CLOUD, _WORDS), *_HERE),
    "llamacpp": _HERE,
    "lmstudio": _HERE,
    "vllm": _HERE,
    "litellm": (RouteRow(".*", _WORDS),),
    "openai-compatible": (
        RouteRow(_SONAR, Asking(("strict", "prompt"), "openai", is_told_schema=True)),
        RouteRow(_GROK, _OPENAI),
        RouteRow(r"accounts/.*", _MASKS),  # Fireworks
        RouteRow(".*", _WORDS),
    ),
}
"""Provider's name -> its rows, of which the first that fits counts."""


def asking_of(provider: str, model: str, *, native: bool = False) -> Asking | None:
    """Return how a model can be asked, as far as the table has it; None, where it has no such provider.

    Parameters
    ----------
    native
        Whether the service holds the conversation: it would wait there for the result of a call, so there is no tool.
    """
    name = model.lower()
    found = next((row.asking for row in ROUTES.get(provider, ()) if re.fullmatch(row.models, name)), None)
    return without_tool(found) if found and native else found


def without_tool(asking: Asking) -> Asking:
    """Return how a model can be asked where a call would wait for its result."""
    beside = asking.routes_with_tools
    return asking._replace(
        routes=_but_tool(asking.routes), routes_with_tools=None if beside is None else _but_tool(beside)
    )


def _but_tool(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    return tuple(route for route in routes if route != "tool")
