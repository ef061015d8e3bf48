"""Connections to a service, made when needed in whichever event loop asks.

Two libraries can carry them, each behind one module: httpx, and aiohttp when it is installed (extra ``fast``),
which needs a fraction of the work at many requests. httpx's pool gets slower with each connection it holds, so each
holds at most 8.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, finalize, ref

from langswarm_nb.core.session.closing import close_each
from langswarm_nb.core.session.conversation.on_asyncio import check_loop
from langswarm_nb.core.session.errors import SessionTypeError

from .address import usable_proxy
from .carrier import Trust

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from httpx import AsyncBaseTransport

    from .address import Address
    from .carrier import Carrier

_IDLE_CARRIERS = 4
"""So many stay open with nothing to do; more are closed when they fall idle."""


LIBRARY_VARIABLE = "LANGSWARM_HTTP"
"""Environment variable that names the library, ``httpx`` or ``aiohttp``, to look for a fault in one of them."""


class Transports:
    """The carriers for one address; they are closed with it, or with their event loop.

    Raises
    ------
    SessionTypeError
        What should carry the requests is not a transport of httpx.
    """

    def __init__(self, address: Address, transport: AsyncBaseTransport | None = None) -> None:
        if transport is not None and not callable(getattr(transport, "handle_async_request", None)):
            raise SessionTypeError.of("transport", transport, "an asynchronous transport of httpx")
        self._make = partial(_new_carrier, address, transport)
        self._is_lent = transport is not None
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Pool, finalize[Any, Any]]]
        self._pools = WeakKeyDictionary()

    async def pool(self) -> Pool:
        """Return the carriers of the running loop."""
        check_loop()
        loop = asyncio.get_running_loop()
        if self._pool_of(loop) is None and not self._is_lent:
            await _load_library()
        pool = self._pool_of(loop)
        if pool is None:
            for other in [other for other in list(self._pools) if other.is_closed()]:
                self._forget(other)
            pool = Pool(self._make)
            finalizer = finalize(self, _close_later, ref(loop), pool)
            finalizer.atexit = False
            self._pools[loop] = pool, finalizer
            await anext(pool.closer)
        return pool

    def _pool_of(self, loop: asyncio.AbstractEventLoop) -> Pool | None:
        pool, _ = self._pools.get(loop, (None, None))
        # A forked child must not use its parent's connections.
        return pool if pool is not None and pool.pid == os.getpid() else None

    async def aclose(self) -> None:
        """Close all connections, each in the loop it belongs to."""
        check_loop()
        await close_each([partial(self._close_of, loop) for loop in list(self._pools)])

    async def _close_of(self, loop: asyncio.AbstractEventLoop) -> None:
        pool = self._forget(loop)
        if pool is None:
            return
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


async def _load_library() -> None:
    """Load what will carry the requests, beside the loop: aiohttp takes a tenth of a second."""
    name = f"{__package__}.carrier_{'aiohttp' if _takes_aiohttp() else 'httpcore'}"
    if name not in sys.modules:
        await asyncio.to_thread(import_module, name)


def _new_carrier(address: Address, transport: AsyncBaseTransport | None) -> Carrier:
    if transport is not None:
        from .carrier_httpx import LentCarrier

        return LentCarrier(transport)
    proxy = usable_proxy(address)
    if proxy is None and _takes_aiohttp():
        from .carrier_aiohttp import AiohttpCarrier

        return AiohttpCarrier(address)
    from .carrier_httpcore import HttpcoreCarrier

    return HttpcoreCarrier(address, proxy)


class Pool:
    """The carriers of one event loop, with the number of requests on each."""

    def __init__(self, make: Callable[[], Carrier]) -> None:
        self.pid = os.getpid()
        self.closer = self._close_with_loop()
        self._make = make
        self._busy: dict[Carrier, int] = {}  # in order of their making
        self._trust = Trust.now()
        self._is_old: set[Carrier] = set()  # made when other certificates were trusted

    def take(self) -> Carrier:
        """Return a carrier with room, to be given back.

        Raises
        ------
        TransportError
            The environment names a proxy or certificates that cannot be used.
        """
        if (trust := Trust.now()) != self._trust:
            self._trust, self._is_old = trust, set(self._busy)
        for carrier, busy in self._busy.items():
            if busy < carrier.room and carrier not in self._is_old:
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
        idle = [other for other, busy in self._busy.items() if not busy and other in self._is_old]
        if not self._busy[carrier] and carrier not in idle and len(self._busy) - len(idle) > _IDLE_CARRIERS:
            idle.append(carrier)
        for other in idle:
            del self._busy[other]
            self._is_old.discard(other)
        for other in idle:
            await _close(other)

    async def _close_with_loop(self) -> AsyncGenerator[None, None]:
        # A loop closes the generators that wait in it before it ends, and with this one the connections.
        try:
            yield
        finally:
            carriers, self._busy = list(self._busy), {}
            await close_each([partial(_close, carrier) for carrier in carriers])


async def _close(carrier: Carrier) -> None:
    with contextlib.suppress(*carrier.errors):
        await carrier.aclose()


def _takes_aiohttp() -> bool:
    named = os.environ.get(LIBRARY_VARIABLE, "").strip().lower()
    return named != "httpx" and find_spec("aiohttp") is not None
