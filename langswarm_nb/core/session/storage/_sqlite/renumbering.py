"""Bring the sessions of a file to version 2: numbers of turns and versions that are given once, marks by branch.

It is a step of the migration, so it names columns itself, and stays as it is when the tables change again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

Address = tuple[int | None, int]
"""Turn and version."""


class _Old(NamedTuple):
    """A message of the first version of the tables."""

    seq: int
    parent: int | None
    turn: int | None
    active: int
    role: str
    cell_id: str | None
    source: str | None
    is_aside: int
    compare_id: str | None
    is_hidden: int
    ts_us: int


_SELECT = (
    "SELECT id & 4294967295, parent, turn, active, role, cell_id, source, metadata LIKE '%\"aside\":true%',"
    " compare_id, hidden, ts_us FROM messages WHERE id >= ? AND id < ? ORDER BY id"
)
_UPDATE = (
    "UPDATE messages SET turn = ?, version = ?, hidden = ?, ask = ?, scope = ?, beside = ?,"
    " chars = CASE WHEN content = '' THEN 0 ELSE max(1, length(content)) END WHERE id = ?"
)


def renumber_turns(db: sqlite3.Connection) -> None:
    """Number the turns and versions of all sessions anew; what is on an active path keeps its turn's number."""
    for sid, branch, tip in db.execute("SELECT id, branch, tip FROM sessions").fetchall():
        base = sid << 32
        rows: dict[int, _Old] = {}
        for row in map(_Old._make, db.execute(_SELECT, (base, (sid + 1) << 32))):
            rows[row.seq] = row if row.parent in rows else row._replace(parent=None)
        tips = {**dict(db.execute("SELECT name, tip FROM branches WHERE sid = ?", (sid,))), branch: tip}
        _bring_over(db, sid, branch, tips, rows)


def _bring_over(
    db: sqlite3.Connection, sid: int, branch: str, tips: Mapping[str, int | None], rows: Mapping[int, _Old]
) -> None:
    base = sid << 32
    addresses = _addresses(rows)
    hidden = {addresses[seq] for seq in _hidden(rows)}
    asks = _asks(rows)
    on_path = _on_paths(rows, tips.values())
    beside = _beside(rows, on_path)
    db.executemany(
        _UPDATE,
        [
            (
                *addresses[row.seq],
                int(addresses[row.seq] in hidden and row.role != "system"),
                asks.get(row.seq),
                _scope(row),
                beside.get(row.seq),
                base | row.seq,
            )
            for row in rows.values()
        ],
    )
    after = max((turn for turn, _ in addresses.values() if turn is not None), default=-1) + 1
    db.execute("UPDATE sessions SET next_turn = ? WHERE id = ?", (after, sid))
    # Until now a message was hidden wherever it stood.
    db.executemany(
        "INSERT INTO hides VALUES (?, ?, ?, ?)",
        [(sid, name, *address) for name in tips for address in hidden],
    )
    left = rows.keys() - {row.parent for row in rows.values()} - on_path - beside.keys()
    db.executemany(
        "INSERT INTO former_tips VALUES (?, ?, ?, ?)", [(sid, branch, seq, rows[seq].ts_us) for seq in left]
    )


def _hidden(rows: Mapping[int, _Old]) -> set[int]:
    """Return the messages of turns whose question is hidden; an answer cannot be hidden alone any more."""
    found: set[int] = set()
    for row in rows.values():
        if row.is_hidden if row.role == "user" else row.parent in found:
            found.add(row.seq)
    return found


def _scope(row: _Old) -> str | None:
    """Return how a system message holds: until now all that were not hidden did, whatever became of the turns."""
    if row.role != "system":
        return None
    return "none" if row.is_hidden else "session"


def _on_paths(rows: Mapping[int, _Old], tips: Iterable[int | None]) -> set[int]:
    """Return the messages that any branch goes through."""
    found: set[int] = set()
    for tip in tips:
        step = tip
        while step is not None and step in rows and step not in found:
            found.add(step)
            step = rows[step].parent
    return found


