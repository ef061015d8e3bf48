"""Requests carried by a transport of the caller's, in the form of httpx; the only module that imports it."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

import httpx

from .carrier import TransportError, reason_of, step_of
from .hidden_headers import unlogged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

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


class LentCarrier:
    """A transport of the caller's, for any number of requests; it is theirs to close."""

    room = 1_000_000
    errors: tuple[type[Exception], ...] = _ERRORS

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(self, outgoing: Outgoing) -> Incoming:
        """Send a request and return once the headers of its answer are there."""
        with unlogged():
            return LentIncoming(await self._transport.handle_async_request(_request(outgoing)))

    def describe(self, error: Exception) -> TransportError:
        """Tell what an error means."""
        return TransportError(
            reason_of(error),
            was_sent=not isinstance(error, _NOT_SENT),
            timed_out=isinstance(error, httpx.TimeoutException),
            step=step_of(error),
        )

    async def aclose(self) -> None:
        """Leave it open."""


class LentIncoming:
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


def _request(outgoing: Outgoing) -> httpx.Request:
    timeouts = {"connect": outgoing.connect_timeout_s, "read": None, "write": None, "pool": None}
    return httpx.Request(
        outgoing.method,
        outgoing.url,
        headers=list(outgoing.headers()),
        content=outgoing.content,
        extensions={"timeout": timeouts},
    )
