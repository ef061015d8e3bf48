"""`Tree`: a session's turns and versions, the path to any message, and where its branches have been."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .nodes import Node, TreeRows


@dataclass(slots=True)
class PathTurn:
    """One turn as it stands on a path: a question, in one of its versions, with all that answers it there."""

    question: Node
    pending: Sequence[Node] = ()
    """System messages that stood on the path and waited for a question: from a panel or a program."""
    given: Sequence[Node] = ()
    """System messages that came with the question."""
    answers: list[Node] = field(default_factory=list)
    """Answers and what tools returned, in order."""

    @property
    def number(self) -> int | None:
        """Number of the turn."""
        return self.question.turn

    @property
    def version(self) -> int:
        """Number of the version: of its answer, where a question has several."""
        return self.last.version

    @property
    def key(self) -> tuple[int | None, int]:
        """Number and version."""
        return self.question.turn, self.last.version

    @property
    def address(self) -> str:
        """``TURN.VERSION``."""
        return f"{self.number}.{self.version}"

    @property
    def place(self) -> int | None:
        """`seq` of what the question, with the system messages given with it, comes after."""
        return (self.given[0] if self.given else self.question).parent

    @property
    def before(self) -> int | None:
        """`seq` of what the whole turn comes after, the system messages that waited for it included."""
        return self.pending[0].parent if self.pending else self.place

    @property
    def last(self) -> Node:
        """The message that ends it."""
        return self.answers[-1] if self.answers else self.question

    @property
    def is_answered(self) -> bool:
        """Whether anything came as an answer; an error or a stop before any text is none."""
        for answer in self.answers:
            if answer.role == "assistant" and (answer.says == _TEXT or answer.status in ("ok", None)):
                return True
        return False

    @property
    def is_comparison(self) -> bool:
        """Whether it is one answer of several that were compared."""
        return any(answer.compare_id is not None for answer in self.answers)


_TEXT = 2


class Tree:
    """What a session holds, and where it stands."""

    def __init__(self, rows: TreeRows) -> None:
        self.nodes: list[Node] = [Node._make(row) for row in rows.nodes]
        self.tip: int | None = rows.tip
        self.branch: str = rows.branch
        self.others: list[tuple[str, int | None]] = list(rows.others)
        """The other branches with their tips, the one left last first."""
        self.former: list[tuple[str, int]] = list(rows.former)
        """Branches with the ends of paths that they left, the last one left last."""
        self._hidden = rows.hidden
        self.next_turn: int = rows.next_turn

    @classmethod
    def empty(cls) -> Tree:
        """Return the tree of a session in which nothing was said."""
        return cls(TreeRows((), None, "main", (), (), (), 0))

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
        found: list[Node] = []
        while seq is not None:
            node = self.nodes[seq]
            found.append(node)
            seq = node.parent
        return found[::-1]

    @cached_property
    def path(self) -> list[Node]:
        """The active path."""
        return self.path_to(self.tip)

    @cached_property
    def turns(self) -> list[PathTurn]:
        """The turns of the active path."""
        return turns_of(self.path)

    def turns_to(self, seq: int | None) -> list[PathTurn]:
        """Return the turns of the path to a message."""
        return turns_of(self.path_to(seq))

    def on_branch(self, name: str) -> Tree:
        """Return the tree as it is seen from a branch."""
        return self if name == self.branch else self.seen_from(dict(self.others)[name], name)

    def seen_from(self, tip: int | None, branch: str) -> Tree:
        """Return the tree as it is when the path to ``tip`` is the active one, on a branch that may be new."""
        known = any(name == branch for name, _ in self.others)
        others = [(self.branch, self.tip), *(other for other in self.others if other[0] != branch)]
        hidden = self._hidden if known else [(branch, *version) for version in self.hidden]
        return Tree(TreeRows(self.nodes, tip, branch, others, self.former, hidden, self.next_turn))

    def turn_on_path(self, number: int | None) -> PathTurn | None:
        """Return a turn as it stands on the active path; None when it does not."""
        return next((turn for turn in self.turns if turn.number == number), None)

    def behind(self, number: int | None) -> list[PathTurn]:
        """Return the turns that stand behind one on the active path."""
        at = next((n for n, turn in enumerate(self.turns, 1) if turn.number == number), len(self.turns))
        return self.turns[at:]

    @cached_property
    def _by_turn(self) -> dict[int, list[Node]]:
        found: dict[int, list[Node]] = {}
        for node in self.nodes:
            if node.turn is not None:
                found.setdefault(node.turn, []).append(node)
        return found

    def of_turn(self, number: int | None) -> Sequence[Node]:
        """Return all messages of a turn, in all its versions."""
        return () if number is None else self._by_turn.get(number, ())

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


def turns_of(path: Iterable[Node]) -> list[PathTurn]:
    """Return the turns of a path; system messages that came with the session are on none."""
    turns: list[PathTurn] = []
    waiting: list[Node] = []
    for node in path:
        if node.role == "system":
            if node.scope != "session":
                waiting.append(node)
        elif node.role == "user":
            turn = PathTurn(node)
            if waiting:
                turn.given = _given_with(node, waiting)
                turn.pending = waiting[: len(waiting) - len(turn.given)]
                waiting = []
            turns.append(turn)
        elif turns:
            turns[-1].answers.append(node)
    return turns


def _given_with(question: Node, waiting: Sequence[Node]) -> list[Node]:
    """Return the system messages that came with a question: those right before it with its turn and version."""
    at = len(waiting)
    while at and (waiting[at - 1].turn, waiting[at - 1].version) == (question.turn, question.version):
        at -= 1
    return list(waiting[at:])
