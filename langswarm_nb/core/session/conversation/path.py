"""`Path`: the messages from the root to one, with their turns; it grows by what is added and never changes."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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


def _numbers(values: Iterable[int] = ()) -> array[int]:
    """Return numbers that are copied without a look at each of them."""
    return array("q", values)


@dataclass(frozen=True, slots=True)
class Path:
    """A path, and what is asked of it again and again; a longer one is made from it by copying lists.

    What a question needs so costs as much as what is sent with it, not as much as all that was said.
    """

    seqs: array[int] = field(default_factory=_numbers)
    """`seq` of each message, from the root on."""
    turns: list[PathTurn] = field(default_factory=list)
    first: list[Node] = field(default_factory=list)
    """System messages that came with the session; they belong to no turn."""
    waiting: list[Node] = field(default_factory=list)
    """System messages at its end, which wait for a question."""
    marked: list[int] = field(default_factory=list)
    """Which of the turns have system messages."""
    unanswered: list[int] = field(default_factory=list)
    """Which of the turns but the last nobody answered."""
    said: array[int] = field(default_factory=_numbers)
    """`seq` of each question and of each answer."""
    starts: array[int] = field(default_factory=_numbers)
    """Where in `said` each turn begins."""
    numbers: array[int] = field(default_factory=_numbers)
    """Number of each turn."""

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> Path:
        """Return the path of some messages."""
        return cls().extended(list(nodes))

    def extended(self, nodes: Sequence[Node]) -> Path:
        """Return the path that goes on with more messages."""
        if not nodes:
            return self
        more = _More(self)
        for node in nodes:
            more.take(node)
        return Path(
            self.seqs + _numbers(node.seq for node in nodes),
            self.turns[: more.begin] + more.turns,
            self.first + more.first,
            more.waiting,
            self.marked + more.marked,
            self.unanswered + more.unanswered,
            self.said + more.said,
            self.starts + more.starts,
            self.numbers + more.numbers,
        )

    def number(self, turn: int | None) -> int | None:
        """Return which of its turns has a number, the first if there are several; None when none has."""
        return self.numbers.index(turn) if turn is not None and turn in self.numbers else None

    def unsent(self, hidden: Collection[tuple[int | None, int]]) -> set[int]:
        """Return which of the turns before the last are never sent: hidden ones, and those that nobody answered."""
        found = set(self.unanswered)
        if hidden:
            wanted = {turn for turn, _ in hidden}
            found |= {
                n for n, turn in enumerate(self.numbers) if turn in wanted and self.turns[n].key in hidden
            }
        return found - {len(self.turns) - 1}

    def said_from(self, begin: int, unsent: Collection[int]) -> list[int]:
        """Return the `seq` of each question and answer from a turn on, without those of some turns."""
        found: list[int] = []
        at = self.starts[begin]
        for n in sorted(n for n in unsent if n >= begin):
            found += self.said[at : self.starts[n]]
            at = self.starts[n + 1]
        return found + self.said[at:].tolist()


class _More:
    """What a path gets more of, from its last turn on."""

    def __init__(self, path: Path) -> None:
        self.turns = path.turns[-1:]
        self.begin = len(path.turns) - len(self.turns)
        """Which turn of the path the first of `turns` is."""
        self.waiting = [*path.waiting]
        self.first: list[Node] = []
        self.marked: list[int] = []
        self.unanswered: list[int] = []
        self.said = _numbers()
        self.said_before = len(path.said)
        self.starts = _numbers()
        self.numbers = _numbers()

    def take(self, node: Node) -> None:
        """Take the next message."""
        if node.role == "system":
            (self.first if node.scope == "session" else self.waiting).append(node)
        elif node.role == "user":
            self._begin(node)
        elif self.turns:
            question, pending, given, answers = self.turns[-1]
            self.turns[-1] = PathTurn(question, pending, given, (*answers, node))
            self.said.append(node.seq)

    def _begin(self, question: Node) -> None:
        at = self.begin + len(self.turns)
        if self.turns and not self.turns[-1].is_answered:
            self.unanswered.append(at - 1)
        pending: Sequence[Node] = ()
        given: Sequence[Node] = ()
        if self.waiting:
            pending, given = _split(question, self.waiting)
            self.marked.append(at)
            self.waiting = []
        self.starts.append(self.said_before + len(self.said))
        self.said.append(question.seq)
        self.numbers.append(-1 if question.turn is None else question.turn)
        self.turns.append(PathTurn(question, pending, given))


def _split(question: Node, waiting: list[Node]) -> tuple[list[Node], list[Node]]:
    """Return the system messages that waited, and those given with a question: right before it, with its version."""
    at = len(waiting)
    while at and (waiting[at - 1].turn, waiting[at - 1].version) == (question.turn, question.version):
        at -= 1
    return waiting[:at], waiting[at:]
