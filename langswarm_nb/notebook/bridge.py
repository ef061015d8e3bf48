"""Run a coroutine from sync code: the one place that nests an event loop or waits for a thread.

`run_sync` waits, and is what magics and sync helpers call.
`run_within` waits so long and no longer, for what is nice to have.
`submit` does not wait, and is what widget callbacks call.
Code that is async itself (hooks, middleware, tasks) uses ``await`` and needs neither.

In a cell of a Jupyter kernel the loop already runs, and `run_sync` runs it again from within, which asyncio
allows only once patched: nest-asyncio2 does that, on older kernels nest-asyncio.
The patch changes the whole process, so it is applied at the first call that needs it and never at import.
Anywhere else nothing is patched and the coroutine runs on the I/O thread, a daemon thread with its own loop:
in scripts, servers and terminal IPython, in worker threads and subshells, under uvloop, and on kernels where
the nesting at hand is known to lose cells.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import inspect
import logging
import math
import signal
import sys
import threading
import time
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine
    from types import FrameType

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["io_loop", "kernel_shell", "run_sync", "run_within", "submit"]

T = TypeVar("T")

_TICK_S = 0.1
"""How often a wait looks for an interrupt; short waits also let Ctrl-C through on Windows."""
_GRACE_S = 1.5
"""How long an interrupted coroutine may take to clean up before the cell ends without it."""

_logger = logging.getLogger(__name__)


def run_sync(awaitable: Awaitable[T]) -> T:
    """Run an awaitable to its end from sync code, whether or not a loop is running here.

    The context variables of the caller are seen inside, and what is printed or displayed there reaches the
    caller's cell.

    Parameters
    ----------
    awaitable
        Runs on the kernel's loop in a cell, else on that of the I/O thread; it must not be bound to another.

    Returns
    -------
    T
        What the awaitable returns.

    Raises
    ------
    KeyboardInterrupt
        The user interrupted. The first interrupt cancels the awaitable and waits up to 1.5 s for its
        clean-up; a second one leaves at once. An error raised by the clean-up is the cause of this one.
    asyncio.CancelledError
        Something else cancelled the awaitable.
    RuntimeError
        Called on the I/O thread, which would wait for itself: use ``await`` there.

    Notes
    -----
    Whatever the awaitable raises goes through.
    An interrupted awaitable that is not done when the cell ends goes on cleaning up; its failure is logged.
    """
    coroutine: Coroutine[Any, Any, T] = (
        awaitable if inspect.iscoroutine(awaitable) else _as_coroutine(awaitable)
    )
    loop = _running_loop()
    if loop is not None and _io is not None and loop is _io.loop:
        coroutine.close()
        raise RuntimeError(
            "run_sync() was called on the I/O thread, by code that already runs in a coroutine there, "
            "and would wait for itself. Use `await` instead; a hook or middleware may be `async def`."
        )
    with _Interrupts() as interrupts:
        watched = _watch(coroutine, interrupts)
        try:
            if loop is not None and _can_nest(loop):
                task = loop.run_until_complete(watched)
            else:
                task = _wait_for(submit(watched), interrupts)
            result = task.result()
            del task  # here: an interrupt that came while it is cleaned up outside would be dropped by Python
        except asyncio.CancelledError:
            if not interrupts.count:
                raise
            raise KeyboardInterrupt from None
        except Exception as error:
            if not interrupts.count:
                raise
            raise KeyboardInterrupt from error
    if interrupts.count:
        raise KeyboardInterrupt
    return result


def submit(coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Start a coroutine on the I/O thread and return at once.

    Returns
    -------
    concurrent.futures.Future
        Its outcome; ``cancel()`` cancels the coroutine. An exception that is not asked for here is not shown.
    """
    return asyncio.run_coroutine_threadsafe(coroutine, io_loop())


def run_within(timeout_s: float, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the I/O thread and wait for it at most so long; what takes longer is cancelled.

    Raises
    ------
    TimeoutError
        It took longer. It may still clean up, or end if it was about to.
    """
    future = submit(coroutine)
    try:
        return future.result(timeout_s)
    except concurrent.futures.TimeoutError:
        if future.done():  # in this instant, or with such an error of its own
            return future.result()
        raise TimeoutError(f"no answer within {timeout_s:g} s") from None
    finally:
        future.cancel()


@dataclass(frozen=True)
class _IoThread:
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread


_io: _IoThread | None = None
_io_lock = threading.Lock()


def io_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of the I/O thread, which is started on first use, and again in a forked process."""
    global _io  # noqa: PLW0603  one thread a process
    with _io_lock:
        if _io is None or not _io.thread.is_alive():
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_serve, args=(loop,), name="langswarm-io", daemon=True)
            _io = _IoThread(loop, thread)
            thread.start()
            atexit.register(_shut_down, _io)
        return _io.loop


