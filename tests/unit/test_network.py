"""Connections that httpcore gets from us: they hold little that nobody reads, and end as sockets do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpcore
import pytest

from langswarm_nb.core.session.providers._http.network import _MOST_UNREAD, Connection, Network

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(serve: Serve) -> AsyncIterator[Connection]:
    """Yield a connection to a server."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    connection = await Network().connect_tcp("127.0.0.1", server.sockets[0].getsockname()[1])
    yield connection
    await connection.aclose()
    server.close()


async def test_a_server_waits_for_its_reader() -> None:
    """What nobody reads is not taken from the network, and comes when it is asked for."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 2**24)
        await writer.drain()

    async with connected(serve) as connection:
        size = len(await connection.read(1))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert connection._wire._n_unread <= _MOST_UNREAD + 2**18  # and one read of the loop's
        while data := await connection.read(1):
            size += len(data)
        assert size == 2**24


async def test_a_writer_waits_for_the_server() -> None:
    """A long body is not heaped up at our end."""
    may_read = asyncio.Event()
    sizes: list[int] = []

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await may_read.wait()
        sizes.append(len(await reader.readexactly(2**24)))

    async with connected(serve) as connection:
        writing = asyncio.create_task(connection.write(b"x" * 2**24))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not writing.done()
        may_read.set()
        await writing
        assert await connection.read(1) == b""
    assert sizes == [2**24]


async def test_who_is_cut_off_is_told() -> None:
    """A connection that the server ended can be read to its end, and cannot be written."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"last words")

    async with connected(serve) as connection:
        assert await connection.read(1) == b"last words"
        assert await connection.read(1) == b""
        assert connection.get_extra_info("is_readable")
        with pytest.raises(httpcore.WriteError, match="closed"):
            await connection.write(b"hello?")


async def test_nobody_at_a_port_is_a_connect_error() -> None:
    """As httpcore names it, with what the system said."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    with pytest.raises(httpcore.ConnectError):
        await Network().connect_tcp("127.0.0.1", port, timeout=60)
