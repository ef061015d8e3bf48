"""Commands that take conversations out and in: search, df, sql, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.importing import read_export, store_export
from langswarm_nb.notebook.listing import Listing
from langswarm_nb.notebook.options import check_name, word

from .command import Command, arg

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.notebook.workspace import Workspace

_EXPORTS = {".jsonl": "jsonl", ".json": "json", ".md": "md"}
_FRAMES = ("messages", "turns", "sessions", "events", "metrics")


async def _search(workspace: Workspace, text: str) -> Listing:
    hits = await workspace.manager.search_messages(text, user_id=workspace.user_id)
    names = {}
    for session_id in {hit.session_id for hit in hits}:
        session = await workspace.manager.get_session(session_id)
        names[session_id] = session_id[:8] if session is None else workspace.name_of(session)
    rows = [
        (
            names[hit.session_id],
            hit.message.turn,
            hit.message.role.value,
            f"{hit.message.timestamp.astimezone():%Y-%m-%d %H:%M}",
            hit.snippet,
        )
        for hit in hits
    ]
    return Listing(
        ("session", "turn", "role", "when", "text"), rows, empty=f"No message holds all words of {text!r}."
    )


def _df(workspace: Workspace, kind: str, name: list[str]) -> pd.DataFrame | None:
    frame = _frame(workspace, kind)
    if not name:
        return frame
    if name[1:] != ["<<"]:
        raise UsageError(f"%langswarm df: after {kind} comes `NAME <<`, not {' '.join(name)!r}.")
    workspace.shell.user_ns[check_name(name[0])] = frame
    return None


def _frame(workspace: Workspace, kind: str) -> pd.DataFrame:
    from langswarm_nb import analysis

    if kind == "events":
        return analysis.events_df(workspace.metrics)
    if kind == "metrics":
        return Listing(("event", "count"), list(workspace.metrics.get_metrics().items())).to_frame()
    build: Any = getattr(analysis, f"{kind}_df")
    return build(workspace.manager)  # type: ignore[no-any-return]


def _sql(workspace: Workspace, text: str) -> pd.DataFrame:
    from langswarm_nb.analysis import sql

    return sql(text, workspace.manager)


def _export(workspace: Workspace, file: str, session: str | None) -> str:
    path = Path(file).expanduser()
    form = _EXPORTS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            f"{path.name!r}: the ending says the form, and must be one of {', '.join(_EXPORTS)}."
        )
    found = run_sync(workspace.get(session))
    run_sync(found.export(path, format=form))
    return f"{workspace.name_of(found)} is in {path}"


def _import(workspace: Workspace, file: str) -> str:
    path = Path(file).expanduser()
    exported = read_export(path)
    name = run_sync(workspace.free_name(exported.title or path.stem))
    session = run_sync(store_export(workspace.manager, workspace.user_id, exported, title=name))
    return f"{session.record.message_count} messages are in {name!r}; `%langswarm switch {word(name)}` goes there"


COMMANDS = (
    Command("search", _search, "find messages that hold all words of TEXT, in all sessions", text="TEXT"),
    Command(
        "df",
        _df,
        "return a frame of all sessions; `NAME <<` puts it into a variable",
        (
            arg("kind", choices=_FRAMES, metavar="messages|turns|sessions|events|metrics"),
            arg("name", nargs="*", metavar="NAME <<"),
        ),
    ),
    Command(
        "sql",
        _sql,
        "query the tables messages and sessions of the store; nothing can be changed",
        text="QUERY",
    ),
    Command(
        "export",
        _export,
        "write a session to a file: .jsonl and .json hold all branches, .md the active one",
        (
            arg("file", metavar="FILE"),
            arg("-S", "--session", metavar="NAME", help="by default the current one"),
        ),
    ),
    Command("import", _import, "read a session that was exported as .jsonl", (arg("file", metavar="FILE"),)),
)
