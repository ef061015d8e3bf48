"""`Row`: one line of the table, a piece of work done by hand and by the library, and how near ours has to come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum

Measure = Callable[[], float]
"""Does the work once and returns what it cost, in the unit of its row."""
Side = Callable[[], AbstractContextManager[Measure]]
"""Makes ready what the work needs, and takes it away at the end; neither is counted."""


class Counts(Enum):
    """What of the two measurements is held against the target."""

    TIMES = "times"
    """Ours divided by the floor."""
    MORE = "more"
    """Ours less the floor."""
    OURS = "ours"
    """Ours alone."""


@dataclass(frozen=True)
class Row:
    """One piece of work.

    Parameters
    ----------
    name : str
        What is done.
    unit : str
        What is counted: milliseconds of CPU where it is only "ms".
    target : float
        The most that ours may be.
    floor : Side or None
        What a careful engineer would write by hand for the same work; None where nothing is to be compared.
    ours : Side
        The same through the library.
    counts : Counts
        What is held against the target.
    pairs : int
        How many times floor and ours are measured, in turns; the first does not count where there are more.
    quick : bool
        Whether `make bench` has it; `make bench-all` has all.
    peer : str
        Name of the same work in `peers.py`; empty where no peer offers it.
    """

    name: str
    unit: str
    target: float
    floor: Side | None
    ours: Side
    counts: Counts = Counts.TIMES
    pairs: int = 6
    quick: bool = True
    peer: str = ""


@dataclass
class Measured:
    """What was measured of a row: medians in its unit."""

    row: Row
    floor: float | None
    ours: float
    peers: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours divided by the floor."""
        return self.ours / self.floor if self.floor else None

    @property
    def held(self) -> float:
        """What is held against the target."""
        if self.row.counts is Counts.OURS:
            return self.ours
        assert self.floor is not None
        return self.ours / self.floor if self.row.counts is Counts.TIMES else self.ours - self.floor

    @property
    def is_reached(self) -> bool:
        """Whether ours is as near as it has to be."""
        return self.held <= self.row.target
