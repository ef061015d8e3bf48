"""From collected values to pandas arrays with the contract's dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from . import texts
from .columns import Column, Dtype, Values

if TYPE_CHECKING:
    from numpy.typing import NDArray

MISSING = -(2**63)
"""Stands for a missing whole number; the storages refuse it as a value."""


class Few(NamedTuple):
    """Texts of which there are few different ones."""

    codes: NDArray[np.int32]
    labels: list[str | None]


def few_of(values: Sequence[str | None]) -> Few:
    """Return texts as few different ones."""
    labels = list(dict.fromkeys(values))
    place = {label: number for number, label in enumerate(labels)}
    return Few(np.fromiter((place[value] for value in values), np.int32, len(values)), labels)


def to_pandas(column: Column, values: Values) -> Any:
    """Return a column's values as a pandas array of its dtype."""
    match column.dtype:
        case Dtype.TEXT:
            return texts.to_pandas(values)
        case Dtype.CATEGORY:
            return _categorical(values, column.categories)
        case Dtype.FLOAT:
            return np.asarray(values, np.float64)
        case Dtype.TIME:
            return _times(values)
        case Dtype.BOOLEAN:
            missing = values == MISSING
            return pd.arrays.BooleanArray(np.where(missing, 0, values).astype(bool), missing)
        case Dtype.INT16 | Dtype.INT32 | Dtype.INT64:
            return _integers(values, column.dtype.value)


def _integers(values: NDArray[np.int64], dtype: str) -> Any:
    missing = values == MISSING
    numbers = np.where(missing, 1, values) if missing.any() else values
    limits = np.iinfo(dtype.lower())
    # A count beyond the dtype is a damaged or foreign value; the nearest one says so without failing the frame.
    return pd.arrays.IntegerArray(np.clip(numbers, limits.min, limits.max).astype(dtype.lower()), missing)


def _times(microseconds: NDArray[np.int64]) -> Any:
    # numpy's "not a time" is the same number as MISSING.
    moments = np.asarray(microseconds, np.int64).view("datetime64[us]")
    return pd.DatetimeIndex(moments).tz_localize("UTC").array


def _categorical(few: Few, first: tuple[str, ...]) -> Any:
    others = sorted({label for label in few.labels if label is not None} - set(first))
    names = [*first, *others]
    place = {name: number for number, name in enumerate(names)} | {None: -1}
    new_codes = np.array([place[label] for label in few.labels], np.int32)
    codes = new_codes[few.codes] if len(few.codes) else np.empty(0, np.int32)
    categories = pd.Index(pd.array(names, dtype=_LABELS))
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories))


_LABELS: Any = texts.TEXT_DTYPE
