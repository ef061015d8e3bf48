"""A reading of written walks in real kernels; the log of their models is the judge."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langswarm_nb.core.session import SessionError
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.config import NotebookConfig
from langswarm_nb.notebook.workspace import Workspace
from tests.conversation.driver import Action, AddSystem, Edit, FrontEnd, Outcome, Regenerate, Send, Trim
from tests.conversation.kernel_side import DOES, GO, prepare, requests
from tests.conversation.panels import act
from tests.conversation.product import Shell
from tests.conversation.reading import command_of
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
from tests.support import kernels
from tests.support.kernels import Kernel
from tests.support.notebooks import save

ROOT = Path(__file__).parents[2]
_SETUP = """
import os, sys
os.environ.update({environment!r})
sys.path.insert(0, {root!r})
{variable}
import langswarm_nb as ls
"""
_PREPARE = """
from pathlib import Path
from tests.conversation.kernel_side import prepare
prepare(get_ipython().magics_manager.registry["LangSwarmMagics"].workspace, Path({folder!r}))
"""
_CURRENT = """
_current = get_ipython().magics_manager.registry["LangSwarmMagics"].workspace._session
print("" if _current is None else _current.session_id)
"""


class OpenKernel:
    """A kernel on a notebook, or without one."""

    def __init__(self, number: int, kernel: Kernel, front_end: FrontEnd) -> None:
        self.number, self.kernel, self.front_end = number, kernel, front_end
        self.current = ""
        """Id of its current session."""
        self.begun: kernels.Cell | None = None

    def cell_id(self, cell: str) -> str | None:
        """Return what its front end calls a cell."""
        match self.front_end:
            case FrontEnd.LAB:
                return cell
            case FrontEnd.VSCODE:
                return f"vscode-notebook-cell:/{self.number}/x.ipynb#{cell}"
            case _:
                return None

    def look(self) -> None:
        """Ask which session is current."""
        self.current = self.kernel.run(_CURRENT).stdout.strip()


class InKernels:
    """A reading of one walk.

    Parameters
    ----------
    take : callable
        Returns the kernel of a number, as good as new, in a folder.
    """

    def __init__(
        self, walk: Written, front_end: FrontEnd, folder: Path, take: Callable[[int, Path], Kernel]
    ) -> None:
        self.walk, self.front_end, self.folder, self._take = walk, front_end, folder, take
        self._opened: dict[str, OpenKernel] = {}
        self._count = 0
        self._sent = 0
        self._said = ""
        self._failed = False
        self._question = ""
        """The only one that is looked at, where there is one."""
        (folder / "store").mkdir()
        aliases = {"a": "openai:a", "b": "openai:b"}
        (folder / "store" / "aliases.json").write_text(json.dumps(aliases), "utf-8")
        self._does({})

    def close(self) -> None:
        """Close what the panels had open."""
        if hasattr(self, "_panels"):
            run_sync(self._panels.close())

    def do(self, step: Step) -> None:
        """Do one step."""
        if isinstance(step, Sees):
            return
        self._sent, self._said, self._failed = len(requests(self.folder)), "", False
        self._question = ""
        match step:
            case Open(path, model, front_end):
                self._open(path, model, front_end or self.front_end)
            case Begin():
                self._begin(step)
            case Cell():
                self._run(step)
            case Finish(kernel):
                self._finish(self._opened[kernel])
            case Panel(action, kernel):
                self._panel(self._opened[kernel], action)
            case Save(path, cells):
                save(self.folder / path, *cells)
            case Copy(old, new):
                shutil.copyfile(self.folder / old, self.folder / new)
            case Move(old, new):
                (self.folder / old).replace(self.folder / new)

    def _open(self, path: str, model: str | None, front_end: FrontEnd) -> None:
        number = self._opened[path].number if path in self._opened else len(self._opened)
        whole = self.folder / path
        if path and not whole.exists():
            steps = [step for step in self.walk.steps if isinstance(step, Cell) and step.kernel == path]
            save(whole, *dict.fromkeys(step.id for step in steps))
        opened = self._opened[path] = OpenKernel(number, self._take(number, self.folder), front_end)
        environment = {"LANGSWARM_DB_PATH": str(self.folder / "store" / "langswarm.db")}
        environment["LANGSWARM_MODEL"] = model or ""
        tells = front_end in {FrontEnd.LAB, FrontEnd.INHERITED}
        environment["JPY_SESSION_NAME"] = str(whole) if tells else ""
        in_code = front_end in {FrontEnd.VSCODE, FrontEnd.NO_IDS}
        variable = f"__vsc_ipynb_file__ = {str(whole)!r}" if in_code else ""
        opened.kernel.run(_SETUP.format(environment=environment, root=str(ROOT), variable=variable))
        cells = json.loads(whole.read_text("utf-8"))["cells"] if path else []
        first = str(cells[0]["id"]) if cells else "load"
        self._hear(opened.kernel.run("%load_ext langswarm_nb", cell_id=opened.cell_id(first)))
        opened.kernel.run(_PREPARE.format(folder=str(self.folder)))
        opened.look()

    # ---------------------------------------------------------------- cells

    def _run(self, step: Cell) -> None:
        opened = self._opened[step.kernel]
        self._does(step.does)
        cell = opened.kernel.send(step.source, cell_id=opened.cell_id(step.id))
        if any(how.startswith("stop") for how in step.does.values()):
            waiting = self.folder / "stops"
            opened.kernel.wait_for(cell, lambda: waiting.exists() or cell.is_done)
            waiting.unlink()
            opened.kernel.interrupt()
        self._hear(opened.kernel.wait(cell))
        opened.look()

    def _begin(self, step: Cell) -> None:
        opened = self._opened[step.kernel]
        self._does({**step.does, "hold": True})
        cell = opened.begun = opened.kernel.send(step.source, cell_id=opened.cell_id(step.id))
        others = [other for other in self._opened.values() if other.begun is not None and other is not opened]
        if others:
            opened.kernel.wait_for(cell, lambda: "waiting" in _shown(cell) or cell.is_done)
        else:
            opened.kernel.wait_for(cell, lambda: len(requests(self.folder)) > self._sent or cell.is_done)

    def _finish(self, opened: OpenKernel) -> None:
        assert opened.begun is not None
        self._question = opened.begun.code.partition("\n")[2]
        self._sent = 0  # it was sent when it was begun
        (self.folder / f"{GO} {self._question}").touch()
        self._hear(opened.kernel.wait(opened.begun))
        opened.begun = None
        opened.look()

    def _does(self, does: Any) -> None:
        (self.folder / DOES).write_text(json.dumps(dict(does)), "utf-8")

    def _hear(self, cell: kernels.Cell) -> None:
        error = f"{cell.ename}: {cell.evalue}" if cell.status == "error" else ""
        self._said += "\n".join([cell.stdout, cell.stderr, _shown(cell), error])
        self._failed = cell.status == "error"

    # ---------------------------------------------------------------- panels

    def _panel(self, opened: OpenKernel, action: str) -> None:
        if not hasattr(self, "_panels"):
            database = str(self.folder / "store" / "langswarm.db")
            config = NotebookConfig(store="sqlite", db_path=database, format="none", model="openai:a")
            self._panels = Workspace(Shell(), config)  # type: ignore[arg-type]  # it has what is asked of it
            prepare(self._panels, self.folder)
        self._does({})
        said: list[str] = []

        async def go() -> None:
            session = await self._panels.manager.get_session(opened.current)
            assert session is not None
            await act(self._panels, session, _action(action), said, [])

        try:
            run_sync(go())
        except SessionError as error:
            said.append(str(error))
            self._failed = True
        self._said = " · ".join(said)

    # ---------------------------------------------------------------- checking

    def check(self, sees: Sees) -> None:
        """Hold what was seen of the last step against what is written."""
        entries = [
            entry
            for entry in requests(self.folder)[self._sent :]
            if self._question in {"", entry["messages"][-1][1]}
        ]
        if sees.requests is not None:
            found = tuple(map(_messages, entries))
            assert found == sees.requests, found
        for pattern in sees.told:
            assert re.search(pattern, self._said), f"{pattern!r} is not in {self._said!r}"
        assert (self._failed and not entries) == sees.is_refused, self._said
        for name, value in sees.options.items():
            values = [entry["options"].get(name) for entry in entries]
            assert values in ([value], [[value]]), values


def _shown(cell: kernels.Cell) -> str:
    return "\n".join(str(text) for output in cell.displays for text in output["data"].values())


def _messages(entry: dict[str, Any]) -> Messages:
    """Return a request as walks write it."""
    systems = [text for role, text in entry["messages"] if role == "system"]
    messages = tuple((role, text) for role, text in entry["messages"] if role != "system")
    return (*((("system", "\n\n".join(systems)),) if systems else ()), *messages)


_OK = Outcome()


def _action(action: str) -> Action:  # noqa: PLR0911 - one for each
    word, _, rest = action.partition(" ")
    turn, _, text = rest.partition(" ")
    match word:
        case "edit":
            return Edit(int(turn), text, _OK)
        case "regenerate":
            return Regenerate(int(turn), _OK)
        case "send":
            return Send(rest, _OK)
        case "system":
            return AddSystem(rest, "replace")
        case "add":
            return AddSystem(rest, "add")
        case "trim":
            return Trim(int(turn))
    return command_of(action)  # type: ignore[return-value]  # walks do in panels what panels can do
