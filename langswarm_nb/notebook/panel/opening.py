"""`chat`: opens a panel on a session of this notebook."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from langswarm_nb.core.session import (
    BaseSession,
    SessionManager,
    SessionNotFoundError,
    create_session_manager,
)
from langswarm_nb.notebook.bridge import kernel_shell, run_sync
from langswarm_nb.notebook.cells import running_cell

from .rules import WorkspaceRules
from .widget import ChatPanel, Theme

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_of_cell: dict[str, tuple[str, weakref.WeakSet[ChatPanel]]] = {}
"""The last run of each cell that opened panels, and those panels."""


def chat(
    session: BaseSession | str | None = None,
    model: str | None = None,
    height: str = "28rem",
    theme: Theme = "auto",
    *,
    manager: SessionManager | None = None,
    enter_sends: bool = True,
) -> ChatPanel:
    """Open a chat panel; a cell that runs again closes the panels that it opened before.

    Parameters
    ----------
    session : BaseSession or str, optional
        A session, or its name or id; by default the one that the cells of this notebook talk to.
    model, height, theme, enter_sends
        As in `ChatPanel`.
    manager : SessionManager, optional
        Where the session is looked up by id; by default the store of the magics.

    Returns
    -------
    ChatPanel
        As the last value of a cell it is shown.

    Raises
    ------
    SessionNotFoundError
        There is no session of this name.
    SessionError
        The session could not be read or made.

    Examples
    --------
    ::

        import langswarm_nb as ls

        ls.chat(model="mock:script")
    """
    workspace = _workspace()
    if not isinstance(session, BaseSession):
        session = run_sync(_find(session, manager, workspace))
    panel = ChatPanel(
        session,
        manager=manager,
        model=model,
        height=height,
        theme=theme,
        enter_sends=enter_sends,
        rules=None if workspace is None else WorkspaceRules(workspace),
    )
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


def _workspace() -> Workspace | None:
    """Return the workspace of the magics; loads them when this is a kernel in which they are not loaded."""
    shell = kernel_shell()
    if shell is None:
        return None
    from langswarm_nb.notebook.extension import workspace_of

    return workspace_of(shell)


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
