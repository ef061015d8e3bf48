"""The reference model and a product, driven side by side: after each step all that is seen has to be the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from tests.conversation.driver import (
    Action,
    Ask,
    Command,
    FrontEnd,
    Outcome,
    Product,
    PutAway,
    Shown,
    Switch,
    Told,
)
from tests.conversation.homes import Session
from tests.conversation.reference import Reference
from tests.conversation.tree import Refused

CELLS = 5


class DifferenceError(AssertionError):
    """The product is not what the model says it is."""


class SideBySide:
    """A walk's world: some notebooks and kernels, in the model and in the product."""

    product_type: ClassVar[Callable[[], Product]]
    """Makes the product of one walk."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Reference()
        self.product = type(self).product_type()
        self.ids: dict[str, str] = {}
        """The product's id of each of the model's sessions."""
        self.notebooks: dict[str, list[str]] = {}
        """The cells of each notebook."""
        self.open: dict[str, str] = {}
        """The path of each kernel; empty for a script."""
        self.flying: dict[str, str] = {}
        """The session of each kernel whose cell is under way."""
        self.said = 0

    # ---------------------------------------------------------------- comparing

    def see(self, model: Told, product: Told) -> None:
        """Compare what is told of a step, and all it may have changed."""
        self.equal("requests", model.requests, product.requests)
        self.equal("addresses", model.addresses, product.addresses)
        self.equal("notes", model.notes, product.notes)
        self.equal("refused", bool(model.refused), bool(product.refused))
        self.equal("has a session", bool(model.session), bool(product.session))
        if model.session:
            self.equal("session", self.ids.setdefault(model.session, product.session), product.session)
        self.look_at(model.session or None)

    def equal(self, what: str, model: object, product: object) -> None:
        """Refuse a difference."""
        if isinstance(model, list) and isinstance(product, list) and len(model) == len(product):
            different = [pair for pair in zip(model, product, strict=True) if pair[0] != pair[1]]
            model, product = [pair[0] for pair in different], [pair[1] for pair in different]
        if model != product:
            raise DifferenceError(f"{what}:\n  model   {model}\n  product {product}")

    def look_at(self, closely: str | None) -> None:
        """Compare the facts of all sessions, and what one of them holds."""
        model = self.model.look(list(self.ids), closely)
        product = self.product.look(list(self.ids.values()), self.ids[closely] if closely else None)
        for what, of_model, of_product in zip(Shown._fields, model, product, strict=True):
            self.equal(what, of_model, of_product)

    # ---------------------------------------------------------------- doing

    def command(self, kernel: str, command: Command) -> None:
        """Run a command in both."""
        self.see(self.model.command(kernel, command), self.product.command(kernel, command))

    def act(self, session: Session, action: Action) -> None:
        """Do something in the panel, in both."""
        self.see(self.model.act(session.id, action), self.product.act(self.ids[session.id], action))

    def run(self, kernel: str, cell: str, asks: Sequence[Ask]) -> None:
        """Run a cell in both, if no ask of it would have to wait for an answer that is under way."""
        if any(self.would_wait(kernel, ask) for ask in asks):
            return
        told = self.model.run_cell(kernel, cell, asks), self.product.run_cell(kernel, cell, asks)
        for model, product in zip(*told, strict=True):
            self.equal("requests", model.requests, product.requests)
        for model, product in zip(*told, strict=True):
            self.see(model, product)

    def begin(self, kernel: str, cell: str, ask: Ask) -> None:
        """Run a cell whose answer is under way until `finish`; it may wait for another."""
        session = self.model.kernels[kernel].current
        assert session is not None
        self.model.begin(kernel, cell, ask)
        self.product.begin(kernel, cell, ask)
        self.flying[kernel] = session.id
        self.look_at(session.id)

    def finish(self, choice: int) -> None:
        """Let one answer arrive that no other is waited for."""
        sessions = list(dict.fromkeys(self.flying.values()))
        session = sessions[choice % len(sessions)]
        kernel = next(kernel for kernel, flying in self.flying.items() if flying == session)
        del self.flying[kernel]
        outcomes = [self.outcome(choice)]
        self.see(self.model.finish(kernel, outcomes), self.product.finish(kernel, outcomes))

    def finish_all(self) -> None:
        """Let all answers arrive, and compare all sessions."""
        while self.flying:
            self.finish(9)
        for session in self.ids:
            self.look_at(session)

    # ---------------------------------------------------------------- kernels and files

    def write(self, path: str, cells: list[str]) -> None:
        """Save a notebook."""
        self.notebooks[path] = cells
        self.model.save_notebook(path, cells)
        self.product.save_notebook(path, cells)

    def copy(self, old: str, new: str) -> None:
        """Copy a notebook."""
        self.notebooks[new] = self.notebooks[old]
        self.model.copy_notebook(old, new)
        self.product.copy_notebook(old, new)

    def rename(self, old: str, new: str) -> None:
        """Rename a notebook."""
        self.notebooks[new] = self.notebooks.pop(old)
        self.model.move_notebook(old, new)
        self.product.move_notebook(old, new)

    def open_kernel(self, path: str, front_end: FrontEnd, model: str | None) -> str:
        """Open a notebook, or start a script; return the kernel."""
        kernel = next(name for name in ("k0", "k1", "k2") if name not in self.open)
        self.open[kernel] = path
        told = [each.open_kernel(kernel, front_end, path, model) for each in (self.model, self.product)]
        self.see(*told)
        return kernel

    def close_kernel(self, kernel: str) -> None:
        """Shut a kernel down."""
        del self.open[kernel]
        self.model.close_kernel(kernel)
        self.product.close_kernel(kernel)

    def can_open(self, path: str) -> bool:
        """Whether a kernel can be opened: one a notebook, on a session that is there."""
        if (path and path in self.open.values()) or len(self.open) > 2:
            return False
        cells = set(self.notebooks.get(path, ()))
        mains = [
            home.main for home in self.model.world.homes if home.path == path or home.cells.keys() & cells
        ]
        return all(main is None or main.state == "active" for main in mains)

    # ---------------------------------------------------------------- names

    def switch(self, kernel: str, name: str) -> None:
        """Switch to a session, unless it is archived."""
        session = self.found(kernel, name, to_change=False)
        if session is None or session.state == "active":
            self.command(kernel, Switch(name))

    def put_away(self, kernel: str, name: str, *, delete: bool) -> None:
        """Archive or delete a session that nobody waits for; an archived one comes back."""
        session = self.found(kernel, name, to_change=True)
        if session is None or self.is_quiet(session):
            is_back = session is not None and session.state == "archived"
            self.command(kernel, PutAway(name, "unarchive" if is_back else "delete" if delete else "archive"))

    def found(self, kernel: str, name: str, *, to_change: bool) -> Session | None:
        """Return what a name means to the model, if it means anything."""
        started, world = self.model.kernels[kernel], self.model.world
        try:
            return world.find_to_change(started, name) if to_change else world.find(started, name)[0]
        except Refused:
            return None

    # ---------------------------------------------------------------- choosing

    def would_wait(self, kernel: str, ask: Ask) -> bool:
        """Whether an ask would stand behind the answer of another, and hold up the walk for ever."""
        started = self.model.kernels[kernel]
        session = started.current
        if ask.session is not None:
            try:
                session = self.model.world.for_cell(started, ask.session)[0]
            except Refused:
                return False
        takes_no_turn = ask.dry_run or bool(ask.refused) or not ask.history
        return session is not None and not self.is_quiet(session) and not takes_no_turn

    def is_quiet(self, session: Session) -> bool:
        """Whether no answer is under way in a session."""
        return session.id not in self.flying.values()

    def free_kernel(self, choice: int) -> str | None:
        """Return a kernel that runs no cell."""
        free = [kernel for kernel in self.open if kernel not in self.flying]
        return free[choice % len(free)] if free else None

    def session_of(self, kernel: str | None) -> Session | None:
        """Return the current session of a kernel, if it has one that can be asked."""
        current = self.model.kernels[kernel].current if kernel else None
        return current if current and current.state == "active" and current.id in self.ids else None

    def any_session(self, choice: int) -> Session | None:
        """Return a session that was asked in."""
        sessions = [s for s in self.model.world.sessions.values() if s.state == "active" and s.id in self.ids]
        return sessions[choice % len(sessions)] if sessions else None

    def cell_of(self, kernel: str, choice: int) -> str:
        """Return a cell of the kernel's notebook."""
        cells = self.notebooks.get(self.open[kernel]) or [f"s{i}" for i in range(CELLS)]
        return cells[choice % len(cells)]

    def outcome(self, choice: int) -> Outcome:
        """Return what a model does: it mostly answers."""
        self.said += 1
        text = f"answer {self.said}"
        match choice % 20:
            case 0 | 1:
                return Outcome("error")
            case 2:
                return Outcome("stopped")
            case 3:
                return Outcome("stopped", text)
            case 4:
                return Outcome("error", text)
        return Outcome("ok", text)

    def answered(self, ask: Ask, choice: int) -> Ask:
        """Return an ask with what its models will do."""
        models = max(1, len(ask.models))
        return replace(ask, outcomes=tuple(self.outcome(choice + 5 * i) for i in range(models)))
