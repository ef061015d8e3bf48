"""Commands that make, find and show sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from langswarm_nb.core.session import MessageRole, SessionStatus
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS
from langswarm_nb.notebook.asking.options import word
from langswarm_nb.notebook.showing.transcript import Transcript
from langswarm_nb.notebook.workspace.session_names import rename

from .command import Command, arg
from .results import Listing

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace


async def _new(workspace: Workspace, name: str | None) -> str:
    return workspace.name_of(await workspace.start(name))


async def _switch(workspace: Workspace, name: str | None) -> str:
    return workspace.name_of(await (workspace.current() if name is None else workspace.switch(name)))


async def _sessions(workspace: Workspace, q: str | None, n: int) -> Listing:
    found = await workspace.manager.list_user_sessions(workspace.user_id, limit=None)
    rows = [
        (
            "→" if workspace.is_current(session) else "",
            workspace.name_of(session),
            f"{session.provider}:{session.model}",
            session.record.message_count,
            f"{session.record.updated_at.astimezone():%Y-%m-%d %H:%M}",
            session.session_id[:8],
        )
        for session in found
        if session.status is not SessionStatus.ARCHIVED
        and (q is None or q.casefold() in workspace.name_of(session).casefold())
    ]
    columns = ("", "session", "model", "messages", "last used", "id")
    empty = f"No sessions yet in {workspace.place}." if q is None else f"No session has {q!r} in its name."
    return Listing(columns, rows[:n] if n > 0 else rows, empty=empty)


async def _show(workspace: Workspace, name: str | None, n: int) -> Transcript:
    session = await workspace.get(name)
    path = await session.get_messages()
    return Transcript(workspace.name_of(session), path[-n:] if n > 0 else path, len(path))


async def _rename(workspace: Workspace, name: str | None) -> str:
    session = await workspace.current()
    if name is not None:
        await rename(session, name)
    return workspace.name_of(session)


async def _archive(workspace: Workspace, name: str | None) -> str:
    session = await workspace.get(name)
    was = "" if await session.archive() else " already"
    workspace.leave(session)
    return f"{workspace.name_of(session)} is archived{was}: kept, and no longer listed"


async def _delete(workspace: Workspace, name: str, *, yes: bool) -> str:
    session = await workspace.get(name)
    shown = workspace.name_of(session)
    if not yes:
        raise UsageError(
            f"This deletes {shown!r} with {session.record.message_count} messages for good. "
            f"Say so with `%langswarm delete {word(name)} --yes`, or keep it out of sight with "
            f"`%langswarm archive {word(name)}`."
        )
    replies = await session.get_messages(role=MessageRole.ASSISTANT, branch="all")
    asked = sorted({message.request.provider for message in replies if message.request} - OFFLINE_PROVIDERS)
    await session.delete()
    workspace.leave(session)
    kept = f" What {' and '.join(asked)} received stays there, for as long as they keep it." if asked else ""
    return f"{shown} is deleted.{kept}"


COMMANDS = (
    Command(
        "new",
        _new,
        "start a session and stay in it",
        (arg("name", metavar="NAME", nargs="?", help="its name"),),
    ),
    Command(
        "sessions",
        _sessions,
        "list the sessions, the last used first",
        (
            arg("-q", metavar="TEXT", help="only those with TEXT in their name"),
            arg("-n", type=int, default=20, metavar="N", help="at most so many, 0 for all; 20 by default"),
        ),
    ),
    Command("rename", _rename, "give this session another name", (arg("name", metavar="NAME", nargs="?"),)),
    Command(
        "archive",
        _archive,
        "keep a session out of the list",
        (arg("name", metavar="NAME", nargs="?", help="by default the current one", completes="session"),),
    ),
    Command(
        "delete",
        _delete,
        "delete a session for good",
        (arg("name", metavar="NAME", completes="session"), arg("--yes", action="store_true", help="really")),
    ),
    Command(
        "switch",
        _switch,
        "go on with another session; without NAME, tell this one",
        (
            arg(
                "name",
                metavar="NAME",
                nargs="?",
                help="its name, or the first characters of its id",
                completes="session",
            ),
        ),
    ),
    Command(
        "show",
        _show,
        "show a conversation",
        (
            arg(
                "name",
                metavar="NAME",
                nargs="?",
                help="session; the current one by default",
                completes="session",
            ),
            arg(
                "-n", type=int, default=50, metavar="N", help="the last N messages, 0 for all; 50 by default"
            ),
        ),
    ),
)
