"""The cost of many requests at once: one price for each model and day, then arithmetic on whole columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import MISSING, Few, few_of
from .prices import MTOK, Price, Rates, Tokens, context_of, find_price

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAFE = 2**62


@dataclass(frozen=True, slots=True)
class Requests:
    """What the cost of requests depends on, a column each."""

    provider: Few
    model: Few
    request_model: Few
    service_tier: Few
    processing: Few
    at_us: NDArray[np.int64]
    """When each was sent, in microseconds since 1970, UTC."""
    input_tokens: NDArray[np.int64]
    cache_read: NDArray[np.int64]
    cache_write: NDArray[np.int64]
    output_tokens: NDArray[np.int64]
    told_usd: NDArray[np.float64]
    """What the provider told; NaN when it told nothing."""
    told_source: Few


def price_all(requests: Requests) -> tuple[NDArray[np.float64], Few]:
    """Return the cost of each request in dollars, NaN when unknown, and where it is from."""
    usd = requests.told_usd.copy()
    sources: NDArray[Any] = np.full(len(usd), None, object)
    told = ~np.isnan(usd)
    sources[told] = np.array([label or "provider" for label in requests.told_source.labels], object)[
        requests.told_source.codes[told]
    ]
    countable = (requests.input_tokens != MISSING) & (requests.output_tokens != MISSING)
    for rows in _alike(requests, np.flatnonzero(~told & countable), DAY_US):
        price = _price_of(requests, rows[0])
        if price is None:
            continue
        parts = [rows] if price.all_day else _alike(requests, rows, MINUTE_US)
        for part in parts:
            price = price if price.all_day else _price_of(requests, part[0]) or price
            usd[part] = _costs(price, requests, part)
        sources[rows[~np.isnan(usd[rows])]] = price.source
    return usd, few_of(sources.tolist())


def _alike(requests: Requests, rows: NDArray[np.int64], span_us: int) -> list[NDArray[np.int64]]:
    """Return the rows in groups of the same model, terms and span of time."""
    if not len(rows):
        return []
    spans = requests.at_us[rows] // span_us
    key = spans - spans.min()
    for few in (
        requests.provider,
        requests.model,
        requests.request_model,
        requests.service_tier,
        requests.processing,
    ):
        # Numbered again each time, so that the key stays small.
        _, key = np.unique(key * len(few.labels) + few.codes[rows], return_inverse=True)
    order = np.argsort(key, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(key[order])) + 1)


def _price_of(requests: Requests, row: int) -> Price | None:
    def label(few: Few) -> str | None:
        return few.labels[int(few.codes[row])]

    at = _EPOCH + timedelta(microseconds=int(requests.at_us[row]))
    context = context_of(label(requests.service_tier), label(requests.processing))
    provider, asked = label(requests.provider) or "", label(requests.request_model) or ""
    return find_price(provider, label(requests.model), asked, at, context)


def _costs(price: Price, requests: Requests, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    counts = [
        requests.input_tokens[rows],
        np.where(requests.cache_read[rows] == MISSING, 0, requests.cache_read[rows]),
        np.where(requests.cache_write[rows] == MISSING, 0, requests.cache_write[rows]),
        requests.output_tokens[rows],
    ]
    costs = np.full(len(rows), np.nan)
    for above, rates in price.steps:
        step = counts[0] > above
        if step.any():
            costs[step] = _linear(rates, [count[step] for count in counts])
    return costs


def _linear(rates: Rates, counts: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return the costs, in whole numbers of the smallest unit, divided once."""
    read, written, received = counts[1], counts[2], counts[3]
    plain = counts[0] - read - written
    amounts = [rates.input, rates.cache_read, rates.cache_write, rates.output, rates.per_request * MTOK]
    digits = max(0, *(-int(amount.normalize().as_tuple().exponent) for amount in amounts))
    units = [int(amount.scaleb(digits)) for amount in amounts]
    if sum(map(abs, units)) * max(1, *(int(np.abs(count).max()) for count in counts)) > _SAFE:
        exact = (rates.usd(Tokens(*map(int, tokens))) for tokens in zip(*counts, strict=True))
        return np.array([np.nan if usd is None else float(usd) for usd in exact])
    total = plain * units[0] + read * units[1] + written * units[2] + received * units[3] + units[4]
    return np.where(plain < 0, np.nan, total / (MTOK * 10.0**digits))
