"""Who is being answered in a session, in SQL: one ask at a time, whatever kernel or view it comes from.

A lease is held from the question until its answer is stored (`tree.append` ends it with the answer). Plain functions
on a connection; the caller holds the transaction.
"""

from __future__ import annotations

import sqlite3

from langswarm_nb.core.session.conversation.leased import leased
from langswarm_nb.core.session.errors import shown
from langswarm_nb.core.session.values import from_us

from . import owner as _owner
from .head import now_us

SILENCE_US = 15_000_000
"""A lease is free when its holder has been silent for so long."""
TURN_US = 3_000_000
"""How long it is reserved for the next in line."""


def take(db: sqlite3.Connection, sid: int, session_id: str, holder: str, *, ends: bool = False) -> None:
    """Take the lease of a session; where it ends at once, only make sure that it can be taken.

    Raises
    ------
    SessionLeasedError
        Another message is being answered.
    """
    row = db.execute("SELECT holder, owner, beat_us, since_us FROM leases WHERE sid = ?", (sid,)).fetchone()
    is_mine = row is not None and row[0] == holder
    if row is not None and not is_mine and not _is_free(row[1], row[2], now_us()):
        raise leased(f"session {shown(session_id)}", _owner.in_words(row[1]), from_us(row[3]))
    if ends:
        if is_mine:  # it was waited for
            leave(db, sid, holder)
    elif is_mine:
        keep(db, sid, holder)
    else:
        db.execute(
            "INSERT OR REPLACE INTO leases(sid, holder, owner, beat_us, since_us) VALUES (?1, ?2, ?3, ?4, ?4)",
            (sid, holder, _owner.this_process(), now_us()),
        )


def keep(db: sqlite3.Connection, sid: int, holder: str) -> None:
    """Tell that the holder of a lease is alive."""
    db.execute("UPDATE leases SET beat_us = ? WHERE sid = ? AND holder = ?", (now_us(), sid, holder))


def look(db: sqlite3.Connection, sid: int, holder: str) -> tuple[bool, bool]:
    """Return whether a lease can be taken now, and whether the place as the next is to be asked for."""
    row = db.execute(
        "SELECT holder, owner, beat_us, next_holder FROM leases WHERE sid = ?", (sid,)
    ).fetchone()
    if row is None or row[0] == holder or _is_free(row[1], row[2], now_us()):
        return True, False
    return False, row[3] is None


def queue(db: sqlite3.Connection, sid: int, holder: str) -> None:
    """Ask to be the next, unless another is."""
    db.execute(
        "UPDATE leases SET next_holder = ?2, next_owner = ?3 WHERE sid = ?1 AND holder <> ?2 AND next_holder IS NULL",
        (sid, holder, _owner.this_process()),
    )


def leave(db: sqlite3.Connection, sid: int, holder: str, *, is_awaited: bool = True) -> None:
    """End a lease, or the wait for it; who is next gets it, unless it is known that nobody waits."""
    if is_awaited:
        db.execute("UPDATE leases SET next_holder = NULL WHERE sid = ? AND next_holder = ?", (sid, holder))
        db.execute(
            "UPDATE leases SET holder = next_holder, owner = next_owner, beat_us = ?3 - ?4, since_us = ?3,"
            " next_holder = NULL WHERE sid = ?1 AND holder = ?2 AND next_holder IS NOT NULL",
            (sid, holder, now_us(), SILENCE_US - TURN_US),
        )
    db.execute("DELETE FROM leases WHERE sid = ? AND holder = ?", (sid, holder))


def _is_free(owner: str, beat_us: int, now_us: int) -> bool:
    return now_us - beat_us > SILENCE_US or _owner.is_gone(owner, beat_us)
