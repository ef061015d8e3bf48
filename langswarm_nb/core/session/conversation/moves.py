"""Moves in the tree: which path becomes the active one when somebody undoes, forks, or uses another version."""

from __future__ import annotations

from typing import NamedTuple

from langswarm_nb.core.session.errors import SessionNotFoundError, shown

from . import notes
from .nodes import Node
from .tree import Tree


class Move(NamedTuple):
    """A path that becomes the active one."""

    tip: int | None
    branch: str | None = None
    """The branch to go on with; None for the one that is current."""
    note: str = ""
    """What to show the reader."""


def undo(tree: Tree, turns: int) -> tuple[Move, int]:
    """Return the move before the last turns of the path, and how many those are."""
    undone = min(turns, len(tree.turns))
    if not undone:
        return Move(tree.tip), 0
    return Move(tree.turns[-undone].before), undone


def restart(tree: Tree) -> Move:
    """Return the move before the first turn of the path."""
    return Move(tree.turns[0].before if tree.turns else tree.tip)


def use(tree: Tree, turn: int, version: int | None = None) -> Move:
    """Return the move that makes a version of a turn the current one, on the branch where it is.

    Parameters
    ----------
    version : int, optional
        By default the newest.

    Raises
    ------
    SessionNotFoundError
        There is no such turn or version.
    """
    address, last = version_at(tree, turn, version)
    if last in tree.path:
        return Move(tree.tip, note=notes.is_current(address))
    for branch, tip in reversed(tree.former):
        if branch == tree.branch and tree.goes_through(tip, last.seq):
            return Move(tip, note=_that_come_back(tree, tip, last))
    former = [(branch, tip) for branch, tip in reversed(tree.former) if branch != tree.branch]
    for branch, end in [*tree.others, *former]:
        if end is not None and tree.goes_through(end, last.seq):
            return Move(end, branch, notes.switched(branch))
    return Move(last.seq, note=_adopted(tree, address, last))


def fork(tree: Tree, turn: int, version: int | None = None) -> Move:
    """Return the place after a turn of the path, or after a version of any turn.

    Raises
    ------
    SessionNotFoundError
        There is no such turn on the path, or no such version.
    """
    if version is None:
        here = tree.turn_on_path(turn)
        if here is None:
            numbers = [str(known.number) for known in tree.turns]
            told = f"its turns are {', '.join(numbers[:20])}" if numbers else "it has none yet"
            raise SessionNotFoundError(f"No turn {shown(turn)} on the current path: {told}.")
        return Move(here.last.seq)
    return Move(version_at(tree, turn, version)[1].seq)


def asked_last(tree: Tree) -> int | None:
    """Return the number of the turn that was asked last, on whatever branch; asides are none."""
    asked = (node.turn for node in reversed(tree.nodes) if node.role == "user" and node.beside != "aside")
    return next(asked, None)


def version_at(tree: Tree, turn: int, version: int | None) -> tuple[str, Node]:
    """Return the address of a version and the message that ends it.

    Raises
    ------
    SessionNotFoundError
        There is no such turn or version.
    """
    versions = tree.versions(turn)
    if not versions:
        told = (
            f"it has the turns 0 to {tree.next_turn - 1}" if tree.next_turn else "nothing has been asked yet"
        )
        raise SessionNotFoundError(f"No turn {shown(turn)} in this session: {told}.")
    number = max(versions) if version is None else version
    if number not in versions:
        known = ", ".join(f"{turn}.{known}" for known in versions)
        raise SessionNotFoundError(f"Turn {turn} has no version {shown(version)}; it has {known}.")
    return f"{turn}.{number}", versions[number]


def _that_come_back(tree: Tree, tip: int, last: Node) -> str:
    turns = {node.turn for node in tree.path_to(tip) if node.seq > last.seq and node.role == "user"}
    return notes.come_back(len(turns - {last.turn})) if turns - {last.turn} else ""


def _adopted(tree: Tree, address: str, last: Node) -> str:
    """Tell of a version that no branch has been at: an aside, an answer of a comparison."""
    after = tree.turns_to(last.seq)
    told = [notes.goes_on_from(address)]
    if last.beside == "aside":
        told = [notes.adopted(after[-2].address if len(after) > 1 else None)]
    kept = {(turn.number, turn.version) for turn in after}
    stay = [turn for turn in tree.turns if turn.key not in kept and turn.number != last.turn]
    told += [notes.left_behind(len(stay), stay[-1].address)] if stay else []
    return " · ".join(told)
