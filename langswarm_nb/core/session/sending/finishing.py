"""`finish_anyway`: work that is done to its end although its task is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


async def finish_anyway(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Await ``work()`` to its end although the awaiting task is cancelled meanwhile; the cancellation follows then.

    A loop that shuts down cancels every task, the work's own too: it is then done once more, here. Where the loop has
    ended already, and what waits in it is collected, nothing can be awaited any more.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    task = loop.create_task(work())
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
