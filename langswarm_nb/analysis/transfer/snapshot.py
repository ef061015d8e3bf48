"""Whole sessions as the store held them at one moment, whatever others write meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from langswarm_nb.analysis.columns import Kind, Read
from langswarm_nb.analysis.filters import Filter, Moment
from langswarm_nb.analysis.store import Store, run_apart
from langswarm_nb.analysis.stored_rows import SessionRows, read_sessions
from langswarm_nb.analysis.texts import present
from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.conversation.nodes import TreeRows
from langswarm_nb.core.session.errors import SessionNotFoundError
from langswarm_nb.core.session.export import ExportedSession, exported
from langswarm_nb.core.session.interfaces import ISessionStorage
from langswarm_nb.core.session.storage.carried import stored_hash
from langswarm_nb.core.session.storage.records import RECORD_COLUMNS, decode_record
from langswarm_nb.core.session.storage.rows import READ_COLUMNS, SEQ_BITS, decode_messages

from .progress import Progress

_ID = Read("session_id", Kind.TEXT)
_RECORD = f"SELECT {', '.join(RECORD_COLUMNS)} FROM sessions WHERE id = ?"  # noqa: S608 - our own names
_MESSAGES = f"SELECT {', '.join(READ_COLUMNS)} FROM messages WHERE id >= ? AND id < ? ORDER BY id"  # noqa: S608
_BRANCHES = "SELECT name, tip FROM branches WHERE sid = ? ORDER BY left_us DESC, name"
_FORMER = "SELECT branch, seq FROM former_tips WHERE sid = ? ORDER BY left_us, seq"
_DEFINITIONS = (
    "SELECT kind, name, body FROM definitions WHERE hash IN (SELECT hash FROM session_definitions WHERE sid = ?)"
    " ORDER BY hash"
)
_HIDDEN = "SELECT branch, turn, version FROM hides WHERE sid = ? ORDER BY branch, turn, version"


class StoredBlobs(Mapping[str, bytes]):
    """What messages carry, by hash; each is read when it is asked for."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __getitem__(self, key: str) -> bytes:
        row = self._db.execute("SELECT data FROM blobs WHERE hash = ?", (stored_hash(key),)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __iter__(self) -> Iterator[str]:
        return (key.hex() for (key,) in self._db.execute("SELECT hash FROM blobs"))

    def __len__(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM blobs").fetchone()
        return int(count)


@contextmanager
def read(
    store: Store, *, since: Moment, until: Moment, user_id: str | None
) -> Iterator[tuple[list[ExportedSession], Mapping[str, bytes]]]:
    """Give the sessions that `sessions_df` shows for these arguments, with all that is stored of them, and their bytes.

    Raises
    ------
    SessionValueError, SessionTypeError, SessionStorageError
        As in `sessions_df`.
    """
    wanted = Filter.of(since, until, user_id, "all")
    if store.storage is not None:
        with store.open() as db:
            ids = [text for _, text in present(_found(db, store, wanted)[_ID])]
        run_apart(partial(_close_what_was_left_open, store.storage, ids))
    with store.open() as db:
        rows = _found(db, store, wanted)
        db.text_factory = str
        sessions = []
        with Progress("exporting", len(rows), "session") as progress:
            for sid in rows.ids.tolist():
                sessions.append(_session(db, sid))
                progress.advance()
        yield sessions, StoredBlobs(db)


def _found(db: sqlite3.Connection, store: Store, wanted: Filter) -> SessionRows:
    return read_sessions(db, store, wanted, [_ID], moment="created_us")


async def _close_what_was_left_open(storage: ISessionStorage, session_ids: Sequence[str]) -> None:
    """Load each session once: that closes the replies which a dead process left unfinished."""
    for session_id in session_ids:
        with suppress(SessionNotFoundError):  # deleted since
            await storage.load_session(session_id)


def _session(db: sqlite3.Connection, sid: int) -> ExportedSession:
    record = decode_record(db.execute(_RECORD, (sid,)).fetchone())
    rows = db.execute(_MESSAGES, (sid << SEQ_BITS, (sid + 1) << SEQ_BITS)).fetchall()
    others, former, hidden = (db.execute(query, (sid,)).fetchall() for query in (_BRANCHES, _FORMER, _HIDDEN))
    others = [other for other in others if other[0] != record.branch]
    tree = TreeRows((), record.tip_seq, record.branch, others, former, hidden, 0)
    definitions = [Definition(*row) for row in db.execute(_DEFINITIONS, (sid,))]
    return exported(record, decode_messages(rows), tree, definitions)
