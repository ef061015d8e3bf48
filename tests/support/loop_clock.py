"""Time that a test makes pass: the event loop's clock is put forward, so that no limit on time is waited for."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def when_time_passes(task: asyncio.Task[T], seconds: float) -> T:
    """Let the running loop find again and again that so many seconds have passed, until the task is done."""
    loop, passed = asyncio.get_running_loop(), 0.0
    real_time = loop.time
    loop.time = lambda: real_time() + passed  # type: ignore[method-assign]
    while not task.done():
        passed += seconds
        await asyncio.sleep(0)
    return await task
