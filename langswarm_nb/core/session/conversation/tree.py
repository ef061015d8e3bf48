"""`Tree`: a session's turns and versions, the path to any message, and where its branches have been."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .nodes import Node, Stamp, TreeRows
from .path import Path, PathTurn


@dataclass(frozen=True, slots=True)
class Index:
    """Where things are in a tree; a longer one is made from it, and it never changes."""

    of_turn: dict[int, tuple[Node, ...]] = field(default_factory=dict)
    """All messages of a turn, in all its versions, by its number."""
    asked_by: dict[tuple[str, int | None], tuple[int, ...]] = field(default_factory=dict)
    """The turns of the questions of each ask of a cell."""

    def extended(self, nodes: Sequence[Node]) -> Index:
        """Return the index of these messages too."""
        if not nodes:
            return self
        of_turn, asked_by = {**self.of_turn}, {**self.asked_by}
        for node in nodes:
            if node.turn is None:
                continue
            of_turn[node.turn] = (*of_turn.get(node.turn, ()), node)
            if node.role == "user" and node.cell_id is not None:
                key = (node.cell_id, node.ask)
                asked_by[key] = (*asked_by.get(key, ()), node.turn)
        return Index(of_turn, asked_by)


class Tree:
    """What a session holds, and where it stands; never changed once made."""

    def __init__(self, rows: TreeRows, before: Tree | None = None) -> None:
        make = tuple.__new__  # what `Node._make` does, in a third of the time
        new = [make(Node, row) for row in rows.nodes]
        self.nodes: list[Node] = new if before is None else before.nodes + new if new else before.nodes
        self.tip: int | None = rows.tip
        self.branch: str = rows.branch
        self.others: list[tuple[str, int | None]] = list(rows.others)
        """The other branches with their tips, the one left last first."""
        self.former: list[tuple[str, int]] = list(rows.former)
        """Branches with the ends of paths that they left, the last one left last."""
        self._hidden = rows.hidden
        self.next_turn: int = rows.next_turn
        self.stamp: Stamp = rows.stamp
        """What a storage is asked by for what is new since."""
        if before is not None:
            self._take_over(before, new)

    @classmethod
    def empty(cls) -> Tree:
        """Return the tree of a session in which nothing was said."""
        return cls(TreeRows((), None, "main", (), (), (), 0))

    def grown(self, rows: TreeRows) -> Tree:
        """Return the tree that it has become, by what was read since; this one stays as it is."""
        return Tree(rows, self if rows.since and rows.since == len(self.nodes) else None)

    def _take_over(self, before: Tree, new: Sequence[Node]) -> None:
        """Take over what was found out about a tree that this one goes on from, with what is new added."""
        if "index" in vars(before):
            self.index = before.index.extended(new)
        if "active" in vars(before):
            steps = list(self._up(self.tip, until=before.tip))
            if (steps[-1].parent if steps else self.tip) == before.tip:
                self.active = before.active.extended(steps[::-1])

    @property
    def hidden(self) -> frozenset[tuple[int, int]]:
        """Turn and version of what the branch does not send."""
        return self.hidden_on(None)

    def hidden_on(self, branch: str | None) -> frozenset[tuple[int, int]]:
        """Return turn and version of what a branch does not send; a new one begins as the current one."""
        known = branch is not None and any(name == branch for name, _ in self.others)
        wanted = branch if known else self.branch
        return frozenset((turn, version) for name, turn, version in self._hidden if name == wanted)

    def path_to(self, seq: int | None) -> list[Node]:
        """Return the messages from the root to one; none for None."""
        return list(self._up(seq))[::-1]

    def _up(self, seq: int | None, until: int | None = None) -> Iterator[Node]:
        """Yield a message and those above it, up to the root or to one that is not yielded, or is passed."""
        while seq is not None and (until is None or seq > until):
            node = self.nodes[seq]
            yield node
            seq = node.parent

    @cached_property
    def active(self) -> Path:
        """The active path, with all that is known of it."""
        return Path.of(self.path_to(self.tip))

    @property
    def path(self) -> list[Node]:
        """The messages of the active path."""
        return [self.nodes[seq] for seq in self.active.seqs]

    @property
    def turns(self) -> list[PathTurn]:
        """The turns of the active path."""
        return self.active.turns

    def way_to(self, seq: int | None) -> Path:
        """Return the path to a message, with all that is known of it."""
        return self.active if seq == self.tip else Path.of(self.path_to(seq))

    def turns_to(self, seq: int | None) -> list[PathTurn]:
        """Return the turns of the path to a message."""
        return self.way_to(seq).turns

    def on_branch(self, name: str) -> Tree:
        """Return the tree as it is seen from a branch."""
        return self if name == self.branch else self.seen_from(dict(self.others)[name], name)

    def seen_from(self, tip: int | None, branch: str) -> Tree:
        """Return the tree as it is when the path to ``tip`` is the active one, on a branch that may be new."""
        known = any(name == branch for name, _ in self.others)
        others = [(self.branch, self.tip), *(other for other in self.others if other[0] != branch)]
        hidden = self._hidden if known else [(branch, *version) for version in self.hidden]
        since = len(self.nodes)
        rows = TreeRows((), tip, branch, others, self.former, hidden, self.next_turn, since, self.stamp)
        return Tree(rows, self)

    def turn_on_path(self, number: int | None) -> PathTurn | None:
        """Return a turn as it stands on the active path; None when it does not."""
        at = self.active.number(number)
        return None if at is None else self.turns[at]

    def behind(self, number: int | None) -> list[PathTurn]:
        """Return the turns that stand behind one on the active path."""
        at = self.active.number(number)
        return [] if at is None else self.turns[at + 1 :]

    @cached_property
    def index(self) -> Index:
        """Where to find messages by their turn and cell."""
        return Index().extended(self.nodes)

    def of_turn(self, number: int | None) -> Sequence[Node]:
        """Return all messages of a turn, in all its versions."""
        return () if number is None else self.index.of_turn.get(number, ())

    def asked_by(self, cell_id: str, ask: int) -> Sequence[int]:
        """Return the turns, some more than once, that an ask of a cell made."""
        return self.index.asked_by.get((cell_id, ask), ())

    def questions(self, number: int | None) -> list[Node]:
        """Return the questions of a turn."""
        return [node for node in self.of_turn(number) if node.role == "user"]

    def versions(self, number: int | None) -> dict[int, Node]:
        """Return the last message of each version of a turn, by the version's number."""
        found: dict[int, Node] = {}
        for node in self.of_turn(number):
            if node.role != "system":
                found[node.version] = node
        return dict(sorted(found.items()))

    def place_of(self, question: Node) -> int | None:
        """Return the `seq` of what a question comes after, with the system messages given with it."""
        parent = question.parent
        while parent is not None:
            node = self.nodes[parent]
            if node.role != "system" or (node.turn, node.version) != (question.turn, question.version):
                break
            parent = node.parent
        return parent

    def question_of(self, node: Node) -> Node:
        """Return the question that a message belongs to; itself where there is none."""
        question = node
        while question.role != "user" and question.parent is not None:
            question = self.nodes[question.parent]
        return question if question.role == "user" else node

    def goes_through(self, tip: int | None, seq: int) -> bool:
        """Tell whether the path to ``tip`` holds a message."""
        while tip is not None and tip > seq:
            tip = self.nodes[tip].parent
        return tip == seq

    def is_aside(self, number: int | None) -> bool:
        """Tell whether a turn was asked without the conversation, and has a version beside the path."""
        return any(question.beside == "aside" for question in self.questions(number))
