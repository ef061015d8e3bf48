"""Notebooks, homes, kernels and names: section 5 of the model of a conversation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from tests.conversation.driver import FrontEnd, Note
from tests.conversation.tree import Refused, Tree

DEFAULT_MODEL = "mock:echo"


@dataclass(eq=False, slots=True)
class Home:
    """A notebook that has sessions."""

    path: str
    sessions: list[Session] = field(default_factory=list)
    main: Session | None = None
    """The session that its unmarked cells used last."""
    is_lost: bool = False
    """Another notebook was found at its path."""

    @property
    def kept(self) -> list[Session]:
        """The sessions that were not deleted."""
        return [session for session in self.sessions if session.state != "deleted"]

    @property
    def cells(self) -> dict[str, int]:
        """The ids of cells that its sessions know, and when each asked first."""
        found: dict[str, int] = {}
        for session in self.kept:
            for cell, moment in session.cells.items():
                found[cell] = min(moment, found.get(cell, moment))
        return found

    def shared(self, cells: frozenset[str]) -> tuple[int, int]:
        """How many of these cells its sessions know, and when the latest of them asked first."""
        moments = [moment for cell, moment in self.cells.items() if cell in cells]
        return len(moments), max(moments, default=0)


@dataclass(eq=False, slots=True)
class Session:
    """One conversation: an id that is never used again, a label, a home, a tree, settings."""

    id: str
    label: str
    home: Home | None
    model: str
    has_chosen_model: bool
    tree: Tree
    state: Literal["new", "active", "archived", "deleted"] = "new"
    """A new one is in no list: nothing was asked in it."""
    cells: dict[str, int] = field(default_factory=dict)
    """The ids of cells of its notebook's file that asked in it, and when each did so first."""


@dataclass(slots=True)
class Replay:
    """The turns that a notebook's session had on its path when a new kernel first asked, and how far it came."""

    turns: list[int]
    texts: list[str]
    comparisons: list[bool]
    cursor: int = 0


@dataclass(eq=False, slots=True)
class Kernel:
    """A running kernel."""

    number: int
    front_end: FrontEnd
    home: Home | None
    model: str | None
    """The trait, or the environment's: for the sessions that it makes."""
    current: Session | None = None
    """None until the first session of a notebook, or of a script, is made."""
    asked: set[tuple[str, str]] = field(default_factory=set)
    """The cells that it has asked, by session."""
    found: set[str] = field(default_factory=set)
    """The sessions of its home that had turns when it started."""
    replays: dict[str, Replay | None] = field(default_factory=dict)
    """By session; None when it is over."""

    def cell_id(self, cell: str) -> str | None:
        """Return what its requests name a cell."""
        match self.front_end:
            case FrontEnd.LAB:
                return cell
            case FrontEnd.VSCODE:
                return f"{self.number}/{cell}"
            case _:
                return None

    def stop_replay(self, session: Session) -> None:
        """Rule 4.5: a command that moved in the tree, or an ask that matched nothing, ends it."""
        self.replays[session.id] = None


