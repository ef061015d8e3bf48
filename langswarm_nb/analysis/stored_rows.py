"""The stored sessions and messages that a frame is made from, and what can be worked out of them."""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from langswarm_nb.core.session.conversation.titles import title_beside
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.storage.rows import SEQ_BITS, SEQ_MASK

from . import texts
from .arrays import MISSING, Few, few_of
from .columns import ID, PARTS, Kind, Read, Values
from .cost import Requests, price_all
from .filters import Filter, where
from .packed import read_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .store import Store


# One query for all: the sessions in order, and within each the range of its messages.
_OF_SESSIONS = (
    "FROM (SELECT value AS wanted FROM json_each(?))"
    " CROSS JOIN messages ON id >= wanted << 32 AND id < (wanted + 1) << 32"
)


def read_sessions(
    db: sqlite3.Connection,
    store: Store,
    wanted: Filter,
    reads: Sequence[Read],
    *,
    moment: str | None = None,
) -> SessionRows:
    """Return the sessions that a frame is about; with ``moment`` only those in the limits of time."""
    tests, values = store.tests()
    if moment is not None:
        limits, moments = wanted.tests(moment)
        tests, values = [*tests, *limits], [*values, *moments]
    if wanted.user_id is not None:
        tests.append("user_id = ?")
        values.append(wanted.user_id)
    db.create_function("title_beside", 3, title_beside, deterministic=True)
    columns = read_columns(db, _once(reads), f"FROM sessions{where(tests)} ORDER BY id", values, lists={})
    return SessionRows(columns, is_all=not tests)


def read_rows(
    db: sqlite3.Connection,
    sessions: SessionRows,
    wanted: Filter,
    reads: Sequence[Read],
    *,
    moment: str,
    tests: Sequence[str] = (),
    of: type[StoredRows] | None = None,
) -> StoredRows:
    """Return what is to be read of the messages of these sessions; ``of`` says as what kind of rows."""
    # The text of a tool call comes out as JSON that is short; see `StoredRows.tools`.
    db.create_function("tools", 1, tools, deterministic=True)
    limits, values = wanted.tests(moment)
    conditions = [*tests, *(["active"] if wanted.active_only else []), *limits]
    if sessions.is_all:
        found = read_columns(db, _once(reads), f"FROM messages{where(conditions)} ORDER BY id", values)
    else:
        source = _OF_SESSIONS + where(conditions)
        found = read_columns(db, _once(reads), source, [json.dumps(sessions.ids.tolist()), *values])
    return (of or StoredRows)(db, sessions, found)


def _once(reads: Sequence[Read]) -> list[Read]:
    return list(dict.fromkeys([ID, *reads]))


