"""The line below a reply: who answered, tokens, seconds, money, and where in the conversation it stands."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from langswarm_nb.core.session import FinishReason, RequestFacts, Usage

if TYPE_CHECKING:
    from .reply import Reply

UNPRICED_PROVIDERS = frozenset({"mock"})
"""Services that cost nothing, so that their price is not missed."""
_TENTH_OF_A_CENT = 0.001


def footer_line(reply: Reply, *, place: str) -> str:
    """Return the line, its parts joined by `` · ``.

    Parameters
    ----------
    reply : Reply
        What it is about.
    place : str
        Branch and turn, e.g. ``main#7 v2``.
    """
    facts = reply.message.request
    if facts is None:
        return place
    parts = [
        mark(reply),
        facts.model_id,
        tokens_text(facts.usage, facts.tokens_source),
        seconds_text(facts),
        money_text(reply, facts),
        place,
    ]
    return " · ".join(part for part in parts if part)


def mark(reply: Reply) -> str:
    """Return how the reply ended, when it is not the usual way."""
    words = {
        FinishReason.LENGTH: "cut at the token limit",
        FinishReason.CONTENT_FILTER: "withheld by the content filter",
        FinishReason.TOOL_CALLS: "asks for tools",
    }
    if reply.status == "stopped":
        return "■ stopped"
    if reply.status == "error":
        return "✗ failed"
    return next((word for reason, word in words.items() if reply.finish_reason == reason), "")


def tokens_text(usage: Usage, source: str | None) -> str:
    """Return ``412→128 tok``; with ``~`` before an estimate, empty when nothing is known."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return ""
    sign = "~" if source == "estimate" else ""
    return f"{sign}{count_text(usage.input_tokens)}→{count_text(usage.output_tokens)} tok"


def count_text(number: int | None) -> str:
    """Return ``412``, ``12.3k``, ``1.2M``; a question mark when it is not known."""
    if number is None:
        return "?"
    for size, unit in ((1_000_000, "M"), (10_000, "k")):
        if number >= size:
            return f"{number / (1000 if unit == 'k' else size):.1f}{unit}"
    return str(number)


def seconds_text(facts: RequestFacts) -> str:
    """Return ``2.1 s (first 0.4 s)``."""
    if facts.duration_s is None:
        return ""
    first = facts.time_to_first_chunk_s
    return f"{facts.duration_s:.1f} s" + ("" if first is None else f" (first {first:.1f} s)")


def money_text(reply: Reply, facts: RequestFacts) -> str:
    """Return ``$0.0021``, or that the price is not known; never a false 0."""
    if facts.provider in UNPRICED_PROVIDERS:
        return ""
    return dollars_text(reply.cost_usd)


def cost_usd(facts: RequestFacts) -> float | None:
    """Return what a request cost in US dollars, told by its provider or from the price table; None when unknown."""
    from langswarm_nb.analysis.prices import cost_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who shows it says that the price is unknown
        found = cost_of(facts)
    return None if found is None else found[0]


def dollars_text(cost_usd: float | None) -> str:
    """Return an amount with the digits that matter."""
    if cost_usd is None:
        return "price unknown"
    if cost_usd >= 1:
        return f"${cost_usd:,.2f}"
    digits = 4 if cost_usd >= _TENTH_OF_A_CENT or cost_usd <= 0 else 1 - math.floor(math.log10(cost_usd))
    return f"${cost_usd:.{digits}f}"


def details(reply: Reply) -> list[tuple[str, str]]:
    """Return all that is known of the request, as names and values."""
    facts = reply.message.request
    if facts is None:
        return []
    usage = facts.usage
    counts = {
        "input": usage.input_tokens,
        "of it cached": usage.cached_input_tokens,
        "of it written to the cache": usage.cache_write_tokens,
        "output": usage.output_tokens,
        "of it reasoning": usage.reasoning_tokens,
    }
    rows = [(name, f"{number:,} tokens") for name, number in counts.items() if number is not None]
    rows += [(name, str(value)) for name, value in facts.params.items()]
    rows += [("attempts", str(facts.attempts))] if facts.attempts > 1 else []
    rows += [("waited", f"{facts.queued_s:.1f} s")] if facts.queued_s else []
    rows += [("finish reason", str(reply.finish_reason or "none"))]
    rows += [("request id", facts.provider_request_id)] if facts.provider_request_id else []
    rows += [("message id", reply.message.id)]
    return rows
