"""The product, as walks drive it: kernels in this process on one store, with the objects that all doors share."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

from langswarm_nb.core.session import BaseSession, SessionError, SessionManager
from langswarm_nb.core.session.errors import SessionLeasedError
from langswarm_nb.core.session.storage import create_storage
from langswarm_nb.notebook.asking.options import parse_cell_line
from langswarm_nb.notebook.asking.preview import Preview
from langswarm_nb.notebook.asking.send import converse, prompt_of
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.commands import run_command
from langswarm_nb.notebook.config import NotebookConfig
from langswarm_nb.notebook.shell.extension import _greeting
from langswarm_nb.notebook.workspace import Workspace
from tests.conversation.driver import (
    Action,
    Ask,
    Command,
    FrontEnd,
    Outcome,
    Retry,
    Shown,
    Told,
    Undo,
)
from tests.conversation.hearing import Hearing, address_in
from tests.conversation.lines import cell_line, command_line
from tests.conversation.logging_provider import LoggingProvider
from tests.conversation.panels import act
from tests.conversation.stored import facts_of, shown_of

MODELS = {"log:one": "gpt-4.1", "log:two": "gpt-4.1-mini"}
"""What walks call the models -> their names; a price of theirs is known."""
_NAMES = {f"openai:{name}": walks for walks, name in MODELS.items()}
WAIT_S = 20.0

_LOOK_S = 0.0005
"""Between two looks at a kernel that asks."""


class Shell:
    """What a workspace needs of an IPython shell."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.execution_count = 0
        self.parent: dict[str, Any] = {}

    def get_parent(self) -> dict[str, Any]:
        """Return the request that runs."""
        return self.parent

    def run(self, cell_id: str | None) -> None:
        """Begin to run a cell."""
        self.execution_count += 1
        metadata = {} if cell_id is None else {"cellId": cell_id}
        self.parent = {"header": {"msg_id": f"{id(self)}-{self.execution_count}"}, "metadata": metadata}


@dataclass(eq=False)
class Kernel:
    """A kernel in this process."""

    number: int
    front_end: FrontEnd
    path: str
    """The whole path of its notebook; empty for a script."""
    shell: Shell
    workspace: Workspace
    providers: list[LoggingProvider]
    waits: threading.Event = field(default_factory=threading.Event)
    """Set when an ask waits for the answer to another."""
    running: concurrent.futures.Future[Told] | None = None

    def cell_id(self, cell: str) -> str | None:
        """Return what its requests name a cell."""
        match self.front_end:
            case FrontEnd.LAB:
                return cell
            case FrontEnd.VSCODE:
                return f"vscode:{self.number}:{cell}"
            case _:
                return None

    def run(self, cell: str) -> None:
        """Begin to run a cell, with the environment that its front end gives it."""
        self.shell.run(self.cell_id(cell))
        tells = self.path and self.front_end in {FrontEnd.LAB, FrontEnd.INHERITED}
        os.environ["JPY_SESSION_NAME"] = self.path if tells else ""

    def say(self, outcomes: Sequence[Outcome]) -> None:
        """Let the models answer so."""
        for provider in self.providers:
            provider.outcomes = list(outcomes)


