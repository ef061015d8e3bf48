"""Decisions about long conversations are made beside the event loop, which goes on with what else it has to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

LONG = 2000
"""Messages whose shape takes a few milliseconds to go through."""


async def decided(about: Sequence[object], decide: Callable[[], T]) -> T:
    """Return what a function without I/O decides about this many messages."""
    return await asyncio.to_thread(decide) if len(about) > LONG else decide()
