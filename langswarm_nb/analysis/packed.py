"""Read stored messages column by column: small batches from the cursor, packed before the next one comes.

A million rows as Python objects cost several times their size; packed, a batch stays in the processor's cache.
"""

from __future__ import annotations

import sqlite3
import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from langswarm_nb.core.session.errors import SessionStorageError

from . import texts
from .arrays import MISSING, Few
from .columns import Kind, Read, Values

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
}
"""How to collect, and how the SQL expression says that a value is missing."""


def read_columns(
    db: sqlite3.Connection,
    reads: Sequence[Read],
    source: str,
    values: Sequence[Any] = (),
    *,
    progress: Callable[[int], None] | None = None,
) -> dict[Read, Values]:
    """Return what expressions give for the rows of ``source``, the SQL after SELECT.

    Raises
    ------
    SessionStorageError
        A stored value is not of the type it should be.
    """
    collectors = [_COLLECTORS[read.kind][0]() for read in reads]
    expressions = ", ".join(_COLLECTORS[read.kind][1].format(read.sql) for read in reads)
    db.text_factory = texts.TEXT_FACTORY
    cursor = db.execute(f"SELECT {expressions} {source}", values)
    n_rows = 0
    try:
        while batch := cursor.fetchmany(BATCH):
            for collector, column in zip(collectors, zip(*batch, strict=True), strict=True):
                collector.add(column)
            n_rows += len(batch)
            if progress is not None:
                progress(n_rows)
        # Taken out one by one, so that what a collector needs on the way is free before the next.
        return {read: collectors.pop(0).done() for read in reads}
    except (struct.error, TypeError, UnicodeDecodeError) as error:
        raise SessionStorageError(
            f"A stored value has the wrong type ({error}): the file is damaged, or another program changed it. "
            "Sessions read one by one may still come back."
        ) from error
    finally:
        cursor.close()
