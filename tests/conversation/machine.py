"""Random walks: a state machine whose rules are what people do in notebooks, panels and files.

Hypothesis draws the rules and small numbers; what they mean is chosen from what there is in the model. A rule that
makes no sense where the walk stands runs a cell instead.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.conversation.driver import (
    Action,
    AddSystem,
    Ask,
    Edit,
    Fork,
    FrontEnd,
    GoTo,
    Hide,
    New,
    Regenerate,
    Rename,
    Restart,
    Retry,
    Send,
    SetModel,
    Trim,
    Undo,
    Use,
)
from tests.conversation.homes import Session
from tests.conversation.side_by_side import CELLS, SideBySide
from tests.conversation.vocabulary import FRONT_ENDS, MODEL, NAMES, OTHER, PATHS, TEXTS, asks_of

two = st.booleans()
few = st.integers(0, 3)
some = st.integers(0, 7)
options = st.integers(0, 19)
moves = st.integers(0, 9)
many = st.integers(0, 63)


class Walk(SideBySide, RuleBasedStateMachine):
    """One walk; `walks` of `walking` says of what product."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: dict[str, tuple[Ask, ...]] = {}
        """What each cell asks."""

    @initialize(front_end=some, written=st.lists(st.tuples(some, options), min_size=4, max_size=4))
    def start(self, front_end: int, written: list[tuple[int, int]]) -> None:
        """Begin with a notebook whose first cells are run in order."""
        for path in PATHS[:2]:
            self.write(path, [f"{path[0]}{i}" for i in range(CELLS)])
        kernel = self.open_kernel(PATHS[0], FRONT_ENDS[front_end], MODEL)
        for i, (text, option) in enumerate(written):
            self.write_cell(kernel, self.cell_of(kernel, i), text, option)
            self.run_as_it_is(kernel, i, 15)
        session = self.any_session(0)
        if session is not None and written[0][0] > 5:
            self.act(session, Trim(5))

    def teardown(self) -> None:
        """Let all answers arrive, and compare all sessions."""
        self.finish_all()

    def otherwise(self, choice: int) -> None:
        """Do what makes sense everywhere, in place of what does not."""
        if self.flying:
            self.finish(choice)
        elif self.open:
            self.run_as_it_is(self.free_kernel(choice), choice // 2, choice)
        else:
            paths = [path for path in [*self.notebooks, ""] if self.can_open(path)]
            path = paths[choice % len(paths)]
            self.open_kernel(path, FRONT_ENDS[choice % 8] if path else FrontEnd.SCRIPT, MODEL)

    # ---------------------------------------------------------------- cells

    def run_as_it_is(self, kernel: str | None, cell: int, choice: int) -> None:
        """Run a cell, with new answers."""
        if kernel is not None:
            name = self.cell_of(kernel, cell)
            asks = self.cells.setdefault(name, (Ask(f"{name}?", ()),))
            self.run(kernel, name, [self.answered(ask, choice + 3 * i) for i, ask in enumerate(asks)])

    def write_cell(self, kernel: str, name: str, text: int, option: int) -> None:
        """Change what a cell asks: a text of its own, or one that others ask too."""
        self.said += 1
        asked = TEXTS[text % len(TEXTS)] if text > 4 else f"{name} {self.said}"
        self.cells[name] = asks_of(asked, option, self.said)

    @rule(kernel=few, cell=some, choice=many)
    def run_cell(self, kernel: int, cell: int, choice: int) -> None:
        """Run a cell as it is."""
        self.run_as_it_is(self.free_kernel(kernel), cell, choice)

    @rule(kernel=few, first=some, second=some, choice=many)
    def run_two_cells(self, kernel: int, first: int, second: int, choice: int) -> None:
        """Run two cells as they are."""
        self.run_as_it_is(self.free_kernel(kernel), first, choice)
        self.run_as_it_is(self.free_kernel(kernel), second, choice + 7)

    @rule(kernel=few, cell=some, text=some, option=options, choice=many)
    def write_and_run(self, kernel: int, cell: int, text: int, option: int, choice: int) -> None:
        """Change what a cell asks, and run it."""
        chosen = self.free_kernel(kernel)
        if chosen is None:
            return self.otherwise(choice)
        self.write_cell(chosen, self.cell_of(chosen, cell), text, option)
        self.run_as_it_is(chosen, cell, choice)
        return None

    def run_unsent(self, kernel: str | None, cell: int, choice: int, *, refused: bool) -> None:
        """Run a cell dry, or refused, which leaves no trace."""
        if kernel is not None:
            name = self.cell_of(kernel, cell)
            asks = [self.answered(ask, choice) for ask in self.cells.setdefault(name, (Ask(f"{name}?", ()),))]
            unsent = {"refused": "budget"} if refused else {"dry_run": True}
            self.run(kernel, name, [replace(ask, **unsent) for ask in asks])

    @rule(kernel=few, cell=some, choice=many, refused=two, also=few)
    def run_without_sending(self, kernel: int, cell: int, choice: int, refused: bool, also: int) -> None:
        """Run a cell without sending; then run it, or another."""
        self.run_unsent(self.free_kernel(kernel), cell, choice, refused=refused)
        self.run_as_it_is(self.free_kernel(kernel), cell + also // 3, choice)

    # ---------------------------------------------------------------- several at once

    def begin_plain(self, kernel: str | None, cell: int) -> Session | None:
        """Begin a cell, if it asks a plain question in a session that is there; return the session."""
        session = self.session_of(kernel)
        if kernel is None or session is None or list(self.flying.values()).count(session.id) > 1:
            return None
        name = self.cell_of(kernel, cell)
        (ask, *_) = self.cells.setdefault(name, (Ask(f"{name}?", ()),))
        if ask.session is not None or ask.branch is not None or len(ask.models) > 1 or not ask.history:
            return None
        self.begin(kernel, name, ask)
        return session

    @rule(kernel=few, cell=some, how=moves, choice=many, finish=two)
    def begin_and_move(self, kernel: int, cell: int, how: int, choice: int, finish: bool) -> None:
        """Move in the tree of a session while an answer to its last question is under way."""
        session = self.begin_plain(self.free_kernel(kernel), cell)
        action = self.moved(session, how, choice) if session else None
        if session is None or action is None:
            return self.otherwise(choice)
        self.act(session, action)
        if finish:
            self.finish(choice)
        return None

    @rule(first=few, second=few, cell=some, how=moves, choice=many)
    def begin_two(self, first: int, second: int, cell: int, how: int, choice: int) -> None:
        """Let two kernels ask in one session at once."""
        if len(self.open) == 1:
            self.open_another(second, first, 1)
        session = self.begin_plain(self.free_kernel(first), cell)
        other = self.free_kernel(second)
        if session is None or session.home is None or other is None or "{when}" in session.label:
            return self.otherwise(choice)
        self.switch(other, f"{session.home.path}:{session.label}")
        self.begin_plain(other, cell)
        action = self.moved(session, how, choice)
        if action is not None and choice % 2:
            self.act(session, action)
        self.finish(choice)
        return None

    # ---------------------------------------------------------------- moving

    def moved(
        self, session: Session, how: int, choice: int
    ) -> Use | Undo | Hide | Fork | GoTo | Restart | None:
        """Return a command that moves in a tree."""
        tree = session.tree
        active = [on_path.version for on_path in tree.path().turns]
        versions = [version for turn in tree.turns for version in turn]
        if not versions:
            return None
        left = [version for version in versions if version not in active]
        chosen = left[choice % len(left)] if left and choice % 8 else versions[choice % len(versions)]
        hangs_below_question = chosen.place is not None and chosen.place.role == "user"
        turns = [version.turn for version in active] or [0]
        turn = turns[choice % len(turns)] if choice % 8 else len(tree.turns) - 1
        self.said += 1
        hidden = sorted(tree.branch.hidden)
        names = [name for name in tree.branches if name != tree.branch.name] or ["main"]
        commands = [
            *([Use(chosen.address)] * 4),
            Fork(f"b{self.said}", (None, str(turn), chosen.address)[choice % 3]),
            Undo(1 + choice % 2),
            Hide(hidden[0][0], undo=True) if hidden and choice % 2 else Hide(turn),
            Hide(turn),
            GoTo(names[choice % len(names)]),
            Restart() if choice % 3 == 0 else Undo(),
        ]
        return None if hangs_below_question and how < 5 else commands[how]

    @rule(kernel=few, how=moves, choice=many)
    def move_by_command(self, kernel: int, how: int, choice: int) -> None:
        """Move in the tree of a kernel's session."""
        chosen = self.free_kernel(kernel)
        session = self.session_of(chosen)
        command = self.moved(session, how, choice) if session else None
        if chosen is None or command is None:
            return self.otherwise(choice)
        return self.command(chosen, command)

    @rule(session=few, how=moves, choice=many)
    def move_in_panel(self, session: int, how: int, choice: int) -> None:
        """Move in the tree of a session without a cell."""
        chosen = self.any_session(session)
        action = self.moved(chosen, how, choice) if chosen else None
        if chosen is None or action is None:
            return self.otherwise(choice)
        return self.act(chosen, action)

    # ---------------------------------------------------------------- asking without a cell of one's own

    @rule(kernel=few, choice=many, other=two)
    def retry(self, kernel: int, choice: int, other: bool) -> None:
        """Ask the last turn again."""
        chosen = self.free_kernel(kernel)
        if chosen is not None and choice % 4 == 0:
            self.write_cell(chosen, self.cell_of(chosen, choice), 0, 6)
            self.run_as_it_is(chosen, choice, choice)
        session = self.session_of(chosen)
        if chosen is None or session is None or not self.is_quiet(session):
            return self.otherwise(choice)
        old = self.model.deciding.retried(session.tree)
        models = 1 if old is None or other else max(1, len(old.asked.comparison))
        outcomes = tuple(self.outcome(choice + 5 * i) for i in range(models))
        return self.command(chosen, Retry(outcomes, OTHER if other else None))

    @rule(session=few, turn=few, how=options, choice=many)
    def act_in_panel(self, session: int, turn: int, how: int, choice: int) -> None:
        """Edit, regenerate, send, set a system prompt or a limit."""
        chosen = self.any_session(session)
        if chosen is None or not self.is_quiet(chosen):
            return self.otherwise(choice)
        path = chosen.tree.path().turns
        number = path[turn % len(path)].version.turn if path else turn
        outcome = self.outcome(choice)
        text = f"panel {self.said}"
        actions: list[Action] = [
            Edit(number, text, outcome),
            Edit(number, text, outcome),
            Regenerate(number, outcome),
            Send(text, outcome),
            Send(text, outcome, system=f"system {self.said}"),
            Send(text, outcome, history=False),
            AddSystem(f"prompt {self.said}", "replace"),
            AddSystem(f"prompt {self.said}", "add"),
            AddSystem("" if choice % 2 else f"prompt {self.said}", "replace"),
            Trim((3, 5, 4, None)[choice % 4]),
        ]
        return self.act(chosen, actions[how % len(actions)])

    # ---------------------------------------------------------------- kernels and files

    @rule(path=few, front_end=some, model=few)
    def open_another(self, path: int, front_end: int, model: int) -> None:
        """Open another notebook, or start a script."""
        paths = [path for path in [*self.notebooks, ""] if self.can_open(path)]
        if not paths:
            return self.otherwise(path + front_end)
        chosen = paths[path % len(paths)]
        self.open_kernel(chosen, FRONT_ENDS[front_end] if chosen else FrontEnd.SCRIPT, self.trait(model))
        return None

    def trait(self, choice: int) -> str | None:
        """Return the model of a kernel's trait."""
        return (None, MODEL, MODEL, OTHER)[choice]

    def reopened(self, kernel: str, path: str, front_end: int, model: int) -> str | None:
        """Close a kernel, and open one on a path; None when what it would go on with is gone."""
        self.close_kernel(kernel)
        if not self.can_open(path):
            return None
        return self.open_kernel(path, FRONT_ENDS[front_end] if path else FrontEnd.SCRIPT, self.trait(model))

    @rule(kernel=few, front_end=some, model=few, order=some, skipped=some, choice=many)
    def restart_and_run_all(
        self, kernel: int, front_end: int, model: int, order: int, skipped: int, choice: int
    ) -> None:
        """Restart a kernel and run its cells, mostly all of them in order."""
        chosen = self.free_kernel(kernel)
        started = self.reopened(chosen, self.open[chosen], front_end, model) if chosen else None
        if started is None:
            return self.otherwise(choice)
        cells = list(range(CELLS))
        if order == 1:
            cells.reverse()
        if order in {2, 3}:
            cells = cells[order:] + cells[:order]
        for cell in cells:
            if cell != skipped and self.cell_of(started, cell) in self.cells:
                self.run_as_it_is(started, cell, choice + 6 * cell)
        return None

    @rule(kernel=few, front_end=some, model=few, first=some, second=some, choice=many)
    def restart_and_run_two(
        self, kernel: int, front_end: int, model: int, first: int, second: int, choice: int
    ) -> None:
        """Restart a kernel and run two cells; one may have been run before without sending."""
        chosen = self.free_kernel(kernel)
        started = self.reopened(chosen, self.open[chosen], front_end, model) if chosen else None
        if choice % 2:
            self.run_unsent(started, second, choice, refused=choice % 4 == 1)
        for cell in (first, second):
            self.run_as_it_is(started or self.free_kernel(kernel), cell, choice)

    @rule(kernel=few, new=few, how=few, front_end=some, model=few, cell=some)
    def change_files(self, kernel: int, new: int, how: int, front_end: int, model: int, cell: int) -> None:
        """Close a notebook; copy, rename or replace its file; open what came of it and run a cell."""
        chosen = self.free_kernel(kernel)
        source = self.open[chosen] if chosen else ""
        free = [path for path in PATHS if path not in self.open.values()]
        if chosen is None or not source or not free:
            return self.otherwise(cell)
        target = free[new % len(free)]
        if how < 2:
            self.copy(source, target)
        elif how == 2:
            self.rename(source, target)
        else:
            self.said += 1
            target = source
            self.write(source, [f"{source[0]}{self.said}-{i}" for i in range(CELLS)])
        return self.run_as_it_is(self.reopened(chosen, target, front_end, model), cell, 9)

    # ---------------------------------------------------------------- names

    def name(self, choice: int) -> str:
        """Return the name of a session, with its home or without; or a name that there may not be."""
        known = self.model.world.sessions.values()
        # What a product calls a session by the time is not known here.
        sessions = [session for session in known if session.home and "{when}" not in session.label]
        if choice % 4 == 0 or not sessions:
            return NAMES[choice // 4 % len(NAMES)]
        session = sessions[choice % len(sessions)]
        return f"{session.home.path}:{session.label}" if session.home and choice % 4 > 1 else session.label

    @rule(kernel=few, name=many, how=few)
    def name_sessions(self, kernel: int, name: int, how: int) -> None:
        """Make a session, give one another name, or set its model."""
        chosen = self.free_kernel(kernel)
        if chosen is None:
            return self.otherwise(name)
        started = self.model.kernels[chosen]
        label = self.name(name).rpartition(":")[2]
        if how == 0:
            self.command(chosen, New(label))
        elif how == 1:
            self.command(chosen, SetModel(MODEL if name % 2 else OTHER))
        elif started.current and started.current.home is started.home and label != started.current.label:
            self.command(chosen, Rename(label))
        return None

    @rule(kernel=few, name=many, cell=some)
    def switch_session(self, kernel: int, name: int, cell: int) -> None:
        """Go on with another session."""
        chosen = self.free_kernel(kernel)
        if chosen is None:
            return self.otherwise(name)
        self.switch(chosen, self.name(name))
        return self.run_as_it_is(chosen, cell, 9)

    @rule(kernel=few, name=many, delete=two, cell=some)
    def put_session_away(self, kernel: int, name: int, delete: bool, cell: int) -> None:
        """Archive or delete a session; a cell is run that may have been in it, and then one in a new session."""
        chosen = self.free_kernel(kernel)
        if chosen is None:
            return self.otherwise(name)
        self.put_away(chosen, self.name(name), delete=delete)
        self.run_as_it_is(self.free_kernel(cell), cell, 15)
        for open_kernel, started in self.model.kernels.items():
            if started.current and started.current.state != "active":
                self.command(open_kernel, New(("x", "y")[cell % 2]))
        return None
