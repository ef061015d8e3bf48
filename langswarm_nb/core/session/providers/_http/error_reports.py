"""`Reporter`: makes our errors out of what went wrong in one request, in words that hold no key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.text import one_line

from .address import proxy_for
from .next_steps import step_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langswarm_nb.core.session.secret import Mask

    from .address import Address
    from .carrier import TransportError
    from .deadline import LimitReached
    from .faults import Fault

_OK = 200
_E = TypeVar("_E", bound=e.ProviderSessionError)
_REQUEST_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "mistral-correlation-id",
    "x-debug-trace-id",
    "x-litellm-call-id",
)


class Reporter:
    """Makes the errors of one request.

    Parameters
    ----------
    key_source
        Where the key came from, in words: a variable's name or ``api_key``.
    """

    def __init__(
        self,
        provider: str,
        model: str,
        address: Address,
        mask: Mask,
        *,
        key_source: str,
        timeout_s: float,
        silence_s: float,
    ) -> None:
        self._provider = provider
        self._model = model
        self._address = address
        self._mask = mask
        self._key_source = key_source
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self.request_id: str | None = None

    def words(self, text: str, limit: int = 500) -> str:
        """Return foreign text fit for an error: masked, on one line, shortened."""
        return one_line(self._mask(text[:100_000]), limit)

    def see_headers(self, headers: Mapping[str, str]) -> None:
        """Take the service's id of the request from an answer's headers."""
        found = next((headers[name] for name in _REQUEST_ID_HEADERS if headers.get(name)), None)
        self.request_id = self.words(found, 100) if found else None

    def refused(
        self, fault: Fault, status: int | None, *, attempts: int = 1, maybe_processed: bool = False
    ) -> e.ProviderSessionError:
        """Make the error for what a service said."""
        fault = replace(fault, param=self.words(fault.param, 80) if fault.param else None)
        kind = fault.class_for(status)
        code = self.words(fault.code, 80) if fault.code else None
        number = fault.status or (
            status if status != _OK else None
        )  # an error may come inside an answer of 200
        label = " ".join(dict.fromkeys(str(part) for part in (number, code) if part))
        told = self.words(fault.message) or "it gave no reason"
        tries = f" ({attempts} attempts)" if attempts > 1 else ""
        return self._make(
            kind,
            f"{self._provider} answered {label or 'with an error'}{tries}: {told.rstrip('.')}.",
            step_after(
                kind,
                fault,
                status,
                provider=self._provider,
                address=self._address,
                key_source=self._key_source,
                model=self._model,
            ),
            status=status,
            code=code,
            request_id=self.words(fault.request_id, 100) if fault.request_id else self.request_id,
            retry_after_s=fault.retry_after_s,
            maybe_processed=maybe_processed,
        )

    def not_connected(self, failure: TransportError, *, attempts: int) -> e.ProviderSessionError:
        """Make the error for a request that did not go out."""
        kind = e.ProviderTimeoutError if failure.timed_out else e.ProviderConnectionError
        reason = "connecting took too long" if failure.timed_out else self.words(failure.reason)
        tries = f" ({attempts} attempts)" if attempts > 1 else ""
        proxy = None if failure.step else proxy_for(self._address)
        way = f" by way of the proxy {proxy.shown}" if proxy else ""
        if failure.step:
            step = failure.step
        elif proxy:
            step = e.next_step("check_proxy")
        else:
            step = e.next_step("start_server" if self._address.is_local else "check_network")
        message = f"No connection to {self._address.origin}{way}{tries}: {reason}."
        return self._caused(self._make(kind, message, step), reason)

    def broken(self, failure: TransportError, *, in_stream: bool) -> e.ProviderSessionError:
        """Make the error for a request that went out and got no whole answer."""
        reason = self.words(failure.reason)
        if in_stream:
            return self._caused(self.interrupted(reason), reason)
        error = self._make(
            e.ProviderConnectionError,
            f"The connection to {self._address.origin} broke after the request was sent: {reason}. "
            "It may have been processed, so it was not repeated.",
            failure.step or e.next_step("send_again"),
            maybe_processed=True,
        )
        return self._caused(error, reason)

    def interrupted(self, reason: str) -> e.StreamInterruptedError:
        """Make the error for a stream that ended too soon."""
        return self._make(
            e.StreamInterruptedError,
            f"The reply of {self._provider} was cut short: {self.words(reason)}. What had arrived is kept.",
            e.next_step("send_again"),
            maybe_processed=True,
        )

    def redirected(self, status: int, location: str) -> e.ProviderResponseError:
        """Make the error for a redirect."""
        return self._make(
            e.ProviderResponseError,
            f"{self._address.origin} redirects ({status}) to {self.words(location.partition('?')[0], 200)!r}. "
            "That is not followed: a key stays with the address it was given for.",
            e.next_step("correct_address"),
            status=status,
        )

    def bad_answer(self, reason: str, *, status: int, body: str = "") -> e.ProviderResponseError:
        """Make the error for an answer that is not what the API sends."""
        told = self.words(body, 120)
        return self._make(
            e.ProviderResponseError,
            f"The answer of {self._address.origin} is not what this API sends: {self.words(reason)}"
            f"{': ' + told if told else ''}.",
            e.next_step("check_address"),
            status=status,
            maybe_processed=True,
        )

    def too_late(self, limit: LimitReached) -> e.ProviderTimeoutError:
        """Make the error for a limit on time."""
        if limit.limit == "call":
            what = f"{self._provider} did not finish within timeout_s={self._timeout_s:g}"
            step = e.next_step("allow_time")
        else:
            what = f"{self._provider} sent nothing for {self._silence_s:g} s"
            step = e.next_step("send_again")
        return self._make(
            e.ProviderTimeoutError, f"{what}. It may have been processed.", step, maybe_processed=True
        )

    def wait_too_long(self, error: e.ProviderSessionError, wait_s: float) -> e.ProviderSessionError:
        """Return the error with the wait that was asked for and is not worth beginning."""
        error.retry_after_s = wait_s
        told = f"{error} That is longer than what is left of timeout_s={self._timeout_s:g}."
        error.args = (told,)
        return error

    def _make(self, kind: type[_E], message: str, step: e.NextStep, **facts: Any) -> _E:
        facts.setdefault("request_id", self.request_id)
        error = kind(f"{message} {step.text}", provider=self._provider, model=self._model or None, **facts)
        error.next_step = step
        return error

    def _caused(self, error: e.ProviderSessionError, reason: str) -> e.ProviderSessionError:
        # The library's own error holds the request, and so its headers: its words stand for it.
        error.__cause__ = ConnectionError(reason)
        return error
