"""Bring the sessions of a file to version 2: numbers of turns and versions that are given once, marks by branch.

It is a step of the migration, so it names columns itself, and stays as it is when the tables change again.
"""

from __future__ import annotations

import sqlite3

from langswarm_nb.core.session.conversation.old_numbers import Old, numbered, on_paths

_SELECT = (
    "SELECT id & 4294967295, parent, turn, active, role, cell_id, source,"
    " ifnull(metadata LIKE '%\"aside\":true%', 0), compare_id, hidden"
    " FROM messages WHERE id >= ? AND id < ? ORDER BY id"
)
_UPDATE = (
    "UPDATE messages SET turn = ?, version = ?, hidden = ?, ask = ?, scope = ?, beside = ?,"
    " chars = CASE WHEN content = '' THEN 0 ELSE max(1, length(content)) END WHERE id = ?"
)


def renumber_turns(db: sqlite3.Connection) -> None:
    """Number the turns and versions of all sessions anew; what is on an active path keeps its turn's number."""
    for sid, branch, tip in db.execute("SELECT id, branch, tip FROM sessions").fetchall():
        rows: dict[int, Old] = {}
        for row in map(Old._make, db.execute(_SELECT, (sid << 32, (sid + 1) << 32))):
            rows[row.seq] = row if row.parent in rows else row._replace(parent=None)
        others = db.execute("SELECT name, tip FROM branches WHERE sid = ?", (sid,))
        _bring_over(db, sid, branch, {**dict(others), branch: tip}, rows)


def _bring_over(
    db: sqlite3.Connection, sid: int, branch: str, tips: dict[str, int | None], rows: dict[int, Old]
) -> None:
    base = sid << 32
    on_path = on_paths(rows, tips.values())
    numbers = numbered(rows, on_path)
    db.executemany(_UPDATE, [(*number, base | seq) for seq, number in numbers.items()])
    after = max((number.turn for number in numbers.values() if number.turn is not None), default=-1) + 1
    db.execute("UPDATE sessions SET next_turn = ? WHERE id = ?", (after, sid))
    # Until now a message was hidden wherever it stood.
    marks = {(number.turn, number.version) for number in numbers.values() if number.is_hidden}
    db.executemany(
        "INSERT INTO hides VALUES (?, ?, ?, ?)", [(sid, name, *mark) for name in tips for mark in marks]
    )
    beside = {seq for seq, number in numbers.items() if number.beside is not None}
    left = rows.keys() - {row.parent for row in rows.values()} - on_path - beside
    db.executemany(
        "INSERT INTO former_tips SELECT ?, ?, seq, ts_us FROM messages WHERE id = ?",
        [(sid, branch, base | seq) for seq in left],
    )
