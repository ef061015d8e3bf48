"""Commands that tell how things stand: status and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import langswarm_nb
from langswarm_nb.notebook.listing import Facts

from .command import Command

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace


async def _status(workspace: Workspace) -> Facts:
    session = await workspace.current()
    path = await session.get_messages()
    turns = {message.turn for message in path if message.turn is not None}
    return Facts(
        session=workspace.name_of(session),
        model=f"{session.provider}:{session.model}",
        branch=session.record.branch,
        turns=len(turns),
        messages=f"{len(path)} on this branch, {session.record.message_count} in all",
        store=workspace.place,
        user=workspace.user_id,
    )


def _version(_workspace: Workspace) -> str:
    return langswarm_nb.__version__


COMMANDS = (
    Command("status", _status, "tell the session, model and store; the same as no command"),
    Command("version", _version, "tell the version of langswarm_nb"),
)
