"""What is known of an ask before it is placed: what it is, which cell it comes from, what this kernel asked before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .tree import PathTurn

Rerun = Literal["version", "append", "replace"]


class CellRun(NamedTuple):
    """One execution of a cell."""

    cell_id: str | None
    """The same when the cell runs again; None when the front end does not tell."""
    run: str
    """This execution."""


@dataclass(slots=True)
class Replay:
    """A new kernel on a notebook that has turns: which of them are next to be asked again."""

    turns: list[tuple[int, str | None, int | None, str]]
    """Number, cell, ask and text of each turn, in the order of the path."""
    cells: frozenset[str]
    """Cells that the session knows."""
    at: int = 0

    @classmethod
    def over(cls, path: Sequence[PathTurn], texts: dict[int, str], cells: frozenset[str]) -> Replay:
        """Return the replay of a path; ``texts`` are the words of its questions by seq."""
        turns = [
            (turn.number, turn.question.cell_id, turn.question.ask, texts.get(turn.question.seq, ""))
            for turn in path
            if turn.number is not None
        ]
        return cls(turns, cells)

    def find(self, cell_id: str | None, ask: int, text: str) -> int | None:
        """Return the place in `turns` that an ask repeats; None ends the replay."""
        rest = range(self.at, len(self.turns))
        if cell_id is not None and cell_id in self.cells:
            return next((n for n in rest if self.turns[n][1:3] == (cell_id, ask)), None)
        return next((n for n in rest if self.turns[n][3] == text), None)


@dataclass(slots=True)
class KernelMemory:
    """What one kernel has asked of one session; lives as long as the kernel."""

    asked: dict[int, tuple[str | None, int]] = field(default_factory=dict)
    """Turn -> the cell that asked it here, and which ask of its run that was; asides are left out."""
    replay: Replay | None = None
    run: str = ""
    count: int = 0

    def next_ask(self, run: str) -> int:
        """Return which ask of an execution comes next, from 0."""
        return self.count if run == self.run else 0

    def note(
        self, turn: int, cell: CellRun, beside: Literal["aside", "comparison"] | None, replayed: int | None
    ) -> None:
        """Remember an ask whose question is stored."""
        if self.run != cell.run:
            self.run, self.count = cell.run, 0
        if beside != "aside":
            self.asked[turn] = (cell.cell_id, self.count)
        self.count += 1
        if beside is not None or self.replay is None:
            return
        if replayed is None:
            self.replay = None
        else:
            self.replay.at = replayed + 1


@dataclass(frozen=True, slots=True)
class CellAsk:
    """How a cell of a notebook asks: what it did before decides where its question goes."""

    cell: CellRun
    memory: KernelMemory
    rerun: Rerun = "version"
    """What an ask that was made before becomes: a further version, another turn, the version that is sent alone."""
    branch: str | None = None
    """Branch to go on with; with ``after``, the name of a new one."""
    after: int | None = None
    """`seq` of the message after which the new branch begins."""
    forks: bool = False
    """Whether a new branch is made."""


@dataclass(frozen=True, slots=True)
class AskFacts:
    """What the placing of a question depends on."""

    text: str = ""
    parent: int | Literal["tip"] | None = "tip"
    """Where a program wants it: after the tip, after a message, or as a new root."""
    version_of: int | None = None
    """`seq` of the question that it is a new version of."""
    beside: Literal["aside", "comparison"] | None = None
    """Whether it leaves the path as it is, and how."""
    joins: tuple[int, int | None] | None = None
    """Turn and place of the comparison that it is one more question of."""
    asked: CellAsk | None = None
    """How its cell asks; None for programs and panels."""
