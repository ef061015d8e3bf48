"""Closing what was opened: streams whose reader has left, and several things, whatever closing one of them raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Protocol, TypeVar

from .conversation.on_asyncio import check_loop

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
_log = logging.getLogger(__name__)
_hanging_up: set[asyncio.Task[None]] = set()
"""Held, as a loop forgets a task that nobody holds."""


class Leavable(Protocol[_T_co]):
    """A stream that somebody reads."""

    is_left: bool
    """Whether its reader has left it: it then gives nothing more."""

    @property
    def is_waiting(self) -> bool:
        """Whether there may be more of it, nobody is reading it, and nobody sees to its end."""

    def __anext__(self) -> Awaitable[_T_co]: ...

    async def aclose(self) -> None:
        """Hang up."""


class Reading(AsyncIterator[_T]):
    """One loop over a stream. When the loop is left early, by whatever way, the stream is closed.

    Nobody calls an iterator when ``async for`` is left by ``break``, ``return`` or an exception, but nobody else holds
    it either, so it goes right then; and whoever wrote the loop may well still hold the stream.
    """

    __slots__ = ("_loop", "_stream")

    def __init__(self, stream: Leavable[_T]) -> None:
        self._stream = stream
        self._loop: asyncio.AbstractEventLoop | None = None

    def __anext__(self) -> Awaitable[_T]:
        if self._loop is None:
            check_loop()
            self._loop = asyncio.get_running_loop()
        return self._stream.__anext__()

    def __del__(self) -> None:
        loop, stream = self._loop, self._stream
        if loop is None or loop.is_closed() or not stream.is_waiting:
            return
        stream.is_left = True
        with suppress(RuntimeError):  # the loop was just closed, and has closed all its streams
            loop.call_soon_threadsafe(_hang_up, loop, stream)


class EventStream(AsyncIterator[_T]):
    """What an async generator yields; its connection is closed when its reader leaves the loop over it.

    Parameters
    ----------
    events
        The generator, or what is read and closed like one.
    """

    def __init__(self, events: AsyncGenerator[_T, None] | EventStream[_T]) -> None:
        self._events = events
        self.is_left: bool = False
        self._closed: asyncio.Future[None] | None = None

    def __aiter__(self) -> Reading[_T]:
        return Reading(self)

    def __anext__(self) -> Awaitable[_T]:
        return self._end() if self.is_left else self._events.__anext__()

    async def _end(self) -> _T:
        await self.aclose()
        raise StopAsyncIteration

    @property
    def is_waiting(self) -> bool:
        return self._closed is None and not self.ag_running and not is_over(self._events)

    @property
    def ag_running(self) -> bool:
        """Whether the generator is at work: a loop that shuts down may be closing it."""
        return bool(getattr(self._events, "ag_running", False))

    async def aclose(self) -> None:
        """Hang up at once; may be called twice."""
        if self._closed is not None:
            await asyncio.wait([self._closed])
            return
        self._closed = asyncio.get_running_loop().create_future()
        try:
            await self._events.aclose()
        finally:
            self._closed.set_result(None)


def is_over(events: object) -> bool:
    """Tell whether an async generator has ended, whatever way."""
    return getattr(events, "ag_frame", events) is None


def _hang_up(loop: asyncio.AbstractEventLoop, stream: Leavable[object]) -> None:
    if not stream.is_waiting:
        return
    task = loop.create_task(stream.aclose())
    _hanging_up.add(task)
    task.add_done_callback(_hung_up)


def _hung_up(task: asyncio.Task[None]) -> None:
    _hanging_up.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("A stream that was left could not be closed cleanly.", exc_info=error)


async def close_each(closings: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Call every function, in order, and raise afterwards what they raised.

    A cancellation ends the closing that it strikes, and not the others; it follows at the end.

    Raises
    ------
    Exception
        The one error, as it was raised.
    ExceptionGroup
        Of several errors, all.
    """
    errors: list[Exception] = []
    leaving: asyncio.CancelledError | KeyboardInterrupt | None = None
    for close in closings:
        try:
            await close()
        except Exception as error:  # noqa: BLE001 - raised below, when all is closed
            errors.append(error)
        except (asyncio.CancelledError, KeyboardInterrupt) as error:
            leaving = leaving or error
    cause = errors[0] if len(errors) == 1 else None
    if len(errors) > 1:
        cause = ExceptionGroup(f"{len(errors)} things could not be closed cleanly", errors)
    if leaving is not None:
        raise leaving from cause
    if cause is not None:
        raise cause
