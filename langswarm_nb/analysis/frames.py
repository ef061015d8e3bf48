"""One builder for each frame: `messages_df`, `turns_df`, `sessions_df`, `events_df`.

All are plain functions that read without changing anything, in a cell or in a script; from async code call them with
``await asyncio.to_thread(...)``. Columns, order and dtypes are the same for every source, also when there are no rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from langswarm_nb.core.session.messages import utc_now

from . import arrays
from .columns import MESSAGES, Column, choose
from .filters import Branch, Filter, Moment
from .rows import StoredRows, read_rows, read_sessions
from .store import Source, find_store

SCHEMA = 1
"""Version of the frames' columns, in ``df.attrs["langswarm"]``."""


def messages_df(
    source: Source = None,
    *,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    columns: Sequence[str] | None = None,
    branch: Branch = "active",
) -> pd.DataFrame:
    """Return conversations as a frame, one row a message, in order of sessions and of sending.

    Parameters
    ----------
    source : manager, storage, session or list of sessions, optional
        Where from; by default the notebook's manager.
    since, until : datetime, date or str, optional
        Only messages with ``since <= created_at < until``. A date, or text without a time zone, is taken as UTC.
    user_id : str, optional
        Only this user's sessions.
    columns : list of str, optional
        Only these columns; what they do not need is not read.
    branch : {"active", "all"}
        Only the active path of each session, or all branches and versions.

    Returns
    -------
    pandas.DataFrame
        Columns as in `langswarm_nb.analysis.columns.MESSAGES`; times in UTC; unknown is NA.

    Raises
    ------
    SessionValueError, SessionTypeError
        An argument is not allowed.
    SessionStorageError
        The store cannot be read; no partial frame is returned.
    """
    chosen = choose(MESSAGES, columns)
    wanted = Filter.of(since, until, user_id, branch)
    store = find_store(source)
    with store.open() as db:
        session_reads = [read for column in chosen for read in column.session_reads]
        sessions = read_sessions(db, store.session_ids, wanted, session_reads)
        rows = read_rows(db, sessions, wanted, chosen, moment="ts_us")
        return _frame(chosen, rows)


def _frame(columns: Sequence[Column], rows: StoredRows) -> pd.DataFrame:
    return as_frame(
        {column.name: arrays.to_pandas(column, column.make(rows)) for column in columns}, len(rows)
    )


def as_frame(columns: Mapping[str, Any], n_rows: int) -> pd.DataFrame:
    """Return a frame of finished columns, marked with schema and time."""
    frame = pd.DataFrame(columns, index=pd.RangeIndex(n_rows), copy=False)
    frame.attrs["langswarm"] = {"schema": SCHEMA, "exported_at": utc_now().isoformat()}
    return frame
