"""Connections to a service, made when needed in whichever event loop asks.

Two libraries can carry them, each behind one module: httpx, and aiohttp when it is installed (extra ``fast``),
which needs a fraction of the work at many requests. Neither repeats, redirects or keeps cookies here: a request is
one request on the wire. httpx's pool gets slower with each connection it holds, so each holds at most 8.

On this machine each request has a connection of its own: they cost nothing here, and local servers close theirs
unannounced (llama.cpp after each stream), which a request on its way cannot be told from one that was processed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from functools import cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary, finalize, ref

import certifi

from ._address import proxy_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping

    from ._address import Address

_IDLE_CARRIERS = 4
"""So many stay open with nothing to do; more are closed when they fall idle."""
KEEPALIVE_S = 4.0
"""How long a connection waits for another request: less than the 5 s after which many servers close it."""
LIBRARY_VARIABLE = "LANGSWARM_HTTP"
"""Environment variable that names the library, ``httpx`` or ``aiohttp``, to look for a fault in one of them."""


class TransportError(Exception):
    """A request failed on its way: a plain account, without the objects that hold its headers.

    Attributes
    ----------
    reason : str
        What happened, in a few words; may quote the server.
    was_sent : bool
        False when surely nothing of the request reached the server.
    timed_out : bool
        Whether connecting took too long.
    """

    def __init__(self, reason: str, *, was_sent: bool, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_sent = was_sent
        self.timed_out = timed_out


class Outgoing(NamedTuple):
    """A request as it goes out.

    ``headers`` is called at the last moment: tracebacks may show the variables of frames, so none of ours holds
    a header with a key.
    """

    method: str
    url: str
    content: bytes
    headers: Callable[[], Iterable[tuple[str, str]]]
    connect_timeout_s: float


class Incoming(Protocol):
    """An answer whose body is still to be read; reads raise the library's own errors, see `Carrier.describe`."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    next_chunk: Callable[[], Awaitable[bytes]]
    """Waits for the next bytes, as they came; empty at the end."""

    async def aclose(self) -> None:
        """Give the connection back; when the body was not read to its end, close it."""


class Carrier(Protocol):
    """A library with some connections."""

    room: int
    """How many requests it carries at a time."""
    errors: tuple[type[Exception], ...]
    """What its calls raise."""

    async def send(self, outgoing: Outgoing) -> Incoming:
        """Send a request and return once the headers of its answer are there."""

    def describe(self, error: Exception) -> TransportError:
        """Tell what one of `errors` means."""

    async def aclose(self) -> None:
        """Close all connections."""


class Transports:
    """The carriers for one address; they are closed with it, or with their event loop."""

    def __init__(self, address: Address) -> None:
        self._make = partial(_new_carrier, address)
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Pool, finalize[Any, Any]]]
        self._pools = WeakKeyDictionary()

    async def pool(self) -> Pool:
        """Return the carriers of the running loop."""
        loop = asyncio.get_running_loop()
        pool, _ = self._pools.get(loop, (None, None))
        if pool is None or pool.pid != os.getpid():  # a forked child must not use its parent's connections
            for other in [other for other in list(self._pools) if other.is_closed()]:
                self._forget(other)
            pool = Pool(self._make)
            finalizer = finalize(self, _close_later, ref(loop), pool)
            finalizer.atexit = False
            self._pools[loop] = pool, finalizer
            await anext(pool.closer)
        return pool

    async def aclose(self) -> None:
        """Close all connections, each in the loop it belongs to."""
        for loop in list(self._pools):
            pool = self._forget(loop)
            if pool is None:
                continue
            if loop is asyncio.get_running_loop():
                await pool.closer.aclose()
            elif loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(pool.closer.aclose(), loop))

    def _forget(self, loop: asyncio.AbstractEventLoop) -> Pool | None:
        pool, finalizer = self._pools.pop(loop, (None, None))
        if finalizer is not None:
            finalizer.detach()
        return pool


def _close_later(loop: ref[asyncio.AbstractEventLoop], pool: Pool) -> None:
    """Close the connections of a session that was dropped without being closed."""
    running = loop()
    if running is not None and not running.is_closed() and pool.pid == os.getpid():
        running.call_soon_threadsafe(lambda: running.create_task(pool.closer.aclose()))


def _new_carrier(address: Address) -> Carrier:
    proxy = proxy_for(address)
    if proxy is None and _takes_aiohttp():
        from ._aiohttp import AiohttpCarrier

        return AiohttpCarrier(address)
    from ._httpx import HttpxCarrier

    return HttpxCarrier(address, proxy)


class Pool:
    """The carriers of one event loop, with the number of requests on each."""

    def __init__(self, make: Callable[[], Carrier]) -> None:
        self.pid = os.getpid()
        self.closer = self._close_with_loop()
        self._make = make
        self._busy: dict[Carrier, int] = {}  # in order of their making

    def take(self) -> Carrier:
        """Return a carrier with room, to be given back."""
        for carrier, busy in self._busy.items():
            if busy < carrier.room:
                break
        else:
            carrier, busy = self._make(), 0
        self._busy[carrier] = busy + 1
        return carrier

    async def give_back(self, carrier: Carrier) -> None:
        """End a use of a carrier."""
        if carrier not in self._busy:  # closed meanwhile
            return
        self._busy[carrier] -= 1
        if not self._busy[carrier] and len(self._busy) > _IDLE_CARRIERS:
            del self._busy[carrier]
            await _close(carrier)

    async def _close_with_loop(self) -> AsyncGenerator[None, None]:
        # A loop closes the generators that wait in it before it ends, and with this one the connections.
        try:
            yield
        finally:
            carriers, self._busy = list(self._busy), {}
            for carrier in carriers:
                await _close(carrier)


async def _close(carrier: Carrier) -> None:
    with contextlib.suppress(*carrier.errors):
        await carrier.aclose()


def reason_of(error: BaseException) -> str:
    """Return what an error comes from, in a few words."""
    root = error
    for link in _causes(error):
        if isinstance(link, OSError) and (link.errno or isinstance(link, socket.gaierror)):
            root = link
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"the server's certificate was not accepted: {root.verify_message}"
    if isinstance(root, socket.gaierror):
        return "no such host is known"
    if isinstance(root, OSError) and root.errno and not isinstance(root, ssl.SSLError):
        return os.strerror(root.errno).lower()
    return (root.strerror if isinstance(root, OSError) else None) or str(root) or type(root).__name__


@cache
def tls_context() -> ssl.SSLContext:
    """Return the one context for all connections: making one takes 20 ms."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        # A group holds one error for each address of the host that was tried.
        group = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = group or error.__cause__ or error.__context__


def _takes_aiohttp() -> bool:
    named = os.environ.get(LIBRARY_VARIABLE, "").strip().lower()
    return named != "httpx" and find_spec("aiohttp") is not None
