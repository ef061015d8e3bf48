"""How long callbacks hold an event loop up: CPU time, which no other program on the machine adds to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast


@dataclass
class Longest:
    """The callback that took the longest."""

    seconds: float = 0.0
    what: str = ""


@contextmanager
def longest_callback() -> Iterator[Longest]:
    """Watch the callbacks of asyncio's own loops, a step of a task being one, until the end of the block."""
    longest, handles = Longest(), cast("Any", asyncio.Handle)
    run = handles._run

    def timed(handle: asyncio.Handle) -> None:
        before = time.thread_time()
        run(handle)
        if (seconds := time.thread_time() - before) > longest.seconds:
            longest.seconds, longest.what = seconds, repr(handle)

    handles._run = timed
    try:
        yield longest
    finally:
        handles._run = run
