"""Which hosts of Chat Completions decide, where, and in which form."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from langswarm_nb.core.session.answers.schema_errors import no_decisions
from langswarm_nb.core.session.providers._decisions import openai_form, system_one

if TYPE_CHECKING:
    from langswarm_nb.core.session.provider_events import Decision, DecisionRequest
    from langswarm_nb.core.session.providers._http.client import HttpClient

_OPENAI_FORM = {"openai-chat", "azure", "litellm", "openai-compatible"}
_SYSTEM_ONE = {"lmstudio", "ollama-chat", "vllm"}
_PERPLEXITY = re.compile(r"[/.]perplexity\.ai(?::|$)")


async def decide(http: HttpClient, request: DecisionRequest) -> Decision:
    """Return what a host decides.

    Raises
    ------
    SchemaRouteError
        It has no such thing, or not for these questions; nothing was sent.
    ProviderSessionError
        As from `reader.ask`.
    """
    url = http.address.url
    versioned = bool(re.search(r"/v[0-9]+$", url))
    if http.provider == "openrouter":
        return await system_one.decide(_at(http, f"{url.removesuffix('/v1')}/alpha"), "/decisions", request)
    if _PERPLEXITY.search(http.address.origin):
        return await system_one.decide(http, "/decisions" if versioned else "/v1/decisions", request)
    if http.provider in _SYSTEM_ONE:
        return await system_one.decide(http, "/systemone", request)
    if http.provider == "azure" and not versioned:
        return await openai_form.decide(http, "/openai/v1/decisions", request)
    if http.provider in _OPENAI_FORM:
        return await openai_form.decide(http, "/decisions", request)
    raise no_decisions(http.provider, request.request.model)


def _at(http: HttpClient, url: str) -> HttpClient:
    """Return a client for another path of the same service, over the same connections."""
    other = copy.copy(http)
    other.address = http.address._replace(url=url)
    return other
