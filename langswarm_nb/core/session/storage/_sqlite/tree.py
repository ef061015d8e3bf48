"""A session's tree of messages in SQL: append to it, move its tip, read a path.

Plain functions on a connection; the caller holds the transaction. A refusal (`SessionError`) comes before the first
change, so that other work in the same transaction goes on.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from langswarm_nb.core.session.errors import SessionNotFoundError, shown
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.storage.rows import COLUMNS, MESSAGE_COLUMNS, SEQ_BITS, SEQ_MASK, Row
from langswarm_nb.core.session.values import MOST

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM messages "
_INSERT = f"INSERT INTO messages({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_ROLE = MESSAGE_COLUMNS.index("role")
_MESSAGE_ID = MESSAGE_COLUMNS.index("message_id")
_TOKENS = MESSAGE_COLUMNS.index("token_count")


class _Head(NamedTuple):
    """Where a session stands."""

    sid: int
    next_seq: int
    tip: int | None
    branch: str
    tip_turn: int | None
    tip_path_turns: int | None

    @property
    def base(self) -> int:
        return self.sid << SEQ_BITS


class _Place(NamedTuple):
    """Where a chain of messages is to hang."""

    parent: int | None
    turn: int | None
    path_turns: int
    active: bool


def now_us() -> int:
    """Return the present moment in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def session_key(db: sqlite3.Connection, session_id: str, name: str) -> int:
    """Return the surrogate id of a session.

    Raises
    ------
    SessionNotFoundError
        There is none with this id.
    """
    row = db.execute("SELECT id FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
    if row is None:
        raise SessionNotFoundError.of(session_id, storage=name)
    return int(row[0])


def check_seq(db: sqlite3.Connection, name: str, session_id: str, seq: int) -> int:
    """Return the surrogate id of a session that has a message with this seq.

    Raises
    ------
    SessionNotFoundError
        There is no such session, or message.
    """
    head = _head(db, session_id, name)
    _node(db, head, session_id, seq)
    return head.sid


def append(
    db: sqlite3.Connection,
    name: str,
    session_id: str,
    payloads: Sequence[Row],
    *,
    parent: int | Literal["tip"] | None,
    reply_to: int | None,
    activate: bool,
) -> list[Row]:
    """Insert a chain of messages and return their rows."""
    head = _head(db, session_id, name)
    if not payloads:
        return []
    if reply_to is None:
        place = _place(db, head, session_id, parent, active=activate)
    else:
        place = _reply_place(db, head, session_id, reply_to, payloads[0][_MESSAGE_ID], active=activate)
    if place.active and place.parent != head.tip:
        _activate(db, head, place.parent)
    rows = _chain(head, place, payloads, _next_version(db, head, place.parent))
    db.executemany(_INSERT, rows)
    tokens = min(MOST, sum(payload[_TOKENS] or 0 for payload in payloads))
    tip = head.next_seq + len(rows) - 1 if place.active else head.tip
    db.execute(
        "UPDATE sessions SET next_seq = next_seq + ?, message_count = message_count + ?,"
        " token_count = token_count + ?, tip = ?, updated_us = ? WHERE id = ?",
        (len(rows), len(rows), tokens, tip, now_us(), head.sid),
    )
    db.executemany(
        "DELETE FROM partials WHERE sid = ? AND message_id = ?",
        [(head.sid, payload[_MESSAGE_ID]) for payload in payloads if payload[_ROLE] == "assistant"],
    )
    return rows


def set_tip(db: sqlite3.Connection, name: str, session_id: str, seq: int | None, branch: str | None) -> None:
    """Make the path to ``seq`` the active one, under another branch name if one is given."""
    head = _head(db, session_id, name)
    if seq is not None:
        _node(db, head, session_id, seq)
    if branch is not None and branch != head.branch:
        db.execute("INSERT OR REPLACE INTO branches VALUES (?, ?, ?)", (head.sid, head.branch, head.tip))
        db.execute("DELETE FROM branches WHERE sid = ? AND name = ?", (head.sid, branch))
    _activate(db, head, seq)
    db.execute(
        "UPDATE sessions SET tip = ?, branch = ?, updated_us = ? WHERE id = ?",
        (seq, branch or head.branch, now_us(), head.sid),
    )


def branches(db: sqlite3.Connection, name: str, session_id: str) -> dict[str, int | None]:
    """Return the tip of each branch by name."""
    head = _head(db, session_id, name)
    kept = dict(db.execute("SELECT name, tip FROM branches WHERE sid = ? ORDER BY name", (head.sid,)))
    return {**kept, head.branch: head.tip}


def set_hidden(db: sqlite3.Connection, name: str, session_id: str, seq: int, *, hidden: bool) -> None:
    """Mark a message as kept but not sent, or take the mark back."""
    head = _head(db, session_id, name)
    _node(db, head, session_id, seq)
    db.execute("UPDATE messages SET hidden = ? WHERE id = ?", (hidden, head.base | seq))
    db.execute("UPDATE sessions SET updated_us = ? WHERE id = ?", (now_us(), head.sid))


def read(
    db: sqlite3.Connection,
    name: str,
    session_id: str,
    *,
    active: bool,
    limit: int | None,
    role: MessageRole | None,
    since_us: int | None,
) -> list[Row]:
    """Return the rows of the active path, or of all messages, in order; with ``limit`` the last ones."""
    sid = session_key(db, session_id, name)
    where = "WHERE id >= ? AND id < ?"
    values: list[Any] = [sid << SEQ_BITS, (sid + 1) << SEQ_BITS]
    if active:
        where += " AND active"
    if role is not None:
        where += " AND role = ?"
        values.append(role.value)
    if since_us is not None:
        where += " AND ts_us >= ?"
        values.append(since_us)
    if limit is None:
        return db.execute(f"{_SELECT}{where} ORDER BY id", values).fetchall()
    rows = db.execute(f"{_SELECT}{where} ORDER BY id DESC LIMIT ?", [*values, limit]).fetchall()
    rows.reverse()
    return rows


def find(db: sqlite3.Connection, name: str, session_id: str, message_id: str) -> Row | None:
    """Return the row of the newest message with this id; None when there is none."""
    sid = session_key(db, session_id, name)
    row: Row | None = db.execute(
        f"{_SELECT}WHERE id >= ? AND id < ? AND message_id = ? ORDER BY id DESC LIMIT 1",
        (sid << SEQ_BITS, (sid + 1) << SEQ_BITS, message_id),
    ).fetchone()
    return row


def _head(db: sqlite3.Connection, session_id: str, name: str) -> _Head:
    row = db.execute(
        "SELECT s.id, s.next_seq, s.tip, s.branch, m.turn, m.path_turns FROM sessions s"
        " LEFT JOIN messages m ON m.id = (s.id << 32 | s.tip) WHERE s.session_id = ?",
        (session_id,),
    ).fetchone()
    if row is None:
        raise SessionNotFoundError.of(session_id, storage=name)
    return _Head(*row)


def _node(db: sqlite3.Connection, head: _Head, session_id: str, seq: int) -> tuple[int | None, int, int]:
    """Return turn, path_turns and active of a message."""
    row = None
    if 0 <= seq <= SEQ_MASK:
        row = db.execute(
            "SELECT turn, path_turns, active FROM messages WHERE id = ?", (head.base | seq,)
        ).fetchone()
    if row is None:
        raise SessionNotFoundError(
            f"No message with seq {shown(seq)} in session {shown(session_id)}: it has {head.next_seq} messages, "
            "counted from 0. List them with `await session.get_messages(branch='all')`."
        )
    turn, path_turns, active = row
    return turn, path_turns, active


def _place(
    db: sqlite3.Connection,
    head: _Head,
    session_id: str,
    parent: int | Literal["tip"] | None,
    *,
    active: bool,
) -> _Place:
    if parent == "tip":
        return _Place(head.tip, head.tip_turn, head.tip_path_turns or 0, active)
    if parent is None:
        return _Place(None, None, 0, active)
    turn, path_turns, _ = _node(db, head, session_id, parent)
    return _Place(parent, turn, path_turns, active)


def _reply_place(
    db: sqlite3.Connection, head: _Head, session_id: str, question: int, message_id: str, *, active: bool
) -> _Place:
    turn, path_turns, on_path = _node(db, head, session_id, question)
    if interrupted := _interrupted(db, head, question, message_id):
        seq, parent, path_turns = interrupted
        return _Place(parent, turn, path_turns, active and seq == head.tip)
    if on_path and active:
        return _Place(head.tip, turn, head.tip_path_turns or 0, active)
    return _Place(question, turn, path_turns, active=False)


def _interrupted(
    db: sqlite3.Connection, head: _Head, question: int, message_id: str
) -> tuple[int, int | None, int] | None:
    """Return the place of a reply that was taken for abandoned, though its writer lives and now ends it."""
    if question + 1 == head.next_seq:
        return None
    row: tuple[int, int | None, int] | None = db.execute(
        "SELECT seq, parent, path_turns FROM messages WHERE id > ? AND id < ?"
        " AND message_id = ? AND finish_reason = 'interrupted' ORDER BY id DESC LIMIT 1",
        (head.base | question, head.base + head.next_seq, message_id),
    ).fetchone()
    return row


def _next_version(db: sqlite3.Connection, head: _Head, parent: int | None) -> int:
    first_child = 0 if parent is None else parent + 1
    if first_child == head.next_seq:  # nothing was added after the parent, so it has no children
        return 1
    (siblings,) = db.execute(
        "SELECT count(*) FROM messages WHERE id >= ? AND id < ? AND parent IS ?",
        (head.base | first_child, head.base + head.next_seq, parent),
    ).fetchone()
    return int(siblings) + 1


def _chain(head: _Head, place: _Place, payloads: Sequence[Row], version: int) -> list[Row]:
    rows: list[Row] = []
    parent, turn, path_turns, active = place
    for seq, payload in enumerate(payloads, head.next_seq):
        if payload[_ROLE] == "user":
            turn, path_turns = path_turns, path_turns + 1
        rows.append((head.base | seq, parent, turn, path_turns, version, int(active), *payload))
        parent, version = seq, 1
    return rows


def _activate(db: sqlite3.Connection, head: _Head, tip: int | None) -> None:
    """Set the active marks to the path that ends in ``tip``; the cost is the length of what changes."""
    walked = [] if tip is None else _walk_up(db, head, tip)
    joins = max((seq for seq, active in walked if active), default=-1)  # the last that both paths share
    db.execute(
        "UPDATE messages SET active = 0 WHERE id > ? AND id < ? AND active",
        (head.base + joins, head.base + head.next_seq),
    )
    db.executemany(
        "UPDATE messages SET active = 1 WHERE id = ?",
        [(head.base | seq,) for seq, active in walked if not active],
    )


def _walk_up(db: sqlite3.Connection, head: _Head, seq: int) -> list[tuple[int, int]]:
    """Return seq and active mark from a message up to the first active one, or to the root."""
    return db.execute(
        "WITH RECURSIVE up(seq, parent, active) AS ("
        " SELECT seq, parent, active FROM messages WHERE id = ?"
        " UNION ALL SELECT m.seq, m.parent, m.active FROM up JOIN messages m ON m.id = ? | up.parent"
        " WHERE NOT up.active AND up.parent IS NOT NULL) SELECT seq, active FROM up",
        (head.base | seq, head.base),
    ).fetchall()
