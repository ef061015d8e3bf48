"""What a frame is made from: any source becomes a read-only SQLite connection and a choice of its sessions.

Everything here is plain synchronous code, so it works in a cell while the kernel's event loop runs.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from langswarm_nb.core.session.base import SessionManager
from langswarm_nb.core.session.default import get_session_manager
from langswarm_nb.core.session.errors import SessionStorageError, SessionTypeError, SessionValueError
from langswarm_nb.core.session.interfaces import ISession, ISessionStorage, SessionMessage, SessionRecord
from langswarm_nb.core.session.session import BaseSession
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from langswarm_nb.core.session.storage.rows import COLUMNS, SEQ_BITS, encode_message, encode_record
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage

T = TypeVar("T")
Source: TypeAlias = SessionManager | ISessionStorage | ISession | Sequence[ISession] | None
"""Where a frame comes from: all sessions of a manager or storage, one session, several, or (None) the notebook's."""


@dataclass(frozen=True)
class Store:
    """A storage, and which of its sessions are meant."""

    storage: ISessionStorage | None
    session_ids: tuple[str, ...] | None
    """None: all."""

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Yield a read-only connection that sees one moment of the store, whatever others write meanwhile.

        Raises
        ------
        SessionStorageError
            The store cannot be read.
        """
        name = "the storage" if self.storage is None else self.storage.name
        try:
            with closing(_connect(self.storage)) as db:
                db.execute("PRAGMA query_only = 1")
                db.execute("BEGIN")
                yield db
        except (sqlite3.DatabaseError, OSError) as error:
            raise SessionStorageError(
                f"{name[:1].upper()}{name[1:]} could not be read ({error}). It was not changed; "
                "check the file and the permissions of its folder, or choose another."
            ) from error


def find_store(source: Source) -> Store:
    """Return what a source stands for.

    Raises
    ------
    SessionTypeError
        It is none of the sources.
    SessionValueError
        The process has no manager yet, or the sessions are from several storages.
    """
    if source is None:
        source = get_session_manager()
        if source is None:
            raise SessionValueError(
                "There is no session manager yet to take the conversations from. Load the extension with "
                "`%load_ext langswarm_nb`, call `initialize_default_session_manager()`, or pass a manager, a storage, "
                "a session or a list of sessions."
            )
    if isinstance(source, SessionManager):
        return Store(source.storage, None)
    if isinstance(source, ISessionStorage):
        return Store(source, None)
    sessions: Any = [source] if isinstance(source, ISession) else source
    if isinstance(sessions, (str, bytes)) or not isinstance(sessions, Iterable):
        raise SessionTypeError.of("source", source, "a manager, a storage, a session or a list of sessions")
    return _of_sessions(list(sessions))


def _of_sessions(sessions: list[Any]) -> Store:
    for session in sessions:
        if not isinstance(session, BaseSession):
            raise SessionTypeError.of(
                "source", session, "a manager, a storage, a session or a list of sessions"
            )
    storages = {id(session.storage): session.storage for session in sessions}
    if len(storages) > 1:
        raise SessionValueError(
            f"The sessions come from {len(storages)} storages; one frame is made from one. "
            "Make a frame from each and join them with pandas.concat."
        )
    storage = next(iter(storages.values()), None)
    return Store(storage, tuple(dict.fromkeys(session.session_id for session in sessions)))


def _connect(storage: ISessionStorage | None) -> sqlite3.Connection:
    if isinstance(storage, SQLiteSessionStorage):
        return _connect_file(storage.db_path)
    if isinstance(storage, InMemorySessionStorage):
        return storage.snapshot()
    return _copy(storage)


def _connect_file(path: Path) -> sqlite3.Connection:
    """Open the file beside the connection that writes it; a file that is not there yet has no rows."""
    if not path.exists() or not path.stat().st_size:
        return InMemorySessionStorage().snapshot()
    return sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10.0, check_same_thread=False
    )


def _copy(storage: ISessionStorage | None) -> sqlite3.Connection:
    """Return the sessions of a storage of another kind, as rows of the tables that ours have."""
    db = InMemorySessionStorage().snapshot()
    sessions = [] if storage is None else run_apart(lambda: _read_all(storage))
    for sid, (record, branches, messages) in enumerate(sessions, 1):
        fresh = encode_record(_as_new(record))
        counts = {
            "message_count": record.message_count,
            "token_count": record.token_count,
            "tip": record.tip_seq,
        }
        _insert(db, "sessions", {"id": sid, **fresh, **counts})
        for name, tip in branches.items():
            _insert(db, "branches", {"sid": sid, "name": name, "tip": tip})
        for message in messages:
            _insert(db, "messages", dict(zip(COLUMNS, _message_row(sid, message), strict=True)))
    return db


async def _read_all(
    storage: ISessionStorage,
) -> list[tuple[SessionRecord, dict[str, int | None], list[SessionMessage]]]:
    records = await storage.list_sessions()
    records.sort(key=lambda record: (record.created_at, record.session_id))
    # The messages last, so that every branch ends in one of them, whatever is added meanwhile.
    return [
        (
            record,
            await storage.list_branches(record.session_id),
            await storage.get_messages(record.session_id, branch="all"),
        )
        for record in records
    ]


def _as_new(record: SessionRecord) -> SessionRecord:
    return replace(record, message_count=0, token_count=0, tip_seq=None)


def _message_row(sid: int, message: SessionMessage) -> tuple[Any, ...]:
    place = (message.parent_seq, message.turn, len(message.content), message.version, int(message.is_active))
    return (sid << SEQ_BITS | (message.seq or 0), *place, *encode_message(message))


def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table}({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 - our names


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run async work to its end on a loop of its own in another thread; works while this thread's loop runs.

    Raises
    ------
    BaseException
        What the work raised, here in the thread of the caller.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def call() -> None:
        try:
            outcome.append(asyncio.run(work()))
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=call, name="langswarm-analysis")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
