"""Notebook files and kernels on them, as a front end makes them: saved cells, and requests with their cell ids."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.shells import Ran, Shell, running_shell

LOAD_CELL = "load"


def save(path: Path, *cells: str, ids: bool = True, sources: Mapping[str, str] | None = None) -> Path:
    """Write a notebook with cells of these ids, and with these texts in them, as a front end does when it saves."""
    told = sources or {}
    path.parent.mkdir(parents=True, exist_ok=True)
    code: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        | {"source": told.get(cell, f"# {cell}")}
        | ({"id": cell} if ids else {})
        for cell in cells
    ]
    text = json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5 if ids else 4})
    path.write_text(text, "utf-8")
    return path


@dataclass
class OpenNotebook:
    """A kernel of a notebook, in this process."""

    path: Path
    shell: Shell

    def ask(self, cell_id: str, prompt: str, line: str = "") -> Any:
        """Run a cell that asks, and return the reply."""
        return self.shell.run(f"%%langswarm -q {line}\n{prompt}", cell_id)

    def do(self, line: str) -> Any:
        """Run a command in a cell."""
        return self.shell.run(f"%langswarm {line}", "command")

    def fail(self, code: str) -> str:
        """Run a cell that must fail, and return its error."""
        return self.shell.fail(code, "failing")

    def try_(self, code: str) -> Ran:
        """Run a cell, which may fail."""
        return self.shell.try_(code, "trying")

    @property
    def requests(self) -> list[Any]:
        """What the mock was asked."""
        found: Any = self.shell.workspace.manager.provider_session("mock")
        return list(found.requests)

    @property
    def sent(self) -> list[str]:
        """The questions of the last request."""
        return [message.content for message in self.requests[-1].messages if message.role.value == "user"]


@contextlib.contextmanager
def opened(path: Path, **settings: Any) -> Iterator[OpenNotebook]:
    """Start a kernel as Jupyter's server does for this notebook: its path in the environment, cell ids in requests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JPY_SESSION_NAME", str(path))
        with running_shell(LOAD_CELL, **settings) as shell:
            yield OpenNotebook(path, shell)


@contextlib.contextmanager
def opened_in_code(path: Path, **settings: Any) -> Iterator[OpenNotebook]:
    """Start a kernel as VS Code does: the path in a variable, cell ids of its own."""
    with running_shell(**settings) as shell:
        shell["__vsc_ipynb_file__"] = str(path)
        yield OpenNotebook(path, _InCode(shell.ipython))


class _InCode(Shell):
    def _tell(self, cell_id: str | None) -> None:
        super()._tell(f"vscode-notebook-cell:{os.sep}some.ipynb#{cell_id}")
