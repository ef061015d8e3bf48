"""What a request costs: prices that were set here, else those of the package genai-prices; an unknown price is none.

No pandas here, so that the cost of one reply is known without it. genai-prices (extra ``cost``) is imported at the
first price that is looked up; it works offline and is never made to fetch anything unless `update_prices` is called.
"""

from __future__ import annotations

import inspect
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.errors import MissingExtraError, SessionStorageError
from langswarm_nb.core.session.messages import RequestFacts
from langswarm_nb.core.session.provider_events import DECISIONS
from langswarm_nb.core.session.providers.catalogue import FREE_PROVIDERS, OWN_PROVIDERS
from langswarm_nb.core.session.text import one_line

MTOK = 1_000_000
_NOT_IN_TABLE = FREE_PROVIDERS | OWN_PROVIDERS
"""For these the table, which takes a tenth of a second to load, has no price."""

Context: TypeAlias = tuple[tuple[str, str], ...]
"""What else the price depends on, e.g. ``(("service_tier", "flex"),)``."""


class UnknownPriceWarning(UserWarning):
    """The price of a model is not known, so that its costs are NA.

    Attributes
    ----------
    unpriced_model : str
        ``provider:model``; by this attribute a notebook knows the warning.
    """

    def __init__(self, text: str, unpriced_model: str) -> None:
        super().__init__(text)
        self.unpriced_model = unpriced_model


class Tokens(NamedTuple):
    """Counts of one request; `input` includes the other two of the input."""

    input: int
    cache_read: int
    cache_write: int
    output: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Dollars per million tokens."""

    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    output: Decimal
    per_request: Decimal = Decimal(0)
    """Dollars."""

    def usd(self, tokens: Tokens) -> Decimal | None:
        """Return the cost of one request in dollars; None when the counts contradict each other."""
        plain = tokens.input - tokens.cache_read - tokens.cache_write
        if plain < 0:
            return None
        read, written = self.cache_read * tokens.cache_read, self.cache_write * tokens.cache_write
        return self.per_request + (self.input * plain + read + written + self.output * tokens.output) / MTOK


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs at a time: rates that may step up with the length of the input."""

    steps: tuple[tuple[int, Rates], ...]
    """Rates, each for requests with more input tokens than the number beside it; ascending, from -1."""
    source: Literal["table", "override"]
    all_day: bool = True
    """False when it changes with the time of day."""

    def usd(self, tokens: Tokens) -> Decimal | None:
        """Return the cost of one request in dollars; None when the counts contradict each other."""
        rates = [rates for above, rates in self.steps if tokens.input > above]
        return rates[-1].usd(tokens) if rates else None


_lock = threading.Lock()
_own: dict[tuple[str | None, str], Price] = {}
_warned: set[tuple[str, str]] = set()


def set_price(
    model: str,
    input_usd_per_mtok: float,
    output_usd_per_mtok: float,
    cache_read_usd_per_mtok: float | None = None,
    provider: str | None = None,
) -> None:
    """Set the price of a model for this process; it replaces the one in the price table.

    Parameters
    ----------
    model : str
        Name of the model, as in the columns ``model`` or ``request_model``.
    input_usd_per_mtok, output_usd_per_mtok : float
        US dollars per million tokens; 0 declares a free model, such as a local one.
    cache_read_usd_per_mtok : float, optional
        For input that was read from a cache; by default as other input.
    provider : str, optional
        Only for this provider; by default for all.

    Raises
    ------
    SessionValueError, SessionTypeError
        A price is negative or not a number.

    Examples
    --------
    >>> set_price("llama3", 0, 0)
    """
    checks.text("model", model)
    if provider is not None:
        checks.text("provider", provider)
    cache_usd = input_usd_per_mtok if cache_read_usd_per_mtok is None else cache_read_usd_per_mtok
    sent, received, read = (
        Decimal(repr(checks.number(name, amount, at_least=0)))
        for name, amount in (
            ("input_usd_per_mtok", input_usd_per_mtok),
            ("output_usd_per_mtok", output_usd_per_mtok),
            ("cache_read_usd_per_mtok", cache_usd),
        )
    )
    rates = Rates(input=sent, cache_read=read, cache_write=sent, output=received)
    with _lock:
        _own[provider, model] = Price(((-1, rates),), "override")


