"""`Rows`: the texts that data is read as, one a row, with the index that the result gets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

import pandas as pd

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError, shown


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Texts to ask about."""

    texts: list[str | None]
    """One a row; None where there is none to ask about."""
    index: pd.Index[Any]


def rows_of(data: object, *, column: str | None = None, template: str | None = None) -> Rows:
    r"""Return the texts of data.

    Parameters
    ----------
    data : str, list of str, pandas.Series or pandas.DataFrame
        A text alone is one row; None, NA and blank texts are rows without a text.
    column : str, optional
        The column of a frame that has the texts; without it, its only column of texts.
    template : str, optional
        What the columns of a row are put into, as ``"{title}\n{body}"``; a row where one of them is NA has no text.

    Raises
    ------
    SessionTypeError
        It is none of these, or something in it is not a text.
    SessionValueError
        A frame has no column of texts, or several, and neither ``column`` nor ``template`` was given; or one of these
        names a column that is not there, or a value does not go into the template.
    """
    if isinstance(data, pd.DataFrame):
        return _of_frame(data, column, template)
    for name, given in (("column", column), ("template", template)):
        if given is not None:
            raise SessionValueError.of(name, given, "left out where the data is not a DataFrame")
    if isinstance(data, str):
        return Rows([data if data.strip() else None], pd.RangeIndex(1))
    if isinstance(data, pd.Series):
        return Rows(_texts(data), data.index)
    if isinstance(data, Sequence) and not isinstance(data, (bytes, bytearray)):
        return Rows(_texts(pd.Series(list(data), dtype=object)), pd.RangeIndex(len(data)))
    raise SessionTypeError.of("data", data, "a text, a list of texts, a Series or a DataFrame")


def _of_frame(frame: pd.DataFrame, column: str | None, template: str | None) -> Rows:
    if column is not None and template is not None:
        raise SessionValueError.of("column", column, "left out where there is a template")
    if not frame.columns.is_unique:
        raise SessionValueError("The frame has two columns of one name; rename one of them.")
    if template is not None:
        return Rows(_filled(frame, template), frame.index)
    if column is not None:
        return Rows(_texts(frame[_column_named(frame, column)]), frame.index)
    return Rows(_texts(frame[_only_column(frame)]) if len(frame) else [], frame.index)


def _column_named(frame: pd.DataFrame, column: Any) -> Any:
    """Return the name of a column, which may be another thing than the text that it is called by."""
    if isinstance(column, Hashable) and column in frame.columns:
        return column
    by_name = {str(name): name for name in frame.columns}
    if not isinstance(column, str) or column not in by_name:
        raise SessionValueError.of("column", column, by_name)
    return by_name[column]


def _only_column(frame: pd.DataFrame) -> Any:
    """Return the column of a frame that has texts, where it is the only one."""
    names = [name for name in frame.columns if _has_texts(frame[name])]
    names = names or [name for name in frame.columns if _may_have_texts(frame[name])]
    if len(names) == 1:
        return names[0]
    found = f"The frame has {len(names)} columns of texts" + (
        f": {shown([*map(str, names)])}" if names else ""
    )
    raise SessionValueError(
        f"{found}. Say what is meant: column='NAME', or template='{{NAME}}\\n{{OTHER}}' for several."
    )


def _has_texts(values: pd.Series[Any]) -> bool:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return False
    return pd.api.types.is_string_dtype(values.dropna()) and not values.dropna().empty


def _may_have_texts(values: pd.Series[Any]) -> bool:
    """Return whether all that a column has is NA, where texts could be."""
    is_for_texts = values.dtype == object or isinstance(values.dtype, pd.StringDtype)
    return is_for_texts and bool(values.isna().all())


def _texts(values: pd.Series[Any]) -> list[str | None]:
    found: list[str | None] = []
    for label, value in zip(values.index, values, strict=True):
        if isinstance(value, str):
            found.append(value if value.strip() else None)
        elif value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
            found.append(None)
        else:
            raise SessionTypeError.of(f"the text of row {shown(label)}", value, "text (str)")
    return found


def _filled(frame: pd.DataFrame, template: str) -> list[str | None]:
    fill = _filler(frame, template)
    return [fill(place) for place in range(len(frame))]


def _filler(frame: pd.DataFrame, template: str) -> Callable[[int], str | None]:
    """Return what fills a template from the row at a place; None where a field of it is NA."""
    if not isinstance(template, str):
        raise SessionTypeError.of("template", template, "text (str)")
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise SessionValueError.of("template", template, f"text with fields in braces ({error})") from error
    by_name = {str(name): name for name in frame.columns}
    fields = [name for _, name, _, _ in pieces if name is not None]
    for name in fields:
        if name not in by_name:
            raise SessionValueError.of("a field of the template", name, by_name)
    if not fields:
        raise SessionValueError.of(
            "template", template, "text with the names of columns in braces: '{title}'"
        )
    values = {name: frame[by_name[name]].tolist() for name in set(fields)}

    def fill(place: int) -> str | None:
        text = ""
        for literal, name, spec, conversion in pieces:
            text += literal
            if name is None:
                continue
            value = values[name][place]
            if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
                return None
            text += _put_in(
                value, conversion, spec or "", f"{shown(value)} of row {shown(frame.index[place])}"
            )
        return text if text.strip() else None

    return fill


def _put_in(value: Any, conversion: Any, spec: str, which: str) -> str:
    """Return a value as a field of a template writes it."""
    try:
        return format(Formatter().convert_field(value, conversion), spec)
    except (TypeError, ValueError) as error:
        raise SessionValueError(f"The template cannot take {which}: {error}.") from error
