"""What a frame is made from: any source becomes a read-only SQLite connection and a choice of its sessions.

Everything here is plain synchronous code, so it works in a cell while the kernel's event loop runs.
"""

from __future__ import annotations

import asyncio
import json
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
from langswarm_nb.core.session.interfaces import ISession, ISessionStorage, SessionRecord
from langswarm_nb.core.session.session import BaseSession
from langswarm_nb.core.session.storage.carried import loaded
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage

T = TypeVar("T")
Source: TypeAlias = SessionManager | ISessionStorage | ISession | Sequence[ISession] | None
"""Where a frame comes from: all sessions of a manager or storage, one session, several, or (None) the notebook's."""


@dataclass(frozen=True)
class Store:
    """A storage, and which of its sessions are meant."""

    storage: ISessionStorage | None
    session_ids: tuple[str, ...] | None = None
    """None: all."""
    home: str | None = None
    """The notebook that they belong to; None: any, or none."""

    def tests(self) -> tuple[list[str], list[Any]]:
        """Return conditions in SQL on the sessions that are meant, with their values."""
        tests: dict[str, Any] = {}
        if self.session_ids is not None:
            tests["session_id IN (SELECT value FROM json_each(?))"] = json.dumps(self.session_ids)
        if self.home is not None:
            tests["home = ?"] = self.home
        return list(tests), list(tests.values())

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


def find_store(source: Source, *, everything: bool = True) -> Store:
    """Return what a source stands for; without one, the sessions of the notebook that asks, or everything.

    Raises
    ------
    SessionTypeError
        It is none of the sources.
    SessionValueError
        The process has no manager yet, or the sessions are from several storages.
    SessionStorageError
        It could not be found out which notebook asks.
    """
    if source is None:
        manager = get_session_manager()
        if manager is None:
            raise SessionValueError(
                "There is no session manager yet to take the conversations from. Load the extension with "
                "`%load_ext langswarm_nb`, call `initialize_default_session_manager()`, or pass a manager, a storage, "
                "a session or a list of sessions."
            )
        return Store(manager.storage, home=None if everything else manager.here())
    if isinstance(source, SessionManager):
        return Store(source.storage)
    if isinstance(source, ISessionStorage):
        return Store(source)
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
            f"The sessions come from {len(storages)} storages; a frame can cover only one. "
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
    if path.is_dir():
        raise IsADirectoryError(f"it is a folder; name a file in it, such as '{path / 'sessions.db'}'")
    if not path.exists() or not path.stat().st_size:
        return InMemorySessionStorage().snapshot()
    return sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10.0, check_same_thread=False
    )


def _copy(storage: ISessionStorage | None) -> sqlite3.Connection:
    """Return the sessions of a storage of another kind, in the tables that ours have."""
    copy = InMemorySessionStorage()
    if storage is not None:
        run_apart(lambda: _copy_to(copy, storage))
    return copy.snapshot()


async def _copy_to(copy: InMemorySessionStorage, storage: ISessionStorage) -> None:
    records = await storage.list_sessions()
    for record in sorted(records, key=lambda record: (record.created_at, record.session_id)):
        # The messages last, so that every branch ends in one of them, whatever is added meanwhile.
        tree = await storage.read_tree(record.session_id)
        messages = await storage.get_messages(record.session_id, branch="all")
        messages = await loaded(storage, record.session_id, messages)
        await copy.restore_session(_as_new(record), messages, tree)


def _as_new(record: SessionRecord) -> SessionRecord:
    return replace(record, message_count=0, token_count=0, tip_seq=None)


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
