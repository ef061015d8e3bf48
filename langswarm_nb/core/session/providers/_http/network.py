"""Connections for httpcore, on asyncio alone.

A connection is made in patience: its limit counts as `Watch` counts, not while the loop is held up by other work.
Reading and writing have no limit here; whoever reads the answer watches the whole call.
"""

from __future__ import annotations

import asyncio
import math
import select
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpcore

from .chunks import ChunkJoiner
from .deadline import Watch

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Iterable, Sequence

_T = TypeVar("_T")
_NEXT_ADDRESS_S = 0.25
"""After so long without a connection to one address of a host, the next is tried beside it."""
_PATIENCE_S = 60.0
"""Longest time to connect where the caller names none."""
_MOST_UNREAD = 2**18
"""Bytes that wait to be read before the server has to wait."""


class Network(httpcore.AsyncNetworkBackend):
    """Makes connections.

    Parameters
    ----------
    machines : sequence of str, optional
        Numbers of the machines to connect to, whatever the host's name means by then; the first that answers is taken.
        By default the name is looked up for each connection.
    """

    def __init__(self, machines: Sequence[str] | None = None) -> None:
        self._machines = machines

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Connection:
        """Connect within ``timeout`` seconds; the rest of the parameters is not used."""
        for rest, machine in enumerate(self._machines or (host,), 1):
            loop = asyncio.get_running_loop()
            delay_s = (
                None if _is_number(machine) else _NEXT_ADDRESS_S
            )  # a number is one address: nothing to race
            making = loop.create_connection(_Wire, machine, port, happy_eyeballs_delay=delay_s)
            try:
                _, wire = await _in_patience(timeout, making)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if self._machines is None or rest == len(self._machines):
                    raise
            else:
                return Connection(wire)
        raise httpcore.ConnectError("no host was given to connect to")


class Connection(httpcore.AsyncNetworkStream):
    """A connection, encrypted or not, over which answers come in few chunks."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._joiner = ChunkJoiner()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Wait for bytes and return all there are; none at the end."""
        while data := await self._wire.read():
            if joined := self._joiner.feed(data):
                return joined
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Write bytes, or wait until the server has taken enough of those before."""
        self._joiner.begin()
        await self._wire.write(buffer)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Connection:
        """Encrypt it within ``timeout`` seconds."""
        wire = self._wire
        making = asyncio.get_running_loop().start_tls(
            wire.transport, wire, ssl_context, server_hostname=server_hostname
        )
        try:
            transport = await _in_patience(timeout, making)
        except BaseException:
            wire.transport.abort()
            raise
        if transport is None:
            raise httpcore.ConnectError("the server closed the connection")
        wire.transport = transport
        return Connection(wire)

    async def aclose(self) -> None:
        """Close it at once: whatever was to be written or read is not worth waiting for."""
        self._wire.transport.abort()

    def get_extra_info(self, info: str) -> Any:
        """Tell about it."""
        if info == "is_readable":
            return self._wire.is_readable
        return self._wire.transport.get_extra_info({"server_addr": "peername"}.get(info, info))


class _Wire(asyncio.Protocol):
    """What the loop calls."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._unread: list[bytes] = []
        self._n_unread = 0
        self._is_over = False
        self._failure: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        """There while the server has to take some bytes first; done when it has."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._unread.append(data)
        self._n_unread += len(data)
        if self._n_unread > _MOST_UNREAD:
            self.transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> None:
        self._is_over = True
        _wake(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over, self._failure = True, exc
        _wake(self._reader)
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writer = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        _wake(self._writer)
        self._writer = None

    @property
    def is_readable(self) -> bool:
        """Whether there is something to read, which on an idle connection is its end."""
        return self._is_over or bool(self._unread) or _has_news(self.transport.get_extra_info("socket"))

    async def read(self) -> bytes:
        if not self._unread and not self._is_over:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if self._unread:
            data = b"".join(self._unread)
            if self._n_unread > _MOST_UNREAD:
                self.transport.resume_reading()
            self._unread, self._n_unread = [], 0
            return data
        if self._failure is not None:
            raise httpcore.ReadError(str(self._failure)) from self._failure
        return b""

    async def write(self, data: bytes) -> None:
        if not self._is_over:
            self.transport.write(data)
        if self._writer is not None:
            await self._writer
        if self._is_over:
            raise httpcore.WriteError(
                str(self._failure or "the server closed the connection")
            ) from self._failure


async def _in_patience(seconds: float | None, making: Awaitable[_T]) -> _T:
    """Wait for a connection; no more than this many seconds in which the loop went round."""
    watch = Watch(math.inf, _PATIENCE_S if seconds is None else seconds)
    watch.enter()
    try:
        return await making
    except asyncio.CancelledError:
        if not watch.is_mine():
            raise
        raise httpcore.ConnectTimeout("connecting took too long") from None
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    finally:
        watch.close()


def _is_number(machine: str) -> bool:
    try:
        ip_address(machine)
    except ValueError:
        return False
    return True


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _has_news(socket: Any) -> bool:
    """Tell whether a socket has something that the loop has not seen yet."""
    if sys.platform == "win32":
        return bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))
