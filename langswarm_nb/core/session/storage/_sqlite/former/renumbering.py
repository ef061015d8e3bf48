"""Bring the sessions of a file to version 2: numbers of turns and versions that are given once, marks by branch.

It is a step of the migration, so it names columns itself, and stays as it is when the tables change again.
"""

from __future__ import annotations

import sqlite3

from langswarm_nb.core.session.conversation.old_numbers import Old, bring_over

_SELECT = (
    "SELECT id & 4294967295, parent, turn, active, role, cell_id, source, metadata LIKE '%\"aside\":true%',"
    " compare_id, hidden, ts_us FROM messages WHERE id >= ? AND id < ? ORDER BY id"
)
_UPDATE = (
    "UPDATE messages SET turn = ?, version = ?, hidden = ?, ask = ?, scope = ?, beside = ?,"
    " chars = CASE WHEN content = '' THEN 0 ELSE max(1, length(content)) END WHERE id = ?"
)


def renumber_turns(db: sqlite3.Connection) -> None:
    """Renumber the turns and versions of all sessions; what is on an active path keeps its turn's number."""
    for sid, branch, tip in db.execute("SELECT id, branch, tip FROM sessions").fetchall():
        base = sid << 32
        rows = [Old._make(row) for row in db.execute(_SELECT, (base, (sid + 1) << 32))]
        tips = {**dict(db.execute("SELECT name, tip FROM branches WHERE sid = ?", (sid,))), branch: tip}
        brought = bring_over(rows, tips)
        db.executemany(_UPDATE, [(*new, base | seq) for seq, new in brought.messages.items()])
        db.execute("UPDATE sessions SET next_turn = ? WHERE id = ?", (brought.next_turn, sid))
        db.executemany("INSERT INTO hides VALUES (?, ?, ?, ?)", [(sid, *mark) for mark in brought.hidden])
        at_us = {row.seq: row.ts_us for row in rows}
        db.executemany(
            "INSERT INTO former_tips VALUES (?, ?, ?, ?)",
            [(sid, branch, seq, at_us[seq]) for seq in brought.left],
        )
