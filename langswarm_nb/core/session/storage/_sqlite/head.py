"""Where a session stands, in SQL: its surrogate id, its tip, its counters.

Plain functions on a connection; the caller holds the transaction.
"""

from __future__ import annotations

import sqlite3
import time
from typing import NamedTuple

from langswarm_nb.core.session.errors import SessionNotFoundError, shown
from langswarm_nb.core.session.settings import SessionKey
from langswarm_nb.core.session.storage.rows import SEQ_BITS, SEQ_MASK
from langswarm_nb.core.session.values import filled_text

from .placeholders import Connection

TOUCH = "updated_us = ?1, used_us = ?2"
"""Sets when a session was last used, to the present moment and what `used_us` makes of it."""


class Head(NamedTuple):
    """Where a session stands."""

    sid: int
    next_seq: int
    next_turn: int
    tip: int | None
    branch: str
    tip_turn: int | None
    tip_version: int | None
    has_hides: int
    has_partials: int
    is_archived: int
    holder: str | None
    """Who is being answered, as the next four: see `leases`."""
    owner: str | None
    beat_us: int | None
    since_us: int | None
    next_holder: str | None
    moves: int

    @property
    def base(self) -> int:
        return self.sid << SEQ_BITS

    @property
    def end(self) -> int:
        return self.base + self.next_seq


class Found(NamedTuple):
    """What is known of a message in the tree."""

    turn: int | None
    version: int
    active: int
    role: str
    message_id: str


def now_us() -> int:
    """Return the present moment in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def used_us(db: sqlite3.Connection, now: int) -> int:
    """Return the moment at which a session is used: later than any at which another was, also when the clock goes back.

    What other processes write meanwhile is not looked at: they have the same clock.
    """
    latest = db.latest_us if isinstance(db, Connection) else None
    if latest is None:
        (latest,) = db.execute("SELECT ifnull(max(used_us), 0) FROM sessions").fetchone()
    moment = max(now, int(latest) + 1)
    if isinstance(db, Connection):
        db.latest_us = moment
    return moment


IS_MEANT = "session_id = ?1 AND id = ifnull(?2, id)"
"""Tells the session that a `SessionKey`, or a plain id, means; for the values of `meant`."""


def key_of(session_id: object) -> SessionKey:
    """Return what a session is found by.

    Raises
    ------
    SessionTypeError
        It is not text.
    SessionValueError
        It is empty or blank, or UTF-8 cannot hold it.
    """
    number = session_id.number if isinstance(session_id, SessionKey) else None
    return SessionKey.of(filled_text("session_id", session_id), number)


def meant(session_id: str) -> tuple[str, int | None]:
    """Return the values that `IS_MEANT` looks for."""
    return str(session_id), session_id.number if isinstance(session_id, SessionKey) else None


def session_key(db: sqlite3.Connection, session_id: str, name: str) -> int:
    """Return the surrogate id of a session.

    Raises
    ------
    SessionNotFoundError
        There is none with this id.
    """
    row = db.execute(f"SELECT id FROM sessions WHERE {IS_MEANT}", meant(session_id)).fetchone()
    if row is None:
        raise SessionNotFoundError.of(session_id, storage=name)
    return int(row[0])


def user_key(db: sqlite3.Connection, session_id: str, user_id: str | None, name: str) -> int:
    """Return the surrogate id of a session of a user, or with None of anybody.

    Raises
    ------
    SessionNotFoundError
        There is none with this id, or it is somebody else's, which nobody learns.
    """
    sid = session_key(db, session_id, name)
    if user_id is not None:
        (owner,) = db.execute("SELECT user_id FROM sessions WHERE id = ?", (sid,)).fetchone()
        if owner != user_id:
            raise SessionNotFoundError.of(session_id, storage=name)
    return sid


def head_of(db: sqlite3.Connection, session_id: str, name: str) -> Head:
    row = db.execute(
        "SELECT s.id, s.next_seq, s.next_turn, s.tip, s.branch, m.turn, m.version,"
        " EXISTS (SELECT 1 FROM hides h WHERE h.sid = s.id), EXISTS (SELECT 1 FROM partials p WHERE p.sid = s.id),"
        " s.status = 'archived', s.holder, s.owner, s.beat_us, s.since_us, s.next_holder, s.moves FROM sessions s"
        " LEFT JOIN message_rows m ON m.id = (s.id << 32 | s.tip) WHERE s.session_id = ?1 AND s.id = ifnull(?2, s.id)",
        meant(session_id),
    ).fetchone()
    if row is None:
        raise SessionNotFoundError.of(session_id, storage=name)
    return Head(*row)


def node_of(db: sqlite3.Connection, head: Head, session_id: str, seq: int) -> Found:
    row = None
    if 0 <= seq <= SEQ_MASK:
        row = db.execute(
            "SELECT turn, version, active, role, message_id FROM messages WHERE id = ?", (head.base | seq,)
        ).fetchone()
    if row is None:
        raise SessionNotFoundError(
            f"No message with seq {shown(seq)} in session {shown(session_id)}: it has {head.next_seq} messages, "
            "counted from 0. List them with `await session.get_messages(branch='all')`."
        )
    return Found(*row)


def question_at(
    db: sqlite3.Connection, head: Head, session_id: str, seq: int, message_id: str | None, name: str
) -> Found:
    """Return the question that a reply belongs to: the message with this seq and, unless it is None, this id.

    Raises
    ------
    SessionNotFoundError
        There is no such message.
    """
    found = node_of(db, head, session_id, seq)
    if message_id not in (None, found.message_id):
        raise SessionNotFoundError(
            f"The question with seq {shown(seq)} in session {shown(session_id)} is not the one that was asked: {name} "
            "is not the store that it went to."
        )
    return found
