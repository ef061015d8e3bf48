"""Commands that search, export and import conversations: search, df, sql, export, import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.notebook.asking.options import check_name
from langswarm_nb.notebook.bridge import run_sync

from .command import Command, arg
from .results import Listing
from .tree_drawing import moment

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.core.session import BaseSession, SessionManager
    from langswarm_nb.notebook.workspace import Workspace

_FRAMES = ("messages", "turns", "sessions", "attachments", "events", "metrics")


async def _search(workspace: Workspace, text: str) -> Listing:
    from langswarm_nb.render.tables import Code, Marked

    words = tuple(text.split())
    hits = await workspace.manager.search_messages(text, user_id=workspace.user_id)
    names = {}
    for session_id in {hit.session_id for hit in hits}:
        session = await workspace.manager.get_session(session_id)
        names[session_id] = (
            (session_id[:8], "")
            if session is None
            else (workspace.name_of(session), await workspace.about(session))
        )
    rows = [
        (
            *names[hit.session_id],
            Code(hit.message.address),
            hit.message.role.value,
            moment(hit.message),
            Marked(hit.snippet, words),
        )
        for hit in hits
    ]
    empty = f"No message contains all words of {text!r}."
    found = f"{len(rows)} message{'s' * (len(rows) != 1)} with {text}"
    return Listing(("session", "about", "turn", "role", "when", "text"), rows, empty=empty, caption=found)


def source_of(workspace: Workspace, *, everything: bool) -> SessionManager | list[BaseSession]:
    """Return what frames are made of: the sessions of this notebook; where there is none, or on request, all."""
    home = workspace.here()
    if everything or home is None:
        return workspace.manager
    return run_sync(workspace.manager.list_user_sessions(workspace.user_id, limit=None, home=home))


def _df(workspace: Workspace, kind: str, name: list[str], *, everything: bool) -> pd.DataFrame | None:
    frame = _frame(workspace, kind, everything=everything)
    if not name:
        return frame
    if name[1:] != ["<<"]:
        raise UsageError(f"%langswarm df: after {kind} comes `NAME <<`, not {' '.join(name)!r}.")
    workspace.shell.user_ns[check_name(name[0])] = frame
    return None


def _frame(workspace: Workspace, kind: str, *, everything: bool) -> pd.DataFrame:
    from langswarm_nb import analysis

    if kind == "events":
        return analysis.events_df(workspace.metrics)
    if kind == "metrics":
        return Listing(("event", "count"), list(workspace.metrics.get_metrics().items())).to_frame()
    build: Any = getattr(analysis, f"{kind}_df")
    return build(source_of(workspace, everything=everything))  # type: ignore[no-any-return]  # found by its name


def _sql(workspace: Workspace, text: str) -> pd.DataFrame:
    from langswarm_nb.analysis import sql

    return sql(text, workspace.manager)


def _export(workspace: Workspace, file: str, session: str | None, format: str | None, *, whole: bool) -> str:
    from langswarm_nb.analysis.transfer.exporting import export_quietly

    path = Path(file).expanduser()
    found = run_sync(workspace.get(session))
    text = export_quietly(found, path, format=format, redact=not whole)
    note = f"; removed: {text.redacted_words} (--whole keeps everything)" if text.redacted else ""
    return f"{run_sync(workspace.said_of(found, session))} is in {path}{note}"


def _import(workspace: Workspace, file: str) -> str:
    from langswarm_nb.analysis import import_sessions

    ids = import_sessions(Path(file).expanduser(), workspace.manager, user_id=workspace.user_id)
    names = run_sync(_named(workspace, ids))
    return "\n".join(f"{name} is here; `%langswarm switch {way}` goes there" for name, way in names)


async def _named(workspace: Workspace, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Give imported sessions, which belong to no notebook, labels of their own; return them with what names them."""
    names = []
    for session_id in ids:
        session = await workspace.manager.get_session(session_id)
        if session is not None:
            home, label = session.record.home, workspace.label_of(session)
            if (free := await workspace.free_label(label, home, besides=session)) != session.title:
                await session.rename(free)
            names.append((workspace.label_of(session), await workspace.address_of(session)))
    return names


COMMANDS = (
    Command("search", _search, "find messages that contain all words of TEXT, in all sessions", text="TEXT"),
    Command(
        "df",
        _df,
        "return a frame of this notebook's sessions; `NAME <<` puts it into a variable",
        (
            arg("kind", choices=_FRAMES, metavar="messages|turns|sessions|attachments|events|metrics"),
            arg("name", nargs="*", metavar="NAME <<"),
            arg("--all", action="store_true", dest="everything", help="all sessions of the store"),
        ),
    ),
    Command(
        "sql",
        _sql,
        "query the tables `messages` and `sessions` of the store, read-only",
        text="QUERY",
    ),
    Command(
        "export",
        _export,
        "write a session to a file: .jsonl or .ipynb with all branches, .md, .html, .json, .csv",
        (
            arg("file", metavar="FILE"),
            arg("-S", "--session", metavar="NAME", help="by default the current one", completes="session"),
            arg("-f", "--format", metavar="FORMAT", help="by default taken from the file's ending"),
            arg(
                "--whole",
                action="store_true",
                help="leave secrets and personal details in",
            ),
        ),
    ),
    Command(
        "import",
        _import,
        "read a .jsonl or .ipynb file that `%langswarm export` wrote",
        (arg("file", metavar="FILE"),),
    ),
)
