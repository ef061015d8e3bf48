"""Refuse to send what would cost more than the user allows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from langswarm_nb.core.session import SessionMessage, SessionSettings, SessionValueError
from langswarm_nb.core.session.messages import about_tokens, estimate_tokens
from langswarm_nb.notebook.showing.amounts import UNPRICED_PROVIDERS, cost_usd, dollars_text

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema


def request_tokens(messages: Sequence[SessionMessage], schema: AnswerSchema | None) -> int:
    """Return about how many tokens a request takes: its messages, and the schema that goes beside them."""
    return estimate_tokens(messages) + (0 if schema is None else about_tokens(len(schema.body), 0))


def check_cost(limit_usd: float, requests: Sequence[tuple[SessionSettings, int]]) -> None:
    """Make sure that requests together cost no more than is allowed.

    Parameters
    ----------
    limit_usd : float
        US dollars.
    requests : sequence of tuple
        The settings of each, and about how many tokens are sent.

    Raises
    ------
    SessionValueError
        They would cost more, or a price is not known.
    """
    cost_usd = 0.0
    for settings, input_tokens in requests:
        if settings.provider in UNPRICED_PROVIDERS:
            continue
        price = estimate_usd(settings, input_tokens)
        if price is None:
            raise SessionValueError(
                f"The price of {settings.provider}:{settings.model} is not known, so it cannot be kept within a "
                f"budget. Set it with `langswarm_nb.set_price({settings.model!r}, input_usd_per_mtok, "
                "output_usd_per_mtok)`, or send without a budget."
            )
        cost_usd += price
    if not cost_usd <= limit_usd:  # NaN allows nothing
        raise SessionValueError(
            f"This would cost about {dollars_text(cost_usd)}, and the budget leaves "
            f"{dollars_text(max(0.0, limit_usd))}. Nothing was sent; shorten the prompt, set --max-tokens, or raise "
            "the budget with `%langswarm budget USD`."
        )


def spent_usd(reply: SessionMessage, input_tokens: int) -> float:
    """Return what a reply cost; an estimate when it was cut short before its tokens were counted.

    Parameters
    ----------
    input_tokens : int
        About how many tokens were sent for it.
    """
    facts = reply.request
    if facts is None or facts.provider in UNPRICED_PROVIDERS:
        return 0.0
    text = reply.content + reply.reasoning
    if facts.status != "ok" and (text or facts.status == "stopped"):
        usage = facts.usage
        sent = input_tokens if usage.input_tokens is None else usage.input_tokens
        came = about_tokens(len(text), 0) if usage.output_tokens is None else usage.output_tokens
        facts = replace(facts, usage=replace(usage, input_tokens=sent, output_tokens=came))
    return cost_usd(facts) or 0.0


def estimate_usd(settings: SessionSettings, input_tokens: int) -> float | None:
    """Return about what a request costs: its input, and its reply as far as ``max_tokens`` limits it."""
    from langswarm_nb.analysis.prices import Tokens, find_price

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who asks says that the price is unknown
        price = find_price(settings.provider, None, settings.model, datetime.now(UTC))
    if price is None:
        return None
    usd = price.usd(Tokens(input_tokens, 0, 0, settings.max_tokens or 0))
    return None if usd is None else float(usd)