def update_prices() -> None:
    """Fetch the newest price table over the network, once; prices are never fetched in any other way.

    Raises
    ------
    MissingExtraError
        The extra ``cost`` is not installed.
    SessionStorageError
        The table could not be fetched; the old one stays in use.
    """
    prices = _genai_prices(needed=True)
    try:
        snapshot = prices.UpdatePrices().fetch()
    except Exception as error:
        raise SessionStorageError(
            f"The price table could not be fetched ({type(error).__name__}: {error}). "
            "The one that came with genai-prices stays in use; check the network, or use set_price."
        ) from error
    prices.data_snapshot.set_custom_snapshot(snapshot)
    _price_at.cache_clear()
    _changes_in_a_day.cache_clear()


def cost_of(facts: RequestFacts) -> tuple[float, Literal["provider", "table", "override"]] | None:
    """Return the cost of one request in US dollars and where it is from; None when it is not known."""
    if facts.cost_usd is not None:
        return facts.cost_usd, facts.cost_source or "provider"
    usage = facts.usage
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    at = facts.started_at or datetime.now(UTC)
    price = find_price(facts.provider, facts.model, facts.request_model, at, price_context(facts))
    if price is None:
        return None
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    usd = price.usd(Tokens(usage.input_tokens, cached, written, usage.output_tokens))
    return None if usd is None else (float(usd), price.source)


def price_context(facts: RequestFacts) -> Context:
    """Return what the price depends on beside the model: service tier, batch processing."""
    told: Mapping[str, Any] = {**facts.params, **facts.details}
    return context_of(*(told.get(name) for name in CONTEXT_NAMES))


CONTEXT_NAMES = ("service_tier", "processing")


def context_of(*values: Any) -> Context:
    """Return the context of values for `CONTEXT_NAMES`; what is not text is left out."""
    return tuple(
        (name, value) for name, value in zip(CONTEXT_NAMES, values, strict=True) if isinstance(value, str)
    )


def find_price(
    provider: str, model: str | None, request_model: str, at: datetime, context: Context = ()
) -> Price | None:
    """Return the price of a model on a day; None, with one warning for each model, when nobody knows it.

    Parameters
    ----------
    provider : str
        Name of the provider.
    model, request_model : str
        The model that answered, if it was reported, and the one that was asked for.
    at : datetime
        When; prices change from day to day.
    context : tuple of pairs
        Service tier and the like.
    """
    names = [name for name in dict.fromkeys((model, request_model)) if name]
    is_decision = _DECISION in context
    context = tuple(pair for pair in context if pair != _DECISION)
    for key in [*((provider, name) for name in names), *((None, name) for name in names)]:
        if key in _own:
            return _own[key]
    for name in names:
        if is_decision and (price := _of_decisions(provider, name)) is not None:
            return price
        if (price := _from_table(provider, name, at, context)) is not None:
            return price
    _warn(provider, names[0] if names else request_model)
    return None


class _DecisionPrice(NamedTuple):
    """What decisions cost: input alone, in dollars per million tokens; cached input costs as much."""

    providers: tuple[str, ...]
    models: str
    """Pattern of whole names, in lower case."""
    usd_per_mtok: tuple[tuple[int, str], ...]
    """Prices, each for requests with more input tokens than the number beside it."""


_DECISION = ("processing", DECISIONS)
_DECISION_PRICES = (
    # https://developers.openai.com/api/docs/guides/decisions, as genai-prices 0.2.3 has it on 30 November 2026.
    _DecisionPrice(("openai", "openai-chat"), r"(?:.*/)?gpt-6-luna.*", ((-1, "0.1"), (272_000, "0.2"))),
    # https://apidog.com/blog/how-to-use-gemini-decisions-api, second-hand, on 30 November 2026; there is a free tier.
    _DecisionPrice(("gemini",), r"(?:models/)?gemini-decision.*", ((-1, "0.1"),)),
)


def _of_decisions(provider: str, model: str) -> Price | None:
    for row in _DECISION_PRICES:
        if provider in row.providers and re.fullmatch(row.models, model.lower()):
            amounts = ((above, Decimal(usd)) for above, usd in row.usd_per_mtok)
            steps = tuple((above, Rates(usd, usd, usd, Decimal(0))) for above, usd in amounts)
            return Price(steps, "table")
    return None


