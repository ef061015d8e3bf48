"""What has to hold before a chain of messages is added, in SQL: each refusal comes before the first change.

Plain functions on a connection; the caller holds the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from langswarm_nb.core.session.errors import (
    SessionExistsError,
    SessionMovedError,
    SessionNotFoundError,
    shown,
)
from langswarm_nb.core.session.storage.packing import key_of_id

from .head import Head

_AT_ONCE = 500
"""Ids in one query: some versions of SQLite take no more than 999 values."""


def check_new(db: sqlite3.Connection, head: Head, session_id: str, ids: Sequence[str]) -> None:
    """Make sure that no message of the session has one of these ids.

    Raises
    ------
    SessionExistsError
        One has.
    """
    for some in (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE)):
        row = db.execute(
            "SELECT message_id FROM messages WHERE id >= ? AND id < ?"
            f" AND key IN ({', '.join('?' * len(some))}) LIMIT 1",
            (head.base, head.end, *map(key_of_id, some)),
        ).fetchone()
        if row is not None:
            raise SessionExistsError(
                f"There is a message {shown(row[0])} in session {shown(session_id)} already, so nothing was stored. "
                "Read it with `await session.get_message(id)`, or choose another id."
            )


def check_path(db: sqlite3.Connection, head: Head, session_id: str, expected_tip: str | None) -> None:
    """Make sure that the active path ends where the caller has seen it end.

    Raises
    ------
    SessionMovedError
        It does not.
    """
    if expected_tip is not None:
        found = _id_at(db, head, head.tip)
        if found != (expected_tip or None):
            raise _moved(session_id, head.branch, expected_tip or None, found)


def check_turns(
    db: sqlite3.Connection,
    head: Head,
    session_id: str,
    turn: int | None,
    hides: Sequence[tuple[int, int]],
) -> None:
    """Make sure that a turn is there, unless none is named, and the versions that are to be hidden.

    Raises
    ------
    SessionNotFoundError
        One is not.
    """
    if turn is not None and not 0 <= turn < head.next_turn:
        raise SessionNotFoundError(
            f"No turn {shown(turn)} in session {shown(session_id)}, so it can have no new version."
        )
    for hidden in hides:
        check_version(db, head, session_id, *hidden)


def check_version(db: sqlite3.Connection, head: Head, session_id: str, turn: int, version: int) -> None:
    """Make sure that a version of a turn is there.

    Raises
    ------
    SessionNotFoundError
        It is not.
    """
    found = None
    if 0 <= turn < head.next_turn and 0 < version <= head.next_seq:
        found = db.execute(
            "SELECT 1 FROM messages WHERE id >= ? AND id < ? AND turn = ? AND version = ? LIMIT 1",
            (head.base, head.end, turn, version),
        ).fetchone()
    if found is None:
        raise SessionNotFoundError(
            f"No version {shown(version)} of turn {shown(turn)} in session {shown(session_id)}. "
            "List what there is with `await session.get_messages(branch='all')`."
        )


def _id_at(db: sqlite3.Connection, head: Head, seq: int | None) -> str | None:
    """Return the id of the message with this seq; None when there is none."""
    if seq is None:
        return None
    row = db.execute("SELECT message_id FROM messages WHERE id = ?", (head.base + seq,)).fetchone()
    return None if row is None else str(row[0])


def _moved(session_id: str, branch: str, expected: str | None, found: str | None) -> SessionMovedError:
    ends = "is empty" if found is None else f"ends in message {shown(found)}"
    wanted = "be empty" if expected is None else f"end in message {shown(expected)}"
    error = SessionMovedError(
        f"The path of session {shown(session_id)} has moved on: on branch {shown(branch)} it {ends}, and it was "
        f"expected to {wanted}. Nothing was stored or sent. Read it with `await session.get_messages()`, and decide "
        "again."
    )
    error.expected, error.found = expected, found
    return error
