"""Where a question goes: after the tip, in the place of the turn that its cell asked before, or beside the path."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import notes
from .asks import AskFacts, CellAsk, KernelMemory
from .nodes import Node
from .tree import PathTurn, Tree


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question goes, and what becomes of others by it."""

    parent: int | None
    """`seq` of the message that it comes after; None for the root."""
    turn: int | None = None
    """Number of the turn that it is a further version of; None for a new one."""
    ask: int | None = None
    """Which ask of its cell's run it is."""
    branch: str | None = None
    """Branch to go to first."""
    hides: tuple[tuple[int, int], ...] = ()
    """Turn and version of what the branch sends no more, from now on."""
    replaces: tuple[tuple[int, int], ...] = ()
    """The same, once the answer is there."""
    replayed: int | None = None
    """Which turn of the replay it repeats."""
    chooses: bool = False
    """Whether the path goes on with the first answer of a comparison."""
    note: str = ""
    """What the reader is told."""


def place(tree: Tree, ask: AskFacts) -> Place:
    """Return where a question goes, in the session as it is now."""
    asked = ask.asked
    if ask.joins is not None:
        turn, parent = ask.joins
        return Place(parent, turn, None if asked is None else asked.memory.count - 1)  # the ask of the first
    if asked is not None and asked.forks:
        return Place(asked.after, ask=asked.memory.next_ask(asked.cell.run), branch=asked.branch)
    if asked is not None and asked.branch not in (None, tree.branch):
        found = _of_cell(tree.on_branch(str(asked.branch)), ask, asked)
        return replace(found, branch=asked.branch)
    if ask.version_of is not None:
        return _in_place(tree, tree.nodes[ask.version_of])
    if ask.parent != "tip":
        return Place(ask.parent)
    return Place(tree.tip) if asked is None else _of_cell(tree, ask, asked)


def _of_cell(tree: Tree, ask: AskFacts, asked: CellAsk) -> Place:
    memory, cell_id = asked.memory, asked.cell.cell_id
    number = memory.next_ask(asked.cell.run)
    if asked.rerun == "append":
        return Place(tree.tip, ask=number)
    replayed = None
    turn: int | None = None
    if memory.replay is not None and ask.beside is None:
        replayed = memory.replay.find(cell_id, number, ask.text)
        turn = None if replayed is None else memory.replay.turns[replayed][0]
    if turn is None:
        turn = _turn_of_cell(tree, cell_id, number, is_aside=ask.beside == "aside")
    if turn is None:
        return Place(tree.tip, ask=number)
    here = tree.turn_on_path(turn)
    if here is None or ask.beside == "aside":  # a further version, where the conversation is now
        return Place(tree.tip, turn, number, replayed=replayed)
    if replayed is None and _was_run_out_of_order(tree, memory, turn, (cell_id, number)):
        hides = ((turn, here.version),)
        return Place(tree.tip, None, number, hides=hides, note=notes.asked_at_end(here.address))
    return _again(tree, ask, asked, here, Place(here.place, turn, number, replayed=replayed))


def _turn_of_cell(tree: Tree, cell_id: str | None, number: int, *, is_aside: bool) -> int | None:
    """Return the newest turn that this ask of the cell made."""
    if cell_id is None:
        return None
    turns = {
        node.turn
        for node in tree.nodes
        if node.cell_id == cell_id and node.ask == number and node.role == "user" and node.turn is not None
    }
    return max((turn for turn in turns if tree.is_aside(turn) == is_aside), default=None)


def _was_run_out_of_order(tree: Tree, memory: KernelMemory, turn: int, key: tuple[str | None, int]) -> bool:
    """Tell whether this kernel, which did not ask a turn before, has asked something behind it from another cell."""
    if key in memory.asked.values():
        return False
    behind = (memory.asked.get(later.number) for later in tree.behind(turn) if later.number is not None)
    return any(other is not None and other[0] != key[0] for other in behind)


def _again(tree: Tree, ask: AskFacts, asked: CellAsk, here: PathTurn, found: Place) -> Place:
    """Return the place of a turn that is on the path: its own."""
    behind = len(tree.behind(here.number))
    replaced: list[tuple[int, int]] = []
    if asked.rerun == "replace" and here.number is not None:
        replaced = [
            (here.number, version)
            for version, last in tree.versions(here.number).items()
            if tree.place_of(tree.question_of(last)) == here.place
        ]
    return replace(
        found,
        replaces=tuple(replaced),
        chooses=ask.beside == "comparison",
        note=notes.stay_with(behind, here.address) if behind else "",
    )


def _in_place(tree: Tree, question: Node) -> Place:
    """Return the place of a question, for a new version of it."""
    here = tree.turn_on_path(question.turn)
    is_here = here is not None and here.question.seq == question.seq
    behind = len(tree.behind(question.turn)) if is_here else 0
    note = notes.stay_with(behind, here.address) if here is not None and behind else ""
    return Place(tree.place_of(question), question.turn, note=note)
