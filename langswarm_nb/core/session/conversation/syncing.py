"""Which versions of its turns a conversation goes through when it follows the cells of a saved notebook."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .nodes import Node
from .path import Path, PathTurn
from .sent_context import kept_of, system_text
from .tree import Tree


class SavedCell(NamedTuple):
    """One cell of a notebook's file."""

    cell_id: str | None
    text: str
    """The prompt, where it stands in the cell as it is; else empty."""


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the line, in the version that it goes through."""

    turn: int
    version: int
    seqs: tuple[int, ...]
    """Its messages in order, with the system messages that wait for its question or came with it."""
    waiting: int
    """How many of them are system messages that wait for its question."""
    is_there: bool
    """Whether it stands behind the step before; else it is copied there."""
    is_hidden: bool
    knew_other: bool
    """Whether other turns stood before it when it was answered."""
    is_edited: bool
    """Whether another prompt stands in its cell by now."""

    @property
    def address(self) -> str:
        """``TURN.VERSION``."""
        return f"{self.turn}.{self.version}"


@dataclass(frozen=True, slots=True)
class Line:
    """The path that follows a notebook's cells."""

    start: int | None
    """`seq` of what stands before the first turn."""
    steps: tuple[Step, ...]
    left: tuple[str, ...]
    """Addresses of the turns of the path that are not in it."""
    is_path: bool
    """Whether it is the active path."""


def line_up(
    tree: Tree,
    cells: Iterable[SavedCell],
    texts: Mapping[int, str],
    origins: Mapping[int, int],
) -> Line:
    """Return the line of the turns of some cells, in their order, each in its newest version.

    A turn belongs to a cell by its id; where the session does not know that, by its text. Asides and comparisons of
    which no answer was chosen stand on no path, so they are in no line.

    Parameters
    ----------
    tree : Tree
        The session.
    cells : iterable of SavedCell
        The cells of the notebook.
    texts : mapping of int to str
        The words of questions by seq.
    origins : mapping of int to int
        Seqs of copies -> seq of the message that each is a copy of.
    """
    root = _root(tree)
    place = start = root[-1].seq if root else None
    is_new = False  # whether the step before is to be copied: nothing stands behind a copy yet
    steps: list[Step] = []
    before: list[PathTurn] = []
    for turn, text in _turns_of_cells(tree, cells, texts):
        versions = _same_answers(tree, turn, origins)
        here = next((v for v in versions if not is_new and _place(tree, v, root) == place), None)
        last = here or versions[0]
        stands = tree.turns_to(last.seq)[-1]
        knows = _known(root, before, stands, tree.hidden, origins)
        steps.append(
            replace(
                _step(tree, last, root),
                is_there=here is not None,
                knew_other=stands.is_answered and knows != _knew(tree, _first(last, origins, tree), origins),
                is_edited=bool(text) and text != texts[stands.question.seq].strip(),
            )
        )
        before.append(stands)
        place, is_new = last.seq, here is None
    kept = {step.turn for step in steps}
    return Line(
        start,
        tuple(steps),
        left=tuple(turn.address for turn in tree.turns if turn.number not in kept),
        is_path=not is_new and place == tree.tip,
    )


def _root(tree: Tree) -> list[Node]:
    """Return the system messages that came with the session and stand before all turns."""
    found: list[Node] = []
    for node in tree.nodes:
        if node.scope == "session" and node.parent == (found[-1].seq if found else None):
            found.append(node)
    return found


# -- which turns