def kernel_shell() -> InteractiveShell | None:
    """Return the IPython shell of this Jupyter kernel; None in a terminal, a script or a server."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    stopped = False
    while not stopped:
        try:
            loop.run_forever()
            stopped = True
        except (KeyboardInterrupt, SystemExit) as leave:
            # A coroutine raised it and its waiter gets it; asyncio also lets it out of the loop others use.
            _logger.debug("A coroutine on the I/O thread raised %r; the loop goes on", leave)


def _shut_down(io: _IoThread) -> None:
    """Let what still runs clean up, then end the thread."""
    if io.thread.is_alive():
        concurrent.futures.wait(
            [asyncio.run_coroutine_threadsafe(_cancel_all(), io.loop)], timeout=2 * _GRACE_S
        )
        io.loop.call_soon_threadsafe(io.loop.stop)
        io.thread.join(_GRACE_S)
    if not io.loop.is_running():  # in a forked child it seems to run forever
        io.loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_GRACE_S)


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _wait_for(future: concurrent.futures.Future[T], interrupts: _Interrupts) -> T:
    leave_at = math.inf
    while not future.done():  # not result(timeout): it can raise TimeoutError in the instant of completion
        concurrent.futures.wait([future], timeout=_TICK_S)
        if interrupts.count and leave_at == math.inf:
            leave_at = time.monotonic() + _GRACE_S + 2 * _TICK_S
        elif time.monotonic() > leave_at:  # sync code holds the I/O thread
            raise asyncio.CancelledError
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        raise asyncio.CancelledError from None


class _Interrupts:
    """Counts SIGINT while a wait lasts, so that the waited-for coroutine is cancelled and not torn apart.

    When an interrupt comes and the one before has not been noticed, the loop is held by sync code;
    only then is KeyboardInterrupt raised right there.
    """

    def __init__(self) -> None:
        self.count = 0
        self.noticed = 0
        self._previous: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            previous = signal.getsignal(signal.SIGINT)
            if previous not in {None, signal.SIG_IGN}:
                self._previous = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > self.noticed + 1:
            raise KeyboardInterrupt


_left_behind: set[asyncio.Task[Any]] = set()
"""Interrupted tasks that still clean up; asyncio itself would not keep them alive."""


async def _watch(coroutine: Coroutine[Any, Any, T], interrupts: _Interrupts) -> asyncio.Task[T]:
    """Return the coroutine's task when it is done; a SystemExit of it must not leave a loop twice."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(coroutine)
    leave_at = math.inf
    try:
        while not task.done():
            await asyncio.wait([task], timeout=_TICK_S)
            if interrupts.noticed < interrupts.count:
                interrupts.noticed = interrupts.count
                task.cancel()
                leave_at = loop.time() + (_GRACE_S if interrupts.count == 1 else 0)
            if loop.time() >= leave_at:
                break
    finally:
        if not task.done():
            task.cancel()
            _left_behind.add(task)
            task.add_done_callback(_log_late_outcome)
    if not task.done() or task.cancelled():
        raise asyncio.CancelledError
    task.exception()  # seen, should nobody be left to ask for it
    return task


def _log_late_outcome(task: asyncio.Task[Any]) -> None:
    _left_behind.discard(task)
    if not task.cancelled() and task.exception() is not None:
        _logger.warning("An interrupted coroutine failed after its cell had ended", exc_info=task.exception())


def _can_nest(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether ``loop`` can be run from within, patching it when that is the first time."""
    if kernel_shell() is None or threading.current_thread() is not threading.main_thread():
        return False
    if not isinstance(loop, asyncio.BaseEventLoop):  # uvloop: the patch would fail half-way
        return False
    if hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2"):
        # The user applied nest-asyncio, and it cannot be undone.
        return hasattr(loop, "_nest_patched") and _nest_asyncio_is_safe()
    module = _nesting_module()
    if module is None:
        return False
    if not hasattr(loop, "_nest_patched"):
        import_module(module).apply(loop)
    return True


def _nesting_module() -> str | None:
    if _installed("nest-asyncio2") >= (1, 7, 3):  # earlier ones lose queued cells
        return "nest_asyncio2"
    if _nest_asyncio_is_safe() and _installed("nest-asyncio"):
        return "nest_asyncio"
    return None


def _nest_asyncio_is_safe() -> bool:
    # On later kernels it loses queued cells, on later Pythons it breaks asyncio.
    return _installed("ipykernel") < (7, 1) and sys.version_info < (3, 14)


@cache
def _installed(distribution: str) -> tuple[int, ...]:
    """Return the leading numbers of a version; empty when it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # 15 ms, for who nests a loop

    try:
        parts = version(distribution).split(".")
    except PackageNotFoundError:
        return ()
    return tuple(int(part) for part in parts if part.isdecimal())
