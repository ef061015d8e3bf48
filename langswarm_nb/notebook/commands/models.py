"""Commands that choose who answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from langswarm_nb.core.session import MessageRole

from .command import Command, arg

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_VERSION = re.compile(r"v(\d+)", re.IGNORECASE)


async def _use(workspace: Workspace, model: str | None) -> str:
    session = await workspace.current()
    if model is None:
        return f"{session.provider}:{session.model}"
    if version := _VERSION.fullmatch(model):
        return await _use_version(workspace, int(version[1]))
    wanted = workspace.model_id(model, session=session)
    await session.update_settings(model=wanted)
    return wanted


async def _use_version(workspace: Workspace, number: int) -> str:
    session = await workspace.current()
    questions = [m for m in await session.get_messages() if m.role is MessageRole.USER]
    if not questions:
        raise UsageError("There are no versions yet: nothing was asked in this session.")
    versions = await session.versions(questions[-1].id)
    chosen = next((version for version in versions if version.version == number), None)
    if chosen is None:
        numbers = ", ".join(f"v{version.version}" for version in versions)
        raise UsageError(f"The last turn has no version v{number}; it has {numbers}.")
    await session.use_version(chosen.id)
    return f"{session.record.branch}#{chosen.turn} v{number}"


COMMANDS = (
    Command(
        "use",
        _use,
        "set the model of this session, or go to a version of the last turn (v1); without either, tell the model",
        (arg("model", metavar="MODEL", nargs="?", help="provider:model, an alias, or v1, v2, …"),),
    ),
)
