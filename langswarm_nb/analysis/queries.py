"""SQL over the store, read-only by construction, and full-text search; both give a frame."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.errors import (
    SessionNotFoundError,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
    shown,
)
from langswarm_nb.core.session.messages import SearchHit
from langswarm_nb.core.session.values import to_us

from . import arrays, texts
from .columns import Column, Dtype, stored
from .frames import as_frame
from .store import Source, find_store, run_apart

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_STEPS = 10_000
"""Of SQLite's virtual machine, between two looks at the clock: about a tenth of a millisecond."""
_REFUSED_FUNCTIONS = {"load_extension", "fts3_tokenizer", "edit", "writefile", "readfile"}

HITS: tuple[Column, ...] = (
    stored("session", Dtype.TEXT),
    stored("session_id", Dtype.TEXT),
    stored("turn", Dtype.INT32),
    stored("version", Dtype.INT32),
    stored("role", Dtype.CATEGORY, categories=("system", "user", "assistant", "tool")),
    stored("created_at", Dtype.TIME),
    stored("snippet", Dtype.TEXT),
    stored("content", Dtype.TEXT),
    stored("is_active", Dtype.BOOLEAN),
    stored("seq", Dtype.INT32),
    stored("message_id", Dtype.TEXT),
)


def sql(
    query: str,
    source: Source = None,
    *,
    params: Sequence[Any] | Mapping[str, Any] = (),
    timeout_s: float = 60.0,
) -> pd.DataFrame:
    """Return the rows of an SQL query over the store's tables ``sessions`` and ``messages``.

    Nothing can be changed: the connection is read-only, and only SELECT is compiled.

    Parameters
    ----------
    query : str
        One SELECT (or WITH … SELECT) of SQLite. Useful columns: ``messages.sid`` joins ``sessions.id``; moments are
        ``*_us``, microseconds since 1970 in UTC.
    source : manager, storage, session or list of sessions, optional
        Whose store; by default the notebook's. All its sessions are visible.
    params : sequence or mapping
        Values for ``?`` or ``:name`` in the query; never put values into its text.
    timeout_s : float
        The query is stopped after this many seconds.

    Returns
    -------
    pandas.DataFrame
        One column each of the query's; texts have the text dtype, whole numbers ``Int64``, others ``float64``.

    Raises
    ------
    SessionValueError, SessionTypeError
        It is not one SELECT, or SQLite cannot compile or run it.
    SessionStorageError
        The store cannot be read, or the time is up.
    """
    checks.text("query", query)
    checks.number("timeout_s", timeout_s, at_least=0)
    if isinstance(params, (str, bytes)) or not isinstance(params, (Sequence, Mapping)):
        raise SessionTypeError.of("params", params, "a list or a dict of values")
    with find_store(source).open() as db:
        db.text_factory = lambda data: data.decode("utf-8", "replace")
        names, rows = _run(db, query, params, timeout_s)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return as_frame({name: _typed(values) for name, values in zip(names, columns, strict=True)}, len(rows))


def _run(
    db: sqlite3.Connection, query: str, params: Any, timeout_s: float
) -> tuple[list[str], list[tuple[Any, ...]]]:
    deadline = time.monotonic() + timeout_s
    # SQLite makes these tables at their first use, with a CREATE that the next line would refuse.
    db.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
    db.set_authorizer(_authorize)
    db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        cursor = db.execute(query, params)
        if cursor.description is None:
            raise SessionValueError(f"The query {shown(query)} returns no rows. Write one SELECT.")
        return _unique([name for name, *_ in cursor.description]), cursor.fetchall()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _explained(error, query, timeout_s, is_late=time.monotonic() > deadline) from error
    finally:
        db.set_progress_handler(None, 0)
        db.set_authorizer(None)


