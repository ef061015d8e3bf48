"""Commands that make, find and show sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from langswarm_nb.core.session import BaseSession, MessageRole, SessionStatus, SessionValueError
from langswarm_nb.core.session.conversation.titles import title_beside
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS
from langswarm_nb.notebook.asking.options import word
from langswarm_nb.notebook.showing.transcript import Transcript, thumbs_for
from langswarm_nb.notebook.workspace.session_names import rename

from .command import Argument, Command, arg
from .results import Listing

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_COLUMNS = ("", "session", "about", "home", "model", "messages", "last used", "id")


async def _new(workspace: Workspace, name: str | None) -> str:
    session = await workspace.start(name)
    return " · ".join([workspace.name_of(session), *workspace.take_notes()])


async def _switch(workspace: Workspace, name: str | None) -> str:
    session = await (workspace.current() if name is None else workspace.switch(name))
    return " · ".join([await workspace.said_of(session, name), *workspace.take_notes()])


async def _sessions(workspace: Workspace, q: str | None, n: int, *, everything: bool) -> Listing:
    def fits(session: BaseSession) -> bool:
        return (everything or session.status is not SessionStatus.ARCHIVED) and (
            q is None or q.casefold() in workspace.name_of(session).casefold()
        )

    sessions = await workspace.in_order(None if everything or n <= 0 else n, fits=fits)
    questions = await workspace.manager.storage.list_first_questions(
        user_id=workspace.user_id, among=[session.session_id for session in sessions]
    )
    rows = [_row(workspace, session, questions.get(session.session_id, "")) for session in sessions]
    empty = f"No sessions yet in {workspace.place}." if q is None else f"No session has {q!r} in its name."
    return Listing(_COLUMNS, rows, empty=empty)


def _row(workspace: Workspace, session: BaseSession, question: str) -> tuple[str | int, ...]:
    is_archived = session.status is SessionStatus.ARCHIVED
    return (
        "→" if workspace.is_current(session) else "archived" if is_archived else "",
        workspace.label_of(session),
        title_beside(session.title, session.record.home, question),
        workspace.home_of(session),
        f"{session.provider}:{session.model}",
        session.record.message_count,
        f"{session.record.updated_at.astimezone():%Y-%m-%d %H:%M}",
        session.session_id[:8],
    )


async def _show(workspace: Workspace, name: str | None, n: int, *, everything: bool) -> Transcript:
    session = await workspace.get(name)
    messages = await session.get_messages(n if n > 0 else None, branch="all" if everything else "active")
    total = len(messages)
    if total == n:  # there may be more
        tree = await session.tree()
        total = max(total, len(tree.nodes if everything else tree.path))
    thumbs = await thumbs_for(session, messages)
    return Transcript(await workspace.said_of(session, name), messages, total, thumbs)


async def _rename(workspace: Workspace, name: str | None, new: str | None) -> str:
    if name is None:
        return workspace.name_of(await workspace.current())
    session = await workspace.get_to_change(None if new is None else name, "rename")
    await rename(session, name if new is None else new)
    return workspace.name_of(session)


async def _archive(workspace: Workspace, name: str | None) -> str:
    session = await workspace.get_to_change(name, "archive")
    was = "" if await session.archive() else " already"
    return (
        f"{workspace.name_of(session)} is archived{was}: kept, and no longer listed; "
        f"`%langswarm unarchive {_way(workspace, session)}` brings it back"
    )


async def _unarchive(workspace: Workspace, name: str) -> str:
    session = await workspace.get_to_change(name, "unarchive")
    if session.status is not SessionStatus.ARCHIVED:
        raise SessionValueError(f"{workspace.name_of(session)} is not archived.")
    await session.set_status(SessionStatus.ACTIVE)
    return f"{workspace.name_of(session)} is back"


async def _delete(workspace: Workspace, name: str, *, yes: bool) -> str:
    session = await workspace.get_to_change(name, "delete")
    shown = workspace.name_of(session)
    if not yes:
        raise UsageError(
            f"This deletes {shown!r} with {session.record.message_count} messages for good. "
            f"Confirm it with `%langswarm delete {word(name)} --yes`, or keep it out of sight with "
            f"`%langswarm archive {word(name)}`."
        )
    replies = await session.get_messages(role=MessageRole.ASSISTANT, branch="all")
    asked = sorted({message.request.provider for message in replies if message.request} - OFFLINE_PROVIDERS)
    await session.delete()
    kept = f" What {' and '.join(asked)} received stays there, for as long as they keep it." if asked else ""
    return f"{shown} is deleted.{kept}"


def _way(workspace: Workspace, session: BaseSession) -> str:
    """Return what names a session as one word of a line."""
    return word(workspace.name_of(session))


def _session_arg(help: str, *, nargs: str | None = None) -> Argument:
    return arg("name", metavar="NAME", nargs=nargs, help=help, completes="session")


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
        "list the sessions: this notebook's first, then the most recently used",
        (
            arg("-q", metavar="TEXT", help="only those with TEXT in their name"),
            arg("-n", type=int, default=20, metavar="N", help="how many at most, 0 for all; 20 by default"),
            arg("--all", dest="everything", action="store_true", help="all of them, archived ones too"),
        ),
    ),
    Command(
        "rename",
        _rename,
        "give this session, or another one, a new name",
        (
            arg(
                "name",
                metavar="NAME",
                nargs="?",
                help="the new name; with NEW, the session",
                completes="session",
            ),
            arg("new", metavar="NEW", nargs="?", help="the new name"),
        ),
    ),
    Command(
        "archive",
        _archive,
        "take a session out of the list, and keep it",
        (_session_arg("by default the current one", nargs="?"),),
    ),
    Command("unarchive", _unarchive, "bring an archived session back", (_session_arg("its name or its id"),)),
    Command(
        "delete",
        _delete,
        "delete a session, for good",
        (_session_arg("its name or its id"), arg("--yes", action="store_true", help="yes, delete it")),
    ),
    Command(
        "switch",
        _switch,
        "switch to another session; without NAME, show this one",
        (_session_arg("its name, HOME:NAME, or the first characters of its id", nargs="?"),),
    ),
    Command(
        "show",
        _show,
        "show a conversation, including what is hidden, failed or stopped",
        (
            _session_arg("session; the current one by default", nargs="?"),
            arg(
                "--all",
                dest="everything",
                action="store_true",
                help="also asides, other branches and versions",
            ),
            arg(
                "-n", type=int, default=50, metavar="N", help="the last N messages, 0 for all; 50 by default"
            ),
        ),
    ),
)
