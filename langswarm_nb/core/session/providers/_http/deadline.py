"""`Watch`: ends a wait when a limit on time is reached, with one timer for a whole call."""

from __future__ import annotations

import asyncio
from typing import Literal

_LOOKS = 20
"""So many times a limit on waiting is looked at before it is reached."""


class LimitReached(Exception):  # noqa: N818 - named for what happened; never leaves this folder
    """A limit on time was reached: of the whole call, or of silence."""

    def __init__(self, limit: Literal["call", "silence"]) -> None:
        super().__init__(limit)
        self.limit = limit


class Watch:
    """Watches the waits of one call; a wait lies between `enter` and `leave`, in one task.

    A timer for each read would cost more than reading it; a limit on each read alone would let a server go on for
    ever, a byte at a time. So one timer looks now and then at both limits.

    The call ends by the clock. A wait is counted as the event loop sees it: while the loop stands still, or is busy
    with hundreds of others, nobody can tell what has arrived. Each look counts no more than the time after which it
    was due, so that a loop has gone round at least `_LOOKS` times before a wait has been too long.

    Parameters
    ----------
    call_s
        Seconds from now to the end of the whole call.
    silence_s
        Longest single wait, in seconds.
    """

    __slots__ = (
        "_allowed_s",
        "_cancelling",
        "_deadline",
        "_is_hurried",
        "_limit",
        "_looked",
        "_loop",
        "_since",
        "_task",
        "_timer",
        "_waited_s",
    )

    def __init__(self, call_s: float, silence_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._looked = self._loop.time()
        self._deadline = self._since + call_s
        self._allowed_s = silence_s
        self._waited_s = 0.0
        self._is_hurried = False
        self._limit: Literal["call", "silence"] | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._timer = self._loop.call_at(self._next_look(), self._look)

    def enter(self) -> None:
        """Begin a wait.

        Raises
        ------
        LimitReached
            The call's time was over before.
        """
        if self._limit is not None:
            raise LimitReached(self._limit)
        task = self._task = asyncio.current_task()
        self._cancelling = task.cancelling() if task is not None else 0
        self._since = self._loop.time()
        if not self._is_hurried:
            self._waited_s = 0.0

    def leave(self) -> None:
        """End a wait that brought something."""
        self._task = None

    def is_mine(self) -> bool:
        """Tell, after a wait was cancelled, whether this watch did it; then the task counts as not cancelled."""
        task, self._task = self._task, None
        return self._limit is not None and task is not None and task.uncancel() <= self._cancelling

    @property
    def reached(self) -> LimitReached:
        """The limit that ended the wait."""
        return LimitReached(self._limit or "call")

    def hurry(self, seconds: float) -> None:
        """Let the call end within ``seconds``, whatever comes in them: the rest is not worth more."""
        self._waited_s, self._is_hurried = 0.0, True
        self._allowed_s = min(self._allowed_s, seconds)
        if self._limit is None:
            self._timer.cancel()
            self._looked = self._loop.time()
            self._timer = self._loop.call_at(self._next_look(), self._look)

    def close(self) -> None:
        """Stop watching."""
        self._timer.cancel()

    def _next_look(self) -> float:
        left_s = self._allowed_s - self._waited_s
        return min(self._deadline, self._looked + min(left_s, self._allowed_s / _LOOKS))

    def _look(self) -> None:
        now = self._loop.time()
        since = self._looked if self._is_hurried else max(self._since, self._looked)
        if self._task is not None or self._is_hurried:
            self._waited_s += min(now - since, self._allowed_s / _LOOKS)
        self._looked = now
        if now >= self._deadline:
            self._limit = "call"
        elif self._waited_s >= self._allowed_s:
            self._limit = "silence"
        else:
            self._timer = self._loop.call_at(self._next_look(), self._look)
            return
        if self._task is not None:
            self._task.cancel()
