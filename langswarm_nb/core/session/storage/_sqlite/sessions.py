"""The table of sessions in SQL: create, load, change, list and delete.

Plain functions on a connection; the caller holds the transaction.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from langswarm_nb.core.session.errors import SessionExistsError, SessionNotFoundError, shown
from langswarm_nb.core.session.settings import SessionStatus
from langswarm_nb.core.session.storage.records import RECORD_COLUMNS
from langswarm_nb.core.session.storage.rows import Row

from . import carried as _carried
from .head import IS_MEANT, TOUCH, meant, now_us, session_key, used_us
from .leases import SILENCE_US

_USED = itemgetter(RECORD_COLUMNS.index("used_us"), RECORD_COLUMNS.index("id"))
_SELECT = f"SELECT {', '.join(RECORD_COLUMNS)} FROM sessions "


def create(db: sqlite3.Connection, name: str, columns: Mapping[str, Any]) -> Row:
    """Insert a session and return its row.

    Raises
    ------
    SessionExistsError
        Its id is taken.
    """
    session_id = columns["session_id"]
    if db.execute("SELECT 1 FROM sessions WHERE session_id = ?", (session_id,)).fetchone():
        raise SessionExistsError(
            f"There is a session {shown(session_id)} in {name} already; it was not changed. "
            "Load it with `await manager.get_session(session_id)`, or choose another id."
        )
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    db.execute(f"INSERT INTO sessions({names}) VALUES ({marks})", tuple(columns.values()))
    db.execute(
        "UPDATE sessions SET used_us = ? WHERE session_id = ?",
        (used_us(db, columns["updated_us"]), session_id),
    )
    return load(db, name, session_id)


def load(db: sqlite3.Connection, name: str, session_id: str) -> Row:
    """Return the row of a session.

    Raises
    ------
    SessionNotFoundError
        There is none with this id.
    """
    row: Row | None = db.execute(f"{_SELECT}WHERE {IS_MEANT}", meant(session_id)).fetchone()
    if row is None:
        raise SessionNotFoundError.of(session_id, storage=name)
    return row


def update(db: sqlite3.Connection, name: str, session_id: str, columns: Mapping[str, Any]) -> Row:
    """Set columns of a session and return its new row."""
    sid = session_key(db, session_id, name)
    names, now = "".join(f", {column} = ?{n}" for n, column in enumerate(columns, 4)), now_us()
    db.execute(
        f"UPDATE sessions SET {TOUCH}{names} WHERE id = ?3", (now, used_us(db, now), sid, *columns.values())
    )
    return load(db, name, session_id)


def select(
    db: sqlite3.Connection,
    *,
    user_id: str | None,
    status: SessionStatus | None,
    updated_before_us: int | None,
    before_us: int | None,
    home: str | None,
    title: str | None,
    labels: Sequence[str] | None,
    id_begins: str | None,
    is_main: bool | None,
    noting: str | None,
    limit: int | None,
) -> list[Row]:
    """Return the rows of sessions, the last used first."""
    tests = {
        # Of many of a user, the few whose ids begin alike are found by these: hence the plus.
        "user_id = ?" if id_begins is None else "+user_id = ?": user_id,
        "status = ?": None if status is None else status.value,
        "updated_us < ?": updated_before_us,
        "used_us < ?": before_us,
        "home = ?": home or None,
        "title = ?": title,
    }
    used = {test: [value] for test, value in tests.items() if value is not None}
    if home == "":
        used["home IS NULL"] = []
    if labels is not None:
        used[f"label IN ({', '.join('?' * len(labels))})"] = list(labels)
    if id_begins is not None:
        used["session_id >= ? AND session_id < ?"] = [id_begins, id_begins + chr(sys.maxunicode)]
    if is_main is not None:
        used[f"main_us IS {'NOT NULL' if is_main else 'NULL'}"] = []
    if noting is not None:  # a literal, as in the indexes
        used[f"json_type(metadata, '$.{noting}') IS NOT NULL"] = []
    where = f"WHERE {' AND '.join(used)}" if used else ""
    values = [value for values in used.values() for value in values]
    if limit is not None:
        where = f"WHERE id IN (SELECT id FROM sessions {where} ORDER BY used_us DESC, id DESC LIMIT ?)"
        values.append(limit)
    # SQLite takes its time to sort rows so wide.
    return sorted(db.execute(_SELECT + where, values).fetchall(), key=_USED, reverse=True)


def archive_inactive(db: sqlite3.Connection, before_us: int) -> list[Row]:
    """Archive the active sessions that were not used since a moment, and in which none is answered now."""
    test = (
        "status = 'active' AND updated_us < ?1"
        " AND NOT (holder IS NOT NULL AND beat_us >= ?2)"
        " AND NOT EXISTS (SELECT 1 FROM partials WHERE sid = sessions.id AND saved_us >= ?2)"
    )
    values = (before_us, now_us() - SILENCE_US)
    rows = db.execute(f"{_SELECT}WHERE {test} ORDER BY id", values).fetchall()
    if rows:
        db.execute(f"UPDATE sessions SET status = 'archived' WHERE {test}", values)
    return rows


def cells(
    db: sqlite3.Connection, *, user_id: str, home: str | None, among: str | None
) -> list[tuple[str, str, int]]:
    """Return the homes of sessions with the cells that asked there, and when each did so first.

    ``among`` is a JSON list of cells. Without a home all messages are looked at, once and in their order.
    """
    if home is None:
        joined, test = "messages m CROSS JOIN sessions s ON s.id = m.id >> 32", "s.home IS NOT NULL"
    else:
        joined = "sessions s CROSS JOIN messages m ON m.id >= s.id << 32 AND m.id < (s.id + 1) << 32"
        test = "s.home = ?1"
    return db.execute(
        f"SELECT s.home, m.cell_id, min(m.ts_us) FROM {joined} "
        f"WHERE {test} AND s.user_id = ?2 AND m.role = 'user' AND m.cell_id IS NOT NULL "
        "AND ifnull(m.source, '') <> 'import' AND json_extract(m.metadata, '$.asked_in') IS NULL "
        "AND (?3 IS NULL OR m.cell_id IN (SELECT value FROM json_each(?3))) GROUP BY 1, 2",
        (home, user_id, among),
    ).fetchall()


def homes(db: sqlite3.Connection, user_id: str) -> list[str]:
    """Return the homes of a user's sessions."""
    found = db.execute(
        "SELECT DISTINCT home FROM sessions WHERE user_id = ? AND home IS NOT NULL ORDER BY home", (user_id,)
    )
    return [home for (home,) in found]


