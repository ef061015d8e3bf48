"""A session's tree of messages in SQL: append to it, number its turns, move its tip, hide.

Plain functions on a connection; the caller holds the transaction. A refusal (`SessionError`) comes before the first
change, so that other work in the same transaction goes on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal, NamedTuple

from langswarm_nb.core.session.errors import SessionLeasedError, SessionNotFoundError, shown
from langswarm_nb.core.session.storage.rows import COLUMNS, MESSAGE_COLUMNS, Row
from langswarm_nb.core.session.values import MOST

from . import hides as _hides
from . import leases as _leases
from .head import Head, head_of, node_of, now_us

_INSERT = f"INSERT INTO messages({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_ROLE = MESSAGE_COLUMNS.index("role")
_MESSAGE_ID = MESSAGE_COLUMNS.index("message_id")
_TOKENS = MESSAGE_COLUMNS.index("token_count")


class _Place(NamedTuple):
    """Where a chain of messages is to hang, and the turn that it goes on."""

    parent: int | None
    turn: int | None
    version: int
    active: bool


def append(
    db: sqlite3.Connection,
    name: str,
    session_id: str,
    payloads: Sequence[Row],
    *,
    parent: int | Literal["tip"] | None,
    reply_to: int | None = None,
    turn: int | None = None,
    activate: bool = True,
    branch: str | None = None,
    hides: Sequence[tuple[int, int]] = (),
    lease: str | None = None,
    expects: tuple[str, int | None] | None = None,
) -> list[Row]:
    """Insert a chain of messages and return their rows; an empty one moves the tip to ``parent``."""
    head = _enter(db, name, session_id, lease, expects)
    if branch not in (None, head.branch):
        start = head.tip if isinstance(parent, str) else parent
        set_tip(db, name, session_id, start, branch)
        head, parent = head_of(db, session_id, name), "tip"
    for hidden in hides:
        _hides.mark(db, head.sid, head.branch, *hidden, hidden=True)
    if not payloads:
        if activate and not isinstance(parent, str) and parent != head.tip:
            set_tip(db, name, session_id, parent, None)
        return []
    if reply_to is None:
        place = _place(db, head, session_id, parent, active=activate)
    else:
        place = _reply_place(db, head, session_id, reply_to, payloads[0], active=activate)
    if place.active and place.parent != head.tip:
        _activate(db, head, place.parent)
    rows, next_turn = _chain(db, head, place, payloads, _known_turn(head, session_id, turn))
    db.executemany(_INSERT, rows)
    tokens = min(MOST, sum(payload[_TOKENS] or 0 for payload in payloads))
    tip = head.next_seq + len(rows) - 1 if place.active else head.tip
    db.execute(
        "UPDATE sessions SET next_seq = next_seq + ?, next_turn = ?, message_count = message_count + ?,"
        " token_count = token_count + ?, tip = ?, updated_us = ? WHERE id = ?",
        (len(rows), next_turn, len(rows), tokens, tip, now_us(), head.sid),
    )
    _end(db, head, [payload[_MESSAGE_ID] for payload in payloads if payload[_ROLE] == "assistant"])
    if (head.has_hides or hides) and place.active:
        _hides.show(db, head.sid, head.branch)
    return rows


def _enter(
    db: sqlite3.Connection,
    name: str,
    session_id: str,
    lease: str | None,
    expects: tuple[str, int | None] | None,
) -> Head:
    """Return where a session stands, when it may be appended to."""
    head = head_of(db, session_id, name)
    if expects is not None and expects != (head.branch, head.tip):
        raise SessionLeasedError(f"The path of session {shown(session_id)} has moved on.")
    if lease is not None:
        _leases.take(db, head.sid, session_id, lease)
    return head


def _known_turn(head: Head, session_id: str, turn: int | None) -> int | None:
    if turn is not None and not 0 <= turn < head.next_turn:
        raise SessionNotFoundError(
            f"No turn {shown(turn)} in session {shown(session_id)}, so it can have no new version."
        )
    return turn


def _end(db: sqlite3.Connection, head: Head, replies: Sequence[str]) -> None:
    """Forget what was kept of replies while they were written, and let the next one be asked for."""
    for message_id in replies:
        db.execute("DELETE FROM partials WHERE sid = ? AND message_id = ?", (head.sid, message_id))
        db.execute("DELETE FROM leases WHERE sid = ? AND holder = ?", (head.sid, message_id))


def set_tip(db: sqlite3.Connection, name: str, session_id: str, seq: int | None, branch: str | None) -> None:
    """Make the path to ``seq`` the active one, under another branch name if one is given."""
    head = head_of(db, session_id, name)
    if seq is not None:
        node_of(db, head, session_id, seq)
    is_move = branch is not None and branch != head.branch
    left: int | None = None
    if is_move:
        known = db.execute(
            "SELECT tip FROM branches WHERE sid = ? AND name = ?", (head.sid, branch)
        ).fetchone()
        db.execute(
            "INSERT OR REPLACE INTO branches VALUES (?, ?, ?, ?)", (head.sid, head.branch, head.tip, now_us())
        )
        db.execute("DELETE FROM branches WHERE sid = ? AND name = ?", (head.sid, branch))
        if known is None:  # it begins as the branch that it leaves
            _hides.copy(db, head.sid, head.branch, str(branch))
        elif known[0] is not None:
            left = known[0]
    _activate(db, head, seq, leaves=not is_move)
    if left is not None:
        _note_if_left(db, head, str(branch), left)
    db.execute(
        "UPDATE sessions SET tip = ?, branch = ?, updated_us = ? WHERE id = ?",
        (seq, branch or head.branch, now_us(), head.sid),
    )
    if head.has_hides:
        _hides.show(db, head.sid, branch or head.branch)


def set_hidden(
    db: sqlite3.Connection, name: str, session_id: str, turn: int, version: int, *, hidden: bool
) -> None:
    """Mark a version of a turn as kept but not sent on the active branch, or take the mark back."""
    head = head_of(db, session_id, name)
    found = db.execute(
        "SELECT 1 FROM messages WHERE id >= ? AND id < ? AND turn = ? AND version = ? LIMIT 1",
        (head.base, head.end, turn, version),
    ).fetchone()
    if found is None:
        raise SessionNotFoundError(
            f"No version {shown(version)} of turn {shown(turn)} in session {shown(session_id)}. "
            "List what there is with `await session.get_messages(branch='all')`."
        )
    _hides.mark(db, head.sid, head.branch, turn, version, hidden=hidden)
    db.execute("UPDATE sessions SET updated_us = ? WHERE id = ?", (now_us(), head.sid))


def _place(
    db: sqlite3.Connection,
    head: Head,
    session_id: str,
    parent: int | Literal["tip"] | None,
    *,
    active: bool,
) -> _Place:
    if parent == "tip":
        return _Place(head.tip, head.tip_turn, head.tip_version or 1, active)
    if parent is None:
        return _Place(None, None, 1, active)
    found = node_of(db, head, session_id, parent)
    return _Place(parent, found.turn, found.version, active)


def _reply_place(
    db: sqlite3.Connection, head: Head, session_id: str, question: int, reply: Row, *, active: bool
) -> _Place:
    """Return the place below a question; the path goes on with the reply only if it still ends in the question."""
    found = node_of(db, head, session_id, question)
    if interrupted := _interrupted(db, head, question, reply[_MESSAGE_ID]):
        seq, parent, version = interrupted
        return _Place(parent, found.turn, version, active and seq == head.tip)
    version = found.version
    if found.turn is not None and _is_answered(db, head, question):
        version = _next_version(db, head, found.turn)
    return _Place(question, found.turn, version, active and question == head.tip)


def _interrupted(
    db: sqlite3.Connection, head: Head, question: int, message_id: str
) -> tuple[int, int | None, int] | None:
    """Return the place of a reply that was taken for abandoned, though its writer lives and now ends it."""
    if question + 1 == head.next_seq:
        return None
    row: tuple[int, int | None, int] | None = db.execute(
        "SELECT seq, parent, version FROM messages WHERE id > ? AND id < ?"
        " AND message_id = ? AND finish_reason = 'interrupted' ORDER BY id DESC LIMIT 1",
        (head.base | question, head.end, message_id),
    ).fetchone()
    return row


def _is_answered(db: sqlite3.Connection, head: Head, question: int) -> bool:
    if question + 1 == head.next_seq:
        return False
    found = db.execute(
        "SELECT 1 FROM messages WHERE id > ? AND id < ? AND parent = ? AND role = 'assistant' LIMIT 1",
        (head.base | question, head.end, question),
    ).fetchone()
    return found is not None


def _next_version(db: sqlite3.Connection, head: Head, turn: int) -> int:
    (most,) = db.execute(
        "SELECT ifnull(max(version), 0) FROM messages WHERE id >= ? AND id < ? AND turn = ?",
        (head.base, head.end, turn),
    ).fetchone()
    return int(most) + 1


def _chain(
    db: sqlite3.Connection, head: Head, place: _Place, payloads: Sequence[Row], wanted: int | None
) -> tuple[list[Row], int]:
    """Return the rows of a chain, each question of which begins a turn (the first one: the turn that is wanted)."""
    rows: list[Row] = []
    parent, turn, version, active = place
    next_turn = head.next_turn
    roles = [payload[_ROLE] for payload in payloads]
    for n, payload in enumerate(payloads):
        if _begins_turn(roles, n):  # at the first of the system messages that come with a question
            if wanted is not None:
                turn, version, wanted = wanted, _next_version(db, head, wanted), None
            else:
                turn, version, next_turn = next_turn, 1, next_turn + 1
        seq = head.next_seq + n
        rows.append((head.base | seq, parent, turn, version, int(active), *payload))
        parent = seq
    return rows, next_turn


def _begins_turn(roles: Sequence[str], n: int) -> bool:
    if roles[n] == "user":
        return n == 0 or roles[n - 1] != "system"
    if roles[n] != "system" or (n > 0 and roles[n - 1] == "system"):
        return False
    rest = (role for role in roles[n:] if role != "system")
    return next(rest, None) == "user"


def _activate(db: sqlite3.Connection, head: Head, tip: int | None, *, leaves: bool = True) -> None:
    """Set the active marks to the path that ends in ``tip``; the cost is the length of what changes."""
    walked = [] if tip is None else _walk_up(db, head, tip)
    joins = max((seq for seq, active in walked if active), default=-1)  # the last that both paths share
    db.execute(
        "UPDATE messages SET active = 0 WHERE id > ? AND id < ? AND active",
        (head.base + joins, head.end),
    )
    db.executemany(
        "UPDATE messages SET active = 1, beside = NULL WHERE id = ?",
        [(head.base | seq,) for seq, active in walked if not active],
    )
    if leaves and head.tip is not None:
        _note_if_left(db, head, head.branch, head.tip)


def _note_if_left(db: sqlite3.Connection, head: Head, branch: str, tip: int) -> None:
    """Remember the end of a path of a branch that its path does not go through any more."""
    (active,) = db.execute("SELECT active FROM messages WHERE id = ?", (head.base | tip,)).fetchone()
    if not active:
        db.execute(
            "INSERT OR REPLACE INTO former_tips VALUES (?, ?, ?, ?)", (head.sid, branch, tip, now_us())
        )


def _walk_up(db: sqlite3.Connection, head: Head, seq: int) -> list[tuple[int, int]]:
    """Return seq and active mark from a message up to the first active one, or to the root."""
    return db.execute(
        "WITH RECURSIVE up(seq, parent, active) AS ("
        " SELECT seq, parent, active FROM messages WHERE id = ?"
        " UNION ALL SELECT m.seq, m.parent, m.active FROM up JOIN messages m ON m.id = ? | up.parent"
        " WHERE NOT up.active AND up.parent IS NOT NULL) SELECT seq, active FROM up",
        (head.base | seq, head.base),
    ).fetchall()
