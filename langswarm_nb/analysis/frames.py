"""One builder for each frame: `messages_df`, `turns_df`, `sessions_df`, `attachments_df`; `events_df` has its own file.

All are plain functions that read without changing anything, in a cell or in a script; from async code call them with
``await asyncio.to_thread(...)``. Columns, order and dtypes are the same for every source, also when there are no rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.messages import utc_now

from . import arrays
from .columns import (
    ATTACHMENTS,
    HAS_ATTACHMENTS,
    MESSAGES,
    PARTS,
    REQUESTS,
    SESSIONS,
    TURNS,
    Column,
    Read,
    choose,
)
from .estimates import ESTIMATED, with_estimates
from .filters import Branch, Filter, Moment
from .spreadsheets import Frame
from .store import Source, find_store
from .stored_rows import AttachedRows, StoredRows, read_rows, read_sessions
from .totals import SessionTotals

SCHEMA = 3
"""Version of the frames' columns, in ``df.attrs["langswarm"]``."""


def messages_df(
    source: Source = None,
    *,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    columns: Sequence[str] | None = None,
    branch: Branch = "active",
    all: bool = False,
) -> pd.DataFrame:
    """Return conversations as a frame, one row per message, in order of sessions and of sending.

    Parameters
    ----------
    source : manager, storage, session or list of sessions, optional
        Where from; by default the sessions of this notebook, and in a program that is none those of its manager.
    since, until : datetime, date or str, optional
        Only messages with ``since <= created_at < until``. A date, or text without a time zone, is taken as UTC.
    user_id : str, optional
        Only this user's sessions.
    columns : list of str, optional
        Only these columns; what they do not need is not read.
    branch : {"active", "all"}
        Only the active path of each session, or all branches, versions and asides.
    all : bool
        Without a source: all sessions of the store, also those of other notebooks.

    Returns
    -------
    pandas.DataFrame
        Columns as in `langswarm_nb.analysis.columns.MESSAGES`; times in UTC; unknown is NA. ``turn`` and ``version``
        are the numbers of footers and commands. ``is_hidden`` and ``is_active`` refer to the branch that the session is
        on; ``is_aside`` marks what is on no branch; ``status`` says how an answer ended. An answer that was copied
        (``copy_of`` in ``metadata_json``) has no ``request_id``: its request counts where it was made.

    Raises
    ------
    SessionValueError, SessionTypeError
        An argument is not allowed.
    SessionStorageError
        The store cannot be read; no partial frame is returned.
    """
    chosen = choose(MESSAGES, columns)
    wanted = Filter.of(since, until, user_id, branch)
    store = find_store(source, everything=checks.flag("all", all))
    with store.open() as db:
        sessions = read_sessions(db, store, wanted, _session_reads(chosen))
        return _frame(chosen, read_rows(db, sessions, wanted, _reads(chosen), moment="ts_us"))


def turns_df(
    source: Source = None,
    *,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    columns: Sequence[str] | None = None,
    branch: Branch = "active",
    all: bool = False,
    estimate: bool = False,
) -> pd.DataFrame:
    """Return the requests to models as a frame, one row per request, including failed and stopped ones.

    Parameters
    ----------
    source, since, until, user_id, columns, all
        As in `messages_df`; ``since <= started_at < until``.
    branch : {"active", "all"}
        Only requests whose reply is on the active path, or all that were made. To count what was spent, take all.
    estimate : bool
        Fill in tokens that no provider counted, from the lengths of the texts; ``tokens_source`` marks them, and the
        cost follows from them.

    Returns
    -------
    pandas.DataFrame
        Columns as in `langswarm_nb.analysis.columns.TURNS`: seconds in ``*_s``, US dollars in ``cost_usd``, tokens as
        the provider counted them (input includes cached input, output includes reasoning). ``model`` is the one that
        answered, or the one that was asked for if that was not reported. Unknown values are NA, unknown prices too.
        A turn has several rows when its question went to several models, was asked again, or took tools.

    Raises
    ------
    SessionValueError, SessionTypeError, SessionStorageError
        As in `messages_df`.

    Warns
    -----
    UserWarning
        Once for each model whose price is not known; see `set_price`.
    """
    chosen = choose(TURNS, columns)
    wanted = Filter.of(since, until, user_id, branch)
    store = find_store(source, everything=checks.flag("all", all))
    with store.open() as db:
        sessions = read_sessions(db, store, wanted, _session_reads(chosen))
        reads = [*_reads(chosen), *(ESTIMATED if estimate else ())]
        rows = read_rows(db, sessions, wanted, reads, moment="ifnull(started_us, ts_us)", tests=[REQUESTS])
        return _frame(chosen, with_estimates(db, sessions, rows) if estimate else rows)


