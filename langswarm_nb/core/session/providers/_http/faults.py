"""What a service says when it fails (`Fault`), sorted into our errors; `fault_bodies` reads it from an answer."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.messages import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError)
"""What reading JSON of an unexpected shape raises; readers need not check each field."""
SERVER_ERRORS = range(500, 600)
ERRORS, _OK, _REFUSALS = range(400, 600), range(200, 300), range(400, 500)
_UNAVAILABLE = 503
_HANDED_ON = ("llm_provider-",)
"""What gateways (LiteLLM) put before the names of headers that they hand on."""
_LONGEST_WAIT_S = 7 * 24 * 3600.0
_CODES: dict[type[e.ProviderSessionError], str] = {
    e.ProviderAuthenticationError: "invalid_api_key authentication_error permission_error API_KEY_INVALID",
    e.ProviderNotFoundError: "model_not_found not_found_error DeploymentNotFound",
    e.ContextLengthError: "context_length_exceeded exceed_context_size_error too_many_prompt_tokens TOO_MANY_TOKENS",
    e.ProviderQuotaError: (
        "insufficient_quota billing_error billing_hard_limit_reached credit_balance_exhausted budget_exceeded "
        "organization_spend_limit_exceeded project_spend_limit_exceeded organization_usage_limit_exceeded "
        "enforced_spend_limit_reached contract_spend_limit_reached linked_organization_spend_limit_reached "
        "exceeded_current_quota_error"
    ),
    e.ProviderRateLimitError: (
        "rate_limit_exceeded rate_limit_error rate_limit_reached_error too_many_requests ramp_limit_exceeded"
    ),
    e.ProviderOverloadedError: "overloaded_error unavailable_error",
    e.ProviderServerError: "server_error api_error",
    e.ProviderTimeoutError: "timeout_error",
}
_KINDS = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
"""Codes and types of errors that say more than the status; in any provider's answer."""
_STATUSES: dict[int, type[e.ProviderSessionError]] = {
    401: e.ProviderAuthenticationError,
    402: e.ProviderQuotaError,
    403: e.ProviderAuthenticationError,
    404: e.ProviderNotFoundError,
    408: e.ProviderTimeoutError,
    429: e.ProviderRateLimitError,
    498: e.ProviderAuthenticationError,
    501: e.ProviderRequestError,
    503: e.ProviderOverloadedError,
    505: e.ProviderRequestError,
    529: e.ProviderOverloadedError,
}
_PASSING = {"conversation_locked"}
"""Codes of refusals that pass by themselves, whatever the status."""
_FOR_GOOD = (
    e.ProviderAuthenticationError,
    e.ProviderNotFoundError,
    e.ProviderRequestError,
    e.ProviderQuotaError,
)
"""What a repeat does not cure, although the status (500) leaves it open."""


class _Words:
    """Words to look for, as patterns; compiled for the first error, as many a program never meets one."""

    def __init__(self, *words: str) -> None:
        self._pattern = "|".join(words)

    def search(self, text: str) -> re.Match[str] | None:
        return re.search(self._pattern, text, re.IGNORECASE | re.DOTALL)