class SessionRows:
    """The sessions that a frame is about, in order of their surrogate ids."""

    def __init__(self, columns: Mapping[Read, Values], *, is_all: bool) -> None:
        self._columns = columns
        self.ids: NDArray[np.int64] = columns[ID]
        self.is_all = is_all
        """Whether they are all sessions of the store."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, read: Read) -> Values:
        return self._columns[read]


class StoredRows:
    """What was read of the messages, in order of their ids."""

    def __init__(self, db: sqlite3.Connection, sessions: SessionRows, values: Mapping[Read, Values]) -> None:
        self._db, self._sessions, self._values = db, sessions, values
        self.ids: NDArray[np.int64] = values[ID]
        self._tools: dict[Read, list[tuple[int, Any]]] = {}
        self._costs: tuple[NDArray[np.float64], Few] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, read: Read) -> Values:
        return self._values[read]

    def replaced(self, values: Mapping[Read, Values]) -> StoredRows:
        """Return the rows with other values for some of what was read."""
        return StoredRows(self._db, self._sessions, {**self._values, **values})

    @property
    def seq(self) -> Values:
        """Position in the session."""
        return self.ids & SEQ_MASK

    def of_session(self, read: Read) -> Values:
        """Return a text of the session that each message belongs to."""
        return texts.take(self._sessions[read], self.session_index)

    @cached_property
    def session_index(self) -> NDArray[np.int64]:
        """Place of each message's session among the sessions."""
        return np.searchsorted(self._sessions.ids, self.ids >> SEQ_BITS)

    def chars(self, read: Read) -> Values:
        """Return the lengths of texts in characters."""
        return texts.n_chars(self[read])

    def where(self, count: Read, read: Read) -> Values:
        """Return texts where a count is above 0; elsewhere they are missing."""
        return texts.take(self[read], np.where(self[count] > 0, np.arange(len(self)), -1))

    def constant(self, text: str) -> Values:
        """Return the same text for each row."""
        return Few(np.zeros(len(self), np.int32), [text])

    def per_output_token(self, duration: Read, first: Read, output: Read, streamed: Read) -> Values:
        """Return the seconds from one token to the next, after the first piece; only where that means something."""
        tokens = self[output]
        counts = (tokens != MISSING) & (tokens > 1) & (self[streamed] == 1)
        return np.where(counts, (self[duration] - self[first]) / np.where(counts, tokens - 1, 1), np.nan)

    def per_second(self, count: Read, seconds: Read) -> Values:
        """Return a rate; missing where nothing was counted or no time went by."""
        known = (self[count] != MISSING) & (self[seconds] > 0)
        with np.errstate(over="ignore"):  # a clock that hardly moved gives no rate
            rates = self[count] / np.where(known, self[seconds], 1.0)
        return np.where(known & np.isfinite(rates), rates, np.nan)

    def costs(self, reads: Mapping[str, Read]) -> tuple[NDArray[np.float64], Few]:
        """Return what each request cost, and where that is from."""
        if self._costs is None:
            self._costs = price_all(Requests(**{name: self[read] for name, read in reads.items()}))
        return self._costs

    def of_parent(self, parent: Read, read: Read) -> Values:
        """Return a text of the message before each one on its path."""
        seq = self[parent]
        wanted = np.where(seq == MISSING, -1, (self.ids & ~SEQ_MASK) | seq)
        place = np.searchsorted(self.ids, wanted)
        place[place == len(self.ids)] = 0
        found = (wanted >= 0) & (self.ids[place] == wanted) if len(self) else np.empty(0, bool)
        own = texts.take(self[read], np.where(found, place, -1))
        outside = np.flatnonzero(~found & (wanted >= 0))
        return own if not len(outside) else self._with_outside(own, outside, wanted[outside], read)

    def _with_outside(self, own: Values, at: NDArray[Any], ids: NDArray[Any], read: Read) -> Values:
        """Fill in the texts of parents that the frame leaves out."""
        found = read_columns(
            self._db,
            [ID, read],
            "FROM messages WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            [json.dumps(np.unique(ids).tolist())],
        )
        index = np.full(len(self), -1)
        index[at] = np.searchsorted(found[ID], ids) + len(own)
        both = texts.joined(own, found[read])
        return texts.take(both, np.where(index < 0, np.arange(len(self)), index))

    def tools(self, read: Read, key: str) -> Values:
        """Return ``id`` or ``name`` of the call that each tool message answers."""
        values: list[str | None] = [None] * len(self)
        unnamed: dict[int, str] = {}
        for place, calls in self._calls(read):
            if calls[0].get("result"):
                values[place] = calls[0].get(key)
                if values[place] is None:
                    unnamed[place] = calls[0]["id"]
        for place, name in self._asked_names(read, unnamed) if unnamed else ():
            values[place] = name
        return texts.texts_of(values)

    def _asked_names(self, read: Read, answered: Mapping[int, str]) -> Iterator[tuple[int, str]]:
        """Yield the names of calls by the places of their answers, also of calls that the frame leaves out.

        Some services renumber their calls in each reply: the last call before the answer, in its session, is meant.
        """
        sids = sorted({int(self.ids[place]) >> SEQ_BITS for place in answered})
        source = f"{_OF_SESSIONS} WHERE role = 'assistant' AND parts IS NOT NULL ORDER BY id"
        found = read_columns(self._db, [ID, read], source, [json.dumps(sids)])
        asked: defaultdict[tuple[int, str], list[tuple[int, str]]] = defaultdict(list)
        for at, text in texts.present(found[read]):
            message = int(found[ID][at])
            for call in json.loads(text):
                asked[message >> SEQ_BITS, call["id"]].append((message, call["name"]))
        for place, call_id in answered.items():
            message = int(self.ids[place])
            calls = asked[message >> SEQ_BITS, call_id]
            if before := bisect_left(calls, (message,)):
                yield place, calls[before - 1][1]

    def tool_calls(self, read: Read, role: Read) -> Values:
        """Return how many calls each assistant message asked for; missing for others."""
        few: Few = self[role]
        is_assistant = np.array([label == "assistant" for label in few.labels], bool)[few.codes]
        counts = np.where(is_assistant, 0, MISSING)
        for place, calls in self._calls(read):
            if is_assistant[place]:
                counts[place] = sum(1 for call in calls if not call.get("result"))
        return counts

    def _calls(self, read: Read) -> list[tuple[int, Any]]:
        if read not in self._tools:
            self._tools[read] = [(place, json.loads(text)) for place, text in texts.present(self[read])]
        return self._tools[read]


class AttachedRows(StoredRows):
    """The same for each attachment of the messages, in their order."""

    def __init__(self, db: sqlite3.Connection, sessions: SessionRows, values: Mapping[Read, Values]) -> None:
        found = [
            (place, part)
            for place, text in texts.present(values[PARTS])
            for part in json.loads(text)
            if part.get("type") in ATTACHED
        ]
        places = np.array([place for place, _ in found], np.int64)
        super().__init__(db, sessions, {read: _at(column, places) for read, column in values.items()})
        self._parts = [part for _, part in found]

    def told(self, name: str, kind: Kind) -> Values:
        """Return what the parts have under a name; nothing where it is of another kind."""
        values = [part.get(name) for part in self._parts]
        if kind is Kind.WHOLE:
            return np.array([value if type(value) is int else MISSING for value in values], np.int64)
        told = [value if isinstance(value, str) else None for value in values]
        return few_of(told) if kind is Kind.FEW else texts.texts_of(told)


def _at(column: Values, places: NDArray[np.int64]) -> Values:
    """Return a column at some places."""
    if isinstance(column, Few):
        return column._replace(codes=column.codes[places])
    is_numbers = isinstance(column, np.ndarray) and column.dtype != object
    return column[places] if is_numbers else texts.take(column, places)


def tools(parts: str | bytes) -> str | None:
    """Return the tool calls and results of a message's parts as short JSON; a function for SQL."""
    found = [
        {"id": _text(part, "id"), "name": _text(part, "name")}
        if part.get("type") == "tool_call"
        else {"id": _text(part, "tool_call_id"), "name": _text(part, "name"), "result": True}
        for part in json.loads(parts)
        if part.get("type") in ("tool_call", "tool_result")
    ]
    return json.dumps(found) if found else None


def _text(part: Mapping[str, Any], name: str) -> str | None:
    """Return a field of a part; what is not text, which only a storage of another kind lets in, is missing."""
    value = part.get(name)
    return value if isinstance(value, str) else None
