"""The reference model: sections 2 to 6 of the model of a conversation, in memory, as plainly as they stand.

It knows nothing of the product. `tree` has sections 1 and 2, `moves` rule 3.3, `asking` section 4, `homes`
section 5; here asks are stored and answered (section 3), with the settings of section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.conversation.asking import Deciding, Execution, Plan, entered
from tests.conversation.driver import (
    Action,
    AddSystem,
    Ask,
    Command,
    Edit,
    Fork,
    FrontEnd,
    GoTo,
    Hide,
    New,
    Note,
    Outcome,
    PutAway,
    Regenerate,
    Rename,
    Restart,
    Retry,
    Send,
    SessionFacts,
    SetModel,
    Shown,
    Switch,
    Told,
    Trim,
    Undo,
    Use,
)
from tests.conversation.homes import Homes, Kernel, Session, alive
from tests.conversation.moves import move
from tests.conversation.tree import Asked, Refused, Tree, Version


@dataclass(eq=False, slots=True)
class Ticket:
    """An ask of a running cell."""

    execution: Execution
    ask: Ask
    session: Session
    told: set[Note]
    model: str
    """The session's when it was asked: what it costs was looked at then, whatever model is chosen while it waits."""
    plan: Plan | None = None
    """None while it waits for the answer to another ask."""
    versions: list[Version] = field(default_factory=list)