def _explained(error: Exception, query: str, timeout_s: float, *, is_late: bool) -> BaseException:
    code = getattr(error, "sqlite_errorname", "")
    if code == "SQLITE_INTERRUPT":
        if is_late:
            return SessionStorageError(
                f"The query was stopped after timeout_s={timeout_s:g} s. Ask for less, or raise timeout_s."
            )
        return (
            KeyboardInterrupt()
        )  # the handler above is where Python sees the user's interrupt, and SQLite hides it
    if code == "SQLITE_AUTH" or any(
        word in str(error) for word in ("not authorized", "prohibited", "cannot modify")
    ):
        return SessionValueError(
            f"The query {shown(query)} does more than read ({error}); only SELECT is allowed."
        )
    if code in ("SQLITE_CORRUPT", "SQLITE_NOTADB") or code.startswith("SQLITE_IOERR"):
        return error
    return SessionValueError(
        f"SQLite cannot run the query {shown(query)}: {error}. Write one SELECT over sessions and messages; "
        "the column sql of the table sqlite_master shows their columns."
    )


def _authorize(
    action: int, _first: str | None, second: str | None, _database: str | None, _inner: str | None
) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second in _REFUSED_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names with a number behind those that came before."""
    found: list[str] = []
    for name in names:
        number, wanted = 2, name
        while wanted in found:
            number, wanted = number + 1, f"{name}_{number}"
        found.append(wanted)
    return found


def _typed(values: Sequence[Any]) -> Any:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int}:
        return pd.array(values, dtype="Int64")
    if kinds and kinds <= {int, float}:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    return texts.to_pandas(texts.texts_of([None if value is None else _as_text(value) for value in values]))


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def search(
    text: str,
    source: Source = None,
    *,
    user_id: str | None = None,
    session_id: str | None = None,
    limit: int = 20,
) -> pd.DataFrame:
    """Return the messages that contain all words of ``text``, newest first.

    Parameters
    ----------
    text : str
        Words to find; no text has a special meaning.
    source : manager, storage, session or list of sessions, optional
        Where to look; by default the notebook's manager.
    user_id, session_id : str, optional
        Only this user's sessions, only this session.
    limit : int
        How many messages to return at most.

    Returns
    -------
    pandas.DataFrame
        Columns ``session`` (its name), ``session_id``, ``turn``, ``version``, ``role``, ``created_at`` (UTC),
        ``snippet`` (one line around the match), ``content``, ``is_active``, ``seq`` and ``message_id``.

    Raises
    ------
    SessionValueError, SessionTypeError
        An argument is not allowed.
    SessionStorageError
        The store cannot be read.
    """
    checks.text("text", text)
    checks.limit(limit)
    store = find_store(source)
    storage, sessions = store.storage, store.session_ids
    if storage is None:
        return _hits([], {})
    places = [session_id] if session_id is not None or sessions is None else sessions
    if session_id is not None and sessions is not None and session_id not in sessions:
        return _hits([], {})

    async def look() -> tuple[list[SearchHit], dict[str, str]]:
        hits = [
            hit
            for place in places
            for hit in await storage.search_messages(text, user_id=user_id, session_id=place, limit=limit)
        ]
        hits.sort(key=lambda hit: hit.message.timestamp, reverse=True)
        del hits[limit:]
        names: dict[str, str] = {}
        for found in {hit.session_id for hit in hits}:
            with suppress(SessionNotFoundError):  # deleted meanwhile
                names[found] = (await storage.load_session(found)).title or ""
        return hits, names

    return _hits(*run_apart(look))


def _hits(found: Sequence[SearchHit], names: Mapping[str, str]) -> pd.DataFrame:
    messages = [hit.message for hit in found]
    values = {
        "session": texts.texts_of([names.get(hit.session_id) or hit.session_id[:8] for hit in found]),
        "turn": _whole([message.turn for message in messages]),
        "version": _whole([message.version for message in messages]),
        "session_id": texts.texts_of([hit.session_id for hit in found]),
        "message_id": texts.texts_of([message.id for message in messages]),
        "seq": np.array([message.seq for message in messages], np.int64),
        "role": arrays.few_of([message.role.value for message in messages]),
        "created_at": np.array([to_us("created_at", message.timestamp) for message in messages], np.int64),
        "snippet": texts.texts_of([hit.snippet for hit in found]),
        "content": texts.texts_of([message.content for message in messages]),
        "is_active": np.array([message.is_active for message in messages], np.int64),
    }
    return as_frame(
        {column.name: arrays.to_pandas(column, values[column.name]) for column in HITS}, len(found)
    )


def _whole(numbers: Sequence[int | None]) -> Any:
    return np.array([arrays.MISSING if number is None else number for number in numbers], np.int64)
