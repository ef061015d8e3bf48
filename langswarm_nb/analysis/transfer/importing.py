"""Read conversations back: our own JSON lines and notebooks, and chat lines in the style of OpenAI.

Every value is checked before anything is stored, and none of it chooses an address, a key or a path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from langswarm_nb.analysis.store import find_store, run_apart
from langswarm_nb.core.session import checks
from langswarm_nb.core.session.base import SessionManager
from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.files import as_path, read_text
from langswarm_nb.core.session.interfaces import ISessionStorage
from langswarm_nb.core.session.settings import SessionRecord, SessionSettings

from .chats import session_of_chat
from .lines import sessions_of_lines
from .restoring import Exported, store_session


def import_sessions(
    path: str | os.PathLike[str],
    source: SessionManager | ISessionStorage | None = None,
    *,
    user_id: str = "imported",
    format: Literal["jsonl", "ipynb", "openai"] | None = None,
    provider: str = "mock",
    model: str = "echo",
) -> list[str]:
    """Store the conversations of a file as new sessions.

    Parameters
    ----------
    path : str or path
        A file that `export` wrote as ``jsonl`` or ``ipynb``, or chat lines in the style of OpenAI: one
        ``{"messages": [{"role": ..., "content": ...}, ...]}`` a line.
    source : manager or storage, optional
        Where to; by default the notebook's manager.
    user_id : str
        Whose the sessions are from now on.
    format : {"jsonl", "ipynb", "openai"}, optional
        By default what the file looks like.
    provider, model : str
        Who goes on with a conversation from a file that does not say it (``openai``).

    Returns
    -------
    list of str
        Ids of the sessions. A session keeps the id it had, unless that is taken: then it gets a new one.

    Raises
    ------
    SessionValueError, SessionTypeError
        The file is of another kind or damaged; the text names the line. Nothing was stored.
    SessionStorageError
        The file cannot be read, or a session not be stored; those before it are.

    Notes
    -----
    Messages, their versions, branches and facts of requests come back as they were. What is not taken over: the
    conversation that a provider held, and provider options.
    """
    checks.text("user_id", user_id)
    storage = find_store(source).storage
    if storage is None:
        raise SessionTypeError.of("source", source, "a manager or a storage")
    found = list(read_sessions(path, format, provider, model))
    return run_apart(
        lambda: _store_all(storage, [replace(one, record=_owned(one.record, user_id)) for one in found])
    )


def read_sessions(
    path: str | os.PathLike[str], format: str | None = None, provider: str = "mock", model: str = "echo"
) -> Iterator[Exported]:
    """Yield the sessions of a file.

    Raises
    ------
    SessionValueError, SessionTypeError, SessionStorageError
        As in `import_sessions`.
    """
    name, text = str(as_path(path)), read_text(path)
    kind = format or _guess(name, text)
    if kind not in ("jsonl", "ipynb", "openai"):
        raise SessionValueError.of("format", kind, ["jsonl", "ipynb", "openai"])
    if kind == "ipynb":
        yield from sessions_of_lines(name, _lines_of_notebook(name, text))
        return
    lines = [
        (number, _parsed(name, number, line))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    if kind == "jsonl":
        yield from sessions_of_lines(name, lines)
    else:
        settings = SessionSettings(provider, model)
        yield from (session_of_chat(name, number, values, settings) for number, values in lines)


def _guess(name: str, text: str) -> str:
    if name.endswith(".ipynb"):
        return "ipynb"
    first = _parsed(name, 1, text.lstrip().split("\n", 1)[0])
    if "langswarm_nb" in first:
        return "jsonl"
    if "messages" in first:
        return "openai"
    raise SessionValueError(
        f"{name} holds no conversation that is known here: its first line is neither an export of langswarm_nb nor "
        'a chat line with "messages".'
    )


def _parsed(name: str, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SessionValueError(
            f"{name}, line {number} is no JSON: {error}. Nothing was imported."
        ) from error
    if not isinstance(found, dict):
        raise SessionValueError(f"{name}, line {number} is no JSON object. Nothing was imported.")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _lines_of_notebook(name: str, text: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the lines of our own form that a notebook carries in its metadata."""
    carried = _parsed(name, 1, text).get("metadata")
    ours = carried.get("langswarm_nb") if isinstance(carried, dict) else None
    lines = ours.get("lines") if isinstance(ours, dict) else None
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise SessionValueError(f"{name} is a notebook that carries no conversation of langswarm_nb.")
    return list(enumerate(lines, 1))


def _owned(record: SessionRecord, user_id: str) -> SessionRecord:
    return replace(record, user_id=user_id)


async def _store_all(storage: ISessionStorage, sessions: Sequence[Exported]) -> list[str]:
    return [await store_session(storage, session) for session in sessions]
