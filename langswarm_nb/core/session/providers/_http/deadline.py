"""`Watch`: ends a wait when a limit on time is reached, with one timer for a whole call."""

from __future__ import annotations

import asyncio
from typing import Literal


class LimitReached(Exception):  # noqa: N818 - named for what happened; never leaves this folder
    """A limit on time was reached: of the whole call, or of silence."""

    def __init__(self, limit: Literal["call", "silence"]) -> None:
        super().__init__(limit)
        self.limit = limit


class Watch:
    """Watches the waits of one call; a wait lies between `enter` and `leave`, in one task.

    A timer for each read would cost more than reading it; a limit on each read alone would let a server go on for
    ever, a byte at a time. So one timer stands at the nearer of both limits and looks again when it fires.

    Parameters
    ----------
    call_s
        Seconds from now to the end of the whole call.
    silence_s
        Longest single wait, in seconds.
    """

    __slots__ = ("_cancelling", "_deadline", "_limit", "_loop", "_silence_s", "_since", "_task", "_timer")

    def __init__(self, call_s: float, silence_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._deadline = self._since + call_s
        self._silence_s = silence_s
        self._limit: Literal["call", "silence"] | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._timer = self._loop.call_at(min(self._deadline, self._since + silence_s), self._look)

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
        """Let the call end within ``seconds``: the rest is not worth more."""
        self._deadline = min(self._deadline, self._loop.time() + seconds)
        if self._limit is None:
            self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._look)

    def close(self) -> None:
        """Stop watching."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        since = self._since if self._task is not None else now
        if now >= self._deadline:
            self._limit = "call"
        elif now - since >= self._silence_s:
            self._limit = "silence"
        else:
            self._timer = self._loop.call_at(min(self._deadline, since + self._silence_s), self._look)
            return
        if self._task is not None:
            self._task.cancel()
