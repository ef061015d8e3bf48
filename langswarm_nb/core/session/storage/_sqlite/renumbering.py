"""Give the turns of an older file numbers of their own, and its versions theirs: once, at the step to version 2."""

from __future__ import annotations

import sqlite3

from langswarm_nb.core.session.conversation.old_numbers import Old, hidden, numbered

_SELECT = (
    "SELECT id & 4294967295, parent, turn, active, role, cell_id, source,"
    " ifnull(metadata LIKE '%\"aside\":true%', 0), compare_id, hidden"
    " FROM messages WHERE id >= ? AND id < ? ORDER BY id"
)


def renumber_turns(db: sqlite3.Connection) -> None:
    """Number the turns and versions of all sessions anew; what is on an active path keeps its turn's number."""
    for sid, branch in db.execute("SELECT id, branch FROM sessions").fetchall():
        base = sid << 32
        messages = [Old(*row) for row in db.execute(_SELECT, (base, (sid + 1) << 32))]
        numbers = numbered(messages)
        db.executemany(
            "UPDATE messages SET turn = ?, version = ?, scope = ?, beside = ? WHERE id = ?",
            [(*number, base | seq) for seq, number in numbers.items()],
        )
        after = max((number.turn for number in numbers.values() if number.turn is not None), default=-1) + 1
        db.execute("UPDATE sessions SET next_turn = ? WHERE id = ?", (after, sid))
        db.executemany(
            "INSERT OR IGNORE INTO hides VALUES (?, ?, ?, ?)",
            [(sid, branch, *marked) for marked in hidden(messages, numbers)],
        )
