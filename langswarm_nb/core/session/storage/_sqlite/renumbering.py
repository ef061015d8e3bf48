"""Give the turns of an older file numbers of their own, and its versions theirs: once, at the step to version 2."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple


class _Old(NamedTuple):
    """A message of the first version of the tables."""

    id: int
    parent: int | None
    turn: int | None
    active: int
    role: str
    cell_id: str | None
    source: str | None
    is_aside: int
    compare_id: str | None
    is_hidden: int


_SELECT = (
    "SELECT id, parent, turn, active, role, cell_id, source, metadata LIKE '%\"aside\":true%', compare_id, hidden"
    " FROM messages WHERE id >= ? AND id < ? ORDER BY id"
)


def renumber_turns(db: sqlite3.Connection) -> None:
    """Number the turns and versions of all sessions anew; what is on an active path keeps its turn's number."""
    for sid, branch in db.execute("SELECT id, branch FROM sessions").fetchall():
        base = sid << 32
        rows = [_Old(*row) for row in db.execute(_SELECT, (base, (sid + 1) << 32))]
        turns = _turns(rows)
        _write(db, base, rows, turns)
        after = max((number for number, _ in turns.values()), default=-1) + 1
        db.execute("UPDATE sessions SET next_turn = ? WHERE id = ?", (after, sid))
        db.executemany(
            "INSERT OR IGNORE INTO hides VALUES (?, ?, ?, ?)",
            [
                (sid, branch, *turns[row.id])
                for row in rows
                if row.is_hidden and row.role == "user" and row.id in turns
            ],
        )


def _write(db: sqlite3.Connection, base: int, rows: list[_Old], turns: Mapping[int, tuple[int, int]]) -> None:
    by_seq = {row.id - base: row for row in rows}
    compared = {row.parent for row in rows if row.compare_id is not None}
    for row in rows:
        number, version = turns.get(row.id, (row.turn, 1))
        scope = None
        if row.role == "system":
            scope = "replace" if row.source in ("magic", "panel") else "add"
            scope = "none" if row.is_hidden else scope  # hiding was how one system prompt replaced another
        beside = None
        question = row if row.role == "user" else by_seq.get(row.parent) if row.parent is not None else None
        if question is not None and question.is_aside:
            beside = "aside"
        elif not row.active and (row.compare_id is not None or (row.id - base) in compared):
            beside = "comparison"
        db.execute(
            "UPDATE messages SET turn = ?, version = ?, scope = ?, beside = ? WHERE id = ?",
            (number, version, scope, beside, row.id),
        )


def _turns(rows: list[_Old]) -> dict[int, tuple[int, int]]:
    """Return turn and version of each message that belongs to a turn, by its id."""
    base = rows[0].id >> 32 << 32 if rows else 0
    by_seq = {row.id - base: row for row in rows}
    comparisons = {row.parent: row.compare_id for row in rows if row.compare_id is not None}
    families = [_family(row, base, comparisons) for row in rows if row.role == "user"]
    numbers = _numbers([row for row in rows if row.role == "user"], families)
    versions: dict[int, int] = {}
    answered: set[int] = set()
    found: dict[int, tuple[int, int]] = {}
    for row in rows:
        if row.role == "user":
            number = numbers[row.id]
            versions[number] = version = versions.get(number, 0) + 1
        elif (
            row.role == "system"
            or row.parent is None
            or (above := by_seq.get(row.parent)) is None
            or above.id not in found
        ):
            continue
        else:
            number, version = found[above.id]
            if row.role == "assistant" and above.role == "user" and above.id in answered:
                versions[number] = version = versions[number] + 1
            answered.add(above.id)
        found[row.id] = number, version
    return found


def _family(question: _Old, base: int, comparisons: Mapping[int | None, str | None]) -> tuple[object, ...]:
    """Return what the versions of one turn have in common."""
    compare_id = comparisons.get(question.id - base)
    if compare_id is not None:
        return ("comparison", compare_id)
    if question.cell_id is not None:
        return (question.parent, question.cell_id, question.is_aside)
    if question.source == "magic":  # cells of a terminal edit nothing: each is a turn
        return (question.id,)
    return (question.parent, question.source, question.is_aside)


def _numbers(questions: list[_Old], families: list[tuple[object, ...]]) -> dict[int, int]:
    """Return the number of each question's turn: its old one where no other turn before it in rank has that."""
    members: dict[tuple[object, ...], list[_Old]] = {}
    for question, family in zip(questions, families, strict=True):
        members.setdefault(family, []).append(question)
    ranked = sorted(members.values(), key=lambda turn: (not any(q.active for q in turn), turn[0].id))
    taken: set[int] = set()
    numbers: dict[int, int] = {}
    later: list[list[_Old]] = []
    for turn in ranked:
        old = turn[0].turn
        if old is None or old in taken:
            later.append(turn)
            continue
        taken.add(old)
        numbers |= dict.fromkeys((question.id for question in turn), old)
    free = max(taken, default=-1) + 1
    for number, turn in enumerate(later, free):
        numbers |= dict.fromkeys((question.id for question in turn), number)
    return numbers