class Reference:
    """A product as the model says it is; it is driven through the same protocol."""

    deciding = Deciding()
    move = staticmethod(move)
    world_type = Homes
    tree_type = Tree

    def __init__(self) -> None:
        self.world = self.world_type(self.tree_type)
        self.kernels: dict[str, Kernel] = {}
        self._tickets: dict[str, Ticket] = {}
        self._lines: dict[Session, list[Ticket]] = {}
        """The asks that are under way in each session: the first has the lease, the others wait."""
        self._started = 0

    # ---------------------------------------------------------------- notebooks and kernels

    def save_notebook(self, path: str, cells: Sequence[str]) -> None:
        self.world.files[path] = frozenset(cells)

    def move_notebook(self, old: str, new: str) -> None:
        self.world.files[new] = self.world.files.pop(old)

    def copy_notebook(self, old: str, new: str) -> None:
        self.world.files[new] = self.world.files[old]

    def delete_notebook(self, path: str) -> None:
        del self.world.files[path]

    def open_kernel(self, kernel: str, front_end: FrontEnd, path: str, model: str | None) -> Told:
        self._started += 1
        self.kernels[kernel], told = self.world.open_kernel(self._started, front_end, path, model)
        current = self.kernels[kernel].current
        return Told(notes=frozenset(told), session=current.id if current else "")

    def close_kernel(self, kernel: str) -> None:
        del self.kernels[kernel]

    # ---------------------------------------------------------------- cells

    def run_cell(self, kernel: str, cell: str, asks: Sequence[Ask]) -> list[Told]:
        started = self.kernels[kernel]
        execution = Execution(started, started.cell_id(cell))
        return [self.ask(execution, ask) for ask in asks]

    def ask(self, execution: Execution, ask: Ask) -> Told:
        """Do one ask of a cell."""
        try:
            ticket = self._take_ticket(execution, ask)
            if ask.dry_run:
                plan = self.deciding.plan(ticket.session, execution, ask, ticket.model)
                return Told(tuple(plan.requests), notes=frozenset(plan.notes), session=ticket.session.id)
            self._start(ticket)
        except Refused as reason:
            return Told(refused=str(reason))
        return self._finish(ticket, ask.outcomes)

    def begin(self, kernel: str, cell: str, ask: Ask) -> None:
        started = self.kernels[kernel]
        ticket = self._take_ticket(Execution(started, started.cell_id(cell)), ask)
        self._tickets[kernel] = ticket
        line = self._lines.setdefault(ticket.session, [])
        if self._is_on_path(ask):
            line.append(ticket)
        if line[:1] == [ticket] or not self._is_on_path(ask):
            self._start(ticket)

    def finish(self, kernel: str, outcomes: Sequence[Outcome]) -> Told:
        ticket = self._tickets.pop(kernel)
        told = self._finish(ticket, outcomes)
        line = self._lines[ticket.session]
        if ticket in line:  # rule 3.2: sends queue, so the next is stored when the answer is
            line.remove(ticket)
            if line:
                self._start(line[0])
        return told

    @staticmethod
    def _is_on_path(ask: Ask) -> bool:
        return ask.history and len(ask.models) < 2

    def _take_ticket(self, execution: Execution, ask: Ask) -> Ticket:
        """Find the session of an ask, and refuse what has to be refused before anything is stored."""
        kernel = execution.kernel
        told: set[Note] = set()
        if ask.session is not None:
            session, told = self.world.for_cell(kernel, ask.session)
        else:
            session = kernel.current or self.world.make_first(kernel)
        alive(session)
        if ask.refused:
            raise Refused(ask.refused)
        return Ticket(execution, ask, session, told, session.model)

    def _start(self, ticket: Ticket) -> None:
        """Plan an ask and store its questions; the requests go out."""
        session, execution, ask = ticket.session, ticket.execution, ticket.ask
        ticket.plan = plan = self.deciding.plan(session, execution, ask, ticket.model)
        self.world.keep(session)
        self._remember(ticket, plan)
        ticket.versions = self._store(plan)
        ticket.told |= plan.notes

    def _remember(self, ticket: Ticket, plan: Plan) -> None:
        """Remember what re-running, replays and homes will ask for."""
        kernel, cell, session = ticket.execution.kernel, ticket.execution.cell, ticket.session
        asks = ticket.execution.asks
        asks[session.id] = asks.get(session.id, 0) + 1
        ticket.execution.is_new.setdefault(session.id, True)
        ticket.execution.was_known.setdefault(session.id, False)
        if cell is not None:
            kernel.asked.add((session.id, cell))
        if plan.replay is not None:
            kernel.replays[session.id] = None if plan.ends_replay else plan.replay
            plan.replay.cursor = plan.replay.cursor if plan.cursor is None else plan.cursor
        if kernel.front_end is FrontEnd.LAB and cell is not None and session.home is kernel.home:
            session.cells.setdefault(cell, self.world.next_moment())
        if ticket.ask.session is None:
            self.world.use(kernel, session)
        elif ticket.ask.stay:
            kernel.current = session

    def _store(self, plan: Plan) -> list[Version]:
        """Rule 3.1: a place is fixed when the question is stored; the tip goes with it, unless it is beside."""
        tree = plan.session.tree
        branch = entered(plan)
        for old in plan.hides:
            branch.hidden.add((old.turn, old.number))
        versions: list[Version] = []
        for asked in plan.asked:
            version = tree.store(plan.turn, plan.place, plan.text, plan.system, asked, beside=plan.is_beside)
            plan.turn = version.turn
            versions.append(version)
        if not plan.is_beside:
            tree.move(branch, versions[0].question)
        return versions

    def _finish(self, ticket: Ticket, outcomes: Sequence[Outcome]) -> Told:
        assert ticket.plan is not None
        told = self._land(ticket.plan, ticket.versions, outcomes)
        self._take_model(ticket, outcomes)
        return told._replace(notes=told.notes | ticket.told)

    @staticmethod
    def _take_model(ticket: Ticket, outcomes: Sequence[Outcome]) -> None:
        """Rule 6.2: the first real model that is named, once it has answered, where none was chosen."""
        session = ticket.session
        if session.has_chosen_model:
            return
        for model, outcome in zip(ticket.ask.models, outcomes, strict=False):
            if outcome.status == "ok" and not model.startswith("mock:"):
                session.model, session.has_chosen_model = model, True
                ticket.told.add(Note("model_of_session", where=model))
                return

    def _land(self, plan: Plan, versions: Sequence[Version], outcomes: Sequence[Outcome]) -> Told:
        """Put the answers where their questions are, and tell where that is."""
        tree = plan.session.tree
        notes = set(plan.notes)
        for version, outcome in zip(versions, outcomes, strict=True):
            tree.land(version, outcome)
        if any(outcome.status == "ok" for outcome in outcomes):
            tree.branches[plan.standing.name].hidden |= {(old.turn, old.number) for old in plan.replaces}
        if plan.falls_back:
            first = next((version for version in versions if version.last.text), versions[0])
            tree.take(first)
            notes.add(Note("choice_falls_back", where=first.address))
        elif not plan.is_beside and all(on_path.version is not versions[0] for on_path in tree.path().turns):
            notes.add(Note("answer_elsewhere", where=versions[0].address))
        return Told(
            tuple(plan.requests),
            tuple(version.address for version in versions),
            frozenset(notes),
            plan.session.id,
        )

    # ---------------------------------------------------------------- commands

    def command(self, kernel: str, command: Command) -> Told:
        started = self.kernels[kernel]
        try:
            match command:
                case New(name):
                    told = self.world.start(started, name)
                case Switch(name):
                    told = self._switch(started, name)
                case Rename(name):
                    told = set()
                    self.world.rename(started, self._current(started), name)
                case PutAway(name, how):
                    told = self._put_away(started, name, how)
                case SetModel(model):
                    told = self._set_model(started, model)
                case Retry(outcomes, model):
                    session = self._current(started)
                    plan = self.deciding.retry(session, model)
                    self.world.use(started, session)
                    return self._land(plan, self._store(plan), outcomes)
                case _:
                    session = self._current(started)
                    told = self.move(session.tree, command)
                    moves = not isinstance(command, Hide) and all(note.kind != "already" for note in told)
                    if moves:
                        started.stop_replay(session)
        except Refused as reason:
            return Told(refused=str(reason))
        current = started.current
        return Told(notes=frozenset(told), session=current.id if current else "")

    def _current(self, kernel: Kernel) -> Session:
        if kernel.current is None:
            raise Refused("nothing has been asked yet")
        return alive(kernel.current)

    def _switch(self, kernel: Kernel, name: str) -> set[Note]:
        session, told = self.world.find(kernel, name)
        alive(session)
        if kernel.current is not None:
            kernel.stop_replay(kernel.current)
        kernel.current = session
        return told

    def _put_away(self, kernel: Kernel, name: str, how: str) -> set[Note]:
        session = self.world.find_to_change(kernel, name)
        match how:
            case "delete":
                session.state = "deleted"
            case "archive":
                session.state = "archived"
            case _:
                session.state = "active"
        return set()

    def session_of_panel(self, kernel: str) -> Session:
        """Return the session that a panel opens on: the kernel's, which is made if it has none."""
        started = self.kernels[kernel]
        started.current = started.current or self.world.make_first(started)
        self.world.keep(started.current)
        return started.current

    def _set_model(self, kernel: Kernel, model: str) -> set[Note]:
        session = alive(kernel.current or self.world.make_first(kernel))
        self.world.keep(session)
        kernel.current = session
        session.model, session.has_chosen_model = model, True
        return set()

    # ---------------------------------------------------------------- panels and the library

    def act(self, session: str, action: Action) -> Told:
        acted = self.world.sessions[session]
        try:
            alive(acted)
            match action:
                case Use() | Undo() | Hide() | Fork() | GoTo() | Restart() | AddSystem() | Trim():
                    return Told(notes=frozenset(self.move(acted.tree, action)), session=session)
                case Regenerate(turn, outcome):
                    return self._regenerate(acted, turn, outcome)
                case Edit(turn, text, outcome):
                    asked = Asked(acted.model)
                    plan = self.deciding.again(acted, self._on_path(acted, turn), text, None, asked)
                case Send(text, outcome, system, history):
                    asked = Asked(acted.model, alone=not history)
                    plan = self.deciding.at_tip(acted, text, system, asked)
            return self._land(plan, self._store(plan), [outcome])
        except Refused as reason:
            return Told(refused=str(reason))

    def _on_path(self, session: Session, turn: int) -> Version:
        path = session.tree.path()
        index = path.find(turn)
        if index is None:
            raise Refused(f"turn {turn} is not on the path")
        return path.turns[index].version

    def _regenerate(self, session: Session, turn: int, outcome: Outcome) -> Told:
        """Answer the same question once more, with what it was asked with."""
        tree = session.tree
        old = self._on_path(session, turn)
        system = old.systems[0].text if old.systems else None
        asked = old.asked._replace(comparison=(), alone=False)
        plan = self.deciding.again(session, old, old.question.text, system, asked)
        again = tree.store_answer_again(old, asked)
        tree.move(tree.branch, old.question)
        return self._land(plan, [again], [outcome])

    # ---------------------------------------------------------------- what is shown

    def look(self, sessions: Sequence[str], closely: str | None) -> Shown:
        facts = [self._facts(session) for session in sessions]
        if closely is None or self.world.sessions[closely].state == "deleted":
            return Shown(facts, [], None)
        tree = self.world.sessions[closely].tree
        return Shown(facts, tree.rows(), tree.shown_branches())

    def _facts(self, session: str) -> SessionFacts | None:
        kept = self.world.sessions[session]
        if kept.state == "deleted":
            return None
        home = kept.home.path if kept.home else ""
        return SessionFacts(kept.label, home, kept.state == "archived", kept.model)
