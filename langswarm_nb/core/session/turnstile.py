"""One send at a time through a session, whatever event loops and threads the sends run on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from typing import Protocol

ABANDONED_AFTER_S = 5.0
"""A stream that nobody has read from for so long gives way to a later send."""


class Passage(Protocol):
    """A send on its way through."""

    reader: asyncio.Task[object] | None
    """The task that last asked for a piece."""
    idle_since: float | None
    """Since when (monotonic clock) nobody asks for the next piece; None while somebody waits for it."""

    async def give_way(self) -> None:
        """End at once, keep what has arrived, and leave the turnstile."""


class _Waiter:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.woken = asyncio.Event()


class Turnstile:
    """A fair lock that belongs to no event loop.

    `asyncio.Lock` fails when two loops contend for it, and a notebook has two: the kernel's and the I/O thread's.
    The holder is known, so a stream that was left without being closed does not block its session for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: Passage | None = None
        self._waiters: deque[_Waiter] = deque()

    @property
    def holder(self) -> Passage | None:
        """Who is on the way through."""
        return self._holder

    async def enter(self, passage: Passage) -> None:
        """Wait for the turn of ``passage``; a holder that was abandoned is told to give way."""
        waiter = _Waiter()
        with self._lock:
            self._waiters.append(waiter)
        try:
            while not self._try(passage, waiter):
                await self._wait(waiter)
        except BaseException:
            with self._lock:
                self._waiters.remove(waiter)
                self._wake_first()
            raise

    def leave(self, passage: Passage) -> None:
        """Let the next one through; does nothing when ``passage`` is not the holder."""
        with self._lock:
            if self._holder is passage:
                self._holder = None
                self._wake_first()

    def _try(self, passage: Passage, waiter: _Waiter) -> bool:
        with self._lock:
            self._drop_dead()
            if self._holder is not None or self._waiters[0] is not waiter:
                return False
            self._waiters.popleft()
            self._holder = passage
            return True

    async def _wait(self, waiter: _Waiter) -> None:
        patience = _patience(self._holder)
        if patience <= 0 and (holder := self._holder) is not None:
            await holder.give_way()
            return
        try:
            async with asyncio.timeout(patience):
                await waiter.woken.wait()
        except TimeoutError:
            return  # look again: the holder may have been abandoned meanwhile
        waiter.woken.clear()

    def _wake_first(self) -> None:
        self._drop_dead()
        if self._waiters:
            self._waiters[0].loop.call_soon_threadsafe(self._waiters[0].woken.set)

    def _drop_dead(self) -> None:
        while self._waiters and self._waiters[0].loop.is_closed():
            self._waiters.popleft()


def _patience(holder: Passage | None) -> float:
    """Return for how many seconds the holder may still be left alone."""
    if holder is None or holder.idle_since is None:
        return ABANDONED_AFTER_S
    if holder.reader is asyncio.current_task():
        return 0  # the reader itself sends again, so it has left its stream
    return holder.idle_since + ABANDONED_AFTER_S - time.monotonic()
