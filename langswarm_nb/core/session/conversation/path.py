"""`Path`: the messages from the root to one, with their turns; it grows by what is added and never changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from .nodes import Node

_TEXT = 2


class PathTurn(NamedTuple):
    """One turn as it stands on a path: a question, in one of its versions, with all that answers it there."""

    question: Node
    pending: Sequence[Node] = ()
    """System messages that stood on the path and waited for a question: from a panel or a program."""
    given: Sequence[Node] = ()
    """System messages that came with the question."""
    answers: tuple[Node, ...] = ()
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


@dataclass(slots=True)
class Path:
    """A path, and what is asked of it again and again; a longer one is made from it by copying lists.

    What a question needs so costs as much as what is sent with it, not as much as all that was said.
    """

    nodes: list[Node] = field(default_factory=list)
    """From the root on."""
    turns: list[PathTurn] = field(default_factory=list)
    first: list[Node] = field(default_factory=list)
    """System messages that came with the session; they belong to no turn."""
    waiting: list[Node] = field(default_factory=list)
    """System messages at its end, which wait for a question."""
    marked: list[int] = field(default_factory=list)
    """Which of the turns have system messages."""
    unanswered: list[int] = field(default_factory=list)
    """Which of the turns but the last nobody answered."""
    said: list[int] = field(default_factory=list)
    """`seq` of each question and of each answer."""
    starts: list[int] = field(default_factory=list)
    """Where in `said` each turn begins."""
    places: dict[int | None, tuple[int, ...]] = field(default_factory=dict)
    """Which of the turns have a number."""

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> Self:
        """Return the path of some messages."""
        path = cls()
        path.go_on(nodes)
        return path

    def extended(self, nodes: Sequence[Node]) -> Path:
        """Return the path that goes on with more messages; this one stays as it is."""
        if not nodes:
            return self
        path = Path(
            [*self.nodes],
            [*self.turns],
            [*self.first],
            [*self.waiting],
            [*self.marked],
            [*self.unanswered],
            [*self.said],
            [*self.starts],
            {**self.places},
        )
        path.go_on(nodes)
        return path

    def number(self, turn: int | None) -> int | None:
        """Return which of its turns has a number, the first if there are several; None when none has."""
        found = self.places.get(turn)
        return None if found is None else found[0]

    def unsent(self, hidden: Collection[tuple[int | None, int]]) -> set[int]:
        """Return which of the turns before the last are never sent: hidden ones, and those that nobody answered."""
        at = {n for turn, _ in hidden for n in self.places.get(turn, ()) if self.turns[n].key in hidden}
        return {*self.unanswered, *at} - {len(self.turns) - 1}

    def said_from(self, begin: int, unsent: Collection[int]) -> list[int]:
        """Return the `seq` of each question and answer from a turn on, without those of some turns."""
        found: list[int] = []
        at = self.starts[begin]
        for n in sorted(n for n in unsent if n >= begin):
            found += self.said[at : self.starts[n]]
            at = self.starts[n + 1]
        return [*found, *self.said[at:]]

    def go_on(self, nodes: Iterable[Node]) -> None:
        """Add messages; only for a path that nobody has seen yet."""
        for node in nodes:
            self.nodes.append(node)
            if node.role == "system":
                (self.first if node.scope == "session" else self.waiting).append(node)
            elif node.role == "user":
                self._begin(node)
            elif self.turns:
                last = self.turns[-1]
                self.turns[-1] = last._replace(answers=(*last.answers, node))
                self.said.append(node.seq)

    def _begin(self, question: Node) -> None:
        at = len(self.turns)
        if at and not self.turns[-1].is_answered:
            self.unanswered.append(at - 1)
        given = _given_with(question, self.waiting)
        pending = self.waiting[: len(self.waiting) - len(given)]
        if self.waiting:
            self.marked.append(at)
            self.waiting = []
        self.places[question.turn] = (*self.places.get(question.turn, ()), at)
        self.starts.append(len(self.said))
        self.said.append(question.seq)
        self.turns.append(PathTurn(question, pending, given))


def _given_with(question: Node, waiting: Sequence[Node]) -> list[Node]:
    """Return the system messages that came with a question: those right before it with its turn and version."""
    at = len(waiting)
    while at and (waiting[at - 1].turn, waiting[at - 1].version) == (question.turn, question.version):
        at -= 1
    return list(waiting[at:])
