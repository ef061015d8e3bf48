"""What is known of an ask before it is placed: what it is, which cell it comes from, what this kernel asked before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .tree import Tree

Rerun = Literal["version", "append", "replace"]
Beside = Literal["aside", "comparison"]


class CellRun(NamedTuple):
    """One execution of a cell."""

    cell_id: str | None
    """The same when the cell runs again; None when the front end does not say."""
    run: str
    """This execution."""


class Asked(NamedTuple):
    """A turn that a new kernel may ask again."""

    turn: int
    text: str
    is_comparison: bool
    """Whether it was compared, in whatever version."""


@dataclass(slots=True)
class Replay:
    """A new kernel on a notebook that has turns: which of them are next to be asked again."""

    turns: list[Asked]
    """In the order of the path."""
    cells: frozenset[str]
    """Cells that the session knew."""
    at: int = 0

    @classmethod
    def over(cls, tree: Tree, texts: Mapping[int, str]) -> Replay:
        """Return the replay of the path; ``texts`` are the words of its questions by seq."""
        turns = [
            Asked(
                turn.number,
                texts.get(turn.question.seq, ""),
                any(node.compare_id is not None for node in tree.of_turn(turn.number)),
            )
            for turn in tree.turns
            if turn.number is not None
        ]
        return cls(turns, frozenset(node.cell_id for node in tree.nodes if node.cell_id is not None))

    def find(self, turn: int | None) -> int | None:
        """Return where a turn stands among those that are next."""
        return next((n for n in range(self.at, len(self.turns)) if self.turns[n].turn == turn), None)

    def find_text(self, text: str, *, compares: bool) -> int | None:
        """Return where a text was asked among those that are next; a comparison repeats comparisons only."""
        asked = (n for n in range(self.at, len(self.turns)) if self.turns[n].is_comparison or not compares)
        return next((n for n in asked if self.turns[n].text == text), None)


@dataclass(slots=True)
class KernelMemory:
    """What one kernel has asked of one session; lives as long as the kernel."""

    asked: dict[tuple[int | None, int], str | None] = field(default_factory=dict)
    """Turn and version of questions that were asked here -> the cell that asked."""
    replay: Replay | None = None
    cells: set[str | None] = field(default_factory=set)
    """Those that have asked."""
    run: str = ""
    count: int = 0
    _began_new: bool = False
    """Whether the cell that runs had not asked before it was run."""

    def next_ask(self, run: str) -> int:
        """Return which ask of an execution comes next, from 0."""
        return self.count if run == self.run else 0

    def is_new(self, cell: CellRun) -> bool:
        """Tell whether a cell had not asked before this execution of it."""
        return self._began_new if cell.run == self.run else cell.cell_id not in self.cells

    def has_known(self, cell: CellRun) -> bool:
        """Tell whether the session had a question from a cell before this execution of it."""
        found = frozenset[str]() if self.replay is None else self.replay.cells
        return cell.cell_id is not None and (cell.cell_id in found or not self.is_new(cell))

    def take(self, cell: CellRun) -> int:
        """Count an ask and return which it is; asks that are under way at once have numbers of their own."""
        number = self.next_ask(cell.run)
        self._began_new = self.is_new(cell)
        self.run, self.count = cell.run, number + 1
        return number

    def give_back(self, cell: CellRun, number: int) -> None:
        """Take back the count of an ask whose question was not stored."""
        if (self.run, self.count) == (cell.run, number + 1):
            self.count = number

    def note(self, question: tuple[int | None, int], cell_id: str | None) -> None:
        """Remember the turn and version of a question that is stored."""
        self.asked[question] = cell_id
        self.cells.add(cell_id)

    def note_again(self, before: tuple[int | None, int], question: tuple[int | None, int]) -> None:
        """Remember a question that repeats another one: it counts as asked by who asked that."""
        if before in self.asked:
            self.asked[question] = self.asked[before]

    def go_on(self, beside: Beside | None, replayed: int | None) -> None:
        """Let the replay go on behind the turn that an ask repeats; one that repeats none may end it."""
        if self.replay is None or beside == "aside":
            return
        if replayed is not None:
            self.replay.at = replayed + 1
        elif beside is None:
            self.replay = None


@dataclass(frozen=True, slots=True)
class CellAsk:
    """How a cell of a notebook asks: what it did before decides where its question goes."""

    cell: CellRun
    memory: KernelMemory
    rerun: Rerun = "version"
    """What an ask that was made before becomes: a further version, another turn, the version that is sent alone."""
    branch: str | None = None
    """Branch to go on with, which may be a new one where it ``forks``."""
    after: int | None = None
    """`seq` of the message after which it goes on there."""
    forks: bool = False
    """Whether it goes on ``after`` a message, and not at the end of the branch."""


@dataclass(frozen=True, slots=True)
class AskFacts:
    """What the placing of a question depends on."""

    text: str = ""
    parent: int | Literal["tip"] | None = "tip"
    """Where a program wants it: after the tip, after a message, or as a new root."""
    version_of: int | None = None
    """`seq` of the question that it is a new version of."""
    beside: Beside | None = None
    """Whether it leaves the path as it is, and how."""
    joins: tuple[int, int | None] | None = None
    """Turn and place of the comparison that it is one more question of."""
    asked: CellAsk | None = None
    """How its cell asks; None for programs and panels."""
    ask: int | None = None
    """Which ask of its cell's run it is; None for the next."""

    @property
    def number(self) -> int | None:
        """Which ask of its cell's run it is; None when it comes from no cell."""
        if self.ask is not None or self.asked is None:
            return self.ask
        return self.asked.memory.next_ask(self.asked.cell.run)
