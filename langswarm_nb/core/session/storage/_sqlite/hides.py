"""What a branch does not send, in SQL: a mark for each version of a turn that is hidden on it.

`messages.hidden` shows the marks of the branch whose path is active. Plain functions on a connection; the caller
holds the transaction.
"""

from __future__ import annotations

import sqlite3

from langswarm_nb.core.session.storage.rows import SEQ_BITS


def mark(db: sqlite3.Connection, sid: int, branch: str, turn: int, version: int, *, hidden: bool) -> None:
    """Hide a version of a turn on a branch, or take that back; `show` makes it seen."""
    key = (sid, branch, turn, version)
    if hidden:
        db.execute("INSERT OR IGNORE INTO hides VALUES (?, ?, ?, ?)", key)
    else:
        db.execute("DELETE FROM hides WHERE sid = ? AND branch = ? AND turn = ? AND version = ?", key)


def marks(db: sqlite3.Connection, sid: int, branch: str) -> list[tuple[int, int]]:
    """Return the versions that are hidden on a branch, as turn and version."""
    return db.execute(
        "SELECT turn, version FROM hides WHERE sid = ? AND branch = ?", (sid, branch)
    ).fetchall()


def all_marks(db: sqlite3.Connection, sid: int) -> list[tuple[str, int, int]]:
    """Return all that is hidden in a session, as branch, turn and version."""
    return db.execute("SELECT branch, turn, version FROM hides WHERE sid = ?", (sid,)).fetchall()


def copy(db: sqlite3.Connection, sid: int, branch: str, new: str) -> None:
    """Hide on a new branch what is hidden on the one that it begins from."""
    db.execute(
        "INSERT OR IGNORE INTO hides SELECT sid, ?, turn, version FROM hides WHERE sid = ? AND branch = ?",
        (new, sid, branch),
    )


def show(db: sqlite3.Connection, sid: int, branch: str) -> None:
    """Set `messages.hidden` to the marks of a branch.

    What is on the path is hidden as the answer that stands there: a question may have several. System messages
    that were not given with a question belong to none.
    """
    low, high = sid << SEQ_BITS, (sid + 1) << SEQ_BITS
    db.execute("UPDATE message_rows SET hidden = 0 WHERE id >= ? AND id < ? AND hidden", (low, high))
    rows = db.execute(
        "SELECT id, turn, version, active, role FROM messages WHERE id >= ? AND id < ?"
        " AND turn IN (SELECT turn FROM hides WHERE sid = ? AND branch = ?) ORDER BY id",
        (low, high, sid, branch),
    ).fetchall()
    marked = set(marks(db, sid, branch))
    current = {turn: version for _, turn, version, active, role in rows if active and role != "system"}
    asked = {(turn, version): key for key, turn, version, _, role in rows if role == "user"}
    hidden = [
        (key,)
        for key, turn, version, active, role in rows
        if (turn, current.get(turn, version) if active else version) in marked
        and (role != "system" or key < asked.get((turn, version), -1))
    ]
    db.executemany("UPDATE message_rows SET hidden = 1 WHERE id = ?", hidden)
