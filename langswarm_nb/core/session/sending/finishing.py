"""`finish_anyway`: work that is done to its end although its task is cancelled meanwhile.

Only what somebody waits for can be finished. A coroutine that waits in a loop which has ended is collected at some
time: `GeneratorExit` is raised in it then, nothing can be awaited, and which other loop runs at that moment is chance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


async def finish_anyway(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Await ``work()`` to its end although the awaiting task is cancelled meanwhile; the cancellation follows then.

    A loop that shuts down cancels every task, the work's own too: it is then done once more, here.
    """
    task = asyncio.get_running_loop().create_task(work())
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001 - raised below by result()
            break
    if task.cancelled():
        await work()
    else:
        task.result()
    if cancelled is not None:
        raise cancelled


def is_collected(error: BaseException, loop: asyncio.AbstractEventLoop | None = None) -> bool:
    """Return whether an error ends something that nobody waits for.

    Parameters
    ----------
    error : BaseException
        What was raised in a coroutine or an async generator.
    loop : asyncio.AbstractEventLoop, optional
        Where a generator is read: it may be closed there too, and then its closing is waited for.
    """
    return isinstance(error, GeneratorExit) and (loop is None or loop is not running_loop())


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs; None when there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