# Where a service has no code for it, or one that says nothing, its words say.
_NO_MONEY = _Words(
    r"(?:insufficient|not enough|no more|out of|exhausted|used up).{0,20}(?:balance|credit|funds|quota)",
    r"credit balance is too low|in arrears|欠费|余额不足",
    r"(?:exceeded|over|reached).{0,30}(?:budget|spend(?:ing)?[ _-](?:limit|cap)|(?:current|monthly) quota)",
    r"(?:budget|spend(?:ing)? (?:limit|cap)|quota).{0,30}(?:exceeded|exhausted|reached)",
)
_TOO_LONG = _Words(
    r"maximum context length|context (?:length|window|size)|prompt is too long|too many (?:input )?tokens",
    r"length of (?:all |the )*messages is too long|reduce the length of the messages",
)
_NO_KEY = _Words(
    r"(?:incorrect|invalid|missing|unknown|expired) (?:x-)?api[ _-]?key",
    r"api[ _-]?key.{0,40}(?:not valid|invalid|expired)",
)
_GONE = _Words(
    r"(?:conversation|interaction|thread|previous.response).{0,200}(?:not found|not exist|no longer|expired)",
    r"no such (?:conversation|interaction|thread)",
)
_FAULTY = _Words(  # a request that fails each time, from services that call it their own failure
    r"(?:is|are) not (?:supported|implemented)|not implemented|unsupported|does not (?:support|exist)",
    r"invalid (?:params?|parameter|argument|value|request)|unknown (?:model|field|parameter|argument)",
    r"unrecogni[sz]ed (?:request )?(?:field|parameter|argument|option)|extra (?:inputs?|fields?) .{0,20}not permitted",
    r"requires (?:more (?:system )?memory|--)|failed to parse|unable to load model",
)
_LOADING = _Words(r"\bloading model|model.{0,200}\b(?:is|still) (?:being )?(?:currently )?load(?:ing|ed)\b")
_BY_WORDS: tuple[tuple[set[int | None], _Words, type[e.ProviderSessionError]], ...] = (
    ({None, 400, 402, 403, 429, 500}, _NO_MONEY, e.ProviderQuotaError),
    ({None, 400, 413, 422, 500}, _TOO_LONG, e.ContextLengthError),
    ({None, 400, 422, 500}, _NO_KEY, e.ProviderAuthenticationError),
    ({None, 400, 500}, _GONE, e.ProviderNotFoundError),
    ({None, 500}, _FAULTY, e.ProviderRequestError),
)
"""With which statuses which words mean what."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a service says about an error; unknown values are None."""

    message: str = ""
    code: str | None = None
    status: int | None = None
    """Told in the body, for an error inside an answer that was HTTP 200."""
    param: str | None = None
    request_id: str | None = None
    retry_after_s: float | None = None
    kind: type[e.ProviderSessionError] | None = None
    """Overrules what status and code say."""

    def class_for(self, status: int | None) -> type[e.ProviderSessionError]:
        """Return the error's class, from the code before the words before the status."""
        status = self.status or (None if status in _OK else status)
        known = self.kind or _KINDS.get(self.code or "")
        if known is not None and known is not e.ProviderServerError:
            return known
        for statuses, words, kind in _BY_WORDS:
            if status in statuses and words.search(self.message):
                return kind
        if status in _STATUSES and not (known and status in SERVER_ERRORS):
            return _STATUSES[status]
        # Some call each of their errors an "api_error", so that words and status say more.
        is_refusal = status is not None and status not in SERVER_ERRORS
        return e.ProviderRequestError if is_refusal else e.ProviderServerError

    def is_loading(self, status: int) -> bool:
        """Return whether a server is reading its model from disk, after which it will answer."""
        return status == _UNAVAILABLE and _LOADING.search(self.message) is not None


class ReportedError(Exception):
    """A `Fault` found inside an answer; the driver of the stream makes the error of it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def is_known(code: str) -> bool:
    """Return whether a code says more than the status."""
    return code in _KINDS


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; None for what is negative, absurd or not a number.

    A gateway may hand on what the service behind it asked for.
    """
    for behind in ("", *_HANDED_ON):
        wait_s = _seconds(headers.get(f"{behind}retry-after-ms", ""), scale=0.001)
        if wait_s is None:
            asked = headers.get(f"{behind}retry-after", "")
            wait_s = _seconds(asked)
            if wait_s is None:
                wait_s = _until(asked, headers.get("date", ""))
        if wait_s is not None:
            return wait_s
    return None


def may_repeat(
    status: int, headers: Mapping[str, str], kind: type[e.ProviderSessionError], code: str | None = None
) -> bool:
    """Return whether a refused request may be sent again: no money is for good, else the server's own word is first."""
    if code in _PASSING:
        return True
    if issubclass(kind, e.ProviderQuotaError):
        return False
    told = headers.get("x-should-retry", "").strip().lower()
    if told in {"true", "false"}:
        return told == "true"
    return status in {408, 409, 429} or (status in SERVER_ERRORS and not issubclass(kind, _FOR_GOOD))


def _seconds(text: str, *, scale: float = 1.0) -> float | None:
    try:
        seconds = float(text) * scale
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _LONGEST_WAIT_S else None


def _until(date: str, now: str) -> float | None:
    """Return the seconds to a date, by the server's clock if it says: ours may be wrong."""
    try:
        moment = parsedate_to_datetime(date)
        reference = parsedate_to_datetime(now) if now else utc_now()
        seconds = (moment - reference).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, seconds) if seconds <= _LONGEST_WAIT_S else None
