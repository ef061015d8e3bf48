"""Amounts in few characters: tokens, seconds, money."""

from __future__ import annotations

import math
import warnings

from langswarm_nb.core.session.messages import RequestFacts, Usage
from langswarm_nb.core.session.providers.catalogue import FREE_PROVIDERS, OWN_PROVIDERS

UNPRICED_PROVIDERS = FREE_PROVIDERS
"""Providers that cost nothing, and never have a price."""
ROUTES = {"tool": "schema by a tool", "prompt": "schema by the prompt"}
"""How a model was held to a schema, where its service did not do that, in words."""
_TENTH_OF_A_CENT = 0.001


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
    """Return ``2.1 s (first 0.4 s)``, without the first where it came at once."""
    if facts.duration_s is None:
        return ""
    first = facts.time_to_first_chunk_s
    came_at_once = first is None or round(first, 1) == 0
    return f"{facts.duration_s:.1f} s" + ("" if came_at_once else f" (first {first:.1f} s)")


def cost_usd(facts: RequestFacts) -> float | None:
    """Return what a request cost in US dollars, reported by its provider or from the price table; None when unknown."""
    from langswarm_nb.analysis.prices import cost_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who shows it says that the price is unknown
        found = cost_of(facts)
    return None if found is None else found[0]


def price_text(provider: str, cost_usd: float | None) -> str:
    """Return what an answer cost; nothing where it is not known and nobody misses it: of mock and local models."""
    is_missed = provider not in FREE_PROVIDERS | OWN_PROVIDERS
    return dollars_text(cost_usd) if is_missed or cost_usd else ""


def dollars_text(cost_usd: float | None) -> str:
    """Return an amount with the digits that matter."""
    if cost_usd is None:
        return "price unknown"
    if cost_usd >= 1 or cost_usd == 0:
        return f"${cost_usd:,.2f}"
    digits = 4 if cost_usd >= _TENTH_OF_A_CENT or cost_usd <= 0 else 1 - math.floor(math.log10(cost_usd))
    return f"${cost_usd:.{digits}f}"
