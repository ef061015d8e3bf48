"""What all providers share: one vocabulary for what comes back, and the pieces of a message on their way out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderRequestError
from langswarm_nb.core.session.messages import FinishReason
from langswarm_nb.core.session.providers._http.faults import MALFORMED

from .asking import check_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import ModelInfo, ProviderRequest

_FINISH_WORDS = {
    FinishReason.STOP: (
        "stop completed complete end_turn stop_sequence compaction eos eos_token load unload"  # load, unload: Ollama
    ),
    FinishReason.LENGTH: (
        "length incomplete max_tokens max_output_tokens max_messages token_limit model_length continuation "
        "model_context_window_exceeded budget_exceeded requires_continuation"
    ),
    FinishReason.TOOL_CALLS: "tool_calls tool_call tool_use function_call requires_action",
    FinishReason.CONTENT_FILTER: (
        "content_filter content_filtered refusal sensitive guardrail_intervened safety recitation language blocklist "
        "prohibited_content spii jailbreak escalation model_armor image_safety image_prohibited_content "
        "image_recitation error_toxic"
    ),
    FinishReason.INTERRUPTED: (
        "pause_turn steered in_progress queued idle finish_reason_unspecified"  # could go on
    ),
    FinishReason.ERROR: "error failed timeout cancelled",
}
"""What services call their ends. A word that is not here is not a good end; `FinishReason.ERROR` has its own."""
_FINISH_REASONS = {word: reason for reason, words in _FINISH_WORDS.items() for word in words.split()}
_NOT_TOLD = {"", "none", "null"}
_MOST_TOKENS = 2**53
COST = '"cost"'
"""Stands in the JSON of whatever reports a cost."""


def end_word(value: object) -> str | None:
    """Return a service's own word for the end, which may come in an object; None when there is none."""
    if isinstance(value, dict):
        value = value.get("type") or value.get("reason") or value.get("finish_reason") or "an object"
    word = "" if value is None else str(value)
    return None if word.lower() in _NOT_TOLD else word


def finish_reason(word: object) -> FinishReason:
    """Return the `FinishReason` for a service's word: ``ERROR`` for an unknown one, ``STOP`` when there is none."""
    word = end_word(word)
    if word is None:
        return FinishReason.STOP
    return _FINISH_REASONS.get(word.strip().lower().replace("-", "_"), FinishReason.ERROR)


def token_count(value: object) -> int | None:
    """Return a count of tokens; None for what is not a count."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None  # False for NaN


def usd(value: object) -> float | None:
    """Return an amount of dollars; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def models_of(items: Any, read: Callable[[Any], ModelInfo | None]) -> list[ModelInfo]:
    """Return the models of a list; None is an empty one, and an entry in another form costs no other.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        It is not a list, or no entry of it can be read.
    """
    models: list[ModelInfo] = []
    failure: Exception | None = None
    for item in () if items is None else items:
        try:
            model = read(item)
        except MALFORMED as error:
            failure = error
        else:
            models += [] if model is None else [model]
    if failure is not None and not models:
        raise failure
    return models


def as_object(value: object) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    TypeError
        It is none.
    """
    if not isinstance(value, dict):
        raise TypeError(f"a {type(value).__name__} where an object should be")
    return value


def fold(item: dict[str, Any], delta: Mapping[str, Any]) -> None:
    """Add what a delta of a kind that is not known brings to the item: texts grow, all else is set."""
    for name, value in delta.items():
        if isinstance(value, str) and isinstance(item.get(name), str):
            item[name] += value
        elif value is not None or name not in item:
            item[name] = value


def rate_limits(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return what the headers say about rate limits, for `ReplyInfo.details`; empty when nothing."""
    found = {name: value for name, value in headers.items() if "ratelimit" in name}
    return {"rate_limits": found} if found else {}


def cost_in_headers(headers: Mapping[str, str]) -> float | None:
    """Return the dollars that a gateway reports in a header (LiteLLM); None when there is none."""
    try:
        return usd(float(headers.get("x-litellm-response-cost", "")))
    except ValueError:
        return None


def cost_in(body: Any) -> float | None:
    """Return the dollars that a gateway adds to the usage of any dialect (OpenRouter, LiteLLM); None when none."""
    if not isinstance(body, dict):
        return None
    for place in (body, body.get("response"), body.get("message")):
        usage = place.get("usage") if isinstance(place, dict) else None
        if isinstance(usage, dict) and (cost := usd(usage.get("cost"))) is not None:
            return cost
    return None


def told_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that may be kept, by their names in lower case: none that opens a door."""
    return {name: value for name, value in headers.items() if name not in _DOORS}


_DOORS = ("set-cookie", "authorization", "proxy-authenticate", "www-authenticate")


def image_url(part: Part) -> str:
    """Return an image's address, as a data URL when it has none."""
    url = part.get("url")
    return str(url) if url else f"data:{part['media_type']};base64,{part['data']}"


def with_tools(
    given: object, names: Iterable[str], known: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the tools of a request: those that its options have, and those of the service that are asked for by name.

    Parameters
    ----------
    given
        ``tools`` of the options. What stands there as the user wrote it is not put in again.
    known
        Our names of the service's tools, and what it calls them.
    """
    tools = list(given) if isinstance(given, (list, tuple)) else []
    kinds = {_kind(tool) for tool in tools}
    return tools + [dict(known[name]) for name in names if name in known and _kind(known[name]) not in kinds]


def _kind(tool: object) -> str:
    """Return what a tool of a service is, whatever its version: its name, its type, or the one key that it has."""
    if not isinstance(tool, Mapping):
        return ""
    return str(tool.get("name") or tool.get("type") or ",".join(tool))


@dataclass(frozen=True)
class RefusedOption:
    """An option that some models do not take, so that asking for it needs no request to fail."""

    option: str
    models: str
    """Pattern for the whole model name."""
    why: str
    unless: tuple[str, tuple[Any, ...]] = ("", ())
    """Another option, and its values (None: not set) with which the model takes this one."""
    takes: Callable[[Any], bool] = lambda value: value is None
    """Whether the model takes this value all the same."""

    def hits(self, model: str, options: Mapping[str, Any]) -> bool:
        """Return whether a request asks for it in vain."""
        if self.takes(options.get(self.option)) or not re.fullmatch(self.models, model):
            return False
        other, values = self.unless
        return options.get(other) not in values


def check_options(
    provider: str,
    request: ProviderRequest,
    table: Iterable[RefusedOption],
    reserved: Iterable[str] = ("model", "messages", "stream"),
    formats: Iterable[str] = ("response_format",),
) -> None:
    """Raise an error for an option that the model does not take.

    Parameters
    ----------
    formats
        Names of the options that ask for a schema: see `check_schema`.

    Raises
    ------
    ProviderRequestError
        The model does not take an option, which the error names; nothing was sent.
    SchemaRouteError
        It cannot be asked for the schema in this way.
    """
    check_schema(provider, request, formats)
    problem, option = "", ""
    for name in reserved:
        if name in request.options:
            problem, option = "it is set by the session itself", name
    for refused in table:
        if refused.hits(request.model, request.options):
            problem, option = refused.why, refused.option
    if problem:
        raise ProviderRequestError(
            f"{provider}:{request.model} does not take the option {option!r}: {problem}. Leave it out.",
            provider=provider,
            model=request.model,
            code="unsupported_parameter",
        )
