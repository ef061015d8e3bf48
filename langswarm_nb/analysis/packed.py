"""Read stored messages column by column: small batches from the cursor, packed before the next one comes.

A million rows as Python objects cost several times their size; packed, a batch stays in the processor's cache.
"""

from __future__ import annotations

import math
import sqlite3
import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from msgspec.json import Decoder

from langswarm_nb.core.session.errors import SessionStorageError
from langswarm_nb.core.session.storage.packing import FACTS, MARKS, USUAL
from langswarm_nb.core.session.values import to_json

from . import texts
from .arrays import MISSING, Few
from .columns import MODEL, Kind, Read, Values

BATCH = 512


class _Numbers:
    """Collects whole or real numbers."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._data = bytearray()

    def add(self, batch: tuple[Any, ...]) -> None:
        self._data += struct.pack(f"{len(batch)}{self._code}", *batch)

    def done(self) -> Values:
        return np.frombuffer(self._data, self._code)


class _Reals(_Numbers):
    """Collects real numbers; a missing one comes as infinity, which no storage accepts."""

    def __init__(self) -> None:
        super().__init__("d")

    def done(self) -> Values:
        numbers = super().done()
        numbers[np.isinf(numbers)] = np.nan
        return numbers


class _Few:
    """Collects texts of which there are few different ones, as numbers."""

    def __init__(self) -> None:
        self._codes: defaultdict[Any, int] = defaultdict(count().__next__)
        self._numbers = _Numbers("i")

    def add(self, batch: tuple[Any, ...]) -> None:
        self._numbers.add(tuple(map(self._codes.__getitem__, batch)))

    def done(self) -> Values:
        labels = [label.decode() if isinstance(label, bytes) else label for label in self._codes]
        return Few(self._numbers.done(), labels)


_COLLECTORS: Mapping[Kind, tuple[Callable[[], Any], str]] = {
    Kind.WHOLE: (lambda: _Numbers("q"), f"ifnull({{}}, {MISSING})"),
    Kind.REAL: (_Reals, "ifnull({}, 9e999)"),
    Kind.TEXT: (texts.TextCollector, "{}"),
    Kind.FEW: (_Few, "{}"),
    Kind.ID: (
        texts.IdCollector,
        f"CASE typeof({{0}}) WHEN 'blob' THEN {{0}} ELSE {{0}} || '{texts.ID_PAD}' END",
    ),
}
"""How to collect, and how the SQL expression says that a value is missing, or is text where bytes are usual."""


LISTED: Mapping[str, tuple[str, tuple[int, ...]]] = {
    name: (column, (at,))
    for column, names in (("marks", MARKS), ("request", FACTS))
    for at, name in enumerate(names)
} | {MODEL: ("request", (FACTS.index("model"), FACTS.index("request_model")))}
"""Where each value that a message keeps in a list stands, or what stands in for it. SQL could give it as well, one text
read for each value, and with the last digit of a real number now and then another one."""
_decode: Callable[[bytes | str], list[Any]] = Decoder(list).decode
_MISSING: Mapping[Kind, Any] = {Kind.WHOLE: MISSING, Kind.REAL: math.inf, Kind.TEXT: None, Kind.FEW: None}


def _unpacked(column: tuple[Any, ...]) -> list[Sequence[Any]]:
    return [() if text is None else _decode(text) for text in column]


def _of_lists(lists: Sequence[Sequence[Any]], read: Read, places: tuple[int, ...]) -> tuple[Any, ...]:
    """Return what stands at the first of some places of each list at which there is something."""
    kind, missing = read.kind, _MISSING[read.kind]
    first, *others = places
    found = [values[first] if len(values) > first else None for values in lists]
    for at in others:
        found = [
            values[at] if value is None and len(values) > at else value
            for value, values in zip(found, lists, strict=True)
        ]
    if read.sql in USUAL:
        usual = USUAL[read.sql]
        found = [
            usual if value is None and values else value for value, values in zip(found, lists, strict=True)
        ]
    if kind is Kind.TEXT and texts.TEXT_FACTORY is bytes:
        return tuple(None if value is None else _text(value).encode() for value in found)
    if kind is Kind.TEXT:
        return tuple(None if value is None else _text(value) for value in found)
    return tuple(found if missing is None else [missing if value is None else value for value in found])


def _text(value: Any) -> str:
    """Return a text, or the JSON of what else stands in a list."""
    return value if isinstance(value, str) else to_json("value", value)


def read_columns(
    db: sqlite3.Connection,
    reads: Sequence[Read],
    source: str,
    values: Sequence[Any] = (),
    *,
    lists: Mapping[str, tuple[str, tuple[int, ...]]] = LISTED,
    progress: Callable[[int], None] | None = None,
) -> dict[Read, Values]:
    """Return what expressions give for the rows of ``source``, the SQL after SELECT.

    Raises
    ------
    SessionStorageError
        A stored value is not of the type it should be.
    """
    direct = [read for read in reads if read.sql not in lists]
    listed = [read for read in reads if read.sql in lists]
    packed = list(dict.fromkeys(lists[read.sql][0] for read in listed))
    collectors = {read: _COLLECTORS[read.kind][0]() for read in reads}
    expressions = [*(_COLLECTORS[read.kind][1].format(read.sql) for read in direct), *packed]
    db.text_factory = texts.TEXT_FACTORY
    cursor = db.execute(f"SELECT {', '.join(expressions)} {source}", values)
    n_rows = 0
    try:
        while batch := cursor.fetchmany(BATCH):
            columns = list(zip(*batch, strict=True))
            for read, column in zip(direct, columns, strict=False):
                collectors[read].add(column)
            unpacked = dict(zip(packed, map(_unpacked, columns[len(direct) :]), strict=True))
            for read in listed:
                name, places = lists[read.sql]
                collectors[read].add(_of_lists(unpacked[name], read, places))
            n_rows += len(batch)
            if progress is not None:
                progress(n_rows)
        # Taken out one by one, so that what a collector needs on the way is free before the next.
        return {read: collectors.pop(read).done() for read in reads}
    except (struct.error, TypeError, ValueError) as error:
        raise SessionStorageError(
            f"A stored value has the wrong type ({error}): the file is damaged, or another program changed it. "
            "Sessions read one by one may still come back."
        ) from error
    finally:
        cursor.close()
