"""How a row is measured: floor and ours in turns, the middle of each; CPU unless a row says otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import wraps
from statistics import median

from tests.bench.row import Measure, Measured, Row, Side

AsyncSide = Callable[[], AbstractAsyncContextManager[Callable[[], Awaitable[float]]]]


def measured(row: Row) -> Measured:
    """Measure a row."""
    with contextlib.ExitStack() as stack:
        floor = stack.enter_context(row.floor()) if row.floor else None
        ours = stack.enter_context(row.ours())
        pairs = [(_once(floor), _once(ours)) for _ in range(row.pairs)]
    pairs = pairs[1:] or pairs
    floors = [cost for cost, _ in pairs if cost is not None]
    return Measured(
        row, median(floors) if floors else None, median(cost for _, cost in pairs if cost is not None)
    )


def _once(measure: Measure | None) -> float | None:
    gc.collect()
    return None if measure is None else measure()


def on_loop(side: AsyncSide) -> Side:
    """Return a side whose work is a coroutine; each has an event loop of its own."""

    @wraps(side)
    @contextlib.contextmanager
    def opened() -> Iterator[Measure]:
        with asyncio.Runner() as runner:
            context = side()
            work = runner.run(_enter(context))
            try:
                yield lambda: runner.run(_await(work))
            finally:
                runner.run(_leave(context))

    return opened


async def _enter(
    context: AbstractAsyncContextManager[Callable[[], Awaitable[float]]],
) -> Callable[[], Awaitable[float]]:
    return await context.__aenter__()


async def _leave(context: AbstractAsyncContextManager[object]) -> None:
    await context.__aexit__(None, None, None)


async def _await(work: Callable[[], Awaitable[float]]) -> float:
    return await work()


class Spent:
    """Milliseconds of CPU of this process since it was made; of the clock on the wall, if that is named.

    Parameters
    ----------
    clock : callable
        Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock, self._start = clock, clock()

    def ms(self, of: int = 1) -> float:
        """Return what each of so many pieces of work has taken."""
        return (self._clock() - self._start) * 1000 / of


def cpu_clock(pid: int) -> Callable[[], float]:
    """Return the clock of another process: seconds of CPU of all its threads, on Linux."""
    return lambda: time.clock_gettime((~pid << 3) | 2)
