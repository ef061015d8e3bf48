"""What a service says when it fails: read from its answer (`Fault`), sorted into our errors, told in our words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.messages import utc_now
from langswarm_nb.core.session.text import as_text

MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError)
"""What reading JSON of an unexpected shape raises; readers need not check each field."""
SERVER_ERRORS = range(500, 600)
_ERRORS, _OK = range(400, 600), range(200, 300)
_LONGEST_WAIT_S = 7 * 24 * 3600.0
_KINDS: dict[str, type[e.ProviderSessionError]] = {
    "invalid_api_key": e.ProviderAuthenticationError,
    "authentication_error": e.ProviderAuthenticationError,
    "permission_error": e.ProviderAuthenticationError,
    "API_KEY_INVALID": e.ProviderAuthenticationError,
    "model_not_found": e.ProviderNotFoundError,
    "not_found_error": e.ProviderNotFoundError,
    "DeploymentNotFound": e.ProviderNotFoundError,
    "context_length_exceeded": e.ContextLengthError,
    "exceed_context_size_error": e.ContextLengthError,
    "insufficient_quota": e.ProviderQuotaError,
    "billing_error": e.ProviderQuotaError,
    "billing_hard_limit_reached": e.ProviderQuotaError,
    "rate_limit_exceeded": e.ProviderRateLimitError,
    "rate_limit_error": e.ProviderRateLimitError,
    "overloaded_error": e.ProviderOverloadedError,
    "server_error": e.ProviderServerError,
    "api_error": e.ProviderServerError,
    "timeout_error": e.ProviderTimeoutError,
}
"""Codes and types of errors that say more than the status; in any provider's answer."""
_STATUSES: dict[int, type[e.ProviderSessionError]] = {
    401: e.ProviderAuthenticationError,
    402: e.ProviderQuotaError,
    403: e.ProviderAuthenticationError,
    404: e.ProviderNotFoundError,
    408: e.ProviderTimeoutError,
    429: e.ProviderRateLimitError,
    498: e.ProviderAuthenticationError,
    503: e.ProviderOverloadedError,
    529: e.ProviderOverloadedError,
}
_PASSING = {"conversation_locked"}
"""Codes of refusals that pass by themselves, whatever the status."""
# Servers without a code for it (vLLM and others) can be known by their words only.
_TOO_LONG = re.compile(
    r"maximum context length|context (?:length|window|size)|prompt is too long|too many (?:input )?tokens",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a service says of an error; unknown is None."""

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
        """Return the error's class, from the code before the status."""
        if self.kind is not None:
            return self.kind
        status = self.status or (None if status in _OK else status)
        known = _KINDS.get(self.code or "")
        if known is not None:
            return known
        if status in {None, 400, 413, 422, 500} and _TOO_LONG.search(self.message):
            return e.ContextLengthError
        if status in _STATUSES:
            return _STATUSES[status]
        if status is None or status in SERVER_ERRORS:
            return e.ProviderServerError
        return e.ProviderRequestError


class ReportedError(Exception):
    """A `Fault` found inside an answer; the driver of the stream makes the error of it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def read_fault(body: Any) -> Fault:
    """Read an error's body in any of the forms in use.

    ``{"error": {"message", "code", "type", "param"}}``, ``{"error": "text"}``, ``{"message": …}``,
    ``{"detail": …}``, one of these in a list, or text.
    """
    if isinstance(body, list):
        body = body[0] if body else {}
    if isinstance(body, str) and body.lstrip().startswith("<"):
        return Fault(message="it sent a web page, not an answer of the API")
    if not isinstance(body, Mapping):
        return Fault(message=body if isinstance(body, str) else "")
    error = body.get("error", body)
    if not isinstance(error, Mapping):
        return Fault(message=_words(error), request_id=as_text(body.get("request_id")))
    code = error.get("code")
    number = code if isinstance(code, int) and not isinstance(code, bool) else None
    metadata = error.get("metadata")
    upstream = metadata.get("raw") if isinstance(metadata, Mapping) else None  # OpenRouter's source
    words = _words(error.get("message") or error.get("detail") or error.get("errors"))
    return Fault(
        message=f"{words}: {upstream}" if isinstance(upstream, str) else words,
        code=_best_code(code, error.get("type"), error.get("status"), number and str(number)),
        status=number if number in _ERRORS else None,
        param=as_text(error.get("param")),
        request_id=as_text(body.get("request_id")),
    )


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; None for what is negative, absurd or no number."""
    wait_s = _seconds(headers.get("retry-after-ms", ""), scale=0.001)
    if wait_s is None:
        asked = headers.get("retry-after", "")
        wait_s = _seconds(asked)
        if wait_s is None:
            wait_s = _until(asked, headers.get("date", ""))
    return wait_s


def may_repeat(
    status: int, headers: Mapping[str, str], kind: type[e.ProviderSessionError], code: str | None = None
) -> bool:
    """Return whether a refused request may be sent again: the server's own word first."""
    if code in _PASSING:
        return True
    told = headers.get("x-should-retry", "").strip().lower()
    if told in {"true", "false"}:
        return told == "true"
    return (status in {408, 409, 429} or status in SERVER_ERRORS) and not issubclass(
        kind, e.ProviderQuotaError
    )


def next_step(kind: type[e.ProviderSessionError], fault: Fault, *, key_source: str, model: str) -> str:
    """Return what the reader of an error can do about it."""
    if issubclass(kind, e.ProviderRequestError) and fault.param and kind is not e.ContextLengthError:
        return f"Change or leave out {fault.param!r}."
    if kind is e.ProviderRateLimitError and fault.retry_after_s:
        return f"Ask again in {fault.retry_after_s:g} s."
    step = next(_NEXT_STEPS[base] for base in kind.__mro__ if base in _NEXT_STEPS)
    return step.format(key_source=key_source, model=model or "the model")


_NEXT_STEPS: dict[type, str] = {
    e.ProviderAuthenticationError: "Check the key ({key_source}), and that it may use {model}.",
    e.ProviderNotFoundError: "Check the model's name ({model}) and base_url; `list_models()` tells what there is.",
    e.ContextLengthError: "Set max_messages or max_context_tokens to send less, or begin a new session.",
    e.ProviderRequestError: "Change the request as it says.",
    e.ProviderQuotaError: "Add credit or raise the limit of the account; waiting does not help.",
    e.ProviderSessionError: "Ask again later.",
}


def _best_code(*candidates: object) -> str | None:
    texts = [text for text in map(as_text, candidates) if text]
    return next((text for text in texts if text in _KINDS), texts[0] if texts else None)


def _words(value: object) -> str:
    """Return the words of a message that may be text, a list of problems, or an object around them."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        known = value.get("message") or value.get("msg") or value.get("detail")
        place = value.get("loc")
        where = ".".join(map(str, place)) + ": " if isinstance(place, list) else ""
        return where + _words(known) if known else ""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_words, value[:5])))
    return ""


def _seconds(text: str, *, scale: float = 1.0) -> float | None:
    try:
        seconds = float(text) * scale
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _LONGEST_WAIT_S else None


def _until(date: str, now: str) -> float | None:
    """Return the seconds to a date, by the server's clock when it tells: ours may be wrong."""
    try:
        moment = parsedate_to_datetime(date)
        reference = parsedate_to_datetime(now) if now else utc_now()
        seconds = (moment - reference).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, seconds) if seconds <= _LONGEST_WAIT_S else None