class InProcess:
    """A product with one store for all kernels.

    Parameters
    ----------
    hearing : Hearing
        Hears the footers.
    folder : path
        An empty folder for the notebooks, and for the store when it is a file.
    """

    def __init__(self, hearing: Hearing, folder: Path, *, store: str = "memory") -> None:
        self._hearing = hearing
        self._folder = folder
        self._store = store
        self._shared = create_storage("memory") if store == "memory" else None
        self._kernels: dict[str, Kernel] = {}
        self._opened = 0
        self._line: list[Kernel] = []
        """Kernels whose asks wait for the answer to another."""
        self._threads = concurrent.futures.ThreadPoolExecutor(4)
        self._library = self._new_kernel(FrontEnd.SCRIPT, "", None)
        """Panels and programs, which are on the same store."""

    def close(self) -> None:
        """End all kernels."""
        for kernel in [*self._kernels.values(), self._library]:
            self._end(kernel)
        if self._shared is not None:
            run_sync(self._shared.close())
        self._threads.shutdown()

    # ---------------------------------------------------------------- notebooks

    def save_notebook(self, path: str, cells: Sequence[str]) -> None:
        code = [{"cell_type": "code", "id": cell, "source": ""} for cell in cells]
        self._file(path).parent.mkdir(parents=True, exist_ok=True)
        self._file(path).write_text(json.dumps({"cells": code}), "utf-8")

    def move_notebook(self, old: str, new: str) -> None:
        self._file(old).replace(self._file(new))

    def copy_notebook(self, old: str, new: str) -> None:
        shutil.copyfile(self._file(old), self._file(new))

    def delete_notebook(self, path: str) -> None:
        self._file(path).unlink()

    def _file(self, path: str) -> Path:
        return self._folder / path

    def _home(self, home: str) -> str:
        """Return the path of a home as walks write it."""
        return str(Path(home).relative_to(self._folder))

    # ---------------------------------------------------------------- kernels

    def open_kernel(self, kernel: str, front_end: FrontEnd, path: str, model: str | None) -> Told:
        started = self._kernels[kernel] = self._new_kernel(front_end, path, model)
        started.run(self._first_cell(path))
        greeting = _greeting(started.workspace)
        started.workspace.take_notes()  # the first footer would say them again, for those who load quietly
        return Told(notes=self._notes(greeting), session=self._current(started))

    def _first_cell(self, path: str) -> str:
        """Return the cell that loads the extension: the first one of the file."""
        if not path or not self._file(path).exists():
            return "load"
        cells = json.loads(self._file(path).read_text("utf-8"))["cells"]
        return str(cells[0]["id"]) if cells else "load"

    def _new_kernel(self, front_end: FrontEnd, path: str, model: str | None) -> Kernel:
        self._opened += 1
        shell, whole = Shell(), str(self._file(path)) if path else ""
        if front_end in {FrontEnd.VSCODE, FrontEnd.NO_IDS}:
            shell.user_ns["__vsc_ipynb_file__"] = whole
        config = NotebookConfig(
            store=self._store, db_path=str(self._folder / "store.db"), format="none", model=_of_ours(model)
        )
        workspace = Workspace(shell, config)  # type: ignore[arg-type]  # it has what is asked of it
        if self._shared is not None:
            workspace._manager = SessionManager(self._shared)
            workspace._manager.add_global_hook(workspace.metrics)
        providers = [LoggingProvider("openai", {ours: walks for walks, ours in MODELS.items()})]
        providers.append(LoggingProvider("mock", {}))
        for provider in providers:
            workspace.manager.add_provider_session(provider.name, provider)
            workspace.announced.add((provider.name, ""))
        workspace.manager.add_global_hook(self._hearing)
        kernel = Kernel(self._opened, front_end, whole, shell, workspace, providers)
        _tell_waits(workspace.manager, kernel.waits)
        return kernel

    def close_kernel(self, kernel: str) -> None:
        self._end(self._kernels.pop(kernel))

    def _end(self, kernel: Kernel) -> None:
        if self._shared is None:
            run_sync(kernel.workspace.close())

    # ---------------------------------------------------------------- cells

    def run_cell(self, kernel: str, cell: str, asks: Sequence[Ask]) -> list[Told]:
        started = self._kernels[kernel]
        started.run(cell)
        return [self._ask(started, ask) for ask in asks]

    def _ask(self, kernel: Kernel, ask: Ask) -> Told:
        kernel.say(ask.outcomes)
        return self._hear(kernel, lambda: _converse(kernel.workspace, ask))

    def begin(self, kernel: str, cell: str, ask: Ask) -> None:
        started = self._kernels[kernel]
        started.run(cell)
        started.waits.clear()
        for provider in started.providers:
            provider.holds = True
        started.running = self._threads.submit(self._hear, started, lambda: _converse(started.workspace, ask))
        while not started.waits.is_set() and not _arrived(started):
            concurrent.futures.wait([started.running], timeout=_LOOK_S)
            assert not started.running.done(), started.running.result()
        if not _arrived(started):
            self._line.append(started)

    def finish(self, kernel: str, outcomes: Sequence[Outcome]) -> Told:
        started = self._kernels[kernel]
        assert started.running is not None
        if started in self._line:
            self._line.remove(started)
        for provider in started.providers:
            if provider.arrived.is_set():
                provider.let_go(outcomes)
            provider.holds = False
        told = started.running.result(WAIT_S)
        started.running = None
        self._wait_for_next(told.session)
        return told

    def _wait_for_next(self, session: str) -> None:
        """Wait until the next of those who wait has been sent, as it will be at once."""
        waiting = [kernel for kernel in self._line if self._current(kernel) == session]
        for kernel in waiting[:1]:
            while not _arrived(kernel):
                assert kernel.running is not None
                concurrent.futures.wait([kernel.running], timeout=_LOOK_S)
                assert not kernel.running.done(), kernel.running.result()
            self._line.remove(kernel)

    # ---------------------------------------------------------------- commands

    def command(self, kernel: str, command: Command) -> Told:
        started = self._kernels[kernel]
        started.run("command")
        if isinstance(command, Retry):
            started.say(command.outcomes)
        line = command_line(command, _of_ours)
        told = self._hear(started, lambda: run_command(started.workspace, line))
        if told.requests:
            return told
        if isinstance(command, Undo) and not told.refused and not told.notes:
            return Told(refused="there is nothing to undo")
        return told._replace(session="" if told.refused else self._current(started))

    def _current(self, kernel: Kernel) -> str:
        session = kernel.workspace._session
        return "" if session is None else session.session_id

    def act(self, session: str, action: Action) -> Told:
        kernel = self._library
        kernel.run("panel")
        outcome = getattr(action, "outcome", None)
        kernel.say([] if outcome is None else [outcome])

        said: list[str] = []
        addresses: list[str] = []

        async def go() -> None:
            await act(kernel.workspace, await self._found(session), action, said, addresses)

        told = self._hear(kernel, lambda: run_sync(go()))
        notes = self._notes(" · ".join(said))
        return told._replace(session="" if told.refused else session, addresses=tuple(addresses), notes=notes)

    # ---------------------------------------------------------------- what is seen

    def _hear(self, kernel: Kernel, run: Callable[[], object]) -> Told:
        """Do something, and return all that is seen of it."""
        for provider in kernel.providers:
            provider.take()
        heard = self._hearing.begin()
        result: object = ""
        error: BaseException | None = None
        try:
            result = run()
        except (
            SessionError,
            UsageError,
            asyncio.CancelledError,
            concurrent.futures.CancelledError,
        ) as raised:
            error = raised
        requests = tuple(request for provider in kernel.providers for request in provider.take())
        if isinstance(result, Preview):
            return self._previewed(kernel, result)
        text = "\n".join([*heard.footers, result if isinstance(result, str) else ""])
        return Told(
            requests,
            tuple(map(address_in, heard.footers)),
            self._notes(text),
            heard.session,
            "" if requests or error is None else f"{type(error).__name__}: {error}",
        )

    def _previewed(self, kernel: Kernel, preview: Preview) -> Told:
        plan = preview._plan
        models = [_NAMES.get(model, model) for model in preview.models]
        from langswarm_nb.core.session import ProviderRequest
        from tests.conversation.logging_provider import told

        requests = tuple(told(model, ProviderRequest(model, preview.messages)) for model in models)
        session = "" if plan.session is None else plan.session.session_id
        return Told(
            requests, notes=self._notes("\n".join(plan.send.notes if plan.send else ())), session=session
        )

    def _notes(self, text: str) -> frozenset[Any]:
        return frozenset(self._hearing.notes(text, _NAMES))

    def look(self, sessions: Sequence[str], closely: str | None) -> Shown:
        return run_sync(self._look(sessions, closely))

    async def _look(self, sessions: Sequence[str], closely: str | None) -> Shown:
        """Look at everything at once: each look is a way to the other thread and back."""
        workspace = self._library.workspace
        known = {
            each.session_id: each
            for each in await workspace.manager.list_user_sessions(workspace.user_id, limit=None)
        }
        facts = [
            facts_of(known[session], self._of_walks, self._home) if session in known else None
            for session in sessions
        ]
        rows, branches = await shown_of(known[closely]) if closely in known else ([], None)
        return Shown(facts, rows, branches)

    def _of_walks(self, model: str) -> str:
        return _NAMES.get(model, model)

    async def _found(self, session: str) -> BaseSession:
        found = await self._library.workspace.manager.get_session(session)
        if found is None:
            raise UsageError(f"no session {session}")
        return found


def _converse(workspace: Workspace, ask: Ask) -> object:
    options = parse_cell_line(cell_line(ask, _of_ours))
    return converse(workspace, prompt_of(workspace, ask.text, options), options)


def _of_ours(model: str | None) -> str:
    """Return what the product calls a model of walks."""
    return "" if model is None else f"openai:{MODELS[model]}"


def _arrived(kernel: Kernel) -> bool:
    return any(provider.arrived.is_set() for provider in kernel.providers)


def _tell_waits(manager: SessionManager, waits: threading.Event) -> None:
    """Set an event when a message has to wait for the answer to another."""
    ask = manager.storage.ask

    async def heard(*args: Any, **known: Any) -> Any:
        try:
            return await ask(*args, **known)
        except SessionLeasedError:
            waits.set()
            raise

    manager.storage.ask = heard  # type: ignore[method-assign]
