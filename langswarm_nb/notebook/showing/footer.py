"""The line below a reply: who answered, tokens, seconds, money, and the turn it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langswarm_nb.core.session.messages import FinishReason, RequestFacts, Usage
from langswarm_nb.core.session.text import one_line

from .amounts import ROUTES, price_text, seconds_text, tokens_text
from .column import Column

if TYPE_CHECKING:
    from .reply import Reply

_LONGEST_WORD = 40


def footer_line(reply: Reply, *, place: str) -> str:
    """Return the line, its parts joined by `` · ``.

    Parameters
    ----------
    reply : Reply
        What it is about.
    place : str
        Turn and version, with what is said of them: ``turn 7.2 · aside``.
    """
    facts = reply.message.request
    if facts is None:
        return place
    parts = [
        mark(reply),
        facts.model_id,
        tokens_text(_usage(reply, facts), facts.tokens_source),
        seconds_text(facts),
        money_text(reply, facts),
        *schema_words(reply),
        *carried_words(reply),
        place,
    ]
    return " · ".join(part for part in parts if part)


def schema_words(reply: Reply) -> list[str]:
    """Return how the model was held to a schema, when its service did not do that, and how many attempts it took."""
    words = [ROUTES[reply.route]] if reply.route in ROUTES else []
    return [*words, *([f"{reply.attempts} attempts"] if reply.attempts > 1 else [])]


def _usage(reply: Reply, facts: RequestFacts) -> Usage:
    """Return the tokens of all attempts."""
    before = [message.usage or Usage() for message in reply.attempts_before]
    if not before:
        return facts.usage
    counts = [(each.input_tokens, each.output_tokens) for each in (*before, facts.usage)]
    sums = [None if None in column else sum(filter(None, column)) for column in zip(*counts, strict=True)]
    return Usage(input_tokens=sums[0], output_tokens=sums[1])


def carried_words(reply: Reply) -> list[str]:
    """Return how many sources a reply names, and what was attached to its question."""
    words: list[str] = []
    if reply.message.citations:
        from langswarm_nb.analysis.sources import count_sources

        sources = count_sources(reply.message.citations)
        words.append(f"{sources} source{'s' * (sources != 1)}")
    if reply.question.attachments:
        from .carried import attachments_words

        words.append(attachments_words(reply.question.attachments))
    return words


def column(reply: Reply) -> Column | None:
    """Return what stands above and below a reply that a page shows beside others."""
    facts = reply.message.request
    if facts is None:
        return None
    times_and_money = " · ".join(filter(None, (_seconds(facts), money_text(reply, facts))))
    way = goes_on(reply)
    told = [
        mark(reply),
        tokens_text(_usage(reply, facts), facts.tokens_source),
        *schema_words(reply),
        *carried_words(reply),
        reply.place.replace(f" · {way}", ""),
    ]
    step = ("Go on with this one:", f"%langswarm use {reply.address}") if way in reply.place and way else None
    return Column(times_and_money, " · ".join(filter(None, told)), step)


def goes_on(reply: Reply) -> str:
    """Return what goes on with a reply that the conversation does not go on with; empty where nothing came."""
    return f"%langswarm use {reply.address} goes on from here" if reply.text else ""


def _seconds(facts: RequestFacts) -> str:
    return "" if facts.duration_s is None else f"{facts.duration_s:.1f} s"


def mark(reply: Reply) -> str:
    """Return how the reply ended, when it is not the usual way."""
    words = {
        FinishReason.LENGTH: "cut at the token limit",
        FinishReason.CONTENT_FILTER: "withheld by the content filter",
        FinishReason.TOOL_CALLS: "asks for tools",
    }
    if reply.status == "stopped":
        facts = reply.message.request
        word = None if facts is None else facts.provider_finish_reason
        return f"■ paused by the service ({one_line(word, _LONGEST_WORD)})" if word else "■ stopped"
    if reply.status == "error":
        return "✗ failed"
    return next((word for reason, word in words.items() if reply.finish_reason == reason), "")


def money_text(reply: Reply, facts: RequestFacts) -> str:
    """Return ``$0.0021``, or that the price is not known; never a false 0."""
    return price_text(facts.provider, reply.cost_usd)


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
