"""Counts, sums and extremes over the messages and requests of each session."""

from __future__ import annotations

import sqlite3
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .arrays import MISSING, Few
from .columns import REQUESTS, TURNS, Kind, Read, Values
from .filters import Filter
from .stored_rows import SessionRows, StoredRows, read_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AT = Read("ts_us", Kind.WHOLE)
_TURN = Read("turn", Kind.WHOLE)
_REQUESTS = {
    column.name: column
    for column in TURNS
    if column.name
    in ("provider", "model", "status", "duration_s", "input_tokens", "output_tokens", "cost_usd")
}


class SessionTotals:
    """The sessions with what their messages add up to; only what is asked for is read."""

    def __init__(self, db: sqlite3.Connection, sessions: SessionRows, wanted: Filter) -> None:
        self._db, self._sessions = db, sessions
        # The time limits of the frame are about the sessions; their messages count in full.
        self._wanted = Filter(active_only=wanted.active_only)

    def __len__(self) -> int:
        return len(self._sessions)

    def __getitem__(self, read: Read) -> Values:
        return self._sessions[read]

    def total(self, name: str) -> Values:
        """Return a total by the name of its column."""
        return _TOTALS[name](self)

    def last_used(self, name: str, read: Read) -> Values:
        """Return what the last request of each session used, or else what the session is set to."""
        used, own = self._requests_column(name), self[read]
        codes = own.codes + len(used.labels)
        # Requests come in order, so the last one of a session is the one that stays.
        codes[self._requests.session_index] = used.codes
        return Few(codes, [*used.labels, *own.labels])

    @cached_property
    def _messages(self) -> StoredRows:
        return read_rows(self._db, self._sessions, self._wanted, [_AT, _TURN], moment="ts_us")

    @cached_property
    def _requests(self) -> StoredRows:
        reads = [read for column in _REQUESTS.values() for read in column.reads]
        return read_rows(self._db, self._sessions, self._wanted, reads, moment="ts_us", tests=[REQUESTS])

    def _requests_column(self, name: str) -> Values:
        return _REQUESTS[name].make(self._requests)

    def n_messages(self) -> Values:
        return self._count(self._messages)

    def n_turns(self) -> Values:
        """Count different numbers of turns: versions of a turn are one."""
        rows, turns = self._messages, self._messages[_TURN]
        counted = turns != MISSING
        pairs = rows.session_index[counted] << 32 | turns[counted]
        pairs = np.unique(pairs[np.flatnonzero(np.diff(pairs, prepend=-1))])  # most repeat the one before
        return np.bincount(pairs >> 32, minlength=len(self))

    def last_message_us(self) -> Values:
        return self._extreme(np.maximum)

    def span_s(self) -> Values:
        last = self._extreme(np.maximum)
        return np.where(last == MISSING, np.nan, (last - self._extreme(np.minimum)) / 1e6)

    def _extreme(self, which: np.ufunc) -> Values:
        """Return the first or last moment of each session's messages."""
        index = self._messages.session_index
        starts = np.flatnonzero(np.diff(index, prepend=-1))  # the messages of a session stand together
        found = np.full(len(self), MISSING)
        if len(starts):
            found[index[starts]] = which.reduceat(self._messages[_AT], starts)
        return found

    def n_errors(self) -> Values:
        status: Few = self._requests_column("status")
        return self._count(
            self._requests, np.array([label == "error" for label in status.labels], bool)[status.codes]
        )

    def n_unpriced(self) -> Values:
        return self._count(self._requests, np.isnan(self._requests_column("cost_usd")))

    def sum_of(self, name: str) -> Values:
        """Add up the known values; missing when none is known."""
        values = self._requests_column(name)
        known = ~np.isnan(values) if values.dtype.kind == "f" else values != MISSING
        index = self._requests.session_index[known]
        sums = np.zeros(len(self), values.dtype)
        np.add.at(sums, index, values[known])
        missing = np.nan if values.dtype.kind == "f" else MISSING
        return np.where(np.bincount(index, minlength=len(self)) > 0, sums, missing)

    def _count(self, rows: StoredRows, which: NDArray[np.bool_] | None = None) -> Values:
        index = rows.session_index if which is None else rows.session_index[which]
        return np.bincount(index, minlength=len(self))


_TOTALS = {
    "last_message_at": SessionTotals.last_message_us,
    "n_messages": SessionTotals.n_messages,
    "n_turns": SessionTotals.n_turns,
    "n_errors": SessionTotals.n_errors,
    "input_tokens": lambda totals: totals.sum_of("input_tokens"),
    "output_tokens": lambda totals: totals.sum_of("output_tokens"),
    "cost_usd": lambda totals: totals.sum_of("cost_usd"),
    "n_unpriced": SessionTotals.n_unpriced,
    "busy_s": lambda totals: totals.sum_of("duration_s"),
    "span_s": SessionTotals.span_s,
}
