"""Tools that hosts of Chat Completions have, each in its own form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.providers._dialect.wire import with_tools

if TYPE_CHECKING:
    from langswarm_nb.core.session.provider_events import ProviderRequest

TOOLS: dict[str, dict[str, dict[str, Any]]] = {
    "groq": {
        "web_search": {"type": "browser_search"},
        "code_interpreter": {"type": "code_interpreter"},
    },
    "openrouter": {
        "web_search": {"type": "openrouter:web_search"},
        "web_fetch": {"type": "openrouter:web_fetch"},
    },
}
"""Host -> our name of a tool -> the host's tool."""
_COMPOUND = re.compile(r"(?:.*/)?compound.*")
"""Groq's systems, which have tools by themselves and get a list of those they may use."""
_IN_COMPOUND = {
    "web_search": "web_search",
    "web_fetch": "visit_website",
    "code_interpreter": "code_interpreter",
}


def add_tools(body: dict[str, Any], host: str, request: ProviderRequest) -> None:
    """Put the host's own tools that are asked for into a body; models that search in any case need no word of it."""
    if not request.tools:
        return
    if host == "groq" and _COMPOUND.fullmatch(request.model):
        enabled = [_IN_COMPOUND[tool] for tool in request.tools if tool in _IN_COMPOUND]
        body.setdefault("compound_custom", {"tools": {"enabled_tools": enabled}})
    elif host in TOOLS:
        body["tools"] = with_tools(body.get("tools"), request.tools, TOOLS[host])
    elif host == "openai-chat":  # by models that are made for it
        body.setdefault("web_search_options", {})
