"""Answers of a schema as frames: a row for each object, with the dtypes that the schema tells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from langswarm_nb.analysis import arrays, texts
from langswarm_nb.analysis.columns import ANSWERS, Kind, Read
from langswarm_nb.analysis.filters import Branch, Filter, Moment
from langswarm_nb.analysis.frames import as_frame
from langswarm_nb.analysis.store import Source, find_store
from langswarm_nb.analysis.stored_rows import StoredRows, read_rows, read_sessions
from langswarm_nb.core.session import checks
from langswarm_nb.core.session.answers.answer_schema import AnswerSchema, schema_of
from langswarm_nb.core.session.text import whole

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers import columns as asked

_DATA = Read("data_json", Kind.TEXT)
_BESIDE = "answer_"
"""Goes before the name of a place for which the schema has a column."""
_INT64 = np.iinfo(np.int64)


def data_frame(schema: AnswerSchema, datas: Iterable[Any]) -> pd.DataFrame:
    """Return answers of a schema as a frame, one row for each object.

    Parameters
    ----------
    schema : AnswerSchema
        What they are.
    datas : iterable
        Checked JSON values, such as `SessionMessage.data`. Each element of a list is a row.

    Returns
    -------
    pandas.DataFrame
        The columns of the schema, with the same dtypes whatever the rows are, also when there are none: text,
        ``Int64``, ``float64``, ``boolean``, categories in the order of the choices, ``datetime64[us, UTC]`` for moments
        and ``datetime64[us]`` for days; what is nested stays as it is, as objects. Only whole numbers that are larger
        than ``Int64`` holds make their column one of objects. What is missing is NA.
    """
    records = [record for data in datas for record in schema.records(data)]
    return as_frame(_columns(schema, records), len(records))


def data_df(
    schema: object,
    source: Source = None,
    *,
    since: Moment = None,
    until: Moment = None,
    user_id: str | None = None,
    branch: Branch = "active",
    all: bool = False,
) -> pd.DataFrame:
    """Return the answers of a schema in conversations as a frame, one row for each object.

    Parameters
    ----------
    schema : object
        What they were asked to be, as it was given to ``schema=``; answers of another schema are left out.
    source, since, until, user_id, branch, all
        As in `messages_df`.

    Returns
    -------
    pandas.DataFrame
        The columns of the schema, see `reply.data_df`, then where each answer is: ``session``, ``turn``, ``version``,
        ``model``, ``created_at``, ``session_id`` and ``message_id``. Where the schema has a column of that name, these
        are called ``answer_session``, and so on. Columns and dtypes are the same when there are no rows.

    Raises
    ------
    SchemaDefinitionError, SessionTypeError
        ``schema`` describes nothing that can be asked for.
    SessionValueError, SessionStorageError
        As in `messages_df`.

    Examples
    --------
    ::

        ls.data_df("name, age int, size small|medium|large")
    """
    wanted_schema = schema_of(schema)
    wanted = Filter.of(since, until, user_id, branch)
    store = find_store(source, everything=checks.flag("all", all))
    with store.open() as db:
        sessions = read_sessions(
            db, store, wanted, [read for column in ANSWERS for read in column.session_reads]
        )
        reads = [_DATA, *(read for column in ANSWERS for read in column.reads)]
        tests = [f"schema_hash = '{wanted_schema.hash}'", "data_json IS NOT NULL"]
        rows = read_rows(db, sessions, wanted, reads, moment="ts_us", tests=tests)
        return _with_places(wanted_schema, rows)


def _with_places(schema: AnswerSchema, rows: StoredRows) -> pd.DataFrame:
    found = [schema.records(_parsed(text)) for _, text in texts.present(rows[_DATA])]
    of_row = np.repeat(np.arange(len(found)), [len(records) for records in found])
    columns = _columns(schema, [record for records in found for record in records])
    for place in ANSWERS:
        name = f"{_BESIDE}{place.name}" if place.name in columns else place.name
        columns[name] = arrays.to_pandas(place, place.make(rows)).take(of_row)
    return as_frame(columns, len(of_row))


def _parsed(text: str) -> Any:
    """Return a stored value; None for what is none, as in an import that somebody has changed."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _columns(schema: AnswerSchema, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        column.name: _array(column, [record.get(column.name) for record in records])
        for column in schema.columns
    }


def _array(column: asked.Column, values: Sequence[Any]) -> Any:
    kinds = _TYPES.get(column.kind)
    if kinds is not None:  # what is stored was checked, but may come from an import that somebody has changed
        values = [value if type(value) in kinds else None for value in values]
    if column.kind == "choice":
        places = {choice: place for place, choice in enumerate(column.choices)}
        categories = pd.CategoricalDtype(pd.Index(pd.array(column.choices, dtype=texts.TEXT_DTYPE)))
        return pd.Categorical.from_codes([places.get(value, -1) for value in values], dtype=categories)
    return _ARRAYS.get(column.kind, _objects)(values)


def _objects(values: Sequence[Any]) -> Any:
    """Return values as they are; as a Series, since pandas takes an array of texts for texts."""
    return pd.Series(values, dtype=object)


def _moments(values: Sequence[Any], dtype: str) -> Any:
    """Return moments or days; what is none, or beyond the years that Python has, is not a time."""
    found = pd.DatetimeIndex(np.array([_moment(value) for value in values], "datetime64[us]"))
    return (found.tz_localize("UTC") if "UTC" in dtype else found).astype(dtype)


def _moment(value: Any) -> datetime | None:
    """Return a moment in UTC, or the beginning of a day, without a zone; None where there is none."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.upper())
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):  # no time, or out of bounds in UTC
        return None


def _numbers(values: Sequence[Any]) -> Any:
    return np.array([_number(value) for value in values], np.float64)


def _number(value: Any) -> float:
    """Return a number; NaN where there is none, and for one that is larger than a float can be."""
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.nan


def _integers(values: Sequence[Any]) -> Any:
    """Return whole numbers as ``Int64``; as objects where one is larger than that holds."""
    numbers = [
        int(value) if value is not None and value % 1 == 0 else None for value in values
    ]  # 2.0 is one, too
    if any(number is not None and not _INT64.min <= number <= _INT64.max for number in numbers):
        return _objects(numbers)
    return pd.array(numbers, dtype="Int64")


_ARRAYS: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "string": lambda values: texts.to_pandas(texts.texts_of([value and whole(value) for value in values])),
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda values: pd.array(values, dtype="boolean"),
    "datetime": lambda values: _moments(values, "datetime64[us, UTC]"),
    "date": lambda values: _moments(values, "datetime64[us]"),
}
"""The kinds of columns with a dtype of their own; all others hold objects."""
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "choice": (str,),
    "date": (str,),
    "datetime": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
}
"""What the values of a kind are in JSON."""