def first_questions(
    db: sqlite3.Connection, *, user_id: str, chars: int, among: str | None
) -> list[tuple[str, str]]:
    """Return the sessions of a user with the beginning of what was asked first in each.

    ``among`` is a JSON list of sessions.
    """
    wanted = "" if among is None else " AND s.session_id IN (SELECT value FROM json_each(?3))"
    return db.execute(
        "SELECT s.session_id, substr(m.content, 1, ?2) FROM sessions s JOIN messages m ON m.id = ("
        "SELECT id FROM messages WHERE id >= s.id << 32 AND id < (s.id + 1) << 32 AND role = 'user' "
        f"ORDER BY id LIMIT 1) WHERE s.user_id = ?1 AND m.content <> ''{wanted}",
        (user_id, chars, among)[: 2 if among is None else 3],
    ).fetchall()


def delete(db: sqlite3.Connection, session_id: str) -> bool:
    """Delete a session with all that belongs to it; False when there is none."""
    row = db.execute(f"SELECT id, fts_upto FROM sessions WHERE {IS_MEANT}", meant(session_id)).fetchone()
    if row is None:
        return False
    sid, upto = row
    from .search import forget  # few sessions ever need it

    forget(db, sid, upto)
    carried = _carried.carried_by(db, sid)
    db.execute("DELETE FROM sessions WHERE id = ?", (sid,))
    _carried.free(db, *carried)
    return True
