"""`HttpClient`: a request to a service, repeated when that is safe, limited in time and size.

A provider makes one client and asks it for JSON (`HttpClient.request_json`) or for a stream (`HttpClient.open`).
A failure is raised as one of the library's errors, keys masked, saying whether it may have been processed.

When a request is repeated: if it was not sent, or the service refused it (408, 409, 429, 5xx) before any output;
with the same bytes, and at most `ProviderRequest.retries` times. A request that was sent and then lost its
connection is not: nobody knows whether it was done, and what is done twice is paid twice.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import urlencode

from langswarm_nb._version import __version__
from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.conversation.beside_the_loop import decided
from langswarm_nb.core.session.provider_events import ProviderRequest, RetryNotice
from langswarm_nb.core.session.secret import KeyFilter, Mask, Secret
from langswarm_nb.core.session.text import one_line

from .carrier import Outgoing, TransportError
from .deadline import LimitReached, Watch
from .error_reports import Reporter
from .fault_bodies import read_fault
from .faults import MALFORMED, SERVER_ERRORS, Fault, may_repeat, parse_retry_after
from .pool import Transports
from .response import Response
from .wire_json import encode_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from httpx import AsyncBaseTransport

    from .address import Address

Amend: TypeAlias = "Callable[[Fault, type[e.ProviderSessionError]], Any | None]"
_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_OK, _REDIRECTS = range(200, 300), range(300, 400)


class HttpClient:
    """Requests to one address, from any number of tasks and event loops.

    Parameters
    ----------
    provider
        Name for error texts.
    address
        The address that paths are added to; see `find_base_url`.
    secret_headers
        Headers that hold a key: name -> what stands before the key (``"Bearer "``), and the key.
    headers
        Other headers.
    key_source
        Where the key comes from, for error texts: the name of an environment variable.
    read_fault
        Reads the JSON (or text) of an error; the default knows the forms in use.
    connect_timeout_s, silence_s
        Time limits for connecting and between two reads, in seconds. The request limits the whole call.
    transport
        What carries the requests, an asynchronous transport of httpx; by default connections of the library. It gets
        the requests with their keys, and is closed by whoever made it.

    Attributes
    ----------
    mask : Mask
        Hides this client's keys, and what looks like one.
    sleep, jitter : callable
        How to wait between attempts, and a number from 0 to 1 that shortens the waits; to be replaced in tests.
    """

    sleep: Callable[[float], Awaitable[object]] = staticmethod(asyncio.sleep)
    jitter: Callable[[], float] = staticmethod(random.random)

    def __init__(
        self,
        provider: str,
        address: Address,
        *,
        secret_headers: Mapping[str, tuple[str, Secret]] | None = None,
        headers: Mapping[str, str] | None = None,
        key_source: str = "api_key",
        read_fault: Callable[[Any], Fault] = read_fault,
        connect_timeout_s: float = 5.0,
        silence_s: float = 600.0,
        transport: AsyncBaseTransport | None = None,
    ) -> None:
        self.provider = provider
        self.address = address
        self._secret_headers = dict(secret_headers or {})
        self._headers = {"User-Agent": f"langswarm-nb/{__version__}", "Accept": "*/*", **(headers or {})}
        secrets = [secret for _, secret in self._secret_headers.values()]
        self.mask: Mask = Mask(secrets)
        self._secrets = secrets
        self._key_source = key_source
        self._read_fault = read_fault
        self._connect_timeout_s = _seconds("connect_timeout_s", connect_timeout_s)
        self._silence_s = _seconds("silence_s", silence_s)
        self._transports = Transports(self.address, transport)
        self._is_closed = False

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        request: ProviderRequest,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
        amend: Amend | None = None,
    ) -> AsyncIterator[Response]:
        """Send a request and yield its answer, a 2xx, while the block runs; then release the connection.

        Parameters
        ----------
        body
            JSON; None for none.
        once
            The request adds to something that the service keeps (a conversation): do not repeat it when it may
            have been processed, which a 5xx does not rule out.
        amend
            Returns another body after a refusal, to be sent at once; None for none.

        Raises
        ------
        ProviderSessionError
            The service refused, failed, or could not be reached.
        SessionTypeError
            The body is not JSON.
        SessionClosedError
            The client was closed.
        """
        if self._is_closed:
            raise e.SessionClosedError(
                f"The provider session of {self.provider} is closed. Create a new one."
            )
        make = partial(
            self._call, method, path, query=query or {}, headers=headers or {}, once=once, amend=amend
        )
        answer = await self._send(await decided(request.messages, lambda: make(body, request)), make)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def request_json(
        self, method: str, path: str, body: Any = None, *, request: ProviderRequest | None = None, **how: Any
    ) -> tuple[Any, Mapping[str, str]]:
        """Send a request and return its answer's JSON and headers; parameters and errors as in `open`.

        Without ``request`` it may take 30 s.
        """
        if request is None:
            request = ProviderRequest("", (), timeout_s=30.0)
        async with self.open(method, path, body, request=request, **how) as answer:
            return await answer.read_json(), answer.headers

    async def get_json(self, path: str, read: Callable[[Any], _T], **how: Any) -> _T:
        """Get JSON and return what ``read`` makes of it; parameters and errors as in `open`.

        ``read`` need not check each field: when it fails, the answer was not what the API sends.
        """
        value, failure = self._made((await self.request_json("GET", path, **how))[0], read)
        if failure is not None:
            raise failure
        return cast("_T", value)

    def _made(self, body: Any, read: Callable[[Any], _T]) -> tuple[_T | None, e.ProviderSessionError | None]:
        try:
            return read(body), None
        except MALFORMED as error:
            reason = f"its JSON has an unexpected shape ({type(error).__name__}: {error})"
        return None, self.report(ProviderRequest("", ())).bad_answer(reason, status=200)

    def report(self, request: ProviderRequest) -> Reporter:
        """Return the maker of errors for a request."""
        return Reporter(
            self.provider,
            request.model,
            self.address,
            self.mask,
            key_source=self._key_source,
            timeout_s=request.timeout_s,
            silence_s=self._silence_s,
        )

    def key_filters(self) -> list[KeyFilter]:
        """Return new filters for a text that arrives in pieces, one for each key."""
        return [KeyFilter(secret) for secret in self._secrets if KeyFilter.takes(secret)]

    async def aclose(self) -> None:
        """Close all connections; may be called twice."""
        self._is_closed = True
        await self._transports.aclose()

    def _call(
        self,
        method: str,
        path: str,
        body: Any,
        request: ProviderRequest,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        once: bool,
        amend: Amend | None,
    ) -> _Call:
        url = f"{self.address.url}{path}" + (f"?{urlencode(query)}" if query else "")
        plain = {
            **self._headers,
            "Accept-Encoding": "identity" if request.stream else "gzip, deflate",
            **headers,
        }
        if body is not None:
            plain["Content-Type"] = "application/json"
        if request.idempotency_key and method == "POST":
            plain["Idempotency-Key"] = request.idempotency_key
        secrets = self._secret_headers

        def all_headers() -> Iterable[tuple[str, str]]:
            yield from plain.items()
            yield from ((name, prefix + secret.reveal()) for name, (prefix, secret) in secrets.items())

        content = b"" if body is None else _encode(body)
        outgoing = Outgoing(method, url, content, all_headers, self._connect_timeout_s)
        return _Call(outgoing, request, self.report(request), once, amend)

    async def _send(self, call: _Call, make: Callable[[Any, ProviderRequest], _Call]) -> Response:
        attempt = 1
        while True:
            outcome = await self._attempt(call, attempt)
            if isinstance(outcome, Response):
                return outcome
            if outcome.other_body is not None:  # another request: the service must not take it for the first
                key = call.request.idempotency_key
                call = make(outcome.other_body, replace(call.request, idempotency_key=key and f"{key}-other"))
                continue
            wait_s = self._wait(outcome, call, attempt)
            _log.debug(
                "%s: attempt %d: %s; again in %.3g s",
                self.provider,
                attempt,
                outcome.reason,
                wait_s,
                extra={"provider": self.provider, "attempt": attempt, "wait_s": wait_s},
            )
            await call.request.on_retry(RetryNotice(attempt, wait_s, outcome.reason))
            await self.sleep(wait_s)
            attempt += 1

    async def _attempt(self, call: _Call, attempt: int) -> Response | _Refusal:
        answer = await self._exchange(call, attempt)
        if isinstance(answer, _Refusal):
            return answer
        call.report.see_headers(answer.headers)
        _log.debug(
            "%s: %s answered %d",
            self.provider,
            call.outgoing.method,
            answer.status,
            extra={"provider": self.provider, "attempt": attempt, "status": answer.status},
        )
        if answer.status in _OK:
            return answer
        try:
            return await self._refusal(answer, call, attempt)
        finally:
            await answer.aclose()

    async def _exchange(self, call: _Call, attempt: int) -> Response | _Refusal:
        """Send once; return the answer, or what kept the request from being sent."""
        remaining_s = call.request.remaining_s
        if remaining_s <= 0:
            raise call.report.too_late(LimitReached("call"))
        pool = await self._transports.pool()
        try:
            carrier = pool.take()
        except TransportError as error:  # a setting of this machine: another attempt meets it again
            return _Refusal(
                call.report.not_connected(error, attempts=attempt), error.reason, may_repeat=False
            )
        watch = Watch(remaining_s, self._silence_s)
        failure: BaseException | _Refusal
        try:
            watch.enter()
            incoming = await carrier.send(call.outgoing)
        except carrier.errors as error:
            failure = self._lost(carrier.describe(error), call, attempt)
        except BaseException as error:  # noqa: BLE001 - raised below
            mine = isinstance(error, asyncio.CancelledError) and watch.is_mine()
            failure = call.report.too_late(watch.reached) if mine else error
        else:
            watch.leave()
            return Response(incoming, carrier, pool, watch, call.report)
        watch.close()
        await pool.give_back(carrier)
        if isinstance(failure, _Refusal):
            return failure
        failure.__context__ = None
        raise failure.with_traceback(None)  # see `Response.read`

    def _lost(self, failure: TransportError, call: _Call, attempt: int) -> BaseException | _Refusal:
        if not failure.was_sent:
            error = call.report.not_connected(failure, attempts=attempt)
            # A certificate, or a port of another protocol, is the same the next time.
            return _Refusal(error, call.report.words(failure.reason, 80), may_repeat=failure.step is None)
        error = call.report.broken(failure, in_stream=False)
        if call.outgoing.method == "GET":
            return _Refusal(error, call.report.words(failure.reason, 80), may_repeat=True)
        return error

    async def _refusal(self, answer: Response, call: _Call, attempt: int) -> _Refusal:
        status, headers = answer.status, answer.headers
        if status in _REDIRECTS:
            error: e.ProviderSessionError = call.report.redirected(status, headers.get("location", ""))
            return _Refusal(error, "a redirect", may_repeat=False)
        fault = self._read_fault(await answer.read_refusal())
        asked_s = parse_retry_after(headers)
        if asked_s is not None:
            fault = replace(fault, retry_after_s=asked_s)
        is_loading = fault.is_loading(status)
        unclear = call.once and status in SERVER_ERRORS and not is_loading
        error = call.report.refused(fault, status, attempts=attempt, maybe_processed=unclear)
        return _Refusal(
            error,
            "it is loading its model"
            if is_loading
            else " ".join(str(part) for part in (status, error.code) if part),
            may_repeat=not unclear and may_repeat(status, headers, type(error), fault.code),
            wait_s=fault.retry_after_s,
            is_loading=is_loading,
            other_body=call.amend(fault, type(error)) if call.amend else None,
        )

    def _wait(self, refusal: _Refusal, call: _Call, attempt: int) -> float:
        """Return the seconds until the next attempt, or raise the error when there is to be none."""
        if not refusal.may_repeat or (attempt > call.request.retries and not refusal.is_loading):
            raise refusal.error
        wait_s, remaining_s = refusal.wait_s, call.request.remaining_s
        if wait_s is not None and wait_s >= remaining_s:
            raise call.report.wait_too_long(refusal.error, wait_s)
        if wait_s is None:
            wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(attempt - 1, 10)) * (1 - self.jitter() / 4)
        if wait_s >= remaining_s:
            raise refusal.error
        return wait_s


class _Call(NamedTuple):
    """One call: what is sent, at each attempt the same."""

    outgoing: Outgoing
    request: ProviderRequest
    report: Reporter
    once: bool
    amend: Amend | None


class _Refusal(NamedTuple):
    """An attempt that brought no answer, and was surely not processed unless its error says so."""

    error: e.ProviderSessionError
    reason: str
    may_repeat: bool
    wait_s: float | None = None
    is_loading: bool = False
    """The server will answer once it has read its model: waited for as long as the call may take."""
    other_body: Any = None
    """What to send in its place."""


def _seconds(parameter: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise e.SessionValueError.of(parameter, value, "a number of seconds above 0")
    return float(value)


def _encode(body: Any) -> bytes:
    try:
        return encode_json(body)
    except (TypeError, ValueError, RecursionError) as error:
        raise e.SessionTypeError(
            f"The request cannot be written as JSON: {one_line(str(error), 200)}. "
            "Options must be text, numbers, True, False, None, and lists and dicts of these."
        ) from None
