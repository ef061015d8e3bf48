"""`Lease`: a session answers one message at a time, also when several kernels or programs send in it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from langswarm_nb.core.session.errors import SessionError, SessionNotFoundError

from .turnstile import ABANDONED_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from langswarm_nb.core.session.interfaces import ISessionStorage

    from .turnstile import Passage

BEAT_S = 4.0
"""How often its holder reports that it is alive; a storage takes 15 s of silence for the end."""
GIVE_BACK_S = 1.0
"""Longest wait for a storage that does not answer: without a beat a lease ends by itself."""
_WAITS_S = (0.02, 0.05, 0.1)
_FEW = len(_WAITS_S)
"""So many tries are over before a reader notices."""
_LOOK_S = 0.05
"""From then on it is looked at so often; that costs next to nothing."""

logger: logging.Logger = logging.getLogger(__name__)


class Lease:
    """Keeps the lease that came with a question while the answer is on its way.

    A stream that is no longer read stops reporting, so that others do not wait for it forever.
    """

    def __init__(self, storage: ISessionStorage, session_id: str, holder: str) -> None:
        self._storage, self._session_id = storage, session_id
        self.holder: str = holder
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.Task[None] | None = None
        self._passage: Passage | None = None
        self.is_claimed = False
        """Whether the storage may know of it although nothing is answered under it yet."""
        self.lost: SessionNotFoundError | None = None
        """Why its answer no longer has a place: the session was deleted."""

    def hold(self, passage: Passage) -> None:
        """Keep it from now on."""
        self._passage = passage
        self._later()

    def let_go(self) -> None:
        """Stop keeping it: its answer is stored, or cannot be."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    async def queue(self) -> bool:
        """Tell whether it can be taken; if not, ask to be the next who gets it."""
        self.is_claimed = True
        return await self._storage.queue_lease(self._session_id, self.holder)

    async def give_back(self) -> None:
        """Free it although no answer is stored; whoever waits for it stops waiting."""
        self.let_go()
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                await self._storage.leave_lease(self._session_id, self.holder)
        except (SessionError, TimeoutError):
            logger.debug("A lease could not be given back; it ends by itself.", exc_info=True)

    def _later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._start)

    def _start(self) -> None:
        idle_since = None if self._passage is None else self._passage.idle_since
        loop = asyncio.get_running_loop()
        if idle_since is not None and time.monotonic() - idle_since > ABANDONED_AFTER_S:
            return
        self._beat = loop.create_task(self._tell())
        self._later()

    async def _tell(self) -> None:
        try:
            await self._storage.keep_lease(self._session_id, self.holder)
        except SessionNotFoundError as error:
            self.lost = error
        except SessionError:
            logger.debug("A lease could not be renewed.", exc_info=True)


class Wait:
    """The wait for a lease that another holds: a few tries, each somewhat later, then a place as the next.

    Parameters
    ----------
    lease : Lease
        As it will be taken.
    tell : callable, optional
        Told when it takes longer than a reader would not notice.
    """

    def __init__(self, lease: Lease, tell: Callable[[str], None] | None = None) -> None:
        self._lease, self._tell = lease, tell
        self._looks = 0

    async def to_try_again(self) -> None:
        """Wait until that is worth while."""
        while not await self.a_little():
            pass

    async def a_little(self) -> bool:
        """Wait, and tell whether to try again is worth while."""
        if self._looks == _FEW and self._tell is not None:
            self._tell("waiting: another message of this session is being answered")
        self._looks += 1
        if self._looks <= _FEW:
            await asyncio.sleep(_WAITS_S[self._looks - 1])
            return True
        await asyncio.sleep(_LOOK_S)
        return await self._lease.queue()
