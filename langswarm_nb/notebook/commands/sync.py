"""Commands that follow the saved notebook: sync."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from langswarm_nb.core.session import BaseSession, SessionMessage
from langswarm_nb.core.session.conversation.notes import marks, turns
from langswarm_nb.core.session.conversation.syncing import Line, Step
from langswarm_nb.notebook.workspace.saved_cells import saved_cells

from .command import Command, arg
from .tree_drawing import beginning

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_BRANCH = "sync"


async def _sync(workspace: Workspace, *, dry_run: bool) -> str:
    home, session = await workspace.home(), await workspace.current()
    if home is None:
        raise UsageError(
            "%langswarm sync: the front end does not say which notebook this is, so there is no file to follow."
        )
    cells, saved_at = saved_cells(home)
    line = await session.line_of(cells)
    if not line.steps:
        raise UsageError(
            f"%langswarm sync: no cell of {_file(home, saved_at)} has asked in {workspace.name_of(session)}."
        )
    if line.is_path:
        return f"the conversation is as {_file(home, saved_at)} already"
    branch, before = _free_branch(await session.branches()), session.record.branch
    if dry_run:
        said = await _drawing(session, line)
        told = _told(line, before)
        return "\n".join([f"branch {branch} would follow {_file(home, saved_at)}", *said, *told])
    workspace.ends_replay(session)
    await session.follow(line, branch)
    return " · ".join([f"branch {branch} follows {_file(home, saved_at)}", *_told(line, before)])


def _file(home: str, saved_at: datetime) -> str:
    return f"{Path(home).name}, saved {saved_at.astimezone():%Y-%m-%d %H:%M:%S}"


def _free_branch(branches: Mapping[str, int | None]) -> str:
    numbered = (f"{_BRANCH}-{n}" for n in range(2, len(branches) + 3))
    return next(name for name in (_BRANCH, *numbered) if name not in branches)


async def _drawing(session: BaseSession, line: Line) -> list[str]:
    """Return a line for each turn: its text, and what becomes of it."""
    tree = await session.tree()
    questions = [next(seq for seq in step.seqs if tree.nodes[seq].role == "user") for step in line.steps]
    messages = {message.seq: message for message in await session.pick_messages(sorted(questions))}
    return [_step(step, messages[seq]) for step, seq in zip(line.steps, questions, strict=True)]


def _step(step: Step, question: SessionMessage) -> str:
    told = [
        "copied" if not step.is_there else "",
        *marks(is_hidden=step.is_hidden, knew_other=step.knew_other),
        "edited since, and not asked" if step.is_edited else "",
    ]
    about = ", ".join(filter(None, told))
    return f"  {step.address} {beginning(question.content)}{f' ({about})' if about else ''}"


def _told(line: Line, branch: str) -> list[str]:
    """Return what the line takes and leaves, in numbers."""
    known = {
        "copied": sum(not step.is_there for step in line.steps),
        "answered in another context": sum(step.knew_other for step in line.steps),
        "edited since, and not asked": sum(step.is_edited for step in line.steps),
    }
    told = [turns(len(line.steps)), *(f"{number} {what}" for what, number in known.items() if number)]
    if line.left:
        stay = "stay" if len(line.left) > 1 else "stays"
        told.append(f"{', '.join(line.left)} {stay} on {branch}")
    return told


COMMANDS = (
    Command(
        "sync",
        _sync,
        "make a branch that follows the saved notebook: the turns of its cells, in its order",
        (arg("--dry-run", action="store_true", help="show what would change, and change nothing"),),
    ),
)
