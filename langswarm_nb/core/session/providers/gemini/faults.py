"""Google's errors: their codes stand in details, and an unknown key is a 400."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.providers._http.fault_bodies import read_fault
from langswarm_nb.core.session.providers._http.faults import Fault

_KINDS: dict[str, type[e.ProviderSessionError]] = {
    "API_KEY_INVALID": e.ProviderAuthenticationError,
    "API_KEY_EXPIRED": e.ProviderAuthenticationError,
    "UNAUTHENTICATED": e.ProviderAuthenticationError,
    "PERMISSION_DENIED": e.ProviderAuthenticationError,
    "NOT_FOUND": e.ProviderNotFoundError,
    "RESOURCE_EXHAUSTED": e.ProviderRateLimitError,
    "UNAVAILABLE": e.ProviderOverloadedError,
    "INTERNAL": e.ProviderServerError,
    "DEADLINE_EXCEEDED": e.ProviderServerError,
    # Interactions write their codes so:
    "not_found": e.ProviderNotFoundError,
    "permission_denied": e.ProviderAuthenticationError,
    "unauthenticated": e.ProviderAuthenticationError,
    "rate_limit_exceeded": e.ProviderRateLimitError,
    "resource_exhausted": e.ProviderRateLimitError,
    "service_unavailable": e.ProviderOverloadedError,
    "unavailable": e.ProviderOverloadedError,
    "invalid_request": e.ProviderRequestError,
}
_UNKNOWN_INTERACTION = re.compile(
    r"invalid interaction name|interaction.{0,200} not found", re.IGNORECASE | re.DOTALL
)
_TOO_LONG = re.compile(r"input token count.{0,40} exceeds", re.IGNORECASE | re.DOTALL)
_DELAY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


def read_google_fault(body: Any) -> Fault:
    """Read an error of either API, or of one event of a stream."""
    fault = read_fault(body)
    if isinstance(body, list):
        body = body[0] if body else {}
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return fault
    told = error.get("details")
    details = [item for item in told if isinstance(item, Mapping)] if isinstance(told, list) else []
    reasons = [item["reason"] for item in details if item.get("reason") in _KINDS]
    code = reasons[0] if reasons else fault.code
    return replace(
        fault, code=code, kind=_kind(fault, code, details) or fault.kind, retry_after_s=_delay_s(details)
    )


def _kind(
    fault: Fault, code: str | None, details: list[Mapping[str, Any]]
) -> type[e.ProviderSessionError] | None:
    if _TOO_LONG.search(fault.message):
        return e.ContextLengthError
    if _UNKNOWN_INTERACTION.search(fault.message):
        return e.ProviderNotFoundError
    kind = _KINDS.get(code or "")
    if kind is e.ProviderRateLimitError and _is_daily(details):
        return e.ProviderQuotaError
    return kind


def _is_daily(details: list[Mapping[str, Any]]) -> bool:
    """Return whether a limit of a whole day was reached, which no wait of ours cures."""
    violations = [item.get("violations") for item in details]
    return any(
        "PerDay" in str(violation.get("quotaId", ""))
        for group in violations
        if isinstance(group, list)
        for violation in group
        if isinstance(violation, Mapping)
    )


def _delay_s(details: list[Mapping[str, Any]]) -> float | None:
    delays = [_DELAY.fullmatch(str(item["retryDelay"])) for item in details if "retryDelay" in item]
    return next((float(match[1]) for match in delays if match), None)
