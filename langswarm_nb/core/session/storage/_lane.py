"""A connection for one event loop, and the queue in front of it: jobs that wait together run together."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import aiosqlite

from langswarm_nb.core.session.errors import SessionClosedError
from langswarm_nb.core.session.storage._database import Database, Task

T = TypeVar("T")
MOST_TOGETHER = 1024
_PATIENCE_S = 1.0
"""How long a cancelled caller waits for the thread, so that its loop is not closed under a running statement."""


class Lane:
    """Runs jobs on a connection of its own, which opens at the first job.

    A job that comes while nothing runs is done at once. Those that come while jobs run wait, and then run together in
    one hop to the connection's thread: for writes, in one transaction. So an fsync is shared by all who wait for it.
    What has begun or waits is carried out, even when its caller is cancelled.

    Parameters
    ----------
    path : str
        The file, absolute.
    timeout : float
        Seconds to wait for locks of other processes.
    prepare : callable
        Called once with the new connection, in its thread.
    run : callable
        Carries tasks out on the connection, in its thread.
    """

    def __init__(
        self,
        path: str,
        timeout: float,
        prepare: Callable[[Database], None],
        run: Callable[[Database, Sequence[Task]], None],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._path = path
        self._timeout = timeout
        self._prepare = prepare
        self._run = run
        self._db: aiosqlite.Connection | None = None
        self._waiting: deque[tuple[Task, asyncio.Future[None]]] = deque()
        self._busy = False
        self._follower: asyncio.Task[None] | None = None
        self._in_thread = False
        self._lost = False
        self._closed = False

    async def do(self, job: Callable[[Database], T], *, alone: bool = False) -> T:
        """Run a job and return its result."""
        task = Task(job, alone=alone)
        if self._busy:
            done = self.loop.create_future()
            self._waiting.append((task, done))
            await done
        else:
            await self._lead(task)
        if task.error is not None:
            raise task.error
        result: T = task.result
        return result

    async def close(self) -> None:
        """Finish what was accepted and close the connection."""
        if self._follower is not None and self.loop is asyncio.get_running_loop():
            await asyncio.wait([self._follower])
        self._closed = True
        stopped = self._stop()
        # A loop that was closed while a job ran took the thread with it: nothing will answer.
        if stopped is not None and not (self._in_thread and self.loop.is_closed()):
            await stopped

    def abandon(self) -> None:
        """Close the connection without waiting; for a loop that is closed."""
        self._closed = True
        self._stop()

    async def _lead(self, task: Task) -> None:
        self._busy = True
        try:
            await self._carry_out([task])
        except asyncio.CancelledError:
            await asyncio.wait([self.loop.create_task(self._settle())], timeout=_PATIENCE_S)
            raise
        finally:
            if self._waiting or self._in_thread:
                self._follower = self.loop.create_task(self._follow())
            else:
                self._busy = False

    async def _follow(self) -> None:
        """Carry out what waits, to its end: when a loop closes in good order it waits for this."""
        while self._waiting or self._in_thread:
            batch = self._next_batch()
            try:
                await self._carry_out([task for task, _ in batch])
            except asyncio.CancelledError:
                await self._settle()
            for _, done in batch:
                if not done.done():
                    done.set_result(None)
        self._busy, self._follower = False, None

    def _next_batch(self) -> list[tuple[Task, asyncio.Future[None]]]:
        batch: list[tuple[Task, asyncio.Future[None]]] = []
        while self._waiting and len(batch) < MOST_TOGETHER:
            if batch and (batch[0][0].alone or self._waiting[0][0].alone):
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _carry_out(self, tasks: Sequence[Task]) -> None:
        try:
            db = self._db or await self._open()
            await self._hop(db, lambda db: self._run_tasks(db, tasks))
        except Exception as error:  # noqa: BLE001 - it goes to the callers
            for task in tasks:
                task.error = _closed() if self._closed and isinstance(error, ValueError) else error
        if self._lost:  # the next job opens the file that is there then
            self._stop()

    def _run_tasks(self, db: Database, tasks: Sequence[Task]) -> None:
        if tasks:
            self._run(db, tasks)
            self._lost = db.is_lost

    async def _hop(self, db: aiosqlite.Connection, function: Callable[[Database], None]) -> None:
        """Call a function on the connection, in its thread."""
        self._in_thread = True
        await db.executemany("", [function])  # see Database.executemany
        self._in_thread = False

    async def _settle(self) -> None:
        """Wait until the thread has done what was given to it, even when cancelled."""
        while self._in_thread and self._db is not None:
            try:
                await self._hop(self._db, _nothing)
            except asyncio.CancelledError:
                continue

    async def _open(self) -> aiosqlite.Connection:
        if self._closed:
            raise _closed()
        db = await aiosqlite.connect(
            self._path, timeout=self._timeout, isolation_level=None, factory=Database
        )
        try:
            await self._hop(db, self._prepare)
        except BaseException:
            self._in_thread = False
            db.stop()
            raise
        _stop_at_exit(db)
        self._db = db
        return db

    def _stop(self) -> asyncio.Future[Any] | None:
        db, self._db, self._lost = self._db, None, False
        return None if db is None else db.stop()


def _nothing(db: Database) -> None:
    pass


def _closed() -> SessionClosedError:
    return SessionClosedError("The storage was closed before this could be done. Create a new one.")


# -- exit -------------------------------------------------------------------------------------------------------

_open: weakref.WeakSet[aiosqlite.Connection] = weakref.WeakSet()
_watcher_pid = 0


def _stop_at_exit(db: aiosqlite.Connection) -> None:
    """Let the interpreter exit though ``db`` is open: its thread would keep it running for ever."""
    global _watcher_pid  # noqa: PLW0603 - one watcher a process
    _open.add(db)
    if _watcher_pid != os.getpid():
        _watcher_pid = os.getpid()
        threading.Thread(target=_watch, name="langswarm-storage-exit", daemon=True).start()


def _watch() -> None:
    threading.main_thread().join()
    for db in list(_open):
        db.stop()
