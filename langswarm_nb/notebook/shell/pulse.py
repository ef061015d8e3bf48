"""`Pulse`: wakes the kernel's loop while a cell runs, without which an interrupt does not reach an ``await``.

In a cell that awaits, ipykernel notes the interrupt and acts on it when its loop wakes; a loop that waits for a silent
connection never does.
"""

from __future__ import annotations

import asyncio
import threading

from langswarm_nb.notebook.bridge import kernel_shell

_EVERY_S = 0.2


class Pulse:
    """Beats from `start`, before each cell, to `stop`, after it; on the main thread, which interrupts are for."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def start(self, *_: object) -> None:
        """Begin, where a loop runs the cell."""
        self.stop()
        if kernel_shell() is not None and _on_main_thread():
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            self._beat(loop)

    def stop(self, *_: object) -> None:
        """End."""
        if self._timer is not None and _on_main_thread():
            self._timer.cancel()
            self._timer = None

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(_EVERY_S, self._beat, loop)


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
