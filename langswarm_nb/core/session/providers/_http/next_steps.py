"""What the reader of a refusal can do about it: `step_after`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.providers.catalogue import PROVIDERS

if TYPE_CHECKING:
    from .address import Address
    from .faults import Fault

_NOT_FOUND, _TOO_LARGE = 404, 413
_STEPS: dict[type, str] = {
    e.ProviderAuthenticationError: "check_key",
    e.ProviderNotFoundError: "check_model",
    e.ContextLengthError: "send_less",
    e.ProviderRequestError: "change_request",
    e.ProviderQuotaError: "add_credit",
    e.ProviderSessionError: "send_later",
}
_TO_HTTPS = re.compile(r"http request .{0,20}to (?:an )?https (?:port|server)", re.IGNORECASE)


def step_after(
    kind: type[e.ProviderSessionError],
    fault: Fault,
    status: int | None,
    *,
    provider: str,
    address: Address,
    key_source: str,
    model: str,
) -> e.NextStep:
    """Return what can be done about what a service said."""
    if address.scheme == "http" and _TO_HTTPS.search(fault.message):
        return e.next_step("write_https")
    if status == _TOO_LARGE and kind is e.ProviderRequestError:
        return e.next_step("send_smaller")
    if issubclass(kind, e.ProviderRequestError) and fault.param and kind is not e.ContextLengthError:
        return e.next_step("leave_out", param=fault.param)
    if kind is e.ProviderRateLimitError and fault.retry_after_s:
        return e.next_step("wait", seconds=f"{fault.retry_after_s:g}")
    other = _other_api(provider, address) if status == _NOT_FOUND and not fault.code else None
    if other:
        return e.next_step("other_api", provider=provider, other=other)
    name = next(_STEPS[base] for base in kind.__mro__ if base in _STEPS)
    return e.next_step(name, provider=provider, key_source=key_source, model=model or "the model")


def _other_api(provider: str, address: Address) -> str | None:
    """Return the provider for servers elsewhere, which often have the older API only."""
    known = PROVIDERS.get(provider)
    is_elsewhere = (
        known is not None and known.base_url is not None and not known.base_url.startswith(address.origin)
    )
    return known.elsewhere if known is not None and is_elsewhere else None
