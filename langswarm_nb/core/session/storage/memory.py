"""`InMemorySessionStorage`: the same tables in memory, gone with the storage."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import weakref
from typing import Any, TypeVar

from langswarm_nb.core.session.conversation.beside_the_loop import LONG
from langswarm_nb.core.session.conversation.on_asyncio import check_loop
from langswarm_nb.core.session.errors import SessionClosedError
from langswarm_nb.core.session.interfaces import Bounds
from langswarm_nb.core.session.settings import SessionKey

from ._sqlite.contract import Job, SQLStorage, counts
from ._sqlite.faults import storage_error
from ._sqlite.head import head_of
from ._sqlite.placeholders import Connection
from ._sqlite.schema import migrate
from .bounded import bounds_of

__all__ = ["InMemorySessionStorage"]

T = TypeVar("T")


class InMemorySessionStorage(SQLStorage):
    """Keeps sessions while the process runs, for development, tests and throw-away work.

    It runs the statements of `SQLiteSessionStorage` on a database in memory, so the two behave alike. Each takes
    microseconds and runs where it is called, from any thread or asyncio event loop.

    Parameters
    ----------
    bounds : Bounds, optional
        Limits on what is stored.

    Raises
    ------
    SessionTypeError
        ``bounds`` is not a `Bounds`.
    """

    def __init__(self, *, bounds: Bounds | None = None) -> None:
        self.bounds = bounds_of(bounds)
        self.name = "memory"
        self._lock = threading.Lock()
        self._db = Connection(":memory:", isolation_level=None, check_same_thread=False)
        self._closed = False
        weakref.finalize(self, self._db.close)
        migrate(self._db)

    async def _write(self, job: Job[T]) -> T:
        return self._run(job)

    async def _read(self, job: Job[T]) -> T:
        return self._run(job)

    async def _go_through(self, session_id: SessionKey, job: Job[T], *, writes: bool) -> T:
        """Run a job that looks at a whole session: the one thing that may take longer than microseconds."""
        messages = self._run(lambda db: head_of(db, session_id, self.name).next_seq)
        return await asyncio.to_thread(self._run, job) if messages > LONG else self._run(job)

    def _run(self, job: Job[T]) -> T:
        check_loop()
        with self._lock:
            self._check_open()
            try:
                self._db.execute("BEGIN")
                result = job(self._db)
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise storage_error(error, self.name) from error
                raise
            return result

    def snapshot(self) -> sqlite3.Connection:
        """Return a copy of the tables as they are now, to read with SQL; the caller closes it.

        Raises
        ------
        SessionClosedError
            The storage is closed.
        """
        copy = Connection(":memory:", isolation_level=None, check_same_thread=False)
        with self._lock:
            self._check_open()
            self._db.backup(copy)
        return copy

    async def health_check(self) -> dict[str, Any]:
        facts = await self._read(counts)
        return {"storage": "memory", "sqlite_version": sqlite3.sqlite_version, **facts}

    async def close(self) -> None:
        check_loop()
        with self._lock:
            self._closed = True
            self._db.close()

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosedError(
                "The memory storage is closed, and what it held is gone. Create a new one."
            )