def own_rates(provider: str, model: str) -> Rates | None:
    """Return what `set_price` has set for a model; None when it has not."""
    price = _own.get((provider, model)) or _own.get((None, model))
    return None if price is None else price.steps[0][1]


def price_table() -> Any:
    """Return the table of genai-prices as it is now; None when the package is not installed."""
    prices = _genai_prices()
    return None if prices is None else prices.data_snapshot.get_snapshot()


def _warn(provider: str, model: str) -> None:
    with _lock:
        if provider in FREE_PROVIDERS or (provider, model) in _warned:
            return
        _warned.add((provider, model))
    way = f"set_price({model!r}, input_usd_per_mtok, output_usd_per_mtok)"
    hint = "" if find_spec("genai_prices") else " Most prices come with `pip install 'langswarm-nb[cost]'`."
    text = (
        f"The price of {provider}:{model} is not known, so its costs are NA. Set it with `{way}`, 0 and 0 for a "
        f"free model.{hint}"
    )
    warnings.warn(
        UnknownPriceWarning(text, one_line(f"{provider}:{model}", 100)),
        stacklevel=_levels_to_the_caller(),
    )


def _levels_to_the_caller() -> int:
    """Return how many calls up the first line is that is not ours: the line that asked for costs."""
    ours = str(Path(__file__).parents[1])
    frame, levels = inspect.currentframe(), 0
    while frame is not None and frame.f_code.co_filename.startswith(ours):
        frame, levels = frame.f_back, levels + 1
    return levels


def _from_table(provider: str, model: str, at: datetime, context: Context) -> Price | None:
    if provider in _NOT_IN_TABLE:
        return None
    minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    when = minute if _changes_in_a_day(provider, model) else minute.replace(hour=0, minute=0)
    return _price_at(provider, model, when, context)


@lru_cache(maxsize=1024)
def _changes_in_a_day(provider: str, model: str) -> bool:
    prices = _genai_prices()
    if prices is None:
        return False
    try:
        found = prices.calc_price(prices.Usage(), model, provider_id=provider)
    except LookupError:
        return False
    periods = found.model.prices if isinstance(found.model.prices, list) else []
    return any(isinstance(period.constraint, prices.types.TimeOfDateConstraint) for period in periods)


@lru_cache(maxsize=4096)
def _price_at(provider: str, model: str, at: datetime, context: Context) -> Price | None:
    prices = _genai_prices()
    if prices is None:
        return None

    def calculated(tokens: Tokens) -> Any:
        usage = prices.Usage(
            input_tokens=tokens.input,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=tokens.cache_write,
            output_tokens=tokens.output,
        )
        terms = dict(context) or None
        return prices.calc_price(
            usage, model, provider_id=provider, genai_request_timestamp=at, price_context=terms
        )

    try:
        rates = vars(calculated(Tokens(0, 0, 0, 0)).model_price).values()
    except LookupError:
        return None
    tiers = [rate.tiers for rate in rates if isinstance(rate, prices.types.TieredPrices)]
    starts = sorted({-1, *(tier.start for some in tiers for tier in some)})
    steps = tuple(
        (above, _rates(lambda tokens: calculated(tokens).total_price, above + 1)) for above in starts
    )
    return Price(steps, "table", all_day=not _changes_in_a_day(provider, model))


def _rates(usd: Callable[[Tokens], Decimal], least: int) -> Rates:
    """Return the rates that hold from ``least`` input tokens on, from what one token more of each kind costs."""
    base = usd(Tokens(least + 1, 0, 0, 0))
    sent = (usd(Tokens(least + 2, 0, 0, 0)) - base) * MTOK
    return Rates(
        input=sent,
        cache_read=(usd(Tokens(least + 1, 1, 0, 0)) - base) * MTOK + sent,
        cache_write=(usd(Tokens(least + 1, 0, 1, 0)) - base) * MTOK + sent,
        output=(usd(Tokens(least + 1, 0, 0, 1)) - base) * MTOK,
        per_request=base - sent * (least + 1) / MTOK,
    )


def _genai_prices(*, needed: bool = False) -> Any:
    """Return the package with the price table, or None."""
    try:
        import genai_prices
    except ImportError as error:
        if needed:
            raise MissingExtraError(
                "The price table is in the package genai-prices, which is not installed. "
                "Install it with `pip install 'langswarm-nb[cost]'`."
            ) from error
        return None
    return genai_prices
