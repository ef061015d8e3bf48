"""Requests carried by aiohttp (extra ``fast``); the only module that imports it."""

from __future__ import annotations

import asyncio
import math
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from .carrier import KEEPALIVE_S, TransportError, reason_of, step_of, tls_context
from .deadline import Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .address import Address
    from .carrier import Incoming, Outgoing

# Most of aiohttp's other errors come after something was sent; ServerDisconnectedError for one.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
_ERRORS = (aiohttp.ClientError, OSError, ValueError)
_NO_LIMITS = aiohttp.ClientTimeout(total=None)
_AT_ONCE = 2**20
"""Bytes of a body that aiohttp writes in one go; it warns of more."""


class AiohttpCarrier:
    """A session of aiohttp; one is enough for all requests."""

    room = 1_000_000
    errors: tuple[type[Exception], ...] = _ERRORS

    def __init__(self, address: Address) -> None:
        self._reuses, self._may_be_stale = not address.is_local, False
        tls = tls_context() if address.scheme == "https" else True
        connector = (
            aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=KEEPALIVE_S)
            if self._reuses
            else aiohttp.TCPConnector(limit=0, ssl=tls, force_close=True)
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=["User-Agent", "Accept-Encoding"],
            trace_configs=[_connecting()],
        )

    async def send(self, outgoing: Outgoing) -> Incoming:
        """Send a request and return once the headers of its answer are there."""
        if self._may_be_stale:
            # Let the loop see which idle connections the server has closed: a request on one would be lost.
            for _ in range(3):
                await asyncio.sleep(0)
        self._may_be_stale = self._reuses
        patience = _Patience(outgoing.connect_timeout_s)
        try:
            response = await self._session.request(
                outgoing.method,
                URL(outgoing.url, encoded=True),
                headers=list(outgoing.headers()),
                data=_body(outgoing.content),
                allow_redirects=False,
                timeout=_NO_LIMITS,
                trace_request_ctx=patience,
            )
        except asyncio.CancelledError:
            if not patience.is_over():
                raise
            raise aiohttp.ConnectionTimeoutError("connecting took too long") from None
        finally:
            patience.end()
        return AiohttpIncoming(response)

    def describe(self, error: Exception) -> TransportError:
        """Tell what an error means."""
        # aiohttp's own words for it may be the repr of all headers.
        is_gone = isinstance(error, aiohttp.ServerDisconnectedError)
        return TransportError(
            "the server closed the connection" if is_gone else reason_of(error),
            was_sent=not isinstance(error, _NOT_SENT),
            timed_out=isinstance(error, TimeoutError),
            step=step_of(error),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()


class _Patience:
    """The limit on making a connection, as `Watch` counts it; a request that finds one made needs none."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watch: Watch | None = None

    def begin(self) -> None:
        self._watch = Watch(math.inf, self._seconds)
        self._watch.enter()

    def end(self) -> None:
        if self._watch is not None:
            self._watch.leave()
            self._watch.close()

    def is_over(self) -> bool:
        """Tell, after the request was cancelled, whether this limit did it."""
        return self._watch is not None and self._watch.is_mine()


def _connecting() -> aiohttp.TraceConfig:
    """Return the hooks that start and stop the limit on connecting of each request."""

    async def begin(_: object, told: SimpleNamespace, __: object) -> None:
        told.trace_request_ctx.begin()

    async def end(_: object, told: SimpleNamespace, __: object) -> None:
        told.trace_request_ctx.end()

    config = aiohttp.TraceConfig()
    config.on_connection_create_start.append(begin)
    config.on_connection_create_end.append(end)
    return config


def _body(content: bytes) -> bytes | BytesIO | None:
    """Return a body as it is to be written: a long one in pieces, between which the loop goes on."""
    return (content if len(content) <= _AT_ONCE else BytesIO(content)) or None


class AiohttpIncoming:
    """An answer whose body is still to be read."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.raw_headers
        }
        self._response = response
        self.next_chunk: Callable[[], Awaitable[bytes]] = response.content.readany

    async def aclose(self) -> None:
        """Give the connection back; when the body was not read to its end, close it."""
        self._response.close()
