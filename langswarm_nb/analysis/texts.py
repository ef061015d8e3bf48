"""Columns of text in bulk: Arrow buffers where pyarrow is installed, arrays of `str` where it is not.

A text is None when it is missing. All functions take and return `Texts`, which no one else looks into.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from langswarm_nb.core.session.errors import SessionStorageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Texts: TypeAlias = Any
"""A ``pyarrow.LargeStringArray``, or a numpy array of `str` and None."""


def _text_dtype() -> Any:
    storage: Any = "pyarrow"
    try:
        pd.StringDtype("pyarrow")
    except ImportError:  # not installed, or too old for this pandas
        storage = "python"
    if int(pd.__version__.partition(".")[0]) < 3:  # noqa: PLR2004 - pandas 3 renamed and changed its text
        return pd.StringDtype(storage)
    return pd.StringDtype(storage, na_value=np.nan)


TEXT_DTYPE = _text_dtype()
"""pandas 3: ``str``; pandas 2: ``string``."""
HAS_ARROW = TEXT_DTYPE.storage == "pyarrow"


class _ArrowCollector:
    """Collects a column of texts, batch after batch, as UTF-8 bytes."""

    def __init__(self) -> None:
        self._lengths: list[NDArray[np.int64]] = []
        self._data = bytearray()

    def add(self, batch: tuple[bytes | None, ...]) -> None:
        missing = batch.count(None)
        if missing == len(batch):
            lengths = np.full(missing, -1)
        elif missing:
            lengths = np.array([-1 if value is None else len(value) for value in batch])
            self._data += b"".join(filter(None, batch))
        else:
            lengths = np.fromiter(map(len, batch), np.int64, len(batch))  # type: ignore[arg-type]  # none is None
            self._data += b"".join(batch)  # type: ignore[arg-type]  # as above
        self._lengths.append(lengths)

    def done(self) -> Texts:
        lengths = np.concatenate(self._lengths) if self._lengths else np.empty(0, np.int64)
        return _arrow_texts(lengths, self._data)


class _ObjectCollector:
    """Collects a column of texts, batch after batch, as `str`."""

    def __init__(self) -> None:
        self._values: list[str | None] = []

    def add(self, batch: tuple[str | None, ...]) -> None:
        self._values.extend(batch)

    def done(self) -> Texts:
        return _objects(self._values)


ID_PAD = " " * 17
"""What stands behind an id that is kept as text, so that it is longer than one that is kept as its 16 bytes."""
_KEY_BYTES = 16


class _ArrowIds(_ArrowCollector):
    """Collects ids: those kept as bytes are written as hexadecimal digits, a batch at once."""

    def add(self, batch: tuple[bytes | None, ...]) -> None:
        keys: Any = batch
        if {*map(len, keys)} == {_KEY_BYTES}:
            self._lengths.append(np.full(len(keys), 2 * _KEY_BYTES))
            self._data += b"".join(keys).hex().encode()
        else:
            super().add(tuple(_id(key).encode() for key in keys))


class _ObjectIds(_ObjectCollector):
    """The same, as `str`."""

    def add(self, batch: tuple[str | None, ...]) -> None:
        keys: Any = batch
        super().add(tuple(map(_id, keys)))


def _id(key: bytes | str) -> str:
    if len(key) == _KEY_BYTES and isinstance(key, bytes):
        return key.hex()
    return (key.decode() if isinstance(key, bytes) else key)[: -len(ID_PAD)]


TextCollector: Any = _ArrowCollector if HAS_ARROW else _ObjectCollector
"""Takes batches of what a connection with `TEXT_FACTORY` returns (``add``), and gives `Texts` at the end (``done``)."""
IdCollector: Any = _ArrowIds if HAS_ARROW else _ObjectIds
"""The same for ids of messages, in which a text has `ID_PAD` behind it."""
TEXT_FACTORY: type = bytes if HAS_ARROW else str


def _arrow_texts(lengths: NDArray[np.int64], data: bytearray) -> Texts:
    import pyarrow as pa

    missing = lengths < 0
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.where(missing, 0, lengths), out=offsets[1:])
    nulls = int(missing.sum())
    present = pa.py_buffer(np.packbits(~missing, bitorder="little")) if nulls else None
    texts = pa.LargeStringArray.from_buffers(
        len(lengths), pa.py_buffer(offsets), pa.py_buffer(data), present, nulls
    )
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise SessionStorageError(
            f"A stored text is not UTF-8 ({error}): the file is damaged, or another program changed it. "
            "Sessions read one by one may still come back."
        ) from error
    return texts


def texts_of(values: Iterable[str | None]) -> Texts:
    """Return texts from Python values."""
    if HAS_ARROW:
        import pyarrow as pa

        return pa.array(list(values), pa.large_string())
    return _objects(list(values))


def _objects(values: Sequence[str | None]) -> Texts:
    texts = np.empty(len(values), object)
    texts[:] = values
    return texts


def take(texts: Texts, index: NDArray[np.int64]) -> Texts:
    """Return the texts at these places; -1 gives a missing one."""
    if HAS_ARROW:
        import pyarrow as pa

        missing = index < 0
        places = pa.array(index, mask=missing if missing.any() else None)
        return texts.take(places)
    if not len(texts):
        return np.full(len(index), None, object)
    taken = texts[index]
    taken[index < 0] = None
    return taken


def n_chars(texts: Texts) -> NDArray[np.int64]:
    """Return the length of each text in characters; a missing one has none."""
    if HAS_ARROW:
        import pyarrow.compute as pc

        lengths = pc.fill_null(pc.utf8_length(texts), 0)
        return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)
    return np.fromiter((len(value or "") for value in texts), np.int64, len(texts))


def present(texts: Texts) -> list[tuple[int, str]]:
    """Return place and value of each text that is not missing."""
    if HAS_ARROW:
        import pyarrow.compute as pc

        places = np.flatnonzero(pc.is_valid(texts).to_numpy(zero_copy_only=False))
        return list(zip(places.tolist(), texts.drop_null().to_pylist(), strict=True))
    return [(place, value) for place, value in enumerate(texts) if value is not None]


def to_pandas(texts: Texts) -> Any:
    """Return the texts as a pandas array of `TEXT_DTYPE`."""
    if HAS_ARROW:
        return TEXT_DTYPE.__from_arrow__(texts)
    return pd.array(texts, dtype=TEXT_DTYPE)


def joined(first: Texts, second: Texts) -> Texts:
    """Return the texts of both, one after the other."""
    if HAS_ARROW:
        import pyarrow as pa

        return pa.concat_arrays([first, second])
    return np.concatenate([first, second])
