"""What a walk does and sees: asks, commands, what is told about them, and the protocol of a product that is walked.

Numbers count from 0: the first turn is 0, its first version is ``0.1``.
Every text that a model says is drawn by the walk and handed to the product with the ask, so that a reference
model and a product that are driven side by side hear the same answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple, Protocol

Status = Literal["ok", "error", "stopped", "open"]
"""How an answer ended; ``open`` while it is under way."""


class FrontEnd(Enum):
    """What a kernel learns from the program that a notebook is open in."""

    LAB = "the notebook's name, and cell ids that are in its file"
    VSCODE = "the notebook's name, and cell ids that hold for one kernel (Colab does the same)"
    NO_IDS = "the notebook's name, and no cell ids"
    INHERITED = "a notebook's name that another program left in the environment, and no cell ids"
    SCRIPT = "nothing"

    @property
    def has_home(self) -> bool:
        """Whether its kernels belong to a notebook."""
        return self in {FrontEnd.LAB, FrontEnd.VSCODE, FrontEnd.NO_IDS}


class Outcome(NamedTuple):
    """What a model does when it is asked."""

    status: Status = "ok"
    text: str = ""
    """What arrived until the answer ended; empty when it failed or was stopped before any text."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question of a cell, with its options and with what the models will do."""

    text: str
    outcomes: tuple[Outcome, ...]
    """One for each model that is asked."""
    models: tuple[str, ...] = ()
    """``-m``: none for the session's model, several for a comparison."""
    system: str | None = None
    """``-s``"""
    history: bool = True
    """False is ``--no-history``."""
    rerun: Literal["version", "append", "replace"] = "version"
    session: str | None = None
    """``-S``: a label, or ``home:label``."""
    stay: bool = False
    """``--stay``: the session becomes current."""
    branch: str | None = None
    """``-b``"""
    after: int | None = None
    """``--from``, which comes with a branch here: the turn to go on after."""
    dry_run: bool = False
    refused: Literal["", "budget", "model", "typo"] = ""
    """Why the product has to refuse it before anything is stored."""


@dataclass(frozen=True, slots=True)
class Use:
    """``%langswarm use 7.2``, the panel's arrows between versions, the library's `use_version`."""

    version: str


@dataclass(frozen=True, slots=True)
class Undo:
    """``%langswarm undo N``."""

    turns: int = 1


@dataclass(frozen=True, slots=True)
class Hide:
    """``%langswarm hide TURN``, or with ``--undo`` the way back."""

    turn: int
    undo: bool = False


@dataclass(frozen=True, slots=True)
class Fork:
    """``%langswarm fork [TURN] NAME``, the panel's "Branch here"."""

    name: str
    at: str | None = None


@dataclass(frozen=True, slots=True)
class GoTo:
    """``%langswarm branch NAME``."""

    name: str


@dataclass(frozen=True, slots=True)
class Restart:
    """``%langswarm restart``, the library's `clear`."""


@dataclass(frozen=True, slots=True)
class Retry:
    """``%langswarm retry [-m MODEL]``."""

    outcomes: tuple[Outcome, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True)
class SetModel:
    """``%langswarm use MODEL``."""

    model: str


@dataclass(frozen=True, slots=True)
class New:
    """``%langswarm new NAME``."""

    name: str


@dataclass(frozen=True, slots=True)
class Switch:
    """``%langswarm switch NAME``."""

    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """``%langswarm rename NAME``: the current session is called NAME."""

    name: str


@dataclass(frozen=True, slots=True)
class PutAway:
    """``%langswarm archive NAME``, ``unarchive NAME``, ``delete --yes NAME``."""

    name: str
    how: Literal["archive", "unarchive", "delete"]


@dataclass(frozen=True, slots=True)
class Edit:
    """The panel's Edit of the question of a turn on the path."""

    turn: int
    text: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Regenerate:
    """The panel's Regenerate: one more answer to the same question."""

    turn: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Send:
    """A question from the panel's box, or from the library with ``system=`` and ``history=``."""

    text: str
    outcome: Outcome
    system: str | None = None
    history: bool = True


@dataclass(frozen=True, slots=True)
class AddSystem:
    """The panel's system prompt ("replace"), or the library's `add_system_message` ("add")."""

    text: str
    scope: Literal["replace", "add"]


@dataclass(frozen=True, slots=True)
class Trim:
    """The library's `update_settings(max_messages=N)`."""

    max_messages: int | None


