"""Written walks: their steps, as people type them, and a reading of them on the reference model.

A walk is a sentence and a list of steps. In it the model ``a`` answers the question ``one`` with ``a: one``, and
the same question a second time with ``a: one #2``; ``b`` is a second model. Kernels are named by the path of their
notebook. A notebook has the cells that the walk runs in it, unless a step saves it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conversation.driver import FrontEnd

NOTEBOOK = "nb.ipynb"
Messages = tuple[tuple[str, str], ...]
"""What was sent: the system text first, where there is one."""


@dataclass(frozen=True)
class Open:
    """Start a kernel on a notebook; the one that it had is shut down. An empty path is a script."""

    path: str = NOTEBOOK
    model: str | None = "a"
    """`LANGSWARM_MODEL`"""
    front_end: FrontEnd | None = None
    """None for that of the walk."""


@dataclass(frozen=True)
class Cell:
    """Run a cell: ``%%langswarm``, lines with ``%langswarm``, or Python with `ls.ask`."""

    id: str
    source: str
    kernel: str = NOTEBOOK
    does: Mapping[str, str] = field(default_factory=dict)
    """What models do instead of answering: ``fail``, ``fail late`` after some text, ``stop``, ``stop late``: the
    cell is interrupted, before any text or after some. Some text is ``a: one …``."""


@dataclass(frozen=True)
class Begin(Cell):
    """Run a cell, whose answer does not come before `Finish`; it may have to wait for another cell's answer."""


@dataclass(frozen=True)
class Finish:
    """Let the answer come for which a cell of this kernel waits."""

    kernel: str = NOTEBOOK


@dataclass(frozen=True)
class Panel:
    """Do something in a panel on the kernel's current session, as in ``edit 0 another text`` or ``use 0.1``."""

    action: str
    kernel: str = NOTEBOOK


@dataclass(frozen=True)
class Save:
    """Save a notebook with these cells, in place of what was at its path."""

    path: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Copy:
    """Copy the file of a notebook."""

    old: str
    new: str


@dataclass(frozen=True)
class Move:
    """Rename the file of a notebook."""

    old: str
    new: str


@dataclass(frozen=True)
class Sees:
    """What was seen of the step before."""

    requests: tuple[Messages, ...] | None = None
    """What was sent, in the order of the models; None where it does not matter."""
    told: tuple[str, ...] = ()
    """Patterns that are found in what was said."""
    is_refused: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request, None for one that must not be there; only a real provider can tell."""


Step = Open | Cell | Finish | Panel | Save | Copy | Move | Sees

WITH_IDS = frozenset({FrontEnd.LAB, FrontEnd.VSCODE})
IN_LAB = frozenset({FrontEnd.LAB})
EVERYWHERE = frozenset({FrontEnd.LAB, FrontEnd.VSCODE, FrontEnd.SCRIPT})


@dataclass(frozen=True)
class Written:
    """A walk; its name is the sentence that it shows."""

    sentence: str
    steps: tuple[Step, ...]
    holds: frozenset[FrontEnd] = WITH_IDS
    """Where what it says is seen; elsewhere, what the reference model says."""
    is_modelled: bool = True
    """Whether the reference model knows all of its steps."""


# -------------------------------------------------------------------- expectations


def sent(question: str, *before: str, system: str = "", model: str = "a") -> Messages:
    """Return a request: a question behind others, each written as ``one``, or as ``one -> its answer``."""
    messages = [("system", system)] if system else []
    for turn in before:
        asked, arrow, answer = turn.partition(" -> ")
        messages += [("user", asked), ("assistant", answer if arrow else f"{model}: {asked}")]
    return (*messages, ("user", question))
