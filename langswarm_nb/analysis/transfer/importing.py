"""Read conversations back: our own JSON lines and notebooks, and chat lines in the style of OpenAI.

Every value is checked before anything is stored, and none of it chooses an address, a key or a path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace

from langswarm_nb.analysis.columns import REQUESTS
from langswarm_nb.analysis.store import Store, find_store, run_apart
from langswarm_nb.core.session import checks
from langswarm_nb.core.session.base import SessionManager
from langswarm_nb.core.session.errors import SessionTypeError
from langswarm_nb.core.session.files import as_path, read_text
from langswarm_nb.core.session.imports.bytes_back import with_files
from langswarm_nb.core.session.imports.kinds import FileFormat, read_sessions
from langswarm_nb.core.session.imports.restoring import Exported, counted_once, counts, store_session
from langswarm_nb.core.session.interfaces import ISessionStorage
from langswarm_nb.core.session.messages import SessionMessage

from .progress import say

_COUNTED = (
    "SELECT message_id, (SELECT session_id FROM sessions WHERE sessions.id = messages.id >> 32)"  # noqa: S608
    f" FROM messages WHERE {REQUESTS} AND message_id IN (SELECT value FROM json_each(?))"
)


def import_sessions(
    path: str | os.PathLike[str],
    source: SessionManager | ISessionStorage | None = None,
    *,
    user_id: str = "imported",
    format: FileFormat | None = None,
    provider: str = "mock",
    model: str = "echo",
) -> list[str]:
    """Store the conversations of a file as new sessions.

    Parameters
    ----------
    path : str or path
        A file that `export` wrote as ``jsonl``, ``json`` or ``ipynb``, or chats in OpenAI's format: one
        ``{"messages": [{"role": ..., "content": ...}, ...]}`` per line.
    source : manager or storage, optional
        Where to store them; by default the notebook's manager.
    user_id : str
        The user who will own the sessions.
    format : {"jsonl", "json", "ipynb", "openai"}, optional
        By default recognised from the content of the file.
    provider, model : str
        The provider and model for conversations whose file does not name them (``openai``).

    Returns
    -------
    list of str
        Ids of the new sessions. A session keeps its id unless that is taken; then it gets a new one.

    Raises
    ------
    SessionValueError, SessionTypeError
        The file has another format or is damaged; the error names the line. Nothing was stored.
    SessionStorageError
        The file cannot be read, or a session cannot be stored; the sessions before it are stored.

    Notes
    -----
    Messages and facts about requests come back unchanged, as do the numbers of turns and versions, branches and their
    history, asides, and what is hidden. Not imported are a conversation kept by a provider, provider options, and the
    notebook it belonged to: an imported session belongs to no notebook. A printed line says which of these there were.

    In chats, whatever our messages have no field for (a name, a weight, annotations; a line's tools) goes into the
    metadata under ``chat``. Tool calls without an id get one, and so do their results.

    If the store already counts an answer, because the original session is still there, it is imported as a copy: with
    its model and text, but without tokens, seconds and dollars. So every sum counts each request once; ``copy_of`` in
    the metadata names the message that counts.
    """
    checks.text("user_id", user_id)
    store = find_store(source)
    storage = store.storage
    if storage is None:
        raise SessionTypeError.of("source", source, "a manager or a storage")
    name, text = str(as_path(path)), read_text(path)
    found = [
        with_files(session, as_path(path)) for session in read_sessions(name, text, format, provider, model)
    ]
    owned = [one.owned_by(user_id) for one in found]
    counted = _counted(store, [message for one in owned for message in one.messages])
    ids = run_apart(lambda: _store_all(storage, owned, counted))
    if left_out := dict.fromkeys(words for one in found for words in one.left_out):
        say(f"Not taken over from {as_path(path).name}: {', '.join(left_out)}.")
    return ids


def _counted(store: Store, messages: Sequence[SessionMessage]) -> dict[str, str]:
    """Return which of some answers are counted in the store already, with the sessions in which they are."""
    ids = [message.id for message in messages if counts(message)]
    with store.open() as db:
        return dict(db.execute(_COUNTED, [json.dumps(ids)]))


async def _store_all(
    storage: ISessionStorage, sessions: Sequence[Exported], counted: dict[str, str]
) -> list[str]:
    ids = []
    for session in sessions:
        messages = counted_once(session.messages, counted)
        ids.append(await store_session(storage, replace(session, messages=tuple(messages))))
        counted |= {message.id: ids[-1] for message in messages if counts(message)}
    return ids
