"""Requests carried by httpcore, the lower half of httpx; the only module that imports it, with its `network`."""

from __future__ import annotations

import contextlib
import ssl
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import httpcore

from .carrier import KEEPALIVE_S, TransportError, reason_of, step_of, tls_context
from .hidden_headers import unlogged
from .network import Network

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from .address import Address
    from .carrier import Incoming, Outgoing

_NOT_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
)
_ERRORS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    OSError,
)
_PORTS = {"http": 80, "https": 443}
_HAVE_BODIES = ("POST", "PUT", "PATCH")


class HttpcoreCarrier:
    """A pool of httpcore."""

    room = 8
    errors: tuple[type[Exception], ...] = _ERRORS

    def __init__(self, address: Address, proxy: str | None, *, machines: Sequence[str] | None = None) -> None:
        self._pool = _kind_of_pool(proxy)(
            ssl_context=tls_context() if address.scheme == "https" else _unused_context(),
            max_connections=self.room,
            max_keepalive_connections=0 if address.is_local else self.room,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=Network(machines),
        )

    async def send(self, outgoing: Outgoing) -> Incoming:
        """Send a request and return once the headers of its answer are there."""
        with unlogged():
            return HttpcoreIncoming(await self._pool.handle_async_request(_request(outgoing)))

    def describe(self, error: Exception) -> TransportError:
        """Tell what an error means."""
        return TransportError(
            reason_of(error),
            was_sent=not isinstance(error, _NOT_SENT),
            timed_out=isinstance(error, httpcore.TimeoutException),
            step=step_of(error),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class HttpcoreIncoming:
    """An answer whose body is still to be read."""

    def __init__(self, response: httpcore.Response) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        self._response = response
        chunks = aiter(response.stream)  # type: ignore[arg-type]  # an asynchronous pool's stream is asynchronous
        self.next_chunk: Callable[[], Awaitable[bytes]] = partial(anext, chunks, b"")

    async def aclose(self) -> None:
        """Give the connection back; when the body was not read to its end, close it."""
        with contextlib.suppress(*_ERRORS):
            await self._response.aclose()


def _kind_of_pool(proxy: str | None) -> Callable[..., httpcore.AsyncConnectionPool]:
    if proxy is None:
        return httpcore.AsyncConnectionPool
    parts = urlsplit(proxy)
    user = [unquote(word or "").encode() for word in (parts.username, parts.password)]
    return partial(
        httpcore.AsyncSOCKSProxy if parts.scheme.startswith("socks") else httpcore.AsyncHTTPProxy,
        proxy_url=httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target="/"),
        proxy_auth=(user[0], user[1]) if any(user) else None,
    )


def _request(outgoing: Outgoing) -> httpcore.Request:
    parts = urlsplit(outgoing.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore.Request(
        outgoing.method,
        httpcore.URL(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            target=target,
        ),
        headers=[("Host", parts.netloc), *_length(outgoing), *outgoing.headers()],
        content=outgoing.content,
        extensions={"timeout": {"connect": outgoing.connect_timeout_s}},
    )


def _length(outgoing: Outgoing) -> Iterable[tuple[str, str]]:
    if outgoing.content or outgoing.method in _HAVE_BODIES:
        yield "Content-Length", str(len(outgoing.content))


@cache
def _unused_context() -> ssl.SSLContext:
    # For plain http: it trusts nobody, and saves reading the certificates.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
