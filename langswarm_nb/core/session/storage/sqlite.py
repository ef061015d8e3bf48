"""`SQLiteSessionStorage`: sessions in one file, for any number of tasks, event loops and processes at once."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from contextlib import suppress
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, TypeVar

from langswarm_nb.core.session.closing import close_each
from langswarm_nb.core.session.conversation.on_asyncio import check_loop
from langswarm_nb.core.session.errors import (
    SessionClosedError,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.interfaces import Bounds

from ._sqlite import partials as _partials
from ._sqlite.contract import Job, SQLStorage, counts
from ._sqlite.database import Database, Task, keep_for_ever, was_replaced
from ._sqlite.faults import storage_error
from ._sqlite.lane import Lane
from ._sqlite.location import checked_path, default_db_path, refuse_folder
from ._sqlite.schema import version_of
from .bounded import bounds_of

__all__ = ["SQLiteSessionStorage"]

T = TypeVar("T")
logger: logging.Logger = logging.getLogger(__name__)

_PURGE_WAIT_S = 2.0
_LONGEST_WAIT_S = 3600
_LITTLE_BYTES = 4_000_000


class SQLiteSessionStorage(SQLStorage):
    """Keeps sessions in an SQLite file that only its owner can read.

    Parameters
    ----------
    db_path : str or os.PathLike, optional
        The file; it and its folders are created if missing. By default `default_db_path`.
    durability : {"full", "fast"}
        ``"full"``: acknowledged writes survive a power cut. ``"fast"`` saves an fsync per write: a power cut may lose
        the last writes; a crash of the process loses nothing.
    busy_timeout_s : float
        How long to wait for a lock that another process holds.
    bounds : Bounds, optional
        Limits on what is stored.

    Raises
    ------
    SessionValueError, SessionTypeError
        An argument is not allowed; nothing was opened.
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] | None = None,
        *,
        durability: Literal["full", "fast"] = "full",
        busy_timeout_s: float = 10.0,
        bounds: Bounds | None = None,
    ) -> None:
        self.bounds = bounds_of(bounds)
        if durability not in ("full", "fast"):
            raise SessionValueError.of("durability", durability, ["full", "fast"])
        if isinstance(busy_timeout_s, bool) or not isinstance(busy_timeout_s, (int, float)):
            raise SessionTypeError.of("busy_timeout_s", busy_timeout_s, "a number of seconds")
        if not 0 <= busy_timeout_s <= _LONGEST_WAIT_S:
            raise SessionValueError.of(
                "busy_timeout_s", busy_timeout_s, f"from 0 to {_LONGEST_WAIT_S} seconds"
            )
        self.db_path: Path = checked_path(default_db_path() if db_path is None else db_path)
        """The file, absolute. Open it with `sqlite3` only: another SQLite library in this process breaks its locks."""
        self.name: str = f"SQLite file '{self.db_path}'"
        self._durability = durability
        self._busy_timeout_s = float(busy_timeout_s)
        self._ways = {
            "read": (self._open_reader, Database.run_each),
            "write": (self._open_writer, Database.commit_together),
        }
        self._lanes: dict[tuple[asyncio.AbstractEventLoop, str], Lane] = {}
        self._pid = os.getpid()
        self._closed = False

    async def _write(self, job: Job[T]) -> T:
        return await self._do("write", job)

    async def _read(self, job: Job[T]) -> T:
        return await self._do("read", job)

    async def _do(self, kind: str, job: Job[T], *, alone: bool = False) -> T:
        check_loop()
        if self._closed:
            raise SessionClosedError(f"The storage on {self.name} is closed. Create a new one.")
        lane = self._lanes.get((asyncio.get_running_loop(), kind)) if self._pid == os.getpid() else None
        try:
            return await (lane or await self._new_lane(kind)).do(job, alone=alone)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise storage_error(error, self.name, waited_s=self._busy_timeout_s) from error
        except OSError as error:
            raise SessionStorageError(
                f"{self.name} could not be opened ({error.strerror or error}). "
                "Check that db_path names a file in a folder that you can write to."
            ) from error

    async def _new_lane(self, kind: str) -> Lane:
        """Return a connection for the running loop; those of loops that are closed, or of a parent process, go."""
        refuse_folder(self.db_path)
        if self._pid != os.getpid():
            keep_for_ever(self._lanes)
            self._lanes, self._pid = {}, os.getpid()
        gone = [self._lanes.pop(key, None) for key in list(self._lanes) if key[0].is_closed()]
        lane = Lane(*self._ways[kind])
        self._lanes[lane.loop, kind] = lane
        await close_each([old.close for old in gone if old is not None])
        return lane

    def _open_writer(self) -> Database:
        db = self._open()
        if _partials.orphans(db):
            task = Task(partial(_partials.recover, name=self.name))
            db.commit_together([task])
            if task.error is not None:
                db.close()
                raise task.error
        return db

    def _open_reader(self) -> Database:
        db = self._open()
        db.execute("PRAGMA query_only = 1")
        return db

    def _open(self) -> Database:
        db = Database(self.db_path, self._durability, self._busy_timeout_s)
        if was_replaced(self.db_path):  # who misses something shall know why
            self.name = (
                f"SQLite file '{self.db_path}' (the former one was removed or replaced while it was open)"
            )
        return db

    async def delete_session(self, session_id: str) -> bool:
        deleted = await super().delete_session(session_id)
        if deleted:
            await self._do("write", self._purge, alone=True)
        return deleted

    def _purge(self, db: sqlite3.Connection) -> None:
        """Overwrite the copies of deleted text in the write-ahead log, and give much free room back."""
        db.execute(f"PRAGMA busy_timeout = {int(_PURGE_WAIT_S * 1000)}")
        try:
            if _is_mostly_free(db):
                with suppress(sqlite3.OperationalError):  # another process writes: then later
                    db.execute("VACUUM")
            busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:  # the session is deleted all the same
            busy = 1
        db.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout_s * 1000)}")
        if busy:
            logger.warning(
                "Another process reads %s; until it has ended, the log beside the file still holds the text of the "
                "session that was deleted.",
                self.db_path,
            )

    async def health_check(self) -> dict[str, Any]:
        facts = await self._read(self._facts)
        return {"storage": "sqlite", "path": str(self.db_path), "durability": self._durability, **facts}

    def _facts(self, db: sqlite3.Connection) -> dict[str, Any]:
        (journal_mode,) = db.execute("PRAGMA journal_mode").fetchone()
        log = Path(f"{os.path.realpath(self.db_path)}-wal")
        return {
            "sqlite_version": sqlite3.sqlite_version,
            "schema_version": version_of(db),
            "journal_mode": journal_mode,
            "size_bytes": self.db_path.stat().st_size,
            "log_bytes": log.stat().st_size if log.exists() else 0,
            **counts(db),
        }

    async def close(self) -> None:
        check_loop()
        self._closed = True
        if self._pid != os.getpid():
            return
        lanes, self._lanes = self._lanes, {}
        readers_first = sorted(lanes, key=itemgetter(1))  # the last connection empties the log
        await close_each([lanes[key].close for key in readers_first])


def _is_mostly_free(db: sqlite3.Connection) -> bool:
    """Tell whether a file is worth making again: the greater part of it is free, and that is not little."""
    (free,), (pages,), (page_bytes,) = (
        db.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_count", "page_size")
    )
    return bool(free * 2 > pages and free * page_bytes > _LITTLE_BYTES)
