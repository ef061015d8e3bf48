"""What has arrived of a reply is kept while it streams: at most one second of it can be lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from langswarm_nb.core.session.errors import SessionNotFoundError, in_words

CHECKPOINT_S = 1.0

logger: logging.Logger = logging.getLogger(__name__)


class Checkpoint:
    """Saves a reply in the background, one second after each delta that is not yet saved.

    Parameters
    ----------
    save : callable
        Writes the reply as it is now.
    """

    def __init__(self, save: Callable[[], Awaitable[None]]) -> None:
        self._save = save
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        self._has_told = False
        self.lost: SessionNotFoundError | None = None
        """Why the reply no longer has a place: its session was deleted."""

    def due(self) -> None:
        """Note that there is something to save; costs next to nothing when a save is due already."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CHECKPOINT_S, self._start)

    async def stop(self) -> None:
        """Stop saving; returns when a save that was under way has ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._saving is not None:
            await asyncio.wait([self._saving])

    def _start(self) -> None:
        self._timer = None
        if self._saving is None or self._saving.done():
            self._saving = asyncio.get_running_loop().create_task(self._run())
        else:
            self.due()

    async def _run(self) -> None:
        try:
            await self._save()
        except SessionNotFoundError as error:
            self.lost = error
        except Exception as error:
            # The reply itself goes on; when it ends it is stored, and that raises if the storage is still broken.
            if not self._has_told:
                logger.warning("A part of a reply could not be saved while it streams. %s", in_words(error))
            logger.debug("Where it failed:", exc_info=True)
            self._has_told = True