class Homes:
    """The files of notebooks, the homes they are, and the sessions by their names."""

    def __init__(self, tree_type: type[Tree] = Tree) -> None:
        self.tree_type = tree_type
        self.files: dict[str, frozenset[str]] = {}
        """The ids of the cells of each saved notebook."""
        self.homes: list[Home] = []
        self.sessions: dict[str, Session] = {}
        self._made = self._moment = 0

    # ---------------------------------------------------------------- homes

    def home_at(self, path: str) -> tuple[Home, set[Note]]:
        """Rule 5.2: return the home of a notebook; the evidence is the cells."""
        told: set[Note] = set()
        cells = self.files.get(path, frozenset())
        here = None
        """The notebook at this path, where it has no session of its own."""
        for home in self.homes:
            if home.path == path and not home.is_lost:
                if not home.kept:
                    here = home
                elif not home.cells or not cells or home.cells.keys() & cells:
                    return home, told
                else:
                    home.is_lost = True
                    told = {Note("other_notebook")}
        alike = sorted(
            (home for home in self.homes if home.cells.keys() & cells), key=lambda h: h.shared(cells)
        )
        gone = [home for home in alike if not self._has_its_file(home)]
        if alike and here is not None:
            here.is_lost = True
        if gone:
            moved = gone[-1]
            told.discard(Note("other_notebook"))  # its sessions are there
            told = {Note("moved", where=moved.path)} if moved.path != path else set()
            moved.path, moved.is_lost = path, False
            return moved, told
        if alike:
            return Home(path), {Note("copy", where=alike[-1].path)}
        return here or Home(path), told

    def _has_its_file(self, home: Home) -> bool:
        return not home.is_lost and bool(home.cells.keys() & self.files.get(home.path, frozenset()))

    def open_kernel(
        self, number: int, front_end: FrontEnd, path: str, model: str | None
    ) -> tuple[Kernel, set[Note]]:
        """Start a kernel: the main session of its notebook is current; without a home it has none yet (5.3, 5.4)."""
        home, told = self.home_at(path) if front_end.has_home else (None, set())
        kernel = Kernel(number, front_end, home, model)
        if home is not None:
            kernel.current = home.main
            kernel.found = {
                session.id
                for session in self.sessions.values()
                if session.home is home and session.tree.turns
            }
        return kernel, told

    def next_moment(self) -> int:
        """Return what is later than all before."""
        self._moment += 1
        return self._moment

    # ---------------------------------------------------------------- sessions

    def make(self, kernel: Kernel, label: str) -> Session:
        """Make a session here, with the settings of the kernel; it is in no list until `keep`."""
        model = kernel.model or DEFAULT_MODEL
        return Session("", label, kernel.home, model, kernel.model is not None, self.tree_type())

    def make_first(self, kernel: Kernel) -> Session:
        """Make the session that a notebook or a script starts with."""
        label = first = PurePosixPath(kernel.home.path).stem if kernel.home else "{when}"
        number = 2
        while kernel.home is not None and self.here(kernel, label) is not None:
            label, number = f"{first}-{number}", number + 1
        return self.make(kernel, label)

    def keep(self, session: Session) -> None:
        """Give a new session its id."""
        if session.state == "new":
            session.id, session.state = f"s{self._made}", "active"
            self._made += 1
            self.sessions[session.id] = session
            if session.home is not None:
                session.home.sessions.append(session)
                self.keep_home(session.home)

    def use(self, kernel: Kernel, session: Session) -> None:
        """Rule 5.4: an unmarked cell uses a session, which is the main one of its notebook from then on."""
        kernel.current = session
        if kernel.home is not None:
            kernel.home.main = session
            self.keep_home(kernel.home)

    def keep_home(self, home: Home) -> None:
        """Remember a notebook by its cells, once it has a session."""
        if home not in self.homes:
            self.homes.append(home)

    def here(self, kernel: Kernel, label: str) -> Session | None:
        """Return this home's session of a name."""
        return next((s for s in self._named(label) if s.home is kernel.home), None)

    def elsewhere(self, kernel: Kernel, label: str) -> list[Session]:
        """Return the sessions of a name in other homes."""
        return [s for s in self._named(label) if s.home is not kernel.home]

    def _named(self, label: str) -> Iterable[Session]:
        return [s for s in self.sessions.values() if s.label == label and s.state != "deleted"]

    def named_with_home(self, name: str) -> Session | None:
        """Return what ``home:label`` names; None when the name names no home."""
        path, colon, label = name.rpartition(":")
        if not colon:
            return None
        for session in self._named(label):
            if session.home is not None and session.home.path == path and not session.home.is_lost:
                return session
        raise Refused(f"no session {label} in {path}")

    def find(self, kernel: Kernel, name: str) -> tuple[Session, set[Note]]:
        """Rule 5.1: a name in a command means this home's, else the one session elsewhere that has it."""
        session = self.named_with_home(name) or self.here(kernel, name)
        if session is not None:
            return session, set()
        others = self.elsewhere(kernel, name)
        if len(others) != 1:
            raise Refused(f"{len(others)} sessions {name}")
        (session,) = others
        return session, {Note("elsewhere", where=session.home.path if session.home else "")}

    def find_to_change(self, kernel: Kernel, name: str) -> Session:
        """Rule 5.1: what destroys or renames reaches another home's session only by ``home:label``."""
        session = self.named_with_home(name) or self.here(kernel, name)
        if session is None:
            raise Refused(f"no session {name} here")
        return session

    def for_cell(self, kernel: Kernel, name: str) -> tuple[Session, set[Note]]:
        """Rule 5.1: ``-S NAME`` makes one here where this home has none, and names those elsewhere."""
        session = self.named_with_home(name) or self.here(kernel, name)
        if session is not None:
            return session, set()
        told = {
            Note("also_elsewhere", where=other.home.path if other.home else "")
            for other in self.elsewhere(kernel, name)
        }
        return self.make(kernel, name), told

    def start(self, kernel: Kernel, name: str) -> set[Note]:
        """Rule 5.1: ``new NAME``; a session of this home that has the name gets day and time behind it."""
        told = set()
        old = self.here(kernel, name)
        if old is not None:
            old.label = f"{name} ({{when}})"
            told.add(Note("renamed", where=old.label))
        if kernel.current is not None:
            kernel.stop_replay(kernel.current)
        kernel.current = self.make(kernel, name)
        self.keep(kernel.current)
        return told

    def rename(self, kernel: Kernel, session: Session, name: str) -> None:
        """Rule 5.1: a label is unique within its home."""
        if session.home is not kernel.home:
            raise Refused("it belongs to another notebook")
        if self.here(kernel, name) is not None:
            raise Refused(f"there is a session {name}")
        session.label = name


def alive(session: Session) -> Session:
    """Rule 5.5: what was deleted or archived is said, and nothing goes on somewhere else."""
    if session.state in {"archived", "deleted"}:
        raise Refused(f"{session.label} was {session.state}")
    return session
