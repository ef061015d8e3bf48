"""A connection for one event loop, and the queue in front of it: jobs that wait together run together."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import aiosqlite

from langswarm_nb.core.session.errors import SessionClosedError

from .database import Database, Task

T = TypeVar("T")
Run = Callable[[Database, Sequence[Task]], None]

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
    open_database : callable
        Returns the open connection; called in its thread.
    run : callable
        Carries tasks out on the connection, in its thread.
    """

    def __init__(self, open_database: Callable[[], Database], run: Run) -> None:
        self.loop = asyncio.get_running_loop()
        self._open_database = open_database
        self._run = run
        self._thread: aiosqlite.Connection | None = None
        self._given: deque[Sequence[Task]] = deque()
        self._in_thread = False
        self._busy = False
        self._closed = False
        self._waiting: deque[tuple[Task, asyncio.Future[None]]] = deque()
        self._batch: deque[tuple[Task, asyncio.Future[None]]] = deque()

    async def do(self, job: Callable[[Database], T], *, alone: bool = False) -> T:
        """Run a job and return its result.

        Raises
        ------
        SessionClosedError
            The lane was closed.
        """
        if self._closed:
            raise _closed()
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
        if self._busy and self.loop is asyncio.get_running_loop():
            with suppress(Exception):  # whether the file can be opened no longer matters
                await self.do(lambda _: None, alone=True)  # its turn comes after all that waits
        self._closed = True
        stopped = None if self._thread is None else self._thread.stop()
        if stopped is not None:
            # A loop that was closed while a job ran may have taken the thread with it: then nothing answers.
            died = self._in_thread and self.loop.is_closed()
            await asyncio.wait([stopped], timeout=_PATIENCE_S if died else None)

    async def _lead(self, task: Task) -> None:
        try:
            self._busy = True
            await self._carry_out([task])
            if not self._waiting:
                self._busy = False
                return
            self._hand_over()
        except asyncio.CancelledError:
            await asyncio.wait([self._hand_over()], timeout=_PATIENCE_S)
            raise
        except BaseException:  # Ctrl-C, which may strike at any line
            if not self.loop.is_closed():  # else this is collected after it, and nobody waits for anything
                self._hand_over()
            raise

    def _hand_over(self) -> asyncio.Task[None]:
        follower = self.loop.create_task(self._follow())
        follower.add_done_callback(self._replace_follower)
        return follower

    async def _follow(self) -> None:
        """Carry out what waits, to its end: when a loop closes properly it waits for this."""
        await self._settle()
        while self._fill_batch():
            try:
                await self._carry_out([task for task, _ in self._batch])
            except asyncio.CancelledError:
                await self._settle()
        self._busy = False

    def _replace_follower(self, follower: asyncio.Task[None]) -> None:
        """See to it that nobody waits for one that has ended before its time."""
        if follower.cancelled():  # before its first step, with all the tasks of the loop
            for _, done in (*self._batch, *self._waiting):
                done.cancel()
            self._batch.clear()
            self._waiting.clear()
            self._busy = False
        elif follower.exception() is not None:  # Ctrl-C
            self._hand_over()

    def _fill_batch(self) -> bool:
        """Answer the callers whose tasks are finished, and take the next ones; False when there are none."""
        while self._batch and self._batch[0][0].finished:
            _, done = self._batch[0]
            if not done.done():
                done.set_result(None)
            self._batch.popleft()
        while self._waiting and len(self._batch) < MOST_TOGETHER:
            if self._batch and (self._batch[0][0].alone or self._waiting[0][0].alone):
                break
            if not self._batch or self._batch[-1] is not self._waiting[0]:
                self._batch.append(self._waiting[0])
            self._waiting.popleft()
        return bool(self._batch)

    async def _carry_out(self, tasks: Sequence[Task]) -> None:
        if self._thread is None:
            self._thread = await _start_thread(lambda: _Worker(self._given, self._open_database, self._run))
        self._in_thread = True
        self._given.append(tasks)
        try:
            await self._thread.commit()
        except ValueError:  # aiosqlite's word for a connection that was closed, here from another loop
            for task in tasks:
                task.fail(_closed())
        self._in_thread = False

    async def _settle(self) -> None:
        """Wait until the thread has done what was given to it, even when cancelled."""
        while self._in_thread:
            try:
                await self._carry_out(())
            except asyncio.CancelledError:
                continue


def _closed() -> SessionClosedError:
    return SessionClosedError("The storage was closed before this could be done. Create a new one.")


class _Worker(sqlite3.Connection):
    """The connection that aiosqlite holds: an empty one in memory, whose commit uses the real one.

    aiosqlite takes one call at a time to its thread. So a transaction of many statements costs one hop, and the real
    connection opens, and opens again, when a job needs it.

    Parameters
    ----------
    given : deque
        Batches of tasks; each is taken out when it is carried out.
    open_database, run : callable
        As in `Lane`.
    """

    def __init__(self, given: deque[Sequence[Task]], open_database: Callable[[], Database], run: Run) -> None:
        super().__init__(":memory:")
        self._given = given
        self._open_database = open_database
        self._run = run
        self._db: Database | None = None

    def close(self) -> None:
        try:
            if self._db is not None:
                self._db.close()
        finally:
            super().close()

    def commit(self) -> None:
        """Carry out what was given."""
        while self._given:
            self._carry_out([task for task in self._given.popleft() if not task.finished])

    def _carry_out(self, tasks: Sequence[Task]) -> None:
        try:
            while tasks and not self._carried_out(tasks):
                self._db = None
                self._db = self._open_database()
        except Exception as error:  # noqa: BLE001 - it goes to the callers
            for task in tasks:
                task.fail(error)

    def _carried_out(self, tasks: Sequence[Task]) -> bool:
        """Run tasks on the connection; False when there is none to the file that exists now."""
        if self._db is None or not self._db.is_current():
            return False
        with self._db.using:
            if self._db.is_lost:  # found out in another thread
                return False
            self._run(self._db, tasks)
        return True


# -- threads and exit -------------------------------------------------------------------------------------------

_running: weakref.WeakSet[aiosqlite.Connection] = weakref.WeakSet()
_watcher_pid = 0


async def _start_thread(connector: Callable[[], sqlite3.Connection]) -> aiosqlite.Connection:
    """Start aiosqlite's thread; one that is never closed does not keep the interpreter from its exit."""
    global _watcher_pid  # noqa: PLW0603 - one watcher a process
    thread = await aiosqlite.Connection(connector, iter_chunk_size=64)
    _running.add(thread)
    if _watcher_pid != os.getpid():
        _watcher_pid = os.getpid()
        threading.Thread(target=_stop_at_exit, name="langswarm-storage-exit", daemon=True).start()
    return thread


def _stop_at_exit() -> None:
    threading.main_thread().join()
    for thread in list(_running):
        thread.stop()
