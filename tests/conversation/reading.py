"""A reading of written walks on the reference model: cells, commands and panels become asks and moves."""

from __future__ import annotations

import argparse
import contextlib
import re
import shlex
import types
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from tests.conversation.asking import Execution
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
    Outcome,
    PutAway,
    Regenerate,
    Rename,
    Request,
    Restart,
    Retry,
    Send,
    SetModel,
    Status,
    Switch,
    Told,
    Trim,
    Undo,
    Use,
)
from tests.conversation.homes import Session
from tests.conversation.notes import words
from tests.conversation.reference import Reference
from tests.conversation.written import (
    Begin,
    Cell,
    Copy,
    Finish,
    Messages,
    Move,
    Open,
    Panel,
    Save,
    Sees,
    Step,
    Written,
)


def told_messages(request: Request) -> Messages:
    """Return a request as walks write it."""
    return (*((("system", request.system),) if request.system else ()), *request.messages)


class NotModelledError(Exception):
    """The reference model does not know what a cell does."""


class CellError(Exception):
    """An ask of a cell failed, was stopped, or was refused; the cell ends unless it catches it."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise NotModelledError(message)


def _cell_parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False)
    parser.add_argument("-m", "--model", action="append", default=[])
    parser.add_argument("-s", "--system")
    parser.add_argument("-S", "--session")
    parser.add_argument("-b", "--branch")
    parser.add_argument("--from", dest="from_", type=int)
    parser.add_argument("--budget", type=float)
    for flag in ("--stay", "--no-history", "--append", "--replace", "--dry-run"):
        parser.add_argument(flag, action="store_true")
    return parser


def command_of(line: str) -> Command:
    """Read what stands after ``%langswarm``, but for `retry`."""
    word, *arguments = shlex.split(line)
    undo = "--undo" in arguments
    plain = [argument for argument in arguments if not argument.startswith("--")]
    readers: dict[str, Callable[..., Command]] = {
        "use": lambda name: Use(name) if name[0].isdigit() else SetModel(name),
        "undo": lambda turns="1": Undo(int(turns)),
        "hide": lambda turn: Hide(int(turn), undo=undo),
        "fork": lambda turn, name=None: Fork(name, turn) if name else Fork(turn),
        "branch": GoTo,
        "restart": Restart,
        "new": New,
        "switch": Switch,
        "rename": Rename,
        "archive": lambda name: PutAway(name, "archive"),
        "unarchive": lambda name: PutAway(name, "unarchive"),
        "delete": lambda name: PutAway(name, "delete"),
    }
    if word not in readers:
        raise NotModelledError(line)
    return readers[word](*plain)


def question_of(session: Session, turn: int) -> str:
    """Return the question of a turn on the path."""
    return next(t.version.question.text for t in session.tree.path().turns if t.version.turn == turn)


class OnModel:
    """A reading of walks on the reference model."""

    def __init__(self, walk: Written, front_end: FrontEnd) -> None:
        self.walk = walk
        self.front_end = front_end
        self.model = Reference()
        self.seen: list[Told] = []
        """What was told of the last step, ask by ask."""
        self._asked: Counter[tuple[str, str]] = Counter()
        self._begun: dict[str, tuple[Ask, Mapping[str, str]]] = {}

    def do(self, step: Step) -> None:
        """Do one step."""
        if isinstance(step, Sees):
            return
        self.seen = []
        match step:
            case Open(path, model, front_end):
                self._open(path, model, front_end or self.front_end)
            case Begin(id, source, kernel, does):
                ask = self._magic(source)
                self._begun[kernel] = (ask, does)
                self.model.begin(kernel, id, ask)
            case Cell():
                self._run(step)
            case Finish(kernel):
                ask, does = self._begun.pop(kernel)
                self.seen = [self.model.finish(kernel, self._outcomes(ask.text, ("a",), does))]
            case Panel(action, kernel):
                current = self.model.session_of_panel(kernel)
                self.seen = [self.model.act(current.id, self._action(current, action))]
            case Save(path, cells):
                self.model.save_notebook(path, cells)
            case Copy(old, new):
                self.model.copy_notebook(old, new)
            case Move(old, new):
                self.model.move_notebook(old, new)

    def _open(self, path: str, model: str | None, front_end: FrontEnd) -> None:
        if path in self.model.kernels:
            self.model.close_kernel(path)
        if path and path not in self.model.world.files:
            cells = {step.id for step in self.walk.steps if isinstance(step, Cell) and step.kernel == path}
            self.model.save_notebook(path, sorted(cells))
        self.seen = [self.model.open_kernel(path, front_end if path else FrontEnd.SCRIPT, path, model)]

    # ---------------------------------------------------------------- cells

    def _run(self, cell: Cell) -> None:
        kernel = self.model.kernels[cell.kernel]
        execution = Execution(kernel, kernel.cell_id(cell.id))
        with contextlib.suppress(CellError):
            self._run_source(cell, execution)

    def _run_source(self, cell: Cell, execution: Execution) -> None:
        if cell.source.startswith("%%langswarm"):
            self._ask(execution, self._magic(cell.source), cell.does)
        elif cell.source.startswith("%langswarm"):
            for line in cell.source.splitlines():
                self._command(cell, line.removeprefix("%langswarm").strip())
        else:
            ls = types.SimpleNamespace(
                ask=lambda text, **keywords: self._call(execution, cell, text, keywords)
            )
            exec(compile(cell.source, cell.id, "exec"), {"ls": ls})  # noqa: S102 - the walks are ours

    def _magic(self, source: str) -> Ask:
        line, _, text = source.partition("\n")
        options = _cell_parser().parse_args(shlex.split(line)[1:])
        return Ask(
            text,
            (),
            models=tuple(options.model),
            system=options.system,
            history=not options.no_history,
            rerun="append" if options.append else "replace" if options.replace else "version",
            session=options.session,
            stay=options.stay,
            branch=options.branch,
            after=options.from_,
            dry_run=options.dry_run,
            refused="budget" if options.budget == 0 else "",
        )

    def _call(self, execution: Execution, cell: Cell, text: str, keywords: dict[str, Any]) -> None:
        known = {"model", "system", "session", "history", "timeout"}
        if keywords.keys() - known:
            raise NotModelledError(f"{keywords}")
        models = keywords.get("model", ())
        ask = Ask(
            text,
            (),
            models=(models,) if isinstance(models, str) else tuple(models),
            system=keywords.get("system"),
            session=keywords.get("session"),
            history=keywords.get("history", True),
        )
        self._ask(execution, ask, cell.does)

    def _ask(self, execution: Execution, ask: Ask, does: Mapping[str, str]) -> None:
        session = execution.kernel.current
        models = ask.models or (session.model if session else execution.kernel.model or "mock:echo",)
        is_sent = not ask.dry_run and not ask.refused
        outcomes = self._outcomes(ask.text, models, does) if is_sent else ()
        told = self.model.ask(execution, replace(ask, outcomes=outcomes))
        self.seen.append(told)
        if told.refused:
            self._asked.subtract((model, ask.text) for model in models[: len(outcomes)])
        if told.refused or (outcomes and all(outcome.status != "ok" for outcome in outcomes)):
            raise CellError(told.refused)

    def _outcomes(self, text: str, models: Sequence[str], does: Mapping[str, str]) -> tuple[Outcome, ...]:
        outcomes = []
        for model in models:
            self._asked[model, text] += 1
            times = self._asked[model, text]
            answer = f"{model}: {text}" + (f" #{times}" if times > 1 else "")
            how = does.get(model, "")
            status: Status = "error" if how.startswith("fail") else "stopped" if how else "ok"
            if how:
                answer = f"{answer} …" if how.endswith("late") else ""
            outcomes.append(Outcome(status, answer))
        return tuple(outcomes)

    # ---------------------------------------------------------------- commands and panels

    def _command(self, cell: Cell, line: str) -> None:
        word, *arguments = shlex.split(line)
        command = self._retry(arguments, cell) if word == "retry" else command_of(line)
        told = self.model.command(cell.kernel, command)
        self.seen.append(told)
        if told.refused:
            raise CellError(told.refused)

    def _retry(self, arguments: Sequence[str], cell: Cell) -> Retry:
        session = self.model.kernels[cell.kernel].current
        model = arguments[1] if arguments[:1] == ["-m"] else None
        old = None if session is None else self.model.deciding.retried(session.tree)
        if old is None:
            return Retry((), model)
        models = (model,) if model is not None else old.asked.comparison or (old.asked.model,)
        return Retry(self._outcomes(old.question.text, models, cell.does), model)

    def _action(self, session: Session, action: str) -> Action:
        word, _, rest = action.partition(" ")
        turn, _, text = rest.partition(" ")
        readers: dict[str, Callable[[], Action]] = {
            "edit": lambda: Edit(int(turn), text, self._outcome(text)),
            "regenerate": lambda: Regenerate(int(turn), self._outcome(question_of(session, int(turn)))),
            "send": lambda: Send(rest, self._outcome(rest)),
            "system": lambda: AddSystem(rest, "replace"),
            "add": lambda: AddSystem(rest, "add"),
            "trim": lambda: Trim(int(turn)),
        }
        if word in readers:
            return readers[word]()
        command = command_of(action)
        assert isinstance(command, Use | Undo | Hide | Fork | GoTo | Restart)
        return command

    def _outcome(self, text: str) -> Outcome:
        return self._outcomes(text, ("a",), {})[0]

    # ---------------------------------------------------------------- checking

    def check(self, sees: Sees) -> None:
        """Hold what was seen of the last step against what is written."""
        if sees.requests is not None:
            requests = tuple(told_messages(request) for told in self.seen for request in told.requests)
            assert requests == sees.requests
        said = "\n".join(words(note) for told in self.seen for note in told.notes)
        for pattern in sees.told:
            assert re.search(pattern, said), f"{pattern!r} is not in {said!r}"
        assert any(told.refused for told in self.seen) == sees.is_refused
