"""An IPython shell in this process, for the quick tests of the magics; no event loop runs in it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from langswarm_nb.notebook.shell.magics import LangSwarmMagics
from langswarm_nb.notebook.workspace import Workspace


@dataclass
class Ran:
    """What a cell did."""

    result: Any
    error: BaseException | None
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """Class and text of the error."""
        return "" if self.error is None else f"{type(self.error).__name__}: {self.error}"


class Shell:
    """A shell with the extension."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.ipython = shell
        self.greeting = ""
        """What `%load_ext` printed."""

    @property
    def magics(self) -> LangSwarmMagics:
        """The magics."""
        magics: LangSwarmMagics = self.ipython.magics_manager.registry["LangSwarmMagics"]
        return magics

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self.magics.workspace

    def try_(self, code: str, cell_id: str | None = None) -> Ran:
        """Run a cell, which may fail; with a ``cell_id``, as a notebook's front end asks for it."""
        out, err = io.StringIO(), io.StringIO()
        self._tell(cell_id)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            done = self.ipython.run_cell(code, store_history=True)
        error = done.error_before_exec or done.error_in_exec
        return Ran(done.result, error, out.getvalue(), err.getvalue())

    def _tell(self, cell_id: str | None) -> None:
        parent = {"header": {"msg_id": uuid4().hex}, "metadata": {"cellId": cell_id} if cell_id else {}}
        vars(self.ipython)["get_parent"] = lambda: parent  # as ipykernel's shell has it

    def run(self, code: str, cell_id: str | None = None) -> Any:
        """Run a cell that must not fail, and return its value."""
        ran = self.try_(code, cell_id)
        assert ran.error is None, ran.complaint
        return ran.result

    def fail(self, code: str, cell_id: str | None = None) -> str:
        """Run a cell that must fail, and return the class and text of its error."""
        ran = self.try_(code, cell_id)
        assert ran.error is not None, f"{code!r} did not fail"
        return ran.complaint

    def __getitem__(self, name: str) -> Any:
        return self.ipython.user_ns[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.ipython.user_ns[name] = value


@contextlib.contextmanager
def running_shell(load_cell: str | None = None, **settings: Any) -> Iterator[Shell]:
    """Yield a new shell with the extension loaded, and take both away at the end.

    Parameters
    ----------
    load_cell
        Id of the cell that loads the extension.
    **settings
        Settings of the magics.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.LangSwarmMagics.update(settings)
    InteractiveShell.clear_instance()
    ipython = InteractiveShell.instance(config=config)
    try:
        shell = Shell(ipython)
        loaded = shell.try_("%load_ext langswarm_nb", load_cell)
        assert loaded.error is None, loaded.complaint
        shell.greeting = loaded.stdout
        yield shell
        ipython.run_line_magic("unload_ext", "langswarm_nb")
    finally:
        InteractiveShell.clear_instance()
