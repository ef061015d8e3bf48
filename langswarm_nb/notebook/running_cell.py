"""The cell that runs: its id, which outlives a run, and the run itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_VSCODE_PREFIX = "vscode-notebook-cell:"
_THIS_KERNEL = os.urandom(4).hex()


@dataclass(frozen=True, slots=True)
class Cell:
    """What the front end tells of the cell that runs."""

    cell_id: str | None
    """The same when the cell runs again; None when the front end does not tell."""
    run: str
    """One run of it."""


def running_cell(shell: InteractiveShell) -> Cell:
    """Return the cell that runs now."""
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    run = parent.get("header", {}).get("msg_id") or str(shell.execution_count)
    found = parent.get("metadata", {}).get("cellId")
    return Cell(_lasting(found) if isinstance(found, str) and found.strip() else None, str(run))


def _lasting(cell_id: str) -> str:
    if not cell_id.startswith(_VSCODE_PREFIX):
        return cell_id
    # VS Code numbers cells anew when it opens a file, and puts the file's path before: only true in this kernel.
    return f"vscode:{_THIS_KERNEL}:{cell_id.rpartition('#')[2]}"
