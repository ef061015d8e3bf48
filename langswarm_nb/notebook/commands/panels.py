"""The command that opens the chat panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .command import Command, arg

if TYPE_CHECKING:
    from langswarm_nb.notebook.panel import ChatPanel
    from langswarm_nb.notebook.workspace import Workspace


def _chat(workspace: Workspace, name: str | None, model: str | None) -> ChatPanel:
    from langswarm_nb.notebook.panel.opening import open_panel

    return open_panel(workspace, name, model=model)


COMMANDS = (
    Command(
        "chat",
        _chat,
        "open a chat panel on this session, or on another",
        (
            arg(
                "name",
                metavar="NAME",
                nargs="?",
                help="its name, or the first characters of its id",
                completes="session",
            ),
            arg("-m", "--model", metavar="MODEL", help="model that answers from now on", completes="model"),
        ),
    ),
)
