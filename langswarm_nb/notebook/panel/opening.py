"""Opens a panel on a session, and closes those that an earlier run of the cell opened."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import (
    BaseSession,
    SessionManager,
    SessionNotFoundError,
    create_session_manager,
)
from langswarm_nb.notebook.bridge import kernel_shell, run_sync
from langswarm_nb.notebook.running_cell import running_cell

from .rules import WorkspaceRules
from .widget import ChatPanel

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_of_cell: dict[str, tuple[str, weakref.WeakSet[ChatPanel]]] = {}
"""The last run of each cell that opened panels, and those panels."""


def open_panel(
    workspace: Workspace | None,
    session: BaseSession | str | None = None,
    *,
    manager: SessionManager | None = None,
    **settings: Any,
) -> ChatPanel:
    """Open a panel; parameters as in `langswarm_nb.chat`, with the workspace of the magics where there is one."""
    if not isinstance(session, BaseSession):
        session = run_sync(_find(session, manager, workspace))
    rules = None if workspace is None else WorkspaceRules(workspace)
    panel = ChatPanel(session, manager=manager, rules=rules, **settings)
    _close_earlier(panel)
    return panel


async def _find(name: str | None, manager: SessionManager | None, workspace: Workspace | None) -> BaseSession:
    if manager is None and workspace is not None:
        return await workspace.get(name)
    manager = manager or create_session_manager("memory")
    if name is None:
        return await manager.create_session("me", "mock", "echo")
    found = await manager.get_session(name)
    if found is None:
        raise SessionNotFoundError.of(name, storage=manager.storage.name)
    return found


def _close_earlier(panel: ChatPanel) -> None:
    """Close what an earlier run of this cell has opened; one run may open several."""
    shell = kernel_shell()
    cell = None if shell is None else running_cell(shell)
    if cell is None or cell.cell_id is None:
        return
    run, panels = _of_cell.get(cell.cell_id, ("", weakref.WeakSet[ChatPanel]()))
    if run != cell.run:
        for earlier in list(panels):
            earlier.close()
        panels = weakref.WeakSet()
    panels.add(panel)
    _of_cell[cell.cell_id] = cell.run, panels
