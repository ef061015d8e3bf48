"""Pieces of answers as they arrive: one stream sent at once, and two hundred that take their time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx

from tests.bench import ours, raw
from tests.bench.measuring import Spent, on_loop
from tests.bench.places import server
from tests.bench.row import Row, Side

FLOOD, PACED, STREAMS = "deltas=4000", "deltas=100,pause_ms=20", 200


def _raw(model: str, streams: int = 1) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        url, content = f"{server()}/chat/completions", raw.body(model, [("user", "Hi")])

        async def read(client: httpx.AsyncClient) -> int:
            async with client.stream("POST", url, content=content, headers=raw.JSON) as response:
                return len([text async for text in raw.texts(response.aiter_bytes())])

        async def work() -> float:
            spent = Spent()
            deltas = sum(await asyncio.gather(*(read(clients[n % len(clients)]) for n in range(streams))))
            return spent.ms(deltas) * 1000

        async with raw.clients() as clients:
            yield work

    return side


def _ours(model: str, library: str, streams: int = 1) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        async with ours.manager(library=library) as manager:

            async def read() -> int:
                session = await ours.session(manager, model)
                return len([delta async for delta in session.stream_message("Hi") if delta.text])

            async def work() -> float:
                spent = Spent()
                deltas = sum(await asyncio.gather(*(read() for _ in range(streams))))
                return spent.ms(deltas) * 1000

            yield work

    return side


ROWS = [
    Row("a delta of a stream sent at once", "µs", 1.3, _raw(FLOOD), _ours(FLOOD, "httpx"), peer="delta"),
    Row(
        "a delta of a stream sent at once, ours with `fast`", "µs", 0.45, _raw(FLOOD), _ours(FLOOD, "aiohttp")
    ),
    Row("a delta of 200 streams", "µs", 1.2, _raw(PACED, STREAMS), _ours(PACED, "httpx", STREAMS), pairs=4),
    Row(
        "a delta of 200 streams, ours with `fast`",
        "µs",
        0.45,
        _raw(PACED, STREAMS),
        _ours(PACED, "aiohttp", STREAMS),
        pairs=3,
    ),
]
