"""Many requests at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from langswarm_nb.core.session import ISession, ISessionLifecycleHook, SessionMessage
from tests.bench import ours, raw
from tests.bench.measuring import Spent, on_loop
from tests.bench.places import server
from tests.bench.row import Counts, Row, Side

MODEL, AT_ONCE, STARVED = "deltas=1", 1_000, 500


@on_loop
@asynccontextmanager
async def _raw() -> AsyncIterator[Callable[[], Awaitable[float]]]:
    content = raw.body(MODEL, [("user", "Hi")])
    async with raw.clients() as clients:

        async def work() -> float:
            spent = Spent()
            asked = (raw.ask(clients[n % len(clients)], server(), content) for n in range(AT_ONCE))
            await asyncio.gather(*asked)
            return spent.ms(AT_ONCE)

        yield work


@on_loop
@asynccontextmanager
async def _raw_fast() -> AsyncIterator[Callable[[], Awaitable[float]]]:
    import aiohttp

    content = raw.body(MODEL, [("user", "Hi")])
    async with aiohttp.ClientSession() as client:

        async def work() -> float:
            spent = Spent()
            await asyncio.gather(*(raw.ask_aiohttp(client, server(), content) for _ in range(AT_ONCE)))
            return spent.ms(AT_ONCE)

        yield work


def _ours(library: str) -> Side:
    @on_loop
    @asynccontextmanager
    async def side() -> AsyncIterator[Callable[[], Awaitable[float]]]:
        async with ours.manager(library=library) as manager:

            async def work() -> float:
                session = await ours.session(manager, MODEL)
                spent = Spent()
                await asyncio.gather(*(session.send_message("Hi", history=False) for _ in range(AT_ONCE)))
                return spent.ms(AT_ONCE)

            yield work

    return side


@on_loop
@asynccontextmanager
async def _starved() -> AsyncIterator[Callable[[], Awaitable[float]]]:
    async with ours.manager() as manager:
        sessions = [await ours.session(manager, MODEL, retries=0) for _ in range(STARVED)]
        manager.add_global_hook(_Computing(STARVED))

        async def work() -> float:
            asked = (session.send_message("Hi") for session in sessions)
            found = await asyncio.gather(*asked, return_exceptions=True)
            return sum(isinstance(one, Exception) for one in found)

        yield work


class _Computing(ISessionLifecycleHook):
    """Leaves the loop one round in two seconds once all questions go out, as a coroutine does that computes."""

    def __init__(self, questions: int) -> None:
        self._left = questions
        self._computing: asyncio.Task[None] | None = None

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        self._left -= 1
        if not self._left:
            self._computing = asyncio.create_task(self._compute())

    async def _compute(self) -> None:
        for _ in range(6):
            time.sleep(2)  # noqa: ASYNC251 - that is the point
            await asyncio.sleep(0)


ROWS = [
    Row(
        "1,000 `send_message` at once in a session, each",
        "ms",
        2,
        _raw,
        _ours("httpx"),
        Counts.OURS,
        3,
        peer="requests",
    ),
    Row(
        "1,000 `send_message` at once in a session, each, both with aiohttp",
        "ms",
        1.2,
        _raw_fast,
        _ours("aiohttp"),
        Counts.OURS,
        4,
    ),
    Row("requests that fail, 500 at once on a starved loop", "", 0, None, _starved, Counts.OURS, 1),
]
