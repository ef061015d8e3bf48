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
from .head import Head, now_us

SILENCE_US = 15_000_000
"""A lease is free when its holder has been silent for this long."""
TURN_US = 3_000_000
"""How long it is reserved for the next in line."""


def take(
    db: sqlite3.Connection,
    head: Head,
    session_id: str,
    holder: str,
    *,
    ends: bool = False,
    goes_on: bool = False,
) -> None:
    """Take the lease of a session; where it ends at once, only make sure that it can be taken.

    With ``goes_on`` it comes from who holds it, and who is the next stays so.

    Raises
    ------
    SessionLeasedError
        Another message is being answered.
    """
    is_mine = head.holder == holder
    if goes_on and not is_mine:
        db.execute(
            "UPDATE sessions SET holder = ?2, beat_us = ?3 WHERE id = ?1", (head.sid, holder, now_us())
        )
        return
    if not is_mine and not _is_free(head.holder, head.owner, head.beat_us, now_us()):
        raise leased(
            f"session {shown(session_id)}", _owner.in_words(str(head.owner)), from_us(head.since_us or 0)
        )
    if ends:
        if is_mine:  # it was waited for
            leave(db, head.sid, holder)
    elif is_mine:
        keep(db, head.sid, holder)
    else:
        db.execute(
            "UPDATE sessions SET holder = ?2, owner = ?3, beat_us = ?4, since_us = ?4, next_holder = NULL"
            " WHERE id = ?1",
            (head.sid, holder, _owner.this_process(), now_us()),
        )


def keep(db: sqlite3.Connection, sid: int, holder: str) -> None:
    """Tell that the holder of a lease is alive."""
    db.execute("UPDATE sessions SET beat_us = ? WHERE id = ? AND holder = ?", (now_us(), sid, holder))


def look(db: sqlite3.Connection, sid: int, holder: str) -> tuple[bool, bool]:
    """Return whether a lease can be taken now, and whether the place as the next is to be asked for."""
    held, owner, beat_us, next_holder = db.execute(
        "SELECT holder, owner, beat_us, next_holder FROM sessions WHERE id = ?", (sid,)
    ).fetchone()
    if held == holder or _is_free(held, owner, beat_us, now_us()):
        return True, False
    return False, next_holder is None


def queue(db: sqlite3.Connection, sid: int, holder: str) -> None:
    """Ask to be the next, unless another is."""
    db.execute(
        "UPDATE sessions SET next_holder = ?2, next_owner = ?3 WHERE id = ?1 AND holder <> ?2 AND next_holder IS NULL",
        (sid, holder, _owner.this_process()),
    )


def leave(db: sqlite3.Connection, sid: int, holder: str, *, is_awaited: bool = True) -> None:
    """End a lease, or the wait for it; who is next gets it, unless it is known that nobody waits."""
    if is_awaited:
        db.execute("UPDATE sessions SET next_holder = NULL WHERE id = ? AND next_holder = ?", (sid, holder))
        db.execute(
            "UPDATE sessions SET holder = next_holder, owner = next_owner, beat_us = ?3 - ?4, since_us = ?3,"
            " next_holder = NULL WHERE id = ?1 AND holder = ?2 AND next_holder IS NOT NULL",
            (sid, holder, now_us(), SILENCE_US - TURN_US),
        )
    db.execute("UPDATE sessions SET holder = NULL WHERE id = ? AND holder = ?", (sid, holder))


def _is_free(holder: str | None, owner: str | None, beat_us: int | None, now_us: int) -> bool:
    if holder is None or owner is None or beat_us is None:
        return True
    return now_us - beat_us > SILENCE_US or _owner.is_gone(owner, beat_us)
