"""Whole sessions as the store held them at one moment, whatever others write meanwhile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from langswarm_nb.analysis.filters import Filter, Moment
from langswarm_nb.analysis.frames import sessions_df
from langswarm_nb.analysis.progress import Progress
from langswarm_nb.analysis.store import Source, find_store, run_apart
from langswarm_nb.analysis.stored_rows import read_sessions
from langswarm_nb.core.session.errors import SessionNotFoundError
from langswarm_nb.core.session.export import export_session
from langswarm_nb.core.session.interfaces import ISessionStorage
from langswarm_nb.core.session.storage.rows import (
    COLUMNS,
    RECORD_COLUMNS,
    SEQ_BITS,
    decode_messages,
    decode_record,
)

from .forms import Session

_RECORD = f"SELECT {', '.join(RECORD_COLUMNS)} FROM sessions WHERE id = ?"  # noqa: S608 - our own names
_MESSAGES = f"SELECT {', '.join(COLUMNS)} FROM messages WHERE id >= ? AND id < ? ORDER BY id"  # noqa: S608
_BRANCHES = "SELECT name, tip FROM branches WHERE sid = ? ORDER BY name"


def read(source: Source, *, since: Moment, until: Moment, user_id: str | None) -> list[Session]:
    """Return the sessions that `sessions_df` shows for these arguments, with all their branches.

    Raises
    ------
    SessionValueError, SessionTypeError, SessionStorageError
        As in `sessions_df`.
    """
    ids = sessions_df(source, since=since, until=until, user_id=user_id, columns=["session_id"])
    store = find_store(source)
    if store.storage is not None:
        run_apart(partial(_close_what_was_left_open, store.storage, ids["session_id"].tolist()))
    with store.open() as db:
        rows = read_sessions(
            db, store.session_ids, Filter.of(since, until, user_id, "all"), [], moment="created_us"
        )
        db.text_factory = str
        sessions = []
        with Progress("exporting", len(rows), "session") as progress:
            for sid in rows.ids.tolist():
                sessions.append(_session(db, sid))
                progress.advance()
        return sessions


async def _close_what_was_left_open(storage: ISessionStorage, session_ids: Sequence[str]) -> None:
    """Load each session once: that closes the replies which a dead process left unfinished."""
    for session_id in session_ids:
        with suppress(SessionNotFoundError):  # deleted since
            await storage.load_session(session_id)


def _session(db: sqlite3.Connection, sid: int) -> Session:
    record = decode_record(db.execute(_RECORD, (sid,)).fetchone())
    keys = (sid << SEQ_BITS, (sid + 1) << SEQ_BITS)
    text = export_session(record, decode_messages(db.execute(_MESSAGES, keys).fetchall()), None, "jsonl")
    # Only \n ends a line: str.splitlines would cut at U+2028 too, which JSON text may hold.
    head, *lines = map(json.loads, text.rstrip("\n").split("\n"))
    branches = {**dict(db.execute(_BRANCHES, (sid,))), record.branch: record.tip_seq}
    return Session({**head, "branches": branches}, lines)
