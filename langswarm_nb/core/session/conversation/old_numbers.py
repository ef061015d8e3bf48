"""What files and exports of version 1 do not say: numbers that are given once, scopes, what is beside, marks by branch.

A turn was counted on each path then, so that two turns of a session could have one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

Address = tuple[int | None, int]
"""Turn and version."""


class Old(NamedTuple):
    """A message of version 1."""

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


class New(NamedTuple):
    """What it is since version 2."""

    turn: int | None
    version: int
    is_hidden: int
    ask: int | None
    scope: str | None
    beside: str | None


class BroughtOver(NamedTuple):
    """A session of version 2."""

    messages: Mapping[int, New]
    """By seq."""
    hidden: list[tuple[str, int, int]]
    """Branch, turn and version of what is not sent there."""
    left: list[int]
    """Seqs of the ends of paths that no branch goes through."""
    next_turn: int


def bring_over(messages: Iterable[Old], tips: Mapping[str, int | None]) -> BroughtOver:
    """Return a session in the terms of version 2; what is on an active path keeps its turn's number.

    Parameters
    ----------
    messages : iterable of Old
        All of them, in order of seq.
    tips : mapping of str to int
        The last message of each branch.
    """
    rows: dict[int, Old] = {}
    for row in messages:
        rows[row.seq] = row if row.parent in rows else row._replace(parent=None)
    addresses = _addresses(rows)
    hidden = {addresses[seq] for seq in _hidden(rows)}
    asks = _asks(rows)
    on_path = _on_paths(rows, tips.values())
    beside = _beside(rows, on_path)
    return BroughtOver(
        {
            row.seq: New(
                *addresses[row.seq],
                int(addresses[row.seq] in hidden and row.role != "system"),
                asks.get(row.seq),
                _scope(row),
                beside.get(row.seq),
            )
            for row in rows.values()
        },
        # Until then a message was hidden wherever it stood.
        [(name, turn, version) for name in tips for turn, version in hidden if turn is not None],
        sorted(rows.keys() - {row.parent for row in rows.values()} - on_path - beside.keys()),
        max((turn for turn, _ in addresses.values() if turn is not None), default=-1) + 1,
    )


def _hidden(rows: Mapping[int, Old]) -> set[int]:
    """Return the messages of turns whose question is hidden; an answer can no longer be hidden alone."""
    found: set[int] = set()
    for row in rows.values():
        if row.is_hidden if row.role == "user" else row.parent in found:
            found.add(row.seq)
    return found


def _scope(row: Old) -> str | None:
    """Return how a system message holds: until now all that were not hidden did, whatever became of the turns."""
    if row.role != "system":
        return None
    return "none" if row.is_hidden else "session"


def _on_paths(rows: Mapping[int, Old], tips: Iterable[int | None]) -> set[int]:
    """Return the messages that any branch goes through."""
    found: set[int] = set()
    for tip in tips:
        step = tip
        while step is not None and step in rows and step not in found:
            found.add(step)
            step = rows[step].parent
    return found


def _beside(rows: Mapping[int, Old], on_path: set[int]) -> dict[int, str]:
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


def _asks(rows: Mapping[int, Old]) -> dict[int, int]:
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


def _addresses(rows: Mapping[int, Old]) -> dict[int, Address]:
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


def _numbers(rows: Mapping[int, Old]) -> dict[int, int]:
    """Return the number of each question's turn: its old one, unless a turn before it in rank has that."""
    comparisons = {row.parent: row.compare_id for row in rows.values() if row.compare_id is not None}
    turns: dict[tuple[object, ...], list[Old]] = {}
    for row in rows.values():
        if row.role == "user":
            turns.setdefault(_family(row, comparisons.get(row.seq)), []).append(row)
    ranked = sorted(turns.values(), key=lambda turn: (not any(asked.active for asked in turn), turn[0].seq))
    taken: set[int] = set()
    numbers: dict[int, int] = {}
    later: list[list[Old]] = []
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


def _family(question: Old, compare_id: str | None) -> tuple[object, ...]:
    """Return what the versions of one turn have in common."""
    if compare_id is not None:
        return ("comparison", compare_id)
    if question.cell_id is not None:
        return (question.parent, question.cell_id, question.is_aside)
    if question.source == "magic":  # cells of a terminal edit nothing: each is a turn
        return (question.seq,)
    return (question.parent, question.source, question.is_aside)