def _turns_of_cells(
    tree: Tree, cells: Iterable[SavedCell], texts: Mapping[int, str]
) -> list[tuple[int, str]]:
    """Return the turns, each with the prompt of its cell where that is the only one."""
    asked = [node for node in tree.nodes if node.role == "user" and node.turn is not None and not node.beside]
    by_cell: dict[str, dict[int | None, int]] = {}
    for node in asked:
        if node.cell_id is not None and node.turn is not None:
            keys = by_cell.setdefault(node.cell_id, {})
            keys[node.ask] = max(node.turn, keys.get(node.ask, node.turn))  # --append: the newest of one ask
    listed = list(cells)
    taken = {turn for cell in listed for turn in by_cell.get(cell.cell_id or "", {}).values()}
    found: dict[int, str] = {}
    for cell in listed:
        if cell.cell_id is not None and cell.cell_id in by_cell:
            keys = by_cell[cell.cell_id]
            turns = [keys[key] for key in sorted(keys, key=lambda key: -1 if key is None else key)]
        else:
            turns = _turn_of_text(tree, asked, texts, cell.text, taken)
        taken.update(turns)
        for turn in turns:
            found.setdefault(turn, cell.text.strip() if len(turns) == 1 else "")
    return list(found.items())


def _turn_of_text(
    tree: Tree, asked: Sequence[Node], texts: Mapping[int, str], text: str, taken: Collection[int]
) -> list[int]:
    """Return the turn that asked a text and belongs to no cell: the first on the path, else the newest."""
    words = text.strip()
    turns = {
        node.turn
        for node in asked
        if words and node.turn is not None and node.turn not in taken and texts[node.seq].strip() == words
    }
    on_path = [turn.number for turn in tree.turns if turn.number in turns]
    first = on_path[0] if on_path else max(turns, default=None)
    return [] if first is None else [first]


# -- which versions


def _same_answers(tree: Tree, turn: int, origins: Mapping[int, int]) -> list[Node]:
    """Return the last messages of the newest version of a turn and of all copies of it, the newest first."""
    ends = [
        end for end in tree.versions(turn).values() if not end.beside and not tree.question_of(end).beside
    ]
    origin = _first(ends[-1], origins, tree).seq
    return [end for end in reversed(ends) if _first(end, origins, tree).seq == origin]


def _first(node: Node, origins: Mapping[int, int], tree: Tree) -> Node:
    """Return the message that one is a copy of; itself when it is none."""
    return tree.nodes[origins.get(node.seq, node.seq)]


def _lead(tree: Tree, question: Node, root: Sequence[Node]) -> list[Node]:
    """Return the system messages right before a question."""
    found: list[Node] = []
    seq = question.parent
    own = {node.seq for node in root}
    while seq is not None and seq not in own and tree.nodes[seq].role == "system":
        found.append(tree.nodes[seq])
        seq = tree.nodes[seq].parent
    return found[::-1]


def _place(tree: Tree, last: Node, root: Sequence[Node]) -> int | None:
    """Return the `seq` of what a version, with the system messages before it, comes after."""
    question = tree.question_of(last)
    return next(iter([*_lead(tree, question, root), question])).parent


def _step(tree: Tree, last: Node, root: Sequence[Node]) -> Step:
    question = tree.question_of(last)
    lead = _lead(tree, question, root)
    given = Path.of([*lead, question]).turns[-1].given
    said = [node for node in tree.path_to(last.seq) if node.seq >= question.seq]
    return Step(
        turn=question.turn or 0,
        version=last.version,
        seqs=tuple(node.seq for node in [*lead, *said]),
        waiting=len(lead) - len(given),
        is_there=False,
        is_hidden=(question.turn, last.version) in tree.hidden,
        knew_other=False,
        is_edited=False,
    )


# -- what an answer knew


def _knew(tree: Tree, last: Node, origins: Mapping[int, int]) -> list[int]:
    """Return the messages that a version was asked with, in order; copies by what they are copies of."""
    path = tree.way_to(last.seq)
    *earlier, asked = path.turns
    return _known(path.first, earlier, asked, tree.hidden, origins)


def _known(
    first: Sequence[Node],
    earlier: Sequence[PathTurn],
    asked: PathTurn,
    hidden: Collection[tuple[int | None, int]],
    origins: Mapping[int, int],
) -> list[int]:
    """Return the messages that a version would be asked with behind others; ``first`` are those of the session."""
    kept = kept_of(earlier, hidden)
    system = system_text(first, [*kept, asked])
    said = [node for turn in kept for node in (turn.question, *turn.answers)]
    return [origins.get(node.seq, node.seq) for node in (*system, *said)]
