"""What the mock's model ``error`` can raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langswarm_nb.core.session import errors as e

ERRORS: Mapping[str, e.ProviderSessionError] = {
    name: cls(f"{what} (mock:error always fails.) {step}", provider="mock", model="error", **facts)
    for name, cls, what, step, facts in (
        (
            "authentication",
            e.ProviderAuthenticationError,
            "The key was refused.",
            "Set another.",
            {"status": 401},
        ),
        ("not_found", e.ProviderNotFoundError, "There is no such model.", "Choose another.", {"status": 404}),
        ("request", e.ProviderRequestError, "The request was refused.", "Change it.", {"status": 400}),
        ("context_length", e.ContextLengthError, "The prompt is too long.", "Shorten it.", {"status": 400}),
        (
            "rate_limit",
            e.ProviderRateLimitError,
            "Too many requests.",
            "Wait 20 s.",
            {"status": 429, "retry_after_s": 20.0},
        ),
        ("quota", e.ProviderQuotaError, "No credit is left.", "Top up the account.", {"status": 429}),
        ("server", e.ProviderServerError, "The service failed.", "Ask again.", {"status": 500}),
        (
            "overloaded",
            e.ProviderOverloadedError,
            "The service is overloaded.",
            "Ask again later.",
            {"status": 529},
        ),
        ("connection", e.ProviderConnectionError, "No connection.", "Check the network.", {}),
        ("timeout", e.ProviderTimeoutError, "No answer in time.", "Ask again.", {"maybe_processed": True}),
        ("response", e.ProviderResponseError, "The answer is not JSON.", "Check base_url.", {"status": 200}),
        (
            "interrupted",
            e.StreamInterruptedError,
            "The reply was cut short.",
            "Ask again.",
            {"maybe_processed": True},
        ),
    )
}
"""What the model ``error`` can raise, by the values of its option ``error``."""


def failure(kind: Any) -> BaseException | list[str | BaseException]:
    """Return what a reply is that fails: an error, or steps that end in one.

    Raises
    ------
    SessionValueError
        There is no failure of this kind.
    """
    if kind not in ERRORS:
        raise e.SessionValueError.of("error", kind, ERRORS)
    known = ERRORS[kind]
    # A new one each time: an error that is raised twice would keep the frames of both.
    told = {name: value for name, value in vars(known).items() if name not in e.SessionError.__annotations__}
    error = type(known)(*known.args, **told)
    return ["This reply is cut ", error] if kind == "interrupted" else error
