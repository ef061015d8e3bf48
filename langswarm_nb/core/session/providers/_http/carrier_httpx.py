"""Requests carried by httpx; the only module that imports it."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import ssl
from functools import cache, partial
from typing import TYPE_CHECKING

import httpx

from .carrier import KEEPALIVE_S, TransportError, reason_of, step_of, tls_context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .address import Address
    from .carrier import Incoming, Outgoing

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)
_is_sending: contextvars.ContextVar[bool] = contextvars.ContextVar("_is_sending", default=False)


class HttpxCarrier:
    """A transport of httpx, used without httpx's client."""

    room = 8
    errors: tuple[type[Exception], ...] = _ERRORS

    def __init__(self, address: Address, proxy: str | None) -> None:
        limits = httpx.Limits(
            max_connections=self.room,
            max_keepalive_connections=0 if address.is_local else self.room,
            keepalive_expiry=KEEPALIVE_S,
        )
        context = tls_context() if address.scheme == "https" else _unused_context()
        self._transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(
            verify=context, limits=limits, proxy=proxy
        )

    async def send(self, outgoing: Outgoing) -> Incoming:
        """Send a request and return once the headers of its answer are there."""
        token = _is_sending.set(True)
        try:
            return HttpxIncoming(await self._transport.handle_async_request(_request(outgoing)))
        finally:
            _is_sending.reset(token)

    def describe(self, error: Exception) -> TransportError:
        """Tell what an error means."""
        return TransportError(
            reason_of(error),
            was_sent=not isinstance(error, _NOT_SENT),
            timed_out=isinstance(error, httpx.TimeoutException),
            step=step_of(error),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


class LentCarrier(HttpxCarrier):
    """A transport of the caller's, for any number of requests; it is theirs to close."""

    room = 1_000_000

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def aclose(self) -> None:
        """Leave it open."""


class HttpxIncoming:
    """An answer whose body is still to be read."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw
        }
        self._response = response
        chunks = aiter(response.stream)  # type: ignore[arg-type]  # an async transport's stream is async
        self.next_chunk: Callable[[], Awaitable[bytes]] = partial(anext, chunks, b"")

    async def aclose(self) -> None:
        """Give the connection back; when the body was not read to its end, close it."""
        with contextlib.suppress(*_ERRORS):
            await self._response.aclose()


class _HideHeaders(logging.Filter):
    """Drops the lines in which httpcore would log the headers of our answers; those of others stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_sending.get()


for _name in ("connection", "http11", "proxy", "socks"):
    logging.getLogger(f"httpcore.{_name}").addFilter(_HideHeaders())


def _request(outgoing: Outgoing) -> httpx.Request:
    timeouts = {"connect": outgoing.connect_timeout_s, "read": None, "write": None, "pool": None}
    return httpx.Request(
        outgoing.method,
        outgoing.url,
        headers=list(outgoing.headers()),
        content=outgoing.content,
        extensions={"timeout": timeouts},
    )


@cache
def _unused_context() -> ssl.SSLContext:
    # For plain http: it trusts nobody, and saves reading the certificates.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
