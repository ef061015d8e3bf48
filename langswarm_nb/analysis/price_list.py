"""What the price table knows of models before anything is asked: how much they take in, and what they cost.

No pandas here. Without the package genai-prices (extra ``cost``) nothing is known but what `set_price` has set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .prices import own_rates, price_table


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as a list of prices has it."""

    id: str
    context_tokens: int | None = None
    input_usd: float | None = None
    """Per million tokens, like the next; None when it is not known."""
    output_usd: float | None = None

    @property
    def price(self) -> str:
        """Dollars per million tokens in and out; empty when they are not known."""
        if self.input_usd is None or self.output_usd is None:
            return ""
        if not self.input_usd and not self.output_usd:
            return "free"
        return f"${_digits(self.input_usd)} / ${_digits(self.output_usd)}"


def listed_models(provider: str) -> list[Listed]:
    """Return the models of a provider that are in the table with what they cost for text in and out."""
    found = _of_provider(provider)
    models = [] if found is None else [_listed(model) for model in found.models if not model.deprecated]
    return [model for model in models if model.input_usd is not None and model.output_usd]


def listed_model(provider: str, name: str) -> Listed:
    """Return what is known of one model; it need not be in the table."""
    found = _of_provider(provider)
    model = None if found is None else found.find_model(name)
    listed = Listed(name) if model is None else _listed(model)
    own = own_rates(provider, name)
    if own is None:
        return listed
    return Listed(name, listed.context_tokens, float(own.input), float(own.output))


def cheapest(models: Sequence[Listed]) -> Listed | None:
    """Return the model that costs least; None when no price is known."""
    priced = [model for model in models if model.input_usd]
    return min(priced, key=lambda model: (model.input_usd, model.output_usd), default=None)


def _of_provider(provider: str) -> Any:
    table = price_table()
    if table is None:
        return None
    try:
        return table.find_provider(None, provider, None)
    except LookupError:
        return None


def _listed(model: Any) -> Listed:
    prices = model.get_prices(datetime.now(UTC))
    sent, received = _base(prices.input_mtok), _base(prices.output_mtok)
    return Listed(model.id, model.context_window, sent, received)


def _base(rate: Any) -> float | None:
    """Return a rate, the lowest where it steps up with the length of the input."""
    return None if rate is None else float(getattr(rate, "base", rate))


def _digits(usd: float) -> str:
    return f"{usd:.2f}".removesuffix(".00") if usd >= 0.1 or not usd else f"{usd:.2g}"  # noqa: PLR2004
