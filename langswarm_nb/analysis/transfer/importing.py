"""Read conversations back: our own JSON lines and notebooks, and chat lines in the style of OpenAI.

Every value is checked before anything is stored, and none of it chooses an address, a key or a path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from langswarm_nb.analysis.columns import REQUESTS
from langswarm_nb.analysis.progress import say
from langswarm_nb.analysis.store import Store, find_store, run_apart
from langswarm_nb.core.session import checks
from langswarm_nb.core.session.base import SessionManager
from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.files import as_path, read_text
from langswarm_nb.core.session.interfaces import ISessionStorage
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.settings import SessionSettings

from .chats import session_of_chat
from .lines import sessions_of_lines
from .restoring import Exported, counted_once, store_session

_COUNTED = (
    "SELECT message_id, (SELECT session_id FROM sessions WHERE sessions.id = messages.id >> 32)"  # noqa: S608
    f" FROM messages WHERE {REQUESTS} AND message_id IN (SELECT value FROM json_each(?))"
)


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
    Messages and facts of requests come back as they were, and so do the numbers of turns and versions, branches and
    where they have been, asides, and what is hidden. What is not taken over: the conversation that a provider held,
    provider options, and the notebook that it belonged to; it belongs to none. A line says which of these there were.

    Of chat lines, what a message of ours has no field for (a name, a weight, annotations; of the line: its tools) is
    in the metadata under ``chat``. Calls without an id get one, and so do the results that answer them.

    An answer that is counted in the store already, because its session is still there, comes in as a copy of that one:
    with its model and its text, and without tokens, seconds and dollars. So every sum counts each request once,
    whoever makes it; ``copy_of`` in the metadata names the message that counts.
    """
    checks.text("user_id", user_id)
    store = find_store(source)
    storage = store.storage
    if storage is None:
        raise SessionTypeError.of("source", source, "a manager or a storage")
    found = list(read_sessions(path, format, provider, model))
    owned = [replace(one, record=replace(one.record, user_id=user_id)) for one in found]
    counted = _counted(store, [message for one in owned for message in one.messages])
    ids = run_apart(lambda: _store_all(storage, owned, counted))
    if left_out := dict.fromkeys(words for one in found for words in one.left_out):
        say(f"Not taken over from {as_path(path).name}: {', '.join(left_out)}.")
    return ids


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


def _counted(store: Store, messages: Sequence[SessionMessage]) -> dict[str, str]:
    """Return which of some answers are counted in the store already, with the sessions in which they are."""
    ids = [message.id for message in messages if _counts(message)]
    with store.open() as db:
        return dict(db.execute(_COUNTED, [json.dumps(ids)]))


def _counts(message: SessionMessage) -> bool:
    return message.request is not None and message.request.attempts > 0


async def _store_all(
    storage: ISessionStorage, sessions: Sequence[Exported], counted: dict[str, str]
) -> list[str]:
    ids = []
    for session in sessions:
        messages = counted_once(session.messages, counted)
        ids.append(await store_session(storage, replace(session, messages=tuple(messages))))
        counted |= {message.id: ids[-1] for message in messages if _counts(message)}
    return ids
