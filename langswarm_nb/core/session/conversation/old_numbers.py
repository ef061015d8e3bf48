"""What files and exports of the first version do not say: numbers of turns and versions, scopes, what was beside.

A turn was counted on each path then, so that two turns of a session could have one number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Old(NamedTuple):
    """A message of the first version."""

    seq: int
    parent: int | None
    turn: int | None
    is_active: bool
    role: str
    cell_id: str | None
    source: str | None
    is_aside: bool
    compare_id: str | None
    is_hidden: bool


class Numbered(NamedTuple):
    """What it is since then."""

    turn: int | None
    version: int
    scope: str | None
    beside: str | None


def numbered(messages: Sequence[Old]) -> dict[int, Numbered]:
    """Return what all messages of a session are, by seq; what is on the active path keeps its turn's number."""
    by_seq = {old.seq: old for old in messages}
    turns = _turns(messages)
    compared = {old.parent for old in messages if old.compare_id is not None}
    return {
        old.seq: Numbered(
            *turns.get(old.seq, (old.turn, 1)),
            _scope(old),
            _beside(old, by_seq.get(old.parent) if old.parent is not None else None, compared),
        )
        for old in messages
    }


def hidden(messages: Sequence[Old], numbers: Mapping[int, Numbered]) -> list[tuple[int, int]]:
    """Return turn and version of what the active branch does not send."""
    asked = [numbers[old.seq] for old in messages if old.is_hidden and old.role == "user"]
    return [(number.turn, number.version) for number in asked if number.turn is not None]


def _scope(old: Old) -> str | None:
    if old.role != "system":
        return None
    if old.is_hidden:  # hiding was how one system prompt replaced another
        return "none"
    return "replace" if old.source in ("magic", "panel") else "add"


def _beside(old: Old, above: Old | None, compared: set[int | None]) -> str | None:
    question = old if old.role == "user" else above
    if question is not None and question.is_aside:
        return "aside"
    if not old.is_active and (old.compare_id is not None or old.seq in compared):
        return "comparison"
    return None


def _turns(messages: Sequence[Old]) -> dict[int, tuple[int, int]]:
    """Return turn and version of each message that belongs to a turn, by its seq."""
    by_seq = {old.seq: old for old in messages}
    numbers = _numbers(messages)
    versions: dict[int, int] = {}
    answered: set[int] = set()
    found: dict[int, tuple[int, int]] = {}
    for old in messages:
        above = by_seq.get(old.parent) if old.parent is not None else None
        if old.role == "user":
            number = numbers[old.seq]
            versions[number] = version = versions.get(number, 0) + 1
        elif old.role == "system" or above is None or above.seq not in found:
            continue
        else:
            number, version = found[above.seq]
            if old.role == "assistant" and above.role == "user" and above.seq in answered:
                versions[number] = version = versions[number] + 1
            answered.add(above.seq)
        found[old.seq] = number, version
    return found


def _numbers(messages: Sequence[Old]) -> dict[int, int]:
    """Return the number of each question's turn: its old one where no other turn before it in rank has that."""
    comparisons = {old.parent: old.compare_id for old in messages if old.compare_id is not None}
    members: dict[tuple[object, ...], list[Old]] = {}
    for old in messages:
        if old.role == "user":
            members.setdefault(_family(old, comparisons), []).append(old)
    ranked = sorted(members.values(), key=lambda turn: (not any(q.is_active for q in turn), turn[0].seq))
    taken: set[int] = set()
    numbers: dict[int, int] = {}
    later: list[list[Old]] = []
    for turn in ranked:
        number = turn[0].turn
        if number is None or number in taken:
            later.append(turn)
            continue
        taken.add(number)
        numbers |= dict.fromkeys((question.seq for question in turn), number)
    for number, turn in enumerate(later, max(taken, default=-1) + 1):
        numbers |= dict.fromkeys((question.seq for question in turn), number)
    return numbers


def _family(question: Old, comparisons: Mapping[int | None, str | None]) -> tuple[object, ...]:
    """Return what the versions of one turn have in common."""
    compare_id = comparisons.get(question.seq)
    if compare_id is not None:
        return ("comparison", compare_id)
    if question.cell_id is not None:
        return (question.parent, question.cell_id, question.is_aside)
    if question.source == "magic":  # cells of a terminal edit nothing: each is a turn
        return (question.seq,)
    return (question.parent, question.source, question.is_aside)
