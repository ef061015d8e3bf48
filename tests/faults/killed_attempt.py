"""Ask for a value in a session, and be killed at a moment of the second attempt at it.

Run as ``python killed_attempt.py DB_PATH MOMENT``: ``before`` the second attempt is asked for, or ``amid`` it, when a
part of it is saved.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

from langswarm_nb.core.session import Delta, ProviderRequest, create_session_manager
from langswarm_nb.core.session.sending import checkpoint
from tests.support.values import Asked

checkpoint.CHECKPOINT_S = 0.0


class Dies(Asked):
    """Answers once; the second time its process is killed."""

    def __init__(self, path: str, moment: str) -> None:
        super().__init__(replies=["no"])
        self._path, self._moment = path, moment

    async def stream(self, request: ProviderRequest) -> AsyncIterator[Any]:
        if len(self.requests):
            if self._moment == "amid":
                yield Delta('{"n": ')
                while not self._saved():  # noqa: ASYNC110 - in the background, by its checkpoint
                    await asyncio.sleep(0.001)
            os.kill(os.getpid(), signal.SIGKILL)
        async for event in super().stream(request):
            yield event

    def _saved(self) -> int:
        with closing(sqlite3.connect(self._path)) as db:
            return int(db.execute("SELECT count(*) FROM partials").fetchone()[0])


async def work(path: str, moment: str) -> None:
    """Ask, in a session of the file."""
    async with create_session_manager("sqlite", {"db_path": path}) as manager:
        manager.add_provider_session("mock", Dies(path, moment))
        session = await manager.create_session("ada", "mock", "echo", session_id="s")
        await session.send_message("How many?", schema="n int")


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
