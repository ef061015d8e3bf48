"""Where a question goes: after the tip, in the place of the turn that its cell asked before, or beside the path."""

from __future__ import annotations

from typing import NamedTuple

from langswarm_nb.core.session.errors import SessionNotFoundError, shown

from . import notes
from .asks import AskFacts, CellAsk
from .nodes import Node
from .path import PathTurn
from .tree import Tree


class Place(NamedTuple):
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
    """Turn and version of what the branch no longer sends, from now on."""
    replaces: tuple[tuple[int, int], ...] = ()
    """The same, once the answer is there."""
    replayed: int | None = None
    """Which turn of the replay it repeats."""
    chooses: bool = False
    """Whether the path goes on with the first answer of a comparison."""
    note: str = ""
    """What to show the reader."""


def place(tree: Tree, ask: AskFacts) -> Place:
    """Return where a question goes, in the session as it is now.

    Raises
    ------
    SessionNotFoundError
        It is to follow a message that is not there.
    """
    asked = ask.asked
    if ask.joins is not None:
        turn, parent = ask.joins
        return Place(parent, turn, ask.ask)
    if asked is not None and asked.branch is not None:
        tree = tree.seen_from(asked.after, asked.branch) if asked.forks else tree.on_branch(asked.branch)
    if asked is not None and (asked.forks or asked.branch is not None):
        return _of_cell(tree, ask, asked)._replace(branch=asked.branch)
    if ask.version_of is not None:
        return _in_place(tree, tree.nodes[ask.version_of])
    if not isinstance(ask.parent, str):
        return Place(_existing(tree, ask.parent))
    return Place(tree.tip) if asked is None else _of_cell(tree, ask, asked)


def _existing(tree: Tree, seq: int | None) -> int | None:
    if seq is not None and not 0 <= seq < len(tree.nodes):
        raise SessionNotFoundError(
            f"No message with seq {shown(seq)} in this session: it has {len(tree.nodes)} messages, counted from 0. "
            "List them with `await session.get_messages(branch='all')`."
        )
    return seq


def _of_cell(tree: Tree, ask: AskFacts, asked: CellAsk) -> Place:
    number = ask.number or 0
    if asked.rerun == "append":
        return Place(tree.tip, ask=number)
    is_aside = ask.beside == "aside"
    turn = _turn_of_cell(tree, asked.cell.cell_id, number, is_aside=is_aside)
    replay, replayed = asked.memory.replay, _replayed(ask, asked, turn)
    if replay is not None and replayed is not None:
        turn = replay.turns[replayed].turn
    here = None if is_aside else tree.turn_on_path(turn)
    if turn is None or (here is not None and asked.forks):  # what it asked before stands before the fork
        return Place(tree.tip, ask=number)
    if here is not None and replayed is None and _is_out_of_order(tree, asked, here):
        chooses = ask.beside == "comparison"  # what it repeats was on the path
        hides, note = ((turn, here.version),), notes.asked_at_end(turn)
        return Place(tree.tip, ask=number, hides=hides, chooses=chooses, note=note)
    behind = 0 if here is None else len(tree.behind(turn))
    parent = tree.tip if here is None else here.place
    return Place(
        parent,
        turn,
        number,
        replaces=_versions_at(tree, turn, parent) if asked.rerun == "replace" else (),
        replayed=replayed,
        chooses=ask.beside == "comparison"
        and (here is not None or replayed is not None or _was_chosen(tree, turn)),
        note=notes.stay_with(behind, here.address) if here is not None and behind else "",
    )


def _replayed(ask: AskFacts, asked: CellAsk, turn: int | None) -> int | None:
    """Return which turn of the replay an ask of a new kernel repeats, given the one that its cell made."""
    replay = asked.memory.replay
    if replay is None or ask.beside == "aside" or asked.branch is not None:
        return None
    found = replay.find(turn)
    if found is None and not asked.memory.has_known(asked.cell):
        found = replay.find_text(ask.text, compares=ask.beside == "comparison")
    return found


def _turn_of_cell(tree: Tree, cell_id: str | None, number: int, *, is_aside: bool) -> int | None:
    """Return the newest turn that this ask of the cell made."""
    if cell_id is None:
        return None
    turns = tree.asked_by(cell_id, number)
    return max((turn for turn in turns if tree.is_aside(turn) == is_aside), default=None)


def _is_out_of_order(tree: Tree, asked: CellAsk, here: PathTurn) -> bool:
    """Tell whether this kernel, which did not ask a cell before, has asked something behind its turn from another."""
    memory, cell = asked.memory, asked.cell
    if not memory.is_new(cell):
        return False
    keys = [(later.question.turn, later.question.version) for later in tree.behind(here.number)]
    return any(key in memory.asked and memory.asked[key] != cell.cell_id for key in keys)


def _versions_at(tree: Tree, turn: int, place: int | None) -> tuple[tuple[int, int], ...]:
    """Return the versions of a turn that stand in a place."""
    return tuple(
        (turn, version)
        for version, last in tree.versions(turn).items()
        if tree.place_of(tree.question_of(last)) == place
    )


def _was_chosen(tree: Tree, turn: int) -> bool:
    """Tell whether the conversation has gone on with an answer of a comparison."""
    return any(node.compare_id is not None and node.beside is None for node in tree.of_turn(turn))


def answered_again(tree: Tree, question: Node) -> Place:
    """Return the place of one more answer to a question, or to what a tool returned: below it."""
    return Place(question.seq, question.turn, note=_stay_with(tree, question))


def _in_place(tree: Tree, question: Node) -> Place:
    """Return the place of a question, for a new version of it."""
    return Place(tree.place_of(question), question.turn, note=_stay_with(tree, question))


def _stay_with(tree: Tree, node: Node) -> str:
    """Return what to show when the path leaves a message of it for another version."""
    here = tree.turn_on_path(node.turn)
    behind = len(tree.behind(node.turn)) if here is not None and tree.goes_through(tree.tip, node.seq) else 0
    return notes.stay_with(behind, here.address) if here is not None and behind else ""
