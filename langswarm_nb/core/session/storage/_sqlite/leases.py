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


def take(db: sqlite3.Connection, sid: int, session_id: str, holder: str, *, ends: bool = False) -> None:
    """Take the lease of a session; where it ends at once, only make sure that it can be taken.

    Raises
    ------
    SessionLeasedError
        Another message is being answered.
    """
    row = db.execute("SELECT holder, owner, beat_us, since_us FROM leases WHERE sid = ?", (sid,)).fetchone()
    since = now = now_us()
    if row is not None:
        held_by, owner, beat, held_since = row
        if held_by == holder:
            since = held_since
        elif not _is_free(owner, beat, now):
            raise leased(f"session {shown(session_id)}", _owner.in_words(owner), from_us(held_since))
    if not ends:
        db.execute(
            "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?)",
            (sid, holder, _owner.this_process(), now, since),
        )


def keep(db: sqlite3.Connection, sid: int, holder: str) -> None:
    """Tell that the holder of a lease is alive."""
    db.execute("UPDATE leases SET beat_us = ? WHERE sid = ? AND holder = ?", (now_us(), sid, holder))


def leave(db: sqlite3.Connection, sid: int, holder: str) -> None:
    """Give a lease back that was not ended by an answer."""
    db.execute("DELETE FROM leases WHERE sid = ? AND holder = ?", (sid, holder))


def _is_free(owner: str, beat_us: int, now_us: int) -> bool:
    return now_us - beat_us > SILENCE_US or _owner.is_gone(owner, beat_us)