def sessions_df(
    source: Source = None,
    *,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    columns: Sequence[str] | None = None,
    branch: Branch = "active",
    all: bool = False,
) -> pd.DataFrame:
    """Return sessions as a frame, one row per session, oldest first.

    Parameters
    ----------
    source, user_id, columns, all
        As in `messages_df`.
    since, until : datetime, date or str, optional
        Only sessions with ``since <= created_at < until``; all their messages count, whenever they were sent.
    branch : {"active", "all"}
        Count the messages and requests of the active path, or of all branches.

    Returns
    -------
    pandas.DataFrame
        Columns as in `langswarm_nb.analysis.columns.SESSIONS`. ``n_turns`` counts turns, however many requests each
        took. Sums add up the known values of `turns_df` and are NA when none is known; ``cost_usd`` is a lower bound
        when ``n_unpriced`` is not 0.

    Raises
    ------
    SessionValueError, SessionTypeError, SessionStorageError
        As in `messages_df`.
    """
    chosen = choose(SESSIONS, columns)
    wanted = Filter.of(since, until, user_id, branch)
    store = find_store(source, everything=checks.flag("all", all))
    with store.open() as db:
        sessions = read_sessions(db, store, wanted, _reads(chosen), moment="created_us")
        return _frame(chosen, SessionTotals(db, sessions, wanted))


def attachments_df(
    source: Source = None,
    *,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    columns: Sequence[str] | None = None,
    branch: Branch = "active",
    all: bool = False,
) -> pd.DataFrame:
    """Return the attachments of messages as a frame, one row per image, file or recording; no bytes are read.

    Parameters
    ----------
    source, since, until, user_id, columns, branch, all
        As in `messages_df`.

    Returns
    -------
    pandas.DataFrame
        Columns as in `langswarm_nb.analysis.columns.ATTACHMENTS`: ``size`` in bytes, ``width`` and ``height`` in
        pixels, ``hash`` the SHA-256 under which the bytes are stored (NA for an address: that is ``url``). The same
        content in several messages is several rows of one ``hash``, and stored once.

    Raises
    ------
    SessionValueError, SessionTypeError, SessionStorageError
        As in `messages_df`.
    """
    chosen = choose(ATTACHMENTS, columns)
    wanted = Filter.of(since, until, user_id, branch)
    store = find_store(source, everything=checks.flag("all", all))
    with store.open() as db:
        sessions = read_sessions(db, store, wanted, _session_reads(chosen))
        reads = [*_reads(chosen), PARTS]
        tests = [HAS_ATTACHMENTS]
        return _frame(
            chosen, read_rows(db, sessions, wanted, reads, moment="ts_us", tests=tests, of=AttachedRows)
        )


def _session_reads(columns: Sequence[Column]) -> list[Read]:
    return [read for column in columns for read in column.session_reads]


def _reads(columns: Sequence[Column]) -> list[Read]:
    return [read for column in columns for read in column.reads]


def _frame(columns: Sequence[Column], rows: StoredRows | SessionTotals) -> pd.DataFrame:
    return as_frame(
        {column.name: arrays.to_pandas(column, column.make(rows)) for column in columns}, len(rows)
    )


def as_frame(columns: Mapping[str, Any], n_rows: int) -> pd.DataFrame:
    """Return a frame of finished columns, marked with schema and time."""
    frame = Frame(columns, index=pd.RangeIndex(n_rows), copy=False)
    frame.attrs["langswarm"] = {"schema": SCHEMA, "exported_at": utc_now().isoformat()}
    return frame
