"""Token counts that no provider told, estimated from the lengths of the texts.

Tokens = characters x ratio. The ratio of a model is learnt from the requests of this store that were counted, when
there are at least `ENOUGH`; before that it is a quarter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from langswarm_nb.core.session.storage.rows import SEQ_BITS, SEQ_MASK

from .arrays import MISSING, Few
from .columns import MODEL, REQUESTS, Kind, Read, Values
from .filters import Filter
from .stored_rows import SessionRows, StoredRows, read_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENOUGH = 20
USUAL = 0.25
"""Tokens per character where nothing is known."""

_INPUT, _OUTPUT = Read("input_tokens", Kind.WHOLE), Read("output_tokens", Kind.WHOLE)
_SOURCE, _MODEL = Read("tokens_source", Kind.FEW), Read(MODEL, Kind.FEW)
_PARENT = Read("parent", Kind.WHOLE)
_CHARS = Read("length(content)", Kind.WHOLE)
_IS_REQUEST = Read(REQUESTS, Kind.WHOLE)
ESTIMATED = (_INPUT, _OUTPUT, _SOURCE, _MODEL)
"""What `with_estimates` needs of the requests."""


def with_estimates(db: sqlite3.Connection, sessions: SessionRows, requests: StoredRows) -> StoredRows:
    """Return the requests with their unknown tokens filled in; ``tokens_source`` marks those."""
    everything = Filter(active_only=False)
    reads = [_PARENT, _CHARS, _IS_REQUEST, *ESTIMATED]
    known = read_rows(db, sessions, everything, reads, moment="ts_us")
    sent, received = _chars_before(known), known[_CHARS]
    at = np.searchsorted(known.ids, requests.ids)
    filled: dict[Read, Values] = {}
    guessed = np.zeros(len(requests), bool)
    for read, chars in ((_INPUT, sent), (_OUTPUT, received)):
        missing = requests[read] == MISSING
        ratios = _ratios(known, read, chars)
        rates = np.array([ratios.get(label, USUAL) for label in requests[_MODEL].labels], np.float64)
        guesses = np.ceil(chars[at] * rates[requests[_MODEL].codes]) if len(requests) else np.empty(0)
        filled[read] = np.where(missing, guesses.astype(np.int64), requests[read])
        guessed |= missing
    source: Few = requests[_SOURCE]
    codes = np.where(guessed, len(source.labels), source.codes)
    filled[_SOURCE] = Few(codes, [*source.labels, "estimate"])
    return requests.replaced(filled)


def _chars_before(rows: StoredRows) -> NDArray[np.int64]:
    """Return for each message how many characters stand before it on its path."""
    chars, before = rows[_CHARS].tolist(), [0] * len(rows)
    starts: dict[int, int] = {}
    for at, (key, parent) in enumerate(_places(rows)):
        start = starts.setdefault(key >> SEQ_BITS, at - (key & SEQ_MASK))
        if parent != MISSING:
            before[at] = before[start + parent] + chars[start + parent]
    return np.array(before, np.int64)


def _places(rows: StoredRows) -> Iterator[tuple[int, int]]:
    return zip(rows.ids.tolist(), rows[_PARENT].tolist(), strict=True)


def _ratios(rows: StoredRows, read: Read, chars: NDArray[np.int64]) -> dict[Any, float]:
    """Return tokens per character for each model that was counted often enough."""
    model: Few = rows[_MODEL]
    counted = (rows[_IS_REQUEST] == 1) & (rows[read] != MISSING) & (chars > 0)
    ratios = {}
    for code, label in enumerate(model.labels):
        own = counted & (model.codes == code)
        if own.sum() >= ENOUGH:
            ratios[label] = float(rows[read][own].sum() / chars[own].sum())
    return ratios
