"""The cell that runs: its id, which outlives a run, and the run itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_VSCODE_PREFIX = "vscode-notebook-cell:"
_THIS_KERNEL = os.urandom(4).hex()
_OF_THIS_KERNEL = ("vscode:", "colab:")


@dataclass(frozen=True, slots=True)
class Cell:
    """What the front end says about the cell that runs."""

    cell_id: str | None
    """The same when the cell runs again; None when the front end does not say."""
    run: str
    """One run of it."""


def running_cell(shell: InteractiveShell) -> Cell:
    """Return the cell that runs now."""
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    run = parent.get("header", {}).get("msg_id") or str(shell.execution_count)
    return Cell(_cell_id(parent.get("metadata", {})), str(run))


def is_lasting(cell_id: str) -> bool:
    """Tell whether an id of a cell is the one in the notebook's file, and so means the same cell in every kernel."""
    return not cell_id.startswith(_OF_THIS_KERNEL)


def _cell_id(metadata: dict[str, Any]) -> str | None:
    found, colab = metadata.get("cellId"), metadata.get("colab")
    if isinstance(colab, dict) and isinstance(colab.get("cell_id"), str):
        return f"colab:{_THIS_KERNEL}:{colab['cell_id']}"
    if not isinstance(found, str) or not found.strip():
        return None
    if not found.startswith(_VSCODE_PREFIX):
        return found
    # VS Code renumbers cells when it opens a file, and puts the file's path before: only true in this kernel.
    return f"vscode:{_THIS_KERNEL}:{found.rpartition('#')[2]}"
