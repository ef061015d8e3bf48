"""One send at a time through a session, whatever event loops and threads the sends run on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Protocol

from langswarm_nb.core.session.conversation.leased import leased
from langswarm_nb.core.session.errors import SessionBusyError
from langswarm_nb.core.session.messages import utc_now

ABANDONED_AFTER_S = 5.0
"""A stream that nobody has read from for this long gives way to a later send."""


class Passage(Protocol):
    """A send on its way through."""

    loop: asyncio.AbstractEventLoop | None
    """Where it is read; None before it was."""
    reader: asyncio.Task[object] | None
    """The task that last asked for a piece."""
    idle_since: float | None
    """Since when (monotonic clock) nobody asks for the next piece; None while somebody waits for it."""

    async def give_way(self) -> None:
        """End at once, keep what has arrived, and leave the turnstile."""


class _Waiter:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.since = time.monotonic()
        self.woken = asyncio.Event()


_inside: ContextVar[tuple[Passage, ...]] = ContextVar("langswarm_nb_inside", default=())


@contextmanager
def inside(passage: Passage) -> Iterator[None]:
    """Mark what the block awaits as a part of ``passage``, which therefore must not wait for its end."""
    token = _inside.set((*_inside.get(), passage))
    try:
        yield
    finally:
        with suppress(
            ValueError
        ):  # collected after its loop has ended, so in another context: this one is as it was
            _inside.reset(token)


def refuse_inside(passage: Passage | None) -> None:
    """Raise when the caller is a part of ``passage``: to wait for its end would never end.

    Raises
    ------
    SessionBusyError
        It is.
    """
    if passage is not None and passage in _inside.get():
        raise SessionBusyError(
            "A hook or middleware tried to send in its own session, or to stop a stream of it, while a message was "
            "on its way through; that would wait for itself. Do it in `on_message_received` or `on_error`, or send "
            "with `activate=False`."
        )


class Turnstile:
    """A fair lock that belongs to no event loop.

    `asyncio.Lock` fails when two loops contend for it, and a notebook has two: the kernel's and the I/O thread's.
    The holder is known, so a stream that was left without being closed, or whose loop stands still, does not block
    its session forever; nor does one that waits on a loop that stands still.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: Passage | None = None
        self._since = utc_now()
        """When the last holder came."""
        self._waiters: deque[_Waiter] = deque()

    @property
    def holder(self) -> Passage | None:
        """Who is on the way through."""
        return self._holder

    async def enter(self, passage: Passage, *, waits: bool = True) -> None:
        """Wait for the turn of ``passage``; a holder that was abandoned is told to give way.

        Raises
        ------
        SessionBusyError
            The caller is a part of the send that is on its way through.
        SessionLeasedError
            It would have to wait, and ``waits`` is False.
        """
        refuse_inside(self._holder)
        waiter = _Waiter()
        with self._lock:
            self._waiters.append(waiter)
        try:
            while not self._try(passage, waiter):
                if not waits:
                    self._refuse(waiter)
                await self._wait(waiter)
        except BaseException:
            with self._lock:
                self._waiters.remove(waiter)
                self._wake_first()
            raise

    async def make_way(self) -> None:
        """Tell a holder that was abandoned to give way, for work that waits for the end of its send.

        Raises
        ------
        SessionBusyError
            The caller is a part of that send.
        """
        holder = self._holder
        refuse_inside(holder)
        if holder is not None and _patience(holder, time.monotonic()) <= 0:
            await holder.give_way()

    def leave(self, passage: Passage) -> None:
        """Let the next one through; does nothing when ``passage`` is not the holder."""
        with self._lock:
            if self._holder is passage:
                self._holder = None
                self._wake_first()

    def _refuse(self, waiter: _Waiter) -> None:
        """Raise unless the holder was abandoned."""
        if self._holder is None or _patience(self._holder, waiter.since) > 0:
            raise leased("this session", "this process", self._since)

    def _try(self, passage: Passage, waiter: _Waiter) -> bool:
        with self._lock:
            if self._holder is not None:
                return False
            if self._first() is not waiter:
                self._wake_first()
                return False
            self._waiters.remove(waiter)
            self._holder, self._since = passage, utc_now()
            return True

    async def _wait(self, waiter: _Waiter) -> None:
        patience = _patience(self._holder, waiter.since)
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
        for waiter in self._waiters:  # those before the first notice it when their loops run again
            with suppress(RuntimeError):  # its loop is closed
                waiter.loop.call_soon_threadsafe(waiter.woken.set)
            if waiter.loop.is_running():
                return

    def _first(self) -> _Waiter | None:
        """Return who comes next: the first whose loop runs; the others are seen again when theirs does."""
        return next((waiter for waiter in self._waiters if waiter.loop.is_running()), None)


def _patience(holder: Passage | None, waiting_since: float) -> float:
    """Return for how many seconds the holder may still be left alone."""
    if holder is None or holder.loop is None:
        return ABANDONED_AFTER_S
    if holder.loop.is_closed():
        return 0
    if holder.idle_since is not None:
        if holder.reader is asyncio.current_task():
            return 0  # the reader itself sends again, so it has left its stream
        since = holder.idle_since
    else:
        since = time.monotonic() if holder.loop.is_running() else waiting_since
    return since + ABANDONED_AFTER_S - time.monotonic()