Command = Use | Undo | Hide | Fork | GoTo | Restart | Retry | SetModel | New | Switch | Rename | PutAway
"""What is typed into a cell after ``%langswarm``."""
Action = Edit | Regenerate | Send | AddSystem | Trim | Use | Undo | Hide | Fork | GoTo | Restart
"""What a panel or the library does to a session, without a cell."""


class Request(NamedTuple):
    """What one model was sent."""

    model: str
    system: str
    """All of the system text; several messages stand one below the other, with an empty line between them."""
    messages: tuple[tuple[str, str], ...]
    """The role and the text of each message, the system text left out."""


class Note(NamedTuple):
    """One thing that is told: its kind, the number in it, and the address or the name in it."""

    kind: str
    number: int = 0
    where: str = ""


class Told(NamedTuple):
    """All that is seen of one ask, command or action."""

    requests: tuple[Request, ...] = ()
    addresses: tuple[str, ...] = ()
    """The ``TURN.VERSION`` of each answer, as in its footer, in the order of the models."""
    notes: frozenset[Note] = frozenset()
    session: str = ""
    """The id of the session that it was about; empty when there was none."""
    refused: str = ""
    """Why nothing was done; empty when it was. Only whether it is empty is compared."""


class Row(NamedTuple):
    """One version of one turn, from the frame of all messages; a system message has no row.

    ``is_active`` and ``is_hidden`` are those of the version's last message.
    An answer that was asked for again under the same question repeats the question's text.
    """

    address: str
    question: str
    answer: str
    status: Status
    is_active: bool
    is_hidden: bool
    is_aside: bool


class Branches(NamedTuple):
    """The branches of a session: the current one, and the addresses on the path of each."""

    current: str
    paths: dict[str, tuple[str, ...]]


class SessionFacts(NamedTuple):
    """What a list of sessions shows of one."""

    label: str
    home: str
    is_archived: bool
    model: str


class Shown(NamedTuple):
    """What is seen of some sessions."""

    facts: list[SessionFacts | None]
    """Of each; None of those that were deleted."""
    rows: list[Row]
    """All versions of all turns of one of them, in the order of their numbers."""
    branches: Branches | None
    """Its branches; None when none was looked at closely."""


class Product(Protocol):
    """What is walked. Ids of sessions are its own; names of kernels and cells, and paths, are the walk's."""

    def save_notebook(self, path: str, cells: Sequence[str]) -> None:
        """Save a notebook with these cells under the path, in place of what was there."""

    def move_notebook(self, old: str, new: str) -> None:
        """Rename the file of a notebook; what was at the new path is gone."""

    def copy_notebook(self, old: str, new: str) -> None:
        """Copy the file of a notebook with the ids of its cells; what was at the new path is gone."""

    def delete_notebook(self, path: str) -> None:
        """Delete the file of a notebook."""

    def open_kernel(self, kernel: str, front_end: FrontEnd, path: str, model: str | None) -> Told:
        """Start a kernel and load the extension; ``model`` is its trait or `LANGSWARM_MODEL`.

        A script has an empty path. What is told is the greeting: its session is the one that the kernel goes
        on with, empty when its first ask will make one.
        """

    def close_kernel(self, kernel: str) -> None:
        """Shut a kernel down."""

    def run_cell(self, kernel: str, cell: str, asks: Sequence[Ask]) -> list[Told]:
        """Run a cell that asks once or several times; what an ask raises, the cell catches."""

    def begin(self, kernel: str, cell: str, ask: Ask) -> None:
        """Run a cell whose ask will be answered by `finish`.

        Return when its request has arrived, or when it waits for the answer to another kernel.
        """

    def finish(self, kernel: str, outcomes: Sequence[Outcome]) -> Told:
        """Let the models answer, and return when the cell that `begin` ran is done."""

    def command(self, kernel: str, command: Command) -> Told:
        """Run a cell with a command."""

    def act(self, session: str, action: Action) -> Told:
        """Do something in a panel, or through the library."""

    def look(self, sessions: Sequence[str], closely: str | None) -> Shown:
        """Return the facts of some sessions, and what one of them holds, if it was not deleted.

        ``home`` is the path of the notebook that a session belongs to, empty without one. Where a label holds a day
        and a time, they are written ``{when}``. A session nobody has asked yet has ``main`` with an empty path.
        """
