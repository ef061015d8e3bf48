"""Replies that are still being written, in SQL: keep what has arrived; close what a dead process left behind.

Plain functions on a connection; the caller holds the transaction.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

from langswarm_nb.core.session.answers.definition import Definition
from langswarm_nb.core.session.errors import SessionNotFoundError, SessionStorageError
from langswarm_nb.core.session.storage.carried import unloaded_row
from langswarm_nb.core.session.storage.packing import MARKS, pack, unpacked
from langswarm_nb.core.session.storage.rows import MESSAGE_COLUMNS, Row

from . import carried as _carried
from . import leases as _leases
from . import owner as _owner
from . import tree as _tree
from .head import head_of, now_us, question_at, session_key

logger = logging.getLogger(__name__)

_DAMAGED = (ValueError, TypeError, sqlite3.IntegrityError, SessionNotFoundError, SessionStorageError)
"""What a remnant that makes no sense raises; the rest of the file can still be used."""


def save(
    db: sqlite3.Connection,
    name: str,
    session_id: str,
    payload: Row,
    reply_to: int,
    question_id: str | None,
    schemas: Sequence[Definition] = (),
) -> None:
    """Keep what has arrived of a reply in place of what was kept of it before."""
    head = head_of(db, session_id, name)
    question_at(db, head, session_id, reply_to, question_id, name)
    columns = {
        column: value for column, value in zip(MESSAGE_COLUMNS, payload, strict=True) if value is not None
    }
    db.execute(
        "INSERT OR REPLACE INTO partials(sid, message_id, reply_to, owner, saved_us, payload)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (head.sid, columns["key"], reply_to, _owner.this_process(), now_us(), json.dumps(columns)),
    )
    _carried.define(db, head.sid, schemas)
    _leases.keep(db, head.sid, columns["key"])


def orphans(db: sqlite3.Connection, session_id: str | None = None) -> list[tuple[str, str]]:
    """Return session id and message id of the replies whose writer is gone, of one session or of all."""
    where, values = ("", ()) if session_id is None else (" WHERE s.session_id = ?", (str(session_id),))
    rows = db.execute(
        "SELECT s.session_id, p.message_id, p.owner, p.saved_us FROM partials p"
        f" CROSS JOIN sessions s ON s.id = p.sid{where}",
        values,
    )
    return [(session, message) for session, message, owner, saved in rows if _owner.is_gone(owner, saved)]


def recover(db: sqlite3.Connection, *, name: str, session_id: str | None = None) -> None:
    """Append the replies whose writer is gone as interrupted ones."""
    for session, message_id in orphans(db, session_id):
        sid = session_key(db, session, name)
        reply_to, encoded = db.execute(
            "SELECT reply_to, payload FROM partials WHERE sid = ? AND message_id = ?", (sid, message_id)
        ).fetchone()
        try:
            payload, load = unloaded_row(_interrupted(json.loads(encoded)))
            _tree.append(db, name, session, [payload], parent="tip", reply_to=reply_to, load=load)
        except _DAMAGED:
            logger.warning("A part of a reply in session %r cannot be read; it is left as it is.", session)
        else:
            db.execute("DELETE FROM partials WHERE sid = ? AND message_id = ?", (sid, message_id))


def _interrupted(columns: dict[str, Any]) -> Row:
    if not isinstance(columns, dict):
        raise TypeError(f"the columns of a message, not {type(columns).__name__}")
    marks = dict.fromkeys(MARKS) | dict(zip(MARKS, unpacked("marks", columns.get("marks")), strict=False))
    marks["finish_reason"] = "interrupted"
    if "request" in columns:
        marks["status"] = "stopped"
    return tuple(map({**columns, "marks": pack(list(marks.values()))}.get, MESSAGE_COLUMNS))