def _beside(rows: Mapping[int, _Old], on_path: set[int]) -> dict[int, str]:
    """Return how messages were asked that stand beside all paths, where that is known."""
    compared = {row.parent for row in rows.values() if row.compare_id is not None}
    found: dict[int, str] = {}
    for row in rows.values():
        if row.seq in on_path:
            continue
        question = row if row.role == "user" or row.parent is None else rows[row.parent]
        if question.is_aside:
            found[row.seq] = "aside"
        elif row.compare_id is not None or row.seq in compared:
            found[row.seq] = "comparison"
    return found


def _asks(rows: Mapping[int, _Old]) -> dict[int, int]:
    """Return which ask of its cell each question was: how many the cell has asked before on its path."""
    below: dict[int | None, list[int]] = {}
    for row in rows.values():
        below.setdefault(row.parent, []).append(row.seq)
    found: dict[int, int] = {}
    counts: dict[str, int] = {}
    ahead = [(seq, True) for seq in below.get(None, ())]
    while ahead:
        seq, enters = ahead.pop()
        row = rows[seq]
        asks = row.role == "user" and row.cell_id is not None and not row.is_aside
        if row.role == "user" and row.cell_id is not None:
            found.setdefault(seq, 0 if row.is_aside else counts.get(row.cell_id, 0))
        if enters:
            ahead.append((seq, False))
            ahead += [(child, True) for child in below.get(seq, ())]
        if asks and row.cell_id is not None:
            counts[row.cell_id] = counts.get(row.cell_id, 0) + (1 if enters else -1)
    return found


def _addresses(rows: Mapping[int, _Old]) -> dict[int, Address]:
    """Return turn and version of each message."""
    numbers = _numbers(rows)
    versions: dict[int | None, int] = {}
    answered: set[int] = set()
    found: dict[int, Address] = {}
    for row in rows.values():
        if row.role == "user":
            turn: int | None = numbers[row.seq]
            versions[turn] = version = versions.get(turn, 0) + 1
        elif row.parent is None:
            turn, version = None, 1
        else:
            turn, version = found[row.parent]
            if row.role == "assistant" and rows[row.parent].role != "system":
                if row.parent in answered and turn is not None:
                    versions[turn] = version = versions[turn] + 1
                answered.add(row.parent)
        found[row.seq] = turn, version
    return found


def _numbers(rows: Mapping[int, _Old]) -> dict[int, int]:
    """Return the number of each question's turn: its old one, unless a turn before it in rank has that."""
    comparisons = {row.parent: row.compare_id for row in rows.values() if row.compare_id is not None}
    turns: dict[tuple[object, ...], list[_Old]] = {}
    for row in rows.values():
        if row.role == "user":
            turns.setdefault(_family(row, comparisons.get(row.seq)), []).append(row)
    ranked = sorted(turns.values(), key=lambda turn: (not any(asked.active for asked in turn), turn[0].seq))
    taken: set[int] = set()
    numbers: dict[int, int] = {}
    later: list[list[_Old]] = []
    for turn in ranked:
        old = turn[0].turn
        if old is None or old in taken:
            later.append(turn)
            continue
        taken.add(old)
        numbers |= dict.fromkeys((asked.seq for asked in turn), old)
    for number, turn in enumerate(later, max(taken, default=-1) + 1):
        numbers |= dict.fromkeys((asked.seq for asked in turn), number)
    return numbers


def _family(question: _Old, compare_id: str | None) -> tuple[object, ...]:
    """Return what the versions of one turn have in common."""
    if compare_id is not None:
        return ("comparison", compare_id)
    if question.cell_id is not None:
        return (question.parent, question.cell_id, question.is_aside)
    if question.source == "magic":  # cells of a terminal edit nothing: each is a turn
        return (question.seq,)
    return (question.parent, question.source, question.is_aside)
